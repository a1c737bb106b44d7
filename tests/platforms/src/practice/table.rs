//! Tables of records with a schema: what both practice vendors keep their state in.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil};
use serde_json::{Map, Value};

/// The fields of a record.
pub type Fields = Map<String, Value>;

/// What a field may hold. `null` is allowed wherever the field is not required.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    Number,
    /// A decimal as text with two digits: `"1250.00"`.
    Money,
    Flag,
    /// `2026-11-22`.
    Day,
    Choice(&'static [&'static str]),
    /// The id of a record of this table.
    Reference(&'static str),
    List,
    Object,
    /// An object whose keys are declared in the table `custom_fields`.
    Custom,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) read_only: bool,
}

pub(super) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: false,
        read_only: false,
    }
}

pub(super) const fn required(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: true,
        read_only: false,
    }
}

pub(super) const fn read_only(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: false,
        read_only: true,
    }
}

/// One resource of a vendor.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) name: &'static str,
    /// Ids are this and a number; without a prefix they are JSON numbers.
    pub(super) prefix: &'static str,
    pub(super) fields: &'static [Field],
}

impl Schema {
    pub(super) fn show_id(&self, id: u64) -> Value {
        match self.prefix {
            "" => Value::from(id),
            prefix => Value::from(format!("{prefix}{id}")),
        }
    }

    pub(super) fn read_id(&self, text: &str) -> Option<u64> {
        text.strip_prefix(self.prefix)?.parse().ok()
    }

    fn read_id_value(&self, value: &Value) -> Option<u64> {
        match self.prefix {
            "" => value.as_u64(),
            _ => self.read_id(value.as_str()?),
        }
    }
}

/// Why a body is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) code: &'static str,
    pub(super) field: String,
    pub(super) message: String,
}

fn problem(code: &'static str, field: &str, message: impl Into<String>) -> Problem {
    Problem {
        code,
        field: field.to_owned(),
        message: message.into(),
    }
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) fields: Fields,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

/// The records of one resource, indexed by id and by time of change, so that a page costs its own size.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) schema: &'static Schema,
    rows: BTreeMap<u64, Row>,
    by_update: BTreeSet<(Timestamp, u64)>,
    deleted: BTreeSet<(Timestamp, u64)>,
}

impl Table {
    fn new(schema: &'static Schema) -> Self {
        Self {
            schema,
            rows: BTreeMap::new(),
            by_update: BTreeSet::new(),
            deleted: BTreeSet::new(),
        }
    }

    pub(super) fn get(&self, id: u64) -> Option<&Row> {
        self.rows.get(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.rows.keys().copied()
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = (u64, &Row)> + '_ {
        self.rows.iter().map(|(id, row)| (*id, row))
    }

    /// Changed at or after `since`, oldest change first.
    pub(super) fn changed_since(&self, since: Timestamp) -> impl Iterator<Item = (Timestamp, u64)> + '_ {
        self.by_update.range((since, 0)..).copied()
    }

    /// Deleted at or after `since`, oldest deletion first.
    pub(super) fn deleted_since(&self, since: Timestamp) -> impl Iterator<Item = (Timestamp, u64)> + '_ {
        self.deleted.range((since, 0)..).copied()
    }

    fn insert(&mut self, id: u64, row: Row) {
        self.by_update.insert((row.updated_at, id));
        self.rows.insert(id, row);
    }

    fn edit(&mut self, id: u64, now: Timestamp, change: impl FnOnce(&mut Fields)) -> bool {
        let Some(row) = self.rows.get_mut(&id) else {
            return false;
        };
        self.by_update.remove(&(row.updated_at, id));
        row.updated_at = now;
        self.by_update.insert((now, id));
        change(&mut row.fields);
        true
    }

    fn remove(&mut self, id: u64, now: Timestamp) -> bool {
        let Some(row) = self.rows.remove(&id) else { return false };
        self.by_update.remove(&(row.updated_at, id));
        self.deleted.insert((now, id))
    }
}

/// All tables of a vendor, and the next free id, which they share.
#[derive(Debug)]
pub(super) struct Tables {
    tables: BTreeMap<&'static str, Table>,
    next_id: u64,
}

impl Tables {
    pub(super) fn new(schemas: &'static [Schema]) -> Self {
        Self {
            tables: schemas.iter().map(|schema| (schema.name, Table::new(schema))).collect(),
            next_id: 1001,
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// Adds a record without judging it, and returns its id.
    pub(super) fn insert(&mut self, name: &str, fields: Fields, created_at: Timestamp, updated_at: Timestamp) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        if let Some(table) = self.tables.get_mut(name) {
            table.insert(
                id,
                Row {
                    fields,
                    created_at,
                    updated_at,
                },
            );
        }
        id
    }

    /// Changes a record and moves its time; `false` if there is none.
    pub(super) fn edit(&mut self, name: &str, id: u64, now: Timestamp, change: impl FnOnce(&mut Fields)) -> bool {
        self.tables
            .get_mut(name)
            .is_some_and(|table| table.edit(id, now, change))
    }

    /// Deletes a record. References to it become `null`, which moves the time of the records that held them.
    pub(super) fn remove(&mut self, name: &str, id: u64, now: Timestamp) -> bool {
        let Some(table) = self.tables.get_mut(name) else {
            return false;
        };
        if !table.remove(id, now) {
            return false;
        }
        let shown = table.schema.show_id(id);
        for (holder, field, owner) in self.references_to(name, &shown) {
            self.edit(holder, owner, now, |fields| {
                fields.insert(field.to_owned(), Value::Null);
            });
        }
        true
    }

    /// Who refers to this id: table, field, record.
    pub(super) fn references_to(&self, name: &str, shown: &Value) -> Vec<(&'static str, &'static str, u64)> {
        let mut found = Vec::new();
        for table in self.tables.values() {
            for field in table.schema.fields {
                if matches!(field.kind, Kind::Reference(target) if target == name) {
                    let holders = table
                        .rows()
                        .filter(|(_, row)| row.fields.get(field.name) == Some(shown));
                    found.extend(holders.map(|(id, _)| (table.schema.name, field.name, id)));
                }
            }
        }
        found
    }

    /// Judges a body: `whole` asks for all required fields, as when a record is created.
    pub(super) fn judge(&self, schema: &Schema, body: &Fields, whole: bool) -> Result<(), Problem> {
        for (name, value) in body {
            let Some(field) = schema.fields.iter().find(|field| field.name == name) else {
                let fixed = matches!(name.as_str(), "id" | "created_at" | "updated_at" | "modified_at");
                return Err(match fixed {
                    true => problem("read_only_field", name, "this field is set by the system"),
                    false => problem("unknown_field", name, format!("{} has no such field", schema.name)),
                });
            };
            if field.read_only {
                return Err(problem("read_only_field", name, "this field is set by the system"));
            }
            if value.is_null() && field.required {
                return Err(problem("missing_field", name, "this field is required"));
            }
            if !value.is_null() {
                self.judge_value(schema, field, value)?;
            }
        }
        let missing = schema
            .fields
            .iter()
            .find(|field| whole && field.required && !body.contains_key(field.name));
        missing.map_or(Ok(()), |field| {
            Err(problem("missing_field", field.name, "this field is required"))
        })
    }

    fn judge_value(&self, schema: &Schema, field: &Field, value: &Value) -> Result<(), Problem> {
        let fits = match field.kind {
            Kind::Text => value.is_string(),
            Kind::Number => value.is_number(),
            Kind::Money => value.as_str().is_some_and(is_money),
            Kind::Flag => value.is_boolean(),
            Kind::Day => value
                .as_str()
                .is_some_and(|text| text.len() == 10 && text.parse::<civil::Date>().is_ok()),
            Kind::Choice(choices) => value.as_str().is_some_and(|text| choices.contains(&text)),
            Kind::List => value.is_array(),
            Kind::Object => value.is_object(),
            Kind::Reference(target) => return self.judge_reference(field, target, value),
            Kind::Custom => return self.judge_custom(schema, field, value),
        };
        match fits {
            true => Ok(()),
            false => Err(problem(
                "invalid_value",
                field.name,
                format!("expected {:?}", field.kind),
            )),
        }
    }

    fn judge_reference(&self, field: &Field, target: &str, value: &Value) -> Result<(), Problem> {
        let table = self.get(target);
        let known = table.and_then(|table| table.get(table.schema.read_id_value(value)?));
        match known {
            Some(_) => Ok(()),
            None => Err(problem(
                "invalid_reference",
                field.name,
                format!("there is no such record in {target}"),
            )),
        }
    }

    fn judge_custom(&self, schema: &Schema, field: &Field, value: &Value) -> Result<(), Problem> {
        let Some(entries) = value.as_object() else {
            return Err(problem("invalid_value", field.name, "expected an object"));
        };
        let declared = |key: &str| {
            self.get("custom_fields").is_some_and(|table| {
                table.rows().any(|(_, row)| {
                    row.fields.get("object").and_then(Value::as_str) == Some(schema.name)
                        && row.fields.get("key").and_then(Value::as_str) == Some(key)
                })
            })
        };
        match entries.keys().find(|key| !declared(key)) {
            None => Ok(()),
            Some(key) => Err(problem(
                "unknown_custom_field",
                &format!("custom.{key}"),
                "declare the custom field first",
            )),
        }
    }
}

fn is_money(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    matches!(digits.split_once('.'), Some((whole, cents))
        if !whole.is_empty() && cents.len() == 2 && (whole.to_owned() + cents).bytes().all(|byte| byte.is_ascii_digit()))
}

/// Writes changes over fields: `null` clears, and objects named `custom` are merged key by key.
pub(super) fn merge(fields: &mut Fields, changes: Fields) {
    for (name, value) in changes {
        match (name.as_str(), fields.get_mut(&name), value) {
            ("custom", Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
            (_, _, value) => {
                fields.insert(name, value);
            }
        }
    }
}

/// `2026-11-22T06:00:00.000Z`
pub(super) fn show_time(time: Timestamp) -> String {
    format!("{time:.3}")
}
