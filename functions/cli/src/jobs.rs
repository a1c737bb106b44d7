//! Backing up systems of the manifest: which, side by side, and how each ended.

use std::sync::Arc;

use anyhow::Result;
use futures_util::{StreamExt, stream};
use seatbelt_connector_kit::{Connector, Options, Pacers};
use seatbelt_engine::{Access, Engine, EngineError, Job, Stop};
use seatbelt_model::{Observer, Run, System, Trigger, Unobserved};

use crate::{failure::Failure, home::Home, judge::judge, platforms, progress::Progress};

/// Systems backed up at the same time. Most of a backup is waiting for the vendor.
const AT_ONCE: usize = 4;

/// One system to back up.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) name: String,
    pub(crate) system: System,
    pub(crate) connector: &'static Connector,
    /// Whether nobody else can be at work on it: the folder is open here alone. Functions of a stack may be.
    pub(crate) sole: bool,
}

/// How a backup ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) name: String,
    pub(crate) result: Result<Run, EngineError>,
}

impl Planned {
    /// The system of this name, which must be in the manifest and make enough sense to be run.
    pub(crate) async fn named(home: &Home, name: &str) -> Result<Self> {
        let entry = home.entry(name).await?;
        let Some(system) = entry.system.clone() else {
            let first = judge(&entry).1.into_iter().find(seatbelt_model::Finding::is_error);
            let why = first.map(|finding| format!(": {finding}")).unwrap_or_default();
            return Err(Failure::new(
                format!("the manifest's entry {name} cannot be used{why}"),
                "seatbelt manifest check",
            )
            .into());
        };
        Ok(Self {
            connector: platforms::of(name, &system)?,
            name: entry.name,
            system,
            sole: home.stack.is_none(),
        })
    }
}

/// What a batch of backups shares.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) trigger: Trigger,
    pub(crate) full: bool,
    pub(crate) stop: Stop,
    pub(crate) progress: Progress,
}

impl Batch {
    /// An engine for these systems.
    pub(crate) async fn engine(&self, home: &Home, pacers: &Pacers, systems: &[Planned]) -> Engine {
        home.engine(
            pacers,
            systems.iter().filter_map(|planned| planned.system.secret.as_ref()),
        )
        .await
    }

    /// Backs up all of them, some at a time, and returns how each ended, in order.
    pub(crate) async fn run(&self, engine: &Engine, systems: Vec<Planned>) -> Vec<Finished> {
        let runs = systems
            .into_iter()
            .map(|planned| self.clone().one(engine.clone(), planned));
        stream::iter(runs.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await
    }

    /// Backs up one.
    pub(crate) async fn one(self, engine: Engine, planned: Planned) -> Finished {
        let watch = self.progress.watch(&planned.name);
        // The run's future is large, and lives as long as the run.
        let result = Box::pin(engine.backup(&self.job(&planned, Arc::clone(&watch) as _))).await;
        watch.clear();
        Finished {
            name: planned.name,
            result,
        }
    }

    /// Signs in, and asks for the first page of everything.
    pub(crate) async fn check(&self, engine: &Engine, planned: &Planned) -> Result<Vec<Access>, EngineError> {
        Box::pin(engine.check(&self.job(planned, Arc::new(Unobserved)))).await
    }

    /// What the engine is asked for one of them.
    pub(crate) fn job<'a>(&'a self, planned: &'a Planned, observer: Arc<dyn Observer>) -> Job<'a> {
        Job {
            name: &planned.name,
            system: &planned.system,
            connector: planned.connector,
            trigger: self.trigger,
            // No system is started twice.
            sole: planned.sole,
            full: self.full,
            observer,
            stop: &self.stop,
            deadline: None,
            budget: Options::BUDGET,
            relay: seatbelt_engine::Relay::default(),
        }
    }
}
