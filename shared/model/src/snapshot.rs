//! The snapshot document: the immutable state a run committed, written last, once.
//!
//! It is JSON under `<system>/snapshots/<id>.json`, small and readable, and names every object it stands on by SHA-256. Documents
//! of old versions stay readable for ever: fields are only added, each with a default.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Kind, SnapshotId};

/// The format this version writes and reads.
pub const FORMAT: &str = "seatbelt/1";

/// Whether a run read everything it should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// Everything the connector declares and the scope includes is there.
    Complete,
    /// Something is missing or stale; the receipts say what.
    Partial,
}

/// The state of one system as one run committed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Always [`FORMAT`].
    pub format: String,
    /// The system's name in the manifest.
    pub system: String,
    /// The connector that read it.
    pub platform: String,
    /// This snapshot, which is the run that made it.
    pub id: SnapshotId,
    /// The snapshot before, which every delta here is against.
    pub parent: Option<SnapshotId>,
    /// When the document was written.
    pub committed_at: Timestamp,
    /// The version of Seatbelt that wrote it.
    pub seatbelt: String,
    /// Whether anything is missing.
    pub completeness: Completeness,
    /// Every resource, by name.
    pub resources: BTreeMap<String, ResourceState>,
    /// Changes so many that someone should look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<MassChange>,
    /// Until when the document was locked as it was written; the vault fills it in. What it names is locked for at least as long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_until: Option<Timestamp>,
}

/// One resource in a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResourceState {
    /// Data, metadata or files.
    pub kind: Kind,
    /// How to find a record's key, for readers without Seatbelt.
    pub key: KeyRule,
    /// The base layer and the deltas since, oldest first. Later layers win.
    pub layers: Vec<Layer>,
    /// What this snapshot changed against its parent. `None` if nothing did. Kept when the base is rewritten.
    pub delta: Option<Layer>,
    /// Records in this state.
    pub records: u64,
    /// Bytes of those records as JSON lines, uncompressed, files not counted.
    pub bytes: u64,
    /// Bytes of the files those records carry.
    #[serde(default)]
    pub body_bytes: u64,
    /// Counts of [`ResourceState::delta`].
    pub changes: Changes,
    /// How far the source was read, by partition; the root partition is the empty text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cursors: BTreeMap<String, Value>,
    /// Top-level fields seen, for drift.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// What was read and what was not.
    pub receipt: Receipt,
    /// How old this state is.
    pub freshness: Freshness,
}

/// How a record's key is found in its line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRule {
    /// The value at a JSON pointer.
    Pointer(String),
    /// Seatbelt wrote it into the line as `/_seatbelt/key`, since it cannot be read from the record alone.
    Written,
}

/// A layer: an index object that names chunks in key order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// SHA-256 of the index object, in hex.
    pub index: String,
    /// The snapshot that wrote it.
    pub snapshot: SnapshotId,
    /// A base holds every record; a delta only what changed, with tombstones.
    pub role: LayerRole,
    /// Lines, tombstones included.
    pub lines: u64,
    /// Uncompressed bytes of the lines.
    pub bytes: u64,
    /// Bytes stored for it: chunks and index, compressed.
    pub stored_bytes: u64,
}

/// What a layer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerRole {
    /// Every record of the resource.
    Base,
    /// Only what changed.
    Delta,
}

/// The index object of a layer: one JSON document, zstd-compressed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LayerIndex {
    /// In key order, ranges disjoint.
    pub chunks: Vec<Chunk>,
}

/// A chunk: JSON lines sorted by key, zstd-compressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// SHA-256 of the stored (compressed) object, in hex.
    pub object: String,
    /// Key of the first line.
    pub first: String,
    /// Key of the last line.
    pub last: String,
    /// Number of lines.
    pub lines: u64,
    /// Uncompressed bytes.
    pub bytes: u64,
    /// Compressed bytes.
    pub stored_bytes: u64,
    /// SHA-256 of bodies that records in this chunk name, so that verify and prune need not read every line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bodies: Vec<String>,
}

/// Counts of changes between two states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Changes {
    /// Records that were not there before.
    pub added: u64,
    /// Records that differ, volatile fields aside.
    pub changed: u64,
    /// Records that are gone.
    pub removed: u64,
}

/// What was read of a resource, and everything that was not: there are no silent gaps.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Receipt {
    /// Records the vendor sent in this run.
    pub read: u64,
    /// The vendor's own count, where it gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_count: Option<u64>,
    /// Records the vendor sent more than once.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub duplicates: u64,
    /// Everything that makes this resource less than complete; empty means complete. At most [`Receipt::MOST_GAPS`]; the rest is counted in the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// Things worth knowing that leave nothing out: the plan lacks the endpoint, fields appeared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Receipt {
    /// More gaps than this are counted, not listed.
    pub const MOST_GAPS: usize = 100;

    /// Notes a gap.
    pub fn gap(&mut self, gap: Gap) {
        if self.gaps.len() < Self::MOST_GAPS {
            self.gaps.push(gap);
        } else if let Some(last) = self.gaps.last_mut() {
            last.more += 1;
        }
    }
}

/// One thing that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What sort of gap.
    pub reason: GapReason,
    /// The partition, page or record it concerns; empty for the resource as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub at: String,
    /// What was tried and what came back, without customer data.
    pub detail: String,
    /// Further gaps not listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u64,
}

/// Why something is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The credential may not see it.
    Forbidden,
    /// It was there before and the vendor no longer offers it.
    Unavailable,
    /// Every try failed.
    Failed,
    /// A record that is not valid JSON, or has no key.
    InvalidRecord,
    /// The vendor sent the same page twice in a row.
    RepeatedPage,
    /// The vendor's count differs from ours.
    CountMismatch,
    /// A file whose bytes could not be had.
    BodyMissing,
    /// Not read in this run because of its parent.
    ParentMissing,
}

/// How old a resource's state is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freshness {
    /// When the vendor was last read without failure.
    pub read_at: Timestamp,
    /// The last sweep over everything.
    pub full_sweep_at: Timestamp,
    /// Set when this run could not read it and carried the last state forward.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_since: Option<Timestamp>,
}

/// So many changes at once that someone should look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MassChange {
    /// The resource.
    pub resource: String,
    /// `added`, `changed` or `removed`.
    pub change: ChangeKind,
    /// How many records.
    pub records: u64,
    /// Out of how many before.
    pub of: u64,
    /// The rule that fired, in words.
    pub rule: String,
}

/// What happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It was not there before.
    Added,
    /// It differs.
    Changed,
    /// It is gone.
    Removed,
}

impl Changes {
    /// All changes together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.added + self.changed + self.removed
    }

    /// Counts one change.
    pub fn count(&mut self, kind: ChangeKind) {
        match kind {
            ChangeKind::Added => self.added += 1,
            ChangeKind::Changed => self.changed += 1,
            ChangeKind::Removed => self.removed += 1,
        }
    }
}

impl std::ops::AddAssign for Changes {
    fn add_assign(&mut self, other: Self) {
        self.added += other.added;
        self.changed += other.changed;
        self.removed += other.removed;
    }
}

impl Snapshot {
    /// All resources' changes together.
    #[must_use]
    pub fn changes(&self) -> Changes {
        let mut sum = Changes::default();
        self.resources.values().for_each(|resource| sum += resource.changes);
        sum
    }

    /// All resources' records together.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.resources.values().map(|resource| resource.records).sum()
    }
}

impl ResourceState {
    /// Whether anything is missing or old.
    #[must_use]
    pub fn completeness(&self) -> Completeness {
        if self.receipt.gaps.is_empty() && self.freshness.stale_since.is_none() {
            Completeness::Complete
        } else {
            Completeness::Partial
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
