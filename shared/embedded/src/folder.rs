//! Folders and files that only their owner can read: they hold what customers wrote.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

use crate::EmbeddedError;

/// Creates `path` and its missing parents for the owner alone. A folder that is there already keeps its mode.
pub(crate) fn create(path: &Path) -> Result<(), EmbeddedError> {
    if fs::metadata(path).is_ok_and(|found| !found.is_dir()) {
        return Err(EmbeddedError::NotAFolder {
            home: path.to_path_buf(),
        });
    }
    builder()
        .recursive(true)
        .create(path)
        .map_err(|e| EmbeddedError::io("create the folder", path, e))
}

/// Creates one folder below an existing one; fine when it is there already.
pub(crate) fn create_below(path: &Path) -> io::Result<()> {
    match builder().create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Opens a file for reading and writing, created for the owner alone if it is missing.
pub(crate) fn open_file(path: &Path) -> Result<File, EmbeddedError> {
    private()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(|e| EmbeddedError::io("write", path, e))
}

/// Creates a file that must not exist yet.
pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    private().create_new(true).write(true).open(path)
}

/// Makes the names in a folder survive a power cut.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    // Only Unix can open a folder as a file; elsewhere the file system journals names by itself.
    if cfg!(unix) {
        File::open(path)?.sync_all()
    } else {
        Ok(())
    }
}

fn builder() -> DirBuilder {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn private() -> OpenOptions {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
