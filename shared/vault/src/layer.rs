//! Writing a layer: chunks compressed and uploaded while the next lines come, then the index that names them.

use bytes::Bytes;
use seatbelt_model::{Changes, Chunk, Layer, LayerIndex, LayerRole, ResourceState, SnapshotId, key};

use crate::{Body, Difference, Vault, VaultError, chunk::ChunkBuilder, line, pipeline::Pipeline, spill::IN_FLIGHT};

/// A written layer and what it did to the state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// The layer; `None` if nothing was pushed.
    pub layer: Option<Layer>,
    /// The changes in it.
    pub changes: Changes,
    /// Records more than before.
    pub records: i64,
    /// Bytes of records more than before.
    pub bytes: i64,
    /// Bytes of files more than before.
    pub body_bytes: i64,
}

/// Writes one layer. Memory: one chunk being filled and four on their way.
#[derive(Debug)]
pub struct LayerWriter {
    vault: Vault,
    system: String,
    snapshot: SnapshotId,
    role: LayerRole,
    limit: usize,
    builder: ChunkBuilder,
    uploads: Pipeline<Chunk>,
    chunks: Vec<Chunk>,
    last: Option<String>,
    written: Written,
}

impl LayerWriter {
    /// The layer with what changed since `previous`: a delta, or the base where there was nothing.
    #[must_use]
    pub fn after(previous: Option<&ResourceState>, vault: &Vault, system: &str, snapshot: SnapshotId) -> Self {
        let role = match previous {
            Some(previous) if !previous.layers.is_empty() => LayerRole::Delta,
            _ => LayerRole::Base,
        };
        Self::new(vault, system, snapshot, role)
    }

    /// A layer of that role.
    #[must_use]
    pub fn new(vault: &Vault, system: &str, snapshot: SnapshotId, role: LayerRole) -> Self {
        let options = vault.options();
        let limit = match role {
            LayerRole::Base => options.chunk_bytes,
            LayerRole::Delta => options.small_chunk_bytes(),
        };
        Self {
            vault: vault.clone(),
            system: system.to_owned(),
            snapshot,
            role,
            limit,
            builder: ChunkBuilder::default(),
            uploads: Pipeline::new(IN_FLIGHT),
            chunks: Vec::new(),
            last: None,
            written: Written::default(),
        }
    }

    /// Writes a difference. Keys must come in their order, each once. A base takes only added records.
    ///
    /// # Errors
    /// [`VaultError::OutOfOrder`], and S3's.
    pub async fn push(&mut self, difference: &Difference) -> Result<(), VaultError> {
        if self.role == LayerRole::Base && difference.before.is_some() {
            return Err(VaultError::OutOfOrder {
                why: "a base layer begins with nothing, so nothing can have changed",
            });
        }
        self.count(difference);
        let (before, after) = (difference.before.as_deref(), difference.after.as_deref());
        let raw = self.builder.raw(self.vault.pool(), self.limit);
        let lines = match (before, after) {
            (before, None) => {
                line::push_removed(raw, &difference.key, before);
                1
            }
            (None, Some(after)) => {
                push_line(raw, after);
                1
            }
            (Some(before), Some(after)) => {
                line::push_before(raw, before);
                push_line(raw, after);
                2
            }
        };
        self.end_entry(&difference.key, lines, after).await
    }

    /// Writes a record of a base layer that is rewritten, which is no change.
    pub(crate) async fn push_record(&mut self, key: &str, line: &str) -> Result<(), VaultError> {
        push_line(self.builder.raw(self.vault.pool(), self.limit), line.as_bytes());
        self.end_entry(key, 1, Some(line.as_bytes())).await
    }

    /// Takes over a chunk of an older layer as it is.
    pub(crate) async fn push_chunk(&mut self, chunk: Chunk) -> Result<(), VaultError> {
        self.check_order(&chunk.first)?;
        self.last = Some(chunk.last.clone());
        self.end_chunk().await?;
        // In its place in the order, among those still on their way.
        self.chunks.extend(self.uploads.make_room().await?);
        self.uploads.push(async move { Ok(chunk) });
        Ok(())
    }

    async fn end_entry(&mut self, key: &str, lines: u64, after: Option<&[u8]>) -> Result<(), VaultError> {
        self.check_order(key)?;
        let last = self.last.get_or_insert_default();
        key.clone_into(last);
        self.builder.note(key, lines);
        if let Some(Body::Stored(body)) = after.and_then(body) {
            self.builder.note_body(body.sha256);
        }
        if self.builder.bytes() >= self.limit {
            self.end_chunk().await?;
        }
        Ok(())
    }

    fn check_order(&self, key: &str) -> Result<(), VaultError> {
        match &self.last {
            Some(last) if !key::compare(last, key).is_lt() => Err(VaultError::OutOfOrder {
                why: "a key came that is not above the one before",
            }),
            _ => Ok(()),
        }
    }

    fn count(&mut self, difference: &Difference) {
        let written = &mut self.written;
        written.changes.count(difference.kind);
        for (line, sign) in [(&difference.before, -1), (&difference.after, 1)] {
            if let Some(line) = line {
                written.records += sign;
                written.bytes += sign * (line.len() as i64 + 1);
                if let Some(Body::Stored(body)) = body(line) {
                    written.body_bytes += sign * body.size_bytes as i64;
                }
            }
        }
    }

    async fn end_chunk(&mut self) -> Result<(), VaultError> {
        if !self.builder.is_empty() {
            self.chunks.extend(self.uploads.make_room().await?);
            let chunk = self.builder.take();
            self.uploads
                .push(self.vault.clone().store_chunk(self.system.clone(), self.role, chunk));
        }
        Ok(())
    }

    /// Waits for the uploads and writes the index.
    ///
    /// # Errors
    /// S3's.
    pub async fn finish(mut self) -> Result<Written, VaultError> {
        self.end_chunk().await?;
        while let Some(chunk) = self.uploads.next().await? {
            self.chunks.push(chunk);
        }
        let index = LayerIndex { chunks: self.chunks };
        self.written.layer = self
            .vault
            .store_layer(&self.system, self.snapshot, self.role, index)
            .await?;
        Ok(self.written)
    }
}

impl Vault {
    /// Stores the index of chunks that are stored; `None` if there are none.
    pub(crate) async fn store_layer(
        &self,
        system: &str,
        snapshot: SnapshotId,
        role: LayerRole,
        index: LayerIndex,
    ) -> Result<Option<Layer>, VaultError> {
        if index.chunks.is_empty() {
            return Ok(None);
        }
        let sum = |of: fn(&Chunk) -> u64| index.chunks.iter().map(of).sum::<u64>();
        let (lines, bytes, stored) = (
            sum(|chunk| chunk.lines),
            sum(|chunk| chunk.bytes),
            sum(|chunk| chunk.stored_bytes),
        );
        let (sha, index_bytes) = self.store_index(system, index).await?;
        Ok(Some(Layer {
            index: sha.hex(),
            snapshot,
            role,
            lines,
            bytes,
            stored_bytes: stored + index_bytes,
        }))
    }
}

fn push_line(raw: &mut Vec<u8>, line: &[u8]) {
    raw.extend_from_slice(line);
    raw.push(b'\n');
}

fn body(line: &[u8]) -> Option<Body> {
    if line.ends_with(b"}}}") {
        line::body(std::str::from_utf8(line).ok()?)
    } else {
        None
    }
}

/// A line as bytes that own their memory.
pub(crate) fn owned(line: &Bytes) -> Bytes {
    Bytes::copy_from_slice(line)
}
