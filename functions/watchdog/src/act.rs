//! What the watchdog does about runs that gave no sign of life.

use std::time::Duration;

use aws_sdk_lambda::{error::DisplayErrorContext, primitives::Blob, types::InvocationType};
use jiff::Timestamp;
use seatbelt_catalog::{Catalog, CatalogError};
use seatbelt_model::{Clock, RunId, RunStatus};
use seatbelt_runtime::Event;
use seatbelt_vault::{Vault, VaultError};

use crate::rules::Action;

/// Closing a run takes a few requests; nobody else may take it up meanwhile.
const CLOSING: Duration = Duration::from_mins(2);

/// With what it acts.
pub(crate) struct Act<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) vault: &'a Vault,
    pub(crate) lambda: &'a aws_sdk_lambda::Client,
    pub(crate) backup_arn_prefix: &'a str,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) worker: &'a str,
}

impl Act<'_> {
    /// Does it. Twice is harmless: a run has one lease, and is over once.
    ///
    /// # Errors
    /// What kept it from being done, in a sentence.
    pub(crate) async fn act(&self, action: &Action) -> Result<(), String> {
        match action {
            Action::Continue { system, platform, run } => self.go_on(system, platform, *run).await,
            Action::Close { system, run, reason } => self
                .close(system, *run, reason)
                .await
                .map_err(|error| error.to_string()),
        }
    }

    async fn go_on(&self, system: &str, platform: &str, run: RunId) -> Result<(), String> {
        let event = Event {
            system: system.to_owned(),
            run: Some(run),
            ..Event::default()
        };
        let function = format!("{}{platform}", self.backup_arn_prefix);
        let payload = serde_json::to_vec(&event).map_err(|error| error.to_string())?;
        let request = self
            .lambda
            .invoke()
            .function_name(&function)
            .invocation_type(InvocationType::Event);
        match request.payload(Blob::new(payload)).send().await {
            Ok(_) => {
                tracing::info!(system, %run, "a stalled run is continued");
                Ok(())
            }
            Err(error) => {
                let error = DisplayErrorContext(error);
                Err(format!(
                    "function {function} could not be invoked to go on with run {run} ({error})"
                ))
            }
        }
    }

    /// Ends the run as failed; or, if it died after its snapshot was committed, as what the snapshot says.
    async fn close(&self, system: &str, run: RunId, reason: &str) -> Result<(), CloseError> {
        let now = self.clock.now();
        let Ok(lease) = self.catalog.acquire_lease(system, self.worker, now, CLOSING).await? else {
            tracing::info!(system, %run, "somebody took the run up; it is not closed");
            return Ok(());
        };
        let closed = self.close_under(system, run, reason, now).await;
        if let Err(error) = self.catalog.release(&lease).await {
            tracing::warn!(system, %error, "the lease could not be released; it expires by itself");
        }
        closed
    }

    async fn close_under(&self, system: &str, id: RunId, reason: &str, now: Timestamp) -> Result<(), CloseError> {
        let Some(mut run) = self.catalog.run(system, id).await?.filter(|run| !run.status.is_final()) else {
            return Ok(());
        };
        match self.vault.snapshot(system, id).await {
            Ok(snapshot) => seatbelt_engine::conclude(&mut run, &snapshot),
            Err(VaultError::NoSnapshot { .. }) => {
                (run.status, run.error) = (RunStatus::Failed, Some(reason.to_owned()))
            }
            Err(error) => return Err(error.into()),
        }
        run.ended_at = Some(now);
        run.note(format!("closed by the watchdog at {now}"));
        match self.catalog.save_run(&run).await {
            // Somebody else ended it.
            Ok(()) | Err(CatalogError::RunClosed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        tracing::warn!(system, run = %id, status = ?run.status, reason, "a stalled run is closed");
        // Units expire by themselves if this fails, and staging by the bucket's rule.
        if let Err(error) = self.catalog.delete_units(system, id).await {
            tracing::warn!(system, run = %id, %error, "units of a closed run were left behind");
        }
        Ok(())
    }
}

/// Why a run could not be closed.
#[derive(Debug, thiserror::Error)]
enum CloseError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}
