//! Which systems are due, from the manifest, the history and the time. Pure: `serve` and `backup --due` decide alike.
//!
//! A system that was never backed up is due at once. One whose firings were missed, since the machine was off, is due once, not once
//! for each. A run that was stopped or killed is gone on with, and a failed one is tried again twice, as Lambda would.

use jiff::{SignedDuration, Timestamp};
use seatbelt_model::{Run, RunKind, RunStatus, System};

/// A failed run is tried again so long after its end ...
const RETRY_AFTER: SignedDuration = SignedDuration::from_mins(15);
/// ... but only so often in a row; after that the next firing must do.
const MOST_RETRIES: usize = 2;

/// How many runs of a system must be known to decide.
pub(crate) const RUNS_NEEDED: usize = 20;

/// When a system is next to be backed up: now or earlier means that it is due. `None` if never, by its schedule.
///
/// `runs` are its latest, in any order.
pub(crate) fn next(system: &System, runs: &[Run], now: Timestamp) -> Option<Timestamp> {
    if !system.is_scheduled() {
        return None;
    }
    let schedule = system.schedule.as_ref()?;
    // A skipped run did nothing, so it stands for nothing.
    let counts = |run: &&Run| run.kind == RunKind::Backup && run.status != RunStatus::Skipped;
    let mut runs: Vec<&Run> = runs.iter().filter(counts).collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.id));
    let Some(last) = runs.first() else { return Some(now) };
    if !last.status.is_final() {
        return Some(now);
    }
    // A clock that was ahead must not silence the schedule until it is that late again.
    let started = last.started_at.min(now);
    let firing = schedule.next_after(started, started);
    let failures = runs.iter().take_while(|run| run.status == RunStatus::Failed).count();
    if (1..=MOST_RETRIES).contains(&failures) {
        let ended = last.ended_at.unwrap_or(started).min(now);
        let again = ended
            .saturating_add(RETRY_AFTER)
            .expect("a signed duration is a fixed span");
        return Some(firing.map_or(again, |firing| firing.min(again)));
    }
    firing
}

#[cfg(test)]
mod tests {
    use seatbelt_model::{Decision, RunId, Trigger};

    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}:00Z").parse().unwrap()
    }

    fn system(schedule: &str) -> System {
        System {
            decision: Decision::Backup,
            schedule: Some(schedule.parse().unwrap()),
            ..System::default()
        }
    }

    fn run(start: &str, status: RunStatus) -> Run {
        let start = at(start);
        let mut run = Run::start("acme", RunId::at(start), RunKind::Backup, Trigger::Schedule, start);
        run.status = status;
        run.ended_at = Some(start);
        run
    }

    #[test]
    fn what_was_never_backed_up_is_due_and_what_is_not_scheduled_never() {
        let now = at("22T12:00");
        assert_eq!(next(&system("daily at 02:00"), &[], now), Some(now));
        assert_eq!(
            next(
                &System {
                    paused: true,
                    ..system("daily at 02:00")
                },
                &[],
                now
            ),
            None
        );
        assert_eq!(
            next(
                &System {
                    decision: Decision::Manual,
                    ..system("daily at 02:00")
                },
                &[],
                now
            ),
            None
        );
        assert_eq!(
            next(
                &System {
                    schedule: None,
                    ..system("hourly")
                },
                &[],
                now
            ),
            None
        );
    }

    #[test]
    fn many_missed_firings_are_one_run() {
        let daily = system("daily at 02:00");
        let old = run("10T02:00", RunStatus::Complete);
        assert_eq!(
            next(&daily, std::slice::from_ref(&old), at("22T12:00")),
            Some(at("11T02:00"))
        );
        let caught_up = run("22T12:00", RunStatus::Complete);
        assert_eq!(next(&daily, &[old, caught_up], at("22T12:01")), Some(at("23T02:00")));
    }

    #[test]
    fn an_interval_counts_from_the_last_run() {
        let runs = [run("22T07:13", RunStatus::Partial)];
        assert_eq!(
            next(&system("every 6 hours"), &runs, at("22T12:00")),
            Some(at("22T13:13"))
        );
    }

    #[test]
    fn a_stopped_run_is_gone_on_with_and_a_skipped_one_stands_for_nothing() {
        let now = at("22T12:00");
        let runs = [
            run("22T11:00", RunStatus::Interrupted),
            run("22T11:30", RunStatus::Skipped),
        ];
        assert_eq!(next(&system("daily at 02:00"), &runs, now), Some(now));
    }

    #[test]
    fn a_failed_run_is_tried_again_twice() {
        let daily = system("daily at 02:00");
        let mut runs = vec![run("21T02:00", RunStatus::Complete), run("22T02:00", RunStatus::Failed)];
        assert_eq!(next(&daily, &runs, at("22T02:01")), Some(at("22T02:15")));
        runs.push(run("22T02:15", RunStatus::Failed));
        assert_eq!(next(&daily, &runs, at("22T02:16")), Some(at("22T02:30")));
        runs.push(run("22T02:30", RunStatus::Failed));
        assert_eq!(next(&daily, &runs, at("22T02:31")), Some(at("23T02:00")));
    }

    #[test]
    fn a_clock_that_was_ahead_does_not_silence_the_schedule() {
        let runs = [run("29T12:00", RunStatus::Complete)];
        assert_eq!(
            next(&system("daily at 02:00"), &runs, at("22T12:00")),
            Some(at("23T02:00"))
        );
    }
}
