//! What cannot be read or written.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use aws_sdk_dynamodb::types::AttributeValue;
use seatbelt_embedded::{Fault, FaultPoint};

use crate::world::{World, at, minutes};

/// Two systems, both of which miss their firing of the 23rd; the part of the store that is broken can be chosen.
async fn two() -> (World, Arc<AtomicU8>) {
    let broken = Arc::new(AtomicU8::new(0));
    let choice = broken.clone();
    let hook = move |point: &FaultPoint| {
        let key = point.key.as_deref().unwrap_or_default();
        let fails = match choice.load(Ordering::Relaxed) {
            1 => point.service == "s3" && point.operation.starts_with("List") && key.contains("acme-2"),
            2 => point.service == "s3" && point.operation == "GetObject" && key.contains("acme-2"),
            3 => point.operation == "Scan",
            4 => point.operation == "PutObject" && key.contains("_seatbelt"),
            _ => false,
        };
        if fails { Fault::FailBefore } else { Fault::None }
    };
    let world = World::with_faults(Some(hook)).await;
    for system in ["acme-1", "acme-2"] {
        world.daily(system).await;
    }
    world.round().await;
    for system in ["acme-1", "acme-2"] {
        world.backed_up(system, "22T02:00").await;
    }
    assert_eq!(world.round_at("22T03:00").await, []);
    (world, broken)
}

#[tokio::test]
async fn a_fault_in_one_system_is_a_finding_and_the_others_are_judged() {
    let (mut world, broken) = two().await;
    for (fault, minute) in [(1, 20), (2, 30)] {
        broken.store(fault, Ordering::Relaxed);
        world.restart(); // What was read once is kept in memory.
        world.round_at(&format!("23T02:{minute}")).await;
        let found = world.found().await;
        let of = |kind: &str| {
            found
                .iter()
                .filter(|(found, _)| found == kind)
                .map(|(_, system)| system.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of("firing_missed"),
            ["acme-1", "acme-2"],
            "fault {fault}: the runs could be read"
        );
        assert_eq!(of("unreadable"), ["acme-2"], "fault {fault}");
    }
    broken.store(0, Ordering::Relaxed);
    let over = world.round_at("23T02:40").await;
    assert!(over[0].text.contains("acme-2: cannot be watched"), "{}", over[0].text);
}

#[tokio::test]
async fn what_was_found_stays_open_while_it_cannot_be_read() {
    let (mut world, broken) = two().await;
    world.round_at("23T04:30").await;
    assert_eq!(world.found().await.iter().filter(|(kind, _)| kind == "late").count(), 2);
    broken.store(1, Ordering::Relaxed);
    world.restart();
    let told = world.round_at("23T04:40").await;
    assert!(!told[0].text.contains("Over"), "{}", told[0].text);
    assert!(told[0].text.contains("5 open in all"), "{}", told[0].text);
    broken.store(0, Ordering::Relaxed);
    let told = world.round_at("23T04:50").await;
    assert!(
        told[0].text.contains("Over (1)"),
        "late was known before, and is not told anew: {}",
        told[0].text
    );
    assert!(!told[0].text.contains("New"), "{}", told[0].text);
}

#[tokio::test]
async fn without_the_manifest_the_round_fails_and_the_next_one_is_well() {
    let (world, broken) = two().await;
    broken.store(3, Ordering::Relaxed);
    world.set("23T02:20");
    let error = world.watchdog.round("request-1").await.unwrap_err();
    assert!(format!("{error:#}").contains("reading the manifest"), "{error:#}");
    assert_eq!(world.services.messages(), []);
    broken.store(0, Ordering::Relaxed);
    // Lambda tries again under another name, after a minute, since the lease was given back.
    world.set("23T02:21");
    world.watchdog.round("request-2").await.unwrap();
    assert_eq!(world.services.messages().len(), 1);
}

#[tokio::test]
async fn a_status_document_that_cannot_be_written_keeps_nobody_from_being_told() {
    let (world, broken) = two().await;
    broken.store(4, Ordering::Relaxed);
    world.set("23T02:20");
    let error = world.watchdog.round("request-1").await.unwrap_err();
    assert!(
        format!("{error:#}").contains("_seatbelt/status.json could not be written"),
        "{error:#}"
    );
    assert_eq!(world.services.messages().len(), 1);
    broken.store(0, Ordering::Relaxed);
    assert_eq!(
        world.round_at("23T02:30").await,
        [],
        "it is remembered that they were told"
    );
}

#[tokio::test]
async fn damaged_documents_and_records_are_findings_of_their_system_alone() {
    let (mut world, _) = two().await;
    let id = world.backed_up("acme-2", "23T02:00").await;
    world.backed_up("acme-1", "23T02:00").await;
    let key = format!("acme-2/snapshots/{id}.json");
    let put = world.vault.client().put_object().bucket(world.vault.bucket()).key(key);
    put.body(b"{\"format\": \"seatbelt/1\"".to_vec().into())
        .send()
        .await
        .unwrap();
    let lease = world.catalog.client().put_item().table_name("runs");
    let lease = lease
        .item("system", AttributeValue::S("acme-1".into()))
        .item("run", AttributeValue::S("lease".into()));
    lease
        .item("holder", AttributeValue::N("7".into()))
        .send()
        .await
        .unwrap();
    world.restart();
    world.round_at("23T03:00").await;
    let found = world.found().await;
    assert_eq!(
        found,
        [("unreadable".to_owned(), "acme-2".to_owned())],
        "a lease without open runs is not looked at"
    );
    let status = world.status().await;
    let what = status["findings"][0]["what"].as_str().unwrap();
    assert!(what.contains("it is no snapshot document"), "{what}");
}

#[tokio::test]
async fn memory_in_an_unknown_form_is_begun_anew() {
    let (world, _) = two().await;
    world.round_at("23T02:20").await;
    let remembered = world.catalog.recall("watchdog").await.unwrap().unwrap();
    let strange = serde_json::json!({"systems": [1, 2], "format": 9});
    world
        .catalog
        .remember("watchdog", &strange, Some(remembered.version))
        .await
        .unwrap();
    // What it knew is gone: the systems are new to it, so the firing of the 23rd does not count, and nobody is told that it is over.
    assert_eq!(world.round_at("23T02:30").await, []);
    world.backed_up("acme-1", "24T02:00").await;
    let told = world.round_at("24T02:20").await;
    assert!(told[0].text.contains("acme-2"), "the next one does: {}", told[0].text);
    assert!(at("24T02:20") > at("23T02:20") + minutes(60));
}
