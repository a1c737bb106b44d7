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

    pub(crate) fn period(&self) -> SignedDuration {
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
/// Locks last whole days; less than this is no difference between two of them.
const SLACK: SignedDuration = SignedDuration::from_hours(12);

/// A lock as S3 knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) mode: ObjectLockRetentionMode,
    pub(crate) until: Timestamp,
}

/// A lock to be made longer.
#[derive(Debug, Clone)]
pub(crate) struct Extension {
    pub(crate) mode: ObjectLockRetentionMode,
    /// Until when it is asked for.
    pub(crate) until: Timestamp,
    /// Until when it must last.
    pub(crate) least: Timestamp,
}

impl Vault {
    /// Extends the locks of everything `snapshot` stands on that would otherwise end before the snapshot's own. What this
    /// run wrote has a fresh lock, except what was there already.
    pub(crate) async fn extend_locks(&self, snapshot: &Snapshot) -> Result<(), VaultError> {
        let Some(lock) = &self.options().lock else {
            return Ok(());
        };
        let all = self.locks_have_grown(snapshot, lock).await?;
        let (mut due, mut indexes) = (BTreeSet::new(), BTreeSet::new());
        for state in snapshot.resources.values() {
            for layer in state.layers.iter().chain(&state.delta) {
                let wrote = layer.snapshot == snapshot.id;
                if (all || wrote || lock.is_due(layer.snapshot, snapshot.parent)) && indexes.insert(layer.index.clone())
                {
                    self.objects_under(&snapshot.system, layer, &mut due).await?;
                }
            }
        }
        let extension = Extension {
            mode: match lock.mode {
                LockMode::Governance => ObjectLockRetentionMode::Governance,
                LockMode::Compliance => ObjectLockRetentionMode::Compliance,
            },
            until: lock.object_until(),
            least: lock.snapshot_until(),
        };
        // An index comes last: its lock tells that all under it have theirs.
        self.extend_each(&snapshot.system, due, &extension).await?;
        self.extend_each(&snapshot.system, indexes, &extension).await
    }

    /// Whether locks last longer than when the parent was written, so that what lies below it has shorter ones.
    async fn locks_have_grown(&self, snapshot: &Snapshot, lock: &ObjectLock) -> Result<bool, VaultError> {
        let Some(parent) = snapshot.parent else {
            return Ok(false); // then every layer is due
        };
        let locked_for = match self.snapshot(&snapshot.system, parent).await {
            Ok(document) => document.locked_until.map(|until| until.duration_since(parent.start())),
            Err(VaultError::NoSnapshot { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(locked_for.is_none_or(|locked_for| locked_for + SLACK < lock.period()))
    }

    async fn objects_under(&self, system: &str, layer: &Layer, due: &mut BTreeSet<String>) -> Result<(), VaultError> {
        for chunk in self.index(system, layer).await?.chunks {
            due.insert(chunk.object);
            due.extend(chunk.bodies);
        }
        Ok(())
    }

    /// Extends the locks of objects, several at a time.
    pub(crate) async fn extend_each(
        &self,
        system: &str,
        objects: impl IntoIterator<Item = String>,
        extension: &Extension,
    ) -> Result<(), VaultError> {
        stream::iter(objects.into_iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |sha256| async move {
                self.extend_lock(&Self::object_key(system, &sha256), extension).await
            })
            .await
    }

    /// Extends a lock. One that lasts longer than is asked for stays: S3 refuses to shorten it. If no lock of the length that is
    /// asked for is allowed, it is made as long as it must be.
    async fn extend_lock(&self, key: &str, extension: &Extension) -> Result<(), VaultError> {
        let refused = match self.put_lock(key, extension, extension.until).await {
            Err(error @ (VaultError::Denied { .. } | VaultError::Refused { .. })) => error,
            done => return done,
        };
        match self.lock_of(key).await? {
            Some(held) if held.until >= extension.least => Ok(()),
            _ if extension.until > extension.least => self.put_lock(key, extension, extension.least).await,
            _ => Err(refused),
        }
    }

    async fn put_lock(&self, key: &str, extension: &Extension, until: Timestamp) -> Result<(), VaultError> {
        let retention = ObjectLockRetention::builder()
            .mode(extension.mode.clone())
            .retain_until_date(DateTime::from_secs(until.as_second()))
            .build();
        let put = self.client().put_object_retention().bucket(self.bucket()).key(key);
        let put = Box::pin(put.retention(retention).send()).await;
        put.map(|_| ()).map_err(|error| VaultError::s3("lock", key, &error))
    }

    /// The lock of an object; `None` if it has none.
    pub(crate) async fn lock_of(&self, key: &str) -> Result<Option<Held>, VaultError> {
        Ok(self.head(key).await?.and_then(|head| head.lock))
    }

    /// What S3 knows about an object; `None` if it is not there.
    pub(crate) async fn head(&self, key: &str) -> Result<Option<Head>, VaultError> {
        let head = self.client().head_object().bucket(self.bucket()).key(key).send();
        let head = match Box::pin(head).await {
            Ok(head) => head,
            Err(error) => {
                let error = VaultError::s3("look up", key, &error);
                return match self.missing_if_so(key, error).await {
                    VaultError::Missing { .. } => Ok(None),
                    error => Err(error),
                };
            }
        };
        let time = |at: Option<DateTime>| Timestamp::from_second(at?.secs()).ok();
        let lock = head.object_lock_mode.and_then(|mode| {
            Some(Held {
                mode: ObjectLockRetentionMode::from(mode.as_str()),
                until: time(head.object_lock_retain_until_date)?,
            })
        });
        Ok(Some(Head {
            bytes: u64::try_from(head.content_length.unwrap_or_default()).unwrap_or_default(),
            modified: time(head.last_modified),
            lock,
        }))
    }
}

/// What S3 knows about an object.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) bytes: u64,
    pub(crate) modified: Option<Timestamp>,
    pub(crate) lock: Option<Held>,
}
