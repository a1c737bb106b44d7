//! SNS Publish and Lambda Invoke over HTTP, as strict as AWS is.
//!
//! Source: Amazon SNS API reference, `Publish` (form fields, the limits of subject and message); AWS Lambda API reference, `Invoke` (path,
//! `X-Amz-Invocation-Type: Event`, answer 202); read 2026-11-25.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, Response, StatusCode, Uri},
};
use serde_json::Value;

use crate::world::{PREFIX, TOPIC};

/// A message that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) subject: String,
    pub(crate) text: String,
}

/// Both services. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Services(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    messages: Vec<Message>,
    /// The platform whose function was invoked, and its event.
    invocations: Vec<(String, Value)>,
    /// Requests that broke a rule of AWS.
    refused: Vec<String>,
    sns_is_down: bool,
    lambda_is_down: bool,
}

impl Services {
    pub(crate) async fn start() -> (Self, String) {
        let services = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(serve).with_state(services.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (services, endpoint)
    }

    /// The messages since this was last asked.
    pub(crate) fn messages(&self) -> Vec<Message> {
        let mut inner = self.0.lock().unwrap();
        assert_eq!(inner.refused, Vec::<String>::new(), "AWS would refuse it");
        std::mem::take(&mut inner.messages)
    }

    /// The invocations since this was last asked.
    pub(crate) fn invocations(&self) -> Vec<(String, Value)> {
        let mut inner = self.0.lock().unwrap();
        assert_eq!(inner.refused, Vec::<String>::new(), "AWS would refuse it");
        std::mem::take(&mut inner.invocations)
    }

    pub(crate) fn sns_is_down(&self, down: bool) {
        self.0.lock().unwrap().sns_is_down = down;
    }

    pub(crate) fn lambda_is_down(&self, down: bool) {
        self.0.lock().unwrap().lambda_is_down = down;
    }
}

type Answer = Response<axum::body::Body>;

async fn serve(State(services): State<Services>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let mut inner = services.0.lock().unwrap();
    let is_lambda = head.uri.path().starts_with("/2015-03-31/functions/");
    let down = if is_lambda {
        inner.lambda_is_down
    } else {
        inner.sns_is_down
    };
    if down {
        return answer(StatusCode::SERVICE_UNAVAILABLE, "down");
    }
    let outcome = if is_lambda {
        invocation(&head.method, &head.uri, &head.headers, &body).map(|invocation| {
            inner.invocations.push(invocation);
            (StatusCode::ACCEPTED, String::new())
        })
    } else {
        publication(&head.method, &head.uri, &body).map(|message| {
            inner.messages.push(message);
            let id = "<PublishResult><MessageId>94f20ce6-13c5-43a0-9a9e-ca52d816e90b</MessageId></PublishResult>";
            let xml =
                format!("<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">{id}</PublishResponse>");
            (StatusCode::OK, xml)
        })
    };
    match outcome {
        Ok((status, text)) => answer(status, &text),
        Err(problem) => {
            inner.refused.push(problem.clone());
            answer(StatusCode::BAD_REQUEST, &problem)
        }
    }
}

fn answer(status: StatusCode, text: &str) -> Answer {
    Response::builder().status(status).body(text.to_owned().into()).unwrap()
}

fn ensure(holds: bool, problem: impl Into<String>) -> Result<(), String> {
    if holds { Ok(()) } else { Err(problem.into()) }
}

fn invocation(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Result<(String, Value), String> {
    ensure(
        method == Method::POST && uri.query().is_none(),
        format!("{method} {uri}"),
    )?;
    let function = uri
        .path()
        .strip_prefix("/2015-03-31/functions/")
        .and_then(|rest| rest.strip_suffix("/invocations"));
    let function = decoded(function.ok_or_else(|| format!("no such path: {uri}"))?);
    let platform = function
        .strip_prefix(PREFIX)
        .ok_or_else(|| format!("no such function: {function}"))?;
    let kind = headers
        .get("x-amz-invocation-type")
        .and_then(|value| value.to_str().ok());
    ensure(
        kind == Some("Event"),
        format!("invocation type {kind:?}: it must not be waited for"),
    )?;
    let event = serde_json::from_slice(body).map_err(|error| format!("the payload is no JSON: {error}"))?;
    Ok((platform.to_owned(), event))
}

fn publication(method: &Method, uri: &Uri, body: &Bytes) -> Result<Message, String> {
    ensure(method == Method::POST && uri.path() == "/", format!("{method} {uri}"))?;
    let form = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let fields: Vec<_> = form
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name, decoded(value)))
        .collect();
    let field = |name: &str| {
        fields
            .iter()
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value.clone())
            .unwrap_or_default()
    };
    ensure(fields.len() == 5, format!("other fields than expected: {form}"))?;
    ensure(field("Action") == "Publish" && field("Version") == "2010-03-31", form)?;
    ensure(
        field("TopicArn") == TOPIC,
        format!("no such topic: {}", field("TopicArn")),
    )?;
    let (subject, text) = (field("Subject"), field("Message"));
    let printable = subject.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let begins = subject.starts_with(|char: char| char.is_ascii_alphanumeric() || char.is_ascii_punctuation());
    ensure(
        printable && begins && subject.len() <= 100,
        format!("Invalid parameter: Subject: {subject}"),
    )?;
    ensure(!text.is_empty() && text.len() <= 262_144, "Invalid parameter: Message")?;
    ensure(text.lines().count() <= 50, "nobody reads more than 50 lines")?;
    Ok(Message { subject, text })
}

/// Percent-decoding, as forms and paths have it.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}
