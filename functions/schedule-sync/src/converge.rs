//! One system: its schedule brought to what the manifest says now.
//!
//! Nothing is locked, and invocations overlap: the stream's with the daily one, and a slow one with its own successor. So whoever
//! has written something looks again at the entry. The last of all writers then finds it as it was when it made up its mind, or
//! writes once more; whatever the order, the schedule ends as the entry says.

use std::time::Duration;

use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use jiff::Timestamp;
use seatbelt_model::Finding;

use crate::{Draft, Place, ScheduleSync, SyncError, Wanted, draft, place::is_name, scheduler::NotDone, wanted};

/// Whose findings ours are, among those of others.
pub const SOURCE: &str = "schedule";
/// How often a system is looked at again before its record goes back to the stream.
const ROUNDS: u32 = 6;
/// The wait before the second look when somebody else was at the same schedule; it doubles.
const WAIT: Duration = Duration::from_millis(50);

/// What was done about one system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// Schedules made.
    pub created: u64,
    /// Schedules changed.
    pub updated: u64,
    /// Schedules removed.
    pub deleted: u64,
    /// What is wrong with the entry, and what is in force meanwhile; empty if it is as it should be.
    pub findings: Vec<Finding>,
    /// A schedule of this name is in the group that is not ours to remove: it calls something else.
    pub foreign: bool,
}

impl Done {
    /// How often a schedule was written.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.created + self.updated + self.deleted
    }
}

/// What to do about a schedule.
#[derive(Debug, Clone, PartialEq)]
enum Step<'a> {
    Nothing,
    Create(&'a Draft),
    Update(&'a Draft, Vec<&'static str>),
    Delete(&'static str),
    LeaveForeign,
}

/// What brings `found` to what is wanted.
fn step<'a>(wanted: &'a Wanted, found: Option<&GetScheduleOutput>, place: &Place) -> Step<'a> {
    let target = found.and_then(|found| found.target()).map_or("", |target| target.arn());
    match (wanted, found) {
        (Wanted::Absent | Wanted::Keep { .. }, None) => Step::Nothing,
        (Wanted::Absent, Some(_)) if !place.owns(target) => Step::LeaveForeign,
        (Wanted::Absent, Some(_)) => Step::Delete("the manifest asks for none"),
        (Wanted::Keep { .. }, Some(_)) if place.owns(target) && !place.is_deployed(target) => {
            Step::Delete("its platform is no longer deployed, so it can only fail")
        }
        (Wanted::Keep { .. }, Some(_)) => Step::Nothing,
        (Wanted::Schedule(draft), None) => Step::Create(draft),
        (Wanted::Schedule(draft), Some(found)) => match draft.differences(found) {
            same if same.is_empty() => Step::Nothing,
            differing => Step::Update(draft, differing),
        },
    }
}

impl ScheduleSync {
    /// Brings the schedule of `system` to what its entry says. Any number of times, in any order, at once: the outcome is the same.
    ///
    /// # Errors
    /// When it could not be done; safe to repeat.
    pub async fn sync(&self, system: &str, deadline: Timestamp) -> Result<Done, SyncError> {
        let mut done = Done::default();
        let mut wanted = self.wanted(system).await?;
        for _ in 0..ROUNDS {
            if self.clock.now() >= deadline {
                return Err(SyncError::OutOfTime {
                    name: system.to_owned(),
                });
            }
            if !self.round(system, &wanted, &mut done).await? {
                return Ok(done);
            }
            let now = self.wanted(system).await?;
            if now == wanted {
                return Ok(done);
            }
            wanted = now;
        }
        Err(SyncError::Contended {
            name: system.to_owned(),
        })
    }

    /// What the entry asks for at this moment.
    async fn wanted(&self, system: &str) -> Result<Wanted, SyncError> {
        let entry = self.catalog.entry(system).await?;
        Ok(entry.map_or(Wanted::Absent, |entry| wanted(&entry, &self.place)))
    }

    /// Brings schedule and findings to `wanted`, and says whether anything was written.
    async fn round(&self, system: &str, wanted: &Wanted, done: &mut Done) -> Result<bool, SyncError> {
        let before = done.writes();
        let refused = self.converge(system, wanted, done).await?;
        let mut findings = match wanted {
            Wanted::Keep { findings } => findings.clone(),
            Wanted::Absent | Wanted::Schedule(_) => Vec::new(),
        };
        findings.extend(refused);
        let noted = if findings.is_empty() {
            done.findings.clear();
            self.catalog.clear_findings(SOURCE, system).await?
        } else {
            findings.push(self.in_force(system).await?);
            self.note(system, &findings).await?;
            done.findings = findings;
            true
        };
        Ok(noted || done.writes() > before)
    }

    /// Brings the schedule to `wanted`. A finding if AWS refuses it, with what was there left as it was.
    async fn converge(&self, name: &str, wanted: &Wanted, done: &mut Done) -> Result<Option<Finding>, SyncError> {
        if !is_name(name) {
            // Nothing of that name can be there.
            return Ok(None);
        }
        for round in 0..ROUNDS {
            let found = self.group.get(name).await?;
            let step = step(wanted, found.as_ref(), &self.place);
            match self.take(name, step, done).await {
                Ok(()) => return Ok(None),
                Err(NotDone::Refused(said)) => {
                    let message =
                        format!("EventBridge Scheduler refused it ({said}); write the schedule in another way");
                    return Ok(Some(Finding::error("schedule", message)));
                }
                Err(NotDone::Failed(error)) => return Err(error),
                Err(NotDone::Moved) => self.clock.sleep(WAIT * 2_u32.pow(round)).await,
            }
        }
        Err(SyncError::Contended { name: name.to_owned() })
    }

    async fn take(&self, system: &str, step: Step<'_>, done: &mut Done) -> Result<(), NotDone> {
        match step {
            Step::Nothing => done.foreign = false,
            Step::LeaveForeign => {
                done.foreign = true;
                tracing::warn!(
                    system,
                    "a schedule in the stack's group calls no backup function, and is left alone"
                );
            }
            Step::Create(draft) => {
                self.group.create(draft).await?;
                done.created += 1;
                tracing::info!(system, schedule = draft.summary(), "schedule created");
            }
            Step::Update(draft, differing) => {
                self.group.update(draft).await?;
                done.updated += 1;
                tracing::info!(
                    system,
                    schedule = draft.summary(),
                    fields = differing.join(", "),
                    "schedule changed"
                );
            }
            Step::Delete(why) => {
                self.group.delete(system).await?;
                done.deleted += 1;
                tracing::info!(system, why, "schedule deleted");
            }
        }
        Ok(())
    }

    /// What runs while the entry cannot be used.
    async fn in_force(&self, name: &str) -> Result<Finding, SyncError> {
        let found = if is_name(name) {
            self.group.get(name).await?
        } else {
            None
        };
        let message = match found {
            Some(found) => format!(
                "until this is corrected, the last good schedule stays: {}",
                draft::summary_of(&found)
            ),
            None => "until this is corrected, no schedule backs it up".to_owned(),
        };
        Ok(Finding::warning("schedule", message))
    }

    /// Writes findings where people look.
    pub(crate) async fn note(&self, system: &str, findings: &[Finding]) -> Result<(), SyncError> {
        let now = self.clock.now();
        self.catalog.put_findings(SOURCE, system, findings, now).await?;
        for finding in findings.iter().filter(|finding| finding.is_error()) {
            tracing::error!(
                system,
                field = finding.field,
                finding = finding.message,
                "the entry cannot be used"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_scheduler::types::Target;

    use super::*;
    use crate::place::Names;

    const FUNCTION: &str = "arn:aws:lambda:eu-central-1:123456789012:function:";

    fn place() -> Place {
        Place::new(Names {
            stack: "seatbelt".into(),
            group: "seatbelt".into(),
            backup_arn_prefix: format!("{FUNCTION}seatbelt-backup-"),
            role_arn: "arn:aws:iam::123456789012:role/scheduler".into(),
            dead_letter_arn: "arn:aws:sqs:eu-central-1:123456789012:dead".into(),
            platforms: "github".into(),
        })
        .unwrap()
    }

    fn calling(function: &str) -> GetScheduleOutput {
        let target = Target::builder().arn(format!("{FUNCTION}{function}")).role_arn("role");
        GetScheduleOutput::builder().target(target.build().unwrap()).build()
    }

    #[test]
    fn what_calls_something_else_is_left_and_what_calls_nothing_goes() {
        let (place, keep) = (place(), Wanted::Keep { findings: vec![] });
        let of = |wanted: &Wanted, function: &str| match step(wanted, Some(&calling(function)), &place) {
            Step::Nothing => "kept",
            Step::Delete(_) => "deleted",
            Step::LeaveForeign => "foreign",
            other => panic!("{other:?}"),
        };
        assert_eq!(of(&Wanted::Absent, "seatbelt-backup-github"), "deleted");
        assert_eq!(of(&Wanted::Absent, "seatbelt-backup-jira"), "deleted");
        assert_eq!(of(&Wanted::Absent, "payroll"), "foreign");
        assert_eq!(of(&keep, "seatbelt-backup-github"), "kept");
        assert_eq!(of(&keep, "seatbelt-backup-jira"), "deleted");
        assert_eq!(of(&keep, "payroll"), "kept");
        assert_eq!(step(&keep, None, &place), Step::Nothing);
        assert_eq!(step(&Wanted::Absent, None, &place), Step::Nothing);
    }
}
