//! One record of a batch: where it stands, and what became of it.

use seatbelt_connector_kit::KitError;
use seatbelt_vault::StoredBody;

use super::Verdict;
use crate::EngineError;

pub(super) type Outcome<T> = std::result::Result<T, EngineError>;

/// What one record is before its step, what it is now, and what an interrupted run may have made of it.
pub(super) struct Stand<'a> {
    pub(super) key: String,
    pub(super) before: Option<&'a str>,
    pub(super) live: Option<&'a str>,
    /// A record that an interrupted create has left.
    pub(super) found: Option<String>,
}

/// What a step came to.
pub(super) struct Result {
    pub(super) verdict: Verdict,
    pub(super) why: Option<String>,
    pub(super) key: String,
    pub(super) record: Option<String>,
    pub(super) file: Option<StoredBody>,
    pub(super) written: bool,
}

impl Stand<'_> {
    /// Nothing was written.
    pub(super) fn with(&self, verdict: Verdict, why: Option<String>) -> Result {
        Result {
            verdict,
            why,
            key: self.key.clone(),
            record: self.live.map(str::to_owned),
            file: None,
            written: false,
        }
    }

    pub(super) fn left(&self, verdict: Verdict, why: &str) -> Result {
        self.with(verdict, Some(why.to_owned()))
    }

    /// The vendor refused this record; or the restore cannot go on at all.
    pub(super) fn failed(&self, error: KitError) -> Outcome<Result> {
        match error {
            KitError::Refused { .. }
            | KitError::Unavailable { .. }
            | KitError::Forbidden { .. }
            | KitError::Unexpected { .. } => Ok(self.with(Verdict::Failed, Some(error.to_string()))),
            KitError::OutOfTime { .. } => Err(EngineError::Interrupted),
            error => Err(error.into()),
        }
    }

    pub(super) fn became(
        &self,
        key: String,
        verdict: Verdict,
        why: Option<String>,
        record: Option<String>,
        file: Option<StoredBody>,
    ) -> Result {
        Result {
            verdict,
            why,
            key,
            record,
            file,
            written: true,
        }
    }
}

pub(super) fn compared(wrong: &[String]) -> (Verdict, Option<String>) {
    if wrong.is_empty() {
        (Verdict::Restored, None)
    } else {
        (
            Verdict::Differs,
            Some(format!("read back otherwise than written: {}", wrong.join(", "))),
        )
    }
}
