//! Where a drill rehearses: a sandbox that the manifest names, or a vendor that is simulated on this machine.

use anyhow::{Context as _, Result};
use seatbelt_connector_kit::{LocalSecrets, SystemClock};
use seatbelt_engine::Engine;
use seatbelt_model::{Clock, system::System};
use seatbelt_platforms::{
    Server, SimClock,
    practice::{Books, Crm, books, crm},
    wordpress::{Role, Site, WordPress},
};
use serde_json::{Value, json};

use crate::{failure::Failure, home::Home, jobs::Planned};

/// The setting that names a sandbox.
const SETTING: &str = "drill_into";
/// Where the secret of a simulated vendor lies, below the stage's folder.
const SECRET: &str = "secret.json";

/// A system to restore a sample into.
pub(super) struct Stage {
    /// What people call it.
    pub(super) name: String,
    /// The drilled system, led elsewhere.
    pub(super) planned: Planned,
    /// Whether it is there after the drill, so that it must be left as it was.
    pub(super) lasts: bool,
    /// Where its secret is, if not where the manifest says.
    folder: Option<tempfile::TempDir>,
    /// Serves until the drill is over.
    _vendor: Option<Server>,
}

impl Stage {
    /// The sandbox that is asked for or named in the settings, else a simulated vendor; `None` where there is neither.
    pub(super) async fn of(home: &Home, planned: &Planned, into: Option<&str>) -> Result<Option<Self>> {
        let named = planned.system.settings.get(SETTING).and_then(Value::as_str);
        match into.or(named) {
            Some(sandbox) => Self::sandbox(home, planned, sandbox).await.map(Some),
            None => Self::simulated(planned).await,
        }
    }

    async fn sandbox(home: &Home, planned: &Planned, name: &str) -> Result<Self> {
        let sandbox = Planned::named(home, name).await?;
        let hint = format!("seatbelt manifest set {} settings.{SETTING}=SANDBOX", planned.name);
        if sandbox.connector.name != planned.connector.name {
            let said = format!(
                "{name} is on {}, and {} on {}: a drill needs a sandbox on the same platform",
                sandbox.connector.name, planned.name, planned.connector.name
            );
            return Err(Failure::usage(said, hint).into());
        }
        let place = |system: &System| system.settings.get("base_url").cloned();
        if sandbox.name == planned.name
            || (place(&sandbox.system).is_some() && place(&sandbox.system) == place(&planned.system))
        {
            let said = format!("{name} is {} itself: a drill never writes to production", planned.name);
            return Err(Failure::usage(said, hint).into());
        }
        Ok(Self {
            name: name.to_owned(),
            planned: Planned {
                name: planned.name.clone(),
                ..sandbox
            },
            lasts: true,
            folder: None,
            _vendor: None,
        })
    }

    async fn simulated(planned: &Planned) -> Result<Option<Self>> {
        let clock = SimClock::at(SystemClock.now());
        let (server, secret) = match planned.connector.name {
            "wordpress" => {
                let WordPress { server, site } = WordPress::start(Site::new(clock)).await;
                let password = site.application_password(Role::Administrator);
                let login = Role::Administrator.login();
                (server, json!({ "username": login, "application_password": password }))
            }
            "practice_crm" => {
                let vendor = Crm::new("drill", clock);
                vendor.limit_per_second(None);
                (
                    Server::start(vendor.router()).await,
                    json!({ "token": crm::FULL_TOKEN }),
                )
            }
            "practice_books" => {
                let vendor = Books::new("drill", clock);
                vendor.quota(1_000_000);
                let (id, key) = books::CLIENT;
                (
                    Server::start(vendor.router()).await,
                    json!({ "client_id": id, "client_secret": key }),
                )
            }
            _ => return Ok(None),
        };
        let folder = tempfile::tempdir().context("cannot make a folder for the drill")?;
        std::fs::write(folder.path().join(SECRET), secret.to_string()).context("cannot write the drill's secret")?;
        let settings = json!({ "base_url": server.url(), "requests_per_second": 2000, "concurrency": 8 });
        let system = System {
            settings: settings.as_object().cloned().unwrap_or_default(),
            secret: format!("file:{SECRET}").parse().ok(),
            ..planned.system.clone()
        };
        Ok(Some(Self {
            name: format!("a simulated {}", planned.connector.title),
            planned: Planned {
                system,
                ..planned.clone()
            },
            lasts: false,
            folder: Some(folder),
            _vendor: Some(server),
        }))
    }

    /// The same engine, signing in here.
    pub(super) fn engine(&self, engine: &Engine) -> Engine {
        let mut engine = engine.clone();
        if let Some(folder) = &self.folder {
            let base = folder.path().to_owned();
            engine.secrets = std::sync::Arc::new(LocalSecrets { base });
        }
        engine
    }
}
