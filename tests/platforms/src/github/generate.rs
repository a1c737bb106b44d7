//! An organization with a life behind it, made from a seed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::generate_repo::fill_repo;
use super::git::GitFolder;
use super::limits::{Limits, later};
use super::state::{Actions, Fields, Org, Project, ProjectItem, State, Switches, Team, User};
use super::views::{fields, node_id};
use crate::SimClock;

/// How much there is to generate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Repositories with work in them. Three odd ones come on top: one empty, one archived without issues, one with the
    /// free plan's troubles in mind (private, without any settings).
    pub repos: usize,
    /// Issues in each repository, pull requests not counted.
    pub issues: usize,
    /// Pull requests in each repository.
    pub pulls: usize,
    /// Comments on each issue and pull request, at most; the average is half of it.
    pub comments: usize,
    /// Commits on the default branch of each repository.
    pub commits: usize,
    /// Releases of each repository.
    pub releases: usize,
    /// Assets of each release.
    pub assets: usize,
    /// Size of each asset.
    pub asset_bytes: usize,
    /// Discussions in each repository, with two comments and a reply each.
    pub discussions: usize,
    /// Members of the organization.
    pub members: usize,
    /// Teams of the organization.
    pub teams: usize,
    /// Variables of each repository.
    pub variables: usize,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            repos: 4,
            issues: 25,
            pulls: 5,
            comments: 4,
            commits: 12,
            releases: 2,
            assets: 2,
            asset_bytes: 20_000,
            discussions: 6,
            members: 12,
            teams: 3,
            variables: 4,
        }
    }
}

pub(super) const REPO_NAMES: [&str; 6] = ["website", "billing", "mobile-app", "infra", "handbook", "tools"];
const PEOPLE: [&str; 8] = [
    "mira-k", "jonas", "li-wei", "amara", "petra-n", "sam-o", "dov", "ines-r",
];
pub(super) const ORG_AGE_S: i64 = 500 * 86_400;

pub(super) fn generate(seed: u64, counts: &Counts, clock: SimClock) -> State {
    let now = clock.now();
    let mut rng = Rng::with_seed(seed);
    let mut state = empty(later(now, -ORG_AGE_S), clock);
    add_people(&mut state, counts);
    for place in 0..counts.repos {
        let name = REPO_NAMES
            .get(place)
            .map_or_else(|| format!("project-{place}"), |name| (*name).to_owned());
        let visibility = ["public", "private", "private", "internal"][place % 4];
        let created = later(state.org.created_at, 86_400 * (1 + place as i64));
        let id = state.blank_repo(&name, visibility, created);
        fill_repo(&mut state, id, counts, &mut rng);
    }
    add_odd_repos(&mut state);
    add_teams(&mut state, counts);
    add_org_settings(&mut state);
    add_projects(&mut state);
    state
}

fn empty(created_at: Timestamp, clock: SimClock) -> State {
    let created_at = Timestamp::from_second(created_at.as_second()).unwrap_or(created_at);
    let org = Org {
        id: 4_018_233,
        login: "acme-robotics".to_owned(),
        profile: fields(json!({
            "name": "Acme Robotics",
            "company": "Acme Robotics GmbH",
            "blog": "https://acme-robotics.example",
            "location": "Berlin",
            "email": "hello@acme-robotics.example",
            "description": "Robots that fold laundry",
            "billing_email": "billing@acme-robotics.example",
            "default_repository_permission": "read",
            "members_can_create_repositories": true,
            "members_can_create_public_repositories": false,
            "members_can_create_private_repositories": true,
            "members_can_fork_private_repositories": false,
            "web_commit_signoff_required": false,
            "two_factor_requirement_enabled": true,
            "deploy_keys_enabled_for_repositories": true,
        })),
        plan: "team".to_owned(),
        created_at,
        updated_at: created_at,
        members: BTreeMap::new(),
        outside_collaborators: BTreeSet::new(),
        invitations: Vec::new(),
        teams: Vec::new(),
        hooks: Vec::new(),
        rulesets: Vec::new(),
        actions: Actions::default(),
        runner_groups: Vec::new(),
        property_schema: Vec::new(),
        issue_types: Vec::new(),
        roles: Vec::new(),
        projects: Vec::new(),
        migrations: Vec::new(),
    };
    State {
        clock,
        last_id: 10_000_000,
        org,
        users: BTreeMap::new(),
        repos: BTreeMap::new(),
        former_names: BTreeMap::new(),
        tokens: HashMap::new(),
        app: None,
        limits: Limits::new(),
        switches: Switches {
            assets_redirect: true,
            etags_vary_by_token: false,
            sso: false,
            deepest_result: 10_000,
        },
        git: GitFolder::new(),
    }
}

impl State {
    pub(super) fn first_member(&self, role: &str) -> String {
        let found = self.org.members.iter().find(|(_, held)| *held == role);
        found.map_or_else(|| "ghost".to_owned(), |(login, _)| login.clone())
    }

    fn add_user(&mut self, login: &str, kind: &'static str) {
        let id = self.new_id();
        self.users.insert(
            login.to_owned(),
            User {
                id,
                login: login.to_owned(),
                kind,
            },
        );
    }
}

fn add_people(state: &mut State, counts: &Counts) {
    let org = state.org.login.clone();
    state.users.insert(
        org.clone(),
        User {
            id: state.org.id,
            login: org,
            kind: "Organization",
        },
    );
    for place in 0..counts.members.max(2) {
        let login = PEOPLE
            .get(place)
            .map_or_else(|| format!("member-{place}"), |name| (*name).to_owned());
        state.add_user(&login, "User");
        let role = if place % 10 == 0 { "admin" } else { "member" };
        state.org.members.insert(login, role.to_owned());
    }
    for login in ["contractor-ada", "contractor-bo"] {
        state.add_user(login, "User");
        state.org.outside_collaborators.insert(login.to_owned());
    }
    state.add_user("practice-backup[bot]", "Bot");
    let id = state.new_id();
    state.org.invitations.push(fields(json!({
        "id": id,
        "node_id": node_id("OI", id),
        "login": null,
        "email": "new@acme-robotics.example",
        "role": "direct_member",
        "created_at": state.org.created_at,
        "failed_at": null,
        "failed_reason": null,
        "team_count": 0,
        "invitation_source": "member",
    })));
}

fn add_odd_repos(state: &mut State) {
    let created = later(state.org.created_at, 86_400 * 30);
    state.blank_repo("empty-shell", "private", created);
    let id = state.blank_repo("old-mirror", "public", created);
    state.first_commit(id);
    let repo = state.repo_by_id(id);
    repo.settings.insert("has_issues".to_owned(), json!(false));
    repo.archived = true;
    let id = state.blank_repo("sketches", "private", created);
    state.first_commit(id);
}

fn add_teams(state: &mut State, counts: &Counts) {
    let logins: Vec<String> = state.org.members.keys().cloned().collect();
    let repos: Vec<u64> = state.repos.keys().copied().collect();
    for place in 0..counts.teams {
        let name = ["Everyone", "Platform", "Design"]
            .get(place)
            .map_or_else(|| format!("Team {place}"), |n| (*n).to_owned());
        let members = logins
            .iter()
            .enumerate()
            .filter(|(number, _)| place == 0 || number % (place + 1) == 0);
        let role = |number: usize| if number == 0 { "maintainer" } else { "member" }.to_owned();
        let members = members.map(|(number, login)| (login.clone(), role(number))).collect();
        let permission = ["pull", "push", "maintain"][place % 3].to_owned();
        let repos = repos.iter().skip(place).map(|id| (*id, permission.clone())).collect();
        let team = Team {
            id: state.new_id(),
            slug: name.to_ascii_lowercase().replace(' ', "-"),
            name,
            description: (place > 0).then(|| "A team of people".to_owned()),
            privacy: "closed".to_owned(),
            permission: "pull".to_owned(),
            parent: (place == 2).then(|| state.org.teams[0].id),
            members,
            repos,
            created_at: state.org.created_at,
            updated_at: state.org.created_at,
        };
        state.org.teams.push(team);
    }
}

fn add_org_settings(state: &mut State) {
    let time = state.org.created_at;
    let mut id = || state.new_id();
    let hook = json!({
        "type": "Organization", "id": id(), "name": "web", "active": true, "events": ["push", "issues"],
        "config": {"url": "https://hooks.acme-robotics.example/github", "content_type": "json", "insecure_ssl": "0", "secret": "********"},
        "created_at": time, "updated_at": time,
    });
    let ruleset = json!({
        "id": id(), "name": "No force pushes", "target": "branch", "enforcement": "active",
        "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}, "repository_name": {"include": ["~ALL"], "exclude": []}},
        "rules": [{"type": "non_fast_forward"}, {"type": "deletion"}],
        "bypass_actors": [{"actor_id": 1, "actor_type": "OrganizationAdmin", "bypass_mode": "always"}],
        "created_at": time, "updated_at": time,
    });
    let types = ["Task", "Bug", "Feature"].map(|name| {
        let id = id();
        json!({"id": id, "node_id": node_id("IT", id), "name": name, "description": format!("A {name}"), "color": "blue", "is_enabled": true, "created_at": time, "updated_at": time})
    });
    let role = json!({"id": id(), "name": "all_repo_read", "description": "Reads every repository", "base_role": "read", "source": "Predefined", "permissions": [], "created_at": time, "updated_at": time});
    let group = json!({"id": id(), "name": "Default", "visibility": "all", "default": true, "inherited": false, "allows_public_repositories": false, "restricted_to_workflows": false, "selected_workflows": [], "workflow_restrictions_read_only": false});
    let schema = [
        json!({"property_name": "owner-team", "value_type": "string", "required": false, "default_value": null, "description": "Who answers for it", "allowed_values": null, "values_editable_by": "org_actors", "source_type": "organization"}),
        json!({"property_name": "tier", "value_type": "single_select", "required": true, "default_value": "internal", "description": "How much it matters", "allowed_values": ["critical", "internal"], "values_editable_by": "org_actors", "source_type": "organization"}),
    ];
    let org = &mut state.org;
    org.hooks.push(fields(hook));
    org.rulesets.push(fields(ruleset));
    org.issue_types.extend(types.map(fields));
    org.roles.push(fields(role));
    org.runner_groups.push(fields(group));
    org.property_schema.extend(schema.map(fields));
    org.actions = Actions {
        permissions: fields(
            json!({"enabled_repositories": "all", "allowed_actions": "selected", "sha_pinning_required": false}),
        ),
        workflow: fields(json!({"default_workflow_permissions": "read", "can_approve_pull_request_reviews": false})),
        selected: fields(
            json!({"github_owned_allowed": true, "verified_allowed": false, "patterns_allowed": ["actions/*"]}),
        ),
        secrets: vec![named(json!({"name": "NPM_TOKEN", "visibility": "private"}), time)],
        variables: vec![
            named(
                json!({"name": "REGION", "value": "eu-central-1", "visibility": "all"}),
                time,
            ),
            named(
                json!({"name": "STAGE", "value": "production", "visibility": "selected"}),
                time,
            ),
        ],
    };
}

/// A secret or variable with its times.
pub(super) fn named(value: Value, time: Timestamp) -> Fields {
    let mut named = fields(value);
    named.insert("created_at".to_owned(), json!(time));
    named.insert("updated_at".to_owned(), json!(time));
    named
}

fn add_projects(state: &mut State) {
    let time = later(state.org.created_at, 86_400 * 60);
    let creator = state.first_member("admin");
    let shown: Vec<(u64, u64, bool)> = state
        .repos
        .values()
        .flat_map(|repo| {
            repo.issues
                .values()
                .take(20)
                .map(|issue| (repo.id, issue.number, issue.pull.is_some()))
        })
        .collect();
    let title = |id, name: &str, kind: &str| {
        fields(
            json!({"id": id, "node_id": node_id("PVTF", id), "name": name, "data_type": kind, "created_at": time, "updated_at": time}),
        )
    };
    let mut status = title(state.new_id(), "Status", "single_select");
    let option = |id: &str, name: &str| json!({"id": id, "name": {"raw": name, "html": name}, "description": {"raw": "", "html": ""}, "color": "GREEN"});
    status.insert(
        "options".to_owned(),
        json!([option("f75ad846", "Todo"), option("98236657", "Done")]),
    );
    let fields_of_project = vec![
        title(state.new_id(), "Title", "title"),
        title(state.new_id(), "Estimate", "number"),
    ];
    let mut items: Vec<ProjectItem> = Vec::new();
    for (repo, number, pull) in shown {
        let content_type = if pull { "PullRequest" } else { "Issue" };
        items.push(item(state.new_id(), content_type, Some((repo, number)), &creator, time));
    }
    items.push(item(state.new_id(), "DraftIssue", None, &creator, time));
    let mut all_fields = vec![status];
    all_fields.extend(fields_of_project);
    let project = Project {
        id: state.new_id(),
        number: 1,
        title: "Roadmap".to_owned(),
        short_description: Some("What comes next".to_owned()),
        creator,
        created_at: time,
        updated_at: time,
        fields: all_fields,
        items,
    };
    state.org.projects.push(project);
}

fn item(id: u64, kind: &'static str, content: Option<(u64, u64)>, creator: &str, time: Timestamp) -> ProjectItem {
    let value = json!({"raw": "Todo", "html": "Todo"});
    ProjectItem {
        id,
        content_type: kind,
        content,
        draft_title: "An idea".to_owned(),
        creator: creator.to_owned(),
        created_at: time,
        updated_at: time,
        values: vec![fields(
            json!({"id": id + 1, "name": "Status", "data_type": "single_select", "value": {"id": "f75ad846", "name": value}}),
        )],
    }
}
