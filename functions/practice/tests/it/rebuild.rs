//! The run history is rebuilt from the bucket alone.

use std::sync::Arc;

use seatbelt_conformance::{Rig, SYSTEM, Setup};
use seatbelt_engine::rebuild_history;
use seatbelt_platforms::{
    Server, SimClock,
    practice::{Crm, crm},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_history_is_rebuilt_from_the_snapshots() {
    let vendor = Crm::new("Forgetful Ltd", SimClock::default());
    let id = vendor.create("companies", json!({"name": "Alder & Sons"}));
    let server = Server::start(vendor.router()).await;
    let settings = json!({"base_url": server.url()});
    let secret = json!({"token": crm::FULL_TOKEN});
    let rig = Rig::new(&seatbelt_practice::PRACTICE_CRM, &settings, Some(&secret)).await;
    rig.back_up(false).await.unwrap();
    vendor.edit("companies", id, |fields| {
        fields.insert("city".into(), "Lindau".into());
    });
    rig.back_up(true).await.unwrap();
    let before = rig.engine.catalog.runs(SYSTEM, 10).await.unwrap();
    assert_eq!(
        rebuild_history(&rig.engine.vault, &rig.engine.catalog).await.unwrap(),
        [(SYSTEM.to_owned(), 0)],
        "nothing is lost yet"
    );

    let folder = rig.folder();
    drop(rig);
    for name in ["dynamodb.sqlite", "dynamodb.sqlite-wal", "dynamodb.sqlite-shm"] {
        std::fs::remove_file(folder.path().join(name)).ok();
    }
    let clock = &SimClock::default();
    let setup = Setup {
        connector: &seatbelt_practice::PRACTICE_CRM,
        settings,
        secret: Some(secret),
        include: &[],
        exclude: &[],
        vendor: clock,
        at: clock.now(),
    };
    let rig = Rig::on(Arc::clone(&folder), &setup, seatbelt_embedded::Options::default()).await;
    assert!(rig.engine.catalog.runs(SYSTEM, 10).await.unwrap().is_empty());
    assert_eq!(
        rebuild_history(&rig.engine.vault, &rig.engine.catalog).await.unwrap(),
        [(SYSTEM.to_owned(), 2)]
    );
    let after = rig.engine.catalog.runs(SYSTEM, 10).await.unwrap();
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(
            (before.id, before.status, &before.resources),
            (after.id, after.status, &after.resources)
        );
    }
    assert_eq!(after.len(), 2);
}
