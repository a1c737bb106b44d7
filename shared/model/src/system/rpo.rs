//! How much data a company is willing to lose.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde::{Deserialize, Serialize};

/// The longest time whose work may be lost, in whole minutes. Read from `26h`, `2 days`, `90 minutes`, `P2D`; written in hours.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rpo(SignedDuration);

/// A text that is no [`Rpo`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("\"{text}\" is not a time that may be lost: {problem}; write it as 26h, 2 days or 90 minutes")]
pub struct InvalidRpo {
    text: String,
    problem: &'static str,
}

impl Rpo {
    /// A duration of 1 minute to 10 years in whole minutes, `None` for any other.
    pub fn new(duration: SignedDuration) -> Option<Self> {
        let minutes = duration.as_mins();
        let whole = SignedDuration::from_mins(minutes) == duration;
        (whole && (1..=3_660 * 24 * 60).contains(&minutes)).then_some(Self(duration))
    }

    /// As a duration.
    pub fn duration(self) -> SignedDuration {
        self.0
    }
}

impl FromStr for Rpo {
    type Err = InvalidRpo;

    fn from_str(text: &str) -> Result<Self, InvalidRpo> {
        let quoted: String = text.chars().take(60).collect();
        let invalid = |problem| InvalidRpo {
            text: quoted.clone(),
            problem,
        };
        let span: Span = text
            .trim()
            .to_ascii_lowercase()
            .parse()
            .map_err(|_| invalid("it is no duration"))?;
        let duration = span
            .to_duration(SpanRelativeTo::days_are_24_hours())
            .map_err(|_| invalid("months and years differ in length, so count in days"))?;
        Self::new(duration).ok_or_else(|| invalid("it must be from 1 minute to 10 years, in whole minutes"))
    }
}

impl fmt::Display for Rpo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hours(self.0))
    }
}

impl TryFrom<String> for Rpo {
    type Error = InvalidRpo;

    fn try_from(text: String) -> Result<Self, InvalidRpo> {
        text.parse()
    }
}

impl From<Rpo> for String {
    fn from(rpo: Rpo) -> Self {
        rpo.to_string()
    }
}

/// `26h`, `1h 30m`, `45m`.
pub(super) fn hours(duration: SignedDuration) -> String {
    let minutes = duration.as_mins();
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes}m"),
        (hours, 0) => format!("{hours}h"),
        (hours, minutes) => format!("{hours}h {minutes}m"),
    }
}
