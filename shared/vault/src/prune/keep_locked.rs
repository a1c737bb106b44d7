//! Seeing to it that whatever a kept snapshot names is locked for at least as long as the snapshot itself.
//!
//! A snapshot's commit does that already. This is for what commits cannot see: a snapshot whose lock a person made longer, a bucket whose
//! own default lock is all there is, objects of versions that knew no better.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use seatbelt_model::{Layer, SnapshotId};

use super::survey::Survey;
use crate::{
    Vault, VaultError,
    lock::{Extension, Held},
};

const AT_ONCE: usize = 16;

impl Vault {
    /// Extends the locks of everything that the snapshots `kept` stand on to the ends of their own, where they end before, and says of how
    /// many objects. An index is extended after all that is under it, so one look at it tells about a whole layer. Costs a request for
    /// each snapshot and layer, and one for each lock that is extended.
    ///
    /// A lock that is too short is made twice as long as what is left, so that a snapshot of the next day does not need it again.
    ///
    /// `go_on` is asked between layers: after a `false` the rest is left for another day.
    ///
    /// # Errors
    /// S3's. An object that is missing is none, as others report it.
    pub async fn extend_locks_of(
        &self,
        system: &str,
        survey: &Survey,
        kept: &BTreeSet<SnapshotId>,
        now: Timestamp,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<u64, VaultError> {
        let mut extended = 0;
        for (layer, least) in self.locks_needed(system, survey, kept, now).await? {
            if !go_on() {
                break;
            }
            let index = Self::object_key(system, &layer.index);
            let Some(head) = self.head(&index).await? else { continue };
            if head.lock.is_some_and(|lock| lock.until >= least.until) {
                continue;
            }
            match self.extend_layer(system, &layer, &extension(&least, now)).await {
                Ok(objects) => extended += objects,
                Err(VaultError::Missing { object } | VaultError::Damaged { object, .. }) => {
                    tracing::warn!(
                        system,
                        object,
                        "the locks of a layer could not be extended, as this is missing or damaged"
                    );
                }
                Err(error) => return Err(error),
            }
        }
        Ok(extended)
    }

    /// Every layer that a locked snapshot stands on, and the lock it needs.
    async fn locks_needed(
        &self,
        system: &str,
        survey: &Survey,
        kept: &BTreeSet<SnapshotId>,
        now: Timestamp,
    ) -> Result<Vec<(Layer, Held)>, VaultError> {
        let looked = kept.iter().map(|id| async move {
            let lock = self.lock_of(&Self::snapshot_key(system, *id)).await?;
            Ok::<_, VaultError>(lock.filter(|lock| lock.until > now).map(|lock| (*id, lock)))
        });
        let mut locks = stream::iter(looked.collect::<Vec<_>>()).buffered(AT_ONCE);
        let mut needed: BTreeMap<&str, (Layer, Held)> = BTreeMap::new();
        while let Some(lock) = locks.try_next().await? {
            let Some((id, lock)) = lock else { continue };
            for (_, layer) in survey.snapshots.get(&id).into_iter().flat_map(|stored| &stored.layers) {
                let needed = needed
                    .entry(&layer.index)
                    .or_insert_with(|| (layer.clone(), lock.clone()));
                if needed.1.until < lock.until {
                    needed.1 = lock.clone();
                }
            }
        }
        drop(locks);
        Ok(needed.into_values().collect())
    }

    async fn extend_layer(&self, system: &str, layer: &Layer, extension: &Extension) -> Result<u64, VaultError> {
        let mut objects = BTreeSet::new();
        for chunk in self.index(system, layer).await?.chunks {
            objects.insert(chunk.object);
            objects.extend(chunk.bodies);
        }
        let extended = objects.len() as u64 + 1;
        self.extend_each(system, objects, extension).await?;
        self.extend_each(system, [layer.index.clone()], extension).await?;
        Ok(extended)
    }
}

fn extension(least: &Held, now: Timestamp) -> Extension {
    let left = least.until.duration_since(now);
    Extension {
        mode: least.mode.clone(),
        until: least.until.saturating_add(left).unwrap_or(least.until),
        least: least.until,
    }
}
