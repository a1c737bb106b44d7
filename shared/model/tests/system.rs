//! What is read from an entry, and what is said about a bad one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;
use seatbelt_model::system::{
    Alerts, Decision, Finding, KnownPlatforms, Percent, Rpo, SecretRef, Severity, System, SystemName, check_entry,
    has_errors, parse_entry,
};
use serde_json::{Value, json};

fn known() -> KnownPlatforms {
    KnownPlatforms::new(["wordpress", "github"]).without_secret("practice")
}

/// An entry with nothing to say about.
fn good() -> Value {
    json!({
        "platform": "wordpress", "name": "Company website", "category": "website", "owner": "web@acme.example",
        "decision": "backup", "reason": "it is our shop window",
        "builtin": {"offers": "nothing", "misses": "everything", "checked_on": "2026-11-22"},
        "schedule": "daily at 03:30", "rpo": "26h", "retention": "30 daily, 12 monthly", "lock_days": 30,
        "scope": {"include": ["posts", "media"], "exclude": ["comments"]},
        "settings": {"base_url": "https://www.acme.example", "depth": 3, "deep": {"list": [1, "two", 2.5]}},
        "secret": "file:acme-site.secret.json",
        "alerts": {"removed": "5%", "minimum": 10, "resources": {"media": {"removed": "0.25%"}}},
        "paused": false
    })
}

/// `good` with one field replaced; null takes it away.
fn with(field: &str, value: Value) -> Value {
    let mut entry = good();
    entry[field] = value;
    entry
}

fn findings(entry: &Value) -> Vec<Finding> {
    check_entry(entry, &known()).1
}

#[test]
fn a_good_entry_is_read_whole_and_written_back() {
    let (system, found) = check_entry(&good(), &known());
    assert_eq!(found, []);
    let system = system.unwrap();
    assert_eq!(system.decision, Decision::Backup);
    assert_eq!(system.secret, Some(SecretRef::File("acme-site.secret.json".to_owned())));
    assert_eq!(system.alerts.for_resource("media").removed, "0.25%".parse().unwrap());
    assert_eq!(system.alerts.for_resource("posts").removed, "5%".parse().unwrap());
    assert_eq!(system.alerts.for_resource("posts").changed, "20%".parse().unwrap());
    assert!(system.is_scheduled());
    let mut expected = good();
    expected.as_object_mut().unwrap().remove("paused");
    assert_eq!(Value::Object(system.to_entry()), expected);
    assert_eq!(serde_json::from_value::<System>(expected).unwrap(), system);
}

/// The field, whether it is an error, and a part of the message, for an entry with one field changed.
#[test]
fn each_mistake_is_named_with_its_field() {
    let error = Severity::Error;
    let warning = Severity::Warning;
    let cases = [
        (
            "platform",
            json!("wordpres"),
            "platform",
            error,
            "did you mean \"wordpress\"?",
        ),
        (
            "platform",
            json!("fax"),
            "platform",
            error,
            "there are github, practice, wordpress",
        ),
        ("platform", json!(null), "platform", error, "the platform is missing"),
        (
            "platform",
            json!(7),
            "platform",
            error,
            "a text is expected here, this is a number",
        ),
        (
            "decision",
            json!("backp"),
            "decision",
            error,
            "did you mean \"backup\"?",
        ),
        ("schedule", json!(null), "schedule", error, "no schedule says when"),
        (
            "schedule",
            json!("daily at 27:00"),
            "schedule",
            error,
            "\"27:00\" is not a time of day",
        ),
        (
            "schedule",
            json!("weekly on sunday at 03:00"),
            "rpo",
            warning,
            "the rpo of 26h is shorter than the longest gap of \"weekly on sunday at 03:00\", which is 168h",
        ),
        (
            "schedule",
            json!("daily at 02:30 Europe/Berlin"),
            "rpo",
            warning,
            "the gap is 47h",
        ),
        (
            "schedule",
            json!("cron(0 0 1 1 ? 2027)"),
            "schedule",
            warning,
            "once at most",
        ),
        ("rpo", json!("a while"), "rpo", error, "write it as 26h"),
        ("rpo", json!("2 months"), "rpo", error, "count in days"),
        ("rpo", json!(null), "rpo", warning, "nothing can be late"),
        ("secret", json!(null), "secret", error, "no secret says where"),
        ("secret", json!("hunter2"), "secret", error, "never the secret itself"),
        ("secret", json!("vault:x"), "secret", error, "not known"),
        (
            "retention",
            json!("30 dayly"),
            "retention",
            error,
            "did you mean \"daily\"?",
        ),
        ("retention", json!({"daily": 0}), "retention", error, "keeps nothing"),
        (
            "retention",
            json!({"dayly": 1}),
            "retention.dayly",
            error,
            "did you mean \"daily\"?",
        ),
        ("lock_days", json!(400), "lock_days", error, "372 days at most"),
        ("lock_days", json!(40_000), "lock_days", error, "hundred years"),
        ("lock_days", json!(-1), "lock_days", error, "a whole number"),
        ("lock_days", json!("soon"), "lock_days", error, "a whole number"),
        (
            "scope",
            json!({"include": ["posts"], "exclude": ["posts"]}),
            "scope",
            warning,
            "both included and excluded",
        ),
        (
            "scope",
            json!({"include": [1]}),
            "scope.include",
            error,
            "a list of texts",
        ),
        (
            "scope",
            json!(["posts"]),
            "scope",
            error,
            "a table is expected here, this is a list",
        ),
        (
            "settings",
            json!({"base_url": "ftp://acme.example"}),
            "settings.base_url",
            error,
            "https://",
        ),
        (
            "settings",
            json!({"base_url": "https://"}),
            "settings.base_url",
            error,
            "no host",
        ),
        (
            "settings",
            json!({"base_url": "https://me:pass@acme.example"}),
            "settings.base_url",
            error,
            "belongs in the secret",
        ),
        (
            "settings",
            json!({"token_url": 1}),
            "settings.token_url",
            error,
            "an address is a text",
        ),
        (
            "settings",
            json!({"client_secret": "hunter2"}),
            "settings.client_secret",
            warning,
            "looks like a credential",
        ),
        (
            "settings",
            json!({"deep": {"id": u64::MAX}}),
            "settings.deep.id",
            error,
            "too large",
        ),
        ("settings", json!("none"), "settings", error, "a table is expected"),
        (
            "alerts",
            json!({"removed": 5}),
            "alerts.removed",
            error,
            "a text is expected",
        ),
        (
            "alerts",
            json!({"removed": "many"}),
            "alerts.removed",
            error,
            "write it as 5%",
        ),
        (
            "alerts",
            json!({"resources": {"media": {"removd": "5%"}}}),
            "alerts.resources.media.removd",
            error,
            "did you mean \"removed\"?",
        ),
        (
            "builtin",
            json!({"checked_on": "last year"}),
            "builtin.checked_on",
            error,
            "2026-11-22",
        ),
        (
            "category",
            json!("websit"),
            "category",
            warning,
            "did you mean \"website\"?",
        ),
        ("owner", json!(""), "owner", warning, "nobody is named"),
        ("paused", json!(true), "paused", warning, "paused"),
        ("paused", json!("perhaps"), "paused", error, "true or false"),
        (
            "schedul",
            json!("hourly"),
            "schedul",
            error,
            "unknown field \"schedul\"; did you mean \"schedule\"?",
        ),
        ("colour", json!("red"), "colour", error, "the fields are platform, name"),
    ];
    for (field, value, about, severity, message) in cases {
        let entry = with(field, value);
        let found = findings(&entry);
        assert_eq!(found.len(), 1, "{entry}: {found:?}");
        assert_eq!(
            (found[0].field.as_str(), found[0].severity),
            (about, severity),
            "{entry}: {found:?}"
        );
        assert!(found[0].message.contains(message), "{entry}: {found:?}");
        assert_eq!(check_entry(&entry, &known()).0.is_some(), severity == Severity::Warning);
        assert!(!found[0].to_string().contains("hunter2") && !found[0].to_string().contains("me:pass"));
    }
}

#[test]
fn everything_is_reported_at_once() {
    let entry =
        json!({"decision": "backup", "schedule": "never", "rpo": "x", "secret": "y", "lock_days": "z", "plan": 1});
    let found = findings(&entry);
    let fields: Vec<&str> = found
        .iter()
        .filter(|finding| finding.is_error())
        .map(|finding| finding.field.as_str())
        .collect();
    assert_eq!(fields, ["plan", "schedule", "rpo", "lock_days", "secret", "platform"]);
    assert!(
        serde_json::from_value::<System>(entry)
            .unwrap_err()
            .to_string()
            .contains("plan")
    );
}

#[test]
fn other_decisions_ask_for_other_things() {
    assert_eq!(findings(&json!({"decision": "skip", "reason": "derived"})), []);
    assert_eq!(findings(&json!({"decision": "skip"}))[0].field, "reason");
    assert_eq!(
        findings(&json!({"decision": "Manual", "schedule": "monthly on the 1st at 04:00", "owner": "me"})),
        []
    );
    assert_eq!(findings(&json!({"decision": "manual"})).len(), 2);
    assert_eq!(findings(&json!({}))[0].field, "decision");
    let practice = with("platform", json!("practice"));
    let mut practice = practice.as_object().unwrap().clone();
    practice.remove("secret");
    assert_eq!(findings(&Value::Object(practice)), []);
}

#[test]
fn the_console_is_met_halfway() {
    let entry = json!({
        "system": "acme-site", "platform": " wordpress ", "decision": "BACKUP", "schedule": "Hourly", "secret": "env:TOKEN",
        "lock_days": "7", "paused": "False", "owner": "me", "rpo": "2 Days", "reason": "", "scope": {"include": "posts"},
        "alerts": {"minimum": 5.0}, "builtin": null, "settings": {"gone": null}
    });
    let (system, found) = check_entry(&entry, &known());
    assert_eq!(found, []);
    let system = system.unwrap();
    assert_eq!(
        (system.lock_days, system.paused, system.reason.as_deref()),
        (Some(7), false, None)
    );
    assert_eq!(system.rpo.unwrap().to_string(), "48h");
    assert_eq!(system.scope.include, ["posts"]);
    assert_eq!(system.alerts.rules.minimum, Some(5));
    assert!(system.settings.is_empty());
    assert!(parse_entry(&json!([1])).1[0].message.contains("this is a list"));
}

#[test]
fn small_types() {
    for good in ["a", "acme-crm", "0", &"x".repeat(63)] {
        assert_eq!(good.parse::<SystemName>().unwrap().as_str(), good);
    }
    for bad in ["", "-a", "Acme", "a_b", "a/b", "ä", &"x".repeat(64)] {
        assert!(bad.parse::<SystemName>().is_err(), "{bad}");
    }
    for (text, shown) in [
        ("26h", "26h"),
        ("2 days", "48h"),
        ("1 week", "168h"),
        ("90 minutes", "1h 30m"),
        ("15m", "15m"),
        ("P1D", "24h"),
    ] {
        assert_eq!(text.parse::<Rpo>().unwrap().to_string(), shown);
        assert_eq!(shown.parse::<Rpo>(), text.parse());
    }
    for bad in ["", "0h", "-2h", "30 seconds", "1 year", "99999 days", "h"] {
        assert!(bad.parse::<Rpo>().is_err(), "{bad}");
    }
    for (text, hundredths) in [("5%", 500), ("0.25 %", 25), ("0.5%", 50), ("150%", 15_000)] {
        assert_eq!(text.parse::<Percent>().unwrap().hundredths(), hundredths);
    }
    for bad in ["5", "%", "-5%", "5.%", "0.125%", "99999999999%", "20000%"] {
        assert!(bad.parse::<Percent>().is_err(), "{bad}");
    }
    for good in [
        "file:a b.json",
        "env:ACME_TOKEN",
        "ssm:/seatbelt/acme",
        "secretsmanager:arn:aws:secretsmanager:eu-central-1:1:secret:x",
    ] {
        assert_eq!(good.parse::<SecretRef>().unwrap().to_string(), good);
    }
    for bad in ["", "file:", "env:1A", "env:A B", "ssm:a b", "secretsmanager:a?", "x"] {
        assert!(bad.parse::<SecretRef>().is_err(), "{bad}");
    }
}

#[test]
fn a_mass_change_is_more_than_the_share_and_the_minimum() {
    let limits = Alerts::default().for_resource("contacts");
    assert!(limits.exceeded(limits.removed, 51, 1_000));
    assert!(!limits.exceeded(limits.removed, 50, 1_000));
    assert!(!limits.exceeded(limits.removed, 9, 9));
    assert!(limits.exceeded(limits.removed, 10, 10));
    assert!(limits.exceeded(limits.added, u64::MAX, 0));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9:% ]{0,12}".prop_map(Value::from),
    ];
    let keys = prop::sample::select(seatbelt_model::system::FIELDS.to_vec());
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,10}", inner.clone(), 0..4).prop_map(|map| map.into_iter().collect()),
            prop::collection::hash_map(keys.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn reading_never_panics(entry in any_json()) {
        let (system, found) = check_entry(&entry, &known());
        prop_assert_eq!(system.is_none(), has_errors(&found));
        if let Some(system) = system {
            let again = check_entry(&Value::Object(system.to_entry()), &known());
            prop_assert_eq!(again.0, Some(system));
        }
    }
}
