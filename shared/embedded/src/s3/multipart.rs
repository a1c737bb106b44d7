//! Uploads in parts. A part is a file of its own; completing joins the parts into a new file, which then becomes the
//! object in the same step as any other.

use std::fs::File;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::{Connection, OptionalExtension, params};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, ChecksumType,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::checks::{self, Digester, Digests, Expected, Sums, WriteCondition, hex};
use super::index::{self, Meta, OrFail, Retention, columns, from_json, json, unsigned};
use super::objects::pump;
use super::target::{Target, meta_of, refuse_unsupported};
use super::upload::{self, Received};
use super::{Store, failure};

/// All parts but the last have at least this, as on AWS: code that passes here must pass there.
const SMALLEST_PART_BYTES: u64 = 5 * 1024 * 1024;

/// What S3 computes where a request names nothing.
const DEFAULT_ALGORITHM: &str = "CRC64NVME";

/// An upload that is under way.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) id: String,
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) started_ms: i64,
    pub(super) lock: Option<Retention>,
    pub(super) meta: Meta,
    /// The checksum all parts carry.
    pub(super) algorithm: Option<String>,
    /// Whether the object's checksum is one of the parts' checksums, or one of all bytes.
    pub(super) composite: bool,
}

/// A part that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartRow {
    pub(super) number: i32,
    pub(super) file: String,
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) modified_ms: i64,
    pub(super) sums: Sums,
}

pub(super) async fn create(
    store: &Arc<Store>,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let S3Request { mut input, .. } = request;
    refuse_unsupported!(input);
    let now_ms = store.now_ms();
    let algorithm = input
        .checksum_algorithm
        .as_ref()
        .map(|algorithm| algorithm.as_str().to_owned());
    let composite = is_composite(algorithm.as_deref(), input.checksum_type.as_ref())?;
    let mode = input.object_lock_mode.as_ref().map(|mode| mode.as_str());
    let upload = Upload {
        id: format!("{:032x}", fastrand::u128(..)),
        started_ms: now_ms,
        lock: checks::retention(mode, input.object_lock_retain_until_date.as_ref(), now_ms)?,
        meta: meta_of!(input),
        bucket: input.bucket,
        key: input.key,
        algorithm,
        composite,
    };
    let answer = CreateMultipartUploadOutput {
        bucket: Some(upload.bucket.clone()),
        key: Some(upload.key.clone()),
        upload_id: Some(upload.id.clone()),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: upload.algorithm.as_ref().map(|_| checksum_type(composite)),
        ..Default::default()
    };
    store
        .blocking(move |store| store.index.write(|db| insert(db, &upload)))
        .await?;
    Ok(S3Response::new(answer))
}

/// SHA checksums of parts cannot be joined to one of the whole; CRC-64/NVME is never anything but of the whole.
fn is_composite(algorithm: Option<&str>, asked: Option<&ChecksumType>) -> S3Result<bool> {
    let Some(algorithm) = algorithm else { return Ok(false) };
    let default = algorithm != ChecksumAlgorithm::CRC64NVME;
    let composite = asked.map_or(default, |asked| asked.as_str() == ChecksumType::COMPOSITE);
    match (algorithm, composite) {
        ("SHA1" | "SHA256", false) | ("CRC64NVME", true) => Err(s3_error!(
            InvalidRequest,
            "{algorithm} does not go with this checksum type in an upload of parts"
        )),
        _ => Ok(composite),
    }
}

fn checksum_type(composite: bool) -> ChecksumType {
    Sums {
        composite,
        ..Sums::default()
    }
    .checksum_type()
}

pub(super) async fn upload_part(
    store: &Arc<Store>,
    request: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let S3Request {
        mut input,
        headers,
        trailing_headers,
        ..
    } = request;
    if !(1..=10_000).contains(&input.part_number) {
        return Err(s3_error!(InvalidArgument, "parts are numbered from 1 to 10000"));
    }
    let mut expected = Expected::of(&headers, input.content_length, input.content_md5.take());
    let (bucket, key, id) = (input.bucket.clone(), input.key.clone(), input.upload_id.clone());
    let upload = store
        .blocking(move |store| store.index.read(|db| require(db, &bucket, &key, &id)))
        .await?;
    expected.also(upload.algorithm.as_deref().unwrap_or(DEFAULT_ALGORITHM));
    let number = input.part_number;
    let (etag, sums) = upload::receive(
        store,
        input.body,
        trailing_headers,
        expected,
        |_| Ok(()),
        move |store, received| commit_part(store, &upload, number, received),
    )
    .await?;
    Ok(S3Response::new(UploadPartOutput {
        checksum_crc32: sums.crc32,
        checksum_crc32c: sums.crc32c,
        checksum_crc64nvme: sums.crc64nvme,
        checksum_sha1: sums.sha1,
        checksum_sha256: sums.sha256,
        e_tag: Some(ETag::Strong(etag)),
        ..Default::default()
    }))
}

/// Records a part; a part of the same number sent again replaces the one before.
fn commit_part(store: &Store, upload: &Upload, number: i32, received: Received) -> S3Result<(String, Sums)> {
    let Received { mut file, digests } = received;
    let part = PartRow {
        number,
        file: file.name().to_owned(),
        size: digests.size,
        etag: hex(&digests.md5),
        modified_ms: store.now_ms(),
        sums: digests.sums,
    };
    let superseded = store.index.write(|db| {
        // The upload may have been completed or aborted while the body came in.
        require(db, &upload.bucket, &upload.key, &upload.id)?;
        let superseded = parts(db, &upload.id)?.into_iter().find(|old| old.number == number);
        insert_part(db, &upload.id, &part)?;
        file.keep();
        Ok(superseded)
    })?;
    if let Some(superseded) = superseded {
        store.data.remove(&superseded.file);
    }
    Ok((part.etag, part.sums))
}

pub(super) async fn complete(
    store: &Arc<Store>,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let S3Request { input, headers, .. } = request;
    let mut sent = Sums::default();
    sent.read(&headers);
    let listed = input.multipart_upload.and_then(|list| list.parts).unwrap_or_default();
    let condition = WriteCondition {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
    };
    let (bucket, key, id, size) = (input.bucket, input.key, input.upload_id, input.mpu_object_size);
    let row = store
        .blocking(move |store| {
            let (upload, arrived) = store.index.read(|db| {
                let upload = require(db, &bucket, &key, &id)?;
                let arrived = parts(db, &id)?;
                Ok((upload, arrived))
            })?;
            let chosen = choose(&upload, &arrived, &listed)?;
            let target = Target {
                bucket,
                key,
                condition,
                bypass: false,
                lock: upload.lock.clone(),
                meta: upload.meta.clone(),
            };
            target.admit(store)?;
            let (received, etag) = join(store, &upload, &chosen)?;
            received.digests.sums.compare(&sent)?;
            if size.is_some_and(|size| u64::try_from(size).ok() != Some(received.digests.size)) {
                return Err(s3_error!(
                    InvalidRequest,
                    "the parts together do not have the size announced"
                ));
            }
            let row = target.commit(store, received, etag, |db| {
                // Parts may have been replaced, or the upload aborted, while they were joined.
                if parts(db, &id)? != arrived {
                    return Err(s3_error!(
                        NoSuchUpload,
                        "the upload changed while it was being completed"
                    ));
                }
                remove(db, &id)
            })?;
            for part in &arrived {
                store.data.remove(&part.file);
            }
            Ok((row, target_name(&upload)))
        })
        .await?;
    let (row, (bucket, key)) = row;
    let sums = row.meta.sums;
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        bucket: Some(bucket),
        key: Some(key),
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

fn target_name(upload: &Upload) -> (String, String) {
    (upload.bucket.clone(), upload.key.clone())
}

/// Finds the parts a request lists, and holds it to the rules AWS holds it to.
fn choose(upload: &Upload, arrived: &[PartRow], listed: &[CompletedPart]) -> S3Result<Vec<PartRow>> {
    if listed.is_empty() {
        return Err(s3_error!(MalformedXML, "an upload cannot be completed without parts"));
    }
    let numbers: Vec<i32> = listed.iter().map(|part| part.part_number.unwrap_or_default()).collect();
    if !numbers.is_sorted_by(|a, b| a < b) {
        return Err(s3_error!(InvalidPartOrder, "parts must be listed in ascending order"));
    }
    let mut chosen = Vec::with_capacity(listed.len());
    for (listed, number) in listed.iter().zip(numbers) {
        let found = arrived.iter().find(|part| part.number == number);
        let same = |part: &&PartRow| listed.e_tag.as_ref().is_some_and(|tag| tag.value() == part.etag);
        let Some(part) = found.filter(same) else {
            return Err(s3_error!(
                InvalidPart,
                "part {number} was not uploaded, or has another ETag"
            ));
        };
        part.sums.compare(&sums_of(listed)).map_err(|_| {
            s3_error!(
                InvalidPart,
                "part {number} was uploaded with another checksum than the one listed"
            )
        })?;
        let algorithm = upload.algorithm.as_deref().unwrap_or_default();
        if upload.composite && sums_of(listed).get(algorithm).is_none() {
            return Err(s3_error!(
                InvalidRequest,
                "the upload was created with {algorithm}: the request must list the checksum of each part, \
                 and does not for part {number}"
            ));
        }
        chosen.push(part.clone());
    }
    let (_, but_last) = chosen.split_last().unwrap_or((&chosen[0], &[]));
    match but_last.iter().find(|part| part.size < SMALLEST_PART_BYTES) {
        Some(small) => Err(s3_error!(
            EntityTooSmall,
            "part {} has less than 5 MiB and is not the last",
            small.number
        )),
        None => Ok(chosen),
    }
}

fn sums_of(listed: &CompletedPart) -> Sums {
    Sums {
        crc32: listed.checksum_crc32.clone(),
        crc32c: listed.checksum_crc32c.clone(),
        crc64nvme: listed.checksum_crc64nvme.clone(),
        sha1: listed.checksum_sha1.clone(),
        sha256: listed.checksum_sha256.clone(),
        composite: false,
    }
}

/// Joins parts to one file. The ETag is the hash of the parts' hashes, as on AWS.
fn join(store: &Store, upload: &Upload, chosen: &[PartRow]) -> S3Result<(Received, String)> {
    let algorithm = upload.algorithm.as_deref().unwrap_or(DEFAULT_ALGORITHM);
    let mut whole = Digester::new(if upload.composite {
        &[]
    } else {
        std::slice::from_ref(&algorithm)
    });
    let mut of_parts = Digester::new(&[algorithm]);
    let mut md5_of_parts = Digester::new(&[]);
    let mut file = store
        .data
        .create()
        .map_err(|e| failure::io("create a file in", store.data.root(), &e))?;
    for part in chosen {
        let path = store.data.path(&part.file);
        let mut from = File::open(&path).map_err(|e| failure::io("read", &path, &e))?;
        pump(&mut from, |bytes| {
            whole.update(bytes);
            file.write(bytes)
        })
        .map_err(|e| failure::io("join parts into", file.path(), &e))?;
        md5_of_parts.update(&unhex(&part.etag));
        if let Some(sum) = part.sums.get(algorithm) {
            of_parts.update(&STANDARD.decode(sum).unwrap_or_default());
        }
    }
    file.finish().map_err(|e| failure::io("write", file.path(), &e))?;
    let Digests { size, md5, mut sums } = whole.finish();
    if upload.composite {
        let sum = of_parts.finish().sums.get(algorithm).unwrap_or_default();
        sums.set(algorithm, format!("{sum}-{}", chosen.len()));
        sums.composite = true;
    }
    let etag = format!("{}-{}", hex(&md5_of_parts.finish().md5), chosen.len());
    Ok((
        Received {
            file,
            digests: Digests { size, md5, sums },
        },
        etag,
    ))
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
            .unwrap_or_default()
    };
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

pub(super) async fn abort(
    store: &Arc<Store>,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let S3Request { input, .. } = request;
    store
        .blocking(move |store| {
            let dropped = store.index.write(|db| {
                require(db, &input.bucket, &input.key, &input.upload_id)?;
                let dropped = parts(db, &input.upload_id)?;
                remove(db, &input.upload_id)?;
                Ok(dropped)
            })?;
            for part in dropped {
                store.data.remove(&part.file);
            }
            Ok(())
        })
        .await?;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}

fn insert(db: &Connection, upload: &Upload) -> S3Result<()> {
    index::require_bucket(db, &upload.bucket)?;
    let (mode, until) = columns(upload.lock.as_ref());
    let Upload {
        id,
        bucket,
        key,
        started_ms,
        meta,
        algorithm,
        composite,
        ..
    } = upload;
    db.execute(
        "INSERT INTO uploads (id, bucket, key, started_ms, lock_mode, retain_until_ms, meta, algorithm, composite)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            id,
            bucket,
            key,
            started_ms,
            mode,
            until,
            json(meta),
            algorithm,
            composite
        ],
    )
    .or_fail()?;
    Ok(())
}

pub(super) const UPLOAD_COLUMNS: &str =
    "id, bucket, key, started_ms, lock_mode, retain_until_ms, meta, algorithm, composite";

pub(super) fn upload_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Upload> {
    Ok(Upload {
        id: row.get(0)?,
        bucket: row.get(1)?,
        key: row.get(2)?,
        started_ms: row.get(3)?,
        lock: index::retention(row.get(4)?, row.get(5)?),
        meta: from_json(6, &row.get::<_, String>(6)?)?,
        algorithm: row.get(7)?,
        composite: row.get(8)?,
    })
}

pub(super) fn require(db: &Connection, bucket: &str, key: &str, id: &str) -> S3Result<Upload> {
    let sql = format!("SELECT {UPLOAD_COLUMNS} FROM uploads WHERE id = ?1 AND bucket = ?2 AND key = ?3");
    let found = db
        .prepare_cached(&sql)
        .and_then(|mut query| query.query_row([id, bucket, key], upload_row).optional());
    match found.or_fail()? {
        Some(upload) => Ok(upload),
        None => {
            index::require_bucket(db, bucket)?;
            Err(s3_error!(
                NoSuchUpload,
                "there is no such upload; it may have been completed or aborted"
            ))
        }
    }
}

pub(super) fn parts(db: &Connection, id: &str) -> S3Result<Vec<PartRow>> {
    let rows = || -> rusqlite::Result<Vec<PartRow>> {
        let mut query = db.prepare_cached(
            "SELECT number, file, size, etag, modified_ms, sums FROM parts WHERE upload = ?1 ORDER BY number",
        )?;
        let row = |row: &rusqlite::Row<'_>| {
            Ok(PartRow {
                number: row.get(0)?,
                file: row.get(1)?,
                size: unsigned(row.get(2)?),
                etag: row.get(3)?,
                modified_ms: row.get(4)?,
                sums: from_json(5, &row.get::<_, String>(5)?)?,
            })
        };
        query.query_map([id], row)?.collect()
    };
    rows().or_fail()
}

fn insert_part(db: &Connection, id: &str, part: &PartRow) -> S3Result<()> {
    let size = i64::try_from(part.size).unwrap_or(i64::MAX);
    db.execute(
        "INSERT OR REPLACE INTO parts (upload, number, file, size, etag, modified_ms, sums)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            id,
            part.number,
            part.file,
            size,
            part.etag,
            part.modified_ms,
            json(&part.sums)
        ],
    )
    .or_fail()?;
    Ok(())
}

fn remove(db: &Connection, id: &str) -> S3Result<()> {
    db.execute("DELETE FROM parts WHERE upload = ?1", [id]).or_fail()?;
    db.execute("DELETE FROM uploads WHERE id = ?1", [id]).or_fail()?;
    Ok(())
}
