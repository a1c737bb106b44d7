//! The rules. Each is a function of the time and of what is known about one system, and judges nothing that was not read.

mod duty;
mod firing;
mod late;
mod outcome;
mod snapshot;
mod stalled;

use jiff::{SignedDuration, Timestamp};

use crate::{
    finding::{Finding, Kind, Severity},
    world::Watched,
};

pub(crate) use duty::{builtin_unchecked, drill_overdue, expiring, export_due, invalid, undecided, unreadable};
pub(crate) use firing::missed;
pub(crate) use late::{late, stale};
pub(crate) use outcome::{failing, partial};
pub(crate) use snapshot::{implausible, mass_changes};
pub(crate) use stalled::stalled;
pub use stalled::{Action, actions};

/// Between a firing and its run lie the schedule's window of five minutes, Lambda's queue and its retries. With rounds every ten minutes,
/// what is missed is known 25 minutes after its time.
pub const GRACE: SignedDuration = SignedDuration::from_mins(15);

impl Watched {
    /// A finding about the system as a whole.
    pub(crate) fn finding(
        &self,
        kind: Kind,
        severity: Severity,
        since: Timestamp,
        what: impl Into<String>,
        todo: impl Into<String>,
    ) -> Finding {
        Finding {
            kind,
            severity,
            system: self.name.clone(),
            about: String::new(),
            owner: self.draft.owner.clone(),
            since,
            what: what.into(),
            todo: todo.into(),
        }
    }
}

/// `a, b, c and 4 more`.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let names: Vec<_> = names.into_iter().collect();
    let first = names.iter().take(most).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
