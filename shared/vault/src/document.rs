//! Snapshot documents: written last and once, found by listing.

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use jiff::Timestamp;
use seatbelt_model::{FORMAT, RunId, Snapshot, SnapshotId, SystemName};

use crate::{ObjectLock, Vault, VaultError, digest::Sha, error::status, state::AT_ONCE, store::is_denied};

impl Vault {
    /// The key of a snapshot document.
    #[must_use]
    pub fn snapshot_key(system: &str, id: SnapshotId) -> String {
        format!("{system}/snapshots/{id}.json")
    }

    /// Commits a snapshot: creates its document, once. Everything it names must be stored. Committing the same document
    /// again is fine. If the vault has a lock, the locks of everything the snapshot stands on are extended first.
    ///
    /// # Errors
    /// [`VaultError::AlreadyCommitted`] if a different document has this id; S3's.
    pub async fn commit(&self, snapshot: &Snapshot) -> Result<(), VaultError> {
        self.extend_locks(snapshot).await?;
        let document = Snapshot {
            locked_until: self.options().lock.as_ref().map(ObjectLock::snapshot_until),
            ..snapshot.clone()
        };
        let mut json = serde_json::to_vec_pretty(&document).map_err(|error| {
            VaultError::stopped(format!("the snapshot document cannot be written as JSON: {error}"))
        })?;
        json.push(b'\n');
        let (key, json) = (Self::snapshot_key(&snapshot.system, snapshot.id), Bytes::from(json));
        let created = self.create_document(&key, json.clone()).await?;
        if created || self.fetch(&key).await? == json {
            return Ok(());
        }
        Err(VaultError::AlreadyCommitted {
            system: snapshot.system.clone(),
            id: snapshot.id,
        })
    }

    /// A snapshot's document.
    ///
    /// # Errors
    /// [`VaultError::NoSnapshot`], [`VaultError::UnknownFormat`], [`VaultError::Damaged`]; S3's.
    pub async fn snapshot(&self, system: &str, id: SnapshotId) -> Result<Snapshot, VaultError> {
        let key = Self::snapshot_key(system, id);
        let json = self.fetch(&key).await.map_err(|error| match error {
            VaultError::Missing { .. } => VaultError::NoSnapshot {
                system: system.to_owned(),
                id,
            },
            other => other,
        })?;
        read_document(&key, &json)
    }

    /// Several documents, several at a time, in the order of `ids`.
    pub fn snapshots<'a>(
        &'a self,
        system: &'a str,
        ids: Vec<SnapshotId>,
    ) -> impl Stream<Item = Result<Snapshot, VaultError>> + Send + 'a {
        stream::iter(ids.into_iter().map(move |id| self.snapshot(system, id))).buffered(2 * AT_ONCE)
    }

    /// The ids of all snapshots of a system, oldest first. One listing.
    ///
    /// # Errors
    /// S3's.
    pub async fn snapshot_ids(&self, system: &str) -> Result<Vec<SnapshotId>, VaultError> {
        let prefix = format!("{system}/snapshots/");
        let keys = self.list(&prefix).await?;
        let ids = keys
            .iter()
            .filter_map(|key| key.strip_prefix(&prefix)?.strip_suffix(".json")?.parse().ok());
        Ok(ids.collect())
    }

    /// The newest snapshot; `None` if there is none yet.
    ///
    /// # Errors
    /// As [`Vault::snapshot`].
    pub async fn newest(&self, system: &str) -> Result<Option<Snapshot>, VaultError> {
        match self.snapshot_ids(system).await?.last() {
            Some(id) => self.snapshot(system, *id).await.map(Some),
            None => Ok(None),
        }
    }

    /// The newest snapshot committed at or before `at`; `None` if there is none.
    ///
    /// # Errors
    /// As [`Vault::snapshot`].
    pub async fn newest_at(&self, system: &str, at: Timestamp) -> Result<Option<Snapshot>, VaultError> {
        let ids = self.snapshot_ids(system).await?;
        for id in ids.into_iter().rev().filter(|id| id.start() <= at) {
            let snapshot = self.snapshot(system, id).await?;
            if snapshot.committed_at <= at {
                return Ok(Some(snapshot));
            }
        }
        Ok(None)
    }

    /// The systems that have anything in the bucket: with their snapshots, all that the catalog needs to be rebuilt. Folders that can be
    /// no system's, such as `_seatbelt`, are the house's own.
    ///
    /// # Errors
    /// S3's.
    pub async fn systems(&self) -> Result<Vec<String>, VaultError> {
        let mut folders = self.folders().await?;
        folders.retain(|folder| folder.parse::<SystemName>().is_ok());
        Ok(folders)
    }

    /// Deletes what a run staged. Best effort: backup functions may not delete on AWS, where a lifecycle rule expires it;
    /// being refused is fine.
    ///
    /// # Errors
    /// S3's, except a refusal.
    pub async fn clear_staging(&self, system: &str, run: RunId) -> Result<(), VaultError> {
        for key in self.list(&format!("{system}/staging/{run}/")).await? {
            let delete = self.client().delete_object().bucket(self.bucket()).key(&key);
            match Box::pin(delete.send()).await {
                Err(error) if is_denied(&error) => return Ok(()),
                Err(error) => return Err(VaultError::s3("delete", &key, &error)),
                Ok(_) => {}
            }
        }
        Ok(())
    }

    async fn create_document(&self, key: &str, json: Bytes) -> Result<bool, VaultError> {
        let sha = Sha::of(&json).base64();
        let mut put = self
            .put(key)
            .if_none_match("*")
            .checksum_sha256(sha)
            .content_type("application/json");
        if let Some(lock) = &self.options().lock {
            // Not longer than the objects it stands on, which later commits extend.
            let until = aws_smithy_types::DateTime::from_secs(lock.snapshot_until().as_second());
            put = put.object_lock_retain_until_date(until);
        }
        match Box::pin(put.body(json.into()).send()).await {
            Ok(_) => Ok(true),
            Err(error) if status(&error) == 412 => Ok(false),
            Err(error) => Err(VaultError::s3("create", key, &error)),
        }
    }
}

/// A document, if its format is known.
pub(crate) fn read_document(key: &str, json: &[u8]) -> Result<Snapshot, VaultError> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: String,
    }
    let damaged = |error: serde_json::Error| VaultError::damaged(key, format!("it is no snapshot document: {error}"));
    let Format { format } = serde_json::from_slice(json).map_err(damaged)?;
    if format != FORMAT {
        return Err(VaultError::UnknownFormat {
            object: key.to_owned(),
            format,
        });
    }
    serde_json::from_slice(json).map_err(damaged)
}
