//! Moments as text of one width, so that DynamoDB compares them and people read them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// `2026-11-22T06:00:00.000Z`; what is finer than a millisecond is dropped.
pub(crate) fn text(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// `now` and `ttl` later, at the precision that is stored; the end of time if that is beyond it.
pub(crate) fn later(now: Timestamp, ttl: Duration) -> Timestamp {
    let ttl = SignedDuration::try_from(ttl).unwrap_or(SignedDuration::MAX);
    let end = now.checked_add(ttl).unwrap_or(Timestamp::MAX);
    Timestamp::from_millisecond(end.as_millisecond()).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_sorts_as_time_does() {
        let times = [
            "1969-12-31T23:59:59.9999Z",
            "2026-11-22T06:00:00Z",
            "2026-11-22T06:00:00.5Z",
            "2026-11-22T06:00:01Z",
        ];
        let times = times.map(|time| time.parse::<Timestamp>().unwrap());
        for pair in times.windows(2) {
            assert!(text(pair[0]) < text(pair[1]), "{pair:?}");
        }
        assert_eq!(text(times[2]), "2026-11-22T06:00:00.500Z");
        assert_eq!(text(times[1]).parse::<Timestamp>().unwrap(), times[1]);
    }

    #[test]
    fn a_wait_beyond_the_end_of_time_ends_there() {
        assert_eq!(
            text(later(Timestamp::MAX, Duration::MAX)).len(),
            text(Timestamp::UNIX_EPOCH).len()
        );
    }
}
