//! What a round comes to: metrics, log lines, an answer.

use jiff::Timestamp;
use seatbelt_runtime::Metrics;
use serde_json::{Value, json};

use crate::{Pass, record};

/// Some passes together.
#[derive(Debug, Clone, Default)]
pub struct Round {
    /// The passes.
    pub passes: Vec<Pass>,
    /// Systems that were due, and for which there was no time.
    pub not_reached: u64,
    /// Objects known to be damaged of systems that were not due.
    pub damaged_elsewhere: u64,
    /// Whether it was about all systems.
    pub is_whole_round: bool,
}

impl Round {
    /// These passes.
    #[must_use]
    pub fn of(passes: Vec<Pass>) -> Self {
        Self {
            passes,
            ..Self::default()
        }
    }

    fn sum(&self, of: impl Fn(&Pass) -> u64) -> u64 {
        self.passes.iter().map(of).sum()
    }

    /// The metrics of the stack.
    pub fn metrics(&self, stack: &str, now: Timestamp) -> Metrics {
        Metrics::new(now)
            .dimension("Stack", stack)
            .count("RetentionRounds", u64::from(self.is_whole_round))
            .count("SnapshotsExpired", self.sum(|pass| pass.expired.len() as u64))
            .count("ObjectsMarked", self.sum(|pass| pass.marked.objects))
            .count("ObjectsSwept", self.sum(|pass| pass.swept.objects))
            .bytes("BytesFreed", self.sum(|pass| pass.swept.bytes))
            .count("LocksExtended", self.sum(|pass| pass.locks_extended))
            .count("ObjectsVerified", self.sum(|pass| pass.verified))
            .count("ObjectsDamaged", self.damaged())
            .count(
                "RetentionTroubles",
                self.sum(|pass| u64::from(pass.trouble().is_some())),
            )
            .count("VerificationsLate", self.sum(|pass| u64::from(pass.late)))
    }

    /// Objects known to be damaged.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.sum(|pass| pass.damaged.len() as u64) + self.damaged_elsewhere
    }

    pub(crate) fn log(&self) {
        for pass in &self.passes {
            let system = pass.system.as_str();
            for note in record::notes(pass) {
                tracing::info!(system, note, "retention");
            }
            for damaged in &pass.damaged {
                let (object, known) = (damaged.object.as_str(), &damaged.known);
                tracing::error!(system, object, what = known.what, since = %known.since, "a stored object is damaged");
            }
            if let Some(trouble) = pass.trouble() {
                tracing::error!(system, error = trouble, "retention left a system alone");
            }
        }
        if self.not_reached > 0 {
            tracing::warn!(
                systems = self.not_reached,
                "there was no time for these systems; they come first in the next round"
            );
        }
    }

    /// The answer of the function.
    ///
    /// # Errors
    /// If something failed that may not fail the next time.
    pub(crate) fn into_answer(self) -> anyhow::Result<Value> {
        let failed: Vec<_> = self
            .passes
            .iter()
            .filter_map(|pass| Some((&pass.system, pass.failed.as_ref()?)))
            .collect();
        if let Some((system, first)) = failed.first() {
            anyhow::bail!(
                "retention failed for {}, first for {system}: {first}",
                record::counted(failed.len() as u64, "system")
            );
        }
        let passes: Vec<_> = self.passes.iter().map(Pass::answer).collect();
        Ok(json!({ "systems": passes, "not_reached": self.not_reached }))
    }
}

impl Pass {
    /// What was done, as JSON.
    #[must_use]
    pub fn answer(&self) -> Value {
        let locked: Vec<_> = self
            .locked
            .iter()
            .map(|(id, until)| json!({ "snapshot": id, "until": until }))
            .collect();
        json!({
            "system": self.system,
            "expired": self.expired,
            "locked": locked,
            "objects_swept": self.swept.objects,
            "bytes_freed": self.swept.bytes,
            "objects_later": self.swept.later,
            "objects_marked": self.marked.objects,
            "locks_extended": self.locks_extended,
            "objects_verified": self.verified,
            "damaged": self.damaged,
            "kept_because": self.unruled.as_ref().map(ToString::to_string),
            "refused": self.refused,
            "busy": self.busy,
            "failed": self.failed,
            "cut": self.cut,
        })
    }
}
