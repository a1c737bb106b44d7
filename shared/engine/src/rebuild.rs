//! The run history, rebuilt from the bucket alone: every snapshot tells of the run that committed it.

use seatbelt_catalog::{Catalog, CatalogError};
use seatbelt_model::{Run, RunKind, Trigger};
use seatbelt_vault::Vault;

use crate::{EngineError, backup::conclude};

/// Writes the run record of every snapshot whose run the history does not know, for all systems in the vault. Returns how many were written, by
/// system. Safe to call at any time: what is there stays as it is. Who started a run and what it cost is not in the vault: such runs
/// count as started by hand.
///
/// # Errors
/// Those of the vault and the catalog.
pub async fn rebuild_history(vault: &Vault, catalog: &Catalog) -> Result<Vec<(String, u64)>, EngineError> {
    let mut rebuilt = Vec::new();
    for system in vault.systems().await? {
        let mut written = 0;
        for id in vault.snapshot_ids(&system).await? {
            if catalog.run(&system, id).await?.is_some() {
                continue;
            }
            let snapshot = vault.snapshot(&system, id).await?;
            let mut run = Run::start(&system, id, RunKind::Backup, Trigger::Manual, id.start());
            conclude(&mut run, &snapshot);
            run.heartbeat_at = snapshot.committed_at;
            run.ended_at = Some(snapshot.committed_at);
            match catalog.create_run(&run).await {
                Ok(()) => written += 1,
                // Its own run has just written it.
                Err(CatalogError::RunExists { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        rebuilt.push((system, written));
    }
    Ok(rebuilt)
}
