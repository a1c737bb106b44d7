//! The practice connectors against small practice vendors.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod files;
mod rebuild;

use std::time::Duration;

use jiff::Timestamp;
use seatbelt_conformance::{Subject, Truth, check};
use seatbelt_platforms::{
    Server, SimClock,
    practice::{Books, Crm, books, crm},
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crm_conforms() {
    let clock = SimClock::default();
    let crm = Crm::new("Conforming Ltd", clock.clone());
    crm.limit_per_second(None);
    fill_crm(&crm, &clock);
    let server = Server::start(crm.router()).await;
    check(&Subject {
        name: "practice_crm",
        connector: &seatbelt_practice::PRACTICE_CRM,
        settings: json!({"base_url": server.url()}),
        secret: Some(json!({"token": crm::READ_ONLY_TOKEN})),
        write_secret: Some(json!({"token": crm::FULL_TOKEN})),
        restores: true,
        wrong_secret: Some(json!({"token": "pcrm-nobody"})),
        include: &[],
        exclude: &[],
        server: &server,
        clock: &clock,
        truth: Box::new(|| crm_truth(&crm)),
        absent: &[],
        change: Box::new(|| change_crm(&crm, &clock)),
        paged: ("contacts", "/v1/contacts".into()),
        further: None,
        bodies: Some(("attachments", "/v1/attachments/1".into())),
        forbidden_body: crm::forbidden_body(),
        repeatable: &[],
        core: &[],
        samples: 5,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn books_conform() {
    let clock = SimClock::default();
    let books = Books::new("Conforming Ltd", clock.clone());
    books.quota(1_000_000_000);
    fill_books(&books, &clock);
    let server = Server::start(books.router()).await;
    check(&Subject {
        name: "practice_books",
        connector: &seatbelt_practice::PRACTICE_BOOKS,
        settings: json!({"base_url": server.url()}),
        secret: Some(json!({"client_id": books::CLIENT.0, "client_secret": books::CLIENT.1})),
        write_secret: None,
        restores: true,
        wrong_secret: Some(json!({"client_id": books::CLIENT.0, "client_secret": "no"})),
        include: &[],
        exclude: &[],
        server: &server,
        clock: &clock,
        truth: Box::new(|| books_truth(&books)),
        absent: &[],
        change: Box::new(|| change_books(&books, &clock)),
        paged: ("invoices", "/api/invoices".into()),
        further: None,
        bodies: None,
        forbidden_body: books::forbidden_body(),
        repeatable: &[],
        core: &[],
        samples: 5,
    })
    .await;
}

fn ago(clock: &SimClock, hours: u64) -> Timestamp {
    clock.now().checked_sub(Duration::from_secs(hours * 3600)).unwrap()
}

const CRM_RESOURCES: [&str; 9] = [
    "owners",
    "pipelines",
    "custom_fields",
    "automations",
    "companies",
    "contacts",
    "deals",
    "notes",
    "attachments",
];

/// A few dozen of each, the last of them of the last hour.
fn fill_crm(crm: &Crm, clock: &SimClock) {
    let add = |resource: &str, hours: u64, fields: Value| {
        crm.create_at(resource, fields, ago(clock, hours), ago(clock, hours))
    };
    let owner = add(
        "owners",
        900,
        json!({"name": "Ada Ñandú", "email": "ada@conforming.example", "active": true}),
    );
    let pipeline = add(
        "pipelines",
        900,
        json!({"name": "Sales", "is_default": true, "stages": [{"id": "won", "name": "Won", "probability": 100}]}),
    );
    for key in ["newsletter", "language", "birthday"] {
        add(
            "custom_fields",
            800,
            json!({"object": "contacts", "key": key, "label": key, "type": "text", "choices": []}),
        );
    }
    for number in 0..7 {
        add(
            "automations",
            700,
            json!({"name": format!("Rule {number}"), "enabled": true, "trigger": {"on": "created"}, "actions": []}),
        );
    }
    for number in 0..23 {
        let company = add(
            "companies",
            600 - number,
            json!({"name": format!("Company \"{number}\" \u{1F680}"), "owner_id": owner, "employees": 12}),
        );
        for person in 0..2 {
            let contact = add(
                "contacts",
                23 * 3 - number * 3,
                json!({"first_name": format!("P{person}"), "last_name": format!("N{number}"), "company_id": company, "tags": ["a", "b/c"]}),
            );
            add(
                "notes",
                number,
                json!({"body": "line one\nline two", "contact_id": contact, "author_id": owner}),
            );
        }
        add(
            "deals",
            100 + number,
            json!({"name": "A deal", "company_id": company, "pipeline_id": pipeline, "amount": "1250.00"}),
        );
        if number % 3 == 0 {
            let bytes = vec![number as u8; 3_000 + number as usize];
            crm.attach(
                &format!("offer {number}.pdf"),
                "application/pdf",
                bytes.into(),
                json!({"company_id": company}),
                ago(clock, number),
            );
        }
    }
}

fn crm_truth(crm: &Crm) -> Truth {
    let keys = |resource: &str| crm.ids(resource).iter().map(ToString::to_string).collect();
    CRM_RESOURCES
        .iter()
        .map(|resource| ((*resource).to_owned(), keys(resource)))
        .collect()
}

fn change_crm(crm: &Crm, clock: &SimClock) {
    for (at, contact) in crm.ids("contacts").into_iter().enumerate() {
        clock.advance(Duration::from_millis(400));
        match at % 4 {
            0 => assert!(crm.edit("contacts", contact, |fields| _ =
                fields.insert("phone".into(), json!("+49 30 1234")))),
            1 if at % 8 == 1 => assert!(crm.delete("contacts", contact)),
            _ => {}
        }
    }
    for number in 0..12 {
        crm.create(
            "contacts",
            json!({"first_name": "New", "last_name": format!("Person {number}")}),
        );
        crm.create("notes", json!({"body": format!("Written later {number}")}));
    }
    let company = crm.ids("companies")[3];
    assert!(crm.delete("companies", company));
    let (automation, attachment) = (crm.ids("automations"), crm.ids("attachments"));
    assert!(crm.edit("automations", automation[0], |fields| _ =
        fields.insert("enabled".into(), json!(false))));
    assert!(crm.delete("automations", automation[1]));
    assert!(crm.delete("attachments", attachment[0]));
    crm.attach(
        "later.txt",
        "text/plain",
        "written later".into(),
        json!({}),
        clock.now(),
    );
    crm.attach("empty.txt", "text/plain", "".into(), json!({}), clock.now());
}

fn fill_books(books: &Books, clock: &SimClock) {
    for number in 0..12 {
        books.create_at(
            "accounts",
            json!({"code": format!("{}", 1000 + number), "name": "An account", "type": "asset"}),
            ago(clock, 900),
        );
    }
    books.create_at(
        "tax_rates",
        json!({"name": "Standard", "percent": "19.00", "country": "DE"}),
        ago(clock, 900),
    );
    for number in 0..30_u64 {
        let customer = books.create_at(
            "customers",
            json!({"name": format!("Customer {number}"), "city": "Köln"}),
            ago(clock, 500),
        );
        let invoice = books.create_at(
            "invoices",
            json!({"number": format!("INV-{number}"), "customer_id": customer, "issue_date": "2026-10-01", "currency": "EUR", "lines": [], "status": "open"}),
            ago(clock, 40 - number),
        );
        books.create_at(
            "payments",
            json!({"invoice_id": invoice, "date": "2026-10-02", "amount": "12.00", "status": "booked"}),
            ago(clock, 40 - number),
        );
    }
}

fn books_truth(books: &Books) -> Truth {
    let resources = ["accounts", "tax_rates", "customers", "invoices", "payments"];
    let mut truth: Truth = resources
        .iter()
        .map(|resource| ((*resource).to_owned(), books.ids(resource).into_iter().collect()))
        .collect();
    truth.insert("settings".into(), ["settings".into()].into());
    truth
}

fn change_books(books: &Books, clock: &SimClock) {
    for (at, invoice) in books.ids("invoices").iter().enumerate() {
        clock.advance(Duration::from_millis(700));
        match at % 3 {
            0 => assert!(books.edit("invoices", invoice, |fields| _ =
                fields.insert("reference".into(), json!("seen")))),
            1 if at % 2 == 1 => assert!(books.void("invoices", invoice)),
            _ => {}
        }
    }
    let customers = books.ids("customers");
    for number in 0..9 {
        let invoice = json!({"number": format!("INV-L{number}"), "customer_id": customers[0], "issue_date": "2026-11-22", "currency": "EUR", "lines": [], "status": "open"});
        books.create("invoices", invoice);
    }
    assert!(books.edit("customers", &customers[1], |fields| _ =
        fields.insert("city".into(), json!("Bonn"))));
    assert!(books.delete("customers", &customers[2]));
    let payments = books.ids("payments");
    assert!(books.delete("payments", &payments[0]));
    books.edit_settings(|fields| _ = fields.insert("bank_account".into(), json!("XX99")));
}
