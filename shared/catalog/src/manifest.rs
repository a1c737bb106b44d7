//! The manifest: one item per system, as people edit it in the console.
//!
//! Only a `version` of type number counts; an entry without one, typed by hand, has version 0. A write touches the fields the
//! model knows and the version, and leaves everything else in the item as it is.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld};
use seatbelt_model::{
    Finding, System, SystemName,
    system::{FIELDS, parse_entry},
};
use serde_json::{Map, Value};

use crate::{
    Catalog, CatalogError,
    attribute::{from_fields, text, to_fields, whole},
    call::{Item, Tried, names, text_of, values, whole_of},
};

/// The key of an item.
const SYSTEM: &str = "system";
/// The number that each write raises.
const VERSION: &str = "version";
/// Fields that are tables with names of our own, of which other names are kept when the table is written.
const TABLES: [(&str, &[&str]); 3] = [
    ("builtin", &["offers", "misses", "checked_on"]),
    ("scope", &["include", "exclude"]),
    ("alerts", &["removed", "changed", "added", "minimum", "resources"]),
];

/// One entry of the manifest, whoever wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key, as it is in the table; perhaps no valid name.
    pub name: String,
    /// The system; `None` if a finding is an error.
    pub system: Option<System>,
    /// What is wrong with the entry's form. Whether it makes sense is for [`check_entry`](seatbelt_model::system::check_entry).
    pub findings: Vec<Finding>,
    /// To be handed back when the entry is written.
    pub version: u64,
    /// All fields of the item but its key and version.
    pub raw: Value,
}

impl Catalog {
    /// All entries, by name. Reads the whole table: a manifest is some hundred entries.
    ///
    /// # Errors
    /// Those of the table; a malformed entry is none.
    pub async fn systems(&self) -> Result<Vec<Entry>, CatalogError> {
        let tried = Tried {
            table: &self.tables.manifest,
            what: "reading the manifest",
        };
        let scan = self
            .client
            .scan()
            .table_name(&self.tables.manifest)
            .consistent_read(true);
        let items = scan
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(|error| tried.failed(error))?;
        let mut entries: Vec<_> = items.iter().map(entry).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// One entry, `None` if there is none.
    ///
    /// # Errors
    /// Those of the table; a malformed entry is none.
    pub async fn system(&self, name: &SystemName) -> Result<Option<Entry>, CatalogError> {
        self.entry(name.as_str()).await
    }

    /// One entry by its key, which a person may have typed and need not be a valid name.
    ///
    /// # Errors
    /// Those of the table; a malformed entry is none.
    pub async fn entry(&self, name: &str) -> Result<Option<Entry>, CatalogError> {
        Ok(self.manifest_item(name).await?.as_ref().map(entry))
    }

    async fn manifest_item(&self, name: &str) -> Result<Option<Item>, CatalogError> {
        let what = format!("manifest entry {name}: reading it");
        let request = self
            .client
            .get_item()
            .table_name(&self.tables.manifest)
            .key(SYSTEM, text(name));
        let found = request.consistent_read(true).send().await;
        found.map(|found| found.item).map_err(|error| {
            Tried {
                table: &self.tables.manifest,
                what: &what,
            }
            .failed(error)
        })
    }

    /// Writes an entry, and returns its new version. `expected_version` is the [`Entry::version`] that was read, `None` if there
    /// was no entry. Fields that say nothing are removed; what the model does not know stays.
    ///
    /// An edit in the console does not raise the version, so it is only noticed by editors who read the entry after it.
    ///
    /// # Errors
    /// [`CatalogError::VersionConflict`] when the entry has changed since, with nothing written. Safe to try again.
    pub async fn put_system(
        &self,
        name: &SystemName,
        system: &System,
        expected_version: impl Into<Option<u64>>,
    ) -> Result<u64, CatalogError> {
        let expected = expected_version.into();
        let what = format!("manifest entry {name}: writing it");
        let tried = Tried {
            table: &self.tables.manifest,
            what: &what,
        };
        let stored = self.manifest_item(name.as_str()).await?.unwrap_or_default();
        let fields = from_fields(&keep_unknown(system.to_entry(), &to_fields(&stored)));
        let version = expected.unwrap_or(0) + 1;

        let (set, remove): (Vec<_>, Vec<_>) = FIELDS.into_iter().partition(|field| fields.contains_key(*field));
        let set: Vec<_> = set.iter().map(|field| format!("#{field} = :{field}")).collect();
        let remove: Vec<_> = remove.iter().map(|field| format!("#{field}")).collect();
        let mut update = format!("SET #version = :next, {}", set.join(", "));
        if !remove.is_empty() {
            update = format!("{update} REMOVE {}", remove.join(", "));
        }
        let (condition, mut attributes) = unchanged(expected);
        attributes.insert(":next".to_owned(), whole(version));
        attributes.extend(fields.iter().map(|(field, value)| (format!(":{field}"), value.clone())));
        let mut placeholders = names(FIELDS).unwrap_or_default();
        placeholders.extend(names([VERSION, condition.name]).unwrap_or_default());

        let outcome = self
            .client
            .update_item()
            .table_name(&self.tables.manifest)
            .key(SYSTEM, text(name.as_str()))
            .update_expression(update)
            .condition_expression(condition.text)
            .set_expression_attribute_names(Some(placeholders))
            .set_expression_attribute_values(Some(attributes))
            .return_values_on_condition_check_failure(AllOld)
            .send()
            .await;
        match tried.settle(outcome)? {
            Ok(_) => Ok(version),
            // The SDK sends again when an answer is lost; then what is there is what we wrote.
            Err(found) if is_written(&found, &fields, version) => Ok(version),
            Err(found) => Err(conflict(name.as_str(), expected, &found)),
        }
    }

    /// Removes an entry, whatever its name; its run history stays. Removing what is not there is harmless.
    ///
    /// # Errors
    /// [`CatalogError::VersionConflict`] when the entry has changed since, with nothing removed. Safe to try again.
    pub async fn remove_system(&self, name: &str, expected_version: u64) -> Result<(), CatalogError> {
        let what = format!("manifest entry {name}: removing it");
        let (condition, attributes) = unchanged(Some(expected_version));
        let outcome = self
            .client
            .delete_item()
            .table_name(&self.tables.manifest)
            .key(SYSTEM, text(name))
            .condition_expression(format!("attribute_not_exists(#system) OR {}", condition.text))
            .set_expression_attribute_names(names([SYSTEM, condition.name]))
            .set_expression_attribute_values(Some(attributes))
            .return_values_on_condition_check_failure(AllOld)
            .send()
            .await;
        match (Tried {
            table: &self.tables.manifest,
            what: &what,
        })
        .settle(outcome)?
        {
            Ok(_) => Ok(()),
            Err(found) => Err(conflict(name, Some(expected_version), &found)),
        }
    }
}

struct Condition {
    text: &'static str,
    /// The one attribute it looks at.
    name: &'static str,
}

/// The condition that the entry is still as it was read, with the values it needs.
fn unchanged(expected: Option<u64>) -> (Condition, Item) {
    let (text, values) = match expected {
        None => ("attribute_not_exists(#system)", None),
        Some(0) => (
            "(attribute_not_exists(#version) OR NOT attribute_type(#version, :number) OR #version < :first)",
            values([(":number", AttributeValue::S("N".to_owned())), (":first", whole(1))]),
        ),
        Some(version) => ("#version = :version", values([(":version", whole(version))])),
    };
    let name = if expected.is_none() { SYSTEM } else { VERSION };
    (Condition { text, name }, values.unwrap_or_default())
}

fn conflict(system: &str, expected: Option<u64>, found: &Item) -> CatalogError {
    let version = (!found.is_empty()).then(|| version(found).0);
    CatalogError::VersionConflict {
        system: system.to_owned(),
        expected,
        found: version,
    }
}

fn is_written(found: &Item, fields: &Item, version: u64) -> bool {
    let same = |field: &&str| match (found.get(*field), fields.get(*field)) {
        (Some(found), Some(written)) => found == written,
        (found, written) => found.is_none() && written.is_none(),
    };
    whole_of(found, VERSION) == Some(version) && FIELDS.iter().all(same)
}

/// `fields`, and of each stored table the names the model does not know.
fn keep_unknown(mut fields: Map<String, Value>, stored: &Map<String, Value>) -> Map<String, Value> {
    for (table, known) in TABLES {
        let Some(Value::Object(stored)) = stored.get(table) else {
            continue;
        };
        let unknown = stored.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        let unknown: Map<_, _> = unknown.map(|(name, value)| (name.clone(), value.clone())).collect();
        if !unknown.is_empty()
            && let Value::Object(written) = fields.entry(table).or_insert_with(|| Value::Object(Map::new()))
        {
            written.extend(unknown);
        }
    }
    fields
}

fn entry(item: &Item) -> Entry {
    let mut raw = to_fields(item);
    raw.remove(SYSTEM);
    raw.remove(VERSION);
    let raw = Value::Object(raw);
    let name = text_of(item, SYSTEM).unwrap_or_default().to_owned();
    let (mut system, mut findings) = parse_entry(&raw);
    let (version, finding) = version(item);
    findings.extend(finding);
    if let Err(error) = name.parse::<SystemName>() {
        findings.insert(0, Finding::error(SYSTEM, error.to_string()));
        system = None;
    }
    Entry {
        name,
        system,
        findings,
        version,
        raw,
    }
}

/// The version, and what is wrong with it.
fn version(item: &Item) -> (u64, Option<Finding>) {
    match (item.get(VERSION), whole_of(item, VERSION)) {
        (_, Some(version)) => (version, None),
        (None, None) => (0, None),
        (Some(_), None) => {
            let message = "this is not a whole number; Seatbelt counts edits in it: remove it";
            (0, Some(Finding::warning(VERSION, message)))
        }
    }
}
