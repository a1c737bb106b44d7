//! One round, from the lease to what is remembered.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::Context as _;
use aws_sdk_sns::error::DisplayErrorContext;
use jiff::Timestamp;
use seatbelt_catalog::{Catalog, Remembered};
use seatbelt_model::Clock;
use seatbelt_runtime::House;
use seatbelt_vault::Vault;
use serde_json::{Value, json};

use crate::{
    act::Act,
    finding::{Finding, Kind, Severity},
    gather::{Digests, Gather},
    inspect::{inspect, sort},
    metrics::metrics,
    notice::notice,
    place::Place,
    rules::{Action, actions},
    state::{News, State},
    status::{self, status},
    world::World,
};

/// What the watchdog is called where functions remember things.
const WATCHDOG: &str = "watchdog";
/// Its lease; no system can have this name.
const LEASE: &str = "#watchdog";
/// A round takes seconds; one that takes longer than this is dead.
const LEASE_LASTS: Duration = Duration::from_mins(5);

/// Watches the backups of one stack.
#[derive(Debug)]
pub struct Watchdog {
    vault: Vault,
    catalog: Catalog,
    clock: Arc<dyn Clock>,
    clients: Clients,
    place: Place,
    digests: Digests,
}

/// The services it acts through.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Invokes backup functions.
    pub lambda: aws_sdk_lambda::Client,
    /// Tells people.
    pub sns: aws_sdk_sns::Client,
}

impl Watchdog {
    /// Over these. Sends nothing yet.
    #[must_use]
    pub fn new(vault: Vault, catalog: Catalog, clock: Arc<dyn Clock>, clients: Clients, place: Place) -> Self {
        Self {
            vault,
            catalog,
            clock,
            clients,
            place,
            digests: Digests::default(),
        }
    }

    /// In the stack that the environment names.
    ///
    /// # Errors
    /// When the environment lacks a setting.
    pub fn from_env(house: &House) -> anyhow::Result<Self> {
        let clients = Clients {
            lambda: aws_sdk_lambda::Client::new(&house.aws),
            sns: aws_sdk_sns::Client::new(&house.aws),
        };
        let (vault, catalog, clock) = (house.vault.clone(), house.catalog.clone(), Arc::clone(&house.clock));
        Ok(Self::new(vault, catalog, clock, clients, Place::from_env()?))
    }

    /// One round, under the lease: if another is at work, this one does nothing. `worker` names the invocation; one that is tried again under
    /// the same name takes its own lease over.
    ///
    /// # Errors
    /// When the manifest or what is remembered could not be read; when people could not be told, or the status document or the memory not
    /// be written. Safe to try again: nothing is lost, and nobody is told twice unless the memory could not be written.
    pub async fn round(&self, worker: &str) -> anyhow::Result<Value> {
        let taken = self
            .catalog
            .acquire_lease(LEASE, worker, self.clock.now(), LEASE_LASTS)
            .await;
        let lease = match taken.context("the round could not begin")? {
            Ok(lease) => lease,
            Err(held) => {
                tracing::info!(holder = held.holder, until = %held.until, "another round is at work");
                return Ok(json!({ "said": format!("another round is at work, until {} at most", held.until) }));
            }
        };
        let outcome = Box::pin(self.round_alone(worker)).await;
        if let Err(error) = self.catalog.release(&lease).await {
            tracing::warn!(%error, "the round's lease could not be released; it expires by itself");
        }
        outcome
    }

    async fn round_alone(&self, worker: &str) -> anyhow::Result<Value> {
        let now = self.clock.now();
        let remembered = self.catalog.recall(WATCHDOG).await?;
        let before = state(remembered.as_ref());
        let gather = Gather {
            catalog: &self.catalog,
            vault: &self.vault,
            platforms: &self.place.platforms,
            digests: &self.digests,
            now,
        };
        let mut world = gather.world(&before).await?;
        let mut findings = inspect(now, &world);
        findings.extend(self.act(now, worker, &mut world).await);
        sort(&mut findings);

        let mut after = State {
            systems: world
                .systems
                .iter()
                .map(|watched| (watched.name.clone(), watched.known.clone()))
                .collect(),
            open: before.open.clone(),
        };
        let unread = world.systems.iter().filter(|watched| !watched.seen.troubles.is_empty());
        let unread: BTreeSet<_> = unread.map(|watched| watched.name.clone()).collect();
        let news = after.settle(now, &mut findings, &unread);
        let written = self.write_status(now, &world, &findings).await;
        let told = self.tell(now, &news).await;
        match &told {
            Ok(()) => after.told(now, &news),
            Err(_) => after.untold(&before, &news),
        }
        let kept = self.remember(&after, remembered.as_ref()).await;
        let lines = metrics(now, &self.place.stack, &world, &findings, told.is_ok());
        lines.iter().for_each(seatbelt_runtime::Metrics::emit);
        written.and(told).and(kept)?;
        Ok(json!({
            "systems": world.systems.len(),
            "findings": findings.len(),
            "new": news.new.len(),
            "reminders": news.reminders.len(),
            "over": news.resolved.len(),
        }))
    }

    /// Goes on with stalled runs or closes them, and notes that it did. What could not be done is a finding.
    async fn act(&self, now: Timestamp, worker: &str, world: &mut World) -> Vec<Finding> {
        let act = Act {
            catalog: &self.catalog,
            vault: &self.vault,
            lambda: &self.clients.lambda,
            backup_arn_prefix: &self.place.backup_arn_prefix,
            clock: &*self.clock,
            worker,
        };
        let mut failed = Vec::new();
        for action in actions(now, world) {
            let outcome = act.act(&action).await;
            let (Action::Continue { system, run, .. } | Action::Close { system, run, .. }) = &action;
            let Some(watched) = world.systems.iter_mut().find(|watched| watched.name == *system) else {
                continue;
            };
            if matches!(action, Action::Continue { .. }) {
                watched.known.continue_run(*run, now);
            }
            if let Err(said) = outcome {
                tracing::error!(system, %run, error = said, "a stalled run could not be helped");
                let what = format!("A stalled run could not be helped: {said}.");
                let todo = format!("Mend what it names, or run `seatbelt backup {system}`.");
                let mut finding = watched.finding(Kind::ActionFailed, Severity::Critical, now, what, todo);
                finding.about = run.to_string();
                failed.push(finding);
            }
        }
        failed
    }

    async fn tell(&self, now: Timestamp, news: &News) -> anyhow::Result<()> {
        if news.is_empty() {
            return Ok(());
        }
        let place = format!("s3://{}/{}", self.vault.bucket(), status::KEY);
        let notice = notice(now, &self.place.stack, &place, news);
        let publish = self.clients.sns.publish().topic_arn(&self.place.topic_arn);
        let sent = publish.subject(&notice.subject).message(&notice.text).send().await;
        sent.map(|_| ()).map_err(|error| {
            let (topic, error) = (&self.place.topic_arn, DisplayErrorContext(error));
            tracing::error!(subject = notice.subject, %error, "people could not be told");
            anyhow::anyhow!("people could not be told through {topic}: {error}; the next round tries again")
        })
    }

    /// Replaces the status document. The bucket's versions keep the ones before.
    async fn write_status(&self, now: Timestamp, world: &World, findings: &[Finding]) -> anyhow::Result<()> {
        let json = serde_json::to_vec_pretty(&status(now, &self.place.stack, world, findings))?;
        let put = self
            .vault
            .client()
            .put_object()
            .bucket(self.vault.bucket())
            .key(status::KEY);
        let sent = put.content_type("application/json").body(json.into()).send();
        Box::pin(sent).await.map(|_| ()).map_err(|error| {
            let error = DisplayErrorContext(error);
            tracing::error!(%error, "the status document could not be written");
            anyhow::anyhow!(
                "{} could not be written: {error}; the next round tries again",
                status::KEY
            )
        })
    }

    async fn remember(&self, state: &State, remembered: Option<&Remembered>) -> anyhow::Result<()> {
        let value = serde_json::to_value(state)?;
        if remembered.is_some_and(|remembered| remembered.value == value) {
            return Ok(());
        }
        let version = remembered.map(|remembered| remembered.version);
        let kept = self.catalog.remember(WATCHDOG, &value, version).await;
        kept.map(|_| ())
            .context("what this round found is not remembered, so people may be told again")
    }
}

/// What is remembered. What another version wrote in a form unknown to this one is as good as nothing: people are told once more.
fn state(remembered: Option<&Remembered>) -> State {
    let Some(remembered) = remembered else {
        return State::default();
    };
    serde_json::from_value(remembered.value.clone()).unwrap_or_else(|error| {
        tracing::warn!(%error, "what earlier rounds remembered cannot be read; beginning anew");
        State::default()
    })
}
