//! The status document: all that a report or a dashboard shows, without another read.

use jiff::Timestamp;
use seatbelt_model::{Completeness, Decision, RunId, RunStatus, SnapshotId};
use serde::Serialize;

use crate::{
    finding::{Finding, Severity},
    world::{Watched, World},
};

/// Where it is in the bucket: no system's name begins so.
pub const KEY: &str = "_seatbelt/status.json";
/// The format this version writes.
pub const FORMAT: &str = "seatbelt-status/1";

/// The document.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Always [`FORMAT`].
    pub format: &'static str,
    /// The stack.
    pub stack: String,
    /// When the round looked.
    pub at: Timestamp,
    /// How many findings of each severity.
    pub totals: Totals,
    /// Every entry of the manifest, by name.
    pub systems: Vec<SystemStatus>,
    /// Everything that is not as it should be, the worst first.
    pub findings: Vec<Finding>,
}

/// Counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Entries of the manifest.
    pub systems: usize,
    /// Those that are backed up by the clock.
    pub scheduled: usize,
    /// Findings that are critical.
    pub critical: usize,
    /// Findings that are warnings.
    pub warnings: usize,
    /// Findings that are good to know.
    pub notices: usize,
}

/// How one system stands.
#[derive(Debug, Clone, Serialize)]
pub struct SystemStatus {
    /// Its name in the manifest.
    pub system: String,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The connector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What was decided, by the last valid entry.
    pub decision: Option<&'static str>,
    /// Whether its schedule is switched off.
    pub paused: bool,
    /// The schedule in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// How much may be lost, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpo_s: Option<i64>,
    /// The newest snapshot.
    pub snapshot: Option<SnapshotStatus>,
    /// The newest run of a backup.
    pub run: Option<RunStatusLine>,
    /// When the last drill passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drill_passed_at: Option<Timestamp>,
    /// The worst finding about it.
    pub worst: Option<Severity>,
}

/// The newest snapshot.
#[derive(Debug, Clone, Serialize)]
pub struct SnapshotStatus {
    /// Which.
    pub id: SnapshotId,
    /// Seconds since its run began.
    pub age_s: i64,
    /// Records in it.
    pub records: u64,
    /// Bytes of its records and files.
    pub bytes: u64,
    /// Whether anything is missing.
    pub completeness: Completeness,
}

/// The newest run.
#[derive(Debug, Clone, Serialize)]
pub struct RunStatusLine {
    /// Which.
    pub id: RunId,
    /// Where it stands.
    pub status: RunStatus,
    /// When it ended, if it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// The document of a round.
#[must_use]
pub fn status(now: Timestamp, stack: &str, world: &World, findings: &[Finding]) -> Status {
    let of = |severity: Severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let scheduled = |watched: &&Watched| {
        watched
            .known
            .plan
            .as_ref()
            .is_some_and(crate::known::Plan::is_scheduled)
    };
    Status {
        format: FORMAT,
        stack: stack.to_owned(),
        at: now,
        totals: Totals {
            systems: world.systems.len(),
            scheduled: world.systems.iter().filter(scheduled).count(),
            critical: of(Severity::Critical),
            warnings: of(Severity::Warning),
            notices: of(Severity::Notice),
        },
        systems: world
            .systems
            .iter()
            .map(|watched| of_system(now, watched, findings))
            .collect(),
        findings: findings.to_vec(),
    }
}

fn of_system(now: Timestamp, watched: &Watched, findings: &[Finding]) -> SystemStatus {
    let (draft, plan) = (&watched.draft, watched.known.plan.as_ref());
    let newest = watched.newest().flatten();
    let run = watched
        .seen
        .runs
        .iter()
        .flatten()
        .find(|run| run.kind == seatbelt_model::RunKind::Backup);
    let worst = findings
        .iter()
        .filter(|finding| finding.system == watched.name)
        .map(|finding| finding.severity);
    SystemStatus {
        system: watched.name.clone(),
        name: draft.name.clone(),
        platform: draft.platform.clone(),
        owner: draft.owner.clone(),
        decision: plan.map(|plan| plan.decision).map(Decision::as_str),
        paused: plan.is_some_and(|plan| plan.paused),
        schedule: plan.and_then(|plan| plan.schedule.as_ref()).map(ToString::to_string),
        rpo_s: plan.and_then(|plan| plan.rpo).map(|rpo| rpo.duration().as_secs()),
        snapshot: newest.map(|digest| SnapshotStatus {
            id: digest.id,
            age_s: now.duration_since(digest.id.start()).as_secs().max(0),
            records: digest.resources.values().map(|size| size.records).sum(),
            bytes: digest.resources.values().map(|size| size.bytes).sum(),
            completeness: digest.completeness,
        }),
        run: run.map(|run| RunStatusLine {
            id: run.id,
            status: run.status,
            ended_at: run.ended_at,
        }),
        drill_passed_at: watched.known.drill,
        worst: worst.max(),
    }
}
