//! Metrics of a round. Every one is written in every round, so that an alarm on missing data means a dead watchdog.

use std::collections::BTreeSet;

use jiff::Timestamp;
use seatbelt_runtime::Metrics;

use crate::{
    finding::{Finding, Kind},
    world::World,
};

/// Metrics by name, with the kinds they count. A system counts once for each.
const COUNTED: [(&str, &[Kind]); 12] = [
    ("SystemsLate", &[Kind::Late, Kind::ResourcesStale]),
    ("FiringsMissed", &[Kind::FiringMissed]),
    ("SystemsFailing", &[Kind::RunsFailing]),
    ("SystemsPartial", &[Kind::RunsPartial]),
    ("SnapshotsImplausible", &[Kind::SnapshotImplausible, Kind::MassChange]),
    ("CredentialsExpiring", &[Kind::CredentialExpiring]),
    ("ExportsDue", &[Kind::ExportDue]),
    ("SystemsUndecided", &[Kind::Undecided]),
    ("DrillsOverdue", &[Kind::DrillOverdue]),
    ("EntriesInvalid", &[Kind::EntryInvalid]),
    ("SystemsUnreadable", &[Kind::Unreadable]),
    ("ActionsFailed", &[Kind::ActionFailed]),
];

/// The lines of a round. `told` is whether people could be told what was new.
#[must_use]
pub fn metrics(now: Timestamp, stack: &str, world: &World, findings: &[Finding], told: bool) -> Vec<Metrics> {
    let mut whole = Metrics::new(now).dimension("Stack", stack).count("WatchdogRounds", 1);
    for (name, kinds) in COUNTED {
        let of_kind = findings.iter().filter(|finding| kinds.contains(&finding.kind));
        let systems: BTreeSet<_> = of_kind.map(|finding| &finding.system).collect();
        whole = whole.count(name, systems.len() as u64);
    }
    let stalled = findings
        .iter()
        .filter(|finding| finding.kind == Kind::RunStalled)
        .count();
    whole = whole
        .count("RunsStalled", stalled as u64)
        .count("NotificationsFailed", u64::from(!told));
    let mut lines = vec![whole];
    for watched in &world.systems {
        if let Some(Some(newest)) = watched.newest() {
            let age = now.duration_since(newest.id.start()).as_secs();
            let line = Metrics::new(now)
                .dimension("Stack", stack)
                .dimension("System", &watched.name);
            lines.push(line.seconds("SnapshotAgeSeconds", u64::try_from(age).unwrap_or_default()));
        }
    }
    lines
}
