//! What a run tells those who watch it: a progress bar, a log, a metric. Events carry names and numbers, never customer data.

use std::time::Duration;

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A resource is being read.
    Started {
        /// The resource.
        resource: String,
        /// Records it had in the last snapshot, to measure progress by.
        expected: u64,
    },
    /// A page was read.
    Page {
        /// The resource.
        resource: String,
        /// Records on the page.
        records: u64,
        /// Bytes of the page.
        bytes: u64,
        /// The vendor's own count, where it gives one.
        total: Option<u64>,
    },
    /// A file was read.
    Body {
        /// The resource.
        resource: String,
        /// Its size.
        bytes: u64,
    },
    /// Nothing is sent for a while.
    Waiting {
        /// Why.
        reason: Wait,
        /// How long.
        wait: Duration,
    },
    /// The differences to the last snapshot are being found and stored.
    Comparing {
        /// The resource.
        resource: String,
    },
    /// A resource is done.
    Done {
        /// The resource.
        resource: String,
        /// Records in its new state.
        records: u64,
        /// Gaps in its receipt.
        gaps: u64,
    },
}

/// Why a run waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The connector's own pace.
    Pace,
    /// The vendor asked to slow down.
    Throttled,
    /// A request failed and is tried again.
    Retry,
    /// The share of the vendor's quota left to others is reached.
    Quota,
}

/// Receives events. Implementations return at once.
pub trait Observer: Send + Sync {
    /// Takes note of one event.
    fn notice(&self, event: Event);
}

/// Takes note of nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn notice(&self, _: Event) {}
}
