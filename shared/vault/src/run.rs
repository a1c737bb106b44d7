//! Staged runs: sorted entries in memory or in staging, and the cursors that merge them.

use std::{collections::VecDeque, mem, ops::Range, sync::Arc};

use bytes::Bytes;
use seatbelt_model::{LayerIndex, key};
use serde::{Deserialize, Serialize};

use crate::{
    Vault, VaultError,
    chunk::{decompress, read_index},
    cursor::{LayerCursor, next_line},
    line::{self, Control, Keys},
    merge::Source,
    pages::{PageSource, Pages, run_key},
};

/// A sorted run in staging: a few hundred bytes however long it is, for checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedRun {
    /// Below the system: `staging/<run>/<unit>/<tag>`.
    pub(crate) prefix: String,
    /// The number of its first object.
    pub(crate) first: u32,
    /// How many objects it has, numbered on.
    pub(crate) objects: u32,
    pub(crate) form: Form,
    pub(crate) entries: u64,
    pub(crate) first_key: String,
    pub(crate) last_key: String,
}

/// What the objects of a run are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    /// Sorted lines.
    Lines,
    /// Indexes of chunks that are stored as a base layer's already.
    Chunks,
}

impl StagedRun {
    pub(crate) fn is_continued_by(&self, next: &Self) -> bool {
        self.prefix == next.prefix
            && (self.form, next.form) == (Form::Lines, Form::Lines)
            && self.first + self.objects == next.first
            && key::compare(&self.last_key, &next.first_key).is_lt()
    }

    pub(crate) fn append(&mut self, next: Self) {
        self.objects += next.objects;
        self.entries += next.entries;
        self.last_key = next.last_key;
    }

    /// The chunks of a run of that form.
    pub(crate) async fn chunks(&self, vault: &Vault, system: &str) -> Result<LayerIndex, VaultError> {
        let mut whole = LayerIndex::default();
        for number in self.first..self.first + self.objects {
            let key = run_key(system, &self.prefix, number);
            let json = decompress(vault.pool(), &key, &vault.fetch(&key).await?)?;
            whole.chunks.extend(read_index(&key, &json)?.chunks);
        }
        Ok(whole)
    }
}

/// What an entry is. Markers come before records of the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Listed,
    Record,
    Removed,
}

/// Entries in one buffer: no allocation per record.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    text: String,
    slots: Vec<Slot>,
    /// Whether every entry so far came after the one before it.
    out_of_order: bool,
    only_records: bool,
}

/// Where an entry's key is; its line follows.
#[derive(Debug, Clone, Copy)]
struct Slot {
    at: u32,
    key: u32,
    line: u32,
    kind: EntryKind,
}

impl Arena {
    pub(crate) fn push(&mut self, key: &str, kind: EntryKind, line: &str) -> Result<(), VaultError> {
        let length = |length: usize| u32::try_from(length).map_err(|_| VaultError::NotARecord);
        let slot = Slot {
            at: length(self.text.len())?,
            key: length(key.len())?,
            line: length(line.len())?,
            kind,
        };
        self.only_records = kind == EntryKind::Record && (self.only_records || self.slots.is_empty());
        self.text.push_str(key);
        self.text.push_str(line);
        self.slots.push(slot);
        if let [.., before, _] = self.slots[..] {
            self.out_of_order |= !self.compare(&before, &slot).is_lt();
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Sets memory aside, once, for all that will come: an untouched page costs nothing, and a buffer that grows is copied and
    /// for a moment there twice.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        if self.text.capacity() == 0 {
            self.text.reserve_exact(bytes);
        }
    }

    /// Memory in use.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len() + self.slots.len() * size_of::<Slot>()
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.slots.clear();
        self.out_of_order = false;
    }

    pub(crate) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.slots.shrink_to_fit();
    }

    pub(crate) fn only_records_in_order(&self) -> bool {
        !self.out_of_order && self.only_records
    }

    pub(crate) fn key(&self, at: usize) -> &str {
        self.key_of(&self.slots[at])
    }

    pub(crate) fn first_key(&self) -> Option<&str> {
        self.slots.first().map(|slot| self.key_of(slot))
    }

    pub(crate) fn last_key(&self) -> Option<&str> {
        self.slots.last().map(|slot| self.key_of(slot))
    }

    fn key_of(&self, slot: &Slot) -> &str {
        &self.text[slot.at as usize..][..slot.key as usize]
    }

    fn entry(&self, at: usize) -> StagedEntry<'_> {
        let slot = &self.slots[at];
        match slot.kind {
            EntryKind::Listed => StagedEntry::Listed,
            EntryKind::Removed => StagedEntry::Removed,
            EntryKind::Record => StagedEntry::Record(&self.text[(slot.at + slot.key) as usize..][..slot.line as usize]),
        }
    }

    pub(crate) fn write_line(&self, at: usize, out: &mut Vec<u8>) {
        write_entry(out, self.key(at), &self.entry(at));
    }

    fn compare(&self, a: &Slot, b: &Slot) -> std::cmp::Ordering {
        let is_record = |slot: &Slot| slot.kind != EntryKind::Listed;
        key::compare(self.key_of(a), self.key_of(b)).then_with(|| is_record(a).cmp(&is_record(b)))
    }

    /// Sorts, keeps the last of equal keys, and tells how many records that dropped.
    pub(crate) fn sort(&mut self) -> u64 {
        if !mem::replace(&mut self.out_of_order, false) {
            return 0;
        }
        let mut slots = mem::take(&mut self.slots);
        slots.sort_by(|a, b| self.compare(a, b));
        let mut duplicates = 0;
        let mut kept = 0;
        for at in 0..slots.len() {
            let next = slots.get(at + 1);
            if next.is_some_and(|next| self.compare(&slots[at], next).is_eq()) {
                let both =
                    slots[at].kind == EntryKind::Record && next.is_some_and(|next| next.kind == EntryKind::Record);
                duplicates += u64::from(both);
            } else {
                slots[kept] = slots[at];
                kept += 1;
            }
        }
        slots.truncate(kept);
        self.slots = slots;
        duplicates
    }
}

/// Writes an entry as a line of a run.
pub(crate) fn write_entry(out: &mut Vec<u8>, key: &str, entry: &StagedEntry<'_>) {
    match entry {
        StagedEntry::Record(line) => {
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
        StagedEntry::Removed => line::push_removed(out, key, None),
        StagedEntry::Listed => line::push_listed(out, key.strip_suffix('/').unwrap_or(key)),
    }
}

/// A part of what was staged.
#[derive(Debug, Clone)]
pub(crate) enum Segment {
    Run(StagedRun),
    Memory(Arc<Arena>),
}

impl Segment {
    pub(crate) fn entries(&self) -> u64 {
        match self {
            Self::Run(run) => run.entries,
            Self::Memory(arena) => arena.len() as u64,
        }
    }

    pub(crate) fn first_key(&self) -> &str {
        match self {
            Self::Run(run) => &run.first_key,
            Self::Memory(arena) => arena.first_key().unwrap_or_default(),
        }
    }

    pub(crate) fn last_key(&self) -> &str {
        match self {
            Self::Run(run) => &run.last_key,
            Self::Memory(arena) => arena.last_key().unwrap_or_default(),
        }
    }
}

/// What a merge of staged runs finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum StagedEntry<'a> {
    Record(&'a str),
    Removed,
    /// Everything below the key was listed.
    Listed,
}

/// Segments that do not overlap, read one after the other as one source.
#[derive(Debug)]
pub(crate) struct Chain {
    vault: Vault,
    system: String,
    keys: Arc<Keys>,
    rest: VecDeque<(usize, Segment)>,
    current: Option<SegmentCursor>,
    rank: usize,
}

impl Chain {
    /// Stands at the first entry. Segments come with their ranks, in the order of their keys.
    pub(crate) async fn open(
        vault: &Vault,
        system: &str,
        keys: Arc<Keys>,
        segments: VecDeque<(usize, Segment)>,
    ) -> Result<Self, VaultError> {
        let mut chain = Self {
            vault: vault.clone(),
            system: system.to_owned(),
            keys,
            rest: segments,
            current: None,
            rank: 0,
        };
        chain.open_next().await?;
        Ok(chain)
    }

    async fn open_next(&mut self) -> Result<(), VaultError> {
        while self.current.as_ref().is_none_or(|cursor| cursor.key().is_none()) {
            let Some((rank, segment)) = self.rest.pop_front() else {
                self.current = None;
                break;
            };
            self.rank = rank;
            self.current = Some(SegmentCursor::open(&self.vault, &self.system, &self.keys, segment).await?);
        }
        Ok(())
    }

    /// The entry it stands at.
    pub(crate) async fn entry(&mut self) -> Result<StagedEntry<'_>, VaultError> {
        match &mut self.current {
            None => Err(VaultError::stopped("a run was read past its end")),
            Some(SegmentCursor::Memory(arena, at)) => Ok(arena.entry(*at)),
            Some(SegmentCursor::Run(run)) => run.entry(),
            Some(SegmentCursor::Chunks(cursor)) => {
                cursor.load().await?;
                Ok(cursor.after_text()?.map_or(StagedEntry::Removed, StagedEntry::Record))
            }
        }
    }
}

impl Source for Chain {
    fn key(&self) -> Option<&str> {
        self.current.as_ref()?.key()
    }

    fn is_marker(&self) -> bool {
        match &self.current {
            Some(SegmentCursor::Memory(arena, at)) => arena.slots[*at].kind == EntryKind::Listed,
            Some(SegmentCursor::Run(run)) => run.kind == EntryKind::Listed,
            _ => false,
        }
    }

    fn rank(&self) -> usize {
        self.rank
    }

    async fn advance(&mut self) -> Result<(), VaultError> {
        match &mut self.current {
            Some(SegmentCursor::Memory(_, at)) => *at += 1,
            Some(SegmentCursor::Run(run)) => run.advance().await?,
            Some(SegmentCursor::Chunks(cursor)) => cursor.advance().await?,
            None => {}
        }
        self.open_next().await
    }
}

#[derive(Debug)]
enum SegmentCursor {
    Memory(Arc<Arena>, usize),
    Run(Box<RunCursor>),
    Chunks(Box<LayerCursor>),
}

impl SegmentCursor {
    async fn open(vault: &Vault, system: &str, keys: &Arc<Keys>, segment: Segment) -> Result<Self, VaultError> {
        Ok(match segment {
            Segment::Memory(arena) => Self::Memory(arena, 0),
            Segment::Run(run) if run.form == Form::Chunks => {
                let index = Arc::new(run.chunks(vault, system).await?);
                Self::Chunks(Box::new(LayerCursor::over(vault, system, index, keys.clone(), 0, 2)))
            }
            Segment::Run(run) => Self::Run(Box::new(RunCursor::open(vault, system, keys.clone(), run).await?)),
        })
    }

    fn key(&self) -> Option<&str> {
        match self {
            Self::Memory(arena, at) => arena.slots.get(*at).map(|slot| arena.key_of(slot)),
            Self::Run(run) => run.page.as_ref().map(|_| run.key.as_str()),
            Self::Chunks(cursor) => cursor.key(),
        }
    }
}

/// A cursor over a run of lines.
#[derive(Debug)]
struct RunCursor {
    pages: Pages,
    keys: Arc<Keys>,
    objects: usize,
    /// The object that is read next.
    object: usize,
    /// `None` at the end.
    page: Option<Bytes>,
    line: Range<usize>,
    key: String,
    kind: EntryKind,
}

impl RunCursor {
    async fn open(vault: &Vault, system: &str, keys: Arc<Keys>, run: StagedRun) -> Result<Self, VaultError> {
        let source = PageSource::Run {
            prefix: run.prefix,
            first: run.first,
            objects: run.objects,
        };
        let mut cursor = Self {
            pages: Pages::new(vault.clone(), system.to_owned(), source, 2),
            keys,
            objects: run.objects as usize,
            object: 0,
            page: Some(Bytes::new()),
            line: 0..0,
            key: String::new(),
            kind: EntryKind::Record,
        };
        cursor.advance().await?;
        Ok(cursor)
    }

    async fn advance(&mut self) -> Result<(), VaultError> {
        while let Some(page) = self.page.take() {
            // Before the first line of a page the range is empty and nothing is skipped.
            let next = if self.line.is_empty() { 0 } else { self.line.end + 1 };
            if let Some(line) = next_line(&page, next) {
                self.line = line;
                self.read(&page)?;
                self.page = Some(page);
                break;
            }
            if self.object < self.objects {
                self.page = Some(self.pages.page(self.object).await?);
                self.object += 1;
                self.line = 0..0;
            }
        }
        Ok(())
    }

    fn read(&mut self, page: &Bytes) -> Result<(), VaultError> {
        let text = self.text(page)?;
        let (kind, key) = match line::control(text) {
            None => (
                EntryKind::Record,
                self.keys.of(text).ok_or_else(|| self.damaged("a record has no key"))?,
            ),
            Some(Control::Removed { key, .. }) => (EntryKind::Removed, key.into()),
            Some(Control::Listed { parent }) => (EntryKind::Listed, key::children_of(&parent).into()),
            Some(Control::Before(_)) => return Err(self.damaged("a line stands where none of its sort may")),
        };
        let mut buffer = mem::take(&mut self.key);
        buffer.clear();
        buffer.push_str(&key);
        (self.key, self.kind) = (buffer, kind);
        Ok(())
    }

    fn entry(&self) -> Result<StagedEntry<'_>, VaultError> {
        Ok(match (self.kind, &self.page) {
            (EntryKind::Record, Some(page)) => StagedEntry::Record(self.text(page)?),
            (EntryKind::Listed, _) => StagedEntry::Listed,
            _ => StagedEntry::Removed,
        })
    }

    fn text<'a>(&self, page: &'a Bytes) -> Result<&'a str, VaultError> {
        std::str::from_utf8(&page[self.line.clone()]).map_err(|_| self.damaged("a line is not UTF-8"))
    }

    fn damaged(&self, why: &str) -> VaultError {
        VaultError::damaged(self.pages.key(self.object.saturating_sub(1)), why)
    }
}
