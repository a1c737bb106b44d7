//! What is tried again, when, and until when.

use std::time::Duration;

use seatbelt_connector_kit::{KitError, Outcome, Pace, Prepared, Quota, Request, ResetIs};
use seatbelt_model::{Class, Clock, Traffic, Wait};
use serde_json::{Value, json};

use crate::vendor::{BEARER, FAST, Vendor, World, connector, cut, get, ok, plain, reply};

fn world() -> World {
    World::with_secret(json!({"token": "hush"}))
}

#[tokio::test]
async fn retry_after_is_obeyed_to_the_second() {
    let world = world();
    let vendor = Vendor::start(&world.clock, |_, before| match before {
        0 => reply(429, &[("retry-after", "37")], ""),
        1 => reply(
            503,
            &[
                ("retry-after", "Sun, 22 Nov 2026 06:01:00 GMT"),
                ("date", "Sun, 22 Nov 2026 06:00:37 GMT"),
            ],
            "",
        ),
        _ => ok(json!([1])),
    });
    let session = world.open(connector(BEARER, FAST), &vendor.await).await;
    let answer = get(&session, "/things").await.unwrap();
    assert_eq!((answer.outcome, world.elapsed_s()), (Outcome::Success, 60.0));
    assert_eq!(
        world.seen.waits(Wait::Throttled),
        [Duration::from_secs(37), Duration::from_secs(23)]
    );
    assert_eq!(
        session.traffic(),
        Traffic {
            requests: 3,
            retries: 2,
            throttles: 2,
            bytes_read: 3,
            bytes_stored: 0
        }
    );
}

#[tokio::test]
async fn without_retry_after_throttling_waits_longer_and_longer() {
    let world = world();
    let vendor = Vendor::start(&world.clock, |_, before| {
        if before < 3 {
            reply(429, &[("retry-after", "0")], "")
        } else {
            ok(json!([]))
        }
    })
    .await;
    let session = world.open(connector(BEARER, FAST), &vendor).await;
    get(&session, "/things").await.unwrap();
    let waits = world.seen.waits(Wait::Throttled);
    assert_eq!(waits.len(), 3);
    for (wait, most_s) in waits.iter().zip([5.0, 10.0, 20.0]) {
        assert!((most_s / 2.0..=most_s).contains(&wait.as_secs_f64()), "{waits:?}");
    }
}

#[tokio::test]
async fn a_throttled_account_is_left_alone_by_all_its_sessions() {
    let world = world();
    let vendor = Vendor::start(&world.clock, |_, before| {
        if before == 0 {
            reply(429, &[("retry-after", "600")], "")
        } else {
            ok(json!([]))
        }
    })
    .await;
    let acme = connector(BEARER, FAST);
    let (first, second) = (world.open(acme, &vendor).await, world.open(acme, &vendor).await);
    let refused = get(&first, "/things").await.unwrap_err();
    assert_eq!(refused.class(), Class::Throttled(Some(Duration::from_secs(600))));
    assert!(matches!(get(&second, "/things").await, Err(KitError::Throttled { .. })));
    assert_eq!(vendor.asks().len(), 1, "nothing is sent meanwhile");
    world.secrets.set("env:ACME", r#"{"token": "of another account"}"#);
    get(&world.open(acme, &vendor).await, "/things").await.unwrap();
    world.clock.advance(Duration::from_secs(590));
    get(&second, "/things").await.unwrap();
    assert_eq!(world.elapsed_s(), 600.0);
}

#[tokio::test]
async fn no_wait_goes_beyond_the_deadline() {
    let mut world = world();
    world.deadline = Some(world.clock.now() + Duration::from_secs(60));
    let vendor = Vendor::start(&world.clock, |_, _| reply(429, &[("retry-after", "61")], "")).await;
    let session = world.open(connector(BEARER, FAST), &vendor).await;
    // The vendor asks for no more than it may; whoever goes on with the run can wait for it.
    assert!(matches!(
        get(&session, "/things").await,
        Err(KitError::OutOfTime { .. })
    ));
    assert_eq!(world.elapsed_s(), 0.0);
}

#[tokio::test]
async fn failures_back_off_at_random_and_double() {
    let world = world();
    let vendor = Vendor::start(&world.clock, |_, before| {
        if before < 4 { reply(502, &[], "") } else { ok(json!([])) }
    })
    .await;
    let session = world.open(connector(BEARER, FAST), &vendor).await;
    get(&session, "/things").await.unwrap();
    let waits = world.seen.waits(Wait::Retry);
    assert_eq!(waits.len(), 4);
    for (wait, most_s) in waits.iter().zip([0.5, 1.0, 2.0, 4.0]) {
        assert!(wait.as_secs_f64() <= most_s, "{waits:?}");
    }
    assert_eq!(world.clock.slept(), waits);
}

#[tokio::test]
async fn a_vendor_in_trouble_is_given_up_within_the_budget() {
    let world = world();
    let vendor = Vendor::start(&world.clock, |_, _| reply(502, &[], "")).await;
    let session = world.open(connector(BEARER, FAST), &vendor).await;
    let KitError::Exhausted {
        at,
        said,
        tries,
        spent_s,
    } = get(&session, "/things").await.unwrap_err()
    else {
        panic!("not exhausted")
    };
    assert_eq!(
        (at.as_str(), said.as_str(), tries as usize),
        ("things", "HTTP 502", vendor.asks().len())
    );
    assert!((200..=300).contains(&spent_s), "{spent_s}");
    assert!(world.elapsed_s() <= 300.0);
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_tried_again() {
    let world = world();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let session = world
        .try_open(connector(BEARER, FAST), json!({ "base_url": url }), Some("env:ACME"))
        .await
        .unwrap();
    let error = get(&session, "/things").await.unwrap_err();
    assert!(
        matches!(&error, KitError::Exhausted { said, tries, .. } if said.starts_with("no connection") && *tries > 3),
        "{error}"
    );
}

#[tokio::test]
async fn a_cut_body_is_asked_for_again() {
    let world = world();
    let vendor = Vendor::start(&world.clock, |_, before| {
        if before == 0 {
            cut(100, "[1,")
        } else {
            ok(json!([1, 2]))
        }
    })
    .await;
    let session = world.open(connector(BEARER, FAST), &vendor).await;
    assert_eq!(&get(&session, "/things").await.unwrap().response.body[..], b"[1,2]");
    assert_eq!(vendor.asks().len(), 2);
}

#[tokio::test]
async fn a_web_page_in_place_of_json_is_asked_for_again_then_reported() {
    let world = world();
    let vendor = Vendor::start(&world.clock, |ask, before| match (ask.path.as_str(), before) {
        ("/once", 0) => reply(200, &[], "<html>maintenance</html>"),
        ("/once", _) => ok(json!([])),
        _ => reply(200, &[], "<html>maintenance</html>"),
    });
    let vendor = vendor.await;
    let session = world.open(connector(BEARER, FAST), &vendor).await;
    get(&session, "/once").await.unwrap();
    let error = get(&session, "/always").await.unwrap_err();
    assert!(
        matches!(&error, KitError::Exhausted { said, .. } if said == "what came back is not JSON"),
        "{error}"
    );
}

#[tokio::test]
async fn every_other_outcome_is_an_error_at_once() {
    let world = world();
    let status = |path: &str| path[1..].parse().unwrap();
    let vendor = Vendor::start(&world.clock, move |ask, _| reply(status(&ask.path), &[], "")).await;
    let session = world.open(connector(BEARER, FAST), &vendor).await;
    assert!(matches!(get(&session, "/401").await, Err(KitError::Reconnect { .. })));
    assert!(matches!(get(&session, "/403").await, Err(KitError::Forbidden { .. })));
    assert!(matches!(get(&session, "/404").await, Err(KitError::Unavailable { .. })));
    assert!(matches!(get(&session, "/400").await, Err(KitError::Refused { .. })));
    assert_eq!(get(&session, "/304").await.unwrap().outcome, Outcome::Empty);
    assert_eq!(vendor.asks().len(), 5);
}

#[tokio::test]
async fn at_most_the_declared_number_is_in_flight() {
    let world = world();
    let vendor = Vendor::start_slow(&world.clock, |_, _| ok(json!([]))).await;
    let session = world
        .open(connector(BEARER, Pace { concurrency: 3, ..FAST }), &vendor)
        .await;
    let answers = futures_util::future::join_all((0..12).map(|_| get(&session, "/things"))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!((vendor.asks().len(), vendor.most_at_once()), (12, 3));
}

#[tokio::test]
async fn requests_keep_the_pace_and_leave_the_quota_floor() {
    let world = world();
    let quota = Quota {
        limit: "x-limit",
        remaining: "x-left",
        reset: "x-reset",
        reset_is: ResetIs::SecondsFromNow,
        floor_percent: 20,
    };
    let vendor = Vendor::start(&world.clock, |_, before| {
        let left = if before < 4 { "900" } else { "200" };
        reply(200, &[("x-limit", "1000"), ("x-left", left), ("x-reset", "120")], "[]")
    });
    let vendor = vendor.await;
    let session = world
        .open(connector(BEARER, Pace::per_second(2).quota(quota)), &vendor)
        .await;
    for _ in 0..6 {
        get(&session, "/things").await.unwrap();
    }
    let times: Vec<_> = vendor
        .asks()
        .iter()
        .map(|ask| (ask.time - vendor.asks()[0].time).as_secs())
        .collect();
    assert_eq!(times, [0, 0, 1, 1, 2, 122]);
    assert_eq!(world.seen.waits(Wait::Quota), [Duration::from_secs(120)]);
}

#[tokio::test]
async fn settings_set_another_pace_for_a_server_of_ones_own() {
    let world = world();
    let vendor = Vendor::start_slow(&world.clock, |_, _| ok(json!([]))).await;
    let slow = connector(BEARER, Pace::per_minute(2).concurrency(1));
    let ask = async |settings: Value| {
        let session = world.try_open(slow, settings, Some("env:ACME")).await.unwrap();
        let before = world.clock.now();
        let answers = futures_util::future::join_all((0..12).map(|_| get(&session, "/things"))).await;
        assert!(answers.iter().all(Result::is_ok));
        ((world.clock.now() - before).as_secs(), session.pace().concurrency)
    };
    let other = |settings: Value| {
        let mut all = json!({ "base_url": format!("{}/{}", vendor.url, settings.as_object().unwrap().len()) });
        all.as_object_mut()
            .unwrap()
            .extend(settings.as_object().unwrap().clone());
        all
    };
    assert_eq!(
        ask(other(json!({"requests_per_second": 4, "concurrency": 3}))).await,
        (2, 3)
    );
    assert_eq!(vendor.most_at_once(), 3);
    assert_eq!(
        ask(other(json!({"concurrency": 2}))).await,
        (330, 2),
        "the connector's own rate stays"
    );
    assert_eq!(ask(other(json!({}))).await, (330, 1));
}

#[tokio::test]
async fn an_answer_too_large_says_which_setting_helps() {
    let world = world();
    let vendor = Vendor::start(&world.clock, |_, _| reply(200, &[], vec![b' '; 1024 * 1024 + 1])).await;
    let settings = json!({"base_url": vendor.url, "max_page_mb": 1});
    let session = world
        .try_open(connector(BEARER, FAST), settings, Some("env:ACME"))
        .await
        .unwrap();
    let error = get(&session, "/things").await.unwrap_err().to_string();
    assert!(
        error.contains("larger than 1 MB; raise the setting `max_page_mb`"),
        "{error}"
    );
}

#[tokio::test]
async fn bodies_are_unpacked_and_counted_unpacked() {
    const PACKED: &str = "1f8b08000000000002038bae56ca4c51b232ac8d551805a360140c530000fa59d53ae8030000";
    let bytes: Vec<u8> = (0..PACKED.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&PACKED[at..at + 2], 16).unwrap())
        .collect();
    let world = world();
    let vendor = Vendor::start(&world.clock, move |ask, _| {
        assert_eq!(ask.header("accept-encoding"), Some("gzip"));
        reply(200, &[("content-encoding", "gzip")], bytes.clone())
    });
    let session = world.open(connector(BEARER, FAST), &vendor.await).await;
    assert_eq!(get(&session, "/things").await.unwrap().response.body.len(), 1000);
    assert_eq!(session.traffic().bytes_read, 1000);
}

#[tokio::test]
async fn paths_and_parameters_follow_a_base_url_with_a_query() {
    let world = world();
    let vendor = Vendor::start(&world.clock, |_, _| ok(json!([]))).await;
    let settings = json!({ "base_url": format!("{}/?rest_route=/", vendor.url) });
    let session = world
        .try_open(connector(BEARER, FAST), settings, Some("env:ACME"))
        .await
        .unwrap();
    let fill = seatbelt_connector_kit::Fill {
        settings: session.settings(),
        parent: &Default::default(),
    };
    let posts = Request::get("/wp/v2/posts").query(&[("per_page", "100"), ("q", "a b&c")]);
    let prepared = posts.prepare("posts", session.base_url(), &fill).unwrap();
    session.send("posts", &prepared, &|_| Ok(())).await.unwrap();
    session
        .send("posts", &Prepared::get("/wp/v2/pages"), &|_| Ok(()))
        .await
        .unwrap();
    let paths: Vec<_> = vendor.asks().into_iter().map(|ask| ask.path).collect();
    assert_eq!(
        paths,
        [
            "/?rest_route=/wp/v2/posts&per_page=100&q=a+b%26c",
            "/?rest_route=/wp/v2/pages"
        ]
    );
}

#[tokio::test]
async fn noise_is_cut_off_before_the_body_is_read() {
    let world = world();
    let vendor = Vendor::start(&world.clock, |_, _| reply(200, &[], "Warning: deprecated\n[1]")).await;
    let mut noisy = plain(BEARER, FAST);
    noisy.clean = Some(|body| &body[body.iter().position(|byte| *byte == b'[').unwrap_or(0)..]);
    let session = world.open(Box::leak(Box::new(noisy)), &vendor).await;
    assert_eq!(&get(&session, "/things").await.unwrap().response.body[..], b"[1]");
}
