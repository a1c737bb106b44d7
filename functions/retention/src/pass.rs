//! One pass over one system.

use std::collections::BTreeSet;

use jiff::Timestamp;
use seatbelt_model::{Class, SnapshotId, Trigger};
use seatbelt_vault::{DamageKind, Marked, Names, Survey, Swept, VaultError};

use crate::{
    Damaged, Decided, Order, Retention, RetentionError, Rule, Unruled, damage, damage::Found, decide, memory::Memory,
    record, rule, scrub::Lap,
};

/// What a pass did and found.
#[derive(Debug, Clone, Default)]
pub struct Pass {
    /// The system.
    pub system: String,
    /// What was decided about each snapshot, oldest first; nothing where nothing may be deleted.
    pub decided: Vec<Decided>,
    /// Snapshots that expired.
    pub expired: Vec<SnapshotId>,
    /// Snapshots that would have, and are locked until then.
    pub locked: Vec<(SnapshotId, Timestamp)>,
    /// Objects that were deleted.
    pub swept: Swept,
    /// Objects that were looked at, and marked.
    pub marked: Marked,
    /// Objects whose lock was extended.
    pub locks_extended: u64,
    /// Objects that were read again and are as they were.
    pub verified: u64,
    /// Their bytes.
    pub verified_bytes: u64,
    /// All objects that are known to be damaged.
    pub damaged: Vec<Damaged>,
    /// Why nothing of the system may be deleted, by the manifest.
    pub unruled: Option<Unruled>,
    /// Why nothing of the system may be deleted, by what lies in the vault.
    pub refused: Option<String>,
    /// Why nothing was deleted this time.
    pub busy: Option<String>,
    /// What failed, and may not the next time.
    pub failed: Option<String>,
    /// Whether the deadline came first.
    pub cut: bool,
    /// Whether not everything was read again within the time that was promised.
    pub late: bool,
    /// A walk through everything that ended in this pass.
    pub(crate) lap: Option<Lap>,
}

/// Whether the deadline has come.
pub(crate) fn is_over(retention: &Retention, deadline: Option<Timestamp>) -> bool {
    deadline.is_some_and(|deadline| retention.clock.now() >= deadline)
}

impl Retention {
    /// Makes one pass, writes what it did into the history, and remembers where it is. Never fails: what went wrong is in the answer.
    /// Safe to repeat, and to cut off anywhere.
    pub async fn pass(&self, order: &Order, deadline: Option<Timestamp>) -> Pass {
        let mut pass = Pass {
            system: order.system.clone(),
            ..Pass::default()
        };
        let began = self.clock.now();
        let outcome = match Memory::of(&self.catalog, &order.system).await {
            Err(error) => Err(error.into()),
            Ok(mut memory) => {
                let outcome = Box::pin(self.go(order, deadline, &mut memory, &mut pass)).await;
                self.take_refusal(outcome, &mut memory, &mut pass, deadline).await
            }
        };
        if let Err(error) = outcome {
            pass.failed = Some(error.to_string());
        }
        if let Err(error) = self.record(order, &pass, began).await {
            let said = format!("the pass could not be recorded: {error}");
            pass.failed = Some(pass.failed.map_or(said.clone(), |failed| format!("{failed}; {said}")));
        }
        pass
    }

    /// Whether the vault's error says that the system must be left alone; else it is an error of the moment.
    async fn take_refusal(
        &self,
        outcome: Result<(), RetentionError>,
        memory: &mut Memory,
        pass: &mut Pass,
        deadline: Option<Timestamp>,
    ) -> Result<(), RetentionError> {
        match outcome {
            Err(RetentionError::Vault(error)) if is_refusal(&error) => {
                pass.refused = Some(format!("nothing is deleted, since not everything can be read: {error}"));
                self.obstacle(&pass.system, &error, memory).await?;
                pass.damaged = damage::known(memory);
            }
            Err(error) => {
                memory.save(&self.catalog, &pass.system).await?;
                return Err(error);
            }
            Ok(()) => {}
        }
        pass.cut |= is_over(self, deadline);
        memory.passed_at = Some(self.clock.now());
        memory.cut = pass.cut;
        memory.save(&self.catalog, &pass.system).await?;
        Ok(())
    }

    async fn go(
        &self,
        order: &Order,
        deadline: Option<Timestamp>,
        memory: &mut Memory,
        pass: &mut Pass,
    ) -> Result<(), RetentionError> {
        let system = order.system.as_str();
        let entry = self.catalog.entry(system).await?;
        let rule = match rule::rule(system, entry.as_ref(), order.removed) {
            Ok(rule) => Some(rule),
            Err(unruled) => {
                pass.unruled = Some(unruled);
                None
            }
        };
        let mut at = self.clock.now();
        let mut survey = self.vault.survey(system).await?;
        if let Some(rule) = &rule {
            pass.decided = decide(rule, &survey.snapshots, &damage::broken(memory), at);
            let expires = pass.decided.iter().any(|decided| !decided.is_kept());
            if expires || survey.is_sweep_due(at) {
                self.delete_unless_busy(system, rule, memory, deadline, pass).await?;
                at = self.clock.now();
                survey = self.vault.survey(system).await?;
            }
        }
        let names = self.vault.names(system, &survey, &BTreeSet::new()).await?;
        let mut found = self
            .look(system, rule.is_some(), at, &survey, &names, deadline, pass)
            .await?;
        self.extend(system, &survey, deadline, pass).await?;
        let mut scrubbed = Ok(());
        if order.scrub {
            let (read, result) = self.read_on(system, &names, memory, deadline).await;
            (pass.verified, pass.verified_bytes) = (read.objects, read.bytes);
            pass.cut |= read.cut;
            pass.lap = read.ended;
            found.extend(read.found);
            scrubbed = result;
        }
        found.extend(damage::looked_again(&self.vault, system, memory).await?);
        pass.damaged = damage::settle(&self.vault, system, &survey, found, memory, self.clock.now()).await?;
        pass.late = memory.lap.as_ref().is_some_and(|lap| lap.is_late(self.clock.now()));
        Ok(scrubbed?)
    }

    async fn delete_unless_busy(
        &self,
        system: &str,
        rule: &Rule,
        memory: &Memory,
        deadline: Option<Timestamp>,
        pass: &mut Pass,
    ) -> Result<(), RetentionError> {
        match self.delete(system, rule, memory, deadline, pass).await {
            Err(RetentionError::Busy { why, .. }) => {
                pass.busy = Some(why);
                Ok(())
            }
            other => other,
        }
    }

    /// Looks at all objects, and marks what nothing names if that may be deleted. Gives what is missing.
    #[expect(clippy::too_many_arguments, reason = "one step of a pass, cut out of it")]
    async fn look(
        &self,
        system: &str,
        may_mark: bool,
        at: Timestamp,
        survey: &Survey,
        names: &Names,
        deadline: Option<Timestamp>,
        pass: &mut Pass,
    ) -> Result<Found, RetentionError> {
        let go_on = || !is_over(self, deadline);
        pass.marked = self
            .vault
            .mark(system, survey, names, may_mark.then_some(at), go_on)
            .await?;
        pass.cut |= !pass.marked.whole;
        let missing = pass
            .marked
            .missing
            .iter()
            .map(|name| (name.clone(), DamageKind::Missing));
        Ok(missing.collect())
    }

    /// Extends the locks of what is kept: of everything, where nothing is to expire.
    async fn extend(
        &self,
        system: &str,
        survey: &Survey,
        deadline: Option<Timestamp>,
        pass: &mut Pass,
    ) -> Result<(), RetentionError> {
        let expiring: BTreeSet<_> = pass
            .decided
            .iter()
            .filter(|decided| !decided.is_kept())
            .map(|decided| decided.id)
            .collect();
        let kept = survey
            .snapshots
            .keys()
            .copied()
            .filter(|id| !expiring.contains(id))
            .collect();
        let go_on = || !is_over(self, deadline);
        pass.locks_extended = self
            .vault
            .extend_locks_of(system, survey, &kept, self.clock.now(), go_on)
            .await?;
        Ok(())
    }

    async fn read_on(
        &self,
        system: &str,
        names: &Names,
        memory: &mut Memory,
        deadline: Option<Timestamp>,
    ) -> (crate::scrub::Read, Result<(), VaultError>) {
        let now = self.clock.now();
        let lap = memory.lap.get_or_insert_with(|| Lap::begin(now));
        self.scrub(system, names, lap, deadline).await
    }

    /// Notes the object that keeps a pass from going on, if it is damaged.
    async fn obstacle(&self, system: &str, error: &VaultError, memory: &mut Memory) -> Result<(), RetentionError> {
        let (object, what) = match error {
            VaultError::Missing { object } => (object, "missing".to_owned()),
            VaultError::Damaged { object, why } => (object, why.clone()),
            _ => return Ok(()),
        };
        let named_by = match object.rsplit_once('/') {
            Some((folder, sha256)) if folder.starts_with(&format!("{system}/objects/")) => {
                // The other documents can be read; if they cannot, it is told which object it is all the same.
                match self.vault.survey(system).await {
                    Ok(survey) => {
                        let wanted = BTreeSet::from([sha256.to_owned()]);
                        let mut named = self.vault.standing_on(system, &survey, &wanted).await?;
                        named.remove(sha256).unwrap_or_default()
                    }
                    Err(_) => Vec::new(),
                }
            }
            _ => Vec::new(),
        };
        damage::obstacle(object.clone(), what, &named_by, memory, self.clock.now());
        Ok(())
    }
}

/// Errors that say what lies in the vault, not how it was reached.
fn is_refusal(error: &VaultError) -> bool {
    let about_content = matches!(
        error,
        VaultError::Missing { .. }
            | VaultError::Damaged { .. }
            | VaultError::UnknownFormat { .. }
            | VaultError::UnknownKind { .. }
    );
    about_content && !matches!(error.class(), Class::Retry | Class::Throttled(_))
}

impl Pass {
    /// Whether anything was done or found that belongs into the history as a prune.
    pub(crate) fn is_worth_a_record(&self) -> bool {
        let done = self.expired.len() as u64 + self.swept.objects + self.marked.objects + self.locks_extended;
        let invalid = self.unruled.as_ref().is_some_and(|unruled| !unruled.is_quiet());
        done > 0 || invalid || self.refused.is_some() || self.failed.is_some()
    }

    /// What was done, a line each, for people.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        record::notes(self)
    }

    /// What should be looked at by a person.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let invalid = self
            .unruled
            .as_ref()
            .filter(|unruled| !unruled.is_quiet())
            .map(ToString::to_string);
        self.failed.clone().or_else(|| self.refused.clone()).or(invalid)
    }
}

impl Order {
    /// A pass over a system whose policy decides, as a schedule makes it.
    #[must_use]
    pub fn scheduled(system: &str) -> Self {
        Self {
            system: system.to_owned(),
            removed: false,
            scrub: true,
            trigger: Trigger::Schedule,
        }
    }
}
