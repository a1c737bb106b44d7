//! Secrets in AWS.

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use seatbelt_model::system::SecretRef;

use super::{SecretStore, parse, problem};
use crate::{KitError, SecretFields};

/// `ssm:NAME` (a SecureString) and `secretsmanager:NAME`. The clients retry by themselves.
///
/// A rotated secret is written to `ssm:` under the account's default key, since a parameter does not tell which key it
/// was under; Secrets Manager keeps the key.
#[derive(Debug, Clone)]
pub struct AwsSecrets {
    /// Systems Manager.
    pub ssm: aws_sdk_ssm::Client,
    /// Secrets Manager.
    pub secretsmanager: aws_sdk_secretsmanager::Client,
}

#[async_trait::async_trait]
impl SecretStore for AwsSecrets {
    async fn read(&self, place: &SecretRef) -> Result<SecretFields, KitError> {
        let text = match place {
            SecretRef::Ssm(name) => {
                let answer = self.ssm.get_parameter().name(name).with_decryption(true).send().await;
                answer
                    .map_err(|error| refused(place, &error))?
                    .parameter
                    .and_then(|parameter| parameter.value)
            }
            SecretRef::SecretsManager(name) => {
                let answer = self.secretsmanager.get_secret_value().secret_id(name).send().await;
                answer.map_err(|error| refused(place, &error))?.secret_string
            }
            SecretRef::File(_) | SecretRef::Env(_) => return Err(elsewhere(place)),
        };
        parse(
            place,
            &text.ok_or_else(|| problem(place, "it holds no text; store the credential there as a JSON object"))?,
        )
    }

    async fn write(&self, place: &SecretRef, fields: &SecretFields) -> Result<(), KitError> {
        let text = fields.to_json();
        match place {
            SecretRef::Ssm(name) => {
                let put = self.ssm.put_parameter().name(name).value(text.expose()).overwrite(true);
                let put = put.r#type(aws_sdk_ssm::types::ParameterType::SecureString);
                put.send().await.map_err(|error| refused(place, &error))?;
            }
            SecretRef::SecretsManager(name) => {
                let put = self
                    .secretsmanager
                    .put_secret_value()
                    .secret_id(name)
                    .secret_string(text.expose());
                put.send().await.map_err(|error| refused(place, &error))?;
            }
            SecretRef::File(_) | SecretRef::Env(_) => return Err(elsewhere(place)),
        }
        Ok(())
    }
}

fn elsewhere(place: &SecretRef) -> KitError {
    problem(place, "it is not kept in AWS; use ssm:NAME or secretsmanager:NAME")
}

/// AWS's answer as an error. Without a code AWS was not reached, and a later try may reach it.
fn refused(place: &SecretRef, error: &(impl ProvideErrorMetadata + std::fmt::Display)) -> KitError {
    let passing = |said: String| KitError::Exhausted {
        at: format!("secret {place}"),
        said,
        tries: 1,
        spent_s: 0,
    };
    match error.code() {
        None => passing(format!("AWS did not answer ({error})")),
        Some(code) if code.contains("Throttl") || code.contains("Internal") || code.contains("Unavailable") => {
            passing(format!("AWS answered {code}"))
        }
        Some(code) if code.contains("NotFound") => problem(
            place,
            format!("it does not exist ({code}); create it in this account and region"),
        ),
        Some(code) if code.contains("AccessDenied") => problem(
            place,
            format!("the role may not use it ({code}); allow it, and its key, in the role's policy"),
        ),
        Some(code) => problem(place, format!("AWS refused ({code})")),
    }
}
