//! Late systems, missed firings, and how runs ended.

use seatbelt_model::{
    Decision,
    RunStatus::{Complete, Failed, Interrupted, Partial, Running, Skipped},
    Trigger,
};
use seatbelt_watchdog::{Kind, Severity, Watched};
use serde_json::json;

use crate::{Stage, acme, at, edit, entry_with, findings, fired, kinds, minutes, one, run, snapshot, watched};

fn backed_up(day: &str) -> Watched {
    let start = at(&format!("{day}T02:00"));
    acme()
        .with_runs(vec![fired(start, Complete)])
        .with_snapshots(vec![snapshot(start)])
}

#[test]
fn a_system_on_time_has_no_finding() {
    let acme = backed_up("22");
    for now in ["22T02:11", "22T12:00", "23T02:00", "23T02:14"] {
        assert_eq!(findings(at(now), &acme), [], "{now}");
    }
}

#[test]
fn a_system_is_late_a_grace_after_its_rpo() {
    let acme = backed_up("22");
    assert!(!kinds(at("23T04:15"), &acme).contains(&Kind::Late));
    let late = one(at("23T04:16"), &acme, Kind::Late);
    assert_eq!((late.severity, late.since), (Severity::Critical, at("23T04:00")));
    assert!(
        late.what.contains("2026-11-22 02:00 UTC") && late.what.contains("at most 26 h"),
        "{}",
        late.what
    );
    assert!(late.todo.contains("`seatbelt backup acme`"), "{}", late.todo);
}

#[test]
fn a_run_at_work_that_began_in_time_is_waited_for_until_it_is_too_old_itself() {
    let began = |start: &str| {
        let mut working = run(at(start), Running);
        working.heartbeat_at = at("24T05:00");
        acme()
            .with_runs(vec![working])
            .with_snapshots(vec![snapshot(at("22T02:00"))])
            .leased_until(at("24T06:00"))
    };
    let late = |now: &str, acme: &Watched| kinds(at(now), acme).contains(&Kind::Late);
    assert!(!late("23T05:00", &began("23T02:00")), "it will mend it");
    assert!(
        late("24T04:30", &began("23T02:00")),
        "what it commits is older than 26 hours"
    );
    assert!(
        late("23T05:00", &began("23T04:30")),
        "it began when it was late already"
    );
    let mut dead = began("23T02:00");
    dead.seen.lease = None;
    dead.seen.open.as_mut().unwrap()[0].heartbeat_at = at("23T03:00");
    assert!(late("23T05:00", &dead), "nobody works on it");
}

#[test]
fn what_was_never_backed_up_is_late_from_the_day_it_was_decided() {
    let new = watched(
        &entry_with(json!({"schedule": "weekly on sunday at 02:00"})),
        at("22T12:00"),
    );
    assert_eq!(kinds(at("23T14:15"), &new), []);
    let late = one(at("23T14:16"), &new, Kind::Late);
    assert!(late.what.starts_with("There is no snapshot yet"), "{}", late.what);
}

#[test]
fn without_an_rpo_or_a_decision_nothing_is_late_and_a_pause_is_no_emergency() {
    let now = at("29T12:00");
    let old = vec![snapshot(at("01T02:00"))];
    let with = |fields| watched(&entry_with(fields), at("01T00:00")).with_snapshots(old.clone());
    assert!(!kinds(now, &with(json!({"rpo": null}))).contains(&Kind::Late));
    assert!(!kinds(now, &with(json!({"decision": "skip", "reason": "derived"}))).contains(&Kind::Late));
    let paused = with(json!({"paused": true}));
    assert_eq!(one(now, &paused, Kind::Late).severity, Severity::Warning);
    assert!(!kinds(now, &paused).contains(&Kind::FiringMissed));
}

#[test]
fn a_new_snapshot_with_an_old_resource_in_it_is_late_too() {
    let mut newest = snapshot(at("22T02:00"));
    let posts = newest.resources.get_mut("posts").unwrap();
    (posts.stale, posts.read_at) = (true, at("20T02:00"));
    let acme = backed_up("22").with_snapshots(vec![newest]);
    let stale = one(at("22T12:00"), &acme, Kind::ResourcesStale);
    assert!(
        stale.what.contains("posts, last read at 2026-11-20 02:00 UTC"),
        "{}",
        stale.what
    );
    assert_eq!(stale.since, at("21T04:00"));
    assert!(!kinds(at("22T12:00"), &acme).contains(&Kind::Late));
    let later = kinds(at("29T12:00"), &acme);
    assert!(
        later.contains(&Kind::Late) && !later.contains(&Kind::ResourcesStale),
        "once is enough"
    );
}

#[test]
fn a_firing_without_a_run_is_missed_after_a_grace() {
    let acme = backed_up("22");
    assert_eq!(kinds(at("23T02:14"), &acme), []);
    let missed = one(at("23T02:15"), &acme, Kind::FiringMissed);
    assert_eq!((missed.severity, missed.since), (Severity::Critical, at("23T02:00")));
    assert!(missed.what.contains("2026-11-23 02:00 UTC"), "{}", missed.what);
    assert!(missed.what.contains("daily at 02:00"), "{}", missed.what);
}

#[test]
fn every_way_in_which_a_firing_is_answered_counts() {
    let now = at("23T02:30");
    let answered = |run| !kinds(now, &acme().with_runs(vec![run])).contains(&Kind::FiringMissed);
    let firing = at("23T02:00");
    for status in [Complete, Partial, Failed, Skipped] {
        assert!(answered(fired(firing, status)), "{status:?}");
    }
    assert!(answered(run(at("23T02:20"), Complete)), "a person's, after it");
    let mut without_time = run(at("23T02:03"), Failed);
    without_time.trigger = Trigger::Schedule;
    assert!(answered(without_time));
    // One that was interrupted before, and that the firing went on with.
    let mut resumed = run(at("22T20:00"), Interrupted);
    resumed.heartbeat_at = at("23T02:05");
    assert!(answered(resumed));
    // And what does not count.
    assert!(!answered(run(at("23T01:40"), Complete)), "over before it");
    let mut verify = run(at("23T02:10"), Complete);
    verify.kind = seatbelt_model::RunKind::Verify;
    assert!(!answered(verify), "no backup");
    let mut closed = run(at("22T02:00"), Failed);
    (closed.heartbeat_at, closed.ended_at) = (at("22T02:30"), Some(at("23T02:20")));
    assert!(!answered(closed), "dead long before it was closed");
}

#[test]
fn new_and_edited_entries_are_given_their_first_firing() {
    // First seen after the firing, or so shortly before that EventBridge may not have known.
    for since in ["23T02:10", "23T02:00", "23T01:56"] {
        let new = watched(&entry_with(json!({})), at(since));
        assert_eq!(kinds(at("23T02:40"), &new), [], "{since}");
    }
    let known = watched(&entry_with(json!({})), at("23T01:50"));
    assert_eq!(kinds(at("23T02:40"), &known), [Kind::FiringMissed]);
    // An edit begins anew; an edit of something else does not.
    let mut edited = known.clone();
    edit(
        &mut edited,
        &entry_with(json!({"schedule": "daily at 02:05"})),
        at("23T02:08"),
    );
    assert_eq!(kinds(at("23T02:40"), &edited), []);
    let mut renamed = known.clone();
    edit(
        &mut renamed,
        &entry_with(json!({"name": "The site", "rpo": "30h"})),
        at("23T02:08"),
    );
    assert_eq!(kinds(at("23T02:40"), &renamed), [Kind::FiringMissed]);
    // A pause ends at its end.
    let mut paused = known;
    edit(&mut paused, &entry_with(json!({"paused": true})), at("23T01:55"));
    assert_eq!(kinds(at("23T02:40"), &paused), []);
    edit(&mut paused, &entry_with(json!({})), at("23T02:45"));
    assert_eq!(kinds(at("23T03:10"), &paused), []);
}

#[test]
fn an_edit_that_cannot_be_used_leaves_the_last_good_schedule_watched() {
    let mut acme = backed_up("22");
    edit(
        &mut acme,
        &entry_with(json!({"schedule": "dayly at 05:00"})),
        at("22T12:00"),
    );
    let found = kinds(at("23T02:15"), &acme);
    assert_eq!(found, [Kind::FiringMissed, Kind::EntryInvalid]);
    let invalid = one(at("23T02:15"), &acme, Kind::EntryInvalid);
    assert!(
        invalid.what.contains("`daily at 02:00`, stays in force"),
        "{}",
        invalid.what
    );
    assert!(invalid.what.contains("dayly"), "{}", invalid.what);
    assert_eq!(acme.known.plan.as_ref().unwrap().decision, Decision::Backup);
}

#[test]
fn a_rate_counts_from_the_last_firing_that_arrived() {
    let hourly = entry_with(json!({"schedule": "hourly", "rpo": null}));
    // Before the first firing has shown the phase, a whole interval is allowed for.
    let new = watched(&hourly, at("22T12:00"));
    assert_eq!(kinds(at("22T13:14"), &new), []);
    assert_eq!(kinds(at("22T13:15"), &new), [Kind::FiringMissed]);
    let began = new.clone().with_runs(vec![fired(at("22T12:53"), Complete)]);
    assert_eq!(kinds(at("22T14:07"), &began), []);
    assert_eq!(one(at("22T14:08"), &began, Kind::FiringMissed).since, at("22T13:53"));
    // A person's run answers what was due, and does not move the phase.
    let helped = began.with_runs(vec![fired(at("22T12:53"), Complete), run(at("22T14:10"), Complete)]);
    assert_eq!(kinds(at("22T15:07"), &helped), []);
    assert_eq!(one(at("22T15:08"), &helped, Kind::FiringMissed).since, at("22T14:53"));
    // The phase is remembered when the runs that showed it have gone from sight.
    let remembered = helped.with_runs(vec![run(at("22T15:10"), Complete)]);
    assert_eq!(kinds(at("22T16:07"), &remembered), []);
    assert_eq!(
        one(at("22T16:08"), &remembered, Kind::FiringMissed).since,
        at("22T15:53")
    );
}

#[test]
fn what_was_not_read_is_not_judged() {
    let mut unread = backed_up("10");
    unread.seen.runs = None;
    unread.seen.snapshots = None;
    unread.seen.troubles = vec!["system acme: reading its runs: no answer from table runs; try again".into()];
    let now = at("22T12:00");
    assert_eq!(kinds(now, &unread), [Kind::Unreadable]);
    assert!(
        one(now, &unread, Kind::Unreadable)
            .what
            .contains("no answer from table runs")
    );
    unread.seen.snapshots = backed_up("10").seen.snapshots;
    assert!(kinds(now, &unread).contains(&Kind::Late), "what was read still is");
}

#[test]
fn a_failed_run_is_told_once_its_retries_are_over() {
    let mut failed = fired(at("22T02:00"), Failed);
    failed.error = Some("posts: the token was refused (HTTP 401); connect the account again".into());
    let acme = backed_up("21").with_runs(vec![failed.clone()]);
    assert_eq!(kinds(at("22T02:12"), &acme), [], "Lambda may try again");
    let failing = one(at("22T02:20"), &acme, Kind::RunsFailing);
    assert_eq!((failing.severity, failing.since), (Severity::Warning, at("22T02:11")));
    assert!(failing.what.contains("HTTP 401"), "{}", failing.what);
    // A newer run at work may do better; a second failure is a state.
    let mut again = run(at("22T02:18"), Running);
    again.heartbeat_at = at("22T02:19");
    let trying = acme.clone().with_runs(vec![failed.clone(), again.clone()]);
    assert_eq!(kinds(at("22T02:20"), &trying), []);
    again.status = Failed;
    let twice = acme.clone().with_runs(vec![failed.clone(), again]);
    let failing = one(at("22T02:20"), &twice, Kind::RunsFailing);
    assert_eq!((failing.severity, failing.since), (Severity::Critical, at("22T02:11")));
    let mended = acme.with_runs(vec![failed, run(at("22T03:00"), Complete)]);
    assert_eq!(kinds(at("22T04:00"), &mended), []);
}

#[test]
fn gaps_are_a_notice_and_a_warning_when_they_stay() {
    let partial = |day: &str| {
        let mut run = fired(at(&format!("{day}T02:00")), Partial);
        let counts = seatbelt_model::ResourceCounts {
            gaps: 2,
            ..Default::default()
        };
        run.resources.insert("comments".into(), counts);
        run
    };
    let now = at("22T12:00");
    let acme = backed_up("22");
    let once = acme
        .clone()
        .with_runs(vec![fired(at("21T02:00"), Complete), partial("22")]);
    assert_eq!(one(now, &once, Kind::RunsPartial).severity, Severity::Notice);
    let skipped = run(at("21T12:00"), Skipped);
    let often = acme
        .clone()
        .with_runs(vec![partial("20"), partial("21"), skipped, partial("22")]);
    let finding = one(now, &often, Kind::RunsPartial);
    assert_eq!((finding.severity, finding.since), (Severity::Warning, at("20T02:11")));
    assert!(
        finding.what.contains("last 3 runs") && finding.what.contains("comments"),
        "{}",
        finding.what
    );
    let well = acme.with_runs(vec![partial("20"), partial("21"), fired(at("22T02:00"), Complete)]);
    assert_eq!(kinds(now + minutes(1), &well), []);
}
