use seatbelt_catalog::Noted;
use seatbelt_model::Finding;

use crate::store::{SYSTEM, Store, at, s, t0};

fn bad() -> Vec<Finding> {
    vec![
        Finding::error("platform", "there is no connector for \"wordpres\""),
        Finding::warning("schedule", "the schedule of before stays in force"),
    ]
}

pub(crate) async fn they_are_noted_replaced_and_cleared(store: Store) {
    let catalog = &store.catalog;
    assert!(!catalog.clear_findings("schedule", SYSTEM).await.unwrap());
    catalog.put_findings("schedule", SYSTEM, &bad(), t0()).await.unwrap();
    let fewer = &bad()[..1];
    catalog.put_findings("schedule", SYSTEM, fewer, at(60)).await.unwrap();
    let noted = Noted {
        system: SYSTEM.into(),
        source: "schedule".into(),
        findings: fewer.to_vec(),
        since: t0(),
        seen: at(60),
    };
    assert_eq!(catalog.findings().await.unwrap(), [noted]);
    assert!(catalog.clear_findings("schedule", SYSTEM).await.unwrap());
    assert_eq!(catalog.findings().await.unwrap(), []);
    catalog.put_findings("schedule", SYSTEM, fewer, at(90)).await.unwrap();
    assert_eq!(catalog.findings().await.unwrap()[0].since, at(90), "a new matter");
}

pub(crate) async fn each_system_and_source_has_its_own(store: Store) {
    let catalog = &store.catalog;
    let endless = "Ü".repeat(1000);
    for (source, system) in [
        ("schedule", SYSTEM),
        ("watchdog", SYSTEM),
        ("schedule", "acme-crm-2"),
        ("schedule", "Acme CRM#1"),
        ("schedule", &endless),
    ] {
        catalog.put_findings(source, system, &bad(), t0()).await.unwrap();
    }
    let of = async |system: &str| {
        let notes = catalog.findings_of(system).await.unwrap();
        notes
            .into_iter()
            .map(|note| (note.source, note.findings))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of(SYSTEM).await,
        [("schedule".to_owned(), bad()), ("watchdog".to_owned(), bad())]
    );
    assert_eq!(of("Acme CRM").await, []);
    assert_eq!(of("Acme CRM#1").await.len(), 1);
    assert_eq!(of(&endless).await.len(), 1, "a name longer than a key");
    assert_eq!(catalog.findings().await.unwrap().len(), 5);
    assert!(
        catalog.systems_with_runs().await.unwrap().is_empty(),
        "a note is no history"
    );
}

pub(crate) async fn a_damaged_note_hides_no_other(store: Store) {
    let catalog = &store.catalog;
    catalog.put_findings("schedule", SYSTEM, &bad(), t0()).await.unwrap();
    let request = store.client.put_item().table_name(&catalog.tables().runs);
    let request = request
        .item("system", s("#findings"))
        .item("run", s("acme-site#schedule"));
    request.item("findings", s("typed by hand")).send().await.unwrap();
    let notes = catalog.findings().await.unwrap();
    assert_eq!(
        notes.iter().map(|note| note.system.as_str()).collect::<Vec<_>>(),
        [SYSTEM]
    );
}
