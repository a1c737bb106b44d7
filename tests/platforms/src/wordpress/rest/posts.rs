//! Lists and reads of posts of every type that REST shows.

use std::cmp::Ordering;

use jiff::civil;
use serde_json::{Value, json};

use super::super::records::{Post, PostType};
use super::super::state::State;
use super::params::{Page, choice, ids, list_key, site_time, texts};
use super::{Ctx, Reply, error, invalid_param, invalid_param_with, no_route, show, write};
use crate::exchange::Answer;

const STATUSES: [&str; 8] = [
    "publish",
    "future",
    "draft",
    "pending",
    "private",
    "trash",
    "auto-draft",
    "inherit",
];
const ORDERS: [&str; 11] = [
    "author",
    "date",
    "id",
    "include",
    "modified",
    "parent",
    "relevance",
    "slug",
    "include_slugs",
    "title",
    "menu_order",
];

pub(super) fn answer(ctx: &mut Ctx<'_>, kind: &PostType, rest: &[&str]) -> Reply {
    let id = rest.first().and_then(|id| id.parse::<u64>().ok());
    match (ctx.ask.method.as_str(), rest, id) {
        ("GET" | "HEAD", [], _) => list(ctx, kind),
        ("POST", [], _) => write::create(ctx, kind),
        ("GET" | "HEAD", [_], Some(id)) => one(ctx, kind, id),
        ("POST" | "PUT" | "PATCH", [_], Some(id)) => write::update(ctx, kind, id),
        ("DELETE", [_], Some(id)) => write::delete(ctx, kind, id),
        ("GET", [_, "revisions", rest @ ..], Some(id)) => revisions(ctx, kind, id, rest),
        ("GET", [_, "autosaves"], Some(id)) => {
            found(ctx.state, kind, id)?;
            Ok(Answer::json(200, &json!([])))
        }
        _ => Err(no_route()),
    }
}

/// Whether the asker edits posts of this type: themes' parts need the administrator.
pub(super) fn may_edit(ctx: &Ctx<'_>, kind: &str) -> bool {
    match kind {
        "nav_menu_item" | "wp_navigation" | "wp_font_family" | "wp_global_styles" => ctx.is_admin(),
        "page" | "attachment" => ctx.is_editor(),
        _ => ctx.edits_posts(),
    }
}

pub(super) fn found<'a>(state: &'a State, kind: &PostType, id: u64) -> Result<&'a Post, Answer> {
    let post = state.posts.get(&kind.slug).and_then(|posts| posts.get(&id));
    post.ok_or_else(|| error(404, "rest_post_invalid_id", "Invalid post ID."))
}

/// Menu items and fonts are nobody's business but the administrator's.
fn guard_hidden(ctx: &Ctx<'_>, kind: &PostType) -> Result<(), Answer> {
    match kind.slug.as_str() {
        "nav_menu_item" if !ctx.is_admin() => {
            Err(ctx.refuse("rest_cannot_view", "Sorry, you are not allowed to view menu items."))
        }
        "wp_font_family" if !ctx.is_admin() => Err(ctx.refuse(
            "rest_cannot_read",
            "Sorry, you are not allowed to access font families.",
        )),
        "wp_block" if !ctx.edits_posts() => {
            Err(ctx.refuse("rest_cannot_view", "Sorry, you are not allowed to view blocks."))
        }
        _ => Ok(()),
    }
}

pub(super) fn list(ctx: &mut Ctx<'_>, kind: &PostType) -> Reply {
    let edit = ctx.wants_edit()?;
    guard_hidden(ctx, kind)?;
    if edit && !may_edit(ctx, &kind.slug) {
        return Err(ctx.refuse(
            "rest_forbidden_context",
            "Sorry, you are not allowed to edit posts in this post type.",
        ));
    }
    let page = Page::read(ctx.ask)?;
    let filter = Filter::read(ctx, kind)?;
    let key = list_key(ctx, edit);
    let chosen = ctx.state.list(key, |state| filter.ids(state, kind));
    page.refuse_past_end(chosen.len(), "rest_post_invalid_page_number")?;
    let mine = (edit && ctx.role == super::Role::Contributor)
        .then_some(ctx.user)
        .flatten();
    let posts = ctx.state.posts.get(&kind.slug);
    let shown = page.of(&chosen).iter().filter(|id| !ctx.state.unlisted.contains(id));
    let shown = shown.filter_map(|id| posts.and_then(|posts| posts.get(id)));
    // Whom the context does not suit sees fewer than were counted, as WordPress has it.
    let shown = shown.filter(|post| mine.is_none_or(|mine| post.author == mine));
    let records = shown.map(|post| show::post(ctx.state, post, kind, edit)).collect();
    Ok(page.answer(ctx, records, chosen.len()))
}

/// What a list asks for.
struct Filter {
    statuses: Vec<String>,
    modified_after: Option<civil::DateTime>,
    modified_before: Option<civil::DateTime>,
    after: Option<civil::DateTime>,
    before: Option<civil::DateTime>,
    include: Option<Vec<u64>>,
    exclude: Option<Vec<u64>>,
    author: Option<Vec<u64>>,
    parent: Option<Vec<u64>>,
    slugs: Option<Vec<String>>,
    search: Option<String>,
    sticky: Option<bool>,
    terms: Vec<(String, Vec<u64>)>,
    order_by: String,
    ascending: bool,
}

impl Filter {
    fn read(ctx: &Ctx<'_>, kind: &PostType) -> Result<Self, Answer> {
        let ask = ctx.ask;
        let mut terms = Vec::new();
        for slug in &kind.taxonomies {
            let Some(taxonomy) = ctx.state.taxonomies.get(slug).filter(|found| found.show_in_rest) else {
                continue;
            };
            if let Some(wanted) = ids(ask, &taxonomy.rest_base)? {
                terms.push((slug.clone(), wanted));
            }
        }
        Ok(Self {
            statuses: statuses(ctx, kind)?,
            modified_after: site_time(ctx, "modified_after")?,
            modified_before: site_time(ctx, "modified_before")?,
            after: site_time(ctx, "after")?,
            before: site_time(ctx, "before")?,
            include: ids(ask, "include")?,
            exclude: ids(ask, "exclude")?,
            author: ids(ask, "author")?,
            parent: ids(ask, "parent")?,
            slugs: texts(ask, "slug"),
            search: ask
                .param("search")
                .map(str::to_lowercase)
                .filter(|words| !words.is_empty()),
            sticky: match choice(ask, "sticky", &["", "1", "0", "true", "false"], "")? {
                "" => None,
                word => Some(matches!(word, "1" | "true")),
            },
            terms,
            order_by: choice(ask, "orderby", &ORDERS, default_order(kind))?.to_owned(),
            ascending: choice(ask, "order", &["asc", "desc"], default_direction(kind))? == "asc",
        })
    }

    fn accepts(&self, post: &Post) -> bool {
        let one_of = |list: &Option<Vec<u64>>, id: u64| list.as_ref().is_none_or(|list| list.contains(&id));
        self.statuses.contains(&post.status)
            && self.modified_after.is_none_or(|time| post.modified > time)
            && self.modified_before.is_none_or(|time| post.modified < time)
            && self.after.is_none_or(|time| post.date > time)
            && self.before.is_none_or(|time| post.date < time)
            && one_of(&self.include, post.id)
            && self.exclude.as_ref().is_none_or(|list| !list.contains(&post.id))
            && one_of(&self.author, post.author)
            && one_of(&self.parent, post.parent)
            && self.slugs.as_ref().is_none_or(|slugs| slugs.contains(&post.slug))
            && self.sticky.is_none_or(|sticky| post.sticky == sticky)
            && self.terms.iter().all(|(taxonomy, wanted)| {
                post.terms
                    .get(taxonomy)
                    .is_some_and(|held| held.iter().any(|id| wanted.contains(id)))
            })
            && self.search.as_ref().is_none_or(|words| {
                post.title.to_lowercase().contains(words) || post.content.to_lowercase().contains(words)
            })
    }

    fn ids(&self, state: &State, kind: &PostType) -> Vec<u64> {
        let all = state.posts.get(&kind.slug).into_iter().flat_map(|posts| posts.values());
        let mut posts: Vec<&Post> = all.filter(|post| self.accepts(post)).collect();
        posts.sort_by(|a, b| {
            let order = self.compare(a, b);
            let order = if self.ascending { order } else { order.reverse() };
            order.then(a.id.cmp(&b.id))
        });
        posts.into_iter().map(|post| post.id).collect()
    }

    fn compare(&self, a: &Post, b: &Post) -> Ordering {
        match self.order_by.as_str() {
            "id" => a.id.cmp(&b.id),
            "modified" => a.modified.cmp(&b.modified),
            "title" => a.title.cmp(&b.title),
            "slug" | "include_slugs" => a.slug.cmp(&b.slug),
            "author" => a.author.cmp(&b.author),
            "parent" => a.parent.cmp(&b.parent),
            "menu_order" => a.menu_order.cmp(&b.menu_order),
            "include" => {
                let place = |id: u64| self.include.iter().flatten().position(|other| *other == id);
                // The order of `include` holds whatever the direction.
                if self.ascending {
                    place(a.id).cmp(&place(b.id))
                } else {
                    place(b.id).cmp(&place(a.id))
                }
            }
            _ => a.date.cmp(&b.date),
        }
    }
}

fn default_order(kind: &PostType) -> &'static str {
    if kind.slug == "nav_menu_item" {
        "menu_order"
    } else {
        "date"
    }
}

fn default_direction(kind: &PostType) -> &'static str {
    if kind.slug == "nav_menu_item" { "asc" } else { "desc" }
}

/// `status`, judged: unknown words are refused, and all but `publish` need the right to edit.
fn statuses(ctx: &Ctx<'_>, kind: &PostType) -> Result<Vec<String>, Answer> {
    let is_media = kind.slug == "attachment";
    let default = if is_media { "inherit" } else { "publish" };
    let given = texts(ctx.ask, "status").unwrap_or_else(|| vec![default.to_owned()]);
    let allowed: &[&str] = if is_media {
        &["inherit", "private", "trash"]
    } else {
        &STATUSES
    };
    let mut all = Vec::new();
    for (place, status) in given.into_iter().enumerate() {
        let any = status == "any" && !is_media;
        if !any && !allowed.contains(&status.as_str()) {
            let message = format!("status[{place}] is not one of {}.", allowed.join(", "));
            return Err(invalid_param("status", "rest_not_in_enum", &message));
        }
        if status != default && !may_edit(ctx, &kind.slug) {
            let data = json!({"status": ctx.refusal_status()});
            return Err(invalid_param_with(
                "status",
                "rest_forbidden_status",
                "Status is forbidden.",
                data,
            ));
        }
        match any {
            // Any leaves out the trash.
            true => all.extend(["publish", "future", "draft", "pending", "private", "inherit"].map(str::to_owned)),
            false => all.push(status),
        }
    }
    Ok(all)
}

pub(super) fn one(ctx: &Ctx<'_>, kind: &PostType, id: u64) -> Reply {
    let edit = ctx.wants_edit()?;
    guard_hidden(ctx, kind)?;
    let post = found(ctx.state, kind, id)?;
    let edits = may_edit(ctx, &kind.slug) && (ctx.is_editor() || ctx.user == Some(post.author));
    if edit && !edits {
        return Err(ctx.refuse(
            "rest_forbidden_context",
            "Sorry, you are not allowed to edit this post.",
        ));
    }
    if !edits && !matches!(post.status.as_str(), "publish" | "inherit") {
        return Err(ctx.refuse("rest_forbidden", "Sorry, you are not allowed to do that."));
    }
    Ok(Answer::json(200, &ctx.trimmed(show::post(ctx.state, post, kind, edit))))
}

fn revisions(ctx: &Ctx<'_>, kind: &PostType, id: u64, rest: &[&str]) -> Reply {
    let edit = ctx.wants_edit()?;
    found(ctx.state, kind, id)?;
    if !may_edit(ctx, &kind.slug) {
        return Err(ctx.refuse(
            "rest_cannot_read",
            "Sorry, you are not allowed to view revisions of this post.",
        ));
    }
    let page = Page::read(ctx.ask)?;
    let kept = ctx.state.revisions.get(&id).map(Vec::as_slice).unwrap_or_default();
    let show = |revision: &super::super::records::Revision| {
        let mut record = show::post(ctx.state, &revision.post, kind, edit);
        if let Value::Object(fields) = &mut record {
            fields.retain(|name, _| {
                let kept = [
                    "author",
                    "date",
                    "date_gmt",
                    "modified",
                    "modified_gmt",
                    "guid",
                    "title",
                    "content",
                    "excerpt",
                ];
                kept.contains(&name.as_str()) || name == "meta"
            });
            fields.insert("id".to_owned(), revision.id.into());
            fields.insert("parent".to_owned(), id.into());
            fields.insert("slug".to_owned(), format!("{id}-revision-v1").into());
        }
        record
    };
    match rest {
        [] => {
            let ids: Vec<u64> = (0..kept.len() as u64).rev().collect();
            page.refuse_past_end(ids.len(), "rest_revision_invalid_page_number")?;
            let chosen = page
                .of(&ids)
                .iter()
                .filter_map(|place| kept.get(usize::try_from(*place).ok()?));
            Ok(page.answer(ctx, chosen.map(show).collect(), kept.len()))
        }
        [wanted] => {
            let found = kept.iter().find(|revision| Ok(revision.id) == wanted.parse());
            let found = found.ok_or_else(|| error(404, "rest_post_invalid_id", "Invalid revision ID."))?;
            Ok(Answer::json(200, &ctx.trimmed(show(found))))
        }
        _ => Err(no_route()),
    }
}
