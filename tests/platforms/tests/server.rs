//! The harness: what it records, and each fault as a client sees it.

mod support;

use std::time::{Duration, Instant};

use seatbelt_platforms::exchange::{Answer, router};
use seatbelt_platforms::{FaultKind, Faults, Matcher, Server};
use serde_json::json;
use support::{Auth, Client};

/// A vendor of three records; page 2 differs from page 1.
async fn vendor() -> (Server, Client) {
    let server = Server::start(router(|ask| {
        let page = ask.param("page").unwrap_or("1");
        Answer::json(200, &json!([{"id": 1, "page": page}, {"id": 2}, {"id": 3}])).header("x-page", page)
    }))
    .await;
    let client = Client::new(&server.url(), Auth::None);
    (server, client)
}

fn one(when: Matcher, what: FaultKind) -> Faults {
    Faults::none().rule(when, what)
}

#[tokio::test]
async fn records_what_it_saw() {
    let (server, mut client) = vendor().await;
    client.get("/a?x=1").await;
    client.auth = Auth::Bearer("t".to_owned());
    client.get("/b").await;
    let seen = server.requests();
    assert_eq!(server.request_count(), 2);
    assert_eq!(
        (seen[0].method.as_str(), seen[0].path.as_str(), seen[0].query.as_str()),
        ("GET", "/a", "x=1")
    );
    assert_eq!(
        (seen[0].status, seen[0].authorized, seen[1].authorized),
        (Some(200), false, true)
    );
}

#[tokio::test]
async fn answers_with_a_status_and_a_wait() {
    let (server, client) = vendor().await;
    server.faults(one(Matcher::Nth(2), FaultKind::Status(503, Some(7), "busy".to_owned())));
    assert_eq!(client.get("/").await.status, 200);
    let hit = client.get("/").await;
    assert_eq!(
        (hit.status, hit.header("retry-after"), hit.bytes.as_slice()),
        (503, "7", b"busy".as_slice())
    );
    assert_eq!(client.get("/").await.status, 200);
    assert_eq!(server.requests()[1].status, Some(503));
}

#[tokio::test]
async fn matchers_count_each_for_itself() {
    let (server, client) = vendor().await;
    let failing = |status| FaultKind::Status(status, None, String::new());
    let faults = Faults::none()
        .rule(Matcher::NthOf("/a".to_owned(), 2), failing(501))
        .rule(
            Matcher::FromOf("/b".to_owned(), 2),
            FaultKind::Forbidden("{}".to_owned()),
        )
        .rule(Matcher::EveryNth(4), failing(504))
        .rule(Matcher::All("/c".to_owned()), failing(502));
    server.faults(faults);
    let mut seen = Vec::new();
    for path in ["/a", "/b", "/a", "/d", "/b", "/b", "/c", "/c"] {
        seen.push(client.get(path).await.status);
    }
    assert_eq!(seen, [200, 200, 501, 504, 403, 403, 502, 504]);
}

#[tokio::test]
async fn hangs_until_the_client_gives_up_or_the_server_ends() {
    let (server, client) = vendor().await;
    server.faults(one(Matcher::All(String::new()), FaultKind::Timeout));
    let request = client
        .request("GET", "/")
        .timeout(Duration::from_millis(100))
        .send()
        .await;
    assert!(request.unwrap_err().is_timeout());
    let hanging = tokio::spawn(client.request("GET", "/").send());
    while server.request_count() < 2 {
        tokio::task::yield_now().await;
    }
    let before = Instant::now();
    drop(server);
    assert!(hanging.await.unwrap().is_err());
    assert!(
        before.elapsed() < Duration::from_secs(5),
        "dropping the server ends a hung request"
    );
}

#[tokio::test]
async fn cuts_and_drops_connections() {
    let (server, client) = vendor().await;
    server.faults(one(Matcher::Nth(1), FaultKind::CutBody));
    let response = client.request("GET", "/").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.content_length().unwrap() > 20);
    assert!(response.bytes().await.is_err());
    server.faults(one(Matcher::Nth(1), FaultKind::Drop));
    assert!(client.try_get("/").await.is_err());
    server.faults(one(Matcher::Nth(1), FaultKind::DropAfter));
    assert!(client.try_get("/").await.is_err());
    assert_eq!(client.get("/").await.status, 200);
    assert_eq!(server.requests()[1].status, None);
}

#[tokio::test]
async fn spoils_bodies() {
    let (server, client) = vendor().await;
    server.faults(one(Matcher::Nth(1), FaultKind::Html));
    let html = client.get("/").await;
    assert!(html.status == 200 && html.header("content-type").starts_with("text/html"));
    server.faults(one(Matcher::Nth(1), FaultKind::DuplicateRecords));
    let twice = client.get("/").await.list();
    assert_eq!(
        twice
            .iter()
            .map(|record| record["id"].as_u64().unwrap())
            .collect::<Vec<_>>(),
        [1, 1, 2, 2, 3, 3]
    );
    server.faults(one(Matcher::Nth(1), FaultKind::TruncatedJson));
    let broken = client.get("/").await;
    assert!(serde_json::from_slice::<serde_json::Value>(&broken.bytes).is_err() && !broken.bytes.is_empty());
    server.faults(one(Matcher::Nth(1), FaultKind::Prepend("Warning: ".to_owned())));
    assert!(client.get("/").await.bytes.starts_with(b"Warning: ["));
}

#[tokio::test]
async fn repeats_a_page() {
    let (server, client) = vendor().await;
    server.faults(one(Matcher::From(2), FaultKind::RepeatPage));
    let first = client.get("/list?page=1").await;
    let second = client.get("/list?page=2").await;
    assert_eq!((second.header("x-page"), second.json()), ("1", first.json()));
    assert_eq!(
        client.get("/other?page=2").await.header("x-page"),
        "2",
        "without a previous answer it passes"
    );
}

#[tokio::test]
async fn waits_before_it_answers() {
    let (server, client) = vendor().await;
    let faults = Faults::none()
        .rule(Matcher::Nth(1), FaultKind::Latency(Duration::from_millis(30)))
        .rule(Matcher::Nth(1), FaultKind::Status(500, None, String::new()));
    server.faults(faults);
    let before = Instant::now();
    assert_eq!(client.get("/").await.status, 500);
    assert!(before.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn a_dropped_server_is_gone() {
    let (server, client) = vendor().await;
    drop(server);
    assert!(client.try_get("/").await.unwrap_err().is_connect());
}
