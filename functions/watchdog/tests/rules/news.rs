//! What people are told, and what not again.

use std::collections::BTreeSet;

use jiff::Timestamp;
use seatbelt_watchdog::{Finding, Kind, News, Severity, State};

use crate::{at, days, minutes};

fn finding(kind: Kind, severity: Severity, system: &str, since: Timestamp) -> Finding {
    Finding {
        kind,
        severity,
        system: system.into(),
        about: String::new(),
        owner: None,
        since,
        what: "It is so.".into(),
        todo: "Mend it.".into(),
    }
}

fn late(since: &str) -> Finding {
    finding(Kind::Late, Severity::Critical, "acme", at(since))
}

/// A round that people are told of.
fn round(state: &mut State, now: Timestamp, findings: &[Finding]) -> News {
    let news = state.settle(now, &mut findings.to_vec(), &BTreeSet::new());
    state.told(now, &news);
    news
}

fn counts(news: &News) -> [usize; 3] {
    [news.new.len(), news.reminders.len(), news.resolved.len()]
}

#[test]
fn people_are_told_when_it_begins_once_a_day_and_when_it_is_over() {
    let mut state = State::default();
    let start = at("20T06:00");
    assert_eq!(counts(&round(&mut state, start, &[late("20T05:00")])), [1, 0, 0]);
    let mut told = Vec::new();
    for number in 1..=6 * 24 * 3 {
        let now = start + minutes(10 * number);
        let news = round(&mut state, now, &[late("20T05:00")]);
        if !news.is_empty() {
            assert_eq!(counts(&news), [0, 1, 0]);
            told.push(now);
        }
    }
    assert_eq!(told, [start + days(1), start + days(2), start + days(3)]);
    let news = round(&mut state, at("24T00:00"), &[]);
    assert_eq!(counts(&news), [0, 0, 1]);
    assert_eq!(
        (news.resolved[0].kind, news.resolved[0].since),
        (Kind::Late, at("20T05:00"))
    );
    assert!(round(&mut state, at("24T00:10"), &[]).is_empty());
    assert_eq!(
        counts(&round(&mut state, at("24T00:20"), &[late("24T00:15")])),
        [1, 0, 0],
        "it began again"
    );
}

#[test]
fn what_is_not_critical_is_not_repeated_and_what_gets_worse_is_new() {
    let mut state = State::default();
    let soon = finding(Kind::CredentialExpiring, Severity::Warning, "acme", at("10T00:00"));
    assert_eq!(
        counts(&round(&mut state, at("10T00:00"), std::slice::from_ref(&soon))),
        [1, 0, 0]
    );
    assert!(round(&mut state, at("19T00:00"), std::slice::from_ref(&soon)).is_empty());
    let now = finding(Kind::CredentialExpiring, Severity::Critical, "acme", at("10T00:00"));
    assert_eq!(counts(&round(&mut state, at("21T00:00"), &[now])), [1, 0, 0]);
    assert!(
        round(&mut state, at("21T00:10"), &[soon]).is_empty(),
        "better is no news"
    );
}

#[test]
fn the_time_it_is_known_since_stays_the_earliest() {
    let mut state = State::default();
    round(&mut state, at("20T06:00"), &[late("20T05:00")]);
    let mut findings = vec![late("20T07:00")];
    state.settle(at("20T07:30"), &mut findings, &BTreeSet::new());
    assert_eq!(findings[0].since, at("20T05:00"));
}

#[test]
fn nothing_is_lost_when_people_could_not_be_told() {
    let mut state = State::default();
    round(&mut state, at("20T06:00"), &[late("20T05:00")]);
    let missed = finding(Kind::FiringMissed, Severity::Critical, "acme", at("20T06:00"));
    let before = state.clone();
    let news = state.settle(at("20T06:10"), &mut [missed.clone()], &BTreeSet::new());
    assert_eq!(counts(&news), [1, 0, 1]);
    state.untold(&before, &news);
    let again = round(&mut state, at("20T06:20"), std::slice::from_ref(&missed));
    assert_eq!(counts(&again), [1, 0, 1]);
    assert!(round(&mut state, at("20T06:30"), &[missed]).is_empty());
    // What was never told ends in silence.
    let mut state = State::default();
    state.settle(at("20T06:00"), &mut [late("20T05:00")], &BTreeSet::new());
    assert!(round(&mut state, at("20T06:10"), &[]).is_empty());
}

#[test]
fn what_could_not_be_looked_at_is_not_over() {
    let mut state = State::default();
    round(&mut state, at("20T06:00"), &[late("20T05:00")]);
    let unreadable = finding(Kind::Unreadable, Severity::Warning, "acme", at("20T06:10"));
    let unread = BTreeSet::from(["acme".to_owned()]);
    let news = state.settle(at("20T06:10"), std::slice::from_mut(&mut unreadable.clone()), &unread);
    assert_eq!((counts(&news), news.open), ([1, 0, 0], 2));
    state.told(at("20T06:10"), &news);
    let news = round(&mut state, at("20T06:20"), &[late("20T05:00")]);
    assert_eq!(counts(&news), [0, 0, 1]);
    assert_eq!(news.resolved[0].kind, Kind::Unreadable);
}

#[test]
fn an_event_ends_in_silence_and_memory_reads_back() {
    let mut state = State::default();
    let mut event = finding(Kind::MassChange, Severity::Critical, "acme", at("20T05:00"));
    event.about = "20261120T050000Z removed posts/comments".into();
    round(&mut state, at("20T06:00"), &[event, late("20T05:00")]);
    let json = serde_json::to_value(&state).unwrap();
    assert_eq!(serde_json::from_value::<State>(json).unwrap(), state);
    let news = round(&mut state, at("22T06:00"), &[]);
    assert_eq!(
        news.resolved.iter().map(|over| over.kind).collect::<Vec<_>>(),
        [Kind::Late]
    );
}
