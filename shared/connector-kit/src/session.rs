//! A signed-in connection to one system: everything a connector and the engine ask the vendor goes through it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use jiff::Timestamp;
use seatbelt_model::{Clock, Observer, Traffic, system::SecretRef};
use url::Url;

use crate::{
    Auth, BodyStream, Connector, KitError, Outcome, Pace, Pacer, Pacers, Patience, Payload, Permit, Prepared, Response,
    Secret, SecretFields, SecretStore,
    auth::{self, Credential, Minter},
    client,
    secret::expiry,
    send::{Errand, Meter, Signed, Watched, Wire},
    settings::Settings,
};

/// What a session is opened with.
#[derive(Clone)]
pub struct Options<'a> {
    /// The system's name in the manifest, for logs.
    pub system: String,
    /// Its settings in the manifest.
    pub settings: &'a serde_json::Map<String, serde_json::Value>,
    /// Where its credential is kept, if it has one.
    pub secret: Option<SecretRef>,
    /// Reads credentials, and takes rotated ones back.
    pub secrets: Arc<dyn SecretStore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Told of every wait.
    pub observer: Arc<dyn Observer>,
    /// The process's pacers.
    pub pacers: &'a Pacers,
    /// How long one request may be retried or held up by the vendor; [`Options::BUDGET`] unless there is a reason.
    pub budget: Duration,
    /// When the run must end, if it must: no wait goes beyond it.
    pub deadline: Option<Timestamp>,
}

impl Options<'_> {
    /// How long one request is tried, usually.
    pub const BUDGET: Duration = Duration::from_mins(5);
}

/// An answer that can be used.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The answer.
    pub response: Response,
    /// [`Outcome::Success`] or [`Outcome::Empty`].
    pub outcome: Outcome,
}

/// A connection to one system. Shared by reference among tasks; all methods may be called at once.
#[derive(Debug)]
pub struct Session {
    connector: &'static Connector,
    system: String,
    settings: Settings,
    origin: String,
    headers: HeaderMap,
    fields: SecretFields,
    credential: Credential,
    wire: Arc<Wire>,
    /// The pace of writes, where it is one of its own.
    writes: Option<Pacer>,
}

impl Session {
    /// Resolves the settings, reads the secret and chooses how to sign in. Nothing is sent yet.
    ///
    /// # Errors
    /// [`KitError::Setting`] or [`KitError::Secret`], saying what is wrong and what is accepted.
    pub async fn open(connector: &'static Connector, options: Options<'_>) -> Result<Self, KitError> {
        let settings = Settings::resolve(connector, options.settings)?;
        let mut fields = match &options.secret {
            Some(place) => options.secrets.read(place).await?,
            None => SecretFields::default(),
        };
        let place = options.secret.as_ref().map(ToString::to_string);
        let auth = auth::choose(connector, place.as_deref().map(|place| (place, &mut fields)))?;
        let identity = auth::identity(&auth, &fields, place.as_deref().unwrap_or_default());
        let wire = Arc::new(Wire {
            client: client::build(&settings)?,
            clock: options.clock,
            observer: Watched(options.observer),
            account: options
                .pacers
                .account(connector.name, &settings.base_url, identity, &settings.pace),
            budget: options.budget,
            deadline: options.deadline,
            max_page_bytes: settings.max_page_bytes,
            meter: Meter::default(),
        });
        let unusable = |problem| KitError::Secret {
            secret: place.clone().unwrap_or_default(),
            problem,
        };
        let credential = match (auth::fixed(&auth, &fields).map_err(unusable)?, options.secret) {
            (Some(credential), _) => credential,
            (None, None) => Credential::Anonymous,
            (None, Some(place)) => {
                let url = token_url(&auth, &settings, &fields, &place)?;
                let at = format!("sign-in at {}", url.host_str().unwrap_or_default());
                let (wire, fields, secrets) = (wire.clone(), fields.clone(), options.secrets);
                Credential::Minted(Arc::new(Minter {
                    wire,
                    auth,
                    url,
                    fields,
                    place,
                    secrets,
                    at,
                }))
            }
        };
        let origin = settings.base.origin().ascii_serialization();
        let headers = headers(connector.headers.iter().copied())?;
        Ok(Self {
            connector,
            system: options.system,
            settings,
            origin,
            headers,
            fields,
            credential,
            wire,
            writes: connector.write_access.pace.as_ref().map(Pacer::new),
        })
    }

    /// Sends a request until it has a usable answer: paced, signed, retried. `accept` looks at a success and says what is wrong
    /// with it, if anything; then it is asked for again, since the likeliest cause is a proxy's page or a cut.
    ///
    /// # Errors
    /// Every other outcome as a [`KitError`], after the retries it is worth: what is sent may be sent twice.
    pub async fn send(
        &self,
        at: &str,
        request: &Prepared,
        accept: &(dyn Fn(&Response) -> Result<(), String> + Sync),
    ) -> Result<Answer, KitError> {
        let errand = Errand {
            accept,
            ..self.errand(at, request)?
        };
        let (arrived, outcome) = Box::pin(self.wire.exchange(&errand)).await?;
        Ok(Answer {
            response: arrived.response,
            outcome,
        })
    }

    /// Sends a write: paced as the connector says for writes, signed. Where `repeatable` is false it is tried again only when the
    /// vendor says that it did nothing.
    ///
    /// # Errors
    /// As [`Session::send`]; [`KitError::InDoubt`] if it is not known whether it was carried out.
    pub async fn write(
        &self,
        at: &str,
        request: &Prepared,
        payload: Payload<'_>,
        repeatable: bool,
    ) -> Result<Response, KitError> {
        let mut errand = self.errand(at, request)?;
        errand.once = !repeatable;
        match payload {
            Payload::Empty => {}
            Payload::Json(text) => {
                let json = HeaderValue::from_static("application/json");
                errand.headers.entry(header::CONTENT_TYPE).or_insert(json);
                errand.body = Some(Bytes::copy_from_slice(text.as_bytes()));
            }
            Payload::File(file) => errand.upload = Some(file),
        }
        let _turn = match &self.writes {
            Some(pacer) => Some(self.turn(at, pacer).await?),
            None => None,
        };
        let (arrived, outcome) = Box::pin(self.wire.exchange(&errand)).await?;
        if outcome == Outcome::Empty {
            return Err(KitError::Unavailable {
                at: at.to_owned(),
                said: format!(
                    "HTTP {}: there is nothing to write to",
                    arrived.response.status.as_u16()
                ),
            });
        }
        Ok(arrived.response)
    }

    /// Waits until the next write may be sent.
    async fn turn(&self, at: &str, pacer: &Pacer) -> Result<Permit, KitError> {
        let patience = Patience {
            since: None,
            budget: self.wire.budget,
            deadline: self.wire.deadline,
        };
        let admitted = pacer.admit(patience, &*self.wire.clock, &*self.wire.observer.0).await;
        admitted.map_err(|wait| KitError::OutOfTime {
            at: at.to_owned(),
            wait,
        })
    }

    /// A request ready for the wire.
    fn errand<'a>(&'a self, at: &'a str, request: &Prepared) -> Result<Errand<'a>, KitError> {
        let mut own = self.headers.clone();
        own.entry(header::ACCEPT)
            .or_insert(HeaderValue::from_static("application/json"));
        own.extend(headers(
            request
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        )?);
        if request.body.is_some() {
            own.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(Errand {
            at,
            method: request.method.clone(),
            url: self.page_url(at, request)?,
            headers: own,
            body: request.body.as_ref().map(|body| Bytes::from(body.to_string())),
            upload: None,
            once: false,
            signed: Signed::With(&self.credential),
            home: self.settings.base.origin(),
            streamed: false,
            clean: self.connector.clean,
            classify: &self.connector.classify,
            accept: &|_| Ok(()),
        })
    }

    /// Downloads what is at `url`, resolved on the base URL as a link is; retried until its first byte, a stream from then on.
    /// The credential and the connector's headers go only to the connector's own origin. `None` if there is nothing.
    ///
    /// The stream counts as a request in flight until it is dropped: with a concurrency of one, nothing else is sent meanwhile.
    /// A body shorter or longer than stated ends in an error.
    ///
    /// # Errors
    /// As [`Session::send`]; [`KitError::Unavailable`] and [`KitError::Forbidden`] are about this one file.
    pub async fn body(&self, at: &str, url: &str, headers: &[(&str, &str)]) -> Result<Option<BodyStream>, KitError> {
        let malformed = |error| KitError::Unexpected {
            at: at.to_owned(),
            problem: format!("the file's URL is malformed ({error})"),
        };
        let url = self.settings.base.join(url).map_err(malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(KitError::Unexpected {
                at: at.to_owned(),
                problem: "the file's URL is not one of http or https".to_owned(),
            });
        }
        let at_home = url.origin() == self.settings.base.origin();
        let mut own = if at_home {
            self.headers.clone()
        } else {
            HeaderMap::new()
        };
        own.extend(self::headers(headers.iter().copied())?);
        own.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        let classify = |response: &Response| classify_body(self.connector, at_home, response);
        let errand = Errand {
            at,
            method: Method::GET,
            url,
            headers: own,
            body: None,
            upload: None,
            once: false,
            signed: if at_home {
                Signed::With(&self.credential)
            } else {
                Signed::Nobody
            },
            home: self.settings.base.origin(),
            streamed: true,
            clean: None,
            classify: &classify,
            accept: &|_| Ok(()),
        };
        let (arrived, _) = Box::pin(self.wire.exchange(&errand)).await?;
        Ok(arrived.stream)
    }

    /// Where requests go, without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.settings.base_url
    }

    /// The scheme, host and port that the credential may go to, such as `https://api.example`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// A setting's value, given or by default.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.all.get(name).map(String::as_str)
    }

    /// All settings that have a value.
    #[must_use]
    pub fn settings(&self) -> &BTreeMap<String, String> {
        &self.settings.all
    }

    /// The connector.
    #[must_use]
    pub fn connector(&self) -> &'static Connector {
        self.connector
    }

    /// The pace it keeps: the connector's, unless settings say otherwise. Who shares the account may have set another before.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.settings.pace
    }

    /// How many workers may share the work.
    #[must_use]
    pub fn workers(&self) -> u32 {
        self.settings.workers
    }

    /// Takes one share in `workers` of the account's pace, since other processes that know nothing of this one's requests take the rest.
    pub fn share_among(&self, workers: u32) {
        self.wire.account.pacer.share_among(workers);
    }

    /// The system's name.
    #[must_use]
    pub fn system(&self) -> &str {
        &self.system
    }

    /// When the credential expires, if the secret (`expires_at`, `expires_on`) or the setting `credential_expires_on` says so; the first
    /// of them if both do.
    pub fn credential_expires_at(&self) -> Option<Timestamp> {
        let told = self
            .settings
            .all
            .get("credential_expires_on")
            .and_then(|text| expiry(text));
        [told, self.fields.expires_at()].into_iter().flatten().min()
    }

    /// A field of the secret as it was when the session was opened, for programs that sign in by themselves, such as git.
    #[must_use]
    pub fn credential(&self, field: &str) -> Option<&Secret> {
        self.fields.get(field)
    }

    /// The bearer token requests are signed with now, minted if there is none; `None` with schemes that have no token.
    ///
    /// # Errors
    /// As signing in fails.
    pub async fn bearer(&self) -> Result<Option<Secret>, KitError> {
        self.credential.bearer().await
    }

    /// Requests and bytes so far, sign-ins included. `bytes_stored` is not ours to count.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.wire.meter.traffic()
    }

    /// The clock the session was handed.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.wire.clock
    }

    /// A path goes below the base URL, a URL is taken as it is; then come the parameters, behind those a URL already has.
    fn page_url(&self, at: &str, request: &Prepared) -> Result<Url, KitError> {
        let base = if request.url.starts_with('/') {
            self.base_url()
        } else {
            ""
        };
        let mut url = Url::parse(&format!("{base}{}", request.url)).map_err(|error| KitError::Unexpected {
            at: at.to_owned(),
            problem: format!("the request's URL is malformed ({error})"),
        })?;
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        Ok(url)
    }
}

/// What a refused download means: at home as the connector says, elsewhere by its status. There, 401 speaks of the link.
fn classify_body(connector: &Connector, at_home: bool, response: &Response) -> Outcome {
    let said = || format!("HTTP {}", response.status.as_u16());
    let outcome = if at_home {
        (connector.classify)(response)
    } else {
        Outcome::from_status(response)
    };
    match outcome {
        Outcome::Success | Outcome::Empty if response.status.is_success() => Outcome::Empty,
        Outcome::Success => Outcome::Refused(said()),
        Outcome::Reconnect(_) if !at_home => Outcome::Forbidden(said()),
        outcome => outcome,
    }
}

fn token_url(auth: &Auth, settings: &Settings, fields: &SecretFields, place: &SecretRef) -> Result<Url, KitError> {
    match *auth {
        Auth::ClientCredentials { token_url, .. }
        | Auth::RefreshToken { token_url }
        | Auth::JwtBearer { token_url, .. } => settings.token_url(token_url),
        _ => {
            let id = fields.get("installation_id").map(Secret::expose).unwrap_or_default();
            let problem = "`installation_id` is not a number".to_owned();
            let path = auth::installation_path(id).ok_or(KitError::Secret {
                secret: place.to_string(),
                problem,
            })?;
            settings.token_url(&path)
        }
    }
}

fn headers<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Result<HeaderMap, KitError> {
    let parse = |(name, value): (&str, &str)| {
        Some((
            name.parse::<HeaderName>().ok()?,
            HeaderValue::from_bytes(value.as_bytes()).ok()?,
        ))
    };
    let malformed = |name: &str| KitError::Unexpected {
        at: "headers".to_owned(),
        problem: format!("the header `{name}` is malformed"),
    };
    pairs.map(|pair| parse(pair).ok_or_else(|| malformed(pair.0))).collect()
}
