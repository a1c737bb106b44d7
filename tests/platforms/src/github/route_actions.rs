//! Actions: workflows, permissions, names of secrets, variables, environments, of a repository and of the organization.

use axum::http::Method;
use serde_json::{Value, json};

use super::auth::Level;
use super::call::{Answer, Call, Reply, required_text};
use super::paging::{USUAL, numbered};
use super::settings::{
    add_variable, delete_variable, edit_variable, id_of, list, name_of, secrets, variable, variables,
};
use super::state::{Actions, Environment, Fields, Repo, State};
use super::views::{fields, merged, node_id, repo_url};

/// Answers what lies below `/repos/{owner}/{repo}/` here, `None` for anything else.
pub(super) fn of_repo(state: &mut State, call: &Call, owner: &str, name: &str, rest: &[&str]) -> Option<Answer> {
    let permission = match rest {
        ["actions", "workflows", ..] => "actions",
        ["actions", "permissions", ..] => "administration",
        ["actions", "secrets", ..] => "secrets",
        ["actions", "variables", ..] => "actions_variables",
        ["environments", _, "variables" | "secrets", ..] => "environments",
        ["environments", ..] if call.is_read() => "actions",
        ["environments", ..] => "administration",
        ["deployments"] => "deployments",
        _ => return None,
    };
    let level = if call.is_read() { Level::Read } else { Level::Write };
    let repo = match state.repo_for(call, owner, name, permission, level) {
        Ok(repo) => repo,
        Err(refusal) => return Some(Err(refusal)),
    };
    let api = repo_url(&call.site, repo);
    let id = repo.id;
    Some(match (&call.method, rest) {
        (&Method::GET, ["actions", "workflows"]) => {
            let workflows = repo.workflows.iter().collect();
            numbered(call, workflows, USUAL).counted("workflows", |one| workflow(call, repo, one))
        }
        (&Method::GET, ["deployments"]) => list(call, &[], |_| json!({})),
        (_, ["actions", rest @ ..]) => {
            let body = match call.json() {
                Ok(body) => body,
                Err(refusal) => return Some(Err(refusal)),
            };
            part(call, &mut state.repo_by_id(id).actions, rest, &body, &api)
        }
        (&Method::GET, ["environments"]) => {
            let all = repo.environments.iter().collect();
            numbered(call, all, USUAL).counted("environments", |one| environment(call, repo, one))
        }
        (method, ["environments", environment, rest @ ..]) => {
            one_environment(state, call, id, method, environment, rest)
        }
        _ => return None,
    })
}

fn workflow(call: &Call, repo: &Repo, one: &Fields) -> Value {
    let api = format!("{}/actions/workflows/{}", repo_url(&call.site, repo), id_of(one));
    let web = format!("{}/{}", call.site.base, repo.full_name());
    let path = one.get("path").and_then(Value::as_str).unwrap_or("");
    let more = json!({
        "node_id": node_id("W", id_of(one)),
        "url": api,
        "html_url": format!("{web}/blob/{}/{path}", repo.default_branch),
        "badge_url": format!("{web}/workflows/{}/badge.svg", name_of(one)),
    });
    merged(more, one)
}

/// Answers what lies below `/orgs/{org}/actions/`.
pub(super) fn of_org(state: &mut State, call: &Call, login: &str, rest: &[&str]) -> Answer {
    let permission = match rest {
        ["permissions", ..] => "organization_administration",
        ["secrets", ..] => "organization_secrets",
        ["variables", ..] => "organization_actions_variables",
        ["runner-groups", ..] => "organization_self_hosted_runners",
        _ => return Err(Reply::not_found()),
    };
    let level = if call.is_read() { Level::Read } else { Level::Write };
    state.org_for(call, login, permission, level)?;
    let api = format!("{}/orgs/{}", call.site.base, state.org.login);
    match rest {
        ["runner-groups"] => {
            let groups = state.org.runner_groups.iter().collect();
            numbered(call, groups, USUAL).counted("runner_groups", |group: &Fields| {
                let url = format!("{api}/actions/runner-groups/{}/runners", id_of(group));
                merged(json!({"runners_url": url}), group)
            })
        }
        ["variables", name, "repositories"] => selected_repositories(state, call, name),
        _ => part(call, &mut state.org.actions, rest, &call.json()?, &api),
    }
}

/// The repositories that a variable of visibility `selected` is for.
fn selected_repositories(state: &State, call: &Call, name: &str) -> Answer {
    let found = state
        .org
        .actions
        .variables
        .iter()
        .find(|one| name_of(one).eq_ignore_ascii_case(name));
    let variable = found.ok_or_else(Reply::not_found)?;
    if variable.get("visibility") != Some(&json!("selected")) {
        return Err(Reply::error(409, "Visibility is not set to 'selected'."));
    }
    let repos = state.repos.values().take(1).collect();
    let admin = call.caller.is_owner();
    numbered(call, repos, USUAL).counted("repositories", |repo| {
        super::views::repo_minimal(state, &call.site, repo, admin)
    })
}

/// What repositories and organizations have in common below `actions/`.
fn part(call: &Call, actions: &mut Actions, rest: &[&str], body: &Fields, api: &str) -> Answer {
    let of_org = api.contains("/orgs/");
    let put = call.method == Method::PUT;
    match (&call.method, rest) {
        (&Method::GET | &Method::PUT, ["permissions"]) => {
            let needed = if of_org { "enabled_repositories" } else { "enabled" };
            if put && !body.contains_key(needed) {
                return Err(Reply::invalid("ActionsPermissions", needed, "missing_field"));
            }
            let url = format!("{api}/actions/permissions/selected-actions");
            let reply = object(&mut actions.permissions, put, body);
            Ok(match (reply.status, actions.permissions.get("allowed_actions")) {
                (200, Some(allowed)) if allowed == "selected" => {
                    Reply::ok(merged(json!({"selected_actions_url": url}), &actions.permissions))
                }
                _ => reply,
            })
        }
        (&Method::GET | &Method::PUT, ["permissions", "workflow"]) => Ok(object(&mut actions.workflow, put, body)),
        (&Method::GET | &Method::PUT, ["permissions", "selected-actions"]) => {
            if actions.permissions.get("allowed_actions") != Some(&json!("selected")) {
                return Err(Reply::error(409, "Conflict: allowed_actions is not 'selected'."));
            }
            Ok(object(&mut actions.selected, put, body))
        }
        (&Method::GET, ["secrets"]) => secrets(call, &actions.secrets),
        (_, ["variables", rest @ ..]) => variables_part(call, &mut actions.variables, rest, body, of_org),
        _ => Err(Reply::not_found()),
    }
}

fn object(held: &mut Fields, put: bool, body: &Fields) -> Reply {
    if put {
        held.extend(body.clone());
        return Reply::empty(204);
    }
    Reply::ok(Value::Object(held.clone()))
}

fn variables_part(call: &Call, held: &mut Vec<Fields>, rest: &[&str], body: &Fields, of_org: bool) -> Answer {
    match (&call.method, rest) {
        (&Method::GET, []) => variables(call, held),
        (&Method::POST, []) => add_variable(held, body, of_org, call.now),
        (&Method::GET, [name]) => variable(held, name),
        (&Method::PATCH, [name]) => edit_variable(held, name, body, call.now),
        (&Method::DELETE, [name]) => delete_variable(held, name),
        _ => Err(Reply::not_found()),
    }
}

fn environment(call: &Call, repo: &Repo, one: &Environment) -> Value {
    let mut rules = Vec::new();
    if one.wait_timer > 0 {
        let id = one.id + 1;
        rules.push(json!({"id": id, "node_id": node_id("GA", id), "type": "wait_timer", "wait_timer": one.wait_timer}));
    }
    if one.branch_policy.is_some() {
        let id = one.id + 2;
        rules.push(json!({"id": id, "node_id": node_id("GA", id), "type": "branch_policy"}));
    }
    json!({
        "id": one.id,
        "node_id": node_id("EN", one.id),
        "name": one.name,
        "url": format!("{}/environments/{}", repo_url(&call.site, repo), one.name),
        "html_url": format!("{}/{}/deployments/activity_log?environments_filter={}", call.site.base, repo.full_name(), one.name),
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "can_admins_bypass": true,
        "protection_rules": rules,
        "deployment_branch_policy": one.branch_policy,
    })
}

fn one_environment(state: &mut State, call: &Call, id: u64, method: &Method, name: &str, rest: &[&str]) -> Answer {
    let body = call.json()?;
    if *method == Method::PUT && rest.is_empty() {
        put_environment(state, id, name, &body, call.now)?;
    }
    let policy_id = state.new_id();
    let place = state
        .repo_by_id(id)
        .environments
        .iter()
        .position(|one| one.name == name);
    let place = place.ok_or_else(Reply::not_found)?;
    let one = &mut state.repo_by_id(id).environments[place];
    match (method, rest) {
        (&Method::GET | &Method::PUT, []) => {
            let repo = &state.repos[&id];
            Ok(Reply::ok(environment(call, repo, &repo.environments[place])))
        }
        (&Method::DELETE, []) => {
            state.repo_by_id(id).environments.remove(place);
            Ok(Reply::empty(204))
        }
        (_, ["variables", rest @ ..]) => variables_part(call, &mut one.variables, rest, &body, false),
        (&Method::GET, ["secrets"]) => secrets(call, &one.secrets),
        (&Method::GET, ["deployment-branch-policies"]) => {
            let policies = one.policies.iter().collect();
            numbered(call, policies, USUAL).counted("branch_policies", |policy: &Fields| Value::Object(policy.clone()))
        }
        (&Method::POST, ["deployment-branch-policies"]) => {
            let name = required_text(&body, "DeploymentBranchPolicy", "name")?;
            let new = json!({"id": policy_id, "node_id": node_id("GBP", policy_id), "name": name, "type": "branch"});
            one.policies.push(fields(new.clone()));
            Ok(Reply::ok(new))
        }
        _ => Err(Reply::not_found()),
    }
}

fn put_environment(state: &mut State, id: u64, name: &str, body: &Fields, now: jiff::Timestamp) -> Result<(), Reply> {
    let new_id = state.new_id();
    let environments = &mut state.repo_by_id(id).environments;
    let place = environments.iter().position(|one| one.name == name).unwrap_or_else(|| {
        environments.push(Environment {
            id: new_id,
            name: name.to_owned(),
            wait_timer: 0,
            branch_policy: None,
            policies: Vec::new(),
            secrets: Vec::new(),
            variables: Vec::new(),
            created_at: now,
            updated_at: now,
        });
        environments.len() - 1
    });
    let one = &mut environments[place];
    if let Some(wait) = body.get("wait_timer").and_then(Value::as_u64) {
        if wait > 43_200 {
            return Err(Reply::error(422, "Wait timer must be between 0 and 43200 minutes"));
        }
        one.wait_timer = wait;
    }
    if let Some(policy) = body.get("deployment_branch_policy") {
        one.branch_policy = policy.as_object().cloned();
    }
    one.updated_at = now;
    Ok(())
}
