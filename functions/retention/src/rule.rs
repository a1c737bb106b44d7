//! What decides about a system's snapshots, if anything does.

use seatbelt_catalog::Entry;
use seatbelt_model::{Retention as Policy, system::Severity};

/// What decides which snapshots stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The policy in the system's entry.
    Policy(Policy),
    /// A person asked: the system was removed from the manifest, and only its newest good snapshot is to stay.
    Removed,
}

/// Why nothing of a system may be deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unruled {
    /// The manifest has no such system.
    #[error(
        "it is not in the manifest, so everything is kept; seatbelt prune {system} --removed keeps its newest good snapshot only"
    )]
    Missing {
        /// The system.
        system: String,
    },
    /// The entry cannot be used.
    #[error("its entry in the manifest is invalid, so everything is kept: {why}")]
    Invalid {
        /// What is wrong with it.
        why: String,
    },
    /// A person asked as if it were removed, and it is not.
    #[error("it is in the manifest, so its policy decides; --removed is for systems that are no longer there")]
    NotRemoved,
}

impl Unruled {
    /// Whether this is as it should be while nobody says otherwise.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

/// The rule for `system`, whose entry is `entry`.
pub(crate) fn rule(system: &str, entry: Option<&Entry>, removed: bool) -> Result<Rule, Unruled> {
    let Some(entry) = entry else {
        return if removed {
            Ok(Rule::Removed)
        } else {
            Err(Unruled::Missing {
                system: system.to_owned(),
            })
        };
    };
    if removed {
        return Err(Unruled::NotRemoved);
    }
    let error = entry
        .findings
        .iter()
        .find(|finding| finding.severity == Severity::Error);
    match (&entry.system, error) {
        (Some(found), None) if !found.retention().keeps_nothing() => Ok(Rule::Policy(found.retention())),
        (Some(_), None) => Err(Unruled::Invalid {
            why: "retention: it keeps nothing".to_owned(),
        }),
        (_, error) => Err(Unruled::Invalid {
            why: error.map_or_else(|| "it cannot be read".to_owned(), ToString::to_string),
        }),
    }
}
