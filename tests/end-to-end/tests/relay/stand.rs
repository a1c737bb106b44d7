//! A function without Lambda: its events wait in a queue, and a test says how long an invocation lasts and when it dies.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use seatbelt_conformance::{Rig, SYSTEM, Setup, State};
use seatbelt_embedded::{Fault, Options};
use seatbelt_model::Run;
use seatbelt_platforms::{
    SimClock,
    wordpress::{Counts, Role, Site, WordPress},
};
use seatbelt_runtime::{Backup, Event, House, Invocation, Invoke};
use serde_json::{Value, json};

/// A site that takes some eighty requests.
pub(crate) const COUNTS: Counts = Counts {
    posts: 45,
    pages: 8,
    books: 5,
    media: 6,
    media_bytes: 2_000,
    comments: 14,
    users: 3,
    terms: 4,
    words: 12,
    orders: 0,
    products: 0,
};

/// Invocations that were asked for and not made yet.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Mutex<VecDeque<Event>>>);

impl Events {
    pub(crate) fn push(&self, event: Event) {
        self.0.lock().unwrap().push_back(event);
    }

    pub(crate) fn pop(&self) -> Option<Event> {
        self.0.lock().unwrap().pop_front()
    }
}

#[async_trait]
impl Invoke for Events {
    async fn invoke(&self, event: &Event) -> anyhow::Result<()> {
        // As Lambda does it: through JSON.
        self.push(serde_json::from_str(&serde_json::to_string(event)?)?);
        Ok(())
    }
}

/// A simulated site with its clock and the secret of its administrator.
pub(crate) struct Vendor {
    pub(crate) wordpress: WordPress,
    pub(crate) clock: SimClock,
    pub(crate) secret: Value,
}

impl Vendor {
    pub(crate) async fn start() -> Self {
        let clock = SimClock::default();
        let wordpress = WordPress::start(Site::generate_at(7, &COUNTS, clock.clone())).await;
        let password = wordpress.site.application_password(Role::Administrator);
        let secret = json!({"username": Role::Administrator.login(), "application_password": password});
        Self {
            wordpress,
            clock,
            secret,
        }
    }

    /// What one undisturbed invocation stores of it, and the run it takes.
    pub(crate) async fn undisturbed(&self, settings: &Value, include: &[&str]) -> (State, Run) {
        let stand = Stand::new(self, settings, include).await;
        stand.drain(asked(), Duration::from_hours(4)).await;
        let run = stand.runs().await.remove(0);
        (stand.state().await, run)
    }
}

/// A function that backs a site up into an embedded home.
pub(crate) struct Stand {
    pub(crate) rig: Rig,
    pub(crate) backup: Arc<Backup>,
    pub(crate) events: Events,
    /// Writes to storage so far.
    pub(crate) writes: Arc<Mutex<u64>>,
    invocations: Arc<Mutex<u64>>,
}

impl Stand {
    pub(crate) async fn new(vendor: &Vendor, settings: &Value, include: &[&str]) -> Self {
        let mut all = settings.as_object().cloned().unwrap_or_default();
        all.insert("base_url".into(), vendor.wordpress.server.url().into());
        let setup = Setup {
            connector: &seatbelt_wordpress::WORDPRESS,
            settings: Value::Object(all),
            secret: Some(vendor.secret.clone()),
            include,
            exclude: &[],
            vendor: &vendor.clock,
            at: seatbelt_platforms::SimClock::default().now(),
        };
        let writes = Arc::new(Mutex::new(0));
        let counter = Arc::clone(&writes);
        let options = Options::default().fault(move |point| {
            *counter.lock().unwrap() += u64::from(point.write);
            Fault::None
        });
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let mut rig = Rig::on(folder, &setup, options).await;
        let entry = rig.system().clone();
        let name = SYSTEM.parse().unwrap();
        rig.engine.catalog.put_system(&name, &entry, None).await.unwrap();
        let events = Events::default();
        let backup = Backup::new(house(&rig), &seatbelt_wordpress::WORDPRESS, Arc::new(events.clone()));
        Self {
            rig,
            backup: Arc::new(backup),
            events,
            writes,
            invocations: Arc::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.rig.engine.clock.now()
    }

    /// An invocation that lasts so long, under a request id of its own.
    pub(crate) fn invocation(&self, lasts: Duration) -> Invocation {
        let mut invocations = self.invocations.lock().unwrap();
        *invocations += 1;
        Invocation {
            request_id: format!("request-{invocations}"),
            deadline: self.now() + lasts,
        }
    }

    /// Handles `event` and whatever it hands over, one invocation after the other, until none is left.
    pub(crate) async fn drain(&self, event: Event, lasts: Duration) -> Value {
        self.events.push(event);
        let mut answer = Value::Null;
        while let Some(event) = self.events.pop() {
            let event = serde_json::to_value(&event).unwrap();
            answer = self.backup.handle(event, self.invocation(lasts)).await.unwrap();
        }
        answer
    }

    pub(crate) async fn runs(&self) -> Vec<Run> {
        self.rig.engine.catalog.runs(SYSTEM, 100).await.unwrap()
    }

    pub(crate) async fn state(&self) -> State {
        self.rig.state(&self.rig.newest().await).await
    }

    /// What every test ends with: the newest snapshot holds what an undisturbed one holds, nothing is damaged, nothing is left open.
    pub(crate) async fn ends_like(&self, undisturbed: &State) {
        let differences =
            seatbelt_conformance::differences(&seatbelt_wordpress::WORDPRESS, undisturbed, &self.state().await);
        assert!(differences.is_empty(), "{differences:#?}");
        assert_eq!(self.rig.damage().await, Vec::<String>::new());
        assert!(self.rig.engine.catalog.open_runs(SYSTEM).await.unwrap().is_empty());
    }

    /// What a run that nobody killed leaves behind: its snapshot.
    pub(crate) async fn is_tidy(&self) {
        assert_eq!(self.rig.objects("staging/").await, Vec::<String>::new());
        let units = self.rig.newest().await.id;
        assert!(self.rig.engine.catalog.units(SYSTEM, units).await.unwrap().is_empty());
    }
}

pub(crate) fn house(rig: &Rig) -> House {
    House {
        aws: aws_config::SdkConfig::builder().build(),
        vault: rig.engine.vault.clone(),
        catalog: rig.engine.catalog.clone(),
        secrets: Arc::clone(&rig.engine.secrets),
        clock: Arc::clone(&rig.engine.clock),
    }
}

/// The event of a person.
pub(crate) fn asked() -> Event {
    Event {
        system: SYSTEM.into(),
        ..Event::default()
    }
}

/// The event of a schedule.
pub(crate) fn due(at: &str) -> Event {
    Event {
        due: Some(at.into()),
        ..asked()
    }
}
