//! Practice CRM, a made-up vendor, simulated. Its documentation:
//!
//! # Practice CRM API, version 1
//!
//! Base address: `https://{account}.practice-crm.example/v1`; here `{server.url()}/v1`. All bodies are JSON in UTF-8.
//!
//! ## Authentication
//!
//! `Authorization: Bearer {token}`. Without a token: 401 `missing_token`; with a wrong one: 401 `invalid_token`. A token is
//! *full*, *read-only* (writing: 403 `read_only_token`), or *limited* (read-only, and 403 `missing_scope` for every request to
//! `automations`). `GET /v1/me` → `{"account":"…","token":"full|read_only|limited"}`.
//!
//! ## Errors
//!
//! `{"error":{"code":"…","message":"…","field":"…"}}`; `field` only where one is at fault.
//! 400 `invalid_parameter`, `unknown_parameter`, `invalid_cursor`, `invalid_json`; 404 `not_found` (record or path);
//! 405 `method_not_allowed`; 422 `unknown_field`, `read_only_field`, `missing_field`, `invalid_value`, `invalid_reference`,
//! `unknown_custom_field`; 429 `rate_limited` with `Retry-After` in seconds.
//!
//! ## Rate limit
//!
//! A number of requests a second for each account (200 on the standard plan). Beyond it: 429, `Retry-After: 1`.
//!
//! ## Resources
//!
//! `owners`, `companies`, `contacts`, `deals`, `notes`, `attachments`, `pipelines`, `automations`, `custom_fields`.
//! Every record has `id` (a number, unique in the account, never used again), `created_at` and `updated_at`
//! (`2026-11-22T06:00:00.000Z`, always UTC with three digits). Any change moves `updated_at`.
//!
//! | resource | fields (* required) |
//! | --- | --- |
//! | owners | `name`*, `email`*, `active`; read-only through the API |
//! | companies | `name`*, `domain`, `industry`, `city`, `country`, `employees` (number), `segment` (`prospect`, `standard`, `key_account`, `partner`), `owner_id` → owners, `custom` |
//! | contacts | `first_name`*, `last_name`*, `email`, `phone`, `job_title`, `company_id` → companies, `owner_id` → owners, `phase` (`lead`, `qualified`, `customer`, `former`), `tags` (list), `custom` |
//! | deals | `name`*, `company_id` → companies, `contact_id` → contacts, `pipeline_id` → pipelines, `stage` (id of a stage of the pipeline), `amount` (`"1250.00"`), `currency`, `close_date` (`2026-12-31`), `owner_id` → owners, `custom` |
//! | notes | `body`*, `company_id` → companies, `contact_id` → contacts, `deal_id` → deals, `author_id` → owners |
//! | attachments | `name`*, `company_id` → companies, `contact_id` → contacts, `note_id` → notes; read-only: `content_type`, `size_bytes`, `sha256`, `content_url` |
//! | pipelines | `name`*, `is_default` (flag), `stages` (list of `{"id":"won","name":"Won","probability":100}`) |
//! | automations | `name`*, `enabled` (flag), `trigger` (object), `actions` (list of objects) |
//! | custom_fields | `object`* (`companies`, `contacts`, `deals`), `key`*, `label`*, `type`* (`text`, `number`, `date`, `choice`, `checkbox`), `choices` (list) |
//!
//! ### List: `GET /v1/{resource}`
//!
//! | parameter | meaning |
//! | --- | --- |
//! | `limit` | 1 to 100, 20 if absent; else 400 `invalid_parameter` |
//! | `after` | the token from `paging.next`; opaque, valid for 24 hours, else 400 `invalid_cursor` |
//! | `updated_since` | RFC 3339 with offset; only records with `updated_at` at or after it |
//!
//! Other parameters are refused with 400 `unknown_parameter`. Always oldest change first: by `updated_at`, then `id`. A record
//! that changes during a walk moves to its end and is seen again.
//!
//! ```json
//! {"results":[{"id":1001,"...":"..."}],"paging":{"next":"Zm9v"},"total":412}
//! ```
//!
//! `paging.next` is `null` on the last page. `total` counts all records that match the filter, whatever the page.
//!
//! ### Deletions: `GET /v1/{resource}/deleted`
//!
//! Parameters `limit`, `after` as above, and `since` (RFC 3339). The ids deleted at or after it, oldest first, kept for good:
//! `{"results":[{"id":1044,"deleted_at":"2026-11-22T06:00:00.000Z"}],"paging":{"next":null},"total":1}`.
//!
//! ### One record
//!
//! - `GET /v1/{resource}/{id}` → 200 the record; 404 `not_found` if it does not exist or was deleted.
//! - `POST /v1/{resource}` with the fields → 201 the record. `created_at` may be given, for imports.
//! - `PATCH /v1/{resource}/{id}` with the fields to change → 200 the record. `null` clears a field; `custom` is merged by key.
//! - `DELETE /v1/{resource}/{id}` → 204. Records that refer to it stay, and their reference becomes `null`.
//! - There is no undelete. `owners` takes none of POST, PATCH, DELETE: 405 `method_not_allowed`.
//!
//! ### Files
//!
//! - `GET /v1/attachments/{id}/content` (the record's `content_url`; the token is needed) → 200 the bytes, with `Content-Type`
//!   and `ETag` (the SHA-256 in quotes). `sha256` is in lower-case hex. The bytes of an attachment never change.
//! - `POST /v1/attachments` with the raw bytes as the body, `Content-Type`, and
//!   `Content-Disposition: attachment; filename="offer.pdf"` → 201 the record (without the header: 400 `invalid_parameter`, and
//!   the same for an `application/json` body). Then `PATCH` it for `company_id`, `contact_id`, `note_id`.

mod api;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::Router;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::table::{Field, Fields, Kind, Schema, Tables, merge, optional, read_only, required};
use crate::SimClock;

/// A token that may do everything.
pub const FULL_TOKEN: &str = "pcrm-full-7b1f0c";
/// A token that may read everything.
pub const READ_ONLY_TOKEN: &str = "pcrm-read-5e2a94";
/// A token that may read everything but automations.
pub const LIMITED_TOKEN: &str = "pcrm-limited-0d83aa";

const CUSTOM: Field = optional("custom", Kind::Custom);
const OWNER: Field = optional("owner_id", Kind::Reference("owners"));
const COMPANY: Field = optional("company_id", Kind::Reference("companies"));
const CONTACT: Field = optional("contact_id", Kind::Reference("contacts"));

pub(super) const SCHEMAS: &[Schema] = &[
    Schema {
        name: "owners",
        prefix: "",
        fields: &[
            required("name", Kind::Text),
            required("email", Kind::Text),
            optional("active", Kind::Flag),
        ],
    },
    Schema {
        name: "companies",
        prefix: "",
        fields: &[
            required("name", Kind::Text),
            optional("domain", Kind::Text),
            optional("industry", Kind::Text),
            optional("city", Kind::Text),
            optional("country", Kind::Text),
            optional("employees", Kind::Number),
            optional(
                "segment",
                Kind::Choice(&["prospect", "standard", "key_account", "partner"]),
            ),
            OWNER,
            CUSTOM,
        ],
    },
    Schema {
        name: "contacts",
        prefix: "",
        fields: &[
            required("first_name", Kind::Text),
            required("last_name", Kind::Text),
            optional("email", Kind::Text),
            optional("phone", Kind::Text),
            optional("job_title", Kind::Text),
            COMPANY,
            OWNER,
            optional("phase", Kind::Choice(&["lead", "qualified", "customer", "former"])),
            optional("tags", Kind::List),
            CUSTOM,
        ],
    },
    Schema {
        name: "deals",
        prefix: "",
        fields: &[
            required("name", Kind::Text),
            COMPANY,
            CONTACT,
            optional("pipeline_id", Kind::Reference("pipelines")),
            optional("stage", Kind::Text),
            optional("amount", Kind::Money),
            optional("currency", Kind::Text),
            optional("close_date", Kind::Day),
            OWNER,
            CUSTOM,
        ],
    },
    Schema {
        name: "notes",
        prefix: "",
        fields: &[
            required("body", Kind::Text),
            COMPANY,
            CONTACT,
            optional("deal_id", Kind::Reference("deals")),
            optional("author_id", Kind::Reference("owners")),
        ],
    },
    Schema {
        name: "attachments",
        prefix: "",
        fields: &[
            required("name", Kind::Text),
            COMPANY,
            CONTACT,
            optional("note_id", Kind::Reference("notes")),
            read_only("content_type", Kind::Text),
            read_only("size_bytes", Kind::Number),
            read_only("sha256", Kind::Text),
            read_only("content_url", Kind::Text),
        ],
    },
    Schema {
        name: "pipelines",
        prefix: "",
        fields: &[
            required("name", Kind::Text),
            optional("is_default", Kind::Flag),
            optional("stages", Kind::List),
        ],
    },
    Schema {
        name: "automations",
        prefix: "",
        fields: &[
            required("name", Kind::Text),
            optional("enabled", Kind::Flag),
            optional("trigger", Kind::Object),
            optional("actions", Kind::List),
        ],
    },
    Schema {
        name: "custom_fields",
        prefix: "",
        fields: &[
            required("object", Kind::Choice(&["companies", "contacts", "deals"])),
            required("key", Kind::Text),
            required("label", Kind::Text),
            required("type", Kind::Choice(&["text", "number", "date", "choice", "checkbox"])),
            optional("choices", Kind::List),
        ],
    },
];

/// A handle to the CRM's state; clones share it.
#[derive(Clone)]
pub struct Crm {
    state: Arc<Mutex<State>>,
    clock: SimClock,
}

struct State {
    tables: Tables,
    contents: BTreeMap<u64, Bytes>,
    account: String,
    limit_per_second: Option<u32>,
    window: Option<(Instant, Timestamp, u32)>,
}

impl Crm {
    /// An empty account.
    pub fn new(account: &str, clock: SimClock) -> Self {
        let state = State {
            tables: Tables::new(SCHEMAS),
            contents: BTreeMap::new(),
            account: account.to_owned(),
            limit_per_second: Some(200),
            window: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            clock,
        }
    }

    /// The vendor's HTTP API over this state.
    pub fn router(&self) -> Router {
        let crm = self.clone();
        crate::exchange::router(move |ask| api::answer(&crm, ask))
    }

    /// The clock that stamps changes.
    pub fn clock(&self) -> &SimClock {
        &self.clock
    }

    /// Requests a second before 429; `None` is without limit. A second ends in real or in simulated time, whichever
    /// comes first.
    pub fn limit_per_second(&self, limit: Option<u32>) {
        self.lock().limit_per_second = limit;
    }

    /// Adds a record without judging it, as a person would in the application. Returns its id.
    pub fn create(&self, resource: &str, fields: Value) -> u64 {
        let now = self.clock.now();
        self.create_at(resource, fields, now, now)
    }

    /// Adds a record with given times.
    pub fn create_at(&self, resource: &str, fields: Value, created_at: Timestamp, updated_at: Timestamp) -> u64 {
        let fields = if let Value::Object(fields) = fields {
            fields
        } else {
            Fields::new()
        };
        self.lock().tables.insert(resource, fields, created_at, updated_at)
    }

    /// Adds an attachment with its bytes. `fields` holds what it belongs to.
    pub fn attach(&self, name: &str, content_type: &str, bytes: Bytes, fields: Value, at: Timestamp) -> u64 {
        let mut all = file_fields(name, content_type, &bytes);
        if let Value::Object(fields) = fields {
            merge(&mut all, fields);
        }
        let mut state = self.lock();
        let id = state.tables.insert("attachments", all, at, at);
        state.contents.insert(id, bytes);
        id
    }

    /// Changes a record and moves its `updated_at`; `false` if there is none.
    pub fn edit(&self, resource: &str, id: u64, change: impl FnOnce(&mut Fields)) -> bool {
        let now = self.clock.now();
        self.lock().tables.edit(resource, id, now, change)
    }

    /// Deletes a record as the API does; `false` if there is none.
    pub fn delete(&self, resource: &str, id: u64) -> bool {
        let now = self.clock.now();
        let mut state = self.lock();
        state.contents.remove(&id);
        state.tables.remove(resource, id, now)
    }

    /// A record's fields, without id and times.
    pub fn get(&self, resource: &str, id: u64) -> Option<Fields> {
        self.lock().tables.get(resource)?.get(id).map(|row| row.fields.clone())
    }

    /// When a record last changed.
    pub fn updated_at(&self, resource: &str, id: u64) -> Option<Timestamp> {
        self.lock().tables.get(resource)?.get(id).map(|row| row.updated_at)
    }

    /// All ids of a resource, in order.
    pub fn ids(&self, resource: &str) -> Vec<u64> {
        self.lock()
            .tables
            .get(resource)
            .map(|table| table.ids().collect())
            .unwrap_or_default()
    }

    /// The ids of the records that `test` accepts.
    pub fn find(&self, resource: &str, test: impl Fn(&Fields) -> bool) -> Vec<u64> {
        let state = self.lock();
        let rows = state.tables.get(resource).into_iter().flat_map(|table| table.rows());
        rows.filter(|(_, row)| test(&row.fields)).map(|(id, _)| id).collect()
    }

    /// How many records a resource holds.
    pub fn count(&self, resource: &str) -> usize {
        self.lock().tables.get(resource).map_or(0, |table| table.len())
    }

    /// The bytes of an attachment.
    pub fn content(&self, id: u64) -> Option<Bytes> {
        self.lock().contents.get(&id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The vendor's own 403, for [`crate::FaultKind::Forbidden`].
pub fn forbidden_body() -> String {
    api::error_body("missing_scope", "this token lacks the scope for this resource", None).to_string()
}

fn file_fields(name: &str, content_type: &str, bytes: &Bytes) -> Fields {
    let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let fields = json!({
        "name": name, "company_id": null, "contact_id": null, "note_id": null,
        "content_type": content_type, "size_bytes": bytes.len(), "sha256": digest,
    });
    if let Value::Object(fields) = fields {
        fields
    } else {
        Fields::new()
    }
}
