//! Practice Books, made up: chart of accounts, customers, invoices, payments, tax rates, settings.
//!
//! Source: the Practice Books API documentation, which stands with its simulation. Known gap: none, since it is made up.

use std::time::Duration;

use seatbelt_connector_kit::{
    Again, Auth, Body, Builtin, Connector, Count, Create, Cursor, Deletes, DependsOn, Fields, Key, Kind, Outcome, Pace,
    Paginator, Quota, Read, Records, Reference, Request, ResetIs, Resource, Response, Restore, Setting, Write,
    WriteAccess, WriteCheck, Writes,
};
use seatbelt_model::RestoreLevel;

/// The connector.
pub const PRACTICE_BOOKS: Connector = Connector {
    name: "practice_books",
    title: "Practice Books",
    base_url: "{base_url}",
    settings: &[Setting {
        name: "base_url",
        default: None,
        help: "where the practice company's books are, such as http://127.0.0.1:8081",
    }],
    auth: &[Auth::ClientCredentials {
        token_url: "/oauth/token",
        scopes: &[],
    }],
    headers: &[],
    pace: Pace::per_second(50).concurrency(2).quota(Quota {
        limit: "x-quota-limit",
        remaining: "x-quota-remaining",
        reset: "x-quota-reset",
        reset_is: ResetIs::EpochSeconds,
        floor_percent: 50,
    }),
    resources: &[&SETTINGS, &ACCOUNTS, &TAX_RATES, &CUSTOMERS, &INVOICES, &PAYMENTS],
    on_request: &[],
    identity: Request::get("/api/settings"),
    classify,
    clean: None,
    write_access: WriteAccess {
        check: WriteCheck::Ask {
            request: Request::get("/api/settings"),
            lacks: |_, _| None,
            forbidden: "the scope `write`",
        },
        pace: None,
    },
    native_exports: &[],
    builtin: Builtin {
        offers: "voided invoices and payments stay in the list",
        misses: "earlier values of a record, and whatever is deleted: customers, accounts, tax rates",
        source: "Practice Books API documentation",
        read_on: "2026-11-25",
    },
    guide: "The secret is {\"client_id\": \"...\", \"client_secret\": \"...\"}. The settings show bank details: the client needs the scope `write` to read them.",
};

const PAGES: Paginator = Paginator::Offset {
    send_as: "offset",
    size_as: "limit",
    size: 200,
    total: Some("/total"),
};

/// To the millisecond; a minute is read again, since writes may commit out of order.
const CHANGES: Cursor = Cursor::Since {
    field: "/modified_at",
    send_as: "modified_since",
    with: &[],
    overlap: Duration::from_secs(60),
};

const fn listed(name: &'static str, kind: Kind, request: Request, cursor: Cursor, restore: Restore) -> Resource {
    Resource {
        name,
        kind,
        depends_on: DependsOn::Nothing,
        request,
        paginator: PAGES,
        records: Records::At("/items"),
        key: Key::Field("/id"),
        cursor,
        // Voided records stay, as records; what is deleted is just absent, which the weekly sweep sees.
        deletes: Deletes::ByAbsence,
        volatile: &[],
        count: Count::At("/total"),
        restore,
    }
}

/// A repeated `Idempotency-Key` is answered with the record it made the first time.
const fn writes([one, all]: [&'static str; 2], references: &'static [Reference], remove: Option<Write>) -> Writes {
    Writes {
        level: RestoreLevel::R3,
        how: "PATCH what is there; POST what is gone, under a new id, with references remapped; DELETE what was added",
        fields: Fields::AllBut {
            never: &["/id", "/created_at", "/modified_at", "/status"],
            creating: &[],
        },
        references,
        after: &[],
        author: None,
        read: Some(Read {
            request: Request::get(one),
            record: "",
        }),
        create: Some(Create {
            write: Write::Send(Request::post(all), Body::Fields),
            record: "",
            again: Again::Header("idempotency-key"),
        }),
        update: Some(Write::Send(Request::patch(one), Body::Fields)),
        remove,
        adapt: None,
    }
}

/// The vendor removes no invoices and payments; it voids them, which is a decision of the bookkeeper's.
const fn ledger(paths: [&'static str; 2], references: &'static [Reference]) -> Writes {
    Writes {
        level: RestoreLevel::R2,
        how: "PATCH the fields; what is gone is entered again, under a new id; a voided record stays voided, and what was added stays",
        ..writes(paths, references, None)
    }
}

/// The company's own data and rules.
const SETTINGS: Resource = Resource {
    name: "settings",
    kind: Kind::Metadata,
    depends_on: DependsOn::Nothing,
    request: Request::get("/api/settings"),
    paginator: Paginator::SinglePage,
    records: Records::At(""),
    key: Key::Only,
    cursor: Cursor::None,
    deletes: Deletes::ByAbsence,
    volatile: &[],
    count: Count::None,
    restore: Restore::Writes(&Writes {
        level: RestoreLevel::R2,
        how: "PATCH /api/settings",
        read: None,
        create: None,
        update: Some(Write::Send(Request::patch("/api/settings"), Body::Fields)),
        ..writes(["", ""], &[], None)
    }),
};

/// Few, and the vendor tells nothing of their deletion: every run reads them all, as it does tax rates and customers.
const ACCOUNTS: Resource = listed(
    "accounts",
    Kind::Metadata,
    Request::get("/api/accounts"),
    Cursor::None,
    Restore::Writes(&writes(["/api/accounts/{key}", "/api/accounts"], &[], DELETE_ACCOUNT)),
);
const DELETE_ACCOUNT: Option<Write> = Some(Write::Send(Request::delete("/api/accounts/{key}"), Body::Empty));

const TAX_RATES: Resource = listed(
    "tax_rates",
    Kind::Metadata,
    Request::get("/api/tax_rates"),
    Cursor::None,
    Restore::Writes(&writes(
        ["/api/tax_rates/{key}", "/api/tax_rates"],
        &[],
        DELETE_TAX_RATE,
    )),
);
const DELETE_TAX_RATE: Option<Write> = Some(Write::Send(Request::delete("/api/tax_rates/{key}"), Body::Empty));

const CUSTOMERS: Resource = listed(
    "customers",
    Kind::Data,
    Request::get("/api/customers"),
    Cursor::None,
    Restore::Writes(&writes(
        ["/api/customers/{key}", "/api/customers"],
        &[],
        DELETE_CUSTOMER,
    )),
);
const DELETE_CUSTOMER: Option<Write> = Some(Write::Send(Request::delete("/api/customers/{key}"), Body::Empty));

const INVOICES: Resource = listed(
    "invoices",
    Kind::Data,
    Request::get("/api/invoices"),
    CHANGES,
    Restore::Writes(&ledger(
        ["/api/invoices/{key}", "/api/invoices"],
        &[
            Reference::to("/customer_id", &["customers"]).required(),
            Reference::to("/lines/*/tax_rate_id", &["tax_rates"]).required(),
            Reference::to("/lines/*/account_id", &["accounts"]).required(),
        ],
    )),
);

const PAYMENTS: Resource = listed(
    "payments",
    Kind::Data,
    Request::get("/api/payments"),
    CHANGES,
    Restore::Writes(&ledger(
        ["/api/payments/{key}", "/api/payments"],
        &[Reference::to("/invoice_id", &["invoices"]).required()],
    )),
);

fn classify(response: &Response) -> Outcome {
    match (response.status.as_u16(), response.text("/code").as_deref()) {
        (401, Some(code)) => Outcome::Reconnect(format!("HTTP 401 {code}")),
        (403, Some(code)) => Outcome::Forbidden(format!("HTTP 403 {code}")),
        (400, Some(code)) => Outcome::Refused(format!("HTTP 400 {code}")),
        _ => Outcome::from_status(response),
    }
}
