//! Runs without a sign of life, and what is done about them.

use jiff::{SignedDuration, Timestamp};
use seatbelt_model::{Decision, Run, RunId, RunKind};

use crate::{
    finding::{Finding, Kind, Severity, later, moment, span},
    world::{Watched, World},
};

/// A hand-over may wait in Lambda's queue for so long, and a crashed invocation is tried again by Lambda within it.
const QUIET: SignedDuration = SignedDuration::from_mins(10);
/// After being continued a run is given so long: its new lease alone lasts 15 minutes.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(30);
/// A run is continued so often, then closed.
const MOST_TIMES: u32 = 5;
/// Restores, drills and verifications may work for long without a sign of life, and nobody but their own command goes on with them.
const QUIET_OTHERS: SignedDuration = SignedDuration::from_hours(6);
/// The engine does not go on with a run that began longer ago: its page tokens have expired.
const TOO_OLD: SignedDuration = SignedDuration::from_hours(24);

/// What is to be done about a stalled run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Invoke the backup function of `platform` to go on with it.
    Continue {
        /// The system.
        system: String,
        /// Its platform.
        platform: String,
        /// The run.
        run: RunId,
    },
    /// End it as failed.
    Close {
        /// The system.
        system: String,
        /// The run.
        run: RunId,
        /// Why nobody goes on with it.
        reason: String,
    },
}

/// How a run stands.
enum Standing {
    AtWork,
    /// It was continued a while ago, and has time left to show.
    Continued(u32),
    /// To be continued, for this time.
    Continue(u32, String),
    /// To be closed.
    Close(String),
    /// A person must look.
    Left(&'static str),
}

/// Whether somebody works on the run, or may be about to.
pub(crate) fn is_at_work(now: Timestamp, watched: &Watched, run: &Run) -> bool {
    let held = watched.seen.lease.as_ref().is_some_and(|held| held.until > now);
    let quiet = if run.kind == RunKind::Backup {
        QUIET
    } else {
        QUIET_OTHERS
    };
    held || now.duration_since(run.heartbeat_at) < quiet
}

fn standing(now: Timestamp, watched: &Watched, run: &Run) -> Standing {
    if is_at_work(now, watched, run) {
        return Standing::AtWork;
    }
    if run.kind != RunKind::Backup {
        return Standing::Left("only its own command can go on with it");
    }
    let continued = watched.known.continued.get(&run.id);
    let times = continued.map_or(0, |continued| continued.times);
    if now.duration_since(run.started_at) >= TOO_OLD {
        let reason = format!(
            "the run began over {} ago and gave its last sign of life at {}; what it had read is too old to go on with, the next run reads it again",
            span(TOO_OLD),
            moment(run.heartbeat_at)
        );
        return Standing::Close(reason);
    }
    if continued.is_some_and(|continued| now < later(continued.at, AGAIN_AFTER)) {
        return Standing::Continued(times);
    }
    if times >= MOST_TIMES {
        let reason = format!(
            "the run died again after it was continued {times} times, its last sign of life at {}; its logs say of what",
            moment(run.heartbeat_at)
        );
        return Standing::Close(reason);
    }
    match watched.known.plan.as_ref() {
        Some(plan) if plan.decision == Decision::Backup && !plan.paused => match &plan.platform {
            Some(platform) => Standing::Continue(times + 1, platform.clone()),
            None => Standing::Left("its entry names no platform"),
        },
        _ => Standing::Left("its system is paused, or no longer backed up"),
    }
}

/// What is to be done in this round.
#[must_use]
pub fn actions(now: Timestamp, world: &World) -> Vec<Action> {
    let runs = world.systems.iter().flat_map(|watched| {
        let open = watched.seen.open.iter().flatten();
        open.map(move |run| (watched, run))
    });
    let action = |(watched, run): (&Watched, &Run)| {
        let (system, id) = (watched.name.clone(), run.id);
        match standing(now, watched, run) {
            Standing::Continue(_, platform) => Some(Action::Continue {
                system,
                platform,
                run: id,
            }),
            Standing::Close(reason) => Some(Action::Close {
                system,
                run: id,
                reason,
            }),
            _ => None,
        }
    };
    runs.filter_map(action).collect()
}

/// Runs without a sign of life.
pub(crate) fn stalled(now: Timestamp, watched: &Watched) -> Vec<Finding> {
    let open = watched.seen.open.iter().flatten();
    open.filter_map(|run| of_run(now, watched, run)).collect()
}

fn of_run(now: Timestamp, watched: &Watched, run: &Run) -> Option<Finding> {
    let system = &watched.name;
    let logs = run.logs.as_ref().map(|logs| format!(" ({logs})")).unwrap_or_default();
    let read_logs = format!("Read its logs{logs} and run `seatbelt backup {system}`.");
    let wait = || "Nothing for now: it goes on where it stopped.".to_owned();
    let (severity, then, todo) = match standing(now, watched, run) {
        Standing::AtWork => return None,
        Standing::Continued(times) | Standing::Continue(times, _) if times >= 3 => (
            Severity::Critical,
            format!("it is continued, for the {times}th time of {MOST_TIMES}"),
            read_logs,
        ),
        Standing::Continued(times) | Standing::Continue(times, _) => (
            Severity::Warning,
            format!("it is continued, time {times} of {MOST_TIMES}"),
            wait(),
        ),
        Standing::Close(_) => (Severity::Critical, "it is closed as failed".to_owned(), read_logs),
        Standing::Left(why) => (Severity::Warning, format!("it is left as it is: {why}"), read_logs),
    };
    let seen = moment(run.heartbeat_at);
    let what = format!("Run {} gave its last sign of life at {seen}; {then}.", run.id);
    let mut finding = watched.finding(Kind::RunStalled, severity, run.heartbeat_at, what, todo);
    finding.about = run.id.to_string();
    Some(finding)
}
