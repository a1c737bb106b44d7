//! A house with a clock of its own.

use std::{
    collections::BTreeSet,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use seatbelt_catalog::{Catalog, Tables};
use seatbelt_embedded::Options as Home;
use seatbelt_model::{Clock, LayerIndex, Run, RunKind, Snapshot, System};
use seatbelt_retention::{Order, Pass, Retention};
use seatbelt_vault::{Options, Sweep, Vault};
use serde_json::{Value, json};

use crate::world::{Batch, Lines, Op, World, after, backup, by_id, id, keys, record, tiny};

pub(crate) const HOUR: i64 = 3600;
pub(crate) const DAY: i64 = 24 * HOUR;

/// A clock that stands where it is put.
#[derive(Debug, Clone, Default)]
pub(crate) struct Still(Arc<AtomicI64>);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        if wait.is_zero() {
            Box::pin(std::future::ready(()))
        } else {
            Box::pin(std::future::pending())
        }
    }
}

pub(crate) struct House {
    pub(crate) world: World,
    pub(crate) clock: Still,
    pub(crate) catalog: Catalog,
    /// The next number of a backup.
    pub(crate) next: usize,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(tiny(), Home::default()).await
    }

    pub(crate) async fn with(options: Options, home: Home) -> Self {
        let clock = Still::default();
        clock.0.store(id(0).start().as_second(), Ordering::SeqCst);
        let time = clock.clone();
        let world = World::with_home(home.fast().clock(move || time.now()), options).await;
        let tables = Tables {
            manifest: "manifest".into(),
            runs: "runs".into(),
        };
        let catalog = Catalog::new(world.embedded.dynamodb(), tables);
        catalog.create_tables().await.unwrap();
        Self {
            world,
            clock,
            catalog,
            next: 0,
        }
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.world.vault
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn wait(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn retention(&self) -> Retention {
        Retention {
            vault: self.vault().clone(),
            catalog: self.catalog.clone(),
            clock: Arc::new(self.clock.clone()),
            stack: None,
            sole: false,
        }
    }

    /// Writes an entry as it stands, which need not be valid.
    pub(crate) async fn entry(&self, system: &str, fields: Value) {
        let name = system.parse().unwrap();
        let found: System = serde_json::from_value(fields).unwrap();
        let version = self.catalog.system(&name).await.unwrap().map(|entry| entry.version);
        self.catalog.put_system(&name, &found, version).await.unwrap();
    }

    pub(crate) async fn policy(&self, system: &str, retention: &str) {
        self.entry(
            system,
            json!({ "platform": "practice_crm", "decision": "backup", "retention": retention }),
        )
        .await;
    }

    /// A backup at the next day's start, or the same one again if the clock has not come to it.
    pub(crate) async fn backup(&mut self, system: &str, batch: &Batch) -> Snapshot {
        self.backup_locked(system, batch, None).await
    }

    pub(crate) async fn backup_locked(&mut self, system: &str, batch: &Batch, lock_days: Option<u32>) -> Snapshot {
        while id(self.next).start() < self.now() {
            self.next += 1;
        }
        let at = id(self.next).start();
        self.clock.0.store(at.as_second(), Ordering::SeqCst);
        let vault = self.vault().locked_for(lock_days, at);
        let snapshot = backup(&vault, system, self.next, &by_id(), batch).await.unwrap();
        self.next += 1;
        self.wait(HOUR);
        snapshot
    }

    /// So many daily backups, each of a few changes.
    pub(crate) async fn days(&mut self, system: &str, days: usize) -> Vec<(Snapshot, Lines)> {
        let (mut snapshots, mut lines) = (Vec::new(), Lines::new());
        for day in 0..days {
            let batch = changes(day);
            lines = after(&lines, &batch, &by_id());
            snapshots.push((self.backup(system, &batch).await, lines.clone()));
        }
        snapshots
    }

    pub(crate) async fn pass(&self, system: &str) -> Pass {
        self.retention().pass(&Order::scheduled(system), None).await
    }

    /// A pass in which nothing may go wrong.
    #[track_caller]
    pub(crate) fn clean(&self, system: &str) -> impl Future<Output = Pass> {
        let at = std::panic::Location::caller();
        async move {
            let pass = self.pass(system).await;
            assert_eq!(pass.trouble(), None, "{at}");
            assert!(pass.damaged.is_empty(), "{at}: {:?}", pass.damaged);
            pass
        }
    }

    pub(crate) async fn ids(&self, system: &str) -> Vec<seatbelt_model::SnapshotId> {
        self.vault().snapshot_ids(system).await.unwrap()
    }

    /// The newest run of this kind.
    pub(crate) async fn run(&self, system: &str, kind: RunKind) -> Option<Run> {
        let runs = self.catalog.runs(system, 100).await.unwrap();
        runs.into_iter().find(|run| run.kind == kind)
    }

    /// The names of all objects that are stored.
    pub(crate) async fn stored(&self, system: &str) -> BTreeSet<String> {
        let keys = keys(self.vault(), &format!("{system}/objects/")).await;
        keys.iter()
            .map(|key| key.rsplit('/').next().unwrap().to_owned())
            .collect()
    }

    /// The names of all objects that snapshots name, found in the plainest way.
    pub(crate) async fn named(&self, system: &str) -> BTreeSet<String> {
        let mut named = BTreeSet::new();
        for id in self.ids(system).await {
            let snapshot = self.vault().snapshot(system, id).await.unwrap();
            for state in snapshot.resources.values() {
                for layer in state.layers.iter().chain(&state.delta) {
                    let json = self.vault().lines(system, &layer.index).await.unwrap();
                    let index: LayerIndex = serde_json::from_slice(&json).unwrap();
                    for chunk in index.chunks {
                        named.insert(chunk.object);
                        named.extend(chunk.bodies);
                    }
                    named.insert(layer.index.clone());
                }
            }
        }
        named
    }
}

/// A first sweep, then a few changes a day.
pub(crate) fn changes(day: usize) -> Batch {
    let put = |n: usize, text: String| Op::Put(n.to_string(), record(&n.to_string(), &text));
    if day == 0 {
        return Batch::full((0..60).map(|n| (n.to_string(), record(&n.to_string(), &format!("first {n}")))));
    }
    let mut ops: Vec<_> = (0..4)
        .map(|n| put((day * 17 + n * 7) % 60, format!("day {day} {n}")))
        .collect();
    ops.push(Op::Remove(((day * 5) % 60).to_string()));
    Batch {
        sweep: Sweep::Changes,
        ops,
    }
}
