//! TOML to JSON, remembering the lines.

use std::collections::BTreeMap;

use serde_json::{Number, Value};
use toml::de::{DeTable, DeValue};

use super::{Fields, Lines};
use crate::system::Finding;

/// Turns one entry into JSON, and notes the line of each field and what JSON cannot hold.
pub(super) struct Located<'a> {
    lines: &'a Lines,
    /// Where the entry's head is.
    head: usize,
    findings: Vec<Finding>,
    field_lines: BTreeMap<String, usize>,
}

impl<'a> Located<'a> {
    pub(super) fn new(lines: &'a Lines, head: usize) -> Self {
        Self {
            lines,
            head,
            findings: Vec::new(),
            field_lines: BTreeMap::new(),
        }
    }

    /// What JSON could not hold, and the line of each field by its path.
    pub(super) fn finish(self) -> (Vec<Finding>, BTreeMap<String, usize>) {
        (self.findings, self.field_lines)
    }

    pub(super) fn entry(&mut self, fields: &DeTable<'_>) -> Value {
        Value::Object(self.table("", fields))
    }

    fn table(&mut self, path: &str, fields: &DeTable<'_>) -> Fields {
        let field = |(key, value): (&toml::Spanned<std::borrow::Cow<'_, str>>, &toml::Spanned<DeValue<'_>>)| {
            let name = key.get_ref().to_string();
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            let line = self.lines.at(key.span().start);
            (name, self.value(&path, value.get_ref(), line))
        };
        fields.iter().map(field).collect()
    }

    pub(super) fn value(&mut self, path: &str, value: &DeValue<'_>, line: usize) -> Value {
        self.field_lines.entry(path.to_owned()).or_insert(line);
        match value {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Datetime(time) => Value::String(time.to_string()),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::from(number),
                Err(_) => self.refuse(path, "the number is too large to keep; write it as a text"),
            },
            DeValue::Float(number) => match number.as_str().parse().ok().and_then(Number::from_f64) {
                Some(number) => Value::Number(number),
                None => self.refuse(
                    path,
                    "neither infinity nor \"not a number\" can be kept; write a number or a text",
                ),
            },
            DeValue::Array(items) => {
                let items = items.iter().map(|item| self.value(path, item.get_ref(), line));
                Value::Array(items.collect())
            }
            DeValue::Table(fields) => Value::Object(self.table(path, fields)),
        }
    }

    fn refuse(&mut self, path: &str, message: &str) -> Value {
        self.field_lines.entry(path.to_owned()).or_insert(self.head);
        self.findings.push(Finding::error(path, message));
        Value::Null
    }
}
