//! The manifest as TOML: what it says, what it refuses, and that nothing is lost on the way out and in.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use seatbelt_model::manifest_file::{export, import};
use seatbelt_model::retention::Retention;
use seatbelt_model::system::{
    Alerts, Builtin, Decision, KnownPlatforms, Percent, Rpo, Rules, Scope, SecretRef, System, SystemName,
};
use serde_json::{Map, Value};

const FILE: &str = r#"
[systems.bi]
platform = "other"
name = "Dashboards"
decision = "skip"
reason = "derived from acme-crm, which is backed up"

[systems.acme-site]
platform = "wordpress"
name = "Company website"
category = "website"
owner = "web@acme.example"
decision = "backup"
schedule = "Daily at 3:30 europe/berlin"
rpo = "26h"
secret = "file:acme-site.secret.json"
settings = { base_url = "https://www.acme.example" }
builtin.checked_on = 2026-11-22
retention = { daily = 30, monthly = 12 }

[systems.acme-site.alerts.resources.media]
removed = "1%"

[systems.new]
"#;

#[test]
fn a_file_is_read_and_written_in_order() {
    let manifest = import(FILE, Some(&KnownPlatforms::new(["wordpress"])));
    assert!(!manifest.has_errors(), "{:?}", manifest.findings);
    assert_eq!(manifest.systems.len(), 3);
    let expected = r#"# The manifest: every system the company runs on, and what it decided about each.
# Edit it, then: seatbelt manifest import FILE. A field that is left out has its standard value.

[systems.acme-site]
platform = "wordpress"
name = "Company website"
category = "website"
owner = "web@acme.example"
decision = "backup"
builtin = { checked_on = "2026-11-22" }
schedule = "daily at 03:30 Europe/Berlin"
rpo = "26h"
retention = "30 daily, 12 monthly"
settings = { base_url = "https://www.acme.example" }
secret = "file:acme-site.secret.json"
alerts = { resources = { media = { removed = "1%" } } }

[systems.bi]
platform = "other"
name = "Dashboards"
decision = "skip"
reason = "derived from acme-crm, which is backed up"

[systems.new]
decision = "undecided"  # decide: backup, skip or manual
"#;
    assert_eq!(export(&manifest.systems), expected);
}

/// Each mistake: the line it is reported at, and a part of what is said.
#[test]
fn mistakes_are_reported_with_their_lines() {
    let cases = [
        ("", None, "names no system"),
        ("name;decision\nacme;backup", Some(1), "this is not TOML"),
        ("{\"systems\": {}}", Some(1), "this is not TOML"),
        ("[systems.a]\nname = \"unfinished", Some(2), "this is not TOML"),
        (
            "[systems.a]\nreason = \"x\"\n[systems.b]\n[systems.a]",
            Some(4),
            "\"a\" stands here for the second time",
        ),
        (
            "[systems.a]\npaused = true\npaused = false",
            Some(3),
            "\"paused\" stands here for the second time",
        ),
        ("[system.a]\nname = \"A\"", Some(1), "did you mean \"systems\"?"),
        ("systems = 1", Some(1), "systems are tables"),
        (
            "[systems]\na = 1",
            Some(2),
            "an entry is a table of fields, this is a number",
        ),
        (
            "[systems.\"Acme CRM\"]\ndecision = \"skip\"\nreason = \"x\"",
            Some(1),
            "not a system name",
        ),
        (
            "[systems.a]\n\nschedul = \"hourly\"",
            Some(3),
            "did you mean \"schedule\"?",
        ),
        ("[systems.a]\nsystem = \"a\"", Some(2), "unknown field \"system\""),
        ("[systems.a]\nlock_days = \"many\"", Some(2), "a whole number"),
        (
            "[systems.a]\n[systems.a.alerts]\nremoved = \"1%\"\nchanged = 2",
            Some(4),
            "a text is expected",
        ),
        ("[systems.a]\nsettings = { x = inf }", Some(2), "infinity"),
        ("[systems.a]\nsettings.x = 99999999999999999999", Some(2), "too large"),
    ];
    for (file, line, message) in cases {
        let manifest = import(file, None);
        let fits = |found: &&seatbelt_model::manifest_file::FileFinding| {
            found.line == line && found.finding.message.contains(message)
        };
        assert!(
            manifest.findings.iter().any(|found| fits(&found)),
            "{file}\n{:?}",
            manifest.findings
        );
        assert_eq!(manifest.has_errors(), !file.is_empty(), "{file}");
    }
}

#[test]
fn all_mistakes_of_all_systems_come_at_once_and_in_order() {
    let file = "[systems.a]\ndecision = \"backup\"\nrpo = \"soon\"\n[systems.b]\nplan = 1\n[systems.c]\npaused = 3\n";
    let manifest = import(file, None);
    let errors: Vec<String> = manifest
        .findings
        .iter()
        .filter(|found| found.finding.is_error())
        .map(ToString::to_string)
        .collect();
    let heads = [
        "line 1: a: error: platform",
        "line 1: a: error: schedule",
        "line 1: a: error: secret",
        "line 3: a: error: rpo",
    ];
    for (error, head) in errors.iter().zip(heads) {
        assert!(error.starts_with(head), "{error}");
    }
    assert!(
        errors[4].starts_with("line 5: b: error: plan: unknown field"),
        "{}",
        errors[4]
    );
    assert!(errors[5].starts_with("line 7: c: error: paused"), "{}", errors[5]);
    assert_eq!(errors.len(), 6);
    assert!(manifest.systems.is_empty());
}

fn text() -> impl Strategy<Value = Option<String>> {
    let text = any::<String>().prop_map(|text| text.trim().to_owned());
    prop::option::of(text.prop_filter("an empty text says nothing", |text| !text.is_empty()))
}

fn names() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-z]{1,8}|\\PC{1,6}", 0..3).prop_map(|names| {
        names
            .iter()
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect()
    })
}

fn setting() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON holds no infinity", |number| number.is_finite())
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    let percent = || prop::option::of((0..=1_000_000u32).prop_map(|share| Percent::from_hundredths(share).unwrap()));
    let minimum = prop::option::of(0..=i64::MAX.unsigned_abs());
    (percent(), percent(), percent(), minimum).prop_map(|(removed, changed, added, minimum)| Rules {
        removed,
        changed,
        added,
        minimum,
    })
}

fn system() -> impl Strategy<Value = System> {
    let schedules = [
        "hourly",
        "daily at 02:00 Europe/Berlin",
        "cron(0/15 8-17 ? * MON-FRI *)",
        "monthly on the last day at 04:00",
    ];
    let secrets = [
        SecretRef::File("a\"b\\c #.json".to_owned()),
        SecretRef::Env("TOKEN".to_owned()),
        SecretRef::Ssm("/seatbelt/a".to_owned()),
        SecretRef::SecretsManager("seatbelt/a".to_owned()),
    ];
    let words = (
        text(),
        text(),
        text(),
        text(),
        text(),
        prop::sample::select(Decision::ALL.to_vec()),
    );
    let times = (
        prop::option::of(prop::sample::select(schedules.to_vec())),
        prop::option::of(1..50_000i64),
        prop::option::of((0..50u32, 0..50u32, 0..50u32, 0..50u32, 0..50u32)),
        prop::option::of(any::<u32>()),
    );
    let builtin = (text(), text(), prop::option::of((1990i16..2100, 1i8..=12, 1i8..=28)));
    let settings = prop::collection::hash_map(any::<String>(), setting(), 0..4);
    let alerts = (rules(), prop::collection::btree_map("[a-z. ]{0,8}", rules(), 0..3));
    let rest = (
        prop::option::of(prop::sample::select(secrets.to_vec())),
        names(),
        names(),
        any::<bool>(),
    );
    (words, times, builtin, settings, alerts, rest).prop_map(|(words, times, builtin, settings, alerts, rest)| System {
        platform: words.0,
        name: words.1,
        category: words.2,
        owner: words.3,
        reason: words.4,
        decision: words.5,
        schedule: times.0.map(|text| text.parse().unwrap()),
        rpo: times
            .1
            .map(|minutes| Rpo::new(jiff::SignedDuration::from_mins(minutes)).unwrap()),
        retention: times.2.map(|(hourly, daily, weekly, monthly, yearly)| Retention {
            hourly,
            daily,
            weekly,
            monthly,
            yearly,
        }),
        lock_days: times.3,
        builtin: Builtin {
            offers: builtin.0,
            misses: builtin.1,
            checked_on: builtin.2.map(|(year, month, day)| jiff::civil::date(year, month, day)),
        },
        settings: settings.into_iter().collect::<Map<_, _>>(),
        alerts: Alerts {
            rules: alerts.0,
            resources: alerts.1,
        },
        secret: rest.0,
        scope: Scope {
            include: rest.1,
            exclude: rest.2,
        },
        paused: rest.3,
    })
}

proptest! {
    #[test]
    fn export_then_import_is_the_identity(
        systems in prop::collection::btree_map("[a-z0-9][a-z0-9-]{0,10}", system(), 0..4)
    ) {
        let systems: BTreeMap<SystemName, System> =
            systems.into_iter().map(|(name, system)| (name.parse().unwrap(), system)).collect();
        let file = export(&systems);
        let manifest = import(&file, None);
        prop_assert_eq!(&manifest.systems, &systems, "{}\n{:?}", &file, &manifest.findings);
        prop_assert_eq!(export(&manifest.systems), file);
    }

    #[test]
    fn importing_never_panics(file in prop_oneof![
        any::<String>(),
        "(\\[?systems\\.[a-z\"]{1,4}\\]?\n?|[a-z_]{1,9}( = )?[0-9a-z\"{}\\[\\],.-]{0,8}\n){0,8}",
    ]) {
        let manifest = import(&file, Some(&KnownPlatforms::new(["wordpress"])));
        for found in &manifest.findings {
            prop_assert!(!found.to_string().is_empty());
            prop_assert!(found.line.is_none_or(|line| (1..=file.lines().count().max(1) + 1).contains(&line)));
        }
    }

    #[test]
    fn a_damaged_file_never_panics(cut in 0..FILE.len(), insert in "\\PC{0,3}") {
        let file = format!("{}{insert}{}", &FILE[..cut], &FILE[cut..]);
        let manifest = import(&file, None);
        prop_assert!(manifest.systems.len() <= 4);
    }
}
