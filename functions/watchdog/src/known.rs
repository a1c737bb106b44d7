//! What rounds pass on to each other about a system: what cannot be read anywhere when it is needed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use seatbelt_model::{Decision, Run, RunId, RunKind, RunStatus, Schedule, System, Trigger, system::Rpo};
use serde::{Deserialize, Serialize};

/// What is known about one system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// When a round first saw the entry.
    pub first_seen: Timestamp,
    /// What the last valid entry asked for: an edit that cannot be used leaves the last good schedule running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// The last firing that is known to have arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired: Option<Timestamp>,
    /// When the last drill passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<Timestamp>,
    /// Whether the history was once searched for a drill, and not its newest runs only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub searched: bool,
    /// When the credential expires, as the last run that signed in found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_expires_at: Option<Timestamp>,
    /// Stalled runs that were continued.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub continued: BTreeMap<RunId, Continued>,
}

/// What an entry asks for, as far as it is watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What was decided.
    #[serde(with = "decision")]
    pub decision: Decision,
    /// The connector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// When it is backed up, or a person is reminded to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// How much may be lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo: Option<Rpo>,
    /// Whether the schedule is switched off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// Since when: firings before that are none of this plan's.
    pub since: Timestamp,
}

/// How often a stalled run was continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continued {
    /// How often.
    pub times: u32,
    /// When last.
    pub at: Timestamp,
}

impl Plan {
    fn of(system: &System, since: Timestamp) -> Self {
        Self {
            decision: system.decision,
            platform: system.platform.clone(),
            schedule: system.schedule.clone(),
            rpo: system.rpo,
            paused: system.paused,
            since,
        }
    }

    /// Whether it is backed up by the clock.
    #[must_use]
    pub fn is_scheduled(&self) -> bool {
        self.decision == Decision::Backup && !self.paused && self.schedule.is_some()
    }
}

impl Known {
    /// A system seen for the first time.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            first_seen: now,
            plan: None,
            fired: None,
            drill: None,
            searched: false,
            credential_expires_at: None,
            continued: BTreeMap::new(),
        }
    }

    /// Takes in a valid entry. A plan whose firings differ from those before begins now; another RPO is in force at once.
    pub fn take_entry(&mut self, system: &System, now: Timestamp) {
        let mut plan = Plan::of(system, now);
        if let Some(before) = &self.plan {
            let same = (plan.decision, plan.paused) == (before.decision, before.paused)
                && (&plan.platform, &plan.schedule) == (&before.platform, &before.schedule);
            if same {
                plan.since = before.since;
            }
        }
        self.plan = Some(plan);
    }

    /// Takes in the newest runs, newest first: which firing arrived last, which drill passed last, when the credential expires.
    pub fn take_runs(&mut self, runs: &[Run]) {
        let fired = runs.iter().filter_map(firing).max();
        self.fired = self.fired.max(fired);
        let passed = |run: &&Run| run.kind == RunKind::Drill && run.status == RunStatus::Complete;
        let drill = runs
            .iter()
            .filter(passed)
            .map(|run| run.ended_at.unwrap_or(run.started_at))
            .max();
        self.drill = self.drill.max(drill);
        // A run that failed may have done so before it read the secret, and then says nothing about it.
        let signed_in = |run: &&Run| {
            let ended_well = matches!(run.status, RunStatus::Complete | RunStatus::Partial);
            run.kind == RunKind::Backup && (ended_well || run.credential_expires_at.is_some())
        };
        if let Some(run) = runs.iter().find(signed_in) {
            self.credential_expires_at = run.credential_expires_at;
        }
    }

    /// Takes in which runs are open: what was done about others no longer matters.
    pub fn take_open(&mut self, open: &[Run]) {
        self.continued.retain(|id, _| open.iter().any(|run| run.id == *id));
    }

    /// Notes that a run is continued now.
    pub fn continue_run(&mut self, run: RunId, now: Timestamp) {
        let entry = self.continued.entry(run).or_insert(Continued { times: 0, at: now });
        entry.times += 1;
        entry.at = now;
    }
}

/// The firing a run answers: one that its schedule did not fill in counts from the run's start.
fn firing(run: &Run) -> Option<Timestamp> {
    if run.kind != RunKind::Backup {
        return None;
    }
    run.due_at
        .or((run.trigger == Trigger::Schedule).then_some(run.started_at))
}

/// A decision as its word.
mod decision {
    use seatbelt_model::Decision;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(super) fn serialize<S: Serializer>(decision: &Decision, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(decision.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decision, D::Error> {
        let word = String::deserialize(deserializer)?;
        let found = Decision::ALL.into_iter().find(|decision| decision.as_str() == word);
        found.ok_or_else(|| D::Error::custom("no decision"))
    }
}
