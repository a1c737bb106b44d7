//! The index: an object exists if, and only if, it has a row here.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

use super::checks::Sums;
use super::failure;
use crate::{EmbeddedError, folder};

/// The format written here. A folder with a higher number comes from the future and is left alone.
const FORMAT: i64 = 1;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, created_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS objects (
        bucket TEXT NOT NULL, key TEXT NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
        modified_ms INTEGER NOT NULL, lock_mode TEXT, retain_until_ms INTEGER, meta TEXT NOT NULL,
        PRIMARY KEY (bucket, key)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS uploads (
        id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, started_ms INTEGER NOT NULL,
        lock_mode TEXT, retain_until_ms INTEGER, meta TEXT NOT NULL, algorithm TEXT, composite INTEGER NOT NULL)
        WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS parts (
        upload TEXT NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
        modified_ms INTEGER NOT NULL, sums TEXT NOT NULL, PRIMARY KEY (upload, number)) WITHOUT ROWID;";

const OBJECT_COLUMNS: &str = "key, file, size, etag, modified_ms, lock_mode, retain_until_ms, meta";

/// An object, but for its bucket and its bytes.
#[derive(Debug, Clone)]
pub(crate) struct ObjectRow {
    pub(crate) key: String,
    pub(crate) file: String,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) modified_ms: i64,
    pub(crate) lock: Option<Retention>,
    pub(crate) meta: Meta,
}

/// Until when an object may not be touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retention {
    /// `COMPLIANCE` or `GOVERNANCE`.
    pub(crate) mode: String,
    pub(crate) until_ms: i64,
}

/// What was said about an object besides its bytes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Meta {
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) storage_class: Option<String>,
    pub(crate) user: BTreeMap<String, String>,
    pub(crate) sums: Sums,
}

/// One connection that writes, and as many that read as are needed at a time: readers never wait for a writer.
#[derive(Debug)]
pub(crate) struct Index {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl Index {
    pub(crate) fn open(home: &Path, path: PathBuf, durable: bool) -> Result<Self, EmbeddedError> {
        drop(folder::open_file(&path)?);
        let failed = |e: rusqlite::Error| EmbeddedError::database(&path, &e);
        let writer = Connection::open(&path).map_err(failed)?;
        let found: i64 = writer
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(failed)?;
        if found > FORMAT {
            return Err(EmbeddedError::Newer {
                home: home.to_path_buf(),
                found,
                known: FORMAT,
            });
        }
        let synchronous = if durable { "FULL" } else { "NORMAL" };
        writer
            .execute_batch(&format!(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA cache_size = -8000;
                 BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;"
            ))
            .map_err(failed)?;
        writer.busy_timeout(Duration::from_secs(10)).map_err(failed)?;
        Ok(Self {
            path,
            writer: Mutex::new(writer),
            readers: Mutex::default(),
        })
    }

    /// Runs `work` in a transaction that no other writer can get between. Commits when it returns `Ok`, and leaves no
    /// trace otherwise.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Connection) -> S3Result<T>) -> S3Result<T> {
        let mut connection = unpoisoned(&self.writer);
        let failed = |e: rusqlite::Error| failure::database("write", &self.path, &e);
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let done = work(&transaction)?;
        transaction.commit().map_err(failed)?;
        Ok(done)
    }

    /// Runs `work` on what was last committed.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> S3Result<T>) -> S3Result<T> {
        let idle = unpoisoned(&self.readers).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => Connection::open(&self.path).map_err(|e| failure::database("open", &self.path, &e))?,
        };
        let done = work(&connection);
        unpoisoned(&self.readers).push(connection);
        done
    }

    /// Every data file a row names.
    pub(crate) fn files(&self) -> Result<HashSet<String>, EmbeddedError> {
        let connection = unpoisoned(&self.writer);
        let named = || -> rusqlite::Result<HashSet<String>> {
            let mut query = connection.prepare("SELECT file FROM objects UNION ALL SELECT file FROM parts")?;
            query.query_map([], |row| row.get(0))?.collect()
        };
        named().map_err(|e| EmbeddedError::database(&self.path, &e))
    }
}

/// A panic in a transaction rolls it back, so the connection behind a poisoned mutex is as good as any.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Turns a failed statement into an S3 error.
pub(crate) trait OrFail<T> {
    fn or_fail(self) -> S3Result<T>;
}

impl<T> OrFail<T> for rusqlite::Result<T> {
    fn or_fail(self) -> S3Result<T> {
        self.map_err(|e| failure::database("use", Path::new("index.sqlite"), &e))
    }
}

pub(crate) fn require_bucket(db: &Connection, bucket: &str) -> S3Result<()> {
    let found = db
        .prepare_cached("SELECT 1 FROM buckets WHERE name = ?1")
        .and_then(|mut query| query.exists([bucket]))
        .or_fail()?;
    if found {
        Ok(())
    } else {
        Err(s3_error!(NoSuchBucket, "there is no bucket {bucket} in this store"))
    }
}

/// Whether it was new.
pub(crate) fn create_bucket(db: &Connection, bucket: &str, now_ms: i64) -> S3Result<bool> {
    let added = db
        .execute(
            "INSERT OR IGNORE INTO buckets (name, created_ms) VALUES (?1, ?2)",
            params![bucket, now_ms],
        )
        .or_fail()?;
    Ok(added == 1)
}

pub(crate) fn find(db: &Connection, bucket: &str, key: &str) -> S3Result<Option<ObjectRow>> {
    let sql = format!("SELECT {OBJECT_COLUMNS} FROM objects WHERE bucket = ?1 AND key = ?2");
    db.prepare_cached(&sql)
        .and_then(|mut query| query.query_row([bucket, key], object_row).optional())
        .or_fail()
}

/// Like [`find`], for requests that need the object.
pub(crate) fn require(db: &Connection, bucket: &str, key: &str) -> S3Result<ObjectRow> {
    if let Some(row) = find(db, bucket, key)? {
        return Ok(row);
    }
    require_bucket(db, bucket)?;
    Err(s3_error!(NoSuchKey, "there is no object of that key"))
}

/// Up to `limit` objects with keys from `from` on, in the order of their bytes.
pub(crate) fn scan(db: &Connection, bucket: &str, from: &str, limit: usize) -> S3Result<Vec<ObjectRow>> {
    let sql = format!("SELECT {OBJECT_COLUMNS} FROM objects WHERE bucket = ?1 AND key >= ?2 ORDER BY key LIMIT ?3");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = || -> rusqlite::Result<Vec<ObjectRow>> {
        let mut query = db.prepare_cached(&sql)?;
        query.query_map(params![bucket, from, limit], object_row)?.collect()
    };
    rows().or_fail()
}

pub(crate) fn replace(db: &Connection, bucket: &str, row: &ObjectRow) -> S3Result<()> {
    let (mode, until) = columns(row.lock.as_ref());
    db.prepare_cached(
        "INSERT OR REPLACE INTO objects
         (bucket, key, file, size, etag, modified_ms, lock_mode, retain_until_ms, meta)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )
    .and_then(|mut insert| {
        let (size, meta) = (i64::try_from(row.size).unwrap_or(i64::MAX), json(&row.meta));
        insert.execute(params![
            bucket,
            row.key,
            row.file,
            size,
            row.etag,
            row.modified_ms,
            mode,
            until,
            meta
        ])
    })
    .or_fail()?;
    Ok(())
}

pub(crate) fn set_retention(db: &Connection, bucket: &str, key: &str, lock: Option<&Retention>) -> S3Result<()> {
    let (mode, until) = columns(lock);
    db.execute(
        "UPDATE objects SET lock_mode = ?3, retain_until_ms = ?4 WHERE bucket = ?1 AND key = ?2",
        params![bucket, key, mode, until],
    )
    .or_fail()?;
    Ok(())
}

pub(crate) fn delete(db: &Connection, bucket: &str, key: &str) -> S3Result<()> {
    db.prepare_cached("DELETE FROM objects WHERE bucket = ?1 AND key = ?2")
        .and_then(|mut delete| delete.execute([bucket, key]))
        .or_fail()?;
    Ok(())
}

fn object_row(row: &Row<'_>) -> rusqlite::Result<ObjectRow> {
    Ok(ObjectRow {
        key: row.get(0)?,
        file: row.get(1)?,
        size: unsigned(row.get(2)?),
        etag: row.get(3)?,
        modified_ms: row.get(4)?,
        lock: retention(row.get(5)?, row.get(6)?),
        meta: from_json(7, &row.get::<_, String>(7)?)?,
    })
}

pub(crate) fn columns(lock: Option<&Retention>) -> (Option<&str>, Option<i64>) {
    (lock.map(|lock| lock.mode.as_str()), lock.map(|lock| lock.until_ms))
}

pub(crate) fn retention(mode: Option<String>, until_ms: Option<i64>) -> Option<Retention> {
    Some(Retention {
        mode: mode?,
        until_ms: until_ms?,
    })
}

pub(crate) fn unsigned(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and maps with string keys always become JSON")
}

pub(crate) fn from_json<T: serde::de::DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(e)))
}
