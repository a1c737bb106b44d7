//! Times as cursors: read from records, kept in snapshots, sent to vendors. Pure.

use std::time::Duration;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use seatbelt_connector_kit::Cursor;
use serde_json::Value;

/// Where records of a resource say when they changed.
pub(crate) fn time_field(cursor: Cursor) -> Option<&'static str> {
    match cursor {
        Cursor::Since { field, .. } | Cursor::NewestFirst { field, .. } => Some(field),
        Cursor::None | Cursor::Feed { .. } => None,
    }
}

/// A vendor's time: RFC 3339, the same without an offset (UTC then), or seconds or milliseconds since 1970.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    if let Ok(number) = text.parse::<i64>() {
        let seconds = Timestamp::from_second(number).ok().filter(|_| number < 100_000_000_000);
        return seconds.or_else(|| Timestamp::from_millisecond(number).ok());
    }
    let without_offset = || TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    text.parse().ok().or_else(without_offset)
}

/// The time a stored cursor stands for.
pub(crate) fn stored_time(cursor: &Value) -> Option<Timestamp> {
    cursor.as_str()?.parse().ok()
}

/// What to send for a stored cursor: RFC 3339 in UTC to the second, so much earlier as is read again.
pub(crate) fn since(cursor: &Value, overlap: Duration) -> String {
    let time = stored_time(cursor).unwrap_or(Timestamp::UNIX_EPOCH);
    let time = time.checked_sub(overlap).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The next cursor: the latest time seen, but never past the run's start, since a record dated ahead would hide what is written
/// until then; and never back. A first reading that saw nothing starts from the run's start.
pub(crate) fn advance(previous: Option<&Value>, seen: Option<Timestamp>, started: Timestamp) -> Value {
    let previous = previous.and_then(stored_time);
    let seen = seen.map(|seen| seen.min(started));
    let next = seen.max(previous).unwrap_or(started);
    next.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn vendors_write_times_in_several_ways() {
        let time = at("2026-11-22T06:00:00Z");
        for text in [
            "2026-11-22T06:00:00Z",
            "2026-11-22T07:00:00+01:00",
            "2026-11-22T06:00:00",
            "1795327200",
            "1795327200000",
        ] {
            assert_eq!(parse_time(text), Some(time), "{text}");
        }
        assert_eq!(parse_time("yesterday"), None);
    }

    #[test]
    fn a_cursor_moves_forward_only_and_not_into_the_future() {
        let started = at("2026-11-22T06:00:00Z");
        let cursor = Value::from("2026-11-20T00:00:00Z");
        assert_eq!(
            advance(Some(&cursor), Some(at("2026-11-21T00:00:00Z")), started),
            "2026-11-21T00:00:00Z"
        );
        assert_eq!(
            advance(Some(&cursor), Some(at("2026-11-19T00:00:00Z")), started),
            "2026-11-20T00:00:00Z"
        );
        assert_eq!(
            advance(Some(&cursor), Some(at("2027-01-01T00:00:00Z")), started),
            "2026-11-22T06:00:00Z"
        );
        assert_eq!(advance(Some(&cursor), None, started), "2026-11-20T00:00:00Z");
        assert_eq!(advance(None, None, started), "2026-11-22T06:00:00Z");
    }

    #[test]
    fn the_overlap_is_read_again() {
        let cursor = Value::from("2026-11-20T00:00:30.5Z");
        assert_eq!(since(&cursor, Duration::from_mins(1)), "2026-11-19T23:59:30Z");
    }
}
