//! Object Lock: what a kept snapshot stands on cannot be deleted, by anyone, before its time.

use std::collections::BTreeSet;

use aws_sdk_s3::types::{ObjectLockMode, ObjectLockRetention, ObjectLockRetentionMode};
use aws_smithy_types::DateTime;
use futures_util::{TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use seatbelt_model::{Layer, Snapshot, SnapshotId};

use crate::{Vault, VaultError};

/// Who may shorten a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Those with a special permission.
    Governance,
    /// Nobody.
    Compliance,
}

impl From<LockMode> for ObjectLockMode {
    fn from(mode: LockMode) -> Self {
        match mode {
            LockMode::Governance => Self::Governance,
            LockMode::Compliance => Self::Compliance,
        }
    }
}

/// A lock on what a run writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectLock {
    /// Who may shorten it.
    pub mode: LockMode,
    /// When the run began.
    pub from: Timestamp,
    /// How long the snapshot stays locked.
    pub days: u32,
}

impl ObjectLock {
    /// Objects are locked for twice as long as the snapshot that brought them, so that a later snapshot that still stands
    /// on them must extend their locks only once in a period, not at every commit.
    pub(crate) fn object_until(&self) -> Timestamp {
        self.from
            .saturating_add(self.period() * 2)
            .expect("a signed duration of hours is a fixed span")
    }

    /// The end of the snapshot document's own lock.
    pub(crate) fn snapshot_until(&self) -> Timestamp {
        self.from
            .saturating_add(self.period())
            .expect("a signed duration of hours is a fixed span")
    }

    fn period(&self) -> SignedDuration {
        SignedDuration::from_hours(24 * i64::from(self.days))
    }

    /// Whether a layer written by `writer` has lived through the end of a period since `parent`; then the locks under it are due.
    fn is_due(&self, writer: SnapshotId, parent: Option<SnapshotId>) -> bool {
        let period = self.period().as_secs().max(1);
        let age = |at: Timestamp| (at.as_second() - writer.start().as_second()).div_euclid(period);
        parent.is_none_or(|parent| age(self.from) > age(parent.start()))
    }
}

const AT_ONCE: usize = 16;

impl Vault {
    /// Extends the locks of everything `snapshot` stands on that would otherwise end before the snapshot's own. What this
    /// run wrote has a fresh lock, except what was there already.
    pub(crate) async fn extend_locks(&self, snapshot: &Snapshot) -> Result<(), VaultError> {
        let Some(lock) = &self.options().lock else {
            return Ok(());
        };
        let mut due = BTreeSet::new();
        for state in snapshot.resources.values() {
            for layer in state.layers.iter().chain(&state.delta) {
                if layer.snapshot == snapshot.id || lock.is_due(layer.snapshot, snapshot.parent) {
                    self.objects_under(&snapshot.system, layer, &mut due).await?;
                }
            }
        }
        stream::iter(due.into_iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |sha256| self.extend_lock(&snapshot.system, sha256, lock))
            .await
    }

    async fn objects_under(&self, system: &str, layer: &Layer, due: &mut BTreeSet<String>) -> Result<(), VaultError> {
        due.insert(layer.index.clone());
        for chunk in self.index(system, layer).await?.chunks {
            due.insert(chunk.object);
            due.extend(chunk.bodies);
        }
        Ok(())
    }

    async fn extend_lock(&self, system: &str, sha256: String, lock: &ObjectLock) -> Result<(), VaultError> {
        let key = Self::object_key(system, &sha256);
        let mode = match lock.mode {
            LockMode::Governance => ObjectLockRetentionMode::Governance,
            LockMode::Compliance => ObjectLockRetentionMode::Compliance,
        };
        let until = DateTime::from_secs(lock.object_until().as_second());
        let retention = ObjectLockRetention::builder()
            .mode(mode)
            .retain_until_date(until)
            .build();
        let put = self.client().put_object_retention().bucket(self.bucket()).key(&key);
        let put = Box::pin(put.retention(retention).send()).await;
        put.map(|_| ()).map_err(|error| VaultError::s3("lock", &key, &error))
    }
}
