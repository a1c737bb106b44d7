//! How the last runs ended.

use jiff::{SignedDuration, Timestamp};
use seatbelt_model::{Run, RunKind, RunStatus};

use super::{listed, stalled::is_at_work};
use crate::{
    finding::{Finding, Kind, Severity, moment},
    world::Watched,
};

/// Lambda tries a failed invocation again after one and after two minutes; a failure stands when they are over.
const RETRIED_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// One run with gaps happens; so many in a row are a state.
const REPEATEDLY: usize = 3;
/// Of an error's text, the part that fits a sentence.
const LONGEST_ERROR: usize = 240;
const MOST_NAMES: usize = 5;

/// Backups that came to an end of their own, newest first.
fn ended(watched: &Watched) -> Vec<&Run> {
    let runs = watched.seen.runs.iter().flatten();
    runs.filter(|run| run.kind == RunKind::Backup && run.status.is_final() && run.status != RunStatus::Skipped)
        .collect()
}

fn ended_at(run: &Run) -> Timestamp {
    run.ended_at.unwrap_or(run.heartbeat_at)
}

/// Whether the last run failed.
pub(crate) fn failing(now: Timestamp, watched: &Watched) -> Option<Finding> {
    let ended = ended(watched);
    let failed: Vec<_> = ended.iter().take_while(|run| run.status == RunStatus::Failed).collect();
    let (newest, first) = (failed.first()?, failed.last()?);
    let open = watched.seen.open.iter().flatten();
    let tried_again = open
        .filter(|run| run.id > newest.id && run.kind == RunKind::Backup)
        .any(|run| is_at_work(now, watched, run));
    let just_now = now.duration_since(ended_at(newest)) < RETRIED_WITHIN;
    if failed.len() == 1 && (tried_again || just_now) {
        return None;
    }
    let severity = if failed.len() == 1 {
        Severity::Warning
    } else {
        Severity::Critical
    };
    let times = match failed.len() {
        1 => "The last run failed".to_owned(),
        times => format!("The last {times} runs failed"),
    };
    let said: String = newest
        .error
        .as_deref()
        .unwrap_or("no reason was recorded")
        .chars()
        .take(LONGEST_ERROR)
        .collect();
    let system = &watched.name;
    let what = format!(
        "{times}, run {} of {} with: {}.",
        newest.id,
        moment(newest.started_at),
        said.trim_end_matches('.')
    );
    let todo =
        format!("Mend what it names, try it with `seatbelt check {system}`, and run `seatbelt backup {system}`.");
    Some(watched.finding(Kind::RunsFailing, severity, ended_at(first), what, todo))
}

/// Whether the last runs left gaps.
pub(crate) fn partial(watched: &Watched) -> Option<Finding> {
    let ended = ended(watched);
    if ended.first()?.status != RunStatus::Partial {
        return None;
    }
    let with_gaps = |run: &&&Run| matches!(run.status, RunStatus::Partial | RunStatus::Failed);
    let partial: Vec<_> = ended.iter().take_while(with_gaps).collect();
    let (newest, first) = (partial.first()?, partial.last()?);
    let severity = if partial.len() >= REPEATEDLY {
        Severity::Warning
    } else {
        Severity::Notice
    };
    let gaps = newest.resources.iter().filter(|(_, counts)| counts.gaps > 0);
    let names = match listed(gaps.map(|(name, _)| name.as_str()), MOST_NAMES) {
        none if none.is_empty() => "some resources".to_owned(),
        names => names,
    };
    let times = match partial.len() {
        1 => "The last run".to_owned(),
        times => format!("Each of the last {times} runs"),
    };
    let system = &watched.name;
    let what = format!("{times} left gaps; run {} in {names}.", newest.id);
    let todo = format!(
        "`seatbelt show {system}` lists the gaps; `seatbelt check {system}` says what the credential may not see."
    );
    Some(watched.finding(Kind::RunsPartial, severity, ended_at(first), what, todo))
}
