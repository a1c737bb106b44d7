//! Posts of all types as JSON.

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use serde_json::{Map, Value, json};

use super::super::records::{Post, PostType};
use super::super::state::State;

/// `2026-11-22T06:00:00`, in UTC and without saying so.
pub(in super::super) fn gmt(time: Timestamp) -> String {
    plain(TimeZone::UTC.to_datetime(time))
}

pub(in super::super) fn plain(time: civil::DateTime) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// A rich field: raw only for those who edit.
pub(super) fn rich(raw: &str, rendered: String, edit: bool) -> Value {
    match edit {
        true => json!({"raw": raw, "rendered": rendered}),
        false => json!({"rendered": rendered}),
    }
}

/// What the editor's block markup looks like on the page: its comments go.
pub(super) fn rendered(content: &str) -> String {
    let mut rest = content;
    let mut out = String::with_capacity(content.len());
    while let Some((before, after)) = rest.split_once("<!--") {
        out.push_str(before);
        rest = after.split_once("-->").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    if out.contains('<') || out.trim().is_empty() {
        out
    } else {
        format!("<p>{}</p>\n", out.trim())
    }
}

pub(super) fn post(state: &State, post: &Post, kind: &PostType, edit: bool) -> Value {
    let link = address(state, post);
    let guid = format!("{}/?p={}", state.base_url, post.id);
    let protected = !post.password.is_empty();
    let content = if protected && !edit {
        String::new()
    } else {
        rendered(&post.content)
    };
    let mut record = json!({
        "id": post.id,
        "date": plain(post.date),
        "date_gmt": post.date_gmt.map(gmt),
        "guid": rich(&guid, guid.clone(), edit),
        "modified": plain(post.modified),
        "modified_gmt": gmt(post.modified_gmt),
        "slug": post.slug,
        "status": post.status,
        "type": post.kind,
        "link": link,
        "title": rich(&post.title, post.title.clone(), edit),
        "author": post.author,
        "template": post.template,
        "meta": post.meta,
        "_links": {"self": [{"href": format!("{}/wp-json/wp/v2/{}/{}", state.base_url, kind.rest_base, post.id)}]},
    });
    let terms = kind.taxonomies.iter().filter_map(|slug| state.taxonomies.get(slug));
    let terms: Vec<Value> = terms
        .filter(|taxonomy| taxonomy.show_in_rest)
        .map(|taxonomy| {
            let href = format!(
                "{}/wp-json/wp/v2/{}?post={}",
                state.base_url, taxonomy.rest_base, post.id
            );
            json!({"taxonomy": taxonomy.slug, "embeddable": true, "href": href})
        })
        .collect();
    if !terms.is_empty() {
        record["_links"]["wp:term"] = terms.into();
    }
    let Value::Object(fields) = &mut record else {
        return record;
    };
    if !matches!(post.kind.as_str(), "attachment" | "nav_menu_item" | "wp_font_family") {
        let mut body = rich(&post.content, content, edit);
        let excerpt = if protected && !edit {
            String::new()
        } else {
            rendered(&post.excerpt)
        };
        let mut short = rich(&post.excerpt, excerpt, edit);
        body["protected"] = protected.into();
        short["protected"] = protected.into();
        if edit {
            body["block_version"] = u64::from(post.content.contains("<!-- wp:")).into();
        }
        set(fields, "content", body);
        set(fields, "excerpt", short);
    }
    if edit && post.kind != "attachment" {
        set(fields, "password", post.password.as_str());
    }
    if edit {
        set(fields, "permalink_template", format!("{}/%postname%/", state.base_url));
        set(
            fields,
            "generated_slug",
            super::super::state::slugify(&post.title, post.id),
        );
    }
    by_kind(state, post, kind, edit, fields);
    record
}

fn set(fields: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    fields.insert(name.to_owned(), value.into());
}

/// The fields that only some types have.
fn by_kind(state: &State, post: &Post, kind: &PostType, edit: bool, fields: &mut Map<String, Value>) {
    if kind.hierarchical || kind.slug == "nav_menu_item" {
        set(fields, "parent", post.parent);
        set(fields, "menu_order", post.menu_order);
    }
    if !kind.slug.starts_with("wp_") && kind.slug != "nav_menu_item" {
        set(fields, "comment_status", post.comment_status.as_str());
        set(fields, "ping_status", post.ping_status.as_str());
        set(fields, "featured_media", post.featured_media);
    }
    if kind.slug == "post" {
        set(fields, "sticky", post.sticky);
        set(fields, "format", post.format.as_str());
    }
    for slug in &kind.taxonomies {
        if let Some(taxonomy) = state.taxonomies.get(slug).filter(|taxonomy| taxonomy.show_in_rest) {
            set(
                fields,
                &taxonomy.rest_base,
                post.terms.get(slug).cloned().unwrap_or_default(),
            );
        }
    }
    match kind.slug.as_str() {
        "attachment" => super::media::show(state, post, edit, fields),
        "nav_menu_item" => menu_item(post, fields),
        "wp_font_family" => {
            let settings = post
                .extra
                .get("font_family_settings")
                .cloned()
                .unwrap_or_else(|| json!({}));
            let faces = post.extra.get("font_faces").cloned().unwrap_or_else(|| json!([]));
            *fields = Map::new();
            set(fields, "id", post.id);
            set(fields, "theme_json_version", 3);
            set(fields, "font_family_settings", settings);
            set(fields, "font_faces", faces);
        }
        _ => {}
    }
}

fn menu_item(post: &Post, fields: &mut Map<String, Value>) {
    // Menu items are posts, and tell no date of theirs.
    let untold = [
        "link",
        "author",
        "template",
        "password",
        "slug",
        "excerpt",
        "date",
        "date_gmt",
        "modified",
        "modified_gmt",
        "guid",
        "permalink_template",
        "generated_slug",
    ];
    for name in untold {
        fields.remove(name);
    }
    let defaults = [
        ("type", json!("custom")),
        ("type_label", json!("Custom Link")),
        ("url", json!("")),
        ("attr_title", json!("")),
        ("description", json!("")),
        ("object", json!("custom")),
        ("object_id", json!(0)),
        ("target", json!("")),
        ("classes", json!([""])),
        ("xfn", json!([""])),
        ("invalid", json!(false)),
    ];
    for (name, default) in defaults {
        fields.insert(name.to_owned(), post.extra.get(name).cloned().unwrap_or(default));
    }
    let menu = post
        .terms
        .get("nav_menu")
        .and_then(|menus| menus.first())
        .copied()
        .unwrap_or(0);
    set(fields, "menus", menu);
}

/// Where visitors find the post.
pub(super) fn address(state: &State, post: &Post) -> String {
    let base = &state.base_url;
    match (post.status.as_str(), post.kind.as_str()) {
        ("publish" | "inherit", "post" | "page" | "attachment") => format!("{base}/{}/", post.slug),
        ("publish" | "inherit", kind) => format!("{base}/{kind}/{}/", post.slug),
        _ => format!("{base}/?p={}", post.id),
    }
}
