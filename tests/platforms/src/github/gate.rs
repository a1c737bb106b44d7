//! The rules that hold for every API request: user agent, version, sign-in, limits, conditional requests.

use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use percent::decoded;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::auth::{Caller, Grant, Holder};
use super::call::{Call, Content, Reply, Site};
use super::limits::Bucket;
use super::state::State;

/// A request as it came in, before anything is known about it.
pub(super) struct Raw {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

const VERSIONS: &[&str] = &["2022-11-28", "2026-03-10"];

/// Fields that version 2026-03-10 no longer answers.
const REMOVED_2026: &[&str] = &["has_downloads", "use_squash_pr_title_as_default", "rate"];

pub(super) fn answer(state: &mut State, raw: Raw) -> Reply {
    if !raw.headers.contains_key("user-agent") {
        let message = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header \
                       (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required).\n";
        return Reply::bytes(403, "text/plain", Bytes::from_static(message.as_bytes()));
    }
    let version = header(&raw.headers, "x-github-api-version")
        .unwrap_or(VERSIONS[0])
        .to_owned();
    if !VERSIONS.contains(&version.as_str()) {
        let message = "The API version requested is not supported. See the documentation for supported versions.";
        return Reply::error(410, message);
    }
    let request_id = format!("{:04X}:{:06X}", state.new_id() % 65_536, state.last_id);
    let mut reply = signed_in(state, raw, &version)
        .with("x-github-api-version-selected", version.clone())
        .with("x-github-request-id", request_id)
        .with("x-github-media-type", "github.v3; format=json");
    if let (Content::Json(value), true) = (&mut reply.content, version == "2026-03-10") {
        remove_fields(value);
    }
    reply
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn signed_in(state: &mut State, raw: Raw, version: &str) -> Reply {
    let now = state.now();
    let as_app = raw.path == "/app" || raw.path.starts_with("/app/");
    let caller = match super::auth::caller(state, header(&raw.headers, "authorization"), now, as_app) {
        Ok(caller) => caller,
        Err(reply) => return reply,
    };
    if let Err(refusal) = sso(state, &raw, &caller) {
        return refusal;
    }
    let call = call(state, raw, caller);
    let first = call.segments.first().map_or("", String::as_str);
    if first == "rate_limit" && call.segments.len() == 1 {
        return rate_limit(state, &call);
    }
    let resource = if first == "graphql" { "graphql" } else { "core" };
    if let Err(refusal) = state.limits.check_secondary(&call, resource == "graphql") {
        return refusal;
    }
    let own_limit = state.own_limit(&call.caller);
    let bucket = *state.limits.bucket(&call.caller, resource, own_limit, now);
    let refusal = state.limits.check_primary(&call.caller, bucket);
    let mut reply = match refusal {
        Ok(()) => super::routes::route(state, &call).unwrap_or_else(|refusal| refusal),
        Err(refusal) => refusal,
    };
    if reply.status == 200 && call.is_read() {
        reply = conditional(state, &call, reply, version);
    }
    let bucket = state.limits.bucket(&call.caller, resource, own_limit, now);
    if reply.status != 304 && bucket.remaining() > 0 {
        bucket.used += 1;
    }
    let bucket = *bucket;
    with_limit_headers(reply, bucket, resource)
}

/// An organization with single sign-on refuses personal tokens that were not authorized for it; apps need not be.
fn sso(state: &State, raw: &Raw, caller: &Caller) -> Result<(), Reply> {
    let personal = matches!(caller, Caller::Token(grant) if !matches!(grant.holder, Holder::Installation(_)));
    let outside = raw.path.starts_with("/rate_limit") || raw.path.starts_with("/user");
    if !state.switches.sso || !personal || outside {
        return Ok(());
    }
    let message = "Resource protected by organization SAML enforcement. You must grant your Personal Access token \
                   access to this organization.";
    let host = header(&raw.headers, "host").unwrap_or("localhost");
    let url = format!("http://{host}/orgs/{}/sso?authorization_request=A1B2", state.org.login);
    Err(Reply::error(403, message).with("x-github-sso", format!("required; url={url}")))
}

fn with_limit_headers(reply: Reply, bucket: Bucket, resource: &str) -> Reply {
    reply
        .with("x-ratelimit-limit", bucket.limit.to_string())
        .with("x-ratelimit-remaining", bucket.remaining().to_string())
        .with("x-ratelimit-used", bucket.used.to_string())
        .with("x-ratelimit-reset", bucket.reset.as_second().to_string())
        .with("x-ratelimit-resource", resource)
}

/// Reads the request into a call. Numeric addresses become names, and links keep the numeric form, as on GitHub.
fn call(state: &State, raw: Raw, caller: Caller) -> Call {
    let host = header(&raw.headers, "host").unwrap_or("localhost");
    let site = Site {
        base: format!("http://{host}"),
    };
    let path = raw.path.strip_prefix("/api/v3").unwrap_or(&raw.path);
    let mut segments: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
    let id = segments.get(1).and_then(|text| text.parse::<u64>().ok());
    match (segments.first().map(String::as_str), id) {
        (Some("repositories"), Some(id)) => {
            if let Some(repo) = state.repos.get(&id) {
                segments.splice(..2, ["repos".to_owned(), repo.owner.clone(), repo.name.clone()]);
            }
        }
        (Some("organizations"), Some(id)) if id == state.org.id => {
            segments.splice(..2, ["orgs".to_owned(), state.org.login.clone()]);
        }
        _ => {}
    }
    let link_path = link_path(state, &segments);
    Call {
        method: if raw.method == Method::HEAD {
            Method::GET
        } else {
            raw.method
        },
        segments,
        link_path,
        query: form_urlencoded::parse(raw.query.as_bytes()).into_owned().collect(),
        now: state.now(),
        headers: raw.headers,
        body: raw.body,
        site,
        caller,
    }
}

fn link_path(state: &State, segments: &[String]) -> String {
    let encoded =
        |rest: &[String]| -> String { rest.iter().map(|part| format!("/{}", percent::encoded(part))).collect() };
    match segments {
        [first, owner, name, rest @ ..] if first == "repos" => match state.find_repo(owner, name) {
            Some(repo) => format!("/repositories/{}{}", repo.id, encoded(rest)),
            None => encoded(segments),
        },
        [first, login, rest @ ..] if first == "orgs" && login.eq_ignore_ascii_case(&state.org.login) => {
            format!("/organizations/{}{}", state.org.id, encoded(rest))
        }
        _ => encoded(segments),
    }
}

/// Adds the `ETag` (and `Last-Modified`, where a record says it), and answers 304 to a client that has this already.
fn conditional(state: &State, call: &Call, reply: Reply, version: &str) -> Reply {
    let Content::Json(value) = &reply.content else {
        return reply;
    };
    let mut hash = Sha256::new();
    hash.update(value.to_string());
    hash.update(version);
    hash.update(call.header("accept").unwrap_or(""));
    if state.switches.etags_vary_by_token {
        hash.update(call.header("authorization").unwrap_or(""));
    }
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("W/\"{digest}\"");
    let modified = value
        .get("updated_at")
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
        .map(http_date);
    let strong = etag.trim_start_matches("W/").to_owned();
    let same_tag = call.header("if-none-match").map(|held| {
        held.split(',')
            .any(|one| matches!(one.trim(), "*") || one.trim().trim_start_matches("W/") == strong)
    });
    let same_date = modified.is_some() && modified.as_deref() == call.header("if-modified-since");
    let unchanged = same_tag.unwrap_or(same_date);
    let mut reply = if unchanged { Reply::empty(304) } else { reply };
    if let Some(date) = modified {
        reply = reply.with("last-modified", date);
    }
    reply
        .with("etag", etag)
        .with("cache-control", "private, max-age=60, s-maxage=60")
        .with(
            "vary",
            "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With",
        )
}

fn http_date(time: jiff::Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn rate_limit(state: &mut State, call: &Call) -> Reply {
    let own_limit = state.own_limit(&call.caller);
    let mut view = |resource: &str| {
        let bucket = state.limits.bucket(&call.caller, resource, own_limit, call.now);
        json!({
            "limit": bucket.limit,
            "remaining": bucket.remaining(),
            "reset": bucket.reset.as_second(),
            "used": bucket.used,
            "resource": resource,
        })
    };
    let (core, graphql) = (view("core"), view("graphql"));
    let search =
        json!({"limit": 30, "remaining": 30, "reset": call.now.as_second() + 60, "used": 0, "resource": "search"});
    let resources = json!({"core": core, "graphql": graphql, "search": search});
    Reply::ok(json!({"rate": resources["core"], "resources": resources}))
}

impl State {
    /// GitHub's own limit: an installation gets more with the organization's size.
    pub(super) fn own_limit(&self, caller: &Caller) -> u64 {
        match caller {
            Caller::Token(Grant {
                holder: Holder::Installation(_),
                ..
            }) => {
                let repos = self.repos.len().saturating_sub(20) as u64;
                let members = self.org.members.len().saturating_sub(20) as u64;
                (5_000 + 50 * (repos + members)).min(12_500)
            }
            _ => 5_000,
        }
    }
}

fn remove_fields(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(remove_fields),
        Value::Object(fields) => {
            fields.retain(|name, _| !REMOVED_2026.contains(&name.as_str()));
            fields.values_mut().for_each(remove_fields);
        }
        _ => {}
    }
}

/// Percent coding of path segments.
mod percent {
    use std::fmt::Write;

    pub(super) fn decoded(text: &str) -> String {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((&byte, tail)) = rest.split_first() {
            let code = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
            match code
                .filter(|_| byte == b'%')
                .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            {
                Some(code) => {
                    bytes.push(code);
                    rest = &tail[2..];
                }
                None => {
                    bytes.push(byte);
                    rest = tail;
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(super) fn encoded(text: &str) -> String {
        let mut coded = String::with_capacity(text.len());
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                coded.push(char::from(byte));
            } else {
                write!(coded, "%{byte:02X}").expect("writing to a string cannot fail");
            }
        }
        coded
    }
}
