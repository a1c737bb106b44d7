//! What the theme and its editor keep: menu locations, templates, global styles, patterns.

use serde_json::{Map, Value, json};

use super::super::records::Post;
use super::{Ctx, Reply, error, invalid_param, missing_param, no_route, show, text_of};
use crate::exchange::Answer;

pub(super) fn menu_locations(ctx: &Ctx<'_>, rest: &[&str]) -> Reply {
    if !ctx.is_admin() {
        return Err(ctx.refuse("rest_cannot_view", "Sorry, you are not allowed to view menu locations."));
    }
    let show = |slug: &str, (description, menu): &(String, u64)| json!({"name": slug, "description": description, "menu": menu});
    match (ctx.ask.method.as_str(), rest) {
        ("GET", []) => {
            let all = ctx
                .state
                .menu_locations
                .iter()
                .map(|(slug, location)| (slug.clone(), show(slug, location)));
            Ok(Answer::json(200, &Value::Object(all.collect())))
        }
        ("GET", [slug]) => {
            let missing = || error(404, "rest_menu_location_invalid", "Invalid menu location.");
            let location = ctx.state.menu_locations.get(*slug).ok_or_else(missing)?;
            Ok(Answer::json(200, &show(slug, location)))
        }
        _ => Err(no_route()),
    }
}

pub(super) fn patterns(ctx: &Ctx<'_>) -> Reply {
    if !ctx.edits_posts() {
        let message = "Sorry, you are not allowed to view the registered block patterns.";
        return Err(ctx.refuse("rest_cannot_view", message));
    }
    Ok(Answer::json(
        200,
        &json!([{
            "name": "practice/hero", "title": "Hero", "categories": ["banner"], "inserter": true, "source": "theme",
            "content": "<!-- wp:heading --><h2>Welcome</h2><!-- /wp:heading -->",
        }]),
    ))
}

/// The active theme's stylesheet.
fn stylesheet(ctx: &Ctx<'_>) -> String {
    let active = |theme: &&Map<String, Value>| theme.get("status").and_then(Value::as_str) == Some("active");
    let theme = ctx.state.themes.values().find(active);
    theme
        .and_then(|theme| theme.get("stylesheet"))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// Templates and template parts: a customized one lies in the database and hides the theme's file.
pub(super) fn templates(ctx: &mut Ctx<'_>, kind: &'static str, rest: &[&str]) -> Reply {
    if !ctx.is_admin() {
        let message = "Sorry, you are not allowed to access the templates on this site.";
        return Err(ctx.refuse("rest_cannot_manage_templates", message));
    }
    let edit = ctx.wants_edit()?;
    let id = rest.join("//");
    let missing = || error(404, "rest_template_not_found", "No templates exist with that id.");
    match (ctx.ask.method.as_str(), rest) {
        ("GET", []) => {
            let all = slugs(ctx, kind)
                .into_iter()
                .filter_map(|slug| template(ctx, kind, &slug, edit));
            Ok(Answer::json(200, &all.map(|record| ctx.trimmed(record)).collect()))
        }
        ("POST", []) => {
            let Some(slug) = ctx.arg_text("slug") else {
                return Err(missing_param("slug"));
            };
            write_template(ctx, kind, &slug)?;
            Ok(Answer::json(
                201,
                &template(ctx, kind, &slug, true).ok_or_else(missing)?,
            ))
        }
        (method, [_, slug]) => {
            if template(ctx, kind, slug, edit).is_none() || id != format!("{}//{slug}", stylesheet(ctx)) {
                return Err(missing());
            }
            match method {
                "GET" => {}
                "POST" | "PUT" | "PATCH" => write_template(ctx, kind, slug)?,
                "DELETE" => return delete_template(ctx, kind, slug),
                _ => return Err(no_route()),
            }
            Ok(Answer::json(
                200,
                &template(ctx, kind, slug, edit || method != "GET").ok_or_else(missing)?,
            ))
        }
        _ => Err(no_route()),
    }
}

fn slugs(ctx: &Ctx<'_>, kind: &str) -> Vec<String> {
    let mut slugs: Vec<String> = ctx
        .state
        .theme_files
        .iter()
        .filter(|file| file.kind == kind)
        .map(|file| file.slug.clone())
        .collect();
    for post in ctx.state.posts.get(kind).into_iter().flat_map(|posts| posts.values()) {
        if !slugs.contains(&post.slug) && post.status == "publish" {
            slugs.push(post.slug.clone());
        }
    }
    slugs
}

fn custom<'a>(ctx: &'a Ctx<'_>, kind: &str, slug: &str) -> Option<&'a Post> {
    let posts = ctx.state.posts.get(kind)?;
    posts
        .values()
        .find(|post| post.slug == slug && post.status == "publish")
}

fn template(ctx: &Ctx<'_>, kind: &str, slug: &str, edit: bool) -> Option<Value> {
    let theme = stylesheet(ctx);
    let post = custom(ctx, kind, slug);
    let file = ctx
        .state
        .theme_files
        .iter()
        .find(|file| file.kind == kind && file.slug == slug);
    let (title, content) = match (post, file) {
        (Some(post), _) => (post.title.as_str(), post.content.as_str()),
        (None, Some(file)) => (file.title.as_str(), file.content.as_str()),
        (None, None) => return None,
    };
    let mut body = json!({"raw": content});
    if edit {
        body["block_version"] = 1.into();
    }
    let mut record = json!({
        "id": format!("{theme}//{slug}"), "slug": slug, "theme": theme, "type": kind,
        "source": if post.is_some() { "custom" } else { "theme" },
        "origin": if post.is_some() && file.is_some() { json!("theme") } else { Value::Null },
        "content": body, "title": {"raw": title, "rendered": title}, "description": "", "status": "publish",
        "wp_id": post.map(|post| post.id), "has_theme_file": file.is_some(), "author": post.map_or(0, |post| post.author),
        "modified": post.map(|post| show::plain(post.modified)),
    });
    match kind {
        "wp_template" => record["is_custom"] = file.is_none().into(),
        _ => {
            let area = post
                .and_then(|post| post.extra.get("area"))
                .cloned()
                .unwrap_or_else(|| slug.into());
            record["area"] = area;
        }
    }
    Some(record)
}

fn write_template(ctx: &mut Ctx<'_>, kind: &'static str, slug: &str) -> Result<(), Answer> {
    let author = ctx.user.unwrap_or(0);
    let known = custom(ctx, kind, slug).cloned();
    let is_new = known.is_none();
    let file = ctx
        .state
        .theme_files
        .iter()
        .find(|file| file.kind == kind && file.slug == slug);
    let (title, content) = file.map_or((slug.to_owned(), String::new()), |file| {
        (file.title.clone(), file.content.clone())
    });
    let mut post = match known {
        Some(post) => post,
        None => {
            let mut post = ctx.state.blank(kind, author);
            (post.title, post.content, post.slug) = (title, content, slug.to_owned());
            post.status = "publish".to_owned();
            post
        }
    };
    for (name, field) in [("title", &mut post.title), ("content", &mut post.content)] {
        if let Some(value) = ctx.arg(name) {
            let wrong = || invalid_param(name, "rest_invalid_type", &format!("{name} is not of type string."));
            *field = text_of(&value).ok_or_else(wrong)?;
        }
    }
    if let Some(area) = ctx.arg("area") {
        post.extra.insert("area".to_owned(), area);
    }
    ctx.state.keep_revision(post.id);
    ctx.state.insert(post, is_new);
    Ok(())
}

/// Deleting a customization brings the theme's file back.
fn delete_template(ctx: &mut Ctx<'_>, kind: &str, slug: &str) -> Reply {
    let Some(id) = custom(ctx, kind, slug).map(|post| post.id) else {
        return Err(error(
            400,
            "rest_invalid_template",
            "Templates based on theme files can't be removed.",
        ));
    };
    let previous = template(ctx, kind, slug, true);
    if ctx.flag("force") {
        ctx.state.delete(id);
    } else {
        ctx.state.trash(id);
    }
    Ok(Answer::json(200, &json!({"deleted": true, "previous": previous})))
}

pub(super) fn global_styles(ctx: &mut Ctx<'_>, rest: &[&str]) -> Reply {
    if !ctx.is_admin() {
        return Err(ctx.refuse(
            "rest_cannot_view",
            "Sorry, you are not allowed to view this global style.",
        ));
    }
    let missing = || {
        error(
            404,
            "rest_global_styles_not_found",
            "No global styles config exist with that id.",
        )
    };
    match (ctx.ask.method.as_str(), rest) {
        ("GET", ["themes", theme]) if *theme == stylesheet(ctx) => Ok(Answer::json(
            200,
            &json!({"settings": {"layout": {"contentSize": "620px"}}, "styles": {}}),
        )),
        ("GET", ["themes", theme, "variations"]) if *theme == stylesheet(ctx) => Ok(Answer::json(200, &json!([]))),
        ("GET", ["themes", ..]) => Err(error(404, "rest_theme_not_found", "Theme not found.")),
        (method, [id, rest @ ..]) => {
            let id: u64 = id.parse().map_err(|_| missing())?;
            let post = ctx
                .state
                .posts
                .get("wp_global_styles")
                .and_then(|posts| posts.get(&id))
                .cloned();
            let mut post = post.ok_or_else(missing)?;
            match (method, rest) {
                ("GET", []) => {}
                ("GET", ["revisions"]) => {
                    let kept = ctx.state.revisions.get(&id).map(Vec::as_slice).unwrap_or_default();
                    let all = kept.iter().rev().map(|revision| {
                        let mut record = styles(&revision.post);
                        record["id"] = revision.id.into();
                        record["parent"] = id.into();
                        record["modified"] = show::plain(revision.post.modified).into();
                        record
                    });
                    return Ok(Answer::json(200, &all.collect()));
                }
                ("POST" | "PUT" | "PATCH", []) => {
                    ctx.state.keep_revision(id);
                    for name in ["settings", "styles"] {
                        if let Some(value) = ctx.arg(name) {
                            post.extra.insert(name.to_owned(), value);
                        }
                    }
                    if let Some(title) = ctx.arg("title").as_ref().and_then(text_of) {
                        post.title = title;
                    }
                    ctx.state.insert(post.clone(), false);
                }
                _ => return Err(no_route()),
            }
            Ok(Answer::json(200, &styles(&post)))
        }
        _ => Err(no_route()),
    }
}

fn styles(post: &Post) -> Value {
    let part = |name: &str| post.extra.get(name).cloned().unwrap_or_else(|| json!({}));
    json!({
        "id": post.id, "title": {"raw": post.title, "rendered": post.title},
        "settings": part("settings"), "styles": part("styles"),
    })
}
