//! Several workers on one run. A resource with many partitions is cut into slices, each a unit of its own, which workers claim; the leader, who
//! holds the system's lease, claims slices like everybody else, then puts together what all have staged and goes on alone.
//!
//! Workers share nothing but the catalog and staging. The vendor's pace is divided by their number, whether all of them are at work or not.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::TryStreamExt;
use seatbelt_catalog::{CatalogError, Unit, UnitPlan, UnitState};
use seatbelt_connector_kit::{KitError, Resource};
use seatbelt_model::{ResourceState, RunId, Traffic, key};
use seatbelt_vault::StagedRun;
use serde::{Deserialize, Serialize};

use crate::{
    EngineError,
    checkpoint::{Checkpoint, Files, Progress},
    listing::{self, Listed, Part},
    partitions::{Partition, partitions},
    plan::Mode,
    run::{CLAIM, Context, Done},
};

/// Calls workers to a run. Lambda is one way, tasks of one process another.
#[async_trait]
pub trait Team: Send + Sync {
    /// Starts worker number `worker` (1 and up) on `run` of `system`, and does not wait for it. It calls [`crate::Engine::help`].
    async fn call(&self, system: &str, run: RunId, worker: u32) -> anyhow::Result<()>;
}

/// Nobody to call, or somebody.
#[derive(Clone, Default)]
pub struct Helpers(pub Option<Arc<dyn Team>>);

impl fmt::Debug for Helpers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Helpers" } else { "no helpers" })
    }
}

/// Slices per worker, so that a slow one does not keep the others waiting at the end.
const SLICES_PER_WORKER: usize = 4;
/// A slice has at least so many partitions: each is worth the calls that hand it out.
const LEAST_PARTITIONS: usize = 4;
const MOST_SLICES: usize = 128;
/// Boundaries kept while partitions are counted, however many there are.
const MOST_MARKS: usize = 4096;
/// How often the leader looks whether the others are done.
const POLL: Duration = Duration::from_secs(5);

/// Partitions after `from` up to and with `to`, in the order of keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Slice {
    from: Option<String>,
    to: Option<String>,
}

impl Slice {
    pub(crate) fn holds(&self, partition: &str) -> bool {
        self.from
            .as_ref()
            .is_none_or(|from| key::compare(partition, from).is_gt())
            && self.to.as_ref().is_none_or(|to| key::compare(partition, to).is_le())
    }
}

/// What a worker leaves of a slice.
#[derive(Serialize, Deserialize)]
struct SliceResult {
    staged: Vec<StagedRun>,
    mode: Mode,
    progress: Progress,
    fatal: Option<Fatal>,
    /// What it cost, unless the leader did it, who counts all requests of its own.
    helped: Traffic,
}

/// A failure that concerns more than its slice.
#[derive(Serialize, Deserialize)]
struct Fatal {
    reconnect: bool,
    at: String,
    said: String,
}

/// Lists `resource` together with other workers. `None` if that is not worth it, or nobody can be called: the caller does it alone then.
///
/// # Errors
/// As [`listing::read`].
pub(crate) async fn list(
    context: &Context<'_>,
    done: &Done,
    resource: &'static Resource,
    previous: Option<&ResourceState>,
    mode: Mode,
    checkpoint: Option<&Checkpoint>,
) -> Result<Option<Listed>, EngineError> {
    let (slices, mode) = match checkpoint {
        Some(checkpoint) => (checkpoint.slices.clone(), checkpoint.mode),
        None if context.team.is_none() || context.session.workers() < 2 || resource.parent().is_none() => {
            return Ok(None);
        }
        None => (cut(context, done, resource, mode).await?, mode),
    };
    if slices.is_empty() {
        return Ok(None);
    }
    let kept = Checkpoint {
        slices: slices.clone(),
        ..Checkpoint::of(mode)
    };
    // The cut before its units: whoever goes on with the run must find the same.
    context.checkpoint(resource, &kept).await?;
    let plans = (0..slices.len()).map(|index| UnitPlan {
        name: unit_name(resource, index),
    });
    let plans: Vec<_> = plans.collect();
    context.catalog.plan_units(&context.system, context.id, &plans).await?;
    call_workers(context, resource).await?;
    context.session.share_among(context.session.workers());
    let worked = lead(context, done, resource, previous, mode, &slices).await;
    context.session.share_among(1);
    worked?;
    collect(context, resource, mode).await.map(Some)
}

fn unit_name(resource: &Resource, index: usize) -> String {
    format!("{}{index:04}", prefix(resource))
}

/// What the names of a resource's slices begin with. No resource has a tilde in its name.
fn prefix(resource: &Resource) -> String {
    format!("{}~", resource.name)
}

/// Cuts the partitions into slices of about the same number. Nothing if there are too few.
async fn cut(
    context: &Context<'_>,
    done: &Done,
    resource: &'static Resource,
    mode: Mode,
) -> Result<Vec<Slice>, EngineError> {
    let mut partitions = partitions(&context.vault, &context.system, done, resource, mode, None);
    let (mut marks, mut stride, mut count) = (Vec::new(), 1, 0_usize);
    while let Some(partition) = partitions.try_next().await? {
        let Partition::List(parent) = partition else { continue };
        if count.is_multiple_of(stride) {
            marks.push(parent.key);
        }
        count += 1;
        if marks.len() > MOST_MARKS {
            let mut index = 0;
            marks.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            stride *= 2;
        }
        context.beat().await?;
    }
    let workers = context.session.workers() as usize;
    let slices = (workers * SLICES_PER_WORKER)
        .min(MOST_SLICES)
        .min(count / LEAST_PARTITIONS);
    if slices < 2 {
        return Ok(Vec::new());
    }
    let mark = |index: usize| marks.get(index * marks.len() / slices).cloned();
    let slice = |index: usize| Slice {
        from: (index > 0).then(|| mark(index)).flatten(),
        to: (index + 1 < slices).then(|| mark(index + 1)).flatten(),
    };
    Ok((0..slices).map(slice).collect())
}

/// Calls as many workers as are missing. One that cannot be called is done without.
async fn call_workers(context: &Context<'_>, resource: &Resource) -> Result<(), EngineError> {
    let Some(team) = &context.team else { return Ok(()) };
    let units = slice_units(context, resource).await?;
    let (now, me) = (context.clock.now(), &context.worker);
    let mut at_work: Vec<_> = units
        .iter()
        .filter_map(|unit| match &unit.state {
            UnitState::Claimed { worker, until } if *until > now && worker != me => Some(worker),
            _ => None,
        })
        .collect();
    at_work.sort_unstable();
    at_work.dedup();
    let open = units.iter().filter(|unit| unit.state == UnitState::Open).count();
    let places = (context.session.workers() as usize - 1).saturating_sub(at_work.len());
    for worker in (1_u32..).take(places.min(open)) {
        match team.call(&context.system, context.id, worker).await {
            Ok(()) => context.pulse().run.workers += 1,
            Err(error) => tracing::warn!(worker, error = format!("{error:#}"), "a worker could not be called"),
        }
    }
    Ok(())
}

async fn slice_units(context: &Context<'_>, resource: &Resource) -> Result<Vec<Unit>, EngineError> {
    let mut units = context.catalog.units(&context.system, context.id).await?;
    let prefix = prefix(resource);
    units.retain(|unit| unit.name.starts_with(&prefix));
    Ok(units)
}

/// Works on slices, and waits for those that others work on.
async fn lead(
    context: &Context<'_>,
    done: &Done,
    resource: &'static Resource,
    previous: Option<&ResourceState>,
    mode: Mode,
    slices: &[Slice],
) -> Result<(), EngineError> {
    loop {
        work(context, done, resource, previous, mode, slices).await?;
        let units = slice_units(context, resource).await?;
        if units.iter().all(|unit| unit.state == UnitState::Done) {
            return Ok(());
        }
        context.clock.sleep(POLL).await;
        if context.must_stop() {
            return Err(EngineError::Interrupted);
        }
        context.beat().await?;
    }
}

/// Claims and lists slices until none is free.
///
/// # Errors
/// [`EngineError::Interrupted`] when the worker's time has ended; its slice is checkpointed and free for others.
pub(crate) async fn work(
    context: &Context<'_>,
    done: &Done,
    resource: &'static Resource,
    previous: Option<&ResourceState>,
    mode: Mode,
    slices: &[Slice],
) -> Result<(), EngineError> {
    let (catalog, system, run, me) = (&context.catalog, &context.system, context.id, &context.worker);
    let prefix = prefix(resource);
    loop {
        if context.must_stop() {
            return Err(EngineError::Interrupted);
        }
        let now = context.clock.now();
        let Some(unit) = catalog.claim_unit(system, run, &prefix, me, now, CLAIM).await? else {
            return Ok(());
        };
        let index = unit
            .name
            .strip_prefix(&prefix)
            .and_then(|index| index.parse::<usize>().ok());
        let slice = index.and_then(|index| slices.get(index)).cloned();
        let slice = slice.ok_or_else(|| EngineError::Bug(format!("unit {} is no slice of the cut", unit.name)))?;
        let checkpoint = unit.checkpoint.and_then(|value| serde_json::from_value(value).ok());
        let before = context.session.traffic();
        let part = Part {
            unit: unit.name.clone(),
            slice,
        };
        context.pulse().unit = Some(unit.name.clone());
        let listed = listing::read(context, done, resource, previous, mode, checkpoint, Some(part)).await;
        context.pulse().unit = None;
        let outcome = match listed {
            Ok(listed) => {
                let is_leader = context.pulse().lease.is_some();
                let helped = if is_leader {
                    Traffic::default()
                } else {
                    context.session.traffic() - before
                };
                let result = serde_json::to_value(SliceResult::of(listed, helped));
                let result = result.map_err(|error| EngineError::Bug(error.to_string()))?;
                catalog
                    .finish_unit(system, run, &unit.name, me, &result)
                    .await
                    .map_err(EngineError::from)
            }
            Err(error) => {
                catalog.release_unit(system, run, &unit.name, me).await?;
                Err(error)
            }
        };
        match outcome {
            // Somebody took it over, thinking this worker dead, and does it again.
            Err(EngineError::Catalog(CatalogError::ClaimLost { .. })) => {}
            outcome => outcome?,
        }
    }
}

impl SliceResult {
    fn of(listed: Listed, helped: Traffic) -> Self {
        let fatal = listed.fatal.map(|error| Fatal {
            reconnect: matches!(error, KitError::Reconnect { .. }),
            at: String::new(),
            said: error.to_string(),
        });
        Self {
            staged: listed.kept,
            mode: listed.mode,
            progress: listed.progress,
            fatal,
            helped,
        }
    }
}

/// Puts together what the workers staged, in the order of the slices, and checkpoints it: from here on one worker goes on.
async fn collect(context: &Context<'_>, resource: &'static Resource, mode: Mode) -> Result<Listed, EngineError> {
    let (mut staged, mut progress, mut fatal) = (Vec::new(), None::<Progress>, None);
    for unit in slice_units(context, resource).await? {
        let result = unit
            .result
            .and_then(|value| serde_json::from_value::<SliceResult>(value).ok());
        let result = result.ok_or_else(|| EngineError::Bug(format!("unit {} has no result that reads", unit.name)))?;
        staged.extend(result.staged);
        progress = Some(match progress {
            Some(progress) => progress.join(result.progress),
            None => result.progress,
        });
        fatal = fatal.or(result.fatal.map(KitError::from));
        context.pulse().helped += result.helped;
    }
    let progress = progress.ok_or_else(|| EngineError::Bug("a cut without slices".into()))?;
    let listed = listing::conclude(resource, mode, progress, fatal, staged);
    let files = Files {
        swept: listed.sweep == seatbelt_vault::Sweep::Full,
        fetched: Vec::new(),
    };
    let checkpoint = Checkpoint {
        staged: listed.kept.clone(),
        progress: listed.progress.clone(),
        files: Some(files),
        ..Checkpoint::of(mode)
    };
    context.checkpoint(resource, &checkpoint).await?;
    Ok(listed)
}

impl From<Fatal> for KitError {
    fn from(fatal: Fatal) -> Self {
        let Fatal { reconnect, at, said } = fatal;
        if reconnect {
            Self::Reconnect { at, said }
        } else {
            Self::Exhausted {
                at,
                said,
                tries: 1,
                spent_s: 0,
            }
        }
    }
}
