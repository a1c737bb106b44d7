//! The plan as people and programs read it: JSON lines, the header first, then one step for each record.

use std::collections::BTreeMap;

use jiff::Timestamp;
use seatbelt_vault::StoredBody;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Action, FieldChange, Selection, Way};

/// The format of a plan.
pub const PLAN_FORMAT: &str = "seatbelt-plan/1";

/// The first line of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`PLAN_FORMAT`].
    pub format: String,
    /// The system it is for.
    pub system: String,
    /// Its platform.
    pub platform: String,
    /// Where it leads.
    pub way: Way,
    /// What was asked for.
    pub selection: Selection,
    /// When it was made.
    pub planned_at: Timestamp,
}

/// What is to be done with one record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// The resource.
    pub resource: String,
    /// The record's key in the snapshot it is wanted from.
    pub key: String,
    /// What to do.
    pub action: Action,
    /// Fields to write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
    /// Fields that someone has edited since, which are kept as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<FieldChange>,
    /// Why it is a conflict, impossible, or not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The record to create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Box<RawValue>>,
    /// The record to remove, as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spoiled: Option<Box<RawValue>>,
    /// The stored bytes of the record to create or change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<StoredBody>,
    /// The stored bytes it had after the bad change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_file: Option<StoredBody>,
}

/// How many of each kind.
pub type Counts = BTreeMap<String, u64>;

/// How many of each kind, by resource.
pub type Tally = BTreeMap<String, Counts>;

/// A plan, summed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// What it is for.
    pub header: Header,
    /// Steps of each action, by resource.
    pub counts: Tally,
}

impl Planned {
    /// How many steps of this action there are.
    #[must_use]
    pub fn count(&self, action: Action) -> u64 {
        let name = name_of(action);
        self.counts.values().filter_map(|counts| counts.get(&name)).sum()
    }

    /// How many records would be written.
    #[must_use]
    pub fn writes(&self) -> u64 {
        [Action::Create, Action::Update, Action::Remove]
            .into_iter()
            .map(|action| self.count(action))
            .sum()
    }
}

impl Action {
    /// Whether something is written to the vendor.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Link | Self::Remove)
    }
}

/// The name of a value as it is serialized.
pub(super) fn name_of(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

pub(super) fn count(tally: &mut Tally, resource: &str, what: impl Serialize) {
    *tally
        .entry(resource.to_owned())
        .or_default()
        .entry(name_of(what))
        .or_default() += 1;
}
