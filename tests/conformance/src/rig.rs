//! A place to back a simulated vendor up to: an embedded home in a temporary folder, an engine on it, a clock that jumps.

use std::{collections::BTreeMap, future::Future, path::Path, pin::Pin, sync::Arc, time::Duration};

use futures_util::TryStreamExt;
use jiff::Timestamp;
use seatbelt_catalog::{Catalog, Tables};
use seatbelt_connector_kit::{
    Connector, Pacers, Session,
    testing::{FakeClock, MemorySecrets, Recorder},
};
use seatbelt_embedded::{BUCKET, Embedded, EmbeddedError, Options};
use seatbelt_engine::{Done, Engine, EngineError, Job, Planned, Restored, Selection, Step, Stop};
use seatbelt_model::{Clock, Run, Snapshot, SnapshotId, Trigger, system::System};
use seatbelt_platforms::SimClock;
use seatbelt_vault::{Scope, Vault};
use serde_json::{Value, json};

/// The name of the one system in the rig.
pub const SYSTEM: &str = "subject";

/// Where the secret lies.
const SECRET: &str = "env:SUBJECT";

/// What a rig is made for.
pub struct Setup<'a> {
    /// The connector.
    pub connector: &'static Connector,
    /// The system's settings.
    pub settings: Value,
    /// Its secret.
    pub secret: Option<Value>,
    /// The scope's includes; empty is everything that is not on request.
    pub include: &'a [&'a str],
    /// Its excludes.
    pub exclude: &'a [&'a str],
    /// The vendor's clock, which is set to `at` and then goes with the rig's.
    pub vendor: &'a SimClock,
    /// The time at which the rig begins.
    pub at: Timestamp,
}

/// An engine on an embedded home.
pub struct Rig {
    /// The engine.
    pub engine: Engine,
    /// Its clock.
    pub clock: FakeClock,
    /// Asks runs to stop.
    pub stop: Stop,
    /// What happened.
    pub recorder: Recorder,
    connector: &'static Connector,
    system: System,
    folder: Arc<tempfile::TempDir>,
}

/// Every record of a system by resource and key, as its line.
pub type State = BTreeMap<String, BTreeMap<String, String>>;

impl Rig {
    /// A rig for one system with these settings and this secret, on a clock of its own.
    pub async fn new(connector: &'static Connector, settings: &Value, secret: Option<&Value>) -> Self {
        let vendor = &SimClock::default();
        let (settings, secret, at) = (settings.clone(), secret.cloned(), vendor.now());
        Self::of(&Setup {
            connector,
            settings,
            secret,
            include: &[],
            exclude: &[],
            vendor,
            at,
        })
        .await
    }

    /// A rig on an empty folder.
    pub async fn of(setup: &Setup<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Self::on(Arc::new(folder), setup, Options::default()).await
    }

    /// A rig on a folder that may hold a home already, with options of the embedded engines.
    pub async fn on(folder: Arc<tempfile::TempDir>, setup: &Setup<'_>, options: Options) -> Self {
        setup.vendor.set(setup.at);
        let clock = FakeClock::at(&setup.at.to_string());
        let linked = Arc::new(Linked {
            clock: clock.clone(),
            vendor: setup.vendor.clone(),
        });
        let engine = engine(folder.path(), setup.secret.as_ref(), linked, options.fast()).await;
        let entry = json!({
            "platform": setup.connector.name,
            "decision": "backup",
            "schedule": "daily at 03:30",
            "secret": setup.secret.as_ref().map(|_| SECRET),
            "settings": setup.settings,
            "scope": {"include": setup.include, "exclude": setup.exclude},
        });
        let (system, findings) = seatbelt_model::system::parse_entry(&without_null(entry));
        let system = system.unwrap_or_else(|| panic!("the rig's manifest entry is valid: {findings:?}"));
        let (connector, stop, recorder) = (setup.connector, Stop::default(), Recorder::default());
        Self {
            engine,
            clock,
            stop,
            recorder,
            connector,
            system,
            folder,
        }
    }

    /// The folder of the home.
    #[must_use]
    pub fn folder(&self) -> Arc<tempfile::TempDir> {
        Arc::clone(&self.folder)
    }

    /// The connector.
    #[must_use]
    pub fn connector(&self) -> &'static Connector {
        self.connector
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
        let job = Job { full, ..self.job() };
        Box::pin(self.engine.backup(&job)).await
    }

    fn job(&self) -> Job<'_> {
        Job {
            name: SYSTEM,
            system: &self.system,
            connector: self.connector,
            trigger: Trigger::Manual,
            sole: true,
            full: false,
            observer: Arc::new(self.recorder.clone()),
            stop: &self.stop,
            deadline: None,
            budget: Duration::from_mins(5),
            relay: seatbelt_engine::Relay::default(),
        }
    }

    /// Plans the way back from one snapshot to an earlier one.
    ///
    /// # Errors
    /// Those of [`Engine::plan_restore`].
    pub async fn plan(
        &self,
        wanted: SnapshotId,
        spoiled: SnapshotId,
        selection: Selection,
    ) -> Result<Plan, EngineError> {
        let vault = &self.engine.vault;
        let pair = [
            vault.snapshot(SYSTEM, wanted).await?,
            vault.snapshot(SYSTEM, spoiled).await?,
        ];
        let mut steps = Vec::new();
        let mut sink = |step: &Step| {
            steps.push(step.clone());
            Ok(())
        };
        let planned = Box::pin(self.engine.plan_restore(&self.job(), pair, selection, &mut sink)).await?;
        Ok(Plan { planned, steps })
    }

    /// Plans the way back to before a restore.
    ///
    /// # Errors
    /// Those of [`Engine::plan_undo`].
    pub async fn plan_undo(&self, run: SnapshotId) -> Result<Plan, EngineError> {
        let mut steps = Vec::new();
        let mut sink = |step: &Step| {
            steps.push(step.clone());
            Ok(())
        };
        let planned = Box::pin(self.engine.plan_undo(&self.job(), run, &mut sink)).await?;
        Ok(Plan { planned, steps })
    }

    /// Carries a plan out, and says what became of every record.
    ///
    /// # Errors
    /// Those of [`Engine::apply_restore`].
    pub async fn apply(&self, plan: &Plan) -> Result<(Restored, Vec<Done>), EngineError> {
        let mut dones = Vec::new();
        let mut report = |done: &Done| dones.push(done.clone());
        let mut lines = plan.lines().into_iter().map(Ok);
        let restored = Box::pin(self.engine.apply_restore(&self.job(), Some(&mut lines), &mut report)).await?;
        Ok((restored, dones))
    }

    /// A session as a backup opens it.
    ///
    /// # Panics
    /// If the settings or the secret are refused.
    pub async fn session(&self) -> Session {
        let options = seatbelt_connector_kit::Options {
            system: SYSTEM.to_owned(),
            settings: &self.system.settings,
            secret: self.system.secret.clone(),
            secrets: Arc::clone(&self.engine.secrets),
            clock: Arc::clone(&self.engine.clock),
            observer: Arc::new(self.recorder.clone()),
            pacers: &self.engine.pacers,
            budget: Duration::from_mins(5),
            deadline: None,
        };
        Session::open(self.connector, options)
            .await
            .expect("a session opens with the subject's settings")
    }

    /// The newest snapshot.
    ///
    /// # Panics
    /// If there is none, or the vault cannot be read.
    pub async fn newest(&self) -> Snapshot {
        self.engine
            .vault
            .newest(SYSTEM)
            .await
            .expect("the vault can be read")
            .expect("there is a snapshot")
    }

    /// The newest snapshot's id, if there is one.
    ///
    /// # Panics
    /// If the vault cannot be read.
    pub async fn newest_id(&self) -> Option<SnapshotId> {
        let newest = self.engine.vault.newest(SYSTEM).await.expect("the vault can be read");
        newest.map(|snapshot| snapshot.id)
    }

    /// Every record of a snapshot.
    ///
    /// # Panics
    /// If the vault cannot be read.
    pub async fn state(&self, snapshot: &Snapshot) -> State {
        let mut all = State::new();
        for (name, resource) in &snapshot.resources {
            let records: Vec<_> = self
                .engine
                .vault
                .state(SYSTEM, resource)
                .try_collect()
                .await
                .expect("a state can be read");
            let records = records
                .into_iter()
                .map(|(key, line)| (key, String::from_utf8_lossy(&line).into_owned()));
            all.insert(name.clone(), records.collect());
        }
        all
    }

    /// Re-hashes everything that any snapshot names, and says what is wrong.
    ///
    /// # Panics
    /// If the vault cannot be read.
    pub async fn damage(&self) -> Vec<String> {
        let report = self
            .engine
            .vault
            .verify(SYSTEM, Scope::All, |_| ())
            .await
            .expect("a vault can be verified");
        report
            .damaged
            .iter()
            .map(|damage| format!("{} {:?}", damage.object, damage.what))
            .collect()
    }

    /// The keys of all objects in the vault whose key starts with the system's name and `below`.
    ///
    /// # Panics
    /// If the bucket cannot be listed.
    pub async fn objects(&self, below: &str) -> Vec<String> {
        let (client, bucket) = (self.engine.vault.client(), self.engine.vault.bucket());
        let mut pages = client
            .list_objects_v2()
            .bucket(bucket)
            .prefix(format!("{SYSTEM}/{below}"))
            .into_paginator()
            .send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.expect("a bucket can be listed");
            keys.extend(
                page.contents()
                    .iter()
                    .filter_map(|object| object.key().map(ToOwned::to_owned)),
            );
        }
        keys
    }
}

/// A plan in memory.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its header and counts.
    pub planned: Planned,
    /// Its steps.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The plan as it is written to a file.
    ///
    /// # Panics
    /// Never: it has only what JSON can say.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let header = serde_json::to_string(&self.planned.header).expect("a header is plain data");
        let steps = self
            .steps
            .iter()
            .map(|step| serde_json::to_string(step).expect("a step is plain data"));
        std::iter::once(header).chain(steps).collect()
    }

    /// The steps of one kind.
    pub fn of(&self, action: seatbelt_engine::Action) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(move |step| step.action == action)
    }
}

/// The rig's clock, which takes the vendor's along wherever a sleep moves it.
#[derive(Debug)]
struct Linked {
    clock: FakeClock,
    vendor: SimClock,
}

impl Clock for Linked {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (sleep, clock, vendor) = (self.clock.sleep(wait), self.clock.clone(), self.vendor.clone());
        Box::pin(async move {
            sleep.await;
            if vendor.now() < clock.now() {
                vendor.set(clock.now());
            }
        })
    }
}

/// How often a home is asked for that a crashed rig has just left: what it was doing on other threads ends in a moment.
const OPENINGS: u32 = 100_000;

async fn engine(home: &Path, secret: Option<&Value>, clock: Arc<dyn Clock>, options: Options) -> Engine {
    let mut opened = Embedded::open_with(home, options.clone()).await;
    for _ in 0..OPENINGS {
        if !matches!(opened, Err(EmbeddedError::InUse { .. })) {
            break;
        }
        tokio::task::yield_now().await;
        opened = Embedded::open_with(home, options.clone()).await;
    }
    let embedded = opened.expect("an embedded home opens in a temporary folder");
    let tables = Tables {
        manifest: "manifest".into(),
        runs: "runs".into(),
    };
    let catalog = Catalog::new(embedded.dynamodb(), tables);
    catalog.create_tables().await.expect("the tables can be made");
    let secrets = secret.map_or_else(MemorySecrets::default, |secret| {
        MemorySecrets::of(SECRET, &secret.to_string())
    });
    Engine {
        vault: Vault::new(embedded.s3(), BUCKET, seatbelt_vault::Options::default()),
        catalog,
        secrets: Arc::new(secrets),
        pacers: Pacers::default(),
        clock,
    }
}

fn without_null(mut entry: Value) -> Value {
    if let Some(fields) = entry.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    entry
}
