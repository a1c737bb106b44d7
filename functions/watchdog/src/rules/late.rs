//! Systems past their RPO: it is met while the newest snapshot's run began within it.

use jiff::{SignedDuration, Timestamp};
use seatbelt_model::{Decision, RunKind};

use super::{GRACE, listed, stalled::is_at_work};
use crate::{
    finding::{Finding, Kind, Severity, later, moment, span},
    world::Watched,
};

/// A resource that could not be read for so long is old, where no RPO says anything else.
const STALE_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Resources named in a sentence.
const MOST_NAMES: usize = 5;

/// Whether the newest snapshot is too old. A run at work that would mend it, and began in time, is waited for.
pub(crate) fn late(now: Timestamp, watched: &Watched) -> Option<Finding> {
    let plan = watched
        .known
        .plan
        .as_ref()
        .filter(|plan| plan.decision == Decision::Backup)?;
    let rpo = plan.rpo?.duration();
    let newest = watched.newest()?.map(|digest| digest.id.start());
    let due = later(newest.unwrap_or(plan.since), rpo);
    if now <= later(due, GRACE) || is_being_mended(now, watched, due, rpo) {
        return None;
    }
    let system = &watched.name;
    let allowed = format!("at most {} may be lost", span(rpo));
    let what = match newest {
        Some(newest) => {
            let age = span(now.duration_since(newest));
            format!(
                "The newest snapshot began at {} and is {age} old, where {allowed}.",
                moment(newest)
            )
        }
        None => format!("There is no snapshot yet, where {allowed}."),
    };
    let (severity, todo) = if plan.paused {
        (
            Severity::Warning,
            format!(
                "It is paused: switch it on again with `seatbelt manifest set {system} paused=false`, or decide `skip`."
            ),
        )
    } else {
        (
            Severity::Critical,
            format!("Run `seatbelt backup {system}`; `seatbelt runs {system}` says what kept it from being backed up."),
        )
    };
    Some(watched.finding(Kind::Late, severity, due, what, todo))
}

fn is_being_mended(now: Timestamp, watched: &Watched, due: Timestamp, rpo: SignedDuration) -> bool {
    let open = watched.seen.open.iter().flatten();
    open.filter(|run| run.kind == RunKind::Backup).any(|run| {
        let in_time = run.started_at <= later(due, GRACE) && now.duration_since(run.started_at) <= rpo;
        in_time && is_at_work(now, watched, run)
    })
}

/// Resources that runs have carried forward for longer than the RPO allows: the snapshot is new, what it holds of them is not.
pub(crate) fn stale(now: Timestamp, watched: &Watched) -> Option<Finding> {
    let plan = watched
        .known
        .plan
        .as_ref()
        .filter(|plan| plan.decision == Decision::Backup)?;
    let newest = watched.newest()??;
    let allowed = plan.rpo.map_or(STALE_AFTER, |rpo| rpo.duration());
    let old = |read_at: Timestamp| now > later(later(read_at, allowed), GRACE);
    // Where all is old, the snapshot is, and that is said already.
    if old(newest.id.start()) {
        return None;
    }
    let stale: Vec<_> = newest
        .resources
        .iter()
        .filter(|(_, size)| size.stale && old(size.read_at))
        .collect();
    let oldest = stale.iter().map(|(_, size)| size.read_at).min()?;
    let names = listed(stale.iter().map(|(name, _)| name.as_str()), MOST_NAMES);
    let (system, since) = (&watched.name, later(oldest, allowed));
    let what = format!(
        "New snapshots still hold an old state of {names}, last read at {}.",
        moment(oldest)
    );
    let todo = format!(
        "`seatbelt runs {system}` says why they cannot be read; `seatbelt check {system}` tries the credential."
    );
    Some(watched.finding(Kind::ResourcesStale, Severity::Critical, since, what, todo))
}
