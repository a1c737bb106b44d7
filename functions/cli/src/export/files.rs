//! The bytes of files, each under its record's key and its own name, and a table of them.

use std::{
    fs::File,
    io::{BufWriter, ErrorKind, Write},
    path::Path,
};

use anyhow::{Context as _, Result};
use futures_util::TryStreamExt;
use seatbelt_vault::{StoredBody, Vault};

use crate::file_name;

/// Where files go.
const FOLDER: &str = "files";
/// The table of them.
const INDEX: &str = "_index.csv";

/// Writes files.
pub(super) struct Files<'a> {
    vault: &'a Vault,
    system: &'a str,
    folder: &'a Path,
    index: Option<BufWriter<File>>,
}

impl<'a> Files<'a> {
    pub(super) fn new(vault: &'a Vault, system: &'a str, folder: &'a Path) -> Self {
        Self {
            vault,
            system,
            folder,
            index: None,
        }
    }

    /// Writes one, and returns where it is, from the export's folder.
    pub(super) async fn write(&mut self, resource: &str, name: &str, key: &str, body: &StoredBody) -> Result<String> {
        let folder = self.folder.join(FOLDER).join(name);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let (file, name_of_file) = create(&folder, &file_name::of_body(key, body.name.as_deref()))?;
        let place = format!("{FOLDER}/{name}/{name_of_file}");
        let mut out = BufWriter::new(file);
        let mut bytes = self.vault.body(self.system, &body.sha256).await?;
        let written = async {
            while let Some(part) = bytes.try_next().await? {
                out.write_all(&part)?;
            }
            anyhow::Ok(out.flush()?)
        };
        written.await.with_context(|| format!("cannot write {place}"))?;
        self.note(resource, key, &place, body)?;
        Ok(place)
    }

    fn note(&mut self, resource: &str, key: &str, place: &str, body: &StoredBody) -> Result<()> {
        let index = match &mut self.index {
            Some(index) => index,
            none => {
                let mut out = BufWriter::new(File::create_new(self.folder.join(FOLDER).join(INDEX))?);
                out.write_all(b"resource,_key,path,sha256,size_bytes,media_type\r\n")?;
                none.insert(out)
            }
        };
        let size = body.size_bytes.to_string();
        let media_type = body.media_type.as_deref().unwrap_or_default();
        super::csv::line(index, &[resource, key, place, &body.sha256, &size, media_type])?;
        Ok(())
    }

    /// Ends the table.
    pub(super) fn finish(&mut self) -> Result<()> {
        match &mut self.index {
            Some(index) => Ok(index.flush()?),
            None => Ok(()),
        }
    }
}

/// Creates a file that is not there yet. Keys that differ only in what a file's name cannot say get a number.
fn create(folder: &Path, name: &str) -> Result<(File, String)> {
    let mut number = 1;
    loop {
        let numbered = if number == 1 {
            name.to_owned()
        } else {
            file_name::numbered(name, number)
        };
        match File::create_new(folder.join(&numbered)) {
            Ok(file) => return Ok((file, numbered)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot write {}", folder.join(&numbered).display()));
            }
        }
    }
}
