//! What a restore leaves in the vault: its plan, what every record was before, what it became, and which keys are new.
//!
//! ```text
//! <system>/restores/<run>/<name>.json    small documents, each created once; they name objects
//! <system>/objects/<2 hex>/<sha256>      the JSON lines they name, compressed as chunks are
//! ```
//!
//! The vault stores and finds them; what is in them is the engine's.

use std::collections::BTreeSet;

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
        let (pool, level) = (self.pool().clone(), self.options().level);
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

impl Vault {
    /// The SHA-256 of every object that a restore's documents name, and of every file that the lines in those objects name: what must be
    /// kept while the restore can be undone. One run at a time, so that memory is bounded by one restore.
    ///
    /// # Errors
    /// S3's, and [`VaultError::Damaged`].
    pub async fn restore_objects(&self, system: &str, run: RunId) -> Result<BTreeSet<String>, VaultError> {
        let mut named = BTreeSet::new();
        for document in self.restores(system, Some(run)).await? {
            if let Some(json) = self.restore(system, run, &document.name).await? {
                collect_digests(&json, &mut named);
            }
        }
        let mut files = BTreeSet::new();
        for object in &named {
            let lines = self.lines(system, object).await?;
            for line in lines.split(|byte| *byte == b'\n') {
                collect_files(line, &mut files);
            }
        }
        named.extend(files);
        Ok(named)
    }
}

/// Every text in a document that is a SHA-256 in hex.
fn collect_digests(json: &[u8], found: &mut BTreeSet<String>) {
    fn walk(value: &serde_json::Value, found: &mut BTreeSet<String>) {
        match value {
            serde_json::Value::String(text) if is_digest(text) => _ = found.insert(text.clone()),
            serde_json::Value::Array(elements) => elements.iter().for_each(|element| walk(element, found)),
            serde_json::Value::Object(members) => members.values().for_each(|member| walk(member, found)),
            _ => {}
        }
    }
    if let Ok(value) = serde_json::from_slice(json) {
        walk(&value, found);
    }
}

/// The files that a line of a plan, or of what records were, names.
fn collect_files(line: &[u8], found: &mut BTreeSet<String>) {
    #[derive(serde::Deserialize)]
    struct Files {
        file: Option<File>,
        old_file: Option<File>,
    }
    #[derive(serde::Deserialize)]
    struct File {
        sha256: String,
    }
    if let Ok(Files { file, old_file }) = serde_json::from_slice(line) {
        found.extend(file.into_iter().chain(old_file).map(|file| file.sha256));
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn restore_key(system: &str, run: RunId, name: &str) -> String {
    format!("{system}/restores/{run}/{name}.json")
}
