//! What can go wrong with the two tables. Messages say what was tried, on what, and what now.

use jiff::Timestamp;
use seatbelt_model::{Class, RunId, RunStatus};

/// An error of the catalog.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The run's id is taken.
    #[error("system {system}: run {run} exists already; start it under the next free id")]
    RunExists {
        /// The system.
        system: String,
        /// The id.
        run: RunId,
    },
    /// A run was to be saved that was never created.
    #[error("system {system}: there is no run {run} to save; create it first")]
    RunMissing {
        /// The system.
        system: String,
        /// The id.
        run: RunId,
    },
    /// A run that is over was to be changed.
    #[error("system {system}: run {run} ended as {} and stays so; start a new run", word(*.status))]
    RunClosed {
        /// The system.
        system: String,
        /// The id.
        run: RunId,
        /// How it ended.
        status: RunStatus,
    },
    /// A later invocation has gone on with the run; what an earlier one says no longer counts.
    #[error("system {system}: run {run} was taken over by its invocation {hops}; this invocation stops here")]
    RunSuperseded {
        /// The system.
        system: String,
        /// The id.
        run: RunId,
        /// The invocation that works on it.
        hops: u64,
    },
    /// The manifest's entry is not the one the caller read.
    #[error(
        "manifest entry {system}: somebody else has changed it ({}); nothing was written: read it again and repeat the edit",
        versions(.expected, .found)
    )]
    VersionConflict {
        /// The system.
        system: String,
        /// The version the caller had read; `None` if it had found no entry.
        expected: Option<u64>,
        /// The version that is there; `None` if there is no entry.
        found: Option<u64>,
    },
    /// Somebody else took the lease over.
    #[error("system {system}: {holder} lost the lease to another run; this run stops here and commits nothing")]
    LeaseLost {
        /// The system.
        system: String,
        /// Who held it.
        holder: String,
    },
    /// A unit belongs to another worker, or is done.
    #[error("system {system}, run {run}: {worker} no longer holds unit {unit}; go on with another unit")]
    ClaimLost {
        /// The system.
        system: String,
        /// The run.
        run: RunId,
        /// The unit.
        unit: String,
        /// Who claimed it before.
        worker: String,
    },
    /// A unit was never planned, or its run is over.
    #[error("system {system}, run {run}: there is no unit {unit}; plan it first")]
    UnitMissing {
        /// The system.
        system: String,
        /// The run.
        run: RunId,
        /// The unit.
        unit: String,
    },
    /// More than DynamoDB takes in one item.
    #[error(
        "{tried}: {size_bytes} bytes are more than fits in one item of DynamoDB ({limit_bytes}); store the bulk elsewhere"
    )]
    TooLarge {
        /// What was tried, on what.
        tried: String,
        /// How large it was.
        size_bytes: usize,
        /// What fits.
        limit_bytes: usize,
    },
    /// A stored record cannot be read.
    #[error("{what} in the table cannot be read: {problem}; correct or delete that item")]
    Damaged {
        /// The record.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The table is not there.
    #[error("{tried}: there is no table {table}; deploy the stack, or name the right one")]
    TableMissing {
        /// What was tried, on what.
        tried: String,
        /// The table.
        table: String,
    },
    /// The AWS credential is missing, has expired, or may not do this.
    #[error("{tried}: AWS does not allow it on table {table} ({said}); check the credentials and the role's policy")]
    Denied {
        /// What was tried, on what.
        tried: String,
        /// The table.
        table: String,
        /// What AWS said.
        said: String,
    },
    /// The table, or the account, is out of capacity.
    #[error("{tried}: table {table} is out of capacity ({said}); try again in a few seconds")]
    Throttled {
        /// What was tried, on what.
        tried: String,
        /// The table.
        table: String,
        /// What AWS said.
        said: String,
    },
    /// DynamoDB did not answer, or not to the point. The write may have been carried out or not.
    #[error("{tried}: no answer from table {table} ({said}); try again")]
    Unanswered {
        /// What was tried, on what.
        tried: String,
        /// The table.
        table: String,
        /// What happened.
        said: String,
    },
    /// DynamoDB will not do this, however often it is asked.
    #[error("{tried}: table {table} refused ({said}); this needs a person to look at it")]
    Refused {
        /// What was tried, on what.
        tried: String,
        /// The table.
        table: String,
        /// What it said.
        said: String,
    },
}

/// Why a lease was not given: somebody holds it. Not an error, as one of two runs that start together always meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Who holds it.
    pub holder: String,
    /// Until when, unless it is renewed.
    pub until: Timestamp,
}

impl CatalogError {
    /// What a caller may do.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Throttled { .. } => Class::Throttled(None),
            // Read again, or let the next run begin anew, and it passes.
            Self::Unanswered { .. }
            | Self::VersionConflict { .. }
            | Self::LeaseLost { .. }
            | Self::ClaimLost { .. }
            | Self::RunExists { .. }
            | Self::RunSuperseded { .. } => Class::Retry,
            Self::TableMissing { .. } | Self::Denied { .. } | Self::Refused { .. } | Self::TooLarge { .. } => {
                Class::Permanent
            }
            Self::RunMissing { .. } | Self::RunClosed { .. } | Self::UnitMissing { .. } | Self::Damaged { .. } => {
                Class::Bug
            }
        }
    }
}

fn word(status: RunStatus) -> String {
    format!("{status:?}").to_lowercase()
}

fn versions(expected: &Option<u64>, found: &Option<u64>) -> String {
    let shown = |version: &Option<u64>| version.map_or("no entry".to_owned(), |version| format!("version {version}"));
    format!("{} was read, {} is there", shown(expected), shown(found))
}
