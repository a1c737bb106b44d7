//! The clock of the simulated vendors: it stands still until a test moves it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// 2026-11-22T06:00:00Z, where every clock starts unless set.
const START_S: i64 = 1_795_327_200;

/// A settable clock, shared by all its clones.
#[derive(Clone, Debug)]
pub struct SimClock(Arc<Mutex<Timestamp>>);

impl Default for SimClock {
    fn default() -> Self {
        Self::at(Timestamp::from_second(START_S).expect("the start lies within the range of timestamps"))
    }
}

impl SimClock {
    /// A clock that stands at `time`.
    pub fn at(time: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(time)))
    }

    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the clock forward and returns the new time.
    pub fn advance(&self, by: Duration) -> Timestamp {
        let mut time = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *time = time.saturating_add(by).unwrap_or(Timestamp::MAX);
        *time
    }

    /// Sets the clock, backwards too.
    pub fn set(&self, time: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }
}
