//! Numbers, sizes and times as people read them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use seatbelt_model::Changes;

/// `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 record`, `2 records`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `950 B`, `1.2 MB`: thousands, as disks are sold.
pub(crate) fn bytes(number: u64) -> String {
    let mut rest = number as f64;
    let mut units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for larger in units {
        // What would be shown as 1000.0 is one of the next unit.
        if rest < 999.95 {
            break;
        }
        rest /= 1000.0;
        unit = larger;
    }
    if unit == "B" {
        format!("{number} B")
    } else {
        format!("{rest:.1} {unit}")
    }
}

/// `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `4 days`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..172_800 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// From `earlier` to `later`, nothing if a clock went back.
pub(crate) fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or_default()
}

/// `3 h 2 min ago`, `just now`.
pub(crate) fn ago(then: Timestamp, now: Timestamp) -> String {
    let age = now.duration_since(then);
    if age < SignedDuration::from_secs(-60) {
        format!("in {}", duration(age.unsigned_abs()))
    } else if age < SignedDuration::from_secs(10) {
        "just now".into()
    } else {
        format!("{} ago", duration(age.unsigned_abs()))
    }
}

/// `2026-11-22 06:00:00 UTC`, the same clock that snapshot ids are in.
pub(crate) fn instant(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `+12 ~3 -1`, or `no change`.
pub(crate) fn changes(changes: Changes) -> String {
    if changes.total() == 0 {
        return "no change".into();
    }
    format!(
        "+{} ~{} -{}",
        count(changes.added),
        count(changes.changed),
        count(changes.removed)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_well() {
        assert_eq!(
            [count(0), count(999), count(1_000), count(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [bytes(999), bytes(1_000), bytes(999_960), bytes(u64::MAX)],
            ["999 B", "1.0 kB", "1.0 MB", "18.4 EB"]
        );
        let shown = [400, 59_000, 185_000, 7_800_000, 400_000_000].map(|ms| duration(Duration::from_millis(ms)));
        assert_eq!(shown, ["0.4 s", "59 s", "3 min 5 s", "2 h 10 min", "4 days"]);
    }

    #[test]
    fn ages_are_seen_from_now() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let at = |seconds| now.saturating_add(SignedDuration::from_secs(seconds)).unwrap();
        assert_eq!(ago(at(-3_700), now), "1 h 1 min ago");
        assert_eq!(ago(at(-3), now), "just now");
        assert_eq!(ago(at(600), now), "in 10 min 0 s");
    }
}
