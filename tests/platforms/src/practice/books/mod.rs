//! Practice Books, a made-up accounting vendor, simulated. Its documentation:
//!
//! # Practice Books API
//!
//! Base address: `https://api.practice-books.example`; here `{server.url()}`. Bodies are JSON in UTF-8, except at the token
//! endpoint.
//!
//! ## Authentication: OAuth 2.0, client credentials
//!
//! `POST /oauth/token`, form-encoded: `grant_type=client_credentials`, and the client either as `client_id` and `client_secret`
//! in the form or as HTTP Basic. → 200 `{"access_token":"…","token_type":"Bearer","expires_in":1800,"scope":"read write"}`.
//! Errors as in RFC 6749: 401 `{"error":"invalid_client"}`, 400 `{"error":"unsupported_grant_type"}`. Token requests do not
//! count against the quota. A token lives 1800 s. Other requests carry `Authorization: Bearer {access_token}`; else 401
//! `unauthorized`, and 401 `token_expired` once it is too old (ask for a new one). A client with the scope `read` gets 403
//! `insufficient_scope` when it writes, and when it reads `settings` (which shows bank details).
//!
//! ## Errors
//!
//! `{"code":"…","message":"…","details":{"field":"…"}}`; `details` is `{}` where no field is at fault. 400 `bad_request`;
//! 401 and 403 as above; 404 `not_found`; 405 `method_not_allowed`; 409 `in_use`, `already_voided`; 422 `unknown_field`,
//! `read_only_field`, `missing_field`, `invalid_value`, `invalid_reference`; 429 `quota_exhausted`.
//!
//! ## Quota
//!
//! A number of requests for each account and day (UTC; 10,000 on the standard plan). Every answer under `/api` has
//! `X-Quota-Limit`, `X-Quota-Remaining` and `X-Quota-Reset` (seconds since 1970 of the next midnight in UTC). When it is used up:
//! 429 with `Retry-After` in seconds until then.
//!
//! ## Resources, under `/api`
//!
//! Ids are texts and never used again. Every record has `id`, `created_at` and `modified_at` (`2026-11-22T06:00:00.000Z`, UTC).
//! Amounts are texts with two decimals.
//!
//! | resource | id | fields (* required) | end of life |
//! | --- | --- | --- | --- |
//! | accounts | `acc_` | `code`*, `name`*, `type`* (`asset`, `liability`, `income`, `expense`, `equity`) | deleted: absent |
//! | tax_rates | `tax_` | `name`*, `percent`* (`"19.00"`), `country` | deleted: absent |
//! | customers | `cus_` | `name`*, `email`, `phone`, `street`, `city`, `country`, `crm_company_id` (number), `payment_terms_days` (number) | deleted: absent |
//! | invoices | `inv_` | `number`, `customer_id`* → customers, `issue_date`*, `due_date`, `currency`*, `lines`* (list of `{"description","quantity","unit_price","tax_rate_id","account_id"}`), `net`, `tax`, `total`, `reference`; read-only `status` (`open`, `paid`, `voided`) | voided |
//! | payments | `pay_` | `invoice_id`* → invoices, `date`*, `amount`*, `method` (`bank_transfer`, `card`, `cash`), `reference`; read-only `status` (`cleared`, `voided`) | voided |
//!
//! ### List: `GET /api/{resource}`
//!
//! | parameter | meaning |
//! | --- | --- |
//! | `offset` | 0 if absent |
//! | `limit` | 1 to 200, 50 if absent; else 400 |
//! | `modified_since` | RFC 3339 with offset; only records with `modified_at` at or after it |
//! | `status` | invoices and payments only: one of their statuses |
//!
//! Other parameters: 400. Without `modified_since` the order is by id (oldest record first), with it by `modified_at`, then id.
//! Voided records are in the list, with `status` `voided`; deleted ones are just not there, and nothing tells that they were.
//! Offsets shift when records are deleted during a walk. An `offset` past the end gives an empty list.
//!
//! ```json
//! {"items":[{"id":"inv_1001","...":"..."}],"offset":0,"limit":50,"total":1834}
//! ```
//!
//! `total` counts all records that match the filters.
//!
//! ### One record
//!
//! - `GET /api/{resource}/{id}` → 200; 404 `not_found` if absent.
//! - `POST /api/{resource}` → 201 the record. With a header `Idempotency-Key`, a repetition within 24 hours makes no second record: 201 the
//!   one made the first time. An invoice without `number` gets the next one; a new invoice is `open`, a new payment
//!   `cleared`. An invoice is `paid` when the cleared payments reach its `total`, and `open` again when one is voided.
//! - `PATCH /api/{resource}/{id}` → 200 the record. 409 `already_voided` for a voided one. `null` clears a field.
//! - `DELETE /api/{resource}/{id}` → 204, for accounts, tax_rates and customers; 409 `in_use` for a customer with invoices that are
//!   not voided. Invoices and payments: 405.
//! - `POST /api/invoices/{id}/void`, `POST /api/payments/{id}/void` → 200 the record; 409 `already_voided`.
//!
//! ### Settings
//!
//! `GET /api/settings` → 200 one object, without id: `company_name`, `vat_number`, `fiscal_year_start`, `default_currency`,
//! `invoice_prefix`, `payment_terms_days`, `reminder_after_days`, `bank_account`, `modified_at`. `PATCH /api/settings` → 200.

mod api;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::table::{Fields, Kind, Schema, Tables, optional, read_only, required};
use crate::SimClock;

/// A client that may read and write.
pub const CLIENT: (&str, &str) = ("practice-full", "books-secret-3c7d");
/// A client that may only read.
pub const READ_ONLY_CLIENT: (&str, &str) = ("practice-read", "books-secret-91ab");

const SCHEMAS: &[Schema] = &[
    Schema {
        name: "accounts",
        prefix: "acc_",
        fields: &[
            required("code", Kind::Text),
            required("name", Kind::Text),
            required(
                "type",
                Kind::Choice(&["asset", "liability", "income", "expense", "equity"]),
            ),
        ],
    },
    Schema {
        name: "tax_rates",
        prefix: "tax_",
        fields: &[
            required("name", Kind::Text),
            required("percent", Kind::Money),
            optional("country", Kind::Text),
        ],
    },
    Schema {
        name: "customers",
        prefix: "cus_",
        fields: &[
            required("name", Kind::Text),
            optional("email", Kind::Text),
            optional("phone", Kind::Text),
            optional("street", Kind::Text),
            optional("city", Kind::Text),
            optional("country", Kind::Text),
            optional("crm_company_id", Kind::Number),
            optional("payment_terms_days", Kind::Number),
        ],
    },
    Schema {
        name: "invoices",
        prefix: "inv_",
        fields: &[
            optional("number", Kind::Text),
            required("customer_id", Kind::Reference("customers")),
            required("issue_date", Kind::Day),
            optional("due_date", Kind::Day),
            required("currency", Kind::Text),
            required("lines", Kind::List),
            optional("net", Kind::Money),
            optional("tax", Kind::Money),
            optional("total", Kind::Money),
            optional("reference", Kind::Text),
            read_only("status", Kind::Text),
        ],
    },
    Schema {
        name: "payments",
        prefix: "pay_",
        fields: &[
            required("invoice_id", Kind::Reference("invoices")),
            required("date", Kind::Day),
            required("amount", Kind::Money),
            optional("method", Kind::Choice(&["bank_transfer", "card", "cash"])),
            optional("reference", Kind::Text),
            read_only("status", Kind::Text),
        ],
    },
];

/// A handle to the accounting system's state; clones share it.
#[derive(Clone)]
pub struct Books {
    state: Arc<Mutex<State>>,
    clock: SimClock,
}

struct State {
    tables: Tables,
    settings: Fields,
    settings_modified_at: Timestamp,
    /// Token to expiry and whether it may write.
    tokens: BTreeMap<String, (Timestamp, bool)>,
    issued: u64,
    quota_limit: u64,
    quota_day: i64,
    quota_used: u64,
    next_invoice: u64,
    /// Keys of creates that need not be repeated, with when and what they made.
    created: BTreeMap<String, (Timestamp, u64)>,
}

impl Books {
    /// An account without records, with settings.
    pub fn new(company: &str, clock: SimClock) -> Self {
        let settings = json!({
            "company_name": company, "vat_number": "XX123456789", "fiscal_year_start": "01-01", "default_currency": "EUR",
            "invoice_prefix": "INV", "payment_terms_days": 30, "reminder_after_days": 10, "bank_account": "XX00 0000 0000 1234",
        });
        let state = State {
            tables: Tables::new(SCHEMAS),
            settings: if let Value::Object(settings) = settings {
                settings
            } else {
                Fields::new()
            },
            settings_modified_at: clock.now(),
            tokens: BTreeMap::new(),
            issued: 0,
            quota_limit: 10_000,
            quota_day: 0,
            quota_used: 0,
            next_invoice: 1,
            created: BTreeMap::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            clock,
        }
    }

    /// The vendor's HTTP API over this state.
    pub fn router(&self) -> Router {
        let books = self.clone();
        crate::exchange::router(move |ask| api::answer(&books, ask))
    }

    /// The clock that stamps changes and lets tokens expire.
    pub fn clock(&self) -> &SimClock {
        &self.clock
    }

    /// Requests a day.
    pub fn quota(&self, limit: u64) {
        self.lock().quota_limit = limit;
    }

    /// Lets all tokens issued so far expire, as if their time were up.
    pub fn expire_tokens(&self) {
        let now = self.clock.now();
        self.lock().tokens.values_mut().for_each(|(expiry, _)| *expiry = now);
    }

    /// Adds a record without judging it, and returns its id as the API shows it.
    pub fn create(&self, resource: &str, fields: Value) -> String {
        let now = self.clock.now();
        self.create_at(resource, fields, now)
    }

    /// Adds a record created, and last modified, at a given time.
    pub fn create_at(&self, resource: &str, fields: Value, at: Timestamp) -> String {
        let fields = if let Value::Object(fields) = fields {
            fields
        } else {
            Fields::new()
        };
        let mut state = self.lock();
        if resource == "invoices" {
            state.next_invoice += 1;
        }
        let id = state.tables.insert(resource, fields, at, at);
        state.show(resource, id)
    }

    /// Changes a record and moves its `modified_at`; `false` if there is none.
    pub fn edit(&self, resource: &str, id: &str, change: impl FnOnce(&mut Fields)) -> bool {
        let now = self.clock.now();
        let mut state = self.lock();
        let Some(id) = state.read(resource, id) else {
            return false;
        };
        state.tables.edit(resource, id, now, change)
    }

    /// Voids an invoice or a payment; `false` if there is none or it already is.
    pub fn void(&self, resource: &str, id: &str) -> bool {
        let now = self.clock.now();
        let mut state = self.lock();
        state.read(resource, id).is_some_and(|id| state.void(resource, id, now))
    }

    /// Removes a record without a trace, whatever the API would allow.
    pub fn delete(&self, resource: &str, id: &str) -> bool {
        let now = self.clock.now();
        let mut state = self.lock();
        state
            .read(resource, id)
            .is_some_and(|id| state.tables.remove(resource, id, now))
    }

    /// Changes the settings.
    pub fn edit_settings(&self, change: impl FnOnce(&mut Fields)) {
        let now = self.clock.now();
        let mut state = self.lock();
        state.settings_modified_at = now;
        change(&mut state.settings);
    }

    /// The settings.
    pub fn settings(&self) -> Fields {
        self.lock().settings.clone()
    }

    /// A record's fields, without id and times.
    pub fn get(&self, resource: &str, id: &str) -> Option<Fields> {
        let state = self.lock();
        let id = state.read(resource, id)?;
        state.tables.get(resource)?.get(id).map(|row| row.fields.clone())
    }

    /// The ids of the records that `test` accepts, oldest record first.
    pub fn find(&self, resource: &str, test: impl Fn(&Fields) -> bool) -> Vec<String> {
        let state = self.lock();
        let rows = state.tables.get(resource).into_iter().flat_map(|table| table.rows());
        rows.filter(|(_, row)| test(&row.fields))
            .map(|(id, _)| state.show(resource, id))
            .collect()
    }

    /// All ids of a resource, oldest record first.
    pub fn ids(&self, resource: &str) -> Vec<String> {
        self.find(resource, |_| true)
    }

    /// How many records a resource holds.
    pub fn count(&self, resource: &str) -> usize {
        self.lock().tables.get(resource).map_or(0, |table| table.len())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn show(&self, resource: &str, id: u64) -> String {
        let shown = self.tables.get(resource).map(|table| table.schema.show_id(id));
        shown.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn read(&self, resource: &str, id: &str) -> Option<u64> {
        let table = self.tables.get(resource)?;
        table.schema.read_id(id).filter(|id| table.get(*id).is_some())
    }

    fn void(&mut self, resource: &str, id: u64, now: Timestamp) -> bool {
        let row = self.tables.get(resource).and_then(|table| table.get(id));
        let Some(row) = row.filter(|row| !is_voided(&row.fields)) else {
            return false;
        };
        let invoice = row.fields.get("invoice_id").and_then(Value::as_str).map(str::to_owned);
        self.tables.edit(resource, id, now, |fields| {
            fields.insert("status".to_owned(), "voided".into());
        });
        if let Some(invoice) = invoice {
            self.settle(&invoice, now);
        }
        true
    }

    /// Sets an invoice to paid or open by what was paid.
    fn settle(&mut self, invoice: &str, now: Timestamp) {
        let Some(id) = self.read("invoices", invoice) else {
            return;
        };
        let payments = self.tables.get("payments").into_iter().flat_map(|table| table.rows());
        let paid: i64 = payments
            .filter(|(_, row)| row.fields.get("invoice_id").and_then(Value::as_str) == Some(invoice))
            .filter(|(_, row)| !is_voided(&row.fields))
            .map(|(_, row)| cents(row.fields.get("amount")))
            .sum();
        let Some(row) = self.tables.get("invoices").and_then(|table| table.get(id)) else {
            return;
        };
        let status = if paid >= cents(row.fields.get("total")) {
            "paid"
        } else {
            "open"
        };
        if is_voided(&row.fields) || row.fields.get("status").and_then(Value::as_str) == Some(status) {
            return;
        }
        self.tables.edit("invoices", id, now, |fields| {
            fields.insert("status".to_owned(), status.into());
        });
    }
}

fn is_voided(fields: &Fields) -> bool {
    fields.get("status").and_then(Value::as_str) == Some("voided")
}

/// An amount such as `"1250.00"` in cents; 0 for anything else.
fn cents(amount: Option<&Value>) -> i64 {
    amount
        .and_then(Value::as_str)
        .and_then(|text| text.replace('.', "").parse().ok())
        .unwrap_or(0)
}

/// The vendor's own 403, for [`crate::FaultKind::Forbidden`].
pub fn forbidden_body() -> String {
    api::error_body("insufficient_scope", "this client may not do this", None).to_string()
}
