//! How large a change must be for somebody to look.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Mass-change rules of a system, with exceptions for single resources.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Alerts {
    /// For every resource that has no rule of its own.
    pub rules: Rules,
    /// For single resources, by name; what a rule leaves out is taken from `rules`.
    pub resources: BTreeMap<String, Rules>,
}

/// Rules as they are written; what is left out is taken from [`Limits::STANDARD`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rules {
    /// The share of records that may be removed in one run.
    pub removed: Option<Percent>,
    /// The share that may be changed.
    pub changed: Option<Percent>,
    /// How many may be added, as a share of those there were.
    pub added: Option<Percent>,
    /// So many records at least must be affected; below that, every share is large.
    pub minimum: Option<u64>,
}

/// Rules in force for one resource.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// See [`Rules::removed`].
    pub removed: Percent,
    /// See [`Rules::changed`].
    pub changed: Percent,
    /// See [`Rules::added`].
    pub added: Percent,
    /// See [`Rules::minimum`].
    pub minimum: u64,
}

/// A share, in hundredths of a percent. Read from `5%`, `0.25%`, `150%`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Percent(u32);

/// A text that is no [`Percent`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("\"{0}\" is not a share; write it as 5% or 0.25%, up to 10000%")]
pub struct InvalidPercent(String);

impl Limits {
    /// What is in force where nothing else is said.
    pub const STANDARD: Self = Self {
        removed: Percent(500),
        changed: Percent(2_000),
        added: Percent(5_000),
        minimum: 10,
    };

    /// Whether `affected` of `total` records is more than `limit` allows.
    pub fn exceeded(&self, limit: Percent, affected: u64, total: u64) -> bool {
        affected >= self.minimum.max(1) && u128::from(affected) * 10_000 > u128::from(total) * u128::from(limit.0)
    }
}

impl Alerts {
    /// The rules in force for `resource`: its own, else the system's, else the standard ones.
    pub fn for_resource(&self, resource: &str) -> Limits {
        let own = self.resources.get(resource).copied().unwrap_or_default();
        let standard = Limits::STANDARD;
        Limits {
            removed: own.removed.or(self.rules.removed).unwrap_or(standard.removed),
            changed: own.changed.or(self.rules.changed).unwrap_or(standard.changed),
            added: own.added.or(self.rules.added).unwrap_or(standard.added),
            minimum: own.minimum.or(self.rules.minimum).unwrap_or(standard.minimum),
        }
    }
}

impl Percent {
    /// A share in hundredths of a percent, at most 10000 %.
    pub fn from_hundredths(hundredths: u32) -> Option<Self> {
        (hundredths <= 1_000_000).then_some(Self(hundredths))
    }

    /// In hundredths of a percent.
    pub fn hundredths(self) -> u32 {
        self.0
    }
}

impl FromStr for Percent {
    type Err = InvalidPercent;

    fn from_str(text: &str) -> Result<Self, InvalidPercent> {
        let parse = || {
            let number = text.trim().strip_suffix('%')?.trim_end();
            let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if !digits(whole) || !digits(fraction) || fraction.len() > 2 {
                return None;
            }
            let scale = if fraction.len() == 1 { 10 } else { 1 };
            let whole: u32 = whole.parse().ok()?;
            let fraction: u32 = fraction.parse().ok()?;
            Self::from_hundredths(whole.checked_mul(100)?.checked_add(fraction * scale)?)
        };
        parse().ok_or_else(|| InvalidPercent(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / 100, self.0 % 100);
        match fraction {
            0 => write!(f, "{whole}%"),
            tenths if tenths % 10 == 0 => write!(f, "{whole}.{}%", tenths / 10),
            _ => write!(f, "{whole}.{fraction:02}%"),
        }
    }
}
