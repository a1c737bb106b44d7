//! What all steps of one run share: where it writes, who watches, when it must stop.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use seatbelt_catalog::{Catalog, Lease};
use seatbelt_connector_kit::{Resource, Session};
use seatbelt_model::{Clock, Observer, ResourceState, Run, RunId, Traffic};
use seatbelt_vault::{StagedRun, Stager, Vault};

use crate::{EngineError, checkpoint::Checkpoint, team::Team};

/// How long a lease lasts unless it is renewed. Longer than the longest wait for one answer.
pub(crate) const LEASE: Duration = Duration::from_mins(15);
/// How long a claim on a slice lasts unless it is renewed: longer than the longest wait for one answer, too.
pub(crate) const CLAIM: Duration = Duration::from_mins(10);
/// An invocation that lasts so long gives every file its chance.
const LONG: SignedDuration = SignedDuration::from_mins(5);
/// The lease is renewed and the heartbeat written this often.
const BEAT: SignedDuration = SignedDuration::from_mins(1);
/// Work is checkpointed this often, so that a killed run loses no more.
const CHECKPOINT: SignedDuration = SignedDuration::from_secs(60);

/// Asks a run to stop at its next checkpoint. Clones ask together.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether anyone asked.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The states this run has settled so far.
#[derive(Default)]
pub(crate) struct Done {
    states: BTreeMap<String, ResourceState>,
    fresh: BTreeSet<String>,
}

impl Done {
    /// Takes a state that this run has read.
    pub(crate) fn settle(&mut self, name: &str, state: ResourceState) {
        self.fresh.insert(name.to_owned());
        self.states.insert(name.to_owned(), state);
    }

    /// Takes a state of the last snapshot.
    pub(crate) fn carry(&mut self, name: &str, state: ResourceState) {
        self.states.insert(name.to_owned(), state);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&ResourceState> {
        self.states.get(name)
    }

    /// Whether the state's delta is of this run.
    pub(crate) fn is_fresh(&self, name: &str) -> bool {
        self.fresh.contains(name)
    }

    pub(crate) fn into_states(self) -> BTreeMap<String, ResourceState> {
        self.states
    }
}

/// What the steps of a run share.
pub(crate) struct Context<'a> {
    pub(crate) vault: Vault,
    pub(crate) catalog: Catalog,
    pub(crate) session: Arc<Session>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) system: String,
    pub(crate) id: RunId,
    /// When the run started by the clock; the cap of every cursor.
    pub(crate) started: Timestamp,
    pub(crate) stop: &'a Stop,
    /// When this invocation began.
    pub(crate) since: Timestamp,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) worker: String,
    /// Who can be called to help.
    pub(crate) team: Option<Arc<dyn Team>>,
    /// What earlier invocations have cost.
    pub(crate) before: Traffic,
    pub(crate) pulse: Mutex<Pulse>,
}

/// When the run last gave a sign of life.
pub(crate) struct Pulse {
    /// The leader's; other workers have none.
    pub(crate) lease: Option<Lease>,
    /// The slice at work, if one is.
    pub(crate) unit: Option<String>,
    /// What other workers' slices have cost.
    pub(crate) helped: Traffic,
    pub(crate) run: Run,
    pub(crate) beat: Timestamp,
    pub(crate) checkpoint: Timestamp,
}

impl Context<'_> {
    pub(crate) fn concurrency(&self) -> usize {
        self.session.pace().concurrency.max(1) as usize
    }

    pub(crate) fn stager(&self, unit: &str, staged: Vec<StagedRun>, fresh: bool) -> Stager {
        self.vault.stager(&self.system, self.id, unit, fresh, staged)
    }

    /// A stager for the bodies of files that are fetched, so that none is fetched twice.
    pub(crate) fn body_log(&self, resource: &'static Resource, fetched: Vec<StagedRun>) -> Stager {
        let unit = format!("{}.files", resource.name);
        self.vault.stager(&self.system, self.id, &unit, false, fetched)
    }

    /// Whether the run was asked to stop, or has just time left to checkpoint.
    pub(crate) fn must_stop(&self) -> bool {
        self.stop.is_requested() || self.deadline.is_some_and(|deadline| self.clock.now() >= deadline)
    }

    /// Whether something begun at `begun` had at least four fifths of this invocation's time, and that was long.
    pub(crate) fn had_most_of_its_time(&self, begun: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| {
            let whole = deadline.duration_since(self.since);
            whole >= LONG && deadline.duration_since(begun) >= whole * 4 / 5
        })
    }

    pub(crate) fn checkpoint_is_due(&self) -> bool {
        let age = self.clock.now().duration_since(self.pulse().checkpoint);
        age >= CHECKPOINT || age < SignedDuration::ZERO
    }

    /// Stores where the reading of `resource`, or of the slice of it that is at work, can go on.
    pub(crate) async fn checkpoint(&self, resource: &Resource, checkpoint: &Checkpoint) -> Result<(), EngineError> {
        let value = serde_json::to_value(checkpoint).map_err(|error| EngineError::Bug(error.to_string()))?;
        let slice = self.pulse().unit.clone();
        let unit = slice.as_deref().unwrap_or(resource.name);
        self.catalog
            .checkpoint(&self.system, self.id, unit, &self.worker, &value)
            .await?;
        self.pulse().checkpoint = self.clock.now();
        Ok(())
    }

    /// What the run has cost so far, in earlier invocations and by other workers too.
    pub(crate) fn traffic(&self) -> Traffic {
        let pulse = self.pulse();
        let mut traffic = self.before;
        traffic += self.session.traffic();
        traffic += pulse.helped;
        traffic
    }

    /// Renews the lease, and the claim on a slice, and writes the heartbeat, if it is time. Called from every loop that may take long.
    ///
    /// # Errors
    /// When the lease was lost, so that two runs never commit for one system at a time; or the claim.
    pub(crate) async fn beat(&self) -> Result<(), EngineError> {
        let now = self.clock.now();
        let traffic = self.traffic();
        let (lease, unit, run) = {
            let mut pulse = self.pulse();
            let age = now.duration_since(pulse.beat);
            if age < BEAT && age >= SignedDuration::ZERO {
                return Ok(());
            }
            pulse.beat = now;
            pulse.run.heartbeat_at = now;
            pulse.run.traffic = traffic;
            (pulse.lease.clone(), pulse.unit.clone(), pulse.run.clone())
        };
        if let Some(unit) = unit {
            let (system, worker) = (&self.system, &self.worker);
            self.catalog
                .renew_claim(system, self.id, &unit, worker, now, CLAIM)
                .await?;
        }
        // The record of the run is the leader's.
        if let Some(lease) = lease {
            let lease = self.catalog.renew(&lease, now, LEASE).await?;
            self.pulse().lease = Some(lease);
            self.catalog.save_run(&run).await?;
        }
        Ok(())
    }

    pub(crate) fn pulse(&self) -> std::sync::MutexGuard<'_, Pulse> {
        self.pulse.lock().expect("nothing panics while it holds the pulse")
    }
}
