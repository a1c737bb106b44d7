//! Minted tokens: one request for many callers, kept while they last, replaced when refused; and signed assertions.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use seatbelt_connector_kit::{Auth, KitError};
use seatbelt_model::Clock;
use serde_json::{Value, json};

use crate::vendor::{Ask, FAST, Vendor, World, connector, get, ok, reply};

const CLIENT: &[Auth] = &[Auth::ClientCredentials {
    token_url: "/oauth/token",
    scopes: &["read", "files"],
}];
const KEY: &str = include_str!("keys/test.pem");

fn client() -> World {
    World::with_secret(json!({"client_id": "id", "client_secret": "hush"}))
}

/// Mints `token-1`, `token-2` and so on, each for ten minutes, and serves things.
fn minting(ask: &Ask, before: usize) -> axum::response::Response {
    match ask.path.as_str() {
        "/oauth/token" => ok(json!({"access_token": format!("token-{before}"), "expires_in": 600})),
        _ => ok(json!([])),
    }
}

#[tokio::test]
async fn twenty_callers_mint_one_token() {
    let world = client();
    let vendor = Vendor::start_slow(&world.clock, minting).await;
    let (a, b) = (
        world.open(connector(CLIENT, FAST), &vendor).await,
        world.open(connector(CLIENT, FAST), &vendor).await,
    );
    let answers =
        futures_util::future::join_all((0..20).map(|n| get(if n % 2 == 0 { &a } else { &b }, "/things"))).await;
    assert!(answers.iter().all(Result::is_ok));
    let minted = vendor.asks_of("/oauth/token");
    assert_eq!(minted.len(), 1);
    assert_eq!(
        minted[0].body,
        "grant_type=client_credentials&client_id=id&client_secret=hush&scope=read+files"
    );
    assert_eq!(minted[0].header("authorization"), None);
    assert!(
        vendor
            .asks_of("/things")
            .iter()
            .all(|ask| ask.header("authorization") == Some("Bearer token-0"))
    );
}

#[tokio::test]
async fn twenty_callers_hear_of_one_refusal() {
    let world = client();
    let vendor = Vendor::start_slow(&world.clock, |_, _| {
        reply(401, &[], r#"{"error":"invalid_client","error_description":"hush"}"#)
    })
    .await;
    let session = world.open(connector(CLIENT, FAST), &vendor).await;
    let answers = futures_util::future::join_all((0..20).map(|_| get(&session, "/things"))).await;
    for answer in answers {
        let error = answer.unwrap_err();
        assert!(matches!(error, KitError::Reconnect { .. }), "{error}");
        assert!(
            error
                .to_string()
                .contains("sign-in at 127.0.0.1: the credential was refused (HTTP 401, invalid_client)"),
            "{error}"
        );
    }
    assert_eq!(vendor.asks().len(), 1);
    get(&session, "/things").await.unwrap_err();
    assert_eq!(vendor.asks().len(), 2, "who asks later, asks again");
}

#[tokio::test]
async fn a_token_is_used_until_a_minute_before_its_end() {
    let world = client();
    let vendor = Vendor::start(&world.clock, minting).await;
    let session = world.open(connector(CLIENT, FAST), &vendor).await;
    for (advance_s, minted) in [(0, 1), (539, 1), (1, 2)] {
        world.clock.advance(Duration::from_secs(advance_s));
        get(&session, "/things").await.unwrap();
        assert_eq!(vendor.asks_of("/oauth/token").len(), minted);
    }
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let world = client();
    let vendor = Vendor::start(&world.clock, |ask, before| {
        match (ask.path.as_str(), ask.header("authorization")) {
            ("/oauth/token", _) => minting(ask, before),
            ("/things", Some("Bearer token-0")) => reply(401, &[], ""),
            ("/things", _) => ok(json!([])),
            _ => reply(401, &[], ""),
        }
    });
    let vendor = vendor.await;
    let session = world.open(connector(CLIENT, FAST), &vendor).await;
    get(&session, "/things").await.unwrap();
    assert_eq!(vendor.asks().len(), 4, "token, refusal, token, things");
    assert!(matches!(get(&session, "/never").await, Err(KitError::Reconnect { .. })));
    assert_eq!(vendor.asks_of("/never").len(), 2);
    assert_eq!(world.elapsed_s(), 0.0);
}

#[tokio::test]
async fn a_token_endpoint_in_trouble_is_tried_again() {
    let world = client();
    let vendor = Vendor::start(&world.clock, |ask, before| match before {
        0 => reply(503, &[], ""),
        1 => reply(200, &[], "<html>"),
        _ => minting(ask, before),
    });
    let session = world.open(connector(CLIENT, FAST), &vendor.await).await;
    assert_eq!(session.bearer().await.unwrap().unwrap().expose(), "token-2");
}

#[tokio::test]
async fn the_setting_token_url_wins() {
    let world = client();
    let (api, tokens) = (
        Vendor::start(&world.clock, minting).await,
        Vendor::start(&world.clock, minting).await,
    );
    let settings = json!({"base_url": api.url, "token_url": format!("{}/oauth/token", tokens.url)});
    let session = world
        .try_open(connector(CLIENT, FAST), settings, Some("env:ACME"))
        .await
        .unwrap();
    get(&session, "/things").await.unwrap();
    assert_eq!((api.asks().len(), tokens.asks().len()), (1, 1));
}

/// The claims of a token whose signature the test's public key confirms.
fn verified(token: &str) -> Value {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&decode(header)).unwrap(),
        json!({"alg": "RS256", "typ": "JWT"})
    );
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    let rs256 = algorithms
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == rustls::SignatureScheme::RSA_PKCS1_SHA256)
        .unwrap();
    let public = include_bytes!("keys/test.public.der");
    rs256.1[0]
        .verify_signature(public, message.as_bytes(), &decode(signature))
        .unwrap();
    serde_json::from_slice(&decode(claims)).unwrap()
}

#[tokio::test]
async fn a_github_app_trades_a_signed_claim_for_an_installation_token() {
    let world = World::with_secret(json!({"app_id": 12, "installation_id": 34, "private_key": KEY}));
    let vendor = Vendor::start(&world.clock, |ask, _| match ask.path.as_str() {
        "/app/installations/34/access_tokens" => {
            reply(201, &[], r#"{"token":"ghs_1","expires_at":"2026-11-22T07:00:00Z"}"#)
        }
        _ => ok(json!([])),
    });
    let vendor = vendor.await;
    let session = world.open(connector(&[Auth::GitHubApp], FAST), &vendor).await;
    get(&session, "/things").await.unwrap();
    let asks = vendor.asks();
    let claims = verified(
        asks[0]
            .header("authorization")
            .unwrap()
            .strip_prefix("Bearer ")
            .unwrap(),
    );
    let now = world.clock.now().as_second();
    assert_eq!(claims, json!({"iss": "12", "iat": now - 60, "exp": now + 540}));
    assert_eq!(asks[1].header("authorization"), Some("Bearer ghs_1"));
    world.clock.advance(Duration::from_mins(59));
    get(&session, "/things").await.unwrap();
    assert_eq!(vendor.asks_of("/app").len(), 2);
}

#[tokio::test]
async fn an_assertion_is_traded_for_a_token() {
    const JWT: &[Auth] = &[Auth::JwtBearer {
        token_url: "/oauth/token",
        audience: "https://login.acme.example",
        scopes: &["read"],
    }];
    // Environment variables hold line breaks as `\n`.
    let key = KEY.replace('\n', "\\n");
    let world = World::with_secret(json!({"issuer": "app", "subject": "ann@acme.example", "private_key": key}));
    let vendor = Vendor::start(&world.clock, minting).await;
    get(&world.open(connector(JWT, FAST), &vendor).await, "/things")
        .await
        .unwrap();
    let ask = &vendor.asks()[0];
    assert_eq!(
        ask.field("grant_type").as_deref(),
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer")
    );
    let claims = verified(&ask.field("assertion").unwrap());
    let now = world.clock.now().as_second();
    let expected = json!({
        "iss": "app", "sub": "ann@acme.example", "aud": "https://login.acme.example", "scope": "read",
        "iat": now - 30, "exp": now + 180,
    });
    assert_eq!(claims, expected);
}

#[tokio::test]
async fn a_malformed_key_is_refused_without_quoting_it() {
    for key in [
        "hush",
        "-----BEGIN RSA PRIVATE KEY-----\naHVzaA==\n-----END RSA PRIVATE KEY-----",
    ] {
        let world = World::with_secret(json!({"app_id": 12, "installation_id": 34, "private_key": key}));
        let vendor = Vendor::start(&world.clock, |_, _| ok(json!([]))).await;
        let session = world.open(connector(&[Auth::GitHubApp], FAST), &vendor).await;
        let error = get(&session, "/things").await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`private_key` is not an RSA key in PEM form"),
            "{error}"
        );
        assert!(!format!("{error:?}{error}").contains(key));
    }
}
