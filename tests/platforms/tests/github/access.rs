use std::time::Duration;

use reqwest::Method;
use seatbelt_platforms::github::{Counts, Level};

use crate::support::World;

const WEBSITE: &str = "/repos/acme-robotics/website";
const BILLING: &str = "/repos/acme-robotics/billing";

#[tokio::test]
async fn requests_need_a_user_agent_and_a_known_version() {
    let world = World::small().await;
    let token = world.github.owner_token();
    let client = reqwest::Client::builder().build().unwrap();
    let bare = client.get(world.url(WEBSITE)).bearer_auth(&token).send().await.unwrap();
    assert_eq!(bare.status(), 403);
    let old = world
        .send(
            Method::GET,
            WEBSITE,
            &token,
            &[("x-github-api-version", "2019-01-01")],
            None,
        )
        .await;
    assert_eq!(old.status, 410);
    let new = world
        .send(
            Method::GET,
            WEBSITE,
            &token,
            &[("x-github-api-version", "2026-03-10")],
            None,
        )
        .await;
    assert_eq!(new.status, 200);
    assert_eq!(new.header("x-github-api-version-selected"), "2026-03-10");
    assert!(new.json().get("has_downloads").is_none());
    assert!(world.get(WEBSITE, &token).await.json().get("has_downloads").is_some());
}

#[tokio::test]
async fn tokens_that_are_unknown_or_ended_are_bad_credentials() {
    let world = World::small().await;
    let unknown = world.get(WEBSITE, "ghp_nobody").await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.message().as_str()),
        (401, "Bad credentials")
    );
    let token = world.github.owner_token();
    world.github.expire_token(&token, 60);
    assert_eq!(world.get(WEBSITE, &token).await.status, 200);
    world.github.clock().advance(Duration::from_secs(60));
    assert_eq!(world.get(WEBSITE, &token).await.status, 401);
}

#[tokio::test]
async fn anonymous_readers_see_public_repositories_sixty_times_an_hour() {
    let world = World::small().await;
    let public = world.get(&format!("{WEBSITE}/issues"), "").await;
    assert_eq!(public.status, 200);
    assert_eq!(public.header("x-ratelimit-limit"), "60");
    assert_eq!(world.get(BILLING, "").await.status, 404);
    assert_eq!(world.get(&format!("{WEBSITE}/hooks"), "").await.status, 401);
    let repos = world.get("/orgs/acme-robotics/repos", "").await.array();
    assert!(repos.iter().all(|repo| repo["private"] == false) && !repos.is_empty());
    for _ in 0..56 {
        assert_eq!(world.get(&format!("{WEBSITE}/labels"), "").await.status, 200);
    }
    let over = world.get(&format!("{WEBSITE}/labels"), "").await;
    assert_eq!(over.status, 403);
    assert!(over.message().starts_with("API rate limit exceeded for 127.0.0.1"));
    assert_eq!(over.header("x-ratelimit-remaining"), "0");
    world.github.clock().advance(Duration::from_secs(3600));
    assert_eq!(world.get(&format!("{WEBSITE}/labels"), "").await.status, 200);
}

#[tokio::test]
async fn fine_grained_tokens_reach_what_they_were_given() {
    let world = World::small().await;
    let token = world.github.fine_grained_token(&[("issues", Level::Read)]);
    assert_eq!(world.get(&format!("{BILLING}/issues"), &token).await.status, 200);
    assert_eq!(world.get(BILLING, &token).await.status, 200);
    let hooks = world.get(&format!("{BILLING}/hooks"), &token).await;
    assert_eq!(hooks.status, 403);
    assert_eq!(hooks.message(), "Resource not accessible by personal access token");
    assert_eq!(hooks.header("x-accepted-github-permissions"), "repository_hooks=read");
    let write = world
        .send(
            Method::POST,
            &format!("{BILLING}/labels"),
            &token,
            &[],
            Some(serde_json::json!({})),
        )
        .await;
    assert_eq!(write.header("x-accepted-github-permissions"), "issues=write");
    let limited = world
        .github
        .fine_grained_token_for(&[("issues", Level::Read)], &["website"]);
    assert_eq!(world.get(&format!("{BILLING}/issues"), &limited).await.status, 404);
    assert_eq!(world.get("/orgs/acme-robotics/members", &limited).await.status, 403);
}

#[tokio::test]
async fn members_do_not_see_settings() {
    let world = World::small().await;
    let member = world.github.member_token();
    assert_eq!(world.get(&format!("{BILLING}/issues"), &member).await.status, 200);
    assert_eq!(
        world
            .get(&format!("{BILLING}/branches/main/protection"), &member)
            .await
            .status,
        403
    );
    assert!(
        world
            .get(BILLING, &member)
            .await
            .json()
            .get("allow_squash_merge")
            .is_none()
    );
    let owner = world.github.owner_token();
    assert_eq!(world.get(BILLING, &owner).await.json()["allow_squash_merge"], true);
    assert_eq!(
        world.get("/orgs/acme-robotics", &owner).await.json()["plan"]["name"],
        "team"
    );
    assert!(
        world
            .get("/orgs/acme-robotics", &member)
            .await
            .json()
            .get("plan")
            .is_none()
    );
}

#[tokio::test]
async fn limits_are_announced_and_enforced() {
    let world = World::small().await;
    let token = world.github.owner_token();
    assert_eq!(world.get(WEBSITE, &token).await.header("x-ratelimit-remaining"), "4999");
    let status = world.get("/rate_limit", &token).await.json();
    assert_eq!(status["resources"]["core"]["used"], 1);
    world.github.limit_per_hour(Some(2));
    world.github.refuse_with(429);
    assert_eq!(world.get(WEBSITE, &token).await.status, 200);
    let over = world.get(WEBSITE, &token).await;
    assert_eq!(over.status, 429);
    let reset: i64 = over.header("x-ratelimit-reset").parse().unwrap();
    assert_eq!(reset, world.github.clock().now().as_second() + 3600);
    world.github.limit_per_hour(None);
    world.github.refuse_next(1, Some(17));
    let secondary = world.get(WEBSITE, &token).await;
    assert_eq!(secondary.header("retry-after"), "17");
    assert!(secondary.message().contains("secondary rate limit"));
    world.github.refuse_with(403);
    world.github.enforce_secondary_limits(true);
    let mut statuses = Vec::new();
    for _ in 0..901 {
        statuses.push(world.get("/zen", &token).await.status.as_u16());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 900);
    assert_eq!(statuses[900], 403);
}

#[tokio::test]
async fn what_is_off_empty_or_beyond_the_plan_says_so() {
    let world = World::with(&Counts {
        repos: 2,
        ..Counts::default()
    })
    .await;
    let token = world.github.owner_token();
    let off = world.get("/repos/acme-robotics/old-mirror/issues", &token).await;
    assert_eq!(
        (off.status.as_u16(), off.message().as_str()),
        (410, "Issues are disabled for this repo")
    );
    let empty = world.get("/repos/acme-robotics/empty-shell/commits", &token).await;
    assert_eq!(
        (empty.status.as_u16(), empty.message().as_str()),
        (409, "Git Repository is empty.")
    );
    let commits = world
        .get(&format!("{BILLING}/commits?per_page=5"), &token)
        .await
        .array();
    assert_eq!(commits.len(), 5);
    let nowhere = "a".repeat(40);
    assert_eq!(
        world
            .get(&format!("{BILLING}/commits?sha={nowhere}"), &token)
            .await
            .status,
        404
    );
    assert_eq!(world.get(&format!("{BILLING}/pages"), &token).await.status, 404);
    assert_eq!(world.get(&format!("{WEBSITE}/pages"), &token).await.status, 200);
    assert_eq!(
        world
            .get(&format!("{BILLING}/vulnerability-alerts"), &token)
            .await
            .status,
        204
    );
    assert_eq!(
        world
            .get(&format!("{WEBSITE}/vulnerability-alerts"), &token)
            .await
            .status,
        404
    );
    let unprotected = world
        .get(&format!("{WEBSITE}/branches/release%2F1.x/protection"), &token)
        .await;
    assert_eq!(
        (unprotected.status.as_u16(), unprotected.message().as_str()),
        (404, "Branch not protected")
    );
    world.github.set_plan("free");
    let plan = world.get(&format!("{BILLING}/rulesets"), &token).await;
    assert_eq!(plan.status, 403);
    assert!(plan.message().starts_with("Upgrade to GitHub Pro"));
    assert_eq!(world.get(&format!("{WEBSITE}/rulesets"), &token).await.status, 200);
}

#[tokio::test]
async fn single_sign_on_refuses_personal_tokens() {
    let world = World::small().await;
    let token = world.github.owner_token();
    world.github.require_sso(true);
    let refused = world.get(WEBSITE, &token).await;
    assert_eq!(refused.status, 403);
    assert!(refused.header("x-github-sso").starts_with("required; url=http"));
    assert_eq!(world.get("/rate_limit", &token).await.status, 200);
}
