use std::io;
use std::path::{Path, PathBuf};

/// Why a home folder could not be opened. Each message says what was tried, on what, and what to do now.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// Another process, or another part of this one, has the folder open.
    #[error("cannot open {home}: it is in use by {by}; wait until that is done, or choose another folder", home = home.display())]
    InUse {
        /// The folder that was to be opened.
        home: PathBuf,
        /// Who has it, as they wrote it down: process id and start time.
        by: String,
    },

    /// The path leads to something that is not a folder.
    #[error("cannot open {home}: it is not a folder; choose another path, or move that file away", home = home.display())]
    NotAFolder {
        /// The path that was to be opened.
        home: PathBuf,
    },

    /// The folder, or something in it, may not be written by this user.
    #[error("cannot {doing} {path}: permission denied; run as the owner of that folder, or choose another one", path = path.display())]
    Denied {
        /// What was tried, as a verb.
        doing: &'static str,
        /// The file or folder it was tried on.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The disk is full.
    #[error("cannot {doing} {path}: the disk is full; free some space there and try again", path = path.display())]
    DiskFull {
        /// What was tried, as a verb.
        doing: &'static str,
        /// The file or folder it was tried on.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The folder was written by a newer Seatbelt, whose format this one does not know.
    #[error("cannot open {home}: it was written by a newer version (format {found}, this one reads up to {known}); update Seatbelt", home = home.display())]
    Newer {
        /// The folder that was to be opened.
        home: PathBuf,
        /// The format the folder has.
        found: i64,
        /// The newest format this version reads.
        known: i64,
    },

    /// Any other failure of the file system.
    #[error("cannot {doing} {path}: {source}; check the disk, then try again", path = path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// The file or folder it was tried on.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A database file could not be read or written: damaged, or not ours.
    #[error("cannot use the database {path}: {message}; if the file is damaged, restore the folder from a copy", path = path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// What the database engine said.
        message: String,
    },
}

impl EmbeddedError {
    /// Sorts an I/O failure by what the caller can do about it.
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Denied { doing, path, source },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { doing, path, source },
            io::ErrorKind::NotADirectory => Self::NotAFolder { home: path },
            _ => Self::Io { doing, path, source },
        }
    }

    /// Sorts a database failure likewise, as far as SQLite's code tells.
    pub(crate) fn database(path: &Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let doing = "write";
        let said = |kind| io::Error::new(kind, error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::io(doing, path, said(io::ErrorKind::PermissionDenied))
            }
            Some(ErrorCode::DiskFull) => Self::io(doing, path, said(io::ErrorKind::StorageFull)),
            _ => Self::Database {
                path: path.to_path_buf(),
                message: error.to_string(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_was_tried_on_what_and_what_now() {
        let path = Path::new("/srv/home");
        let full = EmbeddedError::io("write", path, io::ErrorKind::StorageFull.into());
        assert_eq!(
            full.to_string(),
            "cannot write /srv/home: the disk is full; free some space there and try again"
        );
        let read_only = EmbeddedError::io("lock", path, io::ErrorKind::ReadOnlyFilesystem.into());
        assert!(matches!(read_only, EmbeddedError::Denied { .. }), "{read_only:?}");

        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
        let full = EmbeddedError::database(path, &rusqlite::Error::SqliteFailure(code, None));
        assert!(matches!(full, EmbeddedError::DiskFull { .. }), "{full:?}");
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOTADB);
        let damaged = EmbeddedError::database(path, &rusqlite::Error::SqliteFailure(code, None));
        assert!(
            damaged.to_string().contains("cannot use the database /srv/home"),
            "{damaged}"
        );
    }
}
