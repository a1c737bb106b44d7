//! A backup, from the lease to the committed snapshot.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use seatbelt_catalog::{Catalog, Lease, Unit, UnitPlan};
use seatbelt_connector_kit::{Connector, KitError, Pacers, Resource, SecretStore, Session};
use seatbelt_model::{
    Clock, Completeness, FORMAT, Observer, ResourceCounts, ResourceState, Run, RunId, RunKind, RunStatus, Snapshot,
    Traffic, Trigger, system::System,
};
use seatbelt_vault::Vault;
use tracing::{Instrument, field};

use crate::{
    EngineError, Relay, Stop, alarms, check,
    checkpoint::Checkpoint,
    plan,
    resource::{self, Settled},
    run::{Context, Done, LEASE, Pulse},
};

/// A run that stopped longer ago is not gone on with: its page tokens have expired and its records are old.
const RESUMABLE: SignedDuration = SignedDuration::from_hours(24);
/// Why a run is closed that nobody goes on with.
const LEFT: &str = "the run was killed or left behind, and a new one was begun in its place";
const TIRED: &str = "the run took more invocations than it may; back up fewer resources in one system, or, if the vendor allows, raise \
                     `requests_per_second` or `workers` in its settings";
/// Runs that are looked at to find the one that answered a firing.
const RECENT_RUNS: usize = 20;
/// After so many resources in a row that the vendor did not answer, the rest is not asked for.
const HOPELESS_RESOURCES: u32 = 2;

/// Everything a run works with, whatever the system. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    /// Where snapshots are.
    pub vault: Vault,
    /// Where the manifest and the run history are.
    pub catalog: Catalog,
    /// Where credentials are.
    pub secrets: Arc<dyn SecretStore>,
    /// One pacer per vendor account, shared by all runs of this process.
    pub pacers: Pacers,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// One backup to make.
pub struct Job<'a> {
    /// The system's name in the manifest.
    pub name: &'a str,
    /// Its entry.
    pub system: &'a System,
    /// The connector of its platform.
    pub connector: &'static Connector,
    /// Who asks.
    pub trigger: Trigger,
    /// No other process can be at work on this vault, so a lease that is held is left over from one that was killed.
    pub sole: bool,
    /// Read everything, whatever the cursors say.
    pub full: bool,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// Asks it to stop at a checkpoint.
    pub stop: &'a Stop,
    /// When it must have stopped by itself.
    pub deadline: Option<Timestamp>,
    /// How long one request may be tried again.
    pub budget: Duration,
    /// What holds the run together if one invocation cannot finish it.
    pub relay: Relay,
}

impl Engine {
    /// Backs a system up: takes its lease, goes on with an interrupted run or begins one, reads every resource, commits the snapshot. The run is
    /// in the history whatever happens. Safe to call again at any time.
    ///
    /// # Errors
    /// [`EngineError::Busy`] if another run holds the system; [`EngineError::Interrupted`] after a stop; else what made it fail, with the
    /// newest snapshot as it was.
    pub async fn backup(&self, job: &Job<'_>) -> Result<Run, EngineError> {
        self.refuse_answered(job).await?;
        let worker = job.relay.worker.clone();
        let worker = worker.unwrap_or_else(|| format!("{:016x}", fastrand::u64(..)));
        let worker = match job.relay.due {
            Some(due) => format!("{worker}{}", for_firing(due)),
            None => worker,
        };
        let mut taken = self
            .catalog
            .acquire_lease(job.name, &worker, self.clock.now(), LEASE)
            .await?;
        if let Err(held) = &taken
            && job.sole
        {
            // Whoever holds it is dead: as at the time it expires.
            taken = self.catalog.acquire_lease(job.name, &worker, held.until, LEASE).await?;
        }
        let lease = match taken {
            Ok(lease) => lease,
            Err(held) => return self.skip(job, held.holder, held.until).await,
        };
        let span = tracing::info_span!("run", system = job.name, run = field::Empty);
        let outcome = self.backup_under(job, &lease, worker).instrument(span).await;
        // A lease that cannot be released expires by itself.
        if let Err(error) = self.catalog.release(&lease).await {
            tracing::warn!(system = job.name, %error, "the lease could not be released; it expires by itself");
        }
        outcome
    }

    /// A firing may be delivered again at any time, and needs one backup.
    async fn refuse_answered(&self, job: &Job<'_>) -> Result<(), EngineError> {
        let Some(due) = job.relay.due else { return Ok(()) };
        let recent = self.catalog.runs(job.name, RECENT_RUNS).await?;
        let answers = |run: &Run| {
            run.due_at == Some(due)
                && run.kind == RunKind::Backup
                && matches!(run.status, RunStatus::Complete | RunStatus::Partial)
        };
        match recent.into_iter().find(answers) {
            Some(run) => Err(EngineError::Answered {
                run: Box::new(run),
                due,
            }),
            None => Ok(()),
        }
    }

    /// Records that the system was busy, unless the run at work is the one that was asked for.
    async fn skip(&self, job: &Job<'_>, holder: String, until: Timestamp) -> Result<Run, EngineError> {
        let busy = EngineError::Busy {
            system: job.name.to_owned(),
            holder,
            until,
        };
        let relay = &job.relay;
        if relay.only.is_some() || relay.due.is_some_and(|due| busy.is_held_for(due)) {
            return Err(busy);
        }
        let now = self.clock.now();
        let mut run = Run::start(job.name, RunId::at(now), RunKind::Backup, job.trigger, now);
        (run.status, run.ended_at, run.error) = (RunStatus::Skipped, Some(now), Some(busy.to_string()));
        run.due_at = relay.due;
        self.catalog.add_run(run).await?;
        Err(busy)
    }

    async fn backup_under(&self, job: &Job<'_>, lease: &Lease, worker: String) -> Result<Run, EngineError> {
        let previous = self.vault.newest(job.name).await?;
        let (mut run, units) = self.begin(job, previous.as_ref()).await?;
        tracing::Span::current().record("run", field::display(run.id));
        let outcome = self
            .read_and_commit(job, lease, worker, &mut run, units, previous.as_ref())
            .await;
        let now = self.clock.now();
        run.heartbeat_at = now;
        if let Err(error) = &outcome {
            run.status = if matches!(error, EngineError::Interrupted) {
                RunStatus::Interrupted
            } else {
                RunStatus::Failed
            };
            run.error = Some(error.to_string());
        }
        run.ended_at = run.status.is_final().then_some(now);
        self.catalog.save_run(&run).await?;
        if run.status.is_final() {
            self.tidy(job.name, run.id).await;
        }
        outcome.map(|()| run)
    }

    /// The run to work on, with its units: the one that was interrupted, if it can be gone on with, else a new one.
    async fn begin(&self, job: &Job<'_>, previous: Option<&Snapshot>) -> Result<(Run, Vec<Unit>), EngineError> {
        let now = self.clock.now();
        let mut resumed = None;
        for mut open in self.catalog.open_runs(job.name).await? {
            if open.kind != RunKind::Backup {
                continue;
            }
            let age = now.duration_since(open.started_at);
            let is_current = previous.is_none_or(|previous| open.id > previous.id);
            let is_young = age < RESUMABLE && age >= SignedDuration::ZERO;
            let wanted = job.relay.only.map_or(!job.full, |only| only == open.id);
            let tired = job.relay.most_hops.is_some_and(|most| open.hops >= most);
            if resumed.is_none() && is_current && is_young && wanted && !tired {
                if open.status == RunStatus::Running {
                    let (hop, last) = (open.hops, open.heartbeat_at);
                    open.note(format!(
                        "invocation {hop} died, its last sign of life at {last}; another went on"
                    ));
                }
                open.hops += 1;
                (open.status, open.error) = (RunStatus::Running, None);
                open.logs = job.relay.logs.clone().or(open.logs);
                self.catalog.save_run(&open).await?;
                resumed = Some(open);
            } else if job.relay.only.is_none_or(|only| only == open.id) {
                let why = if tired { TIRED } else { LEFT };
                self.close(open, previous, now, why).await?;
            }
        }
        let run = match (resumed, job.relay.only) {
            (Some(run), _) => run,
            (None, Some(run)) => {
                let system = job.name.to_owned();
                return Err(EngineError::Over { system, run });
            }
            (None, None) => self.create_run(job, previous, now).await?,
        };
        let resources = plan::resources(job.connector, job.system)?;
        let plans: Vec<_> = resources
            .iter()
            .map(|resource| UnitPlan {
                name: resource.name.to_owned(),
            })
            .collect();
        self.catalog.plan_units(job.name, run.id, &plans).await?;
        let units = self.catalog.units(job.name, run.id).await?;
        Ok((run, units))
    }

    /// Ends a run that was killed: as what its snapshot says if it got that far, else as failed.
    async fn close(
        &self,
        mut run: Run,
        previous: Option<&Snapshot>,
        now: Timestamp,
        why: &str,
    ) -> Result<(), EngineError> {
        run.ended_at = Some(now);
        match previous.filter(|previous| previous.id == run.id) {
            Some(snapshot) => conclude(&mut run, snapshot),
            None => {
                run.status = RunStatus::Failed;
                run.error = Some(why.to_owned());
            }
        }
        self.catalog.save_run(&run).await?;
        self.tidy(&run.system, run.id).await;
        Ok(())
    }

    async fn create_run(&self, job: &Job<'_>, previous: Option<&Snapshot>, now: Timestamp) -> Result<Run, EngineError> {
        let id = RunId::after(now, previous.map(|previous| previous.id));
        let mut run = Run::start(job.name, id, RunKind::Backup, job.trigger, now);
        (run.due_at, run.logs) = (job.relay.due, job.relay.logs.clone());
        Ok(self.catalog.add_run(run).await?)
    }

    async fn read_and_commit(
        &self,
        job: &Job<'_>,
        lease: &Lease,
        worker: String,
        run: &mut Run,
        units: Vec<Unit>,
        previous: Option<&Snapshot>,
    ) -> Result<(), EngineError> {
        let session = Session::open(job.connector, self.options(job)).await?;
        run.credential_expires_at = session.credential_expires_at();
        // Some vendors take a wrong credential for none, and show what is public: sign-in tells.
        if job.system.secret.is_some()
            && let Err(error @ KitError::Reconnect { .. }) = check::sign_in(&session).await
        {
            return Err(error.into());
        }
        let context = self.context(job, session, run, worker, Some(lease.clone()));
        let read = self.read(job, &context, &units, previous).await;
        run.traffic = context.traffic();
        run.workers = context.pulse().run.workers;
        let states = read?;
        let snapshot = self.snapshot(job, run, states, previous);
        // The lease once more: whoever lost it must not commit.
        let held = context.pulse().lease.clone();
        let held = held.ok_or_else(|| EngineError::Bug("the leader holds no lease".into()))?;
        context.catalog.renew(&held, self.clock.now(), LEASE).await?;
        context.vault.commit(&snapshot).await?;
        conclude(run, &snapshot);
        Ok(())
    }

    /// What the steps of this run share, for one worker.
    pub(crate) fn context<'a>(
        &self,
        job: &'a Job<'_>,
        session: Session,
        run: &Run,
        worker: String,
        lease: Option<Lease>,
    ) -> Context<'a> {
        let now = self.clock.now();
        Context {
            vault: self.vault.locked_for(job.system.lock_days, run.started_at),
            catalog: self.catalog.clone(),
            session: Arc::new(session),
            clock: Arc::clone(&self.clock),
            observer: Arc::clone(&job.observer),
            system: job.name.to_owned(),
            id: run.id,
            started: run.started_at,
            stop: job.stop,
            since: now,
            deadline: job.deadline,
            worker,
            // Only the leader calls others.
            team: lease.as_ref().and(job.relay.helpers.0.clone()),
            before: run.traffic,
            pulse: Mutex::new(Pulse {
                lease,
                unit: None,
                helped: Traffic::default(),
                run: run.clone(),
                beat: now,
                checkpoint: now,
            }),
        }
    }

    pub(crate) fn options<'a>(&'a self, job: &'a Job<'_>) -> seatbelt_connector_kit::Options<'a> {
        seatbelt_connector_kit::Options {
            system: job.name.to_owned(),
            settings: &job.system.settings,
            secret: job.system.secret.clone(),
            secrets: Arc::clone(&self.secrets),
            clock: Arc::clone(&self.clock),
            observer: Arc::clone(&job.observer),
            pacers: &self.pacers,
            budget: job.budget,
            deadline: job.deadline,
        }
    }

    /// Reads resource after resource. A vendor that stops answering ends the reading, not the run: what is left keeps its last state.
    async fn read(
        &self,
        job: &Job<'_>,
        context: &Context<'_>,
        units: &[Unit],
        previous: Option<&Snapshot>,
    ) -> Result<BTreeMap<String, ResourceState>, EngineError> {
        let mut done = Done::default();
        let (mut ended, mut unanswered, mut given_up) = (false, 0, None::<String>);
        for resource in plan::resources(job.connector, job.system)? {
            let before = plan::previous_state(previous, resource);
            let unit = units.iter().find(|unit| unit.name == resource.name);
            if let Some(state) = unit
                .and_then(|unit| unit.result.as_ref())
                .and_then(|result| serde_json::from_value(result.clone()).ok())
            {
                let state: ResourceState = state;
                ended |= state.freshness.stale_since.is_none();
                done.settle(resource.name, state);
                continue;
            }
            if let Some(why) = &given_up {
                done.carry(resource.name, resource::carried(context, resource, before, why));
                continue;
            }
            let settled = self.read_one(job, context, &done, resource, before, unit).await?;
            ended |= settled.ended;
            unanswered = if settled.answered { 0 } else { unanswered + 1 };
            if let Some(error) = settled.fatal
                && (error.class() == seatbelt_model::Class::Reconnect || unanswered >= HOPELESS_RESOURCES)
            {
                given_up = Some(error.to_string());
            }
            done.settle(resource.name, settled.state);
        }
        let states = done.into_states();
        if ended {
            return Ok(states);
        }
        Err(EngineError::NothingRead(
            given_up.unwrap_or_else(|| first_trouble(&states)),
        ))
    }

    async fn read_one(
        &self,
        job: &Job<'_>,
        context: &Context<'_>,
        done: &Done,
        resource: &'static Resource,
        before: Option<&ResourceState>,
        unit: Option<&Unit>,
    ) -> Result<Settled, EngineError> {
        if context.must_stop() {
            return Err(EngineError::Interrupted);
        }
        let mode = plan::mode(resource, before, context.started, job.full);
        // The lease makes this run the only one: whoever claimed the unit before it is gone, whatever its claim says.
        let now = self.clock.now().saturating_add(LEASE * 2).unwrap_or(Timestamp::MAX);
        self.catalog
            .claim_named_unit(job.name, context.id, resource.name, &context.worker, now, LEASE)
            .await?;
        // A checkpoint of another version, or one that no longer reads, costs a reading, not data.
        let checkpoint = unit
            .and_then(|unit| unit.checkpoint.clone())
            .and_then(|value| serde_json::from_value::<Checkpoint>(value).ok());
        let settled = resource::back_up(context, done, resource, before, mode, checkpoint)
            .instrument(tracing::info_span!("resource", resource = resource.name))
            .await?;
        let result = serde_json::to_value(&settled.state).map_err(|error| EngineError::Bug(error.to_string()))?;
        self.catalog
            .finish_unit(job.name, context.id, resource.name, &context.worker, &result)
            .await?;
        Ok(settled)
    }

    fn snapshot(
        &self,
        job: &Job<'_>,
        run: &Run,
        resources: BTreeMap<String, ResourceState>,
        previous: Option<&Snapshot>,
    ) -> Snapshot {
        let partial = resources
            .values()
            .any(|state| state.completeness() == Completeness::Partial);
        let alarms = resources.iter().flat_map(|(name, state)| {
            let before = previous
                .and_then(|previous| previous.resources.get(name))
                .map(|before| before.records);
            alarms::mass_changes(&job.system.alerts, name, state.changes, before)
        });
        Snapshot {
            format: FORMAT.to_owned(),
            system: job.name.to_owned(),
            platform: job.connector.name.to_owned(),
            id: run.id,
            parent: previous.map(|previous| previous.id),
            committed_at: self.clock.now(),
            seatbelt: env!("CARGO_PKG_VERSION").to_owned(),
            completeness: if partial {
                Completeness::Partial
            } else {
                Completeness::Complete
            },
            alarms: alarms.collect(),
            locked_until: None,
            resources,
        }
    }

    /// Removes what only an unfinished run needs. Failing to is harmless: units and staging expire by themselves.
    async fn tidy(&self, system: &str, run: RunId) {
        if let Err(error) = self.catalog.delete_units(system, run).await {
            tracing::warn!(system, run = %run, %error, "units of a finished run were left behind");
        }
        if let Err(error) = self.vault.clear_staging(system, run).await {
            tracing::warn!(system, run = %run, %error, "staging of a finished run was left behind");
        }
    }
}

/// What the name of a worker ends in that answers a firing, so that others who were sent by the same one know it.
pub(crate) fn for_firing(due: Timestamp) -> String {
    format!(" for the firing of {due}")
}

/// Why nothing could be read, in the words of the first resource that says.
fn first_trouble(states: &BTreeMap<String, ResourceState>) -> String {
    let said = states.iter().find_map(|(name, state)| {
        let gap = state.receipt.gaps.first().map(|gap| gap.detail.as_str());
        let said = gap.or(state.receipt.notes.first().map(String::as_str))?;
        Some(format!("{name}: {said}"))
    });
    said.unwrap_or_else(|| "no resource is in the scope".to_owned())
}

/// Fills the run record from the snapshot it committed, for whoever finds that a run died between the two.
pub fn conclude(run: &mut Run, snapshot: &Snapshot) {
    run.status = match snapshot.completeness {
        Completeness::Complete => RunStatus::Complete,
        Completeness::Partial => RunStatus::Partial,
    };
    run.error = None;
    run.snapshot = Some(snapshot.id);
    run.alarms.clone_from(&snapshot.alarms);
    run.traffic.bytes_stored = snapshot
        .resources
        .values()
        .filter_map(|state| state.delta.as_ref())
        .map(|delta| delta.stored_bytes)
        .sum();
    run.resources = snapshot
        .resources
        .iter()
        .map(|(name, state)| {
            let gaps = state.receipt.gaps.iter().map(|gap| gap.more + 1).sum();
            let counts = ResourceCounts {
                read: state.receipt.read,
                records: state.records,
                changes: state.changes,
                gaps,
            };
            (name.clone(), counts)
        })
        .collect();
}
