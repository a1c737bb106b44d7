//! All that a round judges by: plain data, gathered before and handed to [`inspect`](crate::inspect).

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use seatbelt_catalog::{Held, Noted};
use seatbelt_model::{
    Completeness, MassChange, Run, Snapshot, SnapshotId, System,
    system::{self, KnownPlatforms},
};

use crate::known::Known;

/// The house at the time of a round.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Every entry of the manifest.
    pub systems: Vec<Watched>,
}

/// One entry, what was read about it, and what earlier rounds know.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Its key as people can read it.
    pub name: String,
    /// What of the entry can be read, whether it can be used or not.
    pub draft: System,
    /// What makes the entry unusable.
    pub errors: Vec<system::Finding>,
    /// What schedule-sync says about it.
    pub noted: Vec<Noted>,
    /// What earlier rounds have found out, this round's entry taken in.
    pub known: Known,
    /// What was read in this round.
    pub seen: Seen,
}

/// What was read about a system. A part is `None` where it was not read, and then judges nothing.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The newest runs, newest first.
    pub runs: Option<Vec<Run>>,
    /// Runs that are not over.
    pub open: Option<Vec<Run>>,
    /// Who holds the system's lease, if anybody does.
    pub lease: Option<Held>,
    /// The newest snapshots, newest first, and when the oldest one there is began.
    pub snapshots: Option<Snapshots>,
    /// What could not be read, and why.
    pub troubles: Vec<String>,
}

/// Snapshots of a system.
#[derive(Debug, Clone, Default)]
pub struct Snapshots {
    /// The newest ones, newest first.
    pub newest: Vec<Arc<Digest>>,
    /// When the oldest one began.
    pub oldest: Option<Timestamp>,
}

/// What a round needs of a snapshot document, which may be large.
#[derive(Debug, Clone, PartialEq)]
pub struct Digest {
    /// Which.
    pub id: SnapshotId,
    /// The one before.
    pub parent: Option<SnapshotId>,
    /// When its document was written.
    pub committed_at: Timestamp,
    /// Whether anything is missing.
    pub completeness: Completeness,
    /// Its resources, by name.
    pub resources: BTreeMap<String, Size>,
    /// Mass changes in it.
    pub alarms: Vec<MassChange>,
}

/// How much a resource holds, and how old that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Records.
    pub records: u64,
    /// Bytes of records and of the files they carry.
    pub bytes: u64,
    /// When the vendor was last read without failure.
    pub read_at: Timestamp,
    /// Whether the run could not read it and carried the last state forward.
    pub stale: bool,
}

impl From<&Snapshot> for Digest {
    fn from(snapshot: &Snapshot) -> Self {
        let sizes = snapshot.resources.iter().map(|(name, state)| {
            let size = Size {
                records: state.records,
                bytes: state.bytes.saturating_add(state.body_bytes),
                read_at: state.freshness.read_at,
                stale: state.freshness.stale_since.is_some(),
            };
            (name.clone(), size)
        });
        Self {
            id: snapshot.id,
            parent: snapshot.parent,
            committed_at: snapshot.committed_at,
            completeness: snapshot.completeness,
            resources: sizes.collect(),
            alarms: snapshot.alarms.clone(),
        }
    }
}

impl Watched {
    /// The newest snapshot: `None` if the snapshots were not read, `Some(None)` if there is none.
    #[must_use]
    pub fn newest(&self) -> Option<Option<&Digest>> {
        self.seen
            .snapshots
            .as_ref()
            .map(|snapshots| snapshots.newest.first().map(Arc::as_ref))
    }
}

/// The platforms deployed in a stack, as entries are judged by. Whether a credential is there is said by each backup.
#[must_use]
pub fn known_platforms(deployed: &[String]) -> KnownPlatforms {
    let known = deployed.iter().map(String::as_str);
    known.fold(KnownPlatforms::default(), KnownPlatforms::without_secret)
}
