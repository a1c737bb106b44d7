//! Which part answers which path.

use axum::http::Method;
use serde_json::json;

use super::auth::{Caller, Grant, Holder};
use super::call::{Answer, Call, Reply};
use super::state::State;
use super::{
    discussions, route_actions, route_app, route_issues, route_org, route_projects, route_pulls, route_releases,
    route_repo, route_settings,
};

pub(super) fn route(state: &mut State, call: &Call) -> Answer {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let get = call.method == Method::GET;
    match segments.as_slice() {
        [] if get => Ok(Reply::ok(
            json!({"current_user_url": format!("{}/user", call.site.base)}),
        )),
        ["zen"] if get => Ok(Reply::bytes(200, "text/plain", "Keep it logically awesome.".into())),
        ["meta"] if get => Ok(Reply::ok(json!({"verifiable_password_authentication": false}))),
        ["graphql"] if call.method == Method::POST => discussions::graphql(state, call),
        ["app", ..] | ["installation", ..] => route_app::route(state, call, &segments),
        ["user", ..] | ["users", ..] if get => route_org::people(state, call, &segments),
        ["signed", "release-assets", repo, asset] if get => route_releases::signed_bytes(state, call, repo, asset),
        [owner, name, "releases", "download", tag, file] if get => {
            route_releases::download(state, call, [owner, name, tag, file])
        }
        ["orgs", login, "projectsV2", rest @ ..] if get => route_projects::route(state, call, login, rest),
        ["orgs", login, "actions", rest @ ..] => route_actions::of_org(state, call, login, rest),
        ["orgs", login, rest @ ..] => route_org::route(state, call, login, rest),
        ["repos", owner, name, rest @ ..] => below_repo(state, call, owner, name, rest),
        _ => Err(Reply::not_found()),
    }
}

fn below_repo(state: &mut State, call: &Call, owner: &str, name: &str, rest: &[&str]) -> Answer {
    route_repo::route(state, call, owner, name, rest)
        .or_else(|| route_issues::route(state, call, owner, name, rest))
        .or_else(|| route_pulls::route(state, call, owner, name, rest))
        .or_else(|| route_releases::route(state, call, owner, name, rest))
        .or_else(|| route_settings::route(state, call, owner, name, rest))
        .or_else(|| route_actions::of_repo(state, call, owner, name, rest))
        .unwrap_or_else(|| Err(Reply::not_found()))
}

impl State {
    /// The account a call acts as; an app acts as its bot.
    pub(super) fn login_of(&self, call: &Call) -> String {
        match &call.caller {
            Caller::Token(Grant {
                holder: Holder::Installation(_),
                ..
            }) => self
                .app
                .as_ref()
                .map_or_else(|| "ghost".to_owned(), |app| format!("{}[bot]", app.slug)),
            caller => caller.name(),
        }
    }
}
