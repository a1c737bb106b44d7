use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::TimeToLiveStatus;
use seatbelt_catalog::{CatalogError, Unit, UnitPlan, UnitState};
use seatbelt_model::{Class, RunId};
use serde_json::{Value, json};

use crate::store::{SYSTEM, Store, TTL, at, run, t0};

fn id() -> RunId {
    RunId::at(t0())
}

fn plans(count: usize) -> Vec<UnitPlan> {
    (0..count)
        .map(|number| UnitPlan {
            name: format!("mail/{number:03}"),
        })
        .collect()
}

fn claimed(worker: &str, seconds: i64) -> UnitState {
    UnitState::Claimed {
        worker: worker.to_owned(),
        until: at(seconds),
    }
}

/// Plans one unit, `posts`, and claims it for `worker` at the start.
async fn one_claimed(store: &Store, worker: &str) {
    store
        .catalog
        .plan_units(SYSTEM, id(), &[UnitPlan { name: "posts".into() }])
        .await
        .unwrap();
    store
        .catalog
        .claim_unit(SYSTEM, id(), "", worker, t0(), TTL)
        .await
        .unwrap()
        .unwrap();
}

async fn posts(store: &Store) -> Unit {
    let units = store.catalog.units(SYSTEM, id()).await.unwrap();
    assert_eq!(units.len(), 1);
    units.into_iter().next().unwrap()
}

fn is_lost<T>(outcome: Result<T, CatalogError>) -> bool {
    matches!(outcome, Err(error @ CatalogError::ClaimLost { .. }) if error.class() == Class::Retry)
}

pub(crate) async fn planning_twice_changes_nothing(store: Store) {
    let catalog = &store.catalog;
    catalog.plan_units(SYSTEM, id(), &plans(30)).await.unwrap();
    let first = catalog
        .claim_unit(SYSTEM, id(), "", "a", t0(), TTL)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first.name, "mail/000");
    catalog
        .checkpoint(SYSTEM, id(), &first.name, "a", &json!({"page": 7}))
        .await
        .unwrap();

    catalog.plan_units(SYSTEM, id(), &plans(31)).await.unwrap();
    let units = catalog.units(SYSTEM, id()).await.unwrap();
    let names: Vec<_> = units.iter().map(|unit| unit.name.as_str()).collect();
    assert_eq!(
        names,
        plans(31).iter().map(|plan| plan.name.as_str()).collect::<Vec<_>>()
    );
    assert_eq!(
        (&units[0].state, &units[0].checkpoint),
        (&claimed("a", 900), &Some(json!({"page": 7})))
    );
    assert!(
        units[1..]
            .iter()
            .all(|unit| unit.state == UnitState::Open && unit.checkpoint.is_none())
    );

    let table = &catalog.tables().runs;
    let described = store
        .client
        .describe_time_to_live()
        .table_name(table)
        .send()
        .await
        .unwrap();
    let expiry = described.time_to_live_description().unwrap();
    assert_eq!(expiry.attribute_name(), Some("expires_at"));
    assert!(matches!(
        expiry.time_to_live_status(),
        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
    ));
}

pub(crate) async fn each_is_claimed_once(store: Store) {
    store.catalog.plan_units(SYSTEM, id(), &plans(120)).await.unwrap();
    let workers = (0..8).map(|worker| {
        let (catalog, worker) = (store.catalog.clone(), format!("worker-{worker}"));
        tokio::spawn(async move {
            let mut mine = Vec::new();
            while let Some(unit) = catalog.claim_unit(SYSTEM, id(), "", &worker, t0(), TTL).await.unwrap() {
                assert_eq!(
                    unit.state,
                    UnitState::Claimed {
                        worker: worker.clone(),
                        until: at(900)
                    }
                );
                catalog
                    .finish_unit(SYSTEM, id(), &unit.name, &worker, &json!({"by": worker}))
                    .await
                    .unwrap();
                mine.push(unit.name);
            }
            mine
        })
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.extend(worker.await.unwrap());
    }
    assert_eq!(all.len(), 120);
    assert_eq!(
        all.into_iter().collect::<BTreeSet<_>>(),
        plans(120).into_iter().map(|plan| plan.name).collect()
    );
    let units = store.catalog.units(SYSTEM, id()).await.unwrap();
    assert!(
        units
            .iter()
            .all(|unit| unit.state == UnitState::Done && unit.result.is_some())
    );
}

pub(crate) async fn a_claim_passes_on_after_its_expiry_only(store: Store) {
    let catalog = &store.catalog;
    one_claimed(&store, "a").await;
    catalog
        .checkpoint(SYSTEM, id(), "posts", "a", &json!([1, "two", null]))
        .await
        .unwrap();
    assert_eq!(
        catalog.claim_unit(SYSTEM, id(), "", "b", at(899), TTL).await.unwrap(),
        None
    );
    let unit = catalog
        .claim_unit(SYSTEM, id(), "", "b", at(900), TTL)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        unit.checkpoint,
        Some(json!([1, "two", null])),
        "the work goes on where it stopped"
    );
    assert_eq!(unit.state, claimed("b", 1800));
}

pub(crate) async fn a_worker_that_lost_its_claim_is_refused(store: Store) {
    let catalog = &store.catalog;
    one_claimed(&store, "a").await;
    catalog
        .checkpoint(SYSTEM, id(), "posts", "a", &json!("a's"))
        .await
        .unwrap();
    catalog
        .claim_unit(SYSTEM, id(), "", "b", at(900), TTL)
        .await
        .unwrap()
        .unwrap();
    assert!(is_lost(
        catalog.checkpoint(SYSTEM, id(), "posts", "a", &json!("late")).await
    ));
    assert!(is_lost(
        catalog.finish_unit(SYSTEM, id(), "posts", "a", &json!("late")).await
    ));
    assert!(is_lost(
        catalog.renew_claim(SYSTEM, id(), "posts", "a", at(901), TTL).await
    ));
    catalog.release_unit(SYSTEM, id(), "posts", "a").await.unwrap();
    let unit = posts(&store).await;
    assert_eq!(
        (unit.state, unit.checkpoint, unit.result),
        (claimed("b", 1800), Some(json!("a's")), None)
    );

    let missing = catalog
        .checkpoint(SYSTEM, id(), "pages", "a", &json!(1))
        .await
        .unwrap_err();
    assert!(matches!(missing, CatalogError::UnitMissing { .. }), "{missing}");
}

pub(crate) async fn a_claim_can_be_prolonged_and_given_back(store: Store) {
    let catalog = &store.catalog;
    one_claimed(&store, "a").await;
    catalog
        .renew_claim(SYSTEM, id(), "posts", "a", at(800), TTL)
        .await
        .unwrap();
    assert_eq!(
        catalog.claim_unit(SYSTEM, id(), "", "b", at(1699), TTL).await.unwrap(),
        None
    );
    catalog.checkpoint(SYSTEM, id(), "posts", "a", &json!(5)).await.unwrap();
    catalog.release_unit(SYSTEM, id(), "posts", "a").await.unwrap();
    assert_eq!(posts(&store).await.state, UnitState::Open);
    let unit = catalog
        .claim_unit(SYSTEM, id(), "", "b", at(801), TTL)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(unit.checkpoint, Some(json!(5)));
}

pub(crate) async fn the_holder_of_the_lease_takes_any(store: Store) {
    let catalog = &store.catalog;
    one_claimed(&store, "a").await;
    catalog.checkpoint(SYSTEM, id(), "posts", "a", &json!(5)).await.unwrap();
    let unit = catalog
        .claim_named_unit(SYSTEM, id(), "posts", "b", at(1), TTL)
        .await
        .unwrap();
    assert_eq!((unit.state, unit.checkpoint), (claimed("b", 901), Some(json!(5))));
    assert!(is_lost(catalog.checkpoint(SYSTEM, id(), "posts", "a", &json!(6)).await));

    catalog
        .finish_unit(SYSTEM, id(), "posts", "b", &json!("unreadable"))
        .await
        .unwrap();
    let again = catalog
        .claim_named_unit(SYSTEM, id(), "posts", "c", at(2), TTL)
        .await
        .unwrap();
    assert_eq!((again.state, again.result), (claimed("c", 902), None));
    let missing = catalog
        .claim_named_unit(SYSTEM, id(), "pages", "c", at(2), TTL)
        .await
        .unwrap_err();
    assert!(matches!(missing, CatalogError::UnitMissing { .. }), "{missing}");
    assert_eq!(
        catalog.units(SYSTEM, id()).await.unwrap().len(),
        1,
        "what was not planned is not made"
    );
}

pub(crate) async fn finishing_twice_is_harmless(store: Store) {
    let catalog = &store.catalog;
    one_claimed(&store, "a").await;
    catalog.checkpoint(SYSTEM, id(), "posts", "a", &json!(5)).await.unwrap();
    for _ in 0..2 {
        catalog
            .finish_unit(SYSTEM, id(), "posts", "a", &json!({"records": 12}))
            .await
            .unwrap();
    }
    let unit = posts(&store).await;
    let expected = Unit {
        name: "posts".into(),
        state: UnitState::Done,
        checkpoint: None,
        result: Some(json!({"records": 12})),
    };
    assert_eq!(unit, expected);
    assert!(
        is_lost(catalog.checkpoint(SYSTEM, id(), "posts", "a", &json!(6)).await),
        "what is done has no checkpoint"
    );
    assert_eq!(
        catalog.claim_unit(SYSTEM, id(), "", "b", at(5_000), TTL).await.unwrap(),
        None
    );
}

pub(crate) async fn checkpoints_may_be_large_but_not_too_large(store: Store) {
    let catalog = &store.catalog;
    one_claimed(&store, "a").await;
    let large = json!({"token": "x".repeat(300_000), "digits": 1e-100, "deep": [[[[{"a": u64::MAX}]]]]});
    catalog.checkpoint(SYSTEM, id(), "posts", "a", &large).await.unwrap();
    assert_eq!(posts(&store).await.checkpoint, Some(large.clone()));

    let error = catalog
        .checkpoint(SYSTEM, id(), "posts", "a", &Value::from("x".repeat(410_000)))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            CatalogError::TooLarge {
                size_bytes: 410_002,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(error.class(), Class::Permanent);
    assert!(
        error
            .to_string()
            .starts_with("system acme-crm, run 20261122T060000Z: checkpointing unit posts"),
        "{error}"
    );
    assert_eq!(posts(&store).await.checkpoint, Some(large), "the last checkpoint stays");
}

pub(crate) async fn deleting_takes_the_units_of_one_run(store: Store) {
    let catalog = &store.catalog;
    let (kept, run) = (id().next(), run(0));
    catalog.create_run(&run).await.unwrap();
    catalog.plan_units(SYSTEM, id(), &plans(60)).await.unwrap();
    catalog.plan_units(SYSTEM, kept, &plans(3)).await.unwrap();
    for _ in 0..2 {
        catalog.delete_units(SYSTEM, id()).await.unwrap();
        assert_eq!(catalog.units(SYSTEM, id()).await.unwrap(), []);
    }
    assert_eq!(catalog.units(SYSTEM, kept).await.unwrap().len(), 3);
    assert_eq!(catalog.runs(SYSTEM, 10).await.unwrap(), [run]);
}
