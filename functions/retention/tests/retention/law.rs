//! Whatever is backed up and whenever it is pruned: what is kept stays as it was, and everything else goes.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use proptest::prelude::*;
use seatbelt_vault::{Scope, Sweep};

use crate::{
    house::{DAY, HOUR, House},
    world::{Batch, Lines, Op, RESOURCE, after, between, by_id, check_history, record, state_of},
};

#[derive(Debug, Clone)]
enum Step {
    Backup(Batch),
    Policy(&'static str),
    /// So many hours later.
    Prune(i64),
}

const POLICIES: &[&str] = &[
    "1 daily",
    "2 daily",
    "3 daily, 1 weekly",
    "2 weekly, 2 monthly",
    "30 daily, 12 monthly",
];

fn any_batch() -> impl Strategy<Value = Batch> {
    let key = || (0..40_u8).prop_map(|key| key.to_string());
    let text = prop_oneof![3 => "[a-d]", 1 => Just("long ".repeat(60))];
    let put = (key(), text).prop_map(|(key, text)| {
        let record = record(&key, &text);
        Op::Put(key, record)
    });
    let op = prop_oneof![6 => put, 1 => key().prop_map(Op::Remove)];
    let sweep = prop_oneof![1 => Just(Sweep::Full), 4 => Just(Sweep::Changes)];
    (sweep, prop::collection::vec(op, 0..30)).prop_map(|(sweep, ops)| Batch { sweep, ops })
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => any_batch().prop_map(Step::Backup),
        1 => prop::sample::select(POLICIES).prop_map(Step::Policy),
        4 => (1..60_i64).prop_map(Step::Prune),
    ]
}

async fn check(steps: Vec<Step>) {
    let mut house = House::new().await;
    house.policy("acme", "2 daily").await;
    let (mut lines, mut all, mut expired) = (Lines::new(), BTreeMap::new(), 0);
    for step in steps {
        match step {
            Step::Backup(batch) => {
                lines = after(&lines, &batch, &by_id());
                let snapshot = house.backup("acme", &batch).await;
                all.insert(snapshot.id, (snapshot, lines.clone()));
            }
            Step::Policy(policy) => house.policy("acme", policy).await,
            Step::Prune(hours) => {
                house.wait(hours * HOUR);
                let pass = house.clean("acme").await;
                let there = house.ids("acme").await;
                assert_eq!(there.last(), all.keys().last(), "the newest stays");
                for id in &pass.expired {
                    assert!(!there.contains(id));
                    all.remove(id).unwrap();
                    expired += 1;
                }
                assert!(there.iter().eq(all.keys()), "nothing else goes");
                let report = house.vault().verify("acme", Scope::All, |_| {}).await.unwrap();
                assert_eq!(report.damaged, []);
            }
        }
    }
    let kept: Vec<_> = all.into_values().collect();
    let probes = ["0", "7", "39", "absent"].map(String::from);
    // Every pair of many would be hundreds: the oldest and the newest.
    let some: Vec<_> = kept
        .iter()
        .take(3)
        .chain(kept.iter().skip(3.max(kept.len().saturating_sub(3))))
        .cloned()
        .collect();
    for (from, before) in &some {
        for (to, after) in &some {
            let changes = house.vault().changes("acme", RESOURCE, Some(from.id), to.id);
            assert_eq!(
                changes.try_collect::<Vec<_>>().await.unwrap(),
                between(before, after),
                "{} to {}",
                from.id,
                to.id
            );
        }
    }
    for key in &probes {
        check_history(house.vault(), "acme", &kept, key).await;
    }
    // Marked, then swept: nothing is left but what is named.
    for _ in 0..3 {
        house.wait(DAY + HOUR);
        expired += house.clean("acme").await.expired.len();
    }
    assert_eq!(house.stored("acme").await, house.named("acme").await);
    let ids = house.ids("acme").await;
    let kept: Vec<_> = kept
        .into_iter()
        .filter(|(snapshot, _)| ids.contains(&snapshot.id))
        .collect();
    for (snapshot, lines) in &kept {
        let state = &snapshot.resources[RESOURCE];
        assert_eq!(&state_of(house.vault(), "acme", state).await.unwrap(), lines);
    }
    assert!(house.world.objects("acme/prune/").await.is_empty(), "no list is left");
    SEEN.fetch_add(expired, std::sync::atomic::Ordering::Relaxed);
}

static SEEN: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

#[test]
fn what_is_kept_stays_as_it_was_and_everything_else_goes() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 12,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let steps = prop::collection::vec(any_step(), 8..32);
    runner
        .run(&steps, |steps| {
            runtime.block_on(check(steps));
            Ok(())
        })
        .unwrap();
    assert!(
        SEEN.load(std::sync::atomic::Ordering::Relaxed) > 20,
        "hardly anything expired"
    );
}
