//! The six fields of `cron(...)` as AWS writes them.
//!
//! Source: Amazon EventBridge Scheduler user guide, "Schedule types", "Cron-based schedules", read 2026-11-25. AWS counts
//! the days of the week from Sunday as 1, wants exactly one `?`, and reads `5/15` as "from 5, each 15th"; the library
//! that finds the firings counts from Sunday as 0 and knows no `5/15`. So every field is checked and written out here.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::calendar::{Calendar, Expanded};

/// The days of the week as AWS abbreviates them, Sunday first.
pub(super) const DAY_NAMES: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const MONTH_NAMES: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];

/// AWS's limit for an expression; `cron()` around the fields takes six characters of it.
const LONGEST_FIELDS: usize = 256 - "cron()".len();

/// Checked fields of a `cron(...)`, in upper case with single spaces.
#[derive(Clone, Debug)]
pub struct CronFields {
    text: String,
    pub(super) calendar: Arc<Calendar>,
}

/// Where in the text a problem is (a column counted from 1), and what it is.
type Problem = (usize, String);

struct Field {
    name: &'static str,
    range: RangeInclusive<u16>,
    names: &'static [&'static str],
    /// Which number the first of `names` stands for.
    first: u16,
}

const MINUTES: Field = Field {
    name: "minutes",
    range: 0..=59,
    names: &[],
    first: 0,
};
const HOURS: Field = Field {
    name: "hours",
    range: 0..=23,
    names: &[],
    first: 0,
};
const DAY_OF_MONTH: Field = Field {
    name: "day-of-month",
    range: 1..=31,
    names: &[],
    first: 1,
};
const MONTH: Field = Field {
    name: "month",
    range: 1..=12,
    names: &MONTH_NAMES,
    first: 1,
};
const DAY_OF_WEEK: Field = Field {
    name: "day-of-week",
    range: 1..=7,
    names: &DAY_NAMES,
    first: 1,
};
const YEAR: Field = Field {
    name: "year",
    range: 1970..=2199,
    names: &[],
    first: 0,
};

impl CronFields {
    /// Checks `inside`, what stands between the brackets, which begins at `column` of the whole text.
    pub(super) fn parse(inside: &str, column: usize) -> Result<Self, Problem> {
        let fields = split(inside, column);
        if fields.len() != 6 {
            return Err((column, format!("cron has six fields, here are {}", fields.len())));
        }
        let [minutes, hours, days, months, weekdays, years] = std::array::from_fn(|at| {
            let (column, text) = &fields[at];
            (*column, text.as_str())
        });
        match (days.1 == "?", weekdays.1 == "?") {
            (true, true) => {
                return Err((
                    weekdays.0,
                    "only one of day-of-month and day-of-week may be ?".to_owned(),
                ));
            }
            (false, false) => {
                return Err((weekdays.0, "one of day-of-month and day-of-week must be ?".to_owned()));
            }
            _ => {}
        }
        let expanded = Expanded {
            minutes: MINUTES.set(minutes)?,
            hours: HOURS.set(hours)?,
            days: day_of_month(days)?,
            months: MONTH.set(months)?,
            weekdays: day_of_week(weekdays)?,
            years: YEAR.set(years)?,
        };
        possible(&expanded, days)?;
        let text = fields
            .iter()
            .map(|(_, text)| text.as_str())
            .collect::<Vec<_>>()
            .join(" ");
        if text.len() > LONGEST_FIELDS {
            return Err((column, "AWS takes expressions of 256 characters at most".to_owned()));
        }
        let calendar = Calendar::new(expanded).map_err(|problem| (column, problem))?;
        Ok(Self {
            text,
            calendar: Arc::new(calendar),
        })
    }

    /// The fields as AWS writes them, without `cron(` and `)`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for CronFields {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CronFields {}

/// The words of `inside` in upper case, each with its column.
fn split(inside: &str, column: usize) -> Vec<(usize, String)> {
    let mut words: Vec<(usize, String)> = Vec::new();
    let mut in_word = false;
    for (at, char) in inside.chars().enumerate() {
        if char.is_whitespace() {
            in_word = false;
        } else if let (true, Some((_, word))) = (in_word, words.last_mut()) {
            word.push(char.to_ascii_uppercase());
        } else {
            words.push((column + at, char.to_ascii_uppercase().to_string()));
            in_word = true;
        }
    }
    words
}

impl Field {
    /// All values that `text` stands for: a list of values, ranges and steps.
    fn set(&self, (column, text): (usize, &str)) -> Result<BTreeSet<u16>, Problem> {
        let mut values = BTreeSet::new();
        let mut at = column;
        for item in text.split(',') {
            values.extend(
                self.item(item)
                    .map_err(|problem| (at, format!("{}: {problem}", self.name)))?,
            );
            at += item.chars().count() + 1;
        }
        Ok(values)
    }

    /// One item of a list: `*`, `*/5`, `3`, `3-7`, `3/5`, `3-7/2`.
    fn item(&self, item: &str) -> Result<Vec<u16>, String> {
        let (span, step) = match item.split_once('/') {
            Some((span, step)) => (span, Some(self.step(step)?)),
            None => (item, None),
        };
        let (from, to) = match (span, span.split_once('-')) {
            ("*", _) => (*self.range.start(), *self.range.end()),
            (_, Some((from, to))) => (self.value(from)?, self.value(to)?),
            (from, None) => {
                let from = self.value(from)?;
                (from, if step.is_some() { *self.range.end() } else { from })
            }
        };
        if from > to {
            return Err(format!(
                "the range \"{span}\" runs backwards; write it as a list, such as 22,23,0,1"
            ));
        }
        Ok((from..=to).step_by(usize::from(step.unwrap_or(1))).collect())
    }

    fn step(&self, text: &str) -> Result<u16, String> {
        match number(text) {
            Some(step) if (1..=*self.range.end()).contains(&step) => Ok(step),
            _ => Err(format!("\"/{text}\" is not a step from /1 to /{}", self.range.end())),
        }
    }

    fn value(&self, text: &str) -> Result<u16, String> {
        if let Some(at) = self.names.iter().position(|name| *name == text) {
            return Ok(self.first + u16::try_from(at).unwrap_or_default());
        }
        match number(text) {
            Some(value) if self.range.contains(&value) => Ok(value),
            _ => {
                let (start, end) = (self.range.start(), self.range.end());
                let names = match (self.names.first(), self.names.last()) {
                    (Some(first), Some(last)) => format!(" or {first} to {last}"),
                    _ => String::new(),
                };
                Err(format!("\"{text}\" is not a value from {start} to {end}{names}"))
            }
        }
    }
}

/// Digits alone, and few: the standard parser would also take a sign.
fn number(text: &str) -> Option<u16> {
    if text.is_empty() || text.len() > 4 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// What the firing library is to read for the day of the month: `L`, `LW` and `15W` mean the same there.
fn day_of_month(field: (usize, &str)) -> Result<String, Problem> {
    let (column, text) = field;
    match text {
        "?" | "*" => return Ok("*".to_owned()),
        "L" | "LW" => return Ok(text.to_owned()),
        _ => {}
    }
    if let Some(day) = text.strip_suffix('W') {
        let day = DAY_OF_MONTH
            .value(day)
            .map_err(|problem| (column, format!("day-of-month, before W: {problem}")))?;
        return Ok(format!("{day}W"));
    }
    Ok(list(&DAY_OF_MONTH.set(field)?, 0))
}

/// Likewise for the day of the week, where `L` alone is Saturday, `6L` the last Friday and `6#3` the third.
fn day_of_week(field: (usize, &str)) -> Result<String, Problem> {
    let (column, text) = field;
    let value = |day: &str, mark: char| {
        let day = DAY_OF_WEEK.value(day);
        day.map(|day| day - 1)
            .map_err(|problem| (column, format!("day-of-week, before {mark}: {problem}")))
    };
    match text {
        "?" | "*" => return Ok("*".to_owned()),
        "L" => return Ok("6".to_owned()),
        _ => {}
    }
    if let Some((day, nth)) = text.split_once('#') {
        let day = value(day, '#')?;
        return match number(nth) {
            Some(nth @ 1..=5) => Ok(format!("{day}#{nth}")),
            _ => Err((column, format!("day-of-week: \"#{nth}\" is not #1 to #5"))),
        };
    }
    if let Some(day) = text.strip_suffix('L') {
        return Ok(format!("{}L", value(day, 'L')?));
    }
    Ok(list(&DAY_OF_WEEK.set(field)?, 1))
}

/// `values`, each less `offset`, with commas.
pub(super) fn list(values: &BTreeSet<u16>, offset: u16) -> String {
    values
        .iter()
        .map(|value| (value - offset).to_string())
        .collect::<Vec<_>>()
        .join(",")
}

/// Refuses days that none of the months has: such a schedule would never fire, and nobody would notice.
fn possible(expanded: &Expanded, (column, text): (usize, &str)) -> Result<(), Problem> {
    let days = expanded
        .days
        .split(',')
        .filter_map(|day| day.trim_end_matches('W').parse::<u16>().ok());
    let longest = |month: &u16| match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let longest = expanded.months.iter().map(longest).max().unwrap_or(31);
    match days.min() {
        Some(first) if first > longest => Err((
            column,
            format!("day-of-month: none of the months has a day {text}, so this never fires"),
        )),
        _ => Ok(()),
    }
}
