//! How repositories are set up: protection, Actions, access, hooks.

use seatbelt_connector_kit::{DependsOn, Key, Kind, Only, Request, Resource, Restore};

use crate::{
    repositories::EACH_REPOSITORY,
    words::{self, BY_PERSON, IN_PLACE, NAMES_ONLY, PAGE},
};

const fn of_repository(
    name: &'static str,
    request: Request,
    records: &'static str,
    key: &'static str,
    restore: Restore,
) -> Resource {
    words::list(
        name,
        Kind::Metadata,
        EACH_REPOSITORY,
        request.query(PAGE),
        records,
        key,
        restore,
    )
}

pub(crate) const PROTECTED_BRANCHES: Resource = Resource {
    volatile: &["/commit"], // The branch moves; that is git's.
    ..words::list(
        "protected_branches",
        Kind::Metadata,
        EACH_REPOSITORY,
        Request::get("/repos/{repositories.full_name}/branches").query(&[("protected", "true"), ("per_page", "100")]),
        "",
        "/name",
        IN_PLACE,
    )
};

pub(crate) const BRANCH_PROTECTION: Resource = words::one(
    "branch_protection",
    DependsOn::Each(&PROTECTED_BRANCHES, Only::All),
    Request::get("/repos/{repositories.full_name}/branches/{protected_branches.name}/protection"),
    IN_PLACE,
);

pub(crate) const RULESETS: Resource = words::list(
    "rulesets",
    Kind::Metadata,
    EACH_REPOSITORY,
    Request::get("/repos/{repositories.full_name}/rulesets")
        .query(&[("includes_parents", "false"), ("per_page", "100")]),
    "",
    "/id",
    IN_PLACE,
);

/// The list leaves the rules out.
pub(crate) const RULESET_DETAILS: Resource = words::one(
    "ruleset_details",
    DependsOn::Each(&RULESETS, Only::All),
    Request::get("/repos/{repositories.full_name}/rulesets/{rulesets.id}"),
    IN_PLACE,
);

/// Which workflows there are, and whether they are on. Their files are in git.
pub(crate) const WORKFLOWS: Resource = of_repository(
    "workflows",
    Request::get("/repos/{repositories.full_name}/actions/workflows"),
    "/workflows",
    "/id",
    IN_PLACE,
);

pub(crate) const ACTIONS_PERMISSIONS: Resource = words::one(
    "actions_permissions",
    EACH_REPOSITORY,
    Request::get("/repos/{repositories.full_name}/actions/permissions"),
    IN_PLACE,
);

pub(crate) const WORKFLOW_PERMISSIONS: Resource = words::one(
    "workflow_permissions",
    EACH_REPOSITORY,
    Request::get("/repos/{repositories.full_name}/actions/permissions/workflow"),
    IN_PLACE,
);

/// Names and dates.
pub(crate) const SECRETS: Resource = of_repository(
    "secrets",
    Request::get("/repos/{repositories.full_name}/actions/secrets"),
    "/secrets",
    "/name",
    NAMES_ONLY,
);

/// 30 is the most this list gives.
const VARIABLE_PAGE: &[(&str, &str)] = &[("per_page", "30")];

pub(crate) const VARIABLES: Resource = words::list(
    "variables",
    Kind::Metadata,
    EACH_REPOSITORY,
    Request::get("/repos/{repositories.full_name}/actions/variables").query(VARIABLE_PAGE),
    "/variables",
    "/name",
    IN_PLACE,
);

pub(crate) const ENVIRONMENTS: Resource = of_repository(
    "environments",
    Request::get("/repos/{repositories.full_name}/environments"),
    "/environments",
    "/name",
    IN_PLACE,
);

const EACH_ENVIRONMENT: DependsOn = DependsOn::Each(&ENVIRONMENTS, Only::All);

pub(crate) const ENVIRONMENT_SECRETS: Resource = words::list(
    "environment_secrets",
    Kind::Metadata,
    EACH_ENVIRONMENT,
    Request::get("/repos/{repositories.full_name}/environments/{environments.name}/secrets").query(PAGE),
    "/secrets",
    "/name",
    NAMES_ONLY,
);

pub(crate) const ENVIRONMENT_VARIABLES: Resource = words::list(
    "environment_variables",
    Kind::Metadata,
    EACH_ENVIRONMENT,
    Request::get("/repos/{repositories.full_name}/environments/{environments.name}/variables").query(VARIABLE_PAGE),
    "/variables",
    "/name",
    IN_PLACE,
);

pub(crate) const ENVIRONMENT_BRANCH_POLICIES: Resource = words::list(
    "environment_branch_policies",
    Kind::Metadata,
    EACH_ENVIRONMENT,
    Request::get("/repos/{repositories.full_name}/environments/{environments.name}/deployment-branch-policies")
        .query(PAGE),
    "/branch_policies",
    "/id",
    IN_PLACE,
);

pub(crate) const COLLABORATORS: Resource = of_repository(
    "collaborators",
    Request::get("/repos/{repositories.full_name}/collaborators"),
    "",
    "/id",
    BY_PERSON,
);

pub(crate) const REPOSITORY_TEAMS: Resource = of_repository(
    "repository_teams",
    Request::get("/repos/{repositories.full_name}/teams"),
    "",
    "/id",
    IN_PLACE,
);

/// The secret of a hook is masked.
pub(crate) const HOOKS: Resource = Resource {
    volatile: &["/last_response"],
    ..of_repository(
        "hooks",
        Request::get("/repos/{repositories.full_name}/hooks"),
        "",
        "/id",
        IN_PLACE,
    )
};

pub(crate) const DEPLOY_KEYS: Resource = Resource {
    volatile: &["/last_used"],
    ..of_repository(
        "deploy_keys",
        Request::get("/repos/{repositories.full_name}/keys"),
        "",
        "/id",
        IN_PLACE,
    )
};

pub(crate) const AUTOLINKS: Resource = of_repository(
    "autolinks",
    Request::get("/repos/{repositories.full_name}/autolinks"),
    "",
    "/id",
    IN_PLACE,
);

pub(crate) const PAGES: Resource = words::one(
    "pages",
    EACH_REPOSITORY,
    Request::get("/repos/{repositories.full_name}/pages"),
    IN_PLACE,
);

/// Values of the organization's custom properties.
pub(crate) const PROPERTIES: Resource = Resource {
    key: Key::Field("/property_name"),
    ..words::one(
        "properties",
        EACH_REPOSITORY,
        Request::get("/repos/{repositories.full_name}/properties/values"),
        IN_PLACE,
    )
};

pub(crate) const INTERACTION_LIMITS: Resource = words::one(
    "interaction_limits",
    EACH_REPOSITORY,
    Request::get("/repos/{repositories.full_name}/interaction-limits"),
    IN_PLACE,
);
