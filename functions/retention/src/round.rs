//! A round: every system, the one that waited longest first.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::{Order, Pass, Retention, RetentionError, Round, memory::Memory, pass::is_over};

/// Systems at a time: each holds some ten megabytes.
const PARALLEL: usize = 3;
/// Memories that are read at a time.
const RECALLED_AT_ONCE: usize = 16;
/// A pass is due so long after the last one, so that a daily schedule that comes a little early still finds it due.
const DUE: SignedDuration = SignedDuration::from_hours(20);

/// A system, and when it was last looked at.
struct Waiting {
    passed_at: Option<Timestamp>,
    system: String,
    is_due: bool,
    damaged: u64,
}

impl Retention {
    /// Makes a pass over every system that is due. After the deadline no more are begun, and those come first in the next round. May be
    /// called as often as one likes: what is not due costs one read.
    ///
    /// # Errors
    /// When the systems could not be listed. What went wrong with one of them is in its pass.
    pub async fn round(&self, deadline: Option<Timestamp>) -> Result<Round, RetentionError> {
        let (due, idle): (Vec<_>, Vec<_>) = self.waiting().await?.into_iter().partition(|waiting| waiting.is_due);
        let passes = stream::iter(due.into_iter().enumerate())
            .map(|(at, waiting)| async move {
                if is_over(self, deadline) {
                    return (at, None);
                }
                let order = Order::scheduled(&waiting.system);
                (at, Some(Box::pin(self.pass(&order, deadline)).await))
            })
            .buffer_unordered(PARALLEL);
        let mut passes: Vec<(usize, Option<Pass>)> = passes.collect().await;
        passes.sort_by_key(|(at, _)| *at);
        let not_reached = passes.iter().filter(|(_, pass)| pass.is_none()).count();
        let mut round = Round::of(passes.into_iter().filter_map(|(_, pass)| pass).collect());
        round.is_whole_round = true;
        round.not_reached = not_reached as u64;
        round.damaged_elsewhere = idle.iter().map(|waiting| waiting.damaged).sum();
        Ok(round)
    }

    /// All systems with anything in the vault, the one that waited longest first.
    async fn waiting(&self) -> Result<Vec<Waiting>, RetentionError> {
        let now = self.clock.now();
        let systems: BTreeSet<String> = self.vault.systems().await?.into_iter().collect();
        let recalled = systems.into_iter().map(|system| async move {
            let memory = Memory::of(&self.catalog, &system).await?;
            let waits = |passed: Timestamp| now.duration_since(passed) < DUE && now >= passed;
            Ok::<_, RetentionError>(Waiting {
                passed_at: memory.passed_at,
                system,
                is_due: memory.cut || !memory.passed_at.is_some_and(waits),
                damaged: memory.damaged.len() as u64,
            })
        });
        let recalled = stream::iter(recalled.collect::<Vec<_>>()).buffered(RECALLED_AT_ONCE);
        let mut waiting: Vec<_> = recalled.try_collect().await?;
        waiting.sort_by(|a, b| (a.passed_at, &a.system).cmp(&(b.passed_at, &b.system)));
        Ok(waiting)
    }
}
