//! One request as the routes see it, and the reply they give back.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::auth::Caller;
use super::state::Fields;

/// Where the client found us: links in bodies and headers lead back there.
#[derive(Clone)]
pub(super) struct Site {
    /// `http://host`, which serves the API, the pages and git alike.
    pub(super) base: String,
}

pub(super) struct Call {
    pub(super) method: Method,
    /// The path's segments, decoded, with numeric forms (`/repositories/{id}`) already turned into names.
    pub(super) segments: Vec<String>,
    /// The path that `Link` headers carry, in GitHub's numeric form.
    pub(super) link_path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) site: Site,
    pub(super) caller: Caller,
    pub(super) now: Timestamp,
}

/// `Ok` and `Err` both end in an HTTP response; the error side only lets routes use `?`.
pub(super) type Answer = Result<Reply, Reply>;

#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Nothing,
    Json(Value),
    Bytes(Bytes),
}

impl Reply {
    pub(super) fn json(status: u16, value: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: Content::Json(value),
        }
    }

    pub(super) fn ok(value: Value) -> Self {
        Self::json(200, value)
    }

    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: Content::Nothing,
        }
    }

    pub(super) fn bytes(status: u16, content_type: &str, bytes: Bytes) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self {
            status,
            headers,
            content: Content::Bytes(bytes),
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn error(status: u16, message: &str) -> Self {
        let documentation_url = "https://docs.github.com/rest";
        let status_text = status.to_string();
        Self::json(
            status,
            json!({"message": message, "documentation_url": documentation_url, "status": status_text}),
        )
    }

    pub(super) fn not_found() -> Self {
        Self::error(404, "Not Found")
    }

    /// 422 for one field; `code` is GitHub's: `missing_field`, `invalid`, `already_exists`.
    pub(super) fn invalid(resource: &str, field: &str, code: &str) -> Self {
        Self::json(
            422,
            json!({
                "message": "Validation Failed",
                "errors": [{"resource": resource, "field": field, "code": code}],
                "documentation_url": "https://docs.github.com/rest",
                "status": "422",
            }),
        )
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let (body, json) = match self.content {
            Content::Nothing => (Body::empty(), false),
            Content::Json(value) => (Body::from(value.to_string()), true),
            Content::Bytes(bytes) => (Body::from(bytes), false),
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).expect("every status used is a valid one");
        let headers = response.headers_mut();
        if json {
            headers.insert(
                "content-type",
                HeaderValue::from_static("application/json; charset=utf-8"),
            );
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        response
    }
}

impl Call {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn is_read(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    /// The value of an enumerated parameter; anything GitHub does not list is a 422.
    pub(super) fn choice<'a>(
        &'a self,
        resource: &str,
        name: &str,
        allowed: &[&str],
        default: &'a str,
    ) -> Result<&'a str, Reply> {
        match self.param(name) {
            None | Some("") => Ok(default),
            Some(value) if allowed.contains(&value) => Ok(value),
            Some(_) => Err(Reply::invalid(resource, name, "invalid")),
        }
    }

    pub(super) fn since(&self, resource: &str) -> Result<Option<Timestamp>, Reply> {
        let Some(text) = self.param("since").filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|_| Reply::invalid(resource, "since", "invalid"))
    }

    pub(super) fn json(&self) -> Result<Fields, Reply> {
        if self.body.is_empty() {
            return Ok(Fields::new());
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => Err(Reply::error(
                422,
                "Invalid request.\n\nFor 'links/0/schema', the body is not an object.",
            )),
            Err(_) => Err(Reply::error(400, "Problems parsing JSON")),
        }
    }

    pub(super) fn wants_bytes(&self) -> bool {
        self.header("accept")
            .is_some_and(|accept| accept.contains("application/octet-stream"))
    }
}

/// Reads an optional text of a request body: absent, null, or text; anything else is a 422.
pub(super) fn text_field(body: &Fields, resource: &str, field: &str) -> Result<Option<Option<String>>, Reply> {
    match body.get(field) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(Value::String(text)) => Ok(Some(Some(text.clone()))),
        Some(_) => Err(Reply::invalid(resource, field, "invalid")),
    }
}

pub(super) fn required_text(body: &Fields, resource: &str, field: &str) -> Result<String, Reply> {
    match text_field(body, resource, field)? {
        Some(Some(text)) if !text.is_empty() => Ok(text),
        _ => Err(Reply::invalid(resource, field, "missing_field")),
    }
}

pub(super) fn flag_field(body: &Fields, resource: &str, field: &str) -> Result<Option<bool>, Reply> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(Reply::invalid(resource, field, "invalid")),
    }
}
