//! Failures of the disk, as answers a person can act on.

use std::io;
use std::path::Path;

use s3s::{S3Error, S3ErrorCode};

/// An I/O failure. A full or read-only disk does not pass by itself, so those get codes no client tries again.
pub(crate) fn io(doing: &str, path: &Path, error: &io::Error) -> S3Error {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            let message = format!("cannot {doing} {path}: the disk is full; free some space there and try again");
            let mut full = S3Error::with_message(S3ErrorCode::Custom("StorageFull".into()), message);
            full.set_status_code(http::StatusCode::INSUFFICIENT_STORAGE);
            full
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => S3Error::with_message(
            S3ErrorCode::AccessDenied,
            format!("cannot {doing} {path}: {error}; make the folder writable for this user"),
        ),
        _ => S3Error::with_message(
            S3ErrorCode::InternalError,
            format!("cannot {doing} {path}: {error}; check the disk, then try again"),
        ),
    }
}

/// A failure of the index, sorted the same way.
pub(crate) fn database(doing: &str, path: &Path, error: &rusqlite::Error) -> S3Error {
    use rusqlite::ErrorCode;
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => io::ErrorKind::StorageFull,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => io::ErrorKind::PermissionDenied,
        _ => io::ErrorKind::Other,
    };
    io(doing, path, &io::Error::new(kind, error.to_string()))
}
