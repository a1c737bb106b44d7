//! A vault of its own in a new folder, written day by day without a vendor: what storage and reading are measured on.

use std::{collections::BTreeMap, path::Path};

use anyhow::Result;
use jiff::Timestamp;
use seatbelt_embedded::{BUCKET, Embedded};
use seatbelt_model::{
    Changes, Completeness, FORMAT, Freshness, KeyRule, Kind, Receipt, ResourceState, RunId, Snapshot, SnapshotId,
};
use seatbelt_vault::{Described, Extra, LayerWriter, Options, Staged, Sweep, Vault, Written, line};

use crate::issues::{self, FIRST_ID};

pub(crate) const SYSTEM: &str = "bench";
pub(crate) const RESOURCE: &str = "issues";

/// Changes of a day, in ten-thousandths of the records there were on the first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    pub(crate) modified: u64,
    pub(crate) removed: u64,
    pub(crate) added: u64,
}

/// 0.8 % a day.
pub(crate) const DAILY: Share = Share {
    modified: 50,
    removed: 10,
    added: 20,
};

/// Snapshots of issues that change scattered over all of them.
pub(crate) struct Store {
    pub(crate) vault: Vault,
    /// How often each record was edited; `None` where it is gone.
    edits: Vec<Option<u32>>,
    first: u64,
    newest: Option<Snapshot>,
    _embedded: Embedded,
    _folder: tempfile::TempDir,
}

impl Store {
    /// A store whose first snapshot has so many records.
    pub(crate) async fn new(folder: &Path, records: u64) -> Result<Self> {
        let folder = tempfile::tempdir_in(folder)?;
        // Nothing here waits for writing, so neither need the disk: what is measured is sizes and reading.
        let embedded = Embedded::open_for_tests(&folder.path().join("home")).await?;
        let spool = folder.path().to_owned();
        let vault = Vault::new(
            embedded.s3(),
            BUCKET,
            Options {
                spool,
                ..Options::default()
            },
        );
        let edits = vec![Some(0); records as usize];
        let mut store = Self {
            vault,
            edits,
            first: records,
            newest: None,
            _embedded: embedded,
            _folder: folder,
        };
        store.commit((0..records as usize).collect(), Sweep::Full).await?;
        Ok(store)
    }

    /// The next day's snapshot; gives what changed in it.
    pub(crate) async fn next_day(&mut self, share: Share) -> Result<Changes> {
        let mut rng = fastrand::Rng::with_seed(self.number() as u64);
        let mut touched = Vec::new();
        for (at, edits) in self.edits.iter_mut().enumerate() {
            let Some(count) = edits else { continue };
            match rng.u64(..10_000) {
                draw if draw < share.modified => *count += 1,
                draw if draw < share.modified + share.removed => *edits = None,
                _ => continue,
            }
            touched.push(at);
        }
        let before = self.edits.len();
        self.edits
            .resize(before + (self.first * share.added / 10_000) as usize, Some(0));
        touched.extend(before..self.edits.len());
        self.commit(touched, Sweep::Changes).await
    }

    /// The record that was edited most, and how often.
    pub(crate) fn liveliest(&self) -> (String, u32) {
        let all = self
            .edits
            .iter()
            .enumerate()
            .filter_map(|(at, edits)| edits.map(|edits| (edits, at)));
        let (edits, at) = all.max().unwrap_or_default();
        (issues::key(FIRST_ID + at as u64), edits)
    }

    /// The id of the newest snapshot.
    pub(crate) fn newest(&self) -> SnapshotId {
        self.newest.as_ref().map_or_else(|| id(0), |newest| newest.id)
    }

    fn number(&self) -> usize {
        self.newest.as_ref().map_or(0, |newest| number(newest.id) + 1)
    }

    async fn commit(&mut self, touched: Vec<usize>, sweep: Sweep) -> Result<Changes> {
        let id = id(self.number());
        let previous = self.newest.as_ref().and_then(|newest| newest.resources.get(RESOURCE));
        let staged = self.stage(id, &touched, sweep).await?;
        let written = self.write(id, previous, staged, sweep).await?;
        let changes = written.changes;
        let state = self
            .vault
            .resource_state(SYSTEM, id, previous, written, described(id))
            .await?;
        self.vault.clear_staging(SYSTEM, id).await?;
        let snapshot = document(id, self.newest.as_ref().map(|newest| newest.id), state);
        self.vault.commit(&snapshot).await?;
        self.newest = Some(snapshot);
        Ok(changes)
    }

    async fn stage(&self, id: SnapshotId, touched: &[usize], sweep: Sweep) -> Result<Staged> {
        let mut stager = self
            .vault
            .stager(SYSTEM, id, RESOURCE, sweep == Sweep::Full, Vec::new());
        for at in touched {
            let record = FIRST_ID + *at as u64;
            match self.edits[*at] {
                Some(edits) => {
                    let line = line::build(&issues::issue(record, edits), &Extra::default())?;
                    stager.put(&issues::key(record), &line).await?;
                }
                None => stager.remove(&issues::key(record)).await?,
            }
        }
        Ok(stager.finish().await?)
    }

    async fn write(
        &self,
        id: SnapshotId,
        previous: Option<&ResourceState>,
        staged: Staged,
        sweep: Sweep,
    ) -> Result<Written> {
        if sweep == Sweep::Full
            && let Some(written) = staged.base(&self.vault, SYSTEM, id).await?
        {
            return Ok(written);
        }
        let mut compared = self
            .vault
            .compare(SYSTEM, previous, staged, sweep, &[], &rule())
            .await?;
        let mut writer = LayerWriter::after(previous, &self.vault, SYSTEM, id);
        while let Some(difference) = compared.next().await? {
            writer.push(&difference).await?;
        }
        Ok(writer.finish().await?)
    }
}

/// Everything in the bucket, with its bytes.
pub(crate) async fn objects(vault: &Vault) -> Result<BTreeMap<String, u64>> {
    let mut pages = vault
        .client()
        .list_objects_v2()
        .bucket(vault.bucket())
        .into_paginator()
        .send();
    let mut objects = BTreeMap::new();
    while let Some(page) = pages.next().await {
        let found = page?.contents.unwrap_or_default().into_iter();
        objects.extend(found.map(|object| (object.key.unwrap_or_default(), object.size.unwrap_or_default() as u64)));
    }
    Ok(objects)
}

/// The id of the snapshot of a day, counted from 0.
pub(crate) fn id(number: usize) -> SnapshotId {
    RunId::at(Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24 * number as i64))
}

fn number(id: SnapshotId) -> usize {
    (id.start().as_second() / 86_400) as usize
}

fn rule() -> KeyRule {
    KeyRule::Pointer("/id".into())
}

fn described(id: SnapshotId) -> Described {
    let now = id.start();
    Described {
        kind: Kind::Data,
        key: rule(),
        cursors: BTreeMap::new(),
        fields: Vec::new(),
        receipt: Receipt::default(),
        freshness: Freshness {
            read_at: now,
            full_sweep_at: now,
            stale_since: None,
        },
    }
}

fn document(id: SnapshotId, parent: Option<SnapshotId>, state: ResourceState) -> Snapshot {
    Snapshot {
        format: FORMAT.into(),
        system: SYSTEM.into(),
        platform: "bench".into(),
        id,
        parent,
        committed_at: id.start(),
        seatbelt: env!("CARGO_PKG_VERSION").into(),
        completeness: Completeness::Complete,
        resources: BTreeMap::from([(RESOURCE.to_owned(), state)]),
        alarms: Vec::new(),
        locked_until: None,
    }
}
