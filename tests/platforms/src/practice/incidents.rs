//! The four accidents, each done through the vendors' state as the people or programs of the story would.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::PracticeCompany;

/// An accident that happened.
#[derive(Clone, Debug)]
pub struct Incident {
    /// What it is called.
    pub title: &'static str,
    /// What happened, in a sentence or two, for people.
    pub story: String,
    /// When it began, by the company's clock; the state before it is the state to get back.
    pub began_at: Timestamp,
    /// When its last harmful change was made. Good changes may follow.
    pub ended_at: Timestamp,
    /// The records it harmed: system (`crm`, `books`, `website`) and resource (`crm/contacts`) to keys as the API shows them.
    pub harmed: BTreeMap<String, Vec<String>>,
    /// Good edits made afterwards, to be kept: resource, key, field and value.
    pub good_edits: Vec<(String, String, String, Value)>,
}

impl Incident {
    fn new(title: &'static str, began_at: Timestamp) -> Self {
        Self {
            title,
            story: String::new(),
            began_at,
            ended_at: began_at,
            harmed: BTreeMap::new(),
            good_edits: Vec::new(),
        }
    }

    fn harm(&mut self, resource: &str, key: impl ToString) {
        self.harmed
            .entry(resource.to_owned())
            .or_default()
            .push(key.to_string());
    }

    /// How many records it harmed.
    pub fn harmed_count(&self) -> usize {
        self.harmed.values().map(Vec::len).sum()
    }
}

const MINUTE: Duration = Duration::from_secs(60);

impl PracticeCompany {
    /// Somebody deletes the segment of partners: companies with their contacts, notes and files. Deals stay and lose their
    /// company and contact.
    pub fn incident_deleted_customers(&self) -> Incident {
        let began_at = self.clock.advance(90 * MINUTE);
        let mut incident = Incident::new("Deleted customers", began_at);
        let crm = &self.crm;
        let is_text =
            |fields: &super::Fields, name: &str, wanted: &str| fields.get(name).and_then(Value::as_str) == Some(wanted);
        let companies = crm.find("companies", |fields| is_text(fields, "segment", "partner"));
        let belongs = |fields: &super::Fields| {
            fields
                .get("company_id")
                .and_then(Value::as_u64)
                .is_some_and(|company| companies.contains(&company))
        };
        // What hangs on a company is deleted before it, as the application does.
        for resource in ["attachments", "notes", "contacts"] {
            for id in crm.find(resource, belongs) {
                crm.delete(resource, id);
                incident.harm(&format!("crm/{resource}"), id);
            }
            self.clock.advance(Duration::from_secs(2));
        }
        for id in crm.find("deals", belongs) {
            incident.harm("crm/deals", id);
        }
        for id in &companies {
            crm.delete("companies", *id);
            incident.harm("crm/companies", id);
        }
        incident.ended_at = self.clock.now();
        incident.story = format!(
            "A clean-up of the segment \"partner\" went too far: {} companies are gone, with their contacts, notes and files.",
            companies.len()
        );
        incident
    }

    /// A workflow is edited and hands every customer contact to one owner as a "lead"; an hour later two contacts get good edits.
    pub fn incident_automation_awry(&self) -> Incident {
        let mut incident = self.automation_goes_awry();
        self.people_go_on_working(&mut incident);
        incident
    }

    /// The first half of [`Self::incident_automation_awry`]: the workflow spoils contacts.
    pub fn automation_goes_awry(&self) -> Incident {
        let began_at = self.clock.advance(30 * MINUTE);
        let mut incident = Incident::new("An automation gone awry", began_at);
        let crm = &self.crm;
        let named = |fields: &super::Fields| fields.get("name").and_then(Value::as_str) == Some("Owner hand-over");
        let owner = crm.ids("owners").last().copied().unwrap_or(0);
        for id in crm.find("automations", named) {
            crm.edit("automations", id, |fields| {
                fields.insert("enabled".to_owned(), true.into());
                fields.insert(
                    "trigger".to_owned(),
                    json!({"object": "contacts", "field": "phase", "equals": "customer"}),
                );
                fields.insert(
                    "actions".to_owned(),
                    json!([
                        {"type": "set_field", "object": "contacts", "field": "owner_id", "value": owner},
                        {"type": "set_field", "object": "contacts", "field": "phase", "value": "lead"},
                    ]),
                );
            });
            incident.harm("crm/automations", id);
        }
        let contacts = crm.find("contacts", |fields| {
            fields.get("phase").and_then(Value::as_str) == Some("customer")
        });
        for (number, id) in contacts.iter().enumerate() {
            if number % 50 == 0 {
                self.clock.advance(Duration::from_secs(1));
            }
            crm.edit("contacts", *id, |fields| {
                fields.insert("owner_id".to_owned(), owner.into());
                fields.insert("phase".to_owned(), "lead".into());
            });
            incident.harm("crm/contacts", id);
        }
        incident.ended_at = self.clock.now();
        incident.story = format!(
            "The workflow \"Owner hand-over\" was edited and gave {} customers to one owner and made them leads. An hour later two of \
             them were corrected by hand in other fields.",
            contacts.len()
        );
        incident
    }

    /// The second half: an hour later two of those contacts get good edits, in other fields.
    pub fn people_go_on_working(&self, incident: &mut Incident) {
        let crm = &self.crm;
        let contacts: Vec<u64> = incident
            .harmed
            .get("crm/contacts")
            .into_iter()
            .flatten()
            .filter_map(|id| id.parse().ok())
            .collect();
        self.clock.advance(60 * MINUTE);
        let edits = [("phone", "+999 555 010203"), ("job_title", "Head of sourcing")];
        for (id, (field, value)) in contacts.iter().zip(edits) {
            crm.edit("contacts", *id, |fields| {
                fields.insert(field.to_owned(), value.into());
            });
            incident.good_edits.push((
                "crm/contacts".to_owned(),
                id.to_string(),
                field.to_owned(),
                value.into(),
            ));
        }
    }

    /// A sync between shop and books overwrites the due dates of open invoices and swaps the customers of neighbours.
    pub fn incident_integration_overwrites(&self) -> Incident {
        let began_at = self.clock.advance(45 * MINUTE);
        let mut incident = Incident::new("An integration that overwrites", began_at);
        let books = &self.books;
        let open = books.find("invoices", |fields| {
            fields.get("status").and_then(Value::as_str) == Some("open")
        });
        for id in &open {
            books.edit("invoices", id, |fields| {
                fields.insert("due_date".to_owned(), "1970-01-01".into());
            });
            incident.harm("books/invoices", id);
        }
        self.clock.advance(Duration::from_secs(20));
        let customer = |id: &str| {
            books
                .get("invoices", id)
                .and_then(|fields| fields.get("customer_id").cloned())
        };
        let mut swapped = 0;
        for pair in open.chunks_exact(2) {
            let (Some(first), Some(second)) = (customer(&pair[0]), customer(&pair[1])) else {
                continue;
            };
            for (id, wrong) in [(&pair[0], second), (&pair[1], first)] {
                books.edit("invoices", id, |fields| {
                    fields.insert("customer_id".to_owned(), wrong);
                });
                swapped += 1;
            }
        }
        incident.ended_at = self.clock.now();
        incident.story = format!(
            "A sync set the due date of {} open invoices to 1970 and swapped the customers of {swapped} of them.",
            open.len()
        );
        incident
    }

    /// Settings, menu and a template of the website, and the CRM's sales pipeline, are changed for a campaign that nobody wanted.
    pub fn incident_configuration_changed(&self) -> Incident {
        let began_at = self.clock.advance(20 * MINUTE);
        let mut incident = Incident::new("A configuration changed", began_at);
        let site = &self.site;
        site.set_option("title", "Spring Sale!!!");
        site.set_option("timezone", "UTC");
        site.set_option("posts_per_page", 50);
        incident.harm("website/settings", "settings");
        let items = site.ids("nav_menu_item");
        if let Some((last, rest)) = items.split_last() {
            site.delete(*last);
            incident.harm("website/menu-items", last);
            for id in rest.iter().take(2) {
                site.edit_post(*id, |item| item.title = "Sale".to_owned());
                incident.harm("website/menu-items", id);
            }
        }
        site.customize_template(
            "wp_template_part",
            "header",
            "<!-- wp:heading --><h1>SALE</h1><!-- /wp:heading -->",
        );
        incident.harm("website/template-parts", "practice-theme//header");
        for id in self.crm.find("pipelines", |fields| {
            fields.get("name").and_then(Value::as_str) == Some("Sales")
        }) {
            self.crm.edit("pipelines", id, |fields| {
                let stages = json!([
                    {"id": "new", "name": "Spring lead", "probability": 90},
                    {"id": "won", "name": "Won", "probability": 100},
                ]);
                fields.insert("stages".to_owned(), stages);
            });
            incident.harm("crm/pipelines", id);
        }
        incident.ended_at = self.clock.now();
        incident.story =
            "For a campaign, somebody changed the website's title, time zone, menu and header, and cut the sales \
                          pipeline from five stages to two."
                .to_owned();
        incident
    }
}
