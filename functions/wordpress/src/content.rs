//! What people write: posts of every type, terms, comments.

use seatbelt_connector_kit::{
    Again, Body, Create, Cursor, Deletes, DependsOn, Field, Fields, Key, Kind, Only, Read, Records, Reference, Request,
    Resource, Restore, When, Write, Writes,
};
use seatbelt_model::{
    RestoreLevel,
    json::{self, Pointer},
};

use crate::{
    ids,
    site::{TAXONOMIES, TYPES},
    words::{self, EDIT, FORCE, MODIFIED, POST_QUERY, TOTAL, VOLATILE},
    write,
};

const TERM_QUERY: &[(&str, &str)] = &[
    ("context", "edit"),
    ("hide_empty", "false"),
    ("orderby", "id"),
    ("order", "asc"),
];

/// A term's requests: for all of its taxonomy, and for itself, by GET, POST and DELETE.
const fn term_writes([all, get, post, delete]: [Request; 4], references: &'static [Reference]) -> Writes {
    Writes {
        how: "POST the changed fields to the term; one that is gone is created again with its name in addresses, under a new id, which \
              posts, menus and settings follow",
        update: Some(Write::Send(post, Body::Fields)),
        remove: Some(Write::Send(delete.query(FORCE), Body::Empty)),
        ..words::writes(
            [all, get],
            &["/id", "/count", "/link", "/taxonomy"],
            references,
            &["/slug", "/name"],
        )
    }
}

pub(crate) const CATEGORIES: Resource = terms(
    "categories",
    DependsOn::Nothing,
    Request::get("/wp/v2/categories"),
    &term_writes(
        [
            Request::post("/wp/v2/categories"),
            Request::get("/wp/v2/categories/{key}"),
            Request::post("/wp/v2/categories/{key}"),
            Request::delete("/wp/v2/categories/{key}"),
        ],
        &[Reference::to("/parent", &["categories"])],
    ),
);

pub(crate) const TAGS: Resource = terms(
    "tags",
    DependsOn::Nothing,
    Request::get("/wp/v2/tags"),
    &term_writes(
        [
            Request::post("/wp/v2/tags"),
            Request::get("/wp/v2/tags/{key}"),
            Request::post("/wp/v2/tags/{key}"),
            Request::delete("/wp/v2/tags/{key}"),
        ],
        &[],
    ),
);

/// Terms of every taxonomy that a plugin or theme adds; keys are `taxonomy/id`.
pub(crate) const CUSTOM_TERMS: Resource = terms(
    "custom_terms",
    DependsOn::Each(&TAXONOMIES, Only::If(is_custom_taxonomy)),
    Request::get("/wp/v2/{taxonomies.rest_base}"),
    &term_writes(
        [
            Request::post("/wp/v2/{taxonomies.rest_base}"),
            Request::get("/wp/v2/{taxonomies.rest_base}/{key}"),
            Request::post("/wp/v2/{taxonomies.rest_base}/{key}"),
            Request::delete("/wp/v2/{taxonomies.rest_base}/{key}"),
        ],
        &[Reference::to("/parent", &["custom_terms"])],
    ),
);

/// Every run reads them all; how many posts a term has is no change of the term.
const fn terms(name: &'static str, depends_on: DependsOn, request: Request, writes: &'static Writes) -> Resource {
    Resource {
        depends_on,
        volatile: &["/_links", "/count"],
        ..words::list(
            name,
            Kind::Metadata,
            request.query(TERM_QUERY),
            "/id",
            Restore::Writes(writes),
        )
    }
}

const AUTHOR: Reference = Reference::to("/author", &["users"]);
const PICTURE: Reference = Reference::to("/featured_media", &["media"]);
const CATEGORY: Reference = Reference::to("/categories/*", &["categories"]);
const TAG: Reference = Reference::to("/tags/*", &["tags"]);

/// What texts refer to, and what knows the names of plugins' terms.
const BEFORE_TEXTS: &[&str] = &["media", "blocks", "custom_terms"];

pub(crate) const POSTS: Resource = words::posts(
    "posts",
    Kind::Data,
    Request::get("/wp/v2/posts"),
    &words::post_writes(
        Request::get("/wp/v2/posts/{key}"),
        &[AUTHOR, PICTURE, CATEGORY, TAG],
        BEFORE_TEXTS,
    ),
);

pub(crate) const PAGES: Resource = words::posts(
    "pages",
    Kind::Data,
    Request::get("/wp/v2/pages"),
    &words::post_writes(
        Request::get("/wp/v2/pages/{key}"),
        &[AUTHOR, PICTURE, CATEGORY, TAG, Reference::to("/parent", &["pages"])],
        BEFORE_TEXTS,
    ),
);

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
    restore: Restore::Writes(&words::post_writes(
        Request::get("/wp/v2/{types.rest_base}/{key}"),
        &[
            AUTHOR,
            PICTURE,
            CATEGORY,
            TAG,
            Reference::to("/parent", &["custom_posts"]),
        ],
        BEFORE_TEXTS,
    )),
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
        Restore::Writes(&COMMENT_WRITES),
    )
};

const COMMENT_WRITES: Writes = Writes {
    level: RestoreLevel::R3,
    how: "POST the changed fields to the comment; one that is gone is created again with its writer, date, address and status, under the \
          post and the comment it answers. Lost: pingbacks, comments under posts that are not published, and the second of two \
          equal ones, which the API refuses",
    fields: Fields::Only(&[
        Field::at("/post"),
        Field::at("/parent"),
        Field::at("/author"),
        Field::at("/author_name"),
        Field::at("/author_email"),
        Field::at("/author_url"),
        Field::at("/author_ip"),
        Field::at("/author_user_agent"),
        Field::at("/date"),
        Field::at("/content/raw").sent_as("/content"),
        Field::at("/status"),
        // Of any other type than a comment it is refused, rather than turned into one.
        Field::at("/type").when(When::Creating),
        Field::at("/meta"),
    ]),
    references: &[
        Reference::to("/post", &["posts", "pages", "media"]).required(),
        Reference::to("/parent", &["comments"]),
        AUTHOR,
    ],
    after: &["custom_posts"],
    author: None,
    read: Some(Read {
        request: Request::get("/wp/v2/comments/{key}").query(EDIT),
        record: "",
    }),
    create: Some(Create {
        write: Write::Send(Request::post("/wp/v2/comments"), Body::Shaped(write::new_comment)),
        record: "",
        again: Again::Fields(&["/post", "/date", "/author_name", "/content/raw"]),
    }),
    update: Some(Write::Custom(write::update_comment)),
    remove: Some(Write::Send(
        Request::delete("/wp/v2/comments/{key}").query(FORCE),
        Body::Empty,
    )),
    adapt: Some(ids::in_comment),
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
