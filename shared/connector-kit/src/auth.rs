//! Who we are: a credential's scheme is chosen by the fields the secret has, and signs requests.

mod github_app;
mod jwt;
mod oauth;
mod plain;
mod token;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

pub(crate) use github_app::path as installation_path;
use http::{HeaderName, HeaderValue};
pub(crate) use token::{Minter, TokenCell};

use crate::{Auth, Connector, KitError, Secret, SecretFields};

/// A header that proves who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) name: HeaderName,
    /// Marked sensitive, so that it is not printed.
    pub(crate) value: HeaderValue,
}

/// What a session signs its requests with.
#[derive(Debug)]
pub(crate) enum Credential {
    /// Nothing.
    Anonymous,
    /// The same header always; and its token, if it is one.
    Fixed(Signature, Option<Secret>),
    /// A token that is minted when needed.
    Minted(Arc<Minter>),
}

impl Credential {
    /// The header for the next request; mints a token if there is none.
    pub(crate) async fn sign(&self) -> Result<Option<Signature>, KitError> {
        match self {
            Self::Anonymous => Ok(None),
            Self::Fixed(signature, _) => Ok(Some(signature.clone())),
            Self::Minted(minter) => Ok(Some(minter.token().await?.signature)),
        }
    }

    /// The bearer token for the next request.
    pub(crate) async fn bearer(&self) -> Result<Option<Secret>, KitError> {
        match self {
            Self::Anonymous => Ok(None),
            Self::Fixed(_, token) => Ok(token.clone()),
            Self::Minted(minter) => Ok(Some(minter.token().await?.secret)),
        }
    }

    /// Whether a signature made a while ago still stands.
    pub(crate) fn is_fresh(&self, used: &Signature) -> bool {
        match self {
            Self::Anonymous | Self::Fixed(..) => true,
            Self::Minted(minter) => minter.is_fresh(used),
        }
    }

    /// Drops a token that was refused. Says whether signing again may help.
    pub(crate) fn forget(&self, used: &Signature) -> bool {
        match self {
            Self::Anonymous | Self::Fixed(..) => false,
            Self::Minted(minter) => {
                minter.forget(used);
                true
            }
        }
    }
}

/// The fields a scheme takes.
fn fields(auth: &Auth) -> Vec<&'static str> {
    match *auth {
        Auth::Anonymous => vec![],
        Auth::Basic { username, password } => vec![username, password],
        Auth::Bearer { token } => vec![token],
        Auth::Header { key, .. } => vec![key],
        Auth::ClientCredentials { .. } => vec!["client_id", "client_secret"],
        Auth::RefreshToken { .. } => vec!["client_id", "client_secret", "refresh_token"],
        Auth::JwtBearer { .. } => vec!["issuer", "subject", "private_key"],
        Auth::GitHubApp => vec!["app_id", "installation_id", "private_key"],
    }
}

/// The first scheme whose fields are all there. A bare token becomes the field of the first scheme with one field.
pub(crate) fn choose(connector: &Connector, secret: Option<(&str, &mut SecretFields)>) -> Result<Auth, KitError> {
    let Some((place, secret)) = secret else {
        if connector.auth.is_empty() || connector.auth.iter().any(|auth| matches!(auth, Auth::Anonymous)) {
            return Ok(Auth::Anonymous);
        }
        let problem = format!(
            "{} needs one; set `secret` to a place that holds {}",
            connector.title,
            shapes(connector)
        );
        return Err(KitError::Secret {
            secret: "is missing".to_owned(),
            problem,
        });
    };
    if secret.is_bare()
        && let Some(field) = connector
            .auth
            .iter()
            .map(fields)
            .find(|fields| fields.len() == 1)
            .map(|fields| fields[0])
    {
        secret.name_bare(field);
    }
    let has = |name: &&str| secret.get(name).is_some_and(|value| !value.expose().trim().is_empty());
    let candidates = connector.auth.iter().filter(|auth| !matches!(auth, Auth::Anonymous));
    candidates
        .copied()
        .find(|auth| fields(auth).iter().all(has))
        .ok_or_else(|| KitError::Secret {
            secret: place.to_owned(),
            problem: format!("it lacks fields; {} takes {}", connector.title, shapes(connector)),
        })
}

/// The accepted shapes, for people.
fn shapes(connector: &Connector) -> String {
    let shape = |auth: &Auth| {
        let fields: Vec<_> = fields(auth)
            .iter()
            .map(|field| format!("\"{field}\": \"...\""))
            .collect();
        (!fields.is_empty()).then(|| format!("{{{}}}", fields.join(", ")))
    };
    connector.auth.iter().filter_map(shape).collect::<Vec<_>>().join(" or ")
}

/// A number that is the same for the same account of the vendor, and tells nothing about it. Tokens that change are left out.
pub(crate) fn identity(auth: &Auth, secret: &SecretFields, place: &str) -> u64 {
    let named: &[&str] = match auth {
        Auth::Anonymous => &[],
        Auth::Basic { username, .. } => &[username],
        Auth::Bearer { token } => &[token],
        Auth::Header { key, .. } => &[key],
        Auth::ClientCredentials { .. } => &["client_id"],
        Auth::RefreshToken { .. } => &["client_id"],
        Auth::JwtBearer { .. } => &["issuer", "subject"],
        Auth::GitHubApp => &["app_id", "installation_id"],
    };
    let mut hasher = DefaultHasher::new();
    std::mem::discriminant(auth).hash(&mut hasher);
    named
        .iter()
        .for_each(|name| secret.get(name).map(Secret::expose).hash(&mut hasher));
    if matches!(auth, Auth::RefreshToken { .. }) {
        place.hash(&mut hasher); // One app has many users; where the refresh token is kept tells them apart.
    }
    hasher.finish()
}

/// The signature of schemes that need no token.
pub(crate) fn fixed(auth: &Auth, secret: &SecretFields) -> Result<Option<Credential>, String> {
    match *auth {
        Auth::Anonymous => Ok(Some(Credential::Anonymous)),
        Auth::Basic { username, password } => plain::basic(secret, username, password).map(Some),
        Auth::Bearer { token } => plain::bearer(secret, token).map(Some),
        Auth::Header { name, key } => plain::header(secret, name, key).map(Some),
        _ => Ok(None),
    }
}
