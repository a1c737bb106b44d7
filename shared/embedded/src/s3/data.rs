//! The files that hold bytes: one per object, one per part of an upload. A file is written once, under a name never
//! used before, and means nothing until a row of the index names it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::{EmbeddedError, folder};

/// Buffer between bodies, which may come in crumbs, and files.
const BUFFER_BYTES: usize = 128 * 1024;

/// The folder of data files.
#[derive(Debug)]
pub(crate) struct DataFolder {
    root: PathBuf,
    /// Whether to wait for the disk.
    durable: bool,
}

impl DataFolder {
    pub(crate) fn open(root: PathBuf, durable: bool) -> Result<Self, EmbeddedError> {
        folder::create(&root)?;
        Ok(Self { root, durable })
    }

    /// Where the file of this name is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(fan_out(name)).join(name)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Begins a file that disappears again unless it is kept.
    pub(crate) fn create(&self) -> io::Result<NewFile> {
        let name = format!("{:032x}", fastrand::u128(..));
        let path = self.path(&name);
        let file = match folder::create_file(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                folder::create_below(&self.root.join(fan_out(&name)))?;
                if self.durable {
                    folder::sync(&self.root)?;
                }
                folder::create_file(&path)?
            }
            other => other?,
        };
        let writer = BufWriter::with_capacity(BUFFER_BYTES, file);
        Ok(NewFile {
            name,
            path,
            writer,
            durable: self.durable,
            kept: false,
        })
    }

    /// Deletes a file no row names any more. A failure costs space until the next opening collects it, no more.
    pub(crate) fn remove(&self, name: &str) {
        let path = self.path(name);
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "could not delete a superseded file; the next start will");
        }
    }

    /// Deletes all files that `named` does not contain: writes that were cut off, and superseded files a crash left.
    pub(crate) fn collect_orphans(&self, named: &HashSet<String>) -> Result<usize, EmbeddedError> {
        let mut collected = 0;
        let list = |path: &Path| fs::read_dir(path).map_err(|e| EmbeddedError::io("read", path, e));
        for fan in list(&self.root)? {
            let fan = fan.map_err(|e| EmbeddedError::io("read", &self.root, e))?.path();
            // Only what has the shape of our own names is ours to delete.
            if !fan.is_dir() || fan.file_name().is_none_or(|name| name.len() != 2) {
                continue;
            }
            for file in list(&fan)? {
                let file = file.map_err(|e| EmbeddedError::io("read", &fan, e))?;
                let name = file.file_name();
                let Some(name) = name.to_str().filter(|name| is_ours(name)) else {
                    continue;
                };
                if !named.contains(name) {
                    fs::remove_file(file.path()).map_err(|e| EmbeddedError::io("delete", &file.path(), e))?;
                    collected += 1;
                }
            }
        }
        Ok(collected)
    }
}

fn fan_out(name: &str) -> &str {
    name.get(..2).unwrap_or("00")
}

fn is_ours(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A file being written.
#[derive(Debug)]
pub(crate) struct NewFile {
    name: String,
    path: PathBuf,
    writer: BufWriter<File>,
    durable: bool,
    kept: bool,
}

impl NewFile {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)
    }

    /// Brings bytes and name to the disk. A row may name the file after this, and not before.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        if self.durable {
            self.writer.get_ref().sync_data()?;
            if let Some(fan) = self.path.parent() {
                folder::sync(fan)?;
            }
        }
        Ok(())
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// From here on the file stays. Called as the last step before the commit: when a commit fails nobody knows
    /// whether it took place, so the file has to be there; if no row names it, the next opening collects it.
    pub(crate) fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing to do about a failure here: the next opening collects the file.
            let _ = fs::remove_file(&self.path);
        }
    }
}
