use std::collections::HashMap;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use seatbelt_catalog::CatalogError;
use seatbelt_model::{Class, Decision, System, SystemName};
use serde_json::{Value, json};

use crate::store::{Store, n, s};

fn name() -> SystemName {
    "acme-site".parse().unwrap()
}

fn system(entry: Value) -> System {
    serde_json::from_value(entry).unwrap()
}

fn site() -> System {
    system(json!({
        "platform": "wordpress", "name": "Company website", "owner": "web@acme.example", "decision": "backup",
        "builtin": {"offers": "nothing", "checked_on": "2026-11-22"}, "schedule": "daily at 03:30", "rpo": "26h",
        "retention": "30 daily, 12 monthly", "lock_days": 30, "scope": {"exclude": ["comments"]},
        "settings": {"base_url": "https://www.acme.example", "depth": 3, "ratio": 0.25, "deep": {"list": [1, "two", []]}},
        "secret": "file:acme-site.secret.json", "alerts": {"removed": "5%", "resources": {"media": {"changed": "1%"}}},
        "paused": true
    }))
}

fn map<const N: usize>(fields: [(&str, AttributeValue); N]) -> AttributeValue {
    AttributeValue::M(
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

async fn item(store: &Store, name: &str) -> HashMap<String, AttributeValue> {
    let request = store
        .client
        .get_item()
        .table_name(&store.catalog.tables().manifest)
        .key("system", s(name));
    request.consistent_read(true).send().await.unwrap().item.unwrap()
}

pub(crate) async fn an_entry_reads_back_and_its_version_grows(store: Store) {
    let catalog = &store.catalog;
    assert_eq!(catalog.system(&name()).await.unwrap(), None);
    assert_eq!(catalog.put_system(&name(), &site(), None).await.unwrap(), 1);
    let entry = catalog.system(&name()).await.unwrap().unwrap();
    assert_eq!(
        (entry.name.as_str(), entry.version, entry.findings.as_slice()),
        ("acme-site", 1, [].as_slice())
    );
    assert_eq!(entry.system, Some(site()));
    assert_eq!(entry.raw, Value::Object(site().to_entry()));

    // Native types, as a person would type them.
    let stored = item(&store, "acme-site").await;
    assert_eq!(stored["paused"], AttributeValue::Bool(true));
    assert_eq!(stored["lock_days"], n("30"));
    assert_eq!(stored["schedule"], s("daily at 03:30"));
    assert_eq!(
        stored["scope"],
        map([("exclude", AttributeValue::L(vec![s("comments")]))])
    );
    assert!(stored["settings"].is_m() && stored["alerts"].is_m() && stored["builtin"].is_m());

    let smaller = System {
        paused: false,
        lock_days: None,
        settings: serde_json::Map::new(),
        ..site()
    };
    assert_eq!(catalog.put_system(&name(), &smaller, entry.version).await.unwrap(), 2);
    let entry = catalog.system(&name()).await.unwrap().unwrap();
    assert_eq!(
        (entry.version, entry.system),
        (2, Some(smaller)),
        "what was taken away is gone"
    );
    assert!(!item(&store, "acme-site").await.contains_key("lock_days"));
}

pub(crate) async fn the_second_of_two_editors_gets_a_conflict(store: Store) {
    let catalog = &store.catalog;
    catalog.put_system(&name(), &site(), None).await.unwrap();
    let read = catalog.system(&name()).await.unwrap().unwrap();
    let (mut hers, mut his) = (site(), site());
    (hers.owner, his.owner) = (Some("her".into()), Some("him".into()));
    catalog.put_system(&name(), &hers, read.version).await.unwrap();
    let error = catalog.put_system(&name(), &his, read.version).await.unwrap_err();
    assert!(
        matches!(
            error,
            CatalogError::VersionConflict {
                expected: Some(1),
                found: Some(2),
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(error.class(), Class::Retry);
    assert!(
        error.to_string().contains("version 1 was read, version 2 is there"),
        "{error}"
    );
    assert_eq!(catalog.system(&name()).await.unwrap().unwrap().system, Some(hers));

    let error = catalog
        .put_system(&"acme-crm".parse().unwrap(), &his, 4)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            CatalogError::VersionConflict {
                expected: Some(4),
                found: None,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(
        catalog.systems().await.unwrap().len(),
        1,
        "a removed entry does not come back"
    );
}

pub(crate) async fn of_many_first_writers_one_wins(store: Store) {
    let tasks = (0..20).map(|task| {
        let catalog = store.catalog.clone();
        let system = System {
            owner: Some(format!("owner-{task}")),
            ..site()
        };
        tokio::spawn(async move { catalog.put_system(&name(), &system, None).await.map(|_| system) })
    });
    let mut won = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Ok(system) => won.push(system),
            Err(error) => assert!(
                matches!(error, CatalogError::VersionConflict { expected: None, .. }),
                "{error}"
            ),
        }
    }
    assert_eq!(won.len(), 1);
    assert_eq!(store.catalog.system(&name()).await.unwrap().unwrap().system, won.pop());
}

pub(crate) async fn a_write_keeps_what_it_does_not_know(store: Store) {
    let catalog = &store.catalog;
    let precise = n("12345678901234567890.123456789");
    let fields = [
        ("decision", s("backup")),
        ("cost_centre", n("4711")),
        ("precise", precise.clone()),
        ("blob", AttributeValue::B(Blob::new([0, 159, 146, 150]))),
        ("tags", AttributeValue::Ss(vec!["b".into(), "a".into()])),
        (
            "alerts",
            map([
                ("removed", s("9%")),
                ("webhook", map([("url", s("https://hooks.acme.example"))])),
            ]),
        ),
    ];
    store.type_entry("acme-site", &fields).await;
    let read = catalog.system(&name()).await.unwrap().unwrap();
    assert_eq!(read.raw["cost_centre"], json!(4711));
    assert_eq!(read.raw["precise"], json!("12345678901234567890.123456789"));
    assert_eq!(read.raw["tags"], json!(["a", "b"]));
    assert!(
        read.findings.iter().any(|finding| finding.field == "cost_centre"),
        "{:?}",
        read.findings
    );

    catalog.put_system(&name(), &site(), read.version).await.unwrap();
    let stored = item(&store, "acme-site").await;
    assert_eq!((&stored["cost_centre"], &stored["precise"]), (&n("4711"), &precise));
    assert_eq!(stored["blob"], fields[3].1);
    assert!(stored["tags"].is_ss());
    let alerts = stored["alerts"].as_m().unwrap();
    assert_eq!(alerts["webhook"], map([("url", s("https://hooks.acme.example"))]));
    assert_eq!(alerts["removed"], s("5%"));

    // Even where the model has nothing to say in that table.
    let silent = system(json!({"decision": "skip"}));
    catalog.put_system(&name(), &silent, 1).await.unwrap();
    let stored = item(&store, "acme-site").await;
    assert_eq!(
        stored["alerts"],
        map([("webhook", map([("url", s("https://hooks.acme.example"))]))])
    );
    assert!(stored.contains_key("blob") && !stored.contains_key("schedule"));
}

pub(crate) async fn what_people_type_is_reported_and_never_fatal(store: Store) {
    store
        .type_entry(
            "acme-crm",
            &[
                ("decision", s("skip")),
                ("lock_days", s("30")),
                ("rpo", AttributeValue::Null(true)),
            ],
        )
        .await;
    store.type_entry("bare", &[]).await;
    store.type_entry("Not A Name", &[("decision", s("skip"))]).await;
    let wild = [
        ("platform", n("7")),
        ("decision", AttributeValue::Bool(true)),
        (
            "schedule",
            AttributeValue::L(vec![s("daily"), AttributeValue::Null(true)]),
        ),
        ("retention", n("1e120")),
        ("lock_days", AttributeValue::Ns(vec!["1".into()])),
        ("scope", AttributeValue::Ss(vec!["posts".into()])),
        ("settings", s("{\"base_url\": 1}")),
        ("alerts", AttributeValue::B(Blob::new("x"))),
        ("secret", map([("password", s("hunter2"))])),
        ("version", s("three")),
    ];
    store.type_entry("wild", &wild).await;
    let sets = [
        ("decision", s("backup")),
        (
            "scope",
            map([("include", AttributeValue::Ss(vec!["posts".into(), "media".into()]))]),
        ),
    ];
    store.type_entry("sets", &sets).await;

    let entries = store.catalog.systems().await.unwrap();
    let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["Not A Name", "acme-crm", "bare", "sets", "wild"]);
    let [misnamed, crm, bare, sets, wild] = entries.try_into().unwrap();
    assert!(misnamed.system.is_none() && misnamed.findings[0].message.contains("is not a system name"));
    assert_eq!(
        (crm.system.unwrap().lock_days, crm.findings),
        (Some(30), vec![]),
        "numbers as text, and nulls, are fine"
    );
    assert_eq!(bare.system.unwrap().decision, Decision::Undecided);
    assert_eq!(sets.system.unwrap().scope.include, ["media", "posts"]);
    assert_eq!((wild.system, wild.version), (None, 0));
    for field in [
        "platform",
        "decision",
        "schedule",
        "lock_days",
        "scope",
        "settings",
        "alerts",
        "secret",
        "version",
    ] {
        assert!(
            wild.findings.iter().any(|found| found.field.starts_with(field)),
            "{field}: {:?}",
            wild.findings
        );
    }
    assert!(wild.findings.iter().all(|finding| !finding.message.contains("hunter2")));
}

pub(crate) async fn an_entry_typed_by_hand_has_version_zero(store: Store) {
    let catalog = &store.catalog;
    for (number, version) in [None, Some(n("0")), Some(n("-3")), Some(s("2"))]
        .into_iter()
        .enumerate()
    {
        let name: SystemName = format!("system-{number}").parse().unwrap();
        let fields: Vec<_> = version.into_iter().map(|version| ("version", version)).collect();
        store.type_entry(name.as_str(), &fields).await;
        assert_eq!(catalog.system(&name).await.unwrap().unwrap().version, 0);
        let taken = catalog.put_system(&name, &site(), None).await.unwrap_err();
        assert!(
            matches!(
                taken,
                CatalogError::VersionConflict {
                    expected: None,
                    found: Some(0),
                    ..
                }
            ),
            "{taken}"
        );
        assert_eq!(catalog.put_system(&name, &site(), 0).await.unwrap(), 1);
        assert_eq!(catalog.system(&name).await.unwrap().unwrap().version, 1);
        let other = System {
            paused: false,
            ..site()
        };
        assert!(matches!(
            catalog.put_system(&name, &other, 0).await,
            Err(CatalogError::VersionConflict { .. })
        ));
    }
}

pub(crate) async fn removing_needs_the_version_that_is_there(store: Store) {
    let catalog = &store.catalog;
    catalog.put_system(&name(), &site(), None).await.unwrap();
    for stale in [0, 2] {
        let error = catalog.remove_system("acme-site", stale).await.unwrap_err();
        assert!(
            matches!(error, CatalogError::VersionConflict { found: Some(1), .. }),
            "{error}"
        );
    }
    catalog.remove_system("acme-site", 1).await.unwrap();
    catalog.remove_system("acme-site", 1).await.unwrap();
    store.type_entry("Not A Name", &[]).await;
    catalog.remove_system("Not A Name", 0).await.unwrap();
    assert_eq!(catalog.systems().await.unwrap(), []);
}

pub(crate) async fn an_entry_is_read_whatever_its_name(store: Store) {
    store.type_entry("Acme CRM", &[("decision", s("skip"))]).await;
    let entry = store.catalog.entry("Acme CRM").await.unwrap().unwrap();
    assert_eq!((entry.name.as_str(), entry.system), ("Acme CRM", None));
    assert!(
        entry.findings[0].message.contains("not a system name"),
        "{:?}",
        entry.findings
    );
    assert_eq!(store.catalog.entry("acme crm").await.unwrap(), None);
}
