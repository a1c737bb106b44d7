//! Reading a resource's state: its layers as one sequence of records.

use std::sync::Arc;

use async_stream::try_stream;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use seatbelt_model::{Chunk, KeyRule, Layer, LayerRole, ResourceState, key};

use crate::{
    Vault, VaultError,
    cursor::{LayerCursor, next_line},
    line::{self, Control, Keys},
    merge::Merge,
};

/// Fetches in flight where order does not bind.
pub(crate) const AT_ONCE: usize = 16;

/// How a state is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// All of it, so the next chunks are fetched ahead.
    All,
    /// Here and there.
    Some,
}

impl Reading {
    fn depth(self, role: LayerRole) -> usize {
        match (self, role) {
            (Self::Some, _) => 1,
            (Self::All, LayerRole::Delta) => 2,
            (Self::All, LayerRole::Base) => 3,
        }
    }
}

/// A resource's layers, merged. Removed records are entries without a line.
#[derive(Debug)]
pub(crate) struct StateReader {
    pub(crate) merge: Merge<LayerCursor>,
}

impl StateReader {
    pub(crate) async fn open(
        vault: &Vault,
        system: &str,
        layers: &[Layer],
        rule: &KeyRule,
        reading: Reading,
    ) -> Result<Self, VaultError> {
        let cursors = cursors(vault, system, layers, rule, reading).await?;
        Ok(Self {
            merge: Merge::new(cursors),
        })
    }

    pub(crate) fn key(&self) -> Option<&str> {
        self.merge.key()
    }

    /// The line at the key; `None` if the record is gone.
    pub(crate) async fn line(&mut self) -> Result<Option<&str>, VaultError> {
        let Some(newest) = self.merge.newest() else {
            return Ok(None);
        };
        newest.load().await?;
        newest.after_text()
    }

    /// The line at the key, kept alive by its chunk.
    pub(crate) async fn line_bytes(&mut self) -> Result<Option<Bytes>, VaultError> {
        let Some(newest) = self.merge.newest() else {
            return Ok(None);
        };
        newest.load().await?;
        Ok(newest.after())
    }

    pub(crate) async fn pop(&mut self) -> Result<(), VaultError> {
        self.merge.pop().await
    }

    pub(crate) async fn seek(&mut self, target: &str) -> Result<(), VaultError> {
        self.merge.seek(target).await
    }
}

/// One cursor a layer, oldest first.
pub(crate) async fn cursors(
    vault: &Vault,
    system: &str,
    layers: &[Layer],
    rule: &KeyRule,
    reading: Reading,
) -> Result<Vec<LayerCursor>, VaultError> {
    let keys = Arc::new(keys(rule)?);
    let open = layers.iter().enumerate().map(|(rank, layer)| {
        let keys = keys.clone();
        async move { LayerCursor::open(vault, system, layer, keys, rank, reading.depth(layer.role)).await }
    });
    stream::iter(open.collect::<Vec<_>>())
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

pub(crate) fn keys(rule: &KeyRule) -> Result<Keys, VaultError> {
    Keys::new(rule).ok_or_else(|| VaultError::damaged("the snapshot document", "a key rule is no JSON pointer"))
}

impl Vault {
    /// Every record of a resource in a snapshot as (key, line), in the order of keys. A line keeps its chunk in memory for as
    /// long as it is held: copy what you keep.
    pub fn state<'a>(
        &'a self,
        system: &'a str,
        state: &'a ResourceState,
    ) -> impl Stream<Item = Result<(String, Bytes), VaultError>> + Send + 'a {
        try_stream! {
            let mut reader = StateReader::open(self, system, &state.layers, &state.key, Reading::All).await?;
            while let Some(key) = reader.key().map(str::to_owned) {
                if let Some(line) = reader.line_bytes().await? {
                    yield (key, line);
                }
                reader.pop().await?;
            }
        }
    }

    /// One record's line in a snapshot. Reads only the chunks that can hold it, the newest first.
    ///
    /// # Errors
    /// S3's, and [`VaultError::Damaged`].
    pub async fn get(&self, system: &str, state: &ResourceState, key: &str) -> Result<Option<Bytes>, VaultError> {
        let keys = keys(&state.key)?;
        let found = state
            .layers
            .iter()
            .rev()
            .map(|layer| self.find_in_layer(system, layer, &keys, key));
        let mut found = stream::iter(found.collect::<Vec<_>>()).buffered(AT_ONCE);
        while let Some(found) = found.next().await {
            if let Some(Found { after, .. }) = found? {
                return Ok(after);
            }
        }
        Ok(None)
    }

    /// What one layer says about a key.
    pub(crate) async fn find_in_layer(
        &self,
        system: &str,
        layer: &Layer,
        keys: &Keys,
        key: &str,
    ) -> Result<Option<Found>, VaultError> {
        let index = self.index(system, layer).await?;
        let Some(chunk) = chunk_of(&index.chunks, key) else {
            return Ok(None);
        };
        let page = self.chunk(system, &chunk.object).await?;
        find_in_page(&page, keys, key)
            .ok_or_else(|| VaultError::damaged(Self::object_key(system, &chunk.object), "a line is not UTF-8"))
    }
}

/// What a layer says about a key.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) before: Option<Bytes>,
    pub(crate) after: Option<Bytes>,
}

fn chunk_of<'a>(chunks: &'a [Chunk], wanted: &str) -> Option<&'a Chunk> {
    let at = chunks.partition_point(|chunk| key::compare(&chunk.last, wanted).is_lt());
    chunks
        .get(at)
        .filter(|chunk| key::compare(&chunk.first, wanted).is_le())
}

/// The entry of `wanted`, copied; the outer `None` means that the page cannot be read.
fn find_in_page(page: &Bytes, keys: &Keys, wanted: &str) -> Option<Option<Found>> {
    let copy = |text: &str| Some(Bytes::copy_from_slice(text.as_bytes()));
    let (mut at, mut before) = (0, None);
    while let Some(range) = next_line(page, at) {
        at = range.end + 1;
        let text = std::str::from_utf8(&page[range]).ok()?;
        match line::control(text) {
            Some(Control::Before(line)) => {
                before = Some(line);
                continue;
            }
            Some(Control::Removed { key, before }) if key == wanted => {
                return Some(Some(Found {
                    before: before.and_then(copy),
                    after: None,
                }));
            }
            None if keys.of(text).as_deref() == Some(wanted) => {
                return Some(Some(Found {
                    before: before.and_then(copy),
                    after: copy(text),
                }));
            }
            _ => {}
        }
        before = None;
    }
    Some(None)
}
