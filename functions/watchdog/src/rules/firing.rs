//! Firings that never became runs.

use jiff::{SignedDuration, Timestamp};
use seatbelt_model::{Run, RunKind, schedule::Recurrence};

use super::GRACE;
use crate::{
    finding::{Finding, Kind, Severity, later, moment},
    known::{Known, Plan},
    world::Watched,
};

/// An edit needs so long until EventBridge fires by it.
const EDIT_TAKES: SignedDuration = SignedDuration::from_mins(5);

/// Whether the schedule's last firing, a while ago, has been answered by no run.
pub(crate) fn missed(now: Timestamp, watched: &Watched) -> Option<Finding> {
    let plan = watched.known.plan.as_ref().filter(|plan| plan.is_scheduled())?;
    let runs = watched.seen.runs.as_ref()?;
    let firing = last_firing(plan, &watched.known, later(now, -GRACE))?;
    if runs.iter().any(|run| answers(run, firing)) {
        return None;
    }
    let system = &watched.name;
    let what = format!(
        "Nothing ran for the firing of {}, by `{}`.",
        moment(firing),
        schedule(plan)
    );
    let todo = format!(
        "Run `seatbelt backup {system}`, then see in the stack's schedule group and dead-letter queue why the schedule did not reach its function."
    );
    Some(watched.finding(Kind::FiringMissed, Severity::Critical, firing, what, todo))
}

fn schedule(plan: &Plan) -> String {
    plan.schedule.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// The last firing at or before `limit` that this plan must have brought about.
fn last_firing(plan: &Plan, known: &Known, limit: Timestamp) -> Option<Timestamp> {
    let schedule = plan.schedule.as_ref()?;
    if matches!(schedule.recurrence(), Recurrence::Every { .. }) {
        // EventBridge counts from where it made the schedule, which nobody tells. The last firing that arrived shows it; before there is
        // one, the first must have come at the latest one interval after the plan was first seen.
        let anchor = known.fired.filter(|fired| *fired > plan.since).unwrap_or(plan.since);
        return schedule.last_until(limit, anchor).filter(|firing| *firing > anchor);
    }
    let firing = schedule.last_until(limit, plan.since)?;
    (firing > later(plan.since, EDIT_TAKES)).then_some(firing)
}

/// Whether a backup answers a firing: it names it or a later one, began after it, or was still alive then (a run that was at work when the
/// schedule fired, or that the firing went on with). Its end does not count, as a dead run may be closed at any time.
fn answers(run: &Run, firing: Timestamp) -> bool {
    let after = |at: Timestamp| at >= firing;
    run.kind == RunKind::Backup && (run.due_at.is_some_and(after) || after(run.started_at) || after(run.heartbeat_at))
}
