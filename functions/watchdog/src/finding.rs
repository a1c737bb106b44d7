//! What the watchdog finds, as plain data.

use std::fmt;

use jiff::{SignedDuration, Timestamp, Unit};
use serde::{Deserialize, Serialize};

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What sort of thing.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// The system's name in the manifest; empty where it concerns the house as a whole.
    pub system: String,
    /// The run, resource or snapshot it is about; empty for the system as a whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Who answers for the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// What happened: a plain sentence.
    pub what: String,
    /// What to do now: a plain sentence.
    pub todo: String,
}

/// The sorts of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The newest snapshot is older than the RPO allows.
    Late,
    /// The schedule fired, and nothing ran.
    FiringMissed,
    /// A run gives no sign of life.
    RunStalled,
    /// The last run failed.
    RunsFailing,
    /// A snapshot is implausibly small, or different from those before.
    SnapshotImplausible,
    /// So many changes at once that someone should look.
    MassChange,
    /// Parts of the newest snapshot were carried forward for longer than the RPO allows.
    ResourcesStale,
    /// The last runs left gaps.
    RunsPartial,
    /// The credential expires soon, or has.
    CredentialExpiring,
    /// A manual export is due.
    ExportDue,
    /// The manifest's entry cannot be used as it is.
    EntryInvalid,
    /// No restore drill has passed for too long.
    DrillOverdue,
    /// What the watchdog needs could not be read.
    Unreadable,
    /// The watchdog could not do what it should.
    ActionFailed,
    /// Nobody has decided about the system.
    Undecided,
    /// Nobody has looked for over a year at what the vendor's own backup offers.
    BuiltinUnchecked,
}

/// How bad a finding is. The worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Notice,
    /// To be looked at in working hours.
    Warning,
    /// Data may be lost unless somebody acts; people are reminded once a day.
    Critical,
}

impl Kind {
    /// The word in keys and documents.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::FiringMissed => "firing_missed",
            Self::RunStalled => "run_stalled",
            Self::RunsFailing => "runs_failing",
            Self::SnapshotImplausible => "snapshot_implausible",
            Self::MassChange => "mass_change",
            Self::ResourcesStale => "resources_stale",
            Self::RunsPartial => "runs_partial",
            Self::CredentialExpiring => "credential_expiring",
            Self::ExportDue => "export_due",
            Self::EntryInvalid => "entry_invalid",
            Self::DrillOverdue => "drill_overdue",
            Self::Unreadable => "unreadable",
            Self::ActionFailed => "action_failed",
            Self::Undecided => "undecided",
            Self::BuiltinUnchecked => "builtin_unchecked",
        }
    }

    /// A few words for a subject or a list, to follow a system's name.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Late => "past its RPO",
            Self::FiringMissed => "firing missed",
            Self::RunStalled => "run stalled",
            Self::RunsFailing => "backup failed",
            Self::SnapshotImplausible => "implausible snapshot",
            Self::MassChange => "mass change",
            Self::ResourcesStale => "stale resources",
            Self::RunsPartial => "gaps in the backup",
            Self::CredentialExpiring => "credential expires",
            Self::ExportDue => "export due",
            Self::EntryInvalid => "invalid entry",
            Self::DrillOverdue => "drill overdue",
            Self::Unreadable => "cannot be watched",
            Self::ActionFailed => "could not be helped",
            Self::Undecided => "undecided",
            Self::BuiltinUnchecked => "vendor's backup unchecked",
        }
    }

    /// Whether it is something that happened, and not a state that ends: nobody is told that it is over.
    #[must_use]
    pub fn is_event(self) -> bool {
        matches!(self, Self::MassChange | Self::SnapshotImplausible)
    }

    /// The kind of a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        serde_json::from_value(word.into()).ok()
    }
}

impl Severity {
    /// The word people read.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The longest name that is shown whole: that of a valid system, and a good deal more of one that is not.
const LONGEST_NAME: usize = 80;

impl Finding {
    /// What makes it the same finding in the next round: `late/acme-crm/`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}/{}", self.kind.word(), self.system, self.about)
    }
}

/// An entry's name as people can read it: names typed by hand may hold anything.
#[must_use]
pub(crate) fn shown(name: &str) -> String {
    let plain = |char: char| if char.is_control() || char == '/' { '?' } else { char };
    let shown: String = name.chars().take(LONGEST_NAME).map(plain).collect();
    if shown.is_empty() {
        "(no name)".to_owned()
    } else {
        shown
    }
}

/// `2026-11-25 10:30 UTC`.
#[must_use]
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `3 days`, `26 h`, `45 min`: as exact as a decision needs.
#[must_use]
pub(crate) fn span(duration: SignedDuration) -> String {
    let minutes = duration.round(Unit::Minute).unwrap_or(duration).as_mins().max(0);
    match (minutes / (24 * 60), minutes / 60) {
        (days @ 3.., _) => format!("{days} days"),
        (_, hours @ 2..) => format!("{hours} h"),
        _ => format!("{minutes} min"),
    }
}

/// The instant `by` later (or earlier, if negative), or the end of time.
#[must_use]
pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
