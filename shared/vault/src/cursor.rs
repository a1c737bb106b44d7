//! A place in a layer. It knows its key without having fetched its chunk, so what is skipped costs nothing.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use memchr::memchr;
use seatbelt_model::{Layer, LayerIndex, key};

use crate::{
    Vault, VaultError,
    line::{self, Control, Keys},
    merge::{Seek, Source},
    pages::{PageSource, Pages},
};

/// A cursor over the entries of a layer.
#[derive(Debug)]
pub(crate) struct LayerCursor {
    index: Arc<LayerIndex>,
    keys: Arc<Keys>,
    pages: Pages,
    rank: usize,
    /// The chunk it stands in.
    chunk: usize,
    /// That chunk's lines; `None` while only its first key is known.
    page: Option<Bytes>,
    /// Where the next entry's first line begins.
    next: usize,
    key: String,
    entry: Entry,
}

/// An entry's lines, as ranges of the page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Entry {
    before: Option<Range<usize>>,
    after: Option<Range<usize>>,
}

impl LayerCursor {
    /// Stands at the layer's first entry.
    pub(crate) async fn open(
        vault: &Vault,
        system: &str,
        layer: &Layer,
        keys: Arc<Keys>,
        rank: usize,
        depth: usize,
    ) -> Result<Self, VaultError> {
        let index = Arc::new(vault.index(system, layer).await?);
        Ok(Self::over(vault, system, index, keys, rank, depth))
    }

    pub(crate) fn over(
        vault: &Vault,
        system: &str,
        index: Arc<LayerIndex>,
        keys: Arc<Keys>,
        rank: usize,
        depth: usize,
    ) -> Self {
        let pages = Pages::new(
            vault.clone(),
            system.to_owned(),
            PageSource::Layer(index.clone()),
            depth,
        );
        let mut cursor = Self {
            index,
            keys,
            pages,
            rank,
            chunk: 0,
            page: None,
            next: 0,
            key: String::new(),
            entry: Entry::default(),
        };
        cursor.stand_at_chunk(0);
        cursor
    }

    fn stand_at_chunk(&mut self, chunk: usize) {
        self.chunk = chunk;
        self.page = None;
        if let Some(chunk) = self.index.chunks.get(chunk) {
            self.key.clone_from(&chunk.first);
        }
    }

    /// The chunk whose first entry it stands at, if nothing of it was read.
    pub(crate) fn untouched_chunk(&self) -> Option<&seatbelt_model::Chunk> {
        if self.page.is_none() {
            self.index.chunks.get(self.chunk)
        } else {
            None
        }
    }

    /// Skips the chunk it stands in.
    pub(crate) fn skip_chunk(&mut self) {
        self.stand_at_chunk(self.chunk + 1);
    }

    /// Makes the entry's lines readable.
    pub(crate) async fn load(&mut self) -> Result<(), VaultError> {
        if self.page.is_none() && self.chunk < self.index.chunks.len() {
            let page = self.pages.page(self.chunk).await?;
            self.next = 0;
            if !self.read_entry(&page)? {
                return Err(self.damaged("it has no lines"));
            }
            self.page = Some(page);
        }
        Ok(())
    }

    /// The record's line in this layer's state; `None` if it was removed. Call [`Self::load`] first.
    pub(crate) fn after(&self) -> Option<Bytes> {
        Some(self.page.as_ref()?.slice(self.entry.after.clone()?))
    }

    /// [`Self::after`] as text.
    pub(crate) fn after_text(&self) -> Result<Option<&str>, VaultError> {
        match (&self.page, &self.entry.after) {
            (Some(page), Some(range)) => self.text(&page[range.clone()]).map(Some),
            _ => Ok(None),
        }
    }

    /// What the record was before, in a delta.
    pub(crate) fn before(&self) -> Option<Bytes> {
        Some(self.page.as_ref()?.slice(self.entry.before.clone()?))
    }

    /// Reads the entry at `self.next`; `false` at the end of the page.
    fn read_entry(&mut self, page: &Bytes) -> Result<bool, VaultError> {
        self.entry = Entry::default();
        let Some(mut at) = next_line(page, self.next) else {
            return Ok(false);
        };
        let mut text = self.text(&page[at.clone()])?;
        if let Some(Control::Before(before)) = line::control(text) {
            let start = at.start + (before.as_ptr().addr() - text.as_ptr().addr());
            self.entry.before = Some(start..start + before.len());
            at = next_line(page, at.end + 1).ok_or_else(|| self.damaged("a line is missing"))?;
            text = self.text(&page[at.clone()])?;
        }
        let key = match line::control(text) {
            Some(Control::Removed { key, before }) => {
                self.entry.before = before.map(|before| {
                    let start = at.start + (before.as_ptr().addr() - text.as_ptr().addr());
                    start..start + before.len()
                });
                key.into()
            }
            Some(_) => return Err(self.damaged("a line stands where none of its sort may")),
            None => {
                self.entry.after = Some(at.clone());
                self.keys.of(text).ok_or_else(|| self.damaged("a record has no key"))?
            }
        };
        let mut buffer = std::mem::take(&mut self.key);
        buffer.clear();
        buffer.push_str(&key);
        self.key = buffer;
        self.next = at.end + 1;
        Ok(true)
    }

    fn text<'a>(&self, line: &'a [u8]) -> Result<&'a str, VaultError> {
        std::str::from_utf8(line).map_err(|_| self.damaged("a line is not UTF-8"))
    }

    fn damaged(&self, why: &str) -> VaultError {
        VaultError::damaged(self.pages.key(self.chunk), why)
    }
}

/// The line that begins at `at`, without its end.
pub(crate) fn next_line(page: &[u8], at: usize) -> Option<Range<usize>> {
    if at >= page.len() {
        return None;
    }
    let end = memchr(b'\n', &page[at..]).map_or(page.len(), |length| at + length);
    Some(at..end)
}

impl Source for LayerCursor {
    fn key(&self) -> Option<&str> {
        (self.chunk < self.index.chunks.len()).then_some(&self.key)
    }

    fn rank(&self) -> usize {
        self.rank
    }

    async fn advance(&mut self) -> Result<(), VaultError> {
        self.load().await?;
        if let Some(page) = self.page.take() {
            if self.read_entry(&page)? {
                self.page = Some(page);
            } else {
                self.stand_at_chunk(self.chunk + 1);
            }
        }
        Ok(())
    }
}

impl Seek for LayerCursor {
    async fn seek(&mut self, target: &str) -> Result<(), VaultError> {
        if self
            .index
            .chunks
            .get(self.chunk)
            .is_some_and(|chunk| key::compare(&chunk.last, target).is_lt())
        {
            let rest = &self.index.chunks[self.chunk..];
            let skip = rest.partition_point(|chunk| key::compare(&chunk.last, target).is_lt());
            self.stand_at_chunk(self.chunk + skip);
        }
        while self.key().is_some_and(|key| key::compare(key, target).is_lt()) {
            self.advance().await?;
        }
        Ok(())
    }
}
