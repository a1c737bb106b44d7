//! Which snapshots stay, and why: from values to values.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use seatbelt_model::{
    Retention as Policy, SnapshotId,
    retention::{Reason, Verdict, keep},
};
use seatbelt_vault::Stored;

use crate::Rule;

/// What becomes of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The snapshot.
    pub id: SnapshotId,
    /// Whether it is complete, and nothing it stands on is known to be damaged.
    pub good: bool,
    /// Its records.
    pub records: u64,
    /// Whether it stays.
    pub verdict: Verdict,
}

/// Decides about every snapshot, oldest first. `broken` are those that stand on something damaged: none of them counts as good.
#[must_use]
pub fn decide(
    rule: &Rule,
    snapshots: &BTreeMap<SnapshotId, Stored>,
    broken: &BTreeSet<SnapshotId>,
    now: Timestamp,
) -> Vec<Decided> {
    let good = |id: &SnapshotId, stored: &Stored| stored.complete && !broken.contains(id);
    let times: Vec<_> = snapshots
        .iter()
        .map(|(id, stored)| (id.start(), good(id, stored)))
        .collect();
    let policy = match rule {
        Rule::Policy(policy) => *policy,
        Rule::Removed => Policy::default(),
    };
    let mut verdicts = keep(&policy, &times, now);
    keep_last_complete(snapshots, &mut verdicts);
    let decided = snapshots.iter().zip(times).zip(verdicts);
    let decided = decided.map(|(((id, stored), (_, good)), verdict)| Decided {
        id: *id,
        good,
        records: stored.records,
        verdict,
    });
    decided.collect()
}

/// If everything is damaged somewhere, the newest complete one stays too: most of it can be read.
fn keep_last_complete(snapshots: &BTreeMap<SnapshotId, Stored>, verdicts: &mut [Verdict]) {
    let newest = snapshots.values().rposition(|stored| stored.complete);
    if let Some(verdict) = newest.and_then(|at| verdicts.get_mut(at))
        && !verdict.is_kept()
    {
        *verdict = Verdict::Keep(vec![Reason::NewestGood]);
    }
}

impl Decided {
    /// Whether it stays.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.verdict.is_kept()
    }

    /// Why it stays, in words; empty if it does not.
    #[must_use]
    pub fn reasons(&self) -> Vec<&'static str> {
        match &self.verdict {
            Verdict::Keep(reasons) => reasons.iter().copied().map(word).collect(),
            Verdict::Expire => Vec::new(),
        }
    }
}

fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::NewestGood => "newest good",
        Reason::Newest => "newest",
        Reason::SinceNewestGood => "since the newest good",
        Reason::InTheFuture => "in the future",
        Reason::Hourly => "hourly",
        Reason::Daily => "daily",
        Reason::Weekly => "weekly",
        Reason::Monthly => "monthly",
        Reason::Yearly => "yearly",
    }
}
