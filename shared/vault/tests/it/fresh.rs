//! First sweeps in the order of keys go straight to the base layer.

use futures_util::TryStreamExt;
use seatbelt_vault::{Options, Staged, Sweep};

use crate::world::{Batch, Lines, Op, RESOURCE, World, after, backup, by_id, check_everything, id, record, tiny};

#[tokio::test]
async fn records_in_order_are_stored_once_and_need_no_merge() {
    let world = World::new(tiny()).await;
    let mut ops: Vec<_> = (0..300)
        .map(|n| Op::Put(n.to_string(), record(&n.to_string(), "in order")))
        .collect();
    ops.insert(100, Op::Handover);
    ops.insert(200, Op::Listed("7".into()));
    let batch = Batch {
        sweep: Sweep::Full,
        ops,
    };
    let lines = after(&Lines::new(), &batch, &by_id());
    let snapshot = backup(&world.vault, "acme", 0, &by_id(), &batch).await.unwrap();
    let staged = world.objects("acme/staging/").await;
    assert_eq!(
        staged.len(),
        2,
        "two lists of chunks, one at the checkpoint and one at the end: {staged:?}"
    );
    let index = snapshot.resources[RESOURCE].layers[0].clone();
    assert_eq!(index.lines, 300);
    let chunks = world.objects("acme/objects/").await.len() - 1;
    assert!((12..80).contains(&chunks), "{chunks} chunks, none of them left over");
    check_everything(&world.vault, "acme", &[(snapshot, lines)], &["0".into(), "299".into()]).await;
}

#[tokio::test]
async fn one_record_out_of_order_takes_the_long_way_and_loses_nothing() {
    for late in [0, 60, 150, 299] {
        let world = World::new(tiny()).await;
        let mut ops: Vec<_> = (10..300)
            .map(|n| Op::Put(n.to_string(), record(&n.to_string(), "in order")))
            .collect();
        ops.insert(late.min(ops.len()), Op::Put("5".into(), record("5", "late")));
        ops.push(Op::Put("100".into(), record("100", "again")));
        let batch = Batch {
            sweep: Sweep::Full,
            ops,
        };
        let lines = after(&Lines::new(), &batch, &by_id());
        let snapshot = backup(&world.vault, "acme", 0, &by_id(), &batch).await.unwrap();
        check_everything(&world.vault, "acme", &[(snapshot, lines)], &["5".into(), "100".into()]).await;
    }
}

#[tokio::test]
async fn units_are_joined_and_the_later_wins() {
    let world = World::new(tiny()).await;
    let mut parts = Vec::new();
    for (unit, range) in [("team/a", 0..100), ("team/b", 90..200)] {
        let mut stager = world.vault.stager("acme", id(0), unit, true, Vec::new());
        for n in range {
            stager.put(&n.to_string(), &record(&n.to_string(), unit)).await.unwrap();
        }
        parts.push(stager.flush().await.unwrap());
    }
    let staged = parts.into_iter().map(Staged::from_runs).reduce(Staged::join).unwrap();
    assert_eq!(staged.entries(), 210);
    assert_eq!(
        staged.base(&world.vault, "acme", id(0)).await.unwrap(),
        None,
        "the units overlap"
    );
    let compared = world
        .vault
        .compare("acme", None, staged, Sweep::Full, &[], &by_id())
        .await
        .unwrap();
    let found: Vec<_> = compared.into_stream().try_collect().await.unwrap();
    assert_eq!(found.len(), 200);
    let of_a = found
        .iter()
        .filter(|found| crate::world::text(found.after.as_ref().unwrap()).contains("team/a"));
    assert_eq!(of_a.count(), 90);
}

#[tokio::test]
async fn what_fits_the_buffer_is_never_staged() {
    let world = World::new(Options::default()).await;
    let batch = Batch::full((0..300).rev().map(|n| (n.to_string(), record(&n.to_string(), "small"))));
    backup(&world.vault, "acme", 0, &by_id(), &batch).await.unwrap();
    assert_eq!(world.objects("acme/staging/").await, [""; 0]);
    assert_eq!(world.objects("acme/objects/").await.len(), 2, "a chunk and an index");
}
