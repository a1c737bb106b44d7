//! A platform's function: one event, one engine call, one outcome.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use async_trait::async_trait;
use seatbelt_catalog::Entry;
use seatbelt_connector_kit::{Connector, Pacers};
use seatbelt_engine::{Engine, EngineError, Helpers, Job, Relay, Stop, Team};
use seatbelt_model::{
    Class, Run, RunId, RunStatus, Trigger,
    system::{Decision, Severity, System},
};
use serde_json::{Value, json};

use crate::{Event, House, Invocation, Invoke, Metrics, telemetry};

/// How long one request may be tried again, well within the function's 15 minutes.
const BUDGET: Duration = Duration::from_mins(4);
/// A run is given up after so many invocations: a day at 15 minutes each.
const MOST_HOPS: u32 = 96;
/// Fields of an entry that decide what is read and how. An error in any other field is no reason not to back up.
const NEEDED: &[&str] = &["", "platform", "decision", "scope", "settings", "secret"];

/// The function that backs up the systems of one platform.
pub struct Backup {
    house: House,
    connector: &'static Connector,
    pacers: Pacers,
    lambda: Arc<dyn Invoke>,
}

impl Backup {
    /// Backs up systems of `connector`'s platform, handing over through `lambda`.
    #[must_use]
    pub fn new(house: House, connector: &'static Connector, lambda: Arc<dyn Invoke>) -> Self {
        Self {
            house,
            connector,
            pacers: Pacers::default(),
            lambda,
        }
    }

    /// Handles one event, see [`Event`]. Answers with the run, or with what was said instead of one.
    ///
    /// # Errors
    /// What Lambda should try again: the vendor, the vault or the catalog did not answer. A failure that a retry does not mend is an
    /// answer: it is in the run record and the metrics, and nobody is served by three of it.
    pub async fn handle(&self, event: Value, invocation: Invocation) -> anyhow::Result<Value> {
        let event: Event = serde_json::from_value(event)
            .context("the event is not what this function takes: {\"system\": \"<name in the manifest>\"}")?;
        let outcome = self.back_up(&event, &invocation).await;
        self.report(&event, &outcome);
        match outcome {
            Ok(Outcome::Ran(run)) => Ok(serde_json::to_value(&*run)?),
            Ok(Outcome::Said(said)) => Ok(json!({ "system": event.system, "said": said })),
            Err(error) if is_lasting(&error) => Ok(json!({ "system": event.system, "failed": format!("{error:#}") })),
            Err(error) => Err(error),
        }
    }

    async fn back_up(&self, event: &Event, invocation: &Invocation) -> anyhow::Result<Outcome> {
        let system = match self.system(event).await? {
            Ok(system) => system,
            Err(said) => return Ok(Outcome::Said(said)),
        };
        let engine = Engine {
            vault: self.house.vault_of(&event.system).await?,
            catalog: self.house.catalog.clone(),
            secrets: Arc::clone(&self.house.secrets),
            pacers: self.pacers.clone(),
            clock: Arc::clone(&self.house.clock),
        };
        let stop = Stop::default();
        let job = self.job(event, &system, invocation, &stop);
        if let (Some(worker), Some(run)) = (event.worker, event.run) {
            return self.help(&engine, &job, event, worker, run).await.map(Outcome::Said);
        }
        // The run's future is large, and lives as long as the invocation.
        match Box::pin(engine.backup(&job)).await {
            Ok(run) => Ok(Outcome::Ran(Box::new(run))),
            Err(EngineError::Interrupted) => self.hand_over(event).await.map(Outcome::Said),
            Err(said @ (EngineError::Busy { .. } | EngineError::Answered { .. } | EngineError::Over { .. })) => {
                Ok(Outcome::Said(said.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Helps with a run that another invocation leads.
    async fn help(
        &self,
        engine: &Engine,
        job: &Job<'_>,
        event: &Event,
        worker: u32,
        run: RunId,
    ) -> anyhow::Result<String> {
        match Box::pin(engine.help(job, run)).await {
            Ok(()) => Ok(format!("worker {worker} of run {run} has nothing left to do")),
            // Its slices are free for whoever else is at work.
            Err(EngineError::Interrupted) if event.hop >= MOST_HOPS => {
                Ok(format!("worker {worker} of run {run} gives up"))
            }
            Err(EngineError::Interrupted) => self.hand_over(event).await,
            Err(over @ EngineError::Over { .. }) => Ok(over.to_string()),
            Err(error) => Err(error.into()),
        }
    }

    fn job<'a>(&self, event: &'a Event, system: &'a System, invocation: &Invocation, stop: &'a Stop) -> Job<'a> {
        Job {
            name: &event.system,
            system,
            connector: self.connector,
            trigger: match (&event.run, &event.due) {
                (Some(_), _) => Trigger::Handover,
                (None, Some(_)) => Trigger::Schedule,
                (None, None) => Trigger::Manual,
            },
            // Other invocations may be at work; a lease of one that died runs out by itself.
            sole: false,
            full: event.full,
            observer: Arc::new(telemetry::Logged {
                system: event.system.clone(),
            }),
            stop,
            deadline: Some(invocation.deadline.max(self.house.clock.now())),
            budget: BUDGET,
            relay: Relay {
                // Lambda tries a crashed invocation again under the same id: it takes its own lease over.
                worker: Some(invocation.request_id.clone()),
                due: event.due_at(),
                only: event.run,
                most_hops: Some(MOST_HOPS),
                helpers: Helpers(Some(Arc::new(Workers(Arc::clone(&self.lambda))))),
                logs: telemetry::place(),
            },
        }
    }

    /// The system to back up, or why it is not to be.
    async fn system(&self, event: &Event) -> anyhow::Result<Result<System, String>> {
        let name = event.system.as_str();
        let key = name.parse().with_context(|| format!("`{name}` is no system's name"));
        let entry = self.house.catalog.system(&key.map_err(Lasting::new)?).await?;
        let entry = entry.ok_or_else(|| Lasting::new(anyhow::anyhow!("the manifest has no system `{name}`")))?;
        let system = usable(&entry).map_err(Lasting::new)?;
        if system.platform.as_deref() != Some(self.connector.name) {
            let platform = system.platform.as_deref().unwrap_or("no platform");
            let ours = self.connector.name;
            return Err(Lasting::new(anyhow::anyhow!(
                "system `{name}` is on {platform}, and this function backs up {ours}"
            ))
            .into());
        }
        // The schedule of an entry that was just edited may fire once more.
        let is_off = system.paused || system.decision != Decision::Backup;
        if event.due.is_some() && is_off {
            let why = if system.paused {
                "it is paused"
            } else {
                "its decision is not `backup`"
            };
            return Ok(Err(format!("system `{name}` was not backed up by its schedule: {why}")));
        }
        Ok(Ok(system))
    }

    /// Lets a fresh invocation go on with the run that this one leaves checkpointed.
    async fn hand_over(&self, event: &Event) -> anyhow::Result<String> {
        let open = self.house.catalog.open_runs(&event.system).await?;
        let run = event.run.or_else(|| open.first().map(|run| run.id));
        let next = Event {
            run,
            full: false,
            hop: event.hop + 1,
            ..event.clone()
        };
        self.lambda.invoke(&next).await?;
        Ok(match run {
            Some(run) => format!("run {run} goes on in another invocation"),
            None => "the run goes on in another invocation".to_owned(),
        })
    }

    fn report(&self, event: &Event, outcome: &anyhow::Result<Outcome>) {
        let system = event.system.as_str();
        let failed = match outcome {
            Ok(Outcome::Ran(run)) => {
                tracing::info!(system, run = %run.id, status = ?run.status, hops = run.hops, "the backup ended");
                return of_run(run, self.connector.name).emit();
            }
            Ok(Outcome::Said(said)) => return tracing::info!(system, said, "nothing to report yet"),
            Err(error) => format!("{error:#}"),
        };
        tracing::error!(system, error = failed, "the backup failed");
        of_system(self.house.clock.now(), system, self.connector.name)
            .count("Failed", 1)
            .emit();
    }
}

/// Workers are further invocations of the same function.
struct Workers(Arc<dyn Invoke>);

#[async_trait]
impl Team for Workers {
    async fn call(&self, system: &str, run: RunId, worker: u32) -> anyhow::Result<()> {
        let event = Event {
            system: system.to_owned(),
            run: Some(run),
            worker: Some(worker),
            ..Event::default()
        };
        self.0.invoke(&event).await
    }
}

/// What became of an event that did not fail.
enum Outcome {
    Ran(Box<Run>),
    /// No run ended, and all is well.
    Said(String),
}

/// A failure that trying again does not mend.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
struct Lasting(anyhow::Error);

impl Lasting {
    fn new(error: anyhow::Error) -> Self {
        Self(error)
    }
}

fn is_lasting(error: &anyhow::Error) -> bool {
    error.is::<Lasting>()
        || error
            .downcast_ref::<EngineError>()
            .is_some_and(|error| matches!(error.class(), Class::Reconnect | Class::Permanent))
}

/// The system, so long as what is wrong with its entry leaves no doubt about what to read: a slip in a field beside keeps no backup from being made.
fn usable(entry: &Entry) -> anyhow::Result<System> {
    let wrong = entry
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error);
    let (grave, slight): (Vec<_>, Vec<_>) = wrong.partition(|finding| {
        let field = finding.field.split('.').next().unwrap_or_default();
        NEEDED.contains(&field)
    });
    if let Some(first) = grave.first() {
        let all: Vec<_> = grave.iter().map(ToString::to_string).collect();
        let (name, field) = (&entry.name, &first.field);
        anyhow::bail!(
            "the manifest's entry `{name}` is not valid: {}; correct `{field}` first",
            all.join("; ")
        );
    }
    for finding in slight {
        tracing::warn!(system = entry.name, %finding, "the manifest's entry is not valid; backing up all the same");
    }
    Ok(seatbelt_model::system::read(&entry.raw).0)
}

fn of_system(now: jiff::Timestamp, system: &str, platform: &str) -> Metrics {
    Metrics::new(now)
        .dimension("System", system)
        .dimension("Platform", platform)
        .also_by(&["Platform"])
}

/// The metrics of a run that ended.
fn of_run(run: &Run, platform: &str) -> Metrics {
    let ended = run.ended_at.unwrap_or(run.heartbeat_at);
    let took = Duration::try_from(ended.duration_since(run.started_at)).unwrap_or_default();
    let sum = |of: fn(&seatbelt_model::ResourceCounts) -> u64| run.resources.values().map(of).sum();
    of_system(ended, &run.system, platform)
        .property("run", &run.id.to_string())
        .count("Records", sum(|counts| counts.records))
        .bytes("BytesRead", run.traffic.bytes_read)
        .bytes("BytesStored", run.traffic.bytes_stored)
        .count("Added", sum(|counts| counts.changes.added))
        .count("Changed", sum(|counts| counts.changes.changed))
        .count("Removed", sum(|counts| counts.changes.removed))
        .count("Requests", run.traffic.requests)
        .count("Throttles", run.traffic.throttles)
        .millis("DurationMs", took.as_millis().try_into().unwrap_or(u64::MAX))
        .count("Gaps", sum(|counts| counts.gaps))
        .count("Hops", run.hops.into())
        .count("Failed", u64::from(run.status == RunStatus::Failed))
        .count("Partial", u64::from(run.status == RunStatus::Partial))
}
