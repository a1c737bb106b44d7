//! A vendor whose answers are a function, and the world a session is opened in.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::Request,
    response::Response as Reply,
};
use futures_util::{StreamExt, stream};
use http::HeaderMap;
use jiff::Timestamp;
use seatbelt_connector_kit::{
    Answer, Auth, Builtin, Connector, KitError, Options, Outcome, Pace, Pacers, Prepared, Request as Template,
    Response, SecretStore, Session, Setting, WriteAccess,
    testing::{FakeClock, MemorySecrets, Recorder},
};
use seatbelt_model::Clock;
use serde_json::{Value, json};

/// What the vendor was asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// When, on the clock of the test.
    pub(crate) time: Timestamp,
}

impl Ask {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// A field of a form.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.body.as_bytes())
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// A vendor on a port of its own.
pub(crate) struct Vendor {
    pub(crate) url: String,
    asks: Arc<Mutex<Vec<Ask>>>,
    most: Arc<AtomicUsize>,
}

impl Vendor {
    /// Starts one. `answer` is told the request and how many came before.
    pub(crate) async fn start(
        clock: &FakeClock,
        answer: impl Fn(&Ask, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::serve(clock, 0, answer).await
    }

    /// Starts one that gives all others a turn before it answers. No real time passes.
    pub(crate) async fn start_slow(
        clock: &FakeClock,
        answer: impl Fn(&Ask, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::serve(clock, 200, answer).await
    }

    async fn serve(
        clock: &FakeClock,
        turns: u32,
        answer: impl Fn(&Ask, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let (asks, flying, most) = (
            Arc::<Mutex<Vec<Ask>>>::default(),
            Arc::<AtomicUsize>::default(),
            Arc::<AtomicUsize>::default(),
        );
        let (clock, answer) = (clock.clone(), Arc::new(answer));
        let (log, highest) = (asks.clone(), most.clone());
        let handle = move |request: Request| {
            let (log, clock, answer, flying, highest) = (
                log.clone(),
                clock.clone(),
                answer.clone(),
                flying.clone(),
                highest.clone(),
            );
            async move {
                highest.fetch_max(flying.fetch_add(1, SeqCst) + 1, SeqCst);
                let (head, body) = request.into_parts();
                let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
                let ask = Ask {
                    path: head.uri.to_string(),
                    headers: head.headers,
                    body,
                    time: clock.now(),
                };
                let before = {
                    let mut log = log.lock().unwrap();
                    log.push(ask.clone());
                    log.len() - 1
                };
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
                flying.fetch_sub(1, SeqCst);
                answer(&ask, before)
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handle)).await });
        Self { url, asks, most }
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.most.load(SeqCst)
    }

    pub(crate) fn asks(&self) -> Vec<Ask> {
        self.asks.lock().unwrap().clone()
    }

    pub(crate) fn asks_of(&self, path: &str) -> Vec<Ask> {
        self.asks()
            .into_iter()
            .filter(|ask| ask.path.starts_with(path))
            .collect()
    }
}

pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
    let builder = headers
        .iter()
        .fold(Reply::builder().status(status), |builder, (name, value)| {
            builder.header(*name, *value)
        });
    builder.body(body.into()).unwrap()
}

pub(crate) fn ok(body: Value) -> Reply {
    reply(200, &[("content-type", "application/json")], body.to_string())
}

/// A reply that states more bytes than it sends before the connection breaks.
pub(crate) fn cut(stated: usize, sent: &'static str) -> Reply {
    let broken = async {
        // What was sent so far goes out first.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        Err(std::io::Error::other("cut"))
    };
    let sent = stream::once(async move { Ok(Bytes::from_static(sent.as_bytes())) });
    reply(
        200,
        &[("content-length", &stated.to_string())],
        Body::from_stream(sent.chain(stream::once(broken))),
    )
}

/// A connector that signs in as given.
pub(crate) fn connector(auth: &'static [Auth], pace: Pace) -> &'static Connector {
    Box::leak(Box::new(plain(auth, pace)))
}

pub(crate) fn plain(auth: &'static [Auth], pace: Pace) -> Connector {
    Connector {
        name: "acme",
        title: "Acme",
        base_url: "https://api.acme.example",
        settings: &[],
        auth,
        headers: &[("x-acme-version", "2")],
        pace,
        resources: &[],
        on_request: &[],
        identity: Template::get("/me"),
        classify: Outcome::from_status,
        clean: None,
        write_access: WriteAccess::UNKNOWN,
        native_exports: &[],
        builtin: Builtin {
            offers: "",
            misses: "",
            source: "",
            read_on: "",
        },
        guide: "",
    }
}

pub(crate) const FAST: Pace = Pace {
    requests: 100_000,
    per: Duration::from_secs(1),
    concurrency: 8,
    quota: None,
};
pub(crate) const BEARER: &[Auth] = &[Auth::Bearer { token: "token" }];
pub(crate) const SETTING: Setting = Setting {
    name: "subdomain",
    default: None,
    help: "the part before .acme.example",
};

/// What sessions are opened in.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) clock: FakeClock,
    pub(crate) seen: Recorder,
    pub(crate) secrets: MemorySecrets,
    pub(crate) pacers: Pacers,
    pub(crate) deadline: Option<Timestamp>,
}

impl World {
    /// With one secret, at `env:ACME`.
    pub(crate) fn with_secret(json: Value) -> Self {
        Self {
            secrets: MemorySecrets::of("env:ACME", &json.to_string()),
            ..Self::default()
        }
    }

    pub(crate) async fn open(&self, connector: &'static Connector, vendor: &Vendor) -> Session {
        self.try_open(connector, json!({ "base_url": vendor.url }), Some("env:ACME"))
            .await
            .unwrap()
    }

    pub(crate) async fn try_open(
        &self,
        connector: &'static Connector,
        settings: Value,
        secret: Option<&str>,
    ) -> Result<Session, KitError> {
        self.open_with(connector, settings, secret, Arc::new(self.secrets.clone()))
            .await
    }

    pub(crate) async fn open_with(
        &self,
        connector: &'static Connector,
        settings: Value,
        secret: Option<&str>,
        secrets: Arc<dyn SecretStore>,
    ) -> Result<Session, KitError> {
        let options = Options {
            system: "acme-test".to_owned(),
            settings: settings.as_object().unwrap(),
            secret: secret.map(|place| place.parse().unwrap()),
            secrets,
            clock: Arc::new(self.clock.clone()),
            observer: Arc::new(self.seen.clone()),
            pacers: &self.pacers,
            budget: Options::BUDGET,
            deadline: self.deadline,
        };
        Session::open(connector, options).await
    }

    /// Seconds since the clock's usual start.
    pub(crate) fn elapsed_s(&self) -> f64 {
        self.clock
            .now()
            .duration_since(FakeClock::default().now())
            .as_secs_f64()
    }
}

/// Asks for a path and wants JSON.
pub(crate) async fn get(session: &Session, path: &str) -> Result<Answer, KitError> {
    session.send("things", &Prepared::get(path), &is_json).await
}

pub(crate) fn is_json(response: &Response) -> Result<(), String> {
    serde_json::from_slice::<Value>(&response.body)
        .map(drop)
        .map_err(|_| "what came back is not JSON".to_owned())
}
