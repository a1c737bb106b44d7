//! Who stands on an object that is damaged.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use seatbelt_model::{Layer, RunId};

use super::{names::name_of, survey::Survey};
use crate::{StandsOn, Vault, VaultError, digest::Sha};

/// What names an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamedBy {
    /// A snapshot.
    Snapshot(StandsOn),
    /// What a restore wrote down.
    Restore(RunId),
}

impl fmt::Display for NamedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(StandsOn {
                snapshot,
                resource: Some(resource),
            }) => write!(f, "{resource} of snapshot {snapshot}"),
            Self::Snapshot(StandsOn { snapshot, .. }) => write!(f, "snapshot {snapshot}"),
            Self::Restore(run) => write!(f, "restore {run}"),
        }
    }
}

impl Vault {
    /// What names each of `objects`, given by their hashes; those that nothing names are left out. Unlike [`Vault::names`] it takes no
    /// other text for a name. Reads all indexes, so it is for a few objects that are damaged.
    ///
    /// # Errors
    /// S3's.
    pub async fn standing_on(
        &self,
        system: &str,
        survey: &Survey,
        objects: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Vec<NamedBy>>, VaultError> {
        let wanted: BTreeSet<Sha> = objects.iter().filter_map(|object| name_of(object)).collect();
        let mut users = BTreeMap::<&str, (&Layer, BTreeSet<NamedBy>)>::new();
        for (id, stored) in &survey.snapshots {
            for (resource, layer) in &stored.layers {
                let user = users.entry(&layer.index).or_insert_with(|| (layer, BTreeSet::new()));
                user.1.insert(NamedBy::Snapshot(StandsOn {
                    snapshot: *id,
                    resource: Some(resource.clone()),
                }));
            }
        }
        let mut found = BTreeMap::<String, BTreeSet<NamedBy>>::new();
        for (layer, named_by) in users.into_values() {
            for name in self.named_by_layer(system, layer).await?.intersection(&wanted) {
                found.entry(name.hex()).or_default().extend(named_by.iter().cloned());
            }
        }
        for restored in survey.restores.values() {
            for name in restored.objects.intersection(&wanted) {
                found
                    .entry(name.hex())
                    .or_default()
                    .insert(NamedBy::Restore(restored.run));
            }
        }
        Ok(found
            .into_iter()
            .map(|(name, by)| (name, by.into_iter().collect()))
            .collect())
    }

    async fn named_by_layer(&self, system: &str, layer: &Layer) -> Result<BTreeSet<Sha>, VaultError> {
        let mut names: BTreeSet<Sha> = name_of(&layer.index).into_iter().collect();
        match self.index(system, layer).await {
            Ok(index) => {
                for chunk in &index.chunks {
                    let objects = chunk.bodies.iter().chain([&chunk.object]);
                    names.extend(objects.filter_map(|object| name_of(object)));
                }
            }
            // What is under it cannot be known; that it is damaged itself can.
            Err(VaultError::Missing { .. } | VaultError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(names)
    }
}
