//! A form of the vendor's own, as the connector declares it.
//!
//! Records that belong to others, such as the comments of a post, wait in a database on disk, so that memory stays bounded.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use rusqlite::{Connection, params};
use seatbelt_connector_kit::{Joined, NativeExport, NativeRecord};
use seatbelt_model::json::{self, Pointer};

use super::{Exporter, Row, Written};

impl Exporter<'_> {
    /// Writes the one file the form has.
    pub(super) async fn native(&mut self, native: &'static NativeExport, resources: &[&str]) -> Result<Vec<Written>> {
        let path = self.folder.join(native.file);
        let sources = native.sources.iter();
        let sources: Vec<_> = sources.filter(|source| resources.contains(&source.resource)).collect();
        let joined = sources.iter().filter_map(|source| source.with);
        let joined: BTreeMap<&str, Joined> = joined
            .filter(|joined| resources.contains(&joined.resource))
            .map(|joined| (joined.resource, joined))
            .collect();
        let (mut all, waiting) = (Vec::new(), Waiting::open(self.folder)?);
        for joined in joined.values() {
            let mut written = Written::new(joined.resource, native.file.to_owned());
            let by = Pointer::new(joined.by);
            let wait = &mut |row: &Row<'_>| waiting.add(joined.resource, &by, row.json);
            self.rows(None, &mut written, wait).await?;
            all.push(written);
        }
        waiting.index()?;
        let mut out =
            BufWriter::new(File::create_new(&path).with_context(|| format!("cannot write {}", path.display()))?);
        let (mut writer, mut text) = ((native.writer)(), String::new());
        for source in sources {
            let mut written = Written::new(source.resource, native.file.to_owned());
            let with = source.with.map(|joined| (joined.resource, Pointer::new(joined.to)));
            let write = &mut |row: &Row<'_>| {
                let joined = match &with {
                    Some((resource, to)) => waiting.of(resource, to, row.json)?,
                    None => Vec::new(),
                };
                let record = NativeRecord {
                    resource: source.resource,
                    json: row.json,
                    joined: &joined,
                };
                writer.record(record, &mut text);
                out.write_all(text.as_bytes())?;
                text.clear();
                Ok(())
            };
            self.rows(None, &mut written, write).await?;
            all.push(written);
        }
        writer.finish(&mut text);
        out.write_all(text.as_bytes())?;
        out.flush()?;
        if let Some(first) = all.first_mut() {
            first.bytes = std::fs::metadata(&path)?.len();
        }
        Ok(all)
    }
}

/// Records that wait for those they belong to.
struct Waiting {
    connection: Option<Connection>,
    path: PathBuf,
}

impl Waiting {
    fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(".waiting.sqlite");
        let connection = Connection::open(&path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN; \
             CREATE TABLE waiting (resource TEXT NOT NULL, owner TEXT NOT NULL, json TEXT NOT NULL);",
        )?;
        Ok(Self {
            connection: Some(connection),
            path,
        })
    }

    fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("it is there until this is dropped")
    }

    fn add(&self, resource: &str, by: &Pointer, record: &str) -> Result<()> {
        let owner = json::text_at(record, by).unwrap_or_default();
        let mut insert = self.connection().prepare_cached("INSERT INTO waiting VALUES (?,?,?)")?;
        insert.execute(params![resource, owner, record])?;
        Ok(())
    }

    fn index(&self) -> Result<()> {
        let sql = "CREATE INDEX by_owner ON waiting (resource, owner)";
        Ok(self.connection().execute_batch(sql)?)
    }

    /// Those that belong to a record, in the order they came.
    fn of(&self, resource: &str, to: &Pointer, record: &str) -> Result<Vec<String>> {
        let Some(owner) = json::text_at(record, to) else {
            return Ok(Vec::new());
        };
        let sql = "SELECT json FROM waiting WHERE resource = ? AND owner = ? ORDER BY rowid";
        let mut select = self.connection().prepare_cached(sql)?;
        let found = select.query_map(params![resource, owner], |row| row.get(0))?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }
}

impl Drop for Waiting {
    /// It holds customers' records, and is of no use to anybody.
    fn drop(&mut self) {
        drop(self.connection.take());
        let _ = std::fs::remove_file(&self.path);
    }
}
