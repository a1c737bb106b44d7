//! One pacer per vendor account: rate, concurrency, the vendor's wish to wait, and the share of its quota left to others.
//!
//! All requests of an account pass here, whichever system, resource or task sends them. Callers are served in the order they
//! came. The pacer has no timer of its own; it waits on the clock it is handed.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use http::HeaderMap;
use jiff::Timestamp;
use seatbelt_model::{Clock, Event, Observer, Wait};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    Pace, Quota, ResetIs,
    clock::{after, until},
};

/// A quota is taken to be full again after this long at the latest: further away, the header does not mean what was declared.
const LONGEST_RESET: Duration = Duration::from_hours(31 * 24);

/// Lets the requests of one vendor account through, one by one.
#[derive(Debug)]
pub struct Pacer {
    slice: Slice,
    quota: Option<Quota>,
    places: Arc<Semaphore>,
    /// When the last requests were let through. Held while waiting, which makes a fair queue of those who wait.
    gate: tokio::sync::Mutex<VecDeque<Timestamp>>,
    holds: Mutex<Holds>,
    /// How many processes divide the pace.
    sharers: AtomicU32,
}

/// At most so many requests in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slice {
    requests: usize,
    per: Duration,
}

/// Until when nothing is sent.
#[derive(Debug, Default, Clone, Copy)]
struct Holds {
    throttled: Option<Timestamp>,
    quota: Option<Timestamp>,
}

/// The right to one request. Held until the answer's body was read.
#[derive(Debug)]
pub struct Permit {
    _place: OwnedSemaphorePermit,
}

/// Who waits, and for how long at most.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// When the request was first let through, if it was.
    pub since: Option<Timestamp>,
    /// How long it may be held up in all by the vendor's wishes.
    pub budget: Duration,
    /// When the run must end.
    pub deadline: Option<Timestamp>,
}

impl Patience {
    /// Until when the vendor may hold the request up.
    #[must_use]
    pub fn ends(&self, now: Timestamp) -> Timestamp {
        let end = after(self.since.unwrap_or(now), self.budget);
        self.deadline.map_or(end, |deadline| end.min(deadline))
    }

    /// Whether `wait` is within what the vendor may ask for, and only the run's own end is in its way.
    #[must_use]
    pub fn lacks_time(&self, now: Timestamp, wait: Duration) -> bool {
        let then = after(now, wait);
        let bearable = after(self.since.unwrap_or(now), self.budget);
        then <= bearable && self.deadline.is_some_and(|deadline| then > deadline)
    }
}

impl Pacer {
    /// A pacer that keeps to `pace`.
    #[must_use]
    pub fn new(pace: &Pace) -> Self {
        Self {
            slice: Slice::of(pace),
            quota: pace.quota,
            places: Arc::new(Semaphore::new(pace.concurrency.max(1) as usize)),
            gate: tokio::sync::Mutex::default(),
            holds: Mutex::default(),
            sharers: AtomicU32::new(1),
        }
    }

    /// Waits until a request may be sent.
    ///
    /// # Errors
    /// The wait that would be longer than `patience` lasts; nothing was waited for it then.
    pub async fn admit(
        &self,
        patience: Patience,
        clock: &dyn Clock,
        observer: &dyn Observer,
    ) -> Result<Permit, Duration> {
        let place = self
            .places
            .clone()
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let mut passed = self.gate.lock().await;
        loop {
            let now = clock.now();
            let Some((wait, reason)) = self.wait(&passed, now) else {
                passed.push_back(now);
                if passed.len() > self.slice.requests {
                    passed.pop_front();
                }
                return Ok(Permit { _place: place });
            };
            let end = if reason == Wait::Pace {
                patience.deadline
            } else {
                Some(patience.ends(now))
            };
            if end.is_some_and(|end| after(now, wait) > end) {
                return Err(wait);
            }
            if reason != Wait::Pace || wait >= Duration::from_secs(1) {
                observer.notice(Event::Waiting { reason, wait });
            }
            clock.sleep(wait).await;
        }
    }

    /// Divides the rate by the number of processes that send requests for the account side by side. None of them sees what the others send.
    pub fn share_among(&self, processes: u32) {
        self.sharers.store(processes.max(1), Ordering::Relaxed);
    }

    /// Holds all requests of the account for `wait`, as the vendor asked. A shorter wish does not shorten a longer one.
    pub fn pause(&self, now: Timestamp, wait: Duration) {
        let mut holds = self.holds();
        holds.throttled = holds.throttled.max(Some(after(now, wait)));
    }

    /// Reads the quota headers of an answer. At or below the floor all requests are held until the quota is filled again.
    pub fn note_quota(&self, headers: &HeaderMap, now: Timestamp) {
        let Some(quota) = &self.quota else { return };
        let number = |name: &str| {
            headers
                .get(name)?
                .to_str()
                .ok()?
                .trim()
                .parse::<f64>()
                .ok()
                .filter(|n| n.is_finite())
        };
        let (Some(limit), Some(remaining)) = (number(quota.limit), number(quota.remaining)) else {
            return;
        };
        if limit <= 0.0 || remaining * 100.0 > limit * f64::from(quota.floor_percent) {
            return;
        }
        let Some(reset) = number(quota.reset).filter(|reset| *reset >= 0.0) else {
            return;
        };
        let wait = match quota.reset_is {
            ResetIs::SecondsFromNow => reset,
            ResetIs::EpochSeconds => reset - now.as_second() as f64,
        };
        let wait = Duration::try_from_secs_f64(wait.max(0.0))
            .unwrap_or(LONGEST_RESET)
            .min(LONGEST_RESET);
        let mut holds = self.holds();
        holds.quota = holds.quota.max(Some(after(now, wait)));
    }

    /// The longest of all waits, and what it is for.
    fn wait(&self, passed: &VecDeque<Timestamp>, now: Timestamp) -> Option<(Duration, Wait)> {
        let holds = *self.holds();
        let pace = passed.front().filter(|_| passed.len() >= self.slice.requests);
        // A clock that was set back must not hold requests for longer than the pace ever asks.
        let per = self.slice.per.saturating_mul(self.sharers.load(Ordering::Relaxed));
        let pace = pace.map(|first| until(now, after(*first, per)).min(per));
        let held = |end: Option<Timestamp>| end.map(|end| until(now, end));
        [
            (pace, Wait::Pace),
            (held(holds.quota), Wait::Quota),
            (held(holds.throttled), Wait::Throttled),
        ]
        .into_iter()
        .filter_map(|(wait, reason)| Some((wait.filter(|wait| !wait.is_zero())?, reason)))
        .max_by_key(|(wait, _)| *wait)
    }

    fn holds(&self) -> std::sync::MutexGuard<'_, Holds> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slice {
    /// Cuts the pace into equal slices of at most a second, so that a start does not send a minute's worth in one burst.
    /// Slices divide the requests without rest: obeying each obeys the whole, over any window.
    fn of(pace: &Pace) -> Self {
        let requests = pace.requests.max(1);
        let a_second = (f64::from(requests) / pace.per.as_secs_f64().max(1e-3)).floor() as u32;
        let slice = (1..=a_second.clamp(1, requests))
            .rev()
            .find(|slice| requests.is_multiple_of(*slice))
            .unwrap_or(1);
        // Rounded up: a nanosecond too few would let one more request into the whole.
        let per = pace.per.as_nanos().div_ceil(u128::from(requests / slice));
        Self {
            requests: slice as usize,
            per: Duration::from_nanos_u128(per),
        }
    }
}

#[cfg(test)]
mod tests;
