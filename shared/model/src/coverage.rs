//! What a connector says of a resource: its kind, and how far it can be restored.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What sort of thing a resource holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// What people wrote or entered.
    Data,
    /// How the system is set up: settings, templates, automations, schema.
    Metadata,
    /// Records whose bytes are kept as well.
    File,
}

/// How faithfully a resource comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RestoreLevel {
    /// It can be exported, not put back by API.
    R0,
    /// It is created again, with new ids.
    R1,
    /// It is updated in place.
    R2,
    /// It comes back with its relations remapped.
    R3,
    /// It comes back bit by bit.
    R4,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Data => "data",
            Self::Metadata => "metadata",
            Self::File => "file",
        })
    }
}

impl fmt::Display for RestoreLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::R0 => "R0",
            Self::R1 => "R1",
            Self::R2 => "R2",
            Self::R3 => "R3",
            Self::R4 => "R4",
        })
    }
}
