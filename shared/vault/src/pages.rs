//! Chunks one after the other, the next ones fetched and decompressed while this one is read.

use std::sync::Arc;

use bytes::Bytes;
use seatbelt_model::LayerIndex;

use crate::{Vault, VaultError, chunk::decompress, pipeline::Pipeline, store::blocking};

/// Where the chunks come from.
#[derive(Debug, Clone)]
pub(crate) enum PageSource {
    /// Content-addressed, from a layer.
    Layer(Arc<LayerIndex>),
    /// Numbered, from a staged run: `<prefix>-<n>.ndjson.zst`.
    Run { prefix: String, first: u32, objects: u32 },
}

/// A reader of chunks in order, which can skip.
#[derive(Debug)]
pub(crate) struct Pages {
    vault: Vault,
    system: String,
    source: PageSource,
    /// The chunk that is handed out next.
    next: usize,
    /// The chunk that is fetched next.
    ahead: usize,
    fetches: Pipeline<Bytes>,
}

impl Pages {
    /// Reads with at most `depth` chunks under way; 1 fetches only what is asked for.
    pub(crate) fn new(vault: Vault, system: String, source: PageSource, depth: usize) -> Self {
        Self {
            vault,
            system,
            source,
            next: 0,
            ahead: 0,
            fetches: Pipeline::new(depth),
        }
    }

    fn len(&self) -> usize {
        match &self.source {
            PageSource::Layer(index) => index.chunks.len(),
            PageSource::Run { objects, .. } => *objects as usize,
        }
    }

    /// The object of chunk `at`, for messages.
    pub(crate) fn key(&self, at: usize) -> String {
        match &self.source {
            PageSource::Layer(index) => Vault::object_key(&self.system, &index.chunks[at].object),
            PageSource::Run { prefix, first, .. } => run_key(&self.system, prefix, *first + at as u32),
        }
    }

    /// The lines of chunk `at`. Chunks are asked for in order; those between are skipped.
    pub(crate) async fn page(&mut self, at: usize) -> Result<Bytes, VaultError> {
        if at != self.next {
            self.fetches.clear();
            self.ahead = at;
        }
        self.next = at + 1;
        if self.ahead == at {
            self.fetch_next();
        }
        let page = self.fetches.next().await?;
        while self.ahead < self.len() && self.fetches.has_room_ahead() {
            self.fetch_next();
        }
        page.ok_or_else(|| VaultError::stopped("a chunk was read that was not asked for"))
    }

    fn fetch_next(&mut self) {
        let (vault, system, at) = (self.vault.clone(), self.system.clone(), self.ahead);
        self.ahead += 1;
        match &self.source {
            PageSource::Layer(index) => {
                let sha256 = index.chunks[at].object.clone();
                self.fetches.push(async move { vault.chunk(&system, &sha256).await });
            }
            PageSource::Run { .. } => {
                let key = self.key(at);
                self.fetches.push(async move {
                    let stored = vault.fetch(&key).await?;
                    blocking(move || decompress(vault.pool(), &key, &stored)).await?
                });
            }
        }
    }
}

/// The key of a staged chunk.
pub(crate) fn run_key(system: &str, prefix: &str, number: u32) -> String {
    format!("{system}/{prefix}-{number:06}.ndjson.zst")
}
