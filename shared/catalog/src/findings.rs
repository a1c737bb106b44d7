//! What stands against an entry of the manifest, noted by whoever tried to act on it.
//!
//! An entry belongs to people, so nobody writes into it what is wrong with it. The notes of all systems are one partition of the
//! runs table, so that one query shows them, and a function that only writes notes can be held to that partition by IAM.

use std::fmt::Write as _;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;
use seatbelt_model::{Finding, system::Severity};

use crate::{
    Catalog, CatalogError,
    attribute::text,
    call::{Item, Tried, key, names, text_of, values},
    time,
};

/// The partition of all notes. No system can have this name.
const FINDINGS: &str = "#findings";
/// Names typed by hand may be longer than a sort key; this much of one tells it from others.
const LONGEST_NAME_BYTES: usize = 512;

/// What somebody found about one system's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The entry's key, as it is in the manifest; perhaps no valid name.
    pub system: String,
    /// Who found it, such as `schedule`.
    pub source: String,
    /// What is wrong, and what is in force meanwhile.
    pub findings: Vec<Finding>,
    /// When something was first found; it stays while the findings change.
    pub since: Timestamp,
    /// When it was last found.
    pub seen: Timestamp,
}

impl Catalog {
    /// Notes what `source` found about `system`, in place of what it noted before. Twice is harmless. `source` is a plain word.
    ///
    /// # Errors
    /// Those of the table; safe to try again.
    pub async fn put_findings(
        &self,
        source: &str,
        system: &str,
        findings: &[Finding],
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let what = format!("manifest entry {system}: noting its findings");
        let found = findings.iter().map(attribute).collect();
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.runs)
            .set_key(key(FINDINGS, &sort_key(source, system)))
            .update_expression(
                "SET #entry = :entry, #source = :source, #findings = :findings, #seen = :now, #since = if_not_exists(#since, :now)",
            )
            .set_expression_attribute_names(names(["entry", "source", "findings", "seen", "since"]))
            .set_expression_attribute_values(values([
                (":entry", text(system)),
                (":source", text(source)),
                (":findings", AttributeValue::L(found)),
                (":now", text(time::text(now))),
            ]));
        let sent = request.send().await;
        sent.map(|_| ()).map_err(|error| self.tried(&what).failed(error))
    }

    /// Forgets what `source` noted about `system`, and says whether there was something.
    ///
    /// # Errors
    /// Those of the table; safe to try again.
    pub async fn clear_findings(&self, source: &str, system: &str) -> Result<bool, CatalogError> {
        let what = format!("manifest entry {system}: clearing its findings");
        let request = self
            .client
            .delete_item()
            .table_name(&self.tables.runs)
            .set_key(key(FINDINGS, &sort_key(source, system)))
            .return_values(ReturnValue::AllOld);
        let sent = request.send().await;
        sent.map(|gone| gone.attributes.is_some())
            .map_err(|error| self.tried(&what).failed(error))
    }

    /// All notes, by system. One query. A note that cannot be read, as somebody edited it, is left out and logged.
    ///
    /// # Errors
    /// Those of the table.
    pub async fn findings(&self) -> Result<Vec<Noted>, CatalogError> {
        self.notes(None).await
    }

    /// The notes about one system, by source. One query.
    ///
    /// # Errors
    /// Those of the table.
    pub async fn findings_of(&self, system: &str) -> Result<Vec<Noted>, CatalogError> {
        self.notes(Some(system)).await
    }

    async fn notes(&self, system: Option<&str>) -> Result<Vec<Noted>, CatalogError> {
        let mut condition = "#system = :system".to_owned();
        let mut attributes = values([(":system", text(FINDINGS))]).unwrap_or_default();
        let mut placeholders = names(["system"]).unwrap_or_default();
        if let Some(system) = system {
            condition += " AND begins_with(#run, :prefix)";
            attributes.insert(":prefix".to_owned(), text(sort_key("", system)));
            placeholders.extend(names(["run"]).unwrap_or_default());
        }
        let query = self
            .client
            .query()
            .table_name(&self.tables.runs)
            .consistent_read(true)
            .key_condition_expression(condition)
            .set_expression_attribute_names(Some(placeholders))
            .set_expression_attribute_values(Some(attributes));
        let items = query
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(|error| self.tried("reading what was found about the manifest").failed(error))?;
        let mut notes: Vec<_> = items.iter().filter_map(readable).collect();
        notes.retain(|note| system.is_none_or(|system| note.system == system));
        notes.sort_by(|a, b| (&a.system, &a.source).cmp(&(&b.system, &b.source)));
        Ok(notes)
    }

    fn tried<'a>(&'a self, what: &'a str) -> Tried<'a> {
        Tried {
            table: &self.tables.runs,
            what,
        }
    }
}

/// `acme-crm#schedule`: those of one system stand together.
fn sort_key(source: &str, system: &str) -> String {
    let end = system.floor_char_boundary(LONGEST_NAME_BYTES);
    let mut key = system[..end].to_owned();
    write!(key, "#{source}").expect("a String takes all text");
    key
}

fn readable(item: &Item) -> Option<Noted> {
    let note = read(item);
    if note.is_none() {
        let key = text_of(item, "run").unwrap_or("?");
        tracing::warn!(
            key,
            "a note of findings cannot be read and was left out; delete it from the runs table"
        );
    }
    note
}

fn read(item: &Item) -> Option<Noted> {
    let findings = item.get("findings")?.as_l().ok()?;
    let moment = |name: &str| text_of(item, name)?.parse().ok();
    Some(Noted {
        system: text_of(item, "entry")?.to_owned(),
        source: text_of(item, "source")?.to_owned(),
        findings: findings.iter().map(finding).collect::<Option<_>>()?,
        since: moment("since")?,
        seen: moment("seen")?,
    })
}

fn attribute(finding: &Finding) -> AttributeValue {
    let severity = match finding.severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let fields = [
        ("severity", severity),
        ("field", &finding.field),
        ("message", &finding.message),
    ];
    AttributeValue::M(fields.map(|(name, value)| (name.to_owned(), text(value))).into())
}

fn finding(value: &AttributeValue) -> Option<Finding> {
    let fields = value.as_m().ok()?;
    let (field, message) = (text_of(fields, "field")?, text_of(fields, "message")?);
    match text_of(fields, "severity")? {
        "warning" => Some(Finding::warning(field, message)),
        "error" => Some(Finding::error(field, message)),
        _ => None,
    }
}
