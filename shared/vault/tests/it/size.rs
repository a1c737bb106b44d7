//! What thirty days cost to store.

use seatbelt_vault::{Options, Sweep};

use crate::world::{Batch, Lines, Op, RESOURCE, World, after, backup, by_id, state_of};

const WORDS: [&str; 16] = [
    "invoice", "customer", "shipment", "delay", "refund", "quarter", "contract", "meeting", "review", "draft", "north",
    "carrier", "approved", "waiting", "urgent", "template",
];

fn words(seed: usize, count: usize) -> String {
    let mut rng = fastrand::Rng::with_seed(seed as u64);
    // Words nobody else has, as real texts have them, among those that all have.
    let mut word = || {
        if rng.usize(..5) == 0 {
            format!("{:x}", rng.u32(..))
        } else {
            WORDS[rng.usize(..16)].to_owned()
        }
    };
    (0..count).map(|_| word()).collect::<Vec<_>>().join(" ")
}

/// A record like a vendor's: many fields, most of them alike from one record to the next, and some text of its own. An edit
/// changes the state, a date, two counts and the end of the text.
fn issue(n: usize, edit: usize) -> String {
    let user = |id: usize| {
        serde_json::json!({ "login": format!("user{id}"), "id": id * 7919, "type": "User",
            "url": format!("https://api.example/users/user{id}"), "site_admin": false })
    };
    let mut body = words(n, 60);
    if edit > 0 {
        body = format!("{body} Edit: {}", words(n + edit * 1_000_003, 12));
    }
    serde_json::json!({
        "id": n, "node_id": format!("I_{:x}", n * 104_729), "number": n, "title": words(n + 7, 6), "body": body,
        "user": user(n % 97), "assignee": user(n % 31), "state": if edit.is_multiple_of(2) { "open" } else { "closed" },
        "url": format!("https://api.example/repos/acme/shop/issues/{n}"),
        "comments_url": format!("https://api.example/repos/acme/shop/issues/{n}/comments"),
        "events_url": format!("https://api.example/repos/acme/shop/issues/{n}/events"),
        "labels": [{ "id": n % 13, "name": WORDS[n % 10], "color": "d73a4a" }],
        "created_at": format!("2026-01-{:02}T{:02}:00:00Z", n % 28 + 1, n % 24),
        "updated_at": format!("2026-11-{:02}T{:02}:{:02}:00Z", edit % 28 + 1, n % 24, (n + edit) % 60),
        "comments": n % 17 + edit, "locked": false, "milestone": null, "author_association": "NONE",
        "reactions": { "total_count": edit, "+1": edit, "-1": 0, "laugh": 0, "hooray": 0 }
    })
    .to_string()
}

#[tokio::test]
async fn thirty_days_of_scattered_changes_cost_a_third_of_the_first() {
    let records = 20_000;
    let world = World::new(Options::default()).await;
    let first = Batch::full((0..records).map(|n| (n.to_string(), issue(n, 0))));
    let mut lines = after(&Lines::new(), &first, &by_id());
    backup(&world.vault, "acme", 0, &by_id(), &first).await.unwrap();
    let stored_first = stored(&world).await;
    let mut next = records;
    for day in 1..=30 {
        let mut rng = fastrand::Rng::with_seed(day as u64);
        let mut ops: Vec<_> = (0..records / 200)
            .map(|_| rng.usize(..records))
            .map(|n| Op::Put(n.to_string(), issue(n, day)))
            .collect();
        ops.extend((0..records / 1000).map(|_| Op::Remove(rng.usize(..records).to_string())));
        ops.extend((0..records / 500).map(|n| Op::Put((next + n).to_string(), issue(next + n, 0))));
        next += records / 500;
        let batch = Batch {
            sweep: Sweep::Changes,
            ops,
        };
        lines = after(&lines, &batch, &by_id());
        backup(&world.vault, "acme", day, &by_id(), &batch).await.unwrap();
    }
    let newest = world.vault.newest("acme").await.unwrap().unwrap();
    assert_eq!(
        state_of(&world.vault, "acme", &newest.resources[RESOURCE])
            .await
            .unwrap(),
        lines
    );
    assert_eq!(newest.resources[RESOURCE].layers.len(), 31);
    let ratio = stored(&world).await as f64 / stored_first as f64;
    assert!(ratio <= 1.35, "thirty days cost {ratio:.3} times the first");
    assert!(ratio > 1.1, "{ratio:.3} is too good to be true");
}

async fn stored(world: &World) -> u64 {
    let mut pages = world
        .embedded
        .s3()
        .list_objects_v2()
        .bucket(world.vault.bucket())
        .into_paginator()
        .send();
    let mut bytes = 0;
    while let Some(page) = pages.next().await {
        let objects = page.unwrap().contents.unwrap_or_default();
        bytes += objects
            .iter()
            .map(|object| object.size.unwrap_or_default() as u64)
            .sum::<u64>();
    }
    bytes
}
