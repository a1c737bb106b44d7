//! The machine's clock, and arithmetic on instants that cannot overflow.

use std::{future::Future, pin::Pin, time::Duration};

use jiff::Timestamp;
use seatbelt_model::Clock;

/// The machine's clock: UTC now, and sleeping for as long as it says.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the one clock that everything else is handed"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "this is the one clock that everything else is handed"
    )]
    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(wait))
    }
}

/// The instant `wait` after `start`, or the last one there is.
pub(crate) fn after(start: Timestamp, wait: Duration) -> Timestamp {
    start.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// How long it is from `now` until `then`; nothing if that is past.
pub(crate) fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO)
}
