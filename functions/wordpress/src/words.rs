//! What most of WordPress's listings have in common.

use std::time::Duration;

use seatbelt_connector_kit::{
    Count, Cursor, Deletes, DependsOn, Key, Kind, Paginator, Records, Request, Resource, Restore,
};
use seatbelt_model::RestoreLevel;

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

/// POST with raw fields updates in place; what is gone comes back under a new id.
pub(crate) const POST_RESTORE: Restore = Restore::Api {
    level: RestoreLevel::R2,
    how: "POST the changed raw fields to the record; untrash by status; what is gone is created again under a new id and modified date",
};

pub(crate) const EXPORT_CODE: Restore = Restore::ExportOnly {
    why: "it comes from code, not from the database",
};

/// A resource that is a WordPress post type.
pub(crate) const fn posts(name: &'static str, kind: Kind, request: Request) -> Resource {
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
        restore: POST_RESTORE,
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
