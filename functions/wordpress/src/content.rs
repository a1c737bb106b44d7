//! What people write: posts of every type, terms, comments.

use seatbelt_connector_kit::{Cursor, Deletes, DependsOn, Key, Kind, Only, Records, Request, Resource, Restore};
use seatbelt_model::{
    RestoreLevel,
    json::{self, Pointer},
};

use crate::{
    site::{TAXONOMIES, TYPES},
    words::{self, MODIFIED, POST_QUERY, POST_RESTORE, TOTAL, VOLATILE},
};

const TERM_QUERY: &[(&str, &str)] = &[
    ("context", "edit"),
    ("hide_empty", "false"),
    ("orderby", "id"),
    ("order", "asc"),
];

const TERM_RESTORE: Restore = Restore::Api {
    level: RestoreLevel::R2,
    how: "POST the changed fields to the term; one that is gone is created again, parents first, under a new id",
};

pub(crate) const CATEGORIES: Resource = terms("categories", DependsOn::Nothing, Request::get("/wp/v2/categories"));

pub(crate) const TAGS: Resource = terms("tags", DependsOn::Nothing, Request::get("/wp/v2/tags"));

/// Terms of every taxonomy that a plugin or theme adds; keys are `taxonomy/id`.
pub(crate) const CUSTOM_TERMS: Resource = terms(
    "custom_terms",
    DependsOn::Each(&TAXONOMIES, Only::If(is_custom_taxonomy)),
    Request::get("/wp/v2/{taxonomies.rest_base}"),
);

/// Every run reads them all; how many posts a term has is no change of the term.
const fn terms(name: &'static str, depends_on: DependsOn, request: Request) -> Resource {
    Resource {
        depends_on,
        volatile: &["/_links", "/count"],
        ..words::list(name, Kind::Metadata, request.query(TERM_QUERY), "/id", TERM_RESTORE)
    }
}

pub(crate) const POSTS: Resource = words::posts("posts", Kind::Data, Request::get("/wp/v2/posts"));

pub(crate) const PAGES: Resource = words::posts("pages", Kind::Data, Request::get("/wp/v2/pages"));

/// Posts of every type that a plugin or theme adds and shows in REST; keys are `type/id`.
pub(crate) const CUSTOM_POSTS: Resource = Resource {
    name: "custom_posts",
    kind: Kind::Data,
    depends_on: DependsOn::Each(&TYPES, Only::If(is_custom_type)),
    request: Request::get("/wp/v2/{types.rest_base}").query(POST_QUERY),
    paginator: words::PAGES,
    records: Records::At(""),
    key: Key::Field("/id"),
    cursor: MODIFIED,
    deletes: Deletes::ByAbsence,
    volatile: VOLATILE,
    count: TOTAL,
    restore: POST_RESTORE,
};

/// Comments, pingbacks and whatever plugins keep as such, in every status, those of trashed posts included. There is no filter by change: every
/// run reads them all.
pub(crate) const COMMENTS: Resource = Resource {
    volatile: &["/_links", "/content/rendered", "/author_avatar_urls", "/link"],
    ..words::list(
        "comments",
        Kind::Data,
        Request::get("/wp/v2/comments").query(&[
            ("context", "edit"),
            ("type", "all"),
            ("status", "any"),
            ("orderby", "id"),
            ("order", "asc"),
        ]),
        "/id",
        Restore::Api {
            level: RestoreLevel::R2,
            how: "POST fields and status; one that is gone is created again, parents first",
        },
    )
};

/// Earlier versions of posts. One request a post, so only where the scope asks for it.
pub(crate) const REVISIONS: Resource = Resource {
    name: "revisions",
    kind: Kind::Data,
    depends_on: DependsOn::EachChanged(&POSTS, Only::All),
    request: Request::get("/wp/v2/posts/{posts.id}/revisions").query(&[("context", "edit")]),
    paginator: words::PAGES,
    records: Records::At(""),
    key: Key::Field("/id"),
    cursor: Cursor::None,
    deletes: Deletes::ByAbsence,
    volatile: VOLATILE,
    count: TOTAL,
    restore: Restore::ExportOnly {
        why: "the API makes revisions by itself and takes none",
    },
};

fn is_custom_taxonomy(taxonomy: &str) -> bool {
    let known = ["category", "post_tag", "nav_menu", "wp_pattern_category"];
    json::text_at(taxonomy, &Pointer::new("/slug")).is_some_and(|slug| !known.contains(&&*slug))
}

/// Types with a resource of their own, and those whose routes are no lists of posts.
fn is_custom_type(post_type: &str) -> bool {
    let known = [
        "post",
        "page",
        "attachment",
        "nav_menu_item",
        "wp_block",
        "wp_template",
        "wp_template_part",
        "wp_navigation",
        "wp_global_styles",
        "wp_font_family",
        "wp_font_face",
    ];
    json::text_at(post_type, &Pointer::new("/slug")).is_some_and(|slug| !known.contains(&&*slug))
}
