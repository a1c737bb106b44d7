//! From words to a recurrence and a zone.

use super::{CronFields, MonthDay, Recurrence, ScheduleError, TimeOfDay, Unit, Weekday, Zone};

/// Longer than any schedule anyone means, and it bounds what an error message quotes.
const LONGEST_TEXT: usize = 400;

type Parsed = Result<(Recurrence, Zone), ScheduleError>;

/// Reads any form, in any case, with any spaces.
pub(super) fn schedule(text: &str) -> Parsed {
    if text.chars().count() > LONGEST_TEXT {
        let quoted = text.chars().take(60).chain("...".chars()).collect();
        let problem = format!("more than {LONGEST_TEXT} characters");
        return Err(ScheduleError::Invalid {
            text: quoted,
            column: LONGEST_TEXT,
            problem,
        });
    }
    match text.find('(') {
        Some(open) => raw(text, open),
        None => Words::new(text, text, 0).friendly(),
    }
}

/// `rate(...)` or `cron(...)`, with the opening bracket at byte `open`.
fn raw(text: &str, open: usize) -> Parsed {
    let Some(close) = text[open..].find(')').map(|at| open + at) else {
        return Err(invalid(text, text.len(), "the closing bracket is missing".to_owned()));
    };
    let inside = &text[open + 1..close];
    let head = text[..open].trim();
    let recurrence = if head.eq_ignore_ascii_case("rate") {
        let mut words = Words::new(text, inside, open + 1);
        let every = words.every()?;
        words.end("after the rate")?;
        every
    } else if head.eq_ignore_ascii_case("cron") {
        let column = column_at(text, open + 1);
        let fields = CronFields::parse(inside, column).map_err(|(column, problem)| ScheduleError::Cron {
            text: text.to_owned(),
            column,
            problem,
        })?;
        Recurrence::Cron(fields)
    } else {
        let start = text.len() - text.trim_start().len();
        return Err(invalid(text, start, format!("\"{head}(\" is neither rate( nor cron(")));
    };
    let zone = Words::new(text, &text[close + 1..], close + 1).zone()?;
    Ok((recurrence, zone))
}

/// The words of a text, each with the byte it starts at, read one by one.
struct Words<'a> {
    text: &'a str,
    words: Vec<(usize, &'a str)>,
    next: usize,
    end: usize,
}

impl<'a> Words<'a> {
    /// The words of `part`, which starts at byte `offset` of `text`.
    fn new(text: &'a str, part: &'a str, offset: usize) -> Self {
        let mut words = Vec::new();
        let mut start = None;
        for (at, char) in part.char_indices().chain([(part.len(), ' ')]) {
            match (char.is_whitespace(), start) {
                (true, Some(from)) => {
                    words.push((offset + from, &part[from..at]));
                    start = None;
                }
                (false, None) => start = Some(at),
                _ => {}
            }
        }
        Self {
            text,
            words,
            next: 0,
            end: offset + part.trim_end().len(),
        }
    }

    fn friendly(&mut self) -> Parsed {
        let first = self.take("a schedule")?;
        let recurrence = match first.to_ascii_lowercase().as_str() {
            "hourly" => Recurrence::Every {
                count: 1,
                unit: Unit::Hour,
            },
            "every" => self.after_every()?,
            "daily" => Recurrence::Daily(self.at()?),
            "weekdays" => Recurrence::Weekdays(self.at()?),
            "weekly" => {
                self.expect("on")?;
                let word = self.take("a day of the week")?;
                let Some(day) = weekday(word) else {
                    return Err(self.wrong(format!("\"{word}\" is not a day of the week")));
                };
                Recurrence::Weekly(day, self.at()?)
            }
            "monthly" => {
                self.expect("on")?;
                self.skip("the");
                let day = self.month_day()?;
                Recurrence::Monthly(day, self.at()?)
            }
            _ => return Err(self.wrong(format!("\"{first}\" does not begin a schedule"))),
        };
        Ok((recurrence, self.zone()?))
    }

    /// `every 6 hours`, but also `every day at 02:00`, `every weekday at ...`, `every sunday at ...`, which people write too.
    fn after_every(&mut self) -> Result<Recurrence, ScheduleError> {
        let next = self.peek(0).map(str::to_ascii_lowercase).unwrap_or_default();
        let timed = self.peek(1).is_some_and(|word| word.eq_ignore_ascii_case("at"));
        match (next.as_str(), timed, weekday(&next)) {
            ("day", true, _) => {
                self.next += 1;
                Ok(Recurrence::Daily(self.at()?))
            }
            ("weekday", ..) => {
                self.next += 1;
                Ok(Recurrence::Weekdays(self.at()?))
            }
            (.., Some(day)) => {
                self.next += 1;
                Ok(Recurrence::Weekly(day, self.at()?))
            }
            _ => self.every(),
        }
    }

    /// `6 hours`, `minute`.
    fn every(&mut self) -> Result<Recurrence, ScheduleError> {
        let word = self.take("a number and minutes, hours or days")?;
        if let Some(unit) = unit(word) {
            return Ok(Recurrence::Every { count: 1, unit });
        }
        let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = word.split_at(digits);
        let count = match number.parse::<u32>() {
            Ok(count) if count > 0 => count,
            Ok(_) => return Err(self.wrong("the number must be at least 1".to_owned())),
            Err(_) if number.is_empty() => return Err(self.wrong(format!("\"{word}\" is not a number"))),
            Err(_) => return Err(self.wrong(format!("{number} is too large"))),
        };
        let name = if rest.is_empty() {
            self.take("minutes, hours or days")?
        } else {
            rest
        };
        match unit(name) {
            Some(unit) => Ok(Recurrence::Every { count, unit }),
            None => Err(self.wrong(format!("\"{name}\" is not a unit; use minutes, hours or days"))),
        }
    }

    /// `at 02:00`, where `at` may be left out.
    fn at(&mut self) -> Result<TimeOfDay, ScheduleError> {
        self.skip("at");
        let word = self.take("a time such as \"at 02:00\"")?;
        time_of_day(word).ok_or_else(|| {
            self.wrong(format!(
                "\"{word}\" is not a time of day; write 00:00 to 23:59, as in \"at 02:00\""
            ))
        })
    }

    fn month_day(&mut self) -> Result<MonthDay, ScheduleError> {
        let word = self.take("a day of the month such as \"the 1st\" or \"the last day\"")?;
        if word.eq_ignore_ascii_case("last") {
            self.skip("day");
            return Ok(MonthDay::Last);
        }
        let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, ending) = word.split_at(digits);
        let known = ["", "st", "nd", "rd", "th", "."]
            .iter()
            .any(|end| ending.eq_ignore_ascii_case(end));
        match number.parse::<u8>() {
            Ok(day) if known && (1..=31).contains(&day) => Ok(MonthDay::Day(day)),
            _ => Err(self.wrong(format!(
                "\"{word}\" is not a day of the month; write 1st to 31st, or \"the last day\""
            ))),
        }
    }

    /// The time zone, if there is a word left, and nothing after it.
    fn zone(&mut self) -> Result<Zone, ScheduleError> {
        let Some(name) = self.peek(0) else {
            return Ok(Zone::utc());
        };
        self.next += 1;
        let column = self.column();
        let zone = Zone::named(name).map_err(|problem| ScheduleError::Zone {
            text: self.text.to_owned(),
            column,
            problem,
        })?;
        self.end("after the time zone")?;
        Ok(zone)
    }

    fn end(&mut self, place: &str) -> Result<(), ScheduleError> {
        match self.peek(0) {
            None => Ok(()),
            Some(word) => {
                self.next += 1;
                Err(self.wrong(format!("\"{word}\" is not expected {place}")))
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<&'a str> {
        self.words.get(self.next + ahead).map(|(_, word)| *word)
    }

    fn take(&mut self, wanted: &str) -> Result<&'a str, ScheduleError> {
        let Some(word) = self.peek(0) else {
            return Err(invalid(self.text, self.end, format!("here {wanted} is missing")));
        };
        self.next += 1;
        Ok(word)
    }

    fn skip(&mut self, word: &str) {
        if self.peek(0).is_some_and(|next| next.eq_ignore_ascii_case(word)) {
            self.next += 1;
        }
    }

    fn expect(&mut self, word: &str) -> Result<(), ScheduleError> {
        let found = self.take(&format!("\"{word}\""))?;
        if found.eq_ignore_ascii_case(word) {
            return Ok(());
        }
        Err(self.wrong(format!("\"{word}\" is expected instead of \"{found}\"")))
    }

    /// The column of the word taken last.
    fn column(&self) -> usize {
        let word = self.next.checked_sub(1).and_then(|last| self.words.get(last));
        column_at(self.text, word.map_or(0, |(at, _)| *at))
    }

    fn wrong(&self, problem: String) -> ScheduleError {
        ScheduleError::Invalid {
            text: self.text.to_owned(),
            column: self.column(),
            problem,
        }
    }
}

fn invalid(text: &str, byte: usize, problem: String) -> ScheduleError {
    ScheduleError::Invalid {
        text: text.to_owned(),
        column: column_at(text, byte),
        problem,
    }
}

/// The column of byte `at`, counted in characters from 1, as people and editors count.
fn column_at(text: &str, at: usize) -> usize {
    text.char_indices().take_while(|(byte, _)| *byte < at).count() + 1
}

fn unit(word: &str) -> Option<Unit> {
    match word.to_ascii_lowercase().as_str() {
        "minute" | "minutes" | "min" | "mins" => Some(Unit::Minute),
        "hour" | "hours" | "h" => Some(Unit::Hour),
        "day" | "days" | "d" => Some(Unit::Day),
        _ => None,
    }
}

/// The full name or its first three letters.
fn weekday(word: &str) -> Option<Weekday> {
    let fits = |day: &&Weekday| word.eq_ignore_ascii_case(day.name()) || word.eq_ignore_ascii_case(day.abbreviation());
    Weekday::ALL.iter().find(fits).copied()
}

fn time_of_day(word: &str) -> Option<TimeOfDay> {
    let (hour, minute) = word.split_once(':')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !(1..=2).contains(&hour.len()) || minute.len() != 2 || !digits(hour) || !digits(minute) {
        return None;
    }
    TimeOfDay::new(hour.parse().ok()?, minute.parse().ok()?)
}
