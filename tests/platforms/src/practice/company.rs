//! The records of the practice company, made from a seed.

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, civil};
use serde_json::{Value, json};

use super::books::Books;
use super::crm::Crm;
use super::names;
use crate::SimClock;
use crate::wordpress::{Counts, Site};

/// The company's own name.
pub const COMPANY: &str = "Brindlewick Supplies";

const COMPANIES: usize = 400;
const CONTACTS: usize = 1500;
const DEALS: usize = 700;
const NOTES: usize = 1200;
const ATTACHMENTS: usize = 120;
const INVOICES: usize = 1500;
const DAY_S: u64 = 24 * 60 * 60;

/// Fills the CRM.
pub(super) fn fill_crm(crm: &Crm, seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let rng = &mut rng;
    let start = ago(crm.clock(), 900);
    let owners: Vec<u64> = (0..12)
        .map(|number| {
            let (first, last) = names::person(rng);
            let email = format!("{}.{}@brindlewick.example", first.to_lowercase(), last.to_lowercase());
            let owner = json!({"name": format!("{first} {last}"), "email": email, "active": number != 11});
            crm.create_at("owners", owner, start, start)
        })
        .collect();
    configuration(crm, start, &owners);
    let companies = companies(crm, rng, &owners);
    let contacts = contacts(crm, rng, &owners, &companies);
    deals(crm, rng, &owners, &contacts);
    notes(crm, rng, &owners, &contacts);
}

fn ago(clock: &SimClock, days: u64) -> Timestamp {
    back(clock.now(), days * DAY_S)
}

fn back(time: Timestamp, seconds: u64) -> Timestamp {
    time.saturating_sub(Duration::from_secs(seconds))
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Created some time in the last two years, changed some time after, both before today.
fn times(clock: &SimClock, rng: &mut Rng) -> (Timestamp, Timestamp) {
    let age_s = rng.u64(5 * DAY_S..700 * DAY_S);
    (back(clock.now(), age_s), back(clock.now(), rng.u64(2 * DAY_S..=age_s)))
}

fn configuration(crm: &Crm, at: Timestamp, owners: &[u64]) {
    let fields = [
        ("companies", "customer_number", "Customer number", "text", json!([])),
        ("companies", "credit_limit", "Credit limit", "number", json!([])),
        (
            "companies",
            "delivery_window",
            "Delivery window",
            "choice",
            json!(["morning", "afternoon", "any"]),
        ),
        ("contacts", "newsletter", "Newsletter", "checkbox", json!([])),
        ("contacts", "birthday", "Birthday", "date", json!([])),
        ("contacts", "language", "Language", "choice", json!(["en", "de", "fr"])),
        ("deals", "competitor", "Competitor", "text", json!([])),
        ("deals", "discount_percent", "Discount in percent", "number", json!([])),
    ];
    for (object, key, label, kind, choices) in fields {
        let field = json!({"object": object, "key": key, "label": label, "type": kind, "choices": choices});
        crm.create_at("custom_fields", field, at, at);
    }
    let stage = |id: &str, name: &str, probability: u32| json!({"id": id, "name": name, "probability": probability});
    let sales = [
        stage("new", "New", 10),
        stage("qualified", "Qualified", 30),
        stage("offer", "Offer sent", 60),
        stage("won", "Won", 100),
        stage("lost", "Lost", 0),
    ];
    crm.create_at(
        "pipelines",
        json!({"name": "Sales", "is_default": true, "stages": sales}),
        at,
        at,
    );
    let renewal = [
        stage("due", "Due", 70),
        stage("renewed", "Renewed", 100),
        stage("ended", "Ended", 0),
    ];
    crm.create_at(
        "pipelines",
        json!({"name": "Renewals", "is_default": false, "stages": renewal}),
        at,
        at,
    );
    for (number, name) in [
        "Welcome new leads",
        "Hand over won deals",
        "Remind of renewals",
        "Clean up old leads",
        "Owner hand-over",
    ]
    .into_iter()
    .enumerate()
    {
        let automation = json!({
            "name": name, "enabled": name != "Owner hand-over",
            "trigger": {"object": "contacts", "field": "phase", "equals": (["lead", "customer", "customer", "lead", "former"][number])},
            "actions": [{"type": "set_field", "object": "contacts", "field": "owner_id", "value": owners[number]}],
        });
        crm.create_at("automations", automation, at, at);
    }
}

fn companies(crm: &Crm, rng: &mut Rng, owners: &[u64]) -> Vec<u64> {
    let mut ids = Vec::with_capacity(COMPANIES);
    for number in 0..COMPANIES {
        let name = names::company(rng, number);
        let (city, country) = names::place(rng);
        let segment = match number % 12 {
            0 => "partner",
            1 | 2 => "key_account",
            3..=5 => "prospect",
            _ => "standard",
        };
        let company = json!({
            "name": name, "domain": names::domain(&name), "industry": names::industry(rng), "city": city, "country": country,
            "employees": rng.u32(3..900), "segment": segment, "owner_id": names::pick(rng, owners),
            "custom": {"customer_number": format!("C-{:05}", number + 1), "credit_limit": rng.u32(1..40) * 500},
        });
        let (created, updated) = times(crm.clock(), rng);
        ids.push(crm.create_at("companies", company, created, updated));
    }
    ids
}

/// Contacts with their companies.
fn contacts(crm: &Crm, rng: &mut Rng, owners: &[u64], companies: &[u64]) -> Vec<(u64, u64)> {
    let mut ids = Vec::with_capacity(CONTACTS);
    for number in 0..CONTACTS {
        let company = companies[number % companies.len()];
        let domain = crm
            .get("companies", company)
            .and_then(|fields| fields.get("domain").cloned());
        let domain = domain
            .as_ref()
            .and_then(Value::as_str)
            .unwrap_or("nowhere.example")
            .to_owned();
        let (first, last) = names::person(rng);
        let phase = ["lead", "qualified", "customer", "customer", "former"][rng.usize(..5)];
        let language = ["en", "de", "fr"][number % 3];
        let contact = json!({
            "first_name": first, "last_name": last, "phone": names::phone(rng), "job_title": names::job(rng),
            "email": format!("{}.{}@{domain}", first.to_lowercase(), last.to_lowercase()),
            "company_id": company, "owner_id": names::pick(rng, owners), "phase": phase,
            "tags": if number % 7 == 0 { json!(["fair"]) } else { json!([]) },
            "custom": {"newsletter": rng.bool(), "language": language},
        });
        let (created, updated) = times(crm.clock(), rng);
        ids.push((crm.create_at("contacts", contact, created, updated), company));
    }
    ids
}

fn deals(crm: &Crm, rng: &mut Rng, owners: &[u64], contacts: &[(u64, u64)]) {
    let pipelines = crm.ids("pipelines");
    for number in 0..DEALS {
        let (contact, company) = *names::pick(rng, contacts);
        let renewal = number % 4 == 3;
        let stages: &[&str] = if renewal {
            &["due", "renewed", "ended"]
        } else {
            &["new", "qualified", "offer", "won", "lost"]
        };
        let (created, updated) = times(crm.clock(), rng);
        let closes = TimeZone::UTC
            .to_datetime(created)
            .date()
            .saturating_add(rng.i32(20..200).days());
        let what = ["Shelving", "Yearly supply", "Workbenches", "Tool rental", "Fitting-out"][number % 5];
        let deal = json!({
            "name": format!("{what} {}", 2025 + number % 2), "company_id": company, "contact_id": contact,
            "pipeline_id": pipelines[usize::from(renewal)], "stage": names::pick(rng, stages), "currency": "EUR",
            "amount": names::money(rng.i64(40_000..9_000_000)), "close_date": day(closes), "owner_id": names::pick(rng, owners),
            "custom": {"discount_percent": rng.u32(0..15)},
        });
        crm.create_at("deals", deal, created, updated);
    }
}

fn day(date: civil::Date) -> String {
    date.strftime("%Y-%m-%d").to_string()
}

fn notes(crm: &Crm, rng: &mut Rng, owners: &[u64], contacts: &[(u64, u64)]) {
    let texts = [
        "Called about the delivery; wants it before noon.",
        "Sent the new price list.",
        "Prefers invoices by e-mail, one for each site.",
        "Asked for references from their industry.",
        "Met at the spring fair; interested in the yearly supply.",
        "Complaint settled, credit note promised.",
    ];
    for number in 0..NOTES {
        let (contact, company) = *names::pick(rng, contacts);
        let (created, updated) = times(crm.clock(), rng);
        let body = format!("{} (No. {})", names::pick(rng, &texts), number + 1);
        let note =
            json!({"body": body, "company_id": company, "contact_id": contact, "author_id": names::pick(rng, owners)});
        let note = crm.create_at("notes", note, created, updated);
        if number % (NOTES / ATTACHMENTS) == 0 {
            let (name, content_type) = [
                ("offer.pdf", "application/pdf"),
                ("photo.jpg", "image/jpeg"),
                ("terms.txt", "text/plain"),
            ][number / 10 % 3];
            let length = rng.usize(800..16_000);
            let bytes: Vec<u8> = (0..length).map(|_| rng.u8(..)).collect();
            let name = format!("{:04}-{name}", number + 1);
            let fields = json!({"company_id": company, "contact_id": contact, "note_id": note});
            crm.attach(&name, content_type, Bytes::from(bytes), fields, updated);
        }
    }
}

/// Fills the accounting system with customers for the CRM's companies.
pub(super) fn fill_books(books: &Books, crm: &Crm, seed: u64) {
    let mut rng = Rng::with_seed(seed ^ 0xb00c);
    let rng = &mut rng;
    let start = ago(books.clock(), 900);
    let accounts = [
        ("1200", "Receivables", "asset"),
        ("1800", "Bank", "asset"),
        ("1600", "Petty cash", "asset"),
        ("3300", "Payables", "liability"),
        ("3800", "VAT due", "liability"),
        ("4400", "Sales of goods", "income"),
        ("4410", "Services", "income"),
        ("5400", "Goods bought", "expense"),
        ("6300", "Rent", "expense"),
        ("6800", "Office", "expense"),
        ("6020", "Wages", "expense"),
        ("2900", "Capital", "equity"),
    ];
    let accounts: Vec<String> = accounts
        .iter()
        .map(|(code, name, kind)| books.create_at("accounts", json!({"code": code, "name": name, "type": kind}), start))
        .collect();
    let taxes: Vec<String> = [
        ("Standard", "19.00"),
        ("Reduced", "7.00"),
        ("Zero", "0.00"),
        ("Reverse charge", "0.00"),
    ]
    .iter()
    .map(|(name, percent)| {
        books.create_at(
            "tax_rates",
            json!({"name": name, "percent": percent, "country": "DE"}),
            start,
        )
    })
    .collect();
    let customers: Vec<String> = crm
        .ids("companies")
        .into_iter()
        .filter_map(|company| Some((company, crm.get("companies", company)?)))
        .map(|(company, fields)| {
            let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
            let customer = json!({
                "name": text("name"), "email": format!("invoices@{}", text("domain")), "phone": names::phone(rng),
                "street": names::street(rng), "city": text("city"), "country": text("country"), "crm_company_id": company,
                "payment_terms_days": names::pick(rng, &[14, 30, 30, 60]),
            });
            books.create_at("customers", customer, back(start, rng.u64(0..DAY_S)))
        })
        .collect();
    for number in 0..INVOICES {
        invoice(books, rng, number, &customers, &taxes[0], &accounts[5]);
    }
}

fn invoice(books: &Books, rng: &mut Rng, number: usize, customers: &[String], tax_rate: &str, account: &str) {
    // Invoices follow each other over two years, the last ones a few days ago.
    let age_s = (INVOICES - number) as u64 * (700 * DAY_S / INVOICES as u64) + 3 * DAY_S;
    let at = back(books.clock().now(), age_s);
    let issued = TimeZone::UTC.to_datetime(at).date();
    let customer = names::pick(rng, customers);
    let quantity = rng.i64(1..20);
    let price = rng.i64(900..60_000);
    let (net, tax) = (quantity * price, (quantity * price * 19 + 50) / 100);
    let status = match number % 25 {
        24 => "voided",
        _ if age_s < 40 * DAY_S || number.is_multiple_of(11) => "open",
        _ => "paid",
    };
    let line = json!({
        "description": names::pick(rng, &["Shelf boards", "Tool set", "Storage boxes", "Delivery and fitting"]),
        "quantity": quantity, "unit_price": names::money(price), "tax_rate_id": tax_rate, "account_id": account,
    });
    let invoice = json!({
        "number": format!("INV-{:05}", number + 1), "customer_id": customer, "issue_date": day(issued),
        "due_date": day(issued.saturating_add(30.days())), "currency": "EUR", "lines": [line], "net": names::money(net),
        "tax": names::money(tax), "total": names::money(net + tax), "reference": format!("PO-{}", rng.u32(10_000..99_999)),
        "status": status,
    });
    let id = books.create_at("invoices", invoice, at);
    if status == "paid" {
        let paid_at = back(at, 0)
            .saturating_add(Duration::from_secs(rng.u64(DAY_S..30 * DAY_S)))
            .unwrap_or(at);
        let date = TimeZone::UTC.to_datetime(paid_at).date();
        let payment = json!({
            "invoice_id": id, "date": day(date), "amount": names::money(net + tax), "status": "cleared",
            "method": names::pick(rng, &["bank_transfer", "bank_transfer", "card"]), "reference": format!("INV-{:05}", number + 1),
        });
        books.create_at("payments", payment, paid_at.min(books.clock().now()));
    }
}

/// The company's website.
pub(super) fn website(clock: &SimClock, seed: u64) -> Site {
    let counts = Counts {
        posts: 140,
        pages: 24,
        books: 0,
        media: 40,
        comments: 180,
        users: 6,
        ..Counts::default()
    };
    let site = Site::generate_at(seed, &counts, clock.clone());
    site.set_option("title", COMPANY);
    site.set_option("description", "Shelves, tools and boxes for small workshops");
    site
}
