//! What most of GitHub's listings have in common.

use seatbelt_connector_kit::{
    Count, Cursor, Deletes, DependsOn, Key, Kind, Paginator, Records, Request, Resource, Restore,
};
use seatbelt_model::RestoreLevel;

pub(crate) const PAGE: &[(&str, &str)] = &[("per_page", "100")];

pub(crate) const IN_PLACE: Restore = Restore::Api {
    level: RestoreLevel::R2,
    how: "PATCH or PUT what is there; POST what is gone",
};

pub(crate) const ANEW: Restore = Restore::Api {
    level: RestoreLevel::R1,
    how: "POST what is gone, under a new id; author and date become ours and are written into the text",
};

pub(crate) const NAMES_ONLY: Restore = Restore::ExportOnly {
    why: "the values can never be read; the owner sets them again",
};

pub(crate) const BY_PERSON: Restore = Restore::ExportOnly {
    why: "giving people access again is a person's decision",
};

/// A list that every run reads whole.
pub(crate) const fn list(
    name: &'static str,
    kind: Kind,
    depends_on: DependsOn,
    request: Request,
    records: &'static str,
    key: &'static str,
    restore: Restore,
) -> Resource {
    Resource {
        name,
        kind,
        depends_on,
        request,
        paginator: Paginator::LinkHeader,
        records: Records::At(records),
        key: Key::Field(key),
        cursor: Cursor::None,
        deletes: Deletes::ByAbsence,
        volatile: &[],
        count: Count::None,
        restore,
    }
}

/// One object.
pub(crate) const fn one(name: &'static str, depends_on: DependsOn, request: Request, restore: Restore) -> Resource {
    Resource {
        paginator: Paginator::SinglePage,
        key: Key::Only,
        ..list(name, Kind::Metadata, depends_on, request, "", "/id", restore)
    }
}
