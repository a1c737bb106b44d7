//! The harness every simulated vendor runs in: a loopback server that records requests and plays faults.
//!
//! Each server has a thread and a runtime of its own, so that dropping it ends everything at once, hung requests too,
//! and so that a test with a paused clock does not pause the vendor.

mod faults;
mod wire;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::value::RawValue;
use tokio::sync::oneshot;

pub use faults::{Fault, FaultKind, Faults, Matcher};
use faults::{Remembered, Script};
use wire::{Cut, Loopback};

/// Requests kept by [`Server::requests`]; older ones are forgotten, but still counted.
const KEPT_REQUESTS: usize = 20_000;

/// A request as the server saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRequest {
    /// `GET`, `POST`, ...
    pub method: String,
    /// The path as sent.
    pub path: String,
    /// The query as sent, without the question mark; empty if there was none.
    pub query: String,
    /// The status of the answer; `None` while, or if, there is none.
    pub status: Option<u16>,
    /// Whether the request had an `Authorization` header.
    pub authorized: bool,
}

/// A vendor on a loopback port. Dropping it ends the server, its connections and its hung requests.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    log: Mutex<Log>,
    script: Mutex<Script>,
    /// Told of every request, after it was counted.
    came: tokio::sync::Notify,
}

#[derive(Default)]
struct Log {
    count: u64,
    kept: VecDeque<SeenRequest>,
}

impl Server {
    /// Serves `router` on 127.0.0.1 at a free port. Ready when it returns.
    pub async fn start(router: Router) -> Self {
        let shared = Arc::new(Shared::default());
        let app = router.layer(middleware::from_fn_with_state(shared.clone(), fault_layer));
        let (ready, address) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("vendor".to_owned())
            .spawn(move || serve(app, ready, stopped))
            .expect("a thread can be started");
        let address = address.await.expect("a loopback port can be bound");
        Self {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// The base address, without a slash at its end: `http://127.0.0.1:4711`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The last requests, oldest first, at most 20,000.
    pub fn requests(&self) -> Vec<SeenRequest> {
        lock(&self.shared.log).kept.iter().cloned().collect()
    }

    /// How many requests came in all.
    pub fn request_count(&self) -> u64 {
        lock(&self.shared.log).count
    }

    /// Returns when `count` requests have come in all.
    pub async fn reached(&self, count: u64) {
        loop {
            let came = self.shared.came.notified();
            tokio::pin!(came);
            came.as_mut().enable();
            if self.request_count() >= count {
                return;
            }
            came.await;
        }
    }

    /// Replaces the script of faults; the counts start anew.
    pub fn faults(&self, faults: Faults) {
        *lock(&self.shared.script) = Script::new(faults);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread may have ended by itself; then there is nobody to tell.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A vendor that panicked has already failed its test.
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The server's thread: its runtime lives and dies here, and with it every connection.
fn serve(app: Router, ready: oneshot::Sender<SocketAddr>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be built on any thread");
    runtime.block_on(async move {
        let Ok(listener) = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await else {
            return;
        };
        let Ok(address) = listener.local_addr() else { return };
        let _ = ready.send(address);
        let service = app.into_make_service_with_connect_info::<Cut>();
        tokio::select! {
            _ = axum::serve(Loopback(listener), service) => {}
            _ = stopped => {}
        }
    });
    runtime.shutdown_background();
}

async fn fault_layer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let number = record(&shared, &request);
    let (delay, fault) = lock(&shared.script).decide(&path);
    if !delay.is_zero() {
        wait(delay).await;
    }
    let mut answered = true;
    let response = match fault {
        None => pass(&shared, &path, request, next).await,
        Some(FaultKind::Timeout) => std::future::pending().await,
        Some(FaultKind::Drop) => {
            answered = false;
            cut.pull();
            Response::new(Body::empty())
        }
        Some(FaultKind::DropAfter) => {
            answered = false;
            let response = next.run(request).await;
            cut.pull();
            response
        }
        Some(fault) => act(&shared, &path, fault, request, next).await,
    };
    if answered {
        note_status(&shared, number, response.status().as_u16());
    }
    response
}

#[expect(
    clippy::disallowed_methods,
    reason = "a slow vendor is slow in real time; only the script asks for it"
)]
async fn wait(delay: std::time::Duration) {
    tokio::time::sleep(delay).await;
}

/// Logs the request and returns its number.
fn record(shared: &Shared, request: &Request) -> u64 {
    let mut log = lock(&shared.log);
    log.count += 1;
    if log.kept.len() == KEPT_REQUESTS {
        log.kept.pop_front();
    }
    log.kept.push_back(SeenRequest {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or("").to_owned(),
        status: None,
        authorized: request.headers().contains_key(AUTHORIZATION),
    });
    let number = log.count;
    drop(log);
    shared.came.notify_waiters();
    number
}

fn note_status(shared: &Shared, number: u64, status: u16) {
    let mut log = lock(&shared.log);
    let newer = usize::try_from(log.count - number).unwrap_or(usize::MAX);
    let place = log.kept.len().checked_sub(newer.saturating_add(1));
    if let Some(seen) = place.and_then(|place| log.kept.get_mut(place)) {
        seen.status = Some(status);
    }
}

/// Lets the vendor answer, and remembers the answer if the script will want to repeat it.
async fn pass(shared: &Shared, path: &str, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if !lock(&shared.script).remembers() || !response.status().is_success() {
        return response;
    }
    let (head, body) = response.into_parts();
    let body = whole(body).await;
    let answer = Remembered {
        headers: head.headers.clone(),
        body: body.clone(),
    };
    lock(&shared.script).remember(path, answer);
    Response::from_parts(head, Body::from(body))
}

/// The faults that answer.
async fn act(shared: &Shared, path: &str, fault: FaultKind, request: Request, next: Next) -> Response {
    match fault {
        FaultKind::Status(status, retry_after_s, body) => {
            let mut response = plain(status, guess_type(&body), body);
            if let Some(seconds) = retry_after_s {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
        FaultKind::Html => plain(200, "text/html; charset=utf-8", MAINTENANCE_PAGE.to_owned()),
        FaultKind::Forbidden(body) => plain(403, guess_type(&body), body),
        FaultKind::RepeatPage => {
            let previous = lock(&shared.script).previous(path);
            match previous {
                Some(answer) => with_body(StatusCode::OK, answer.headers, answer.body),
                None => pass(shared, path, request, next).await,
            }
        }
        FaultKind::CutBody => {
            let (head, body) = next.run(request).await.into_parts();
            half_then_close(head, whole(body).await)
        }
        FaultKind::TruncatedJson => changed(request, next, |body| body.slice(..body.len() / 2)).await,
        FaultKind::DuplicateRecords => changed(request, next, |body| doubled(&body)).await,
        FaultKind::Prepend(text) => changed(request, next, |body| [text.as_bytes(), &body].concat().into()).await,
        FaultKind::Timeout | FaultKind::Drop | FaultKind::DropAfter | FaultKind::Latency(_) => next.run(request).await,
    }
}

const MAINTENANCE_PAGE: &str =
    "<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>Back in a moment</h1></body></html>";

fn guess_type(body: &str) -> &'static str {
    match body.trim_start().chars().next() {
        Some('{' | '[') => "application/json; charset=UTF-8",
        _ => "text/plain; charset=utf-8",
    }
}

fn plain(status: u16, content_type: &'static str, body: String) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    with_body(
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        headers,
        body.into(),
    )
}

fn with_body(status: StatusCode, mut headers: HeaderMap, body: Bytes) -> Response {
    headers.remove(TRANSFER_ENCODING);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

async fn whole(body: Body) -> Bytes {
    axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default()
}

async fn changed(request: Request, next: Next, change: impl FnOnce(Bytes) -> Bytes) -> Response {
    let (head, body) = next.run(request).await.into_parts();
    let body = change(whole(body).await);
    with_body(head.status, head.headers, body)
}

/// Sends half of the body, lets it reach the wire, then fails, which closes the connection.
fn half_then_close(mut head: http::response::Parts, body: Bytes) -> Response {
    head.headers.remove(TRANSFER_ENCODING);
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let half = body.slice(..body.len() / 2);
    let pieces = stream::unfold(Some(half), |state| async move {
        match state {
            Some(half) => Some((Ok(half), None)),
            None => {
                tokio::task::yield_now().await;
                Some((Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)), None))
            }
        }
    });
    Response::from_parts(head, Body::from_stream(pieces))
}

/// Doubles the records of a body, keeping each record's bytes. What is no JSON stays as it is.
fn doubled(body: &Bytes) -> Bytes {
    if let Some(records) = doubled_array(body) {
        return records.into();
    }
    let Ok(object) = serde_json::from_slice::<std::collections::BTreeMap<String, Box<RawValue>>>(body) else {
        return body.clone();
    };
    let fields: Vec<String> = object
        .iter()
        .map(|(name, value)| {
            let value = doubled_array(value.get().as_bytes()).unwrap_or_else(|| value.get().to_owned());
            format!("{}:{value}", serde_json::Value::from(name.as_str()))
        })
        .collect();
    format!("{{{}}}", fields.join(",")).into()
}

fn doubled_array(json: &[u8]) -> Option<String> {
    let records: Vec<Box<RawValue>> = serde_json::from_slice(json).ok()?;
    let twice: Vec<&str> = records.iter().flat_map(|record| [record.get(), record.get()]).collect();
    Some(format!("[{}]", twice.join(",")))
}
