//! The manifest as a service sees it: a bad edit never ends what was good. Pure.

use std::collections::{BTreeMap, BTreeSet};

use seatbelt_catalog::Entry;
use seatbelt_model::System;

use crate::judge::judge;

/// The manifest as it was last good, entry by entry.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    good: BTreeMap<String, System>,
    reported: BTreeMap<String, String>,
}

impl Entries {
    /// Takes what the table holds now. An entry in error stays what it was; what is wrong with it is said once.
    pub(crate) fn read(&mut self, entries: Vec<Entry>) -> (BTreeMap<String, System>, Vec<String>) {
        let mut said = Vec::new();
        let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        self.good.retain(|name, _| names.contains(name.as_str()));
        self.reported.retain(|name, _| names.contains(name.as_str()));
        for entry in &entries {
            let (system, findings) = judge(entry);
            if let Some(system) = system {
                self.reported.remove(&entry.name);
                self.good.insert(entry.name.clone(), system);
                continue;
            }
            let errors: Vec<String> = findings
                .iter()
                .filter(|finding| finding.is_error())
                .map(ToString::to_string)
                .collect();
            let errors = errors.join("; ");
            if self.reported.get(&entry.name) != Some(&errors) {
                let kept = if self.good.contains_key(&entry.name) {
                    "its last good state stays in force"
                } else {
                    "it is left out"
                };
                said.push(format!(
                    "{}: the manifest's entry cannot be used, {kept}: {errors}",
                    entry.name
                ));
                self.reported.insert(entry.name.clone(), errors);
            }
        }
        (self.good.clone(), said)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entry(schedule: &str) -> Entry {
        let raw: Value = json!({
            "platform": "practice_crm", "decision": "backup", "schedule": schedule, "secret": "file:crm.json",
            "settings": {"base_url": "http://127.0.0.1:1"},
        });
        Entry {
            name: "crm".into(),
            system: None,
            findings: Vec::new(),
            version: 1,
            raw,
        }
    }

    #[test]
    fn a_bad_edit_keeps_the_last_good_state_and_is_said_once() {
        let mut entries = Entries::default();
        let (good, said) = entries.read(vec![entry("hourly")]);
        assert!(said.is_empty() && good.contains_key("crm"), "{said:?}");
        let (kept, said) = entries.read(vec![entry("sometimes")]);
        assert_eq!((kept, said.len()), (good, 1));
        assert!(said[0].contains("its last good state stays in force"), "{said:?}");
        assert!(entries.read(vec![entry("sometimes")]).1.is_empty(), "said once");
        assert!(
            entries.read(Vec::new()).0.is_empty(),
            "an entry that is removed is gone"
        );
        assert!(entries.read(vec![entry("sometimes")]).1[0].contains("it is left out"));
    }
}
