use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::Method;
use seatbelt_platforms::github::{PRACTICE_APP_CLIENT_ID, PRACTICE_APP_ID, PRACTICE_APP_KEY, PRACTICE_INSTALLATION};
use serde_json::{Value, json};

use crate::support::{Got, World};

fn signed(claims: &Value) -> String {
    let key = EncodingKey::from_rsa_pem(PRACTICE_APP_KEY.as_bytes()).unwrap();
    encode(&Header::new(Algorithm::RS256), claims, &key).unwrap()
}

fn claims(world: &World, lifetime_s: i64) -> Value {
    let now = world.github.clock().now().as_second();
    json!({"iss": PRACTICE_APP_CLIENT_ID, "iat": now - 60, "exp": now + lifetime_s})
}

async fn mint(world: &World, jwt: &str, body: Value) -> Got {
    let path = format!("/app/installations/{PRACTICE_INSTALLATION}/access_tokens");
    world.send(Method::POST, &path, jwt, &[], Some(body)).await
}

#[tokio::test]
async fn an_app_mints_tokens_of_an_hour() {
    let world = World::small().await;
    let jwt = signed(&claims(&world, 540));
    assert_eq!(
        world.get("/app/installations", &jwt).await.array()[0]["id"],
        PRACTICE_INSTALLATION
    );
    let minted = mint(&world, &jwt, json!({})).await;
    assert_eq!(minted.status, 201);
    let token = minted.json()["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("ghs_") && token.len() > 40);
    let repos = world.get("/installation/repositories", &token).await.json();
    assert_eq!(repos["total_count"], 5);
    let limit = world.get("/repos/acme-robotics/billing/hooks", &token).await;
    assert_eq!(limit.status, 200);
    assert_eq!(limit.header("x-ratelimit-limit"), "5000");
    world.github.clock().advance(Duration::from_secs(3600));
    assert_eq!(world.get("/installation/repositories", &token).await.status, 401);
}

#[tokio::test]
async fn a_token_can_be_less_than_the_app_but_not_more() {
    let world = World::small().await;
    let jwt = signed(&claims(&world, 540));
    let id = world.github.repo_id("website");
    let body = json!({"repository_ids": [id], "permissions": {"issues": "read"}});
    let minted = mint(&world, &jwt, body).await.json();
    assert_eq!(minted["repository_selection"], "selected");
    let token = minted["token"].as_str().unwrap();
    assert_eq!(
        world.get("/installation/repositories", token).await.json()["total_count"],
        1
    );
    assert_eq!(world.get("/repos/acme-robotics/billing", token).await.status, 404);
    let hooks = world.get("/repos/acme-robotics/website/hooks", token).await;
    assert_eq!(hooks.message(), "Resource not accessible by integration");
    let more = mint(&world, &jwt, json!({"permissions": {"issues": "write"}})).await;
    assert_eq!(more.status, 422);
    assert_eq!(mint(&world, &jwt, json!({"repository_ids": [1]})).await.status, 422);
}

#[tokio::test]
async fn unsound_signatures_and_claims_are_refused() {
    let world = World::small().await;
    let now = world.github.clock().now().as_second();
    let sound = signed(&json!({"iss": PRACTICE_APP_ID, "iat": now, "exp": now + 600}));
    assert_eq!(mint(&world, &sound, json!({})).await.status, 201);
    let unsound = [
        json!({"iss": PRACTICE_APP_CLIENT_ID, "iat": now, "exp": now + 900}),
        json!({"iss": PRACTICE_APP_CLIENT_ID, "iat": now + 30, "exp": now + 300}),
        json!({"iss": PRACTICE_APP_CLIENT_ID, "iat": now - 600, "exp": now}),
        json!({"iat": now, "exp": now + 300}),
    ];
    for claims in unsound {
        assert_eq!(mint(&world, &signed(&claims), json!({})).await.status, 401, "{claims}");
    }
    let someone = signed(&json!({"iss": "Iv1.other", "iat": now, "exp": now + 300}));
    assert_eq!(mint(&world, &someone, json!({})).await.status, 404);
    let (head, _) = sound.rsplit_once('.').unwrap();
    assert_eq!(
        mint(&world, &format!("{head}.c2lnbmF0dXJl"), json!({})).await.status,
        401
    );
    assert_eq!(mint(&world, &world.github.owner_token(), json!({})).await.status, 401);
}
