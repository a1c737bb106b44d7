//! What can go wrong in a run. Messages say what was tried, on what, and what now.

use jiff::Timestamp;
use seatbelt_catalog::CatalogError;
use seatbelt_connector_kit::{Connector, KitError};
use seatbelt_model::{Class, Run, RunId};
use seatbelt_vault::VaultError;

use crate::Lack;

/// An error of the engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The vendor, or the way to it.
    #[error(transparent)]
    Vendor(#[from] KitError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The manifest's entry cannot be run.
    #[error("system {system}: {problem}")]
    Manifest {
        /// The system.
        system: String,
        /// What is wrong, and what now.
        problem: String,
    },
    /// The connector has no such resource.
    #[error("{platform} has no resource `{name}`; it has {known}")]
    UnknownResource {
        /// The connector.
        platform: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Another run holds the system.
    #[error("system {system}: another run holds it until {until} (by {holder}); this one was skipped")]
    Busy {
        /// The system.
        system: String,
        /// Who holds it.
        holder: String,
        /// Until when, unless renewed.
        until: Timestamp,
    },
    /// The run was asked to stop, or met its deadline; it is checkpointed.
    #[error("stopped at a checkpoint; the next backup of the system goes on from there")]
    Interrupted,
    /// The firing that asked for this backup was answered before.
    #[error("system {}: run {} has answered the firing of {due} already", run.system, run.id)]
    Answered {
        /// The run that did.
        run: Box<Run>,
        /// The firing.
        due: Timestamp,
    },
    /// The run to go on with is over.
    #[error("system {system}: run {run} is over; there is nothing to go on with")]
    Over {
        /// The system.
        system: String,
        /// The run.
        run: RunId,
    },
    /// The run named is no restore of this system.
    #[error("system {system}: run {run} is no restore; `seatbelt runs {system}` lists them")]
    NoRestore {
        /// The system.
        system: String,
        /// The run.
        run: RunId,
    },
    /// What was given is no plan for this system.
    #[error("the plan cannot be applied: {problem}")]
    WrongPlan {
        /// What is wrong with it.
        problem: String,
    },
    /// The credential may not write.
    #[error(
        "system {system}: nothing was written, since the credential may only read; it lacks {}",
        lacking(lacks)
    )]
    MayNotWrite {
        /// The system.
        system: String,
        /// What it lacks, by resource.
        lacks: Vec<Lack>,
    },
    /// Another restore was interrupted.
    #[error(
        "system {system}: restore {run} was interrupted; finish it first with `seatbelt restore {system} --resume`"
    )]
    Unfinished {
        /// The system.
        system: String,
        /// The restore.
        run: RunId,
    },
    /// Nothing at all could be read.
    #[error("nothing could be read: {0}")]
    NothingRead(String),
    /// Something that must not be.
    #[error("a defect in Seatbelt: {0}; please report it")]
    Bug(String),
}

impl EngineError {
    pub(crate) fn unknown_resource(connector: &Connector, name: &str) -> Self {
        let known: Vec<_> = connector.resources.iter().map(|resource| resource.name).collect();
        Self::UnknownResource {
            platform: connector.name.to_owned(),
            name: name.to_owned(),
            known: known.join(", "),
        }
    }

    /// Whether the system is busy with what this firing asked for.
    pub(crate) fn is_held_for(&self, due: Timestamp) -> bool {
        matches!(self, Self::Busy { holder, .. } if holder.ends_with(&crate::backup::for_firing(due)))
    }

    /// What a caller may do.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Vendor(error) => error.class(),
            Self::Vault(error) => error.class(),
            Self::Catalog(error) => error.class(),
            Self::Busy { .. } | Self::Interrupted => Class::Retry,
            Self::Bug(_) => Class::Bug,
            _ => Class::Permanent,
        }
    }
}

/// What a credential lacks, once each, with the resources that need it.
fn lacking(lacks: &[Lack]) -> String {
    let mut by_lack: std::collections::BTreeMap<&str, Vec<&str>> = std::collections::BTreeMap::new();
    for lack in lacks {
        by_lack.entry(&lack.lacks).or_default().push(&lack.resource);
    }
    let said: Vec<String> = by_lack
        .iter()
        .map(|(lacks, names)| format!("{lacks} (for {})", names.join(", ")))
        .collect();
    said.join("; ")
}
