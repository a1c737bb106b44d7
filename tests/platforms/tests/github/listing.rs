use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::World;

const R: &str = "/repos/acme-robotics/website";

fn numbers(values: &[Value]) -> Vec<u64> {
    values.iter().map(|value| value["number"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn pages_lead_through_every_issue_once_and_in_order() {
    let world = World::new().await;
    let token = world.github.owner_token();
    let path = format!("{R}/issues?state=all&sort=updated&direction=asc&per_page=7");
    let first = world.get(&path, &token).await;
    assert!(
        first.next().unwrap().contains("/repositories/"),
        "links name the repository by id"
    );
    assert!(first.header("link").contains("rel=\"last\""));
    let issues = world.all(&path, &token).await;
    let distinct: BTreeSet<u64> = numbers(&issues).into_iter().collect();
    assert_eq!(issues.len(), 30);
    assert_eq!(distinct, world.github.issue_numbers("website").into_iter().collect());
    assert!(
        issues
            .windows(2)
            .all(|pair| pair[0]["updated_at"].as_str() <= pair[1]["updated_at"].as_str())
    );
    assert_eq!(
        issues
            .iter()
            .filter(|issue| issue.get("pull_request").is_some())
            .count(),
        5
    );
    assert!(
        issues[0]["url"]
            .as_str()
            .unwrap()
            .starts_with(&world.url("/repos/acme-robotics/website/issues/"))
    );
}

#[tokio::test]
async fn page_sizes_are_cut_and_defaulted() {
    let world = World::new().await;
    let token = world.github.owner_token();
    assert_eq!(
        world
            .get(&format!("{R}/issues?state=all&per_page=1000"), &token)
            .await
            .array()
            .len(),
        30
    );
    assert_eq!(
        world.get(&format!("{R}/issues/comments"), &token).await.array().len(),
        30
    );
    let variables = world.get(&format!("{R}/actions/variables?per_page=3"), &token).await;
    assert_eq!(variables.json()["total_count"], 4);
    assert_eq!(variables.json()["variables"].as_array().unwrap().len(), 3);
    assert!(variables.next().is_some());
    assert!(
        world
            .get(&format!("{R}/labels?page=99"), &token)
            .await
            .array()
            .is_empty()
    );
}

#[tokio::test]
async fn since_gives_what_changed_at_or_after_it() {
    let world = World::new().await;
    let token = world.github.owner_token();
    let time = world.github.clock().advance(Duration::from_secs(60));
    world.github.edit_issue("website", 3, json!({"title": "Changed"}));
    let comment = world.github.comment("website", 4, "New");
    let since = format!("{R}/issues?state=all&since={time}");
    assert_eq!(
        numbers(&world.all(&since, &token).await)
            .into_iter()
            .collect::<BTreeSet<_>>(),
        BTreeSet::from([3, 4])
    );
    let comments = world
        .all(
            &format!("{R}/issues/comments?sort=updated&direction=asc&since={time}"),
            &token,
        )
        .await;
    assert_eq!(comments.len(), 1);
    assert_eq!(comments[0]["id"], comment);
    let later = world.github.clock().advance(Duration::from_secs(1));
    assert!(
        world
            .all(&format!("{R}/issues?state=all&since={later}"), &token)
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn wrong_parameters_are_refused() {
    let world = World::small().await;
    let token = world.github.owner_token();
    for path in [
        "issues?state=opened",
        "issues?sort=age",
        "issues?direction=up",
        "issues?since=yesterday",
        "pulls?sort=x",
    ] {
        let got = world.get(&format!("{R}/{path}"), &token).await;
        assert_eq!(
            (got.status.as_u16(), got.message().as_str()),
            (422, "Validation Failed"),
            "{path}"
        );
    }
    world.github.limit_pagination(4);
    let deep = world
        .get(&format!("{R}/issues?state=all&per_page=2&page=3"), &token)
        .await;
    assert_eq!(deep.status, 422);
    assert!(deep.message().contains("pagination is limited"));
}

#[tokio::test]
async fn an_unchanged_answer_is_a_304_that_costs_nothing() {
    let world = World::small().await;
    let token = world.github.owner_token();
    let first = world.get(&format!("{R}/labels"), &token).await;
    let tag = first.header("etag").to_owned();
    let again = world
        .send(
            Method::GET,
            &format!("{R}/labels"),
            &token,
            &[("if-none-match", &tag)],
            None,
        )
        .await;
    assert_eq!(again.status, 304);
    assert!(again.bytes.is_empty());
    assert_eq!(again.header("x-ratelimit-used"), first.header("x-ratelimit-used"));
    world.github.edit_label("website", "bug", json!({"color": "000000"}));
    let changed = world
        .send(
            Method::GET,
            &format!("{R}/labels"),
            &token,
            &[("if-none-match", &tag)],
            None,
        )
        .await;
    assert_eq!(changed.status, 200);
    let repo = world.get(R, &token).await;
    let date = repo.header("last-modified").to_owned();
    assert!(date.ends_with("GMT"));
    let again = world
        .send(Method::GET, R, &token, &[("if-modified-since", &date)], None)
        .await;
    assert_eq!(again.status, 304);
}

#[tokio::test]
async fn deleted_issues_are_gone_and_appear_in_no_listing() {
    let world = World::small().await;
    let token = world.github.owner_token();
    world.github.delete_issue("website", 2);
    let gone = world.get(&format!("{R}/issues/2"), &token).await;
    assert_eq!(gone.status, 410);
    assert!(!numbers(&world.all(&format!("{R}/issues?state=all"), &token).await).contains(&2));
    let events = world.all(&format!("{R}/issues/events"), &token).await;
    assert!(events.iter().all(|event| event["issue"]["number"] != 2));
}

#[tokio::test]
async fn a_renamed_repository_redirects_to_its_id() {
    let world = World::small().await;
    let token = world.github.owner_token();
    let id = world.github.repo_id("website");
    world.github.rename_repo("website", "homepage");
    let moved = world.get(&format!("{R}/issues?state=all"), &token).await;
    assert_eq!(moved.status, 301);
    let location = moved.header("location").to_owned();
    assert!(location.contains(&format!("/repositories/{id}/issues?state=all")));
    assert_eq!(world.get(&location, &token).await.array().len(), 7);
    world.github.delete_repo("homepage");
    assert_eq!(world.get(&location, &token).await.status, 404);
}

#[tokio::test]
async fn projects_are_paged_by_cursor() {
    let world = World::new().await;
    let token = world.github.owner_token();
    let projects = world.all("/orgs/acme-robotics/projectsV2", &token).await;
    assert_eq!(projects.len(), 1);
    assert_eq!(
        world.all("/orgs/acme-robotics/projectsV2/1/fields", &token).await.len(),
        3
    );
    let first = world
        .get("/orgs/acme-robotics/projectsV2/1/items?per_page=9", &token)
        .await;
    assert!(first.next().unwrap().contains("after="));
    let items = world
        .all("/orgs/acme-robotics/projectsV2/1/items?per_page=9", &token)
        .await;
    let ids: BTreeSet<u64> = items.iter().map(|item| item["id"].as_u64().unwrap()).collect();
    assert_eq!((items.len(), ids.len()), (81, 81));
}
