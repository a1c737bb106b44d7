//! Practice CRM, made up: companies, contacts, deals, notes and their files, pipelines, automations and custom fields.
//!
//! Source: the Practice CRM API documentation, version 1, which stands with its simulation. Known gap: none, since it is made up.

use std::time::Duration;

use seatbelt_connector_kit::{
    Auth, Builtin, Connector, Count, Cursor, DeletedFeed, Deletes, DependsOn, Digest, Fetch, File, Key, Kind, Outcome,
    Pace, Paginator, Records, Request, Resource, Response, Restore, Setting,
};
use seatbelt_model::RestoreLevel;

/// The connector.
pub const PRACTICE_CRM: Connector = Connector {
    name: "practice_crm",
    title: "Practice CRM",
    base_url: "{base_url}/v1",
    settings: &[Setting {
        name: "base_url",
        default: None,
        help: "where the practice company's CRM listens, such as http://127.0.0.1:8080",
    }],
    auth: &[Auth::Bearer { token: "token" }],
    headers: &[],
    pace: Pace::per_second(100).concurrency(4),
    resources: &[
        &OWNERS,
        &PIPELINES,
        &CUSTOM_FIELDS,
        &AUTOMATIONS,
        &COMPANIES,
        &CONTACTS,
        &DEALS,
        &NOTES,
        &ATTACHMENTS,
    ],
    on_request: &[],
    identity: Request::get("/me"),
    classify,
    clean: None,
    builtin: Builtin {
        offers: "nothing; a deleted record is gone for good",
        misses: "everything",
        source: "Practice CRM API documentation, version 1",
        read_on: "2026-11-25",
    },
    guide: "The secret is {\"token\": \"...\"}: a read-only token is enough for backups.",
};

const PAGE: &[(&str, &str)] = &[("limit", "100")];

const PAGES: Paginator = Paginator::Token {
    read: "/paging/next",
    send_as: "after",
};

/// Oldest change first, to the millisecond; a minute is read again, since writes may commit out of order.
const CHANGES: Cursor = Cursor::Since {
    field: "/updated_at",
    send_as: "updated_since",
    with: &[],
    overlap: Duration::from_secs(60),
};

const IN_PLACE: Restore = Restore::Api {
    level: RestoreLevel::R3,
    how: "PATCH what is there; POST what is gone, under a new id, with its references remapped",
};

/// A resource the vendor lists by time of change and, apart, by deletion.
const fn changing(name: &'static str, kind: Kind, request: Request, deleted: &'static DeletedFeed) -> Resource {
    Resource {
        name,
        kind,
        depends_on: DependsOn::Nothing,
        request: request.query(PAGE),
        paginator: PAGES,
        records: Records::At("/results"),
        key: Key::Field("/id"),
        cursor: CHANGES,
        deletes: Deletes::Listed(deleted),
        volatile: &[],
        count: Count::At("/total"),
        restore: IN_PLACE,
    }
}

/// A resource of a few dozen records: every run reads them all.
const fn small(name: &'static str, request: Request, restore: Restore) -> Resource {
    Resource {
        name,
        kind: Kind::Metadata,
        depends_on: DependsOn::Nothing,
        request: request.query(PAGE),
        paginator: PAGES,
        records: Records::At("/results"),
        key: Key::Field("/id"),
        cursor: Cursor::None,
        deletes: Deletes::ByAbsence,
        volatile: &[],
        count: Count::At("/total"),
        restore,
    }
}

const fn deleted(request: Request) -> DeletedFeed {
    DeletedFeed {
        request: request.query(PAGE),
        paginator: PAGES,
        records: Records::At("/results"),
        key: "/id",
        send_as: "since",
    }
}

/// People who own records.
const OWNERS: Resource = small(
    "owners",
    Request::get("/owners"),
    Restore::ExportOnly {
        why: "creating an owner buys a seat; a person must decide",
    },
);

/// Sales pipelines with their stages.
const PIPELINES: Resource = small("pipelines", Request::get("/pipelines"), IN_PLACE);

/// Fields the company added to its records.
const CUSTOM_FIELDS: Resource = small("custom_fields", Request::get("/custom_fields"), IN_PLACE);

/// Workflows; one of these gone awry spoils many records at once.
const AUTOMATIONS: Resource = small("automations", Request::get("/automations"), IN_PLACE);

const COMPANIES: Resource = changing("companies", Kind::Data, Request::get("/companies"), &DELETED_COMPANIES);
static DELETED_COMPANIES: DeletedFeed = deleted(Request::get("/companies/deleted"));

const CONTACTS: Resource = changing("contacts", Kind::Data, Request::get("/contacts"), &DELETED_CONTACTS);
static DELETED_CONTACTS: DeletedFeed = deleted(Request::get("/contacts/deleted"));

const DEALS: Resource = changing("deals", Kind::Data, Request::get("/deals"), &DELETED_DEALS);
static DELETED_DEALS: DeletedFeed = deleted(Request::get("/deals/deleted"));

const NOTES: Resource = changing("notes", Kind::Data, Request::get("/notes"), &DELETED_NOTES);
static DELETED_NOTES: DeletedFeed = deleted(Request::get("/notes/deleted"));

/// Files on companies, contacts and notes. Their bytes never change.
const ATTACHMENTS: Resource = changing(
    "attachments",
    Kind::File(CONTENT),
    Request::get("/attachments"),
    &DELETED_ATTACHMENTS,
);
static DELETED_ATTACHMENTS: DeletedFeed = deleted(Request::get("/attachments/deleted"));

const CONTENT: File = File {
    fetch: Fetch::Url {
        url: "/content_url",
        headers: &[],
    },
    version: &["/sha256"],
    size_bytes: Some("/size_bytes"),
    digest: Some(Digest::Sha256("/sha256")),
    name: Some("/name"),
};

fn classify(response: &Response) -> Outcome {
    match (response.status.as_u16(), response.text("/error/code").as_deref()) {
        (401, Some(code)) => Outcome::Reconnect(format!("HTTP 401 {code}")),
        (403, Some(code)) => Outcome::Forbidden(format!("HTTP 403 {code}")),
        (400, Some(code)) => Outcome::Refused(format!("HTTP 400 {code}")),
        _ => Outcome::from_status(response),
    }
}
