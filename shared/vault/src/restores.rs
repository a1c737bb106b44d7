//! What a restore leaves in the vault: its plan, what every record was before, what it became, and which keys are new.
//!
//! ```text
//! <system>/restores/<run>/<name>.json    small documents, each created once; they name objects
//! <system>/objects/<2 hex>/<sha256>      the JSON lines they name, compressed as chunks are
//! ```
//!
//! The vault stores and finds them; what is in them is the engine's.

use bytes::Bytes;
use seatbelt_model::RunId;

use crate::{Vault, VaultError, chunk::seal, digest::Sha, error::status, store::blocking};

/// A document of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreDocument {
    /// The run it is of.
    pub run: RunId,
    /// Its name, without folder and ending.
    pub name: String,
}

impl Vault {
    /// Stores JSON lines as a content-addressed object and returns its SHA-256. Twice is as good as once.
    ///
    /// # Errors
    /// S3's.
    pub async fn put_lines(&self, system: &str, lines: Vec<u8>) -> Result<String, VaultError> {
        let (pool, level) = (self.pool().clone(), self.options().delta_level);
        let sealed = blocking(move || seal(&pool, &lines, level)).await?;
        self.put_object(system, sealed.sha, sealed.bytes).await?;
        Ok(sealed.sha.hex())
    }

    /// The JSON lines of an object, checked against its hash.
    ///
    /// # Errors
    /// S3's, and [`VaultError::Damaged`].
    pub async fn lines(&self, system: &str, sha256: &str) -> Result<Bytes, VaultError> {
        self.chunk(system, sha256).await
    }

    /// Creates a document of a restore; `false` if it is there already, and then it stays as it is.
    ///
    /// # Errors
    /// S3's.
    pub async fn put_restore(&self, system: &str, run: RunId, name: &str, json: Vec<u8>) -> Result<bool, VaultError> {
        let key = restore_key(system, run, name);
        let put = self.put(&key).if_none_match("*").content_type("application/json");
        let put = put.checksum_sha256(Sha::of(&json).base64()).body(json.into());
        match Box::pin(put.send()).await {
            Ok(_) => Ok(true),
            Err(error) if status(&error) == 412 => Ok(false),
            Err(error) => Err(VaultError::s3("create", &key, &error)),
        }
    }

    /// A document of a restore; `None` if there is none of this name.
    ///
    /// # Errors
    /// S3's.
    pub async fn restore(&self, system: &str, run: RunId, name: &str) -> Result<Option<Bytes>, VaultError> {
        match self.fetch(&restore_key(system, run, name)).await {
            Ok(json) => Ok(Some(json)),
            Err(VaultError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The documents of all restores of a system, or of one, in order. One listing.
    ///
    /// # Errors
    /// S3's.
    pub async fn restores(&self, system: &str, run: Option<RunId>) -> Result<Vec<RestoreDocument>, VaultError> {
        let folder = format!("{system}/restores/");
        let prefix = run.map_or_else(|| folder.clone(), |run| format!("{folder}{run}/"));
        let keys = self.list(&prefix).await?;
        let read = |key: String| {
            let (run, name) = key.strip_prefix(&folder)?.split_once('/')?;
            Some(RestoreDocument {
                run: run.parse().ok()?,
                name: name.strip_suffix(".json")?.to_owned(),
            })
        };
        Ok(keys.into_iter().filter_map(read).collect())
    }
}

fn restore_key(system: &str, run: RunId, name: &str) -> String {
    format!("{system}/restores/{run}/{name}.json")
}
