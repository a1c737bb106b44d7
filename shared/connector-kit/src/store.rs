//! Where credentials are kept: files and environment variables of this machine, and AWS.

mod aws;
mod local;

pub use aws::AwsSecrets;
pub use local::LocalSecrets;
use seatbelt_model::system::SecretRef;

use crate::{KitError, SecretFields};

/// Reads credentials, and writes back the ones a vendor rotates.
#[async_trait::async_trait]
pub trait SecretStore: Send + Sync + std::fmt::Debug {
    /// Reads the secret at `place`.
    ///
    /// # Errors
    /// [`KitError::Secret`] if it is not there, may not be read or is malformed; [`KitError::Exhausted`] if the store did not answer.
    async fn read(&self, place: &SecretRef) -> Result<SecretFields, KitError>;

    /// Replaces the secret at `place`, whole or not at all.
    ///
    /// # Errors
    /// As [`SecretStore::read`]; also if this kind of place cannot be written.
    async fn write(&self, place: &SecretRef, fields: &SecretFields) -> Result<(), KitError>;
}

/// All kinds of places: this machine's, and AWS's where clients were handed in.
#[derive(Debug, Clone)]
pub struct AllSecrets {
    /// `file:` and `env:`.
    pub local: LocalSecrets,
    /// `ssm:` and `secretsmanager:`; `None` on a machine without an AWS account.
    pub aws: Option<AwsSecrets>,
}

#[async_trait::async_trait]
impl SecretStore for AllSecrets {
    async fn read(&self, place: &SecretRef) -> Result<SecretFields, KitError> {
        self.store_of(place)?.read(place).await
    }

    async fn write(&self, place: &SecretRef, fields: &SecretFields) -> Result<(), KitError> {
        self.store_of(place)?.write(place, fields).await
    }
}

impl AllSecrets {
    fn store_of(&self, place: &SecretRef) -> Result<&dyn SecretStore, KitError> {
        match (place, &self.aws) {
            (SecretRef::File(_) | SecretRef::Env(_), _) => Ok(&self.local),
            (_, Some(aws)) => Ok(aws),
            (_, None) => Err(problem(
                place,
                "AWS is not reached from here; keep it in file:PATH or env:NAME",
            )),
        }
    }
}

/// The error about the secret at `place`.
pub(crate) fn problem(place: &SecretRef, problem: impl Into<String>) -> KitError {
    KitError::Secret {
        secret: place.to_string(),
        problem: problem.into(),
    }
}

fn parse(place: &SecretRef, text: &str) -> Result<SecretFields, KitError> {
    SecretFields::parse(text).map_err(|said| problem(place, said))
}
