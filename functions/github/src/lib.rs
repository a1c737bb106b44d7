//! GitHub: repositories with all their refs, issues, pull requests, reviews, comments, releases with assets, discussions, wikis, projects, and the
//! configuration of repositories and the organization.
//!
//! Source: the GitHub REST API description (version 2022-11-28) and GitHub's documentation on rate limits, backing up repositories and
//! migrations, read 2026-11-22.
//! Known gaps: packages, Git LFS objects, gists, files attached to Markdown, and the values of secrets, which nobody can read.

mod answers;
mod discussions;
mod git;
mod issues;
mod organization;
mod releases;
mod repositories;
mod settings;
mod words;

use seatbelt_connector_kit::{Auth, Builtin, Connector, Pace, Quota, Request, ResetIs, Setting, WriteAccess};

/// The connector.
pub const GITHUB: Connector = Connector {
    name: "github",
    title: "GitHub",
    base_url: "{base_url}",
    settings: &[
        Setting {
            name: "owner",
            default: None,
            help: "the organization or user whose repositories are backed up, such as acme",
        },
        Setting {
            name: "repositories",
            default: Some(""),
            help: "names, separated by commas, to back up only these; a public one needs no account",
        },
        Setting {
            name: "base_url",
            default: Some("https://api.github.com"),
            help: "https://HOST/api/v3 for GitHub Enterprise Server, https://api.SUBDOMAIN.ghe.com for data residency",
        },
    ],
    auth: &[Auth::GitHubApp, Auth::Bearer { token: "token" }, Auth::Anonymous],
    headers: &[
        ("Accept", "application/vnd.github+json"),
        ("X-GitHub-Api-Version", "2022-11-28"),
    ],
    // At most 900 points a minute and 100 at once are allowed; a tenth of that is enough.
    pace: Pace::per_second(10).concurrency(4).quota(Quota {
        limit: "x-ratelimit-limit",
        remaining: "x-ratelimit-remaining",
        reset: "x-ratelimit-reset",
        reset_is: ResetIs::EpochSeconds,
        floor_percent: 20,
    }),
    resources: &[
        &organization::ORGANIZATION,
        &organization::MEMBERS,
        &organization::OUTSIDE_COLLABORATORS,
        &organization::INVITATIONS,
        &organization::TEAMS,
        &organization::TEAM_MEMBERS,
        &organization::TEAM_REPOSITORIES,
        &organization::ORGANIZATION_ROLES,
        &organization::ORGANIZATION_RULESETS,
        &organization::ORGANIZATION_RULESET_DETAILS,
        &organization::ORGANIZATION_HOOKS,
        &organization::ORGANIZATION_ACTIONS,
        &organization::ORGANIZATION_SECRETS,
        &organization::ORGANIZATION_VARIABLES,
        &organization::RUNNER_GROUPS,
        &organization::PROPERTY_SCHEMA,
        &organization::ISSUE_TYPES,
        &organization::INSTALLATIONS,
        &organization::PROJECTS,
        &organization::PROJECT_FIELDS,
        &organization::PROJECT_ITEMS,
        &repositories::REPOSITORIES,
        &repositories::REPOSITORY_DETAILS,
        &repositories::GIT,
        &repositories::WIKIS,
        &settings::PROTECTED_BRANCHES,
        &settings::BRANCH_PROTECTION,
        &settings::RULESETS,
        &settings::RULESET_DETAILS,
        &settings::WORKFLOWS,
        &settings::ACTIONS_PERMISSIONS,
        &settings::WORKFLOW_PERMISSIONS,
        &settings::SECRETS,
        &settings::VARIABLES,
        &settings::ENVIRONMENTS,
        &settings::ENVIRONMENT_SECRETS,
        &settings::ENVIRONMENT_VARIABLES,
        &settings::ENVIRONMENT_BRANCH_POLICIES,
        &settings::COLLABORATORS,
        &settings::REPOSITORY_TEAMS,
        &settings::HOOKS,
        &settings::DEPLOY_KEYS,
        &settings::AUTOLINKS,
        &settings::PAGES,
        &settings::PROPERTIES,
        &settings::INTERACTION_LIMITS,
        &issues::LABELS,
        &issues::MILESTONES,
        &issues::ISSUES,
        &issues::ISSUE_COMMENTS,
        &issues::ISSUE_EVENTS,
        &issues::SUB_ISSUES,
        &issues::PULLS,
        &issues::REVIEWS,
        &issues::REVIEW_COMMENTS,
        &issues::COMMIT_COMMENTS,
        &releases::RELEASES,
        &releases::RELEASE_ASSETS,
        &discussions::DISCUSSIONS,
        &discussions::DISCUSSION_COMMENTS,
        &discussions::DISCUSSION_REPLIES,
    ],
    on_request: &["issue_events", "sub_issues"],
    identity: Request::get("/rate_limit"),
    classify: answers::classify,
    clean: None,
    write_access: WriteAccess::UNKNOWN,
    native_exports: &[],
    builtin: Builtin {
        offers: "a migration archive (git, issues, pull requests, releases, attachments), made on request and kept for 7 days; a deleted \
                 repository can be restored for 90 days; rulesets keep their history",
        misses: "the archive runs by no schedule and cannot be restored into the same place; no secrets, variables, rulesets or packages in \
                 it; deleted issues, comments and releases, and force-pushed history, are gone",
        source: "GitHub documentation: Backing up a repository, Migration paths to GitHub, Restoring a deleted repository",
        read_on: "2026-11-22",
    },
    guide: "Best: a GitHub App installed on the organization with read access to Metadata, Contents, Issues, Pull requests, Discussions, \
            Administration, Actions, Environments, Secrets, Variables, Webhooks, Pages, Projects and Custom properties, and for the \
            organization Members, Administration, Secrets, Variables, Webhooks, Projects and Custom properties. The secret is \
            {\"app_id\": \"...\", \"installation_id\": \"...\", \"private_key\": \"-----BEGIN RSA PRIVATE KEY-----...\"}. Or a fine-grained \
            token with the same rights: {\"token\": \"...\"}. Public repositories need no secret. Git data needs the `git` program where \
            Seatbelt runs.",
};
