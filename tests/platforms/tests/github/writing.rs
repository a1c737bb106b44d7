use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::World;

const R: &str = "/repos/acme-robotics/billing";

#[tokio::test]
async fn issues_labels_milestones_and_comments_can_be_written() {
    let world = World::small().await;
    let token = world.github.owner_token();
    let now = world.github.clock().advance(Duration::from_secs(30));
    let post = |path: &str, body| {
        let path = format!("{R}/{path}");
        let (world, token) = (&world, &token);
        async move { world.send(Method::POST, &path, token, &[], Some(body)).await }
    };
    assert_eq!(
        post("labels", json!({"name": "urgent", "color": "ff0000"}))
            .await
            .status,
        201
    );
    let twice = post("labels", json!({"name": "URGENT"})).await;
    assert_eq!(twice.json()["errors"][0]["code"], "already_exists");
    assert_eq!(
        post("labels", json!({"name": "x", "color": "#ff0000"})).await.status,
        422
    );
    let milestone = post("milestones", json!({"title": "v3", "due_on": "2027-01-01T00:00:00Z"}))
        .await
        .json();
    let body = json!({"title": "Restored", "body": "<!-- origin:123 -->", "labels": ["urgent"], "milestone": milestone["number"]});
    let issue = post("issues", body).await.json();
    assert_eq!(issue["labels"][0]["name"], "urgent");
    assert_eq!(issue["milestone"]["title"], "v3");
    let created: jiff::Timestamp = issue["created_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(created, now);
    let number = issue["number"].as_u64().unwrap();
    let missing = post("issues", json!({"body": "no title"})).await;
    assert_eq!(
        missing.json()["errors"][0],
        json!({"resource": "Issue", "field": "title", "code": "missing_field"})
    );
    let comment = post(&format!("issues/{number}/comments"), json!({"body": "by @mira-k"})).await;
    assert_eq!(comment.status, 201);
    let patch = json!({"state": "closed", "state_reason": "not_planned", "title": "Restored!"});
    let closed = world
        .send(Method::PATCH, &format!("{R}/issues/{number}"), &token, &[], Some(patch))
        .await
        .json();
    assert_eq!(
        (&closed["state"], &closed["state_reason"]),
        (&json!("closed"), &json!("not_planned"))
    );
    assert_eq!(closed["comments"], 1);
    let comment_path = format!("{R}/issues/comments/{}", comment.json()["id"]);
    let edited = world
        .send(
            Method::PATCH,
            &comment_path,
            &token,
            &[],
            Some(json!({"body": "by @jonas"})),
        )
        .await
        .json();
    assert_eq!(edited["body"], "by @jonas");
    let events = world.get(&format!("{R}/issues/{number}/events"), &token).await.array();
    let kinds: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["labeled", "renamed", "closed"]);
    let timeline = world
        .get(&format!("{R}/issues/{number}/timeline"), &token)
        .await
        .array();
    assert!(timeline.iter().any(|entry| entry["event"] == "commented"));
    assert_eq!(
        world
            .send(Method::DELETE, &comment_path, &token, &[], None)
            .await
            .status,
        204
    );
    assert_eq!(world.get(&comment_path, &token).await.status, 404);
    assert_eq!(
        world.get(&format!("{R}/issues/{number}"), &token).await.json()["comments"],
        0
    );
}

#[tokio::test]
async fn variables_rulesets_and_settings_can_be_written() {
    let world = World::small().await;
    let token = world.github.owner_token();
    let send = |method: Method, path: &str, body| {
        let path = format!("{R}{path}");
        let (world, token) = (&world, &token);
        async move { world.send(method, &path, token, &[], Some(body)).await }
    };
    let body = json!({"name": "mode", "value": "fast"});
    assert_eq!(send(Method::POST, "/actions/variables", body.clone()).await.status, 201);
    assert_eq!(send(Method::POST, "/actions/variables", body).await.status, 409);
    assert_eq!(
        send(Method::PATCH, "/actions/variables/MODE", json!({"value": "slow"}))
            .await
            .status,
        204
    );
    assert_eq!(
        world.get(&format!("{R}/actions/variables/MODE"), &token).await.json()["value"],
        "slow"
    );
    let rulesets = world
        .get(&format!("{R}/rulesets?includes_parents=false"), &token)
        .await
        .array();
    assert_eq!(rulesets.len(), 1);
    assert!(rulesets[0].get("rules").is_none());
    let id = rulesets[0]["id"].as_u64().unwrap();
    let changed = send(
        Method::PUT,
        &format!("/rulesets/{id}"),
        json!({"enforcement": "disabled"}),
    )
    .await
    .json();
    assert_eq!(changed["enforcement"], "disabled");
    assert_eq!(changed["rules"].as_array().unwrap().len(), 2);
    assert_eq!(world.get(&format!("{R}/rulesets"), &token).await.array().len(), 2);
    assert_eq!(send(Method::PATCH, "", json!({"has_wiki": "no"})).await.status, 422);
    let repo = send(Method::PATCH, "", json!({"has_wiki": false, "description": "New"}))
        .await
        .json();
    assert_eq!(
        (&repo["has_wiki"], &repo["description"]),
        (&json!(false), &json!("New"))
    );
    assert_eq!(send(Method::PATCH, "", json!({"archived": true})).await.status, 200);
    assert_eq!(send(Method::POST, "/labels", json!({"name": "late"})).await.status, 403);
    assert_eq!(send(Method::PATCH, "", json!({"archived": false})).await.status, 200);
}

#[tokio::test]
async fn assets_are_downloaded_by_a_signed_redirect_and_uploaded_back() {
    let world = World::small().await;
    let token = world.github.owner_token();
    let releases = world.get(&format!("{R}/releases"), &token).await.array();
    let asset = &releases[0]["assets"][0];
    let url = asset["url"].as_str().unwrap();
    let octets = [("accept", "application/octet-stream")];
    let redirect = world.send(Method::GET, url, &token, &octets, None).await;
    assert_eq!(redirect.status, 302);
    let location = redirect.header("location").to_owned();
    let bytes = world.get(&location, "").await.bytes;
    let digest: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(asset["digest"], format!("sha256:{digest}"));
    let rest = world
        .send(Method::GET, &location, "", &[("range", "bytes=19000-")], None)
        .await;
    assert_eq!((rest.status.as_u16(), rest.bytes.as_slice()), (206, &bytes[19_000..]));
    assert_eq!(releases[1]["assets"][0]["digest"], json!(null));
    world.github.clock().advance(Duration::from_secs(301));
    assert_eq!(world.get(&location, "").await.status, 403);
    world.github.redirect_assets(false);
    assert_eq!(world.send(Method::GET, url, &token, &octets, None).await.bytes, bytes);
    let body = json!({"tag_name": "v9.0.0", "name": "Nine"});
    let release = world
        .send(Method::POST, &format!("{R}/releases"), &token, &[], Some(body))
        .await;
    assert_eq!(release.status, 201);
    let upload = release.json()["upload_url"]
        .as_str()
        .unwrap()
        .replace("{?name,label}", "?name=notes.json");
    let uploaded = world
        .send(Method::POST, &upload, &token, &[], Some(json!({"a": 1})))
        .await;
    assert_eq!((uploaded.status.as_u16(), &uploaded.json()["size"]), (201, &json!(7)));
    let tags = world.github.references("billing");
    assert!(tags.iter().any(|(name, _)| name == "refs/tags/v9.0.0"));
}
