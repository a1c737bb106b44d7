//! A request and an answer as plain values, so that a vendor is a function from one to the other.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;
use url::form_urlencoded;

/// A request, read whole.
#[derive(Clone, Debug)]
pub struct Ask {
    /// `GET`, `POST`, ...
    pub method: String,
    /// The path, still percent-encoded, without the query.
    pub path: String,
    /// The parts of the path between slashes, percent-decoded; empty ones are left out.
    pub segments: Vec<String>,
    /// The query's pairs in order, decoded.
    pub query: Vec<(String, String)>,
    /// The headers as sent.
    pub headers: HeaderMap,
    /// The body as sent.
    pub body: Bytes,
}

impl Ask {
    /// The last value of a query parameter, as PHP and most frameworks take it.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The user and the password of HTTP Basic authentication.
    pub fn basic(&self) -> Option<(String, String)> {
        use base64::Engine as _;
        let (scheme, coded) = self.header("authorization")?.split_once(' ')?;
        let plain = base64::engine::general_purpose::STANDARD.decode(coded.trim()).ok()?;
        let plain = String::from_utf8(plain).ok()?;
        let (user, password) = plain.split_once(':')?;
        scheme
            .eq_ignore_ascii_case("basic")
            .then(|| (user.to_owned(), password.to_owned()))
    }

    /// The token of `Authorization: Bearer`.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }

    /// The body as JSON; `None` when it is not.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The pairs of a form body.
    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

/// An answer, written whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// A JSON answer.
    pub fn json(status: u16, value: &Value) -> Self {
        let body = serde_json::to_vec(value).expect("a JSON value can always be written");
        Self::bytes(status, "application/json; charset=UTF-8", body)
    }

    /// An answer of any type.
    pub fn bytes(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }
}

/// A router that hands every request to `handle`. Handlers do not wait, so they are plain functions.
pub fn router(handle: impl Fn(&Ask) -> Answer + Clone + Send + Sync + 'static) -> Router {
    Router::new().fallback(move |request: Request| {
        let handle = handle.clone();
        async move {
            match read(request).await {
                Ok(ask) => write(handle(&ask)),
                Err(_) => write(Answer::empty(400)),
            }
        }
    })
}

async fn read(request: Request) -> Result<Ask, axum::Error> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await?;
    let path = head.uri.path().to_owned();
    let query = form_urlencoded::parse(head.uri.query().unwrap_or("").as_bytes())
        .into_owned()
        .collect();
    let segments = path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
    Ok(Ask {
        method: head.method.to_string(),
        path,
        segments,
        query,
        headers: head.headers,
        body,
    })
}

fn write(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Percent-decodes one part of a path; a plus stays a plus there.
fn decode(part: &str) -> String {
    let bytes = part.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let coded = (bytes[at] == b'%').then(|| part.get(at + 1..at + 3)).flatten();
        match coded.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                plain.push(byte);
                at += 3;
            }
            None => {
                plain.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}
