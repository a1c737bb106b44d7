//! Points in time as people write them.
//!
//! ```
//! use seatbelt_model::when::{When, parse};
//!
//! let now = "2026-11-22T12:00:00Z".parse()?;
//! assert_eq!(parse("2 hours ago", now, &jiff::tz::TimeZone::UTC)?, When::At("2026-11-22T10:00:00Z".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp, ToSpan};

use crate::RunId;

/// The forms a WHEN may take, as error messages and help show them.
pub const FORMS: &str =
    "a snapshot id such as 20261122T060000Z; 2026-11-22; 2026-11-22 14:00; 2 hours ago; yesterday; today; now; latest";

/// A point in time to look at, or to restore.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum When {
    /// The newest snapshot there is.
    Newest,
    /// The newest snapshot at or before this instant.
    At(Timestamp),
}

/// A text that is no [`When`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("\"{text}\": {problem}; write one of: {FORMS}")]
pub struct InvalidWhen {
    text: String,
    problem: &'static str,
}

/// Reads `text` as a point in time, seen from `now` in `zone`.
///
/// A day alone, also `today` and `yesterday`, means its end: the snapshots of that day are part of it. A wall clock time that
/// the clocks repeat is the first of the two, one that they skip the moment after.
///
/// # Errors
/// [`InvalidWhen`], which lists the forms.
pub fn parse(text: &str, now: Timestamp, zone: &TimeZone) -> Result<When, InvalidWhen> {
    let invalid = |problem| InvalidWhen {
        text: text.chars().take(60).collect(),
        problem,
    };
    let words = text.trim().to_ascii_lowercase();
    let today = zone.to_datetime(now).date();
    let end_of = |day: Option<Date>| {
        day.and_then(|day| end_of(day, zone))
            .ok_or_else(|| invalid("that day is out of range"))
    };
    match words.as_str() {
        "" => Err(invalid("nothing is written")),
        "latest" | "newest" => Ok(When::Newest),
        "now" => Ok(When::At(now)),
        "today" => Ok(When::At(end_of(Some(today))?)),
        "yesterday" => Ok(When::At(end_of(today.yesterday().ok())?)),
        _ => match words.strip_suffix("ago") {
            Some(span) => Ok(When::At(before(now, span.trim(), zone).map_err(invalid)?)),
            None => absolute(text.trim(), zone).ok_or_else(|| invalid("this is not a point in time")),
        },
    }
}

/// `2 hours` before `now`. Days and longer are counted on the calendar of `zone`.
fn before(now: Timestamp, span: &str, zone: &TimeZone) -> Result<Timestamp, &'static str> {
    let span = span
        .strip_prefix("an ")
        .or_else(|| span.strip_prefix("a "))
        .map_or_else(|| span.to_owned(), |unit| format!("1 {unit}"));
    let span: Span = span
        .parse()
        .map_err(|_| "before \"ago\" a duration such as \"2 hours\" or \"3 days\" is expected")?;
    if span.is_negative() {
        return Err("the duration before \"ago\" is negative");
    }
    let out_of_range = "that is too long ago";
    if span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .is_ok_and(|duration| duration < SignedDuration::from_hours(24))
    {
        return now.checked_sub(span).map_err(|_| out_of_range);
    }
    let then = zone.to_datetime(now).checked_sub(span).map_err(|_| out_of_range)?;
    zone.to_timestamp(then).map_err(|_| out_of_range)
}

/// A snapshot id, an instant with an offset, a date and time, or a date alone.
fn absolute(text: &str, zone: &TimeZone) -> Option<When> {
    if let Ok(id) = text.parse::<RunId>() {
        return Some(When::At(id.start()));
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(When::At(instant));
    }
    if !text.contains(':')
        && let Ok(day) = text.parse::<Date>()
    {
        return end_of(day, zone).map(When::At);
    }
    let time: DateTime = text.parse().ok()?;
    zone.to_timestamp(time).ok().map(When::At)
}

/// The last nanosecond of `day`.
fn end_of(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let midnight = day.tomorrow().ok()?.at(0, 0, 0, 0);
    zone.to_timestamp(midnight).ok()?.checked_sub(1.nanosecond()).ok()
}
