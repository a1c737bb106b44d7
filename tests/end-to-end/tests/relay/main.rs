//! Runs that take several invocations, several workers, or several tries: whatever happens on the way, one snapshot comes of it, and it holds what an
//! undisturbed run would have stored.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod firings;
mod stand;
mod workers;

use std::time::Duration;

use seatbelt_model::RunStatus;
use serde_json::json;
use stand::{Stand, Vendor, asked};

/// One request a second, so that an invocation's seconds are its requests.
fn slow() -> serde_json::Value {
    json!({"requests_per_second": 1, "concurrency": 2})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_invocations_make_the_snapshot_that_one_makes() {
    let vendor = Vendor::start().await;
    let (state, alone) = vendor.undisturbed(&slow(), &[]).await;
    assert_eq!((alone.hops, alone.status), (1, RunStatus::Complete), "{alone:?}");
    let lasts = Duration::from_secs(alone.traffic.requests / 11);

    let stand = Stand::new(&vendor, &slow(), &[]).await;
    let answer = stand.drain(asked(), lasts).await;
    let runs = stand.runs().await;
    assert_eq!(runs.len(), 1, "one run, however many invocations");
    assert!(runs[0].hops >= 10, "{} invocations", runs[0].hops);
    assert_eq!(runs[0].status, alone.status);
    assert_eq!(runs[0].resources, alone.resources);
    assert!(runs[0].notes.is_empty(), "nothing went wrong: {:?}", runs[0].notes);
    assert!(
        runs[0].traffic.requests >= alone.traffic.requests,
        "what all invocations sent is counted"
    );
    assert_eq!(answer["status"], "complete");
    stand.is_tidy().await;
    stand.ends_like(&state).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invocation_killed_at_any_request_is_gone_on_with() {
    let vendor = Vendor::start().await;
    let (state, alone) = vendor.undisturbed(&slow(), &[]).await;
    let lasts = Duration::from_secs(alone.traffic.requests / 11);
    let mut noted = 0;
    for at in (1..alone.traffic.requests).step_by(7) {
        let stand = Stand::new(&vendor, &slow(), &[]).await;
        let before = vendor.wordpress.server.request_count();
        let kill = || vendor.wordpress.server.reached(before + at);
        noted += killed_once(&stand, lasts, kill).await;
        stand.ends_like(&state).await;
    }
    assert!(noted > 0, "the runs say that an invocation died");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invocation_killed_at_any_write_is_gone_on_with() {
    let vendor = Vendor::start().await;
    let counting = Stand::new(&vendor, &slow(), &[]).await;
    let lasts = Duration::from_secs(20);
    counting.drain(asked(), lasts).await;
    let (state, writes) = (counting.state().await, *counting.writes.lock().unwrap());
    for at in (1..writes).step_by(23) {
        let stand = Stand::new(&vendor, &slow(), &[]).await;
        let counter = &stand.writes;
        *counter.lock().unwrap() = 0;
        let kill = || async {
            while *counter.lock().unwrap() < at {
                tokio::task::yield_now().await;
            }
        };
        killed_once(&stand, lasts, kill).await;
        stand.ends_like(&state).await;
    }
}

/// Drains the queue; the invocation at work when `kill` returns dies, and Lambda delivers its event again. The number of notes about it.
async fn killed_once<F: Future<Output = ()>>(stand: &Stand, lasts: Duration, kill: impl Fn() -> F) -> usize {
    stand.events.push(asked());
    let mut killed = false;
    while let Some(event) = stand.events.pop() {
        let payload = serde_json::to_value(&event).unwrap();
        let mut invocation = stand.invocation(lasts);
        let work = stand.backup.handle(payload.clone(), invocation.clone());
        if killed {
            work.await.unwrap();
            continue;
        }
        tokio::select! {
            biased;
            answer = work => drop(answer.unwrap()),
            () = kill() => {
                killed = true;
                // Lambda's own retry: the same request, a minute later.
                invocation.deadline = stand.now() + lasts;
                stand.backup.handle(payload, invocation).await.unwrap();
            }
        }
    }
    let runs = stand.runs().await;
    let backed_up: Vec<_> = runs.iter().filter(|run| run.snapshot.is_some()).collect();
    assert!(!backed_up.is_empty(), "{runs:#?}");
    runs.iter().map(|run| run.notes.len()).sum()
}
