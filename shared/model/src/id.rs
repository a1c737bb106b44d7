//! Run and snapshot ids: one id for both, the UTC start, `20261122T060000Z`.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, ToSpan, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const FORM: &str = "%Y%m%dT%H%M%SZ";

/// The id of a run and of the snapshot it commits: its UTC start to the second, written `20261122T060000Z`.
/// Ids sort as text in the order of time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(Timestamp);

/// A snapshot has the id of the run that committed it.
pub type SnapshotId = RunId;

/// A text that is no id.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a run id; an id is a UTC time such as 20261122T060000Z")]
pub struct InvalidRunId {
    text: String,
}

impl RunId {
    /// The id of a run that starts at `start`; fractions of a second are dropped.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self(Timestamp::from_second(start.as_second()).expect("a whole second of a valid timestamp is valid"))
    }

    /// The id for a run that starts at `now` and must sort after `previous`: the second after it if the clock stands
    /// still or has jumped back.
    #[must_use]
    pub fn after(now: Timestamp, previous: Option<Self>) -> Self {
        let id = Self::at(now);
        match previous {
            Some(previous) if previous >= id => previous.next(),
            _ => id,
        }
    }

    /// The id one second later.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1.second()).expect("a second is a fixed span"))
    }

    /// The run's start.
    #[must_use]
    pub fn start(self) -> Timestamp {
        self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime(FORM))
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RunId {
    type Err = InvalidRunId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidRunId { text: text.to_owned() };
        let civil = DateTime::strptime(FORM, text).map_err(|_| invalid())?;
        let id = Self::at(TimeZone::UTC.to_timestamp(civil).map_err(|_| invalid())?);
        if id.to_string() == text { Ok(id) } else { Err(invalid()) }
    }
}

impl Serialize for RunId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back() {
        let id: RunId = "20261122T060000Z".parse().unwrap();
        assert_eq!(id.to_string(), "20261122T060000Z");
        assert_eq!(id.next().to_string(), "20261122T060001Z");
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "2026-11-22",
            "20261322T060000Z",
            "20261122T060000",
            "20261122T060000Z ",
            "20261122T256000Z",
        ] {
            assert!(text.parse::<RunId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_clock_that_jumps_back_still_gives_a_later_id() {
        let newest: RunId = "20261122T060000Z".parse().unwrap();
        let earlier = "2026-11-21T00:00:00Z".parse().unwrap();
        assert_eq!(RunId::after(earlier, Some(newest)), newest.next());
        assert_eq!(RunId::after(earlier, None), RunId::at(earlier));
    }
}
