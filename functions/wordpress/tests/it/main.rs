//! The connector against simulated sites, with and without a shop.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

use std::{collections::BTreeSet, time::Duration};

use jiff::civil::date;
use seatbelt_conformance::{Subject, Truth, check};
use seatbelt_platforms::{
    SimClock,
    wordpress::{Counts, Role, Site, WordPress, forbidden_body},
};
use serde_json::{Map, Value, json};

const COUNTS: Counts = Counts {
    posts: 19,
    pages: 8,
    books: 7,
    media: 6,
    media_bytes: 2_000,
    comments: 14,
    users: 3,
    terms: 4,
    words: 12,
    orders: 0,
    products: 0,
};

/// What this site has none of, or its simulation does not know.
const ABSENT: &[&str] = &[];

/// A resource of each sort.
const CORE: &[&str] = &[
    "settings",
    "types",
    "users",
    "application_passwords",
    "tags",
    "posts",
    "custom_posts",
    "comments",
    "media",
    "global_styles",
];
const SHOP_CORE: &[&str] = &[
    "namespaces",
    "posts",
    "media",
    "orders",
    "order_notes",
    "products",
    "product_variations",
    "customers",
];

const SHOP: &[&str] = &[
    "orders",
    "order_notes",
    "refunds",
    "products",
    "product_variations",
    "product_attributes",
    "product_attribute_terms",
    "product_categories",
    "product_tags",
    "product_reviews",
    "customers",
    "coupons",
    "taxes",
    "tax_classes",
    "shipping_zones",
    "shipping_zone_locations",
    "shipping_zone_methods",
    "payment_gateways",
    "shop_setting_groups",
    "shop_settings",
    "webhooks",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_conforms() {
    let absent: Vec<&str> = ABSENT.iter().chain(SHOP).copied().collect();
    conforms("wordpress", &COUNTS, &absent, CORE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_conforms() {
    conforms(
        "wordpress with a shop",
        &Counts {
            posts: 12,
            orders: 13,
            products: 11,
            ..COUNTS
        },
        ABSENT,
        SHOP_CORE,
    )
    .await;
}

async fn conforms(name: &str, counts: &Counts, absent: &[&str], core: &[&str]) {
    let clock = SimClock::default();
    let site = Site::generate_at(7, counts, clock.clone());
    furnish(&site);
    let vendor = WordPress::start(site).await;
    let site = &vendor.site;
    let password = site.application_password(Role::Administrator);
    check(&Subject {
        name,
        connector: &seatbelt_wordpress::WORDPRESS,
        settings: json!({"base_url": vendor.server.url()}),
        secret: Some(json!({"username": Role::Administrator.login(), "application_password": password})),
        write_secret: None,
        // Not passed yet: a shop writes order notes of its own, a theme's templates cannot be removed, and a menu's items change when their
        // parent goes.
        restores: false,
        wrong_secret: Some(
            json!({"username": Role::Administrator.login(), "application_password": "aaaa bbbb cccc dddd eeee ffff"}),
        ),
        include: &[],
        exclude: &[],
        server: &vendor.server,
        clock: &clock,
        truth: Box::new(|| truth(site)),
        absent,
        change: Box::new(|| change(site, &clock)),
        paged: ("posts", "/wp-json/wp/v2/posts$".into()),
        further: None,
        bodies: Some(("media", "/wp-content/uploads/".into())),
        forbidden_body: forbidden_body(),
        repeatable: &[],
        core,
        samples: 4,
    })
    .await;
}

fn fields(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// What generated sites lack: a post whose modified date lies ahead, reviews, tags and attribute terms.
fn furnish(site: &Site) {
    let ahead = site.add("post", |post| {
        post.title = "Scheduled".into();
        post.status = "future".into();
        post.date = date(2028, 1, 1).at(12, 0, 0, 0);
        post.date_gmt = Some("2028-01-01T11:00:00Z".parse().unwrap());
    });
    site.edit_silently(ahead, |post| {
        post.modified = date(2028, 1, 1).at(12, 0, 0, 0);
        post.modified_gmt = "2028-01-01T11:00:00Z".parse().unwrap();
    });
    site.add_term("post_tag", "Never used", 0);
    let now = site.clock().now();
    site.with_shop(|shop| {
        let attribute = *shop.tables["products/attributes"].keys().next().unwrap();
        shop.add(
            &format!("products/attributes/{attribute}/terms"),
            fields(json!({"name": "Large", "slug": "large"})),
            now,
        );
        shop.add("products/tags", fields(json!({"name": "New", "slug": "new"})), now);
        let product = *shop.tables["products"].keys().next().unwrap();
        shop.add(
            "products/reviews",
            fields(json!({"product_id": product, "status": "approved", "review": "Fine", "rating": 5})),
            now,
        );
    });
}

fn truth(site: &Site) -> Truth {
    let mut truth = Truth::new();
    let posts = |kind: &str, prefix: &str| -> BTreeSet<String> {
        site.ids(kind).iter().map(|id| format!("{prefix}{id}")).collect()
    };
    for (resource, kind) in [
        ("posts", "post"),
        ("pages", "page"),
        ("media", "attachment"),
        ("menu_items", "nav_menu_item"),
        ("blocks", "wp_block"),
        ("navigation", "wp_navigation"),
    ] {
        truth.insert(resource.into(), posts(kind, ""));
    }
    truth.insert("custom_posts".into(), posts("book", "book/"));
    site.with(|state| {
        let terms = |taxonomy: &str, prefix: &str| -> BTreeSet<String> {
            state
                .terms
                .get(taxonomy)
                .into_iter()
                .flatten()
                .map(|(id, _)| format!("{prefix}{id}"))
                .collect()
        };
        truth.insert("categories".into(), terms("category", ""));
        truth.insert("tags".into(), terms("post_tag", ""));
        truth.insert("menus".into(), terms("nav_menu", ""));
        truth.insert("custom_terms".into(), terms("genre", "genre/"));
        truth.insert(
            "comments".into(),
            state.comments.keys().map(ToString::to_string).collect(),
        );
        truth.insert("users".into(), state.users.keys().map(ToString::to_string).collect());
        truth.insert("plugins".into(), state.plugins.keys().cloned().collect());
        truth.insert("themes".into(), state.themes.keys().cloned().collect());
        truth.insert("widgets".into(), state.widgets.keys().cloned().collect());
        truth.insert("sidebars".into(), state.sidebars.keys().cloned().collect());
        let passwords = state.users.values().flat_map(|user| {
            user.passwords
                .iter()
                .map(move |password| format!("{}/{}", user.id, password.uuid))
        });
        truth.insert("application_passwords".into(), passwords.collect());
    });
    site.with_shop(|shop| {
        let mut add = |resource: &str, of: &dyn Fn(&str) -> Option<String>| {
            let keys = shop
                .tables
                .iter()
                .filter_map(|(table, records)| Some((of(table)?, records)));
            let keys = keys.flat_map(|(prefix, records)| records.keys().map(move |id| format!("{prefix}{id}")));
            truth.insert(resource.into(), keys.collect());
        };
        for (resource, table) in [
            ("orders", "orders"),
            ("products", "products"),
            ("customers", "customers"),
            ("coupons", "coupons"),
            ("taxes", "taxes"),
            ("product_categories", "products/categories"),
            ("product_attributes", "products/attributes"),
            ("product_tags", "products/tags"),
            ("product_reviews", "products/reviews"),
            ("shipping_zones", "shipping/zones"),
            ("webhooks", "webhooks"),
        ] {
            add(resource, &|name| (name == table).then(String::new));
        }
        for (resource, above, below) in [
            ("order_notes", "orders/", "/notes"),
            ("refunds", "orders/", "/refunds"),
            ("product_variations", "products/", "/variations"),
            ("product_attribute_terms", "products/attributes/", "/terms"),
        ] {
            add(resource, &|name| {
                Some(format!("{}/", name.strip_prefix(above)?.strip_suffix(below)?))
            });
        }
    });
    truth
}

fn change(site: &Site, clock: &SimClock) {
    let posts = site.ids("post");
    for (at, post) in posts.iter().enumerate() {
        clock.advance(Duration::from_secs(2));
        match at % 5 {
            0 | 1 => assert!(site.edit_post(*post, |post| post.content.push_str("<p>Edited</p>"))),
            2 if at < 5 => assert!(site.delete(*post)),
            3 if at < 5 => assert!(site.trash(*post)),
            _ => {}
        }
    }
    for number in 0..9 {
        site.add_post("post", &format!("Later {number}"), "<p>Written later</p>");
    }
    site.add_post("book", "A later book", "<p>Chapter one</p>");
    let (page, medium) = (site.ids("page")[1], site.ids("attachment")[0]);
    assert!(site.edit_post(page, |page| page.title = "Renamed \u{1F600}".into()));
    assert!(site.delete(medium));
    site.upload_media("later.png", "image/png", vec![7; 3_000]);
    let comments: Vec<u64> = site.with(|state| state.comments.keys().copied().collect());
    site.comment(page, 0, "Visitor", "A later word", "hold");
    assert!(site.edit_comment(comments[0], |comment| comment.content = "Moderated".into()));
    assert!(site.delete_comment(comments[1]));
    let tags: Vec<u64> = site.with(|state| state.terms["post_tag"].keys().copied().collect());
    assert!(site.edit_term("post_tag", tags[0], |tag| tag.name = "Renamed".into()));
    // Of the loss of a term that posts have, they say nothing until a sweep.
    assert!(site.delete_term("post_tag", tags[tags.len() - 1]));
    site.add_term("genre", "Poetry", 0);
    site.add_user("later", "Later Person", Role::Editor);
    site.set_option("title", "Another title");
    site.customize_template("wp_template", "single", "<!-- wp:post-content /-->");
    let now = clock.now();
    site.with_shop(|shop| {
        let ids = |shop: &seatbelt_platforms::wordpress::Woo, table: &str| -> Vec<u64> {
            shop.tables[table].keys().copied().collect()
        };
        let (orders, products) = (ids(shop, "orders"), ids(shop, "products"));
        assert!(shop.edit("orders", orders[0], now, |order| _ =
            order.insert("status".into(), json!("completed"))));
        shop.add(
            &format!("orders/{}/notes", orders[0]),
            fields(json!({"note": "Sent", "customer_note": true})),
            now,
        );
        assert!(shop.delete("orders", orders[1]));
        shop.add(
            "orders",
            fields(json!({"number": "99", "status": "pending", "currency": "EUR", "total": "1.00"})),
            now,
        );
        assert!(shop.edit("products", products[1], now, |product| _ =
            product.insert("regular_price".into(), json!("9.99"))));
        let variations = format!("products/{}/variations", products[0]);
        let variation = ids(shop, &variations)[0];
        assert!(shop.edit(&variations, variation, now, |variation| _ =
            variation.insert("sku".into(), json!("OTHER"))));
        shop.add(
            "customers",
            fields(json!({"email": "later@example.com", "role": "customer"})),
            now,
        );
    });
}
