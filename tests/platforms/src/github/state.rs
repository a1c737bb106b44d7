//! What the simulated GitHub remembers. Records with a life of their own (issues, pulls, releases) have types; settings
//! that only come and go as a whole are kept as the JSON a client would read, without addresses.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::auth::{App, Grant};
use super::git::GitFolder;
use super::limits::Limits;
use crate::SimClock;

pub(super) type Fields = Map<String, Value>;

pub(super) struct State {
    pub(super) clock: SimClock,
    pub(super) last_id: u64,
    pub(super) org: Org,
    pub(super) users: BTreeMap<String, User>,
    pub(super) repos: BTreeMap<u64, Repo>,
    /// Former `owner/name` in lower case, to the repository that carries another name today.
    pub(super) former_names: BTreeMap<String, u64>,
    pub(super) tokens: HashMap<String, Grant>,
    pub(super) app: Option<App>,
    pub(super) limits: Limits,
    pub(super) switches: Switches,
    pub(super) git: GitFolder,
}

/// Behaviours that differ between real accounts, times and editions; tests turn them.
pub(super) struct Switches {
    pub(super) assets_redirect: bool,
    pub(super) etags_vary_by_token: bool,
    /// Whether personal tokens must first be authorized for single sign-on.
    pub(super) sso: bool,
    /// How many results a `page` walk may reach before 422 "pagination is limited".
    pub(super) deepest_result: usize,
}

impl State {
    /// GitHub's times have whole seconds.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_second(self.clock.now().as_second()).expect("a second of a timestamp is one too")
    }

    pub(super) fn new_id(&mut self) -> u64 {
        self.last_id += 7;
        self.last_id
    }

    pub(super) fn find_repo(&self, owner: &str, name: &str) -> Option<&Repo> {
        self.repos.values().find(|repo| repo.is_called(owner, name))
    }

    pub(super) fn user(&self, login: &str) -> Option<&User> {
        self.users
            .get(login)
            .or_else(|| self.users.values().find(|user| user.login.eq_ignore_ascii_case(login)))
    }
}

#[derive(Clone)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) login: String,
    /// `User`, `Organization` or `Bot`.
    pub(super) kind: &'static str,
}

pub(super) struct Org {
    pub(super) id: u64,
    pub(super) login: String,
    pub(super) profile: Fields,
    /// `free`, `team` or `enterprise`; decides which features private repositories have.
    pub(super) plan: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    /// Login to role (`admin` or `member`).
    pub(super) members: BTreeMap<String, String>,
    pub(super) outside_collaborators: BTreeSet<String>,
    pub(super) invitations: Vec<Fields>,
    pub(super) teams: Vec<Team>,
    pub(super) hooks: Vec<Fields>,
    pub(super) rulesets: Vec<Fields>,
    pub(super) actions: Actions,
    pub(super) runner_groups: Vec<Fields>,
    pub(super) property_schema: Vec<Fields>,
    pub(super) issue_types: Vec<Fields>,
    pub(super) roles: Vec<Fields>,
    pub(super) projects: Vec<Project>,
    pub(super) migrations: Vec<Fields>,
}

#[derive(Default)]
pub(super) struct Actions {
    pub(super) permissions: Fields,
    pub(super) workflow: Fields,
    pub(super) selected: Fields,
    pub(super) secrets: Vec<Fields>,
    pub(super) variables: Vec<Fields>,
}

pub(super) struct Team {
    pub(super) id: u64,
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) privacy: String,
    pub(super) permission: String,
    pub(super) parent: Option<u64>,
    /// Login to role (`member` or `maintainer`).
    pub(super) members: BTreeMap<String, String>,
    /// Repository id to permission (`pull` to `admin`).
    pub(super) repos: BTreeMap<u64, String>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

pub(super) struct Project {
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) short_description: Option<String>,
    pub(super) creator: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) fields: Vec<Fields>,
    pub(super) items: Vec<ProjectItem>,
}

pub(super) struct ProjectItem {
    pub(super) id: u64,
    /// `Issue`, `PullRequest` or `DraftIssue`.
    pub(super) content_type: &'static str,
    /// The issue or pull request shown, as repository id and number; a draft has none.
    pub(super) content: Option<(u64, u64)>,
    pub(super) draft_title: String,
    pub(super) creator: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) values: Vec<Fields>,
}

pub(super) struct Repo {
    pub(super) id: u64,
    pub(super) owner: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    /// `public`, `private` or `internal`.
    pub(super) visibility: String,
    pub(super) archived: bool,
    pub(super) fork: bool,
    pub(super) language: Option<String>,
    pub(super) homepage: Option<String>,
    /// The switches and merge settings of the settings page, by their REST names.
    pub(super) settings: Fields,
    pub(super) topics: Vec<String>,
    pub(super) default_branch: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) pushed_at: Option<Timestamp>,
    pub(super) labels: Vec<Label>,
    pub(super) milestones: Vec<Milestone>,
    /// Issues and pull requests by number: they share one sequence.
    pub(super) issues: BTreeMap<u64, Issue>,
    pub(super) last_number: u64,
    pub(super) last_milestone: u64,
    pub(super) deleted_issues: BTreeSet<u64>,
    pub(super) comments: BTreeMap<u64, Comment>,
    pub(super) events: Vec<Event>,
    pub(super) commit_comments: Vec<CommitComment>,
    pub(super) releases: Vec<Release>,
    pub(super) discussions: Vec<Discussion>,
    pub(super) categories: Vec<String>,
    /// Branch name to commit.
    pub(super) branches: BTreeMap<String, String>,
    pub(super) tags: BTreeSet<String>,
    pub(super) protection: BTreeMap<String, Fields>,
    pub(super) rulesets: Vec<Fields>,
    pub(super) hooks: Vec<Fields>,
    pub(super) keys: Vec<Fields>,
    pub(super) autolinks: Vec<Fields>,
    pub(super) pages: Option<Fields>,
    pub(super) properties: Fields,
    pub(super) vulnerability_alerts: bool,
    pub(super) interaction_limit: Option<Fields>,
    pub(super) workflows: Vec<Fields>,
    pub(super) actions: Actions,
    pub(super) environments: Vec<Environment>,
    /// Login to permission, direct collaborators only.
    pub(super) collaborators: BTreeMap<String, String>,
}

impl Repo {
    pub(super) fn is_called(&self, owner: &str, name: &str) -> bool {
        self.owner.eq_ignore_ascii_case(owner) && self.name.eq_ignore_ascii_case(name)
    }

    pub(super) fn is_private(&self) -> bool {
        self.visibility != "public"
    }

    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    pub(super) fn has(&self, setting: &str) -> bool {
        self.settings.get(setting).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn open_issues(&self) -> usize {
        self.issues.values().filter(|issue| issue.is_open()).count()
    }
}

#[derive(Clone)]
pub(super) struct Label {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) color: String,
    pub(super) description: Option<String>,
}

pub(super) struct Milestone {
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) state: String,
    pub(super) creator: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) closed_at: Option<Timestamp>,
    pub(super) due_on: Option<Timestamp>,
}

pub(super) struct Issue {
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) user: String,
    pub(super) state: String,
    pub(super) state_reason: Option<String>,
    pub(super) locked: bool,
    /// Ids of labels, so that a renamed label shows its new name everywhere.
    pub(super) labels: Vec<u64>,
    pub(super) assignees: Vec<String>,
    /// Id of the milestone.
    pub(super) milestone: Option<u64>,
    pub(super) kind: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) closed_at: Option<Timestamp>,
    pub(super) closed_by: Option<String>,
    /// How many comments there are on it.
    pub(super) comments: usize,
    /// Numbers of sub-issues in the same repository.
    pub(super) sub_issues: Vec<u64>,
    pub(super) reactions: Vec<Reaction>,
    pub(super) pull: Option<Pull>,
}

impl Issue {
    pub(super) fn is_open(&self) -> bool {
        self.state == "open"
    }
}

pub(super) struct Reaction {
    pub(super) id: u64,
    pub(super) user: String,
    pub(super) content: &'static str,
    pub(super) created_at: Timestamp,
}

/// What a pull request has beyond its issue.
pub(super) struct Pull {
    pub(super) id: u64,
    pub(super) head_ref: String,
    pub(super) head_sha: String,
    pub(super) base_ref: String,
    pub(super) base_sha: String,
    pub(super) draft: bool,
    pub(super) merged_at: Option<Timestamp>,
    pub(super) merged_by: Option<String>,
    pub(super) reviews: Vec<Review>,
    pub(super) review_comments: Vec<ReviewComment>,
}

pub(super) struct Review {
    pub(super) id: u64,
    pub(super) user: String,
    pub(super) body: String,
    pub(super) state: &'static str,
    pub(super) submitted_at: Timestamp,
}

pub(super) struct ReviewComment {
    pub(super) id: u64,
    pub(super) review: Option<u64>,
    pub(super) user: String,
    pub(super) body: String,
    pub(super) path: String,
    pub(super) line: u64,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) issue: u64,
    pub(super) user: String,
    pub(super) body: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

pub(super) struct Event {
    pub(super) id: u64,
    pub(super) issue: u64,
    pub(super) actor: String,
    pub(super) event: &'static str,
    /// What only this kind of event says: `label`, `rename`, `milestone`.
    pub(super) details: Fields,
    pub(super) created_at: Timestamp,
}

pub(super) struct CommitComment {
    pub(super) id: u64,
    pub(super) user: String,
    pub(super) body: String,
    pub(super) commit: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

pub(super) struct Release {
    pub(super) id: u64,
    pub(super) tag_name: String,
    pub(super) target: String,
    pub(super) name: Option<String>,
    pub(super) body: Option<String>,
    pub(super) draft: bool,
    pub(super) prerelease: bool,
    pub(super) author: String,
    pub(super) created_at: Timestamp,
    pub(super) published_at: Option<Timestamp>,
    pub(super) assets: Vec<Asset>,
}

pub(super) struct Asset {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) label: Option<String>,
    pub(super) content_type: String,
    pub(super) bytes: Bytes,
    /// Assets of before mid 2025 have no digest.
    pub(super) digest: Option<String>,
    pub(super) uploader: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

pub(super) struct Environment {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) wait_timer: u64,
    /// `protected_branches` and `custom_branch_policies`, or nothing: all branches may deploy.
    pub(super) branch_policy: Option<Fields>,
    pub(super) policies: Vec<Fields>,
    pub(super) secrets: Vec<Fields>,
    pub(super) variables: Vec<Fields>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

pub(super) struct Discussion {
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) author: String,
    pub(super) category: String,
    pub(super) closed: bool,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) comments: Vec<DiscussionComment>,
}

pub(super) struct DiscussionComment {
    pub(super) id: u64,
    pub(super) author: String,
    pub(super) body: String,
    pub(super) is_answer: bool,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) replies: Vec<DiscussionComment>,
}
