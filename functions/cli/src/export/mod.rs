//! A snapshot as files that need no Seatbelt: records as lines, tables or a form of the vendor's own, and the bytes of files.
//!
//! Records stream through. Tables need their columns before their first row, so their records are read twice: a snapshot does not change.

mod csv;
mod files;
mod members;
mod native;
mod page;
mod parquet;
mod schema;
mod sqlite;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::{Context as _, Result};
use futures_util::TryStreamExt;
use indicatif::ProgressBar;
use seatbelt_connector_kit::NativeExport;
use seatbelt_model::{ResourceState, Snapshot};
use seatbelt_vault::{
    Vault,
    line::{self, Body, StoredBody},
};
use serde::Serialize;

use crate::{file_name, moment};
use files::Files;
use schema::{Plan, Survey};

/// Other work, such as that of Ctrl-C, gets its turn after so many records.
const TURN: u64 = 512;

/// How records are written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Format {
    Ndjson,
    Csv,
    Parquet,
    Sqlite,
    Native(&'static NativeExport),
}

impl Format {
    /// How often each record is read.
    pub(crate) fn passes(self) -> u64 {
        match self {
            Self::Ndjson | Self::Native(_) => 1,
            Self::Csv | Self::Parquet | Self::Sqlite => 2,
        }
    }
}

/// What was written of one resource.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Written {
    /// Its name.
    pub(crate) resource: String,
    /// The file with its records.
    pub(crate) file: String,
    /// How many there are.
    pub(crate) records: u64,
    /// Bytes of that file; of one that several resources share, none but with the first.
    pub(crate) bytes: u64,
    /// Files written for its records.
    pub(crate) files: u64,
    /// Bytes of those.
    pub(crate) file_bytes: u64,
    /// Files that are not in the snapshot, since they could not be had.
    pub(crate) missing: u64,
}

/// One record on its way out.
struct Row<'a> {
    key: &'a str,
    /// The vendor's JSON as it came.
    json: &'a str,
    /// Its values, each as the vendor wrote it, in the order of the columns.
    cells: &'a [Option<&'a str>],
    /// Where its file is, from the export's folder.
    file: Option<&'a str>,
    body: Option<&'a StoredBody>,
}

/// Writes a snapshot into a folder.
pub(crate) struct Exporter<'a> {
    vault: &'a Vault,
    snapshot: &'a Snapshot,
    folder: &'a Path,
    format: Format,
    bar: ProgressBar,
    files: Files<'a>,
    /// The names of resources as files are called after them, each once.
    names: BTreeMap<String, String>,
}

impl<'a> Exporter<'a> {
    pub(crate) fn new(
        vault: &'a Vault,
        snapshot: &'a Snapshot,
        folder: &'a Path,
        format: Format,
        bar: ProgressBar,
    ) -> Self {
        Self {
            vault,
            snapshot,
            folder,
            format,
            bar,
            files: Files::new(vault, &snapshot.system, folder),
            names: names(snapshot.resources.keys()),
        }
    }

    /// Writes these resources, and the pages that say what is there.
    pub(crate) async fn write(&mut self, resources: &[&str]) -> Result<Vec<Written>> {
        let written = match self.format {
            Format::Sqlite => self.database(resources).await?,
            Format::Native(native) => self.native(native, resources).await?,
            Format::Ndjson | Format::Csv | Format::Parquet => {
                let mut all = Vec::new();
                for resource in resources {
                    all.push(Box::pin(self.own_file(resource)).await?);
                }
                all
            }
        };
        self.files.finish()?;
        page::write(self.folder, self.format, self.snapshot, &written)?;
        Ok(written)
    }

    /// A resource in a file of its own.
    async fn own_file(&mut self, resource: &str) -> Result<Written> {
        let extension = match self.format {
            Format::Csv => "csv",
            Format::Parquet => "parquet",
            _ => "ndjson",
        };
        let mut written = Written::new(resource, format!("{}.{extension}", self.names[resource]));
        let path = self.folder.join(&written.file);
        let wrote = match self.format {
            Format::Csv => self.csv(&path, &mut written).await,
            Format::Parquet => self.parquet(&path, &mut written).await,
            _ => self.ndjson(&path, &mut written).await,
        };
        wrote.with_context(|| format!("cannot write {}", path.display()))?;
        written.bytes = std::fs::metadata(&path)?.len();
        Ok(written)
    }

    async fn ndjson(&mut self, path: &Path, written: &mut Written) -> Result<()> {
        let mut out = BufWriter::new(File::create_new(path)?);
        let write = &mut |row: &Row<'_>| {
            out.write_all(row.json.as_bytes())?;
            Ok(out.write_all(b"\n")?)
        };
        self.rows(None, written, write).await?;
        // A full disk often shows itself only here.
        Ok(out.flush()?)
    }

    async fn csv(&mut self, path: &Path, written: &mut Written) -> Result<()> {
        let (plan, files) = self.survey(&written.resource).await?;
        let out = BufWriter::new(File::create_new(path)?);
        let mut table = csv::CsvTable::begin(out, &plan, files)?;
        let write = &mut |row: &Row<'_>| Ok(table.write(row)?);
        self.rows(Some(&plan), written, write).await?;
        Ok(table.into_inner().flush()?)
    }

    async fn parquet(&mut self, path: &Path, written: &mut Written) -> Result<()> {
        let (plan, files) = self.survey(&written.resource).await?;
        let out = BufWriter::new(File::create_new(path)?);
        let mut table = parquet::ParquetTable::begin(out, &plan, files)?;
        let write = &mut |row: &Row<'_>| Ok(table.write(row)?);
        self.rows(Some(&plan), written, write).await?;
        Ok(table.finish()?.flush()?)
    }

    /// All resources as tables of one database.
    async fn database(&mut self, resources: &[&str]) -> Result<Vec<Written>> {
        let file = format!("{}.sqlite", file_name::safe(&self.snapshot.system));
        let path = self.folder.join(&file);
        let mut database =
            sqlite::Database::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut all = Vec::new();
        for resource in resources {
            let mut written = Written::new(resource, file.clone());
            let (plan, files) = self.survey(resource).await?;
            let table = database.table(resource, &plan, files)?;
            let write = &mut |row: &Row<'_>| {
                database.insert(&table, row)?;
                database.file(resource, row)
            };
            let wrote = self.rows(Some(&plan), &mut written, write).await;
            wrote.with_context(|| format!("cannot write {} into {}", resource, path.display()))?;
            database.close(&table, self.snapshot, &self.snapshot.resources[*resource], &written)?;
            all.push(written);
        }
        database.finish()?;
        if let Some(first) = all.first_mut() {
            first.bytes = std::fs::metadata(&path)?.len();
        }
        Ok(all)
    }

    fn state(&self, resource: &str) -> &'a ResourceState {
        &self.snapshot.resources[resource]
    }

    /// Reads a resource for its columns, and whether any record has a file.
    async fn survey(&self, resource: &str) -> Result<(Plan, bool)> {
        let (mut survey, mut files, mut read) = (Survey::default(), false, 0_u64);
        let mut lines = std::pin::pin!(self.vault.state(&self.snapshot.system, self.state(resource)));
        while let Some((_, line)) = lines.try_next().await? {
            let (record, extra) = line::split(moment::text(&line)?);
            survey.add(&record)?;
            files |= matches!(extra.and_then(|extra| extra.body), Some(Body::Stored(_)));
            read += 1;
            self.turn(read, resource).await;
        }
        self.bar.inc(read % TURN);
        Ok((survey.plan(), files))
    }

    /// Reads a resource, fetches its files, and hands each record to `write`.
    async fn rows(
        &mut self,
        plan: Option<&Plan>,
        written: &mut Written,
        write: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let resource = written.resource.clone();
        let mut lines = std::pin::pin!(self.vault.state(&self.snapshot.system, self.state(&resource)));
        while let Some((key, line)) = lines.try_next().await? {
            let (record, extra) = line::split(moment::text(&line)?);
            let body = extra.and_then(|extra| extra.body);
            let file = match &body {
                None => None,
                Some(Body::Missing { .. }) => {
                    written.missing += 1;
                    None
                }
                Some(Body::Stored(body)) => {
                    let name = &self.names[&resource];
                    written.files += 1;
                    written.file_bytes += body.size_bytes;
                    Some(self.files.write(&resource, name, &key, body).await?)
                }
            };
            let mut cells = Vec::new();
            if let Some(plan) = plan {
                plan.cells(&record, &mut cells)?;
            }
            write(&Row {
                key: &key,
                json: &record,
                cells: &cells,
                file: file.as_deref(),
                body: match &body {
                    Some(Body::Stored(body)) => Some(body),
                    _ => None,
                },
            })?;
            written.records += 1;
            self.turn(written.records, &resource).await;
        }
        self.bar.inc(written.records % TURN);
        Ok(())
    }

    async fn turn(&self, records: u64, resource: &str) {
        if records.is_multiple_of(TURN) {
            self.bar.inc(TURN);
            self.bar.set_message(resource.to_owned());
            tokio::task::yield_now().await;
        }
    }
}

impl Written {
    fn new(resource: &str, file: String) -> Self {
        Self {
            resource: resource.to_owned(),
            file,
            records: 0,
            bytes: 0,
            files: 0,
            file_bytes: 0,
            missing: 0,
        }
    }
}

/// A file's name for each resource. Some file systems take capital and small letters for the same.
fn names<'n>(resources: impl Iterator<Item = &'n String>) -> BTreeMap<String, String> {
    let mut taken = BTreeSet::new();
    let mut unique = |resource: &String| {
        let safe = file_name::safe(resource);
        let mut name = safe.clone();
        let mut number = 2;
        while !taken.insert(name.to_lowercase()) {
            name = file_name::numbered(&safe, number);
            number += 1;
        }
        (resource.clone(), name)
    };
    resources.map(&mut unique).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_that_a_file_system_cannot_tell_apart_get_numbers() {
        let resources = ["Posts", "posts", "a/b", "a:b", "../x"].map(str::to_owned);
        let names = names(resources.iter());
        let found: Vec<_> = resources.iter().map(|resource| names[resource].as_str()).collect();
        assert_eq!(found, ["Posts", "posts~2", "a_b", "a_b~2", "_x"]);
    }
}
