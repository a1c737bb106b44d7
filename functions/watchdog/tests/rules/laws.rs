//! Laws: a system that is on time never raises an alarm, a firing that is missed always does within three rounds; for every form of schedule,
//! through the changes of the clocks.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use proptest::prelude::*;
use seatbelt_model::{Run, RunId, RunKind, RunStatus, Schedule, Trigger, schedule::Recurrence};
use seatbelt_watchdog::{Kind, Watched};
use serde_json::json;

use crate::{Stage, entry_with, findings, minutes, snapshot, watched};

const ROUND: SignedDuration = SignedDuration::from_mins(10);
const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Kolkata",
    "Pacific/Apia",
];

fn schedules() -> impl Strategy<Value = String> {
    // The hours in which clocks are changed more often than the others.
    let at =
        (prop_oneof![3 => 0..4u8, 1 => 0..24u8], 0..60u8).prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}"));
    let form = prop_oneof![
        Just("hourly".to_owned()),
        (5..90u32).prop_map(|n| format!("every {n} minutes")),
        (2..48u32).prop_map(|n| format!("every {n} hours")),
        (2..9u32).prop_map(|n| format!("every {n} days")),
        at.clone().prop_map(|at| format!("daily at {at}")),
        at.clone().prop_map(|at| format!("weekdays at {at}")),
        at.clone().prop_map(|at| format!("weekly on sunday at {at}")),
        at.clone().prop_map(|at| format!("monthly on the last day at {at}")),
        (1..28u8, at.clone()).prop_map(|(day, at)| format!("monthly on the {day} at {at}")),
        (0..60u8, 0..4u8).prop_map(|(minute, hour)| format!("cron({minute} {hour}/6 * * ? *)")),
        Just("cron(*/20 * * * ? *)".to_owned()),
    ];
    (form, prop::sample::select(ZONES.to_vec())).prop_map(|(form, zone)| format!("{form} {zone}"))
}

/// An instant within some hours of a change of the clocks, in any of the zones, from 2026 on.
fn around_a_change() -> impl Strategy<Value = Timestamp> {
    (prop::sample::select(ZONES.to_vec()), 0..8usize, -40..10i64, 0..60i64).prop_map(|(zone, nth, hours, minute)| {
        let start: Timestamp = "2026-02-01T00:00:00Z".parse().unwrap();
        let zone = TimeZone::get(zone).unwrap();
        let change = zone
            .following(start)
            .nth(nth)
            .map_or(start, |change| change.timestamp());
        change + SignedDuration::from_hours(hours) + minutes(minute)
    })
}

/// How a firing becomes a snapshot.
#[derive(Debug, Clone)]
struct Backups {
    /// Firings in order; the first is the first after the system was decided on.
    firings: Vec<Timestamp>,
    /// Between a firing and its run.
    delay: SignedDuration,
    /// How long a run takes.
    takes: SignedDuration,
    /// The firing from which on nothing runs any more.
    until: usize,
}

impl Backups {
    fn runs(&self, now: Timestamp) -> Vec<Run> {
        let begun = self
            .firings
            .iter()
            .take(self.until)
            .map(|firing| (*firing, *firing + self.delay));
        let begun: Vec<_> = begun.filter(|(_, start)| *start <= now).collect();
        begun
            .iter()
            .rev()
            .take(20)
            .map(|(firing, start)| self.run(*firing, *start, now))
            .collect()
    }

    fn run(&self, firing: Timestamp, start: Timestamp, now: Timestamp) -> Run {
        let mut run = Run::start("acme", RunId::at(start), RunKind::Backup, Trigger::Schedule, start);
        run.due_at = Some(firing);
        let end = start + self.takes;
        run.heartbeat_at = now.min(end);
        if end <= now {
            (run.status, run.ended_at, run.snapshot) = (RunStatus::Complete, Some(end), Some(run.id));
        }
        run
    }

    /// What a round sees at `now`, with what it knows from before.
    fn seen(&self, before: Watched, now: Timestamp) -> Watched {
        let runs = self.runs(now);
        let at_work = runs.iter().any(|run| run.status == RunStatus::Running);
        let done = runs.iter().filter(|run| run.snapshot.is_some());
        let snapshots = done.take(6).map(|run| snapshot(run.started_at)).collect();
        let mut seen = before.with_runs(runs).with_snapshots(snapshots);
        seen.seen.lease = None;
        if at_work {
            seen.leased_until(now + minutes(14))
        } else {
            seen
        }
    }

    /// The rounds that matter: those around each firing, and one in the middle of each gap.
    fn rounds(&self, since: Timestamp, phase: SignedDuration) -> Vec<Timestamp> {
        let mut rounds = Vec::new();
        let mut add = |from: Timestamp, to: Timestamp| {
            let passed = from.duration_since(since).as_secs() / ROUND.as_secs();
            let first = since + phase + SignedDuration::from_secs(passed * ROUND.as_secs());
            rounds.extend(
                (0..)
                    .map(|n| first + SignedDuration::from_mins(10 * n))
                    .take_while(|at| *at <= to),
            );
        };
        for pair in self.firings.windows(2) {
            let end = pair[1].min(pair[0] + minutes(90));
            add(pair[0], end);
            let middle = pair[0] + pair[1].duration_since(pair[0]) / 2;
            add(middle.max(end), middle.max(end));
            add((pair[1] - minutes(20)).max(middle), pair[1]);
        }
        rounds.retain(|at| *at >= since);
        rounds.sort_unstable();
        rounds.dedup();
        rounds
    }
}

fn case() -> impl Strategy<Value = (String, Timestamp, Backups, i64)> {
    (schedules(), around_a_change(), 0..10i64, 0..10i64, 1..30i64, 0..600i64).prop_map(
        |(text, since, phase, delay, takes, offset)| {
            let schedule: Schedule = text.parse().unwrap();
            // EventBridge counts a rate from when it made the schedule, up to a round before the watchdog saw it.
            let made = since - SignedDuration::from_secs(offset);
            let is_rate = matches!(schedule.recurrence(), Recurrence::Every { .. });
            let from = if is_rate { made } else { since + minutes(5) };
            let firings: Vec<_> = schedule.firings(from, made).take(7).collect();
            let shortest = firings
                .windows(2)
                .map(|pair| pair[1].duration_since(pair[0]))
                .min()
                .unwrap();
            let backups = Backups {
                delay: minutes(delay).min(shortest / 4),
                takes: minutes(takes).min(shortest / 2),
                until: firings.len(),
                firings,
            };
            (text, since, backups, phase)
        },
    )
}

fn system(text: &str, since: Timestamp) -> Watched {
    // The RPO that validation asks for: the longest gap, changes of the clocks included.
    let gap = text.parse::<Schedule>().unwrap().max_gap().unwrap();
    let rpo = format!("{} minutes", gap.as_mins() + 60);
    watched(&entry_with(json!({"schedule": text, "rpo": rpo})), since)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_system_on_time_raises_no_alarm((text, since, backups, phase) in case()) {
        let mut system = system(&text, since);
        let last = *backups.firings.last().unwrap();
        for now in backups.rounds(since, minutes(phase)).into_iter().filter(|now| *now < last) {
            system = backups.seen(system, now);
            let found: Vec<_> = findings(now, &system).into_iter().filter(|finding| finding.kind != Kind::DrillOverdue).collect();
            prop_assert!(found.is_empty(), "at {} for {}: {:?}", now, text, found);
        }
    }

    #[test]
    fn a_missed_firing_is_known_within_three_rounds((text, since, mut backups, phase) in case(), missed in 0..6usize) {
        backups.until = missed;
        let mut system = system(&text, since);
        let mut found = None;
        // What the watchdog counts on before a rate has shown its phase is a whole interval since it saw the system.
        let is_rate = matches!(text.parse::<Schedule>().unwrap().recurrence(), Recurrence::Every { .. });
        let expected = if is_rate && missed == 0 {
            let interval = text.parse::<Schedule>().unwrap().interval().unwrap();
            since + interval
        } else {
            backups.firings[missed]
        };
        let mut rounds = backups.rounds(since, minutes(phase));
        rounds.retain(|round| *round < expected);
        let first = rounds.last().map_or(since + minutes(phase), |last| *last + ROUND);
        let passed = expected.duration_since(first).as_secs().max(0) / ROUND.as_secs();
        let near = first + SignedDuration::from_secs(passed * ROUND.as_secs());
        rounds.extend((0..6).map(|n| near + SignedDuration::from_mins(10 * n)));
        for now in rounds {
            system = backups.seen(system, now);
            let alarm = findings(now, &system).into_iter().find(|finding| finding.kind == Kind::FiringMissed);
            if let Some(alarm) = alarm {
                prop_assert!(now >= expected, "at {} for {} before {}: {:?}", now, text, expected, alarm);
                found = Some(now);
                break;
            }
        }
        let found = found.map(|now| now.duration_since(expected));
        prop_assert!(found.is_some_and(|after| after <= minutes(30)), "{:?} after {} for {}", found, expected, text);
    }
}

#[test]
fn a_night_that_skips_the_firing_is_no_missed_firing_but_the_rpo_is_not_met_for_it() {
    // Berlin has no 02:30 on 2026-03-29, so the gap is 47 hours.
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let text = "daily at 02:30 Europe/Berlin";
    let acme = watched(
        &entry_with(json!({"schedule": text, "rpo": "26h"})),
        at("2026-03-01T00:00:00Z"),
    );
    let backups = Backups {
        firings: vec![at("2026-03-28T01:30:00Z"), at("2026-03-30T00:30:00Z")],
        delay: minutes(1),
        takes: minutes(5),
        until: 2,
    };
    for hour in 0..40 {
        let now = at("2026-03-28T02:00:00Z") + SignedDuration::from_hours(hour);
        let seen = backups.seen(acme.clone(), now);
        let kinds: Vec<_> = findings(now, &seen).iter().map(|finding| finding.kind).collect();
        let is_late = hour >= 26;
        assert_eq!(kinds.contains(&Kind::Late), is_late, "at {now}: {kinds:?}");
        assert!(!kinds.contains(&Kind::FiringMissed), "at {now}: {kinds:?}");
    }
}
