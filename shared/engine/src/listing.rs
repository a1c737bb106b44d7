//! Reads one resource: runs its lanes, stages their pages, and checkpoints on the way.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::StreamExt;
use seatbelt_connector_kit::{DeletedFeed, Deletes, DependsOn, KitError, Resource};
use seatbelt_model::{
    Event, Gap, GapReason, Receipt, ResourceState,
    json::{self, Pointer},
    key,
};
use seatbelt_vault::{Staged, StagedRun, Stager, Sweep};
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinSet};
use tracing::Instrument;

use crate::{
    EngineError,
    checkpoint::{Checkpoint, OpenLane, Progress},
    lane::{Lane, LaneEnd, LaneReader, Message, Page},
    partitions::{Partition, partitions, reopen},
    plan::Mode,
    run::{Context, Done},
    team::Slice,
};

/// After so many lanes in a row that the vendor did not answer, the rest of the resource is not asked for.
const HOPELESS_LANES: u32 = 3;

/// What a reading leaves to be compared.
pub(crate) struct Listed {
    pub(crate) staged: Staged,
    /// What was staged, for a checkpoint; empty where none is needed.
    pub(crate) kept: Vec<StagedRun>,
    /// Bodies that an earlier invocation fetched.
    pub(crate) fetched: Vec<StagedRun>,
    pub(crate) sweep: Sweep,
    pub(crate) mode: Mode,
    pub(crate) progress: Progress,
    /// The failure that ended it, where one did.
    pub(crate) fatal: Option<KitError>,
}

/// Reads `resource`, going on from `checkpoint` if there is one.
///
/// # Errors
/// [`EngineError::Interrupted`] after a checkpoint when the run is to stop; vault and catalog errors. What the vendor does wrong is no error:
/// it is in the receipt.
pub(crate) async fn read(
    context: &Context<'_>,
    done: &Done,
    resource: &'static Resource,
    previous: Option<&ResourceState>,
    mode: Mode,
    checkpoint: Option<Checkpoint>,
    part: Option<Part>,
) -> Result<Listed, EngineError> {
    let mode = checkpoint.as_ref().map_or(mode, |checkpoint| checkpoint.mode);
    let mut reading = Reading::new(context, done, resource, previous, mode, checkpoint, part);
    reading.check_parent();
    if reading.is_offered().await? {
        reading.run().await?;
        if reading.mode == Mode::Incremental && reading.fatal.is_none() {
            reading.read_deleted().await?;
        }
    }
    reading.finish().await
}

/// A part of a resource that is a unit of its own.
pub(crate) struct Part {
    pub(crate) unit: String,
    pub(crate) slice: Slice,
}

struct Reading<'a> {
    part: Option<Part>,
    context: &'a Context<'a>,
    done: &'a Done,
    resource: &'static Resource,
    previous: Option<&'a ResourceState>,
    mode: Mode,
    stager: Stager,
    begun: Option<String>,
    open: BTreeMap<String, OpenLane>,
    resumed: Vec<String>,
    progress: Progress,
    fatal: Option<KitError>,
    unanswered: u32,
    /// The run's time ended while a lane waited for the vendor.
    out_of_time: bool,
    lanes: JoinSet<()>,
    sender: mpsc::Sender<Message>,
    pages: mpsc::Receiver<Message>,
}

impl<'a> Reading<'a> {
    fn new(
        context: &'a Context<'a>,
        done: &'a Done,
        resource: &'static Resource,
        previous: Option<&'a ResourceState>,
        mode: Mode,
        checkpoint: Option<Checkpoint>,
        part: Option<Part>,
    ) -> Self {
        // Two pages wait at most, so memory does not grow when staging is slower than the vendor.
        let (sender, pages) = mpsc::channel(2);
        let mut cursors = previous.map(|previous| previous.cursors.clone()).unwrap_or_default();
        if let Some(part) = &part {
            cursors.retain(|partition, _| part.slice.holds(partition));
        }
        let fresh = Progress {
            cursors,
            ..Progress::default()
        };
        let (staged, begun, open, progress) = match checkpoint {
            Some(checkpoint) => (
                checkpoint.staged,
                checkpoint.begun,
                checkpoint.open,
                checkpoint.progress,
            ),
            None => (Vec::new(), None, BTreeMap::new(), fresh),
        };
        let no_bodies = resource.kind.file().is_none();
        let is_fresh = mode == Mode::Full && previous.is_none() && no_bodies && part.is_none();
        let unit = part.as_ref().map_or(resource.name, |part| &part.unit);
        let stager = context.stager(unit, staged, is_fresh);
        let resumed = open.keys().cloned().collect();
        Self {
            part,
            context,
            done,
            resource,
            previous,
            mode,
            stager,
            begun,
            open,
            resumed,
            progress,
            sender,
            pages,
            fatal: None,
            unanswered: 0,
            out_of_time: false,
            lanes: JoinSet::new(),
        }
    }

    /// Without its parent's records nobody knows what to ask for.
    fn check_parent(&mut self) {
        if let Some(parent) = self.resource.needs()
            && self.done.get(parent.name).is_none()
        {
            let detail = format!("{} could not be read, and there is no earlier state of it", parent.name);
            self.progress.receipt.gap(Gap {
                reason: GapReason::ParentMissing,
                at: String::new(),
                detail,
                more: 0,
            });
            self.progress.failed = true;
        }
    }

    /// Whether the extension is there that the resource comes with.
    async fn is_offered(&mut self) -> Result<bool, EngineError> {
        let DependsOn::Has(other, key) = self.resource.depends_on else {
            return Ok(true);
        };
        let context = self.context;
        let found = match self.done.get(other.name) {
            Some(state) => context.vault.get(&context.system, state, key).await?.is_some(),
            None => false,
        };
        if !found {
            let at = self.resource.name.to_owned();
            self.unavailable(
                String::new(),
                &KitError::Unavailable {
                    at,
                    said: format!("{} has no {key}", other.name),
                },
            );
        }
        Ok(found)
    }

    async fn run(&mut self) -> Result<(), EngineError> {
        let context = self.context;
        let slice = self.part.as_ref().map(|part| part.slice.clone());
        let mut partitions = partitions(
            &context.vault,
            &context.system,
            self.done,
            self.resource,
            self.mode,
            slice,
        );
        let mut exhausted = false;
        self.resume().await?;
        loop {
            while !exhausted && self.fatal.is_none() && self.lanes.len() < context.concurrency() {
                match partitions.next().await.transpose()? {
                    None => exhausted = true,
                    Some(Partition::Gone(parent)) => self.stager.listed(&parent).await?,
                    Some(Partition::List(parent)) if self.is_done(&parent.key) => {}
                    Some(Partition::List(parent)) => {
                        self.begun = Some(parent.key.clone());
                        let cursor = self.cursor(&parent.key);
                        let lane = Lane {
                            parent,
                            cursor,
                            ..Lane::default()
                        };
                        self.begin(lane);
                    }
                }
            }
            if self.lanes.is_empty() {
                return Ok(());
            }
            if !self.take_next().await? {
                return Ok(());
            }
            if context.must_stop() || self.out_of_time {
                // A lane between its last page and its end has no page to go on from; the end comes at once.
                while self.open.values().any(|open| open.at_end) && self.take_next().await? {}
                self.checkpoint().await?;
                return Err(EngineError::Interrupted);
            }
            if context.checkpoint_is_due() {
                self.checkpoint().await?;
            }
            context.beat().await?;
        }
    }

    /// Takes the next message of any lane. `false` if none will come.
    async fn take_next(&mut self) -> Result<bool, EngineError> {
        if self.lanes.is_empty() {
            return Ok(false);
        }
        match self.pages.recv().await {
            Some(Message::Page(page)) => self.take(page).await?,
            Some(Message::End { parent, end }) => self.end(parent, end).await?,
            None => return Ok(false),
        }
        Ok(true)
    }

    /// Begins the lanes again that an interrupted run left open.
    async fn resume(&mut self) -> Result<(), EngineError> {
        let context = self.context;
        for (at, open) in std::mem::take(&mut self.open) {
            let parent = reopen(&context.vault, &context.system, self.done, self.resource, &at).await?;
            let Some(parent) = parent else { continue };
            self.begin(Lane {
                parent,
                token: open.token,
                seen: open.seen,
                cursor: open.cursor,
            });
        }
        Ok(())
    }

    fn is_done(&self, parent: &str) -> bool {
        self.resumed.iter().any(|resumed| resumed == parent)
            || self.begun.as_ref().is_some_and(|begun| match self.resource.depends_on {
                DependsOn::Values(_, values) => {
                    let place = |value: &str| values.iter().position(|other| *other == value);
                    place(parent) <= place(begun)
                }
                _ => key::compare(parent, begun).is_le(),
            })
    }

    /// The cursor a lane goes on from: none in a full sweep, or for a partition that was never read whole.
    fn cursor(&self, parent: &str) -> Option<Value> {
        let previous = self.previous.filter(|_| self.mode == Mode::Incremental)?;
        previous.cursors.get(parent).cloned()
    }

    fn begin(&mut self, lane: Lane) {
        let open = OpenLane {
            token: lane.token.clone(),
            seen: lane.seen,
            cursor: lane.cursor.clone(),
            at_end: false,
        };
        self.open.insert(lane.parent.key.clone(), open);
        let reader = LaneReader {
            session: Arc::clone(&self.context.session),
            resource: self.resource,
            lane,
            started: self.context.started,
            pages: self.sender.clone(),
        };
        self.lanes.spawn(reader.run().in_current_span());
    }

    async fn take(&mut self, page: Page) -> Result<(), EngineError> {
        let read = (page.rows.len() + page.gaps.len()) as u64;
        self.progress.receipt.read += read;
        for row in &page.rows {
            if row.gone {
                self.stager.remove(&row.key).await?;
            } else {
                self.stager.put(&row.key, page.line(row)).await?;
            }
        }
        self.progress.fields.extend(page.fields);
        page.gaps.into_iter().for_each(|gap| self.progress.receipt.gap(gap));
        if let Some(open) = self.open.get_mut(&page.parent) {
            open.at_end = page.next.is_none();
            open.token = page.next;
            open.seen = open.seen.max(page.seen);
        }
        let (resource, bytes, total) = (self.resource.name.to_owned(), page.bytes, page.total);
        self.context.observer.notice(Event::Page {
            resource,
            records: read,
            bytes,
            total,
        });
        Ok(())
    }

    async fn end(&mut self, parent: String, end: Result<LaneEnd, KitError>) -> Result<(), EngineError> {
        self.lanes.join_next().await;
        if let Err(KitError::OutOfTime { .. }) = end {
            // It stays open, to be gone on with by whoever goes on with the run.
            self.out_of_time = true;
            if let Some(open) = self.open.get_mut(&parent) {
                open.at_end = false;
            }
            return Ok(());
        }
        self.open.remove(&parent);
        match end {
            Ok(end) => {
                self.unanswered = 0;
                self.progress.ended = true;
                self.progress.whole &= end.whole;
                self.progress.failed |= !end.gaps.is_empty();
                self.progress.total = self.progress.total.zip(end.total).map(|(sum, total)| sum + total);
                end.gaps.into_iter().for_each(|gap| self.progress.receipt.gap(gap));
                if let Some(cursor) = end.cursor.filter(|_| end.whole || self.mode == Mode::Incremental) {
                    self.progress.cursors.insert(parent.clone(), cursor);
                }
                if end.whole && self.resource.parent().is_some() {
                    self.stager.listed(&parent).await?;
                }
            }
            Err(KitError::CursorExpired { .. }) if self.progress.cursors.contains_key(&parent) => {
                self.sweep(parent).await?
            }
            Err(error) => self.fail(parent, error),
        }
        Ok(())
    }

    /// Reads a partition whole whose cursor has expired: what changed since, the vendor no longer tells.
    async fn sweep(&mut self, at: String) -> Result<(), EngineError> {
        self.progress.cursors.remove(&at);
        self.progress
            .receipt
            .notes
            .push(format!("{at}: the cursor had expired, so everything was read"));
        let context = self.context;
        if let Some(parent) = reopen(&context.vault, &context.system, self.done, self.resource, &at).await? {
            self.begin(Lane {
                parent,
                ..Lane::default()
            });
        }
        Ok(())
    }

    fn fail(&mut self, parent: String, error: KitError) {
        let reason = match &error {
            KitError::Forbidden { .. } | KitError::Reconnect { .. } => GapReason::Forbidden,
            KitError::Unavailable { .. } => return self.unavailable(parent, &error),
            _ => GapReason::Failed,
        };
        self.progress.whole = false;
        self.progress.failed = true;
        self.progress.total = None;
        self.progress.receipt.gap(Gap {
            reason,
            at: parent,
            detail: error.to_string(),
            more: 0,
        });
        let unanswered = matches!(error, KitError::Exhausted { .. } | KitError::Throttled { .. });
        self.unanswered = if unanswered { self.unanswered + 1 } else { 0 };
        let is_root = self.resource.parent().is_none();
        if matches!(error, KitError::Reconnect { .. }) || self.unanswered >= HOPELESS_LANES || (unanswered && is_root) {
            self.fatal = Some(error);
        }
    }

    /// What the vendor does not offer here leaves nothing out, unless it was there before.
    fn unavailable(&mut self, parent: String, error: &KitError) {
        let had_records = self.previous.is_some_and(|previous| previous.records > 0);
        if had_records {
            let detail = format!("{error}; it was there before");
            self.progress.whole = false;
            self.progress.failed = true;
            self.progress.receipt.gap(Gap {
                reason: GapReason::Unavailable,
                at: parent,
                detail,
                more: 0,
            });
        } else if self.progress.receipt.notes.len() < Receipt::MOST_GAPS {
            let at = if parent.is_empty() {
                String::new()
            } else {
                format!("{parent}: ")
            };
            self.progress.receipt.notes.push(format!("{at}{error}"));
        }
    }

    async fn checkpoint(&mut self) -> Result<(), EngineError> {
        let checkpoint = Checkpoint {
            mode: self.mode,
            staged: self.stager.flush().await?,
            begun: self.begun.clone(),
            open: self.open.clone(),
            progress: self.progress.clone(),
            ..Checkpoint::of(self.mode)
        };
        self.context.checkpoint(self.resource, &checkpoint).await
    }

    /// Takes the tombstones of a vendor that lists what was deleted since the cursor.
    async fn read_deleted(&mut self) -> Result<(), EngineError> {
        let (Deletes::Listed(feed), Some(previous)) = (self.resource.deletes, self.previous) else {
            return Ok(());
        };
        let Some(cursor) = previous.cursors.get("") else {
            return Ok(());
        };
        if let Err(error) = self.read_feed(feed, cursor).await? {
            if let KitError::OutOfTime { .. } = error {
                self.checkpoint().await?;
                return Err(EngineError::Interrupted);
            }
            // What was deleted since then is asked for again.
            self.progress.cursors.insert(String::new(), cursor.clone());
            self.fail(String::new(), error);
        }
        Ok(())
    }

    async fn read_feed(
        &mut self,
        feed: &'static DeletedFeed,
        cursor: &Value,
    ) -> Result<Result<(), KitError>, EngineError> {
        let pages = crate::deleted::keys(self.context, self.resource, feed, cursor);
        futures_util::pin_mut!(pages);
        while let Some(keys) = pages.next().await {
            match keys {
                Ok(keys) => {
                    for key in keys {
                        self.stager.remove(&key).await?;
                    }
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }

    async fn finish(mut self) -> Result<Listed, EngineError> {
        // Fetching files may take long, and must not begin with reading again when it is cut off. A part is put together with others.
        let resumable = self.resource.kind.file().is_some() || self.part.is_some();
        let kept = if resumable {
            self.stager.flush().await?
        } else {
            Vec::new()
        };
        let mut listed = conclude(self.resource, self.mode, self.progress, self.fatal, kept);
        if !resumable {
            listed.staged = self.stager.finish().await?;
            listed.progress.receipt.duplicates += listed.staged.duplicates();
        }
        Ok(listed)
    }
}

/// What a reading that has ended comes to: whether it was a full sweep, and the vendor's count of it.
pub(crate) fn conclude(
    resource: &Resource,
    mode: Mode,
    mut progress: Progress,
    fatal: Option<KitError>,
    kept: Vec<StagedRun>,
) -> Listed {
    let counted = mode == Mode::Full && !matches!(resource.count, seatbelt_connector_kit::Count::None);
    progress.receipt.vendor_count = progress.total.filter(|_| counted && progress.whole);
    // One list that is whole says what is gone, whatever was planned. Lists per parent say it each for its own, by
    // their markers, unless all parents were asked.
    let asked_all = mode == Mode::Full || resource.parent().is_none();
    let all = asked_all && progress.whole && !progress.failed && fatal.is_none();
    Listed {
        staged: Staged::from_runs(kept.clone()),
        kept,
        fetched: Vec::new(),
        sweep: if all { Sweep::Full } else { Sweep::Changes },
        progress,
        mode,
        fatal,
    }
}

/// The key a deletion feed's entry names.
pub(crate) fn deleted_key(entry: &str, feed: &DeletedFeed) -> Option<String> {
    json::text_at(entry, &Pointer::new(feed.key)).map(std::borrow::Cow::into_owned)
}
