//! A home with a first snapshot, copied for each case that begins with one.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use jiff::Timestamp;
use seatbelt_connector_kit::{Connector, Cursor, DependsOn};
use seatbelt_embedded::Options;
use seatbelt_model::{Run, RunStatus};

use crate::{Rig, Setup, State, Subject, compare};

/// Time enough that a sweep is due.
const SWEEP_DUE: Duration = Duration::from_secs(8 * 24 * 3600);

/// What a case begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Start {
    /// No snapshot.
    Empty,
    /// The first snapshot, of an hour ago.
    Recent,
    /// The first snapshot, so old that a sweep is due.
    Old,
}

impl Start {
    pub(crate) const ALL: [Self; 3] = [Self::Empty, Self::Recent, Self::Old];
}

/// A home with a snapshot, made before the vendor's records changed.
pub(crate) struct Template {
    folder: tempfile::TempDir,
    /// What the snapshot holds.
    pub(crate) state: State,
    /// When the vendor has changed.
    pub(crate) changed_at: Timestamp,
    narrow: std::cell::Cell<bool>,
}

/// An undisturbed run.
pub(crate) struct Undisturbed {
    pub(crate) state: State,
    pub(crate) requests: u64,
    pub(crate) run: Run,
}

impl Template {
    /// Keeps the home of `rig` as it is, and lets the vendor's people work for two hours.
    pub(crate) fn keep(subject: &Subject<'_>, rig: Rig, state: State) -> Self {
        let home = rig.folder();
        drop(rig);
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        copy(home.path(), folder.path());
        let hour = Duration::from_secs(3600);
        subject.clock.advance(hour);
        (subject.change)();
        let changed_at = subject.clock.advance(hour);
        Self {
            folder,
            state,
            changed_at,
            narrow: false.into(),
        }
    }

    /// From now on cases read the subject's core only, unless all cases are tried.
    pub(crate) fn narrow(&self) {
        self.narrow.set(!crate::is_exhaustive());
    }

    /// A rig for a case, on a folder of its own.
    pub(crate) async fn rig(&self, subject: &Subject<'_>, start: Start) -> Rig {
        self.rig_with(&self.setup(subject, start), start, Options::default())
            .await
    }

    pub(crate) fn setup<'a>(&self, subject: &'a Subject<'_>, start: Start) -> Setup<'a> {
        let wait = if start == Start::Old { SWEEP_DUE } else { Duration::ZERO };
        let setup = subject.setup(self.changed_at.checked_add(wait).expect("tests live in this century"));
        let include = if self.narrow.get() && !subject.core.is_empty() {
            subject.core
        } else {
            setup.include
        };
        Setup { include, ..setup }
    }

    pub(crate) async fn rig_with(&self, setup: &Setup<'_>, start: Start, options: Options) -> Rig {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        if start != Start::Empty {
            copy(self.folder.path(), folder.path());
        }
        Rig::on(Arc::new(folder), setup, options).await
    }

    /// What a run that nobody disturbs comes to.
    pub(crate) async fn undisturbed(&self, subject: &Subject<'_>, start: Start) -> Undisturbed {
        let rig = self.rig(subject, start).await;
        let before = subject.server.request_count();
        let what = format!("{}: an undisturbed run ({start:?})", subject.name);
        let run = complete(&what, &rig).await;
        let state = rig.state(&rig.newest().await).await;
        Undisturbed {
            state,
            requests: subject.server.request_count() - before,
            run,
        }
    }
}

/// Backs up, and fails unless the run is complete.
pub(crate) async fn complete(what: &str, rig: &Rig) -> Run {
    let run = match rig.back_up(false).await {
        Ok(run) => run,
        Err(error) => panic!("{what}: the run failed: {error}"),
    };
    if run.status != RunStatus::Complete {
        panic!(
            "{what}: the run is {:?}: {}",
            run.status,
            compare::shorten(&compare::gaps(&rig.newest().await))
        );
    }
    run
}

/// Resources whose deletions only a sweep shows, by the connector's own words.
pub(crate) fn late_deletions(connector: &Connector) -> BTreeMap<&'static str, bool> {
    let mut late = BTreeMap::new();
    for resource in connector.resources {
        let own = match (resource.cursor, resource.deletes, resource.depends_on) {
            (_, seatbelt_connector_kit::Deletes::Listed(_), _) => false,
            (Cursor::None, _, DependsOn::EachChanged(..)) => true,
            (Cursor::None, ..) => false,
            _ => true,
        };
        let parent = resource
            .parent()
            .is_some_and(|parent| late.get(parent.name).copied().unwrap_or(false));
        late.insert(resource.name, own || parent);
    }
    late
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a home can be listed") {
        let entry = entry.expect("a home can be listed");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a file has a type").is_dir() {
            std::fs::create_dir_all(&target).expect("a folder can be made");
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a file can be copied");
        }
    }
}
