//! Dates: milliseconds since 1970 in the index, RFC 3339 on the wire.

use std::time::{Duration, SystemTime};

use s3s::dto::{Timestamp, TimestampFormat};
use s3s::{S3Result, s3_error};

pub(crate) fn to_ms(date: &Timestamp) -> S3Result<i64> {
    let mut text = Vec::new();
    let written = date.format(TimestampFormat::DateTime, &mut text);
    let parsed = std::str::from_utf8(&text)
        .ok()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    match (written, parsed) {
        (Ok(()), Some(date)) => Ok(date.as_millisecond()),
        _ => Err(s3_error!(InvalidArgument, "the date is out of range")),
    }
}

pub(crate) fn from_ms(ms: i64) -> Timestamp {
    let since = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    Timestamp::from(SystemTime::UNIX_EPOCH + since)
}

pub(crate) fn display(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |date| format!("{date:.0}"))
}
