//! The step in which an object comes to be, the same for a put, a copy and a completed upload.

use rusqlite::Connection;
use s3s::S3Result;

use super::Store;
use super::checks::{self, WriteCondition};
use super::index::{self, Meta, ObjectRow, Retention};
use super::upload::Received;

/// Where an object goes, under which conditions, and what is to be remembered with it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) condition: WriteCondition,
    /// Whether the request may overwrite what `GOVERNANCE` protects.
    pub(crate) bypass: bool,
    pub(crate) lock: Option<Retention>,
    pub(crate) meta: Meta,
}

impl Target {
    /// Refuses early what would be refused at the end.
    pub(crate) fn admit(&self, store: &Store) -> S3Result<()> {
        let now_ms = store.now_ms();
        store.index.read(|db| self.check(db, now_ms).map(drop))
    }

    /// Makes the received file the object, in one transaction, with `also` in it; then deletes the file it replaced.
    pub(crate) fn commit(
        self,
        store: &Store,
        received: Received,
        etag: String,
        also: impl FnOnce(&Connection) -> S3Result<()>,
    ) -> S3Result<ObjectRow> {
        let Received { mut file, digests } = received;
        let now_ms = store.now_ms();
        let (row, superseded) = store.index.write(|db| {
            let current = self.check(db, now_ms)?;
            let row = ObjectRow {
                key: self.key.clone(),
                file: file.name().to_owned(),
                size: digests.size,
                etag,
                modified_ms: now_ms,
                lock: self.lock.clone(),
                meta: Meta {
                    sums: digests.sums,
                    ..self.meta.clone()
                },
            };
            index::replace(db, &self.bucket, &row)?;
            also(db)?;
            file.keep();
            Ok((row, current.map(|current| current.file)))
        })?;
        if let Some(superseded) = superseded {
            store.data.remove(&superseded);
        }
        Ok(row)
    }

    fn check(&self, db: &Connection, now_ms: i64) -> S3Result<Option<ObjectRow>> {
        index::require_bucket(db, &self.bucket)?;
        let current = index::find(db, &self.bucket, &self.key)?;
        // Conditions first: whoever writes once gets the same answer for a locked object as for any other.
        self.condition.check(current.as_ref())?;
        if let Some(row) = &current {
            checks::unlocked(row, now_ms, self.bypass)?;
        }
        Ok(current)
    }
}

/// What a request says about an object besides its bytes. The inputs of a put, a copy and an upload share their field
/// names but no trait.
macro_rules! meta_of {
    ($input:expr) => {
        $crate::s3::index::Meta {
            content_type: $input.content_type.take(),
            content_encoding: $crate::s3::target::without_chunking($input.content_encoding.take()),
            content_disposition: $input.content_disposition.take(),
            content_language: $input.content_language.take(),
            cache_control: $input.cache_control.take(),
            storage_class: $input.storage_class.take().map(|class| class.as_str().to_owned()),
            user: $input.metadata.take().unwrap_or_default().into_iter().collect(),
            ..Default::default()
        }
    };
}

/// Refuses what this store could only forget.
macro_rules! refuse_unsupported {
    ($input:expr) => {
        $crate::s3::target::unsupported($input.tagging.is_some(), "tags")?;
        $crate::s3::target::unsupported($input.expires.is_some(), "the Expires header")?;
        $crate::s3::target::unsupported($input.object_lock_legal_hold_status.is_some(), "legal holds")?;
        $crate::s3::target::unsupported($input.sse_customer_algorithm.is_some(), "encryption with your own key")?;
        $crate::s3::target::unsupported($input.website_redirect_location.is_some(), "redirects")?;
    };
}

pub(crate) use {meta_of, refuse_unsupported};

pub(crate) fn unsupported(asked: bool, what: &str) -> S3Result<()> {
    if asked {
        Err(s3s::s3_error!(NotImplemented, "the embedded S3 does not know {what}"))
    } else {
        Ok(())
    }
}

/// `aws-chunked` describes the wire, not the object.
pub(crate) fn without_chunking(encoding: Option<String>) -> Option<String> {
    let kept: Vec<_> = encoding
        .as_deref()?
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty() && *part != "aws-chunked")
        .collect();
    (!kept.is_empty()).then(|| kept.join(","))
}
