//! What cannot be read or written.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use seatbelt_embedded::{Fault, FaultPoint};

use crate::world::{World, at, minutes};

/// A part of the store that breaks.
#[derive(Clone, Copy, PartialEq)]
enum Broken {
    Nothing,
    /// The query of this number, counted from 0.
    Query(usize),
    /// The listing of this number.
    Listing(usize),
    /// The snapshot documents of `acme-2`.
    Documents,
    Manifest,
    Status,
}

/// Switches what is broken.
#[derive(Clone)]
struct Switch(Arc<Mutex<(Broken, usize)>>);

impl Switch {
    fn to(&self, broken: Broken) {
        *self.0.lock().unwrap() = (broken, 0);
    }

    fn fails(&self, point: &FaultPoint) -> bool {
        let mut state = self.0.lock().unwrap();
        let (broken, seen) = &mut *state;
        let key = point.key.as_deref().unwrap_or_default();
        let mut is_number = |number: usize| {
            *seen += 1;
            *seen == number + 1
        };
        match *broken {
            Broken::Nothing => false,
            Broken::Query(number) => point.operation == "Query" && is_number(number),
            Broken::Listing(number) => point.operation == "ListObjectsV2" && is_number(number),
            Broken::Documents => point.operation == "GetObject" && key.starts_with("acme-2/"),
            Broken::Manifest => point.operation == "Scan",
            Broken::Status => point.operation == "PutObject" && key.starts_with("_seatbelt/"),
        }
    }
}

/// Two systems, both of which miss their firing of the 23rd; what is broken can be chosen.
async fn two() -> (World, Switch) {
    let broken = Switch(Arc::new(Mutex::new((Broken::Nothing, 0))));
    let switch = broken.clone();
    let hook = move |point: &FaultPoint| {
        if switch.fails(point) {
            Fault::FailBefore
        } else {
            Fault::None
        }
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
async fn a_fault_in_one_system_is_a_finding_and_the_other_is_judged() {
    // The first query of a round reads what schedule-sync noted; then each system has two, and a listing.
    let faults = [
        Broken::Query(1),
        Broken::Query(2),
        Broken::Query(3),
        Broken::Query(4),
        Broken::Listing(0),
        Broken::Listing(1),
        Broken::Documents,
    ];
    let (mut world, broken) = two().await;
    for (number, fault) in faults.into_iter().enumerate() {
        broken.to(fault);
        world.restart(); // What was read once is kept in memory.
        world.round_at(&format!("23T03:{:02}", 5 * number)).await;
        let found = world.found().await;
        let of = |kind: &str| {
            let of_kind = found.iter().filter(|(found, _)| found == kind);
            of_kind.map(|(_, system)| system.clone()).collect::<Vec<_>>()
        };
        let unreadable = of("unreadable");
        assert_eq!(unreadable.len(), 1, "fault {number}: {found:?}");
        let other = if unreadable[0] == "acme-1" { "acme-2" } else { "acme-1" };
        assert!(
            of("firing_missed").contains(&other.to_owned()),
            "fault {number}: {found:?}"
        );
    }
    broken.to(Broken::Nothing);
    let over = world.round_at("23T03:50").await;
    assert!(over[0].text.contains("acme-2: cannot be watched"), "{}", over[0].text);
    assert_eq!(world.found().await.len(), 2);
}

#[tokio::test]
async fn what_was_found_stays_open_while_it_cannot_be_read() {
    let (mut world, broken) = two().await;
    world.round_at("23T04:30").await;
    assert_eq!(world.found().await.iter().filter(|(kind, _)| kind == "late").count(), 2);
    broken.to(Broken::Documents);
    world.restart();
    let told = world.round_at("23T04:40").await;
    assert!(!told[0].text.contains("Over"), "{}", told[0].text);
    assert!(told[0].text.contains("5 open in all"), "{}", told[0].text);
    broken.to(Broken::Nothing);
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
    broken.to(Broken::Manifest);
    world.set("23T02:20");
    let error = world.watchdog.round("request-1").await.unwrap_err();
    assert!(format!("{error:#}").contains("reading the manifest"), "{error:#}");
    assert_eq!(world.services.messages(), []);
    broken.to(Broken::Nothing);
    // Lambda tries again under another name, after a minute, since the lease was given back.
    world.set("23T02:21");
    world.watchdog.round("request-2").await.unwrap();
    assert_eq!(world.services.messages().len(), 1);
}

#[tokio::test]
async fn a_status_document_that_cannot_be_written_keeps_nobody_from_being_told() {
    let (world, broken) = two().await;
    broken.to(Broken::Status);
    world.set("23T02:20");
    let error = world.watchdog.round("request-1").await.unwrap_err();
    assert!(
        format!("{error:#}").contains("_seatbelt/status.json could not be written"),
        "{error:#}"
    );
    assert_eq!(world.services.messages().len(), 1);
    broken.to(Broken::Nothing);
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
