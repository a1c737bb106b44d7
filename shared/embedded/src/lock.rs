//! One opener per folder. Two would collect each other's unfinished files as orphans.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use jiff::Timestamp;

use crate::{EmbeddedError, folder};

/// Holds the folder until it is dropped, or until the process dies: the system gives the lock back then, so
/// that a killed process leaves nothing to clean up.
#[derive(Debug)]
pub(crate) struct HomeLock {
    _file: File,
}

impl HomeLock {
    /// Takes the lock, and writes down who has it for those who come second.
    pub(crate) fn take(home: &Path, now: Timestamp) -> Result<Self, EmbeddedError> {
        let path = home.join("lock");
        let mut file = folder::open_file(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(EmbeddedError::InUse {
                    home: home.to_path_buf(),
                    by: holder(&mut file),
                });
            }
            Err(TryLockError::Error(e)) => return Err(EmbeddedError::io("lock", &path, e)),
        }
        let line = format!("process {} since {now:.0}\n", std::process::id());
        rewrite(&mut file, &line).map_err(|e| EmbeddedError::io("write", &path, e))?;
        Ok(Self { _file: file })
    }
}

fn rewrite(file: &mut File, line: &str) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(line.as_bytes())
}

/// What the holder wrote. It may be between taking the lock and writing its line; then nobody can say who it is.
fn holder(file: &mut File) -> String {
    let mut line = String::new();
    let read = file.take(200).read_to_string(&mut line);
    let line = line.trim();
    match read {
        Ok(_) if line.starts_with(&format!("process {} ", std::process::id())) => {
            format!("{line}, which is this very process: a client of an earlier opening is still alive")
        }
        Ok(_) if !line.is_empty() => line.to_owned(),
        _ => "another process".to_owned(),
    }
}
