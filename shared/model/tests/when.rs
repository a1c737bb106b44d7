//! Points in time as people write them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use seatbelt_model::when::{When, parse};

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

#[test]
fn forms() {
    let cases = [
        ("20261122T060000Z", "2026-11-22T06:00:00Z"),
        ("2026-11-22T06:00:00+01:00", "2026-11-22T05:00:00Z"),
        ("2026-11-22", "2026-11-22T22:59:59.999999999Z"),
        (" 2026-11-22 14:00 ", "2026-11-22T13:00:00Z"),
        ("2026-11-22T14:00", "2026-11-22T13:00:00Z"),
        ("2 hours ago", "2026-11-22T10:00:00Z"),
        ("an hour ago", "2026-11-22T11:00:00Z"),
        ("90m ago", "2026-11-22T10:30:00Z"),
        ("3 Days Ago", "2026-11-19T12:00:00Z"),
        ("1 month ago", "2026-10-22T11:00:00Z"), // the same wall clock time, then in summer time
        ("yesterday", "2026-11-21T22:59:59.999999999Z"),
        ("today", "2026-11-22T22:59:59.999999999Z"),
        ("now", "2026-11-22T12:00:00Z"),
    ];
    for (text, instant) in cases {
        assert_eq!(
            parse(text, now(), &berlin()).unwrap(),
            When::At(instant.parse().unwrap()),
            "{text}"
        );
    }
    assert_eq!(parse("Latest", now(), &berlin()).unwrap(), When::Newest);
}

#[test]
fn errors_list_the_forms() {
    for text in [
        "",
        "soon",
        "2026-13-01",
        "2026-02-30",
        "ago",
        "two hours ago",
        "-2 hours ago",
        "99999 years ago",
        "25:00",
    ] {
        let error = parse(text, now(), &berlin()).unwrap_err().to_string();
        assert!(
            error.contains("2 hours ago") && error.contains("20261122T060000Z"),
            "{error}"
        );
    }
}

proptest! {
    #[test]
    fn never_panics(text in prop_oneof![any::<String>(), "[0-9a-zT: +.-]{0,24}( ago)?"]) {
        let _ = parse(&text, now(), &berlin());
        let _ = parse(&text, Timestamp::MIN, &TimeZone::UTC);
        let _ = parse(&text, Timestamp::MAX, &berlin());
    }

    #[test]
    fn every_second_names_itself(second in 0i64..4_000_000_000) {
        let instant = Timestamp::from_second(second).unwrap();
        let id = instant.strftime("%Y%m%dT%H%M%SZ").to_string();
        prop_assert_eq!(parse(&id, now(), &berlin()).unwrap(), When::At(instant));
        prop_assert_eq!(parse(&instant.to_string(), now(), &berlin()).unwrap(), When::At(instant));
    }
}
