//! Comparing what was staged with the state before, in one streaming merge.

use std::{cmp::Ordering, collections::VecDeque, sync::Arc};

use async_stream::try_stream;
use bytes::Bytes;
use futures_util::Stream;
use seatbelt_model::{
    KeyRule, ResourceState,
    json::{self, Pointer},
    key,
};

use crate::{
    Difference, Staged, Vault, VaultError,
    line::{self, Body, Keys},
    merge::{Merge, Source},
    pipeline::Pipeline,
    run::{Chain, Segment, StagedEntry, write_entry},
    spill::RunWriter,
    state::{Reading, StateReader, keys},
};

/// What was read, so what absence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// Everything: what was not staged is gone.
    Full,
    /// Changes: what was not staged is as it was, except below a parent that was listed.
    Changes,
}

/// What a comparison has met so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compared {
    /// Records staged, each key once.
    pub records: u64,
    /// Records staged again under the same key, beyond those [`Staged::duplicates`] knows.
    pub duplicates: u64,
    /// Records that are as they were.
    pub unchanged: u64,
}

/// A running comparison: gives the differences in the order of keys.
#[derive(Debug)]
pub struct Comparison {
    staged: Merge<Chain>,
    before: StateReader,
    sweep: Sweep,
    volatile: Vec<Pointer>,
    /// Parents whose children are being passed, all of which were listed: as prefixes of keys, the outer first.
    listed: Vec<String>,
    counts: Compared,
}

/// So many sources are read side by side; more are merged beforehand.
const FAN_IN: usize = 32;

impl Vault {
    /// Compares `staged` with the state before. Lines that differ only in `volatile` fields, in the order of members or
    /// in what Seatbelt added do not count, and the old line stays; but a record whose file is still missing counts
    /// as changed, so that the file is tried again.
    ///
    /// `rule` is the rule of both: a resource keeps its key rule for as long as its state is carried on.
    ///
    /// # Errors
    /// S3's, and [`VaultError::Damaged`].
    pub async fn compare(
        &self,
        system: &str,
        previous: Option<&ResourceState>,
        staged: Staged,
        sweep: Sweep,
        volatile: &[Pointer],
        rule: &KeyRule,
    ) -> Result<Comparison, VaultError> {
        let keys = Arc::new(keys(rule)?);
        let reading = if sweep == Sweep::Full {
            Reading::All
        } else {
            Reading::Some
        };
        let layers = previous.map_or(&[][..], |previous| &previous.layers);
        Ok(Comparison {
            staged: self.open_staged(system, staged, keys).await?,
            before: StateReader::open(self, system, layers, rule, reading).await?,
            sweep,
            volatile: volatile.to_vec(),
            listed: Vec::new(),
            counts: Compared::default(),
        })
    }

    async fn open_staged(&self, system: &str, staged: Staged, keys: Arc<Keys>) -> Result<Merge<Chain>, VaultError> {
        let mut segments: Vec<_> = staged
            .segments
            .into_iter()
            .filter(|segment| segment.entries() > 0)
            .collect();
        while chain(&segments).len() > FAN_IN {
            segments = self.merge_once(system, segments, &keys).await?;
        }
        self.merge(system, chain(&segments), keys).await
    }

    async fn merge(
        &self,
        system: &str,
        chains: Vec<VecDeque<(usize, Segment)>>,
        keys: Arc<Keys>,
    ) -> Result<Merge<Chain>, VaultError> {
        let mut sources = Vec::with_capacity(chains.len());
        for segments in chains {
            sources.push(Chain::open(self, system, keys.clone(), segments).await?);
        }
        Ok(Merge::new(sources))
    }

    /// Merges neighbours, as many at a time as can be read side by side, to fewer and longer runs.
    async fn merge_once(
        &self,
        system: &str,
        segments: Vec<Segment>,
        keys: &Arc<Keys>,
    ) -> Result<Vec<Segment>, VaultError> {
        let tag = fastrand::u32(..);
        let prefix = segments.iter().find_map(|segment| match segment {
            Segment::Run(run) => run
                .prefix
                .rsplit_once('/')
                .map(|(folder, _)| format!("{folder}/{tag:08x}")),
            Segment::Memory(_) => None,
        });
        let prefix = prefix.unwrap_or_else(|| format!("staging/merged/{tag:08x}"));
        let (mut merged, mut next) = (Vec::new(), 0);
        for group in segments.chunks(FAN_IN) {
            let mut sources = self.merge(system, chain(group), keys.clone()).await?;
            let mut stored = Pipeline::new(crate::spill::IN_FLIGHT);
            let mut writer = RunWriter::new(self, system, &prefix, next);
            while let Some(key) = sources.key().map(str::to_owned) {
                if let Some(newest) = sources.newest() {
                    write_entry(&mut writer.raw, &key, &newest.entry().await?);
                }
                writer.end_line(&key, &mut stored).await?;
                sources.pop().await?;
            }
            let run = writer.finish(&mut stored).await?;
            next = run.first + run.objects;
            merged.push(Segment::Run(run));
        }
        Ok(merged)
    }
}

/// Segments that do not overlap become one source, each with its rank: its place in time.
fn chain(segments: &[Segment]) -> Vec<VecDeque<(usize, Segment)>> {
    let mut by_key: Vec<_> = segments.iter().cloned().enumerate().collect();
    by_key.sort_by(|(_, a), (_, b)| key::compare(a.first_key(), b.first_key()));
    let mut chains: Vec<VecDeque<(usize, Segment)>> = Vec::new();
    for (rank, segment) in by_key {
        let fits = |chain: &&mut VecDeque<(usize, Segment)>| {
            chain
                .back()
                .is_some_and(|(_, last)| key::compare(last.last_key(), segment.first_key()).is_lt())
        };
        match chains.iter_mut().find(fits) {
            Some(chain) => chain.push_back((rank, segment)),
            None => chains.push(VecDeque::from([(rank, segment)])),
        }
    }
    chains
}

/// What the two keys to read next say to do.
enum Step {
    End,
    /// A parent was listed.
    Listed,
    /// A record of before that was not staged, and should have been.
    Unseen,
    /// Records of before that nothing is known about.
    Skip,
    Staged,
    Both,
}

impl Comparison {
    /// The next difference; `None` at the end. Lines are copies and may be kept.
    ///
    /// # Errors
    /// S3's, and [`VaultError::Damaged`].
    pub async fn next(&mut self) -> Result<Option<Difference>, VaultError> {
        loop {
            let found = match self.step() {
                Step::End => return Ok(None),
                Step::Listed => self.enter_listed().await?,
                Step::Unseen => self.unseen().await?,
                Step::Skip => self.skip().await?,
                Step::Staged => self.staged(false).await?,
                Step::Both => self.staged(true).await?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    /// What was met so far; complete once [`Self::next`] gave `None`.
    #[must_use]
    pub fn counts(&self) -> Compared {
        self.counts
    }

    /// The differences as a stream.
    pub fn into_stream(mut self) -> impl Stream<Item = Result<Difference, VaultError>> + Send {
        try_stream! {
            while let Some(difference) = self.next().await? {
                yield difference;
            }
        }
    }

    fn step(&mut self) -> Step {
        let marker = self.staged.newest().is_some_and(|newest| newest.is_marker());
        match (self.before.key(), self.staged.key()) {
            (None, None) => Step::End,
            (None, Some(_)) if marker => Step::Listed,
            (None, Some(_)) => Step::Staged,
            (Some(before), None) if self.must_be_seen(before) => Step::Unseen,
            (Some(_), None) => Step::End,
            (Some(before), Some(staged)) => match key::compare(before, staged) {
                Ordering::Less if self.must_be_seen(before) => Step::Unseen,
                Ordering::Less => Step::Skip,
                _ if marker => Step::Listed,
                Ordering::Equal => Step::Both,
                Ordering::Greater => Step::Staged,
            },
        }
    }

    fn must_be_seen(&self, key: &str) -> bool {
        self.sweep == Sweep::Full || self.listed.iter().any(|prefix| key.starts_with(prefix))
    }

    async fn enter_listed(&mut self) -> Result<Option<Difference>, VaultError> {
        if let Some(prefix) = self.staged.key().map(str::to_owned) {
            self.before.seek(&prefix).await?;
            self.listed.retain(|outer| prefix.starts_with(outer));
            self.listed.push(prefix);
        }
        self.staged.pop().await?;
        Ok(None)
    }

    async fn unseen(&mut self) -> Result<Option<Difference>, VaultError> {
        let before = self.before.line().await?.map(copy);
        let key = self.before.key().unwrap_or_default().to_owned();
        self.before.pop().await?;
        Ok(Difference::between(key, before, None))
    }

    async fn skip(&mut self) -> Result<Option<Difference>, VaultError> {
        if let Some(target) = self.staged.key() {
            self.before.seek(target).await?;
        }
        Ok(None)
    }

    async fn staged(&mut self, was_there: bool) -> Result<Option<Difference>, VaultError> {
        let again = self.staged.same() as u64 - 1;
        let before = if was_there { self.before.line().await? } else { None };
        let (mut is_record, mut differs) = (false, None);
        if let Some(newest) = self.staged.newest() {
            let after = newest.entry().await?;
            is_record = matches!(after, StagedEntry::Record(_));
            differs = compare_lines(before, &after, &self.volatile);
        }
        let found = differs.map(|(before, after)| (self.staged.key().unwrap_or_default().to_owned(), before, after));
        if is_record {
            self.counts.records += 1;
            self.counts.duplicates += again;
            self.counts.unchanged += u64::from(found.is_none());
        }
        self.staged.pop().await?;
        if was_there {
            self.before.pop().await?;
        }
        Ok(found.and_then(|(key, before, after)| difference(key, before, after)))
    }
}

/// The lines before and after, copied; `None` if they say the same.
fn compare_lines(
    before: Option<&str>,
    after: &StagedEntry<'_>,
    volatile: &[Pointer],
) -> Option<(Option<Bytes>, Option<Bytes>)> {
    match (before, after) {
        (None, StagedEntry::Record(after)) => Some((None, Some(copy(after)))),
        (Some(before), StagedEntry::Removed) => Some((Some(copy(before)), None)),
        (Some(before), StagedEntry::Record(after)) if !is_same(before, after, volatile) || lacks_body(before) => {
            Some((Some(copy(before)), Some(copy(after))))
        }
        _ => None,
    }
}

fn is_same(before: &str, after: &str, volatile: &[Pointer]) -> bool {
    if before == after {
        return true;
    }
    let ((before, _), (after, _)) = (line::split(before), line::split(after));
    before == after || json::same(&before, &after, volatile)
}

fn lacks_body(line: &str) -> bool {
    matches!(line::body(line), Some(Body::Missing { .. }))
}

/// Unlike [`Difference::between`] this trusts the verdict: equal lines whose file is missing are a change.
fn difference(key: String, before: Option<Bytes>, after: Option<Bytes>) -> Option<Difference> {
    let kind = match (&before, &after) {
        (None, Some(_)) => seatbelt_model::ChangeKind::Added,
        (Some(_), None) => seatbelt_model::ChangeKind::Removed,
        (Some(_), Some(_)) => seatbelt_model::ChangeKind::Changed,
        (None, None) => return None,
    };
    Some(Difference {
        key,
        kind,
        before,
        after,
    })
}

fn copy(line: &str) -> Bytes {
    Bytes::copy_from_slice(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_seatbelt_added_and_volatile_fields_are_no_change() {
        let before = r#"{"id":1,"seen":3,"_seatbelt":{"body":{"sha256":"ab","size_bytes":1}}}"#;
        let volatile = [Pointer::new("/seen")];
        assert!(is_same(before, r#"{"id":1,"seen":3}"#, &[]));
        assert!(is_same(before, r#"{"seen":4,"id":1}"#, &volatile));
        assert!(!is_same(before, r#"{"id":1,"seen":4}"#, &[]));
        assert!(!lacks_body(before));
        assert!(lacks_body(r#"{"id":1,"_seatbelt":{"body":{"missing":"gone"}}}"#));
    }
}
