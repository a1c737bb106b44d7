//! Projects of the organization over REST, with cursor paging.

use serde_json::{Value, json};

use super::auth::Level;
use super::call::{Answer, Call, Reply};
use super::issue_views::View;
use super::paging::cursored;
use super::settings::id_of;
use super::state::{Fields, Project, ProjectItem, State};
use super::views::{merged, node_id};

/// Answers what lies below `/orgs/{org}/projectsV2`.
pub(super) fn route(state: &State, call: &Call, login: &str, rest: &[&str]) -> Answer {
    state.org_for(call, login, "organization_projects", Level::Read)?;
    let Some((number, rest)) = rest.split_first() else {
        let all = state.org.projects.iter().collect();
        return cursored(call, all, |project| sort_key(project.id))?.array(|project| show(state, call, project));
    };
    let found = state
        .org
        .projects
        .iter()
        .find(|project| project.number.to_string() == *number);
    let project = found.ok_or_else(Reply::not_found)?;
    match rest {
        [] => Ok(Reply::ok(show(state, call, project))),
        ["fields"] => {
            let url = address(state, call, project);
            let all = project.fields.iter().collect();
            cursored(call, all, |field: &&Fields| sort_key(id_of(field)))?
                .array(|field| merged(json!({"project_url": url}), field))
        }
        ["items"] => {
            let all = project.items.iter().collect();
            cursored(call, all, |item| sort_key(item.id))?.array(|item| show_item(state, call, project, item))
        }
        _ => Err(Reply::not_found()),
    }
}

fn sort_key(id: u64) -> String {
    format!("{id:020}")
}

fn address(state: &State, call: &Call, project: &Project) -> String {
    format!(
        "{}/orgs/{}/projectsV2/{}",
        call.site.base, state.org.login, project.number
    )
}

fn show(state: &State, call: &Call, project: &Project) -> Value {
    json!({
        "id": project.id,
        "node_id": node_id("PVT", project.id),
        "owner": state.person(&call.site, &state.org.login),
        "creator": state.person(&call.site, &project.creator),
        "title": project.title,
        "description": null,
        "public": false,
        "closed_at": null,
        "created_at": project.created_at,
        "updated_at": project.updated_at,
        "number": project.number,
        "short_description": project.short_description,
        "deleted_at": null,
        "deleted_by": null,
        "state": "open",
        "latest_status_update": null,
        "is_template": false,
    })
}

fn show_item(state: &State, call: &Call, project: &Project, item: &ProjectItem) -> Value {
    json!({
        "id": item.id,
        "node_id": node_id("PVTI", item.id),
        "project_url": address(state, call, project),
        "item_url": format!("{}/items/{}", address(state, call, project), item.id),
        "content_type": item.content_type,
        "content": content(state, call, item),
        "creator": state.person(&call.site, &item.creator),
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "archived_at": null,
        "fields": item.values,
    })
}

fn content(state: &State, call: &Call, item: &ProjectItem) -> Value {
    let Some((repo, number)) = item.content else {
        return json!({"id": item.id, "title": item.draft_title, "body": null});
    };
    let Some(repo) = state.repos.get(&repo) else {
        return Value::Null;
    };
    let view = View {
        state,
        site: &call.site,
        repo,
    };
    match repo.issues.get(&number) {
        None => Value::Null,
        Some(issue) => issue
            .pull
            .as_ref()
            .map_or_else(|| view.issue(issue), |pull| view.pull(issue, pull)),
    }
}
