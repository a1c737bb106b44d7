//! What is locked goes later, and what is kept is locked for long enough.

use jiff::Timestamp;
use seatbelt_embedded::BUCKET;
use seatbelt_vault::Vault;

use crate::house::{DAY, HOUR, House, changes};

async fn locked_until(vault: &Vault, key: &str) -> Option<Timestamp> {
    let head = vault
        .client()
        .head_object()
        .bucket(BUCKET)
        .key(key)
        .send()
        .await
        .unwrap();
    head.object_lock_retain_until_date
        .map(|until| Timestamp::from_second(until.secs()).unwrap())
}

/// Asserts that nothing a locked snapshot names has a shorter lock, and says how many objects are locked.
async fn check(house: &House, system: &str) -> usize {
    let mut locked = 0;
    for id in house.ids(system).await {
        let Some(least) = locked_until(house.vault(), &Vault::snapshot_key(system, id)).await else {
            continue;
        };
        let snapshot = house.vault().snapshot(system, id).await.unwrap();
        assert!(snapshot.locked_until.is_none_or(|until| until <= least));
        for layer in snapshot
            .resources
            .values()
            .flat_map(|state| state.layers.iter().chain(&state.delta))
        {
            let json = house.vault().lines(system, &layer.index).await.unwrap();
            let index: seatbelt_model::LayerIndex = serde_json::from_slice(&json).unwrap();
            let under = index.chunks.iter().map(|chunk| &chunk.object).chain([&layer.index]);
            for object in under {
                let until = locked_until(house.vault(), &Vault::object_key(system, object)).await;
                assert!(until >= Some(least), "{object} of {id}: {until:?} before {least}");
                locked += 1;
            }
        }
    }
    locked
}

#[tokio::test]
async fn what_is_locked_is_kept_for_later_and_then_goes() {
    let mut house = House::new().await;
    house.policy("acme", "1 daily").await;
    for day in 0..4 {
        house.backup_locked("acme", &changes(day), Some(3)).await;
    }
    let pass = house.clean("acme").await;
    // The first was made three days ago and an hour, so its lock is over; the two after it are locked.
    assert_eq!((pass.expired.len(), pass.locked.len()), (1, 2));
    assert_eq!(house.ids("acme").await.len(), 3);
    house.wait(3 * DAY);
    assert_eq!(house.clean("acme").await.expired.len(), 2);
    house.wait(DAY);
    let pass = house.clean("acme").await;
    assert!(
        pass.swept.later > 0 && pass.swept.later_from > Some(house.now()),
        "{:?}",
        pass.swept
    );
    let (first, stored) = (pass.swept.later_from.unwrap(), house.stored("acme").await.len());
    // Until the first lock is over nothing is even looked at.
    house.wait(first.as_second() - house.now().as_second() - 1);
    let pass = house.clean("acme").await;
    assert_eq!((pass.swept.objects, house.stored("acme").await.len()), (0, stored));
    for _ in 0..8 {
        house.wait(DAY);
        house.clean("acme").await;
    }
    assert_eq!(house.stored("acme").await, house.named("acme").await);
    assert!(house.stored("acme").await.len() < stored);
}

#[tokio::test]
async fn commits_keep_up_with_locks_that_begin_grow_and_shrink() {
    let mut house = House::new().await;
    house.policy("acme", "90 daily").await;
    let mut checked = 0;
    for (day, lock) in [
        None,
        None,
        Some(3),
        Some(3),
        Some(30),
        Some(30),
        Some(2),
        Some(2),
        None,
        Some(9),
        Some(9),
    ]
    .into_iter()
    .enumerate()
    {
        house.backup_locked("acme", &changes(day), lock).await;
        checked += check(&house, "acme").await;
        // Nothing is left for retention to mend.
        assert_eq!(house.clean("acme").await.locks_extended, 0, "day {day}");
    }
    assert!(checked > 50);
}

#[tokio::test]
async fn a_lock_that_was_made_longer_by_hand_holds_what_the_snapshot_stands_on() {
    let mut house = House::new().await;
    house.policy("acme", "90 daily").await;
    for day in 0..3 {
        house.backup_locked("acme", &changes(day), Some(2)).await;
    }
    let held = house.ids("acme").await[1];
    let until = house.now().as_second() + 400 * DAY;
    let retention = aws_sdk_s3::types::ObjectLockRetention::builder()
        .mode(aws_sdk_s3::types::ObjectLockRetentionMode::Compliance)
        .retain_until_date(aws_sdk_s3::primitives::DateTime::from_secs(until))
        .build();
    let key = Vault::snapshot_key("acme", held);
    let put = house.vault().client().put_object_retention().bucket(BUCKET).key(key);
    put.retention(retention).send().await.unwrap();
    let pass = house.clean("acme").await;
    assert!(pass.locks_extended > 2);
    check(&house, "acme").await;
    house.wait(HOUR);
    assert_eq!(house.clean("acme").await.locks_extended, 0, "once is enough");
    // It outlives every policy, and what it stands on does too.
    house.policy("acme", "1 daily").await;
    house.wait(30 * DAY);
    for _ in 0..4 {
        house.wait(2 * DAY);
        house.clean("acme").await;
    }
    assert!(house.ids("acme").await.contains(&held));
    assert_eq!(house.stored("acme").await, house.named("acme").await);
}
