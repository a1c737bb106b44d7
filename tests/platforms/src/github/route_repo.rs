//! A repository itself: its record, topics, branches and their protection, commits, and who has access.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Value, json};

use super::auth::Level;
use super::call::{Answer, Call, Reply, flag_field, required_text, text_field};
use super::paging::{USUAL, numbered};
use super::state::{Fields, Repo, State};
use super::views::{fields, merged, repo_full, repo_url, simple_user, team};

/// Answers what lies below `/repos/{owner}/{repo}` here, `None` for anything else.
pub(super) fn route(state: &mut State, call: &Call, owner: &str, name: &str, rest: &[&str]) -> Option<Answer> {
    let read =
        |state: &State, permission: &str| state.repo_for(call, owner, name, permission, Level::Read).map(|r| r.id);
    Some(match (&call.method, rest) {
        (&Method::GET, []) => read(state, "metadata").map(|id| show(state, call, id)),
        (&Method::PATCH, []) => edit(state, call, owner, name),
        (&Method::DELETE, []) => delete(state, call, owner, name),
        (&Method::GET, ["topics"]) => read(state, "metadata").map(|id| topics(&state.repos[&id])),
        (&Method::PUT, ["topics"]) => put_topics(state, call, owner, name),
        (&Method::GET, ["branches"]) => read(state, "contents").and_then(|id| branches(call, &state.repos[&id])),
        (&Method::GET, ["branches", branch]) => {
            read(state, "contents").and_then(|id| one_branch(call, &state.repos[&id], branch))
        }
        (method, ["branches", branch, "protection"]) => protection(state, call, (owner, name), method, branch),
        (&Method::GET, ["commits"]) => read(state, "contents").and_then(|id| commits(state, call, id)),
        (&Method::GET, ["git", "refs" | "matching-refs", ..]) => {
            read(state, "contents").and_then(|id| references(state, call, id))
        }
        (&Method::GET, ["collaborators"]) => read(state, "metadata").and_then(|id| collaborators(state, call, id)),
        (&Method::GET, ["teams"]) => read(state, "administration").and_then(|id| teams(state, call, id)),
        (&Method::GET, ["languages"]) => read(state, "metadata").map(|_| Reply::ok(json!({}))),
        _ => return None,
    })
}

/// GitHub shows the settings to administrators, which for us is who may read the administration.
fn is_admin(state: &State, call: &Call, repo: &Repo) -> bool {
    state
        .repo_for(call, &repo.owner, &repo.name, "administration", Level::Read)
        .is_ok()
        && !is_anonymous(call)
}

fn is_anonymous(call: &Call) -> bool {
    matches!(call.caller, super::auth::Caller::Anonymous)
}

pub(super) fn show(state: &State, call: &Call, id: u64) -> Reply {
    let repo = &state.repos[&id];
    Reply::ok(repo_full(state, &call.site, repo, is_admin(state, call, repo)))
}

fn edit(state: &mut State, call: &Call, owner: &str, name: &str) -> Answer {
    let id = state.repo_for(call, owner, name, "administration", Level::Write)?.id;
    let body = call.json()?;
    state.edit_repo(id, &body, call.now)?;
    Ok(show(state, call, id))
}

fn delete(state: &mut State, call: &Call, owner: &str, name: &str) -> Answer {
    let id = state.repo_for(call, owner, name, "administration", Level::Write)?.id;
    state.drop_repo(id);
    Ok(Reply::empty(204))
}

impl State {
    /// Applies the settings page: unknown settings are ignored, as GitHub does, wrong types are not.
    pub(super) fn edit_repo(&mut self, id: u64, body: &Fields, now: jiff::Timestamp) -> Result<(), Reply> {
        if let Some(Some(name)) = text_field(body, "Repository", "name")? {
            self.rename_repo(id, &name)?;
        }
        let repo = self.repo_by_id(id);
        if let Some(text) = text_field(body, "Repository", "description")? {
            repo.description = text;
        }
        if let Some(text) = text_field(body, "Repository", "homepage")? {
            repo.homepage = text;
        }
        if let Some(private) = flag_field(body, "Repository", "private")? {
            repo.visibility = if private { "private" } else { "public" }.to_owned();
        }
        if let Some(Some(visibility)) = text_field(body, "Repository", "visibility")? {
            if !matches!(visibility.as_str(), "public" | "private" | "internal") {
                return Err(Reply::invalid("Repository", "visibility", "invalid"));
            }
            repo.visibility = visibility;
        }
        if let Some(archived) = flag_field(body, "Repository", "archived")? {
            repo.archived = archived;
        }
        for (key, value) in repo.settings.iter_mut() {
            match body.get(key) {
                None | Some(Value::Null) => {}
                Some(new) if new.is_boolean() == value.is_boolean() && new.is_string() == value.is_string() => {
                    *value = new.clone();
                }
                Some(_) => return Err(Reply::invalid("Repository", key, "invalid")),
            }
        }
        repo.updated_at = now;
        if let Some(Some(branch)) = text_field(body, "Repository", "default_branch")? {
            if !repo.branches.contains_key(&branch) {
                let message = format!(
                    "The branch {branch} was not found. Please push that ref first or create it via the Git Data API."
                );
                return Err(Reply::error(422, &message));
            }
            repo.default_branch.clone_from(&branch);
            self.git.set_head(&format!("{id}.git"), &branch);
        }
        Ok(())
    }

    pub(super) fn rename_repo(&mut self, id: u64, name: &str) -> Result<(), Reply> {
        let owner = self.repo_by_id(id).owner.clone();
        if self.find_repo(&owner, name).is_some_and(|other| other.id != id) {
            return Err(Reply::invalid("Repository", "name", "already_exists"));
        }
        let repo = self.repo_by_id(id);
        let former = repo.full_name().to_ascii_lowercase();
        repo.name = name.to_owned();
        let current = repo.full_name().to_ascii_lowercase();
        self.former_names.insert(former, id);
        self.former_names.remove(&current);
        Ok(())
    }

    pub(super) fn drop_repo(&mut self, id: u64) {
        self.repos.remove(&id);
        self.former_names.retain(|_, repo| *repo != id);
        for team in &mut self.org.teams {
            team.repos.remove(&id);
        }
        for project in &mut self.org.projects {
            project
                .items
                .retain(|item| item.content.is_none_or(|(repo, _)| repo != id));
        }
        self.git.remove(&format!("{id}.git"));
        self.git.remove(&format!("{id}.wiki.git"));
    }

    /// Reads the branches again after a client pushed.
    pub(super) fn after_push(&mut self, id: u64) {
        let now = self.now();
        self.read_references(id);
        self.repo_by_id(id).pushed_at = Some(now);
        self.repo_by_id(id).updated_at = now;
    }

    /// Reads branches, tags and heads of pull requests from git, and returns all references.
    pub(super) fn read_references(&mut self, id: u64) -> BTreeMap<String, String> {
        let references = self.git.references(&format!("{id}.git"));
        let repo = self.repo_by_id(id);
        let branch = |(reference, sha): (&String, &String)| {
            reference
                .strip_prefix("refs/heads/")
                .map(|name| (name.to_owned(), sha.clone()))
        };
        repo.branches = references.iter().filter_map(branch).collect();
        let tag = |reference: &String| reference.strip_prefix("refs/tags/").map(str::to_owned);
        repo.tags = references.keys().filter_map(tag).collect();
        repo.protection.retain(|branch, _| repo.branches.contains_key(branch));
        for issue in repo.issues.values_mut() {
            let head = references.get(&format!("refs/pull/{}/head", issue.number));
            if let (Some(pull), Some(head)) = (&mut issue.pull, head) {
                pull.head_sha.clone_from(head);
            }
        }
        references
    }
}

fn topics(repo: &Repo) -> Reply {
    Reply::ok(json!({"names": repo.topics}))
}

fn put_topics(state: &mut State, call: &Call, owner: &str, name: &str) -> Answer {
    let body = call.json()?;
    let repo = state.repo_mut(call, owner, name, "administration")?;
    let names = body.get("names").and_then(Value::as_array);
    let names = names.ok_or_else(|| Reply::invalid("Repository", "names", "missing_field"))?;
    let sound = |topic: &&str| {
        topic
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let topics: Vec<String> = names
        .iter()
        .filter_map(Value::as_str)
        .filter(sound)
        .map(str::to_owned)
        .collect();
    if topics.len() != names.len() {
        return Err(Reply::invalid("Repository", "topics", "invalid"));
    }
    repo.topics = topics;
    repo.updated_at = call.now;
    Ok(self::topics(repo))
}

fn branch_view(call: &Call, repo: &Repo, name: &str, sha: &str) -> Value {
    let api = repo_url(&call.site, repo);
    json!({
        "name": name,
        "commit": {"sha": sha, "url": format!("{api}/commits/{sha}")},
        "protected": repo.protection.contains_key(name),
        "protection_url": format!("{api}/branches/{name}/protection"),
    })
}

fn branches(call: &Call, repo: &Repo) -> Answer {
    let wanted = match call.choice("Branch", "protected", &["true", "false"], "")? {
        "" => None,
        word => Some(word == "true"),
    };
    let kept = |name: &String| wanted.is_none_or(|wanted| repo.protection.contains_key(name) == wanted);
    let branches = repo.branches.iter().filter(|(name, _)| kept(name)).collect();
    numbered(call, branches, USUAL).array(|(name, sha)| branch_view(call, repo, name, sha))
}

fn one_branch(call: &Call, repo: &Repo, branch: &str) -> Answer {
    let sha = repo
        .branches
        .get(branch)
        .ok_or_else(|| Reply::error(404, "Branch not found"))?;
    Ok(Reply::ok(branch_view(call, repo, branch, sha)))
}

/// Private repositories of the free plan have no protection and no rulesets.
pub(super) fn plan_allows(state: &State, repo: &Repo) -> Result<(), Reply> {
    if state.org.plan == "free" && repo.is_private() {
        let message = "Upgrade to GitHub Pro or make this repository public to enable this feature.";
        return Err(Reply::error(403, message));
    }
    Ok(())
}

fn protection(state: &mut State, call: &Call, place: (&str, &str), method: &Method, branch: &str) -> Answer {
    let level = if call.is_read() { Level::Read } else { Level::Write };
    let repo = state.repo_for(call, place.0, place.1, "administration", level)?;
    plan_allows(state, repo)?;
    if !repo.branches.contains_key(branch) {
        return Err(Reply::error(404, "Branch not found"));
    }
    let url = format!("{}/branches/{branch}/protection", repo_url(&call.site, repo));
    let id = repo.id;
    match *method {
        Method::GET => {}
        Method::PUT => {
            let rules = protection_from(&call.json()?)?;
            state.repo_by_id(id).protection.insert(branch.to_owned(), rules);
        }
        Method::DELETE => {
            let removed = state.repo_by_id(id).protection.remove(branch);
            return removed
                .map(|_| Reply::empty(204))
                .ok_or_else(|| Reply::error(404, "Branch not protected"));
        }
        _ => return Err(Reply::not_found()),
    }
    let rules = state.repos[&id]
        .protection
        .get(branch)
        .ok_or_else(|| Reply::error(404, "Branch not protected"))?;
    Ok(Reply::ok(protection_view(&url, rules)))
}

/// Turns the body of a PUT into what is stored: flags become objects, as GETs show them.
fn protection_from(body: &Fields) -> Result<Fields, Reply> {
    let required = [
        "required_status_checks",
        "enforce_admins",
        "required_pull_request_reviews",
        "restrictions",
    ];
    if let Some(missing) = required.iter().find(|field| !body.contains_key(**field)) {
        return Err(Reply::error(
            422,
            &format!("Invalid request.\n\n\"{missing}\" wasn't supplied."),
        ));
    }
    let shaped = |(key, value): (&String, &Value)| {
        let shaped = match value {
            Value::Null if key == "enforce_admins" => json!({"enabled": false}),
            Value::Bool(flag) => json!({"enabled": flag}),
            other => other.clone(),
        };
        (key.clone(), shaped)
    };
    Ok(body.iter().map(shaped).filter(|(_, value)| !value.is_null()).collect())
}

fn protection_view(url: &str, rules: &Fields) -> Value {
    let mut view = merged(json!({"url": url}), rules);
    for part in [
        "required_status_checks",
        "required_pull_request_reviews",
        "enforce_admins",
        "restrictions",
    ] {
        if let Some(part_view) = view.get_mut(part) {
            part_view["url"] = json!(format!("{url}/{part}"));
        }
    }
    if let Some(checks) = view.get_mut("required_status_checks") {
        checks["contexts_url"] = json!(format!("{url}/required_status_checks/contexts"));
    }
    view
}

fn not_empty(repo: &Repo) -> Result<(), Reply> {
    if repo.branches.is_empty() {
        return Err(Reply::error(409, "Git Repository is empty."));
    }
    Ok(())
}

fn commits(state: &State, call: &Call, id: u64) -> Answer {
    let repo = &state.repos[&id];
    not_empty(repo)?;
    let start = call.param("sha").unwrap_or(&repo.default_branch);
    let start = repo.branches.get(start).map_or(start, String::as_str);
    if !state.git.knows(&format!("{id}.git"), start) {
        return Err(Reply::error(404, "Not Found"));
    }
    let commits = state.git.log(&format!("{id}.git"), start, 1000);
    numbered(call, commits, USUAL).array(|commit| commit_view(call, repo, &commit))
}

fn commit_view(call: &Call, repo: &Repo, commit: &[String]) -> Value {
    let part = |place: usize| commit.get(place).map_or("", String::as_str);
    let api = repo_url(&call.site, repo);
    let seconds = part(5)
        .parse()
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let person = json!({"name": part(3), "email": part(4), "date": seconds});
    let parents: Vec<Value> = part(2)
        .split_whitespace()
        .map(|sha| json!({"sha": sha, "url": format!("{api}/commits/{sha}")}))
        .collect();
    json!({
        "sha": part(0),
        "url": format!("{api}/commits/{}", part(0)),
        "html_url": format!("{}/{}/commit/{}", call.site.base, repo.full_name(), part(0)),
        "commit": {"author": person, "committer": person, "message": part(6), "tree": {"sha": part(1)}},
        "parents": parents,
    })
}

fn references(state: &State, call: &Call, id: u64) -> Answer {
    let repo = &state.repos[&id];
    not_empty(repo)?;
    let prefix = format!("refs/{}", call.segments.get(5..).unwrap_or_default().join("/"));
    let all = state.git.references(&format!("{id}.git"));
    let matching = all
        .into_iter()
        .filter(|(reference, _)| reference.starts_with(&prefix))
        .collect();
    let api = repo_url(&call.site, repo);
    numbered(call, matching, USUAL).array(|(reference, sha)| {
        json!({
            "ref": reference,
            "url": format!("{api}/git/{reference}"),
            "object": {"sha": sha, "type": "commit", "url": format!("{api}/git/commits/{sha}")},
        })
    })
}

/// Everyone with access: administrators of the organization, members of teams, and direct collaborators.
fn collaborators(state: &State, call: &Call, id: u64) -> Answer {
    let repo = &state.repos[&id];
    if is_anonymous(call) {
        return Err(Reply::error(401, "Requires authentication"));
    }
    let affiliation = call.choice("Collaborator", "affiliation", &["outside", "direct", "all"], "all")?;
    let mut people: BTreeMap<&str, &str> = BTreeMap::new();
    if affiliation == "all" {
        for team in &state.org.teams {
            if let Some(permission) = team.repos.get(&id) {
                people.extend(team.members.keys().map(|login| (login.as_str(), permission.as_str())));
            }
        }
        let owners = state.org.members.iter().filter(|(_, role)| *role == "admin");
        people.extend(owners.map(|(login, _)| (login.as_str(), "admin")));
    }
    for (login, permission) in &repo.collaborators {
        if affiliation != "outside" || !state.org.members.contains_key(login) {
            people.insert(login, permission);
        }
    }
    let people: Vec<_> = people
        .into_iter()
        .filter_map(|(login, role)| Some((state.user(login)?, role)))
        .collect();
    numbered(call, people, USUAL).array(|(user, role)| collaborator(simple_user(&call.site, user), role))
}

fn collaborator(user: Value, role: &str) -> Value {
    let ladder = ["pull", "triage", "push", "maintain", "admin"];
    let height = ladder.iter().position(|step| *step == role).unwrap_or(0);
    let permissions: Fields = ladder
        .iter()
        .enumerate()
        .map(|(place, step)| ((*step).to_owned(), Value::Bool(place <= height)))
        .collect();
    let role_name = match role {
        "pull" => "read",
        "push" => "write",
        other => other,
    };
    merged(
        user,
        &fields(json!({"permissions": permissions, "role_name": role_name})),
    )
}

fn teams(state: &State, call: &Call, id: u64) -> Answer {
    let teams = state
        .org
        .teams
        .iter()
        .filter_map(|team| Some((team, team.repos.get(&id)?)))
        .collect();
    numbered(call, teams, USUAL).array(|(one, permission)| team(state, &call.site, one, Some(permission)))
}

/// Makes a repository as `POST /orgs/{org}/repos` does.
pub(super) fn create(state: &mut State, call: &Call) -> Answer {
    let body = call.json()?;
    let name = required_text(&body, "Repository", "name")?;
    let owner = state.org.login.clone();
    if state.find_repo(&owner, &name).is_some() {
        return Err(Reply::invalid("Repository", "name", "already_exists"));
    }
    let mut settings = body.clone();
    settings.remove("default_branch");
    let id = state.blank_repo(&name, "private", call.now);
    if !body.contains_key("visibility") && !body.contains_key("private") {
        settings.insert("visibility".to_owned(), json!("public"));
    }
    state.edit_repo(id, &settings, call.now)?;
    let mut reply = show(state, call, id);
    reply.status = 201;
    Ok(reply.with("location", format!("{}/repos/{owner}/{name}", call.site.base)))
}
