//! The judgement, without any storage: each rule by example, and the laws that alarms keep.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod duties;
mod lateness;
mod laws;
mod messages;
mod news;
mod snapshots;
mod stalls;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use seatbelt_catalog::Held;
use seatbelt_model::{
    Completeness, Run, RunId, RunKind, RunStatus, Trigger,
    system::{check_entry, read},
};
use seatbelt_watchdog::{
    Digest, Finding, Kind, Known, Seen, Size, Snapshots, Watched, World, inspect, known_platforms,
};
use serde_json::{Value, json};

/// A time in November 2026: `22T06:00`.
pub(crate) fn at(text: &str) -> Timestamp {
    format!("2026-11-{text}:00Z").parse().unwrap()
}

pub(crate) fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

pub(crate) fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// `acme`, backed up daily at 02:00 with an RPO of 26 hours, known since the first of the month.
pub(crate) fn acme() -> Watched {
    watched(&entry(), at("01T00:00"))
}

pub(crate) fn entry() -> Value {
    json!({
        "platform": "wordpress", "decision": "backup", "schedule": "daily at 02:00", "rpo": "26h", "owner": "web@acme.example",
    })
}

/// The entry with some fields set; null takes one out.
pub(crate) fn entry_with(fields: Value) -> Value {
    let (mut entry, Value::Object(fields)) = (entry(), fields) else {
        panic!("fields are a table")
    };
    for (name, value) in fields {
        match value {
            Value::Null => drop(entry.as_object_mut().unwrap().remove(&name)),
            value => entry[&name] = value,
        }
    }
    entry
}

pub(crate) fn watched(entry: &Value, since: Timestamp) -> Watched {
    let mut watched = Watched {
        name: "acme".into(),
        draft: read(entry).0,
        errors: Vec::new(),
        noted: Vec::new(),
        known: Known::new(since),
        seen: Seen {
            runs: Some(Vec::new()),
            open: Some(Vec::new()),
            lease: None,
            snapshots: Some(Snapshots::default()),
            troubles: Vec::new(),
        },
    };
    edit(&mut watched, entry, since);
    watched
}

/// What a round does with the entry it reads.
pub(crate) fn edit(watched: &mut Watched, entry: &Value, now: Timestamp) {
    let (system, findings) = check_entry(entry, &known_platforms(&["wordpress".into()]));
    watched.errors = findings.into_iter().filter(seatbelt_model::Finding::is_error).collect();
    watched.draft = read(entry).0;
    if let Some(system) = system {
        watched.known.take_entry(&system, now);
    }
}

/// A backup of ten minutes that ended so.
pub(crate) fn run(start: Timestamp, status: RunStatus) -> Run {
    let mut run = Run::start("acme", RunId::at(start), RunKind::Backup, Trigger::Manual, start);
    run.status = status;
    if status.is_final() {
        run.ended_at = Some(start + minutes(10));
        run.heartbeat_at = start + minutes(10);
    }
    run
}

/// One that a firing began.
pub(crate) fn fired(firing: Timestamp, status: RunStatus) -> Run {
    let mut run = run(firing + minutes(1), status);
    (run.trigger, run.due_at) = (Trigger::Schedule, Some(firing));
    run
}

/// A snapshot whose run began then, with one resource of 1,000 records.
pub(crate) fn snapshot(start: Timestamp) -> Digest {
    let size = Size {
        records: 1_000,
        bytes: 5 << 20,
        read_at: start,
        stale: false,
    };
    Digest {
        id: RunId::at(start),
        parent: None,
        committed_at: start + minutes(10),
        completeness: Completeness::Complete,
        resources: [("posts".to_owned(), size)].into(),
        alarms: Vec::new(),
    }
}

/// Puts things into the picture.
pub(crate) trait Stage {
    fn with_runs(self, runs: Vec<Run>) -> Self;
    fn with_snapshots(self, snapshots: Vec<Digest>) -> Self;
    fn leased_until(self, until: Timestamp) -> Self;
}

impl Stage for Watched {
    fn with_runs(mut self, mut runs: Vec<Run>) -> Self {
        runs.sort_by_key(|run| std::cmp::Reverse(run.id));
        self.known.take_runs(&runs);
        self.seen.open = Some(runs.iter().filter(|run| !run.status.is_final()).cloned().collect());
        self.seen.runs = Some(runs);
        self
    }

    fn with_snapshots(mut self, mut snapshots: Vec<Digest>) -> Self {
        snapshots.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.id));
        self.seen.snapshots = Some(Snapshots {
            oldest: snapshots.last().map(|snapshot| snapshot.id.start()),
            newest: snapshots.into_iter().map(Arc::new).collect(),
        });
        self
    }

    fn leased_until(mut self, until: Timestamp) -> Self {
        let holder = "somebody".to_owned();
        self.seen.lease = Some(Held { holder, until });
        self
    }
}

pub(crate) fn findings(now: Timestamp, watched: &Watched) -> Vec<Finding> {
    inspect(
        now,
        &World {
            systems: vec![watched.clone()],
        },
    )
}

pub(crate) fn kinds(now: Timestamp, watched: &Watched) -> Vec<Kind> {
    findings(now, watched).iter().map(|finding| finding.kind).collect()
}

/// The only finding of that kind.
pub(crate) fn one(now: Timestamp, watched: &Watched, kind: Kind) -> Finding {
    let mut found: Vec<_> = findings(now, watched)
        .into_iter()
        .filter(|finding| finding.kind == kind)
        .collect();
    assert_eq!(found.len(), 1, "{kind:?}: {found:?}");
    let finding = found.remove(0);
    assert_eq!(
        (finding.system.as_str(), finding.owner.as_deref()),
        ("acme", watched.draft.owner.as_deref())
    );
    for sentence in [&finding.what, &finding.todo] {
        assert!(sentence.ends_with('.'), "{sentence}");
        assert!(!sentence.contains('\n') && sentence.len() < 600, "{sentence}");
    }
    finding
}
