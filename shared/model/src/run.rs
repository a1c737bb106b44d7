//! The run record: one execution of backup, verify, restore or prune, as the run history keeps it.

use std::{collections::BTreeMap, ops};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Changes, MassChange, RunId, SnapshotId};

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Reads the vendor and commits a snapshot.
    Backup,
    /// Re-hashes what is stored.
    Verify,
    /// Writes to the vendor.
    Restore,
    /// Expires snapshots and frees objects.
    Prune,
    /// Restores into a place made for it and compares; `complete` means passed.
    Drill,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Started and not ended.
    Running,
    /// Checkpointed on request or before a deadline; the next run of the system goes on where it stopped.
    Interrupted,
    /// Everything was read.
    Complete,
    /// A snapshot was committed, with gaps in its receipts.
    Partial,
    /// No snapshot was committed.
    Failed,
    /// Another run held the lease.
    Skipped,
}

/// Who started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The manifest's schedule.
    Schedule,
    /// A person.
    Manual,
    /// An earlier invocation that met its deadline.
    Handover,
}

/// One run in the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The system.
    pub system: String,
    /// The id, shared with the snapshot.
    pub id: RunId,
    /// What it does.
    pub kind: RunKind,
    /// Where it stands.
    pub status: RunStatus,
    /// Who started it.
    pub trigger: Trigger,
    /// The firing of the schedule it answers, if one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// When it started by the clock.
    pub started_at: Timestamp,
    /// When it ended; `None` while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The last sign of life.
    pub heartbeat_at: Timestamp,
    /// Invocations that worked on it.
    pub hops: u32,
    /// Workers that shared the work, the one who led among them.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub workers: u32,
    /// Per resource: records read and changes.
    #[serde(default)]
    pub resources: BTreeMap<String, ResourceCounts>,
    /// Requests sent, throttles met, bytes read and written.
    #[serde(default)]
    pub traffic: Traffic,
    /// The snapshot committed, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotId>,
    /// Mass changes seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<MassChange>,
    /// What was tried, on what, and what now; without customer data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What happened on the way that a reader should know: an invocation that died, a run that others went on with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Where its logs are, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<String>,
    /// When the credential it signed in with expires, if the secret or the settings say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_expires_at: Option<Timestamp>,
}

/// What a run did to one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ResourceCounts {
    /// Records the vendor sent.
    pub read: u64,
    /// Records in the state afterwards.
    pub records: u64,
    /// Differences to the snapshot before.
    pub changes: Changes,
    /// Gaps in the receipt.
    pub gaps: u64,
}

/// What a run cost in requests and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Traffic {
    /// Requests sent to the vendor, retries included.
    pub requests: u64,
    /// Requests sent again after a failure.
    pub retries: u64,
    /// Answers that asked us to slow down.
    pub throttles: u64,
    /// Bytes of response bodies, decompressed.
    pub bytes_read: u64,
    /// Bytes written to the vault.
    pub bytes_stored: u64,
}

fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(number: &u32) -> bool {
    *number == 1
}

impl ops::AddAssign for Traffic {
    fn add_assign(&mut self, more: Self) {
        self.requests += more.requests;
        self.retries += more.retries;
        self.throttles += more.throttles;
        self.bytes_read += more.bytes_read;
        self.bytes_stored += more.bytes_stored;
    }
}

impl ops::Sub for Traffic {
    type Output = Self;

    fn sub(self, less: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(less.requests),
            retries: self.retries.saturating_sub(less.retries),
            throttles: self.throttles.saturating_sub(less.throttles),
            bytes_read: self.bytes_read.saturating_sub(less.bytes_read),
            bytes_stored: self.bytes_stored.saturating_sub(less.bytes_stored),
        }
    }
}

impl Run {
    /// A run that starts now.
    #[must_use]
    pub fn start(system: &str, id: RunId, kind: RunKind, trigger: Trigger, now: Timestamp) -> Self {
        Self {
            system: system.to_owned(),
            id,
            kind,
            status: RunStatus::Running,
            trigger,
            due_at: None,
            started_at: now,
            ended_at: None,
            heartbeat_at: now,
            hops: 1,
            workers: 1,
            resources: BTreeMap::new(),
            traffic: Traffic::default(),
            snapshot: None,
            alarms: Vec::new(),
            error: None,
            notes: Vec::new(),
            logs: None,
            credential_expires_at: None,
        }
    }
}

impl Run {
    /// A run that dies over and over must not grow beyond what a table's item holds.
    const MOST_NOTES: usize = 50;

    /// Notes something, unless there are too many notes already.
    pub fn note(&mut self, note: String) {
        if self.notes.len() < Self::MOST_NOTES {
            self.notes.push(note);
        }
    }
}

impl RunStatus {
    /// Whether the run is over.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Running | Self::Interrupted)
    }
}
