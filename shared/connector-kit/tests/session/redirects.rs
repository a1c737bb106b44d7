//! Redirects: followed, but never with the credential to another origin.

use seatbelt_connector_kit::{Auth, KitError, Prepared, Request};
use serde_json::json;

use crate::vendor::{BEARER, FAST, Vendor, World, connector, get, ok, reply};

fn world() -> World {
    World::with_secret(json!({"token": "hush"}))
}

#[tokio::test]
async fn on_the_same_origin_the_credential_goes_along() {
    let world = world();
    let vendor = Vendor::start(&world.clock, |ask, _| match ask.path.as_str() {
        "/things" => reply(301, &[("location", "/things/")], ""),
        _ => ok(json!([])),
    });
    let vendor = vendor.await;
    let session = world.open(connector(BEARER, FAST), &vendor).await;
    let answer = get(&session, "/things").await.unwrap();
    assert_eq!(answer.response.url.path(), "/things/");
    assert!(
        vendor
            .asks()
            .iter()
            .all(|ask| ask.header("authorization") == Some("Bearer hush"))
    );
}

#[tokio::test]
async fn to_another_origin_and_from_there_the_credential_does_not_go() {
    let world = world();
    let other = Vendor::start(&world.clock, |ask, _| match ask.header("x-return") {
        None if ask.path.starts_with("/back?") => reply(302, &[("location", &ask.path["/back?".len()..])], ""),
        _ => ok(json!([])),
    });
    let other = other.await;
    let url = other.url.clone();
    let vendor = Vendor::start(&world.clock, move |ask, _| match ask.path.as_str() {
        "/away" => reply(302, &[("location", &format!("{url}/things"))], ""),
        "/there-and-back" => {
            let home = format!("http://{}", ask.header("host").unwrap());
            reply(307, &[("location", &format!("{url}/back?{home}/home"))], "")
        }
        _ => ok(json!([])),
    });
    let vendor = vendor.await;
    let session = world.open(connector(BEARER, FAST), &vendor).await;
    get(&session, "/away").await.unwrap();
    get(&session, "/there-and-back").await.unwrap();
    assert_eq!(other.asks().len(), 2);
    assert!(other.asks().iter().all(|ask| ask.header("authorization").is_none()));
    assert_eq!(
        vendor.asks_of("/home")[0].header("authorization"),
        None,
        "a stranger sent us there"
    );
    get(&session, &format!("{}/things", other.url)).await.unwrap();
    assert_eq!(other.asks()[2].header("authorization"), None);
}

#[tokio::test]
async fn a_site_that_moved_says_so() {
    let world = world();
    let moved = Vendor::start(&world.clock, |_, _| reply(401, &[], "")).await;
    let location = format!("{}/things", moved.url);
    let vendor = Vendor::start(&world.clock, move |_, _| reply(301, &[("location", &location)], "")).await;
    let error = get(&world.open(connector(BEARER, FAST), &vendor).await, "/things")
        .await
        .unwrap_err();
    assert!(
        matches!(&error, KitError::Setting { name, .. } if name == "base_url"),
        "{error}"
    );
    assert!(
        error.to_string().contains(&format!(
            "it redirects to {}, where the credential is not sent",
            moved.url
        )),
        "{error}"
    );
}

#[tokio::test]
async fn a_circle_of_redirects_is_left() {
    let world = world();
    let vendor = Vendor::start(&world.clock, |_, _| reply(302, &[("location", "/things")], "")).await;
    let error = get(&world.open(connector(BEARER, FAST), &vendor).await, "/things")
        .await
        .unwrap_err();
    assert!(
        matches!(&error, KitError::Refused { said, .. } if said == "more than 5 redirects"),
        "{error}"
    );
    assert_eq!(vendor.asks().len(), 6);
}

#[tokio::test]
async fn a_body_goes_to_no_other_origin() {
    const CLIENT: &[Auth] = &[Auth::ClientCredentials {
        token_url: "/oauth/token",
        scopes: &[],
    }];
    let world = World::with_secret(json!({"client_id": "id", "client_secret": "hush"}));
    let other = Vendor::start(&world.clock, |_, _| ok(json!({"access_token": "t"}))).await;
    let location = format!("{}/oauth/token", other.url);
    let vendor = Vendor::start(&world.clock, move |_, _| reply(307, &[("location", &location)], "")).await;
    let error = get(&world.open(connector(CLIENT, FAST), &vendor).await, "/things")
        .await
        .unwrap_err();
    assert!(
        matches!(&error, KitError::Refused { said, .. } if said == "HTTP 307"),
        "{error}"
    );
    assert!(other.asks().is_empty());
}

#[tokio::test]
async fn a_post_is_repeated_where_it_is_redirected_at_home() {
    let world = world();
    let vendor = Vendor::start(&world.clock, |ask, _| match ask.path.as_str() {
        "/graphql" => reply(308, &[("location", "/api/graphql")], ""),
        _ => ok(json!({})),
    });
    let vendor = vendor.await;
    let session = world.open(connector(BEARER, FAST), &vendor).await;
    let fill = seatbelt_connector_kit::Fill {
        settings: session.settings(),
        parent: &Default::default(),
    };
    let request: Prepared = Request::graphql("/graphql", "query {}", &[])
        .prepare("q", session.base_url(), &fill)
        .unwrap();
    session.send("q", &request, &|_| Ok(())).await.unwrap();
    let ask = &vendor.asks()[1];
    assert_eq!(ask.body, r#"{"query":"query {}","variables":{}}"#);
    assert_eq!(ask.header("content-type"), Some("application/json"));
}
