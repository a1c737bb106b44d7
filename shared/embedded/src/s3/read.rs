//! Reading an object: what it is, and its bytes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use s3s::dto::{
    ChecksumMode, ETag, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, ObjectLockMode,
    StorageClass, StreamingBlob,
};
use s3s::stream::{ByteStream, RemainingLength};
use s3s::{Body, S3Request, S3Response, S3Result, StdError};
use tokio::io::{AsyncReadExt, Take};
use tokio_util::io::ReaderStream;

use super::checks::{ReadCondition, Sums};
use super::index::{self, ObjectRow};
use super::objects::refuse_version;
use super::target::unsupported;
use super::{Store, failure, time};

/// What is read at once is answered from memory; longer bodies are streamed in pieces of this size.
const PIECE_BYTES: u64 = 256 * 1024;

/// What both answers say about an object; they share their field names but no trait.
macro_rules! describe {
    ($output:ident, $row:expr, $extent:expr, $wants_sums:expr) => {{
        let (row, extent): (ObjectRow, &Extent) = ($row, &$extent);
        let sums = if $wants_sums && extent.header.is_none() {
            row.meta.sums
        } else {
            Sums::default()
        };
        let has_sums = sums != Sums::default();
        $output {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: row.meta.cache_control,
            checksum_type: has_sums.then(|| sums.checksum_type()),
            checksum_crc32: sums.crc32,
            checksum_crc32c: sums.crc32c,
            checksum_crc64nvme: sums.crc64nvme,
            checksum_sha1: sums.sha1,
            checksum_sha256: sums.sha256,
            content_disposition: row.meta.content_disposition,
            content_encoding: row.meta.content_encoding,
            content_language: row.meta.content_language,
            content_length: i64::try_from(extent.bytes.end - extent.bytes.start).ok(),
            content_range: extent.header.clone(),
            content_type: row.meta.content_type,
            e_tag: Some(ETag::Strong(row.etag)),
            last_modified: Some(time::from_ms(row.modified_ms)),
            metadata: Some(row.meta.user.into_iter().collect()),
            object_lock_mode: row.lock.as_ref().map(|lock| ObjectLockMode::from(lock.mode.clone())),
            object_lock_retain_until_date: row.lock.as_ref().map(|lock| time::from_ms(lock.until_ms)),
            storage_class: row
                .meta
                .storage_class
                .filter(|class| class != "STANDARD")
                .map(StorageClass::from),
            ..Default::default()
        }
    }};
}

pub(super) async fn get(
    store: &Arc<Store>,
    request: S3Request<GetObjectInput>,
) -> S3Result<S3Response<GetObjectOutput>> {
    let S3Request { mut input, .. } = request;
    refuse_version(input.version_id.as_deref())?;
    unsupported(input.part_number.is_some(), "reading by part number")?;
    let condition = ReadCondition {
        if_match: input.if_match.take(),
        if_none_match: input.if_none_match.take(),
        if_modified_since: input.if_modified_since.take(),
        if_unmodified_since: input.if_unmodified_since.take(),
    };
    let wants_sums = wants_sums(input.checksum_mode.as_ref());
    let (row, extent, part) = store
        .blocking(move |store| {
            let (row, file) = store.open_object(&input.bucket, &input.key, |row| condition.check(row))?;
            let extent = extent(&row, input.range)?;
            let path = store.data.path(&row.file);
            let part = Part::of(file, &extent.bytes).map_err(|e| failure::io("read", &path, &e))?;
            Ok((row, extent, part))
        })
        .await?;
    let body = part.into_body(extent.bytes.end - extent.bytes.start);
    Ok(S3Response::new(GetObjectOutput {
        body: Some(body),
        ..describe!(GetObjectOutput, row, extent, wants_sums)
    }))
}

pub(super) async fn head(
    store: &Arc<Store>,
    request: S3Request<HeadObjectInput>,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let S3Request { mut input, .. } = request;
    refuse_version(input.version_id.as_deref())?;
    unsupported(input.part_number.is_some(), "reading by part number")?;
    let condition = ReadCondition {
        if_match: input.if_match.take(),
        if_none_match: input.if_none_match.take(),
        if_modified_since: input.if_modified_since.take(),
        if_unmodified_since: input.if_unmodified_since.take(),
    };
    let wants_sums = wants_sums(input.checksum_mode.as_ref());
    let range = input.range;
    let row = store
        .blocking(move |store| store.index.read(|db| index::require(db, &input.bucket, &input.key)))
        .await?;
    condition.check(&row)?;
    let extent = extent(&row, range)?;
    Ok(S3Response::new(describe!(HeadObjectOutput, row, extent, wants_sums)))
}

/// Which bytes were asked for, and how the answer names them if they are not all.
struct Extent {
    bytes: Range<u64>,
    header: Option<String>,
}

fn extent(row: &ObjectRow, range: Option<s3s::dto::Range>) -> S3Result<Extent> {
    let Some(range) = range else {
        return Ok(Extent {
            bytes: 0..row.size,
            header: None,
        });
    };
    let bytes = range.check(row.size)?;
    // The last byte is named inclusively; of an empty object a suffix asks for nothing, which has no name.
    let header = (!bytes.is_empty()).then(|| format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, row.size));
    Ok(Extent { bytes, header })
}

fn wants_sums(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

impl Store {
    /// Finds an object and opens its file, if `admit` lets it. Blocks.
    pub(super) fn open_object(
        &self,
        bucket: &str,
        key: &str,
        admit: impl Fn(&ObjectRow) -> S3Result<()>,
    ) -> S3Result<(ObjectRow, File)> {
        let mut previous = None;
        loop {
            let row = self.index.read(|db| index::require(db, bucket, key))?;
            admit(&row)?;
            let path = self.data.path(&row.file);
            match File::open(&path) {
                Ok(file) => return Ok((row, file)),
                // The object was replaced or deleted after its row was read: look again. Once open, a file stays
                // readable whatever happens to its name. If the row still says the same, the file really is gone.
                Err(e) if e.kind() == io::ErrorKind::NotFound && previous.as_ref() != Some(&row.file) => {
                    previous = Some(row.file);
                }
                Err(e) => return Err(failure::io("read", &path, &e)),
            }
        }
    }
}

/// The bytes asked for.
enum Part {
    Read(Bytes),
    Open(File),
}

impl Part {
    fn of(mut file: File, bytes: &Range<u64>) -> io::Result<Self> {
        if bytes.start > 0 {
            file.seek(SeekFrom::Start(bytes.start))?;
        }
        let length = bytes.end - bytes.start;
        if length > PIECE_BYTES {
            return Ok(Self::Open(file));
        }
        let mut read = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        file.take(length).read_to_end(&mut read)?;
        if (read.len() as u64) < length {
            return Err(truncated());
        }
        Ok(Self::Read(read.into()))
    }

    fn into_body(self, length: u64) -> StreamingBlob {
        match self {
            Self::Read(bytes) => StreamingBlob::from(Body::from(bytes)),
            Self::Open(file) => {
                let file = tokio::fs::File::from_std(file).take(length);
                let inner = ReaderStream::with_capacity(file, usize::try_from(PIECE_BYTES).unwrap_or_default());
                StreamingBlob::new(FileStream { inner, left: length })
            }
        }
    }
}

/// A stream that knows how much is to come, and fails rather than end early.
struct FileStream {
    inner: ReaderStream<Take<tokio::fs::File>>,
    left: u64,
}

impl Stream for FileStream {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(match ready!(Pin::new(&mut self.inner).poll_next(cx)) {
            Some(Ok(bytes)) => {
                self.left -= bytes.len() as u64;
                Some(Ok(bytes))
            }
            Some(Err(e)) => Some(Err(e.into())),
            None if self.left > 0 => Some(Err(truncated().into())),
            None => None,
        })
    }
}

impl ByteStream for FileStream {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.left).map_or_else(|_| RemainingLength::unknown(), RemainingLength::new_exact)
    }
}

fn truncated() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than the index says")
}
