//! A worker that was called to a run which another leads.

use seatbelt_catalog::{Unit, UnitState};
use seatbelt_connector_kit::Session;
use seatbelt_model::{ResourceState, RunId};
use tracing::Instrument;

use crate::{Engine, EngineError, Job, checkpoint::Checkpoint, plan, run::Done, team};

impl Engine {
    /// Works on what the leader of `run` has cut into slices, until none is left. Commits nothing, and touches neither the system's lease nor the
    /// run's record. Any number may help at once, and any of them may die.
    ///
    /// # Errors
    /// [`EngineError::Over`] if the run has ended; [`EngineError::Interrupted`] if the deadline came first, with everything checkpointed; else
    /// what went wrong with the vault or the catalog. What the vendor does wrong is the leader's to judge.
    pub async fn help(&self, job: &Job<'_>, run: RunId) -> Result<(), EngineError> {
        let span = tracing::info_span!("help", system = job.name, run = %run);
        self.help_with(job, run).instrument(span).await
    }

    async fn help_with(&self, job: &Job<'_>, id: RunId) -> Result<(), EngineError> {
        let over = || EngineError::Over {
            system: job.name.to_owned(),
            run: id,
        };
        let run = self.catalog.run(job.name, id).await?;
        let run = run.filter(|run| !run.status.is_final()).ok_or_else(over)?;
        let previous = self.vault.newest(job.name).await?;
        if previous.as_ref().is_some_and(|previous| previous.id >= id) {
            return Err(over());
        }
        let units = self.catalog.units(job.name, id).await?;
        let mut done = Done::default();
        let mut task = None;
        for resource in plan::resources(job.connector, job.system)? {
            let unit = units.iter().find(|unit| unit.name == resource.name);
            match unit.and_then(settled) {
                Some(state) => done.settle(resource.name, state),
                None => task = task.or(unit.and_then(cut).map(|checkpoint| (resource, checkpoint))),
            }
        }
        // The leader has gone on alone meanwhile, or nothing is cut.
        let Some((resource, checkpoint)) = task else {
            return Ok(());
        };
        let session = Session::open(job.connector, self.options(job)).await?;
        session.share_among(session.workers());
        let worker = job.relay.worker.clone();
        let worker = worker.unwrap_or_else(|| format!("{:016x}", fastrand::u64(..)));
        let context = self.context(job, session, &run, worker, None);
        let before = plan::previous_state(previous.as_ref(), resource);
        team::work(&context, &done, resource, before, checkpoint.mode, &checkpoint.slices)
            .instrument(tracing::info_span!("resource", resource = resource.name))
            .await
    }
}

fn settled(unit: &Unit) -> Option<ResourceState> {
    let result = unit.result.as_ref().filter(|_| unit.state == UnitState::Done)?;
    serde_json::from_value(result.clone()).ok()
}

fn cut(unit: &Unit) -> Option<Checkpoint> {
    let checkpoint: Checkpoint = serde_json::from_value(unit.checkpoint.clone()?).ok()?;
    (!checkpoint.slices.is_empty()).then_some(checkpoint)
}
