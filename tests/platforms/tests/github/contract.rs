//! Holds the answers against GitHub's own description of its API, where a copy is at hand.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::support::World;

/// Path templates to read; those below a repository are read for the first one.
const READ: &[(&str, &str)] = &[
    ("/orgs/{org}", "/orgs/acme-robotics"),
    ("/orgs/{org}/repos", "/orgs/acme-robotics/repos"),
    ("/orgs/{org}/members", "/orgs/acme-robotics/members"),
    (
        "/orgs/{org}/outside_collaborators",
        "/orgs/acme-robotics/outside_collaborators",
    ),
    ("/orgs/{org}/teams", "/orgs/acme-robotics/teams"),
    ("/orgs/{org}/teams/{team_slug}", "/orgs/acme-robotics/teams/platform"),
    (
        "/orgs/{org}/teams/{team_slug}/members",
        "/orgs/acme-robotics/teams/platform/members",
    ),
    (
        "/orgs/{org}/teams/{team_slug}/repos",
        "/orgs/acme-robotics/teams/platform/repos",
    ),
    ("/orgs/{org}/hooks", "/orgs/acme-robotics/hooks"),
    ("/orgs/{org}/rulesets", "/orgs/acme-robotics/rulesets"),
    (
        "/orgs/{org}/actions/permissions",
        "/orgs/acme-robotics/actions/permissions",
    ),
    (
        "/orgs/{org}/actions/permissions/selected-actions",
        "/orgs/acme-robotics/actions/permissions/selected-actions",
    ),
    (
        "/orgs/{org}/actions/permissions/workflow",
        "/orgs/acme-robotics/actions/permissions/workflow",
    ),
    ("/orgs/{org}/actions/secrets", "/orgs/acme-robotics/actions/secrets"),
    ("/orgs/{org}/actions/variables", "/orgs/acme-robotics/actions/variables"),
    (
        "/orgs/{org}/actions/runner-groups",
        "/orgs/acme-robotics/actions/runner-groups",
    ),
    ("/orgs/{org}/properties/schema", "/orgs/acme-robotics/properties/schema"),
    ("/orgs/{org}/properties/values", "/orgs/acme-robotics/properties/values"),
    ("/orgs/{org}/issue-types", "/orgs/acme-robotics/issue-types"),
    (
        "/orgs/{org}/organization-roles",
        "/orgs/acme-robotics/organization-roles",
    ),
    ("/orgs/{org}/installations", "/orgs/acme-robotics/installations"),
    ("/orgs/{org}/projectsV2", "/orgs/acme-robotics/projectsV2"),
    (
        "/orgs/{org}/projectsV2/{project_number}/fields",
        "/orgs/acme-robotics/projectsV2/1/fields",
    ),
    (
        "/orgs/{org}/projectsV2/{project_number}/items",
        "/orgs/acme-robotics/projectsV2/1/items",
    ),
    (
        "/orgs/{org}/memberships/{username}",
        "/orgs/acme-robotics/memberships/jonas",
    ),
    ("/rate_limit", "/rate_limit"),
];

/// Path templates below `/repos/{owner}/{repo}`, and what to read for them.
const READ_OF_REPO: &[(&str, &str)] = &[
    ("", ""),
    ("/topics", "/topics"),
    ("/branches", "/branches?protected=true"),
    ("/branches/{branch}/protection", "/branches/main/protection"),
    ("/rulesets", "/rulesets"),
    ("/collaborators", "/collaborators"),
    ("/teams", "/teams"),
    ("/hooks", "/hooks"),
    ("/keys", "/keys"),
    ("/autolinks", "/autolinks"),
    ("/labels", "/labels"),
    ("/milestones", "/milestones?state=all"),
    ("/issues", "/issues?state=all"),
    ("/issues/{issue_number}", "/issues/1"),
    ("/issues/comments", "/issues/comments"),
    ("/issues/events", "/issues/events"),
    ("/issues/{issue_number}/sub_issues", "/issues/1/sub_issues"),
    ("/issues/{issue_number}/reactions", "/issues/1/reactions"),
    ("/issues/{issue_number}/timeline", "/issues/7/timeline"),
    ("/pulls", "/pulls?state=all"),
    ("/pulls/{pull_number}", "/pulls/7"),
    ("/pulls/comments", "/pulls/comments"),
    ("/pulls/{pull_number}/reviews", "/pulls/7/reviews"),
    ("/comments", "/comments"),
    ("/releases", "/releases"),
    ("/actions/workflows", "/actions/workflows"),
    ("/actions/permissions", "/actions/permissions"),
    ("/actions/permissions/workflow", "/actions/permissions/workflow"),
    ("/actions/secrets", "/actions/secrets"),
    ("/actions/variables", "/actions/variables"),
    ("/environments", "/environments"),
    (
        "/environments/{environment_name}/deployment-branch-policies",
        "/environments/production/deployment-branch-policies",
    ),
    (
        "/environments/{environment_name}/variables",
        "/environments/production/variables",
    ),
    (
        "/environments/{environment_name}/secrets",
        "/environments/production/secrets",
    ),
    ("/pages", "/pages"),
    ("/properties/values", "/properties/values"),
];

/// The description, from the folder `SEATBELT_CONTRACTS` names or from beside the project.
fn contract() -> Option<Value> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contracts");
    let folder = std::env::var_os("SEATBELT_CONTRACTS").map_or(beside, PathBuf::from);
    let text = std::fs::read(folder.join("github.openapi.json")).ok()?;
    Some(serde_json::from_slice(&text).expect("the contract is JSON"))
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a skipped check must be seen")]
async fn answers_have_the_shapes_that_github_describes() {
    let Some(contract) = contract() else {
        eprintln!("SKIPPED: no contract found; set SEATBELT_CONTRACTS to a folder with github.openapi.json");
        return;
    };
    let world = World::small().await;
    let token = world.github.owner_token();
    let mut checked = 0;
    let mut wrong = Vec::new();
    let of_repo = READ_OF_REPO.iter().map(|(template, path)| {
        (
            format!("/repos/{{owner}}/{{repo}}{template}"),
            format!("/repos/acme-robotics/website{path}"),
        )
    });
    let of_org = READ
        .iter()
        .map(|(template, path)| ((*template).to_owned(), (*path).to_owned()));
    for (template, path) in of_org.chain(of_repo) {
        let got = world.get(&path, &token).await;
        let value = got.json();
        if got.status != 200 || is_hollow(&value) {
            wrong.push(format!("{path}: {} with nothing to check", got.status));
            continue;
        }
        let answer = &contract["paths"][&template]["get"]["responses"]["200"];
        let answer = resolve(&contract, answer);
        let schema = &answer["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "the contract describes {template}");
        Checker {
            contract: &contract,
            wrong: &mut wrong,
        }
        .check(schema, &value, &path);
        checked += 1;
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(checked, READ.len() + READ_OF_REPO.len());
}

fn is_hollow(value: &Value) -> bool {
    let hollow = |object: &Map<String, Value>| object.values().any(|value| value == &Value::Array(Vec::new()));
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.is_empty() || (object.contains_key("total_count") && hollow(object)),
        _ => true,
    }
}

fn resolve<'c>(contract: &'c Value, schema: &'c Value) -> &'c Value {
    match schema["$ref"].as_str() {
        Some(place) => resolve(
            contract,
            contract
                .pointer(place.trim_start_matches('#'))
                .expect("a closed reference"),
        ),
        None => schema,
    }
}

/// A small JSON Schema check of what the contract uses: types, required fields, enums, items, alternatives, dates.
struct Checker<'a> {
    contract: &'a Value,
    wrong: &'a mut Vec<String>,
}

impl Checker<'_> {
    fn check(&mut self, schema: &Value, value: &Value, place: &str) {
        let schema = resolve(self.contract, schema).clone();
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        for all in schema["allOf"].as_array().into_iter().flatten() {
            self.check(all, value, place);
        }
        for choice in ["anyOf", "oneOf"] {
            if let Some(options) = schema[choice].as_array()
                && !options.iter().any(|option| self.fits(option, value))
            {
                self.wrong.push(format!("{place}: fits no {choice}"));
            }
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            self.wrong.push(format!("{place}: {value} is not one of {allowed:?}"));
        }
        let sound = match schema["type"].as_str() {
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            _ => true,
        };
        if !sound {
            self.wrong.push(format!("{place}: {value} is not a {}", schema["type"]));
        }
        if schema["format"] == "date-time" && value.as_str().is_some_and(|t| t.parse::<jiff::Timestamp>().is_err()) {
            self.wrong.push(format!("{place}: {value} is not a time"));
        }
        self.check_inside(&schema, value, place);
    }

    fn check_inside(&mut self, schema: &Value, value: &Value, place: &str) {
        if let Some(items) = value.as_array().filter(|_| schema["items"].is_object()) {
            for (number, item) in items.iter().enumerate() {
                self.check(&schema["items"], item, &format!("{place}[{number}]"));
            }
        }
        let Some(object) = value.as_object() else { return };
        for field in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if !object.contains_key(field) {
                self.wrong.push(format!("{place}: {field} is missing"));
            }
        }
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(value) = object.get(field) {
                self.check(schema, value, &format!("{place}.{field}"));
            }
        }
    }

    fn fits(&self, schema: &Value, value: &Value) -> bool {
        let mut wrong = Vec::new();
        Checker {
            contract: self.contract,
            wrong: &mut wrong,
        }
        .check(schema, value, "");
        wrong.is_empty()
    }
}
