//! `FIELD=VALUE` as an edit of an entry. Pure.

use seatbelt_model::System;
use serde_json::{Map, Value};

use crate::fields::{self, FieldChange};

/// Fields that hold lists; their texts are taken apart at commas.
const LISTS: [&str; 2] = ["scope.include", "scope.exclude"];

/// Applies `FIELD=VALUE` to an entry. An empty value removes the field.
///
/// # Errors
/// What is wrong with the edit, in words.
pub(super) fn apply(entry: &mut Map<String, Value>, edit: &str) -> Result<(), String> {
    let Some((path, value)) = edit.split_once('=') else {
        return Err(format!("\"{edit}\" is not FIELD=VALUE"));
    };
    let (path, value) = (path.trim(), value.trim());
    let parts: Vec<&str> = path.split('.').collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Err(format!(
            "\"{path}\" is not a field such as schedule or settings.base_url"
        ));
    }
    let value = match value {
        "" => None,
        value if LISTS.contains(&path) => {
            let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::Array(items.map(Value::from).collect()))
        }
        value => Some(Value::from(value)),
    };
    put(entry, &parts, value, path)
}

fn put(table: &mut Map<String, Value>, parts: &[&str], value: Option<Value>, path: &str) -> Result<(), String> {
    match (parts, value) {
        ([], _) => Ok(()),
        ([name], Some(value)) => {
            table.insert((*name).to_owned(), value);
            Ok(())
        }
        ([name], None) => {
            table.remove(*name);
            Ok(())
        }
        ([name, rest @ ..], value) => {
            let inner = table
                .entry((*name).to_owned())
                .or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(inner) = inner else {
                return Err(format!(
                    "\"{path}\": {name} is not a table in this entry; write {name}=... as a whole"
                ));
            };
            put(inner, rest, value, path)?;
            if inner.is_empty() {
                table.remove(*name);
            }
            Ok(())
        }
    }
}

/// What differs between two states of an entry, a line each.
pub(super) fn changes(before: Option<&System>, after: &System) -> Vec<String> {
    let text = |entry: Map<String, Value>| Value::Object(entry).to_string();
    let before = text(before.map(System::to_entry).unwrap_or_default());
    let line = |change: &FieldChange| match (&change.before, &change.after) {
        (None, after) => format!("  + {} = {}", change.field, fields::shown(after.as_ref(), 200)),
        (before, None) => format!("  - {} = {}", change.field, fields::shown(before.as_ref(), 200)),
        (before, after) => {
            format!(
                "  ~ {}: {} -> {}",
                change.field,
                fields::shown(before.as_ref(), 200),
                fields::shown(after.as_ref(), 200)
            )
        }
    };
    fields::between(&before, &text(after.to_entry()), &[])
        .iter()
        .map(line)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn edited(entry: Value, edits: &[&str]) -> Result<Value, String> {
        let Value::Object(mut entry) = entry else {
            return Err("not an entry".into());
        };
        edits.iter().try_for_each(|edit| apply(&mut entry, edit))?;
        Ok(Value::Object(entry))
    }

    #[test]
    fn fields_are_set_taken_apart_and_removed() {
        let entry = json!({"rpo": "26h", "scope": {"include": ["a"]}, "settings": {"base_url": "x"}});
        let edits = [
            "rpo=",
            "scope.include=",
            "scope.exclude=a, b",
            "settings.query=a=b",
            "name= Acme ",
        ];
        let expected =
            json!({"scope": {"exclude": ["a", "b"]}, "settings": {"base_url": "x", "query": "a=b"}, "name": "Acme"});
        assert_eq!(edited(entry, &edits), Ok(expected));
        assert_eq!(
            edited(json!({"scope": {"include": ["a"]}}), &["scope.include="]),
            Ok(json!({}))
        );
    }

    #[test]
    fn what_is_no_edit_is_said() {
        assert!(edited(json!({}), &["rpo"]).unwrap_err().contains("not FIELD=VALUE"));
        assert!(edited(json!({}), &["settings.=x"]).unwrap_err().contains("not a field"));
        assert!(
            edited(json!({"retention": "30 daily"}), &["retention.daily=3"])
                .unwrap_err()
                .contains("write retention=...")
        );
    }
}
