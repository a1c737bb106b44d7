//! Staging: records in any order become sorted runs, with bounded memory.

use std::sync::Arc;

use seatbelt_model::{RunId, key};

use crate::{
    StagedRun, Vault, VaultError,
    pipeline::Task,
    run::{Arena, EntryKind, Segment},
    spill::Spiller,
};

/// What a unit of work read, sorted: in memory if it fits the buffer, else in staging.
#[derive(Debug, Clone, Default)]
pub struct Staged {
    /// Oldest first: where two hold the same key, the later one wins.
    pub(crate) segments: Vec<Segment>,
    duplicates: u64,
}

impl Staged {
    /// What other invocations staged, from the lists they left in their checkpoints.
    #[must_use]
    pub fn from_runs(runs: Vec<StagedRun>) -> Self {
        Self {
            segments: runs.into_iter().map(Segment::Run).collect(),
            duplicates: 0,
        }
    }

    /// Both together; where both hold a key, `later` wins.
    #[must_use]
    pub fn join(mut self, later: Self) -> Self {
        self.segments.extend(later.segments);
        self.duplicates += later.duplicates;
        self
    }

    /// Records that came more than once, as far as is known before the merge, which finds the rest ([`crate::Compared`]).
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Records, tombstones and markers held; upper bound on the records.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.segments.iter().map(Segment::entries).sum()
    }

    /// Whether nothing was staged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.iter().all(|segment| segment.entries() == 0)
    }
}

/// Collects what one unit of work reads. Dropping it loses what was not flushed, and nothing else.
#[derive(Debug)]
pub struct Stager {
    arena: Arena,
    buffer_bytes: usize,
    /// How far the arena may fill.
    room: usize,
    fresh: bool,
    /// Runs of earlier invocations, then those of this one as far as they are done.
    resumed: Vec<StagedRun>,
    writing: Writing,
}

/// The writer is here, or busy with a full buffer.
#[derive(Debug)]
enum Writing {
    Idle(Box<Spiller>, Arena),
    Busy(Task<(Box<Spiller>, Arena)>),
    /// It failed, and the error was returned.
    Failed,
}

impl Vault {
    /// Begins, or resumes, the staging of one unit of a run. `resume` is what [`Stager::flush`] gave for the checkpoint.
    ///
    /// `fresh` says that the resource has no state before and this is a full sweep. Then records that come in the order
    /// of their keys are stored as chunks of the base layer at once, and nothing needs merging ([`Staged::base`]).
    #[must_use]
    pub fn stager(&self, system: &str, run: RunId, unit: &str, fresh: bool, resume: Vec<StagedRun>) -> Stager {
        let buffer_bytes = self.options().buffer_bytes.min(1 << 30);
        let spiller = Spiller::new(self, system, run, unit, fresh, &resume);
        Stager {
            arena: Arena::default(),
            buffer_bytes,
            room: buffer_bytes,
            fresh,
            resumed: resume,
            writing: Writing::Idle(Box::new(spiller), Arena::default()),
        }
    }
}

impl Stager {
    /// Takes a record's line, as [`crate::line::build`] made it. The key must be the one that the resource's key rule finds.
    /// Of two lines of one key the later wins.
    ///
    /// # Errors
    /// Those of storing an earlier buffer. The stager is then of no more use: resume from the last checkpoint.
    pub async fn put(&mut self, key: &str, line: &str) -> Result<(), VaultError> {
        self.push(key, EntryKind::Record, line).await
    }

    /// Notes that the vendor says this record is gone.
    ///
    /// # Errors
    /// As [`Stager::put`].
    pub async fn remove(&mut self, key: &str) -> Result<(), VaultError> {
        self.push(key, EntryKind::Removed, "").await
    }

    /// Notes that everything below `parent` was listed: what was there before and was not staged is gone.
    ///
    /// # Errors
    /// As [`Stager::put`].
    pub async fn listed(&mut self, parent: &str) -> Result<(), VaultError> {
        if self.fresh {
            return Ok(()); // there is nothing that could be missing
        }
        self.push(&key::children_of(parent), EntryKind::Listed, "").await
    }

    async fn push(&mut self, key: &str, kind: EntryKind, line: &str) -> Result<(), VaultError> {
        if !self.arena.is_empty() && self.arena.bytes() + key.len() + line.len() > self.room {
            self.spill().await?;
        }
        self.arena.reserve(self.buffer_bytes);
        self.arena.push(key, kind, line)
    }

    /// Stores everything put so far and gives the list that a checkpoint keeps: small, and all that is needed to go on
    /// in another process.
    ///
    /// # Errors
    /// As [`Stager::put`].
    pub async fn flush(&mut self) -> Result<Vec<StagedRun>, VaultError> {
        if !self.arena.is_empty() {
            self.spill().await?;
        }
        let (mut spiller, spare) = self.settled().await?;
        spiller.seal().await?;
        let runs = self.resumed.iter().chain(spiller.runs()).cloned().collect();
        self.writing = Writing::Idle(spiller, spare);
        Ok(runs)
    }

    /// Ends the unit. What fits the buffer stays in memory, unless it continues a base layer.
    ///
    /// # Errors
    /// As [`Stager::put`].
    pub async fn finish(mut self) -> Result<Staged, VaultError> {
        if !self.arena.is_empty() && self.continues_base().await? {
            self.spill().await?;
        }
        let (mut spiller, _) = self.settled().await?;
        spiller.seal().await?;
        let duplicates = spiller.duplicates() + self.arena.sort();
        let mut segments: Vec<_> = self.resumed.into_iter().map(Segment::Run).collect();
        segments.extend(spiller.runs().iter().cloned().map(Segment::Run));
        if !self.arena.is_empty() {
            self.arena.shrink();
            segments.push(Segment::Memory(Arc::new(self.arena)));
        }
        Ok(Staged { segments, duplicates })
    }

    async fn continues_base(&mut self) -> Result<bool, VaultError> {
        let (spiller, spare) = self.settled().await?;
        let continues = spiller.continues_base(&self.arena);
        self.writing = Writing::Idle(spiller, spare);
        Ok(continues)
    }

    /// Hands the full buffer to the writer and goes on with the other one.
    async fn spill(&mut self) -> Result<(), VaultError> {
        let (mut spiller, spare) = self.settled().await?;
        let full = std::mem::replace(&mut self.arena, spare);
        // From now on two buffers are in use: the other one may fill half as far.
        self.room = (self.buffer_bytes / 2).max(1);
        self.writing = Writing::Busy(Task::spawn(async move {
            let mut emptied = spiller.spill(full).await?;
            emptied.clear();
            Ok((spiller, emptied))
        }));
        Ok(())
    }

    async fn settled(&mut self) -> Result<(Box<Spiller>, Arena), VaultError> {
        match std::mem::replace(&mut self.writing, Writing::Failed) {
            Writing::Idle(spiller, spare) => Ok((spiller, spare)),
            Writing::Busy(task) => task.join().await,
            Writing::Failed => Err(VaultError::stopped("an earlier buffer could not be staged")),
        }
    }
}
