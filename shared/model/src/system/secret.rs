//! Where a credential is, never what it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a system's credential is kept.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SecretRef {
    /// `file:PATH`: a file on this machine, relative to Seatbelt's home.
    File(String),
    /// `env:NAME`: an environment variable.
    Env(String),
    /// `ssm:NAME`: a parameter of AWS Systems Manager.
    Ssm(String),
    /// `secretsmanager:NAME`: a secret of AWS Secrets Manager, by name or ARN.
    SecretsManager(String),
}

/// A text that is no [`SecretRef`]. It is never quoted: people paste the secret itself where its place was asked for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{0}; write where the secret is kept: file:PATH, env:NAME, ssm:NAME or secretsmanager:NAME (never the secret itself)"
)]
pub struct InvalidSecretRef(&'static str);

impl FromStr for SecretRef {
    type Err = InvalidSecretRef;

    fn from_str(text: &str) -> Result<Self, InvalidSecretRef> {
        let (scheme, place) = text
            .trim()
            .split_once(':')
            .ok_or(InvalidSecretRef("this does not say what kind of place it is"))?;
        let place = place.trim();
        if place.is_empty() {
            return Err(InvalidSecretRef("the place is missing after the colon"));
        }
        if place.chars().any(char::is_control) {
            return Err(InvalidSecretRef("the place contains a control character"));
        }
        let only = |more: &str| {
            place
                .chars()
                .all(|char| char.is_ascii_alphanumeric() || more.contains(char))
        };
        let owned = place.to_owned();
        match scheme.trim().to_ascii_lowercase().as_str() {
            "file" => Ok(Self::File(owned)),
            "env" if only("_") && !place.starts_with(|char: char| char.is_ascii_digit()) => Ok(Self::Env(owned)),
            "env" => Err(InvalidSecretRef(
                "an environment variable's name is letters, digits and underscores",
            )),
            "ssm" if only("/_.-:") => Ok(Self::Ssm(owned)),
            "ssm" => Err(InvalidSecretRef("a parameter's name is letters, digits and /_.-")),
            "secretsmanager" if only("/_+=.@-:") => Ok(Self::SecretsManager(owned)),
            "secretsmanager" => Err(InvalidSecretRef("a secret's name is letters, digits and /_+=.@-")),
            _ => Err(InvalidSecretRef("this kind of place is not known")),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{path}"),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::Ssm(name) => write!(f, "ssm:{name}"),
            Self::SecretsManager(name) => write!(f, "secretsmanager:{name}"),
        }
    }
}

impl TryFrom<String> for SecretRef {
    type Error = InvalidSecretRef;

    fn try_from(text: String) -> Result<Self, InvalidSecretRef> {
        text.parse()
    }
}

impl From<SecretRef> for String {
    fn from(secret: SecretRef) -> Self {
        secret.to_string()
    }
}
