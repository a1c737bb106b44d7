//! Chunks: sorted lines, compressed, named by the hash of what is stored.

use std::sync::Arc;

use bytes::Bytes;
use seatbelt_model::{Chunk, Layer, LayerIndex, LayerRole};

use crate::{Vault, VaultError, digest::Sha, pool::Pool, store::blocking};

/// More than this no frame may claim to hold: a chunk ends with the record that fills it, and records are not that large.
const MOST_BYTES: u64 = 4 << 30;

/// Compressed bytes and their name.
pub(crate) struct Sealed {
    pub(crate) sha: Sha,
    pub(crate) bytes: Bytes,
}

/// Compresses and hashes. Busy: call it through [`blocking`].
pub(crate) fn seal(pool: &Pool, raw: &[u8], level: i32) -> Sealed {
    let bytes = pool.compress(raw, level);
    Sealed {
        sha: Sha::of(&bytes),
        bytes,
    }
}

/// Checks the hash and decompresses. Busy: call it through [`blocking`].
pub(crate) fn open(pool: &Arc<Pool>, key: &str, sha256: &str, stored: &[u8]) -> Result<Bytes, VaultError> {
    if Sha::of(stored).hex() != sha256 {
        return Err(VaultError::damaged(key, "its SHA-256 is not its name"));
    }
    decompress(pool, key, stored)
}

/// Decompresses a frame that states its size, as all of ours do.
pub(crate) fn decompress(pool: &Arc<Pool>, key: &str, stored: &[u8]) -> Result<Bytes, VaultError> {
    let size = match zstd::zstd_safe::get_frame_content_size(stored) {
        Ok(Some(size)) if size <= MOST_BYTES => usize::try_from(size).unwrap_or(usize::MAX),
        _ => return Err(VaultError::damaged(key, "it is no zstd frame of Seatbelt's")),
    };
    let mut buffer = pool.take(size);
    zstd::bulk::Decompressor::new()
        .and_then(|mut zstd| zstd.decompress_to_buffer(stored, &mut buffer))
        .map_err(|error| VaultError::damaged(key, error.to_string()))?;
    Ok(pool.lend(buffer))
}

/// Lines that will become a chunk.
#[derive(Debug, Default)]
pub(crate) struct ChunkBuilder {
    raw: Vec<u8>,
    first: String,
    last: String,
    lines: u64,
    bodies: Vec<String>,
}

impl ChunkBuilder {
    pub(crate) fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Where the next lines are written: a buffer with room for a chunk that ends once it passes `limit` bytes.
    pub(crate) fn raw(&mut self, pool: &Pool, limit: usize) -> &mut Vec<u8> {
        if self.raw.capacity() == 0 {
            self.raw = pool.take_for_lines(limit);
        }
        &mut self.raw
    }

    pub(crate) fn bytes(&self) -> usize {
        self.raw.len()
    }

    /// Notes `lines` lines of `key`, which were just written into `raw`.
    pub(crate) fn note(&mut self, key: &str, lines: u64) {
        if self.lines == 0 {
            key.clone_into(&mut self.first);
        }
        key.clone_into(&mut self.last);
        self.lines += lines;
    }

    pub(crate) fn note_body(&mut self, sha256: String) {
        self.bodies.push(sha256);
    }

    /// What was collected; the builder is then empty.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

impl Vault {
    /// Compresses and stores a chunk as a content-addressed object.
    pub(crate) async fn store_chunk(
        self,
        system: String,
        role: LayerRole,
        mut chunk: ChunkBuilder,
    ) -> Result<Chunk, VaultError> {
        let level = match role {
            LayerRole::Base => self.options().level,
            LayerRole::Delta => self.options().delta_level,
        };
        let raw = std::mem::take(&mut chunk.raw);
        let bytes = raw.len() as u64;
        let pool = self.pool().clone();
        let sealed = blocking(move || {
            let sealed = seal(&pool, &raw, level);
            pool.give(raw);
            sealed
        })
        .await?;
        let stored_bytes = sealed.bytes.len() as u64;
        self.put_object(&system, sealed.sha, sealed.bytes).await?;
        chunk.bodies.sort_unstable();
        chunk.bodies.dedup();
        Ok(Chunk {
            object: sealed.sha.hex(),
            first: chunk.first,
            last: chunk.last,
            lines: chunk.lines,
            bytes,
            stored_bytes,
            bodies: chunk.bodies,
        })
    }

    /// Stores a layer's index: its hash, and the bytes stored.
    pub(crate) async fn store_index(&self, system: &str, index: LayerIndex) -> Result<(Sha, u64), VaultError> {
        let level = self.options().level;
        let pool = self.pool().clone();
        let sealed = blocking(move || seal(&pool, &index_json(&index), level)).await?;
        let stored = sealed.bytes.len() as u64;
        self.put_object(system, sealed.sha, sealed.bytes).await?;
        Ok((sealed.sha, stored))
    }

    /// The index of a layer.
    pub(crate) async fn index(&self, system: &str, layer: &Layer) -> Result<LayerIndex, VaultError> {
        let key = Self::object_key(system, &layer.index);
        let stored = self.fetch(&key).await?;
        let sha256 = layer.index.clone();
        let pool = self.pool().clone();
        blocking(move || {
            let json = open(&pool, &key, &sha256, &stored)?;
            read_index(&key, &json)
        })
        .await?
    }

    /// The lines of a content-addressed chunk.
    pub(crate) async fn chunk(&self, system: &str, sha256: &str) -> Result<Bytes, VaultError> {
        let key = Self::object_key(system, sha256);
        let stored = self.fetch(&key).await?;
        let sha256 = sha256.to_owned();
        let pool = self.pool().clone();
        blocking(move || open(&pool, &key, &sha256, &stored)).await?
    }
}

pub(crate) fn index_json(index: &LayerIndex) -> Vec<u8> {
    serde_json::to_vec(index).expect("an index has only texts and numbers")
}

pub(crate) fn read_index(key: &str, json: &[u8]) -> Result<LayerIndex, VaultError> {
    serde_json::from_slice(json).map_err(|error| VaultError::damaged(key, format!("it is no layer index: {error}")))
}
