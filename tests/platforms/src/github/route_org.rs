//! The organization: its record, repositories, people, teams, hooks, rulesets, properties; and single accounts.

use axum::http::Method;
use serde_json::{Value, json};

use super::auth::{Caller, Level};
use super::call::{Answer, Call, Reply};
use super::paging::{USUAL, numbered};
use super::route_issues::in_order;
use super::route_settings::{changed_ruleset, hook, hook_urls, property_values, replace};
use super::settings::{find, id_of, list, ruleset, ruleset_summary, ruleset_view};
use super::state::{Fields, Repo, State, Team};
use super::views::{fields, merged, org_full, org_simple, repo_minimal, simple_user, team, team_full};

/// Answers what lies below `/orgs/{org}`, except projects and Actions.
pub(super) fn route(state: &mut State, call: &Call, login: &str, rest: &[&str]) -> Answer {
    let permission = match rest.first().copied().unwrap_or("") {
        "" if call.is_read() => "metadata",
        "repos" if call.is_read() => "metadata",
        "members" | "outside_collaborators" | "teams" | "memberships" | "invitations" => "members",
        "hooks" => "organization_hooks",
        "properties" => "organization_custom_properties",
        "issue-types" => "issue_types",
        "organization-roles" => "organization_custom_org_roles",
        "packages" => "packages",
        "repos" => "administration",
        _ => "organization_administration",
    };
    let level = if call.is_read() { Level::Read } else { Level::Write };
    state.org_for(call, login, permission, level)?;
    let url = format!("{}/orgs/{}", call.site.base, state.org.login);
    match (&call.method, rest) {
        (&Method::GET, []) => Ok(Reply::ok(org_full(state, &call.site, sees_settings(state, call)))),
        (&Method::PATCH, []) => edit(state, call),
        (&Method::GET, ["repos"]) => repos(state, call),
        (&Method::POST, ["repos"]) => super::route_repo::create(state, call),
        (&Method::GET, ["members"]) => members(state, call),
        (&Method::GET, ["memberships", login]) => membership(state, call, login),
        (&Method::GET, ["outside_collaborators"]) => {
            let people: Vec<_> = state
                .org
                .outside_collaborators
                .iter()
                .filter_map(|login| state.user(login))
                .collect();
            numbered(call, people, USUAL).array(|user| simple_user(&call.site, user))
        }
        (&Method::GET, ["invitations"]) => list(call, &state.org.invitations, |_| json!({})),
        (&Method::GET, ["teams", rest @ ..]) => teams(state, call, rest),
        (&Method::GET, ["hooks"]) => list(call, &state.org.hooks, |hook| hook_urls(&format!("{url}/hooks"), hook)),
        (&Method::POST, ["hooks"]) => {
            let new = hook(&call.json()?, state.new_id(), "Organization", call.now)?;
            let view = merged(hook_urls(&format!("{url}/hooks"), &new), &new);
            state.org.hooks.push(new);
            Ok(Reply::json(201, view))
        }
        (_, ["rulesets", rest @ ..]) => rulesets(state, call, &format!("{url}/rulesets"), rest),
        (&Method::GET, ["properties", "schema"]) => Ok(Reply::ok(json!(state.org.property_schema))),
        (&Method::GET, ["properties", "values"]) => properties(state, call),
        (&Method::GET, ["issue-types"]) => Ok(Reply::ok(json!(state.org.issue_types))),
        (&Method::GET, ["organization-roles"]) => Ok(Reply::ok(roles(state, call))),
        (&Method::GET, ["installations"]) => super::route_app::of_org(state, call),
        (&Method::GET, ["packages"]) => {
            let kinds = ["npm", "maven", "rubygems", "docker", "nuget", "container"];
            if call.choice("Package", "package_type", &kinds, "")?.is_empty() {
                return Err(Reply::error(400, "Package type is required."));
            }
            Ok(Reply::ok(json!([])))
        }
        (_, ["migrations", rest @ ..]) => migrations(state, call, &format!("{url}/migrations"), rest),
        _ => Err(Reply::not_found()),
    }
}

fn sees_settings(state: &State, call: &Call) -> bool {
    let login = state.org.login.clone();
    state
        .org_for(call, &login, "organization_administration", Level::Read)
        .is_ok()
}

fn edit(state: &mut State, call: &Call) -> Answer {
    let body = call.json()?;
    for (key, value) in &body {
        if let Some(held) = state.org.profile.get_mut(key) {
            *held = value.clone();
        }
    }
    state.org.updated_at = call.now;
    Ok(Reply::ok(org_full(state, &call.site, true)))
}

fn sees_admin(call: &Call) -> bool {
    call.caller.is_owner()
}

fn repos(state: &State, call: &Call) -> Answer {
    let kind = call.choice(
        "Organization",
        "type",
        &["all", "public", "private", "forks", "sources", "member"],
        "all",
    )?;
    let sort = call.choice(
        "Organization",
        "sort",
        &["created", "updated", "pushed", "full_name"],
        "created",
    )?;
    let of_kind = |repo: &Repo| match kind {
        "public" => !repo.is_private(),
        "private" => repo.is_private(),
        "forks" => repo.fork,
        "sources" => !repo.fork,
        _ => true,
    };
    let seen = state.repos.values().filter(|repo| repo.owner == state.org.login);
    let mut repos: Vec<&Repo> = seen
        .filter(|repo| state.sees(&call.caller, repo) && of_kind(repo))
        .collect();
    if sort == "full_name" {
        repos.sort_by_key(|repo| repo.name.to_ascii_lowercase());
        if call.choice("Organization", "direction", &["asc", "desc"], "asc")? == "desc" {
            repos.reverse();
        }
    } else {
        let time = |repo: &&Repo| match sort {
            "updated" => repo.updated_at,
            "pushed" => repo.pushed_at.unwrap_or(repo.created_at),
            _ => repo.created_at,
        };
        repos = in_order(
            call,
            "Organization",
            repos,
            &|repo| (time(repo).as_second(), repo.id),
            "desc",
        )?;
    }
    numbered(call, repos, USUAL).array(|repo| repo_minimal(state, &call.site, repo, sees_admin(call)))
}

fn members(state: &State, call: &Call) -> Answer {
    let role = call.choice("Organization", "role", &["all", "admin", "member"], "all")?;
    let filter = call.choice(
        "Organization",
        "filter",
        &["2fa_disabled", "2fa_insecure", "all"],
        "all",
    )?;
    let of_role = |held: &String| role == "all" || held == role;
    let people: Vec<_> = state
        .org
        .members
        .iter()
        .filter(|(_, held)| of_role(held) && filter == "all")
        .filter_map(|(login, _)| state.user(login))
        .collect();
    numbered(call, people, USUAL).array(|user| simple_user(&call.site, user))
}

fn membership(state: &State, call: &Call, login: &str) -> Answer {
    let user = state.user(login).ok_or_else(Reply::not_found)?;
    let role = state.org.members.get(&user.login).ok_or_else(Reply::not_found)?;
    let org_url = format!("{}/orgs/{}", call.site.base, state.org.login);
    Ok(Reply::ok(json!({
        "url": format!("{org_url}/memberships/{}", user.login),
        "state": "active",
        "role": role,
        "organization_url": org_url,
        "organization": org_simple(&call.site, &state.org),
        "user": simple_user(&call.site, user),
    })))
}

fn teams(state: &State, call: &Call, rest: &[&str]) -> Answer {
    let Some((slug, rest)) = rest.split_first() else {
        let all = state.org.teams.iter().collect();
        return numbered(call, all, USUAL).array(|one| team(state, &call.site, one, None));
    };
    let one: &Team = state
        .org
        .teams
        .iter()
        .find(|one| one.slug == *slug)
        .ok_or_else(Reply::not_found)?;
    match rest {
        [] => Ok(Reply::ok(team_full(state, &call.site, one))),
        ["members"] => {
            let role = call.choice("Team", "role", &["member", "maintainer", "all"], "all")?;
            let kept = one.members.iter().filter(|(_, held)| role == "all" || *held == role);
            let people: Vec<_> = kept.filter_map(|(login, _)| state.user(login)).collect();
            numbered(call, people, USUAL).array(|user| simple_user(&call.site, user))
        }
        ["memberships", login] => {
            let role = one.members.get(*login).ok_or_else(Reply::not_found)?;
            let url = format!(
                "{}/organizations/{}/team/{}/memberships/{login}",
                call.site.base, state.org.id, one.id
            );
            Ok(Reply::ok(json!({"url": url, "role": role, "state": "active"})))
        }
        ["repos"] => {
            let repos: Vec<_> = one
                .repos
                .iter()
                .filter_map(|(id, permission)| Some((state.repos.get(id)?, permission)))
                .collect();
            let repos = repos
                .into_iter()
                .filter(|(repo, _)| state.sees(&call.caller, repo))
                .collect();
            numbered(call, repos, USUAL).array(|(repo, permission)| {
                let view = repo_minimal(state, &call.site, repo, permission == "admin");
                merged(view, &fields(json!({"role_name": permission})))
            })
        }
        ["teams"] => {
            let children = state
                .org
                .teams
                .iter()
                .filter(|child| child.parent == Some(one.id))
                .collect();
            numbered(call, children, USUAL).array(|child| team(state, &call.site, child, None))
        }
        _ => Err(Reply::not_found()),
    }
}

fn rulesets(state: &mut State, call: &Call, url: &str, rest: &[&str]) -> Answer {
    let source = state.org.login.clone();
    if state.org.plan == "free" {
        return Err(Reply::error(403, "Upgrade to GitHub Team to enable this feature."));
    }
    match (&call.method, rest) {
        (&Method::GET, []) => {
            let all = state.org.rulesets.iter().collect();
            numbered(call, all, USUAL).array(|one| ruleset_summary(one, "Organization", &source, url))
        }
        (&Method::GET, [id]) => Ok(Reply::ok(ruleset_view(
            find(&state.org.rulesets, id)?,
            "Organization",
            &source,
            url,
            true,
        ))),
        (&Method::POST, []) => {
            let new = ruleset(&call.json()?, state.new_id(), call.now, call.now)?;
            let reply = Reply::json(201, ruleset_view(&new, "Organization", &source, url, true));
            state.org.rulesets.push(new);
            Ok(reply)
        }
        (&Method::PUT, [id]) => {
            let new = changed_ruleset(find(&state.org.rulesets, id)?.clone(), &call.json()?, call.now)?;
            let reply = Reply::ok(ruleset_view(&new, "Organization", &source, url, true));
            replace(&mut state.org.rulesets, new);
            Ok(reply)
        }
        (&Method::DELETE, [id]) => {
            let gone = id_of(find(&state.org.rulesets, id)?);
            state.org.rulesets.retain(|one| id_of(one) != gone);
            Ok(Reply::empty(204))
        }
        _ => Err(Reply::not_found()),
    }
}

fn properties(state: &State, call: &Call) -> Answer {
    let repos: Vec<&Repo> = state
        .repos
        .values()
        .filter(|repo| state.sees(&call.caller, repo))
        .collect();
    numbered(call, repos, USUAL).array(|repo| {
        json!({
            "repository_id": repo.id,
            "repository_name": repo.name,
            "repository_full_name": repo.full_name(),
            "properties": property_values(&repo.properties),
        })
    })
}

fn roles(state: &State, call: &Call) -> Value {
    let organization = state.person(&call.site, &state.org.login);
    let of_org = fields(json!({"organization": organization}));
    let roles: Vec<Value> = state
        .org
        .roles
        .iter()
        .map(|role| merged(Value::Object(role.clone()), &of_org))
        .collect();
    json!({"total_count": roles.len(), "roles": roles})
}

/// Migrations take minutes: pending for one, exporting for four more, then exported. Apps cannot start or see them.
fn migrations(state: &mut State, call: &Call, url: &str, rest: &[&str]) -> Answer {
    if !call.caller.is_owner() {
        return Err(Reply::not_found());
    }
    match (&call.method, rest) {
        (&Method::GET, []) => {
            let all = state.org.migrations.iter().rev().collect();
            numbered(call, all, USUAL).array(|one| migration(state, call, url, one))
        }
        (&Method::POST, []) => start_migration(state, call, url),
        (&Method::GET, [id]) => Ok(Reply::ok(migration(state, call, url, find(&state.org.migrations, id)?))),
        _ => Err(Reply::not_found()),
    }
}

fn start_migration(state: &mut State, call: &Call, url: &str) -> Answer {
    let body = call.json()?;
    let names = body.get("repositories").and_then(Value::as_array);
    let names = names
        .ok_or_else(|| Reply::invalid("Migration", "repositories", "missing_field"))?
        .clone();
    let named = |name: &Value| {
        let (owner, name) = name.as_str()?.split_once('/')?;
        state.find_repo(owner, name).map(|repo| repo.id)
    };
    let repos: Option<Vec<u64>> = names.iter().map(named).collect();
    let repos = repos.ok_or_else(|| Reply::invalid("Migration", "repositories", "invalid"))?;
    let id = state.new_id();
    let mut new =
        fields(json!({"id": id, "repository_ids": repos, "created_at": call.now, "lock_repositories": false}));
    for flag in MIGRATION_FLAGS {
        new.insert(
            (*flag).to_owned(),
            json!(body.get(*flag).and_then(Value::as_bool).unwrap_or(false)),
        );
    }
    state.org.migrations.push(new.clone());
    Ok(Reply::json(201, migration(state, call, url, &new)))
}

const MIGRATION_FLAGS: &[&str] = &[
    "exclude_metadata",
    "exclude_git_data",
    "exclude_attachments",
    "exclude_releases",
    "exclude_owner_projects",
    "org_metadata_only",
];

fn migration(state: &State, call: &Call, url: &str, held: &Fields) -> Value {
    let started = held
        .get("created_at")
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok());
    let age_s = started.map_or(0, |started: jiff::Timestamp| call.now.as_second() - started.as_second());
    let phase = match age_s {
        ..60 => "pending",
        60..300 => "exporting",
        _ => "exported",
    };
    let ids = held
        .get("repository_ids")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let repos = ids.iter().filter_map(|id| state.repos.get(&id.as_u64()?));
    let repos: Vec<Value> = repos.map(|repo| repo_minimal(state, &call.site, repo, true)).collect();
    let mut view = fields(merged(
        json!({
            "node_id": super::views::node_id("MIG", id_of(held)),
            "guid": format!("00000000-0000-4000-8000-{:012x}", id_of(held)),
            "owner": state.person(&call.site, &state.org.login),
            "state": phase,
            "repositories": repos,
            "url": format!("{url}/{}", id_of(held)),
            "updated_at": call.now,
        }),
        held,
    ));
    view.remove("repository_ids");
    Value::Object(view)
}

/// `/user`, `/user/repos` and `/users/{login}`, with their repositories.
pub(super) fn people(state: &State, call: &Call, segments: &[&str]) -> Answer {
    match segments {
        ["user", rest @ ..] => {
            let Caller::Token(_) = call.caller else {
                return Err(Reply::error(401, "Requires authentication"));
            };
            let login = call.caller.name();
            match (state.user(&login), rest) {
                (None, _) => Err(Reply::error(403, "Resource not accessible by integration")),
                (Some(user), []) => Ok(Reply::ok(simple_user(&call.site, user))),
                (Some(_), ["repos"]) => owned(state, call, |repo| state.sees(&call.caller, repo)),
                _ => Err(Reply::not_found()),
            }
        }
        ["users", login, rest @ ..] => {
            let user = state.user(login).ok_or_else(Reply::not_found)?;
            match rest {
                [] => Ok(Reply::ok(simple_user(&call.site, user))),
                ["repos"] => owned(state, call, |repo| repo.owner == user.login && !repo.is_private()),
                _ => Err(Reply::not_found()),
            }
        }
        _ => Err(Reply::not_found()),
    }
}

fn owned(state: &State, call: &Call, kept: impl Fn(&Repo) -> bool) -> Answer {
    let repos = state.repos.values().filter(|repo| kept(repo)).collect();
    numbered(call, repos, USUAL).array(|repo| repo_minimal(state, &call.site, repo, sees_admin(call)))
}
