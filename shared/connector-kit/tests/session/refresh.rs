//! Rotating refresh tokens: the account must not be lost, whatever breaks in between.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::SeqCst},
};

use async_trait::async_trait;
use seatbelt_connector_kit::{Auth, KitError, SecretFields, SecretStore, testing::MemorySecrets};
use seatbelt_model::system::SecretRef;
use serde_json::json;

use crate::vendor::{Ask, FAST, Vendor, World, connector, get, ok, reply};

const REFRESH: &[Auth] = &[Auth::RefreshToken {
    token_url: "/oauth/token",
}];

fn world() -> World {
    World::with_secret(
        json!({"client_id": "id", "client_secret": "hush", "refresh_token": "refresh-0", "note": "kept"}),
    )
}

async fn stored(secrets: &MemorySecrets) -> String {
    let fields = secrets.read(&"env:ACME".parse().unwrap()).await.unwrap();
    assert_eq!(fields.get("note").unwrap().expose(), "kept");
    fields.get("refresh_token").unwrap().expose().to_owned()
}

/// A vendor whose refresh tokens are good for one use each.
fn rotating() -> impl Fn(&Ask, usize) -> axum::response::Response + Send + Sync + 'static {
    let current = AtomicU32::new(0);
    move |ask, _| {
        if ask.path != "/oauth/token" {
            return ok(json!([]));
        }
        let now = current.load(SeqCst);
        if ask.field("refresh_token") != Some(format!("refresh-{now}")) {
            return reply(400, &[], r#"{"error":"invalid_grant"}"#);
        }
        current.store(now + 1, SeqCst);
        ok(
            json!({"access_token": format!("access-{}", now + 1), "refresh_token": format!("refresh-{}", now + 1), "expires_in": "600"}),
        )
    }
}

/// A store that fails to write as often as told.
#[derive(Debug)]
struct Failing {
    inner: MemorySecrets,
    failures: AtomicU32,
}

#[async_trait]
impl SecretStore for Failing {
    async fn read(&self, place: &SecretRef) -> Result<SecretFields, KitError> {
        self.inner.read(place).await
    }

    async fn write(&self, place: &SecretRef, fields: &SecretFields) -> Result<(), KitError> {
        if self
            .failures
            .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
            .is_ok()
        {
            return Err(KitError::Secret {
                secret: place.to_string(),
                problem: "the disk is full".to_owned(),
            });
        }
        self.inner.write(place, fields).await
    }
}

#[tokio::test]
async fn a_new_refresh_token_is_stored_before_the_access_token_is_used() {
    let world = world();
    let (secrets, rotate) = (world.secrets.clone(), rotating());
    let vendor = Vendor::start(&world.clock, move |ask, before| {
        if ask.path == "/things" {
            let stored = futures_util::FutureExt::now_or_never(stored(&secrets)).unwrap();
            assert_eq!(
                ask.header("authorization"),
                Some(format!("Bearer {}", stored.replace("refresh", "access")).as_str())
            );
        }
        rotate(ask, before)
    });
    let vendor = vendor.await;
    let session = world.open(connector(REFRESH, FAST), &vendor).await;
    for expected in ["refresh-1", "refresh-2"] {
        get(&session, "/things").await.unwrap();
        assert_eq!(stored(&world.secrets).await, expected);
        world.clock.advance(std::time::Duration::from_secs(600));
    }
    let form = "grant_type=refresh_token&refresh_token=refresh-0&client_id=id&client_secret=hush";
    assert_eq!(vendor.asks()[0].body, form);
}

#[tokio::test]
async fn many_sessions_refresh_once() {
    let world = world();
    let vendor = Vendor::start_slow(&world.clock, rotating()).await;
    let sessions = [
        world.open(connector(REFRESH, FAST), &vendor).await,
        world.open(connector(REFRESH, FAST), &vendor).await,
    ];
    let answers = futures_util::future::join_all((0..20).map(|n| get(&sessions[n % 2], "/things"))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(vendor.asks_of("/oauth/token").len(), 1);
}

#[tokio::test]
async fn a_store_that_fails_for_a_moment_is_written_again() {
    let world = world();
    let vendor = Vendor::start(&world.clock, rotating()).await;
    let failing = Arc::new(Failing {
        inner: world.secrets.clone(),
        failures: AtomicU32::new(2),
    });
    let settings = json!({ "base_url": vendor.url });
    let session = world
        .open_with(connector(REFRESH, FAST), settings, Some("env:ACME"), failing)
        .await
        .unwrap();
    get(&session, "/things").await.unwrap();
    assert_eq!(stored(&world.secrets).await, "refresh-1");
}

#[tokio::test]
async fn a_token_that_could_not_be_stored_is_kept_and_not_used_until_it_is() {
    let world = world();
    let vendor = Vendor::start(&world.clock, rotating()).await;
    let failing = Arc::new(Failing {
        inner: world.secrets.clone(),
        failures: AtomicU32::new(3),
    });
    let settings = json!({ "base_url": vendor.url });
    let session = world
        .open_with(connector(REFRESH, FAST), settings, Some("env:ACME"), failing)
        .await
        .unwrap();
    let error = get(&session, "/things").await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("could not be stored (secret env:ACME: the disk is full"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("refresh-"));
    assert!(vendor.asks_of("/things").is_empty());
    get(&session, "/things").await.unwrap();
    assert_eq!(
        stored(&world.secrets).await,
        "refresh-2",
        "the new token was stored, then used"
    );
}

#[tokio::test]
async fn a_token_that_another_process_rotated_is_picked_up() {
    let world = world();
    let vendor = Vendor::start(&world.clock, rotating()).await;
    let session = world.open(connector(REFRESH, FAST), &vendor).await;
    let other = World {
        pacers: Default::default(),
        ..world.clone()
    };
    get(&other.open(connector(REFRESH, FAST), &vendor).await, "/things")
        .await
        .unwrap();
    get(&session, "/things").await.unwrap();
    assert_eq!(stored(&world.secrets).await, "refresh-2");
}

#[tokio::test]
async fn a_token_rotated_while_we_asked_is_tried_before_giving_up() {
    let world = world();
    let secrets = world.secrets.clone();
    let vendor = Vendor::start(&world.clock, move |ask, _| {
        match (ask.path.as_str(), ask.field("refresh_token").as_deref()) {
            ("/oauth/token", Some("refresh-0")) => {
                secrets.set(
                    "env:ACME",
                    r#"{"client_id":"id","client_secret":"hush","refresh_token":"refresh-9","note":"kept"}"#,
                );
                reply(400, &[], r#"{"error":"invalid_grant"}"#)
            }
            ("/oauth/token", Some("refresh-9")) => ok(json!({"access_token": "access-9", "expires_in": 600})),
            ("/oauth/token", _) => reply(400, &[], ""),
            _ => ok(json!([])),
        }
    });
    let session = world.open(connector(REFRESH, FAST), &vendor.await).await;
    assert_eq!(session.bearer().await.unwrap().unwrap().expose(), "access-9");
}

#[tokio::test]
async fn a_revoked_account_must_be_connected_again() {
    let world = world();
    let vendor = Vendor::start(&world.clock, |_, _| reply(400, &[], r#"{"error":"invalid_grant"}"#)).await;
    let session = world.open(connector(REFRESH, FAST), &vendor).await;
    let error = get(&session, "/things").await.unwrap_err();
    assert!(
        matches!(&error, KitError::Reconnect { said, .. } if said == "HTTP 400, invalid_grant"),
        "{error}"
    );
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_lose_the_new_token() {
    let world = world();
    let vendor = Vendor::start_slow(&world.clock, rotating()).await;
    let session = world.open(connector(REFRESH, FAST), &vendor).await;
    {
        let mut given_up = Box::pin(get(&session, "/things"));
        while vendor.asks().is_empty() {
            let _ = futures_util::poll!(&mut given_up);
            tokio::task::yield_now().await;
        }
    }
    get(&session, "/things").await.unwrap();
    assert_eq!(
        (
            stored(&world.secrets).await.as_str(),
            vendor.asks_of("/oauth/token").len()
        ),
        ("refresh-1", 1)
    );
}
