//! Media: uploads, their records, and the bytes as the web server gives them out.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::super::records::{Post, PostType};
use super::super::state::State;
use super::{Ctx, Reply, error, no_route, posts, show, write};
use crate::exchange::{Answer, Ask};

pub(super) fn answer(ctx: &mut Ctx<'_>, rest: &[&str]) -> Reply {
    let Some(kind) = ctx.state.types.get("attachment").cloned() else {
        return Err(no_route());
    };
    match (ctx.ask.method.as_str(), rest) {
        ("POST", []) => upload(ctx, &kind),
        _ => posts::answer(ctx, &kind, rest),
    }
}

fn upload(ctx: &mut Ctx<'_>, kind: &PostType) -> Reply {
    if !ctx.is_editor() {
        return Err(ctx.refuse(
            "rest_cannot_create",
            "Sorry, you are not allowed to create posts as this user.",
        ));
    }
    if ctx.ask.body.is_empty() {
        return Err(error(400, "rest_upload_no_data", "No data supplied."));
    }
    let Some(content_type) = ctx.ask.header("content-type").map(str::to_owned) else {
        return Err(error(400, "rest_upload_no_content_type", "No Content-Type supplied."));
    };
    let Some(disposition) = ctx.ask.header("content-disposition") else {
        return Err(error(
            400,
            "rest_upload_no_content_disposition",
            "No Content-Disposition supplied.",
        ));
    };
    let Some(name) = file_name(disposition) else {
        let message = "Invalid Content-Disposition supplied. Content-Disposition needs to be formatted as \
                       `attachment; filename=\"image.png\"` or similar.";
        return Err(error(400, "rest_upload_invalid_disposition", message));
    };
    let Some(mime) = mime_of(&name) else {
        let message = "Sorry, you are not allowed to upload this file type.";
        return Err(error(500, "rest_upload_sideload_error", message));
    };
    let claimed = content_type.split(';').next().unwrap_or_default().trim();
    let mime = if claimed.contains('/') && claimed != "application/octet-stream" {
        claimed
    } else {
        mime
    };
    let id = store(ctx.state, &name, mime, ctx.ask.body.clone(), ctx.user.unwrap_or(0));
    let mut post = posts::found(ctx.state, kind, id)?.clone();
    write::fill(ctx, kind, &mut post)?;
    ctx.state.insert(post, true);
    let post = posts::found(ctx.state, kind, id)?;
    let location = format!("{}/wp-json/wp/v2/media/{id}", ctx.state.base_url);
    Ok(Answer::json(201, &show::post(ctx.state, post, kind, true)).header("location", location))
}

/// Stores a file under the current month, an image with a thumbnail, and the attachment.
pub(in super::super) fn store(state: &mut State, name: &str, mime: &str, bytes: Bytes, author: u64) -> u64 {
    let mut post = state.blank("attachment", author);
    let month = post.date.strftime("%Y/%m").to_string();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, "bin"));
    let names = (0u32..).map(|n| match n {
        0 => format!("{month}/{stem}.{ending}"),
        n => format!("{month}/{stem}-{n}.{ending}"),
    });
    let path = names
        .into_iter()
        .find(|path| !state.files.contains_key(path))
        .unwrap_or_default();
    post.title = stem.to_owned();
    post.slug = super::super::state::slugify(stem, post.id);
    post.status = "inherit".to_owned();
    post.extra.insert("mime_type".to_owned(), mime.into());
    post.extra.insert("file".to_owned(), path.as_str().into());
    post.extra.insert("filesize".to_owned(), bytes.len().into());
    if mime.starts_with("image/") {
        let small = path.replace(&format!(".{ending}"), &format!("-150x150.{ending}"));
        state.files.insert(small.clone(), bytes.slice(..bytes.len() / 4));
        post.extra.insert("thumbnail".to_owned(), small.into());
    }
    state.files.insert(path, bytes);
    state.insert(post, true)
}

/// The files of an attachment.
pub(in super::super) fn paths_of(post: &Post) -> Vec<String> {
    let path = |name: &str| post.extra.get(name).and_then(Value::as_str).map(str::to_owned);
    [path("file"), path("thumbnail")].into_iter().flatten().collect()
}

pub(super) fn show(state: &State, post: &Post, edit: bool, fields: &mut Map<String, Value>) {
    let text = |name: &str| post.extra.get(name).and_then(Value::as_str).unwrap_or_default();
    let address = |path: &str| format!("{}/wp-content/uploads/{path}", state.base_url);
    let mime = text("mime_type");
    let is_image = mime.starts_with("image/");
    let mut details = json!({"filesize": post.extra.get("filesize"), "sizes": {}});
    if is_image {
        details["file"] = text("file").into();
        details["width"] = 1200.into();
        details["height"] = 800.into();
        let small = text("thumbnail");
        let name = small.rsplit('/').next().unwrap_or_default();
        details["sizes"] = json!({"thumbnail": {
            "file": name, "width": 150, "height": 150, "mime_type": mime, "source_url": address(small),
        }});
    }
    let own = json!({
        "description": show::rich(&post.content, show::rendered(&post.content), edit),
        "caption": show::rich(&post.excerpt, show::rendered(&post.excerpt), edit),
        "alt_text": text("alt_text"),
        "media_type": if is_image { "image" } else { "file" },
        "mime_type": mime,
        "media_details": details,
        "post": if post.parent == 0 { Value::Null } else { post.parent.into() },
        "source_url": address(text("file")),
    });
    if let Value::Object(own) = own {
        fields.extend(own);
    }
    if edit {
        fields.insert("missing_image_sizes".to_owned(), json!([]));
    }
}

/// The bytes of an upload, with `ETag` and ranges as Apache gives them.
pub(super) fn file(state: &State, ask: &Ask, path: &str) -> Answer {
    let Some(bytes) = state.files.get(path) else {
        return Answer::bytes(404, "text/html; charset=UTF-8", "<h1>Not Found</h1>");
    };
    let digest = Sha256::digest(bytes);
    let tag: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    if ask.header("if-none-match") == Some(&tag) {
        return Answer::empty(304).header("etag", tag);
    }
    let mime = mime_of(path).unwrap_or("application/octet-stream");
    match ask.header("range").and_then(|range| read_range(range, bytes.len())) {
        Some((first, last)) => Answer::bytes(206, mime, bytes.slice(first..=last))
            .header("content-range", format!("bytes {first}-{last}/{}", bytes.len()))
            .header("etag", tag),
        None => Answer::bytes(200, mime, bytes.clone())
            .header("etag", tag)
            .header("accept-ranges", "bytes"),
    }
}

fn read_range(range: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let first: usize = first.parse().ok()?;
    let last = last.parse().unwrap_or(usize::MAX).min(length.checked_sub(1)?);
    (first <= last).then_some((first, last))
}

fn file_name(disposition: &str) -> Option<String> {
    let (_, name) = disposition.split_once("filename=")?;
    let name = name.split(';').next()?.trim().trim_matches('"');
    let clean: String = name
        .chars()
        .map(|letter| {
            if letter.is_alphanumeric() || "._-".contains(letter) {
                letter
            } else {
                '-'
            }
        })
        .collect();
    (!clean.is_empty()).then_some(clean)
}

fn mime_of(name: &str) -> Option<&'static str> {
    match name.rsplit('.').next()?.to_lowercase().as_str() {
        "jpg" | "jpeg" => Some("image/jpeg"),
        "png" => Some("image/png"),
        "gif" => Some("image/gif"),
        "webp" => Some("image/webp"),
        "pdf" => Some("application/pdf"),
        "txt" => Some("text/plain"),
        "csv" => Some("text/csv"),
        "zip" => Some("application/zip"),
        "mp3" => Some("audio/mpeg"),
        "mp4" => Some("video/mp4"),
        "docx" => Some("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        _ => None,
    }
}
