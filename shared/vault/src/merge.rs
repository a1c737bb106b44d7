//! Merging sorted sources, by key.

use std::cmp::Ordering;

use seatbelt_model::key;

use crate::VaultError;

/// Something that stands at an entry, or is at its end.
pub(crate) trait Source {
    /// The key it stands at; `None` at the end.
    fn key(&self) -> Option<&str>;
    /// Whether it stands at a marker, which comes before a record of the same key.
    fn is_marker(&self) -> bool {
        false
    }
    /// Which of two sources wins: the higher.
    fn rank(&self) -> usize;
    /// Goes to the next entry.
    fn advance(&mut self) -> impl Future<Output = Result<(), VaultError>> + Send;
}

/// A source that can jump.
pub(crate) trait Seek: Source {
    /// Goes to the first entry whose key is not below `target`. Never goes back.
    fn seek(&mut self, target: &str) -> impl Future<Output = Result<(), VaultError>> + Send;
}

/// Sorted sources as one. Entries of one key come together, the newest first.
#[derive(Debug)]
pub(crate) struct Merge<S> {
    sources: Vec<S>,
    /// Sources that are not at their end, the one to read next *last*.
    order: Vec<usize>,
}

impl<S: Source> Merge<S> {
    /// Merges sources that each stand at their first entry.
    pub(crate) fn new(sources: Vec<S>) -> Self {
        let mut merge = Self {
            order: Vec::with_capacity(sources.len()),
            sources,
        };
        (0..merge.sources.len()).for_each(|at| merge.settle(at));
        merge
    }

    /// The key to read next; `None` at the end of all sources.
    pub(crate) fn key(&self) -> Option<&str> {
        self.sources[*self.order.last()?].key()
    }

    /// The newest source at that key.
    pub(crate) fn newest(&mut self) -> Option<&mut S> {
        Some(&mut self.sources[*self.order.last()?])
    }

    /// How many sources stand at that key.
    pub(crate) fn same(&self) -> usize {
        let Some((last, rest)) = self.order.split_last() else {
            return 0;
        };
        1 + rest
            .iter()
            .rev()
            .take_while(|&&other| self.is_same(*last, other))
            .count()
    }

    /// The source `back` places after the newest at that key: 0 is the newest.
    pub(crate) fn nth(&mut self, back: usize) -> &mut S {
        &mut self.sources[self.order[self.order.len() - 1 - back]]
    }

    /// Goes past that key in all sources.
    pub(crate) async fn pop(&mut self) -> Result<(), VaultError> {
        for _ in 0..self.same() {
            let Some(at) = self.order.pop() else { break };
            // The others still stand at the key and stay on top of the order, so this one settles below them.
            self.sources[at].advance().await?;
            self.settle(at);
        }
        Ok(())
    }

    /// The key of the source that is read after the newest.
    pub(crate) fn second_key(&self) -> Option<&str> {
        let [.., second, _] = self.order[..] else { return None };
        self.sources[second].key()
    }

    /// Moves the newest source by hand.
    pub(crate) fn move_newest(&mut self, step: impl FnOnce(&mut S)) {
        if let Some(at) = self.order.pop() {
            step(&mut self.sources[at]);
            self.settle(at);
        }
    }

    fn is_same(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.sources[a], &self.sources[b]);
        a.is_marker() == b.is_marker() && a.key() == b.key()
    }

    fn settle(&mut self, at: usize) {
        if self.sources[at].key().is_none() {
            return;
        }
        let place = match self.order.last() {
            // Nearly always the same source goes on being the smallest.
            Some(&last) if self.compare(last, at).is_gt() => self.order.len(),
            None => 0,
            Some(_) => self.order.partition_point(|&other| self.compare(other, at).is_gt()),
        };
        self.order.insert(place, at);
    }

    /// The order of reading: by key, markers first, then the newest.
    fn compare(&self, a: usize, b: usize) -> Ordering {
        let (a, b) = (&self.sources[a], &self.sources[b]);
        let (left, right) = (a.key().unwrap_or_default(), b.key().unwrap_or_default());
        key::compare(left, right)
            .then_with(|| b.is_marker().cmp(&a.is_marker()))
            .then_with(|| b.rank().cmp(&a.rank()))
    }
}

impl<S: Seek> Merge<S> {
    /// Goes to the first key that is not below `target`.
    pub(crate) async fn seek(&mut self, target: &str) -> Result<(), VaultError> {
        while self.key().is_some_and(|key| key::compare(key, target).is_lt()) {
            let Some(at) = self.order.pop() else { break };
            self.sources[at].seek(target).await?;
            self.settle(at);
        }
        Ok(())
    }
}
