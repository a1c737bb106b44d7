//! When a system is backed up: the words people write, the instants they mean, and what EventBridge is told.
//!
//! ```
//! use seatbelt_model::schedule::Schedule;
//!
//! let schedule: Schedule = "Daily at 2:00 europe/berlin".parse()?;
//! assert_eq!(schedule.to_string(), "daily at 02:00 Europe/Berlin");
//! assert_eq!(schedule.to_eventbridge().expression, "cron(0 2 * * ? *)");
//!
//! let after = "2026-11-22T12:00:00Z".parse()?;
//! assert_eq!(schedule.next_after(after, after), Some("2026-11-23T01:00:00Z".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! One machine must keep a schedule just as EventBridge Scheduler does ("Schedule types", user guide, read 2026-11-25):
//! a time that the clocks jump over in spring is skipped, a time they repeat in autumn fires once, and `rate` counts
//! real time from its start. [`Schedule::max_gap`] knows what a skipped night costs.

mod calendar;
mod cron;
mod error;
mod gap;
mod parse;
mod zone;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use calendar::Calendar;
pub use cron::CronFields;
pub use error::{FORMS, ScheduleError};
pub use zone::Zone;

/// When a system is backed up. Written and read as text; see [`FORMS`] for what is accepted.
#[derive(Clone, Debug)]
pub struct Schedule {
    recurrence: Recurrence,
    zone: Zone,
    /// The compiled calendar of every form but [`Recurrence::Every`].
    calendar: Option<Arc<Calendar>>,
}

/// What a schedule says, without its time zone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Recurrence {
    /// Every so many minutes, hours or days of real time, counted from an anchor.
    Every {
        /// How many units lie between two firings; at least one.
        count: u32,
        /// The unit counted.
        unit: Unit,
    },
    /// Each day at a time.
    Daily(TimeOfDay),
    /// Monday to Friday at a time.
    Weekdays(TimeOfDay),
    /// One day of each week at a time.
    Weekly(Weekday, TimeOfDay),
    /// One day of each month at a time; a month without that day is skipped.
    Monthly(MonthDay, TimeOfDay),
    /// A raw `cron(...)` as AWS writes it.
    Cron(CronFields),
}

/// The unit of [`Recurrence::Every`]. A day is 24 hours, whatever the clocks do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
}

/// A wall clock time, to the minute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TimeOfDay {
    hour: u8,
    minute: u8,
}

/// A day of the week; the numbers count from Sunday as 1, as AWS counts them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names of the days need no words")]
pub enum Weekday {
    Sunday = 1,
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
}

/// A day of the month.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MonthDay {
    /// The 1st to the 31st.
    Day(u8),
    /// The last day, whichever that is.
    Last,
}

/// The two fields of an EventBridge schedule that a [`Schedule`] decides. They keep AWS's limits (256 and 50 characters)
/// by construction: a text that could not is refused when it is parsed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EventBridgeSchedule {
    /// `rate(...)` or `cron(...)`.
    pub expression: String,
    /// An IANA name, `UTC` when the schedule names none.
    pub timezone: String,
}

impl Schedule {
    /// Puts a schedule together. `zone` has no effect on [`Recurrence::Every`], but is kept.
    ///
    /// # Errors
    /// [`ScheduleError::Invalid`] for a count of zero or above a year, or a day of the month above 31.
    pub fn new(recurrence: Recurrence, zone: Zone) -> Result<Self, ScheduleError> {
        let invalid = |problem: &str| ScheduleError::Invalid {
            text: format!("{recurrence}"),
            column: 1,
            problem: problem.to_owned(),
        };
        let calendar = match &recurrence {
            Recurrence::Every { count, unit } => {
                let seconds = i64::from(*count) * unit.seconds();
                if !(60..=366 * 86_400).contains(&seconds) {
                    return Err(invalid("the interval must be from 1 minute to 366 days"));
                }
                None
            }
            Recurrence::Cron(fields) => Some(fields.clone()),
            friendly => Some(CronFields::parse(&friendly.cron_fields(), 1).map_err(|(_, problem)| invalid(&problem))?),
        };
        Ok(Self {
            recurrence,
            zone,
            calendar: calendar.map(|fields| fields.calendar),
        })
    }

    /// What it says, without the time zone.
    pub fn recurrence(&self) -> &Recurrence {
        &self.recurrence
    }

    /// The time zone its wall clock times are meant in.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The first firing strictly after `after`, `None` when there is none (a `cron` whose years are over).
    ///
    /// `anchor` matters to `hourly`, `every ...` and `rate(...)` alone: they fire at the anchor and at each whole interval
    /// after it. EventBridge anchors them where the schedule was created; on one machine, the start of the last run will do.
    pub fn next_after(&self, after: Timestamp, anchor: Timestamp) -> Option<Timestamp> {
        match (&self.recurrence, &self.calendar) {
            (Recurrence::Every { count, unit }, _) => {
                next_of_rate(i128::from(*count) * i128::from(unit.seconds()), after, anchor)
            }
            (_, Some(calendar)) => calendar.next_after(after, &self.zone),
            (_, None) => None,
        }
    }

    /// The last firing at or before `until`, `None` when there was none. See [`Schedule::next_after`] for `anchor`, the first
    /// firing of a schedule that counts from one.
    pub fn last_until(&self, until: Timestamp, anchor: Timestamp) -> Option<Timestamp> {
        match (&self.recurrence, &self.calendar) {
            (Recurrence::Every { count, unit }, _) => {
                last_of_rate(i128::from(*count) * i128::from(unit.seconds()), until, anchor)
            }
            (_, Some(calendar)) => calendar.last_until(until, &self.zone),
            (_, None) => None,
        }
    }

    /// All firings strictly after `after`, in order. See [`Schedule::next_after`] for `anchor`.
    pub fn firings(&self, after: Timestamp, anchor: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        std::iter::successors(self.next_after(after, anchor), move |last| {
            self.next_after(*last, anchor)
        })
    }

    /// The longest time between two firings in weeks without a clock change, `None` if it fires once at most.
    pub fn interval(&self) -> Option<SignedDuration> {
        match (&self.recurrence, &self.calendar) {
            (Recurrence::Every { count, unit }, _) => {
                Some(SignedDuration::from_secs(i64::from(*count) * unit.seconds()))
            }
            (_, calendar) => gap::civil(calendar.as_deref()?),
        }
    }

    /// The longest time between two firings, clock changes included: what an RPO has to allow for. `daily at 02:30` in
    /// Berlin has an interval of 24 hours and a longest gap of 47, for there is no 02:30 in the night of the spring change.
    ///
    /// An estimate in one respect: it looks at the clock changes of eight years, so a monthly firing that only a later
    /// change would hit is not seen.
    pub fn max_gap(&self) -> Option<SignedDuration> {
        let interval = self.interval()?;
        match &self.calendar {
            Some(calendar) => {
                Some(gap::across_clock_changes(calendar, &self.zone).map_or(interval, |g| g.max(interval)))
            }
            None => Some(interval),
        }
    }

    /// What EventBridge Scheduler is told to fire at the same times.
    pub fn to_eventbridge(&self) -> EventBridgeSchedule {
        let expression = match &self.recurrence {
            Recurrence::Every { count, unit } => format!("rate({count} {}{})", unit.name(), plural(*count)),
            calendar => format!("cron({})", calendar.cron_fields()),
        };
        EventBridgeSchedule {
            expression,
            timezone: self.zone.name().to_owned(),
        }
    }
}

/// The first of `anchor + k * seconds` after `after`, `k` not negative. A result beyond jiff's years is `None`.
fn next_of_rate(seconds: i128, after: Timestamp, anchor: Timestamp) -> Option<Timestamp> {
    if after < anchor {
        return Some(anchor);
    }
    let period = seconds * 1_000_000_000;
    let passed = (after.as_nanosecond() - anchor.as_nanosecond()) / period;
    Timestamp::from_nanosecond(anchor.as_nanosecond() + (passed + 1) * period).ok()
}

/// The last of `anchor + k * seconds` at or before `until`, `k` not negative.
fn last_of_rate(seconds: i128, until: Timestamp, anchor: Timestamp) -> Option<Timestamp> {
    if until < anchor {
        return None;
    }
    let period = seconds * 1_000_000_000;
    let passed = (until.as_nanosecond() - anchor.as_nanosecond()) / period;
    Timestamp::from_nanosecond(anchor.as_nanosecond() + passed * period).ok()
}

impl Recurrence {
    /// The six fields AWS expects; of no use for [`Recurrence::Every`], which is a rate.
    fn cron_fields(&self) -> String {
        match self {
            Self::Every { .. } => String::new(),
            Self::Daily(at) => format!("{} {} * * ? *", at.minute, at.hour),
            Self::Weekdays(at) => format!("{} {} ? * MON-FRI *", at.minute, at.hour),
            Self::Weekly(on, at) => format!("{} {} ? * {} *", at.minute, at.hour, on.abbreviation()),
            Self::Monthly(MonthDay::Last, at) => format!("{} {} L * ? *", at.minute, at.hour),
            Self::Monthly(MonthDay::Day(day), at) => format!("{} {} {day} * ? *", at.minute, at.hour),
            Self::Cron(fields) => fields.as_str().to_owned(),
        }
    }
}

impl fmt::Display for Recurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every {
                count: 1,
                unit: Unit::Hour,
            } => f.write_str("hourly"),
            Self::Every { count, unit } => write!(f, "every {count} {}{}", unit.name(), plural(*count)),
            Self::Daily(at) => write!(f, "daily at {at}"),
            Self::Weekdays(at) => write!(f, "weekdays at {at}"),
            Self::Weekly(on, at) => write!(f, "weekly on {} at {at}", on.name()),
            Self::Monthly(MonthDay::Last, at) => write!(f, "monthly on the last day at {at}"),
            Self::Monthly(MonthDay::Day(day), at) => write!(f, "monthly on the {day}{} at {at}", ordinal(*day)),
            Self::Cron(fields) => write!(f, "cron({})", fields.as_str()),
        }
    }
}

fn plural(count: u32) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn ordinal(day: u8) -> &'static str {
    match day {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => "th",
    }
}

impl Unit {
    fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

impl TimeOfDay {
    /// A time on the clock, `None` if no clock shows it.
    pub fn new(hour: u8, minute: u8) -> Option<Self> {
        (hour < 24 && minute < 60).then_some(Self { hour, minute })
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl Weekday {
    /// All seven, Sunday first.
    pub const ALL: [Self; 7] = [
        Self::Sunday,
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Sunday => "sunday",
            Self::Monday => "monday",
            Self::Tuesday => "tuesday",
            Self::Wednesday => "wednesday",
            Self::Thursday => "thursday",
            Self::Friday => "friday",
            Self::Saturday => "saturday",
        }
    }

    fn abbreviation(self) -> &'static str {
        cron::DAY_NAMES[self as usize - 1]
    }
}

/// Two schedules are the same when they say the same, in the same zone.
impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.recurrence == other.recurrence && self.zone == other.zone
    }
}

impl Eq for Schedule {}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.recurrence.fmt(f)?;
        if self.zone.is_utc() {
            Ok(())
        } else {
            write!(f, " {}", self.zone.name())
        }
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let (recurrence, zone) = parse::schedule(text)?;
        Self::new(recurrence, zone).map_err(|error| error.quoting(text))
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
