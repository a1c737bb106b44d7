//! Reading everything again, a share a day.
//!
//! Names are hashes, so they lie evenly between nought and the highest: a lap walks from one to the other in [`LAP`], as fast as time goes. A
//! day that was missed is made up for on the next, since the place to reach is that of the clock, not of the day before.

use jiff::{SignedDuration, Timestamp};
use seatbelt_vault::{Names, VaultError};
use serde::{Deserialize, Serialize};

use crate::{Retention, damage::Found};

/// A lap is meant to take this long.
pub const LAP: SignedDuration = SignedDuration::from_hours(24 * 80);
/// Everything is to be read again within this; beyond, somebody should look.
pub const WITHIN: SignedDuration = SignedDuration::from_hours(24 * 90);
/// A pass reads on to where the clock will be when the next one comes.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// Objects between two looks at the clock.
const STEP: usize = 64;

/// A walk through all names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lap {
    pub(crate) began_at: Timestamp,
    /// The name it goes on at; empty at the beginning.
    pub(crate) next: String,
    /// Objects read and found as they were.
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
    /// Objects found damaged.
    pub(crate) damaged: u64,
}

/// What a pass read.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
    pub(crate) found: Found,
    /// The lap, if it ended.
    pub(crate) ended: Option<Lap>,
    /// Whether the deadline came first.
    pub(crate) cut: bool,
}

impl Lap {
    pub(crate) fn begin(now: Timestamp) -> Self {
        Self {
            began_at: now,
            next: String::new(),
            objects: 0,
            bytes: 0,
            damaged: 0,
        }
    }

    /// Where it should be by now; `None` is the end.
    fn target(&self, now: Timestamp) -> Option<String> {
        let elapsed = now.duration_since(self.began_at).max(SignedDuration::ZERO) + AHEAD;
        let (part, whole) = (elapsed.as_secs().unsigned_abs(), LAP.as_secs().unsigned_abs());
        let place = u128::from(u64::MAX) * u128::from(part) / u128::from(whole);
        let place = u64::try_from(place).ok().filter(|_| part < whole)?;
        Some(format!("{place:016x}{:048}", 0))
    }

    /// Whether it takes longer than it may.
    pub(crate) fn is_late(&self, now: Timestamp) -> bool {
        now.duration_since(self.began_at) > WITHIN
    }
}

impl Retention {
    /// Reads from where the lap stands to where it should be, or until the deadline. What was read before an error counts.
    pub(crate) async fn scrub(
        &self,
        system: &str,
        names: &Names,
        lap: &mut Lap,
        deadline: Option<Timestamp>,
    ) -> (Read, Result<(), VaultError>) {
        let mut read = Read::default();
        let target = lap.target(self.clock.now());
        let result = self
            .scrub_to(system, names, lap, target.as_deref(), deadline, &mut read)
            .await;
        (read, result)
    }

    async fn scrub_to(
        &self,
        system: &str,
        names: &Names,
        lap: &mut Lap,
        target: Option<&str>,
        deadline: Option<Timestamp>,
        read: &mut Read,
    ) -> Result<(), VaultError> {
        while target.is_none_or(|target| lap.next.as_str() < target) {
            let step = self.vault.scrub(system, names, &lap.next, target, STEP);
            // A file may take longer than there is; then it comes first in the next pass, with all of its time.
            let done = tokio::select! {
                done = step => done?,
                () = self.until(deadline) => {
                    read.cut = true;
                    return Ok(());
                }
            };
            read.objects += done.objects;
            read.bytes += done.bytes;
            lap.objects += done.objects;
            lap.bytes += done.bytes;
            lap.damaged += done.damaged.len() as u64;
            read.found.extend(done.damaged);
            match (done.next, target) {
                (Some(next), _) => lap.next = next,
                (None, Some(target)) => lap.next = target.to_owned(),
                (None, None) => {
                    let began = Lap::begin(self.clock.now());
                    read.ended = Some(std::mem::replace(lap, began));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Returns at the deadline; never, if there is none.
    async fn until(&self, deadline: Option<Timestamp>) {
        match deadline {
            None => std::future::pending().await,
            Some(deadline) => {
                let left = deadline.duration_since(self.clock.now());
                self.clock.sleep(left.try_into().unwrap_or_default()).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lap_is_where_the_clock_is_and_ends() {
        let began: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let lap = Lap::begin(began);
        let day = |day: i64| began.checked_add(SignedDuration::from_hours(24 * day)).unwrap();
        let mut before = String::new();
        for n in 0..79 {
            let target = lap.target(day(n)).unwrap();
            assert_eq!(target.len(), 64);
            assert!(target > before, "day {n}");
            before = target;
        }
        assert!(before.as_str() < "fd", "one share is left: {before}");
        assert_eq!(lap.target(day(79)), None);
        assert_eq!(lap.target(day(500)), None);
        // A clock that went back stands still.
        assert_eq!(lap.target(day(-5)), lap.target(day(0)));
        assert!(!lap.is_late(day(90)) && lap.is_late(day(91)));
    }
}
