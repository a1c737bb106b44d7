//! The file that imports back equal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::system::{Decision, System, SystemName};

const HEAD: &str = "\
# The manifest: every system the company runs on, and what it decided about each.
# Edit it, then: seatbelt manifest import FILE. A field that is left out has its standard value.
";

/// Writes the systems in the order of their names, fields in the manifest's order, and nothing that goes without saying:
/// the same manifest is always the same file, so that its history can be read in version control.
pub fn export(systems: &BTreeMap<SystemName, System>) -> String {
    let mut file = HEAD.to_owned();
    for (name, system) in systems {
        // Writing to a String cannot fail, so the results are of no interest.
        let _ = write!(file, "\n[systems.{name}]\n");
        for (field, value) in system.fields() {
            let Some(value) = to_toml(&value) else { continue };
            let _ = write!(file, "{field} = {value}");
            if let Some(comment) = comment(field, system) {
                let _ = write!(file, "  # {comment}");
            }
            file.push('\n');
        }
    }
    file
}

/// What a reader of the file should notice about a field.
fn comment(field: &str, system: &System) -> Option<&'static str> {
    match field {
        "decision" if system.decision == Decision::Undecided => Some("decide: backup, skip or manual"),
        "paused" => Some("its schedule does not run"),
        _ => None,
    }
}

/// JSON to TOML; null, which an entry does not hold, is left out.
fn to_toml(value: &Value) -> Option<toml::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(flag) => toml::Value::Boolean(*flag),
        Value::String(text) => toml::Value::String(text.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(number) => toml::Value::Integer(number),
            None => toml::Value::Float(number.as_f64()?),
        },
        Value::Array(items) => toml::Value::Array(items.iter().filter_map(to_toml).collect()),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), to_toml(value)?)));
            toml::Value::Table(fields.collect())
        }
    })
}
