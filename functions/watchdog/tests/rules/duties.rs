//! What people owe.

use seatbelt_catalog::Noted;
use seatbelt_model::{RunKind, RunStatus, system};
use seatbelt_watchdog::{Kind, Severity, Watched};
use serde_json::{Value, json};

use crate::{Stage, acme, at, days, entry_with, findings, kinds, minutes, one, run, snapshot, watched};

fn since_the_first(fields: Value) -> Watched {
    watched(&entry_with(fields), at("01T00:00"))
}

#[test]
fn nobody_decided() {
    let undecided = since_the_first(json!({"decision": "undecided", "schedule": null, "rpo": null}));
    let finding = one(at("22T12:00"), &undecided, Kind::Undecided);
    assert_eq!((finding.severity, finding.since), (Severity::Notice, at("01T00:00")));
    let skipped = since_the_first(json!({"decision": "skip", "reason": "derived from acme-crm"}));
    assert_eq!(kinds(at("22T12:00"), &skipped), []);
}

#[test]
fn an_entry_that_was_never_valid_is_only_that() {
    let broken = since_the_first(json!({"platform": "wordpres", "decision": "backup"}));
    assert_eq!(kinds(at("22T12:00"), &broken), [Kind::EntryInvalid]);
    let finding = one(at("22T12:00"), &broken, Kind::EntryInvalid);
    assert!(
        finding.what.contains("it is not backed up") && finding.what.contains("did you mean"),
        "{}",
        finding.what
    );
}

#[test]
fn what_schedule_sync_noted_counts_and_says_since_when() {
    let mut acme = acme()
        .with_snapshots(vec![snapshot(at("22T02:00"))])
        .with_runs(vec![run(at("22T02:00"), RunStatus::Complete)]);
    let note = |finding| Noted {
        system: "acme".into(),
        source: "schedule".into(),
        findings: vec![finding],
        since: at("20T09:00"),
        seen: at("22T09:00"),
    };
    acme.noted = vec![note(system::Finding::warning(
        "schedule",
        "the schedule of before stays in force",
    ))];
    assert_eq!(kinds(at("22T12:00"), &acme), [], "a warning is no error");
    acme.noted = vec![note(system::Finding::error("schedule", "EventBridge did not answer"))];
    let finding = one(at("22T12:00"), &acme, Kind::EntryInvalid);
    assert_eq!(finding.since, at("20T09:00"));
    assert!(finding.what.contains("EventBridge did not answer"), "{}", finding.what);
}

#[test]
fn credentials_that_expire_are_told_two_weeks_before() {
    let fresh = |watched: Watched| watched.with_snapshots(vec![snapshot(at("22T02:00"))]);
    let mut signed_in = run(at("22T02:00"), RunStatus::Complete);
    signed_in.credential_expires_at = Some(at("30T00:00"));
    let by_secret = fresh(acme()).with_runs(vec![signed_in.clone()]);
    let by_setting = fresh(since_the_first(
        json!({"settings": {"credential_expires_on": "2026-11-29"}}),
    ))
    .with_runs(vec![run(at("22T02:00"), RunStatus::Complete)]);
    for acme in [&by_secret, &by_setting] {
        let at_time = |now| {
            let found = findings(now, acme)
                .into_iter()
                .find(|finding| finding.kind == Kind::CredentialExpiring);
            found.map(|finding| (finding.severity, finding.what))
        };
        let end = at("30T00:00");
        assert_eq!(at_time(end - days(14) - minutes(1)), None);
        let (severity, what) = at_time(end - days(14)).unwrap();
        assert_eq!(severity, Severity::Warning);
        assert!(what.contains("expires in 14 days, at 2026-11-30 00:00 UTC"), "{what}");
        assert_eq!(at_time(end - days(3)).unwrap().0, Severity::Critical);
        assert!(at_time(end + minutes(1)).unwrap().1.contains("has expired"));
    }
    // A run that failed before it read the secret says nothing; one that signed in with a new one does.
    let failed = run(at("23T02:00"), RunStatus::Failed);
    let still = by_secret.clone().with_runs(vec![failed, signed_in.clone()]);
    assert!(kinds(at("29T00:00"), &still).contains(&Kind::CredentialExpiring));
    let renewed = by_secret.with_runs(vec![run(at("23T02:00"), RunStatus::Complete), signed_in]);
    assert!(!kinds(at("29T00:00"), &renewed).contains(&Kind::CredentialExpiring));
    let slip = since_the_first(json!({"settings": {"credential_expires_on": "next spring"}}));
    let finding = one(at("01T01:00"), &slip, Kind::EntryInvalid);
    assert!(finding.what.contains("credential_expires_on"), "{}", finding.what);
}

#[test]
fn an_export_by_hand_is_due_when_its_schedule_says_so() {
    let manual = |schedule: Value, rpo: Value| {
        since_the_first(json!({"decision": "manual", "schedule": schedule, "rpo": rpo, "platform": "other"}))
    };
    let due = |now: &str, watched: &Watched| kinds(at(now), watched).contains(&Kind::ExportDue);
    let weekly = manual(json!("weekly on friday at 12:00"), json!(null)); // the 6th, 13th, 20th
    assert!(!due("06T11:59", &weekly), "new");
    assert!(due("06T12:00", &weekly));
    assert!(
        one(at("06T12:00"), &weekly, Kind::ExportDue)
            .what
            .contains("none has been made yet")
    );
    let done = weekly.clone().with_runs(vec![run(at("06T15:00"), RunStatus::Complete)]);
    assert!(!due("13T11:59", &done) && due("13T12:00", &done));
    assert_eq!(
        one(at("22T12:00"), &weekly, Kind::ExportDue).severity,
        Severity::Warning
    );
    let failed = weekly.with_runs(vec![run(at("06T15:00"), RunStatus::Failed)]);
    assert!(due("06T16:00", &failed));
    let stored = done.with_snapshots(vec![snapshot(at("13T12:30"))]);
    assert!(!due("13T13:00", &stored));
    let every = manual(json!("every 10 days"), json!(null));
    assert!(!due("10T23:59", &every) && due("11T00:00", &every));
    let by_rpo = manual(json!(null), json!("240h"));
    assert_eq!(
        one(at("11T00:00"), &by_rpo, Kind::ExportDue).severity,
        Severity::Critical
    );
    assert!(
        !kinds(at("22T12:00"), &by_rpo).contains(&Kind::Late),
        "a person is reminded once"
    );
}

#[test]
fn a_drill_is_due_a_month_after_the_last_or_the_first_snapshot() {
    let first = at("01T02:00");
    let acme = acme().with_snapshots(vec![snapshot(first), snapshot(at("22T02:00"))]);
    // The watchdog saw it before its first snapshot.
    let from = at("01T00:00");
    let overdue = |now, watched: &Watched| kinds(now, watched).contains(&Kind::DrillOverdue);
    assert!(!overdue(from + days(30), &acme));
    assert!(overdue(from + days(30) + minutes(1), &acme));
    let drilled = |status| {
        let mut drill = run(at("20T12:00"), status);
        drill.kind = RunKind::Drill;
        acme.clone().with_runs(vec![drill])
    };
    let now = at("20T12:10") + days(30);
    assert!(!overdue(now, &drilled(RunStatus::Complete)));
    assert!(overdue(now + minutes(1), &drilled(RunStatus::Complete)));
    assert!(overdue(now, &drilled(RunStatus::Failed)), "it did not pass");
    assert!(overdue(now, &drilled(RunStatus::Partial)), "nor did this");
    // It is remembered when newer runs have pushed it out of sight.
    let later = drilled(RunStatus::Complete).with_runs(vec![run(at("22T02:00"), RunStatus::Complete)]);
    assert!(!overdue(now, &later));
    let empty = acme.with_snapshots(Vec::new());
    assert!(!overdue(now, &empty), "nothing to restore yet");
}

#[test]
fn what_the_vendor_offers_is_looked_at_every_year() {
    let checked =
        since_the_first(json!({"decision": "skip", "reason": "small", "builtin": {"checked_on": "2025-11-22"}}));
    assert_eq!(kinds(at("21T23:59"), &checked), []);
    let finding = one(at("22T00:00"), &checked, Kind::BuiltinUnchecked);
    assert_eq!(finding.severity, Severity::Notice);
    assert!(finding.what.contains("2025-11-22"), "{}", finding.what);
}
