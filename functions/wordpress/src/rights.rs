//! What an account may write, asked before anything is written.

use seatbelt_connector_kit::{Request, Resource, Response, WriteAccess, WriteCheck};

/// The account's capabilities tell. WordPress has no pace of its own for writes.
pub(crate) const WRITE_ACCESS: WriteAccess = WriteAccess {
    check: WriteCheck::Ask {
        request: Request::get("/wp/v2/users/me").query(&[("context", "edit")]),
        lacks,
        forbidden: "an account that is signed in",
    },
    pace: None,
};

fn lacks(me: &Response, resource: &Resource) -> Option<String> {
    let missing: Vec<&str> = needed(resource.name)
        .iter()
        .copied()
        .filter(|capability| me.text(&format!("/capabilities/{capability}")).as_deref() != Some("true"))
        .collect();
    (!missing.is_empty()).then(|| format!("the capability {}", missing.join(", ")))
}

/// The capabilities of WordPress and WooCommerce that writing a resource takes, those of others' records included.
fn needed(resource: &str) -> &'static [&'static str] {
    match resource {
        "posts" | "custom_posts" | "blocks" => &["edit_others_posts", "publish_posts"],
        "pages" => &["edit_others_pages", "publish_pages"],
        "media" => &["upload_files", "edit_others_posts"],
        "comments" => &["moderate_comments"],
        "categories" | "tags" | "custom_terms" => &["manage_categories"],
        "users" => &["create_users", "edit_users", "promote_users"],
        "settings" => &["manage_options"],
        "plugins" => &["activate_plugins"],
        "menus" | "menu_items" | "menu_locations" | "navigation" | "templates" | "template_parts" | "global_styles"
        | "sidebars" | "widgets" | "font_families" => &["edit_theme_options"],
        _ => &["manage_woocommerce"],
    }
}
