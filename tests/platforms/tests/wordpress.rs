//! The simulated WordPress, asked as a client asks.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests stand outside of tests; a panic is their failure"
)]

mod support;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use seatbelt_platforms::wordpress::{Counts, PHP_WARNING, Role, Site, WordPress};
use seatbelt_platforms::{FaultKind, Faults, Matcher, SimClock};
use serde_json::{Value, json};
use support::{Auth, Client, Got};

const API: &str = "/wp-json/wp/v2";

fn failure(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn vendor(counts: Counts) -> WordPress {
    WordPress::start(Site::generate(11, &counts)).await
}

fn client(vendor: &WordPress, role: Role) -> Client {
    let auth = match role {
        Role::None => Auth::None,
        role => Auth::Basic(role.login().to_owned(), vendor.site.application_password(role)),
    };
    Client::new(&vendor.server.url(), auth)
}

async fn get(client: &Client, path: &str) -> Got {
    client.get(&format!("{API}{path}")).await
}

async fn ids(client: &Client, path: &str) -> Vec<u64> {
    let got = get(client, path).await;
    assert_eq!(got.status, 200, "{path}: {}", got.json());
    got.list().iter().map(|record| record["id"].as_u64().unwrap()).collect()
}

/// WordPress stores the local time beside the one in UTC, and reads it back.
#[tokio::test]
async fn another_time_zone_leaves_the_dates_of_what_was_written_before() {
    let vendor = vendor(Counts::default()).await;
    let admin = client(&vendor, Role::Administrator);
    for path in ["/posts?per_page=5", "/comments?per_page=5"] {
        vendor.site.set_option("timezone", "Asia/Tokyo");
        let before = get(&admin, path).await.json();
        vendor.site.set_option("timezone", "UTC");
        assert!(!before[0]["date"].is_null());
        assert_eq!(get(&admin, path).await.json(), before, "{path}");
    }
}

#[tokio::test]
async fn pages_add_up_to_the_total() {
    let vendor = vendor(Counts::default()).await;
    let admin = client(&vendor, Role::Administrator);
    let all = "publish,future,draft,pending,private,trash";
    let mut seen = BTreeSet::new();
    let mut path = format!("/posts?context=edit&status={all}&per_page=60&orderby=id&order=asc");
    let (mut pages, base) = (0, path.clone());
    loop {
        let page = get(&admin, &path).await;
        pages += 1;
        assert_eq!(
            (page.header("x-wp-total"), page.header("x-wp-totalpages")),
            ("250", "5")
        );
        seen.extend(page.list().iter().map(|post| post["id"].as_u64().unwrap()));
        if !page.header("link").contains("rel=\"next\"") {
            break;
        }
        path = format!("{base}&page={}", pages + 1);
    }
    assert_eq!((seen.len(), pages), (250, 5));
    let past = get(&admin, &format!("{base}&page=6")).await;
    assert_eq!(past.failure(), failure(400, "rest_post_invalid_page_number"));
    assert_eq!(get(&admin, "/posts").await.list().len(), 10);
    assert_eq!(ids(&admin, "/comments?page=900").await, Vec::<u64>::new());
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let vendor = vendor(Counts::default()).await;
    let admin = client(&vendor, Role::Administrator);
    for (path, name, code) in [
        ("/posts?per_page=101", "per_page", "rest_out_of_bounds"),
        ("/posts?per_page=0", "per_page", "rest_out_of_bounds"),
        ("/posts?page=0", "page", "rest_out_of_bounds"),
        ("/posts?page=two", "page", "rest_invalid_type"),
        ("/posts?status=published", "status", "rest_not_in_enum"),
        ("/posts?orderby=size", "orderby", "rest_not_in_enum"),
        ("/posts?order=up", "order", "rest_not_in_enum"),
        (
            "/posts?modified_after=2026-01-01",
            "modified_after",
            "rest_invalid_date",
        ),
        // An unencoded plus arrives as a space.
        (
            "/posts?modified_after=2026-01-01T00:00:00+00:00",
            "modified_after",
            "rest_invalid_date",
        ),
        ("/posts?context=all", "context", "rest_not_in_enum"),
        ("/media?status=publish", "status", "rest_not_in_enum"),
        ("/comments?status=nice", "status", "rest_not_in_enum"),
    ] {
        let got = get(&admin, path).await;
        assert_eq!(got.failure(), failure(400, "rest_invalid_param"), "{path}");
        assert_eq!(got.json()["data"]["details"][name]["code"], code, "{path}");
    }
    assert_eq!(
        get(&admin, "/posts/999999").await.failure(),
        failure(404, "rest_post_invalid_id")
    );
    for path in ["/internal-notes", "/nothing", "/posts/abc"] {
        assert_eq!(
            get(&admin, path).await.failure(),
            failure(404, "rest_no_route"),
            "{path}"
        );
    }
    assert_eq!(
        admin.get("/wp-json/wc/v3/orders").await.failure(),
        failure(404, "rest_no_route")
    );
}

#[tokio::test]
async fn roles_see_what_they_may() {
    let vendor = vendor(Counts::default()).await;
    let (admin, editor) = (client(&vendor, Role::Administrator), client(&vendor, Role::Editor));
    let nobody = client(&vendor, Role::None);
    for path in [
        "/settings",
        "/plugins",
        "/themes",
        "/menus",
        "/menu-items",
        "/menu-locations",
        "/templates",
        "/widgets",
        "/sidebars",
        "/font-families",
    ] {
        assert_eq!(get(&admin, path).await.status, 200, "{path}");
        assert_eq!(get(&editor, path).await.status, 403, "{path}");
        assert_eq!(get(&nobody, path).await.status, 401, "{path}");
    }
    assert_eq!(get(&editor, "/posts?context=edit&status=draft").await.status, 200);
    assert_eq!(
        get(&editor, "/users?context=edit").await.failure(),
        failure(403, "rest_forbidden_context")
    );
    assert_eq!(
        get(&nobody, "/posts?context=edit").await.failure(),
        failure(401, "rest_forbidden_context")
    );
    let draft = get(&nobody, "/posts?status=draft").await;
    assert_eq!(draft.failure(), failure(400, "rest_invalid_param"));
    assert_eq!(draft.json()["data"]["details"]["status"]["data"]["status"], 401);
    let open = get(&nobody, "/posts?per_page=100").await.list();
    assert!(
        open.iter()
            .all(|post| post["status"] == "publish" && post["content"].get("raw").is_none())
    );
    let edit = get(&admin, "/posts?context=edit&per_page=1").await.list();
    assert!(edit[0]["content"]["raw"].is_string() && edit[0]["password"].is_string());
    let contributor = client(&vendor, Role::Contributor);
    let page = get(&contributor, "/posts?context=edit&per_page=100").await;
    assert!(page.header("x-wp-total").parse::<usize>().unwrap() > page.list().len());
}

#[tokio::test]
async fn a_wrong_password_is_nobody() {
    let vendor = vendor(Counts::default()).await;
    let wrong = Client::new(
        &vendor.server.url(),
        Auth::Basic("administrator".to_owned(), "nope".to_owned()),
    );
    assert_eq!(get(&wrong, "/posts").await.status, 200);
    assert_eq!(
        get(&wrong, "/users/me?context=edit").await.failure(),
        failure(401, "rest_not_logged_in")
    );
    vendor.site.reject_wrong_passwords(true);
    assert_eq!(
        get(&wrong, "/posts").await.failure(),
        failure(401, "incorrect_password")
    );
    let admin = client(&vendor, Role::Administrator);
    assert_eq!(
        get(&admin, "/users/me?context=edit").await.json()["roles"],
        json!(["administrator"])
    );
    let used = get(&admin, "/users/me/application-passwords/introspect").await;
    assert!(used.json()["uuid"].is_string() && used.json().get("password").is_none());
}

#[tokio::test]
async fn modified_after_is_exclusive_and_on_the_sites_clock() {
    let clock = SimClock::at("2026-07-01T10:00:00Z".parse().unwrap());
    let vendor = WordPress::start(Site::generate_at(2, &Counts::default(), clock.clone())).await;
    let admin = client(&vendor, Role::Administrator);
    let post = vendor.site.ids("post")[0];
    assert!(vendor.site.edit_post(post, |post| post.title = "Changed".to_owned()));
    let future = "&status=publish,draft,private,pending&per_page=100";
    let list = async |after: &str| ids(&admin, &format!("/posts?context=edit&modified_after={after}{future}")).await;
    // Berlin is two hours ahead in July, and the boundary itself is left out.
    assert_eq!(list("2026-07-01T09:59:59Z").await, [post]);
    assert_eq!(list("2026-07-01T10:00:00Z").await, Vec::<u64>::new());
    assert_eq!(list("2026-07-01T11:59:59").await, [post]);
    assert_eq!(list("2026-07-01T12:00:00").await, Vec::<u64>::new());
    assert_eq!(list("2026-07-01T12:59:59%2B03:00").await, [post]);

    let record = get(&admin, &format!("/posts/{post}?context=edit")).await.json();
    assert_eq!(
        (&record["modified"], &record["modified_gmt"]),
        (&json!("2026-07-01T12:00:00"), &json!("2026-07-01T10:00:00"))
    );
    clock.advance(Duration::from_secs(60));
    vendor.site.set_meta(post, "subtitle", "quiet".into());
    vendor.site.set_terms(post, "category", &[1]);
    assert_eq!(list("2026-07-01T10:00:30Z").await, Vec::<u64>::new());
    vendor.site.trash(post);
    assert_eq!(list("2026-07-01T10:00:30Z").await, Vec::<u64>::new());
    assert_eq!(
        ids(&admin, "/posts?status=trash&modified_after=2026-07-01T10:00:30Z").await,
        [post]
    );
    assert!(!ids(&admin, "/posts?status=any&per_page=100").await.contains(&post));
    vendor.site.delete(post);
    assert_eq!(get(&admin, &format!("/posts/{post}")).await.status, 404);
}

#[tokio::test]
async fn the_shop_lists_filters_and_batches() {
    let vendor = vendor(Counts {
        orders: 60,
        products: 20,
        ..Counts::default()
    })
    .await;
    let admin = client(&vendor, Role::Administrator);
    let api = "/wp-json/wc/v3";
    assert!(
        admin.get("/wp-json/").await.json()["namespaces"]
            .as_array()
            .unwrap()
            .contains(&json!("wc/v3"))
    );
    let any = admin.get(&format!("{api}/orders?status=any&per_page=100")).await;
    let trash = admin.get(&format!("{api}/orders?status=trash")).await;
    assert_eq!((any.header("x-wp-total"), trash.header("x-wp-total")), ("50", "10"));
    assert_eq!(
        admin.get(&format!("{api}/orders?status=lost")).await.failure().1,
        "rest_invalid_param"
    );
    let order = any.list()[0]["id"].as_u64().unwrap();
    assert_eq!(admin.get(&format!("{api}/orders/{order}/notes")).await.list().len(), 1);

    vendor.site.clock().advance(Duration::from_secs(3600));
    let changed = admin
        .send("PUT", &format!("{api}/orders/{order}"), json!({"status": "completed"}))
        .await
        .json();
    let (gmt, local) = (
        changed["date_modified_gmt"].as_str().unwrap(),
        changed["date_modified"].as_str().unwrap(),
    );
    assert_ne!(gmt, local);
    let since = async |query: &str| admin.get(&format!("{api}/orders?{query}")).await.list().len();
    assert_eq!(since("modified_after=2026-11-22T06:30:00Z&dates_are_gmt=true").await, 1);
    assert_eq!(since("modified_after=2026-11-22T06:30:00&dates_are_gmt=true").await, 1);
    assert_eq!(since("modified_after=2026-11-22T07:30:00").await, 1);
    assert_eq!(since("modified_after=2026-11-22T08:00:00").await, 0);

    let batch =
        json!({"create": [{"name": "Saw", "sku": "SAW-1"}, {"name": "Saw", "sku": "SAW-1"}], "delete": [999999]});
    let done = admin.send("POST", &format!("{api}/products/batch"), batch).await.json();
    assert!(done["create"][0]["id"].is_u64() && done["delete"][0]["error"].is_object());
    assert_eq!(done["create"][1]["error"]["code"], "product_invalid_sku");
    for path in [
        "products/categories",
        "customers",
        "coupons",
        "taxes",
        "taxes/classes",
        "shipping/zones",
        "payment_gateways",
        "settings",
        "settings/general",
        "webhooks",
    ] {
        assert!(!admin.get(&format!("{api}/{path}")).await.list().is_empty(), "{path}");
    }
    let nobody = client(&vendor, Role::None);
    assert_eq!(
        nobody.get(&format!("{api}/orders")).await.failure(),
        failure(401, "woocommerce_rest_cannot_view")
    );
    let keys = nobody
        .get(&format!(
            "{api}/orders?consumer_key=ck_practice_read&consumer_secret=cs_practice_read"
        ))
        .await;
    assert_eq!(keys.status, 200);
    let key = Client::new(
        &vendor.server.url(),
        Auth::Basic("ck_practice_read".to_owned(), "wrong".to_owned()),
    );
    assert_eq!(
        key.get(&format!("{api}/orders")).await.failure(),
        failure(401, "woocommerce_rest_authentication_error")
    );
}

#[tokio::test]
async fn warnings_and_hidden_posts() {
    let vendor = vendor(Counts::default()).await;
    let admin = client(&vendor, Role::Administrator);
    vendor
        .server
        .faults(Faults::none().rule(Matcher::Nth(1), FaultKind::Prepend(PHP_WARNING.to_owned())));
    let spoiled = get(&admin, "/posts").await;
    assert!(serde_json::from_slice::<Value>(&spoiled.bytes).is_err());
    let start = spoiled.bytes.windows(2).position(|pair| pair == b"[{").unwrap();
    assert!(serde_json::from_slice::<Value>(&spoiled.bytes[start..]).is_ok());
    let page = get(&admin, "/posts").await;
    let hidden = page.list()[0]["id"].as_u64().unwrap();
    vendor.site.unlist(&[hidden]);
    let short = get(&admin, "/posts").await;
    assert_eq!(
        (short.header("x-wp-total"), short.list().len()),
        (page.header("x-wp-total"), 9)
    );
}

#[tokio::test]
async fn a_large_site_pages_quickly() {
    let counts = Counts {
        posts: 100_000,
        words: 10,
        ..Counts::default()
    };
    let vendor = vendor(counts).await;
    let admin = client(&vendor, Role::Administrator);
    let list =
        "/posts?context=edit&status=publish,future,draft,pending,private,trash&per_page=100&orderby=id&order=asc";
    let first = get(&admin, list).await;
    assert_eq!(first.header("x-wp-totalpages"), "1000");
    let before = Instant::now();
    for page in (100..=1000).step_by(100) {
        assert_eq!(get(&admin, &format!("{list}&page={page}")).await.list().len(), 100);
    }
    // Generous, since debug builds on busy machines are slow; a clone of all posts per page would take far longer.
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
}
