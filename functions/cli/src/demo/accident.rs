//! The four accidents, and which records show best what is held to undo each.

use anyhow::Result;
use seatbelt_model::{ChangeKind, Snapshot};
use seatbelt_platforms::practice::{Incident, PracticeCompany};
use seatbelt_vault::line;
use serde::Serialize;
use serde_json::Value;

use super::changes::Changed;
use crate::{home::Home, moment, output::plain, units};

/// One of the four.
#[derive(Debug, Clone, Copy)]
pub(super) enum Accident {
    Deleted,
    Awry,
    Overwritten,
    Configuration,
}

/// A record that is held, and what it says.
#[derive(Debug, Serialize)]
pub(super) struct Example {
    pub(super) system: String,
    pub(super) resource: String,
    pub(super) key: String,
    pub(super) holds: String,
}

/// Where examples are looked for: the snapshots before, and what differs since.
pub(super) struct Look<'a> {
    pub(super) home: &'a Home,
    pub(super) before: &'a [Snapshot],
    pub(super) changed: &'a [Changed],
    pub(super) incident: &'a Incident,
}

impl Accident {
    pub(super) const ALL: [Self; 4] = [Self::Deleted, Self::Awry, Self::Overwritten, Self::Configuration];

    /// Lets it happen.
    pub(super) fn happen(self, company: &PracticeCompany) -> Incident {
        match self {
            Self::Deleted => company.incident_deleted_customers(),
            Self::Awry => company.automation_goes_awry(),
            Self::Overwritten => company.incident_integration_overwrites(),
            Self::Configuration => company.incident_configuration_changed(),
        }
    }

    /// What people do before anyone notices.
    pub(super) fn people_go_on(self, company: &PracticeCompany, incident: &mut Incident) {
        if matches!(self, Self::Awry) {
            company.people_go_on_working(incident);
        }
    }

    /// What gets it back, in a sentence.
    pub(super) fn way_back(self) -> &'static str {
        match self {
            Self::Deleted => "What goes back: the records, with the relations between them, and the files.",
            Self::Awry => {
                "What goes back: the owner and phase of every contact, and the workflow as it was. Two contacts were corrected by hand since \
                 the backup, in other fields; those edits are kept."
            }
            Self::Overwritten => {
                "What goes back: the due date and the customer of every invoice, and nothing else of it."
            }
            Self::Configuration => "What goes back: the earlier version of each setting.",
        }
    }

    /// What to export first: system, resource, folder.
    pub(super) fn export(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Deleted => ("acme-crm", "attachments", "deleted-files"),
            Self::Awry => ("acme-crm", "contacts", "contacts-before"),
            Self::Overwritten => ("acme-books", "invoices", "invoices-before"),
            Self::Configuration => ("acme-site", "template_parts", "templates-before"),
        }
    }

    /// Records that show it.
    pub(super) async fn examples(self, look: &Look<'_>) -> Result<Vec<Example>> {
        let found = match self {
            Self::Deleted => deleted(look).await?,
            Self::Awry => awry(look).await?,
            Self::Overwritten => overwritten(look).await?,
            Self::Configuration => configuration(look).await?,
        };
        Ok(found.into_iter().flatten().collect())
    }
}

impl Look<'_> {
    /// A record as it was before.
    async fn record(&self, system: &str, resource: &str, key: &str) -> Result<Option<Value>> {
        let Some(snapshot) = self.before.iter().find(|snapshot| snapshot.system == system) else {
            return Ok(None);
        };
        let Some(state) = snapshot.resources.get(resource) else {
            return Ok(None);
        };
        match self.home.vault.get(system, state, key).await? {
            Some(line) => Ok(Some(serde_json::from_str(&line::split(moment::text(&line)?).0)?)),
            None => Ok(None),
        }
    }

    /// An example with what `says` makes of the record, nothing if there is none.
    async fn example(
        &self,
        system: &str,
        resource: &str,
        key: &str,
        says: impl FnOnce(&Value) -> String,
    ) -> Result<Option<Example>> {
        let example = |record: Value| Example {
            system: system.to_owned(),
            resource: resource.to_owned(),
            key: key.to_owned(),
            holds: plain(&says(&record)),
        };
        Ok(self.record(system, resource, key).await?.map(example))
    }

    /// The first record of a resource to which this happened.
    fn first(&self, system: &str, resource: &str, kind: ChangeKind) -> Option<&str> {
        let changed = self.changed.iter().find(|changed| changed.system == system)?;
        let resource = changed.resources.iter().find(|changes| changes.resource == resource)?;
        resource
            .differences
            .iter()
            .find(|difference| difference.kind == kind)
            .map(|difference| difference.key.as_str())
    }
}

async fn deleted(look: &Look<'_>) -> Result<Vec<Option<Example>>> {
    const CRM: &str = "acme-crm";
    let Some(file) = look.first(CRM, "attachments", ChangeKind::Removed) else {
        return Ok(Vec::new());
    };
    let Some(record) = look.record(CRM, "attachments", file).await? else {
        return Ok(Vec::new());
    };
    let [company, contact, note] = ["/company_id", "/contact_id", "/note_id"].map(|name| text(&record, name));
    let company = look.example(CRM, "companies", &company, |company| {
        format!(
            "{}, {}, customer number {}",
            text(company, "/name"),
            text(company, "/city"),
            text(company, "/custom/customer_number")
        )
    });
    let contact = look.example(CRM, "contacts", &contact, |contact| {
        let name = format!("{} {}", text(contact, "/first_name"), text(contact, "/last_name"));
        format!("{name}, {}, {}", text(contact, "/job_title"), text(contact, "/email"))
    });
    let note = look.example(CRM, "notes", &note, |note| format!("\"{}\"", text(note, "/body")));
    let file = look.example(CRM, "attachments", file, |file| {
        let size = file.pointer("/size_bytes").and_then(Value::as_u64).unwrap_or_default();
        format!(
            "{}, {}, SHA-256 {}",
            text(file, "/name"),
            units::bytes(size),
            text(file, "/sha256")
        )
    });
    Ok(vec![company.await?, contact.await?, note.await?, file.await?])
}

async fn awry(look: &Look<'_>) -> Result<Vec<Option<Example>>> {
    const CRM: &str = "acme-crm";
    let mut examples = Vec::new();
    for (_, key, field, value) in &look.incident.good_edits {
        let says = |contact: &Value| {
            let name = format!("{} {}", text(contact, "/first_name"), text(contact, "/last_name"));
            let (owner, phase) = (text(contact, "/owner_id"), text(contact, "/phase"));
            format!(
                "{name}: back to owner {owner} and phase {phase}; {field} stays {}",
                shown(value)
            )
        };
        examples.push(look.example(CRM, "contacts", key, says).await?);
    }
    let Some(workflow) = look.first(CRM, "automations", ChangeKind::Changed) else {
        return Ok(examples);
    };
    let says = |workflow: &Value| {
        let enabled = if workflow.pointer("/enabled") == Some(&Value::Bool(true)) {
            "on"
        } else {
            "off"
        };
        let trigger = format!(
            "{} = {}",
            text(workflow, "/trigger/field"),
            text(workflow, "/trigger/equals")
        );
        let action = format!(
            "{} = {}",
            text(workflow, "/actions/0/field"),
            text(workflow, "/actions/0/value")
        );
        format!(
            "{}: switched {enabled}; when {trigger}, set {action}",
            text(workflow, "/name")
        )
    };
    examples.push(look.example(CRM, "automations", workflow, says).await?);
    Ok(examples)
}

async fn overwritten(look: &Look<'_>) -> Result<Vec<Option<Example>>> {
    const BOOKS: &str = "acme-books";
    let mut examples = Vec::new();
    let changed = look.changed.iter().find(|changed| changed.system == BOOKS);
    let invoices = changed.and_then(|changed| changed.resources.iter().find(|changes| changes.resource == "invoices"));
    for difference in invoices.iter().flat_map(|invoices| &invoices.differences).take(2) {
        let Some(invoice) = look.record(BOOKS, "invoices", &difference.key).await? else {
            continue;
        };
        let customer = look
            .record(BOOKS, "customers", &text(&invoice, "/customer_id"))
            .await?
            .unwrap_or_default();
        let says = |invoice: &Value| {
            let amount = format!("{} {}", text(invoice, "/total"), text(invoice, "/currency"));
            format!(
                "{}, {amount}: due {}, owed by {}",
                text(invoice, "/number"),
                text(invoice, "/due_date"),
                text(&customer, "/name")
            )
        };
        examples.push(look.example(BOOKS, "invoices", &difference.key, says).await?);
    }
    Ok(examples)
}

async fn configuration(look: &Look<'_>) -> Result<Vec<Option<Example>>> {
    const SITE: &str = "acme-site";
    let mut examples = Vec::new();
    if let Some(settings) = look.first(SITE, "settings", ChangeKind::Changed) {
        let says = |settings: &Value| {
            let field = |name: &str| settings.get(name).map(shown).unwrap_or_default();
            format!(
                "title {}, time zone {}, {} posts a page",
                field("title"),
                field("timezone"),
                field("posts_per_page")
            )
        };
        examples.push(look.example(SITE, "settings", settings, says).await?);
    }
    if let Some(item) = look.first(SITE, "menu_items", ChangeKind::Removed) {
        let says = |item: &Value| format!("{}, leading to {}", text(item, "/title/raw"), text(item, "/url"));
        examples.push(look.example(SITE, "menu_items", item, says).await?);
    }
    if let Some(part) = look.first(SITE, "template_parts", ChangeKind::Changed) {
        let says = |part: &Value| format!("the header's markup: {}", text(part, "/content/raw"));
        examples.push(look.example(SITE, "template_parts", part, says).await?);
    }
    if let Some(pipeline) = look.first("acme-crm", "pipelines", ChangeKind::Changed) {
        let says = |pipeline: &Value| {
            let stages = pipeline
                .pointer("/stages")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let stages: Vec<String> = stages.map(|stage| text(stage, "/name")).collect();
            format!("{}: {}", text(pipeline, "/name"), stages.join(", "))
        };
        examples.push(look.example("acme-crm", "pipelines", pipeline, says).await?);
    }
    Ok(examples)
}

/// The value at a pointer as people read it.
fn text(record: &Value, pointer: &str) -> String {
    record.pointer(pointer).map(bare).unwrap_or_default()
}

fn bare(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A text in quotes, anything else as it is.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{text}\""),
        other => other.to_string(),
    }
}
