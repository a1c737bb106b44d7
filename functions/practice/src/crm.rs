//! Practice CRM, made up: companies, contacts, deals, notes and their files, pipelines, automations and custom fields.
//!
//! Source: the Practice CRM API documentation, version 1, which stands with its simulation. Known gap: none, since it is made up.

use std::time::Duration;

use seatbelt_connector_kit::{
    Again, Auth, Body, Builtin, Connector, Count, Create, Cursor, DeletedFeed, Deletes, DependsOn, Digest, Fetch,
    Field, Fields, File, Key, Kind, Outcome, Pace, Paginator, Read, Records, Reference, Request, Resource, Response,
    Restore, Setting, When, Write, WriteAccess, WriteCheck, Writes,
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
    write_access: WriteAccess {
        check: WriteCheck::Ask {
            request: Request::get("/me"),
            lacks,
            forbidden: "a full token",
        },
        pace: None,
    },
    native_exports: &[],
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

/// The writes every resource of this vendor has in common. What tells an interrupted create is `fields`, which no two records share by chance.
const fn writes(
    [one, all]: [&'static str; 2],
    references: &'static [Reference],
    fields: &'static [&'static str],
) -> Writes {
    Writes {
        level: RestoreLevel::R3,
        how: "PATCH what is there; POST what is gone, under a new id, with its references remapped; DELETE what was added",
        fields: Fields::AllBut {
            never: &["/id", "/updated_at"],
            creating: &["/created_at"],
        },
        references,
        after: &["custom_fields"],
        author: None,
        read: Some(Read {
            request: Request::get(one),
            record: "",
        }),
        create: Some(Create {
            write: Write::Send(Request::post(all), Body::Fields),
            record: "",
            again: Again::Fields(fields),
        }),
        update: Some(Write::Send(Request::patch(one), Body::Fields)),
        remove: Some(Write::Send(Request::delete(one), Body::Empty)),
        adapt: None,
    }
}

/// A resource the vendor lists by time of change and, apart, by deletion.
const fn changing(
    name: &'static str,
    kind: Kind,
    request: Request,
    deleted: &'static DeletedFeed,
    writes: &'static Writes,
) -> Resource {
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
        restore: Restore::Writes(writes),
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
const PIPELINES: Resource = small(
    "pipelines",
    Request::get("/pipelines"),
    Restore::Writes(&writes(
        ["/pipelines/{key}", "/pipelines"],
        &[],
        &["/name", "/created_at"],
    )),
);

/// Fields the company added to its records.
const CUSTOM_FIELDS: Resource = small(
    "custom_fields",
    Request::get("/custom_fields"),
    Restore::Writes(&Writes {
        after: &[],
        ..writes(["/custom_fields/{key}", "/custom_fields"], &[], &["/object", "/key"])
    }),
);

/// Workflows; one of these gone awry spoils many records at once.
const AUTOMATIONS: Resource = small(
    "automations",
    Request::get("/automations"),
    Restore::Writes(&writes(
        ["/automations/{key}", "/automations"],
        &[],
        &["/name", "/created_at"],
    )),
);

const OWNER: Reference = Reference::to("/owner_id", &["owners"]);
const COMPANY: Reference = Reference::to("/company_id", &["companies"]);
const CONTACT: Reference = Reference::to("/contact_id", &["contacts"]);

const COMPANIES: Resource = changing(
    "companies",
    Kind::Data,
    Request::get("/companies"),
    &DELETED_COMPANIES,
    &writes(["/companies/{key}", "/companies"], &[OWNER], &["/name", "/created_at"]),
);
static DELETED_COMPANIES: DeletedFeed = deleted(Request::get("/companies/deleted"));

const CONTACTS: Resource = changing(
    "contacts",
    Kind::Data,
    Request::get("/contacts"),
    &DELETED_CONTACTS,
    &writes(
        ["/contacts/{key}", "/contacts"],
        &[COMPANY, OWNER],
        &["/first_name", "/last_name", "/email", "/created_at"],
    ),
);
static DELETED_CONTACTS: DeletedFeed = deleted(Request::get("/contacts/deleted"));

const DEALS: Resource = changing(
    "deals",
    Kind::Data,
    Request::get("/deals"),
    &DELETED_DEALS,
    &writes(
        ["/deals/{key}", "/deals"],
        &[COMPANY, CONTACT, OWNER, Reference::to("/pipeline_id", &["pipelines"])],
        &["/name", "/created_at"],
    ),
);
static DELETED_DEALS: DeletedFeed = deleted(Request::get("/deals/deleted"));

const NOTES: Resource = changing(
    "notes",
    Kind::Data,
    Request::get("/notes"),
    &DELETED_NOTES,
    &Writes {
        author: Some("/author_id"),
        ..writes(
            ["/notes/{key}", "/notes"],
            &[
                COMPANY,
                CONTACT,
                Reference::to("/deal_id", &["deals"]),
                Reference::to("/author_id", &["owners"]),
            ],
            &["/body", "/created_at"],
        )
    },
);
static DELETED_NOTES: DeletedFeed = deleted(Request::get("/notes/deleted"));

/// Files on companies, contacts and notes. Their bytes never change: one that is gone is uploaded, then told what it belongs to.
const ATTACHMENTS: Resource = changing(
    "attachments",
    Kind::File(CONTENT),
    Request::get("/attachments"),
    &DELETED_ATTACHMENTS,
    &Writes {
        how: "PATCH what is there; POST the bytes of what is gone, under a new id, then PATCH what it belongs to; DELETE what was added",
        fields: Fields::Only(&[
            Field::at("/name").when(When::Updating),
            Field::at("/company_id").when(When::Updating),
            Field::at("/contact_id").when(When::Updating),
            Field::at("/note_id").when(When::Updating),
        ]),
        create: Some(Create {
            write: Write::Send(
                Request::post("/attachments").headers(&[
                    ("content-type", "{attachments.content_type}"),
                    ("content-disposition", "attachment; filename=\"{attachments.name}\""),
                ]),
                Body::Bytes,
            ),
            record: "",
            again: Again::Fields(&["/name", "/sha256"]),
        }),
        ..writes(
            ["/attachments/{key}", "/attachments"],
            &[COMPANY, CONTACT, Reference::to("/note_id", &["notes"])],
            &[],
        )
    },
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

/// A token is full or it may not write at all.
fn lacks(me: &Response, _: &Resource) -> Option<String> {
    (me.text("/token").as_deref() != Some("full")).then(|| "a full token".to_owned())
}

fn classify(response: &Response) -> Outcome {
    match (response.status.as_u16(), response.text("/error/code").as_deref()) {
        (401, Some(code)) => Outcome::Reconnect(format!("HTTP 401 {code}")),
        (403, Some(code)) => Outcome::Forbidden(format!("HTTP 403 {code}")),
        (400, Some(code)) => Outcome::Refused(format!("HTTP 400 {code}")),
        _ => Outcome::from_status(response),
    }
}
