//! Reading what a round judges by. Systems are read side by side, a few at a time; what cannot be read of one is noted with it, and the
//! others go on.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use seatbelt_catalog::{Catalog, CatalogError, Entry, Noted};
use seatbelt_model::{
    Decision, RunKind, RunStatus, SnapshotId, SystemName,
    system::{self, KnownPlatforms, check_entry},
};
use seatbelt_vault::{Vault, VaultError};

use crate::{
    finding::{later, shown},
    known::Known,
    state::State,
    world::{Digest, Seen, Snapshots, Watched, World},
};

/// Systems that are read side by side.
const PARALLEL: usize = 16;
/// Runs that are looked at.
const RUNS: usize = 20;
/// Snapshots that are looked at: the newest, and those it is compared with.
const SNAPSHOTS: usize = 6;
/// Drills further back do not count any more.
const DRILLS_WITHIN: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Snapshot documents never change, so what was read once is kept while the process lives.
#[derive(Debug, Default)]
pub(crate) struct Digests(Mutex<HashMap<(String, SnapshotId), Arc<Digest>>>);

/// Where a round reads.
pub(crate) struct Gather<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) vault: &'a Vault,
    pub(crate) platforms: &'a KnownPlatforms,
    pub(crate) digests: &'a Digests,
    pub(crate) now: Timestamp,
}

impl Gather<'_> {
    /// The world, with what earlier rounds know.
    ///
    /// # Errors
    /// When the manifest could not be read: without it there is nothing to watch by.
    pub(crate) async fn world(&self, state: &State) -> Result<World, CatalogError> {
        let entries = self.catalog.systems().await?;
        let mut noted: BTreeMap<String, Vec<Noted>> = BTreeMap::new();
        for note in self.catalog.findings().await? {
            noted.entry(note.system.clone()).or_default().push(note);
        }
        let systems = stream::iter(entries)
            .map(|entry| {
                let noted = noted.get(&entry.name).cloned().unwrap_or_default();
                self.watched(entry, noted, state)
            })
            .buffered(PARALLEL);
        let systems: Vec<_> = systems.collect().await;
        self.digests.keep(&systems);
        Ok(World { systems })
    }

    async fn watched(&self, entry: Entry, noted: Vec<Noted>, state: &State) -> Watched {
        let name = shown(&entry.name);
        let mut known = state
            .systems
            .get(&name)
            .cloned()
            .unwrap_or_else(|| Known::new(self.now));
        let (system, findings) = check_entry(&entry.raw, self.platforms);
        let mut errors: Vec<_> = findings.into_iter().filter(system::Finding::is_error).collect();
        let is_named = match entry.name.parse::<SystemName>() {
            Ok(_) => true,
            Err(error) => {
                errors.insert(0, system::Finding::error("system", error.to_string()));
                false
            }
        };
        if let Some(system) = system.filter(|_| is_named) {
            known.take_entry(&system, self.now);
        }
        let seen = match known.plan.as_ref().map(|plan| plan.decision) {
            Some(Decision::Backup | Decision::Manual) if is_named => Box::pin(self.seen(&name, &mut known)).await,
            _ => Seen::default(),
        };
        Watched {
            name,
            draft: system::read(&entry.raw).0,
            errors,
            noted,
            known,
            seen,
        }
    }

    async fn seen(&self, system: &str, known: &mut Known) -> Seen {
        let mut seen = Seen::default();
        match self.catalog.runs(system, RUNS).await {
            Ok(runs) => {
                known.take_runs(&runs);
                seen.runs = Some(runs);
            }
            Err(error) => seen.troubles.push(error.to_string()),
        }
        if let Err(error) = self.open(system, known, &mut seen).await {
            seen.troubles.push(error.to_string());
        }
        if let Err(error) = self.search_drill(system, known).await {
            seen.troubles.push(error.to_string());
        }
        match self.snapshots(system, &mut seen.troubles).await {
            Ok(snapshots) => seen.snapshots = Some(snapshots),
            Err(error) => seen.troubles.push(error.to_string()),
        }
        seen
    }

    /// Open runs, and the lease if there are any.
    async fn open(&self, system: &str, known: &mut Known, seen: &mut Seen) -> Result<(), CatalogError> {
        let open = self.catalog.open_runs(system).await?;
        if !open.is_empty() {
            seen.lease = self.catalog.lease_of(system).await?;
        }
        known.take_open(&open);
        seen.open = Some(open);
        Ok(())
    }

    /// Looks once through the history for a drill; from then on the newest runs tell.
    async fn search_drill(&self, system: &str, known: &mut Known) -> Result<(), CatalogError> {
        if known.searched {
            return Ok(());
        }
        let since = later(self.now, -DRILLS_WITHIN);
        let passed = |run: &seatbelt_model::Run| run.kind == RunKind::Drill && run.status == RunStatus::Complete;
        // The first that is too old ends the search.
        let found = self
            .catalog
            .latest_run(system, |run| passed(run) || run.started_at < since)
            .await?;
        known.take_runs(found.as_slice());
        known.searched = true;
        Ok(())
    }

    /// The newest snapshots. An old one that cannot be read is left out, as retention may just have taken it.
    async fn snapshots(&self, system: &str, troubles: &mut Vec<String>) -> Result<Snapshots, VaultError> {
        let ids = self.vault.snapshot_ids(system).await?;
        let oldest = ids.first().map(|id| id.start());
        let mut newest = Vec::new();
        for (age, id) in ids.into_iter().rev().take(SNAPSHOTS).enumerate() {
            match self.digest(system, id).await {
                Ok(digest) => newest.push(digest),
                Err(error) if age == 0 => return Err(error),
                Err(VaultError::NoSnapshot { .. }) => {}
                Err(error) => troubles.push(error.to_string()),
            }
        }
        Ok(Snapshots { newest, oldest })
    }

    async fn digest(&self, system: &str, id: SnapshotId) -> Result<Arc<Digest>, VaultError> {
        let key = (system.to_owned(), id);
        if let Some(known) = self.digests.lock().get(&key) {
            return Ok(Arc::clone(known));
        }
        let digest = Arc::new(Digest::from(&self.vault.snapshot(system, id).await?));
        self.digests.lock().insert(key, Arc::clone(&digest));
        Ok(digest)
    }
}

impl Digests {
    /// A map of documents is whole whatever a thread did while it held it.
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, SnapshotId), Arc<Digest>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what no system needs any more.
    fn keep(&self, systems: &[Watched]) {
        let newest = systems.iter().flat_map(|watched| {
            let digests = watched.seen.snapshots.iter().flat_map(|all| &all.newest);
            digests.map(|digest| (watched.name.clone(), digest.id))
        });
        let needed: std::collections::HashSet<_> = newest.collect();
        self.lock().retain(|key, _| needed.contains(key));
    }
}
