//! What tests are handed instead of the world: a clock that jumps, an observer that remembers, secrets in memory.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use jiff::Timestamp;
use seatbelt_model::{Clock, Event, Observer, Wait, system::SecretRef};

use crate::{KitError, SecretFields, SecretStore, clock::after, store::problem};

/// A clock on which waiting takes no time: the sleeper that is due first moves the clock to its end, and wakes. Clones share
/// their time.
///
/// Do not let a sleep race real I/O on it (as a timeout would): the sleep always wins.
#[derive(Debug, Clone)]
pub struct FakeClock {
    time: Arc<Mutex<Time>>,
}

#[derive(Debug)]
struct Time {
    now: Timestamp,
    /// Sleepers by when they are due and when they came.
    sleepers: BTreeMap<(Timestamp, u64), Option<Waker>>,
    came: u64,
    slept: Vec<Duration>,
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::at("2026-11-22T06:00:00Z")
    }
}

impl FakeClock {
    /// A clock that shows this time.
    ///
    /// # Panics
    /// If `now` is not a time such as `2026-11-22T06:00:00Z`.
    #[must_use]
    pub fn at(now: &str) -> Self {
        let now = now.parse().expect("a test states a valid time");
        Self {
            time: Arc::new(Mutex::new(Time {
                now,
                sleepers: BTreeMap::new(),
                came: 0,
                slept: Vec::new(),
            })),
        }
    }

    /// Moves the time on, and wakes those whose sleep is over.
    pub fn advance(&self, by: Duration) {
        let mut time = self.lock();
        time.now = after(time.now, by);
        time.sleepers
            .values_mut()
            .filter_map(Option::take)
            .for_each(Waker::wake);
    }

    /// All sleeps asked for so far, in order.
    #[must_use]
    pub fn slept(&self) -> Vec<Duration> {
        self.lock().slept.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Time> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut time = self.lock();
        time.slept.push(wait);
        time.came += 1;
        let due = (after(time.now, wait), time.came);
        time.sleepers.insert(due, None);
        Box::pin(Sleep {
            time: self.time.clone(),
            due,
            polled: false,
        })
    }
}

struct Sleep {
    time: Arc<Mutex<Time>>,
    due: (Timestamp, u64),
    polled: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let first_poll = !std::mem::replace(&mut self.polled, true);
        let mut time = self.time.lock().unwrap_or_else(PoisonError::into_inner);
        let is_next = time.sleepers.keys().next() == Some(&self.due);
        if time.now >= self.due.0 || (is_next && !first_poll) {
            time.now = time.now.max(self.due.0);
            return Poll::Ready(());
        }
        time.sleepers.insert(self.due, Some(context.waker().clone()));
        if first_poll {
            // Whoever else is about to sleep, perhaps for less, comes first.
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let mut time = self.time.lock().unwrap_or_else(PoisonError::into_inner);
        time.sleepers.remove(&self.due);
        if let Some(next) = time.sleepers.values_mut().next().and_then(Option::take) {
            next.wake();
        }
    }
}

/// An observer that remembers all events.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    events: Arc<Mutex<Vec<Event>>>,
}

impl Recorder {
    /// The events so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The waits for `reason` so far.
    #[must_use]
    pub fn waits(&self, reason: Wait) -> Vec<Duration> {
        let waits = self.events().into_iter().filter_map(|event| match event {
            Event::Waiting { reason: other, wait } if other == reason => Some(wait),
            _ => None,
        });
        waits.collect()
    }
}

impl Observer for Recorder {
    fn notice(&self, event: Event) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}

/// Secrets in memory, by the text of their place. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemorySecrets {
    secrets: Arc<Mutex<BTreeMap<String, SecretFields>>>,
}

impl MemorySecrets {
    /// One secret: its place, such as `env:CRM`, and its JSON.
    ///
    /// # Panics
    /// If `json` is malformed.
    #[must_use]
    pub fn of(place: &str, json: &str) -> Self {
        let secrets = Self::default();
        secrets.set(place, json);
        secrets
    }

    /// Puts a secret in.
    ///
    /// # Panics
    /// If `json` is malformed.
    pub fn set(&self, place: &str, json: &str) {
        let fields = SecretFields::parse(json).expect("a test states a valid secret");
        self.secrets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(place.to_owned(), fields);
    }
}

#[async_trait::async_trait]
impl SecretStore for MemorySecrets {
    async fn read(&self, place: &SecretRef) -> Result<SecretFields, KitError> {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets
            .get(&place.to_string())
            .cloned()
            .ok_or_else(|| problem(place, "there is none"))
    }

    async fn write(&self, place: &SecretRef, fields: &SecretFields) -> Result<(), KitError> {
        self.secrets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(place.to_string(), fields.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleepers_wake_in_order_of_their_ends_and_take_no_time() {
        let clock = FakeClock::default();
        let start = clock.now();
        let order = Mutex::new(Vec::new());
        let sleep = |wait_s: u64| {
            let (clock, order) = (&clock, &order);
            async move {
                clock.sleep(Duration::from_secs(wait_s)).await;
                order
                    .lock()
                    .unwrap()
                    .push((wait_s, clock.now().duration_since(start).as_secs()));
            }
        };
        futures_util::join!(sleep(3600), sleep(5), sleep(60));
        assert_eq!(*order.lock().unwrap(), [(5, 5), (60, 60), (3600, 3600)]);
    }

    #[tokio::test]
    async fn a_dropped_sleep_lets_the_next_one_wake() {
        let clock = FakeClock::default();
        let (long, short) = (
            clock.sleep(Duration::from_secs(60)),
            clock.sleep(Duration::from_secs(1)),
        );
        let waiting = tokio::spawn(long);
        tokio::task::yield_now().await;
        drop(short);
        waiting.await.unwrap();
        assert_eq!(clock.slept(), [Duration::from_secs(60), Duration::from_secs(1)]);
    }
}
