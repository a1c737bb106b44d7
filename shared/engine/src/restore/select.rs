//! What of a difference is to be undone.

use seatbelt_model::{ChangeKind, json::Pointer};
use serde::{Deserialize, Serialize};

use super::{ids::text_at, pairs::Pair};
use seatbelt_connector_kit::Writes;

/// Which records and fields are asked for. Empty lists choose everything; without any of `removed`, `changed` and `added`, what was
/// removed and changed is given back, and what was added stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Selection {
    /// Only these resources.
    pub resources: Vec<String>,
    /// Only these records.
    pub keys: Vec<String>,
    /// Only these fields and what is in them: JSON pointers.
    pub fields: Vec<String>,
    /// Only records that have this text at this JSON pointer, all of them.
    pub filters: Vec<(String, String)>,
    /// Only what this author changed, where the resource says who did.
    pub author: Option<String>,
    /// What was removed.
    pub removed: bool,
    /// What was changed.
    pub changed: bool,
    /// What was added, which is removed.
    pub added: bool,
    /// Give up what was edited since.
    pub overwrite: bool,
}

impl Selection {
    pub(super) fn takes_resource(&self, name: &str) -> bool {
        self.resources.is_empty() || self.resources.iter().any(|resource| resource == name)
    }

    /// Whether such changes are asked for.
    pub(super) fn takes_kind(&self, kind: ChangeKind) -> bool {
        let nothing_said = !(self.removed || self.changed || self.added);
        match kind {
            ChangeKind::Removed => self.removed || nothing_said,
            ChangeKind::Changed => self.changed || nothing_said,
            ChangeKind::Added => self.added,
        }
    }

    /// Whether a difference is asked for.
    pub(super) fn takes(&self, writes: Option<&Writes>, pair: &Pair) -> bool {
        let record = pair.wanted.as_deref().or(pair.spoiled.as_deref()).unwrap_or_default();
        let filtered = self
            .filters
            .iter()
            .all(|(at, text)| text_at(record, at).is_some_and(|found| found == *text));
        let by_author = self.author.as_ref().is_none_or(|author| {
            let at = writes.and_then(|writes| writes.author);
            let spoiled = pair.spoiled.as_deref();
            at.zip(spoiled).and_then(|(at, spoiled)| text_at(spoiled, at)).as_ref() == Some(author)
        });
        self.takes_kind(pair.kind()) && self.takes_key(&pair.key) && filtered && by_author
    }

    fn takes_key(&self, key: &str) -> bool {
        self.keys.is_empty() || self.keys.iter().any(|wanted| wanted == key)
    }

    pub(super) fn takes_field(&self, at: &[String]) -> bool {
        let covers = |field: &String| {
            let pointer = Pointer::new(field);
            pointer.parts().len() <= at.len() && pointer.parts().iter().zip(at).all(|(wanted, part)| wanted == part)
        };
        self.fields.is_empty() || self.fields.iter().any(covers)
    }
}
