//! A small engine and a simple model of what a vault must hold, to compare the two.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;
use jiff::Timestamp;
use seatbelt_embedded::{BUCKET, Embedded, Options as Home};
use seatbelt_model::{
    ChangeKind, Completeness, FORMAT, Freshness, KeyRule, Kind, Receipt, ResourceState, RunId, Snapshot, SnapshotId,
    json::{self, Pointer},
};
use seatbelt_vault::{Described, Difference, Extra, LayerWriter, Options, Staged, Sweep, Vault, VaultError, line};

pub(crate) const RESOURCE: &str = "notes";

pub(crate) struct World {
    pub(crate) vault: Vault,
    pub(crate) embedded: Embedded,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new(options: Options) -> Self {
        Self::with_home(Home::default().fast(), options).await
    }

    pub(crate) async fn with_home(home: Home, options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let embedded = Embedded::open_with(&folder.path().join("home"), home).await.unwrap();
        let spool = folder.path().to_owned();
        let vault = Vault::new(embedded.s3(), BUCKET, Options { spool, ..options });
        Self {
            vault,
            embedded,
            folder,
        }
    }

    pub(crate) async fn objects(&self, prefix: &str) -> Vec<String> {
        keys(&self.vault, prefix).await
    }
}

pub(crate) async fn keys(vault: &Vault, prefix: &str) -> Vec<String> {
    let mut pages = vault
        .client()
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix(prefix)
        .into_paginator()
        .send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        keys.extend(
            page.unwrap()
                .contents
                .unwrap_or_default()
                .into_iter()
                .filter_map(|object| object.key),
        );
    }
    keys
}

/// Buffers and chunks so small that every boundary is met.
pub(crate) fn tiny() -> Options {
    Options {
        buffer_bytes: 400,
        chunk_bytes: 1024,
        ..Options::default()
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Op {
    Put(String, String),
    Remove(String),
    Listed(String),
    /// A checkpoint, and another process that goes on.
    Handover,
}

#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) sweep: Sweep,
    pub(crate) ops: Vec<Op>,
}

impl Batch {
    pub(crate) fn full<K: Into<String>>(records: impl IntoIterator<Item = (K, String)>) -> Self {
        let ops = records
            .into_iter()
            .map(|(key, record)| Op::Put(key.into(), record))
            .collect();
        Self {
            sweep: Sweep::Full,
            ops,
        }
    }
}

pub(crate) fn id(number: usize) -> SnapshotId {
    RunId::at(Timestamp::from_second(1_790_000_000 + 86_400 * number as i64).unwrap())
}

/// A record that carries its key, as most do.
pub(crate) fn record(key: &str, text: &str) -> String {
    serde_json::json!({ "id": key, "text": text }).to_string()
}

pub(crate) fn by_id() -> KeyRule {
    KeyRule::Pointer("/id".into())
}

pub(crate) fn build(rule: &KeyRule, key: &str, record: &str) -> String {
    let key = (*rule == KeyRule::Written).then(|| key.to_owned());
    line::build(record, &Extra { key, body: None }).unwrap()
}

/// One run over one resource, as the engine does it.
pub(crate) async fn backup(
    vault: &Vault,
    system: &str,
    number: usize,
    rule: &KeyRule,
    batch: &Batch,
) -> Result<Snapshot, VaultError> {
    let previous = vault.newest(system).await?;
    let state = previous.as_ref().map(|snapshot| &snapshot.resources[RESOURCE]);
    let fresh = state.is_none() && batch.sweep == Sweep::Full;
    let staged = stage(vault, system, number, rule, batch, fresh).await?;
    let base = if fresh {
        staged.base(vault, system, id(number)).await?
    } else {
        None
    };
    let written = match base {
        Some(written) => written,
        None => {
            let volatile = [Pointer::new("/seen")];
            let mut compared = vault
                .compare(system, state, staged, batch.sweep, &volatile, rule)
                .await?;
            let mut writer = LayerWriter::after(state, vault, system, id(number));
            while let Some(difference) = compared.next().await? {
                writer.push(&difference).await?;
            }
            writer.finish().await?
        }
    };
    let now = id(number).start();
    let described = Described {
        kind: Kind::Data,
        key: rule.clone(),
        cursors: BTreeMap::new(),
        fields: Vec::new(),
        receipt: Receipt::default(),
        freshness: Freshness {
            read_at: now,
            full_sweep_at: now,
            stale_since: None,
        },
    };
    let state = vault
        .resource_state(system, id(number), state, written, described)
        .await?;
    let snapshot = snapshot(system, number, previous.map(|previous| previous.id), state);
    vault.commit(&snapshot).await?;
    Ok(snapshot)
}

async fn stage(
    vault: &Vault,
    system: &str,
    number: usize,
    rule: &KeyRule,
    batch: &Batch,
    fresh: bool,
) -> Result<Staged, VaultError> {
    let mut stager = vault.stager(system, id(number), RESOURCE, fresh, Vec::new());
    for op in &batch.ops {
        match op {
            Op::Put(key, record) => stager.put(key, &build(rule, key, record)).await?,
            Op::Remove(key) => stager.remove(key).await?,
            Op::Listed(parent) => stager.listed(parent).await?,
            Op::Handover => {
                let runs = serde_json::to_string(&stager.flush().await?).unwrap();
                let resume = serde_json::from_str(&runs).unwrap();
                stager = vault.stager(system, id(number), RESOURCE, fresh, resume);
            }
        }
    }
    stager.finish().await
}

pub(crate) fn snapshot(system: &str, number: usize, parent: Option<SnapshotId>, state: ResourceState) -> Snapshot {
    Snapshot {
        format: FORMAT.into(),
        system: system.into(),
        platform: "practice".into(),
        id: id(number),
        parent,
        committed_at: id(number).start(),
        seatbelt: "0.0.0".into(),
        completeness: Completeness::Complete,
        resources: BTreeMap::from([(RESOURCE.to_owned(), state)]),
        alarms: Vec::new(),
        locked_until: None,
    }
}

/// A state as plain lines by key.
pub(crate) type Lines = BTreeMap<String, String>;

/// What the state must be after a batch.
pub(crate) fn after(before: &Lines, batch: &Batch, rule: &KeyRule) -> Lines {
    let mut staged = BTreeMap::new();
    let mut listed = BTreeSet::new();
    for op in &batch.ops {
        match op {
            Op::Put(key, record) => drop(staged.insert(key.clone(), Some(build(rule, key, record)))),
            Op::Remove(key) => drop(staged.insert(key.clone(), None)),
            Op::Listed(parent) => drop(listed.insert(format!("{parent}/"))),
            Op::Handover => {}
        }
    }
    let gone = |key: &String| batch.sweep == Sweep::Full || listed.iter().any(|prefix| key.starts_with(prefix));
    let mut state: Lines = before.clone();
    state.retain(|key, _| staged.contains_key(key) || !gone(key));
    for (key, line) in staged {
        match (line, state.get(&key)) {
            (Some(line), Some(old)) if json::same(old, &line, &[Pointer::new("/seen")]) => {}
            (Some(line), _) => drop(state.insert(key, line)),
            (None, _) => drop(state.remove(&key)),
        }
    }
    state
}

pub(crate) async fn state_of(vault: &Vault, system: &str, state: &ResourceState) -> Result<Lines, VaultError> {
    let lines: Vec<_> = vault.state(system, state).try_collect().await?;
    let sorted = lines
        .windows(2)
        .all(|pair| seatbelt_model::key::compare(&pair[0].0, &pair[1].0).is_lt());
    assert!(sorted, "a state comes in the order of its keys, each once");
    Ok(lines.into_iter().map(|(key, line)| (key, text(&line))).collect())
}

pub(crate) fn text(line: &[u8]) -> String {
    String::from_utf8(line.to_vec()).unwrap()
}

/// What lies between two states, in the order of keys.
pub(crate) fn between(before: &Lines, after: &Lines) -> Vec<Difference> {
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let mut keys: Vec<_> = keys.into_iter().collect();
    keys.sort_by(|a, b| seatbelt_model::key::compare(a, b));
    let line = |lines: &Lines, key| lines.get(key).map(|line: &String| line.clone().into());
    keys.into_iter()
        .filter_map(|key| Difference::between(key.clone(), line(before, key), line(after, key)))
        .collect()
}

/// Every way of reading says what the model says.
pub(crate) async fn check_everything(vault: &Vault, system: &str, snapshots: &[(Snapshot, Lines)], probes: &[String]) {
    for (snapshot, lines) in snapshots {
        let state = &snapshot.resources[RESOURCE];
        assert_eq!(&state_of(vault, system, state).await.unwrap(), lines);
        assert_eq!(state.records, lines.len() as u64);
        assert_eq!(
            state.bytes,
            lines.values().map(|line| line.len() as u64 + 1).sum::<u64>()
        );
        for key in probes {
            let found = vault.get(system, state, key).await.unwrap().map(|line| text(&line));
            assert_eq!(found.as_ref(), lines.get(key), "{key}");
        }
    }
    let nothing = Lines::new();
    for (to, after) in snapshots {
        let from = snapshots
            .iter()
            .map(|(from, before)| (Some(from.id), before))
            .chain([(None, &nothing)]);
        for (from, before) in from {
            let changes: Vec<_> = vault
                .changes(system, RESOURCE, from, to.id)
                .try_collect()
                .await
                .unwrap();
            assert_eq!(changes, between(before, after), "{from:?} to {}", to.id);
            let counts = vault.change_counts(system, RESOURCE, from, to.id).await.unwrap();
            let of = |kind| changes.iter().filter(|change| change.kind == kind).count() as u64;
            assert_eq!(
                (counts.added, counts.changed, counts.removed),
                (of(ChangeKind::Added), of(ChangeKind::Changed), of(ChangeKind::Removed))
            );
        }
    }
    for key in probes {
        check_history(vault, system, snapshots, key).await;
    }
    let report = vault.verify(system, seatbelt_vault::Scope::All, |_| {}).await.unwrap();
    assert_eq!(report.damaged, []);
    assert_eq!(report.snapshots, snapshots.len() as u64);
}

pub(crate) async fn check_history(vault: &Vault, system: &str, snapshots: &[(Snapshot, Lines)], key: &str) {
    let (mut expected, mut line) = (Vec::new(), None);
    for (snapshot, lines) in snapshots {
        let now = lines.get(key).cloned();
        if now != line {
            expected.push((snapshot.id, line, now.clone()));
        }
        line = now;
    }
    let versions = vault.history(system, RESOURCE, key).await.unwrap();
    let line = |line: Option<bytes::Bytes>| line.map(|line| text(&line));
    let found: Vec<_> = versions
        .into_iter()
        .map(|v| (v.snapshot, line(v.before), line(v.after)))
        .collect();
    assert_eq!(found, expected, "{key}");
}
