//! The practice company's two vendors and its four incidents.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests stand outside of tests; a panic is their failure"
)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use seatbelt_platforms::practice::{PracticeCompany, books, crm};
use serde_json::{Value, json};
use support::{Auth, Client, read};

fn bearer(token: &str) -> Auth {
    Auth::Bearer(token.to_owned())
}

/// Walks a list of the CRM and checks each total.
async fn walk(client: &Client, path: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let page = client.get(&format!("{path}limit=100{after}")).await;
        assert_eq!(page.status, 200, "{}", page.json());
        let page = page.json();
        all.extend(page["results"].as_array().unwrap().clone());
        match page["paging"]["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => {
                assert_eq!(page["total"].as_u64().unwrap() as usize, all.len());
                return all;
            }
        }
    }
}

#[tokio::test]
async fn the_crm_pages_filters_and_lists_deletions() {
    let company = PracticeCompany::start(3).await;
    let client = Client::new(&company.crm_server.url(), bearer(crm::FULL_TOKEN));
    let contacts = walk(&client, "/v1/contacts?").await;
    let ids: BTreeSet<u64> = contacts.iter().map(|contact| contact["id"].as_u64().unwrap()).collect();
    assert_eq!((contacts.len(), ids.len()), (1500, 1500));
    assert!(contacts.is_sorted_by_key(|contact| contact["updated_at"].as_str().unwrap()));

    let before = company.clock.advance(Duration::from_secs(60));
    let (edited, deleted) = (contacts[5]["id"].as_u64().unwrap(), contacts[6]["id"].as_u64().unwrap());
    company.crm.edit("contacts", edited, |fields| {
        drop(fields.insert("phone".to_owned(), "+999".into()))
    });
    company.crm.delete("contacts", deleted);
    let changed = walk(&client, &format!("/v1/contacts?updated_since={before}&")).await;
    assert_eq!(
        changed
            .iter()
            .map(|contact| contact["id"].as_u64().unwrap())
            .collect::<Vec<_>>(),
        [edited]
    );
    let gone = walk(&client, &format!("/v1/contacts/deleted?since={before}&")).await;
    assert_eq!(gone[0]["id"].as_u64(), Some(deleted));
    assert_eq!(client.get(&format!("/v1/contacts/{deleted}")).await.status, 404);
}

#[tokio::test]
async fn the_crm_refuses_what_its_documentation_refuses() {
    let company = PracticeCompany::start(3).await;
    let url = company.crm_server.url();
    let code = |got: &support::Got| got.json()["error"]["code"].as_str().unwrap().to_owned();
    let wrong = Client::new(&url, bearer("nobody")).get("/v1/companies").await;
    assert_eq!((wrong.status, code(&wrong).as_str()), (401, "invalid_token"));
    assert_eq!(Client::new(&url, Auth::None).get("/v1/companies").await.status, 401);
    let limited = Client::new(&url, bearer(crm::LIMITED_TOKEN));
    assert_eq!(limited.get("/v1/automations").await.status, 403);
    assert_eq!(limited.get("/v1/contacts").await.status, 200);
    let reader = Client::new(&url, bearer(crm::READ_ONLY_TOKEN));
    let refused = reader.send("POST", "/v1/companies", json!({"name": "A"})).await;
    assert_eq!((refused.status, code(&refused).as_str()), (403, "read_only_token"));

    let client = Client::new(&url, bearer(crm::FULL_TOKEN));
    for (path, wanted) in [
        ("/v1/companies?limit=101", "invalid_parameter"),
        ("/v1/companies?updated_since=yesterday", "invalid_parameter"),
        ("/v1/companies?page=2", "unknown_parameter"),
        ("/v1/companies?after=xyz", "invalid_cursor"),
    ] {
        let got = client.get(path).await;
        assert_eq!((got.status, code(&got).as_str()), (400, wanted), "{path}");
    }
    for (body, wanted) in [
        (json!({"city": "Graz"}), "missing_field"),
        (json!({"name": "A", "colour": "red"}), "unknown_field"),
        (json!({"name": "A", "id": 7}), "read_only_field"),
        (json!({"name": "A", "owner_id": 1}), "invalid_reference"),
        (json!({"name": "A", "segment": "gold"}), "invalid_value"),
        (
            json!({"name": "A", "custom": {"shoe_size": 44}}),
            "unknown_custom_field",
        ),
    ] {
        let got = client.send("POST", "/v1/companies", body).await;
        assert_eq!((got.status, code(&got).as_str()), (422, wanted));
    }
    assert_eq!(
        client
            .send("POST", "/v1/owners", json!({"name": "A", "email": "a@b"}))
            .await
            .status,
        405
    );
}

#[tokio::test]
async fn a_crm_cursor_expires_and_the_rate_is_limited() {
    let company = PracticeCompany::start(3).await;
    let client = Client::new(&company.crm_server.url(), bearer(crm::FULL_TOKEN));
    let next = client.get("/v1/notes?limit=10").await.json()["paging"]["next"]
        .as_str()
        .unwrap()
        .to_owned();
    company.clock.advance(Duration::from_secs(25 * 3600));
    assert_eq!(client.get(&format!("/v1/notes?after={next}")).await.status, 400);
    company.crm.limit_per_second(Some(0));
    let throttled = client.get("/v1/notes").await;
    assert_eq!((throttled.status, throttled.header("retry-after")), (429, "1"));
    company.crm.limit_per_second(Some(1));
    company.clock.advance(Duration::from_secs(1));
    assert_eq!(client.get("/v1/notes").await.status, 200);
}

#[tokio::test]
async fn the_crm_keeps_files_and_writes() {
    let company = PracticeCompany::start(3).await;
    let client = Client::new(&company.crm_server.url(), bearer(crm::FULL_TOKEN));
    let file = &client.get("/v1/attachments?limit=1").await.json()["results"][0];
    let path = format!("/v1/attachments/{}/content", file["id"]);
    assert!(file["content_url"].as_str().unwrap().ends_with(&path));
    let content = client.get(&path).await;
    assert_eq!(content.bytes.len() as u64, file["size_bytes"].as_u64().unwrap());
    assert_eq!(
        content.header("etag").trim_matches('"'),
        file["sha256"].as_str().unwrap()
    );

    let upload = client
        .request("POST", "/v1/attachments")
        .header("content-type", "text/plain");
    let upload = upload
        .header("content-disposition", "attachment; filename=\"a.txt\"")
        .body("hello")
        .send()
        .await;
    let upload = read(upload.unwrap()).await.unwrap();
    assert_eq!((upload.status, upload.json()["size_bytes"].as_u64()), (201, Some(5)));
    let made = client
        .send(
            "POST",
            "/v1/companies",
            json!({"name": "New", "created_at": "2020-01-01T00:00:00Z"}),
        )
        .await;
    assert_eq!(
        (made.status, made.json()["created_at"].as_str()),
        (201, Some("2020-01-01T00:00:00.000Z"))
    );
    let id = made.json()["id"].as_u64().unwrap();
    let contact = client
        .send(
            "POST",
            "/v1/contacts",
            json!({"first_name": "A", "last_name": "B", "company_id": id}),
        )
        .await;
    let contact = format!("/v1/contacts/{}", contact.json()["id"]);
    assert_eq!(
        client
            .request("DELETE", &format!("/v1/companies/{id}"))
            .send()
            .await
            .unwrap()
            .status(),
        204
    );
    assert_eq!(client.get(&contact).await.json()["company_id"], Value::Null);
}

async fn token(company: &PracticeCompany, (id, secret): (&str, &str)) -> support::Got {
    let client = Client::new(&company.books_server.url(), Auth::None);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("client_secret", secret),
    ];
    read(client.request("POST", "/oauth/token").form(&form).send().await.unwrap())
        .await
        .unwrap()
}

async fn books_client(company: &PracticeCompany) -> Client {
    let token = token(company, books::CLIENT).await.json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    Client::new(&company.books_server.url(), Auth::Bearer(token))
}

#[tokio::test]
async fn the_books_sign_in_expire_and_count_their_quota() {
    let company = PracticeCompany::start(3).await;
    assert_eq!(token(&company, ("practice-full", "wrong")).await.status, 401);
    let client = books_client(&company).await;
    let first = client.get("/api/accounts").await;
    assert_eq!(
        (
            first.status,
            first.header("x-quota-limit"),
            first.header("x-quota-remaining")
        ),
        (200, "10000", "9999")
    );
    company.clock.advance(Duration::from_secs(1801));
    assert_eq!(
        client.get("/api/accounts").await.failure(),
        (401, "token_expired".to_owned())
    );

    let client = books_client(&company).await;
    company.books.quota(1);
    let spent = client.get("/api/accounts").await;
    assert_eq!(spent.failure(), (429, "quota_exhausted".to_owned()));
    let wait_s: u64 = spent.header("retry-after").parse().unwrap();
    company.clock.advance(Duration::from_secs(wait_s));
    assert_eq!(books_client(&company).await.get("/api/accounts").await.status, 200);

    let reader = token(&company, books::READ_ONLY_CLIENT).await.json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let reader = Client::new(&company.books_server.url(), Auth::Bearer(reader));
    company.books.quota(100);
    assert_eq!(
        reader.get("/api/settings").await.failure(),
        (403, "insufficient_scope".to_owned())
    );
}

#[tokio::test]
async fn the_books_page_by_offset_and_never_delete_invoices() {
    let company = PracticeCompany::start(3).await;
    let client = books_client(&company).await;
    let mut all = BTreeSet::new();
    let mut total = u64::MAX;
    while (all.len() as u64) < total {
        let page = client
            .get(&format!("/api/invoices?limit=200&offset={}", all.len()))
            .await
            .json();
        total = page["total"].as_u64().unwrap();
        all.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(all.len(), 1500);
    assert_eq!(client.get("/api/invoices?limit=201").await.status, 400);
    assert_eq!(client.get("/api/invoices?status=lost").await.status, 400);
    assert_eq!(
        client.get("/api/invoices?offset=99999").await.json()["items"],
        json!([])
    );

    let since = company.clock.advance(Duration::from_secs(60));
    let open = client.get("/api/invoices?status=open&limit=1").await.json()["items"][0].clone();
    let path = format!("/api/invoices/{}", open["id"].as_str().unwrap());
    assert_eq!(client.send("DELETE", &path, json!({})).await.status, 405);
    let amount = open["total"].clone();
    let payment = json!({"invoice_id": open["id"], "date": "2026-11-22", "amount": amount});
    let payment = client.send("POST", "/api/payments", payment).await.json();
    assert_eq!(client.get(&path).await.json()["status"], "paid");
    let void = format!("/api/payments/{}/void", payment["id"].as_str().unwrap());
    assert_eq!(client.send("POST", &void, json!({})).await.status, 200);
    assert_eq!(client.get(&path).await.json()["status"], "open");
    assert_eq!(
        client.send("POST", &format!("{path}/void"), json!({})).await.json()["status"],
        "voided"
    );
    assert_eq!(
        client.send("PATCH", &path, json!({"reference": "x"})).await.failure().1,
        "already_voided"
    );
    let changed = client
        .get(&format!("/api/invoices?modified_since={since}"))
        .await
        .json();
    assert_eq!(changed["total"], 1);
    let customer = format!("/api/customers/{}", company.books.ids("customers")[0]);
    assert_eq!(
        client.send("DELETE", &customer, json!({})).await.failure(),
        (409, "in_use".to_owned())
    );
}

#[tokio::test]
async fn the_same_seed_makes_the_same_company() {
    let (first, second) = (PracticeCompany::start(9).await, PracticeCompany::start(9).await);
    let other = PracticeCompany::start(10).await;
    let records = |company: &PracticeCompany| {
        let crm = company
            .crm
            .ids("contacts")
            .iter()
            .filter_map(|id| company.crm.get("contacts", *id))
            .collect::<Vec<_>>();
        let books = company
            .books
            .ids("invoices")
            .iter()
            .filter_map(|id| company.books.get("invoices", id))
            .collect::<Vec<_>>();
        (crm, books)
    };
    assert_eq!(records(&first), records(&second));
    assert_ne!(records(&first), records(&other));
}

#[tokio::test]
async fn deleted_customers_are_gone_with_what_hangs_on_them() {
    let company = PracticeCompany::start(5).await;
    let before = [
        company.crm.count("companies"),
        company.crm.count("contacts"),
        company.crm.count("notes"),
    ];
    let incident = company.incident_deleted_customers();
    let harmed = |resource: &str| incident.harmed[resource].len();
    assert_eq!(company.crm.count("companies"), before[0] - harmed("crm/companies"));
    assert_eq!(company.crm.count("contacts"), before[1] - harmed("crm/contacts"));
    assert_eq!(company.crm.count("notes"), before[2] - harmed("crm/notes"));
    assert!(harmed("crm/companies") > 20 && harmed("crm/contacts") > 80 && harmed("crm/attachments") > 0);
    for deal in &incident.harmed["crm/deals"] {
        assert!(company.crm.get("deals", deal.parse().unwrap()).unwrap()["company_id"].is_null());
    }
}

#[tokio::test]
async fn an_automation_spoils_two_fields_and_good_edits_stay() {
    let company = PracticeCompany::start(5).await;
    let incident = company.incident_automation_awry();
    assert!(incident.harmed["crm/contacts"].len() > 300);
    for id in &incident.harmed["crm/contacts"] {
        assert_eq!(
            company.crm.get("contacts", id.parse().unwrap()).unwrap()["phase"],
            "lead"
        );
    }
    assert_eq!(incident.good_edits.len(), 2);
    for (_, id, field, value) in &incident.good_edits {
        let id = id.parse().unwrap();
        assert_eq!(company.crm.get("contacts", id).unwrap()[field], *value);
        assert!(company.crm.updated_at("contacts", id).unwrap() > incident.ended_at);
    }
}

#[tokio::test]
async fn an_integration_mixes_up_invoices() {
    let company = PracticeCompany::start(5).await;
    let open = company.books.find("invoices", |fields| fields["status"] == "open");
    let before: Vec<Value> = open
        .iter()
        .map(|id| company.books.get("invoices", id).unwrap()["customer_id"].clone())
        .collect();
    let incident = company.incident_integration_overwrites();
    assert_eq!(incident.harmed["books/invoices"], open);
    let after: Vec<_> = open
        .iter()
        .map(|id| company.books.get("invoices", id).unwrap())
        .collect();
    assert!(after.iter().all(|fields| fields["due_date"] == "1970-01-01") && after.len() > 100);
    assert_eq!(
        (&after[0]["customer_id"], &after[1]["customer_id"]),
        (&before[1], &before[0])
    );
}

#[tokio::test]
async fn a_configuration_is_changed_everywhere() {
    let company = PracticeCompany::start(5).await;
    let client = Client::new(
        &company.site_server.url(),
        Auth::Basic("administrator".to_owned(), company.site_password.clone()),
    );
    let items = client.get("/wp-json/wp/v2/menu-items?per_page=100").await.list().len();
    let header = "/wp-json/wp/v2/template-parts/practice-theme//header?context=edit";
    let template = client.get(header).await.json()["content"]["raw"].clone();
    company.incident_configuration_changed();
    assert_eq!(
        client.get("/wp-json/wp/v2/settings").await.json()["title"],
        "Spring Sale!!!"
    );
    assert_eq!(
        client.get("/wp-json/wp/v2/menu-items?per_page=100").await.list().len(),
        items - 1
    );
    assert_ne!(client.get(header).await.json()["content"]["raw"], template);
    let sales = company.crm.find("pipelines", |fields| fields["name"] == "Sales");
    assert_eq!(
        company.crm.get("pipelines", sales[0]).unwrap()["stages"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}
