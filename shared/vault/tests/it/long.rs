//! Many snapshots: layers are compacted, snapshots expire, and every reading stays true.

use futures_util::TryStreamExt;
use seatbelt_model::{ChangeKind, LayerRole};
use seatbelt_vault::{Options, Sweep};

use crate::world::{Batch, Lines, Op, RESOURCE, World, after, backup, by_id, check_everything, id, record, tiny};

/// A few changes scattered over the records, different every day.
fn day(number: usize, records: usize) -> Batch {
    let key = |n: usize| ((n * 37 + number * 101) % records).to_string();
    let mut ops: Vec<_> = (0..3)
        .map(|n| Op::Put(key(n), record(&key(n), &format!("day {number}"))))
        .collect();
    ops.push(Op::Remove(key(5)));
    ops.push(Op::Put(format!("new-{number}"), record(&format!("new-{number}"), "")));
    Batch {
        sweep: Sweep::Changes,
        ops,
    }
}

#[tokio::test]
async fn deltas_become_one_and_then_a_new_base_and_nothing_reads_differently() {
    let world = World::new(Options {
        chunk_bytes: 4096,
        ..tiny()
    })
    .await;
    let mut rng = fastrand::Rng::with_seed(1);
    let mut text = || (0..300).map(|_| rng.alphanumeric()).collect::<String>();
    let first = Batch::full((0..400).map(|n| (n.to_string(), record(&n.to_string(), &text()))));
    let (mut snapshots, mut lines) = (Vec::new(), Lines::new());
    for number in 0..70 {
        let batch = if number == 0 { first.clone() } else { day(number, 400) };
        lines = after(&lines, &batch, &by_id());
        let snapshot = backup(&world.vault, "acme", number, &by_id(), &batch).await.unwrap();
        snapshots.push((snapshot, lines.clone()));
    }
    let layers: Vec<_> = snapshots
        .iter()
        .map(|(snapshot, _)| snapshot.resources[RESOURCE].layers.clone())
        .collect();
    assert!(layers.iter().all(|layers| layers.len() < 33));
    let united = |layers: &Vec<seatbelt_model::Layer>| layers.len() == 2 && layers[0].snapshot == id(0);
    assert!(layers[10..].iter().any(united), "deltas became one");
    assert!(
        layers.iter().any(|layers| layers[0].snapshot != id(0)),
        "a new base was written"
    );
    assert!(layers.iter().all(|layers| layers[0].role == LayerRole::Base));
    // Every pair would be thousands: some that are near, some that are far.
    let some: Vec<_> = [0, 1, 29, 30, 31, 32, 33, 34, 50, 68, 69]
        .map(|at| snapshots[at].clone())
        .into();
    check_pairs(&world, &some).await;

    // Retention takes most of them; what is kept says the same as ever.
    let kept: Vec<_> = [3, 4, 20, 33, 34, 69].map(|at| snapshots[at].clone()).into();
    for (snapshot, _) in &snapshots {
        if !kept.iter().any(|(kept, _)| kept.id == snapshot.id) {
            let key = seatbelt_vault::Vault::snapshot_key("acme", snapshot.id);
            world
                .vault
                .client()
                .delete_object()
                .bucket(world.vault.bucket())
                .key(key)
                .send()
                .await
                .unwrap();
        }
    }
    let probes = ["5", "38", "101", "new-3", "new-34", "new-60", "absent"].map(String::from);
    check_everything(&world.vault, "acme", &kept, &probes).await;
    assert_eq!(world.vault.newest("acme").await.unwrap().unwrap().id, id(69));
    let noon = id(33)
        .start()
        .checked_add(jiff::SignedDuration::from_hours(12))
        .unwrap();
    assert_eq!(world.vault.newest_at("acme", noon).await.unwrap().unwrap().id, id(33));
    assert!(world.vault.newest_at("acme", id(1).start()).await.unwrap().is_none());
    let status = world
        .vault
        .client()
        .put_object()
        .bucket(world.vault.bucket())
        .key("_seatbelt/status.json");
    status.body(b"{}".to_vec().into()).send().await.unwrap();
    assert_eq!(
        world.vault.systems().await.unwrap(),
        ["acme"],
        "what is the house's own is no system"
    );
}

async fn check_pairs(world: &World, snapshots: &[(seatbelt_model::Snapshot, Lines)]) {
    for (from, before) in snapshots {
        for (to, after) in snapshots {
            let changes: Vec<_> = world
                .vault
                .changes("acme", RESOURCE, Some(from.id), to.id)
                .try_collect()
                .await
                .unwrap();
            assert_eq!(
                changes,
                crate::world::between(before, after),
                "{} to {}",
                from.id,
                to.id
            );
        }
    }
}

#[tokio::test]
async fn an_append_only_resource_keeps_its_chunks_when_it_is_compacted() {
    let world = World::new(tiny()).await;
    let mut rng = fastrand::Rng::with_seed(2);
    let mut text = || (0..200).map(|_| rng.alphanumeric()).collect::<String>();
    let mut batch = |range: std::ops::Range<usize>| Batch {
        sweep: Sweep::Changes,
        ops: range
            .map(|n| Op::Put(n.to_string(), record(&n.to_string(), &text())))
            .collect(),
    };
    let (mut snapshots, mut lines) = (Vec::new(), Lines::new());
    for (number, range) in [0..40, 40..80].into_iter().enumerate() {
        let batch = batch(range);
        lines = after(&lines, &batch, &by_id());
        snapshots.push((
            backup(&world.vault, "acme", number, &by_id(), &batch).await.unwrap(),
            lines.clone(),
        ));
    }
    check_everything(&world.vault, "acme", &snapshots, &["39".into(), "40".into()]).await;
    let second = &snapshots[1].0.resources[RESOURCE];
    assert_eq!(
        (second.layers.len(), second.layers[0].snapshot),
        (1, id(1)),
        "it was compacted"
    );
    assert_eq!(second.changes.added, 40);
    let before = world.objects("acme/objects/").await.len();
    // The old base's chunks, the delta's, the new base's last ones, and three indexes: had the old chunks been written
    // again, they would have other neighbours and other names.
    let chunks = |layer: &seatbelt_model::Layer| layer.lines.div_ceil(5) as usize;
    assert!(before <= 2 * chunks(&second.layers[0]) + chunks(second.delta.as_ref().unwrap()) + 20);
}

#[tokio::test]
async fn an_unchanged_full_sweep_writes_nothing_but_the_document() {
    let world = World::new(tiny()).await;
    let batch = Batch::full((0..200).map(|n| (n.to_string(), record(&n.to_string(), "as it is"))));
    let first = backup(&world.vault, "acme", 0, &by_id(), &batch).await.unwrap();
    let objects = world.objects("acme/objects/").await;
    let second = backup(&world.vault, "acme", 1, &by_id(), &batch).await.unwrap();
    assert_eq!(world.objects("acme/objects/").await, objects);
    assert_eq!(second.resources[RESOURCE].layers, first.resources[RESOURCE].layers);
    assert_eq!(second.resources[RESOURCE].delta, None);
    assert_eq!(
        world
            .vault
            .change_counts("acme", RESOURCE, Some(id(0)), id(1))
            .await
            .unwrap()
            .total(),
        0
    );
    world.vault.clear_staging("acme", id(0)).await.unwrap();
    world.vault.clear_staging("acme", id(1)).await.unwrap();
    assert_eq!(world.objects("acme/staging/").await, [""; 0]);
}

#[tokio::test]
async fn a_resource_that_comes_and_goes_is_added_and_removed() {
    let world = World::new(tiny()).await;
    let batch = Batch::full((0..3).map(|n| (n.to_string(), record(&n.to_string(), ""))));
    let first = backup(&world.vault, "acme", 0, &by_id(), &batch).await.unwrap();
    let mut without = first.clone();
    (without.id, without.parent) = (id(1), Some(first.id));
    without.resources.clear();
    world.vault.commit(&without).await.unwrap();
    let changes: Vec<_> = world
        .vault
        .changes("acme", RESOURCE, Some(id(0)), id(1))
        .try_collect()
        .await
        .unwrap();
    assert!(changes.len() == 3 && changes.iter().all(|change| change.kind == ChangeKind::Removed));
    let back: Vec<_> = world
        .vault
        .changes("acme", RESOURCE, Some(id(1)), id(0))
        .try_collect()
        .await
        .unwrap();
    assert!(back.len() == 3 && back.iter().all(|change| change.kind == ChangeKind::Added));
    let history = world.vault.history("acme", RESOURCE, "1").await.unwrap();
    assert_eq!(
        history.iter().map(|version| version.kind).collect::<Vec<_>>(),
        [ChangeKind::Added, ChangeKind::Removed]
    );
    assert_eq!(
        world
            .vault
            .changes("acme", "other", Some(id(0)), id(1))
            .try_collect::<Vec<_>>()
            .await
            .unwrap(),
        []
    );
}
