use std::time::Duration;

use reqwest::Method;
use seatbelt_platforms::github::Level;
use serde_json::{Value, json};

use crate::support::World;

const QUERY: &str = "query($owner: String!, $name: String!, $first: Int!, $after: String) {
  rateLimit { cost remaining resetAt }
  repository(owner: $owner, name: $name) {
    discussions(first: $first, after: $after, orderBy: {field: UPDATED_AT, direction: DESC}) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id number title body createdAt updatedAt author { login } category { name isAnswerable }
        comments(first: 50) { totalCount nodes { ...words replies(first: 10) { nodes { ...words } } } }
      }
    }
  }
}
fragment words on DiscussionComment { id body isAnswer author { login ... on User { databaseId } } }";

async fn ask(world: &World, token: &str, query: &str, variables: Value) -> Value {
    let body = json!({"query": query, "variables": variables});
    world
        .send(Method::POST, "/graphql", token, &[], Some(body))
        .await
        .json()
}

fn of_website(first: u64, after: Value) -> Value {
    json!({"owner": "acme-robotics", "name": "website", "first": first, "after": after})
}

#[tokio::test]
async fn discussions_come_with_comments_and_replies() {
    let world = World::small().await;
    let token = world.github.owner_token();
    let mut after = Value::Null;
    let mut titles = Vec::new();
    loop {
        let answer = ask(&world, &token, QUERY, of_website(2, after)).await;
        let connection = &answer["data"]["repository"]["discussions"];
        for node in connection["nodes"].as_array().unwrap() {
            titles.push(node["number"].as_u64().unwrap());
            assert_eq!(node["comments"]["totalCount"], 2);
            assert_eq!(
                node["comments"]["nodes"][0]["replies"]["nodes"]
                    .as_array()
                    .unwrap()
                    .len(),
                1
            );
            assert!(node["comments"]["nodes"][0]["author"]["databaseId"].is_u64());
        }
        if connection["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = connection["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(titles, [10, 9, 8]);
    world.github.clock().advance(Duration::from_secs(5));
    world.github.comment_on_discussion("website", 9, "Still so?");
    let answer = ask(&world, &token, QUERY, of_website(1, Value::Null)).await;
    let newest = &answer["data"]["repository"]["discussions"]["nodes"][0];
    assert_eq!(
        (newest["number"].as_u64(), newest["comments"]["totalCount"].as_u64()),
        (Some(9), Some(3))
    );
    let query = "query($id: ID!) { node(id: $id) { ... on Discussion { comments(first: 1) { nodes { id } } } } }";
    let node = ask(&world, &token, query, json!({"id": newest["id"]})).await;
    assert_eq!(node["data"]["node"]["comments"]["nodes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn unbounded_unknown_and_forbidden_questions_are_errors() {
    let world = World::small().await;
    let token = world.github.owner_token();
    let kind = |answer: &Value| answer["errors"][0]["type"].as_str().unwrap_or("none").to_owned();
    let over = ask(&world, &token, QUERY, of_website(101, Value::Null)).await;
    assert_eq!(kind(&over), "EXCESSIVE_PAGINATION");
    let no_size = "{ repository(owner: \"acme-robotics\", name: \"website\") { discussions { nodes { id } } } }";
    assert_eq!(
        kind(&ask(&world, &token, no_size, json!({})).await),
        "MISSING_PAGINATION_BOUNDARIES"
    );
    let unknown =
        "{ repository(owner: \"acme-robotics\", name: \"website\") { discussions(first: 1) { nodes { colour } } } }";
    let answer = ask(&world, &token, unknown, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "undefinedField");
    assert!(answer.get("data").is_none());
    let nowhere = json!({"owner": "acme-robotics", "name": "nowhere", "first": 1});
    assert_eq!(kind(&ask(&world, &token, QUERY, nowhere).await), "NOT_FOUND");
    let wrong = json!({"owner": "acme-robotics", "name": "website", "first": "many"});
    assert!(
        ask(&world, &token, QUERY, wrong).await["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("$first")
    );
    let deep = "{ repository(owner: \"acme-robotics\", name: \"website\") { discussions(first: 100) { nodes { comments(first: 100) { nodes { replies(first: 100) { nodes { id } } } } } } } }";
    assert_eq!(
        kind(&ask(&world, &token, deep, json!({})).await),
        "MAX_NODE_LIMIT_EXCEEDED"
    );
    let blind = world.github.fine_grained_token(&[("issues", Level::Read)]);
    let private = json!({"owner": "acme-robotics", "name": "billing", "first": 1});
    assert_eq!(kind(&ask(&world, &blind, QUERY, private).await), "FORBIDDEN");
}
