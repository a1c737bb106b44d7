//! Expires snapshots by policy, frees what nobody names, extends locks, re-hashes what is kept. The only function that may delete.
//!
//! A **round** looks at every system that has anything in the vault, the one that waited longest first; a **pass** is one system:
//!
//! 1. Everything that names objects is read. If a document cannot be read, or something unknown lies in the system's folder, nothing of
//!    the system is deleted, and the reason is in the history.
//! 2. Under the system's lease, with no run open: snapshots that no rule keeps expire, which deletes their documents; objects that were
//!    marked a day ago or earlier and still are named by nothing are deleted.
//! 3. Objects that nothing names are marked.
//! 4. The locks of what is kept are made as long as its snapshots' own.
//! 5. The day's share of what is kept is read and hashed again: all of it within 90 days.
//!
//! What is never deleted: the newest good snapshot and whatever is newer; an object that a kept snapshot, or a restore, names; anything
//! locked; anything of a system whose entry in the manifest is invalid or missing. Of a system that was removed from the manifest all is
//! kept until a person asks for it ([`Order::removed`]), and then the newest good snapshot stays all the same.
//!
//! Every step may be cut off: the next pass goes on. A pass that met its deadline comes first in the next round.
//!
//! What it will not do: free objects on the day they became unnamed; delete a version of an object for good (the bucket's lifecycle
//! does); start itself again; mend what is damaged.

mod damage;
mod decide;
mod delete;
mod memory;
mod pass;
mod plan;
mod record;
mod report;
mod round;
mod rule;
mod scrub;

use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use seatbelt_catalog::{Catalog, CatalogError};
use seatbelt_model::{Class, Clock, Trigger};
use seatbelt_runtime::House;
use seatbelt_vault::{Vault, VaultError};
use serde::Deserialize;
use serde_json::Value;

pub use damage::{Damaged, Known};
pub use decide::{Decided, decide};
pub use pass::Pass;
pub use plan::Plan;
pub use report::Round;
pub use rule::{Rule, Unruled};
pub use scrub::{LAP, WITHIN};

/// Retention of all systems in one vault.
#[derive(Debug, Clone)]
pub struct Retention {
    /// Where snapshots are.
    pub vault: Vault,
    /// Where the manifest and the run history are.
    pub catalog: Catalog,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The stack, which metrics are counted under; without one there are none.
    pub stack: Option<String>,
    /// No other process can be at work on this vault, so a lease that is held is left over from one that was killed.
    pub sole: bool,
}

/// One pass to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The system.
    pub system: String,
    /// A person asks that what is kept of a removed system be expired.
    pub removed: bool,
    /// Whether the day's share is read and hashed again.
    pub scrub: bool,
    /// Who asks.
    pub trigger: Trigger,
}

/// What invokes the function: nothing in particular for a round, or one system.
#[derive(Debug, Default, Deserialize)]
struct Event {
    #[serde(default)]
    system: Option<String>,
    #[serde(default)]
    removed: bool,
}

/// What can go wrong in a pass, and passes by itself or not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RetentionError {
    /// The vault's.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The catalog's.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Another run holds the system.
    #[error("{system}: {why}; retention looks again in its next round")]
    Busy {
        /// The system.
        system: String,
        /// Who, and until when.
        why: String,
    },
}

impl RetentionError {
    /// What a caller may do about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Vault(error) => error.class(),
            Self::Catalog(error) => error.class(),
            Self::Busy { .. } => Class::Retry,
        }
    }
}

impl Retention {
    /// In the stack that the environment names.
    ///
    /// # Errors
    /// When the environment lacks the stack's name.
    pub fn from_env(house: &House) -> anyhow::Result<Self> {
        Ok(Self {
            vault: house.vault.clone(),
            catalog: house.catalog.clone(),
            clock: Arc::clone(&house.clock),
            stack: Some(seatbelt_runtime::setting("SEATBELT_STACK")?),
            sole: false,
        })
    }

    /// Handles one event, and writes the metrics. `{"system": "acme-crm"}` is one pass, with `"removed": true` for a system that
    /// is no longer in the manifest; anything else is a round.
    ///
    /// # Errors
    /// When something failed that a retry may mend; passes that were made are not made again.
    pub async fn handle(&self, event: &Value, deadline: Timestamp) -> anyhow::Result<Value> {
        let event: Event = match event {
            Value::Null => Event::default(),
            event => Event::deserialize(event).context(
                "the event is not what this function takes: {}, or {\"system\": \"<name>\", \"removed\": true}",
            )?,
        };
        let round = match event.system {
            None => self.round(Some(deadline)).await?,
            Some(system) => {
                let order = Order {
                    system,
                    removed: event.removed,
                    scrub: true,
                    trigger: Trigger::Manual,
                };
                Round::of(vec![self.pass(&order, Some(deadline)).await])
            }
        };
        round.log();
        if let Some(stack) = &self.stack {
            round.metrics(stack, self.clock.now()).emit();
        }
        round.into_answer()
    }
}
