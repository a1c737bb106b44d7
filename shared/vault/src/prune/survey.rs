//! Everything of a system that names objects. What lies in its folder and is not known is an error here, since what it names would
//! look as if nothing named it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use seatbelt_model::{Completeness, Layer, RunId, Snapshot, SnapshotId};
use serde_json::Value;

use super::names::{Collector, Names, name_of, names_in};
use crate::{
    Vault, VaultError,
    chunk::{decompress, open},
    digest::Sha,
    document::read_document,
    state::AT_ONCE,
    store::blocking,
};

/// Indexes in memory at once: one of a million files has 70 MB.
const INDEXES_AT_ONCE: usize = 2;
/// What a restore wrote as JSON lines came out of memory, so it is never larger; what is larger is a file.
const MOST_LINES_BYTES: u64 = 256 << 20;

/// All that names objects, read.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// The snapshots, by id.
    pub snapshots: BTreeMap<SnapshotId, Stored>,
    /// Documents of restores, by key.
    pub(super) restores: BTreeMap<String, Restored>,
    /// Lists of what was marked.
    pub(super) marks: Vec<String>,
}

/// What a survey keeps of a snapshot document.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Whether it is complete.
    pub complete: bool,
    /// When its document was written.
    pub committed_at: Timestamp,
    /// Its records.
    pub records: u64,
    /// The layers it names, with their resource, each resource's once.
    pub(super) layers: Vec<(String, Layer)>,
    /// Everything in the document that looks like the name of an object.
    named: BTreeSet<Sha>,
}

/// What a survey keeps of a document of a restore.
#[derive(Debug, Clone)]
pub(super) struct Restored {
    pub(super) run: RunId,
    /// Everything in it that looks like the name of an object.
    named: BTreeSet<Sha>,
    /// What it surely names.
    pub(super) objects: BTreeSet<Sha>,
}

/// What may lie in a system's folder. A new kind belongs here, and what it names into [`Vault::names`].
enum Kind {
    /// Named by content.
    Object,
    Snapshot(SnapshotId),
    /// A document of a restore, which names objects.
    Restore(RunId),
    /// A list of marks.
    Marks,
    /// Of runs that are not over, and expired by the bucket's lifecycle. While a run is open nothing is swept.
    Staging,
}

impl Kind {
    fn of(system: &str, key: &str) -> Option<Self> {
        let (folder, rest) = key.strip_prefix(system)?.strip_prefix('/')?.split_once('/')?;
        let json = rest.strip_suffix(".json");
        match folder {
            "objects" => Some(Self::Object),
            "staging" => Some(Self::Staging),
            "snapshots" => json?.parse().ok().map(Self::Snapshot),
            "restores" => {
                let (run, name) = json?.split_once('/')?;
                let run = run.parse().ok()?;
                (!name.contains('/')).then_some(Self::Restore(run))
            }
            "prune" => json.map(|_| Self::Marks),
            _ => None,
        }
    }
}

impl Vault {
    /// Reads everything of a system that names objects. Costs four listings and a request for each document.
    ///
    /// # Errors
    /// [`VaultError::UnknownKind`] if something lies there whose kind this version does not know; [`VaultError::Damaged`] and
    /// [`VaultError::UnknownFormat`] if a document cannot be read; S3's. After any of them nothing of the system may be deleted.
    pub async fn survey(&self, system: &str) -> Result<Survey, VaultError> {
        let (mut snapshots, mut restores, mut survey) = (Vec::new(), Vec::new(), Survey::default());
        for key in self.small_keys(system).await? {
            match Kind::of(system, &key) {
                Some(Kind::Snapshot(id)) => snapshots.push(id),
                Some(Kind::Restore(run)) => restores.push((key, run)),
                Some(Kind::Marks) => survey.marks.push(key),
                Some(Kind::Object | Kind::Staging) => {}
                None => return Err(VaultError::UnknownKind { object: key }),
            }
        }
        let read = snapshots.into_iter().map(|id| self.stored(system, id));
        let read = stream::iter(read.collect::<Vec<_>>()).buffered(AT_ONCE);
        survey.snapshots = read.try_filter_map(async |found| Ok(found)).try_collect().await?;
        let read = restores.into_iter().map(|(key, run)| async move {
            let restored = Restored::new(run, &key, &self.fetch(&key).await?)?;
            Ok::<_, VaultError>((key, restored))
        });
        let read = stream::iter(read.collect::<Vec<_>>()).buffered(AT_ONCE);
        survey.restores = read.try_collect().await?;
        Ok(survey)
    }

    /// All keys of a system but those of objects and of staging; of these two one key stands for all.
    async fn small_keys(&self, system: &str) -> Result<Vec<String>, VaultError> {
        let prefix = format!("{system}/");
        let list = self.client().list_objects_v2().bucket(self.bucket());
        let mut pages = list.prefix(&prefix).delimiter("/").into_paginator().send();
        let (mut keys, mut folders) = (Vec::new(), Vec::new());
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| VaultError::s3("list", &prefix, &error))?;
            keys.extend(
                page.contents
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|object| object.key),
            );
            folders.extend(
                page.common_prefixes
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|found| found.prefix),
            );
        }
        for folder in folders {
            let name = folder.strip_prefix(&prefix).unwrap_or_default();
            if matches!(name, "objects/" | "staging/") {
                continue;
            }
            let inside = self.list(&folder).await?;
            keys.extend(inside);
        }
        Ok(keys)
    }

    /// A snapshot; `None` if it has expired since it was listed.
    async fn stored(&self, system: &str, id: SnapshotId) -> Result<Option<(SnapshotId, Stored)>, VaultError> {
        let key = Self::snapshot_key(system, id);
        let json = match self.fetch(&key).await {
            Ok(json) => json,
            Err(VaultError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let document = read_document(&key, &json)?;
        if document.id != id || document.system != system {
            return Err(VaultError::damaged(key, "it is the document of another snapshot"));
        }
        Ok(Some((id, Stored::new(&document, &json))))
    }

    /// The names of all objects that something in the survey names, the snapshots in `without` left out. Reads the index of each layer
    /// once. Memory: 8 MB and two indexes.
    ///
    /// # Errors
    /// [`VaultError::Missing`] and [`VaultError::Damaged`] if an index cannot be read, as then nobody knows what it names;
    /// [`VaultError::Spool`]; S3's. After any of them nothing of the system may be deleted.
    pub async fn names(
        &self,
        system: &str,
        survey: &Survey,
        without: &BTreeSet<SnapshotId>,
    ) -> Result<Names, VaultError> {
        let (mut names, mut indexes) = (Collector::new(self), BTreeSet::new());
        for (_, stored) in survey.snapshots.iter().filter(|(id, _)| !without.contains(id)) {
            stored.named.iter().try_for_each(|name| names.add(*name))?;
            indexes.extend(stored.layers.iter().map(|(_, layer)| layer.index.clone()));
        }
        let read = indexes.into_iter().map(|index| self.index_text(system, index));
        let mut read = stream::iter(read.collect::<Vec<_>>()).buffer_unordered(INDEXES_AT_ONCE);
        while let Some(text) = read.try_next().await? {
            names.add_all(&text)?;
        }
        for restored in survey.restores.values() {
            for name in &restored.named {
                names.add(*name)?;
                if let Some(lines) = self.lines_of_restore(system, *name).await? {
                    names.add_all(&lines)?;
                }
            }
        }
        names.finish()
    }

    async fn index_text(&self, system: &str, sha256: String) -> Result<bytes::Bytes, VaultError> {
        let key = Self::object_key(system, &sha256);
        let stored = self.fetch(&key).await?;
        let pool = self.pool().clone();
        blocking(move || open(&pool, &key, &sha256, &stored)).await?
    }

    /// The lines that a document of a restore names, which name files in turn; `None` if it is a file, or is not there.
    async fn lines_of_restore(&self, system: &str, name: Sha) -> Result<Option<bytes::Bytes>, VaultError> {
        let (sha256, key) = (name.hex(), Self::object_key(system, &name.hex()));
        match self.head(&key).await? {
            Some(head) if head.bytes <= MOST_LINES_BYTES => {}
            _ => return Ok(None),
        }
        let stored = self.fetch(&key).await?;
        let pool = self.pool().clone();
        blocking(move || {
            if Sha::of(&stored).hex() != sha256 {
                return Err(VaultError::damaged(key, "its SHA-256 is not its name"));
            }
            // What is no frame of ours is a file as it was, and names nothing.
            Ok(decompress(&pool, &key, &stored).ok())
        })
        .await?
    }
}

impl Stored {
    fn new(document: &Snapshot, json: &[u8]) -> Self {
        let mut layers = Vec::new();
        for (resource, state) in &document.resources {
            let mut seen = BTreeSet::new();
            for layer in state.layers.iter().chain(&state.delta) {
                if seen.insert(&layer.index) {
                    layers.push((resource.clone(), layer.clone()));
                }
            }
        }
        Self {
            complete: document.completeness == Completeness::Complete,
            committed_at: document.committed_at,
            records: document.records(),
            layers,
            named: names_in(json).collect(),
        }
    }
}

impl Restored {
    fn new(run: RunId, key: &str, json: &[u8]) -> Result<Self, VaultError> {
        let document: Value = serde_json::from_slice(json)
            .map_err(|error| VaultError::damaged(key, format!("it is no document of a restore: {error}")))?;
        let members = ["object", "objects", "ids"].map(|member| &document[member]);
        let texts = members.into_iter().flat_map(|member| match member {
            Value::Array(items) => items.iter().collect(),
            one => vec![one],
        });
        Ok(Self {
            run,
            named: names_in(json).collect(),
            objects: texts.filter_map(|text| name_of(text.as_str()?)).collect(),
        })
    }
}
