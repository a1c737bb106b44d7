//! Time zones by their IANA names.

use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use crate::system::nearest;

/// The database compiled into the program: the same rules on every machine, and no file read.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// EventBridge Scheduler takes no longer name.
const LONGEST_NAME: usize = 50;

/// A time zone with a name that EventBridge takes.
#[derive(Clone, Debug)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self {
            name: "UTC".to_owned(),
            rules: TimeZone::UTC,
        }
    }

    /// Finds a zone by its IANA name, in any case.
    ///
    /// # Errors
    /// A sentence that says what is wrong, and which zone may have been meant.
    pub fn named(name: &str) -> Result<Self, String> {
        if name.eq_ignore_ascii_case("utc") {
            return Ok(Self::utc());
        }
        let known = DATABASE
            .get(name)
            .ok()
            .and_then(|rules| Some((rules.iana_name()?.to_owned(), rules)));
        match known {
            Some((name, _)) if name.len() > LONGEST_NAME => Err(format!(
                "time zone \"{name}\" is longer than the {LONGEST_NAME} characters EventBridge takes"
            )),
            Some((name, rules)) if !rules.is_unknown() => Ok(Self { name, rules }),
            _ => Err(match suggestion(name) {
                Some(near) => format!("\"{name}\" is not a time zone; did you mean {near}?"),
                None => format!("\"{name}\" is not a time zone; use an IANA name such as Europe/Berlin"),
            }),
        }
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is UTC under its own name.
    pub fn is_utc(&self) -> bool {
        self.name == "UTC"
    }

    /// The rules behind the name.
    pub fn rules(&self) -> &TimeZone {
        &self.rules
    }

    /// What the wall clock shows at `instant`.
    pub(super) fn wall_clock(&self, instant: Timestamp) -> DateTime {
        self.rules.to_datetime(instant)
    }

    /// By how much the wall clock was put back in the day or so before `instant`, zero if it was not.
    pub(super) fn put_back_before(&self, instant: Timestamp) -> SignedDuration {
        let put_back = || {
            let change = self
                .rules
                .preceding(instant.checked_add(SECOND).ok()?)
                .next()?
                .timestamp();
            // No zone repeats more than a day.
            if instant.duration_since(change) > SignedDuration::from_hours(26) {
                return None;
            }
            let offset = |at: Timestamp| SignedDuration::from_secs(self.rules.to_offset(at).seconds().into());
            Some(offset(change.checked_sub(SECOND).ok()?) - offset(change))
        };
        put_back().unwrap_or_default().max(SignedDuration::ZERO)
    }

    /// When the wall clock first shows `time`: `None` if the clocks jump over it, the first of the two if they repeat it.
    pub(super) fn first_instant(&self, time: DateTime) -> Option<Timestamp> {
        let instant = self.rules.to_ambiguous_timestamp(time);
        match instant.offset() {
            AmbiguousOffset::Gap { .. } => None,
            _ => instant.earlier().ok(),
        }
    }
}

/// The zone whose city was named alone, or else the one spelled most alike.
fn suggestion(name: &str) -> Option<String> {
    let names: Vec<String> = DATABASE.available().map(|known| known.as_str().to_owned()).collect();
    let city = names.iter().find(|known| {
        known
            .rsplit('/')
            .next()
            .is_some_and(|city| city.eq_ignore_ascii_case(name))
    });
    city.cloned()
        .or_else(|| nearest(name, names.iter().map(String::as_str)).map(str::to_owned))
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}
