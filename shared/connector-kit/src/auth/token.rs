//! Tokens that are minted: one at a time per account, kept until shortly before they expire, shared by all who need them.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use http::{HeaderMap, HeaderValue, Method, header};
use jiff::Timestamp;
use seatbelt_model::system::SecretRef;
use serde_json::Value;
use url::Url;

use super::{Signature, github_app, oauth, plain};
use crate::{
    Auth, BoxFuture, KitError, Outcome, Response, Secret, SecretFields, SecretStore,
    clock::{after, until},
    send::{Errand, Signed, Wire},
};

/// A token is not used in its last minute: the request would arrive too late.
const MARGIN: Duration = Duration::from_mins(1);
/// How long a token is used whose lifetime the vendor does not tell.
const UNKNOWN_LIFETIME: Duration = Duration::from_mins(10);

/// A token in use.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) secret: Secret,
    pub(crate) signature: Signature,
    expires: Timestamp,
}

impl Token {
    pub(super) fn new(secret: Secret, expires: Timestamp) -> Result<Self, String> {
        Ok(Self {
            signature: plain::bearer_header(&secret)?,
            secret,
            expires,
        })
    }
}

/// The token of a vendor account, shared by all its sessions in the process.
#[derive(Debug, Default)]
pub(crate) struct TokenCell {
    token: Mutex<Option<Token>>,
    /// Held while minting. Holds how the last try failed, for those who waited for it.
    flight: tokio::sync::Mutex<Option<KitError>>,
    flights: AtomicU64,
    /// A rotated secret that could not be stored yet. It is the only copy, so storing it comes before anything else.
    pub(super) unwritten: Mutex<Option<SecretFields>>,
}

impl TokenCell {
    fn token(&self) -> MutexGuard<'_, Option<Token>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Mints the tokens of a session's account.
#[derive(Debug)]
pub(crate) struct Minter {
    pub(crate) wire: Arc<Wire>,
    pub(crate) auth: Auth,
    /// Where tokens are had.
    pub(crate) url: Url,
    pub(crate) fields: SecretFields,
    pub(crate) place: SecretRef,
    pub(crate) secrets: Arc<dyn SecretStore>,
    /// What errors name: the host that was asked.
    pub(crate) at: String,
}

impl Minter {
    /// The current token, or a new one. However many ask at once, one request is made.
    ///
    /// Its future is boxed, since sending may sign, which may mint, which sends.
    pub(crate) fn token(self: &Arc<Self>) -> BoxFuture<'_, Result<Token, KitError>> {
        Box::pin(async move {
            if let Some(token) = self.fresh() {
                return Ok(token);
            }
            let seen = self.cell().flights.load(SeqCst);
            let this = Arc::clone(self);
            // A task of its own: a caller that gives up must not break off between a new refresh token and its storing.
            let minting = tokio::spawn(async move { this.mint_once(seen).await });
            let cut_short = |error| KitError::Local {
                at: self.at.clone(),
                problem: format!("signing in was cut short ({error})"),
            };
            minting.await.unwrap_or_else(|error| Err(cut_short(error)))
        })
    }

    async fn mint_once(&self, seen: u64) -> Result<Token, KitError> {
        let mut flight = self.cell().flight.lock().await;
        if let Some(token) = self.fresh() {
            return Ok(token);
        }
        if self.cell().flights.load(SeqCst) != seen
            && let Some(error) = &*flight
        {
            return Err(error.clone());
        }
        let minted = match self.auth {
            Auth::RefreshToken { .. } => oauth::refresh(self).await,
            Auth::ClientCredentials { scopes, .. } => oauth::client_credentials(self, scopes).await,
            Auth::JwtBearer { audience, scopes, .. } => oauth::jwt_bearer(self, audience, scopes).await,
            Auth::GitHubApp => github_app::mint(self).await,
            Auth::Anonymous | Auth::Basic { .. } | Auth::Bearer { .. } | Auth::Header { .. } => {
                unreachable!("these mint nothing")
            }
        };
        self.cell().flights.fetch_add(1, SeqCst);
        *flight = minted.as_ref().err().cloned();
        *self.cell().token() = minted.as_ref().ok().cloned();
        minted
    }

    /// Whether the token of this signature still stands, though it may be in its last minute.
    pub(crate) fn is_fresh(&self, used: &Signature) -> bool {
        let now = self.wire.clock.now();
        self.cell()
            .token()
            .as_ref()
            .is_some_and(|token| token.signature == *used && token.expires > now)
    }

    pub(crate) fn forget(&self, used: &Signature) {
        self.cell().token().take_if(|token| token.signature == *used);
    }

    pub(super) fn cell(&self) -> &TokenCell {
        &self.wire.account.token
    }

    fn fresh(&self) -> Option<Token> {
        let now = self.wire.clock.now();
        self.cell()
            .token()
            .clone()
            .filter(|token| until(now, token.expires) > MARGIN)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.wire.clock.now()
    }

    pub(super) fn field(&self, name: &str) -> Result<&Secret, KitError> {
        plain::field(&self.fields, name).map_err(|problem| self.unusable(&problem))
    }

    pub(super) fn unusable(&self, problem: &str) -> KitError {
        KitError::Secret {
            secret: self.place.to_string(),
            problem: problem.to_owned(),
        }
    }

    pub(super) fn unexpected(&self, problem: &str) -> KitError {
        KitError::Unexpected {
            at: self.at.clone(),
            problem: problem.to_owned(),
        }
    }

    /// POSTs a form, perhaps empty, to where tokens are had, and returns the JSON that came back.
    pub(super) async fn post(
        &self,
        form: &[(&str, &str)],
        headers: HeaderMap,
        signature: Option<&Signature>,
        classify: fn(&Response) -> Outcome,
    ) -> Result<Value, KitError> {
        let mut headers = headers;
        headers
            .entry(header::ACCEPT)
            .or_insert(HeaderValue::from_static("application/json"));
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let errand = Errand {
            at: &self.at,
            method: Method::POST,
            url: self.url.clone(),
            headers,
            body: Some(body.into()),
            upload: None,
            once: false,
            signed: signature.map_or(Signed::Nobody, Signed::By),
            home: self.url.origin(),
            streamed: false,
            clean: None,
            classify: &classify,
            accept: &|response| match json(response) {
                Value::Object(_) => Ok(()),
                _ => Err("what came back is not JSON".to_owned()),
            },
        };
        let (arrived, _) = Box::pin(self.wire.exchange(&errand)).await?;
        Ok(json(&arrived.response))
    }

    /// When a token expires that lives for so many seconds from now.
    pub(super) fn expiry(&self, lifetime_s: Option<&Value>) -> Timestamp {
        let seconds = match lifetime_s {
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            _ => None,
        };
        let lifetime = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        after(self.now(), lifetime.unwrap_or(UNKNOWN_LIFETIME))
    }
}

/// An answer's JSON, null if it is none.
pub(super) fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_default()
}
