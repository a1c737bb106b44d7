//! Damaged objects: which, what is wrong, what names them, since when.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use seatbelt_model::SnapshotId;
use seatbelt_vault::{DamageKind, NamedBy, StandsOn, Survey, Vault, VaultError};
use serde::{Deserialize, Serialize};

use crate::memory::Memory;

/// A damaged object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damaged {
    /// Its key.
    pub object: String,
    /// What is known of it.
    #[serde(flatten)]
    pub known: Known,
}

/// What is known of a damaged object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// What is wrong with it, in words.
    pub what: String,
    /// When it was first found so.
    pub since: Timestamp,
    /// What names it, in words; some of it, if it is much.
    pub named_by: Vec<String>,
    /// The snapshots that stand on it.
    pub snapshots: BTreeSet<SnapshotId>,
}

/// More is not remembered by name; the rest is found again once these are mended.
const MOST: usize = 50;
/// So many of those that name one are told.
const MOST_NAMED: usize = 10;
/// So many snapshots that stand on one are remembered.
const MOST_SNAPSHOTS: usize = 100;

/// What a pass found wrong: SHA-256 and what it is.
pub(crate) type Found = BTreeMap<String, DamageKind>;

/// Objects remembered as damaged that are so still, by their SHA-256. Documents have no hash, and are read in every pass anyhow.
pub(crate) async fn looked_again(vault: &Vault, system: &str, memory: &Memory) -> Result<Found, VaultError> {
    let mut found = Found::new();
    for object in memory.damaged.keys() {
        let Some((_, sha256)) = object
            .rsplit_once("/objects/")
            .and_then(|(_, name)| name.split_once('/'))
        else {
            continue;
        };
        if let Some(what) = vault.check(system, sha256).await? {
            found.insert(sha256.to_owned(), what);
        }
    }
    Ok(found)
}

/// Takes what was found into the memory, in place of what was known before, and gives all of it. What is missing and named by nothing is
/// no damage: texts can look like names.
pub(crate) async fn settle(
    vault: &Vault,
    system: &str,
    survey: &Survey,
    found: Found,
    memory: &mut Memory,
    now: Timestamp,
) -> Result<Vec<Damaged>, VaultError> {
    let mut damaged = Vec::new();
    if !found.is_empty() {
        let hashes = found.keys().cloned().collect();
        let mut named = vault.standing_on(system, survey, &hashes).await?;
        for (sha256, what) in found {
            let named_by = named.remove(&sha256).unwrap_or_default();
            if named_by.is_empty() && what == DamageKind::Missing {
                continue;
            }
            let object = Vault::object_key(system, &sha256);
            damaged.push(one(object, word(what).to_owned(), &named_by, memory, now));
        }
    }
    remember(&damaged, memory);
    Ok(damaged)
}

/// Adds an object that keeps a pass from going on.
pub(crate) fn obstacle(object: String, what: String, named_by: &[NamedBy], memory: &mut Memory, now: Timestamp) {
    let damaged = one(object, what, named_by, memory, now);
    if memory.damaged.len() < MOST {
        memory.damaged.insert(damaged.object, damaged.known);
    }
}

fn one(object: String, what: String, named_by: &[NamedBy], memory: &Memory, now: Timestamp) -> Damaged {
    let since = memory.damaged.get(&object).map_or(now, |known| known.since);
    let mut words: Vec<_> = named_by.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    if named_by.len() > MOST_NAMED {
        words.push(format!("{} more", named_by.len() - MOST_NAMED));
    }
    let snapshots = named_by.iter().filter_map(|named| match named {
        NamedBy::Snapshot(StandsOn { snapshot, .. }) => Some(*snapshot),
        NamedBy::Restore(_) => None,
    });
    // The newest matter: an older one must not be kept in their place without need.
    let snapshots: BTreeSet<_> = snapshots.collect();
    Damaged {
        known: Known {
            what,
            since,
            named_by: words,
            snapshots: snapshots.into_iter().rev().take(MOST_SNAPSHOTS).collect(),
        },
        object,
    }
}

fn remember(damaged: &[Damaged], memory: &mut Memory) {
    let known = damaged
        .iter()
        .take(MOST)
        .map(|damaged| (damaged.object.clone(), damaged.known.clone()));
    memory.damaged = known.collect();
}

/// All that is remembered as damaged.
pub(crate) fn known(memory: &Memory) -> Vec<Damaged> {
    let known = memory.damaged.iter().map(|(object, known)| Damaged {
        object: object.clone(),
        known: known.clone(),
    });
    known.collect()
}

/// Snapshots that stand on something damaged.
pub(crate) fn broken(memory: &Memory) -> BTreeSet<SnapshotId> {
    memory
        .damaged
        .values()
        .flat_map(|known| known.snapshots.iter().copied())
        .collect()
}

fn word(what: DamageKind) -> &'static str {
    match what {
        DamageKind::Missing => "missing",
        DamageKind::HashMismatch => "its bytes are not those that were stored",
        DamageKind::Unreadable => "it cannot be understood",
        DamageKind::OutOfOrder => "its records are not in order",
        DamageKind::CountMismatch => "it holds more or fewer records than it should",
    }
}
