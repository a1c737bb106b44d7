//! Lists of settings records (hooks, keys, rulesets, variables): kept as plain fields, decorated when shown.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::{Answer, Call, Reply, required_text, text_field};
use super::paging::{USUAL, VARIABLES, numbered};
use super::state::Fields;
use super::views::merged;

pub(super) fn id_of(record: &Fields) -> u64 {
    record.get("id").and_then(Value::as_u64).unwrap_or(0)
}

pub(super) fn name_of(record: &Fields) -> &str {
    record.get("name").and_then(Value::as_str).unwrap_or("")
}

/// A list of records, each with `more` added.
pub(super) fn list(call: &Call, records: &[Fields], more: impl Fn(&Fields) -> Value) -> Answer {
    numbered(call, records.iter().collect(), USUAL).array(|record| merged(more(record), record))
}

pub(super) fn find<'r>(records: &'r [Fields], id: &str) -> Result<&'r Fields, Reply> {
    records
        .iter()
        .find(|record| id_of(record).to_string() == id)
        .ok_or_else(Reply::not_found)
}

pub(super) fn secrets(call: &Call, secrets: &[Fields]) -> Answer {
    numbered(call, secrets.iter().collect(), USUAL).counted("secrets", |secret| Value::Object(secret.clone()))
}

pub(super) fn variables(call: &Call, variables: &[Fields]) -> Answer {
    numbered(call, variables.iter().collect(), VARIABLES)
        .counted("variables", |variable| Value::Object(variable.clone()))
}

pub(super) fn variable(variables: &[Fields], name: &str) -> Answer {
    let found = variables
        .iter()
        .find(|variable| name_of(variable).eq_ignore_ascii_case(name));
    found
        .map(|variable| Reply::ok(Value::Object(variable.clone())))
        .ok_or_else(Reply::not_found)
}

/// Makes a variable. Names are stored in upper case; a name that exists is a conflict.
pub(super) fn add_variable(variables: &mut Vec<Fields>, body: &Fields, org: bool, now: Timestamp) -> Answer {
    let name = required_text(body, "Variable", "name")?.to_ascii_uppercase();
    let value = text_field(body, "Variable", "value")?.flatten();
    let value = value.ok_or_else(|| Reply::invalid("Variable", "value", "missing_field"))?;
    let first_is_digit = name.starts_with(|first: char| first.is_ascii_digit());
    let sound = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !sound || first_is_digit || name.starts_with("GITHUB_") {
        return Err(Reply::invalid("Variable", "name", "invalid"));
    }
    if variables.iter().any(|variable| name_of(variable) == name) {
        return Err(Reply::error(409, "Already exists - Variable already exists"));
    }
    let mut variable = merged(
        json!({"name": name, "value": value, "created_at": now, "updated_at": now}),
        &Fields::new(),
    );
    if org {
        let visibility = required_text(body, "Variable", "visibility")?;
        if !matches!(visibility.as_str(), "all" | "private" | "selected") {
            return Err(Reply::invalid("Variable", "visibility", "invalid"));
        }
        variable["visibility"] = json!(visibility);
    }
    if let Value::Object(variable) = variable {
        variables.push(variable);
        variables.sort_by(|left, right| name_of(left).cmp(name_of(right)));
    }
    Ok(Reply::json(201, json!({})))
}

pub(super) fn edit_variable(variables: &mut [Fields], name: &str, body: &Fields, now: Timestamp) -> Answer {
    let found = variables
        .iter_mut()
        .find(|variable| name_of(variable).eq_ignore_ascii_case(name));
    let variable = found.ok_or_else(Reply::not_found)?;
    for field in ["value", "visibility"] {
        if let Some(Some(text)) = text_field(body, "Variable", field)? {
            variable.insert(field.to_owned(), json!(text));
        }
    }
    if let Some(Some(new_name)) = text_field(body, "Variable", "name")? {
        variable.insert("name".to_owned(), json!(new_name.to_ascii_uppercase()));
    }
    variable.insert("updated_at".to_owned(), json!(now));
    Ok(Reply::empty(204))
}

pub(super) fn delete_variable(variables: &mut Vec<Fields>, name: &str) -> Answer {
    let before = variables.len();
    variables.retain(|variable| !name_of(variable).eq_ignore_ascii_case(name));
    if variables.len() == before {
        Err(Reply::not_found())
    } else {
        Ok(Reply::empty(204))
    }
}

/// Checks and completes a ruleset from a request body.
pub(super) fn ruleset(body: &Fields, id: u64, created_at: Timestamp, now: Timestamp) -> Result<Fields, Reply> {
    let name = required_text(body, "Ruleset", "name")?;
    let enforcement = required_text(body, "Ruleset", "enforcement")?;
    if !matches!(enforcement.as_str(), "disabled" | "active" | "evaluate") {
        return Err(Reply::invalid("Ruleset", "enforcement", "invalid"));
    }
    let rules = body.get("rules").cloned().unwrap_or_else(|| json!([]));
    let known = |rule: &Value| rule.get("type").and_then(Value::as_str).is_some();
    if !rules.as_array().is_some_and(|rules| rules.iter().all(known)) {
        return Err(Reply::invalid("Ruleset", "rules", "invalid"));
    }
    let conditions = body.get("conditions").cloned().unwrap_or(Value::Null);
    Ok(super::views::fields(json!({
        "id": id,
        "name": name,
        "target": body.get("target").cloned().unwrap_or_else(|| json!("branch")),
        "enforcement": enforcement,
        "conditions": conditions,
        "rules": rules,
        "bypass_actors": body.get("bypass_actors").cloned().unwrap_or_else(|| json!([])),
        "created_at": created_at,
        "updated_at": now,
    })))
}

/// A ruleset as listings show it: without its rules.
pub(super) fn ruleset_summary(ruleset: &Fields, source_type: &str, source: &str, url: &str) -> Value {
    let mut view = ruleset_view(ruleset, source_type, source, url, false);
    if let Value::Object(view) = &mut view {
        for field in ["rules", "conditions", "current_user_can_bypass"] {
            view.remove(field);
        }
    }
    view
}

/// A ruleset in full; who may bypass it is shown to administrators only.
pub(super) fn ruleset_view(ruleset: &Fields, source_type: &str, source: &str, url: &str, admin: bool) -> Value {
    let id = id_of(ruleset);
    let more = json!({
        "source_type": source_type,
        "source": source,
        "node_id": super::views::node_id("RRS", id),
        "current_user_can_bypass": "never",
        "_links": {"self": {"href": format!("{url}/{id}")}},
    });
    let mut view = merged(more, ruleset);
    if let (Value::Object(view), false) = (&mut view, admin) {
        view.remove("bypass_actors");
    }
    view
}
