//! Listing objects. The index is in key order, so a page costs what it returns, and a common prefix one jump.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::Connection;
use s3s::dto::{CommonPrefix, ETag, ListObjectsV2Input, ListObjectsV2Output, Object, ObjectStorageClass};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::index::{self, ObjectRow};
use super::target::unsupported;
use super::{Store, time};

/// The most a page holds, as on AWS.
const PAGE: usize = 1000;

pub(super) async fn objects(
    store: &Arc<Store>,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    let S3Request { input, .. } = request;
    unsupported(
        input.encoding_type.is_some(),
        "encoded listings; leave encoding-type out",
    )?;
    let limit = page_size(input.max_keys)?;
    let from = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => decode(token)?,
        (None, Some(key)) => after_key(key),
        (None, None) => String::new(),
    };
    let bucket = input.bucket.clone();
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let page = store
        .blocking(move |store| {
            store
                .index
                .read(|db| page(db, &bucket, &prefix, delimiter.as_deref(), from, limit))
        })
        .await?;
    let count = page.rows.len() + page.prefixes.len();
    let common = page
        .prefixes
        .into_iter()
        .map(|prefix| CommonPrefix { prefix: Some(prefix) })
        .collect();
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: input.prefix,
        delimiter: input.delimiter,
        start_after: input.start_after,
        continuation_token: input.continuation_token,
        max_keys: i32::try_from(limit).ok(),
        key_count: i32::try_from(count).ok(),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.map(|from| URL_SAFE_NO_PAD.encode(from)),
        contents: Some(page.rows.into_iter().map(listed).collect()),
        common_prefixes: Some(common),
        ..Default::default()
    }))
}

struct Page {
    rows: Vec<ObjectRow>,
    prefixes: Vec<String>,
    /// Where the next page starts, if there is one.
    next: Option<String>,
}

fn page(
    db: &Connection,
    bucket: &str,
    prefix: &str,
    delimiter: Option<&str>,
    mut from: String,
    limit: usize,
) -> S3Result<Page> {
    index::require_bucket(db, bucket)?;
    let mut page = Page {
        rows: Vec::new(),
        prefixes: Vec::new(),
        next: None,
    };
    if limit == 0 {
        return Ok(page);
    }
    if from.as_str() < prefix {
        prefix.clone_into(&mut from);
    }
    'batches: loop {
        // One more than still fits, to know whether anything follows. With a delimiter most rows may be jumped over,
        // so a first look takes only a few.
        let room = limit - page.rows.len() - page.prefixes.len() + 1;
        let batch = index::scan(db, bucket, &from, if delimiter.is_some() { room.min(64) } else { room })?;
        if batch.is_empty() {
            return Ok(page);
        }
        for row in batch {
            if !row.key.starts_with(prefix) {
                return Ok(page);
            }
            if page.rows.len() + page.prefixes.len() == limit {
                page.next = Some(from);
                return Ok(page);
            }
            if let Some(common) = common_prefix(&row.key, prefix, delimiter) {
                let common = common.to_owned();
                let after = after_prefix(&common);
                page.prefixes.push(common);
                match after {
                    Some(after) => from = after,
                    None => return Ok(page),
                }
                continue 'batches;
            }
            from = after_key(&row.key);
            page.rows.push(row);
        }
    }
}

/// The part of a key up to and with the first delimiter behind the prefix.
fn common_prefix<'a>(key: &'a str, prefix: &str, delimiter: Option<&str>) -> Option<&'a str> {
    let delimiter = delimiter?;
    let at = key[prefix.len()..].find(delimiter)?;
    Some(&key[..prefix.len() + at + delimiter.len()])
}

/// The first string behind a key.
pub(super) fn after_key(key: &str) -> String {
    format!("{key}\0")
}

/// The first string behind all that start with a prefix; `None` if there is none. UTF-8 sorts as its characters do,
/// so it is the prefix with its last character raised by one.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // A range of characters steps over the gap of the surrogates by itself.
        if let Some(next) = (last..=char::MAX).nth(1) {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

fn listed(row: ObjectRow) -> Object {
    let class = row.meta.storage_class.unwrap_or_else(|| "STANDARD".to_owned());
    Object {
        key: Some(row.key),
        size: i64::try_from(row.size).ok(),
        e_tag: Some(ETag::Strong(row.etag)),
        last_modified: Some(time::from_ms(row.modified_ms)),
        storage_class: Some(ObjectStorageClass::from(class)),
        ..Default::default()
    }
}

pub(super) fn page_size(asked: Option<i32>) -> S3Result<usize> {
    match asked {
        None => Ok(PAGE),
        Some(asked) => usize::try_from(asked)
            .map(|asked| asked.min(PAGE))
            .map_err(|_| s3_error!(InvalidArgument, "a page size cannot be negative")),
    }
}

fn decode(token: &str) -> S3Result<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| s3_error!(InvalidArgument, "the continuation token is not one of this store"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_prefix_is_the_next_string_that_does_not_start_with_it() {
        assert_eq!(after_prefix("a/").as_deref(), Some("a0"));
        assert_eq!(after_prefix("a\u{d7ff}").as_deref(), Some("a\u{e000}"));
        assert_eq!(after_prefix("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(after_prefix("\u{10ffff}"), None);
    }

    #[test]
    fn a_common_prefix_ends_with_the_first_delimiter_behind_the_prefix() {
        assert_eq!(common_prefix("a/b/c", "", Some("/")), Some("a/"));
        assert_eq!(common_prefix("a/b/c", "a/", Some("/")), Some("a/b/"));
        assert_eq!(common_prefix("a/b/c", "a/b/", Some("/")), None);
        assert_eq!(common_prefix("a/b/c", "", None), None);
    }
}
