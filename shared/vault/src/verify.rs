//! Verifying: every object that snapshots name is read and re-hashed, each once, and what is wrong is named together with
//! everything that stands on it.

use std::collections::{BTreeMap, HashMap};

use futures_util::{StreamExt, TryStreamExt, stream};
use seatbelt_model::{Chunk, Layer, LayerIndex, ResourceState, Snapshot, SnapshotId, key};

use crate::{
    Vault, VaultError,
    chunk::{open, read_index},
    cursor::next_line,
    digest::Sha,
    line::{self, Control, Keys},
    store::blocking,
};

/// What is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The newest snapshot.
    Newest,
    /// Every snapshot.
    All,
}

/// How far a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Objects read.
    pub objects: u64,
    /// Stored bytes read.
    pub bytes: u64,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Snapshots looked at.
    pub snapshots: u64,
    /// Objects read, documents included, each once.
    pub objects: u64,
    /// Stored bytes read.
    pub bytes: u64,
    /// Everything that is wrong; empty means all is well.
    pub damaged: Vec<Damage>,
}

/// A damaged object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Its key.
    pub object: String,
    /// What is wrong with it.
    pub what: DamageKind,
    /// What needs it.
    pub stands_on: Vec<StandsOn>,
}

/// What is wrong with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DamageKind {
    /// It is not there.
    Missing,
    /// Its bytes are not those its name says.
    HashMismatch,
    /// It cannot be decompressed or understood.
    Unreadable,
    /// Its keys are not in their order, or not those the index says.
    OutOfOrder,
    /// It holds more or fewer lines, records or bytes than is written elsewhere.
    CountMismatch,
}

/// A snapshot and resource that need an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StandsOn {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// The resource; `None` for the snapshot as a whole.
    pub resource: Option<String>,
}

/// Chunks decompressed side by side, each of them whole in memory.
const CHUNKS_AT_ONCE: usize = 4;
const BODIES_AT_ONCE: usize = 16;

/// A layer that was checked: records it adds to those below.
type Gained = Option<i64>;

struct Verifier<'a, F> {
    vault: &'a Vault,
    system: &'a str,
    report: VerifyReport,
    /// Everything read so far, and its place in `report.damaged` if it is damaged.
    seen: HashMap<[u8; 32], Option<usize>>,
    layers: HashMap<String, Gained>,
    progress: F,
}

impl Vault {
    /// Reads and re-hashes every object that the snapshots in `scope` name, each once, and checks indexes, counts, the order of
    /// keys, and files. Damage is reported, never an error. Memory: a few chunks, and 40 bytes an object.
    ///
    /// # Errors
    /// S3's, where an object can neither be read nor be said to be missing.
    pub async fn verify(
        &self,
        system: &str,
        scope: Scope,
        progress: impl FnMut(Progress) + Send,
    ) -> Result<VerifyReport, VaultError> {
        let mut ids = self.snapshot_ids(system).await?;
        if scope == Scope::Newest {
            ids = ids.into_iter().next_back().into_iter().collect();
        }
        let mut verifier = Verifier {
            vault: self,
            system,
            report: VerifyReport::default(),
            seen: HashMap::new(),
            layers: HashMap::new(),
            progress,
        };
        let documents = verifier.documents(ids).await?;
        let layers = layers_of(&documents);
        for (index, named) in layers {
            let gained = verifier.layer(&named).await?;
            verifier.layers.insert(index, gained);
        }
        for document in &documents {
            verifier.counts(document);
        }
        Ok(verifier.report)
    }
}

/// A layer and what stands on it.
struct Named {
    layer: Layer,
    /// `None` if the key rule is none.
    keys: Option<Keys>,
    stands_on: Vec<StandsOn>,
}

/// Every layer once.
fn layers_of(documents: &[Snapshot]) -> BTreeMap<String, Named> {
    let mut layers = BTreeMap::new();
    for document in documents {
        for (name, state) in &document.resources {
            for layer in state.layers.iter().chain(&state.delta) {
                let named = layers.entry(layer.index.clone()).or_insert_with(|| Named {
                    layer: layer.clone(),
                    keys: Keys::new(&state.key),
                    stands_on: Vec::new(),
                });
                let stands = StandsOn {
                    snapshot: document.id,
                    resource: Some(name.clone()),
                };
                if named.stands_on.last() != Some(&stands) {
                    named.stands_on.push(stands);
                }
            }
        }
    }
    layers
}

impl<F: FnMut(Progress) + Send> Verifier<'_, F> {
    async fn documents(&mut self, ids: Vec<SnapshotId>) -> Result<Vec<Snapshot>, VaultError> {
        let mut documents = Vec::with_capacity(ids.len());
        for id in ids {
            self.report.snapshots += 1;
            match self.vault.snapshot(self.system, id).await {
                Ok(document) if document.id == id && document.system == self.system => {
                    self.read(0);
                    documents.push(document);
                }
                Ok(_) => self.damaged_document(id),
                Err(VaultError::Damaged { .. } | VaultError::UnknownFormat { .. }) => self.damaged_document(id),
                Err(VaultError::NoSnapshot { .. }) => {} // expired since it was listed
                Err(other) => return Err(other),
            }
        }
        Ok(documents)
    }

    fn damaged_document(&mut self, id: SnapshotId) {
        self.report.damaged.push(Damage {
            object: Vault::snapshot_key(self.system, id),
            what: DamageKind::Unreadable,
            stands_on: vec![StandsOn {
                snapshot: id,
                resource: None,
            }],
        });
    }

    fn read(&mut self, bytes: u64) {
        self.report.objects += 1;
        self.report.bytes += bytes;
        (self.progress)(Progress {
            objects: self.report.objects,
            bytes: self.report.bytes,
        });
    }

    /// Notes an object's verdict, or who else stands on one that is known to be damaged.
    fn verdict(&mut self, sha256: &str, verdict: Result<u64, DamageKind>, stands_on: &[StandsOn]) {
        let place = match verdict {
            Ok(bytes) => {
                self.read(bytes);
                None
            }
            Err(what) => {
                self.report.damaged.push(Damage {
                    object: Vault::object_key(self.system, sha256),
                    what,
                    stands_on: stands_on.to_vec(),
                });
                Some(self.report.damaged.len() - 1)
            }
        };
        self.seen.insert(name(sha256), place);
    }

    /// Whether the object was read before. If it was found damaged, these stand on it too.
    fn is_seen(&mut self, sha256: &str, stands_on: &[StandsOn]) -> bool {
        let Some(place) = self.seen.get(&name(sha256)) else {
            return false;
        };
        if let Some(place) = *place {
            let known = &mut self.report.damaged[place].stands_on;
            known.extend(
                stands_on
                    .iter()
                    .filter(|stands| !known.contains(stands))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
        }
        true
    }

    /// Checks a layer. `None` if it is damaged.
    async fn layer(&mut self, named: &Named) -> Result<Gained, VaultError> {
        let (layer, stands_on) = (&named.layer, named.stands_on.as_slice());
        let Some((index, wrong)) = self.index(layer, stands_on).await? else {
            return Ok(None);
        };
        if let Some(what) = wrong {
            self.verdict(&layer.index, Err(what), stands_on);
        }
        let Some(keys) = &named.keys else {
            self.verdict(&layer.index, Err(DamageKind::Unreadable), stands_on);
            return Ok(None);
        };
        let gained = self.chunks(&index, keys, stands_on).await?;
        self.bodies(&index, stands_on).await?;
        Ok(gained)
    }

    /// The index, and what is wrong with it although it can be read.
    async fn index(
        &mut self,
        layer: &Layer,
        stands_on: &[StandsOn],
    ) -> Result<Option<(LayerIndex, Option<DamageKind>)>, VaultError> {
        let sha256 = &layer.index;
        let (stored, checked) = match fetched(self.vault, self.system, sha256, read_index).await? {
            Ok(read) => read,
            Err(what) => {
                self.verdict(sha256, Err(what), stands_on);
                return Ok(None);
            }
        };
        let wrong = wrong_with(layer, &checked, stored);
        if wrong.is_none() {
            self.verdict(sha256, Ok(stored), stands_on);
        }
        Ok(Some((checked, wrong)))
    }

    async fn chunks(&mut self, index: &LayerIndex, keys: &Keys, stands_on: &[StandsOn]) -> Result<Gained, VaultError> {
        let (vault, system) = (self.vault, self.system);
        // A chunk that several layers share is read again, since its records count in each of them.
        let checks = index.chunks.iter().map(|chunk| {
            let (chunk, keys) = (chunk.clone(), keys.clone());
            async move {
                let sha256 = chunk.object.clone();
                let check = move |_: &str, lines: &[u8]| Ok(check_chunk(&chunk, lines, &keys));
                let read = fetched(vault, system, &sha256, check).await?;
                let verdict = read.and_then(|(stored, checked)| Ok((stored, checked?)));
                Ok::<_, VaultError>((sha256, verdict))
            }
        });
        let mut checks = stream::iter(checks.collect::<Vec<_>>()).buffered(CHUNKS_AT_ONCE);
        let mut sum = Some(0);
        while let Some((sha256, verdict)) = checks.try_next().await? {
            sum = sum.zip(verdict.ok()).map(|(sum, (_, gained))| sum + gained);
            if !self.is_seen(&sha256, stands_on) {
                self.verdict(&sha256, verdict.map(|(stored, _)| stored), stands_on);
            }
        }
        Ok(sum)
    }

    async fn bodies(&mut self, index: &LayerIndex, stands_on: &[StandsOn]) -> Result<(), VaultError> {
        for chunk in &index.chunks {
            let unseen: Vec<_> = chunk
                .bodies
                .iter()
                .filter(|sha256| !self.is_seen(sha256, stands_on))
                .collect();
            let (vault, system) = (self.vault, self.system);
            let checks = unseen
                .into_iter()
                .map(|sha256| async move { Ok::<_, VaultError>((sha256, check_body(vault, system, sha256).await?)) });
            let mut checks = stream::iter(checks.collect::<Vec<_>>()).buffer_unordered(BODIES_AT_ONCE);
            while let Some((sha256, verdict)) = checks.try_next().await? {
                self.verdict(sha256, verdict, stands_on);
            }
        }
        Ok(())
    }

    /// Whether the layers of a snapshot's resources add up to the records it states.
    fn counts(&mut self, document: &Snapshot) {
        for (name, state) in &document.resources {
            if self
                .records(state)
                .is_some_and(|records| records != state.records as i64)
            {
                self.report.damaged.push(Damage {
                    object: Vault::snapshot_key(self.system, document.id),
                    what: DamageKind::CountMismatch,
                    stands_on: vec![StandsOn {
                        snapshot: document.id,
                        resource: Some(name.clone()),
                    }],
                });
            }
        }
    }

    fn records(&self, state: &ResourceState) -> Option<i64> {
        state.layers.iter().map(|layer| *self.layers.get(&layer.index)?).sum()
    }
}

fn name(sha256: &str) -> [u8; 32] {
    // Names are hashes; hashing them again makes a key of fixed size of any text, a damaged document's too.
    Sha::of(sha256.as_bytes()).0
}

/// Reads an object and looks into it: stored bytes and what `look` found, or what is wrong.
async fn fetched<T: Send + 'static>(
    vault: &Vault,
    system: &str,
    sha256: &str,
    look: impl FnOnce(&str, &[u8]) -> Result<T, VaultError> + Send + 'static,
) -> Result<Result<(u64, T), DamageKind>, VaultError> {
    let key = Vault::object_key(system, sha256);
    let stored = match vault.fetch(&key).await {
        Ok(stored) => stored,
        Err(VaultError::Missing { .. }) => return Ok(Err(DamageKind::Missing)),
        Err(VaultError::Damaged { .. }) => return Ok(Err(DamageKind::HashMismatch)),
        Err(other) => return Err(other),
    };
    let (sha256, pool) = (sha256.to_owned(), vault.pool().clone());
    blocking(move || {
        if Sha::of(&stored).hex() != sha256 {
            return Err(DamageKind::HashMismatch);
        }
        let read = open(&pool, &key, &sha256, &stored).and_then(|content| look(&key, &content));
        read.map(|found| (stored.len() as u64, found))
            .map_err(|_| DamageKind::Unreadable)
    })
    .await
}

/// What an index that can be read says wrongly.
fn wrong_with(layer: &Layer, index: &LayerIndex, stored: u64) -> Option<DamageKind> {
    let sum = |of: fn(&Chunk) -> u64| index.chunks.iter().map(of).sum::<u64>();
    let ordered = index
        .chunks
        .iter()
        .all(|chunk| key::compare(&chunk.first, &chunk.last).is_le())
        && index
            .chunks
            .windows(2)
            .all(|pair| key::compare(&pair[0].last, &pair[1].first).is_lt());
    if !ordered {
        return Some(DamageKind::OutOfOrder);
    }
    let counted = (
        sum(|chunk| chunk.lines),
        sum(|chunk| chunk.bytes),
        sum(|chunk| chunk.stored_bytes) + stored,
    );
    (counted != (layer.lines, layer.bytes, layer.stored_bytes)).then_some(DamageKind::CountMismatch)
}

/// Checks lines against what the index says; gives the records they add to a state.
fn check_chunk(chunk: &Chunk, lines: &[u8], keys: &Keys) -> Result<i64, DamageKind> {
    let (mut at, mut count, mut gained) = (0, 0, 0);
    let (mut last, mut has_before): (Option<String>, bool) = (None, false);
    while let Some(range) = next_line(lines, at) {
        at = range.end + 1;
        count += 1;
        let text = std::str::from_utf8(&lines[range]).map_err(|_| DamageKind::Unreadable)?;
        let key = match line::control(text) {
            Some(Control::Before(_)) if !has_before => {
                has_before = true;
                continue;
            }
            Some(Control::Removed { key, .. }) if !has_before => {
                gained -= 1;
                key
            }
            None => {
                gained += i64::from(!has_before);
                keys.of(text).ok_or(DamageKind::Unreadable)?.into_owned()
            }
            Some(_) => return Err(DamageKind::Unreadable),
        };
        has_before = false;
        if !last
            .as_ref()
            .map_or(chunk.first == key, |last| key::compare(last, &key).is_lt())
        {
            return Err(DamageKind::OutOfOrder);
        }
        last = Some(key);
    }
    if last.as_ref() != Some(&chunk.last) || has_before {
        return Err(DamageKind::OutOfOrder);
    }
    if (count, lines.len() as u64) != (chunk.lines, chunk.bytes) {
        return Err(DamageKind::CountMismatch);
    }
    Ok(gained)
}

pub(crate) async fn check_body(
    vault: &Vault,
    system: &str,
    sha256: &str,
) -> Result<Result<u64, DamageKind>, VaultError> {
    let read = async {
        let mut body = vault.body(system, sha256).await?;
        let mut bytes = 0;
        while let Some(piece) = body.try_next().await? {
            bytes += piece.len() as u64;
        }
        Ok(bytes)
    };
    match read.await {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(VaultError::Missing { .. }) => Ok(Err(DamageKind::Missing)),
        Err(VaultError::Damaged { .. }) => Ok(Err(DamageKind::HashMismatch)),
        Err(other) => Err(other),
    }
}
