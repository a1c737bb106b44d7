//! The manifest and the run history, on two DynamoDB tables.
//!
//! The manifest says which systems a company runs on and what it decided about each; people edit it. The run history says what
//! was done, and holds what runs need while they run: the lease of each system, units of work, checkpoints. On AWS the tables
//! are DynamoDB's, on one machine the embedded engine's; this crate sees a client and does not know which.
//!
//! ```
//! use std::time::Duration;
//!
//! use seatbelt_catalog::{Catalog, Tables};
//! use seatbelt_model::{Run, RunId, RunKind, RunStatus, Trigger};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let home = tempfile::tempdir()?;
//! # let client = seatbelt_embedded::Embedded::open_for_tests(home.path()).await?.dynamodb();
//! let tables = Tables { manifest: "seatbelt-manifest".into(), runs: "seatbelt-runs".into() };
//! let catalog = Catalog::new(client, tables);
//! catalog.create_tables().await?;
//!
//! let now = "2026-11-22T06:00:00Z".parse()?;
//! let lease = catalog.acquire_lease("acme-crm", "worker-1", now, Duration::from_mins(15)).await?;
//! let lease = lease.expect("nobody else is here");
//! let mut run = Run::start("acme-crm", RunId::at(now), RunKind::Backup, Trigger::Manual, now);
//! catalog.create_run(&run).await?;
//! run.status = RunStatus::Complete;
//! catalog.save_run(&run).await?;
//! catalog.release(&lease).await?;
//!
//! assert_eq!(catalog.runs("acme-crm", 10).await?, [run]);
//! # Ok(())
//! # }
//! ```
//!
//! # What is kept where
//!
//! | table | `system` | `run` | holds |
//! | --- | --- | --- | --- |
//! | manifest | the system's name | | the entry's fields in native types, and `version`, which counts the edits |
//! | runs | the system's name | `20261122T060000Z` | a run |
//! | runs | the system's name | `lease` | who may run, until when, and the fencing counter |
//! | runs | the system's name | `open#20261122T060000Z` | a mark that this run is not over |
//! | runs | the system's name | `unit#20261122T060000Z#posts` | a unit of that run, and its checkpoint |
//! | runs | `#systems` | the system's name | a note that this system has runs |
//! | runs | `#findings` | `acme-crm#schedule` | what somebody found wrong with this system's entry |
//! | runs | `#watchdog`, for example | `state` | what a function of the house remembers, and a version |
//!
//! Run ids begin with a digit and everything beside them with a letter, so "the newest runs of a system" is one query that
//! reads runs and nothing else. The runs of all systems are one such query per system. A secondary index would save those
//! queries, and would have to name one partition for all systems, to which every heartbeat of every run would be written again;
//! a list of at most some hundred names costs one small write per system and process instead. Units carry `expires_at` (seconds
//! since 1970), by which DynamoDB removes those that a killed run left behind, 30 days after the run's start.
//!
//! # What it promises
//!
//! - Every write that depends on what is there is conditional: of any number of callers one succeeds, the others get an error
//!   that says so, and nothing is overwritten. Every read is strongly consistent.
//! - The SDK sends a request again when the answer is lost; each call then gives the result it would have given.
//! - What people type never makes a read fail: each bad field is a finding, and a write keeps what it does not know.
//!
//! # What it will not do
//!
//! It has no clock: times are handed in. It does not wait and try again beyond what the SDK's client is configured to do. It
//! deletes no runs. It knows no secrets: the manifest names where a secret is.

mod attribute;
mod call;
mod error;
mod findings;
mod lease;
mod manifest;
mod memory;
mod runs;
mod tables;
mod time;
mod units;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use error::{CatalogError, Held};
pub use findings::Noted;
pub use lease::Lease;
pub use manifest::Entry;
pub use memory::Remembered;
pub use tables::Tables;
pub use units::{Unit, UnitPlan, UnitState};

/// The two tables. Clones are cheap and share one client.
#[derive(Debug, Clone)]
pub struct Catalog {
    client: aws_sdk_dynamodb::Client,
    tables: Arc<Tables>,
    /// Systems this process has noted in the table as having runs.
    noted: Arc<Mutex<HashSet<String>>>,
}

impl Catalog {
    /// The catalog in these tables. Does nothing yet.
    #[must_use]
    pub fn new(client: aws_sdk_dynamodb::Client, tables: Tables) -> Self {
        Self {
            client,
            tables: Arc::new(tables),
            noted: Arc::default(),
        }
    }

    /// The tables' names.
    #[must_use]
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The client it works with.
    #[must_use]
    pub fn client(&self) -> &aws_sdk_dynamodb::Client {
        &self.client
    }

    /// A set of names is whole whatever a thread did while it held it.
    fn noted(&self) -> MutexGuard<'_, HashSet<String>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
