//! What schedules mean, with real clock changes, and the laws they keep.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use seatbelt_model::schedule::{Schedule, ScheduleError};

fn schedule(text: &str) -> Schedule {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The first `count` firings after `after`, in UTC without seconds.
fn firings(text: &str, after: &str, count: usize) -> Vec<String> {
    let after = time(after);
    schedule(text)
        .firings(after, after)
        .take(count)
        .map(|at| at.strftime("%Y-%m-%d %H:%M").to_string())
        .collect()
}

#[test]
fn forms_are_read_in_any_case_and_written_one_way() {
    let forms = [
        ("hourly", "hourly", "rate(1 hour)"),
        ("  EVERY   6  Hours ", "every 6 hours", "rate(6 hours)"),
        ("every hour", "hourly", "rate(1 hour)"),
        ("every 15 minutes", "every 15 minutes", "rate(15 minutes)"),
        ("every 15min", "every 15 minutes", "rate(15 minutes)"),
        ("every 2 days", "every 2 days", "rate(2 days)"),
        ("every 1 days", "every 1 day", "rate(1 day)"),
        ("rate( 15  minutes )", "every 15 minutes", "rate(15 minutes)"),
        (
            "Daily at 2:00 europe/berlin",
            "daily at 02:00 Europe/Berlin",
            "cron(0 2 * * ? *)",
        ),
        ("every day at 02:00", "daily at 02:00", "cron(0 2 * * ? *)"),
        ("weekdays at 19:30", "weekdays at 19:30", "cron(30 19 ? * MON-FRI *)"),
        (
            "weekly on Sun at 03:00",
            "weekly on sunday at 03:00",
            "cron(0 3 ? * SUN *)",
        ),
        (
            "every saturday at 03:00",
            "weekly on saturday at 03:00",
            "cron(0 3 ? * SAT *)",
        ),
        (
            "monthly on the 1st at 04:00",
            "monthly on the 1st at 04:00",
            "cron(0 4 1 * ? *)",
        ),
        (
            "monthly on 22 at 04:00 UTC",
            "monthly on the 22nd at 04:00",
            "cron(0 4 22 * ? *)",
        ),
        (
            "monthly on the last day at 04:05",
            "monthly on the last day at 04:05",
            "cron(5 4 L * ? *)",
        ),
        ("cron(0 2 * * ? *)", "cron(0 2 * * ? *)", "cron(0 2 * * ? *)"),
        (
            "Cron( 0/15 8-17 ? jan,dec Mon-fri 2026-2030 ) America/New_York",
            "cron(0/15 8-17 ? JAN,DEC MON-FRI 2026-2030) America/New_York",
            "cron(0/15 8-17 ? JAN,DEC MON-FRI 2026-2030)",
        ),
    ];
    for (written, canonical, expression) in forms {
        let schedule = schedule(written);
        assert_eq!(schedule.to_string(), canonical, "{written}");
        assert_eq!(schedule.to_eventbridge().expression, expression, "{written}");
    }
    assert_eq!(
        schedule("daily at 02:00 Europe/Berlin").to_eventbridge().timezone,
        "Europe/Berlin"
    );
    assert_eq!(schedule("daily at 02:00").to_eventbridge().timezone, "UTC");
}

#[test]
fn errors_point_at_the_place_and_show_the_forms() {
    let cases = [
        ("", 1, "a schedule is missing"),
        ("dayly at 02:00", 1, "\"dayly\" does not begin a schedule"),
        ("daily at 25:00", 10, "\"25:00\" is not a time of day"),
        ("daily at 02:00 Berlin", 16, "did you mean Europe/Berlin?"),
        ("daily at 02:00 Europe/Berlim", 16, "did you mean Europe/Berlin?"),
        (
            "daily at 02:00 UTC please",
            20,
            "\"please\" is not expected after the time zone",
        ),
        ("daily", 6, "a time such as \"at 02:00\" is missing"),
        ("every 0 hours", 7, "at least 1"),
        ("every 6 weeks", 9, "\"weeks\" is not a unit"),
        ("every 99999999999 hours", 7, "too large"),
        ("weekly on funday at 03:00", 11, "\"funday\" is not a day of the week"),
        ("weekly sunday at 03:00", 8, "\"on\" is expected instead of \"sunday\""),
        ("monthly on the 32nd at 04:00", 16, "\"32nd\" is not a day of the month"),
        ("cron(0 2 * * ? *", 17, "closing bracket is missing"),
        ("crown(0 2 * * ? *)", 1, "neither rate( nor cron("),
        ("cron(0 2 * * *)", 6, "six fields, here are 5"),
        ("cron(0 2 * * * *)", 14, "one of day-of-month and day-of-week must be ?"),
        (
            "cron(0 2 ? * ? *)",
            14,
            "only one of day-of-month and day-of-week may be ?",
        ),
        ("cron(60 2 * * ? *)", 6, "minutes: \"60\" is not a value from 0 to 59"),
        ("cron(0 1,2,24 * * ? *)", 12, "hours: \"24\" is not a value"),
        ("cron(0 22-2 * * ? *)", 8, "runs backwards"),
        (
            "cron(0 0 ? * 8 *)",
            14,
            "day-of-week: \"8\" is not a value from 1 to 7 or SUN to SAT",
        ),
        ("cron(0 0 ? * 2#6 *)", 14, "#6"),
        ("cron(0 0 30 2 ? *)", 10, "never fires"),
        ("cron(*/0 * * * ? *)", 6, "\"/0\" is not a step"),
        ("cron(0 0 * * ? 1969)", 16, "year"),
    ];
    for (text, column, problem) in cases {
        let error = text.parse::<Schedule>().unwrap_err();
        let (ScheduleError::Invalid { column: at, .. }
        | ScheduleError::Cron { column: at, .. }
        | ScheduleError::Zone { column: at, .. }) = &error
        else {
            panic!("{error}")
        };
        assert_eq!(*at, column, "{text}: {error}");
        let message = error.to_string();
        assert!(message.contains(problem), "{text}: {message}");
        assert!(
            message.contains(&format!("\"{text}\"")) && message.contains("monthly on the last day"),
            "{message}"
        );
    }
    assert!(
        "every 400 days"
            .parse::<Schedule>()
            .unwrap_err()
            .to_string()
            .contains("366 days")
    );
    let long = format!("cron(0 {} * * ? *)", vec!["0"; 150].join(","));
    assert!(long.parse::<Schedule>().unwrap_err().to_string().contains("256"));
}

#[test]
fn the_spring_gap_is_skipped_and_the_autumn_hour_fires_once() {
    // Berlin, 2026-03-29: 02:00 CET becomes 03:00 CEST. There is no 02:30 that night.
    assert_eq!(
        firings("daily at 02:30 Europe/Berlin", "2026-03-27T12:00:00Z", 3),
        ["2026-03-28 01:30", "2026-03-30 00:30", "2026-03-31 00:30"]
    );
    // 2026-10-25: 03:00 CEST becomes 02:00 CET. 02:30 comes twice; only the first (CEST) counts.
    assert_eq!(
        firings("daily at 02:30 Europe/Berlin", "2026-10-24T12:00:00Z", 2),
        ["2026-10-25 00:30", "2026-10-26 01:30"]
    );
    // Asked between the two, or within the second, the answer is the next day.
    assert_eq!(
        firings("daily at 02:30 Europe/Berlin", "2026-10-25T01:15:00Z", 1),
        ["2026-10-26 01:30"]
    );
    assert_eq!(
        firings("daily at 02:30 Europe/Berlin", "2026-10-25T01:45:00Z", 1),
        ["2026-10-26 01:30"]
    );
    // A quarter-hourly cron does not repeat itself either.
    assert_eq!(
        firings("cron(*/15 * * * ? *) Europe/Berlin", "2026-10-25T00:30:00Z", 2),
        ["2026-10-25 00:45", "2026-10-25 02:00"]
    );
    // New York, 2026-03-08 02:00 EST becomes 03:00 EDT; 2026-11-01 02:00 EDT becomes 01:00 EST.
    assert_eq!(
        firings("daily at 02:30 America/New_York", "2026-03-07T12:00:00Z", 2),
        ["2026-03-09 06:30", "2026-03-10 06:30"]
    );
    assert_eq!(
        firings("daily at 01:30 America/New_York", "2026-10-31T12:00:00Z", 2),
        ["2026-11-01 05:30", "2026-11-02 06:30"]
    );
    // A rate counts hours of real time: nothing is skipped or doubled.
    assert_eq!(
        firings("hourly Europe/Berlin", "2026-10-25T00:00:00Z", 3),
        ["2026-10-25 01:00", "2026-10-25 02:00", "2026-10-25 03:00"]
    );
    // Samoa left out 2011-12-30 altogether.
    assert_eq!(
        firings("daily at 12:00 Pacific/Apia", "2011-12-29T12:00:00Z", 2),
        ["2011-12-29 22:00", "2011-12-30 22:00"]
    );
}

#[test]
fn cron_reads_days_as_aws_does() {
    // 2026-11-01 is a Sunday.
    let after = "2026-11-01T12:00:00Z";
    assert_eq!(firings("cron(0 0 ? * 1 *)", after, 1), ["2026-11-08 00:00"]); // 1 is Sunday
    assert_eq!(firings("cron(0 0 ? * 7 *)", after, 1), ["2026-11-07 00:00"]); // 7 is Saturday
    assert_eq!(firings("cron(0 0 ? * L *)", after, 1), ["2026-11-07 00:00"]); // the last day of the week
    assert_eq!(
        firings("cron(0 0 ? * 6L *)", after, 2),
        ["2026-11-27 00:00", "2026-12-25 00:00"]
    ); // the last Friday
    assert_eq!(
        firings("cron(0 0 ? * 3#2 *)", after, 2),
        ["2026-11-10 00:00", "2026-12-08 00:00"]
    ); // the second Tuesday
    assert_eq!(firings("cron(0 0 ? * TUE#2 *)", after, 1), ["2026-11-10 00:00"]);
    assert_eq!(
        firings("cron(0 0 ? * 2-6 *)", after, 6)[4..],
        ["2026-11-06 00:00", "2026-11-09 00:00"]
    );
    assert_eq!(
        firings("cron(0 0 L * ? *)", after, 2),
        ["2026-11-30 00:00", "2026-12-31 00:00"]
    );
    assert_eq!(
        firings("cron(0 0 LW * ? *)", "2027-01-01T00:00:00Z", 1),
        ["2027-01-29 00:00"]
    ); // the 31st is a Sunday
    assert_eq!(firings("cron(0 0 15W * ? *)", after, 1), ["2026-11-16 00:00"]); // the 15th is a Sunday
    assert_eq!(
        firings("cron(0 0 1W * ? *)", "2026-07-31T12:00:00Z", 1),
        ["2026-08-03 00:00"]
    ); // never in the month before
    assert_eq!(
        firings("cron(1/10 0 * * ? *)", after, 3),
        ["2026-11-02 00:01", "2026-11-02 00:11", "2026-11-02 00:21"]
    );
    assert_eq!(
        firings("cron(0 0 1 1 ? 2027-2028)", after, 5),
        ["2027-01-01 00:00", "2028-01-01 00:00"]
    );
    assert_eq!(
        firings("cron(0 0 29 2 ? *)", after, 2),
        ["2028-02-29 00:00", "2032-02-29 00:00"]
    );
    assert_eq!(
        firings("monthly on the 31st at 04:00", after, 2),
        ["2026-12-31 04:00", "2027-01-31 04:00"]
    );
}

#[test]
fn a_rate_counts_from_its_anchor() {
    let anchor = time("2026-11-22T06:07:08Z");
    let every = schedule("every 6 hours");
    assert_eq!(every.next_after(anchor, anchor), Some(time("2026-11-22T12:07:08Z")));
    assert_eq!(
        every.next_after(time("2026-11-22T12:07:07Z"), anchor),
        Some(time("2026-11-22T12:07:08Z"))
    );
    assert_eq!(
        every.next_after(time("2026-11-22T12:07:08Z"), anchor),
        Some(time("2026-11-22T18:07:08Z"))
    );
    assert_eq!(every.next_after(time("2020-01-01T00:00:00Z"), anchor), Some(anchor));
    assert_eq!(every.next_after(Timestamp::MAX, anchor), None);
}

#[test]
fn the_last_firing_is_found_across_clock_changes() {
    let last = |text: &str, until: &str| {
        let until = time(until);
        let last = schedule(text).last_until(until, time("2026-01-01T00:07:00Z"));
        last.map(|at| at.strftime("%Y-%m-%d %H:%M").to_string())
    };
    let some = |text: &str| Some(text.to_owned());
    let daily = "daily at 02:30 Europe/Berlin";
    assert_eq!(
        last(daily, "2026-11-25T01:30:00Z"),
        some("2026-11-25 01:30"),
        "at its time it has fired"
    );
    assert_eq!(last(daily, "2026-11-25T01:29:59Z"), some("2026-11-24 01:30"));
    // The night without a 02:30.
    assert_eq!(last(daily, "2026-03-29T12:00:00Z"), some("2026-03-28 01:30"));
    // The night with two of them: at 02:10 the second time, the first 02:30 has been.
    assert_eq!(last(daily, "2026-10-25T01:10:00Z"), some("2026-10-25 00:30"));
    assert_eq!(last(daily, "2026-10-25T01:40:00Z"), some("2026-10-25 00:30"));
    assert_eq!(last(daily, "2026-10-25T00:29:00Z"), some("2026-10-24 00:30"));
    // Lord Howe puts its clocks back by half an hour, at 02:00 to 01:30 on 2026-04-05 (15:00Z the day before).
    assert_eq!(
        last("daily at 01:50 Australia/Lord_Howe", "2026-04-04T15:05:00Z"),
        some("2026-04-04 14:50")
    );
    assert_eq!(last("every 6 hours", "2026-01-01T12:06:59Z"), some("2026-01-01 06:07"));
    assert_eq!(last("every 6 hours", "2026-01-01T12:07:00Z"), some("2026-01-01 12:07"));
    assert_eq!(
        last("every 6 hours", "2026-01-01T00:06:00Z"),
        None,
        "not before its anchor"
    );
    assert_eq!(last("cron(0 0 1 1 ? 2027)", "2026-12-31T23:59:00Z"), None);
    assert_eq!(
        last("cron(0 0 1 1 ? 2027)", "2031-05-05T05:05:00Z"),
        some("2027-01-01 00:00")
    );
    assert_eq!(
        last("cron(0 0 29 2 ? *)", "2026-11-25T00:00:00Z"),
        some("2024-02-29 00:00")
    );
}

#[test]
fn the_ends_of_time_are_survived() {
    for text in [
        "daily at 02:00 Europe/Berlin",
        "cron(0 0 1 1 ? 2027)",
        "hourly",
        "cron(* * * * ? *) Asia/Kathmandu",
    ] {
        let schedule = schedule(text);
        assert!(schedule.next_after(Timestamp::MIN, Timestamp::MIN).is_some(), "{text}");
        assert_eq!(schedule.next_after(Timestamp::MAX, Timestamp::MAX), None, "{text}");
        assert!(schedule.last_until(Timestamp::MAX, Timestamp::MIN).is_some(), "{text}");
        let _ = schedule.last_until(Timestamp::MIN, Timestamp::MIN);
    }
    assert_eq!(firings("cron(0 0 1 1 ? 2027)", "2027-01-01T00:00:00Z", 1), [""; 0]);
}

#[test]
fn gaps_know_weekends_and_clock_changes() {
    let hours = |text: &str| {
        let schedule = schedule(text);
        let of = |gap: Option<SignedDuration>| gap.map(|gap| gap.as_hours());
        (of(schedule.interval()), of(schedule.max_gap()))
    };
    assert_eq!(hours("every 6 hours"), (Some(6), Some(6)));
    assert_eq!(hours("daily at 02:00"), (Some(24), Some(24)));
    assert_eq!(hours("daily at 12:00 Europe/Berlin"), (Some(24), Some(25)));
    assert_eq!(hours("daily at 02:30 Europe/Berlin"), (Some(24), Some(47)));
    assert_eq!(hours("weekdays at 19:30"), (Some(72), Some(72)));
    assert_eq!(hours("weekly on sunday at 03:00"), (Some(168), Some(168)));
    assert_eq!(hours("monthly on the 1st at 04:00"), (Some(31 * 24), Some(31 * 24)));
    assert_eq!(hours("monthly on the 31st at 04:00"), (Some(61 * 24), Some(61 * 24)));
    assert_eq!(hours("cron(0 9-17 ? * MON-FRI *)"), (Some(64), Some(64)));
    assert_eq!(hours("cron(0 0 29 2 ? *)"), (Some(1461 * 24), Some(1461 * 24)));
    assert_eq!(hours("cron(0 0 1 1 ? 2027)"), (None, None));
    let quarter = schedule("cron(*/15 * * * ? *) Europe/Berlin");
    assert_eq!(quarter.max_gap(), Some(SignedDuration::from_mins(75)));
}

fn zones() -> impl Strategy<Value = &'static str> {
    let zones = [
        "",
        " Europe/Berlin",
        " America/New_York",
        " Australia/Lord_Howe",
        " Asia/Kolkata",
        " America/Santiago",
    ];
    prop::sample::select(zones.to_vec())
}

fn friendly() -> impl Strategy<Value = String> {
    let at = (0..24u8, 0..60u8).prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}"));
    let days = [
        "sunday",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
    ];
    let form = prop_oneof![
        Just("hourly".to_owned()),
        (2..400u32).prop_map(|n| format!("every {n} minutes")),
        (2..400u32).prop_map(|n| format!("every {n} hours")),
        (2..300u32).prop_map(|n| format!("every {n} days")),
        at.clone().prop_map(|at| format!("daily at {at}")),
        at.clone().prop_map(|at| format!("weekdays at {at}")),
        (prop::sample::select(days.to_vec()), at.clone()).prop_map(|(day, at)| format!("weekly on {day} at {at}")),
        (4..=20u8, at.clone()).prop_map(|(day, at)| format!("monthly on the {day}th at {at}")),
        at.prop_map(|at| format!("monthly on the last day at {at}")),
    ];
    (form, zones()).prop_map(|(form, zone)| form + zone)
}

/// A cron with small fields, for which every minute can be tried.
fn cron() -> impl Strategy<Value = (u8, u8, u8, String)> {
    (0..60u8, 0..24u8, 1..=7u8, zones().prop_map(str::to_owned))
}

/// Whether the wall clock of `zone` shows `hour:minute` on AWS's weekday `day` at `at`, for the first time.
fn fires(at: Timestamp, minute: u8, hour: u8, day: u8, zone: &TimeZone) -> bool {
    let clock: DateTime = zone.to_datetime(at);
    let instant = zone.to_ambiguous_timestamp(clock);
    let first = match instant.offset() {
        AmbiguousOffset::Fold { .. } => instant.earlier().unwrap() == at,
        _ => true,
    };
    let shows = clock.hour().unsigned_abs() == hour && clock.minute().unsigned_abs() == minute && clock.second() == 0;
    first && shows && clock.weekday().to_sunday_one_offset().unsigned_abs() == day
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn parsing_never_panics_and_what_it_takes_round_trips(text in prop_oneof![
        any::<String>(),
        "(every|daily|weekly|monthly|cron\\(|rate\\(|hourly|weekdays)[ a-z0-9:()*?/#,LW-]{0,40}",
        "cron\\(([0-9*/,-]{1,5} ){2}[0-9?*LW/,-]{1,4} [0-9A-Z*/,-]{1,4} [0-9A-Z?*L#/-]{1,4} [0-9*/-]{1,4}\\)( UTC)?",
    ]) {
        if let Ok(schedule) = text.parse::<Schedule>() {
            let again: Schedule = schedule.to_string().parse().unwrap();
            prop_assert_eq!(&again, &schedule);
            prop_assert_eq!(again.to_string(), schedule.to_string());
            let eventbridge = schedule.to_eventbridge();
            prop_assert!(eventbridge.expression.len() <= 256 && eventbridge.timezone.len() <= 50);
            prop_assert!(eventbridge.expression.parse::<Schedule>().is_ok());
            prop_assert!(schedule.max_gap() >= schedule.interval());
        }
    }

    #[test]
    fn friendly_texts_are_canonical(text in friendly()) {
        prop_assert_eq!(schedule(&text).to_string(), text);
    }

    #[test]
    fn firings_rise_and_gaps_hold(text in friendly(), start in 1_790_000_000i64..1_990_000_000) {
        let (schedule, start) = (schedule(&text), Timestamp::from_second(start).unwrap());
        let gap = schedule.max_gap().unwrap();
        let mut last = start;
        // What EventBridge is told fires at the same times.
        let told = schedule.to_eventbridge();
        let told: Schedule = format!("{} {}", told.expression, told.timezone).parse().unwrap();
        prop_assert!(schedule.firings(start, start).take(12).eq(told.firings(start, start).take(12)));
        for firing in schedule.firings(start, start).take(12) {
            prop_assert!(firing > last);
            let seen = firing.duration_since(last);
            // Only a monthly firing can lose to a clock change beyond the years that the estimate looks at.
            prop_assert!(seen <= gap || text.starts_with("monthly"), "{} after {} for {}", seen, gap, text);
            last = firing;
        }
    }

    #[test]
    fn the_last_firing_is_the_one_that_the_next_ones_lead_to(text in friendly(), start in 1_790_000_000i64..1_990_000_000, beyond in 0..86_400i64) {
        let (schedule, start) = (schedule(&text), Timestamp::from_second(start).unwrap());
        let firings: Vec<_> = schedule.firings(start, start).take(8).collect();
        for pair in firings.windows(2) {
            let until = (pair[0] + SignedDuration::from_secs(beyond)).min(pair[1] - SignedDuration::from_nanos(1));
            prop_assert_eq!(schedule.last_until(pair[0], start), Some(pair[0]), "at {} for {}", pair[0], text);
            prop_assert_eq!(schedule.last_until(until, start), Some(pair[0]), "at {} for {}", until, text);
        }
    }

    #[test]
    fn the_last_firing_holds_at_every_minute_around_a_clock_change(minute in 0..60u8, hour in 0..5u8, zone in zones(), change in 0..8usize) {
        for form in [format!("cron({minute} {hour} * * ? *)"), format!("cron({minute}/7 0-4 * * ? *)")] {
            let schedule = schedule(&format!("{form}{zone}"));
            let start = time("2026-01-01T00:00:00Z");
            let changes = schedule.zone().rules().following(start).nth(change).map(|change| change.timestamp());
            let from = changes.unwrap_or(start) - SignedDuration::from_hours(4);
            let to = from + SignedDuration::from_hours(8);
            let before = schedule.firings(from - SignedDuration::from_hours(80), start).take_while(|at| *at <= to);
            let firings: Vec<_> = before.collect();
            for minutes in 0..8 * 60 {
                let now = from + SignedDuration::from_mins(minutes);
                let expected = firings.iter().rev().find(|at| **at <= now).copied();
                prop_assert_eq!(schedule.last_until(now, start), expected, "at {} for {}", now, schedule);
            }
        }
    }

    #[test]
    fn the_next_firing_is_the_first_minute_that_fits((minute, hour, day, zone) in cron(), start in 1_790_000_000i64..1_890_000_000) {
        let schedule = schedule(&format!("cron({minute} {hour} ? * {day} *){zone}"));
        let rules = schedule.zone().rules().clone();
        let start = Timestamp::from_second(start).unwrap();
        let next = schedule.next_after(start, start).unwrap();
        let first_minute = Timestamp::from_second((start.as_second() / 60 + 1) * 60).unwrap();
        let minutes = (0..60 * 24 * 15).map(|n| first_minute + SignedDuration::from_mins(n));
        let first = minutes.into_iter().find(|at| fires(*at, minute, hour, day, &rules));
        prop_assert_eq!(Some(next), first);
    }
}
