//! The pacer on a clock that jumps.

use proptest::prelude::*;
use seatbelt_model::Unobserved;

use super::*;
use crate::testing::{FakeClock, Recorder};

const PATIENT: Patience = Patience {
    since: None,
    budget: Duration::from_hours(2),
    deadline: None,
};

const QUOTA: Quota = Quota {
    limit: "x-limit",
    remaining: "x-remaining",
    reset: "x-reset",
    reset_is: ResetIs::SecondsFromNow,
    floor_percent: 50,
};

fn seconds(clock: &FakeClock, start: Timestamp) -> f64 {
    until(start, clock.now()).as_secs_f64()
}

fn quota(limit: &str, remaining: &str, reset: &str) -> HeaderMap {
    [("x-limit", limit), ("x-remaining", remaining), ("x-reset", reset)]
        .into_iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
        .collect()
}

#[test]
fn slices_divide_the_pace_without_rest() {
    let slice = |requests, per| {
        let slice = Slice::of(&Pace {
            requests,
            per,
            concurrency: 1,
            quota: None,
        });
        (slice.requests, slice.per)
    };
    assert_eq!(slice(400, Duration::from_mins(1)), (5, Duration::from_millis(750)));
    assert_eq!(slice(10, Duration::from_secs(1)), (10, Duration::from_secs(1)));
    assert_eq!(slice(3600, Duration::from_hours(2)), (1, Duration::from_secs(2)));
    assert_eq!(slice(0, Duration::from_secs(1)), (1, Duration::from_secs(1)));
}

#[tokio::test]
async fn a_pause_holds_everybody_exactly_as_long_as_asked() {
    let (clock, seen, pacer) = (
        FakeClock::default(),
        Recorder::default(),
        Pacer::new(&Pace::per_second(10).concurrency(4)),
    );
    let start = clock.now();
    pacer.pause(start, Duration::from_secs(30));
    pacer.pause(start, Duration::from_secs(10));
    for _ in 0..3 {
        pacer.admit(PATIENT, &clock, &seen).await.unwrap();
    }
    assert_eq!(seconds(&clock, start), 30.0);
    assert_eq!(seen.waits(Wait::Throttled), [Duration::from_secs(30)]);
}

#[tokio::test]
async fn a_wait_longer_than_patience_is_refused_and_not_waited() {
    let (clock, pacer) = (FakeClock::default(), Pacer::new(&Pace::per_second(1)));
    let start = clock.now();
    pacer.pause(start, Duration::from_secs(600));
    let refused = |budget, deadline| {
        let patience = Patience {
            since: None,
            budget: Duration::from_secs(budget),
            deadline,
        };
        let (pacer, clock) = (&pacer, &clock);
        async move { pacer.admit(patience, clock, &Unobserved).await.is_err() }
    };
    assert!(refused(599, None).await);
    assert!(refused(601, Some(after(start, Duration::from_secs(599)))).await);
    assert_eq!(clock.now(), start);
    assert!(!refused(600, None).await);
}

#[tokio::test]
async fn the_quota_floor_waits_for_the_reset() {
    let (clock, seen, pacer) = (
        FakeClock::default(),
        Recorder::default(),
        Pacer::new(&Pace::per_second(10).quota(QUOTA)),
    );
    let start = clock.now();
    pacer.note_quota(&quota("100", "51", "90"), start);
    pacer.admit(PATIENT, &clock, &seen).await.unwrap();
    assert_eq!(seconds(&clock, start), 0.0);
    pacer.note_quota(&quota("100", "50", "90"), start);
    pacer.admit(PATIENT, &clock, &seen).await.unwrap();
    assert_eq!(seconds(&clock, start), 90.0);
    assert_eq!(seen.waits(Wait::Quota), [Duration::from_secs(90)]);
    for odd in [
        quota("0", "0", "90"),
        quota("many", "0", "90"),
        quota("100", "0", "-1"),
        quota("100", "0", "NaN"),
        HeaderMap::new(),
    ] {
        pacer.note_quota(&odd, clock.now());
        assert!(pacer.wait(&VecDeque::new(), clock.now()).is_none(), "{odd:?}");
    }
    pacer.note_quota(&quota("100", "0", "1e300"), clock.now());
    assert_eq!(pacer.admit(PATIENT, &clock, &seen).await.unwrap_err(), LONGEST_RESET);
}

#[tokio::test]
async fn a_reset_at_an_instant_is_read_against_the_clock() {
    let clock = FakeClock::default();
    let pacer = Pacer::new(&Pace::per_second(10).quota(Quota {
        reset_is: ResetIs::EpochSeconds,
        ..QUOTA
    }));
    let start = clock.now();
    pacer.note_quota(&quota("5000", "12", &(start.as_second() + 77).to_string()), start);
    pacer.admit(PATIENT, &clock, &Unobserved).await.unwrap();
    assert_eq!(seconds(&clock, start), 77.0);
}

#[tokio::test]
async fn no_more_are_let_through_at_once_than_declared() {
    let (clock, pacer) = (FakeClock::default(), Pacer::new(&Pace::per_second(1000).concurrency(2)));
    let first = pacer.admit(PATIENT, &clock, &Unobserved).await.unwrap();
    let _second = pacer.admit(PATIENT, &clock, &Unobserved).await.unwrap();
    let mut third = Box::pin(pacer.admit(PATIENT, &clock, &Unobserved));
    assert!(futures_util::poll!(&mut third).is_pending());
    drop(first);
    third.await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_rate_is_never_above_the_pace_over_any_window(
        requests in 1_u32..50,
        per_ms in 10_u64..100_000,
        // Callers come at random times, some of them many at once.
        gaps_ms in prop::collection::vec(prop_oneof![Just(0), 0_u64..3_000], 1..200),
    ) {
        let per = Duration::from_millis(per_ms);
        let pacer = Pacer::new(&Pace { requests, per, concurrency: 4, quota: None });
        let clock = FakeClock::default();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let sent: Vec<Timestamp> = runtime.block_on(async {
            let mut sent = Vec::new();
            for gap in gaps_ms {
                clock.advance(Duration::from_millis(gap));
                pacer.admit(PATIENT, &clock, &Unobserved).await.unwrap();
                sent.push(clock.now());
            }
            sent
        });
        for (at, first) in sent.iter().enumerate() {
            let within = sent[at..].iter().filter(|time| until(*first, **time) < per).count();
            prop_assert!(within <= requests as usize, "{within} requests in {per:?}");
        }
    }
}
