//! What is held from before an accident: every record it touched, and every file with its bytes, read back from the vault.

use std::collections::BTreeMap;

use anyhow::Result;
use futures_util::TryStreamExt;
use seatbelt_model::{ChangeKind, Snapshot, SnapshotId, json, json::Pointer};
use seatbelt_vault::line::{self, Body, StoredBody};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::changes::{Changed, ResourceChanges};
use crate::{failure::Failure, home::Home, moment};

/// What one snapshot holds of all that an accident changed or removed.
#[derive(Debug, Serialize)]
pub(super) struct Held {
    pub(super) system: String,
    pub(super) snapshot: SnapshotId,
    /// Records that were read back.
    pub(super) records: u64,
    /// Files of removed records whose bytes were read back, hashed, and found to be what the vendor stated.
    pub(super) files: u64,
    pub(super) file_bytes: u64,
}

/// Reads back from `before` whatever `changed` says is no longer as it was.
///
/// # Errors
/// If anything is missing, or a hash differs.
pub(super) async fn prove(home: &Home, before: &Snapshot, changed: &Changed) -> Result<Held> {
    let mut held = Held {
        system: before.system.clone(),
        snapshot: before.id,
        records: 0,
        files: 0,
        file_bytes: 0,
    };
    for resource in &changed.resources {
        read_back(home, before, resource, &mut held).await?;
        for difference in &resource.differences {
            let Some(was) = difference
                .before
                .as_deref()
                .filter(|_| difference.kind == ChangeKind::Removed)
            else {
                continue;
            };
            let (record, extra) = line::split(moment::text(was)?);
            match extra.and_then(|extra| extra.body) {
                Some(Body::Stored(body)) => {
                    let bytes = read_file(home, &before.system, &record, &body).await?;
                    (held.files, held.file_bytes) = (held.files + 1, held.file_bytes + bytes);
                }
                Some(Body::Missing { .. }) => return Err(lost(before, &resource.resource, &difference.key).into()),
                None => {}
            }
        }
    }
    Ok(held)
}

/// Reads the resource's state as of `before`, and finds in it each record as it was.
async fn read_back(home: &Home, before: &Snapshot, changes: &ResourceChanges, held: &mut Held) -> Result<()> {
    let was = changes
        .differences
        .iter()
        .filter_map(|difference| Some((difference.key.as_str(), difference.before.as_ref()?)));
    let mut wanted: BTreeMap<&str, _> = was.collect();
    let Some(state) = before.resources.get(&changes.resource) else {
        return Ok(());
    };
    let mut lines = Box::pin(home.vault.state(&before.system, state));
    while let Some((key, line)) = lines.try_next().await? {
        if wanted.get(key.as_str()).is_some_and(|was| **was == line) {
            wanted.remove(key.as_str());
            held.records += 1;
        }
    }
    match wanted.into_keys().next() {
        Some(key) => Err(lost(before, &changes.resource, key).into()),
        None => Ok(()),
    }
}

/// Reads a file's bytes and hashes them: they must be what the vault names them, and what the vendor's own record states.
async fn read_file(home: &Home, system: &str, record: &str, body: &StoredBody) -> Result<u64> {
    let mut parts = home.vault.body(system, &body.sha256).await?;
    let (mut hasher, mut length) = (Sha256::new(), 0);
    while let Some(part) = parts.try_next().await? {
        hasher.update(&part);
        length += part.len() as u64;
    }
    let found: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let stated = json::text_at(record, &Pointer::new("/sha256"));
    if found == body.sha256 && stated.is_none_or(|stated| stated == found) {
        return Ok(length);
    }
    let message = format!("a file of {system} is not what its record says: SHA-256 {found}");
    Err(Failure::new(message, format!("seatbelt verify {system}")).into())
}

fn lost(before: &Snapshot, resource: &str, key: &str) -> Failure {
    let system = &before.system;
    Failure::new(
        format!("snapshot {} of {system} does not hold {resource} {key}", before.id),
        format!("seatbelt verify {system}"),
    )
}
