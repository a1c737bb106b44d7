//! EventBridge Scheduler over HTTP, as far as a group of schedules goes.
//!
//! Source: the API reference's pages of the five operations, and the REST paths in AWS's own API model, read 2026-11-25.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use aws_sdk_scheduler::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{Method, Response, StatusCode},
};
use serde_json::{Map, Value, json};
use tokio::sync::{Notify, oneshot};

use crate::aws;

/// The only group there is.
pub(crate) const GROUP: &str = "seatbelt-backups";
/// Small, so that listings have several pages.
const PAGE: usize = 7;
const REPLACED: [&str; 10] = [
    "ActionAfterCompletion",
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "KmsKeyArn",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "State",
    "Target",
];

/// The service. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Fake(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    groups: BTreeSet<String>,
    schedules: BTreeMap<String, Map<String, Value>>,
    /// Tokens of creations, with the name each made.
    tokens: HashMap<String, String>,
    /// What was asked: the operation's verb and the schedule's name.
    calls: Vec<(String, String)>,
    faults: Vec<Fault>,
    holds: Vec<Hold>,
}

/// What happens to the next requests of a kind.
struct Fault {
    verb: &'static str,
    name: Option<String>,
    times: usize,
    /// The status and the error's type.
    answer: (u16, &'static str),
    message: &'static str,
    /// Whether the request is carried out all the same, and only its answer lost.
    carried_out: bool,
}

struct Hold {
    verb: &'static str,
    arrived: Arc<Notify>,
    release: oneshot::Receiver<()>,
}

/// A request that waits at the service's door.
pub(crate) struct Held {
    arrived: Arc<Notify>,
    release: oneshot::Sender<()>,
}

impl Held {
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    pub(crate) fn release(self) {
        self.release.send(()).unwrap();
    }
}

type Answer = Result<Value, (u16, &'static str, String)>;

impl Fake {
    /// Starts it, with a client that retries without waiting.
    pub(crate) async fn start() -> (Self, Client) {
        let fake = Self::default();
        fake.0.lock().unwrap().groups.insert(GROUP.to_owned());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(serve).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let at_once = std::time::Duration::from_millis(1);
        let retries = RetryConfig::standard()
            .with_max_attempts(4)
            .with_initial_backoff(at_once)
            .with_max_backoff(at_once);
        let config = aws_sdk_scheduler::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(endpoint)
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .retry_config(retries);
        (fake, Client::from_conf(config.build()))
    }

    /// The next `times` requests of that verb, and for that schedule if one is named, fail.
    pub(crate) fn fail(&self, verb: &'static str, name: Option<&str>, times: usize, answer: (u16, &'static str)) {
        let fault = Fault {
            verb,
            name: name.map(str::to_owned),
            times,
            answer,
            message: "as the test asked for",
            carried_out: false,
        };
        self.0.lock().unwrap().faults.push(fault);
    }

    /// The next creation finds that the service may not assume the role yet, in AWS's words.
    pub(crate) fn refuse_role(&self) {
        let fault = Fault {
            verb: "POST",
            name: None,
            times: 1,
            answer: (400, "ValidationException"),
            message: "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
            carried_out: false,
        };
        self.0.lock().unwrap().faults.push(fault);
    }

    /// The next request of that verb is carried out, and its answer lost.
    pub(crate) fn lose_answer(&self, verb: &'static str) {
        let fault = Fault {
            verb,
            name: None,
            times: 1,
            answer: (500, "InternalServerException"),
            message: "the answer is lost",
            carried_out: true,
        };
        self.0.lock().unwrap().faults.push(fault);
    }

    /// The next request of that verb waits until it is released.
    pub(crate) fn hold(&self, verb: &'static str) -> Held {
        let arrived = Arc::new(Notify::new());
        let (release, released) = oneshot::channel();
        let hold = Hold {
            verb,
            arrived: arrived.clone(),
            release: released,
        };
        self.0.lock().unwrap().holds.push(hold);
        Held { arrived, release }
    }

    /// The faults that were not met yet are over.
    pub(crate) fn heal(&self) {
        self.0.lock().unwrap().faults.clear();
    }

    pub(crate) fn drop_group(&self) {
        let mut inner = self.0.lock().unwrap();
        inner.groups.clear();
        inner.schedules.clear();
    }

    pub(crate) fn make_group(&self) {
        self.0.lock().unwrap().groups.insert(GROUP.to_owned());
    }

    /// All schedules, by name.
    pub(crate) fn schedules(&self) -> BTreeMap<String, Value> {
        let inner = self.0.lock().unwrap();
        let shown = |(name, fields): (&String, &Map<_, _>)| (name.clone(), Value::Object(fields.clone()));
        inner.schedules.iter().map(shown).collect()
    }

    pub(crate) fn schedule(&self, name: &str) -> Option<Value> {
        self.schedules().remove(name)
    }

    /// Changes a schedule as a person in the console would.
    pub(crate) fn edit(&self, name: &str, change: impl FnOnce(&mut Map<String, Value>)) {
        change(self.0.lock().unwrap().schedules.get_mut(name).unwrap());
    }

    /// Deletes a schedule as a person in the console would.
    pub(crate) fn remove(&self, name: &str) {
        self.0.lock().unwrap().schedules.remove(name).unwrap();
    }

    /// Adds one as a person would: a copy under another name.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        let mut inner = self.0.lock().unwrap();
        let mut fields = inner.schedules[from].clone();
        fields.insert("Name".into(), to.into());
        inner.schedules.insert(to.to_owned(), fields);
    }

    /// How often each verb was asked since the last time, all schedules together.
    pub(crate) fn take_calls(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (verb, _) in self.0.lock().unwrap().calls.drain(..) {
            *counts.entry(verb).or_default() += 1;
        }
        counts
    }

    /// The writes since the last time.
    pub(crate) fn take_writes(&self) -> usize {
        let calls = self.take_calls();
        calls
            .iter()
            .filter(|(verb, _)| *verb != "GET")
            .map(|(_, count)| count)
            .sum()
    }

    fn fault(&self, verb: &str, name: &str) -> Option<((u16, &'static str, String), bool)> {
        let mut inner = self.0.lock().unwrap();
        let hit = |fault: &&mut Fault| {
            fault.times > 0 && fault.verb == verb && fault.name.as_ref().is_none_or(|wanted| wanted == name)
        };
        let fault = inner.faults.iter_mut().find(hit)?;
        fault.times -= 1;
        let (status, kind) = fault.answer;
        Some(((status, kind, fault.message.to_owned()), fault.carried_out))
    }

    fn held(&self, verb: &str) -> Option<Hold> {
        let mut inner = self.0.lock().unwrap();
        let at = inner.holds.iter().position(|hold| hold.verb == verb)?;
        Some(inner.holds.remove(at))
    }

    fn answer(&self, method: &Method, name: &str, query: &HashMap<String, String>, body: &Value) -> Answer {
        let group = [query.get("groupName"), query.get("ScheduleGroup")]
            .into_iter()
            .flatten()
            .next()
            .cloned();
        let group = group.or_else(|| body["GroupName"].as_str().map(str::to_owned));
        let group = group.unwrap_or_else(|| "default".to_owned());
        let mut inner = self.0.lock().unwrap();
        if !inner.groups.contains(&group) {
            return Err(missing(format!("Schedule group {group} does not exist.")));
        }
        match *method {
            Method::GET if name.is_empty() => inner.list(query),
            Method::GET => inner.schedules.get(name).map_or_else(
                || Err(missing(format!("Schedule {name} does not exist."))),
                |fields| Ok(Value::Object(fields.clone())),
            ),
            Method::POST => inner.create(name, body),
            Method::PUT => inner.update(name, body),
            Method::DELETE => match inner.schedules.remove(name) {
                Some(_) => Ok(json!({})),
                None => Err(missing(format!("Schedule {name} does not exist."))),
            },
            _ => Err((404, "UnknownOperationException", method.to_string())),
        }
    }
}

impl Inner {
    fn create(&mut self, name: &str, body: &Value) -> Answer {
        if let Some(problem) = aws::problem(name, body) {
            return Err((400, "ValidationException", problem));
        }
        let token = body["ClientToken"].as_str().map(str::to_owned);
        let again = token
            .as_ref()
            .and_then(|token| self.tokens.get(token))
            .is_some_and(|made| made == name);
        if !again && self.schedules.contains_key(name) {
            return Err((409, "ConflictException", format!("Schedule {name} already exists.")));
        }
        self.tokens.extend(token.map(|token| (token, name.to_owned())));
        Ok(self.replace(name, body))
    }

    fn update(&mut self, name: &str, body: &Value) -> Answer {
        if let Some(problem) = aws::problem(name, body) {
            return Err((400, "ValidationException", problem));
        }
        if !self.schedules.contains_key(name) {
            return Err(missing(format!("Schedule {name} does not exist.")));
        }
        Ok(self.replace(name, body))
    }

    /// All fields are replaced; what is not given takes its default.
    fn replace(&mut self, name: &str, body: &Value) -> Value {
        let arn = format!("arn:aws:scheduler:eu-central-1:123456789012:schedule/{GROUP}/{name}");
        let defaults = json!({
            "Arn": arn, "GroupName": GROUP, "Name": name, "State": "ENABLED", "ScheduleExpressionTimezone": "UTC",
            "ActionAfterCompletion": "NONE", "CreationDate": 1_795_327_200.5, "LastModificationDate": 1_795_327_200.5,
        });
        let mut fields = defaults.as_object().unwrap().clone();
        let given = REPLACED.iter().filter_map(|field| Some((*field, body.get(field)?)));
        fields.extend(given.map(|(field, value)| (field.to_owned(), value.clone())));
        self.schedules.insert(name.to_owned(), fields);
        json!({ "ScheduleArn": arn })
    }

    fn list(&self, query: &HashMap<String, String>) -> Answer {
        let after = query.get("NextToken").map_or("", String::as_str);
        let mut rest = self.schedules.iter().filter(|(name, _)| name.as_str() > after);
        let shown = |(name, fields): (&String, &Map<String, Value>)| {
            json!({
                "Name": name, "GroupName": GROUP, "State": fields["State"], "Arn": fields["Arn"],
                "Target": { "Arn": fields["Target"]["Arn"] }
            })
        };
        let page: Vec<_> = rest.by_ref().take(PAGE).map(shown).collect();
        let next = rest.next().and(page.last()).map(|last| last["Name"].clone());
        Ok(json!({ "Schedules": page, "NextToken": next }))
    }
}

fn missing(message: String) -> (u16, &'static str, String) {
    (404, "ResourceNotFoundException", message)
}

async fn serve(State(fake): State<Fake>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let name = path
        .strip_prefix("/schedules")
        .unwrap_or_default()
        .trim_start_matches('/')
        .to_owned();
    let pairs = parts
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    let query = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let verb = parts.method.as_str();

    fake.0.lock().unwrap().calls.push((verb.to_owned(), name.clone()));
    if let Some(hold) = fake.held(verb) {
        hold.arrived.notify_one();
        hold.release.await.unwrap();
    }
    match fake.fault(verb, &name) {
        Some((refusal, false)) => response(Err(refusal)),
        Some((lost, true)) => {
            fake.answer(&parts.method, &name, &query, &body).unwrap();
            response(Err(lost))
        }
        None => response(fake.answer(&parts.method, &name, &query, &body)),
    }
}

fn response(answer: Answer) -> Response<Body> {
    let (status, kind, body) = match answer {
        Ok(body) => (200, None, body),
        Err((status, kind, message)) => (status, Some(kind), json!({ "Message": message })),
    };
    let mut response = Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header("content-type", "application/json");
    if let Some(kind) = kind {
        response = response.header("x-amzn-errortype", kind);
    }
    response.body(Body::from(body.to_string())).unwrap()
}
