//! What an invocation did, for the metrics and for whoever asked.

use std::collections::BTreeMap;

use anyhow::bail;
use jiff::Timestamp;
use seatbelt_runtime::Metrics;
use serde_json::{Value, json};

use crate::{Done, SyncError};

/// Errors quoted when several systems failed for what is mostly one reason.
const QUOTED: usize = 3;

/// What was done about some systems.
#[derive(Debug, Default)]
pub struct Report {
    /// What was done about each system that could be brought to what its entry says, or whose entry cannot be used.
    pub done: BTreeMap<String, Done>,
    /// Those that could not be, for now.
    pub failed: BTreeMap<String, SyncError>,
}

impl Report {
    fn sum(&self, count: impl Fn(&Done) -> u64) -> u64 {
        self.done.values().map(count).sum()
    }

    /// Systems whose entry cannot be used, and those that failed.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.sum(|done| u64::from(!done.findings.is_empty())) + self.failed.len() as u64
    }

    /// Systems whose schedule was not as the manifest says. After a stream's record that is an edit; in a reconciliation it is drift.
    #[must_use]
    pub fn differing(&self) -> u64 {
        self.sum(|done| u64::from(done.writes() > 0 || done.foreign))
    }

    /// The metrics, with drift if everything was looked at.
    pub fn metrics(&self, stack: &str, now: Timestamp, reconciled: bool) -> Metrics {
        let metrics = Metrics::new(now)
            .dimension("Stack", stack)
            .count("SchedulesCreated", self.sum(|done| done.created))
            .count("SchedulesUpdated", self.sum(|done| done.updated))
            .count("SchedulesDeleted", self.sum(|done| done.deleted))
            .count("ScheduleErrors", self.errors());
        if reconciled {
            metrics.count("ScheduleDrift", self.differing())
        } else {
            metrics
        }
    }

    /// The answer to whoever asked for a reconciliation.
    ///
    /// # Errors
    /// When a system failed, so that Lambda asks again.
    pub fn into_answer(self) -> anyhow::Result<Value> {
        if !self.failed.is_empty() {
            let all = self.done.len() + self.failed.len();
            let quoted: Vec<_> = self.failed.values().take(QUOTED).map(ToString::to_string).collect();
            bail!(
                "{} of {all} schedules could not be looked after: {}",
                self.failed.len(),
                quoted.join("; ")
            );
        }
        let invalid: Vec<_> = self
            .done
            .iter()
            .filter(|(_, done)| !done.findings.is_empty())
            .map(|(name, _)| name)
            .collect();
        let foreign: Vec<_> = self
            .done
            .iter()
            .filter(|(_, done)| done.foreign)
            .map(|(name, _)| name)
            .collect();
        Ok(json!({
            "systems": self.done.len(),
            "created": self.sum(|done| done.created),
            "updated": self.sum(|done| done.updated),
            "deleted": self.sum(|done| done.deleted),
            "invalid": invalid,
            "foreign": foreign,
        }))
    }
}
