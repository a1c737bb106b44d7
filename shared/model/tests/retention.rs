//! The laws of retention.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use jiff::Timestamp;
use proptest::prelude::*;
use seatbelt_model::retention::{Reason, Retention, Verdict, keep};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Noon of a day of 2026, good.
fn noon(month: i8, day: i8) -> (Timestamp, bool) {
    (time(&format!("2026-{month:02}-{day:02}T12:00:00Z")), true)
}

#[test]
fn texts_and_counts() {
    let policy: Retention = " 30 Daily,12 monthly ".parse().unwrap();
    assert_eq!(
        policy,
        Retention {
            daily: 30,
            monthly: 12,
            ..Retention::default()
        }
    );
    assert_eq!(policy.to_string(), "30 daily, 12 monthly");
    assert_eq!(policy.longest_days(), 372);
    assert!("0 daily".parse::<Retention>().unwrap().keeps_nothing());
    for (text, problem) in [
        ("30 dayly", "did you mean \"daily\"?"),
        ("daily", "does not begin with a number"),
        ("1 daily, 2 daily", "twice"),
        ("", "does not begin with a number"),
        ("99999999999 daily", "does not begin with a number that fits"),
    ] {
        let message = text.parse::<Retention>().unwrap_err().to_string();
        assert!(
            message.contains(problem) && message.contains("30 daily, 12 monthly"),
            "{message}"
        );
    }
}

#[test]
fn the_last_of_each_period_stays() {
    let policy: Retention = "2 daily, 1 weekly, 2 monthly".parse().unwrap();
    let snapshots = [
        noon(11, 22),
        noon(11, 21),
        noon(11, 20),
        noon(10, 31),
        noon(10, 30),
        noon(9, 30),
    ];
    let verdicts = keep(&policy, &snapshots, time("2026-11-22T13:00:00Z"));
    use Reason::{Daily, Monthly, NewestGood, Weekly};
    assert_eq!(
        verdicts,
        [
            Verdict::Keep(vec![NewestGood, Daily, Weekly, Monthly]),
            Verdict::Keep(vec![Daily]),
            Verdict::Expire,
            Verdict::Keep(vec![Monthly]),
            Verdict::Expire,
            Verdict::Expire,
        ]
    );
}

#[test]
fn a_good_snapshot_stands_for_its_day_before_a_newer_bad_one() {
    let policy: Retention = "2 daily".parse().unwrap();
    let snapshots = [
        (time("2026-11-22T20:00:00Z"), false),
        (time("2026-11-22T10:00:00Z"), true),
        (time("2026-11-21T20:00:00Z"), false),
        (time("2026-11-21T10:00:00Z"), true),
    ];
    let kept: Vec<bool> = keep(&policy, &snapshots, time("2026-11-23T00:00:00Z"))
        .iter()
        .map(Verdict::is_kept)
        .collect();
    assert_eq!(kept, [true, true, false, true]);
}

#[test]
fn nothing_expires_for_being_in_the_future_or_for_a_pause() {
    let policy: Retention = "1 daily".parse().unwrap();
    let future = keep(
        &policy,
        &[noon(12, 1), noon(11, 30), noon(1, 1)],
        time("2026-06-01T00:00:00Z"),
    );
    assert!(future.iter().all(Verdict::is_kept));
    // Backups stopped in January; what there is stays in November.
    assert!(keep(&policy, &[noon(1, 1)], time("2026-11-01T00:00:00Z"))[0].is_kept());
    assert_eq!(keep(&policy, &[], time("2026-11-01T00:00:00Z")), []);
}

fn snapshots() -> impl Strategy<Value = Vec<(Timestamp, bool)>> {
    let snapshot = (1_750_000_000i64..1_800_000_000, prop::bool::weighted(0.8));
    prop::collection::vec(snapshot, 0..60).prop_map(|all| {
        all.into_iter()
            .map(|(second, good)| (Timestamp::from_second(second).unwrap(), good))
            .collect()
    })
}

fn policy() -> impl Strategy<Value = Retention> {
    (0..5u32, 0..9u32, 0..5u32, 0..5u32, 0..3u32).prop_map(|(hourly, daily, weekly, monthly, yearly)| Retention {
        hourly,
        daily,
        weekly,
        monthly,
        yearly,
    })
}

proptest! {
    #[test]
    fn laws(snapshots in snapshots(), policy in policy(), more in policy(), now in 1_740_000_000i64..1_810_000_000) {
        let now = Timestamp::from_second(now).unwrap();
        let verdicts = keep(&policy, &snapshots, now);
        prop_assert_eq!(verdicts.len(), snapshots.len());

        // The newest good one stays.
        if let Some(newest) = snapshots.iter().filter(|(_, good)| *good).map(|(time, _)| *time).max() {
            let kept = snapshots.iter().zip(&verdicts).any(|((time, good), v)| *time == newest && *good && v.is_kept());
            prop_assert!(kept);
        }
        // Whatever is kept has a reason.
        for verdict in &verdicts {
            prop_assert!(!matches!(verdict, Verdict::Keep(reasons) if reasons.is_empty()));
        }
        // Deciding again about what stayed changes nothing.
        let kept: Vec<_> = snapshots.iter().zip(&verdicts).filter(|(_, v)| v.is_kept()).map(|(s, _)| *s).collect();
        prop_assert!(keep(&policy, &kept, now).iter().all(Verdict::is_kept));
        // A larger policy keeps all that a smaller one keeps.
        let larger = Retention {
            hourly: policy.hourly + more.hourly,
            daily: policy.daily + more.daily,
            weekly: policy.weekly + more.weekly,
            monthly: policy.monthly + more.monthly,
            yearly: policy.yearly + more.yearly,
        };
        for (small, large) in verdicts.iter().zip(keep(&larger, &snapshots, now)) {
            prop_assert!(!small.is_kept() || large.is_kept());
        }
        // No more stay than the policy counts, apart from those kept for being newest or not yet due.
        let counted = verdicts.iter().filter(|v| matches!(v, Verdict::Keep(reasons) if reasons.iter().any(|r| *r >= Reason::Hourly)));
        let allowed = policy.hourly + policy.daily + policy.weekly + policy.monthly + policy.yearly;
        prop_assert!(counted.count() <= allowed as usize);
        prop_assert_eq!(policy.to_string().parse::<Retention>().unwrap(), policy);
    }
}
