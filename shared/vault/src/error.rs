//! What can go wrong in a vault, and what a caller may do about it.

use std::{error::Error, io};

use aws_sdk_s3::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use seatbelt_model::{Class, SnapshotId};

/// An error of the vault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// A snapshot names an object that is not there.
    #[error("{object}: not in the bucket, although a snapshot or a checkpoint names it; run `seatbelt verify`")]
    Missing {
        /// The object's key.
        object: String,
    },
    /// A stored object is not what it was.
    #[error("{object}: damaged, {why}; run `seatbelt verify`")]
    Damaged {
        /// The object's key.
        object: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such snapshot.
    #[error("{system} has no snapshot {id}; `seatbelt snapshots {system}` lists those there are")]
    NoSnapshot {
        /// The system.
        system: String,
        /// The id asked for.
        id: SnapshotId,
    },
    /// A snapshot document of this id exists and says something else.
    #[error("snapshot {id} of {system} was committed before with other content; it stays as it was")]
    AlreadyCommitted {
        /// The system.
        system: String,
        /// The id both have.
        id: SnapshotId,
    },
    /// The document is of a format this version does not know.
    #[error("{object}: format `{format}` is unknown to this version of Seatbelt; use a newer one")]
    UnknownFormat {
        /// The document's key.
        object: String,
        /// The format it names.
        format: String,
    },
    /// Something lies there that this version knows nothing of, so it cannot tell what it stands on.
    #[error(
        "{object}: of a kind that is unknown to this version of Seatbelt; use a newer one, or move it out of the system's folder"
    )]
    UnknownKind {
        /// Its key.
        object: String,
    },
    /// The credential may not do this.
    #[error("{what} {object}: access denied ({code}); check the role's permissions on the bucket")]
    Denied {
        /// The operation.
        what: &'static str,
        /// The object's key or a prefix.
        object: String,
        /// The service's code.
        code: String,
    },
    /// The service asks for less.
    #[error("{what} {object}: S3 asks to slow down; try again in a while")]
    Throttled {
        /// The operation.
        what: &'static str,
        /// The object's key or a prefix.
        object: String,
    },
    /// The service could not be reached, or failed.
    #[error("{what} {object}: S3 did not answer ({detail}); try again")]
    Unavailable {
        /// The operation.
        what: &'static str,
        /// The object's key or a prefix.
        object: String,
        /// What came back.
        detail: String,
    },
    /// The service refused the request for a reason that does not pass.
    #[error("{what} {object}: S3 refused ({detail})")]
    Refused {
        /// The operation.
        what: &'static str,
        /// The object's key or a prefix.
        object: String,
        /// What came back.
        detail: String,
    },
    /// The bytes of a file ended early, differ from what the vendor announced, or could not be read.
    #[error("the file's bytes could not be had: {why}; fetch it again")]
    Body {
        /// What was expected and what came.
        why: String,
    },
    /// The spool folder cannot be written or read.
    #[error("the spool file in {folder} failed: {source}; free space there, or choose another folder")]
    Spool {
        /// The folder.
        folder: String,
        /// What the system said.
        source: io::Error,
    },
    /// The text is no record: not one JSON object.
    #[error("a record must be one JSON object of less than 4 GiB")]
    NotARecord,
    /// Keys were written out of order, or without a key: a defect in the caller.
    #[error("records must be written once each, in the order of their keys: {why}")]
    OutOfOrder {
        /// What came after what; keys are left out, since they are the customer's.
        why: &'static str,
    },
    /// A background task was cut short: the process is shutting down, or an earlier error was ignored.
    #[error("the vault's work was cut short: {why}")]
    Stopped {
        /// What happened.
        why: String,
    },
}

impl VaultError {
    /// What a caller may do about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Throttled { .. } => Class::Throttled(None),
            Self::Unavailable { .. } | Self::Body { .. } | Self::Stopped { .. } => Class::Retry,
            Self::Missing { .. } | Self::Damaged { .. } | Self::OutOfOrder { .. } => Class::Bug,
            Self::NoSnapshot { .. }
            | Self::AlreadyCommitted { .. }
            | Self::UnknownFormat { .. }
            | Self::UnknownKind { .. }
            | Self::Denied { .. }
            | Self::Refused { .. }
            | Self::Spool { .. }
            | Self::NotARecord => Class::Permanent,
        }
    }

    pub(crate) fn damaged(object: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Damaged {
            object: object.into(),
            why: why.into(),
        }
    }

    pub(crate) fn stopped(why: impl ToString) -> Self {
        Self::Stopped { why: why.to_string() }
    }

    /// An S3 error in our words. `what` is the operation as a verb, `object` a key or prefix.
    pub(crate) fn s3<E>(what: &'static str, object: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let object = object.to_owned();
        let Some(service) = error.as_service_error() else {
            return Self::Unavailable {
                what,
                object,
                detail: deepest(error),
            };
        };
        let code = service.code().unwrap_or("no code").to_owned();
        match status(error) {
            404 if code != "NoSuchBucket" => Self::Missing { object },
            401 | 403 => Self::Denied { what, object, code },
            429 => Self::Throttled { what, object },
            503 if code == "SlowDown" => Self::Throttled { what, object },
            status @ (408 | 409 | 500..) => Self::Unavailable {
                what,
                object,
                detail: format!("HTTP {status} {code}"),
            },
            status => Self::Refused {
                what,
                object,
                detail: format!("HTTP {status} {code}"),
            },
        }
    }
}

/// The HTTP status of a refusal; 0 when there was no answer.
pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> u16 {
    error.raw_response().map_or(0, |response| response.status().as_u16())
}

fn deepest(error: &dyn Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
