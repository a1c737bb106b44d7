//! The practice company as the demo runs it: its vendors on this machine, its secrets, its manifest.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use seatbelt_connector_kit::SystemClock;
use seatbelt_model::Clock;
use seatbelt_platforms::{
    SimClock,
    practice::{PracticeCompany, books, crm},
};
use serde_json::{Value, json};

/// The same company every time.
pub(super) const SEED: u64 = 7;

/// The systems that are backed up, and what the simulation calls each.
pub(super) const SYSTEMS: [(&str, &str); 3] = [("acme-books", "books"), ("acme-crm", "crm"), ("acme-site", "website")];

/// Starts the vendors. Their clock begins now and is moved by the accidents alone.
pub(super) async fn open() -> PracticeCompany {
    let company = PracticeCompany::start_at(SEED, SimClock::at(SystemClock.now())).await;
    // A server of one's own: nobody else needs a share of it.
    company.crm.limit_per_second(None);
    company.books.quota(1_000_000);
    company
}

/// The secret a restore signs in with, where that of the backups may only read.
pub(super) fn restoring(system: &str) -> Option<&'static str> {
    (system == "acme-crm").then_some("file:secrets/acme-crm-restore.json")
}

/// Writes what people would write: the secrets, and the manifest as a file, whose path is returned.
pub(super) fn settle(company: &PracticeCompany, folder: &Path) -> Result<PathBuf> {
    let secrets = folder.join("secrets");
    fs::create_dir_all(&secrets).with_context(|| format!("cannot make the folder {}", secrets.display()))?;
    let (id, key) = books::CLIENT;
    write_secret(
        &secrets.join("acme-crm.json"),
        &json!({ "token": crm::READ_ONLY_TOKEN }),
    )?;
    write_secret(
        &secrets.join("acme-crm-restore.json"),
        &json!({ "token": crm::FULL_TOKEN }),
    )?;
    write_secret(
        &secrets.join("acme-books.json"),
        &json!({ "client_id": id, "client_secret": key }),
    )?;
    let login = json!({ "username": "administrator", "application_password": company.site_password });
    write_secret(&secrets.join("acme-site.json"), &login)?;
    let path = folder.join("manifest.toml");
    fs::write(&path, manifest(company)).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// Readable by its owner alone from the start.
fn write_secret(path: &Path, secret: &Value) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let cannot = || format!("cannot write {}", path.display());
    let mut file = options.open(path).with_context(cannot)?;
    writeln!(file, "{secret}").with_context(cannot)
}

fn manifest(company: &PracticeCompany) -> String {
    format!(
        r#"# Every system that Brindlewick Supplies, a made-up company, runs on, and what it decided about each.

[systems.acme-crm]
name = "Customers, deals and their files"
platform = "practice_crm"
category = "crm"
owner = "Sales"
decision = "backup"
reason = "the vendor has no undelete"
schedule = "hourly"
rpo = "2h"
secret = "file:secrets/acme-crm.json"
settings = {{ base_url = "{crm}", requests_per_second = 2000, concurrency = 8 }}
# These change so seldom that somebody should look at every single change.
alerts.resources.automations = {{ changed = "0%", removed = "0%", minimum = 1 }}
alerts.resources.pipelines = {{ changed = "0%", removed = "0%", minimum = 1 }}

[systems.acme-books]
name = "Invoices and payments"
platform = "practice_books"
category = "accounting"
owner = "Accounting"
decision = "backup"
reason = "ten years of records are the law"
schedule = "every 6 hours"
rpo = "12h"
secret = "file:secrets/acme-books.json"
settings = {{ base_url = "{books}", requests_per_second = 2000, concurrency = 8 }}
# Invoices are written once: one in twenty changed at a time is a lot.
alerts.resources.invoices = {{ changed = "5%" }}

[systems.acme-site]
name = "The website"
platform = "wordpress"
category = "website"
owner = "Marketing"
decision = "backup"
reason = "the host keeps copies for a week only"
schedule = "daily at 03:30"
rpo = "26h"
secret = "file:secrets/acme-site.json"
# A server of one's own takes more than the two requests a second that are polite elsewhere.
settings = {{ base_url = "{site}", requests_per_second = 500, concurrency = 8 }}
alerts.resources.settings = {{ changed = "0%", minimum = 1 }}
alerts.resources.menu_items = {{ changed = "0%", removed = "0%", minimum = 1 }}
alerts.resources.template_parts = {{ changed = "0%", removed = "0%", minimum = 1 }}

[systems.dashboards]
name = "Sales dashboards"
category = "analytics"
owner = "Sales"
decision = "skip"
reason = "derived from acme-crm"

[systems.newsletter]
name = "The newsletter"
category = "marketing"
owner = "Marketing"
decision = "undecided"
"#,
        crm = company.crm_server.url(),
        books = company.books_server.url(),
        site = company.site_server.url(),
    )
}
