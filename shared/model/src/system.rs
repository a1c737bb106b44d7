//! The manifest: which systems a company runs on, and what it decided about each.
//!
//! One [`System`] is one entry. People edit entries in the DynamoDB console, with the command line and as TOML, so whatever
//! comes in is read leniently by [`read`](fn@read): field by field, each problem a [`Finding`] that says what to write instead.
//!
//! ```
//! use seatbelt_model::system::{KnownPlatforms, check_entry};
//! use serde_json::json;
//!
//! let known = KnownPlatforms::new(["wordpress"]);
//! let entry = json!({"platform": "wordpres", "decision": "backup", "schedul": "daily at 02:00"});
//! let (system, findings) = check_entry(&entry, &known);
//! assert!(system.is_none());
//! assert!(findings.iter().any(|f| f.message.contains("did you mean \"schedule\"?")));
//! assert!(findings.iter().any(|f| f.message.contains("did you mean \"wordpress\"?")));
//! ```

mod alerts;
mod finding;
mod name;
mod read;
mod rpo;
mod secret;
mod validate;
mod write;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::retention::Retention;
use crate::schedule::Schedule;

pub use alerts::{Alerts, InvalidPercent, Limits, Percent, Rules};
pub(crate) use finding::did_you_mean;
pub use finding::{Finding, Severity, has_errors, nearest};
pub use name::{InvalidSystemName, SystemName};
pub use read::{FIELDS, parse_entry, read};
pub use rpo::{InvalidRpo, Rpo};
pub use secret::{InvalidSecretRef, SecretRef};
pub(crate) use validate::check;
pub use validate::{CATEGORIES, KnownPlatforms, check_entry};

/// One system a company runs on, and its strategy for it. The entry's name is its key, not part of it.
///
/// Texts are trimmed and never empty, and `settings` hold no null: an entry that is read is in that form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct System {
    /// The connector's name, such as `wordpress`; `other` or nothing where there is none.
    pub platform: Option<String>,
    /// What people call it.
    pub name: Option<String>,
    /// What it is for; see [`CATEGORIES`].
    pub category: Option<String>,
    /// Who answers for it, and is told.
    pub owner: Option<String>,
    /// Whether it is backed up.
    pub decision: Decision,
    /// Why it was decided so.
    pub reason: Option<String>,
    /// What the vendor's own backup does.
    pub builtin: Builtin,
    /// When it is backed up, or when a person is reminded to.
    pub schedule: Option<Schedule>,
    /// How much data the company is willing to lose.
    pub rpo: Option<Rpo>,
    /// Which snapshots are kept; [`Retention::STANDARD`] if nothing is said.
    pub retention: Option<Retention>,
    /// For how many days nobody can delete a snapshot (S3 Object Lock).
    pub lock_days: Option<u32>,
    /// Which resources are backed up.
    pub scope: Scope,
    /// The connector's own settings, such as `base_url`.
    pub settings: Map<String, Value>,
    /// Where the credential is.
    pub secret: Option<SecretRef>,
    /// When a change is so large that somebody should look.
    pub alerts: Alerts,
    /// Whether its schedule is switched off for now.
    pub paused: bool,
}

/// What a company decided about a system.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Decision {
    /// Seatbelt backs it up.
    Backup,
    /// It is not backed up, for a reason.
    Skip,
    /// A person exports it, and is reminded when it is due.
    Manual,
    /// Nobody decided yet.
    #[default]
    Undecided,
}

/// What the vendor's own backup offers, and what it misses.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Builtin {
    /// What the vendor offers.
    pub offers: Option<String>,
    /// What that misses.
    pub misses: Option<String>,
    /// When somebody last looked.
    pub checked_on: Option<Date>,
}

/// Which resources of a system are backed up: those included, all if none is, less those excluded.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Scope {
    /// Resources to back up; empty for all.
    pub include: Vec<String>,
    /// Resources to leave out.
    pub exclude: Vec<String>,
}

impl Decision {
    /// All decisions.
    pub const ALL: [Self; 4] = [Self::Backup, Self::Skip, Self::Manual, Self::Undecided];

    /// The word in the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Skip => "skip",
            Self::Manual => "manual",
            Self::Undecided => "undecided",
        }
    }
}

impl std::fmt::Display for Decision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl System {
    /// The retention in force.
    pub fn retention(&self) -> Retention {
        self.retention.unwrap_or(Retention::STANDARD)
    }

    /// Whether Seatbelt should back it up by the clock: decided so, and not paused.
    pub fn is_scheduled(&self) -> bool {
        self.decision == Decision::Backup && !self.paused && self.schedule.is_some()
    }
}

impl Serialize for System {
    /// Writes the entry as it stands in the table: no field that says nothing.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_entry().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for System {
    /// Reads an entry strictly: every error [`parse_entry`] finds is named.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (system, findings) = parse_entry(&Value::deserialize(deserializer)?);
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
        system.ok_or_else(|| serde::de::Error::custom(errors.map(ToString::to_string).collect::<Vec<_>>().join("; ")))
    }
}
