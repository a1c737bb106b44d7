//! The vault's handle, and the few things it does with S3.

use std::{path::PathBuf, sync::Arc};

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::put_object::builders::PutObjectFluentBuilder,
    types::ObjectLockMode,
};
use aws_smithy_types::DateTime;
use bytes::Bytes;
use jiff::Timestamp;

use crate::{LockMode, ObjectLock, VaultError, digest::Sha, error::status, pool::Pool};

/// How a vault works. The defaults suit a function of 256 MB.
#[derive(Debug, Clone)]
pub struct Options {
    /// A stager holds this many bytes of records in memory before it stages any, and then half as much again: one buffer
    /// fills while the other is written.
    pub buffer_bytes: usize,
    /// Uncompressed bytes of a chunk of a base layer. Chunks of deltas and of staged runs have an eighth of it, since
    /// many of them are read side by side.
    pub chunk_bytes: usize,
    /// Where the bytes of files wait until their hash is known.
    pub spool: PathBuf,
    /// The zstd level of base layers: a first sweep's time is mostly this.
    pub level: i32,
    /// The zstd level of deltas: they are small, and there is one in every snapshot.
    pub delta_level: i32,
    /// The zstd level of what is staged, read once, and expires.
    pub staging_level: i32,
    /// The lock put on every object, if the bucket has Object Lock.
    pub lock: Option<ObjectLock>,
    /// Who may shorten the locks that systems ask for ([`Vault::locked_for`]).
    pub lock_mode: LockMode,
    /// For how many days whatever is stored is locked at least, where a system asks for less or for nothing: the bucket's own default.
    pub lock_days: Option<u32>,
    /// Tags of staged objects, `key=value`, for stores where a lifecycle rule expires them by their tag: such a rule cannot
    /// name `*/staging/`, in the middle of a key.
    pub staging_tags: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            buffer_bytes: 16 << 20,
            chunk_bytes: 4 << 20,
            spool: std::env::temp_dir(),
            level: 3,
            delta_level: 9,
            staging_level: 1,
            lock: None,
            lock_mode: LockMode::Governance,
            lock_days: None,
            staging_tags: None,
        }
    }
}

impl Options {
    /// Bytes of a chunk where many are read side by side.
    pub(crate) fn small_chunk_bytes(&self) -> usize {
        (self.chunk_bytes / 8).max(1)
    }
}

/// Snapshots in one bucket. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: Client,
    bucket: String,
    options: Options,
    pool: Arc<Pool>,
}

/// A conditional put that meets another one in flight is told to try again.
const MOST_CONFLICTS: usize = 5;

impl Vault {
    /// Snapshots in `bucket`. Retries of single requests are the client's; give it a retry policy.
    #[must_use]
    pub fn new(client: Client, bucket: impl Into<String>, options: Options) -> Self {
        // What a writer has on its way, and a reader beside it.
        let pool = Arc::new(Pool::new(6 * options.chunk_bytes));
        Self::with_pool(client, bucket.into(), options, pool)
    }

    fn with_pool(client: Client, bucket: String, options: Options, pool: Arc<Pool>) -> Self {
        Self {
            inner: Arc::new(Inner {
                client,
                bucket,
                options,
                pool,
            }),
        }
    }

    /// The same vault with another lock, since systems differ in how long theirs lasts.
    #[must_use]
    pub fn with_lock(&self, lock: Option<ObjectLock>) -> Self {
        let options = Options {
            lock,
            ..self.inner.options.clone()
        };
        let inner = &self.inner;
        Self::with_pool(inner.client.clone(), inner.bucket.clone(), options, inner.pool.clone())
    }

    /// The same vault, with whatever a run that began at `from` writes locked as its system asks, and as the bucket does at least
    /// ([`Options::lock_days`]).
    #[must_use]
    pub fn locked_for(&self, days: Option<u32>, from: Timestamp) -> Self {
        let mode = self.options().lock_mode;
        // An object that a later snapshot reuses has only the lock it was written with, so the bucket's default alone is not enough.
        let days = days.max(self.options().lock_days);
        self.with_lock(days.map(|days| ObjectLock { mode, from, days }))
    }

    /// How this vault works.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.inner.pool
    }

    /// The client it works with.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// The bucket it works in.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.inner.bucket
    }

    /// The key of a content-addressed object.
    #[must_use]
    pub fn object_key(system: &str, sha256: &str) -> String {
        format!("{system}/objects/{}/{sha256}", sha256.get(..2).unwrap_or_default())
    }

    /// Stores bytes under their hash. Twice is as good as once.
    pub(crate) async fn put_object(&self, system: &str, sha: Sha, bytes: Bytes) -> Result<(), VaultError> {
        let key = Self::object_key(system, &sha.hex());
        self.create(&key, sha, bytes).await
    }

    /// Creates an object unless it is there already, which for an object named by its content is as good.
    async fn create(&self, key: &str, sha: Sha, bytes: Bytes) -> Result<(), VaultError> {
        let mut conflicts = 0;
        loop {
            let put = self.put(key).if_none_match("*").checksum_sha256(sha.base64());
            match Box::pin(put.body(bytes.clone().into()).send()).await {
                Ok(_) => return Ok(()),
                Err(error) if status(&error) == 412 => return Ok(()),
                Err(error) if status(&error) == 409 && conflicts < MOST_CONFLICTS => {
                    conflicts += 1;
                    tokio::task::yield_now().await;
                }
                Err(error) => return Err(VaultError::s3("create", key, &error)),
            }
        }
    }

    /// A put with bucket, key and lock set.
    pub(crate) fn put(&self, key: &str) -> PutObjectFluentBuilder {
        let put = self.client().put_object().bucket(self.bucket()).key(key);
        match self.lock_headers() {
            Some((mode, until)) => put.object_lock_mode(mode).object_lock_retain_until_date(until),
            None => put,
        }
    }

    /// Mode and end of the lock for a new object.
    pub(crate) fn lock_headers(&self) -> Option<(ObjectLockMode, DateTime)> {
        let lock = self.options().lock.as_ref()?;
        Some((lock.mode.into(), DateTime::from_secs(lock.object_until().as_second())))
    }

    /// Writes or overwrites a staged object. It has no lock: staging expires.
    pub(crate) async fn put_staging(&self, key: &str, bytes: Bytes) -> Result<(), VaultError> {
        let put = self.client().put_object().bucket(self.bucket()).key(key);
        let put = put.set_tagging(self.options().staging_tags.clone());
        let sent = put.checksum_sha256(Sha::of(&bytes).base64()).body(bytes.into()).send();
        Box::pin(sent)
            .await
            .map_err(|error| VaultError::s3("write", key, &error))?;
        Ok(())
    }

    /// The whole of an object.
    pub(crate) async fn fetch(&self, key: &str) -> Result<Bytes, VaultError> {
        let get = self.client().get_object().bucket(self.bucket()).key(key).send();
        let object = match Box::pin(get).await {
            Ok(object) => object,
            Err(error) => return Err(self.missing_if_so(key, VaultError::s3("read", key, &error)).await),
        };
        match object.body.collect().await {
            Ok(bytes) => Ok(bytes.into_bytes()),
            Err(error) => Err(unreadable(key, &error)),
        }
    }

    /// Whether an object is there.
    pub(crate) async fn exists(&self, key: &str) -> Result<bool, VaultError> {
        Ok(self.head(key).await?.is_some())
    }

    /// The error of a read, or [`VaultError::Missing`] if the object turns out not to be there. To a credential that may list the keys of
    /// some folders only, S3 answers "forbidden" for an object that is not there; the list of its folder tells which it is.
    pub(crate) async fn missing_if_so(&self, key: &str, error: VaultError) -> VaultError {
        if !matches!(error, VaultError::Denied { .. }) {
            return error;
        }
        let list = self.client().list_objects_v2().bucket(self.bucket()).prefix(key);
        // The key itself sorts before all that begin with it.
        match Box::pin(list.max_keys(1).send()).await {
            Ok(page) if page.contents().first().and_then(|object| object.key()) != Some(key) => {
                VaultError::Missing { object: key.to_owned() }
            }
            _ => error,
        }
    }

    /// All keys that start with `prefix`, in order.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<String>, VaultError> {
        let list = self.client().list_objects_v2().bucket(self.bucket()).prefix(prefix);
        let mut pages = list.into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| VaultError::s3("list", prefix, &error))?;
            keys.extend(
                page.contents
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|object| object.key),
            );
        }
        Ok(keys)
    }

    /// The first parts of all keys, up to the first slash.
    pub(crate) async fn folders(&self) -> Result<Vec<String>, VaultError> {
        let list = self.client().list_objects_v2().bucket(self.bucket()).delimiter("/");
        let mut pages = list.into_paginator().send();
        let mut folders = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| VaultError::s3("list", "/", &error))?;
            let found = page
                .common_prefixes
                .unwrap_or_default()
                .into_iter()
                .filter_map(|found| found.prefix);
            folders.extend(found.map(|prefix| prefix.trim_end_matches('/').to_owned()));
        }
        Ok(folders)
    }
}

/// A body that broke off or whose checksum is wrong.
pub(crate) fn unreadable(key: &str, error: &(dyn std::error::Error + 'static)) -> VaultError {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let detail = deepest.to_string();
    if detail.contains("checksum") {
        return VaultError::damaged(key, "its checksum does not match its bytes");
    }
    VaultError::Unavailable {
        what: "read",
        object: key.to_owned(),
        detail,
    }
}

/// Whether an S3 error says that the credential may not do this.
pub(crate) fn is_denied<E: ProvideErrorMetadata>(error: &SdkError<E, aws_sdk_s3::config::http::HttpResponse>) -> bool {
    matches!(status(error), 401 | 403)
}

/// Runs work that keeps a core busy where it delays nobody.
pub(crate) async fn blocking<T, F>(work: F) -> Result<T, VaultError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(VaultError::stopped)
}
