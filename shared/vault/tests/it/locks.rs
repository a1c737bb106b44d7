//! Locks: what a locked snapshot stands on stays for at least as long as the snapshot.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::Timestamp;
use seatbelt_embedded::{BUCKET, Options as Home};
use seatbelt_vault::{LockMode, ObjectLock, Sweep, Vault};

use crate::world::{Batch, Op, World, backup, by_id, id, keys, record, tiny};

async fn locked_until(vault: &Vault, key: &str) -> Timestamp {
    let head = vault
        .client()
        .head_object()
        .bucket(BUCKET)
        .key(key)
        .send()
        .await
        .unwrap();
    Timestamp::from_second(head.object_lock_retain_until_date.unwrap().secs()).unwrap()
}

#[tokio::test]
async fn every_object_is_locked_at_least_as_long_as_each_snapshot_that_names_it() {
    let now = Arc::new(AtomicI64::new(0));
    let clock = now.clone();
    let home = Home::default()
        .fast()
        .clock(move || Timestamp::from_second(clock.load(Ordering::Relaxed)).unwrap());
    let world = World::with_home(home, tiny()).await;
    let lock = |number| {
        Some(ObjectLock {
            mode: LockMode::Governance,
            from: id(number).start(),
            days: 3,
        })
    };
    let mut rng = fastrand::Rng::with_seed(3);
    let mut text = || (0..100).map(|_| rng.alphanumeric()).collect::<String>();
    let first = Batch::full((0..200).map(|n| (n.to_string(), record(&n.to_string(), &text()))));
    let mut extended = 0;
    for number in 0..12 {
        now.store(id(number).start().as_second(), Ordering::Relaxed);
        let vault = world.vault.with_lock(lock(number));
        let day = Op::Put(
            number.to_string(),
            record(&number.to_string(), &format!("day {number}")),
        );
        let batch = if number == 0 {
            first.clone()
        } else {
            Batch {
                sweep: Sweep::Changes,
                ops: vec![day],
            }
        };
        backup(&vault, "acme", number, &by_id(), &batch).await.unwrap();
        let snapshot = locked_until(&vault, &Vault::snapshot_key("acme", id(number))).await;
        assert_eq!(snapshot, id(number + 3).start());
        let newest = vault.newest("acme").await.unwrap().unwrap();
        let layers = newest.resources.values().flat_map(|state| &state.layers);
        for layer in layers {
            let until = locked_until(&vault, &Vault::object_key("acme", &layer.index)).await;
            assert!(until >= snapshot, "{until} is before {snapshot}");
            extended += usize::from(until > id(6).start() && layer.snapshot == id(0));
        }
    }
    assert!(extended > 0, "the first base outlived its first lock");
    assert!(keys(&world.vault, "acme/objects/").await.len() > 12);
}
