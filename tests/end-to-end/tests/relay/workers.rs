//! Workers: a resource with many partitions is shared, and any of them may die.

use std::{sync::Arc, time::Duration};

use seatbelt_model::RunStatus;
use seatbelt_runtime::Event;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::stand::{Stand, Vendor, asked};

const INVOCATION: Duration = Duration::from_mins(14);
/// Revisions are listed post by post.
const WIDE: &[&str] = &["posts", "revisions", "users"];

fn fast(workers: u32) -> Value {
    json!({"requests_per_second": 1000, "concurrency": 2, "workers": workers})
}

/// Makes every invocation that is asked for at once, side by side. `doomed` says which of them die, by number, after how many requests in all.
async fn side_by_side(stand: &Arc<Stand>, vendor: &Arc<Vendor>, doomed: Option<(usize, u64)>) -> usize {
    let mut at_work = JoinSet::new();
    stand.events.push(asked());
    let mut begun = 0;
    loop {
        while let Some(event) = stand.events.pop() {
            let dies = doomed.filter(|(number, _)| *number == begun).map(|(_, at)| at);
            begun += 1;
            at_work.spawn(invoke(Arc::clone(stand), Arc::clone(vendor), event, dies));
        }
        // New events come from those at work, so look again whenever one may have been asked for.
        tokio::select! {
            ended = at_work.join_next() => match ended {
                Some(ended) => ended.unwrap(),
                None => return begun,
            },
            () = tokio::task::yield_now() => {}
        }
    }
}

async fn invoke(stand: Arc<Stand>, vendor: Arc<Vendor>, event: Event, dies: Option<u64>) {
    let payload = serde_json::to_value(&event).unwrap();
    let invocation = stand.invocation(INVOCATION);
    let work = stand.backup.handle(payload.clone(), invocation.clone());
    let Some(at) = dies else {
        return drop(work.await.unwrap());
    };
    let alive = tokio::select! {
        answer = work => answer.is_ok(),
        () = vendor.wordpress.server.reached(at) => false,
    };
    if !alive {
        let again = seatbelt_runtime::Invocation {
            deadline: stand.now() + INVOCATION,
            ..invocation
        };
        stand.backup.handle(payload, again).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_workers_make_the_snapshot_that_one_makes() {
    let vendor = Arc::new(Vendor::start().await);
    let (state, alone) = vendor.undisturbed(&fast(1), WIDE).await;
    assert_eq!((alone.workers, alone.status), (1, RunStatus::Complete));

    let stand = Arc::new(Stand::new(&vendor, &fast(4), WIDE).await);
    assert_eq!(
        side_by_side(&stand, &vendor, None).await,
        4,
        "the leader calls three, once"
    );
    let run = stand.runs().await.remove(0);
    assert_eq!(
        (run.workers, run.hops, run.status),
        (4, 1, RunStatus::Complete),
        "{run:#?}"
    );
    assert_eq!(run.resources, alone.resources);
    assert_eq!(
        run.traffic.requests, alone.traffic.requests,
        "what all of them sent is counted, once"
    );
    stand.is_tidy().await;
    stand.ends_like(&state).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_dies_the_others_finish() {
    let vendor = Arc::new(Vendor::start().await);
    let (state, alone) = vendor.undisturbed(&fast(1), WIDE).await;
    let requests = alone.traffic.requests;
    for (number, at) in [
        (0, requests / 2),
        (1, requests / 3),
        (2, requests / 2),
        (3, requests * 3 / 4),
    ] {
        let stand = Arc::new(Stand::new(&vendor, &fast(4), WIDE).await);
        let before = vendor.wordpress.server.request_count();
        side_by_side(&stand, &vendor, Some((number, before + at))).await;
        let run = stand.runs().await.remove(0);
        assert_eq!(run.status, RunStatus::Complete, "worker {number} died: {run:#?}");
        assert_eq!(stand.rig.objects("snapshots/").await.len(), 1);
        stand.ends_like(&state).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_helper_that_comes_late_leaves_quietly() {
    let vendor = Arc::new(Vendor::start().await);
    let stand = Arc::new(Stand::new(&vendor, &fast(4), WIDE).await);
    side_by_side(&stand, &vendor, None).await;
    let run = stand.runs().await.remove(0);
    let late = Event {
        run: Some(run.id),
        worker: Some(1),
        ..asked()
    };
    let answer = stand.drain(late, INVOCATION).await;
    assert!(answer["said"].as_str().unwrap().contains("is over"), "{answer}");
    let again = Event {
        run: Some(run.id),
        ..asked()
    };
    let answer = stand.drain(again, INVOCATION).await;
    assert!(answer["said"].as_str().unwrap().contains("is over"), "{answer}");
    assert_eq!(stand.runs().await.len(), 1, "no run was begun");
}
