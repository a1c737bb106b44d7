//! From an entry to the fields that say something, in [`FIELDS`](super::FIELDS)' order.

use serde_json::{Map, Value, json};

use super::{Alerts, Builtin, Rules, Scope, System};

impl System {
    /// The entry as JSON, as the manifest table holds it, without its key. [`parse_entry`](super::parse_entry) gives the
    /// same system back.
    pub fn to_entry(&self) -> Map<String, Value> {
        self.fields()
            .into_iter()
            .map(|(field, value)| (field.to_owned(), value))
            .collect()
    }

    /// The fields that say something, in order.
    pub(crate) fn fields(&self) -> Vec<(&'static str, Value)> {
        let text = |text: &Option<String>| text.clone().map(Value::String);
        let fields = [
            ("platform", text(&self.platform)),
            ("name", text(&self.name)),
            ("category", text(&self.category)),
            ("owner", text(&self.owner)),
            ("decision", Some(json!(self.decision.as_str()))),
            ("reason", text(&self.reason)),
            ("builtin", builtin(&self.builtin)),
            ("schedule", shown(self.schedule.as_ref())),
            ("rpo", shown(self.rpo)),
            ("retention", shown(self.retention)),
            ("lock_days", self.lock_days.map(Value::from)),
            ("scope", scope(&self.scope)),
            (
                "settings",
                (!self.settings.is_empty()).then(|| Value::Object(self.settings.clone())),
            ),
            ("secret", shown(self.secret.as_ref())),
            ("alerts", alerts(&self.alerts)),
            ("paused", self.paused.then_some(Value::Bool(true))),
        ];
        fields
            .into_iter()
            .filter_map(|(field, value)| Some((field, value?)))
            .collect()
    }
}

fn shown(value: Option<impl ToString>) -> Option<Value> {
    value.map(|value| Value::String(value.to_string()))
}

/// A table of the fields that are there, `None` if none is.
fn table<const N: usize>(fields: [(&str, Option<Value>); N]) -> Option<Value> {
    let fields = fields
        .into_iter()
        .filter_map(|(field, value)| Some((field.to_owned(), value?)));
    Some(fields.collect::<Map<_, _>>())
        .filter(|fields| !fields.is_empty())
        .map(Value::Object)
}

fn builtin(builtin: &Builtin) -> Option<Value> {
    table([
        ("offers", builtin.offers.clone().map(Value::String)),
        ("misses", builtin.misses.clone().map(Value::String)),
        ("checked_on", shown(builtin.checked_on)),
    ])
}

fn scope(scope: &Scope) -> Option<Value> {
    let list = |names: &[String]| (!names.is_empty()).then(|| json!(names));
    table([("include", list(&scope.include)), ("exclude", list(&scope.exclude))])
}

fn alerts(alerts: &Alerts) -> Option<Value> {
    let rule = |(name, rules): (&String, &Rules)| {
        let [removed, changed, added, minimum] = rules_fields(rules);
        let rules = table([removed, changed, added, minimum]).unwrap_or_else(|| json!({}));
        (name.clone(), rules)
    };
    let resources: Map<String, Value> = alerts.resources.iter().map(rule).collect();
    let [removed, changed, added, minimum] = rules_fields(&alerts.rules);
    let resources = (!resources.is_empty()).then_some(Value::Object(resources));
    table([removed, changed, added, minimum, ("resources", resources)])
}

fn rules_fields(rules: &Rules) -> [(&'static str, Option<Value>); 4] {
    [
        ("removed", shown(rules.removed)),
        ("changed", shown(rules.changed)),
        ("added", shown(rules.added)),
        ("minimum", rules.minimum.map(Value::from)),
    ]
}
