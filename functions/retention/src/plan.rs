//! What a pass would do, for people to look at first.

use std::collections::BTreeSet;

use seatbelt_model::SnapshotId;
use seatbelt_vault::Marked;

use crate::{Decided, Retention, RetentionError, Rule, Unruled, damage, decide, memory::Memory, rule};

/// What would be done with one system.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The system.
    pub system: String,
    /// What decides, or why nothing may be deleted.
    pub rule: Result<Rule, Unruled>,
    /// What would become of each snapshot, oldest first. All stay if nothing may be deleted.
    pub decided: Vec<Decided>,
    /// What nothing would name any more, objects that are marked already among it.
    pub unnamed: Marked,
}

impl Retention {
    /// What a pass over `system` would do: reads everything that names objects and lists the objects, and writes nothing.
    ///
    /// # Errors
    /// The vault's and the catalog's; what would keep a pass from deleting anything is one of them.
    pub async fn plan(&self, system: &str, removed: bool) -> Result<Plan, RetentionError> {
        let entry = self.catalog.entry(system).await?;
        let rule = rule::rule(system, entry.as_ref(), removed);
        let survey = self.vault.survey(system).await?;
        let memory = Memory::of(&self.catalog, system).await?;
        let decided = match &rule {
            Ok(rule) => decide(rule, &survey.snapshots, &damage::broken(&memory), self.clock.now()),
            Err(_) => Vec::new(),
        };
        let expiring: BTreeSet<SnapshotId> = decided
            .iter()
            .filter(|decided| !decided.is_kept())
            .map(|decided| decided.id)
            .collect();
        let names = self.vault.names(system, &survey, &expiring).await?;
        let unnamed = self.vault.mark(system, &survey, &names, None, || true).await?;
        Ok(Plan {
            system: system.to_owned(),
            rule,
            decided,
            unnamed,
        })
    }
}
