//! Runs without a sign of life.

use jiff::Timestamp;
use seatbelt_model::{Run, RunKind, RunStatus};
use seatbelt_watchdog::{Action, Continued, Kind, Severity, Watched, World, actions};
use serde_json::json;

use crate::{Stage, acme, at, edit, entry_with, findings, kinds, minutes, one, run, snapshot};

/// A run that began at 02:00 and gave its last sign of life at 02:30.
fn dead() -> Run {
    let mut run = run(at("22T02:00"), RunStatus::Running);
    (run.heartbeat_at, run.logs) = (at("22T02:30"), Some("log group x, stream y".into()));
    run
}

fn stage(run: Run) -> Watched {
    acme()
        .with_snapshots(vec![snapshot(at("21T02:00"))])
        .with_runs(vec![run])
}

fn to_do(now: Timestamp, watched: &Watched) -> Vec<Action> {
    actions(
        now,
        &World {
            systems: vec![watched.clone()],
        },
    )
}

fn go_on() -> Action {
    Action::Continue {
        system: "acme".into(),
        platform: "wordpress".into(),
        run: dead().id,
    }
}

#[test]
fn a_run_is_stalled_when_its_lease_is_over_and_it_is_quiet() {
    let acme = stage(dead());
    let leased = acme.clone().leased_until(at("22T02:45"));
    assert_eq!(to_do(at("22T02:44"), &leased), []);
    assert!(findings(at("22T02:44"), &leased).is_empty());
    assert_eq!(to_do(at("22T02:45"), &leased), [go_on()]);
    // One that handed over holds no lease; its successor may wait in the queue.
    assert_eq!(to_do(at("22T02:39"), &acme), []);
    assert_eq!(to_do(at("22T02:40"), &acme), [go_on()]);
    let stalled = one(at("22T02:40"), &acme, Kind::RunStalled);
    assert_eq!((stalled.severity, stalled.since), (Severity::Warning, at("22T02:30")));
    assert_eq!(stalled.about, "20261122T020000Z");
    assert!(
        stalled.what.contains("it is continued, time 1 of 5"),
        "{}",
        stalled.what
    );
}

#[test]
fn it_is_continued_again_after_a_while_and_closed_after_five_times() {
    let mut acme = stage(dead());
    let mut now = at("22T02:40");
    for time in 1..=5 {
        assert_eq!(to_do(now, &acme), [go_on()], "time {time}");
        acme.known.continue_run(dead().id, now);
        assert_eq!(acme.known.continued[&dead().id], Continued { times: time, at: now });
        for minute in [1, 10, 20, 29] {
            assert_eq!(to_do(now + minutes(minute), &acme), [], "it is given time to show");
            assert_eq!(
                one(now + minutes(minute), &acme, Kind::RunStalled).severity >= Severity::Critical,
                time >= 3
            );
        }
        now += minutes(30);
    }
    let closed = to_do(now, &acme);
    let [Action::Close { reason, .. }] = &closed[..] else {
        panic!("{closed:?}")
    };
    assert!(reason.contains("continued 5 times"), "{reason}");
    let stalled = one(now, &acme, Kind::RunStalled);
    assert_eq!(stalled.severity, Severity::Critical);
    assert!(
        stalled.what.contains("closed as failed") && stalled.todo.contains("stream y"),
        "{stalled:?}"
    );
    // Another run has its own count; that of a run that is over is forgotten.
    acme.known.take_open(&[]);
    assert!(acme.known.continued.is_empty());
}

#[test]
fn what_is_a_day_old_is_closed_whatever_was_done() {
    let mut acme = stage(dead());
    acme.known.continue_run(dead().id, at("23T01:50"));
    assert_eq!(to_do(at("23T01:59"), &acme), []);
    let closed = to_do(at("23T02:00"), &acme);
    assert!(
        matches!(&closed[..], [Action::Close { reason, .. }] if reason.contains("24 h")),
        "{closed:?}"
    );
    let leased = acme.leased_until(at("23T02:10"));
    assert_eq!(to_do(at("23T02:00"), &leased), [], "somebody works on it");
}

#[test]
fn what_nobody_wants_is_left_and_said() {
    let mut paused = stage(dead());
    edit(&mut paused, &entry_with(json!({"paused": true})), at("22T02:35"));
    assert_eq!(to_do(at("22T03:00"), &paused), []);
    assert!(one(at("22T03:00"), &paused, Kind::RunStalled).what.contains("paused"));
    let mut restore = dead();
    restore.kind = RunKind::Restore;
    let restore = stage(restore);
    assert!(
        !kinds(at("22T08:29"), &restore).contains(&Kind::RunStalled),
        "it may be at work for long"
    );
    assert_eq!(to_do(at("25T03:00"), &restore), []);
    assert!(
        one(at("22T08:30"), &restore, Kind::RunStalled)
            .what
            .contains("only its own command")
    );
}
