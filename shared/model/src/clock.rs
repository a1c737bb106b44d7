//! The clock as a trait, so that everything above takes time as an argument and tests control it.

use std::{fmt::Debug, future::Future, pin::Pin, time::Duration};

use jiff::Timestamp;

/// Tells the time and waits. One implementation reads the machine's clock; tests use one that jumps.
pub trait Clock: Debug + Send + Sync {
    /// The time now, in UTC.
    fn now(&self) -> Timestamp;

    /// Returns after `wait` has passed on this clock. Dropping the future ends the wait.
    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}
