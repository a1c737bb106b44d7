//! The new state of a resource, and the rewriting of its layers when they have grown too many.

use std::collections::BTreeMap;

use seatbelt_model::{Freshness, KeyRule, Kind, Layer, LayerRole, Receipt, ResourceState, SnapshotId, key};
use serde_json::Value;

use crate::{
    LayerWriter, Vault, VaultError, Written,
    changes::next_net,
    merge::{Merge, Source},
    state::{Reading, StateReader, cursors},
};

/// More layers than this are not read side by side.
const MOST_LAYERS: usize = 32;

/// What the engine knows about a resource's new state.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// Data, metadata or files.
    pub kind: Kind,
    /// How keys are found.
    pub key: KeyRule,
    /// How far the source was read.
    pub cursors: BTreeMap<String, Value>,
    /// Top-level fields seen.
    pub fields: Vec<String>,
    /// What was read and what was not.
    pub receipt: Receipt,
    /// How old the state is.
    pub freshness: Freshness,
}

impl Vault {
    /// The state after `written` was put on top of `previous`. Compacts: when the deltas have grown to more than half the
    /// base they become a new base; when there are 32 layers the deltas become one.
    ///
    /// # Errors
    /// Those of reading and writing layers.
    pub async fn resource_state(
        &self,
        system: &str,
        snapshot: SnapshotId,
        previous: Option<&ResourceState>,
        written: Written,
        described: Described,
    ) -> Result<ResourceState, VaultError> {
        let mut layers = previous.map(|previous| previous.layers.clone()).unwrap_or_default();
        layers.extend(written.layer.clone());
        let more = |before: Option<u64>, more: i64| before.unwrap_or_default().saturating_add_signed(more);
        Ok(ResourceState {
            layers: self.compacted(system, snapshot, layers, &described.key).await?,
            delta: written.layer,
            records: more(previous.map(|previous| previous.records), written.records),
            bytes: more(previous.map(|previous| previous.bytes), written.bytes),
            body_bytes: more(previous.map(|previous| previous.body_bytes), written.body_bytes),
            changes: written.changes,
            kind: described.kind,
            key: described.key,
            cursors: described.cursors,
            fields: described.fields,
            receipt: described.receipt,
            freshness: described.freshness,
        })
    }

    /// The same state in fewer layers, if they are too many.
    pub(crate) async fn compacted(
        &self,
        system: &str,
        snapshot: SnapshotId,
        layers: Vec<Layer>,
        rule: &KeyRule,
    ) -> Result<Vec<Layer>, VaultError> {
        let Some((base, deltas)) = layers.split_first() else {
            return Ok(layers);
        };
        let grown: u64 = deltas.iter().map(|delta| delta.stored_bytes).sum();
        if grown > base.stored_bytes / 2 {
            let base = self.rebased(system, snapshot, &layers, rule).await?;
            return Ok(base.into_iter().collect());
        }
        if layers.len() < MOST_LAYERS {
            return Ok(layers);
        }
        let delta = self.united(system, snapshot, deltas, rule).await?;
        Ok(std::iter::once(base.clone()).chain(delta).collect())
    }

    /// A new base of all layers. Chunks of the old one that no delta touches are taken over unread.
    async fn rebased(
        &self,
        system: &str,
        snapshot: SnapshotId,
        layers: &[Layer],
        rule: &KeyRule,
    ) -> Result<Option<Layer>, VaultError> {
        let mut writer = LayerWriter::new(self, system, snapshot, LayerRole::Base);
        let mut reader = StateReader::open(self, system, layers, rule, Reading::All).await?;
        let worthwhile = self.options().chunk_bytes as u64 / 2;
        while let Some(key) = reader.key().map(str::to_owned) {
            if let Some(chunk) = reader.merge.lone_chunk().filter(|chunk| chunk.bytes >= worthwhile) {
                writer.push_chunk(chunk).await?;
                reader.merge.skip_lone_chunk();
                continue;
            }
            if let Some(line) = reader.line().await? {
                writer.push_record(&key, line).await?;
            }
            reader.pop().await?;
        }
        Ok(writer.finish().await?.layer)
    }

    /// One delta of many: their net changes.
    async fn united(
        &self,
        system: &str,
        snapshot: SnapshotId,
        deltas: &[Layer],
        rule: &KeyRule,
    ) -> Result<Option<Layer>, VaultError> {
        let mut writer = LayerWriter::new(self, system, snapshot, LayerRole::Delta);
        let mut merge = Merge::new(cursors(self, system, deltas, rule, Reading::All).await?);
        while let Some(difference) = next_net(&mut merge).await? {
            writer.push(&difference).await?;
        }
        Ok(writer.finish().await?.layer)
    }
}

impl Merge<crate::cursor::LayerCursor> {
    /// The untouched chunk of the base that comes next, if no other layer has a key in it.
    fn lone_chunk(&mut self) -> Option<seatbelt_model::Chunk> {
        if self.newest()?.rank() != 0 {
            return None; // only a base has nothing but records
        }
        let chunk = self.newest()?.untouched_chunk()?.clone();
        let alone = self
            .second_key()
            .is_none_or(|other| key::compare(&chunk.last, other).is_lt());
        alone.then_some(chunk)
    }

    fn skip_lone_chunk(&mut self) {
        self.move_newest(crate::cursor::LayerCursor::skip_chunk);
    }
}
