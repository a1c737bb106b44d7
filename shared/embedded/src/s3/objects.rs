//! Requests about one object, but for reading its bytes.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use rusqlite::Connection;
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, DeleteObjectInput, DeleteObjectOutput,
    DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag, ETagCondition, Error, GetObjectRetentionInput,
    GetObjectRetentionOutput, MetadataDirective, ObjectLockRetention, ObjectLockRetentionMode, PutObjectInput,
    PutObjectOutput, PutObjectRetentionInput, PutObjectRetentionOutput,
};
use s3s::{S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::checks::{self, Digester, Expected, ReadCondition, WriteCondition, hex};
use super::index::{self, ObjectRow};
use super::target::{Target, meta_of, refuse_unsupported, unsupported};
use super::upload::{self, Received};
use super::{Store, failure, time};

pub(super) async fn put(
    store: &Arc<Store>,
    request: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    let S3Request {
        mut input,
        headers,
        trailing_headers,
        ..
    } = request;
    refuse_unsupported!(input);
    unsupported(input.write_offset_bytes.is_some(), "appending to an object")?;
    let expected = Expected::of(&headers, input.content_length, input.content_md5.take());
    let mode = input.object_lock_mode.as_ref().map(|mode| mode.as_str());
    let lock = checks::retention(mode, input.object_lock_retain_until_date.as_ref(), store.now_ms())?;
    let target = Target {
        meta: meta_of!(input),
        bucket: input.bucket,
        key: input.key,
        condition: WriteCondition {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
        },
        bypass: bypasses(&headers),
        lock,
    };
    let early = target.clone();
    let row = upload::receive(
        store,
        input.body,
        trailing_headers,
        expected,
        move |store| early.admit(store),
        move |store, received| {
            let etag = hex(&received.digests.md5);
            target.commit(store, received, etag, |_| Ok(()))
        },
    )
    .await?;
    let sums = row.meta.sums;
    Ok(S3Response::new(PutObjectOutput {
        checksum_type: Some(sums.checksum_type()),
        checksum_crc32: sums.crc32,
        checksum_crc32c: sums.crc32c,
        checksum_crc64nvme: sums.crc64nvme,
        checksum_sha1: sums.sha1,
        checksum_sha256: sums.sha256,
        e_tag: Some(ETag::Strong(row.etag)),
        ..Default::default()
    }))
}

pub(super) async fn copy(
    store: &Arc<Store>,
    request: S3Request<CopyObjectInput>,
) -> S3Result<S3Response<CopyObjectOutput>> {
    let S3Request { mut input, headers, .. } = request;
    refuse_unsupported!(input);
    let CopySource::Bucket {
        bucket: from_bucket,
        key: from_key,
        version_id: None,
    } = input.copy_source.clone()
    else {
        return Err(s3_error!(
            NotImplemented,
            "the embedded S3 copies from <bucket>/<key> only, without versions"
        ));
    };
    let condition = ReadCondition {
        if_match: input.copy_source_if_match.take(),
        if_none_match: input.copy_source_if_none_match.take(),
        if_modified_since: input.copy_source_if_modified_since.take(),
        if_unmodified_since: input.copy_source_if_unmodified_since.take(),
    };
    let mode = input.object_lock_mode.as_ref().map(|mode| mode.as_str());
    let lock = checks::retention(mode, input.object_lock_retain_until_date.as_ref(), store.now_ms())?;
    let replaces_meta = input
        .metadata_directive
        .as_ref()
        .is_some_and(|d| d.as_str() == MetadataDirective::REPLACE);
    let mut target = Target {
        meta: meta_of!(input),
        bucket: input.bucket,
        key: input.key,
        condition: WriteCondition::default(),
        bypass: bypasses(&headers),
        lock,
    };
    let row = store
        .blocking(move |store| {
            let (source, file) = store
                .open_object(&from_bucket, &from_key, |row| condition.check(row))
                .map_err(|e| {
                    // A copy has no answer "not modified": for it, that is a condition that failed.
                    if *e.code() == S3ErrorCode::NotModified {
                        s3_error!(PreconditionFailed)
                    } else {
                        e
                    }
                })?;
            target.admit(store)?;
            if !replaces_meta {
                let class = target.meta.storage_class.take();
                target.meta = source.meta.clone();
                target.meta.storage_class = class;
            }
            let received = duplicate(store, &source, file)?;
            let etag = hex(&received.digests.md5);
            target.commit(store, received, etag, |_| Ok(()))
        })
        .await?;
    let result = CopyObjectResult {
        e_tag: Some(ETag::Strong(row.etag)),
        last_modified: Some(time::from_ms(row.modified_ms)),
        ..Default::default()
    };
    Ok(S3Response::new(CopyObjectOutput {
        copy_object_result: Some(result),
        ..Default::default()
    }))
}

/// Copies the bytes of an object, computing the checksums the original has.
fn duplicate(store: &Store, source: &ObjectRow, mut from: File) -> S3Result<Received> {
    let had = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"];
    let had: Vec<&str> = had
        .into_iter()
        .filter(|name| source.meta.sums.get(name).is_some())
        .collect();
    let mut digester = Digester::new(&had);
    let mut file = store
        .data
        .create()
        .map_err(|e| failure::io("create a file in", store.data.root(), &e))?;
    pump(&mut from, |bytes| {
        digester.update(bytes);
        file.write(bytes)
    })
    .and_then(|()| file.finish())
    .map_err(|e| failure::io("copy to", file.path(), &e))?;
    Ok(Received {
        file,
        digests: digester.finish(),
    })
}

/// Reads a file to its end, piece by piece.
pub(super) fn pump(from: &mut File, mut to: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            count => to(&buffer[..count])?,
        }
    }
}

pub(super) async fn delete(
    store: &Arc<Store>,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let S3Request { input, .. } = request;
    refuse_version(input.version_id.as_deref())?;
    unsupported(
        input.if_match_size.is_some() || input.if_match_last_modified_time.is_some(),
        "these conditions",
    )?;
    let bypass = input.bypass_governance_retention.unwrap_or(false);
    store
        .blocking(move |store| {
            let now_ms = store.now_ms();
            let file = store.index.write(|db| {
                index::require_bucket(db, &input.bucket)?;
                delete_one(db, &input.bucket, &input.key, input.if_match.as_ref(), now_ms, bypass)
            })?;
            if let Some(file) = file {
                store.data.remove(&file);
            }
            Ok(())
        })
        .await?;
    Ok(S3Response::new(DeleteObjectOutput::default()))
}

/// Deletes many objects in one transaction. Each is judged by itself: one that is locked does not keep the others.
pub(super) async fn delete_many(
    store: &Arc<Store>,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let S3Request { input, .. } = request;
    if input.delete.objects.len() > 1000 {
        return Err(s3_error!(MalformedXML, "at most 1000 objects can be deleted at a time"));
    }
    let bypass = input.bypass_governance_retention.unwrap_or(false);
    let quiet = input.delete.quiet.unwrap_or(false);
    let output = store
        .blocking(move |store| {
            let now_ms = store.now_ms();
            let (mut deleted, mut errors, mut files) = (Vec::new(), Vec::new(), Vec::new());
            store.index.write(|db| {
                index::require_bucket(db, &input.bucket)?;
                for object in &input.delete.objects {
                    let etag = object.e_tag.clone().map(ETagCondition::ETag);
                    let done = refuse_version(object.version_id.as_deref())
                        .and_then(|()| delete_one(db, &input.bucket, &object.key, etag.as_ref(), now_ms, bypass));
                    match done {
                        Ok(file) => {
                            files.extend(file);
                            deleted.push(DeletedObject {
                                key: Some(object.key.clone()),
                                ..Default::default()
                            });
                        }
                        Err(e) => errors.push(Error {
                            code: Some(e.code().as_str().to_owned()),
                            key: Some(object.key.clone()),
                            message: e.message().map(str::to_owned),
                            version_id: None,
                        }),
                    }
                }
                Ok(())
            })?;
            for file in files {
                store.data.remove(&file);
            }
            let deleted = (!quiet).then_some(deleted);
            Ok(DeleteObjectsOutput {
                deleted,
                errors: Some(errors),
                ..Default::default()
            })
        })
        .await?;
    Ok(S3Response::new(output))
}

/// Deletes a row, if it is there and nothing stands against it. Returns the file to delete after the commit.
fn delete_one(
    db: &Connection,
    bucket: &str,
    key: &str,
    if_match: Option<&ETagCondition>,
    now_ms: i64,
    bypass: bool,
) -> S3Result<Option<String>> {
    let current = index::find(db, bucket, key)?;
    WriteCondition {
        if_match: if_match.cloned(),
        if_none_match: None,
    }
    .check(current.as_ref())?;
    let Some(row) = current else { return Ok(None) };
    checks::unlocked(&row, now_ms, bypass)?;
    index::delete(db, bucket, key)?;
    Ok(Some(row.file))
}

pub(super) async fn put_retention(
    store: &Arc<Store>,
    request: S3Request<PutObjectRetentionInput>,
) -> S3Result<S3Response<PutObjectRetentionOutput>> {
    let S3Request { input, .. } = request;
    refuse_version(input.version_id.as_deref())?;
    let bypass = input.bypass_governance_retention.unwrap_or(false);
    store
        .blocking(move |store| {
            let now_ms = store.now_ms();
            let asked = input.retention.unwrap_or_default();
            let mode = asked.mode.as_ref().map(|mode| mode.as_str());
            let lock = checks::retention(mode, asked.retain_until_date.as_ref(), now_ms)?;
            store.index.write(|db| {
                let row = index::require(db, &input.bucket, &input.key)?;
                checks::may_replace(row.lock.as_ref(), lock.as_ref(), now_ms, bypass)?;
                index::set_retention(db, &input.bucket, &input.key, lock.as_ref())
            })
        })
        .await?;
    Ok(S3Response::new(PutObjectRetentionOutput::default()))
}

pub(super) async fn get_retention(
    store: &Arc<Store>,
    request: S3Request<GetObjectRetentionInput>,
) -> S3Result<S3Response<GetObjectRetentionOutput>> {
    let S3Request { input, .. } = request;
    refuse_version(input.version_id.as_deref())?;
    let row = store
        .blocking(move |store| store.index.read(|db| index::require(db, &input.bucket, &input.key)))
        .await?;
    let Some(lock) = row.lock else {
        return Err(s3_error!(NoSuchObjectLockConfiguration, "the object has no retention"));
    };
    let retention = ObjectLockRetention {
        mode: Some(ObjectLockRetentionMode::from(lock.mode)),
        retain_until_date: Some(time::from_ms(lock.until_ms)),
    };
    Ok(S3Response::new(GetObjectRetentionOutput {
        retention: Some(retention),
    }))
}

/// The one version an object has goes by the name S3 gives objects without versions.
pub(super) fn refuse_version(version: Option<&str>) -> S3Result<()> {
    unsupported(version.is_some_and(|version| version != "null"), "versions")
}

fn bypasses(headers: &http::HeaderMap) -> bool {
    headers
        .get("x-amz-bypass-governance-retention")
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}
