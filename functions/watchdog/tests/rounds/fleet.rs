//! Two hundred systems.

use std::time::Instant;

use futures_util::{StreamExt, stream};
use serde_json::json;

use crate::world::World;

const SYSTEMS: usize = 200;

fn name(number: usize) -> String {
    format!("system-{number:03}")
}

async fn fleet() -> World {
    let world = World::new().await;
    for number in 0..SYSTEMS {
        let mut entry = crate::world::entry();
        entry["owner"] = json!(format!("owner-{number}@acme.example"));
        world.write(&name(number), &entry).await;
    }
    world.round().await;
    for day in ["20T02:00", "21T02:00", "22T02:00"] {
        stream::iter(0..SYSTEMS)
            .for_each_concurrent(16, |number| {
                let world = &world;
                async move {
                    world.backed_up(&name(number), day).await;
                }
            })
            .await;
    }
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_takes_seconds_and_one_message_tells_of_all() {
    let mut world = fleet().await;
    world.restart();
    let begun = Instant::now();
    assert_eq!(world.round_at("22T03:00").await, []);
    let took = begun.elapsed();
    assert!(took.as_secs() < 20, "a cold round took {took:?} in a debug build");
    assert_eq!(world.round_at("22T03:10").await, []);
    let told = world.round_at("23T02:20").await;
    assert_eq!(told.len(), 1);
    assert!(
        told[0].text.contains("New (200):") && told[0].text.contains(" more."),
        "{}",
        told[0].text
    );
    assert_eq!(world.found().await.len(), SYSTEMS);
    assert_eq!(world.round_at("23T02:30").await, []);
    let remembered = world.catalog.recall("watchdog").await.unwrap().unwrap();
    let bytes = remembered.value.to_string().len();
    assert!(
        bytes < 100_000,
        "{bytes} bytes for {SYSTEMS} systems; an item holds 400 KB"
    );
    // Systems that leave the manifest are forgotten.
    for number in 1..SYSTEMS {
        let delete = world.catalog.client().delete_item().table_name("manifest");
        let key = aws_sdk_dynamodb::types::AttributeValue::S(name(number));
        delete.key("system", key).send().await.unwrap();
    }
    let over = world.round_at("23T02:40").await;
    assert!(
        over[0].subject.starts_with("Seatbelt prod: 199 over"),
        "{}",
        over[0].subject
    );
    let remembered = world.catalog.recall("watchdog").await.unwrap().unwrap();
    assert_eq!(remembered.value["systems"].as_object().unwrap().len(), 1);
}
