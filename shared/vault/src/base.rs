//! The short way of a first sweep: its chunks are stored, and only want an index.

use seatbelt_model::{Changes, LayerIndex, LayerRole, SnapshotId, key};

use crate::{
    Staged, Vault, VaultError, Written,
    run::{Form, Segment},
};

impl Staged {
    /// The base layer, if all that was staged is stored as its chunks already: the sweep was fresh, its records came in the
    /// order of their keys, and they were more than fit the buffer. Else `None`: go the long way ([`Vault::compare`]).
    ///
    /// Only for resources without files, since here no record is looked at again.
    ///
    /// # Errors
    /// S3's.
    pub async fn base(&self, vault: &Vault, system: &str, snapshot: SnapshotId) -> Result<Option<Written>, VaultError> {
        let mut runs = Vec::with_capacity(self.segments.len());
        for segment in &self.segments {
            match segment {
                Segment::Run(run) if run.form == Form::Chunks => runs.push(run),
                _ => return Ok(None),
            }
        }
        runs.sort_by(|a, b| key::compare(&a.first_key, &b.first_key));
        if runs.is_empty()
            || runs
                .windows(2)
                .any(|pair| key::compare(&pair[0].last_key, &pair[1].first_key).is_ge())
        {
            return Ok(None);
        }
        let mut index = LayerIndex::default();
        for run in runs {
            index.chunks.extend(run.chunks(vault, system).await?.chunks);
        }
        let layer = vault.store_layer(system, snapshot, LayerRole::Base, index).await?;
        Ok(layer.map(|layer| Written {
            changes: Changes {
                added: layer.lines,
                ..Changes::default()
            },
            records: layer.lines as i64,
            bytes: layer.bytes as i64,
            body_bytes: 0,
            layer: Some(layer),
        }))
    }
}
