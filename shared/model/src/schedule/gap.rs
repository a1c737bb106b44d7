//! How long a calendar leaves a system without a backup.

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

use super::calendar::Calendar;
use super::zone::Zone;

/// Days looked at: a year of daily ones, and many years of rarer ones.
const DAYS: usize = 400;
/// A rarer calendar is looked at for this long, which holds a 29th of February twice even around 2100.
const YEARS: i16 = 14;
/// The first year looked at where the calendar names none. No clock is read here, and any recent year will do.
const FIRST_YEAR: i16 = 2027;
/// Clock changes looked at: eight years of two each.
const CHANGES: usize = 16;

/// The longest wall clock time between two firings, `None` if it fires once at most.
pub(super) fn civil(calendar: &Calendar) -> Option<SignedDuration> {
    let minutes: Vec<i64> = calendar.minutes_of_day().collect();
    let (first, last) = (*minutes.first()?, *minutes.last()?);
    let within = minutes.windows(2).map(|pair| pair[1] - pair[0]).max();

    let start = reference_start(calendar);
    let mut longest = within;
    let mut previous: Option<DateTime> = None;
    for day in days(calendar, start) {
        if let Some(previous) = previous {
            let between = day.duration_since(previous).as_mins() - last + first;
            longest = longest.max(Some(between));
        }
        previous = Some(day);
    }
    longest.map(SignedDuration::from_mins)
}

/// The midnights of the days it fires on.
fn days(calendar: &Calendar, start: DateTime) -> impl Iterator<Item = DateTime> {
    let end = start.year().saturating_add(YEARS);
    let midnight = |time: DateTime| time.date().at(0, 0, 0, 0);
    let before = start.checked_sub(SignedDuration::from_secs(1)).unwrap_or(start);
    std::iter::successors(calendar.next(before).map(midnight), move |day| {
        calendar.next(day.date().at(23, 59, 59, 0)).map(midnight)
    })
    .take(DAYS)
    .take_while(move |day| day.year() <= end)
}

/// The longest real time between two firings with a change of the clocks in between. All other gaps are as long as the
/// wall clock says.
pub(super) fn across_clock_changes(calendar: &Calendar, zone: &Zone) -> Option<SignedDuration> {
    let start = zone
        .rules()
        .to_ambiguous_timestamp(reference_start(calendar))
        .compatible()
        .ok()?;
    let changes = zone
        .rules()
        .following(start)
        .take(CHANGES)
        .map(|change| change.timestamp());
    changes.filter_map(|change| gap_around(calendar, zone, change)).max()
}

fn gap_around(calendar: &Calendar, zone: &Zone, change: Timestamp) -> Option<SignedDuration> {
    let before = change.checked_sub(SignedDuration::from_secs(1)).ok()?;
    let last = calendar.last_until(before, zone)?;
    let next = calendar.next_after(before, zone)?;
    Some(next.duration_since(last))
}

fn reference_start(calendar: &Calendar) -> DateTime {
    let start = calendar.start();
    if start.year() > 1970 {
        start
    } else {
        jiff::civil::date(FIRST_YEAR, 1, 1).at(0, 0, 0, 0)
    }
}
