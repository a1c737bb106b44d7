//! Errors as the user sees them: what happened, and the command that helps.

use std::{error::Error, fmt, process::ExitCode};

use seatbelt_catalog::CatalogError;
use seatbelt_connector_kit::KitError;
use seatbelt_embedded::EmbeddedError;
use seatbelt_engine::EngineError;
use seatbelt_model::Class;
use seatbelt_vault::VaultError;

/// A command did what it was asked, and something is missing from the result.
pub(crate) const PARTIAL: u8 = 3;
/// The command line makes no sense.
pub(crate) const USAGE: u8 = 2;
/// Stopped by Ctrl-C.
pub(crate) const STOPPED: u8 = 130;

/// An error with what helps against it, and the exit code it ends in.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
    source: Option<anyhow::Error>,
}

impl Failure {
    /// Something failed, and `hint` helps.
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: Some(hint.into()),
            code: 1,
            source: None,
        }
    }

    /// The request makes no sense as it is.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code: USAGE,
            ..Self::new(message, hint)
        }
    }
}

impl Failure {
    /// Somebody stopped it.
    pub(crate) fn stopped(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code: STOPPED,
            ..Self::new(message, hint)
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &dyn Error)
    }
}

/// Adds a hint to whatever error comes out.
pub(crate) trait Hint<T> {
    /// The same result, its error with `hint`.
    fn hint(self, hint: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> Hint<T> for Result<T, E> {
    fn hint(self, hint: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| {
            let error = error.into();
            Failure {
                message: error.to_string(),
                hint: Some(hint()),
                code: 1,
                source: Some(error),
            }
        })
    }
}

/// All that is said about an error: each cause once, from the outside in.
pub(crate) fn message(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        // Many errors quote their source in their own text.
        if said.is_empty() {
            said = cause;
        } else if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    said
}

/// The command, or the step, that helps.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            failure.hint.clone()
        } else if let Some(error) = cause.downcast_ref::<EmbeddedError>() {
            home_hint(error)
        } else if is_denied(cause) {
            Some(rights_hint())
        } else {
            cause.downcast_ref::<EngineError>().and_then(engine_hint)
        }
    })
}

/// Whether AWS does not let these credentials do it.
fn is_denied(cause: &(dyn Error + 'static)) -> bool {
    let table = |error: &CatalogError| matches!(error, CatalogError::Denied { .. });
    let bucket = |error: &VaultError| matches!(error, VaultError::Denied { .. });
    cause.downcast_ref().is_some_and(table)
        || cause.downcast_ref().is_some_and(bucket)
        || match cause.downcast_ref() {
            Some(EngineError::Catalog(error)) => table(error),
            Some(EngineError::Vault(error)) => bucket(error),
            _ => false,
        }
}

fn rights_hint() -> String {
    format!(
        "ask for that right, or use another profile with AWS_PROFILE; {}",
        crate::stack::RIGHTS
    )
}

fn home_hint(error: &EmbeddedError) -> Option<String> {
    Some(match error {
        EmbeddedError::InUse { .. } => {
            "one command at a time works on a folder; `seatbelt serve` holds it while backups run".into()
        }
        EmbeddedError::NotAFolder { .. } | EmbeddedError::Denied { .. } => {
            "name another folder with --home DIR or SEATBELT_HOME".into()
        }
        EmbeddedError::DiskFull { .. } => {
            "nothing stored is lost; free space there, then run the same command again".into()
        }
        _ => return None,
    })
}

/// What helps against an engine's error, whatever the system.
pub(crate) fn engine_hint(error: &EngineError) -> Option<String> {
    Some(match (error, error.class()) {
        (EngineError::Busy { .. }, _) => {
            "a run that was killed lets go by itself within 15 minutes; then run the same command again".into()
        }
        (EngineError::Vendor(KitError::Secret { .. }), _) => {
            "seatbelt platforms NAME says what the credential looks like".into()
        }
        (_, Class::Reconnect) => {
            "renew the credential where the manifest's `secret` says it is, then: seatbelt check SYSTEM".into()
        }
        (EngineError::UnknownResource { .. }, _) => {
            "seatbelt platforms NAME lists the resources; correct `scope` with seatbelt manifest set".into()
        }
        (EngineError::Manifest { .. }, _) => "seatbelt manifest check".into(),
        (EngineError::Vendor(_) | EngineError::NothingRead(_), _) => {
            "seatbelt check SYSTEM says what the credential can see".into()
        }
        _ => return None,
    })
}

/// The exit code of an error.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    let failure = error.chain().find_map(|cause| cause.downcast_ref::<Failure>());
    ExitCode::from(failure.map_or(1, |failure| failure.code))
}

/// Whether whoever read our output stopped reading, as `head` does: no error to speak of.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = |cause: &(dyn Error + 'static)| cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    error
        .chain()
        .any(|cause| io(cause) == Some(std::io::ErrorKind::BrokenPipe))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_said_once_and_a_hint_is_found_below() {
        let io = std::io::Error::other("the cable is cut");
        let failure = Err::<(), _>(io).hint(|| "plug it in".into()).unwrap_err();
        let error = anyhow::Error::new(failure).context("backing up");
        assert_eq!(message(&error), "backing up: the cable is cut");
        assert_eq!(hint(&error).as_deref(), Some("plug it in"));
        assert_eq!(exit_code(&error), ExitCode::from(1));
        let usage = anyhow::Error::new(Failure::usage("no", "yes"));
        assert_eq!(exit_code(&usage), ExitCode::from(2));
    }
}
