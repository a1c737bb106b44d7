//! GitHub Apps: an app signs itself in, and mints tokens of an hour for its installation.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use serde_json::{Value, json};

use super::auth::{App, Caller, Grant, Holder, Level};
use super::call::{Answer, Call, Reply};
use super::limits::later;
use super::paging::{USUAL, numbered};
use super::state::{Fields, Repo, State};
use super::views::{node_id, repo_minimal};

const TOKEN_FOR_S: i64 = 3600;

pub(super) fn route(state: &mut State, call: &Call, segments: &[&str]) -> Answer {
    match (&call.method, segments) {
        (&Method::GET, ["app"]) => Ok(Reply::ok(integration(state, call))),
        (&Method::GET, ["app", "installations"]) => {
            let all = vec![installation(state, call)];
            numbered(call, all, USUAL).array(|one| one)
        }
        (&Method::GET, ["app", "installations", id]) if is_ours(state, id) => Ok(Reply::ok(installation(state, call))),
        (&Method::POST, ["app", "installations", id, "access_tokens"]) if is_ours(state, id) => mint(state, call),
        (&Method::GET, ["installation", "repositories"]) => repositories(state, call),
        _ => Err(Reply::not_found()),
    }
}

fn is_ours(state: &State, id: &str) -> bool {
    state.app.as_ref().is_some_and(|app| app.installation.to_string() == id)
}

fn permission_words(permissions: &BTreeMap<String, Level>) -> Fields {
    permissions
        .iter()
        .map(|(name, level)| (name.clone(), json!(level.word())))
        .collect()
}

fn integration(state: &State, call: &Call) -> Value {
    let Some(app) = &state.app else { return Value::Null };
    json!({
        "id": app.id,
        "slug": app.slug,
        "node_id": node_id("A", app.id),
        "client_id": app.client_id,
        "owner": state.person(&call.site, &state.org.login),
        "name": app.slug,
        "description": null,
        "external_url": format!("{}/apps/{}", call.site.base, app.slug),
        "html_url": format!("{}/apps/{}", call.site.base, app.slug),
        "created_at": app.created_at,
        "updated_at": app.created_at,
        "permissions": permission_words(&app.permissions),
        "events": [],
    })
}

fn installation(state: &State, call: &Call) -> Value {
    let Some(app) = &state.app else { return Value::Null };
    let base = &call.site.base;
    json!({
        "id": app.installation,
        "account": state.person(&call.site, &state.org.login),
        "repository_selection": "all",
        "access_tokens_url": format!("{base}/app/installations/{}/access_tokens", app.installation),
        "repositories_url": format!("{base}/installation/repositories"),
        "html_url": format!("{base}/organizations/{}/settings/installations/{}", state.org.login, app.installation),
        "app_id": app.id,
        "app_slug": app.slug,
        "client_id": app.client_id,
        "target_id": state.org.id,
        "target_type": "Organization",
        "permissions": permission_words(&app.permissions),
        "events": [],
        "created_at": app.created_at,
        "updated_at": app.created_at,
        "single_file_name": null,
        "suspended_by": null,
        "suspended_at": null,
    })
}

pub(super) fn of_org(state: &State, call: &Call) -> Answer {
    let all = if state.app.is_some() {
        vec![installation(state, call)]
    } else {
        Vec::new()
    };
    numbered(call, all, USUAL).counted("installations", |one| one)
}

/// Mints an installation token, for all the app may do or for less, but never for more.
fn mint(state: &mut State, call: &Call) -> Answer {
    let body = call.json()?;
    let app = state.app.as_ref().ok_or_else(Reply::not_found)?;
    let permissions = wished_permissions(app, &body)?;
    let repositories = wished_repositories(state, &body)?;
    let (app_id, installation) = (app.id, app.installation);
    let expires_at = later(call.now, TOKEN_FOR_S);
    let serial = state.new_id();
    // The newer, longer form of tokens: nobody may assume forty characters.
    let token = format!("ghs_{app_id}_{}", long_tail(serial, call.now.as_second()));
    let grant = Grant {
        holder: Holder::Installation(installation),
        permissions: permissions.clone(),
        repositories: repositories.clone(),
        expires_at: Some(expires_at),
    };
    state.tokens.insert(token.clone(), grant);
    let mut view = json!({
        "token": token,
        "expires_at": expires_at,
        "permissions": permission_words(&permissions),
        "repository_selection": if repositories.is_some() { "selected" } else { "all" },
    });
    if let Some(repositories) = repositories {
        let listed: Vec<Value> = repositories
            .iter()
            .filter_map(|id| state.repos.get(id))
            .map(|repo| repo_minimal(state, &call.site, repo, false))
            .collect();
        view["repositories"] = Value::Array(listed);
    }
    Ok(Reply::json(201, view))
}

fn long_tail(serial: u64, time_s: i64) -> String {
    use base64::Engine;
    let claims = json!({"jti": serial, "iat": time_s, "aud": "simulated", "note": "opaque to clients"}).to_string();
    let coded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims);
    format!("eyJhbGciOiJub25lIn0.{coded}.c2lnbmF0dXJl")
}

fn wished_permissions(app: &App, body: &Fields) -> Result<BTreeMap<String, Level>, Reply> {
    let Some(wished) = body
        .get("permissions")
        .and_then(Value::as_object)
        .filter(|wished| !wished.is_empty())
    else {
        return Ok(app.permissions.clone());
    };
    let mut permissions = BTreeMap::new();
    for (name, word) in wished {
        let level = word.as_str().and_then(Level::from_word);
        let level = level.ok_or_else(|| Reply::invalid("Installation", "permissions", "invalid"))?;
        if app.permissions.get(name).is_none_or(|held| *held < level) {
            return Err(Reply::error(
                422,
                "The permissions requested are not granted to this installation.",
            ));
        }
        permissions.insert(name.clone(), level);
    }
    Ok(permissions)
}

fn wished_repositories(state: &State, body: &Fields) -> Result<Option<BTreeSet<u64>>, Reply> {
    let refused = || {
        Reply::error(
            422,
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        )
    };
    let ids = body
        .get("repository_ids")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let ids = ids.map(|id| id.as_u64().filter(|id| state.repos.contains_key(id)));
    let names = body.get("repositories").and_then(Value::as_array).into_iter().flatten();
    let names = names.map(|name| state.find_repo(&state.org.login, name.as_str()?).map(|repo| repo.id));
    let wished: Option<BTreeSet<u64>> = ids.chain(names).collect();
    let wished = wished.ok_or_else(refused)?;
    Ok((!wished.is_empty()).then_some(wished))
}

fn repositories(state: &State, call: &Call) -> Answer {
    let Caller::Token(
        grant @ Grant {
            holder: Holder::Installation(_),
            ..
        },
    ) = &call.caller
    else {
        let message = "You must authenticate with an installation access token in order to list repositories for an installation.";
        return Err(Reply::error(403, message));
    };
    let repos: Vec<&Repo> = state.repos.values().filter(|repo| grant.covers(repo.id)).collect();
    let selection = if grant.repositories.is_some() {
        "selected"
    } else {
        "all"
    };
    let mut reply =
        numbered(call, repos, USUAL).counted("repositories", |repo| repo_minimal(state, &call.site, repo, false))?;
    if let super::call::Content::Json(value) = &mut reply.content {
        value["repository_selection"] = json!(selection);
    }
    Ok(reply)
}
