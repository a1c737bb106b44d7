//! The manifest table's stream to EventBridge schedules: one schedule per system, kept as the table says.
//!
//! | entry | schedule |
//! | --- | --- |
//! | `decision = "backup"` | enabled; calls the platform's backup function with `{"system", "due"}` |
//! | the same, `paused` | kept, disabled |
//! | `manual`, `skip`, `undecided`, or no entry | none |
//! | one with an error, or whose platform is not deployed in this stack | the last good one stays; people are told |
//!
//! A record of the stream only says that a system may have changed. For each system of a batch the entry is read as it is now, and
//! the schedule is brought to it: so it does not matter in which order records come, how often, or whether one is lost. A
//! schedule has its system's name, which AWS takes as it is, so there are never two. What is as it should be is not written.
//!
//! `{"reconcile": true}`, after each deployment and once a day, does the same for every system that has an entry, a schedule or
//! a finding. It finds what was deleted, edited or made by hand. Schedules in the stack's group that call something else than
//! this stack's backup functions are not touched, unless they bear the name of a system that is backed up.
//!
//! What is wrong with an entry is noted in the runs table ([`Catalog::findings`]), logged, and counted in the metric
//! `ScheduleErrors`; the next good edit clears it. What AWS could not do for now goes back to the stream, and is tried again.
//!
//! What it will not do: it answers no custom resource of CloudFormation, since a deployment should never wait for the manifest to be
//! in order. It makes no schedule group and no role. It fires nothing.

mod converge;
mod draft;
mod error;
mod event;
mod place;
mod report;
mod scheduler;
mod wanted;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use aws_config::SdkConfig;
use aws_sdk_scheduler::config::retry::RetryConfig;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use seatbelt_catalog::Catalog;
use seatbelt_model::{Clock, Finding};
use seatbelt_runtime::House;
use serde_json::Value;

pub use converge::{Done, SOURCE};
pub use draft::Draft;
pub use error::SyncError;
pub use event::{Event, Hint, InvalidEvent};
pub use place::{InvalidPlace, Names, Place};
pub use report::Report;
pub use wanted::{Wanted, wanted};

use scheduler::Group;

/// Systems that are looked at side by side.
const PARALLEL: usize = 8;
/// A burst of edits meets EventBridge's rate limit; the SDK then waits longer each time, up to 20 seconds.
const ATTEMPTS: u32 = 8;

/// Keeps the schedules of one stack.
#[derive(Debug, Clone)]
pub struct ScheduleSync {
    group: Group,
    catalog: Catalog,
    place: Place,
    clock: Arc<dyn Clock>,
}

impl ScheduleSync {
    /// Over the given client, tables and clock. Sends nothing yet.
    #[must_use]
    pub fn new(scheduler: aws_sdk_scheduler::Client, catalog: Catalog, place: Place, clock: Arc<dyn Clock>) -> Self {
        Self {
            group: Group::new(scheduler, place.group().to_owned()),
            catalog,
            place,
            clock,
        }
    }

    /// In the stack that the environment names.
    ///
    /// # Errors
    /// When the environment lacks a name, or has one that AWS would refuse.
    pub fn from_env(house: &House) -> anyhow::Result<Self> {
        let place = Place::new(Names::from_env()?)?;
        Ok(Self::new(
            client(&house.aws),
            house.catalog.clone(),
            place,
            house.clock.clone(),
        ))
    }

    /// Handles one event, and writes the metrics. A batch of the stream is answered with the record to begin again at, if any.
    ///
    /// # Errors
    /// When the event is of no known form; when a reconciliation could not look at everything, which is safe to repeat.
    pub async fn handle(&self, event: &Value, deadline: Timestamp) -> anyhow::Result<Value> {
        match Event::parse(event)? {
            Event::Stream(hints) => {
                let systems = hints.iter().map(|hint| hint.system.clone()).collect();
                let report = self.sync_all(systems, deadline).await;
                report.metrics(self.place.stack(), self.clock.now(), false).emit();
                Ok(event::answer(&hints, |system| report.failed.contains_key(system)))
            }
            Event::Reconcile => {
                let report = self.reconcile(deadline).await?;
                report.metrics(self.place.stack(), self.clock.now(), true).emit();
                report.into_answer()
            }
        }
    }

    /// Looks at every system that has an entry, a schedule or a finding.
    ///
    /// # Errors
    /// When they could not be listed. What failed about one system is in the report.
    pub async fn reconcile(&self, deadline: Timestamp) -> Result<Report, SyncError> {
        let entries = self.catalog.systems().await?;
        let schedules = self.group.list().await?;
        let noted = self.catalog.findings().await?;
        let systems: BTreeSet<_> = entries
            .into_iter()
            .map(|entry| entry.name)
            .chain(schedules)
            .chain(
                noted
                    .into_iter()
                    .filter(|note| note.source == SOURCE)
                    .map(|note| note.system),
            )
            .collect();
        Ok(self.sync_all(systems, deadline).await)
    }

    /// Each system once, several side by side; the failure of one is no matter to the others.
    async fn sync_all(&self, systems: BTreeSet<String>, deadline: Timestamp) -> Report {
        let outcomes = stream::iter(systems)
            .map(|system| async move {
                let outcome = self.sync(&system, deadline).await;
                if let Err(error) = &outcome {
                    self.tell(&system, error).await;
                }
                (system, outcome)
            })
            .buffer_unordered(PARALLEL);
        let (mut done, mut failed) = (BTreeMap::new(), BTreeMap::new());
        for (system, outcome) in outcomes.collect::<Vec<_>>().await {
            match outcome {
                Ok(outcome) => drop(done.insert(system, outcome)),
                Err(error) => drop(failed.insert(system, error)),
            }
        }
        Report { done, failed }
    }

    /// Says that a schedule may not be what the manifest says. The next time it succeeds clears it.
    async fn tell(&self, system: &str, error: &SyncError) {
        tracing::error!(
            system,
            error = error.to_string(),
            "the schedule could not be brought to what the manifest says"
        );
        if error.is_about_the_scheduler() {
            let finding = Finding::error("schedule", error.to_string());
            if let Err(error) = self.note(system, &[finding]).await {
                tracing::warn!(system, error = error.to_string(), "the finding could not be noted");
            }
        }
    }
}

fn client(aws: &SdkConfig) -> aws_sdk_scheduler::Client {
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
    let config = aws_sdk_scheduler::config::Builder::from(aws).retry_config(retries);
    aws_sdk_scheduler::Client::from_conf(config.build())
}
