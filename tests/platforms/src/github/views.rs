//! People, organizations, teams and repositories as the API shows them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::call::Site;
use super::state::{Fields, Org, Repo, State, Team, User};

/// A global node id in the new format: a prefix for the type, then an opaque number.
pub(super) fn node_id(prefix: &str, id: u64) -> String {
    format!("{prefix}_{}", URL_SAFE_NO_PAD.encode(id.to_be_bytes()))
}

/// The number inside a node id of that type.
pub(super) fn from_node_id(prefix: &str, node: &str) -> Option<u64> {
    let encoded = node.strip_prefix(prefix)?.strip_prefix('_')?;
    Some(u64::from_be_bytes(
        URL_SAFE_NO_PAD.decode(encoded).ok()?.try_into().ok()?,
    ))
}

pub(super) fn fields(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}

/// The fields of `base`, then those of `more`, which win.
pub(super) fn merged(base: Value, more: &Fields) -> Value {
    let mut all = fields(base);
    all.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
    Value::Object(all)
}

impl State {
    /// The short form of a person; a deleted account is nobody.
    pub(super) fn person(&self, site: &Site, login: &str) -> Value {
        self.user(login).map_or(Value::Null, |user| simple_user(site, user))
    }

    pub(super) fn person_opt(&self, site: &Site, login: Option<&str>) -> Value {
        login.map_or(Value::Null, |login| self.person(site, login))
    }

    pub(super) fn association(&self, repo: &Repo, login: &str) -> &'static str {
        match self.org.members.get(login).map(String::as_str) {
            Some("admin") => "OWNER",
            Some(_) => "MEMBER",
            None if repo.collaborators.contains_key(login) => "COLLABORATOR",
            None => "NONE",
        }
    }
}

pub(super) fn simple_user(site: &Site, user: &User) -> Value {
    let base = &site.base;
    let login = &user.login;
    let api = format!("{base}/users/{login}");
    json!({
        "login": login,
        "id": user.id,
        "node_id": node_id("U", user.id),
        "avatar_url": format!("{base}/avatars/u/{}?v=4", user.id),
        "gravatar_id": "",
        "url": api,
        "html_url": format!("{base}/{login}"),
        "followers_url": format!("{api}/followers"),
        "following_url": format!("{api}/following{{/other_user}}"),
        "gists_url": format!("{api}/gists{{/gist_id}}"),
        "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{api}/subscriptions"),
        "organizations_url": format!("{api}/orgs"),
        "repos_url": format!("{api}/repos"),
        "events_url": format!("{api}/events{{/privacy}}"),
        "received_events_url": format!("{api}/received_events"),
        "type": user.kind,
        "user_view_type": "public",
        "site_admin": false,
    })
}

pub(super) fn org_simple(site: &Site, org: &Org) -> Value {
    let api = format!("{}/orgs/{}", site.base, org.login);
    json!({
        "login": org.login,
        "id": org.id,
        "node_id": node_id("O", org.id),
        "url": api,
        "repos_url": format!("{api}/repos"),
        "events_url": format!("{api}/events"),
        "hooks_url": format!("{api}/hooks"),
        "issues_url": format!("{api}/issues"),
        "members_url": format!("{api}/members{{/member}}"),
        "public_members_url": format!("{api}/public_members{{/member}}"),
        "avatar_url": format!("{}/avatars/u/{}?v=4", site.base, org.id),
        "description": org.profile.get("description"),
    })
}

/// The organization in full. `settings` shows what only owners see.
pub(super) fn org_full(state: &State, site: &Site, settings: bool) -> Value {
    let org = &state.org;
    let public = state.repos.values().filter(|repo| !repo.is_private()).count();
    let more = json!({
        "html_url": format!("{}/{}", site.base, org.login),
        "type": "Organization",
        "public_repos": public,
        "public_gists": 0,
        "followers": 12,
        "following": 0,
        "has_organization_projects": true,
        "has_repository_projects": true,
        "is_verified": false,
        "created_at": org.created_at,
        "updated_at": org.updated_at,
        "archived_at": null,
    });
    let mut full = fields(merged(org_simple(site, org), &fields(more)));
    for (key, value) in &org.profile {
        if settings || PUBLIC_PROFILE.contains(&key.as_str()) {
            full.insert(key.clone(), value.clone());
        }
    }
    if settings {
        let private = state.repos.len() - public;
        let plan = json!({"name": org.plan, "space": 976_562_499, "private_repos": 999_999, "filled_seats": org.members.len(), "seats": 50});
        full.insert("plan".to_owned(), plan);
        full.insert("total_private_repos".to_owned(), json!(private));
        full.insert("owned_private_repos".to_owned(), json!(private));
    }
    Value::Object(full)
}

const PUBLIC_PROFILE: &[&str] = &[
    "name",
    "company",
    "blog",
    "location",
    "email",
    "description",
    "twitter_username",
    "has_organization_projects",
];

/// Address templates of a repository: field name, and what follows `/repos/{owner}/{repo}`.
const REPO_URLS: &[(&str, &str)] = &[
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];

/// The form of a repository in listings and inside other records.
pub(super) fn repo_minimal(state: &State, site: &Site, repo: &Repo, admin: bool) -> Value {
    let base = &site.base;
    let full_name = repo.full_name();
    let open = repo.open_issues();
    let host = base.split_once("//").map_or(base.as_str(), |(_, host)| host);
    let mut view = fields(json!({
        "id": repo.id,
        "node_id": node_id("R", repo.id),
        "name": repo.name,
        "full_name": full_name,
        "private": repo.is_private(),
        "owner": state.person(site, &repo.owner),
        "html_url": format!("{base}/{full_name}"),
        "description": repo.description,
        "fork": repo.fork,
        "url": repo_url(site, repo),
        "created_at": repo.created_at,
        "updated_at": repo.updated_at,
        "pushed_at": repo.pushed_at.unwrap_or(repo.created_at),
        "git_url": format!("git://{host}/{full_name}.git"),
        "ssh_url": format!("git@{host}:{full_name}.git"),
        "clone_url": format!("{base}/{full_name}.git"),
        "svn_url": format!("{base}/{full_name}"),
        "mirror_url": null,
        "homepage": repo.homepage,
        "size": 128,
        "stargazers_count": 3,
        "watchers_count": 3,
        "language": repo.language,
        "has_pages": repo.pages.is_some(),
        "has_downloads": true,
        "forks_count": 0,
        "archived": repo.archived,
        "disabled": false,
        "open_issues_count": open,
        "license": null,
        "topics": repo.topics,
        "visibility": repo.visibility,
        "forks": 0,
        "open_issues": open,
        "watchers": 3,
        "default_branch": repo.default_branch,
        "permissions": {"admin": admin, "maintain": admin, "push": admin, "triage": admin, "pull": true},
        "custom_properties": repo.properties,
    }));
    for (field, tail) in REPO_URLS {
        view.insert(
            (*field).to_owned(),
            Value::String(format!("{}{tail}", repo_url(site, repo))),
        );
    }
    for field in SHOWN_IN_LISTS {
        view.insert(
            (*field).to_owned(),
            repo.settings.get(*field).cloned().unwrap_or(Value::Bool(false)),
        );
    }
    Value::Object(view)
}

const SHOWN_IN_LISTS: &[&str] = &[
    "has_issues",
    "has_projects",
    "has_wiki",
    "has_discussions",
    "is_template",
    "allow_forking",
    "web_commit_signoff_required",
];

/// The repository in full: the settings page's switches are shown to those who may change them.
pub(super) fn repo_full(state: &State, site: &Site, repo: &Repo, admin: bool) -> Value {
    let mut view = fields(repo_minimal(state, site, repo, admin));
    view.insert("network_count".to_owned(), json!(0));
    view.insert("subscribers_count".to_owned(), json!(2));
    view.insert("organization".to_owned(), state.person(site, &state.org.login));
    if admin {
        view.extend(repo.settings.iter().map(|(key, value)| (key.clone(), value.clone())));
        let security = json!({
            "secret_scanning": {"status": "enabled"},
            "secret_scanning_push_protection": {"status": "disabled"},
            "dependabot_security_updates": {"status": "disabled"},
        });
        view.insert("security_and_analysis".to_owned(), security);
    }
    Value::Object(view)
}

pub(super) fn repo_url(site: &Site, repo: &Repo) -> String {
    format!("{}/repos/{}/{}", site.base, repo.owner, repo.name)
}

/// A team. `permission` is the one it has on the repository it is listed for.
pub(super) fn team(state: &State, site: &Site, team: &Team, permission: Option<&str>) -> Value {
    let parent = team
        .parent
        .and_then(|id| state.org.teams.iter().find(|other| other.id == id));
    let mut view = team_simple(state, site, team);
    view.insert("permission".to_owned(), json!(permission.unwrap_or(&team.permission)));
    view.insert(
        "parent".to_owned(),
        parent.map_or(Value::Null, |team| Value::Object(team_simple(state, site, team))),
    );
    Value::Object(view)
}

fn team_simple(state: &State, site: &Site, team: &Team) -> Fields {
    let org = &state.org;
    let api = format!("{}/organizations/{}/team/{}", site.base, org.id, team.id);
    fields(json!({
        "id": team.id,
        "node_id": node_id("T", team.id),
        "name": team.name,
        "slug": team.slug,
        "description": team.description,
        "privacy": team.privacy,
        "notification_setting": "notifications_enabled",
        "permission": team.permission,
        "url": api,
        "html_url": format!("{}/orgs/{}/teams/{}", site.base, org.login, team.slug),
        "members_url": format!("{api}/members{{/member}}"),
        "repositories_url": format!("{api}/repos"),
        "type": "organization",
    }))
}

pub(super) fn team_full(state: &State, site: &Site, one: &Team) -> Value {
    let more = json!({
        "members_count": one.members.len(),
        "repos_count": one.repos.len(),
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "organization": org_full(state, site, false),
    });
    merged(team(state, site, one, None), &fields(more))
}
