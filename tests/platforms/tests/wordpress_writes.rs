//! The simulated WordPress, written to as a restore writes.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests stand outside of tests; a panic is their failure"
)]

mod support;

use std::time::Duration;

use seatbelt_platforms::wordpress::{Counts, Role, Site, WordPress};
use serde_json::json;
use support::{Auth, Client, Got, read};

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

#[tokio::test]
async fn a_scheduled_post_keeps_its_future_date() {
    let vendor = vendor(Counts {
        posts: 5,
        ..Counts::default()
    })
    .await;
    let admin = client(&vendor, Role::Administrator);
    let body = json!({"title": "Later", "content": "x", "status": "publish", "date_gmt": "2026-12-01T08:00:00"});
    let made = admin.send("POST", &format!("{API}/posts"), body).await.json();
    assert_eq!(
        (&made["status"], &made["modified_gmt"]),
        (&json!("future"), &json!("2026-12-01T08:00:00"))
    );
    vendor.site.clock().advance(Duration::from_secs(20 * 24 * 3600));
    let later = get(&admin, &format!("/posts/{}", made["id"])).await.json();
    assert_eq!(
        (&later["status"], &later["modified_gmt"]),
        (&json!("publish"), &json!("2026-12-01T08:00:00"))
    );
}

#[tokio::test]
async fn posts_are_written_trashed_and_deleted() {
    let vendor = vendor(Counts::default()).await;
    let (admin, editor) = (client(&vendor, Role::Administrator), client(&vendor, Role::Editor));
    let posts = format!("{API}/posts");
    let body = json!({"title": "Opening hours", "content": "<!-- wp:paragraph --><p>9-17</p><!-- /wp:paragraph -->",
        "status": "publish", "date_gmt": "2026-01-02T03:04:05", "author": 2, "categories": [1, 99999],
        "meta": {"subtitle": "Daily", "secret": "x"}, "unknown": 1});
    let made = editor.send("POST", &posts, body.clone()).await;
    assert_eq!(made.status, 201);
    let post = made.json();
    assert_eq!(
        (&post["date"], &post["slug"]),
        (&json!("2026-01-02T04:04:05"), &json!("opening-hours"))
    );
    assert_eq!((&post["categories"], post["meta"].get("secret")), (&json!([1]), None));
    assert_eq!(post["content"]["rendered"], "<p>9-17</p>");
    assert_eq!(
        editor.send("POST", &posts, body).await.json()["slug"],
        "opening-hours-2"
    );
    let path = format!("{posts}/{}", post["id"]);
    assert_eq!(
        editor
            .send("POST", &path, json!({"title": {"raw": "Hours"}}))
            .await
            .json()["title"]["raw"],
        "Hours"
    );
    let revisions = admin.get(&format!("{path}/revisions?context=edit")).await.list();
    assert_eq!(revisions[0]["title"]["raw"], "Opening hours");
    assert_eq!(
        editor.send("DELETE", &path, json!({})).await.json()["slug"],
        "opening-hours__trashed"
    );
    assert_eq!(
        editor.send("DELETE", &path, json!({})).await.failure(),
        failure(410, "rest_already_trashed")
    );
    assert_eq!(
        editor.send("POST", &path, json!({"status": "publish"})).await.json()["slug"],
        "opening-hours"
    );
    assert_eq!(
        editor
            .send("DELETE", &format!("{path}?force=true"), json!({}))
            .await
            .json()["deleted"],
        true
    );
    assert_eq!(admin.get(&path).await.status, 404);
    for (body, code) in [
        (json!({"title": "x", "author": 777}), "rest_invalid_author"),
        (
            json!({"title": "x", "featured_media": 777}),
            "rest_invalid_featured_media",
        ),
        (json!({"title": "x", "status": "open"}), "rest_invalid_param"),
        (json!({"title": "x", "id": 5}), "rest_post_exists"),
    ] {
        assert_eq!(editor.send("POST", &posts, body).await.failure(), failure(400, code));
    }
    let nobody = client(&vendor, Role::None);
    assert_eq!(
        nobody.send("POST", &posts, json!({"title": "x"})).await.failure(),
        failure(401, "rest_cannot_create")
    );
}

#[tokio::test]
async fn media_come_with_bytes_and_ranges() {
    let vendor = vendor(Counts::default()).await;
    let admin = client(&vendor, Role::Administrator);
    let media = format!("{API}/media");
    let upload = async |disposition: &'static str, body: &'static str| {
        let request = admin.request("POST", &media).header("content-type", "image/jpeg");
        read(
            request
                .header("content-disposition", disposition)
                .body(body)
                .send()
                .await
                .unwrap(),
        )
        .await
        .unwrap()
    };
    let first = upload("attachment; filename=\"a.jpg\"", "0123456789").await;
    let second = upload("attachment; filename=\"a.jpg\"", "other").await;
    assert_eq!((first.status, second.status), (201, 201));
    let source = first.json()["source_url"].as_str().unwrap().to_owned();
    assert!(source.ends_with("/wp-content/uploads/2026/11/a.jpg"), "{source}");
    assert!(second.json()["source_url"].as_str().unwrap().ends_with("/a-1.jpg"));
    let path = source.strip_prefix(&vendor.server.url()).unwrap();
    let nobody = client(&vendor, Role::None);
    let whole = nobody.get(path).await;
    assert_eq!(
        (whole.bytes.as_slice(), whole.header("etag").is_empty()),
        (b"0123456789".as_slice(), false)
    );
    let part = read(
        nobody
            .request("GET", path)
            .header("range", "bytes=4-")
            .send()
            .await
            .unwrap(),
    )
    .await
    .unwrap();
    assert_eq!((part.status, part.bytes.as_slice()), (206, b"456789".as_slice()));
    assert_eq!(
        upload("inline", "x").await.failure(),
        failure(400, "rest_upload_invalid_disposition")
    );
    assert_eq!(upload("attachment; filename=\"a.exe\"", "x").await.status, 500);
    let record = format!("{media}/{}", first.json()["id"]);
    let named = admin
        .send("POST", &record, json!({"alt_text": "A", "caption": "C"}))
        .await
        .json();
    assert_eq!(
        (&named["alt_text"], &named["caption"]["raw"]),
        (&json!("A"), &json!("C"))
    );
    assert_eq!(
        admin.send("DELETE", &record, json!({})).await.failure(),
        failure(501, "rest_trash_not_supported")
    );
    admin.send("DELETE", &format!("{record}?force=true"), json!({})).await;
    assert_eq!(nobody.get(path).await.status, 404);
}

#[tokio::test]
async fn comments_terms_and_users_are_written() {
    let vendor = vendor(Counts::default()).await;
    let admin = client(&vendor, Role::Administrator);
    let mut found = 0;
    for status in ["approve", "hold", "spam", "trash"] {
        let page = get(&admin, &format!("/comments?context=edit&status={status}&per_page=100")).await;
        found += page.header("x-wp-total").parse::<usize>().unwrap();
    }
    assert_eq!(found, 120);
    let post = vendor.site.ids("post")[0];
    let body = json!({"post": post, "content": "Nice", "author_name": "Eve", "author_email": "e@example.com",
        "date_gmt": "2026-01-01T00:00:00", "status": "hold"});
    let comment = admin.send("POST", &format!("{API}/comments"), body.clone()).await;
    assert_eq!((comment.status, &comment.json()["status"]), (201, &json!("hold")));
    assert_eq!(
        admin.send("POST", &format!("{API}/comments"), body).await.failure(),
        failure(409, "comment_duplicate")
    );

    let made = admin
        .send("POST", &format!("{API}/categories"), json!({"name": "News"}))
        .await
        .json();
    let twin = admin
        .send("POST", &format!("{API}/categories"), json!({"name": "News"}))
        .await;
    assert_eq!(twin.failure(), failure(400, "term_exists"));
    assert_eq!(twin.json()["data"]["term_id"], made["id"]);
    let below = json!({"name": "Local", "parent": made["id"]});
    assert_eq!(
        admin.send("POST", &format!("{API}/categories"), below).await.json()["parent"],
        made["id"]
    );
    let path = format!("{API}/categories/{}", made["id"]);
    assert_eq!(admin.send("DELETE", &path, json!({})).await.status, 501);
    assert_eq!(
        admin
            .send("DELETE", &format!("{path}?force=true"), json!({}))
            .await
            .json()["deleted"],
        true
    );
    assert_eq!(
        admin
            .send("POST", &format!("{API}/tags"), json!({"name": "T", "parent": 1}))
            .await
            .status,
        400
    );

    let users = format!("{API}/users");
    let missing = admin
        .send("POST", &users, json!({"username": "new", "email": "n@example.org"}))
        .await;
    assert_eq!(missing.failure(), failure(400, "rest_missing_callback_param"));
    let body = json!({"username": "new", "email": "n@example.org", "password": "p", "roles": ["editor"]});
    let user = admin.send("POST", &users, body.clone()).await.json();
    assert_eq!((&user["roles"], user.get("password")), (&json!(["editor"]), None));
    assert_eq!(
        admin.send("POST", &users, body).await.json()["code"],
        "existing_user_login"
    );
    let path = format!("{users}/{}?force=true", user["id"]);
    assert_eq!(
        admin.send("DELETE", &path, json!({})).await.failure(),
        failure(400, "rest_missing_callback_param")
    );
    assert_eq!(
        admin
            .send("DELETE", &format!("{path}&reassign=1"), json!({}))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn configuration_is_read_and_written() {
    let vendor = vendor(Counts::default()).await;
    let admin = client(&vendor, Role::Administrator);
    let root = admin.get("/wp-json/").await.json();
    assert_eq!(
        (&root["timezone_string"], &root["gmt_offset"]),
        (&json!("Europe/Berlin"), &json!(1))
    );
    assert!(root["namespaces"].as_array().unwrap().contains(&json!("wp/v2")));
    assert_eq!(
        admin.get("/?rest_route=/wp/v2/types").await.json(),
        get(&admin, "/types").await.json()
    );
    let types = get(&admin, "/types?context=edit").await.json();
    assert_eq!(
        (&types["book"]["rest_base"], types.get("internal_note")),
        (&json!("books"), None)
    );
    assert!(get(&admin, "/taxonomies").await.json()["genre"].is_object());
    assert!(get(&admin, "/statuses?context=edit").await.json()["private"].is_object());

    let settings = format!("{API}/settings");
    assert_eq!(
        admin
            .send("POST", &settings, json!({"title": "New", "nope": 1}))
            .await
            .json()["title"],
        "New"
    );
    assert_eq!(
        admin.send("POST", &settings, json!({"title": 5})).await.failure(),
        failure(400, "rest_invalid_param")
    );

    let menu = admin
        .send(
            "POST",
            &format!("{API}/menus"),
            json!({"name": "Foot", "locations": ["footer"]}),
        )
        .await
        .json();
    assert_eq!(
        get(&admin, "/menu-locations").await.json()["footer"]["menu"],
        menu["id"]
    );
    let item = json!({"title": "Home", "url": "https://practice.example", "menus": menu["id"], "menu_order": 1});
    assert_eq!(
        admin.send("POST", &format!("{API}/menu-items"), item).await.json()["menus"],
        menu["id"]
    );
    let bare = admin
        .send("POST", &format!("{API}/menu-items"), json!({"title": "Home"}))
        .await;
    assert_eq!(bare.failure(), failure(400, "rest_url_required"));

    let index = "/templates/practice-theme//index";
    assert_eq!(get(&admin, index).await.json()["source"], "theme");
    admin
        .send("POST", &format!("{API}{index}"), json!({"content": "<p>x</p>"}))
        .await;
    let custom = get(&admin, index).await.json();
    assert_eq!(
        (&custom["source"], &custom["content"]["raw"]),
        (&json!("custom"), &json!("<p>x</p>"))
    );
    admin
        .send("DELETE", &format!("{API}{index}?force=true"), json!({}))
        .await;
    assert_eq!(get(&admin, index).await.json()["source"], "theme");

    let themes = get(&admin, "/themes?status=active").await.list();
    let styles = themes[0]["_links"]["wp:user-global-styles"][0]["href"]
        .as_str()
        .unwrap()
        .to_owned();
    let styles = styles.strip_prefix(&vendor.server.url()).unwrap();
    admin
        .send("POST", styles, json!({"styles": {"color": {"text": "red"}}}))
        .await;
    assert_eq!(admin.get(styles).await.json()["styles"]["color"]["text"], "red");
    assert_eq!(admin.get(&format!("{styles}/revisions")).await.list().len(), 1);

    let widget = json!({"id_base": "block", "sidebar": "sidebar-1", "instance": {"raw": {"content": "Hi"}}});
    let widget = admin.send("POST", &format!("{API}/widgets"), widget).await.json();
    let sidebar = get(&admin, "/sidebars/sidebar-1").await.json();
    assert!(sidebar["widgets"].as_array().unwrap().contains(&widget["id"]));
    let plugin = admin
        .send(
            "POST",
            &format!("{API}/plugins"),
            json!({"slug": "tidy-forms", "status": "active"}),
        )
        .await;
    assert_eq!(plugin.status, 201);
    let path = format!("{API}/plugins/tidy-forms/tidy-forms");
    assert_eq!(
        admin.send("DELETE", &path, json!({})).await.failure(),
        failure(400, "rest_cannot_delete_active_plugin")
    );
}
