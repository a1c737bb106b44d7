//! Schemes whose header is the same for every request.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderName, HeaderValue, header::AUTHORIZATION};

use super::{Credential, Signature};
use crate::{Secret, SecretFields};

pub(super) fn basic(secret: &SecretFields, username: &str, password: &str) -> Result<Credential, String> {
    let (username, password) = (field(secret, username)?.expose(), field(secret, password)?.expose());
    let value = format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{}:{password}", username.trim()))
    );
    Ok(Credential::Fixed(
        Signature {
            name: AUTHORIZATION,
            value: sensitive(&value)?,
        },
        None,
    ))
}

pub(super) fn bearer(secret: &SecretFields, token: &str) -> Result<Credential, String> {
    let token = Secret::new(field(secret, token)?.expose().trim());
    Ok(Credential::Fixed(bearer_header(&token)?, Some(token)))
}

pub(super) fn header(secret: &SecretFields, name: &'static str, key: &str) -> Result<Credential, String> {
    let name = name
        .parse::<HeaderName>()
        .map_err(|_| format!("`{name}` is no header"))?;
    let value = sensitive(field(secret, key)?.expose().trim())?;
    Ok(Credential::Fixed(Signature { name, value }, None))
}

pub(super) fn bearer_header(token: &Secret) -> Result<Signature, String> {
    Ok(Signature {
        name: AUTHORIZATION,
        value: sensitive(&format!("Bearer {}", token.expose()))?,
    })
}

/// A field that the scheme was chosen for.
pub(super) fn field<'a>(secret: &'a SecretFields, name: &str) -> Result<&'a Secret, String> {
    secret.get(name).ok_or_else(|| format!("it lacks the field `{name}`"))
}

fn sensitive(text: &str) -> Result<HeaderValue, String> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| "it holds characters that no header may carry".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}
