//! The HTTP API of Practice CRM.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::table::{Fields, Row, Table, merge, show_time};
use super::{Crm, FULL_TOKEN, LIMITED_TOKEN, READ_ONLY_TOKEN, State, file_fields};
use crate::exchange::{Answer, Ask};

/// How long a paging token is good for.
const CURSOR_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn error_body(code: &str, message: &str, field: Option<&str>) -> Value {
    match field {
        Some(field) => json!({"error": {"code": code, "message": message, "field": field}}),
        None => json!({"error": {"code": code, "message": message}}),
    }
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(status, &error_body(code, message, None))
}

fn bad_parameter(name: &str, message: &str) -> Answer {
    Answer::json(400, &error_body("invalid_parameter", message, Some(name)))
}

fn not_found() -> Answer {
    error(404, "not_found", "there is nothing here")
}

pub(super) fn answer(crm: &Crm, ask: &Ask) -> Answer {
    let now = crm.clock.now();
    let mut state = crm.lock();
    if state.throttled(now) {
        return error(429, "rate_limited", "too many requests in this second").header("retry-after", 1);
    }
    let token = match ask.bearer() {
        None => return error(401, "missing_token", "send Authorization: Bearer"),
        Some(FULL_TOKEN) => "full",
        Some(READ_ONLY_TOKEN) => "read_only",
        Some(LIMITED_TOKEN) => "limited",
        Some(_) => return error(401, "invalid_token", "this token is not known"),
    };
    let parts: Vec<&str> = ask.segments.iter().map(String::as_str).collect();
    let Some(("v1", rest)) = parts.split_first().map(|(first, rest)| (*first, rest)) else {
        return not_found();
    };
    if rest == ["me"] {
        return Answer::json(200, &json!({"account": state.account, "token": token}));
    }
    let Some((resource, rest)) = rest.split_first() else {
        return not_found();
    };
    if state.tables.get(resource).is_none() {
        return not_found();
    }
    if token == "limited" && *resource == "automations" {
        return error(403, "missing_scope", "this token lacks the scope for this resource");
    }
    if ask.method != "GET" && token != "full" {
        return error(403, "read_only_token", "this token may only read");
    }
    route(&mut state, ask, resource, rest, now)
}

fn route(state: &mut State, ask: &Ask, resource: &str, rest: &[&str], now: Timestamp) -> Answer {
    let id = rest.first().and_then(|id| id.parse::<u64>().ok());
    match (ask.method.as_str(), rest, id) {
        ("GET", [], _) => list(state, ask, resource, now),
        ("GET", ["deleted"], _) => deletions(state, ask, resource, now),
        ("GET", [_], Some(id)) => one(state, ask, resource, id, 200),
        ("GET", [_, "content"], Some(id)) if resource == "attachments" => content(state, id),
        ("POST" | "PATCH" | "DELETE", _, _) if resource == "owners" => not_allowed(),
        ("POST", [], _) if resource == "attachments" => upload(state, ask, now),
        ("POST", [], _) => create(state, ask, resource, now),
        ("PATCH", [_], Some(id)) => change(state, ask, resource, id, now),
        ("DELETE", [_], Some(id)) => delete(state, resource, id, now),
        (_, [] | [_], _) if !matches!(ask.method.as_str(), "GET") => not_allowed(),
        _ => not_found(),
    }
}

fn not_allowed() -> Answer {
    error(405, "method_not_allowed", "this resource does not take this method")
}

impl State {
    /// Counts the request; true when it is one too many for this second.
    fn throttled(&mut self, now: Timestamp) -> bool {
        let Some(limit) = self.limit_per_second else {
            return false;
        };
        let here = Instant::now();
        let fresh = self.window.is_none_or(|(real, simulated, _)| {
            here.duration_since(real) >= Duration::from_secs(1) || now.duration_since(simulated).as_secs() != 0
        });
        let (real, simulated, used) = match self.window {
            Some(window) if !fresh => window,
            _ => (here, now, 0),
        };
        self.window = Some((real, simulated, used + 1));
        used >= limit
    }
}

/// Where a page starts and how long it is.
struct Page {
    limit: usize,
    since: Timestamp,
    after: Option<(Timestamp, u64)>,
}

impl Page {
    fn read(ask: &Ask, since_name: &str, now: Timestamp) -> Result<Self, Answer> {
        let known = ["limit", "after", since_name];
        if let Some((name, _)) = ask.query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            let body = error_body(
                "unknown_parameter",
                "this list does not take this parameter",
                Some(name),
            );
            return Err(Answer::json(400, &body));
        }
        let limit = ask.param("limit").map_or(Ok(20), str::parse::<usize>);
        let limit = limit.ok().filter(|limit| (1..=100).contains(limit));
        let limit = limit.ok_or_else(|| bad_parameter("limit", "a number from 1 to 100"))?;
        let since = ask
            .param(since_name)
            .map_or(Ok(Timestamp::MIN), str::parse::<Timestamp>);
        let since = since.map_err(|_| bad_parameter(since_name, "a time as in RFC 3339, with offset"))?;
        let after = match ask.param("after") {
            None => None,
            Some(token) => Some(read_cursor(token, now).ok_or_else(|| {
                error(
                    400,
                    "invalid_cursor",
                    "the cursor is not one of ours, or older than 24 hours",
                )
            })?),
        };
        Ok(Self { limit, since, after })
    }
}

fn write_cursor((time, id): (Timestamp, u64), now: Timestamp) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}|{}|{id}", now.as_second(), time.as_nanosecond()))
}

fn read_cursor(token: &str, now: Timestamp) -> Option<(Timestamp, u64)> {
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let mut parts = plain.split('|');
    let issued: i64 = parts.next()?.parse().ok()?;
    let time = Timestamp::from_nanosecond(parts.next()?.parse().ok()?).ok()?;
    let id = parts.next()?.parse().ok()?;
    let life = i64::try_from(CURSOR_LIFE.as_secs()).ok()?;
    (now.as_second() - issued <= life).then_some((time, id))
}

fn list(state: &State, ask: &Ask, resource: &str, now: Timestamp) -> Answer {
    let Some(table) = state.tables.get(resource) else {
        return not_found();
    };
    let page = match Page::read(ask, "updated_since", now) {
        Ok(page) => page,
        Err(answer) => return answer,
    };
    let total = if page.since == Timestamp::MIN {
        table.len()
    } else {
        table.changed_since(page.since).count()
    };
    let (from, last) = (
        page.after.map_or(page.since, |(time, _)| time.max(page.since)),
        page.after,
    );
    let walk = table
        .changed_since(from)
        .filter(|place| last.is_none_or(|last| *place > last));
    paged(walk, page.limit, total, now, |(_, id)| {
        table.get(id).map(|row| show(ask, table, id, row))
    })
}

fn deletions(state: &State, ask: &Ask, resource: &str, now: Timestamp) -> Answer {
    let Some(table) = state.tables.get(resource) else {
        return not_found();
    };
    let page = match Page::read(ask, "since", now) {
        Ok(page) => page,
        Err(answer) => return answer,
    };
    let total = table.deleted_since(page.since).count();
    let walk = table
        .deleted_since(page.since)
        .filter(|place| page.after.is_none_or(|last| *place > last));
    let show = |(time, id)| Some(json!({"id": id, "deleted_at": show_time(time)}));
    paged(walk, page.limit, total, now, show)
}

fn paged(
    walk: impl Iterator<Item = (Timestamp, u64)>,
    limit: usize,
    total: usize,
    now: Timestamp,
    show: impl Fn((Timestamp, u64)) -> Option<Value>,
) -> Answer {
    let mut places: Vec<(Timestamp, u64)> = walk.take(limit + 1).collect();
    let more = places.len() > limit;
    places.truncate(limit);
    let next = places.last().filter(|_| more).map(|last| write_cursor(*last, now));
    let results: Vec<Value> = places.into_iter().filter_map(show).collect();
    Answer::json(
        200,
        &json!({"results": results, "paging": {"next": next}, "total": total}),
    )
}

fn show(ask: &Ask, table: &Table, id: u64, row: &Row) -> Value {
    let mut fields = row.fields.clone();
    fields.insert("id".to_owned(), id.into());
    fields.insert("created_at".to_owned(), show_time(row.created_at).into());
    fields.insert("updated_at".to_owned(), show_time(row.updated_at).into());
    if table.schema.name == "attachments" {
        let host = ask.header("host").unwrap_or("localhost");
        fields.insert(
            "content_url".to_owned(),
            format!("http://{host}/v1/attachments/{id}/content").into(),
        );
    }
    Value::Object(fields)
}

fn one(state: &State, ask: &Ask, resource: &str, id: u64, status: u16) -> Answer {
    let found = state
        .tables
        .get(resource)
        .and_then(|table| table.get(id).map(|row| show(ask, table, id, row)));
    found.map_or_else(not_found, |record| Answer::json(status, &record))
}

fn content(state: &State, id: u64) -> Answer {
    let row = state.tables.get("attachments").and_then(|table| table.get(id));
    let (Some(row), Some(bytes)) = (row, state.contents.get(&id)) else {
        return not_found();
    };
    let text = |name: &str| row.fields.get(name).and_then(Value::as_str).unwrap_or_default();
    Answer::bytes(200, text("content_type"), bytes.clone()).header("etag", format!("\"{}\"", text("sha256")))
}

/// The body as judged fields.
fn fields_of(state: &State, ask: &Ask, resource: &str, whole: bool) -> Result<Fields, Answer> {
    let Some(Value::Object(mut body)) = ask.json() else {
        return Err(error(400, "invalid_json", "the body must be a JSON object"));
    };
    let Some(table) = state.tables.get(resource) else {
        return Err(not_found());
    };
    let created_at = if whole { body.remove("created_at") } else { None };
    if let Err(problem) = state.tables.judge(table.schema, &body, whole) {
        return Err(Answer::json(
            422,
            &error_body(problem.code, &problem.message, Some(&problem.field)),
        ));
    }
    if let Some(time) = created_at {
        body.insert("created_at".to_owned(), time);
    }
    Ok(body)
}

fn create(state: &mut State, ask: &Ask, resource: &str, now: Timestamp) -> Answer {
    let mut fields = match fields_of(state, ask, resource, true) {
        Ok(fields) => fields,
        Err(answer) => return answer,
    };
    let created_at = match fields.remove("created_at") {
        None => now,
        Some(given) => match given.as_str().and_then(|text| text.parse().ok()) {
            Some(time) => time,
            None => return Answer::json(422, &error_body("invalid_value", "expected a time", Some("created_at"))),
        },
    };
    if let Some(table) = state.tables.get(resource) {
        for field in table.schema.fields {
            fields.entry(field.name).or_insert(Value::Null);
        }
    }
    let id = state.tables.insert(resource, fields, created_at, now);
    one(state, ask, resource, id, 201)
}

fn change(state: &mut State, ask: &Ask, resource: &str, id: u64, now: Timestamp) -> Answer {
    if state.tables.get(resource).is_none_or(|table| table.get(id).is_none()) {
        return not_found();
    }
    match fields_of(state, ask, resource, false) {
        Err(answer) => answer,
        Ok(changes) => {
            state.tables.edit(resource, id, now, |fields| merge(fields, changes));
            one(state, ask, resource, id, 200)
        }
    }
}

fn delete(state: &mut State, resource: &str, id: u64, now: Timestamp) -> Answer {
    match state.tables.remove(resource, id, now) {
        true => {
            state.contents.remove(&id);
            Answer::empty(204)
        }
        false => not_found(),
    }
}

fn upload(state: &mut State, ask: &Ask, now: Timestamp) -> Answer {
    let content_type = ask
        .header("content-type")
        .unwrap_or("application/octet-stream")
        .to_owned();
    let name = ask.header("content-disposition").and_then(file_name);
    let Some(name) = name.filter(|_| !content_type.starts_with("application/json")) else {
        return bad_parameter(
            "Content-Disposition",
            "send the raw bytes and attachment; filename=\"...\"",
        );
    };
    let fields = file_fields(&name, &content_type, &ask.body);
    let id = state.tables.insert("attachments", fields, now, now);
    state.contents.insert(id, ask.body.clone());
    one(state, ask, "attachments", id, 201)
}

/// The file name of `attachment; filename="offer.pdf"`.
fn file_name(disposition: &str) -> Option<String> {
    let (_, name) = disposition.split_once("filename=")?;
    let name = name.split(';').next()?.trim().trim_matches('"');
    (!name.is_empty()).then(|| name.to_owned())
}
