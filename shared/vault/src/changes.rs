//! What changed between two snapshots. Read from the deltas on the way, where they are there. Where a snapshot between has expired and
//! took its delta along, it is read from the layers that the two do not share; only if they share none are states compared.

use std::{cmp::Ordering, collections::BTreeMap};

use async_stream::try_stream;
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use seatbelt_model::{Changes, KeyRule, Layer, LayerRole, ResourceState, Snapshot, SnapshotId};

use crate::{
    Difference, Vault, VaultError,
    cursor::LayerCursor,
    layer::owned,
    merge::Merge,
    state::{Reading, StateReader, cursors},
};

/// The next net change of merged deltas.
pub(crate) async fn next_net(merge: &mut Merge<LayerCursor>) -> Result<Option<Difference>, VaultError> {
    while let Some(key) = merge.key().map(str::to_owned) {
        let Passed { before, after } = pass(merge).await?;
        let found = Difference::between(key, before.as_ref().map(owned), after.as_ref().map(owned));
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// What deltas did to one record: its line before the first of them, and after the last.
struct Passed {
    before: Option<Bytes>,
    after: Option<Bytes>,
}

/// Passes the key that merged deltas stand at.
async fn pass(merge: &mut Merge<LayerCursor>) -> Result<Passed, VaultError> {
    let oldest = merge.same() - 1;
    let newest = merge.nth(0);
    newest.load().await?;
    let after = newest.after();
    let first = merge.nth(oldest);
    first.load().await?;
    let before = first.before();
    merge.pop().await?;
    Ok(Passed { before, after })
}

/// How the changes between two snapshots are found.
enum Way {
    /// The resource is in neither.
    Nothing,
    /// The net of these deltas, oldest first.
    Deltas(Vec<Layer>, KeyRule),
    /// Both stand on the same layers, and on these beyond. What one did not touch is as it was before the other did.
    Branches(Vec<Layer>, Vec<Layer>, KeyRule),
    /// By comparing the states.
    States(Box<Option<ResourceState>>, Box<Option<ResourceState>>),
}

impl Vault {
    /// The net changes of a resource from one snapshot to another, in the order of keys. With `from` absent, from nothing.
    /// `to` may be the earlier one: then they are what going back would change.
    ///
    /// Costs one listing, the documents between, and the deltas between. Where a snapshot between has expired and took its delta
    /// along: the deltas of both since the layers they share; if the base was rewritten in between, both states in full.
    pub fn changes<'a>(
        &'a self,
        system: &'a str,
        resource: &'a str,
        from: Option<SnapshotId>,
        to: SnapshotId,
    ) -> impl Stream<Item = Result<Difference, VaultError>> + Send + 'a {
        try_stream! {
            let back = from.is_some_and(|from| from > to);
            let (first, last) = match from {
                Some(from) => (Some(from.min(to)), from.max(to)),
                None => (None, to),
            };
            match self.way(system, resource, first, last).await? {
                Way::Nothing => {}
                Way::Deltas(deltas, rule) => {
                    let mut merge = Merge::new(cursors(self, system, &deltas, &rule, Reading::All).await?);
                    while let Some(found) = next_net(&mut merge).await? {
                        yield if back { found.inverse() } else { found };
                    }
                }
                Way::Branches(before, after, rule) => {
                    let mut before = Merge::new(cursors(self, system, &before, &rule, Reading::All).await?);
                    let mut after = Merge::new(cursors(self, system, &after, &rule, Reading::All).await?);
                    while let Some(found) = next_of_branches(&mut before, &mut after).await? {
                        yield if back { found.inverse() } else { found };
                    }
                }
                Way::States(before, after) => {
                    let mut before = self.reader(system, before.as_ref().as_ref()).await?;
                    let mut after = self.reader(system, after.as_ref().as_ref()).await?;
                    while let Some(found) = next_of_states(&mut before, &mut after).await? {
                        yield if back { found.inverse() } else { found };
                    }
                }
            }
        }
    }

    /// What one layer says: of a delta its changes, of a base all its records as added. In the order of keys.
    pub fn layer_changes<'a>(
        &'a self,
        system: &'a str,
        layer: &'a Layer,
        rule: &'a KeyRule,
    ) -> impl Stream<Item = Result<Difference, VaultError>> + Send + 'a {
        try_stream! {
            let layers = std::slice::from_ref(layer);
            let mut merge = Merge::new(cursors(self, system, layers, rule, Reading::All).await?);
            while let Some(found) = next_net(&mut merge).await? {
                yield found;
            }
        }
    }

    /// How many records of a resource changed from one snapshot to another, net.
    ///
    /// # Errors
    /// S3's, and [`VaultError::Damaged`].
    pub async fn change_counts(
        &self,
        system: &str,
        resource: &str,
        from: Option<SnapshotId>,
        to: SnapshotId,
    ) -> Result<Changes, VaultError> {
        if let Some(from) = from.filter(|from| *from < to) {
            let newer = self.snapshot(system, to).await?;
            if newer.parent == Some(from) && newer.resources.contains_key(resource) {
                return Ok(newer.resources[resource].changes);
            }
        }
        let mut counts = Changes::default();
        let mut changes = std::pin::pin!(self.changes(system, resource, from, to));
        while let Some(change) = changes.try_next().await? {
            counts.count(change.kind);
        }
        Ok(counts)
    }

    async fn reader(&self, system: &str, state: Option<&ResourceState>) -> Result<StateReader, VaultError> {
        let (layers, rule) = state.map_or((&[][..], &KeyRule::Written), |state| (&state.layers, &state.key));
        StateReader::open(self, system, layers, rule, Reading::All).await
    }

    async fn way(
        &self,
        system: &str,
        resource: &str,
        from: Option<SnapshotId>,
        to: SnapshotId,
    ) -> Result<Way, VaultError> {
        let after = self.snapshot(system, to).await?;
        let before = match from {
            Some(from) => self.snapshot(system, from).await?.resources.remove(resource),
            None => None,
        };
        let Some(new) = after.resources.get(resource) else {
            return Ok(if before.is_some() {
                Way::States(Box::new(before), Box::new(None))
            } else {
                Way::Nothing
            });
        };
        let Some(old) = before else {
            return Ok(Way::States(Box::new(None), Box::new(Some(new.clone()))));
        };
        if old.key == new.key {
            if let Some(deltas) = new.layers.strip_prefix(old.layers.as_slice()) {
                return Ok(Way::Deltas(deltas.to_vec(), new.key.clone()));
            }
            if let Some(deltas) = self.deltas_between(system, resource, from, &after).await? {
                // A resource that was begun anew lists everything as added; only from nothing is that so.
                let bases = deltas.iter().filter(|delta| delta.role == LayerRole::Base).count();
                if bases <= usize::from(old.layers.is_empty()) {
                    return Ok(Way::Deltas(deltas, new.key.clone()));
                }
            }
        }
        let both = old.layers.iter().zip(&new.layers);
        let shared = both.take_while(|(old, new)| old == new).count();
        if old.key == new.key && shared > 0 {
            let beyond = |layers: &[Layer]| layers[shared..].to_vec();
            return Ok(Way::Branches(beyond(&old.layers), beyond(&new.layers), new.key.clone()));
        }
        Ok(Way::States(Box::new(Some(old)), Box::new(Some(new.clone()))))
    }

    /// The deltas from `from` (exclusive) to `after`; `None` if the chain of parents is broken.
    async fn deltas_between(
        &self,
        system: &str,
        resource: &str,
        from: Option<SnapshotId>,
        after: &Snapshot,
    ) -> Result<Option<Vec<Layer>>, VaultError> {
        let ids = self.snapshot_ids(system).await?;
        let between = ids
            .into_iter()
            .filter(|id| from.is_none_or(|from| *id > from) && *id < after.id);
        let documents = self
            .snapshots(system, between.collect())
            .try_collect::<Vec<_>>()
            .await?;
        let documents: BTreeMap<_, _> = documents.iter().map(|document| (document.id, document)).collect();
        let (mut deltas, mut at) = (Vec::new(), after);
        loop {
            let Some(state) = at.resources.get(resource) else {
                return Ok(None);
            };
            deltas.extend(state.delta.clone());
            if at.parent == from {
                deltas.reverse();
                return Ok(Some(deltas));
            }
            match at.parent.and_then(|parent| documents.get(&parent)) {
                Some(parent) => at = parent,
                None => return Ok(None),
            }
        }
    }
}

/// The next difference of two states that are what they share and deltas beyond.
async fn next_of_branches(
    old: &mut Merge<LayerCursor>,
    new: &mut Merge<LayerCursor>,
) -> Result<Option<Difference>, VaultError> {
    loop {
        let order = match (old.key(), new.key()) {
            (None, None) => return Ok(None),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => seatbelt_model::key::compare(old, new),
        };
        let key = if order.is_le() { old.key() } else { new.key() };
        let key = key.unwrap_or_default().to_owned();
        let in_old = if order.is_le() { Some(pass(old).await?) } else { None };
        let in_new = if order.is_ge() { Some(pass(new).await?) } else { None };
        let (from, to) = match (in_old, in_new) {
            (Some(old), Some(new)) => (old.after, new.after),
            (Some(old), None) => (old.after, old.before),
            (None, Some(new)) => (new.before, new.after),
            (None, None) => (None, None),
        };
        let found = Difference::between(key, from.as_ref().map(owned), to.as_ref().map(owned));
        if found.is_some() {
            return Ok(found);
        }
    }
}

async fn next_of_states(before: &mut StateReader, after: &mut StateReader) -> Result<Option<Difference>, VaultError> {
    loop {
        let order = match (before.key(), after.key()) {
            (None, None) => return Ok(None),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => seatbelt_model::key::compare(old, new),
        };
        let key = if order.is_le() { before.key() } else { after.key() }
            .unwrap_or_default()
            .to_owned();
        let old = if order.is_le() { take(before).await? } else { None };
        let new = if order.is_ge() { take(after).await? } else { None };
        if let Some(found) = Difference::between(key, old.as_ref().map(owned), new.as_ref().map(owned)) {
            return Ok(Some(found));
        }
    }
}

async fn take(reader: &mut StateReader) -> Result<Option<Bytes>, VaultError> {
    let line = reader.line_bytes().await?;
    reader.pop().await?;
    Ok(line)
}
