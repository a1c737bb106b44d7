//! What an answer means. Connectors classify; the engine acts.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use seatbelt_model::json::{self, Pointer};

/// An answer of the vendor, whole.
#[derive(Debug, Clone)]
pub struct Response {
    /// The resource it was asked for, or `identity`.
    pub resource: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, cleaned where the connector says how.
    pub body: Bytes,
    /// The URL that answered, after redirects.
    pub url: url::Url,
}

/// What to do about an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Records are in it.
    Success,
    /// There is nothing, and that is the state: an optional thing is not set, a list is past its end.
    Empty,
    /// This edition or plan does not have it. The run goes on; that it was there before makes a gap.
    Unavailable(String),
    /// The credential may not see it. The run goes on, with a gap.
    Forbidden(String),
    /// It may pass: try again.
    Retry,
    /// Slow down, for this long if the vendor said so beyond `Retry-After`.
    Throttled(Option<Duration>),
    /// The credential was refused: a person must connect the account again.
    Reconnect(String),
    /// The cursor is too old: sweep everything.
    CursorExpired,
    /// It will not work however often it is tried.
    Refused(String),
}

impl Response {
    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The scalar at a JSON pointer of the body, if the body is JSON.
    #[must_use]
    pub fn text(&self, pointer: &str) -> Option<String> {
        let body = std::str::from_utf8(&self.body).ok()?;
        serde_json::from_str::<serde::de::IgnoredAny>(body).ok()?;
        json::text_at(body, &Pointer::new(pointer)).map(std::borrow::Cow::into_owned)
    }

    /// How long `Retry-After` asks to wait, given in seconds; the date form is read against `Date`.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.header("retry-after")?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let parse = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
        let wait = parse(text)?.duration_since(parse(self.header("date")?)?);
        Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
    }
}

impl Outcome {
    /// What a status means where the vendor gives it its usual meaning.
    #[must_use]
    pub fn from_status(response: &Response) -> Self {
        let said = || format!("HTTP {}", response.status.as_u16());
        match response.status.as_u16() {
            200..=299 => Self::Success,
            304 => Self::Empty,
            401 => Self::Reconnect(said()),
            403 => Self::Forbidden(said()),
            408 | 425 | 500 | 502 | 503 | 504 | 508 | 520..=529 => Self::Retry,
            429 => Self::Throttled(None),
            404 | 410 => Self::Unavailable(said()),
            _ => Self::Refused(said()),
        }
    }
}
