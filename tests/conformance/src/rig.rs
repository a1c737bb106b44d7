//! A place to back a simulated vendor up to: an embedded home in a temporary folder, an engine on it, a clock that jumps.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use futures_util::TryStreamExt;
use seatbelt_catalog::{Catalog, Tables};
use seatbelt_connector_kit::{Connector, Pacers, testing::{FakeClock, MemorySecrets}};
use seatbelt_embedded::{BUCKET, Embedded, Options};
use seatbelt_engine::{Engine, EngineError, Job, Stop};
use seatbelt_model::{Observer, Run, Snapshot, Trigger, Unobserved, system::System};
use seatbelt_vault::Vault;

/// The name of the one system in the rig.
pub const SYSTEM: &str = "subject";

/// An engine on an embedded home.
pub struct Rig {
    /// The engine.
    pub engine: Engine,
    /// Its clock.
    pub clock: FakeClock,
    connector: &'static Connector,
    system: System,
    /// Asks runs to stop.
    pub stop: Stop,
    /// Watches runs.
    pub observer: Arc<dyn Observer>,
    folder: Arc<tempfile::TempDir>,
}

/// Every record of a system by resource and key, as its line.
pub type State = BTreeMap<String, BTreeMap<String, String>>;

impl Rig {
    /// A rig for one system with these settings and this secret.
    pub async fn new(connector: &'static Connector, settings: &serde_json::Value, secret: Option<&serde_json::Value>) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a temporary folder can be made"));
        Self::on(folder, connector, settings, secret, Options::default().fast()).await
    }

    /// A rig on a folder that may hold a home already, with options of the embedded engines.
    pub async fn on(
        folder: Arc<tempfile::TempDir>,
        connector: &'static Connector,
        settings: &serde_json::Value,
        secret: Option<&serde_json::Value>,
        options: Options,
    ) -> Self {
        let (engine, clock) = engine(folder.path(), secret, options).await;
        let entry = serde_json::json!({
            "platform": connector.name,
            "decision": "backup",
            "schedule": "daily at 03:30",
            "secret": secret.map(|_| "env:SUBJECT"),
            "settings": settings,
        });
        let (system, findings) = seatbelt_model::system::parse_entry(&without_null(entry));
        let system = system.unwrap_or_else(|| panic!("the rig's manifest entry is valid: {findings:?}"));
        Self { engine, clock, connector, system, stop: Stop::default(), observer: Arc::new(Unobserved), folder }
    }

    /// The folder of the home.
    #[must_use]
    pub fn folder(&self) -> Arc<tempfile::TempDir> {
        Arc::clone(&self.folder)
    }

    /// The manifest entry, to change it.
    pub fn system(&mut self) -> &mut System {
        &mut self.system
    }

    /// Backs the system up.
    ///
    /// # Errors
    /// Those of [`Engine::backup`].
    pub async fn back_up(&self, full: bool) -> Result<Run, EngineError> {
        let job = Job {
            name: SYSTEM,
            system: &self.system,
            connector: self.connector,
            trigger: Trigger::Manual,
            sole: true,
            full,
            observer: Arc::clone(&self.observer),
            stop: &self.stop,
            deadline: None,
            budget: Duration::from_mins(5),
        };
        Box::pin(self.engine.backup(&job)).await
    }

    /// The newest snapshot.
    ///
    /// # Panics
    /// If there is none, or the vault cannot be read.
    pub async fn newest(&self) -> Snapshot {
        self.engine.vault.newest(SYSTEM).await.expect("the vault can be read").expect("there is a snapshot")
    }

    /// Every record of a snapshot.
    ///
    /// # Panics
    /// If the vault cannot be read.
    pub async fn state(&self, snapshot: &Snapshot) -> State {
        let mut all = State::new();
        for (name, resource) in &snapshot.resources {
            let records: Vec<_> = self.engine.vault.state(SYSTEM, resource).try_collect().await.expect("a state can be read");
            let records = records.into_iter().map(|(key, line)| (key, String::from_utf8_lossy(&line).into_owned()));
            all.insert(name.clone(), records.collect());
        }
        all
    }
}

async fn engine(home: &Path, secret: Option<&serde_json::Value>, options: Options) -> (Engine, FakeClock) {
    let embedded = Embedded::open_with(home, options).await.expect("an embedded home opens in a temporary folder");
    let tables = Tables { manifest: "manifest".into(), runs: "runs".into() };
    let catalog = Catalog::new(embedded.dynamodb(), tables);
    catalog.create_tables().await.expect("the tables can be made");
    let clock = FakeClock::default();
    let secrets = MemorySecrets::of("env:SUBJECT", &secret.map(ToString::to_string).unwrap_or_default());
    let engine = Engine {
        vault: Vault::new(embedded.s3(), BUCKET, seatbelt_vault::Options::default()),
        catalog,
        secrets: Arc::new(secrets),
        pacers: Pacers::default(),
        clock: Arc::new(clock.clone()),
    };
    (engine, clock)
}

fn without_null(mut entry: serde_json::Value) -> serde_json::Value {
    if let Some(fields) = entry.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    entry
}
