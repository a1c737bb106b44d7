//! What people owe: decisions, valid entries, exports by hand, credentials that last, drills.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use seatbelt_connector_kit::expiry;
use seatbelt_model::{Decision, RunKind, RunStatus, schedule::Recurrence};

use super::listed;
use crate::{
    finding::{Finding, Kind, Severity, later, moment, span},
    world::Watched,
};

/// People are warned so long before a credential expires ...
const EXPIRES_SOON: SignedDuration = SignedDuration::from_hours(14 * 24);
/// ... and urged so long before.
const EXPIRES_NOW: SignedDuration = SignedDuration::from_hours(3 * 24);
/// A restore that nobody has tried for so long may not work.
const DRILL_EVERY: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Vendors change what they offer.
const CHECK_EVERY: SignedDuration = SignedDuration::from_hours(365 * 24);
/// The setting by which the manifest says when a credential expires.
const EXPIRES_SETTING: &str = "credential_expires_on";
const MOST_PROBLEMS: usize = 3;

/// What could not be read about the system in this round.
pub(crate) fn unreadable(now: Timestamp, watched: &Watched) -> Option<Finding> {
    let first = watched.seen.troubles.first()?;
    let more = match watched.seen.troubles.len() {
        1 => String::new(),
        all => format!(" (and {} more)", all - 1),
    };
    let what = format!("Its state could not be read, so nobody knows whether it is backed up: {first}{more}.");
    let todo = "Mend what it names; the next round, in ten minutes, tries again.";
    Some(watched.finding(Kind::Unreadable, Severity::Warning, now, what, todo))
}

/// Whether the entry cannot be used. The last good schedule stays in force, so this is a matter of days, not minutes.
pub(crate) fn invalid(now: Timestamp, watched: &Watched) -> Option<Finding> {
    let noted = watched
        .noted
        .iter()
        .flat_map(|note| note.findings.iter().filter(|finding| finding.is_error()));
    let mut problems: Vec<_> = watched.errors.iter().chain(noted).map(ToString::to_string).collect();
    let setting = watched.draft.settings.get(EXPIRES_SETTING);
    if setting.is_some_and(|value| value.as_str().and_then(expiry).is_none()) {
        problems.push(format!(
            "error: settings.{EXPIRES_SETTING}: this is no day such as 2027-03-31"
        ));
    }
    let mut seen = std::collections::BTreeSet::new();
    problems.retain(|problem| seen.insert(problem.clone()));
    if problems.is_empty() {
        return None;
    }
    let since = watched.noted.iter().map(|note| note.since).min().unwrap_or(now);
    let system = &watched.name;
    let in_force = match watched.known.plan.as_ref().and_then(|plan| plan.schedule.as_ref()) {
        Some(schedule) => format!("the last good schedule, `{schedule}`, stays in force"),
        None => "it is not backed up".to_owned(),
    };
    let problems = listed(problems.iter().map(String::as_str), MOST_PROBLEMS);
    let what = format!("Its entry in the manifest cannot be used, and {in_force}: {problems}.");
    let todo = format!("Correct it, and see with `seatbelt manifest check {system}` that it is.");
    Some(watched.finding(Kind::EntryInvalid, Severity::Warning, since, what, todo))
}

/// Whether nobody has decided yet.
pub(crate) fn undecided(watched: &Watched) -> Option<Finding> {
    let plan = watched
        .known
        .plan
        .as_ref()
        .filter(|plan| plan.decision == Decision::Undecided)?;
    let system = &watched.name;
    let what = "Nobody has decided yet whether it is backed up, so it is not.";
    let todo =
        format!("Decide: `seatbelt manifest set {system} decision=backup` (or `skip`, or `manual`), with a reason.");
    Some(watched.finding(Kind::Undecided, Severity::Notice, plan.since, what, todo))
}

/// Whether the credential expires soon, by its secret, as the last run saw it, or by the manifest.
pub(crate) fn expiring(now: Timestamp, watched: &Watched) -> Option<Finding> {
    watched
        .known
        .plan
        .as_ref()
        .filter(|plan| plan.decision == Decision::Backup)?;
    let told = watched
        .draft
        .settings
        .get(EXPIRES_SETTING)
        .and_then(|value| expiry(value.as_str()?));
    let expires = [told, watched.known.credential_expires_at]
        .into_iter()
        .flatten()
        .min()?;
    let left = expires.duration_since(now);
    if left > EXPIRES_SOON {
        return None;
    }
    let severity = if left > EXPIRES_NOW {
        Severity::Warning
    } else {
        Severity::Critical
    };
    let when = if left > SignedDuration::ZERO {
        format!("expires in {}", span(left))
    } else {
        "has expired".to_owned()
    };
    let what = format!("Its credential {when}, at {}.", moment(expires));
    let system = &watched.name;
    let todo = format!(
        "Make a new one at the vendor, put it in the secret with its new `expires_on`, and run `seatbelt backup {system}`."
    );
    Some(watched.finding(
        Kind::CredentialExpiring,
        severity,
        later(expires, -EXPIRES_SOON),
        what,
        todo,
    ))
}

/// Whether a person has to export it by hand: the schedule's last firing is later than the last export.
pub(crate) fn export_due(now: Timestamp, watched: &Watched) -> Option<Finding> {
    let plan = watched
        .known
        .plan
        .as_ref()
        .filter(|plan| plan.decision == Decision::Manual && !plan.paused)?;
    let newest = watched.newest()?.map(|digest| digest.id.start());
    let done = |run: &&seatbelt_model::Run| {
        run.kind == RunKind::Backup && matches!(run.status, RunStatus::Complete | RunStatus::Partial)
    };
    let ran = watched
        .seen
        .runs
        .as_ref()?
        .iter()
        .filter(done)
        .map(|run| run.started_at)
        .max();
    let last = newest.max(ran);
    // A new entry is due when its schedule first says so.
    let from = last.unwrap_or(plan.since);
    let by_schedule = plan.schedule.as_ref().and_then(|schedule| match schedule.recurrence() {
        Recurrence::Every { .. } => schedule.next_after(from, from),
        _ => schedule.last_until(now, from).filter(|firing| *firing > from),
    });
    let by_rpo = plan.rpo.map(|rpo| later(from, rpo.duration()));
    let is_past = |at: &Timestamp| *at <= now;
    let since = [by_schedule.filter(is_past), by_rpo.filter(is_past)]
        .into_iter()
        .flatten()
        .min()?;
    let severity = if by_rpo.as_ref().is_some_and(is_past) {
        Severity::Critical
    } else {
        Severity::Warning
    };
    let what = match last {
        Some(last) => format!("An export by hand is due; the last one was of {}.", moment(last)),
        None => "An export by hand is due; none has been made yet.".to_owned(),
    };
    let todo = "Export it at the vendor, and store the export as the entry's reason says.";
    Some(watched.finding(Kind::ExportDue, severity, since, what, todo))
}

/// Whether no restore drill has passed for a month. A system is given that long from its first snapshot.
pub(crate) fn drill_overdue(now: Timestamp, watched: &Watched) -> Option<Finding> {
    watched
        .known
        .plan
        .as_ref()
        .filter(|plan| plan.decision == Decision::Backup && !plan.paused)?;
    let snapshots = watched.seen.snapshots.as_ref()?;
    let first = snapshots.oldest?.min(watched.known.first_seen);
    let due = later(watched.known.drill.unwrap_or(first), DRILL_EVERY);
    if now <= due {
        return None;
    }
    let system = &watched.name;
    let what = match watched.known.drill {
        Some(drill) => format!("The last restore drill passed at {}, over a month ago.", moment(drill)),
        None => "No restore drill has passed yet, so nobody knows that its backup can be restored.".to_owned(),
    };
    let todo = format!("Run `seatbelt drill {system}`.");
    Some(watched.finding(Kind::DrillOverdue, Severity::Warning, due, what, todo))
}

/// Whether it is over a year since somebody looked at what the vendor's own backup offers.
pub(crate) fn builtin_unchecked(now: Timestamp, watched: &Watched) -> Option<Finding> {
    let checked_on = watched.draft.builtin.checked_on?;
    let checked = TimeZone::UTC.to_timestamp(checked_on.at(0, 0, 0, 0)).ok()?;
    let due = later(checked, CHECK_EVERY);
    if now < due {
        return None;
    }
    let system = &watched.name;
    let what = format!("What the vendor's own backup offers was last looked at on {checked_on}, over a year ago.");
    let todo = format!("Look again, and note it with `seatbelt manifest set {system} builtin.checked_on=DATE`.");
    Some(watched.finding(Kind::BuiltinUnchecked, Severity::Notice, due, what, todo))
}
