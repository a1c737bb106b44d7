//! The keys of records that were created again, by the keys they had.

use std::collections::HashMap;

use bytes::Bytes;
use seatbelt_connector_kit::{NewKeys, Reference, Resource, Writes};
use seatbelt_model::{RunId, key};
use seatbelt_vault::Vault;
use serde::{Deserialize, Serialize};

use super::{
    journal::{AFTER, After, OUTCOME, OutcomeDocument, parse},
    tree::{Tree, quoted},
};
use crate::{EngineError, plan};

/// One record's new key, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NewKey {
    pub(super) resource: String,
    pub(super) was: String,
    pub(super) is: String,
}

/// Keys by keys, by resource.
type KeyByKey = HashMap<String, HashMap<String, String>>;

/// All new keys of a system. A record that was created again by two restores is found over both; within one restore a new key is never taken for
/// an old one, since in a system that numbers from the start again (a sandbox) the two overlap.
#[derive(Debug, Clone, Default)]
pub(super) struct Ids {
    /// New keys by old ones, of the restore at work.
    current: KeyByKey,
    /// The same of all before it.
    earlier: KeyByKey,
    /// Old keys by new ones.
    origins: KeyByKey,
}

impl Ids {
    /// Reads what all restores of a system left, oldest first.
    pub(super) async fn load(vault: &Vault, system: &str) -> Result<Self, EngineError> {
        let documents = vault.restores(system, None).await?;
        let ended: Vec<RunId> = documents
            .iter()
            .filter(|document| document.name == OUTCOME)
            .map(|document| document.run)
            .collect();
        let mut ids = Self::default();
        let mut last = None;
        for document in &documents {
            if last.replace(document.run).is_some_and(|last| last != document.run) {
                ids.end_restore();
            }
            let batch = document.name.ends_with(AFTER) && !ended.contains(&document.run);
            if !batch && document.name != OUTCOME {
                continue;
            }
            let Some(json) = vault.restore(system, document.run, &document.name).await? else {
                continue;
            };
            let objects = if batch {
                parse::<After>(&json)?.ids.into_iter().collect()
            } else {
                parse::<OutcomeDocument>(&json)?.ids
            };
            for object in objects {
                ids.read(&vault.lines(system, &object).await?)?;
            }
        }
        // One that was interrupted is the one that is gone on with.
        if last.is_some_and(|last| ended.contains(&last)) {
            ids.end_restore();
        }
        Ok(ids)
    }

    /// What was learnt so far is of the past.
    fn end_restore(&mut self) {
        for (resource, new) in std::mem::take(&mut self.current) {
            let known = self.earlier.entry(resource).or_default();
            for key in known.values_mut() {
                if let Some(newer) = new.get(key) {
                    key.clone_from(newer);
                }
            }
            known.extend(new);
        }
    }

    fn read(&mut self, lines: &Bytes) -> Result<(), EngineError> {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            self.add(parse(line)?);
        }
        Ok(())
    }

    pub(super) fn add(&mut self, new: NewKey) {
        if new.was != new.is {
            let origins = self.origins.entry(new.resource.clone()).or_default();
            origins.insert(new.is.clone(), new.was.clone());
            self.current.entry(new.resource).or_default().insert(new.was, new.is);
        }
    }

    /// Whether `key` is one that a record was given when it was created again.
    pub(super) fn is_new(&self, resource: &str, key: &str) -> bool {
        self.origins
            .get(resource)
            .is_some_and(|origins| origins.contains_key(key))
    }

    /// The keys that the record had before, the latest first.
    pub(super) fn origins<'a>(&'a self, resource: &str, key: &'a str) -> impl Iterator<Item = &'a str> {
        let origins = self.origins.get(resource);
        let most = origins.map_or(0, HashMap::len);
        std::iter::successors(Some(key), move |key| origins?.get(*key).map(String::as_str))
            .skip(1)
            .take(most)
    }

    /// The key that a record has now: its own, or below the new key of its parent.
    pub(super) fn now(&self, resource: &Resource, was: &str) -> String {
        if let Some(new) = self.new_key(resource.name, was) {
            return new;
        }
        match (resource.parent(), plan::parent_key(resource, was), was.rsplit_once('/')) {
            (Some(parent), Some(above), Some((_, own))) => {
                let above = self.now(parent, &above);
                format!("{}/{own}", plan::as_prefix(parent, &above))
            }
            _ => was.to_owned(),
        }
    }

    /// A record with the keys it refers to as they are now, and as its connector adapts it.
    pub(super) fn translate(&self, writes: &Writes, key: &str, record: &str) -> String {
        let mut tree = Tree::parse(record);
        for reference in references(writes, record) {
            let parts = seatbelt_model::json::Pointer::new(reference.at).parts().to_vec();
            tree.visit(&parts, &mut |value| self.renew(reference.to, key, value));
        }
        let text = tree.text();
        writes.adapt.map_or(text.clone(), |adapt| adapt(&text, self))
    }

    fn renew(&self, to: &[&str], holder: &str, value: &mut Tree) {
        let Tree::Scalar(text) = value else { return };
        let Some(was) = seatbelt_model::json::scalar(text) else {
            return;
        };
        let new = to.iter().find_map(|name| {
            let beside = || {
                // A key below a parent is told by its own part alone; the parent is the record's own.
                let (above, _) = holder.rsplit_once('/')?;
                let new = self.new_key(name, &format!("{above}/{}", key::part(&was)))?;
                new.rsplit_once('/').map(|(_, own)| key::unpart(own).into_owned())
            };
            self.new_key(name, &was).or_else(beside)
        });
        if let Some(new) = new {
            let number = !text.starts_with('"') && new.parse::<u64>().is_ok();
            *value = Tree::Scalar(if number { new } else { quoted(&new) });
        }
    }
}

impl NewKeys for Ids {
    fn new_key(&self, resource: &str, key: &str) -> Option<String> {
        let current = |key: &str| self.current.get(resource)?.get(key);
        let earlier = self.earlier.get(resource).and_then(|known| known.get(key));
        let earlier = earlier.map(|key| current(key).unwrap_or(key));
        current(key).or(earlier).cloned()
    }
}

/// The references that a record has: of those that hold only for some records, the ones that hold for it.
pub(super) fn references<'a>(writes: &'a Writes, record: &'a str) -> impl Iterator<Item = &'a Reference> {
    writes.references.iter().filter(move |reference| {
        reference
            .only_if
            .is_none_or(|(at, value)| text_at(record, at).as_deref() == Some(value))
    })
}

/// A JSON text as a record.
pub(super) fn whole(record: &str) -> seatbelt_connector_kit::Record<'_> {
    seatbelt_connector_kit::Record {
        json: record.into(),
        member: None,
    }
}

pub(super) fn text_at(record: &str, pointer: &str) -> Option<String> {
    let pointer = seatbelt_model::json::Pointer::new(pointer);
    seatbelt_model::json::text_at(record, &pointer).map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(was: &str, is: &str) -> NewKey {
        NewKey {
            resource: "posts".into(),
            was: was.into(),
            is: is.into(),
        }
    }

    #[test]
    fn keys_are_followed_over_restores_and_not_within_one() {
        let mut ids = Ids::default();
        ids.add(new("14", "16"));
        ids.add(new("16", "18"));
        let key = |ids: &Ids, key| ids.new_key("posts", key);
        assert_eq!(
            key(&ids, "14").as_deref(),
            Some("16"),
            "16 was an old key too, of another record"
        );
        assert_eq!(key(&ids, "16").as_deref(), Some("18"));
        ids.end_restore();
        ids.add(new("18", "30"));
        assert_eq!(key(&ids, "16").as_deref(), Some("30"), "it was created again twice");
        assert_eq!(key(&ids, "18").as_deref(), Some("30"));
        ids.end_restore();
        assert_eq!(key(&ids, "16").as_deref(), Some("30"));
        assert_eq!(key(&ids, "14").as_deref(), Some("16"));
        assert_eq!(key(&ids, "30"), None);
    }
}
