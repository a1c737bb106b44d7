//! The organization: its people, teams and rules, and its projects. For a user account there is none, which the receipt notes.

use seatbelt_connector_kit::{DependsOn, Kind, Only, Request, Resource, Restore};
use seatbelt_model::RestoreLevel;

use crate::words::{self, ANEW, BY_PERSON, IN_PLACE, NAMES_ONLY, PAGE};

const IF_ORGANIZATION: DependsOn = DependsOn::Has(&ORGANIZATION, "organization");

pub(crate) const ORGANIZATION: Resource = Resource {
    volatile: &[
        "/updated_at",
        "/followers",
        "/following",
        "/disk_usage",
        "/public_repos",
        "/total_private_repos",
        "/owned_private_repos",
    ],
    ..words::one(
        "organization",
        DependsOn::Nothing,
        Request::get("/orgs/{owner}"),
        IN_PLACE,
    )
};

const fn of_organization(
    name: &'static str,
    request: Request,
    records: &'static str,
    key: &'static str,
    restore: Restore,
) -> Resource {
    words::list(
        name,
        Kind::Metadata,
        IF_ORGANIZATION,
        request.query(PAGE),
        records,
        key,
        restore,
    )
}

pub(crate) const MEMBERS: Resource =
    of_organization("members", Request::get("/orgs/{owner}/members"), "", "/id", BY_PERSON);

pub(crate) const OUTSIDE_COLLABORATORS: Resource = of_organization(
    "outside_collaborators",
    Request::get("/orgs/{owner}/outside_collaborators"),
    "",
    "/id",
    BY_PERSON,
);

pub(crate) const INVITATIONS: Resource = of_organization(
    "invitations",
    Request::get("/orgs/{owner}/invitations"),
    "",
    "/id",
    BY_PERSON,
);

pub(crate) const TEAMS: Resource = of_organization("teams", Request::get("/orgs/{owner}/teams"), "", "/id", IN_PLACE);

const EACH_TEAM: DependsOn = DependsOn::Each(&TEAMS, Only::All);

pub(crate) const TEAM_MEMBERS: Resource = words::list(
    "team_members",
    Kind::Metadata,
    EACH_TEAM,
    Request::get("/orgs/{owner}/teams/{teams.slug}/members").query(PAGE),
    "",
    "/id",
    BY_PERSON,
);

pub(crate) const TEAM_REPOSITORIES: Resource = Resource {
    // The whole repository is in each entry; what counts here is which, and with what rights.
    volatile: crate::repositories::COUNTERS,
    ..words::list(
        "team_repositories",
        Kind::Metadata,
        EACH_TEAM,
        Request::get("/orgs/{owner}/teams/{teams.slug}/repos").query(PAGE),
        "",
        "/id",
        IN_PLACE,
    )
};

pub(crate) const ORGANIZATION_ROLES: Resource = of_organization(
    "organization_roles",
    Request::get("/orgs/{owner}/organization-roles"),
    "/roles",
    "/id",
    IN_PLACE,
);

pub(crate) const ORGANIZATION_RULESETS: Resource = of_organization(
    "organization_rulesets",
    Request::get("/orgs/{owner}/rulesets"),
    "",
    "/id",
    IN_PLACE,
);

/// The list leaves the rules out.
pub(crate) const ORGANIZATION_RULESET_DETAILS: Resource = words::one(
    "organization_ruleset_details",
    DependsOn::Each(&ORGANIZATION_RULESETS, Only::All),
    Request::get("/orgs/{owner}/rulesets/{organization_rulesets.id}"),
    IN_PLACE,
);

pub(crate) const ORGANIZATION_HOOKS: Resource = Resource {
    volatile: &["/last_response"],
    ..of_organization(
        "organization_hooks",
        Request::get("/orgs/{owner}/hooks"),
        "",
        "/id",
        IN_PLACE,
    )
};

pub(crate) const ORGANIZATION_ACTIONS: Resource = words::one(
    "organization_actions",
    IF_ORGANIZATION,
    Request::get("/orgs/{owner}/actions/permissions"),
    IN_PLACE,
);

pub(crate) const ORGANIZATION_SECRETS: Resource = of_organization(
    "organization_secrets",
    Request::get("/orgs/{owner}/actions/secrets"),
    "/secrets",
    "/name",
    NAMES_ONLY,
);

pub(crate) const ORGANIZATION_VARIABLES: Resource = words::list(
    "organization_variables",
    Kind::Metadata,
    IF_ORGANIZATION,
    Request::get("/orgs/{owner}/actions/variables").query(&[("per_page", "30")]), // the most this list gives
    "/variables",
    "/name",
    IN_PLACE,
);

pub(crate) const RUNNER_GROUPS: Resource = of_organization(
    "runner_groups",
    Request::get("/orgs/{owner}/actions/runner-groups"),
    "/runner_groups",
    "/id",
    IN_PLACE,
);

pub(crate) const PROPERTY_SCHEMA: Resource = of_organization(
    "property_schema",
    Request::get("/orgs/{owner}/properties/schema"),
    "",
    "/property_name",
    IN_PLACE,
);

pub(crate) const ISSUE_TYPES: Resource = of_organization(
    "issue_types",
    Request::get("/orgs/{owner}/issue-types"),
    "",
    "/id",
    IN_PLACE,
);

pub(crate) const INSTALLATIONS: Resource = of_organization(
    "installations",
    Request::get("/orgs/{owner}/installations"),
    "/installations",
    "/id",
    BY_PERSON,
);

pub(crate) const PROJECTS: Resource = words::list(
    "projects",
    Kind::Data,
    IF_ORGANIZATION,
    Request::get("/orgs/{owner}/projectsV2").query(PAGE),
    "",
    "/id",
    Restore::Api {
        level: RestoreLevel::R1,
        how: "GraphQL createProjectV2, then its fields and items",
    },
);

const EACH_PROJECT: DependsOn = DependsOn::Each(&PROJECTS, Only::All);

pub(crate) const PROJECT_FIELDS: Resource = words::list(
    "project_fields",
    Kind::Metadata,
    EACH_PROJECT,
    Request::get("/orgs/{owner}/projectsV2/{projects.number}/fields").query(PAGE),
    "",
    "/id",
    ANEW,
);

pub(crate) const PROJECT_ITEMS: Resource = words::list(
    "project_items",
    Kind::Data,
    EACH_PROJECT,
    Request::get("/orgs/{owner}/projectsV2/{projects.number}/items").query(PAGE),
    "",
    "/id",
    ANEW,
);
