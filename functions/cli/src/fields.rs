//! Which fields of a record differ. Pure.

use std::collections::BTreeSet;

use seatbelt_connector_kit::Connector;
use seatbelt_model::{json, json::Pointer};
use seatbelt_vault::line;
use serde::Serialize;
use serde_json::Value;

use crate::output::{cut, plain};

/// One field that differs; a side is absent where the field is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct FieldChange {
    /// Names and positions down to the value, with dots.
    pub(crate) field: String,
    /// What it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Value>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<Value>,
}

/// The fields that differ between two lines of one record, those that change without meaning aside. The bytes of a file count as the
/// field `(file)`.
pub(crate) fn between(before: &str, after: &str, volatile: &[Pointer]) -> Vec<FieldChange> {
    let ((before, ours_before), (after, ours_after)) = (line::split(before), line::split(after));
    let mut changes = Vec::new();
    let mut path = Vec::new();
    let (before, after) = (serde_json::from_str(&before).ok(), serde_json::from_str(&after).ok());
    walk(&mut path, before.as_ref(), after.as_ref(), volatile, &mut changes);
    let body = |ours: Option<line::Extra>| {
        ours.and_then(|ours| ours.body)
            .and_then(|body| serde_json::to_value(body).ok())
    };
    let (before, after) = (body(ours_before), body(ours_after));
    if before != after {
        changes.push(FieldChange {
            field: "(file)".into(),
            before,
            after,
        });
    }
    changes
}

/// The pointers a connector declares to change without meaning.
pub(crate) fn volatile(connector: Option<&Connector>, resource: &str) -> Vec<Pointer> {
    let resource = connector.and_then(|connector| connector.resource(resource));
    resource
        .map(|resource| resource.volatile.iter().map(|text| Pointer::new(text)).collect())
        .unwrap_or_default()
}

fn walk(
    path: &mut Vec<String>,
    before: Option<&Value>,
    after: Option<&Value>,
    volatile: &[Pointer],
    changes: &mut Vec<FieldChange>,
) {
    if before == after || volatile.iter().any(|pointer| covers(pointer.parts(), path)) {
        return;
    }
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                path.push(name.clone());
                walk(path, old.get(name), new.get(name), volatile, changes);
                path.pop();
            }
        }
        // Lists of equal length are compared by place; in others one entry more would make all behind it differ.
        (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                path.push(at.to_string());
                walk(path, Some(old), Some(new), volatile, changes);
                path.pop();
            }
        }
        _ => changes.push(FieldChange {
            field: path.join("."),
            before: before.cloned(),
            after: after.cloned(),
        }),
    }
}

fn covers(pattern: &[String], path: &[String]) -> bool {
    !pattern.is_empty()
        && pattern.len() <= path.len()
        && pattern
            .iter()
            .zip(path)
            .all(|(pattern, part)| pattern == "*" || pattern == part)
}

/// A value on one line, cut to `most` characters.
pub(crate) fn shown(value: Option<&Value>, most: usize) -> String {
    match value {
        None => "(none)".into(),
        Some(Value::String(text)) => format!("\"{}\"", cut(&plain(text), most)),
        Some(other) => cut(&plain(&other.to_string()), most),
    }
}

/// What a person would call the record: the first of the usual name fields it has.
pub(crate) fn label(record: &str) -> Option<String> {
    const NAMES: [&str; 16] = [
        "/name",
        "/title/raw",
        "/title/rendered",
        "/title",
        "/full_name",
        "/display_name",
        "/label",
        "/subject",
        "/filename",
        "/slug",
        "/login",
        "/email",
        "/number",
        "/key",
        "/description",
        "/body",
    ];
    let first_last = || {
        let name = [text(record, "/first_name")?, text(record, "/last_name")?];
        Some(name.join(" "))
    };
    first_last().or_else(|| NAMES.iter().find_map(|name| text(record, name)))
}

fn text(record: &str, pointer: &str) -> Option<String> {
    let raw = json::find(record, &Pointer::new(pointer))?;
    let text: String = serde_json::from_str(raw).ok()?;
    Some(plain(text.trim())).filter(|text| !text.is_empty())
}

/// JSON with line breaks and margins, every token as it is.
pub(crate) fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut characters = json.chars().peekable();
    while let Some(char) = characters.next() {
        if quoted {
            out.push(char);
            (quoted, escaped) = (escaped || char != '"', !escaped && char == '\\');
            continue;
        }
        match char {
            '{' | '[' => {
                out.push(char);
                while characters.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                if let Some(close) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(char);
            }
            ',' => {
                out.push(char);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            char if char.is_ascii_whitespace() => {}
            char => {
                quoted = char == '"';
                out.push(char);
            }
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_smallest_fields_that_differ_are_named() {
        let before = r#"{"id":1,"name":"Ann","tags":["a","b"],"custom":{"x":1,"y":2},"old":true}"#;
        let after = r#"{"id":1,"name":"Anna","tags":["a","c"],"custom":{"x":1,"y":3},"new":[1]}"#;
        let changes = between(before, after, &[]);
        let fields: Vec<_> = changes.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(fields, ["custom.y", "name", "new", "old", "tags.1"]);
        assert_eq!(
            (&changes[1].before, &changes[1].after),
            (&Some(json!("Ann")), &Some(json!("Anna")))
        );
        assert_eq!((&changes[3].after, &changes[2].before), (&None, &None));
    }

    #[test]
    fn what_changes_without_meaning_is_left_out_and_a_file_is_a_field() {
        let before = r#"{"id":1,"links":{"a":{"signed":"x"}},"_seatbelt":{"body":{"sha256":"aa","size_bytes":1}}}"#;
        let after = r#"{"id":1,"links":{"a":{"signed":"y"}},"_seatbelt":{"body":{"sha256":"bb","size_bytes":1}}}"#;
        let changes = between(before, after, &[Pointer::new("/links/*/signed")]);
        assert_eq!(
            changes.iter().map(|change| change.field.as_str()).collect::<Vec<_>>(),
            ["(file)"]
        );
    }

    #[test]
    fn indenting_changes_no_token() {
        let json = r#"{"a":1.50,"b":[],"c":{ },"d":["x, {y}: \"z\"\\",{"e":null}]}"#;
        let expected = "{\n  \"a\": 1.50,\n  \"b\": [],\n  \"c\": {},\n  \"d\": [\n    \"x, {y}: \\\"z\\\"\\\\\",\n    {\n      \"e\": null\n    }\n  ]\n}";
        assert_eq!(indented(json), expected);
    }

    #[test]
    fn a_record_is_called_what_people_call_it() {
        assert_eq!(
            label(r#"{"id":1,"title":{"rendered":"Hello"}}"#).as_deref(),
            Some("Hello")
        );
        assert_eq!(
            label(r#"{"first_name":"Ann","last_name":"Lee","email":"a@b"}"#).as_deref(),
            Some("Ann Lee")
        );
        assert_eq!(label(r#"{"id":1}"#), None);
    }
}
