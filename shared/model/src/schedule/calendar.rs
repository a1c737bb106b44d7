//! The next and the previous wall clock time of a calendar, and the instant it stands for.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use croner::{CivilDateTime, Cron, CronDateTime, Resolution};
use jiff::civil::{DateTime, date};
use jiff::{SignedDuration, Timestamp};

use super::cron::list;
use super::zone::Zone;

/// The fields of a `cron(...)`, written out.
#[derive(Debug)]
pub(super) struct Expanded {
    pub(super) minutes: BTreeSet<u16>,
    pub(super) hours: BTreeSet<u16>,
    /// In the firing library's words, like `weekdays`.
    pub(super) days: String,
    pub(super) months: BTreeSet<u16>,
    pub(super) weekdays: String,
    pub(super) years: BTreeSet<u16>,
}

/// A compiled calendar.
#[derive(Debug)]
pub(super) struct Calendar {
    cron: Cron,
    fields: Expanded,
}

impl Calendar {
    pub(super) fn new(fields: Expanded) -> Result<Self, String> {
        let pattern = format!(
            "0 {} {} {} {} {} {}",
            list(&fields.minutes, 0),
            list(&fields.hours, 0),
            fields.days,
            list(&fields.months, 0),
            fields.weekdays,
            list(&fields.years, 0)
        );
        let parser = CronParser::builder()
            .seconds(Seconds::Required)
            .year(Year::Required)
            .build();
        let cron = parser.parse(&pattern).map_err(|error| error.to_string())?;
        Ok(Self { cron, fields })
    }

    /// The first firing after `after`. Wall clock times and their first instants rise together, so walking the wall clock
    /// from what it shows at `after` misses nothing; in the repeated hour it meets times that are over, and passes them.
    pub(super) fn next_after(&self, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let mut wall_clock = zone.wall_clock(after);
        loop {
            wall_clock = self.next(wall_clock)?;
            if let Some(instant) = zone.first_instant(wall_clock).filter(|instant| *instant > after) {
                return Some(instant);
            }
        }
    }

    /// The last firing at or before `limit`. Where the clocks were put back shortly before, the wall clock has shown later times than
    /// it shows at `limit`, so the walk begins as much later.
    pub(super) fn last_until(&self, limit: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let put_back = zone.put_back_before(limit);
        let shown = zone.wall_clock(limit).checked_add(put_back).unwrap_or(DateTime::MAX);
        let mut wall_clock = shown.min(self.end()).checked_add(SignedDuration::from_secs(1)).ok()?;
        loop {
            if wall_clock <= self.start() {
                return None;
            }
            wall_clock = self.cron.find_previous_occurrence(&Civil(wall_clock), false).ok()?.0;
            if let Some(instant) = zone.first_instant(wall_clock).filter(|instant| *instant <= limit) {
                return Some(instant);
            }
        }
    }

    /// The first wall clock time of the calendar after `after`.
    pub(super) fn next(&self, after: DateTime) -> Option<DateTime> {
        let last = *self.fields.years.last()?;
        if after.year() > i16::try_from(last).ok()? {
            return None;
        }
        let from = after.max(self.start().checked_sub(SignedDuration::from_secs(1)).ok()?);
        self.cron
            .find_next_occurrence(&Civil(from), false)
            .ok()
            .map(|next| next.0)
    }

    /// The first moment of the first year.
    pub(super) fn start(&self) -> DateTime {
        let first = self
            .fields
            .years
            .first()
            .and_then(|year| i16::try_from(*year).ok())
            .unwrap_or(1970);
        date(first, 1, 1).at(0, 0, 0, 0)
    }

    /// The last second of the last year, and a second that can be added to.
    fn end(&self) -> DateTime {
        let last = self.fields.years.last().and_then(|year| i16::try_from(*year).ok());
        date(last.unwrap_or(9998).min(9998), 12, 31).at(23, 59, 59, 0)
    }

    /// The times of a day that it fires, as minutes since midnight, in order.
    pub(super) fn minutes_of_day(&self) -> impl Iterator<Item = i64> + '_ {
        let minutes = |hour: &u16| {
            let hour = i64::from(*hour) * 60;
            self.fields.minutes.iter().map(move |minute| hour + i64::from(*minute))
        };
        self.fields.hours.iter().flat_map(minutes)
    }
}

/// A wall clock time without a zone, so that the library's own ideas about clock changes stay out of it: it would fire
/// after a gap, where EventBridge skips.
#[derive(Clone)]
struct Civil(DateTime);

impl CronDateTime for Civil {
    fn to_civil(&self) -> CivilDateTime {
        let [month, day, hour, minute, second] = [
            self.0.month(),
            self.0.day(),
            self.0.hour(),
            self.0.minute(),
            self.0.second(),
        ]
        .map(|part| part.unsigned_abs().into());
        CivilDateTime::from_ymd_hms_opt(self.0.year().into(), month, day, hour, minute, second)
            .expect("a jiff date and time exists")
    }

    fn civil_weekday(&self) -> croner::Weekday {
        croner::Weekday::from_days_from_sunday(self.0.weekday().to_sunday_zero_offset().unsigned_abs().into())
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        let small = |part: u32| i8::try_from(part).map_err(|_| CronError::InvalidDate);
        let [month, day, hour] = [small(civil.month())?, small(civil.day())?, small(civil.hour())?];
        let [minute, second] = [small(civil.minute())?, small(civil.second())?];
        let time = DateTime::new(year, month, day, hour, minute, second, 0).map_err(|_| CronError::InvalidDate)?;
        Ok(Resolution::Single(Self(time)))
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(SignedDuration::from_secs(seconds)).ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
