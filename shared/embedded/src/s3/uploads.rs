//! Listing what is under way: uploads, and the parts of one.

use std::sync::Arc;

use rusqlite::{Connection, params};
use s3s::dto::{
    ChecksumAlgorithm, ETag, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput,
    MultipartUpload, Part, StorageClass,
};
use s3s::{S3Request, S3Response, S3Result};

use super::index::{self, OrFail};
use super::list::page_size;
use super::multipart::{self, PartRow, UPLOAD_COLUMNS, Upload, upload_row};
use super::target::unsupported;
use super::{Store, time};

pub(super) async fn parts(
    store: &Arc<Store>,
    request: S3Request<ListPartsInput>,
) -> S3Result<S3Response<ListPartsOutput>> {
    let S3Request { input, .. } = request;
    let limit = page_size(input.max_parts)?;
    let marker = input.part_number_marker.unwrap_or(0);
    let (bucket, key, id) = (input.bucket.clone(), input.key.clone(), input.upload_id.clone());
    let (upload, mut rows) = store
        .blocking(move |store| {
            store.index.read(|db| {
                let upload = multipart::require(db, &bucket, &key, &id)?;
                Ok((upload, multipart::parts(db, &id)?))
            })
        })
        .await?;
    rows.retain(|part| part.number > marker);
    let truncated = rows.len() > limit;
    rows.truncate(limit);
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        part_number_marker: input.part_number_marker,
        max_parts: i32::try_from(limit).ok(),
        is_truncated: Some(truncated),
        next_part_number_marker: rows.last().filter(|_| truncated).map(|part| part.number),
        checksum_algorithm: upload.algorithm.map(ChecksumAlgorithm::from),
        storage_class: upload.meta.storage_class.map(StorageClass::from),
        parts: Some(rows.into_iter().map(listed_part).collect()),
        ..Default::default()
    }))
}

fn listed_part(row: PartRow) -> Part {
    Part {
        checksum_crc32: row.sums.crc32,
        checksum_crc32c: row.sums.crc32c,
        checksum_crc64nvme: row.sums.crc64nvme,
        checksum_sha1: row.sums.sha1,
        checksum_sha256: row.sums.sha256,
        e_tag: Some(ETag::Strong(row.etag)),
        last_modified: Some(time::from_ms(row.modified_ms)),
        part_number: Some(row.number),
        size: i64::try_from(row.size).ok(),
    }
}

pub(super) async fn under_way(
    store: &Arc<Store>,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    let S3Request { input, .. } = request;
    unsupported(input.delimiter.is_some(), "a delimiter in listings of uploads")?;
    unsupported(
        input.encoding_type.is_some(),
        "encoded listings; leave encoding-type out",
    )?;
    let limit = page_size(input.max_uploads)?;
    let bucket = input.bucket.clone();
    let prefix = input.prefix.clone().unwrap_or_default();
    let after = (
        input.key_marker.clone().unwrap_or_default(),
        input.upload_id_marker.clone(),
    );
    let mut rows = store
        .blocking(move |store| {
            store
                .index
                .read(|db| scan(db, &bucket, &prefix, &after.0, after.1.as_deref(), limit + 1))
        })
        .await?;
    let truncated = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| truncated);
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: input.prefix,
        key_marker: input.key_marker,
        upload_id_marker: input.upload_id_marker,
        max_uploads: i32::try_from(limit).ok(),
        is_truncated: Some(truncated),
        next_key_marker: last.map(|upload| upload.key.clone()),
        next_upload_id_marker: last.map(|upload| upload.id.clone()),
        uploads: Some(rows.into_iter().map(listed_upload).collect()),
        ..Default::default()
    }))
}

/// Uploads in the order of their keys, behind a key and, of several uploads to that key, behind one of them.
fn scan(
    db: &Connection,
    bucket: &str,
    prefix: &str,
    key: &str,
    id: Option<&str>,
    limit: usize,
) -> S3Result<Vec<Upload>> {
    index::require_bucket(db, bucket)?;
    let sql = format!(
        "SELECT {UPLOAD_COLUMNS} FROM uploads
         WHERE bucket = ?1 AND substr(key, 1, length(?2)) = ?2 AND (key > ?3 OR (key = ?3 AND id > ?4))
         ORDER BY key, id LIMIT ?5"
    );
    // Without an id every upload to the marked key counts as seen, and no id sorts behind this one.
    let id = id.unwrap_or("~");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = || -> rusqlite::Result<Vec<Upload>> {
        let mut query = db.prepare_cached(&sql)?;
        query
            .query_map(params![bucket, prefix, key, id, limit], upload_row)?
            .collect()
    };
    rows().or_fail()
}

fn listed_upload(upload: Upload) -> MultipartUpload {
    MultipartUpload {
        checksum_algorithm: upload.algorithm.map(ChecksumAlgorithm::from),
        initiated: Some(time::from_ms(upload.started_ms)),
        key: Some(upload.key),
        upload_id: Some(upload.id),
        storage_class: upload.meta.storage_class.map(StorageClass::from),
        ..Default::default()
    }
}
