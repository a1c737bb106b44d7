//! Carrying a plan out: under the system's lease, batch by batch, resumable after every one.

use std::{collections::BTreeSet, sync::Arc};

use seatbelt_catalog::Lease;
use seatbelt_connector_kit::{Resource, Session};
use seatbelt_model::{ChangeKind, Event, ResourceCounts, Run, RunId, RunKind, RunStatus, Snapshot};
use seatbelt_vault::Vault;

use super::{
    Action, Done, Header, PLAN_FORMAT, Step, Tally, Verdict, Way, access,
    ids::Ids,
    journal::{After, FORMAT, OUTCOME, OutcomeDocument, PLAN, PlanDocument, json, parse},
    live::Live,
    order::order,
};
use crate::{Engine, EngineError, Job, run::LEASE};

/// Records of one batch: so many are looked at again after a crash.
const BATCH: usize = 100;
/// Bytes of steps in one object.
const PLAN_BYTES: usize = 1 << 20;

/// The lines of a plan, the header first.
pub type Lines<'a> = &'a mut (dyn Iterator<Item = std::io::Result<String>> + Send);
/// Told what became of each record.
pub type Report<'a> = &'a mut (dyn FnMut(&Done) + Send + Sync);

/// How a restore ended.
#[derive(Debug, Clone)]
pub struct Restored {
    /// Its run.
    pub run: Run,
    /// Records of each result, by resource.
    pub results: Tally,
}

impl Restored {
    /// How many records came to this.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> u64 {
        let name = super::document::name_of(verdict);
        self.results.values().filter_map(|counts| counts.get(&name)).sum()
    }
}

impl Engine {
    /// Carries out a plan. Every record is looked at once more, stored as it is, written, read back and compared; what changed after the
    /// plan was made is left alone. A plan whose restore was interrupted is gone on with. `None` goes on with the restore that was
    /// interrupted, whichever it is.
    ///
    /// # Errors
    /// [`EngineError::Busy`]; [`EngineError::WrongPlan`] for a plan of another system or none at all; [`EngineError::MayNotWrite`] before the first
    /// write; [`EngineError::Unfinished`] if another restore was interrupted; what interrupted this one.
    pub async fn apply_restore(
        &self,
        job: &Job<'_>,
        plan: Option<Lines<'_>>,
        report: Report<'_>,
    ) -> Result<Restored, EngineError> {
        let holder = format!("restore-{:016x}", fastrand::u64(..));
        let mut taken = self
            .catalog
            .acquire_lease(job.name, &holder, self.clock.now(), LEASE)
            .await?;
        if let Err(held) = &taken
            && job.sole
        {
            taken = self.catalog.acquire_lease(job.name, &holder, held.until, LEASE).await?;
        }
        let lease = taken.map_err(|held| EngineError::Busy {
            system: job.name.to_owned(),
            holder: held.holder,
            until: held.until,
        })?;
        let outcome = Box::pin(self.apply_under(job, &lease, plan, report)).await;
        if let Err(error) = self.catalog.release(&lease).await {
            tracing::warn!(system = job.name, %error, "the lease could not be released; it expires by itself");
        }
        outcome
    }

    async fn apply_under(
        &self,
        job: &Job<'_>,
        lease: &Lease,
        plan: Option<Lines<'_>>,
        report: Report<'_>,
    ) -> Result<Restored, EngineError> {
        let vault = self.vault.locked_for(job.system.lock_days, self.clock.now());
        let open = self.open_restore(job).await?;
        let given = match plan {
            Some(lines) => Some(read_plan(job, &vault, lines).await?),
            None => None,
        };
        let (plan, resumed) = match (open, given) {
            (Some((run, stored)), given) => {
                let same = given.is_none_or(|(header, objects)| header == stored.plan && objects == stored.objects);
                if !same {
                    return Err(EngineError::Unfinished {
                        system: job.name.to_owned(),
                        run: run.id,
                    });
                }
                ((stored.plan, stored.objects), Some(run))
            }
            (None, Some(plan)) => (plan, None),
            (None, None) => {
                return Err(EngineError::WrongPlan {
                    problem: "no restore of this system was interrupted".to_owned(),
                });
            }
        };
        let (header, objects) = plan;
        let session = Arc::new(Session::open(job.connector, self.options(job)).await?);
        may_write(&vault, job, &session, &objects).await?;
        let run = match resumed {
            Some(run) => self.go_on(run).await?,
            None => self.begin_restore(job, &vault, &header, &objects).await?,
        };
        let mut applier = Applier {
            engine: self,
            job,
            live: Live::new(
                session,
                vault.clone(),
                job.name,
                self.snapshots_of(job.name, header.way).await?,
                run.started_at,
            ),
            ids: Ids::load(&vault, job.name).await?,
            later: order(job.connector)
                .into_iter()
                .filter(|resource| header.selection.takes_resource(resource.name))
                .collect(),
            vault,
            run,
            lease: lease.clone(),
            header,
            results: Tally::new(),
            new_ids: Vec::new(),
            report,
        };
        let applied = applier.all(&objects).await;
        applier.conclude(applied).await
    }

    /// The restore of this system that was interrupted, if one was.
    async fn open_restore(&self, job: &Job<'_>) -> Result<Option<(Run, PlanDocument)>, EngineError> {
        for mut run in self.catalog.open_runs(job.name).await? {
            if run.kind != RunKind::Restore {
                continue;
            }
            if let Some(json) = self.vault.restore(job.name, run.id, PLAN).await? {
                return Ok(Some((run, parse(&json)?)));
            }
            // It was killed before it had a plan: nothing was written.
            run.status = RunStatus::Failed;
            run.error = Some("the restore was killed before it began".to_owned());
            run.ended_at = Some(self.clock.now());
            self.catalog.save_run(&run).await?;
        }
        Ok(None)
    }

    async fn go_on(&self, mut run: Run) -> Result<Run, EngineError> {
        run.hops += 1;
        (run.status, run.error) = (RunStatus::Running, None);
        run.heartbeat_at = self.clock.now();
        self.catalog.save_run(&run).await?;
        Ok(run)
    }

    async fn begin_restore(
        &self,
        job: &Job<'_>,
        vault: &Vault,
        header: &Header,
        objects: &[String],
    ) -> Result<Run, EngineError> {
        let now = self.clock.now();
        let earlier = vault.restores(job.name, None).await?;
        let id = RunId::after(now, earlier.last().map(|document| document.run));
        let run = Run::start(job.name, id, RunKind::Restore, job.trigger, now);
        let run = self.catalog.add_run(run).await?;
        let document = PlanDocument {
            format: FORMAT.to_owned(),
            run: run.id,
            plan: header.clone(),
            objects: objects.to_vec(),
        };
        vault.put_restore(job.name, run.id, PLAN, json(&document)?).await?;
        Ok(run)
    }

    async fn snapshots_of(&self, system: &str, way: Way) -> Result<Vec<Snapshot>, EngineError> {
        Ok(match way {
            Way::Between { wanted, spoiled } => {
                vec![
                    self.vault.snapshot(system, spoiled).await?,
                    self.vault.snapshot(system, wanted).await?,
                ]
            }
            Way::Undo(_) => self.vault.newest(system).await?.into_iter().collect(),
        })
    }
}

/// Checks a plan and stores its steps that write. Returns its header and the objects they are in.
async fn read_plan(job: &Job<'_>, vault: &Vault, lines: Lines<'_>) -> Result<(Header, Vec<String>), EngineError> {
    let wrong = |problem: String| EngineError::WrongPlan { problem };
    let mut lines = lines.map(|line| line.map_err(|error| wrong(format!("it cannot be read: {error}"))));
    let first = lines.next().ok_or_else(|| wrong("it is empty".to_owned()))??;
    let header: Header =
        serde_json::from_str(&first).map_err(|error| wrong(format!("its first line is no plan's header: {error}")))?;
    if header.format != PLAN_FORMAT {
        return Err(wrong(format!(
            "its format is {}, this version reads {PLAN_FORMAT}",
            header.format
        )));
    }
    if header.system != job.name || header.platform != job.connector.name {
        return Err(wrong(format!(
            "it is for {} on {}, not for {} on {}",
            header.system, header.platform, job.name, job.connector.name
        )));
    }
    let (mut objects, mut held) = (Vec::new(), Vec::new());
    for (at, line) in lines.enumerate() {
        let line = line?;
        let step: Step =
            serde_json::from_str(&line).map_err(|error| wrong(format!("line {} is no step: {error}", at + 2)))?;
        if job.connector.resource(&step.resource).is_none() {
            return Err(wrong(format!(
                "{} has no resource {}",
                job.connector.name, step.resource
            )));
        }
        if !step.action.writes() {
            continue;
        }
        held.extend(line.as_bytes());
        held.push(b'\n');
        if held.len() >= PLAN_BYTES {
            objects.push(vault.put_lines(job.name, std::mem::take(&mut held)).await?);
        }
    }
    if !held.is_empty() {
        objects.push(vault.put_lines(job.name, held).await?);
    }
    Ok((header, objects))
}

/// Refuses before the first write what the credential may not do.
async fn may_write(vault: &Vault, job: &Job<'_>, session: &Session, objects: &[String]) -> Result<(), EngineError> {
    #[derive(serde::Deserialize)]
    struct Named {
        resource: String,
    }
    let mut names = BTreeSet::new();
    for object in objects {
        let lines = vault.lines(job.name, object).await?;
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            names.insert(parse::<Named>(line)?.resource);
        }
    }
    let resources: Vec<_> = names.iter().filter_map(|name| job.connector.resource(name)).collect();
    let lacks = access::lacks(session, &resources).await?;
    if lacks.is_empty() {
        Ok(())
    } else {
        Err(EngineError::MayNotWrite {
            system: job.name.to_owned(),
            lacks,
        })
    }
}

/// A plan at work.
pub(super) struct Applier<'a> {
    pub(super) engine: &'a Engine,
    job: &'a Job<'a>,
    pub(super) vault: Vault,
    pub(super) live: Live,
    pub(super) ids: Ids,
    pub(super) run: Run,
    lease: Lease,
    header: Header,
    /// The resources of the plan in their order.
    later: Vec<&'static Resource>,
    results: Tally,
    new_ids: Vec<String>,
    report: Report<'a>,
}

impl Applier<'_> {
    pub(super) fn system(&self) -> &str {
        self.job.name
    }

    pub(super) fn overwrite(&self) -> bool {
        self.header.selection.overwrite
    }

    /// Whether records of `name` are created with or after those of `resource`.
    pub(super) fn is_later(&self, resource: &Resource, name: &str) -> bool {
        let place = |name: &str| self.later.iter().position(|other| other.name == name);
        matches!((place(resource.name), place(name)), (Some(own), Some(other)) if other >= own)
    }

    /// What tells the vendor that a create is the same one as before.
    pub(super) fn fingerprint(&self, resource: &Resource, key: &str) -> String {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(format!("{}\n{}\n{key}", self.run.id, resource.name));
        let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("seatbelt-{hex}")
    }

    async fn all(&mut self, objects: &[String]) -> Result<(), EngineError> {
        let (mut batch, mut number) = (Vec::<Step>::new(), 0);
        for object in objects {
            let lines = self.vault.lines(self.system(), object).await?;
            for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let step: Step = parse(line)?;
                if !self.fits(&batch, &step) {
                    self.next(&mut number, std::mem::take(&mut batch)).await?;
                }
                batch.push(step);
            }
        }
        self.next(&mut number, batch).await
    }

    /// Whether a step may be carried out side by side with those before it.
    fn fits(&self, batch: &[Step], step: &Step) -> bool {
        let Some(first) = batch.first() else { return true };
        let writes = self
            .job
            .connector
            .resource(&step.resource)
            .and_then(|resource| resource.restore.writes());
        let waits = writes.is_some_and(|writes| {
            let own = step.resource.as_str();
            writes
                .references
                .iter()
                .any(|reference| reference.required && reference.to.contains(&own))
        });
        let alone = waits && step.action == Action::Create;
        first.resource == step.resource && first.action == step.action && batch.len() < BATCH && !alone
    }

    async fn next(&mut self, number: &mut u64, steps: Vec<Step>) -> Result<(), EngineError> {
        let Some(first) = steps.first() else { return Ok(()) };
        self.may_go_on().await?;
        let unknown = || EngineError::Bug(format!("{} is gone", first.resource));
        let resource = self.job.connector.resource(&first.resource).ok_or_else(unknown)?;
        if *number == 0 || !self.results.contains_key(resource.name) {
            self.notice(Event::Started {
                resource: resource.name.to_owned(),
                expected: 0,
            });
        }
        *number += 1;
        self.batch(*number, resource, steps).await
    }

    /// Renews the lease; whoever lost it must not write.
    async fn may_go_on(&mut self) -> Result<(), EngineError> {
        let now = self.engine.clock.now();
        if self.job.stop.is_requested() || self.job.deadline.is_some_and(|deadline| now >= deadline) {
            return Err(EngineError::Interrupted);
        }
        self.lease = self.engine.catalog.renew(&self.lease, now, LEASE).await?;
        Ok(())
    }

    /// Takes note of a batch that is done.
    pub(super) fn settle(&mut self, after: &After, dones: Vec<Done>) {
        for done in &dones {
            if after.action != Action::Link || done.result != Verdict::Fine {
                (self.report)(done);
            }
        }
        let counts = self.results.entry(after.resource.clone()).or_default();
        // Links finish records that were counted when they were created.
        let counted = after.results.iter().filter(|_| after.action != Action::Link);
        counted.for_each(|(name, count)| *counts.entry(name.clone()).or_default() += count);
        let written = dones
            .iter()
            .filter(|done| matches!(done.result, Verdict::Restored | Verdict::Differs));
        let totals: &mut ResourceCounts = self.run.resources.entry(after.resource.clone()).or_default();
        written.for_each(|_| match after.action {
            Action::Create => totals.changes.count(ChangeKind::Added),
            Action::Remove => totals.changes.count(ChangeKind::Removed),
            Action::Update => totals.changes.count(ChangeKind::Changed),
            _ => {}
        });
        self.new_ids.extend(after.ids.clone());
        self.notice(Event::Page {
            resource: after.resource.clone(),
            records: dones.len() as u64,
            bytes: 0,
            total: None,
        });
    }

    fn notice(&self, event: Event) {
        self.job.observer.notice(event);
    }

    /// Closes the run: with its outcome, or so that it can be gone on with.
    async fn conclude(mut self, applied: Result<(), EngineError>) -> Result<Restored, EngineError> {
        let now = self.engine.clock.now();
        self.run.heartbeat_at = now;
        self.run.traffic += self.live.session.traffic();
        if let Err(error) = applied {
            self.run.status = RunStatus::Interrupted;
            self.run.error = Some(error.to_string());
            self.engine.catalog.save_run(&self.run).await?;
            return Err(error);
        }
        let outcome = OutcomeDocument {
            format: FORMAT.to_owned(),
            run: self.run.id,
            ended_at: now,
            results: self.results.clone(),
            ids: self.new_ids,
        };
        self.vault
            .put_restore(self.job.name, self.run.id, OUTCOME, json(&outcome)?)
            .await?;
        let well = [
            super::document::name_of(Verdict::Restored),
            super::document::name_of(Verdict::Fine),
        ];
        let all_well = self
            .results
            .values()
            .all(|counts| counts.keys().all(|name| well.contains(name)));
        self.run.status = if all_well {
            RunStatus::Complete
        } else {
            RunStatus::Partial
        };
        self.run.ended_at = Some(now);
        self.engine.catalog.save_run(&self.run).await?;
        Ok(Restored {
            run: self.run,
            results: self.results,
        })
    }
}
