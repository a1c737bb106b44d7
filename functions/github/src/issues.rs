//! Issues and pull requests, and what people say about them.

use std::time::Duration;

use seatbelt_connector_kit::{Cursor, DependsOn, Kind, Only, Request, Resource, Restore};
use seatbelt_model::RestoreLevel;

use crate::{
    repositories::EACH_REPOSITORY,
    words::{self, ANEW, IN_PLACE, PAGE},
};

/// Oldest first. `since` is inclusive; the index may lag, so a minute is read again. What was deleted, the weekly sweep sees.
const SINCE: Cursor = Cursor::Since {
    field: "/updated_at",
    send_as: "since",
    with: &[],
    overlap: Duration::from_mins(1),
};

const BY_UPDATE: &[(&str, &str)] = &[("sort", "updated"), ("direction", "asc"), ("per_page", "100")];

/// Whether an author is a member is told as of the reading: who leaves the organization changes all they ever wrote, and no date of it.
const STANDING: &[&str] = &["/author_association"];

const fn of_repository(name: &'static str, kind: Kind, request: Request, cursor: Cursor, restore: Restore) -> Resource {
    Resource {
        cursor,
        volatile: STANDING,
        ..words::list(name, kind, EACH_REPOSITORY, request, "", "/id", restore)
    }
}

pub(crate) const LABELS: Resource = of_repository(
    "labels",
    Kind::Metadata,
    Request::get("/repos/{repositories.full_name}/labels").query(PAGE),
    Cursor::None,
    IN_PLACE,
);

pub(crate) const MILESTONES: Resource = of_repository(
    "milestones",
    Kind::Metadata,
    Request::get("/repos/{repositories.full_name}/milestones").query(&[("state", "all"), ("per_page", "100")]),
    Cursor::None,
    IN_PLACE,
);

/// Issues, and a shell of every pull request.
pub(crate) const ISSUES: Resource = of_repository(
    "issues",
    Kind::Data,
    Request::get("/repos/{repositories.full_name}/issues").query(&[
        ("state", "all"),
        ("sort", "updated"),
        ("direction", "asc"),
        ("per_page", "100"),
    ]),
    SINCE,
    Restore::Api {
        level: RestoreLevel::R2,
        how: "PATCH what is there; POST what is gone, in order of number, with author and date in the text",
    },
);

/// Comments on issues and in pull requests' conversations.
pub(crate) const ISSUE_COMMENTS: Resource = of_repository(
    "issue_comments",
    Kind::Data,
    Request::get("/repos/{repositories.full_name}/issues/comments").query(BY_UPDATE),
    SINCE,
    ANEW,
);

/// Who did what when. Many, and newest first only, so read on request.
pub(crate) const ISSUE_EVENTS: Resource = of_repository(
    "issue_events",
    Kind::Data,
    Request::get("/repos/{repositories.full_name}/issues/events").query(PAGE),
    Cursor::None,
    Restore::ExportOnly {
        why: "GitHub writes events by itself",
    },
);

/// One request an issue, so read on request.
pub(crate) const SUB_ISSUES: Resource = words::list(
    "sub_issues",
    Kind::Data,
    DependsOn::EachChanged(&ISSUES, Only::All),
    Request::get("/repos/{repositories.full_name}/issues/{issues.number}/sub_issues").query(PAGE),
    "",
    "/id",
    IN_PLACE,
);

/// There is no `since`: the newest come first, and reading stops where the last run was.
pub(crate) const PULLS: Resource = of_repository(
    "pulls",
    Kind::Data,
    Request::get("/repos/{repositories.full_name}/pulls").query(&[
        ("state", "all"),
        ("sort", "updated"),
        ("direction", "desc"),
        ("per_page", "100"),
    ]),
    Cursor::NewestFirst {
        field: "/updated_at",
        overlap: Duration::from_mins(1),
    },
    Restore::ExportOnly {
        why: "a merged pull request cannot be made again; an open one needs its branch",
    },
);

pub(crate) const REVIEWS: Resource = Resource {
    volatile: STANDING,
    ..words::list(
        "reviews",
        Kind::Data,
        DependsOn::EachChanged(&PULLS, Only::All),
        Request::get("/repos/{repositories.full_name}/pulls/{pulls.number}/reviews").query(PAGE),
        "",
        "/id",
        Restore::ExportOnly {
            why: "nobody can review in another's name",
        },
    )
};

pub(crate) const REVIEW_COMMENTS: Resource = of_repository(
    "review_comments",
    Kind::Data,
    Request::get("/repos/{repositories.full_name}/pulls/comments").query(BY_UPDATE),
    SINCE,
    Restore::ExportOnly {
        why: "they hang on a diff that may be gone",
    },
);

pub(crate) const COMMIT_COMMENTS: Resource = Resource {
    volatile: STANDING,
    ..words::list(
        "commit_comments",
        Kind::Data,
        EACH_REPOSITORY,
        Request::get("/repos/{repositories.full_name}/comments").query(PAGE),
        "",
        "/id",
        ANEW,
    )
};
