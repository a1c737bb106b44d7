//! Creating, changing and deleting posts of every type.

use serde_json::{Value, json};

use super::super::records::{Post, PostType};
use super::super::state::State;
use super::params::{Time, parse_time};
use super::posts::{found, may_edit};
use super::{Ctx, Reply, error, invalid_param, show, text_of};
use crate::exchange::Answer;

const FORMATS: [&str; 10] = [
    "standard", "aside", "chat", "gallery", "link", "image", "quote", "status", "video", "audio",
];
/// The trash is entered by a deletion, not by a status.
const WRITABLE: [&str; 5] = ["publish", "future", "draft", "pending", "private"];

pub(super) fn create(ctx: &mut Ctx<'_>, kind: &PostType) -> Reply {
    if ctx.arg("id").is_some() {
        return Err(error(400, "rest_post_exists", "Cannot create existing post."));
    }
    if !may_edit(ctx, &kind.slug) {
        return Err(ctx.refuse(
            "rest_cannot_create",
            "Sorry, you are not allowed to create posts as this user.",
        ));
    }
    let author = ctx.user.unwrap_or(0);
    let mut post = ctx.state.blank(&kind.slug, author);
    if matches!(kind.slug.as_str(), "nav_menu_item" | "wp_font_family") {
        post.status = "publish".to_owned();
    }
    fill(ctx, kind, &mut post)?;
    if kind.slug == "nav_menu_item" {
        judge_menu_item(&post)?;
    }
    if ["title", "content", "excerpt"]
        .iter()
        .all(|name| ctx.arg(name).is_none())
        && kind.slug == "post"
    {
        return Err(error(400, "empty_content", "Content, title, and excerpt are empty."));
    }
    let id = ctx.state.insert(post, true);
    let post = found(ctx.state, kind, id)?;
    let location = format!("{}/wp-json/wp/v2/{}/{id}", ctx.state.base_url, kind.rest_base);
    Ok(Answer::json(201, &show::post(ctx.state, post, kind, true)).header("location", location))
}

pub(super) fn update(ctx: &mut Ctx<'_>, kind: &PostType, id: u64) -> Reply {
    let mut post = found(ctx.state, kind, id)?.clone();
    let mine = ctx.is_editor() || ctx.user == Some(post.author);
    if !may_edit(ctx, &kind.slug) || !mine {
        return Err(ctx.refuse("rest_cannot_edit", "Sorry, you are not allowed to edit this post."));
    }
    let was_trashed = post.status == "trash";
    fill(ctx, kind, &mut post)?;
    if was_trashed && post.status != "trash" && !ctx.body.contains_key("slug") {
        post.slug = post.slug.trim_end_matches("__trashed").to_owned();
    }
    if !was_trashed && post.status == "trash" {
        ctx.state.trash(id);
    } else {
        ctx.state.keep_revision(id);
        ctx.state.insert(post, false);
    }
    let post = found(ctx.state, kind, id)?;
    Ok(Answer::json(200, &show::post(ctx.state, post, kind, true)))
}

pub(super) fn delete(ctx: &mut Ctx<'_>, kind: &PostType, id: u64) -> Reply {
    let post = found(ctx.state, kind, id)?;
    let mine = ctx.is_editor() || ctx.user == Some(post.author);
    if !may_edit(ctx, &kind.slug) || !mine {
        return Err(ctx.refuse("rest_cannot_delete", "Sorry, you are not allowed to delete this post."));
    }
    let before = show::post(ctx.state, post, kind, true);
    if ctx.flag("force") {
        ctx.state.delete(id);
        return Ok(Answer::json(200, &json!({"deleted": true, "previous": before})));
    }
    if matches!(kind.slug.as_str(), "attachment" | "nav_menu_item" | "wp_font_family") {
        let message = "The post does not support trashing. Set 'force=true' to delete.";
        return Err(error(501, "rest_trash_not_supported", message));
    }
    if !ctx.state.trash(id) {
        return Err(error(410, "rest_already_trashed", "The post has already been deleted."));
    }
    let post = found(ctx.state, kind, id)?;
    Ok(Answer::json(200, &show::post(ctx.state, post, kind, true)))
}

/// Writes the request's fields into the post; unknown ones are ignored, as WordPress does.
pub(super) fn fill(ctx: &Ctx<'_>, kind: &PostType, post: &mut Post) -> Result<(), Answer> {
    let texts: [(&str, &mut String); 5] = [
        ("title", &mut post.title),
        ("content", &mut post.content),
        ("excerpt", &mut post.excerpt),
        ("password", &mut post.password),
        ("template", &mut post.template),
    ];
    for (name, field) in texts {
        if let Some(value) = ctx.arg(name) {
            *field = text_of(&value)
                .ok_or_else(|| invalid_param(name, "rest_invalid_type", &format!("{name} is not of type string.")))?;
        }
    }
    if let Some(slug) = ctx.arg_text("slug") {
        post.slug = super::super::state::slugify(&slug, post.id);
    }
    fill_choices(ctx, kind, post)?;
    fill_dates(ctx, post)?;
    fill_relations(ctx, kind, post)?;
    if let Some(sticky) = ctx.arg("sticky") {
        let wrong = || invalid_param("sticky", "rest_invalid_type", "sticky is not of type boolean.");
        post.sticky = sticky.as_bool().ok_or_else(wrong)?;
    }
    if let Some(meta) = ctx.arg("meta") {
        let wrong = || invalid_param("meta", "rest_invalid_type", "meta is not of type object.");
        for (name, value) in meta.as_object().ok_or_else(wrong)? {
            // Only registered meta is written; the rest is dropped without a word.
            if registered_meta(&kind.slug).contains(&name.as_str()) {
                post.meta.insert(name.clone(), value.clone());
            }
        }
    }
    fill_extra(ctx, kind, post)
}

/// The meta keys that REST knows.
pub(in super::super) fn registered_meta(kind: &str) -> &'static [&'static str] {
    match kind {
        "post" | "page" => &["footnotes", "subtitle"],
        "wp_block" => &["wp_pattern_sync_status"],
        _ => &[],
    }
}

fn fill_choices(ctx: &Ctx<'_>, kind: &PostType, post: &mut Post) -> Result<(), Answer> {
    let media: &[&str] = &["inherit", "private", "trash"];
    let statuses = if kind.slug == "attachment" { media } else { &WRITABLE };
    let open: &[&str] = &["open", "closed"];
    let choices: [(&str, &[&str], &mut String); 4] = [
        ("status", statuses, &mut post.status),
        ("comment_status", open, &mut post.comment_status),
        ("ping_status", open, &mut post.ping_status),
        ("format", &FORMATS, &mut post.format),
    ];
    for (name, allowed, field) in choices {
        let Some(given) = ctx.arg(name) else { continue };
        let given = given.as_str().filter(|given| allowed.contains(given));
        let message = format!("{name} is not one of {}.", allowed.join(", "));
        *field = given
            .ok_or_else(|| invalid_param(name, "rest_not_in_enum", &message))?
            .to_owned();
    }
    let publishes = matches!(post.status.as_str(), "publish" | "future" | "private");
    if ctx.arg("status").is_some() && publishes && !ctx.is_editor() {
        return Err(ctx.refuse(
            "rest_cannot_publish",
            "Sorry, you are not allowed to publish posts in this post type.",
        ));
    }
    Ok(())
}

fn fill_dates(ctx: &Ctx<'_>, post: &mut Post) -> Result<(), Answer> {
    for name in ["date", "date_gmt"] {
        let Some(given) = ctx.arg(name).filter(|given| !given.is_null()) else {
            continue;
        };
        let time = given.as_str().and_then(parse_time);
        let time = time.ok_or_else(|| invalid_param(name, "rest_invalid_date", "Invalid date."))?;
        let zone = if name == "date" {
            ctx.state.time_zone()
        } else {
            jiff::tz::TimeZone::UTC
        };
        let absolute = match time {
            Time::Absolute(time) => time,
            Time::Local(time) => zone
                .to_timestamp(time)
                .map_err(|_| invalid_param(name, "rest_invalid_date", "Invalid date."))?,
        };
        (post.date_gmt, post.date) = (Some(absolute), ctx.state.local(absolute));
    }
    Ok(())
}

/// A whole number of the body, judged.
fn number(ctx: &Ctx<'_>, name: &str) -> Result<Option<i64>, Answer> {
    let Some(given) = ctx.arg(name).filter(|given| !given.is_null()) else {
        return Ok(None);
    };
    let number = given
        .as_i64()
        .or_else(|| given.as_str().and_then(|text| text.parse().ok()));
    let wrong = || invalid_param(name, "rest_invalid_type", &format!("{name} is not of type integer."));
    number.map(Some).ok_or_else(wrong)
}

fn id_field(ctx: &Ctx<'_>, name: &str) -> Result<Option<u64>, Answer> {
    Ok(number(ctx, name)?.map(|id| u64::try_from(id).unwrap_or(0)))
}

fn fill_relations(ctx: &Ctx<'_>, kind: &PostType, post: &mut Post) -> Result<(), Answer> {
    if let Some(author) = id_field(ctx, "author")? {
        if !ctx.state.users.contains_key(&author) {
            return Err(error(400, "rest_invalid_author", "Invalid author ID."));
        }
        post.author = author;
    }
    if let Some(parent) = id_field(ctx, "parent")? {
        if parent != 0 && ctx.state.post(parent).is_none() {
            return Err(error(400, "rest_post_invalid_id", "Invalid post parent ID."));
        }
        post.parent = parent;
    }
    if let Some(order) = number(ctx, "menu_order")? {
        post.menu_order = order;
    }
    if let Some(media) = id_field(ctx, "featured_media")? {
        let known = |state: &State| {
            state
                .posts
                .get("attachment")
                .is_some_and(|media_| media_.contains_key(&media))
        };
        if media != 0 && !known(ctx.state) {
            return Err(error(400, "rest_invalid_featured_media", "Invalid featured media ID."));
        }
        post.featured_media = media;
    }
    for slug in &kind.taxonomies {
        let Some(taxonomy) = ctx.state.taxonomies.get(slug).filter(|found| found.show_in_rest) else {
            continue;
        };
        let Some(given) = ctx.arg(&taxonomy.rest_base) else {
            continue;
        };
        let name = &taxonomy.rest_base;
        let wrong = || invalid_param(name, "rest_invalid_type", &format!("{name}[0] is not of type integer."));
        let one = given.as_u64().map(|id| vec![Value::from(id)]);
        let ids = one.or_else(|| given.as_array().cloned()).ok_or_else(wrong)?;
        let ids: Option<Vec<u64>> = ids.iter().map(Value::as_u64).collect();
        let known = ctx.state.terms.get(slug);
        // Ids of no term are dropped without a word.
        let held = ids
            .ok_or_else(wrong)?
            .into_iter()
            .filter(|id| known.is_some_and(|terms| terms.contains_key(id)));
        post.terms.insert(slug.clone(), held.collect());
    }
    if kind.slug == "post" && post.status != "auto-draft" && post.terms.get("category").is_none_or(Vec::is_empty) {
        let default = ctx
            .state
            .settings
            .get("default_category")
            .and_then(Value::as_u64)
            .unwrap_or(1);
        post.terms.insert("category".to_owned(), vec![default]);
    }
    Ok(())
}

fn fill_extra(ctx: &Ctx<'_>, kind: &PostType, post: &mut Post) -> Result<(), Answer> {
    match kind.slug.as_str() {
        "nav_menu_item" => {
            let names = [
                "type",
                "url",
                "attr_title",
                "description",
                "object",
                "object_id",
                "target",
                "classes",
                "xfn",
            ];
            for name in names {
                if let Some(value) = ctx.arg(name) {
                    post.extra.insert(name.to_owned(), value);
                }
            }
            if let Some(menu) = id_field(ctx, "menus")? {
                if menu != 0
                    && !ctx
                        .state
                        .terms
                        .get("nav_menu")
                        .is_some_and(|menus| menus.contains_key(&menu))
                {
                    return Err(error(400, "invalid_menu_id", "Invalid menu ID."));
                }
                post.terms
                    .insert("nav_menu".to_owned(), if menu == 0 { Vec::new() } else { vec![menu] });
            }
        }
        "attachment" => {
            if let Some(alt) = ctx.arg_text("alt_text") {
                post.extra.insert("alt_text".to_owned(), alt.into());
            }
            if let Some(caption) = ctx.arg("caption").as_ref().and_then(text_of) {
                post.excerpt = caption;
            }
            if let Some(description) = ctx.arg("description").as_ref().and_then(text_of) {
                post.content = description;
            }
            if let Some(parent) = id_field(ctx, "post")? {
                post.parent = parent;
            }
        }
        "wp_font_family" => {
            if let Some(settings) = ctx.arg("font_family_settings") {
                // The vendor takes the settings as a text that holds JSON.
                let parsed = settings
                    .as_str()
                    .and_then(|text| serde_json::from_str::<Value>(text).ok());
                let wrong = || {
                    let message = "font_family_settings parameter must be a valid JSON string.";
                    invalid_param("font_family_settings", "rest_invalid_param", message)
                };
                post.extra
                    .insert("font_family_settings".to_owned(), parsed.ok_or_else(wrong)?);
            }
        }
        _ => {}
    }
    Ok(())
}

fn judge_menu_item(post: &Post) -> Result<(), Answer> {
    let text = |name: &str| post.extra.get(name).and_then(Value::as_str).unwrap_or_default();
    let is_custom = matches!(text("type"), "" | "custom");
    if is_custom && post.title.is_empty() {
        return Err(error(
            400,
            "rest_title_required",
            "The title is required when using a custom menu item type.",
        ));
    }
    if is_custom && text("url").is_empty() {
        return Err(error(
            400,
            "rest_url_required",
            "The url is required when using a custom menu item type.",
        ));
    }
    Ok(())
}
