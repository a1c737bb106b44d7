//! Which scheme is chosen, and what its requests carry.

use base64::{Engine, prelude::BASE64_STANDARD};
use seatbelt_connector_kit::{Auth, KitError};
use serde_json::json;

use crate::vendor::{BEARER, FAST, Vendor, World, connector, get, ok};

const MANY: &[Auth] = &[
    Auth::Basic {
        username: "username",
        password: "password",
    },
    Auth::Header {
        name: "X-Api-Key",
        key: "key",
    },
    Auth::Bearer { token: "token" },
];

/// The headers `authorization` and `x-api-key` that a secret leads to.
async fn sent(auth: &'static [Auth], secret: serde_json::Value) -> (Option<String>, Option<String>) {
    let world = World::with_secret(secret);
    let vendor = Vendor::start(&world.clock, |_, _| ok(json!([]))).await;
    let session = world.open(connector(auth, FAST), &vendor).await;
    get(&session, "/things").await.unwrap();
    let ask = &vendor.asks()[0];
    (
        ask.header("authorization").map(str::to_owned),
        ask.header("x-api-key").map(str::to_owned),
    )
}

#[tokio::test]
async fn the_fields_of_the_secret_choose_the_scheme() {
    let basic = BASE64_STANDARD.encode("ann:a b c");
    assert_eq!(
        sent(MANY, json!({"username": "ann", "password": "a b c"})).await,
        (Some(format!("Basic {basic}")), None)
    );
    assert_eq!(sent(MANY, json!({"key": 42})).await, (None, Some("42".to_owned())));
    assert_eq!(
        sent(MANY, json!({"token": "t\n"})).await,
        (Some("Bearer t".to_owned()), None)
    );
    assert_eq!(
        sent(MANY, json!({"username": "", "password": "x", "token": "t"}))
            .await
            .0
            .as_deref(),
        Some("Bearer t")
    );
}

#[tokio::test]
async fn every_request_names_us_and_carries_the_connectors_headers() {
    let world = World::with_secret(json!({"token": "t"}));
    let vendor = Vendor::start(&world.clock, |_, _| ok(json!([]))).await;
    get(&world.open(connector(BEARER, FAST), &vendor).await, "/things")
        .await
        .unwrap();
    let ask = &vendor.asks()[0];
    assert_eq!(
        ask.header("user-agent"),
        Some(concat!("seatbelt/", env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(
        (ask.header("x-acme-version"), ask.header("accept")),
        (Some("2"), Some("application/json"))
    );
}

#[tokio::test]
async fn a_secret_that_fits_no_scheme_names_the_accepted_shapes() {
    let world = World::with_secret(json!({"user": "ann", "pass": "hush"}));
    let settings = json!({"base_url": "https://api.acme.example"});
    let error = world
        .try_open(connector(MANY, FAST), settings, Some("env:ACME"))
        .await
        .unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, KitError::Secret { .. }));
    assert!(said.starts_with("secret env:ACME: "), "{said}");
    assert!(
        said.contains(r#"{"username": "...", "password": "..."} or {"key": "..."} or {"token": "..."}"#),
        "{said}"
    );
}

#[tokio::test]
async fn without_a_secret_only_the_public_is_read_where_the_connector_allows_it() {
    const PUBLIC: &[Auth] = &[Auth::Bearer { token: "token" }, Auth::Anonymous];
    let world = World::default();
    let vendor = Vendor::start(&world.clock, |_, _| ok(json!([]))).await;
    let settings = json!({ "base_url": vendor.url });
    let session = world
        .try_open(connector(PUBLIC, FAST), settings.clone(), None)
        .await
        .unwrap();
    get(&session, "/things").await.unwrap();
    assert_eq!(vendor.asks()[0].header("authorization"), None);
    assert!(session.bearer().await.unwrap().is_none());
    let error = world
        .try_open(connector(BEARER, FAST), settings, None)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("Acme needs one; set `secret`"), "{error}");
}

#[tokio::test]
async fn a_bare_token_is_taken_and_given_to_programs_that_ask() {
    let world = World::default();
    world.secrets.set("env:ACME", "ghp_abc");
    let vendor = Vendor::start(&world.clock, |_, _| ok(json!([]))).await;
    let session = world.open(connector(BEARER, FAST), &vendor).await;
    assert_eq!(session.credential("token").unwrap().expose(), "ghp_abc");
    assert_eq!(session.bearer().await.unwrap().unwrap().expose(), "ghp_abc");
    assert!(session.credential("password").is_none());
}

#[tokio::test]
async fn nothing_about_a_session_prints_a_secret() {
    let world = World::with_secret(json!({"username": "ann", "password": "hush", "token": "hush2"}));
    let vendor = Vendor::start(&world.clock, |_, _| ok(json!([]))).await;
    let session = world.open(connector(MANY, FAST), &vendor).await;
    let printed = format!(
        "{session:?} {:?} {:?}",
        session.credential("password"),
        session.bearer().await
    );
    let basic = BASE64_STANDARD.encode("ann:hush");
    assert!(!printed.contains("hush") && !printed.contains(&basic), "{printed}");
}
