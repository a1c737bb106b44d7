//! One record through all snapshots.

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use seatbelt_model::{ChangeKind, LayerRole, ResourceState, Snapshot, SnapshotId};

use crate::{
    Difference, Vault, VaultError,
    state::{AT_ONCE, Found, keys},
};

/// What a snapshot did to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The snapshot. With the oldest one kept, a record that is older still begins as added.
    pub snapshot: SnapshotId,
    /// What happened to it.
    pub kind: ChangeKind,
    /// Its line before.
    pub before: Option<Bytes>,
    /// Its line from then on.
    pub after: Option<Bytes>,
}

/// What one snapshot says about the record.
enum Said {
    /// Nothing changed.
    Nothing,
    /// The delta has it.
    Changed(Found),
    /// The snapshot before is gone: this is what the record is now.
    Is(Option<Bytes>),
}

impl Vault {
    /// Every change of one record, oldest first, over all snapshots kept. Reads each snapshot's document and of its delta the
    /// index and at most one chunk, many at a time; where a snapshot in between has expired, the state after it.
    ///
    /// # Errors
    /// S3's, and [`VaultError::Damaged`].
    pub async fn history(&self, system: &str, resource: &str, key: &str) -> Result<Vec<Version>, VaultError> {
        let ids = self.snapshot_ids(system).await?;
        let documents: Vec<Snapshot> = self.snapshots(system, ids).try_collect().await?;
        let said = documents.iter().enumerate().map(|(at, document)| {
            let before = at.checked_sub(1).map(|before| &documents[before]);
            self.said(system, resource, key, document, before)
        });
        let mut said = stream::iter(said.collect::<Vec<_>>())
            .buffered(2 * AT_ONCE)
            .zip(stream::iter(&documents));
        let (mut versions, mut line) = (Vec::new(), None);
        while let Some((said, document)) = said.next().await {
            let (before, after) = match said? {
                Said::Nothing => continue,
                Said::Changed(found) => (found.before, found.after),
                Said::Is(after) => (line, after),
            };
            line = after.clone();
            versions.extend(Difference::between(String::new(), before, after).map(|found| Version {
                snapshot: document.id,
                kind: found.kind,
                before: found.before,
                after: found.after,
            }));
        }
        Ok(versions)
    }

    async fn said(
        &self,
        system: &str,
        resource: &str,
        key: &str,
        document: &Snapshot,
        before: Option<&Snapshot>,
    ) -> Result<Said, VaultError> {
        let Some(state) = document.resources.get(resource) else {
            return Ok(Said::Is(None));
        };
        if !follows(resource, state, document, before) {
            return self.get(system, state, key).await.map(Said::Is);
        }
        let Some(delta) = &state.delta else {
            return Ok(Said::Nothing);
        };
        let found = self.find_in_layer(system, delta, &keys(&state.key)?, key).await?;
        Ok(found.map_or(Said::Nothing, Said::Changed))
    }
}

/// Whether the delta of `document` is against the snapshot before it in the list.
fn follows(resource: &str, state: &ResourceState, document: &Snapshot, before: Option<&Snapshot>) -> bool {
    match before {
        None => document.parent.is_none(),
        Some(before) => {
            let begun_anew = |before: &ResourceState| {
                let base = state.delta.as_ref().is_some_and(|delta| delta.role == LayerRole::Base);
                before.key != state.key || (base && !before.layers.is_empty())
            };
            document.parent == Some(before.id) && !before.resources.get(resource).is_some_and(begun_anew)
        }
    }
}
