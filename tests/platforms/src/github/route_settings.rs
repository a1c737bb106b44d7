//! A repository's settings beyond its record: rulesets, hooks, keys, autolinks, pages, properties, alerts.

use axum::http::Method;
use serde_json::{Value, json};

use super::auth::Level;
use super::call::{Answer, Call, Reply, required_text};
use super::route_repo::plan_allows;
use super::settings::{find, id_of, list, ruleset, ruleset_summary, ruleset_view};
use super::state::{Fields, Repo, State};
use super::views::{fields, merged, repo_url};

/// Answers what lies below `/repos/{owner}/{repo}/` here, `None` for anything else.
pub(super) fn route(state: &mut State, call: &Call, owner: &str, name: &str, rest: &[&str]) -> Option<Answer> {
    let permission = match *rest.first()? {
        "rulesets" if call.is_read() => "metadata",
        "hooks" => "repository_hooks",
        "pages" => "pages",
        "properties" => "metadata",
        "rulesets" | "keys" | "autolinks" | "vulnerability-alerts" | "interaction-limits" => "administration",
        _ => return None,
    };
    let level = if call.is_read() { Level::Read } else { Level::Write };
    let repo = match state.repo_for(call, owner, name, permission, level) {
        Ok(repo) => repo,
        Err(refusal) => return Some(Err(refusal)),
    };
    let id = repo.id;
    let api = repo_url(&call.site, repo);
    Some(match (&call.method, rest) {
        (_, ["rulesets", rest @ ..]) => rulesets(state, call, id, rest),
        (&Method::GET, ["hooks"]) => list(call, &repo.hooks, |hook| hook_urls(&format!("{api}/hooks"), hook)),
        (&Method::GET, ["keys"]) => list(
            call,
            &repo.keys,
            |key| json!({"url": format!("{api}/keys/{}", id_of(key))}),
        ),
        (&Method::GET, ["autolinks"]) => Ok(Reply::ok(json!(repo.autolinks))),
        (&Method::POST, ["hooks"]) => add_hook(state, call, id, &format!("{api}/hooks")),
        (&Method::POST, ["keys"]) => add_key(state, call, id, &api),
        (&Method::POST, ["autolinks"]) => add_autolink(state, call, id),
        (&Method::GET, ["pages"]) => pages(call, repo),
        (&Method::POST | &Method::PUT, ["pages"]) => put_pages(state, call, id),
        (&Method::GET, ["properties", "values"]) => Ok(Reply::ok(property_values(&repo.properties))),
        (&Method::PATCH, ["properties", "values"]) => put_properties(state, call, id),
        (method, ["vulnerability-alerts"]) => alerts(state, method, id),
        (method, ["interaction-limits"]) => interaction_limits(state, call, method, id),
        _ => return None,
    })
}

fn rulesets(state: &mut State, call: &Call, id: u64, rest: &[&str]) -> Answer {
    let repo = &state.repos[&id];
    plan_allows(state, repo)?;
    let source = repo.full_name();
    let url = format!("{}/rulesets", repo_url(&call.site, repo));
    let admin = state
        .repo_for(call, &repo.owner, &repo.name, "administration", Level::Write)
        .is_ok();
    match (&call.method, rest) {
        (&Method::GET, []) => {
            let mut all: Vec<Value> = repo
                .rulesets
                .iter()
                .map(|one| ruleset_summary(one, "Repository", &source, &url))
                .collect();
            if call.choice("Ruleset", "includes_parents", &["true", "false"], "true")? == "true" {
                let org = &state.org;
                all.extend(
                    org.rulesets
                        .iter()
                        .map(|one| ruleset_summary(one, "Organization", &org.login, &url)),
                );
            }
            super::paging::numbered(call, all, super::paging::USUAL).array(|one| one)
        }
        (&Method::GET, [ruleset]) => {
            let view = |one: &Fields, kind: &str, source: &str| Reply::ok(ruleset_view(one, kind, source, &url, admin));
            match find(&repo.rulesets, ruleset) {
                Ok(one) => Ok(view(one, "Repository", &source)),
                Err(_) => Ok(view(
                    find(&state.org.rulesets, ruleset)?,
                    "Organization",
                    &state.org.login,
                )),
            }
        }
        (&Method::POST, []) => {
            let new = ruleset(&call.json()?, state.new_id(), call.now, call.now)?;
            let reply = Reply::json(201, ruleset_view(&new, "Repository", &source, &url, true));
            state.repo_by_id(id).rulesets.push(new);
            Ok(reply)
        }
        (&Method::PUT, [one]) => {
            let held = find(&repo.rulesets, one)?.clone();
            let new = changed_ruleset(held, &call.json()?, call.now)?;
            let reply = Reply::ok(ruleset_view(&new, "Repository", &source, &url, true));
            replace(&mut state.repo_by_id(id).rulesets, new);
            Ok(reply)
        }
        (&Method::DELETE, [one]) => {
            let gone = id_of(find(&repo.rulesets, one)?);
            state.repo_by_id(id).rulesets.retain(|ruleset| id_of(ruleset) != gone);
            Ok(Reply::empty(204))
        }
        _ => Err(Reply::not_found()),
    }
}

/// A ruleset with the given fields replaced; the rest stays.
pub(super) fn changed_ruleset(held: Fields, body: &Fields, now: jiff::Timestamp) -> Result<Fields, Reply> {
    let id = id_of(&held);
    let created = held
        .get("created_at")
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
        .unwrap_or(now);
    ruleset(&fields(merged(Value::Object(held), body)), id, created, now)
}

pub(super) fn replace(records: &mut [Fields], new: Fields) {
    if let Some(place) = records.iter_mut().find(|held| id_of(held) == id_of(&new)) {
        *place = new;
    }
}

/// What a hook has besides its settings; its secret is never shown.
pub(super) fn hook_urls(url: &str, hook: &Fields) -> Value {
    let own = format!("{url}/{}", id_of(hook));
    json!({
        "url": own,
        "test_url": format!("{own}/test"),
        "ping_url": format!("{own}/pings"),
        "deliveries_url": format!("{own}/deliveries"),
        "last_response": {"code": null, "status": "unused", "message": null},
    })
}

/// Checks a hook from a request body and masks its secret.
pub(super) fn hook(body: &Fields, id: u64, kind: &str, now: jiff::Timestamp) -> Result<Fields, Reply> {
    let mut config = body
        .get("config")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    required_text(&config, "Hook", "url")?;
    if config.contains_key("secret") {
        config.insert("secret".to_owned(), json!("********"));
    }
    Ok(fields(json!({
        "type": kind,
        "id": id,
        "name": "web",
        "active": body.get("active").and_then(Value::as_bool).unwrap_or(true),
        "events": body.get("events").cloned().unwrap_or_else(|| json!(["push"])),
        "config": config,
        "created_at": now,
        "updated_at": now,
    })))
}

fn add_hook(state: &mut State, call: &Call, id: u64, url: &str) -> Answer {
    let new = hook(&call.json()?, state.new_id(), "Repository", call.now)?;
    let view = merged(hook_urls(url, &new), &new);
    state.repo_by_id(id).hooks.push(new);
    Ok(Reply::json(201, view))
}

fn add_key(state: &mut State, call: &Call, id: u64, api: &str) -> Answer {
    let body = call.json()?;
    let key = required_text(&body, "PublicKey", "key")?;
    if state
        .repo_by_id(id)
        .keys
        .iter()
        .any(|held| held.get("key") == Some(&json!(key)))
    {
        return Err(Reply::error(422, "Validation Failed: key is already in use"));
    }
    let key_id = state.new_id();
    let new = fields(json!({
        "id": key_id,
        "key": key,
        "title": body.get("title").and_then(Value::as_str).unwrap_or(""),
        "verified": true,
        "created_at": call.now,
        "read_only": body.get("read_only").and_then(Value::as_bool).unwrap_or(false),
    }));
    let view = merged(json!({"url": format!("{api}/keys/{key_id}")}), &new);
    state.repo_by_id(id).keys.push(new);
    Ok(Reply::json(201, view))
}

fn add_autolink(state: &mut State, call: &Call, id: u64) -> Answer {
    let body = call.json()?;
    let new = fields(json!({
        "id": state.new_id(),
        "key_prefix": required_text(&body, "Autolink", "key_prefix")?,
        "url_template": required_text(&body, "Autolink", "url_template")?,
        "is_alphanumeric": body.get("is_alphanumeric").and_then(Value::as_bool).unwrap_or(true),
    }));
    let view = Value::Object(new.clone());
    state.repo_by_id(id).autolinks.push(new);
    Ok(Reply::json(201, view))
}

fn pages(call: &Call, repo: &Repo) -> Answer {
    let pages = repo.pages.as_ref().ok_or_else(Reply::not_found)?;
    let more = json!({
        "url": format!("{}/pages", repo_url(&call.site, repo)),
        "html_url": format!("https://{}.github.io/{}/", repo.owner, repo.name),
    });
    Ok(Reply::ok(merged(more, pages)))
}

fn put_pages(state: &mut State, call: &Call, id: u64) -> Answer {
    let body = call.json()?;
    let exists = state.repo_by_id(id).pages.is_some();
    let post = call.method == Method::POST;
    if post == exists {
        return Err(if post {
            Reply::error(409, "GitHub Pages is already enabled.")
        } else {
            Reply::not_found()
        });
    }
    let base = json!({"status": "built", "cname": null, "custom_404": false, "public": true, "https_enforced": true});
    let held = state.repo_by_id(id).pages.clone().unwrap_or_else(|| fields(base));
    state.repo_by_id(id).pages = Some(fields(merged(Value::Object(held), &body)));
    if post {
        let mut reply = pages(call, &state.repos[&id])?;
        reply.status = 201;
        return Ok(reply);
    }
    Ok(Reply::empty(204))
}

pub(super) fn property_values(properties: &Fields) -> Value {
    let value = |(name, value): (&String, &Value)| json!({"property_name": name, "value": value});
    Value::Array(properties.iter().map(value).collect())
}

fn put_properties(state: &mut State, call: &Call, id: u64) -> Answer {
    let body = call.json()?;
    let wanted = body.get("properties").and_then(Value::as_array);
    let wanted = wanted.ok_or_else(|| Reply::invalid("Property", "properties", "missing_field"))?;
    for one in wanted {
        let name = one.get("property_name").and_then(Value::as_str).unwrap_or("");
        let known = |schema: &Fields| schema.get("property_name").and_then(Value::as_str) == Some(name);
        if !state.org.property_schema.iter().any(known) {
            return Err(Reply::invalid("Property", "property_name", "invalid"));
        }
        let value = one.get("value").cloned().unwrap_or(Value::Null);
        state.repo_by_id(id).properties.insert(name.to_owned(), value);
    }
    Ok(Reply::empty(204))
}

fn alerts(state: &mut State, method: &Method, id: u64) -> Answer {
    match *method {
        Method::GET if state.repos[&id].vulnerability_alerts => return Ok(Reply::empty(204)),
        Method::GET => return Err(Reply::error(404, "Vulnerability alerts are disabled.")),
        Method::PUT => state.repo_by_id(id).vulnerability_alerts = true,
        Method::DELETE => state.repo_by_id(id).vulnerability_alerts = false,
        _ => return Err(Reply::not_found()),
    }
    Ok(Reply::empty(204))
}

/// No limit is an empty object, not a 404.
fn interaction_limits(state: &mut State, call: &Call, method: &Method, id: u64) -> Answer {
    if *method == Method::PUT {
        let limit = required_text(&call.json()?, "InteractionLimit", "limit")?;
        if !matches!(
            limit.as_str(),
            "existing_users" | "contributors_only" | "collaborators_only"
        ) {
            return Err(Reply::invalid("InteractionLimit", "limit", "invalid"));
        }
        let expires_at = super::limits::later(call.now, 86_400);
        let new = json!({"limit": limit, "origin": "repository", "expires_at": expires_at});
        state.repo_by_id(id).interaction_limit = Some(fields(new));
    } else if *method != Method::GET {
        return Err(Reply::not_found());
    }
    Ok(Reply::ok(json!(
        state.repos[&id].interaction_limit.clone().unwrap_or_default()
    )))
}
