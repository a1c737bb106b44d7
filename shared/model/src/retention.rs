//! Which snapshots are kept.
//!
//! ```
//! use seatbelt_model::retention::{Retention, Verdict, keep};
//!
//! let policy: Retention = "2 daily, 1 monthly".parse()?;
//! let times = ["2026-11-22T02:00:00Z", "2026-11-21T02:00:00Z", "2026-11-20T02:00:00Z"];
//! let snapshots: Vec<_> = times.iter().map(|time| Ok((time.parse()?, true))).collect::<Result<_, jiff::Error>>()?;
//! let verdicts = keep(&policy, &snapshots, "2026-11-22T12:00:00Z".parse()?);
//! assert!(verdicts[0].is_kept() && verdicts[1].is_kept());
//! assert_eq!(verdicts[2], Verdict::Expire);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// How many snapshots are kept: one for each of the last so many hours, days, weeks, months and years that have any.
///
/// Only periods with snapshots count: when backups stop, nothing more expires. Periods are those of UTC; weeks begin on Monday.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Retention {
    /// Hours to keep one snapshot of.
    pub hourly: u32,
    /// Days to keep one snapshot of.
    pub daily: u32,
    /// Weeks to keep one snapshot of.
    pub weekly: u32,
    /// Months to keep one snapshot of.
    pub monthly: u32,
    /// Years to keep one snapshot of.
    pub yearly: u32,
}

/// A text that is no [`Retention`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "\"{text}\": {problem}; write for example \"30 daily, 12 monthly\", with hourly, daily, weekly, monthly, yearly"
)]
pub struct InvalidRetention {
    text: String,
    problem: String,
}

/// What becomes of one snapshot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It stays, for these reasons; there is at least one.
    Keep(Vec<Reason>),
    /// No rule keeps it.
    Expire,
}

/// Why a snapshot stays.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Reason {
    /// The newest good one: never expired, whatever the policy says.
    NewestGood,
    /// The newest one, where none is good.
    Newest,
    /// Not good, but newer than the newest good one: the only trace of what came after that.
    SinceNewestGood,
    /// Its time has not come yet: some clock is wrong, and this is not the moment to delete.
    InTheFuture,
    /// The last of its hour.
    Hourly,
    /// The last of its day.
    Daily,
    /// The last of its week.
    Weekly,
    /// The last of its month.
    Monthly,
    /// The last of its year.
    Yearly,
}

impl Retention {
    /// What is kept where nothing is said.
    pub const STANDARD: Self = Self {
        hourly: 0,
        daily: 30,
        weekly: 0,
        monthly: 12,
        yearly: 0,
    };

    /// The names of the five counts, in order.
    pub const UNITS: [&str; 5] = ["hourly", "daily", "weekly", "monthly", "yearly"];

    fn counts(&self) -> [u32; 5] {
        [self.hourly, self.daily, self.weekly, self.monthly, self.yearly]
    }

    /// Whether no rule keeps anything, so that only the newest good snapshot would stay.
    pub fn keeps_nothing(&self) -> bool {
        self.counts() == [0; 5]
    }

    /// For how many days a snapshot can be kept at most, backups going on without pause.
    pub fn longest_days(&self) -> u32 {
        let [hours, days, weeks, months, years] = self.counts();
        let longest = [
            hours.div_ceil(24),
            days,
            weeks.saturating_mul(7),
            months.saturating_mul(31),
            years.saturating_mul(366),
        ];
        longest.into_iter().max().unwrap_or_default()
    }
}

impl Verdict {
    /// Whether it stays.
    pub fn is_kept(&self) -> bool {
        matches!(self, Self::Keep(_))
    }
}

/// Decides about each of `snapshots`, given as (time, whether it is good) in any order. Verdicts come in the same order.
///
/// Of each period that counts, the newest good snapshot stays, or the newest one if none is good. The newest good one always
/// stays, and so does the newest of all. Deciding again about those that stayed expires none of them; a larger policy keeps all that a smaller one keeps.
pub fn keep(policy: &Retention, snapshots: &[(Timestamp, bool)], now: Timestamp) -> Vec<Verdict> {
    let mut reasons: Vec<Vec<Reason>> = vec![Vec::new(); snapshots.len()];
    let mut newest_first: Vec<usize> = (0..snapshots.len()).collect();
    newest_first.sort_by_key(|at| std::cmp::Reverse(snapshots[*at]));

    let newest_good = newest_first.iter().position(|at| snapshots[*at].1);
    if let Some(position) = newest_good {
        reasons[newest_first[position]].push(Reason::NewestGood);
        for at in &newest_first[..position] {
            reasons[*at].push(Reason::SinceNewestGood);
        }
    } else if let Some(newest) = newest_first.first() {
        reasons[*newest].push(Reason::Newest);
    }
    let (future, past): (Vec<usize>, Vec<usize>) = newest_first.into_iter().partition(|at| snapshots[*at].0 > now);
    for at in future {
        reasons[at].push(Reason::InTheFuture);
    }
    let units = [
        Reason::Hourly,
        Reason::Daily,
        Reason::Weekly,
        Reason::Monthly,
        Reason::Yearly,
    ];
    for (unit, count) in units.into_iter().zip(policy.counts()) {
        for at in last_of_periods(unit, count, &past, snapshots) {
            reasons[at].push(unit);
        }
    }
    let verdict = |reasons: Vec<Reason>| {
        if reasons.is_empty() {
            Verdict::Expire
        } else {
            Verdict::Keep(reasons)
        }
    };
    reasons.into_iter().map(verdict).collect()
}

/// The one snapshot that stands for each of the last `count` periods. `newest_first` are indexes into `snapshots`.
fn last_of_periods(unit: Reason, count: u32, newest_first: &[usize], snapshots: &[(Timestamp, bool)]) -> Vec<usize> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let periods = newest_first.chunk_by(|a, b| period(unit, snapshots[*a].0) == period(unit, snapshots[*b].0));
    let representative = |period: &[usize]| period.iter().find(|at| snapshots[**at].1).or(period.first()).copied();
    periods.take(count).filter_map(representative).collect()
}

/// A number that is the same for all instants of one period.
fn period(unit: Reason, time: Timestamp) -> i64 {
    let at = TimeZone::UTC.to_datetime(time);
    let (year, month) = (i64::from(at.year()), i64::from(at.month()));
    let days = i64::from(at.day_of_year());
    match unit {
        Reason::Hourly => (year * 400 + days) * 24 + i64::from(at.hour()),
        Reason::Daily => year * 400 + days,
        Reason::Weekly => {
            let week = at.date().iso_week_date();
            i64::from(week.year()) * 60 + i64::from(week.week())
        }
        Reason::Monthly => year * 12 + month,
        _ => year,
    }
}

impl FromStr for Retention {
    type Err = InvalidRetention;

    fn from_str(text: &str) -> Result<Self, InvalidRetention> {
        let quoted: String = text.chars().take(80).collect();
        let invalid = |problem: String| InvalidRetention {
            text: quoted.clone(),
            problem,
        };
        let mut counts = [None; 5];
        for item in text.split([',', ';', '+']).map(str::trim) {
            let digits = item.len() - item.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, unit) = item.split_at(digits);
            let unit = unit.trim();
            let known = Self::UNITS.iter().position(|known| known.eq_ignore_ascii_case(unit));
            match (number.parse::<u32>(), known) {
                (Ok(_), Some(at)) if counts[at].is_some() => {
                    return Err(invalid(format!("{} stands there twice", Self::UNITS[at])));
                }
                (Ok(count), Some(at)) => counts[at] = Some(count),
                (Err(_), _) => return Err(invalid(format!("\"{item}\" does not begin with a number that fits"))),
                (Ok(_), None) => {
                    let hint = crate::system::did_you_mean(unit, Self::UNITS);
                    return Err(invalid(format!("\"{unit}\" is not known{hint}")));
                }
            }
        }
        let [hourly, daily, weekly, monthly, yearly] = counts.map(Option::unwrap_or_default);
        Ok(Self {
            hourly,
            daily,
            weekly,
            monthly,
            yearly,
        })
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self
            .counts()
            .into_iter()
            .zip(Self::UNITS)
            .filter(|(count, _)| *count > 0);
        let texts: Vec<String> = counts.map(|(count, unit)| format!("{count} {unit}")).collect();
        if texts.is_empty() {
            f.write_str("0 daily")
        } else {
            f.write_str(&texts.join(", "))
        }
    }
}

impl TryFrom<String> for Retention {
    type Error = InvalidRetention;

    fn try_from(text: String) -> Result<Self, InvalidRetention> {
        text.parse()
    }
}

impl From<Retention> for String {
    fn from(retention: Retention) -> Self {
        retention.to_string()
    }
}
