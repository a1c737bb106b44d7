//! Stalled runs: continued once, closed at last.

use std::time::Duration;

use seatbelt_model::{RunStatus, Trigger};
use serde_json::json;

use crate::world::{World, at, minutes, snapshot};

/// `acme` was backed up on the 22nd; its run of the 23rd died at 02:10, and its lease lasts until 02:25.
async fn stalled() -> (World, seatbelt_model::Run) {
    let world = World::new().await;
    world.daily("acme").await;
    world.round().await;
    world.backed_up("acme", "22T02:00").await;
    let (run, _) = world.running("acme", "23T02:00").await;
    assert_eq!(world.round_at("23T02:20").await, []);
    assert_eq!(world.services.invocations(), []);
    (world, run)
}

#[tokio::test]
async fn a_stalled_run_is_continued_once_and_over_when_it_goes_on() {
    let (world, run) = stalled().await;
    let told = world.round_at("23T02:30").await;
    assert_eq!(told[0].subject, "Seatbelt prod: 1 warning: acme run stalled");
    let event = json!({"system": "acme", "run": run.id});
    assert_eq!(world.services.invocations(), [("wordpress".to_owned(), event)]);
    // While the event waits in the queue, it is not sent again.
    assert_eq!(world.round_at("23T02:40").await, []);
    assert_eq!(world.services.invocations(), []);
    // The backup function takes it up, and ends it.
    let now = at("23T02:45");
    let lease = world
        .catalog
        .acquire_lease("acme", "next", now, Duration::from_mins(15))
        .await
        .unwrap()
        .unwrap();
    let over = world.round_at("23T02:50").await;
    assert!(
        over[0]
            .text
            .contains("acme: run stalled (20261123T020000Z), since 2026-11-23 02:10 UTC"),
        "{}",
        over[0].text
    );
    let mut run = run;
    (run.status, run.heartbeat_at, run.ended_at) = (RunStatus::Complete, at("23T02:55"), Some(at("23T02:55")));
    world
        .vault
        .commit(&snapshot("acme", at("23T02:00"), &[("posts", 1_000)]))
        .await
        .unwrap();
    world.catalog.save_run(&run).await.unwrap();
    world.catalog.release(&lease).await.unwrap();
    assert_eq!(world.round_at("23T03:00").await, []);
    assert_eq!(world.services.invocations(), []);
}

#[tokio::test]
async fn two_rounds_at_once_continue_it_once() {
    let (world, _) = stalled().await;
    world.set("23T02:30");
    let rounds = ["a", "b", "c"].map(|name| {
        let watchdog = world.watchdog.clone();
        tokio::spawn(async move { watchdog.round(name).await.unwrap() })
    });
    for round in rounds {
        round.await.unwrap();
    }
    assert_eq!(world.services.invocations().len(), 1);
}

#[tokio::test]
async fn after_five_times_it_is_closed_as_failed_and_people_are_told() {
    let (world, run) = stalled().await;
    let mut continued = 0;
    for ten in 0..16 {
        world.round_at(&clock(150 + 10 * ten)).await;
        continued += world.services.invocations().len();
    }
    assert_eq!(continued, 5);
    assert_eq!(world.catalog.open_runs("acme").await.unwrap(), []);
    let closed = world.catalog.run("acme", run.id).await.unwrap().unwrap();
    assert_eq!(closed.status, RunStatus::Failed);
    assert_eq!(closed.ended_at, Some(at("23T05:00")));
    assert_eq!(closed.heartbeat_at, run.heartbeat_at, "its last sign of life stays");
    let error = closed.error.unwrap();
    assert!(error.contains("continued 5 times"), "{error}");
    assert_eq!(
        world.catalog.lease_of("acme").await.unwrap(),
        None,
        "the next run may begin"
    );
    let told = world.round_at("23T05:10").await;
    assert_eq!(told[0].subject, "Seatbelt prod: 1 warning, 1 over: acme backup failed");
    assert!(
        told[0].text.contains("Over (1):\nacme: run stalled (20261123T020000Z)"),
        "{}",
        told[0].text
    );
    let found = world.found().await;
    assert!(
        found.contains(&("runs_failing".to_owned(), "acme".to_owned())),
        "{found:?}"
    );
    assert!(!found.iter().any(|(kind, _)| kind == "run_stalled"), "{found:?}");
}

/// So many minutes after midnight of the 23rd.
fn clock(minutes: i64) -> String {
    format!("23T{:02}:{:02}", minutes / 60, minutes % 60)
}

#[tokio::test]
async fn a_run_a_day_old_is_closed_as_its_snapshot_says_if_there_is_one() {
    for committed in [true, false] {
        let (world, run) = stalled().await;
        if committed {
            world
                .vault
                .commit(&snapshot("acme", at("23T02:00"), &[("posts", 990)]))
                .await
                .unwrap();
        }
        world.services.lambda_is_down(true);
        world.round_at("24T02:00").await;
        let closed = world.catalog.run("acme", run.id).await.unwrap().unwrap();
        if committed {
            assert_eq!((closed.status, closed.snapshot), (RunStatus::Complete, Some(run.id)));
            assert_eq!(closed.resources["posts"].records, 990);
        } else {
            assert_eq!((closed.status, closed.snapshot), (RunStatus::Failed, None));
            assert!(closed.error.unwrap().contains("began over 24 h ago"));
        }
        assert_eq!(closed.trigger, Trigger::Schedule);
        assert!(closed.notes[0].contains("closed by the watchdog"), "{:?}", closed.notes);
    }
}

#[tokio::test]
async fn a_run_that_somebody_takes_up_in_the_meantime_is_not_closed() {
    let (world, run) = stalled().await;
    let now = at("24T02:00");
    let lease = world
        .catalog
        .acquire_lease("acme", "next", now, Duration::from_mins(15))
        .await
        .unwrap()
        .unwrap();
    world.round_at("24T02:00").await;
    let open = world.catalog.run("acme", run.id).await.unwrap().unwrap();
    assert_eq!(open.status, RunStatus::Running);
    world
        .catalog
        .renew(&lease, now + minutes(1), Duration::from_mins(15))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_function_that_cannot_be_invoked_is_a_finding() {
    let (world, run) = stalled().await;
    world.services.lambda_is_down(true);
    let told = world.round_at("23T02:30").await;
    assert!(told[0].text.contains("could not be helped"), "{}", told[0].text);
    assert!(told[0].text.contains("prod-backup-wordpress"), "{}", told[0].text);
    let found = world.found().await;
    assert!(
        found.contains(&("action_failed".to_owned(), "acme".to_owned())),
        "{found:?}"
    );
    world.services.lambda_is_down(false);
    world.round_at("23T02:50").await;
    assert_eq!(world.services.invocations(), [], "it counts as a time");
    world.round_at("23T03:00").await;
    assert_eq!(
        world.services.invocations(),
        [("wordpress".to_owned(), json!({"system": "acme", "run": run.id}))]
    );
}
