//! The bytes of files: stored once under their hash, whatever their size, with little memory.
//!
//! The name of the object is known only after the last byte, so the bytes wait in a spool file (small ones in memory).

use std::{
    io::SeekFrom,
    pin::Pin,
    task::{Context, Poll},
};

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt, pin_mut, stream};
use md5::Md5;
use sha2::{Digest, Sha256};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
};

use crate::{
    StoredBody, Vault, VaultError,
    digest::{Sha, hex},
    error::status,
    store::unreadable,
};

/// What the vendor says about a file's bytes; checked where given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expected {
    /// Their number.
    pub size_bytes: Option<u64>,
    /// Their SHA-256 in hex.
    pub sha256: Option<String>,
    /// Their MD5 in hex.
    pub md5: Option<String>,
}

/// Up to this size bytes wait in memory.
const IN_MEMORY: usize = 1 << 20;
/// Up to this size one request uploads them.
const ONE_PUT: u64 = 64 << 20;
/// The size of a part above that, unless there would be too many.
const PART: u64 = 8 << 20;
const MOST_PARTS: u64 = 10_000;
/// Parts on their way at once.
const PARTS_AT_ONCE: usize = 3;

impl Vault {
    /// Stores a file's bytes as they stream in. The same bytes twice are stored once.
    ///
    /// # Errors
    /// [`VaultError::Body`] if the stream fails or the bytes are not what was `expected` (nothing is stored then);
    /// [`VaultError::Spool`]; S3's.
    pub async fn put_body<E: std::fmt::Display>(
        &self,
        system: &str,
        body: impl Stream<Item = Result<Bytes, E>>,
        expected: &Expected,
    ) -> Result<StoredBody, VaultError> {
        let spooled = self.spool(body, expected).await?;
        expected.check(&spooled)?;
        let sha256 = spooled.sha.hex();
        let size_bytes = spooled.size;
        let key = Self::object_key(system, &sha256);
        match spooled.waiting {
            Waiting::Memory(bytes) => self.put_object(system, spooled.sha, bytes.freeze()).await?,
            Waiting::File(_) if self.exists(&key).await? => {}
            Waiting::File(file) if size_bytes <= ONE_PUT => {
                self.put_file(&key, spooled.sha, spooled_path(&file)).await?;
            }
            Waiting::File(file) => self.put_parts(&key, spooled_path(&file), size_bytes).await?,
        }
        Ok(StoredBody {
            sha256,
            size_bytes,
            media_type: None,
            name: None,
        })
    }

    /// A file's bytes. The stream ends with [`VaultError::Damaged`] if they turn out not to be what was stored.
    ///
    /// # Errors
    /// [`VaultError::Missing`]; S3's.
    pub async fn body(&self, system: &str, sha256: &str) -> Result<BodyStream, VaultError> {
        let key = Self::object_key(system, sha256);
        let get = Box::pin(self.client().get_object().bucket(self.bucket()).key(&key).send()).await;
        let object = match get {
            Ok(object) => object,
            Err(error) => return Err(self.missing_if_so(&key, VaultError::s3("read", &key, &error)).await),
        };
        Ok(BodyStream {
            size_bytes: u64::try_from(object.content_length.unwrap_or_default()).unwrap_or_default(),
            key,
            sha256: sha256.to_owned(),
            stream: object.body,
            hasher: Some(Sha256::new()),
        })
    }

    async fn spool<E: std::fmt::Display>(
        &self,
        body: impl Stream<Item = Result<Bytes, E>>,
        expected: &Expected,
    ) -> Result<Spooled, VaultError> {
        let mut hashes = (Sha256::new(), expected.md5.as_ref().map(|_| Md5::new()));
        let (mut size, mut waiting) = (0, Waiting::Memory(BytesMut::new()));
        pin_mut!(body);
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|error| VaultError::Body { why: error.to_string() })?;
            size += bytes.len() as u64;
            hashes.0.update(&bytes);
            if let Some(md5) = &mut hashes.1 {
                md5.update(&bytes);
            }
            waiting = self.hold(waiting, bytes).await?;
        }
        if let Waiting::File(spool) = &mut waiting {
            spool.1.flush().await.map_err(|source| self.spool_error(source))?;
        }
        Ok(Spooled {
            waiting,
            size,
            sha: Sha::of_hasher(hashes.0),
            md5: hashes.1.map(|md5| hex(&md5.finalize())),
        })
    }

    async fn hold(&self, waiting: Waiting, bytes: Bytes) -> Result<Waiting, VaultError> {
        let mut spool = match waiting {
            Waiting::Memory(mut held) if held.len() + bytes.len() <= IN_MEMORY => {
                held.extend_from_slice(&bytes);
                return Ok(Waiting::Memory(held));
            }
            Waiting::Memory(held) => {
                let folder = self.options().spool.clone();
                let named = crate::store::blocking(move || tempfile::NamedTempFile::new_in(folder)).await?;
                let named = named.map_err(|source| self.spool_error(source))?;
                let file = File::from_std(named.as_file().try_clone().map_err(|source| self.spool_error(source))?);
                let mut spool = Box::new((named, file));
                spool
                    .1
                    .write_all(&held)
                    .await
                    .map_err(|source| self.spool_error(source))?;
                spool
            }
            Waiting::File(spool) => spool,
        };
        spool
            .1
            .write_all(&bytes)
            .await
            .map_err(|source| self.spool_error(source))?;
        Ok(Waiting::File(spool))
    }

    fn spool_error(&self, source: std::io::Error) -> VaultError {
        VaultError::Spool {
            folder: self.options().spool.display().to_string(),
            source,
        }
    }

    async fn put_file(&self, key: &str, sha: Sha, path: &std::path::Path) -> Result<(), VaultError> {
        let body = ByteStream::from_path(path).await;
        let body = body.map_err(|error| self.spool_error(std::io::Error::other(error)))?;
        let put = self
            .put(key)
            .if_none_match("*")
            .checksum_sha256(sha.base64())
            .body(body);
        match Box::pin(put.send()).await {
            Err(error) if status(&error) != 412 => Err(VaultError::s3("create", key, &error)),
            _ => Ok(()),
        }
    }

    async fn put_parts(&self, key: &str, path: &std::path::Path, size: u64) -> Result<(), VaultError> {
        let mut create = self.client().create_multipart_upload().bucket(self.bucket()).key(key);
        create = create.checksum_algorithm(ChecksumAlgorithm::Sha256);
        if let Some((mode, until)) = self.lock_headers() {
            create = create.object_lock_mode(mode).object_lock_retain_until_date(until);
        }
        let created = Box::pin(create.send())
            .await
            .map_err(|error| VaultError::s3("create", key, &error))?;
        let upload = created.upload_id.unwrap_or_default();
        let done = self.send_parts(key, &upload, path, size).await;
        if done.is_err() {
            // Best effort: a lifecycle rule aborts what is left.
            let abort = self.client().abort_multipart_upload().bucket(self.bucket()).key(key);
            if let Err(error) = Box::pin(abort.upload_id(&upload).send()).await {
                tracing::debug!(%key, "an unfinished upload stays: {}", VaultError::s3("abort", key, &error));
            }
        }
        done
    }

    async fn send_parts(&self, key: &str, upload: &str, path: &std::path::Path, size: u64) -> Result<(), VaultError> {
        let length = PART.max(size.div_ceil(MOST_PARTS));
        let parts = (0..size.div_ceil(length)).map(|at| self.send_part(key, upload, path, at, length));
        let parts = stream::iter(parts.collect::<Vec<_>>()).buffered(PARTS_AT_ONCE);
        let parts: Vec<CompletedPart> = parts.try_collect().await?;
        let whole = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let complete = self.client().complete_multipart_upload().bucket(self.bucket()).key(key);
        let complete = complete.upload_id(upload).if_none_match("*").multipart_upload(whole);
        match Box::pin(complete.send()).await {
            Err(error) if status(&error) != 412 => Err(VaultError::s3("create", key, &error)),
            _ => Ok(()),
        }
    }

    async fn send_part(
        &self,
        key: &str,
        upload: &str,
        path: &std::path::Path,
        at: u64,
        length: u64,
    ) -> Result<CompletedPart, VaultError> {
        let bytes = read_part(path, at * length, length)
            .await
            .map_err(|source| self.spool_error(source))?;
        let number = i32::try_from(at + 1).unwrap_or(i32::MAX);
        let sha = Sha::of(&bytes).base64();
        let part = self
            .client()
            .upload_part()
            .bucket(self.bucket())
            .key(key)
            .upload_id(upload);
        let part = part.part_number(number).checksum_sha256(&sha).body(bytes.into());
        let sent = Box::pin(part.send())
            .await
            .map_err(|error| VaultError::s3("write", key, &error))?;
        let done = CompletedPart::builder().part_number(number).checksum_sha256(sha);
        Ok(done.set_e_tag(sent.e_tag).build())
    }
}

async fn read_part(path: &std::path::Path, from: u64, length: u64) -> std::io::Result<Bytes> {
    let mut file = File::open(path).await?;
    file.seek(SeekFrom::Start(from)).await?;
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.take(length).read_to_end(&mut bytes).await?;
    Ok(bytes.into())
}

struct Spooled {
    waiting: Waiting,
    size: u64,
    sha: Sha,
    md5: Option<String>,
}

enum Waiting {
    Memory(BytesMut),
    /// The first removes the file when it goes; the second writes it.
    File(Box<(tempfile::NamedTempFile, File)>),
}

fn spooled_path(spool: &(tempfile::NamedTempFile, File)) -> &std::path::Path {
    spool.0.path()
}

impl Expected {
    fn check(&self, got: &Spooled) -> Result<(), VaultError> {
        let wrong = |what: &str, wanted: &dyn std::fmt::Display, came: &dyn std::fmt::Display| {
            Err(VaultError::Body {
                why: format!("{what} {wanted} was announced and {came} came"),
            })
        };
        if let Some(size) = self.size_bytes.filter(|size| *size != got.size) {
            return wrong("a size in bytes of", &size, &got.size);
        }
        if let Some(sha) = self
            .sha256
            .as_ref()
            .filter(|sha| !sha.eq_ignore_ascii_case(&got.sha.hex()))
        {
            return wrong("SHA-256", sha, &got.sha.hex());
        }
        match (&self.md5, &got.md5) {
            (Some(wanted), Some(came)) if !wanted.eq_ignore_ascii_case(came) => wrong("MD5", wanted, came),
            _ => Ok(()),
        }
    }
}

/// The bytes of a file, hashed on their way.
#[derive(Debug)]
pub struct BodyStream {
    key: String,
    sha256: String,
    size_bytes: u64,
    stream: ByteStream,
    /// `None` once the end was reached.
    hasher: Option<Sha256>,
}

impl BodyStream {
    /// How many bytes there are.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

impl Stream for BodyStream {
    type Item = Result<Bytes, VaultError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(hasher) = &mut this.hasher else {
            return Poll::Ready(None);
        };
        match Pin::new(&mut this.stream).poll_next(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(bytes))) => {
                hasher.update(&bytes);
                Poll::Ready(Some(Ok(bytes)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.hasher = None;
                Poll::Ready(Some(Err(unreadable(&this.key, &error))))
            }
            Poll::Ready(None) => {
                let right = this
                    .hasher
                    .take()
                    .is_some_and(|hasher| Sha::of_hasher(hasher).hex() == this.sha256);
                let damaged = || VaultError::damaged(this.key.as_str(), "its SHA-256 is not its name");
                Poll::Ready((!right).then(|| Err(damaged())))
            }
        }
    }
}
