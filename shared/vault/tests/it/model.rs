//! Any batches of records, in any order, cut anywhere, give the states a plain map would have.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use seatbelt_model::KeyRule;
use seatbelt_vault::{Options, Sweep, Vault};

use crate::world::{Batch, Lines, Op, World, after, backup, by_id, check_everything, record, state_of, tiny};

const KEYS: &[&str] = &[
    "1", "2", "3", "9", "10", "11", "100", "007", "", "a", "b", "é", "1/", "1/1", "1/2", "1/10", "2/1", "2/b", "2/b/1",
    "10/1", "\"q\"\n", "~0~1",
];
const PARENTS: &[&str] = &["1", "2", "10", "2/b", "a", "absent"];

fn any_key() -> impl Strategy<Value = String> {
    prop::sample::select(KEYS).prop_map(str::to_owned)
}

fn any_op() -> impl Strategy<Value = Op> {
    let text = prop_oneof![4 => "[ab]", 1 => Just("long ".repeat(60)), 1 => Just("\"_seatbelt\":{}".to_owned())];
    let put = (any_key(), text, prop::option::of(0..2_u8)).prop_map(|(key, text, seen)| {
        let mut value = serde_json::json!({ "id": &key, "text": text });
        if let Some(seen) = seen {
            value["seen"] = seen.into();
        }
        Op::Put(key, value.to_string())
    });
    prop_oneof![
        12 => put,
        2 => any_key().prop_map(Op::Remove),
        2 => prop::sample::select(PARENTS).prop_map(|parent| Op::Listed(parent.to_owned())),
        1 => Just(Op::Handover),
    ]
}

fn any_batch() -> impl Strategy<Value = Batch> {
    let sweep = prop_oneof![Just(Sweep::Full), Just(Sweep::Changes)];
    (sweep, prop::collection::vec(any_op(), 0..24), any::<bool>()).prop_map(|(sweep, mut ops, sorted)| {
        if sorted {
            let key = |op: &Op| match op {
                Op::Put(key, _) | Op::Remove(key) => key.clone(),
                Op::Listed(parent) => format!("{parent}/"),
                Op::Handover => String::new(),
            };
            ops.sort_by(|a, b| seatbelt_model::key::compare(&key(a), &key(b)));
        }
        Batch { sweep, ops }
    })
}

fn any_rule() -> impl Strategy<Value = KeyRule> {
    prop_oneof![Just(by_id()), Just(KeyRule::Written)]
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 400,
        ..ProptestConfig::default()
    }
}

#[test]
fn whatever_comes_every_reading_says_what_a_map_would() {
    let runtime = runtime();
    let world = runtime.block_on(World::new(tiny()));
    let number = AtomicUsize::new(0);
    let strategy = (prop::collection::vec(any_batch(), 1..6), any_rule());
    proptest!(cases(40), |((batches, rule) in strategy)| {
        let system = format!("system-{}", number.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(async {
            let (mut snapshots, mut lines) = (Vec::new(), Lines::new());
            for (number, batch) in batches.iter().enumerate() {
                lines = after(&lines, batch, &rule);
                let snapshot = backup(&world.vault, &system, number, &rule, batch).await.unwrap();
                snapshots.push((snapshot, lines.clone()));
            }
            let probes: Vec<_> = KEYS.iter().map(|key| (*key).to_owned()).collect();
            check_everything(&world.vault, &system, &snapshots, &probes).await;
        });
    });
}

#[test]
fn any_buffer_size_gives_the_same_content() {
    let runtime = runtime();
    let world = runtime.block_on(World::new(tiny()));
    let number = AtomicUsize::new(0);
    let strategy = (prop::collection::vec(any_batch(), 1..4), 1..2000_usize, 1..3000_usize);
    proptest!(cases(20), |((batches, buffer_bytes, chunk_bytes) in strategy)| {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let other = Options { buffer_bytes, chunk_bytes, ..world.vault.options().clone() };
        let other = Vault::new(world.vault.client().clone(), world.vault.bucket(), other);
        runtime.block_on(async {
            let mut states = Vec::new();
            for (name, vault) in [("a", &world.vault), ("b", &other)] {
                let (system, mut found) = (format!("{name}-{number}"), Vec::new());
                for (number, batch) in batches.iter().enumerate() {
                    let snapshot = backup(vault, &system, number, &by_id(), batch).await.unwrap();
                    let state = &snapshot.resources[crate::world::RESOURCE];
                    found.push((state_of(vault, &system, state).await.unwrap(), state.changes));
                }
                states.push(found);
            }
            assert_eq!(states[0], states[1]);
        });
    });
}

#[tokio::test]
async fn many_unordered_runs_are_merged_beforehand() {
    let world = World::new(Options {
        buffer_bytes: 300,
        ..tiny()
    })
    .await;
    // Each key comes three times, the runs overlap all over, and there are far more than are read side by side.
    let mut order = fastrand::Rng::with_seed(7);
    let mut ops: Vec<_> = (0..900)
        .map(|n| Op::Put((n % 300).to_string(), record(&(n % 300).to_string(), &n.to_string())))
        .collect();
    order.shuffle(&mut ops);
    let batch = Batch {
        sweep: Sweep::Full,
        ops,
    };
    let lines = after(&Lines::new(), &batch, &by_id());
    assert_eq!(lines.len(), 300);
    let snapshot = backup(&world.vault, "acme", 0, &by_id(), &batch).await.unwrap();
    check_everything(&world.vault, "acme", &[(snapshot, lines)], &["7".into(), "300".into()]).await;
}

#[tokio::test]
async fn records_that_came_twice_are_counted() {
    for options in [tiny(), Options::default()] {
        let world = World::new(options).await;
        let mut stager = world
            .vault
            .stager("acme", crate::world::id(0), "notes", true, Vec::new());
        for n in [1, 2, 3, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 3, 3] {
            let key = n.to_string();
            stager
                .put(&key, &record(&key, "a text that fills the buffer"))
                .await
                .unwrap();
        }
        let staged = stager.finish().await.unwrap();
        let known = staged.duplicates();
        let mut compared = world
            .vault
            .compare("acme", None, staged, Sweep::Full, &[], &by_id())
            .await
            .unwrap();
        while compared.next().await.unwrap().is_some() {}
        let counts = compared.counts();
        assert_eq!(
            (counts.records, counts.duplicates + known, counts.unchanged),
            (18, 3, 0)
        );
    }
}
