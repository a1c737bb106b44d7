//! What changed in one system between two snapshots: counts, then fields, then a few records.

use std::collections::BTreeSet;

use anyhow::Result;
use futures_util::TryStreamExt;
use seatbelt_model::{ChangeKind, Changes, MassChange, Snapshot, SnapshotId};
use seatbelt_vault::Difference;
use serde::Serialize;
use serde_json::Value;

use crate::{
    commands::diff::changed_fields,
    fields::{self, FieldChange},
    home::Home,
    moment, platforms,
};

/// What changed in one system.
#[derive(Debug, Serialize)]
pub(super) struct Changed {
    pub(super) system: String,
    /// The snapshot before the accident.
    pub(super) before: SnapshotId,
    /// The snapshot after it.
    pub(super) after: SnapshotId,
    pub(super) resources: Vec<ResourceChanges>,
    /// The rules that fired.
    pub(super) alarms: Vec<MassChange>,
}

/// What changed in one resource.
#[derive(Debug, Serialize)]
pub(super) struct ResourceChanges {
    pub(super) resource: String,
    #[serde(flatten)]
    pub(super) counts: Changes,
    /// The fields that differ in changed records.
    pub(super) fields: Vec<FieldChanges>,
    /// The changed records, with their fields, as long as they are few.
    pub(super) records: Vec<RecordChanges>,
    /// All of it.
    #[serde(skip)]
    pub(super) differences: Vec<Difference>,
}

/// One field over all changed records.
#[derive(Debug, Serialize)]
pub(super) struct FieldChanges {
    pub(super) field: String,
    /// Records in which it differs.
    pub(super) records: u64,
    pub(super) before: Values,
    pub(super) after: Values,
}

/// The values a field had.
#[derive(Debug, Default, Serialize)]
pub(super) struct Values {
    /// How many different ones.
    pub(super) different: usize,
    /// The one of the first record, absent where the field is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first: Option<Value>,
    #[serde(skip)]
    seen: BTreeSet<String>,
}

/// One changed record.
#[derive(Debug, Serialize)]
pub(super) struct RecordChanges {
    pub(super) key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    pub(super) fields: Vec<FieldChange>,
}

/// So many changed records are shown one by one; more are summed up field by field.
pub(super) const FEW: u64 = 3;

/// What changed from one snapshot to the next. Resources without a change are left out.
pub(super) async fn between(home: &Home, before: &Snapshot, after: &Snapshot) -> Result<Changed> {
    let mut resources = Vec::new();
    for resource in after.resources.keys() {
        let changes = of_resource(home, before, after, resource).await?;
        if changes.counts.total() > 0 {
            resources.push(changes);
        }
    }
    Ok(Changed {
        system: after.system.clone(),
        before: before.id,
        after: after.id,
        resources,
        alarms: after.alarms.clone(),
    })
}

async fn of_resource(home: &Home, before: &Snapshot, after: &Snapshot, resource: &str) -> Result<ResourceChanges> {
    let volatile = fields::volatile(platforms::named(&after.platform).ok(), resource);
    let stream = home.vault.changes(&after.system, resource, Some(before.id), after.id);
    let differences: Vec<Difference> = Box::pin(stream).try_collect().await?;
    let (mut counts, mut fields, mut records) = (Changes::default(), Vec::new(), Vec::new());
    for difference in &differences {
        counts.count(difference.kind);
        if difference.kind == ChangeKind::Changed {
            let changed = changed_fields(difference, &volatile)?;
            changed.iter().for_each(|change| count(&mut fields, change));
            if counts.changed <= FEW {
                records.push(RecordChanges {
                    key: difference.key.clone(),
                    name: name(difference)?,
                    fields: changed,
                });
            }
        }
    }
    if counts.changed > FEW {
        records.clear();
    }
    fields.sort_by_key(|field| (field.is_time(), std::cmp::Reverse(field.records)));
    Ok(ResourceChanges {
        resource: resource.to_owned(),
        counts,
        fields,
        records,
        differences,
    })
}

fn count(fields: &mut Vec<FieldChanges>, change: &FieldChange) {
    let at = fields
        .iter()
        .position(|field| field.field == change.field)
        .unwrap_or_else(|| {
            let (before, after) = (Values::default(), Values::default());
            fields.push(FieldChanges {
                field: change.field.clone(),
                records: 0,
                before,
                after,
            });
            fields.len() - 1
        });
    let field = &mut fields[at];
    field.before.add(field.records, change.before.as_ref());
    field.after.add(field.records, change.after.as_ref());
    field.records += 1;
}

impl Values {
    fn add(&mut self, before: u64, value: Option<&Value>) {
        if before == 0 {
            self.first = value.cloned();
        }
        self.seen.insert(value.map(ToString::to_string).unwrap_or_default());
        self.different = self.seen.len();
    }
}

impl FieldChanges {
    /// Whether it only says when the record was changed: true of every change, and the least of its news.
    pub(super) fn is_time(&self) -> bool {
        is_time(self.before.first.as_ref(), self.after.first.as_ref())
    }
}

/// Whether both sides are moments. A day alone is more than a time of change.
pub(super) fn is_time(before: Option<&Value>, after: Option<&Value>) -> bool {
    let time = |value: Option<&Value>| {
        let text = value.and_then(Value::as_str).unwrap_or_default();
        text.len() > 10 && (text.parse::<jiff::Timestamp>().is_ok() || text.parse::<jiff::civil::DateTime>().is_ok())
    };
    time(before) && time(after)
}

/// What people would call the record, as it was before if it was there.
pub(super) fn name(difference: &Difference) -> Result<Option<String>> {
    match difference.before.as_ref().or(difference.after.as_ref()) {
        Some(line) => Ok(fields::label(moment::text(line)?)),
        None => Ok(None),
    }
}
