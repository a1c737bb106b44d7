//! What a restore writes down: its plan, and for every batch of records what they were before and what they became.
//!
//! Before anything of a batch is written to the vendor, its `before` document is there; after all of it was read back, its `after` document. A
//! batch with the one and not the other was interrupted: its records are looked at before they are written again.

use jiff::Timestamp;
use seatbelt_model::RunId;
use seatbelt_vault::{StoredBody, Vault};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{Action, Counts, Header, Tally};
use crate::EngineError;

/// The format of these documents.
pub(super) const FORMAT: &str = "seatbelt-restore/1";
pub(super) const PLAN: &str = "plan";
pub(super) const OUTCOME: &str = "outcome";
pub(super) const BEFORE: &str = ".before";
pub(super) const AFTER: &str = ".after";

/// The plan a restore carries out.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlanDocument {
    pub(super) format: String,
    pub(super) run: RunId,
    pub(super) plan: Header,
    /// Objects with the steps, in order.
    pub(super) objects: Vec<String>,
}

/// A batch that is about to be written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Before {
    pub(super) resource: String,
    pub(super) action: Action,
    pub(super) at: Timestamp,
    /// What its records are: [`Image`]s.
    pub(super) object: String,
    pub(super) records: usize,
}

/// A batch that was written and read back.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct After {
    pub(super) resource: String,
    pub(super) action: Action,
    pub(super) at: Timestamp,
    /// What its records became: [`Image`]s, in the same order.
    pub(super) object: String,
    /// The keys that are new, if any are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ids: Option<String>,
    pub(super) results: Counts,
}

/// How a restore ended.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OutcomeDocument {
    pub(super) format: String,
    pub(super) run: RunId,
    pub(super) ended_at: Timestamp,
    pub(super) results: Tally,
    /// Objects with the keys that are new.
    pub(super) ids: Vec<String>,
}

/// One record before or after.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Image {
    pub(super) key: String,
    /// The record; `None` if it is not there.
    pub(super) record: Option<Box<RawValue>>,
    /// The stored bytes of its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<StoredBody>,
    /// Whether the restore wrote it.
    #[serde(default)]
    pub(super) written: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<Done>,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The resource.
    pub resource: String,
    /// Its key in the plan.
    pub key: String,
    /// Its key now, where it has a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_key: Option<String>,
    /// What became of it.
    pub result: Verdict,
    /// Why it is not as planned; without customer data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is as planned; read back and compared.
    Restored,
    /// It was so already.
    Fine,
    /// It changed after the plan was made, and was left alone.
    Conflict,
    /// It was written, and what was read back is not what was planned.
    Differs,
    /// The vendor refused it.
    Failed,
}

/// The name of a batch's documents, without ending.
pub(super) fn batch_name(number: u64) -> String {
    format!("{number:08}")
}

pub(super) fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, EngineError> {
    serde_json::from_slice(json)
        .map_err(|error| EngineError::Bug(format!("a document of a restore cannot be read: {error}")))
}

pub(super) fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, EngineError> {
    serde_json::to_vec(value).map_err(|error| EngineError::Bug(error.to_string()))
}

/// Stores values as JSON lines.
pub(super) async fn store<T: Serialize>(vault: &Vault, system: &str, values: &[T]) -> Result<String, EngineError> {
    let mut lines = Vec::new();
    for value in values {
        lines.extend(json(value)?);
        lines.push(b'\n');
    }
    Ok(vault.put_lines(system, lines).await?)
}
