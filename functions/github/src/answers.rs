//! What GitHub's answers mean.

use std::time::Duration;

use jiff::fmt::rfc2822;
use seatbelt_connector_kit::{Outcome, Response};

/// Things that are simply not set when they are not there.
const OPTIONAL: &[&str] = &[
    "pages",
    "interaction_limits",
    "branch_protection",
    "environment_branch_policies",
    "environments",
];

/// What is not shown to those who may not see it, as if it did not exist.
const FOR_ADMINS: &[&str] = &[
    "hooks",
    "deploy_keys",
    "collaborators",
    "repository_teams",
    "autolinks",
    "secrets",
    "variables",
    "actions_permissions",
    "workflow_permissions",
    "organization_hooks",
    "organization_secrets",
    "organization_variables",
    "organization_actions",
    "organization_rulesets",
    "organization_roles",
    "runner_groups",
    "installations",
    "invitations",
    "outside_collaborators",
    "property_schema",
    "properties",
    "environment_secrets",
    "environment_variables",
    "teams",
    "members",
];

/// A secondary limit without a stated wait asks for at least a minute.
const SECONDARY: Duration = Duration::from_mins(1);

pub(crate) fn classify(response: &Response) -> Outcome {
    let status = response.status.as_u16();
    if response.status.is_success() {
        return if response.url.path().ends_with("/graphql") {
            graphql(response)
        } else {
            Outcome::Success
        };
    }
    let message = response.text("/message").unwrap_or_default();
    let said = format!(
        "HTTP {status}{}",
        response
            .header("x-accepted-github-permissions")
            .map(|needed| format!(", needs {needed}"))
            .unwrap_or_default()
    );
    let resource = response.resource.as_str();
    match status {
        304 => Outcome::Empty,
        401 if FOR_ADMINS.contains(&resource) && message.contains("Requires authentication") => {
            Outcome::Forbidden(said)
        }
        401 => Outcome::Reconnect(said),
        403 | 429 if is_throttled(response, &message) => Outcome::Throttled(until_reset(response).or(Some(SECONDARY))),
        403 if response.header("x-github-sso").is_some() => {
            Outcome::Reconnect("HTTP 403: the token must be authorized for the organization's single sign-on".into())
        }
        403 if message.contains("IP allow list") => {
            Outcome::Reconnect("HTTP 403: the organization's IP allow list bars this address".into())
        }
        403 if message.contains("Upgrade to") => Outcome::Unavailable("the plan lacks it".into()),
        403 => Outcome::Forbidden(said),
        404 if OPTIONAL.contains(&resource) => Outcome::Empty,
        404 if FOR_ADMINS.contains(&resource) => {
            Outcome::Forbidden(format!("{said}, which is what those see who may not"))
        }
        404 if message.contains("Upgrade to") => Outcome::Unavailable("the plan lacks it".into()),
        409 => Outcome::Empty, // "Git Repository is empty", or actions that are not "selected".
        410 => Outcome::Empty, // Issues or discussions are switched off.
        451 => Outcome::Unavailable("HTTP 451: blocked for legal reasons".into()),
        400 | 405..=407 | 411..=428 => Outcome::Refused(format!("{said} {message}")),
        _ => Outcome::from_status(response),
    }
}

fn is_throttled(response: &Response, message: &str) -> bool {
    response.status.as_u16() == 429
        || response.header("retry-after").is_some()
        || response.header("x-ratelimit-remaining") == Some("0")
        || message.to_ascii_lowercase().contains("rate limit")
}

/// The wait until the primary limit is filled again, by the vendor's own clock.
fn until_reset(response: &Response) -> Option<Duration> {
    if response.header("x-ratelimit-remaining") != Some("0") {
        return None;
    }
    let reset: i64 = response.header("x-ratelimit-reset")?.parse().ok()?;
    let now = rfc2822::parse(response.header("date")?).ok()?.timestamp().as_second();
    u64::try_from(reset - now + 1).ok().map(Duration::from_secs)
}

/// GraphQL answers 200 and names its errors in the body.
fn graphql(response: &Response) -> Outcome {
    match response.text("/errors/0/type").as_deref() {
        None if response.text("/errors/0/message").is_some() => Outcome::Refused(format!(
            "GraphQL: {}",
            response.text("/errors/0/message").unwrap_or_default()
        )),
        None => Outcome::Success,
        Some("RATE_LIMITED") => Outcome::Throttled(until_reset(response).or(Some(SECONDARY))),
        Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => Outcome::Forbidden("GraphQL: forbidden".into()),
        Some("NOT_FOUND") => Outcome::Empty,
        Some("INTERNAL" | "SERVICE_UNAVAILABLE") => Outcome::Retry,
        Some(other) => Outcome::Refused(format!("GraphQL: {other}")),
    }
}
