//! The HTTP API of Practice Books.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::table::{Fields, Row, Table, merge, show_time};
use super::{Books, CLIENT, READ_ONLY_CLIENT, State, is_voided};
use crate::exchange::{Answer, Ask};

const TOKEN_LIFE_S: u64 = 1800;
const DAY_S: i64 = 24 * 60 * 60;

pub(super) fn error_body(code: &str, message: &str, field: Option<&str>) -> Value {
    let details = field.map_or_else(|| json!({}), |field| json!({"field": field}));
    json!({"code": code, "message": message, "details": details})
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(status, &error_body(code, message, None))
}

fn bad_request(field: &str, message: &str) -> Answer {
    Answer::json(400, &error_body("bad_request", message, Some(field)))
}

fn not_found() -> Answer {
    error(404, "not_found", "there is nothing here")
}

fn not_allowed() -> Answer {
    error(405, "method_not_allowed", "this resource does not take this method")
}

pub(super) fn answer(books: &Books, ask: &Ask) -> Answer {
    let now = books.clock.now();
    let mut state = books.lock();
    let parts: Vec<&str> = ask.segments.iter().map(String::as_str).collect();
    match (ask.method.as_str(), parts.as_slice()) {
        ("POST", ["oauth", "token"]) => issue(&mut state, ask, now),
        (_, ["oauth", "token"]) => not_allowed(),
        (_, ["api", rest @ ..]) => {
            let answer = metered(&mut state, ask, rest, now);
            state.with_quota(answer, now)
        }
        _ => not_found(),
    }
}

fn issue(state: &mut State, ask: &Ask, now: Timestamp) -> Answer {
    let form = ask.form();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    if field("grant_type").as_deref() != Some("client_credentials") {
        return Answer::json(400, &json!({"error": "unsupported_grant_type"}));
    }
    let client = ask
        .basic()
        .or_else(|| Some((field("client_id")?, field("client_secret")?)));
    let client = client.as_ref().map(|(id, secret)| (id.as_str(), secret.as_str()));
    let writes = match client {
        Some(client) if client == CLIENT => true,
        Some(client) if client == READ_ONLY_CLIENT => false,
        _ => return Answer::json(401, &json!({"error": "invalid_client"})),
    };
    state.issued += 1;
    let token = format!("pbk-{}-{}", state.issued, now.as_second());
    let expiry = now
        .saturating_add(Duration::from_secs(TOKEN_LIFE_S))
        .unwrap_or(Timestamp::MAX);
    state.tokens.insert(token.clone(), (expiry, writes));
    let scope = if writes { "read write" } else { "read" };
    let body = json!({"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LIFE_S, "scope": scope});
    Answer::json(200, &body)
}

impl State {
    fn with_quota(&self, answer: Answer, now: Timestamp) -> Answer {
        let reset = (now.as_second().div_euclid(DAY_S) + 1) * DAY_S;
        answer
            .header("x-quota-limit", self.quota_limit)
            .header("x-quota-remaining", self.quota_limit.saturating_sub(self.quota_used))
            .header("x-quota-reset", reset)
    }

    /// Counts the request; true when the day's quota is used up.
    fn exhausted(&mut self, now: Timestamp) -> bool {
        let day = now.as_second().div_euclid(DAY_S);
        if day != self.quota_day {
            (self.quota_day, self.quota_used) = (day, 0);
        }
        if self.quota_used >= self.quota_limit {
            return true;
        }
        self.quota_used += 1;
        false
    }

    /// Whether the token may write.
    fn permission(&self, ask: &Ask, now: Timestamp) -> Result<bool, Answer> {
        match ask.bearer().and_then(|token| self.tokens.get(token)) {
            None => Err(error(401, "unauthorized", "ask /oauth/token for a token")),
            Some((expiry, _)) if *expiry <= now => Err(error(401, "token_expired", "ask /oauth/token for a new token")),
            Some((_, writes)) => Ok(*writes),
        }
    }
}

fn metered(state: &mut State, ask: &Ask, rest: &[&str], now: Timestamp) -> Answer {
    let writes = match state.permission(ask, now) {
        Ok(writes) => writes,
        Err(answer) => return answer,
    };
    if state.exhausted(now) {
        let wait_s = DAY_S - now.as_second().rem_euclid(DAY_S);
        return error(429, "quota_exhausted", "the quota of the day is used up").header("retry-after", wait_s);
    }
    if !writes && (ask.method != "GET" || rest.first() == Some(&"settings")) {
        return error(403, "insufficient_scope", "this client may not do this");
    }
    match (ask.method.as_str(), rest) {
        ("GET", ["settings"]) => show_settings(state),
        ("PATCH", ["settings"]) => change_settings(state, ask, now),
        (_, ["settings"]) => not_allowed(),
        (_, [resource, rest @ ..]) if state.tables.get(resource).is_some() => route(state, ask, resource, rest, now),
        _ => not_found(),
    }
}

fn route(state: &mut State, ask: &Ask, resource: &str, rest: &[&str], now: Timestamp) -> Answer {
    let voids = matches!(resource, "invoices" | "payments");
    let id = rest.first().and_then(|id| state.read(resource, id));
    match (ask.method.as_str(), rest, id) {
        ("GET", [], _) => list(state, ask, resource),
        ("POST", [], _) => create_once(state, ask, resource, now),
        (_, [], _) => not_allowed(),
        (_, _, None) => not_found(),
        ("GET", [_], Some(id)) => one(state, resource, id, 200),
        ("PATCH", [_], Some(id)) => change(state, ask, resource, id, now),
        ("DELETE", [_], Some(id)) if !voids => delete(state, resource, id, now),
        (_, [_], _) => not_allowed(),
        ("POST", [_, "void"], Some(id)) if voids => match state.void(resource, id, now) {
            true => one(state, resource, id, 200),
            false => already_voided(),
        },
        _ => not_found(),
    }
}

fn already_voided() -> Answer {
    error(409, "already_voided", "a voided record stays as it is")
}

fn list(state: &State, ask: &Ask, resource: &str) -> Answer {
    let Some(table) = state.tables.get(resource) else {
        return not_found();
    };
    let known: &[&str] = match resource {
        "invoices" | "payments" => &["offset", "limit", "modified_since", "status"],
        _ => &["offset", "limit", "modified_since"],
    };
    if let Some((name, _)) = ask.query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        return bad_request(name, "this list does not take this parameter");
    }
    let Ok(offset) = ask.param("offset").map_or(Ok(0), str::parse::<usize>) else {
        return bad_request("offset", "a number from 0");
    };
    let limit = ask.param("limit").map_or(Ok(50), str::parse::<usize>);
    let Some(limit) = limit.ok().filter(|limit| (1..=200).contains(limit)) else {
        return bad_request("limit", "a number from 1 to 200");
    };
    let since = match ask.param("modified_since").map(str::parse::<Timestamp>).transpose() {
        Ok(since) => since,
        Err(_) => return bad_request("modified_since", "a time as in RFC 3339, with offset"),
    };
    let status = ask.param("status");
    let statuses: &[&str] = if resource == "invoices" {
        &["open", "paid", "voided"]
    } else {
        &["cleared", "voided"]
    };
    if status.is_some_and(|status| !statuses.contains(&status)) {
        return bad_request("status", "not one of the statuses");
    }
    let ids: Box<dyn Iterator<Item = u64>> = match since {
        None => Box::new(table.ids()),
        Some(since) => Box::new(table.changed_since(since).map(|(_, id)| id)),
    };
    page(table, ids, offset, limit, status)
}

fn page(table: &Table, ids: impl Iterator<Item = u64>, offset: usize, limit: usize, status: Option<&str>) -> Answer {
    let matches = |id: &u64| {
        status.is_none_or(|status| {
            table
                .get(*id)
                .and_then(|row| row.fields.get("status"))
                .and_then(Value::as_str)
                == Some(status)
        })
    };
    let ids: Vec<u64> = ids.filter(matches).collect();
    let wanted = ids.iter().skip(offset).take(limit);
    let items: Vec<Value> = wanted
        .filter_map(|id| table.get(*id).map(|row| show(table, *id, row)))
        .collect();
    Answer::json(
        200,
        &json!({"items": items, "offset": offset, "limit": limit, "total": ids.len()}),
    )
}

fn show(table: &Table, id: u64, row: &Row) -> Value {
    let mut fields = row.fields.clone();
    fields.insert("id".to_owned(), table.schema.show_id(id));
    fields.insert("created_at".to_owned(), show_time(row.created_at).into());
    fields.insert("modified_at".to_owned(), show_time(row.updated_at).into());
    Value::Object(fields)
}

fn one(state: &State, resource: &str, id: u64, status: u16) -> Answer {
    let found = state
        .tables
        .get(resource)
        .and_then(|table| table.get(id).map(|row| show(table, id, row)));
    found.map_or_else(not_found, |record| Answer::json(status, &record))
}

fn judged(state: &State, ask: &Ask, resource: &str, whole: bool) -> Result<Fields, Answer> {
    let Some(Value::Object(body)) = ask.json() else {
        return Err(error(400, "bad_request", "the body must be a JSON object"));
    };
    let Some(table) = state.tables.get(resource) else {
        return Err(not_found());
    };
    match state.tables.judge(table.schema, &body, whole) {
        Ok(()) => Ok(body),
        Err(problem) => Err(Answer::json(
            422,
            &error_body(problem.code, &problem.message, Some(&problem.field)),
        )),
    }
}

/// Creates, unless the same `Idempotency-Key` did so within a day.
fn create_once(state: &mut State, ask: &Ask, resource: &str, now: Timestamp) -> Answer {
    let Some(key) = ask.header("idempotency-key").map(|key| format!("{resource} {key}")) else {
        return create(state, ask, resource, now);
    };
    if let Some((at, id)) = state.created.get(&key)
        && now.duration_since(*at).as_secs() < DAY_S
    {
        return one(state, resource, *id, 201);
    }
    let answer = create(state, ask, resource, now);
    if answer.status == 201 {
        let newest = state.tables.get(resource).and_then(|table| table.ids().last());
        state.created.extend(newest.map(|id| (key, (now, id))));
    }
    answer
}

fn create(state: &mut State, ask: &Ask, resource: &str, now: Timestamp) -> Answer {
    let mut fields = match judged(state, ask, resource, true) {
        Ok(fields) => fields,
        Err(answer) => return answer,
    };
    if let Some(table) = state.tables.get(resource) {
        for field in table.schema.fields {
            fields.entry(field.name).or_insert(Value::Null);
        }
    }
    match resource {
        "invoices" => {
            let number = state.next_invoice;
            state.next_invoice += 1;
            if fields.get("number").is_none_or(Value::is_null) {
                let prefix = state
                    .settings
                    .get("invoice_prefix")
                    .and_then(Value::as_str)
                    .unwrap_or("INV");
                fields.insert("number".to_owned(), format!("{prefix}-{number:05}").into());
            }
            fields.insert("status".to_owned(), "open".into());
        }
        "payments" => {
            fields.insert("status".to_owned(), "cleared".into());
        }
        _ => {}
    }
    let invoice = fields.get("invoice_id").and_then(Value::as_str).map(str::to_owned);
    let id = state.tables.insert(resource, fields, now, now);
    if let Some(invoice) = invoice {
        state.settle(&invoice, now);
    }
    one(state, resource, id, 201)
}

fn change(state: &mut State, ask: &Ask, resource: &str, id: u64, now: Timestamp) -> Answer {
    let row = state.tables.get(resource).and_then(|table| table.get(id));
    if row.is_some_and(|row| is_voided(&row.fields)) {
        return already_voided();
    }
    match judged(state, ask, resource, false) {
        Err(answer) => answer,
        Ok(changes) => {
            state.tables.edit(resource, id, now, |fields| merge(fields, changes));
            one(state, resource, id, 200)
        }
    }
}

fn delete(state: &mut State, resource: &str, id: u64, now: Timestamp) -> Answer {
    let shown = Value::from(state.show(resource, id));
    let holders = state.tables.references_to(resource, &shown);
    let in_use = holders.iter().any(|(table, _, holder)| {
        state
            .tables
            .get(table)
            .and_then(|table| table.get(*holder))
            .is_some_and(|row| !is_voided(&row.fields))
    });
    if in_use {
        return error(409, "in_use", "invoices that are not voided refer to it");
    }
    state.tables.remove(resource, id, now);
    Answer::empty(204)
}

fn show_settings(state: &State) -> Answer {
    let mut fields = state.settings.clone();
    fields.insert("modified_at".to_owned(), show_time(state.settings_modified_at).into());
    Answer::json(200, &Value::Object(fields))
}

fn change_settings(state: &mut State, ask: &Ask, now: Timestamp) -> Answer {
    let Some(Value::Object(changes)) = ask.json() else {
        return error(400, "bad_request", "the body must be a JSON object");
    };
    if let Some(name) = changes.keys().find(|name| !state.settings.contains_key(*name)) {
        let code = if name == "modified_at" {
            "read_only_field"
        } else {
            "unknown_field"
        };
        return Answer::json(422, &error_body(code, "settings have no such field to set", Some(name)));
    }
    state.settings.extend(changes);
    state.settings_modified_at = now;
    show_settings(state)
}
