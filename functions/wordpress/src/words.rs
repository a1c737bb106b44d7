//! What most of WordPress's listings have in common.

use std::time::Duration;

use seatbelt_connector_kit::{
    Again, Body, Count, Create, Cursor, Deletes, DependsOn, Fields, Key, Kind, Paginator, Read, Records, Reference,
    Request, Resource, Restore, Write, Writes,
};
use seatbelt_model::RestoreLevel;

use crate::{ids, write};

/// 100 is the most a page may hold; 20 where the host runs out of memory or time on that.
pub(crate) const PAGES: Paginator = Paginator::PageNumber {
    send_as: "page",
    size_as: "per_page",
    sizes: &[100, 20],
    pages: Some("x-wp-totalpages"),
};

pub(crate) const TOTAL: Count = Count::Header("x-wp-total");

/// `modified_after` is exclusive and has seconds. WordPress converts a time with `Z` to the site's own and compares that, so in the hour that is
/// repeated in autumn it passes over edits unless more than an hour is read again.
pub(crate) const MODIFIED: Cursor = Cursor::Since {
    field: "/modified_gmt",
    send_as: "modified_after",
    with: &[],
    overlap: Duration::from_mins(70),
};

/// Everything a post may be; without naming them only published ones are listed.
pub(crate) const POST_QUERY: &[(&str, &str)] = &[
    ("context", "edit"),
    ("status", "publish,future,draft,pending,private,trash"),
    ("orderby", "id"),
    ("order", "asc"),
];

pub(crate) const EDIT: &[(&str, &str)] = &[("context", "edit")];

/// For good, past the trash.
pub(crate) const FORCE: &[(&str, &str)] = &[("force", "true")];

/// What WordPress sets by itself in posts of every type, and what the best-known plugins compute into them.
const POST_SET: &[&str] = &[
    "/id",
    "/date_gmt",
    "/guid",
    "/modified",
    "/type",
    "/link",
    "/class_list",
    "/title/rendered",
    "/content/protected",
    "/content/block_version",
    "/excerpt/protected",
    "/yoast_head",
    "/yoast_head_json",
    "/jetpack_featured_media_url",
    "/jetpack_sharing_enabled",
    "/jetpack_shortlink",
    "/jetpack-related-posts",
];

/// POST with raw fields updates in place; what is gone comes back under a new id. `one` reads a post.
pub(crate) const fn post_writes(
    one: Request,
    references: &'static [Reference],
    after: &'static [&'static str],
) -> Writes {
    Writes {
        level: RestoreLevel::R3,
        how: "POST the changed raw fields to the post, in and out of the trash too; what is gone is created again with its date, author, \
              terms, meta and address, under a new id, and ids and addresses of media in its text follow. Lost: revisions, modified \
              date, meta that is not registered for REST, comments on posts that are not published",
        fields: Fields::AllBut {
            never: POST_SET,
            creating: &[],
        },
        references,
        after,
        author: None,
        read: Some(Read {
            request: one.query(EDIT),
            record: "",
        }),
        create: Some(Create {
            write: Write::Custom(write::create_post),
            record: "",
            again: Again::Fields(&["/date", "/title/raw", "/type"]),
        }),
        update: Some(Write::Custom(write::update_post)),
        remove: Some(Write::Custom(write::remove_post)),
        adapt: Some(ids::in_post),
    }
}

/// Terms, and records like them: POST to the list or the one, DELETE without a trash. `known` are the fields that tell an interrupted create.
pub(crate) const fn writes(
    [all, one]: [Request; 2],
    never: &'static [&'static str],
    references: &'static [Reference],
    known: &'static [&'static str],
) -> Writes {
    Writes {
        level: RestoreLevel::R3,
        how: "POST the changed fields to the record; what is gone is created again under a new id, which what refers to it follows",
        fields: Fields::AllBut { never, creating: &[] },
        references,
        after: &[],
        author: None,
        read: Some(Read {
            request: one.query(EDIT),
            record: "",
        }),
        create: Some(Create {
            write: Write::Send(all, Body::Fields),
            record: "",
            again: Again::Fields(known),
        }),
        update: None,
        remove: None,
        adapt: None,
    }
}

pub(crate) const EXPORT_CODE: Restore = Restore::ExportOnly {
    why: "it comes from code, not from the database",
};

/// A resource that is a WordPress post type.
pub(crate) const fn posts(name: &'static str, kind: Kind, request: Request, writes: &'static Writes) -> Resource {
    Resource {
        name,
        kind,
        depends_on: DependsOn::Nothing,
        request: request.query(POST_QUERY),
        paginator: PAGES,
        records: Records::At(""),
        key: Key::Field("/id"),
        cursor: MODIFIED,
        deletes: Deletes::ByAbsence,
        volatile: VOLATILE,
        count: TOTAL,
        restore: Restore::Writes(writes),
    }
}

/// Links carry counts; rendered text follows from the raw one and from plugins, some of which never say the same twice. Terms come in the order of
/// their names, which other edits change. `modified_gmt` of a draft that was never edited moves with the site's summer time.
pub(crate) const VOLATILE: &[&str] = &[
    "/_links",
    "/content/rendered",
    "/excerpt/rendered",
    "/title/rendered",
    "/guid/rendered",
    "/description/rendered",
    "/caption/rendered",
    "/modified_gmt",
    "/permalink_template",
    "/generated_slug",
    "/categories/{}",
    "/tags/{}",
];

/// A paged list that every run reads whole.
pub(crate) const fn list(
    name: &'static str,
    kind: Kind,
    request: Request,
    key: &'static str,
    restore: Restore,
) -> Resource {
    Resource {
        name,
        kind,
        depends_on: DependsOn::Nothing,
        request,
        paginator: PAGES,
        records: Records::At(""),
        key: Key::Field(key),
        cursor: Cursor::None,
        deletes: Deletes::ByAbsence,
        volatile: &["/_links"],
        count: TOTAL,
        restore,
    }
}

/// A list in one piece.
pub(crate) const fn whole(name: &'static str, request: Request, key: &'static str, restore: Restore) -> Resource {
    Resource {
        name,
        kind: Kind::Metadata,
        depends_on: DependsOn::Nothing,
        request,
        paginator: Paginator::SinglePage,
        records: Records::At(""),
        key: Key::Field(key),
        cursor: Cursor::None,
        deletes: Deletes::ByAbsence,
        volatile: &["/_links"],
        count: Count::None,
        restore,
    }
}

/// An object whose members are the records.
pub(crate) const fn members(name: &'static str, request: Request, restore: Restore) -> Resource {
    Resource {
        name,
        kind: Kind::Metadata,
        depends_on: DependsOn::Nothing,
        request,
        paginator: Paginator::SinglePage,
        records: Records::Members(""),
        key: Key::Member,
        cursor: Cursor::None,
        deletes: Deletes::ByAbsence,
        volatile: &["/_links"],
        count: Count::None,
        restore,
    }
}
