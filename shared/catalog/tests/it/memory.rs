use seatbelt_catalog::{CatalogError, Remembered};
use serde_json::json;

use crate::store::{Store, s};

pub(crate) async fn what_was_written_is_recalled(store: Store) {
    let catalog = &store.catalog;
    assert_eq!(catalog.recall("watchdog").await.unwrap(), None);
    let value = json!({"rounds": 1, "open": {"late/acme-crm": {"told": true}}});
    assert_eq!(catalog.remember("watchdog", &value, None).await.unwrap(), 1);
    let next = json!({"rounds": 2});
    assert_eq!(
        catalog.recall("watchdog").await.unwrap(),
        Some(Remembered { value, version: 1 })
    );
    assert_eq!(catalog.remember("watchdog", &next, Some(1)).await.unwrap(), 2);
    assert_eq!(
        catalog.recall("watchdog").await.unwrap(),
        Some(Remembered {
            value: next,
            version: 2
        })
    );
    assert_eq!(catalog.recall("retention").await.unwrap(), None, "functions are apart");
    assert!(
        catalog.systems_with_runs().await.unwrap().is_empty(),
        "it is no system's history"
    );
}

pub(crate) async fn more_than_an_item_holds_is_compressed(store: Store) {
    let catalog = &store.catalog;
    let system =
        |number| json!({"name": format!("system-{number}"), "plan": {"schedule": "daily at 02:00", "fired": number}});
    let value = json!((0..20_000).map(system).collect::<Vec<_>>());
    assert!(value.to_string().len() > 1 << 20, "two items would not hold it");
    assert_eq!(catalog.remember("watchdog", &value, None).await.unwrap(), 1);
    assert_eq!(
        catalog.remember("watchdog", &value, None).await.unwrap(),
        1,
        "as the answer was lost"
    );
    assert_eq!(catalog.recall("watchdog").await.unwrap().unwrap().value, value);
    assert_eq!(catalog.remember("watchdog", &json!("less"), Some(1)).await.unwrap(), 2);
    assert_eq!(catalog.recall("watchdog").await.unwrap().unwrap().value, "less");
}

pub(crate) async fn of_two_who_write_one_is_refused(store: Store) {
    let catalog = &store.catalog;
    catalog.remember("watchdog", &json!("first"), None).await.unwrap();
    for expected in [None, Some(7)] {
        let refused = catalog
            .remember("watchdog", &json!("other"), expected)
            .await
            .unwrap_err();
        assert!(
            matches!(refused, CatalogError::VersionConflict { found: Some(1), .. }),
            "{refused}"
        );
    }
    // Whoever sends the same again, as the answer was lost, is answered as the first time.
    assert_eq!(catalog.remember("watchdog", &json!("first"), None).await.unwrap(), 1);
    assert_eq!(catalog.recall("watchdog").await.unwrap().unwrap().value, json!("first"));
}

pub(crate) async fn what_somebody_edited_is_reported(store: Store) {
    let put = store.client.put_item().table_name(&store.catalog.tables().runs);
    let put = put.item("system", s("#watchdog")).item("run", s("state"));
    put.item("value", s("{")).send().await.unwrap();
    let error = store.catalog.recall("watchdog").await.unwrap_err();
    assert!(matches!(error, CatalogError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("what watchdog remembers"), "{error}");
}
