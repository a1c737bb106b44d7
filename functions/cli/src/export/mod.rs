//! Writing one resource of a snapshot into files.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufWriter, ErrorKind, Write},
    path::Path,
};

use anyhow::{Context as _, Result};
use futures_util::TryStreamExt;
use seatbelt_model::{KeyRule, ResourceState, Snapshot};
use seatbelt_vault::{
    Vault,
    line::{self, Body, StoredBody},
};
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::{commands::export::Format, file_name, moment};

/// Where an export reads and writes.
pub(crate) struct Exporter<'a> {
    pub(crate) vault: &'a Vault,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) folder: &'a Path,
    pub(crate) format: Format,
}

/// What was written of one resource.
#[derive(Debug, Serialize)]
pub(crate) struct Written {
    /// Its name.
    pub(crate) resource: String,
    /// The file with its records.
    pub(crate) file: String,
    /// How many there are.
    pub(crate) records: u64,
    /// Bytes of that file.
    pub(crate) bytes: u64,
    /// Files written for its records.
    pub(crate) files: u64,
    /// Bytes of those.
    pub(crate) file_bytes: u64,
    /// Files that are not in the snapshot, since they could not be had.
    pub(crate) missing: u64,
}

impl Exporter<'_> {
    /// Writes the records of a resource, and their files.
    pub(crate) async fn resource(&self, name: &str) -> Result<Written> {
        let extension = match self.format {
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
        };
        let file = format!("{}.{extension}", file_name::safe(name));
        let path = self.folder.join(&file);
        let mut written = Written {
            resource: name.to_owned(),
            file,
            records: 0,
            bytes: 0,
            files: 0,
            file_bytes: 0,
            missing: 0,
        };
        let state = &self.snapshot.resources[name];
        match self.format {
            Format::Ndjson => self.ndjson(state, &path, &mut written).await,
            Format::Csv => self.csv(state, &path, &mut written).await,
        }
        .with_context(|| format!("cannot write {}", path.display()))?;
        written.bytes = std::fs::metadata(&path)?.len();
        Ok(written)
    }

    async fn ndjson(&self, state: &ResourceState, path: &Path, written: &mut Written) -> Result<()> {
        let mut out = BufWriter::new(File::create_new(path)?);
        let mut lines = std::pin::pin!(self.vault.state(&self.snapshot.system, state));
        while let Some((key, line)) = lines.try_next().await? {
            let (record, extra) = line::split(moment::text(&line)?);
            out.write_all(record.as_bytes())?;
            out.write_all(b"\n")?;
            written.records += 1;
            self.body(&key, extra.and_then(|extra| extra.body), written).await?;
        }
        finish(out)
    }

    async fn csv(&self, state: &ResourceState, path: &Path, written: &mut Written) -> Result<()> {
        let columns = self.columns(state).await?;
        let mut out = csv::Writer::from_writer(BufWriter::new(File::create_new(path)?));
        out.write_record(std::iter::once("_key").chain(columns.iter().map(String::as_str)))?;
        let mut lines = std::pin::pin!(self.vault.state(&self.snapshot.system, state));
        while let Some((key, line)) = lines.try_next().await? {
            let (record, extra) = line::split(moment::text(&line)?);
            let fields: std::collections::HashMap<String, &RawValue> = serde_json::from_str(&record)?;
            let cell = |column: &String| fields.get(column).map(|raw| cell(raw.get())).unwrap_or_default();
            out.write_record(std::iter::once(key.clone()).chain(columns.iter().map(cell)))?;
            written.records += 1;
            self.body(&key, extra.and_then(|extra| extra.body), written).await?;
        }
        finish(out.into_inner().map_err(|error| error.into_error())?)
    }

    /// Every top-level field that any record has. The document's own list may be short of some, so the records are read.
    async fn columns(&self, state: &ResourceState) -> Result<BTreeSet<String>> {
        let mut columns = BTreeSet::new();
        let mut lines = std::pin::pin!(self.vault.state(&self.snapshot.system, state));
        while let Some((_, line)) = lines.try_next().await? {
            let record = line::split(moment::text(&line)?).0;
            let fields: std::collections::HashMap<String, &RawValue> = serde_json::from_str(&record)?;
            for name in fields.into_keys() {
                columns.insert(name);
            }
        }
        Ok(columns)
    }

    async fn body(&self, key: &str, body: Option<Body>, written: &mut Written) -> Result<()> {
        match body {
            None => Ok(()),
            Some(Body::Missing { .. }) => {
                written.missing += 1;
                Ok(())
            }
            Some(Body::Stored(body)) => {
                let folder = self.folder.join("files").join(file_name::safe(&written.resource));
                std::fs::create_dir_all(&folder)?;
                let bytes = self.write_body(&folder, key, &body).await?;
                written.files += 1;
                written.file_bytes += bytes;
                Ok(())
            }
        }
    }

    async fn write_body(&self, folder: &Path, key: &str, body: &StoredBody) -> Result<u64> {
        let mut out = BufWriter::new(create(folder, &file_name::of_body(key, body.name.as_deref()))?);
        let mut bytes = self.vault.body(&self.snapshot.system, &body.sha256).await?;
        let mut length = 0;
        while let Some(part) = bytes.try_next().await? {
            out.write_all(&part)?;
            length += part.len() as u64;
        }
        finish(out)?;
        Ok(length)
    }

    /// Writes the page that says what is there.
    pub(crate) fn index(&self, written: &[Written]) -> Result<()> {
        let keys: Map<String, Value> = written
            .iter()
            .filter_map(|written| match &self.snapshot.resources[&written.resource].key {
                KeyRule::Pointer(pointer) => Some((written.resource.clone(), Value::from(pointer.as_str()))),
                KeyRule::Written => None,
            })
            .collect();
        let index = json!({
            "system": self.snapshot.system,
            "platform": self.snapshot.platform,
            "snapshot": self.snapshot.id,
            "completeness": self.snapshot.completeness,
            "resources": written,
            "key_pointers": keys,
        });
        std::fs::write(
            self.folder.join("export.json"),
            format!("{}\n", serde_json::to_string_pretty(&index)?),
        )?;
        Ok(())
    }
}

/// Creates a file that is not there yet. Keys that differ only in what a file's name cannot say get a number.
fn create(folder: &Path, name: &str) -> Result<File> {
    let mut number = 1;
    loop {
        let numbered = if number == 1 {
            name.to_owned()
        } else {
            file_name::numbered(name, number)
        };
        match File::create_new(folder.join(&numbered)) {
            Ok(file) => return Ok(file),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot write {}", folder.join(&numbered).display()));
            }
        }
    }
}

/// Writes what is left. A full disk often shows itself only here.
fn finish(mut out: BufWriter<File>) -> Result<()> {
    out.flush()?;
    Ok(())
}

/// A value in a spreadsheet: a text without its quotes, nothing for null, else the JSON as it came.
fn cell(raw: &str) -> String {
    match raw.as_bytes().first() {
        Some(b'"') => serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned()),
        Some(b'n') => String::new(),
        _ => raw.to_owned(),
    }
}
