//! Files: streamed, checked for their length, the credential kept at home.

use futures_util::{StreamExt, TryStreamExt};
use seatbelt_connector_kit::{BodyStream, KitError, Session};
use serde_json::json;

use crate::vendor::{BEARER, FAST, Vendor, World, connector, cut, get, ok, reply};

fn world() -> World {
    World::with_secret(json!({"token": "hush"}))
}

async fn read(stream: BodyStream) -> Result<Vec<u8>, KitError> {
    stream
        .try_fold(Vec::new(), |mut all, bytes| async move {
            all.extend(bytes);
            Ok(all)
        })
        .await
}

async fn body(session: &Session, url: &str) -> Result<Option<BodyStream>, KitError> {
    session.body("files", url, &[("accept", "image/png")]).await
}

#[tokio::test]
async fn the_credential_goes_to_the_connectors_own_origin_alone() {
    let world = world();
    let other = Vendor::start(&world.clock, |_, _| reply(200, &[], "elsewhere")).await;
    let location = format!("{}/redirected?signature=hush2", other.url);
    let vendor = Vendor::start(&world.clock, move |ask, _| match ask.path.as_str() {
        "/redirect" => reply(302, &[("location", &location)], ""),
        _ => reply(200, &[], "at home"),
    });
    let vendor = vendor.await;
    let session = world.open(connector(BEARER, FAST), &vendor).await;
    let all =
        async |url: &str| String::from_utf8(read(body(&session, url).await.unwrap().unwrap()).await.unwrap()).unwrap();
    assert_eq!(all("files/1").await, "at home");
    assert_eq!(all(&format!("{}/direct", other.url)).await, "elsewhere");
    assert_eq!(all("/redirect").await, "elsewhere");
    assert!(
        vendor
            .asks()
            .iter()
            .all(|ask| ask.header("authorization") == Some("Bearer hush"))
    );
    assert!(other.asks().iter().all(|ask| ask.header("authorization").is_none()));
    let (home, away) = (&vendor.asks()[0], &other.asks()[0]);
    assert_eq!(
        (
            home.path.as_str(),
            home.header("accept"),
            home.header("accept-encoding")
        ),
        ("/files/1", Some("image/png"), Some("identity"))
    );
    assert_eq!(
        (home.header("x-acme-version"), away.header("x-acme-version")),
        (Some("2"), None)
    );
    assert_eq!(session.traffic().bytes_read, 7 + 9 + 9);
}

#[tokio::test]
async fn before_the_first_byte_it_is_tried_again() {
    let world = world();
    let vendor = Vendor::start(&world.clock, |_, before| match before {
        0 => reply(503, &[], ""),
        1 => reply(429, &[("retry-after", "9")], ""),
        _ => reply(200, &[], "bytes"),
    });
    let session = world.open(connector(BEARER, FAST), &vendor.await).await;
    assert_eq!(
        read(body(&session, "/file").await.unwrap().unwrap()).await.unwrap(),
        b"bytes"
    );
    assert!(world.elapsed_s() >= 9.0);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_in_the_stream() {
    let world = world();
    let vendor = Vendor::start(&world.clock, |_, _| cut(1000, "the beginning")).await;
    let session = world.open(connector(BEARER, FAST), &vendor).await;
    let mut stream = body(&session, "/file?signature=hush2").await.unwrap().unwrap();
    assert_eq!(&stream.next().await.unwrap().unwrap()[..], b"the beginning");
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(
        matches!(&error, KitError::Exhausted { said, .. } if said.starts_with("the body broke off after 13 of 1000 bytes")),
        "{error}"
    );
    assert!(!format!("{error}{error:?}").contains("hush"));
}

#[tokio::test]
async fn a_missing_forbidden_or_empty_file_is_told_apart() {
    let world = world();
    let answer = |ask: &crate::vendor::Ask, _| reply(ask.path[1..].parse().unwrap(), &[], "");
    let (vendor, other) = (
        Vendor::start(&world.clock, answer).await,
        Vendor::start(&world.clock, answer).await,
    );
    let session = world.open(connector(BEARER, FAST), &vendor).await;
    assert!(matches!(
        body(&session, "/404").await,
        Err(KitError::Unavailable { .. })
    ));
    assert!(matches!(body(&session, "/403").await, Err(KitError::Forbidden { .. })));
    assert!(matches!(body(&session, "/401").await, Err(KitError::Reconnect { .. })));
    assert!(body(&session, "/204").await.unwrap().is_none());
    let empty = read(body(&session, "/200").await.unwrap().unwrap()).await.unwrap();
    assert!(empty.is_empty(), "a file of no bytes is a file");
    let away = body(&session, &format!("{}/401", other.url)).await;
    assert!(
        matches!(away, Err(KitError::Forbidden { .. })),
        "an expired link says nothing about our credential"
    );
    assert!(matches!(
        body(&session, "file:///etc/passwd").await,
        Err(KitError::Unexpected { .. })
    ));
}

#[tokio::test]
async fn an_open_body_counts_as_in_flight_until_it_is_dropped() {
    let world = world();
    let vendor = Vendor::start(&world.clock, |ask, _| {
        if ask.path == "/file" {
            reply(200, &[], "bytes")
        } else {
            ok(json!([]))
        }
    })
    .await;
    let one = seatbelt_connector_kit::Pace { concurrency: 1, ..FAST };
    let session = world.open(connector(BEARER, one), &vendor).await;
    let open = body(&session, "/file").await.unwrap().unwrap();
    let mut next = Box::pin(get(&session, "/things"));
    assert!(futures_util::poll!(&mut next).is_pending());
    assert_eq!(vendor.asks().len(), 1);
    drop(open);
    next.await.unwrap();
}
