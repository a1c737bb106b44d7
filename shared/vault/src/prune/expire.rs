//! Expiring a snapshot: its document goes, and nothing else.

use jiff::Timestamp;
use seatbelt_model::SnapshotId;

use crate::{Vault, VaultError, error::status};

/// What became of a snapshot that was to expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// Its document is deleted, or was before.
    Gone,
    /// It is locked until then, and stays for now.
    Locked(Timestamp),
}

/// What became of an object that was to be deleted.
pub(super) enum Deleted {
    Gone,
    /// The store refuses; if it is a lock, it was set after it was looked at.
    Refused,
}

impl Vault {
    /// Deletes the document of a snapshot, unless it is locked at `now`. What the snapshot stood on stays until it is marked and swept;
    /// what others need of its deltas they name themselves. Harmless to repeat.
    ///
    /// # Errors
    /// S3's.
    pub async fn expire(&self, system: &str, id: SnapshotId, now: Timestamp) -> Result<Expired, VaultError> {
        let key = Self::snapshot_key(system, id);
        let Some(head) = self.head(&key).await? else {
            return Ok(Expired::Gone);
        };
        if let Some(lock) = head.lock.filter(|lock| lock.until > now) {
            return Ok(Expired::Locked(lock.until));
        }
        match self.delete(&key).await? {
            Deleted::Gone => Ok(Expired::Gone),
            Deleted::Refused => match self.lock_of(&key).await? {
                Some(lock) if lock.until > now => Ok(Expired::Locked(lock.until)),
                _ => Err(VaultError::Denied {
                    what: "delete",
                    object: key,
                    code: "AccessDenied".to_owned(),
                }),
            },
        }
    }

    pub(super) async fn delete(&self, key: &str) -> Result<Deleted, VaultError> {
        let delete = self.client().delete_object().bucket(self.bucket()).key(key);
        match Box::pin(delete.send()).await {
            Ok(_) => Ok(Deleted::Gone),
            Err(error) if status(&error) == 403 => Ok(Deleted::Refused),
            Err(error) if status(&error) == 404 => Ok(Deleted::Gone),
            Err(error) => Err(VaultError::s3("delete", key, &error)),
        }
    }
}
