//! Comments.

use serde_json::{Value, json};

use super::super::records::Comment;
use super::params::{Page, Time, choice, ids, list_key, parse_time, site_time};
use super::{Ctx, Reply, error, invalid_param, no_route, show, text_of};
use crate::exchange::Answer;

pub(super) fn answer(ctx: &mut Ctx<'_>, rest: &[&str]) -> Reply {
    let id = rest.first().and_then(|id| id.parse::<u64>().ok());
    match (ctx.ask.method.as_str(), rest, id) {
        ("GET", [], _) => list(ctx),
        ("POST", [], _) => create(ctx),
        ("GET", [_], Some(id)) => one(ctx, id),
        ("POST" | "PUT" | "PATCH", [_], Some(id)) => update(ctx, id),
        ("DELETE", [_], Some(id)) => delete(ctx, id),
        _ => Err(no_route()),
    }
}

fn found<'a>(ctx: &'a Ctx<'_>, id: u64) -> Result<&'a Comment, Answer> {
    ctx.state
        .comments
        .get(&id)
        .ok_or_else(|| error(404, "rest_comment_invalid_id", "Invalid comment ID."))
}

/// `status` as the query means it.
fn takes(wanted: &str, status: &str) -> bool {
    match wanted {
        "approve" | "approved" => status == "approved",
        "all" => matches!(status, "approved" | "hold"),
        "any" => true,
        other => other == status,
    }
}

fn list(ctx: &mut Ctx<'_>) -> Reply {
    let edit = ctx.wants_edit()?;
    if edit && !ctx.is_editor() {
        return Err(ctx.refuse("rest_forbidden_context", "Sorry, you are not allowed to edit comments."));
    }
    let statuses = [
        "approve",
        "approved",
        "hold",
        "spam",
        "trash",
        "all",
        "any",
        "post-trashed",
    ];
    let status = choice(ctx.ask, "status", &statuses, "approve")?.to_owned();
    let kind = ctx.ask.param("type").unwrap_or("comment").to_owned();
    for (name, default) in [("status", "approve"), ("type", "comment"), ("author_email", "")] {
        if !ctx.is_editor() && ctx.ask.param(name).is_some_and(|given| given != default) {
            let message = format!("Query parameter not permitted: {name}");
            return Err(ctx.refuse("rest_forbidden_param", &message));
        }
    }
    let page = Page::read(ctx.ask)?;
    let (after, before) = (site_time(ctx, "after")?, site_time(ctx, "before")?);
    let (posts, include) = (ids(ctx.ask, "post")?, ids(ctx.ask, "include")?);
    let (exclude, parents) = (ids(ctx.ask, "exclude")?, ids(ctx.ask, "parent")?);
    let orders = ["date", "date_gmt", "id", "include", "post", "parent", "type"];
    let order_by = choice(ctx.ask, "orderby", &orders, "date_gmt")?.to_owned();
    let ascending = choice(ctx.ask, "order", &["asc", "desc"], "desc")? == "asc";
    let key = list_key(ctx, edit);
    let chosen = ctx.state.list(key, |state| {
        let mut comments: Vec<&Comment> = state.comments.values().collect();
        comments.retain(|comment| {
            takes(&status, &comment.status)
                && matches!(kind.as_str(), "comment" | "all")
                && after.is_none_or(|time| comment.date > time)
                && before.is_none_or(|time| comment.date < time)
                && posts.as_ref().is_none_or(|posts| posts.contains(&comment.post))
                && include.as_ref().is_none_or(|ids| ids.contains(&comment.id))
                && exclude.as_ref().is_none_or(|ids| !ids.contains(&comment.id))
                && parents.as_ref().is_none_or(|ids| ids.contains(&comment.parent))
        });
        comments.sort_by_key(|comment| match order_by.as_str() {
            "id" => (i128::from(comment.id), comment.id),
            "post" => (i128::from(comment.post), comment.id),
            "parent" => (i128::from(comment.parent), comment.id),
            _ => (comment.date_gmt.as_nanosecond(), comment.id),
        });
        if !ascending {
            comments.reverse();
        }
        comments.into_iter().map(|comment| comment.id).collect()
    });
    let shown = page.of(&chosen).iter().filter_map(|id| ctx.state.comments.get(id));
    let records = shown.map(|comment| record(ctx, comment, edit)).collect();
    Ok(page.answer(ctx, records, chosen.len()))
}

fn record(ctx: &Ctx<'_>, comment: &Comment, edit: bool) -> Value {
    let base = &ctx.state.base_url;
    let mut record = json!({
        "id": comment.id,
        "post": comment.post,
        "parent": comment.parent,
        "author": comment.author,
        "author_name": comment.author_name,
        "author_url": comment.author_url,
        "date": show::plain(comment.date),
        "date_gmt": show::gmt(comment.date_gmt),
        "content": show::rich(&comment.content, show::rendered(&comment.content), edit),
        "link": format!("{base}/?p={}#comment-{}", comment.post, comment.id),
        "status": comment.status,
        "type": "comment",
        "meta": comment.meta,
    });
    if let Some(post) = ctx.state.post(comment.post) {
        let up = json!({"embeddable": true, "post_type": post.kind, "href": format!("{base}/wp-json/wp/v2/posts/{}", post.id)});
        record["_links"] = json!({"up": [up]});
    }
    if edit {
        record["author_email"] = comment.author_email.as_str().into();
        record["author_ip"] = comment.author_ip.as_str().into();
        record["author_user_agent"] = "".into();
    }
    record
}

fn one(ctx: &Ctx<'_>, id: u64) -> Reply {
    let edit = ctx.wants_edit()?;
    let comment = found(ctx, id)?;
    if edit && !ctx.is_editor() {
        return Err(ctx.refuse("rest_forbidden_context", "Sorry, you are not allowed to edit comments."));
    }
    if comment.status != "approved" && !ctx.is_editor() {
        return Err(ctx.refuse("rest_cannot_read", "Sorry, you are not allowed to read this comment."));
    }
    Ok(Answer::json(200, &ctx.trimmed(record(ctx, comment, edit))))
}

fn create(ctx: &mut Ctx<'_>) -> Reply {
    if ctx.arg("id").is_some() {
        return Err(error(400, "rest_comment_exists", "Cannot create existing comment."));
    }
    if ctx.user.is_none() {
        return Err(ctx.refuse(
            "rest_comment_login_required",
            "Sorry, you must be logged in to comment.",
        ));
    }
    for name in ["author", "author_ip", "status", "date", "date_gmt"] {
        if ctx.arg(name).is_some() && !ctx.is_editor() {
            let message = format!("Sorry, you are not allowed to edit '{name}' for comments.");
            return Err(ctx.refuse("rest_comment_invalid_author", &message));
        }
    }
    let me = ctx.user.and_then(|id| ctx.state.users.get(&id)).cloned();
    let mut comment = Comment {
        id: ctx.state.next_comment,
        post: 0,
        parent: 0,
        author: me.as_ref().map_or(0, |me| me.id),
        author_name: me.as_ref().map(|me| me.name.clone()).unwrap_or_default(),
        author_email: me.map(|me| me.email).unwrap_or_default(),
        author_url: String::new(),
        author_ip: "127.0.0.1".to_owned(),
        content: String::new(),
        status: "approved".to_owned(),
        date: ctx.state.local(ctx.state.now()),
        date_gmt: ctx.state.now(),
        meta: serde_json::Map::new(),
    };
    if ctx.arg("author").is_none() && ctx.arg("author_name").is_some() {
        comment.author = 0;
    }
    fill(ctx, &mut comment)?;
    if ctx.arg_text("type").is_some_and(|kind| kind != "comment") {
        return Err(error(
            400,
            "rest_invalid_comment_type",
            "Cannot create a comment with that type.",
        ));
    }
    let Some(post) = ctx.state.post(comment.post) else {
        return Err(error(
            403,
            "rest_comment_invalid_post_id",
            "Sorry, you are not allowed to create this comment without a post.",
        ));
    };
    if let status @ ("draft" | "trash") = post.status.as_str() {
        return Err(error(
            403,
            &format!("rest_comment_{status}_post"),
            "Sorry, you are not allowed to create a comment on this post.",
        ));
    }
    if comment.content.trim().is_empty() {
        return Err(error(400, "rest_comment_content_invalid", "Invalid comment content."));
    }
    let twin = |other: &Comment| {
        other.post == comment.post
            && other.parent == comment.parent
            && other.content == comment.content
            && other.author_name == comment.author_name
            && other.status != "trash"
    };
    if ctx.state.comments.values().any(twin) {
        let message = "Duplicate comment detected; it looks as though you&#8217;ve already said that!";
        return Err(error(409, "comment_duplicate", message));
    }
    let id = comment.id;
    ctx.state.next_comment += 1;
    ctx.state.touch();
    ctx.state.comments.insert(id, comment);
    Ok(Answer::json(201, &record(ctx, found(ctx, id)?, true)))
}

fn fill(ctx: &Ctx<'_>, comment: &mut Comment) -> Result<(), Answer> {
    let texts: [(&str, &mut String); 5] = [
        ("author_name", &mut comment.author_name),
        ("author_email", &mut comment.author_email),
        ("author_url", &mut comment.author_url),
        ("author_ip", &mut comment.author_ip),
        ("content", &mut comment.content),
    ];
    for (name, field) in texts {
        if let Some(text) = ctx.arg(name).as_ref().and_then(text_of) {
            *field = text;
        }
    }
    let numbers: [(&str, &mut u64); 3] = [
        ("post", &mut comment.post),
        ("parent", &mut comment.parent),
        ("author", &mut comment.author),
    ];
    for (name, field) in numbers {
        if let Some(given) = ctx.arg(name) {
            let wrong = || invalid_param(name, "rest_invalid_type", &format!("{name} is not of type integer."));
            *field = given
                .as_u64()
                .or_else(|| given.as_str()?.parse().ok())
                .ok_or_else(wrong)?;
        }
    }
    if ctx.arg("author").is_some() {
        let author = ctx.state.users.get(&comment.author);
        let author = author.ok_or_else(|| error(400, "rest_comment_author_invalid", "Invalid comment author ID."))?;
        if ctx.arg("author_name").is_none() {
            comment.author_name = author.name.clone();
        }
        if ctx.arg("author_email").is_none() {
            comment.author_email = author.email.clone();
        }
    }
    // Whoever writes without saying from where writes from his own address.
    if ctx.arg("author_ip").is_none() {
        comment.author_ip = "127.0.0.1".to_owned();
    }
    for name in ["date", "date_gmt"] {
        let Some(given) = ctx.arg_text(name) else { continue };
        let zone = if name == "date" {
            ctx.state.time_zone()
        } else {
            jiff::tz::TimeZone::UTC
        };
        let time = parse_time(&given).and_then(|time| match time {
            Time::Absolute(time) => Some(time),
            Time::Local(time) => zone.to_timestamp(time).ok(),
        });
        comment.date_gmt = time.ok_or_else(|| invalid_param(name, "rest_invalid_date", "Invalid date."))?;
        comment.date = ctx.state.local(comment.date_gmt);
    }
    if let Some(status) = ctx.arg_text("status") {
        comment.status = match status.as_str() {
            "approve" | "approved" | "1" => "approved",
            "hold" | "0" => "hold",
            "spam" => "spam",
            "trash" => "trash",
            _ => {
                return Err(error(
                    500,
                    "rest_comment_failed_edit",
                    "Updating comment status failed.",
                ));
            }
        }
        .to_owned();
    }
    Ok(())
}

fn update(ctx: &mut Ctx<'_>, id: u64) -> Reply {
    let mut comment = found(ctx, id)?.clone();
    if !ctx.is_editor() {
        return Err(ctx.refuse("rest_cannot_edit", "Sorry, you are not allowed to edit this comment."));
    }
    fill(ctx, &mut comment)?;
    ctx.state.touch();
    ctx.state.comments.insert(id, comment);
    Ok(Answer::json(200, &record(ctx, found(ctx, id)?, true)))
}

fn delete(ctx: &mut Ctx<'_>, id: u64) -> Reply {
    let comment = found(ctx, id)?.clone();
    if !ctx.is_editor() {
        return Err(ctx.refuse(
            "rest_cannot_delete",
            "Sorry, you are not allowed to delete this comment.",
        ));
    }
    ctx.state.touch();
    if ctx.flag("force") {
        ctx.state.comments.remove(&id);
        let previous = record(ctx, &comment, true);
        return Ok(Answer::json(200, &json!({"deleted": true, "previous": previous})));
    }
    if comment.status == "trash" {
        return Err(error(
            410,
            "rest_already_trashed",
            "The comment has already been trashed.",
        ));
    }
    if let Some(comment) = ctx.state.comments.get_mut(&id) {
        comment.status = "trash".to_owned();
    }
    Ok(Answer::json(200, &record(ctx, found(ctx, id)?, true)))
}
