//! From whatever somebody wrote to an entry, field by field.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::{Alerts, Builtin, Decision, Finding, Rules, Scope, System, did_you_mean, has_errors};
use crate::retention::Retention;

/// The fields of an entry, in the order they are shown and written.
pub const FIELDS: [&str; 16] = [
    "platform",
    "name",
    "category",
    "owner",
    "decision",
    "reason",
    "builtin",
    "schedule",
    "rpo",
    "retention",
    "lock_days",
    "scope",
    "settings",
    "secret",
    "alerts",
    "paused",
];

/// The key of the manifest table; an item that still carries it is read all the same.
const KEY: &str = "system";

/// Numbers to which TOML, DynamoDB and JSON all stay true.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Reads an entry: the system, unless a finding is an error, and the findings. Judges form alone; see
/// [`check_entry`](super::check_entry) for sense too.
pub fn parse_entry(entry: &Value) -> (Option<System>, Vec<Finding>) {
    let (draft, findings) = read(entry);
    ((!has_errors(&findings)).then_some(draft), findings)
}

/// Reads what can be read: a field in error is as if it were not there. The draft is for showing; only an entry without
/// errors is to be acted on.
pub fn read(entry: &Value) -> (System, Vec<Finding>) {
    let mut findings = Vec::new();
    let Value::Object(fields) = entry else {
        findings.push(Finding::error(
            "",
            format!("an entry is a table of fields, this is {}", kind(entry)),
        ));
        return (System::default(), findings);
    };
    let mut reader = Reader {
        fields,
        path: "",
        findings: &mut findings,
    };
    reader.refuse_unknown(&FIELDS, &[KEY]);
    let system = System {
        platform: reader.text("platform"),
        name: reader.text("name"),
        category: reader.text("category"),
        owner: reader.text("owner"),
        decision: reader.decision(),
        reason: reader.text("reason"),
        builtin: reader.table("builtin", builtin),
        schedule: reader.parsed("schedule"),
        rpo: reader.parsed("rpo"),
        retention: reader.retention(),
        lock_days: reader.count("lock_days"),
        scope: reader.table("scope", scope),
        settings: reader.settings(),
        secret: reader.parsed("secret"),
        alerts: reader.table("alerts", alerts),
        paused: reader.flag("paused"),
    };
    (system, findings)
}

fn builtin(reader: &mut Reader<'_>) -> Builtin {
    reader.refuse_unknown(&["offers", "misses", "checked_on"], &[]);
    let date: Option<Date> = reader.text("checked_on").and_then(|text| {
        text.parse()
            .map_err(|_| reader.error("checked_on", "this is not a date; write it as 2026-11-22"))
            .ok()
    });
    Builtin {
        offers: reader.text("offers"),
        misses: reader.text("misses"),
        checked_on: date,
    }
}

fn scope(reader: &mut Reader<'_>) -> Scope {
    reader.refuse_unknown(&["include", "exclude"], &[]);
    Scope {
        include: reader.texts("include"),
        exclude: reader.texts("exclude"),
    }
}

fn alerts(reader: &mut Reader<'_>) -> Alerts {
    reader.refuse_unknown(&["removed", "changed", "added", "minimum", "resources"], &[]);
    let resources = reader.table("resources", |reader| {
        let names: Vec<&String> = reader.fields.keys().collect();
        let read = |name: &String| {
            let rules = reader.table(name, |reader| {
                reader.refuse_unknown(&["removed", "changed", "added", "minimum"], &[]);
                rules(reader)
            });
            (name.clone(), rules)
        };
        names.into_iter().map(read).collect()
    });
    Alerts {
        rules: rules(reader),
        resources,
    }
}

fn rules(reader: &mut Reader<'_>) -> Rules {
    Rules {
        removed: reader.parsed("removed"),
        changed: reader.parsed("changed"),
        added: reader.parsed("added"),
        minimum: reader.count("minimum"),
    }
}

/// The fields of one table, and where problems with them go.
struct Reader<'a> {
    fields: &'a Map<String, Value>,
    /// The path of the table, empty or ending with a dot.
    path: &'a str,
    findings: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    fn error(&mut self, field: &str, message: impl Into<String>) {
        self.findings
            .push(Finding::error(format!("{}{field}", self.path), message));
    }

    fn wrong_type(&mut self, field: &str, expected: &str, found: &Value) {
        self.error(field, format!("{expected} is expected here, this is {}", kind(found)));
    }

    fn refuse_unknown(&mut self, known: &[&str], ignored: &[&str]) {
        for field in self.fields.keys().map(String::as_str) {
            if !known.contains(&field) && !ignored.contains(&field) {
                let hint = match did_you_mean(field, known.iter().copied()) {
                    hint if hint.is_empty() => format!("; the fields are {}", known.join(", ")),
                    hint => hint,
                };
                self.error(field, format!("unknown field \"{field}\"{hint}"));
            }
        }
    }

    /// The field's value; null is as if it were not there.
    fn value(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    /// A text without the spaces around it; the console leaves empty ones behind, which say nothing.
    fn text(&mut self, field: &str) -> Option<String> {
        match self.value(field).cloned() {
            Some(Value::String(text)) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Some(other) => {
                self.wrong_type(field, "a text", &other);
                None
            }
            None => None,
        }
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, field: &str) -> Option<T> {
        let text = self.text(field)?;
        text.parse()
            .map_err(|error: T::Err| self.error(field, error.to_string()))
            .ok()
    }

    /// A list of texts, or one text alone.
    fn texts(&mut self, field: &str) -> Vec<String> {
        match self.value(field).cloned() {
            Some(Value::Array(items)) => {
                let mut texts = Vec::new();
                for item in items {
                    match item {
                        Value::String(text) if !text.trim().is_empty() => texts.push(text.trim().to_owned()),
                        other => self.wrong_type(field, "a list of texts", &other),
                    }
                }
                texts
            }
            Some(Value::String(_)) => self.text(field).into_iter().collect(),
            Some(other) => {
                self.wrong_type(field, "a list of texts", &other);
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// A whole number, also one written as a text or with `.0`, as the console and its converters do.
    fn count<T: TryFrom<u64>>(&mut self, field: &str) -> Option<T> {
        let value = self.value(field)?.clone();
        let number = match &value {
            Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(whole)),
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        // TOML and DynamoDB's readers stop where a signed number does.
        let kept = number.filter(|number| i64::try_from(*number).is_ok());
        let number = kept.and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            self.wrong_type(field, "a whole number, zero or more,", &value);
        }
        number
    }

    fn flag(&mut self, field: &str) -> bool {
        let value = self.value(field).cloned();
        match &value {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) if text.trim().is_empty() => false,
            Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("true") => true,
            Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("false") => false,
            Some(other) => {
                self.wrong_type(field, "true or false", other);
                false
            }
        }
    }

    fn table<T: Default>(&mut self, field: &str, read: impl FnOnce(&mut Reader<'_>) -> T) -> T {
        match self.value(field).cloned() {
            Some(Value::Object(fields)) => {
                let path = format!("{}{field}.", self.path);
                read(&mut Reader {
                    fields: &fields,
                    path: &path,
                    findings: self.findings,
                })
            }
            Some(other) => {
                self.wrong_type(field, "a table", &other);
                T::default()
            }
            None => T::default(),
        }
    }

    fn decision(&mut self) -> Decision {
        let Some(text) = self.text("decision") else {
            return Decision::default();
        };
        let word = text.to_ascii_lowercase();
        if let Some(decision) = Decision::ALL.into_iter().find(|decision| decision.as_str() == word) {
            return decision;
        }
        let hint = did_you_mean(&word, Decision::ALL.map(Decision::as_str));
        self.error(
            "decision",
            format!("\"{text}\" is not backup, skip, manual or undecided{hint}"),
        );
        Decision::default()
    }

    /// `30 daily, 12 monthly`, or a table of counts.
    fn retention(&mut self) -> Option<Retention> {
        if !matches!(self.value("retention"), Some(Value::Object(_))) {
            return self.parsed("retention");
        }
        self.table("retention", |reader| {
            reader.refuse_unknown(&Retention::UNITS, &[]);
            let [hourly, daily, weekly, monthly, yearly] =
                Retention::UNITS.map(|unit| reader.count(unit).unwrap_or_default());
            Some(Retention {
                hourly,
                daily,
                weekly,
                monthly,
                yearly,
            })
        })
    }

    fn settings(&mut self) -> Map<String, Value> {
        match self.value("settings").cloned() {
            Some(Value::Object(settings)) => settings
                .into_iter()
                .filter_map(|(name, value)| Some((name.clone(), self.setting(&name, value)?)))
                .collect(),
            Some(other) => {
                self.wrong_type("settings", "a table", &other);
                Map::new()
            }
            None => Map::new(),
        }
    }

    /// A setting without nulls, which say nothing, and without numbers that not every form of the manifest can hold.
    fn setting(&mut self, name: &str, value: Value) -> Option<Value> {
        match value {
            Value::Null => None,
            Value::Number(number) if number.is_u64() && number.as_i64().is_none() => {
                self.error(
                    &format!("settings.{name}"),
                    "the number is too large to keep; write it as a text",
                );
                None
            }
            Value::Array(items) => {
                let items = items.into_iter().filter_map(|item| self.setting(name, item));
                Some(Value::Array(items.collect()))
            }
            Value::Object(fields) => {
                let read = |(field, value): (String, Value)| {
                    let value = self.setting(&format!("{name}.{field}"), value)?;
                    Some((field, value))
                };
                Some(Value::Object(fields.into_iter().filter_map(read).collect()))
            }
            other => Some(other),
        }
    }
}

/// The whole number that `number` is, if it is one.
fn whole(number: f64) -> Option<u64> {
    let exact = number.fract() == 0.0 && (0.0..=LARGEST_WHOLE).contains(&number);
    exact.then(|| format!("{number:.0}").parse().ok()).flatten()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}
