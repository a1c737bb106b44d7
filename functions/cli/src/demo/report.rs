//! Everything the demo shows, as data: written as it is for programs, and put into words for people.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use seatbelt_model::{Completeness, Kind, Run, Snapshot, SnapshotId, Traffic};
use seatbelt_platforms::practice::Incident;
use serde::Serialize;

use super::{accident::Example, back::Back, changes::Changed, company, held::Held};
use crate::units;

/// The whole demo.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) company: &'static str,
    /// What the company is made from: the same number makes the same company.
    pub(super) seed: u64,
    pub(super) home: String,
    pub(super) first_backup: Vec<Backup>,
    pub(super) accidents: Vec<Chapter>,
    pub(super) summary: Summary,
    /// Commands to try on the folder.
    pub(super) next: Vec<Next>,
}

/// One backup of one system.
#[derive(Debug, Serialize)]
pub(super) struct Backup {
    pub(super) system: String,
    pub(super) snapshot: SnapshotId,
    pub(super) complete: bool,
    pub(super) records: u64,
    pub(super) files: u64,
    pub(super) file_bytes: u64,
    pub(super) took_ms: u128,
    #[serde(flatten)]
    pub(super) traffic: Traffic,
}

/// One accident: what happened, what was seen of it, and what is held.
#[derive(Debug, Serialize)]
pub(super) struct Chapter {
    pub(super) title: &'static str,
    pub(super) story: String,
    /// By the company's own clock, which runs ahead: hours pass in it between two accidents.
    pub(super) began_at: Timestamp,
    pub(super) ended_at: Timestamp,
    pub(super) changed: Vec<Changed>,
    pub(super) against_simulation: Check,
    pub(super) held: Vec<Held>,
    pub(super) way_back: &'static str,
    pub(super) back: Vec<Back>,
    pub(super) examples: Vec<Example>,
    pub(super) commands: Vec<String>,
}

/// What was seen, held against what the simulation says it did.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// Records the accident harmed.
    pub(super) harmed: u64,
    /// Those of them that no comparison of snapshots names.
    pub(super) missed: Vec<String>,
    /// Records that differ though nobody touched them.
    pub(super) besides: Vec<String>,
}

/// All of it in numbers.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    pub(super) systems: u64,
    pub(super) records: u64,
    pub(super) files: u64,
    pub(super) snapshots: u64,
    pub(super) bytes_read: u64,
    /// What all snapshots stand on: each object was read back and hashed at the end.
    pub(super) objects: u64,
    pub(super) bytes_stored: u64,
    pub(super) seconds: f64,
}

/// A command, and what it is for.
#[derive(Debug, Serialize)]
pub(super) struct Next {
    pub(super) what: &'static str,
    pub(super) command: String,
}

impl Backup {
    pub(super) fn of(run: &Run, snapshot: &Snapshot) -> Self {
        Self {
            system: run.system.clone(),
            snapshot: snapshot.id,
            complete: snapshot.completeness == Completeness::Complete,
            records: snapshot.records(),
            files: files(snapshot),
            file_bytes: snapshot.resources.values().map(|state| state.body_bytes).sum(),
            took_ms: run
                .ended_at
                .map(|ended| units::between(run.started_at, ended))
                .unwrap_or_default()
                .as_millis(),
            traffic: run.traffic,
        }
    }
}

/// How many files a snapshot holds.
pub(super) fn files(snapshot: &Snapshot) -> u64 {
    snapshot
        .resources
        .values()
        .filter(|state| state.kind == Kind::File)
        .map(|state| state.records)
        .sum()
}

impl Check {
    /// Compares record by record.
    pub(super) fn new(incident: &Incident, changed: &[Changed]) -> Self {
        let harmed = incident
            .harmed
            .iter()
            .flat_map(|(place, keys)| keys.iter().map(|key| named(place, key)));
        let harmed: BTreeSet<String> = harmed.collect();
        let seen = changed.iter().flat_map(|changed| {
            let resources = changed.resources.iter();
            resources.flat_map(|changes| {
                changes
                    .differences
                    .iter()
                    .map(|difference| place(&changed.system, &changes.resource, &difference.key))
            })
        });
        let seen: BTreeSet<String> = seen.collect();
        Self {
            harmed: harmed.len() as u64,
            missed: harmed.difference(&seen).cloned().collect(),
            besides: seen.difference(&harmed).cloned().collect(),
        }
    }

    pub(super) fn is_exact(&self) -> bool {
        self.missed.is_empty() && self.besides.is_empty()
    }
}

fn place(system: &str, resource: &str, key: &str) -> String {
    format!("{system} {resource} {key}")
}

/// The simulation names records by its own words: `website/menu-items`.
fn named(harmed: &str, key: &str) -> String {
    let systems = BTreeMap::from(company::SYSTEMS.map(|(system, simulated)| (simulated, system)));
    let (simulated, resource) = harmed.split_once('/').unwrap_or((harmed, ""));
    place(
        systems.get(simulated).copied().unwrap_or(simulated),
        &resource.replace('-', "_"),
        key,
    )
}
