//! One resource from reading to its new state: listed, compared with the last snapshot, its files fetched, its delta stored.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use seatbelt_connector_kit::{KitError, Resource};
use seatbelt_model::{Changes, Event, Freshness, GapReason, Receipt, ResourceState, json::Pointer};
use seatbelt_vault::{Described, LayerWriter, Staged, Stager, Sweep, Written};

use crate::{
    EngineError,
    checkpoint::{Checkpoint, Files, Progress},
    files,
    listing::{self, Listed},
    plan::Mode,
    run::{Context, Done},
    team,
};

/// What became of a resource in this run.
pub(crate) struct Settled {
    pub(crate) state: ResourceState,
    /// Whether the vendor answered at all.
    pub(crate) answered: bool,
    /// Whether anything of it was read to its end.
    pub(crate) ended: bool,
    /// A failure that concerns the rest of the run too.
    pub(crate) fatal: Option<KitError>,
}

/// Reads `resource` and stores what differs from `previous`.
///
/// # Errors
/// [`EngineError::Interrupted`], vault and catalog errors; what the vendor does wrong is in the receipt.
pub(crate) async fn back_up(
    context: &Context<'_>,
    done: &Done,
    resource: &'static Resource,
    previous: Option<&ResourceState>,
    mode: Mode,
    checkpoint: Option<Checkpoint>,
) -> Result<Settled, EngineError> {
    let expected = previous.map_or(0, |previous| previous.records);
    context.observer.notice(Event::Started {
        resource: resource.name.to_owned(),
        expected,
    });
    let mut listed = match checkpoint {
        Some(Checkpoint {
            files: Some(files),
            staged,
            progress,
            mode,
            ..
        }) => Listed {
            staged: Staged::from_runs(staged.clone()),
            kept: staged,
            sweep: if files.swept { Sweep::Full } else { Sweep::Changes },
            mode,
            progress,
            fatal: None,
            fetched: files.fetched,
        },
        checkpoint => {
            let cut = checkpoint.as_ref().filter(|checkpoint| !checkpoint.slices.is_empty());
            let together = match (&checkpoint, cut) {
                (Some(_), None) => None,
                _ => team::list(context, done, resource, previous, mode, cut).await?,
            };
            match together {
                Some(listed) => listed,
                None => listing::read(context, done, resource, previous, mode, checkpoint, None).await?,
            }
        }
    };
    context.observer.notice(Event::Comparing {
        resource: resource.name.to_owned(),
    });
    let base = listed.staged.base(&context.vault, &context.system, context.id).await?;
    let written = match base.filter(|_| previous.is_none() && resource.kind.file().is_none()) {
        Some(written) => written,
        None => compare(context, resource, previous, &mut listed).await?,
    };
    let Listed {
        progress, sweep, fatal, ..
    } = listed;
    let answered = progress.receipt.read > 0 || (!progress.failed && fatal.is_none());
    let ended = progress.ended;
    let described = describe(context, resource, previous, progress, sweep);
    let state = context
        .vault
        .resource_state(&context.system, context.id, previous, written, described)
        .await?;
    let gaps = state.receipt.gaps.len() as u64;
    context.observer.notice(Event::Done {
        resource: resource.name.to_owned(),
        records: state.records,
        gaps,
    });
    Ok(Settled {
        state,
        answered,
        ended,
        fatal,
    })
}

/// Finds what differs from the last snapshot, fetches the files of it, and stores it as a layer.
async fn compare(
    context: &Context<'_>,
    resource: &'static Resource,
    previous: Option<&ResourceState>,
    listed: &mut Listed,
) -> Result<Written, EngineError> {
    let volatile: Vec<Pointer> = resource.volatile.iter().map(|pointer| Pointer::new(pointer)).collect();
    let (rule, staged) = (
        resource.key_rule(),
        std::mem::replace(&mut listed.staged, Staged::from_runs(Vec::new())),
    );
    let compared = context
        .vault
        .compare(&context.system, previous, staged, listed.sweep, &volatile, &rule)
        .await?;
    let fetched = std::mem::take(&mut listed.fetched);
    let mut log = context.body_log(resource, fetched.clone());
    let mut differences = files::with_bodies(context, resource, fetched, compared.into_stream());
    let mut writer = LayerWriter::after(previous, &context.vault, &context.system, context.id);
    while let Some(found) = differences.next().await {
        let found = match found {
            Err(EngineError::Interrupted) => {
                keep_files(context, resource, listed, &mut log).await?;
                return Err(EngineError::Interrupted);
            }
            found => found?,
        };
        if let Some(entry) = files::log_entry(&found)? {
            log.put(&found.difference.key, &entry).await?;
        }
        found.gap.into_iter().for_each(|gap| listed.progress.receipt.gap(gap));
        writer.push(&found.difference).await?;
        if resource.kind.file().is_some() && context.checkpoint_is_due() {
            keep_files(context, resource, listed, &mut log).await?;
        }
        context.beat().await?;
    }
    Ok(writer.finish().await?)
}

/// Stores which files are fetched, so that whoever goes on with the run need not list or fetch them again.
async fn keep_files(
    context: &Context<'_>,
    resource: &'static Resource,
    listed: &Listed,
    log: &mut Stager,
) -> Result<(), EngineError> {
    let progress = Progress {
        receipt: without_bodies(&listed.progress.receipt),
        ..listed.progress.clone()
    };
    let files = Files {
        swept: listed.sweep == Sweep::Full,
        fetched: log.flush().await?,
    };
    let checkpoint = Checkpoint {
        staged: listed.kept.clone(),
        progress,
        files: Some(files),
        ..Checkpoint::of(listed.mode)
    };
    context.checkpoint(resource, &checkpoint).await
}

/// The receipt of the listing alone: files that could not be had are tried again.
fn without_bodies(receipt: &Receipt) -> Receipt {
    let gaps = receipt.gaps.iter().filter(|gap| gap.reason != GapReason::BodyMissing);
    Receipt {
        gaps: gaps.cloned().collect(),
        ..receipt.clone()
    }
}

fn describe(
    context: &Context<'_>,
    resource: &'static Resource,
    previous: Option<&ResourceState>,
    mut progress: Progress,
    sweep: Sweep,
) -> Described {
    drift(previous, &mut progress, sweep);
    let before = previous.map(|previous| &previous.freshness);
    let read_at = match before {
        Some(before) if progress.failed => before.read_at,
        _ => context.started,
    };
    let freshness = Freshness {
        read_at,
        full_sweep_at: match before {
            Some(before) if sweep != Sweep::Full => before.full_sweep_at,
            None if sweep != Sweep::Full => NEVER,
            _ => context.started,
        },
        stale_since: progress
            .failed
            .then(|| before.and_then(|before| before.stale_since).unwrap_or(read_at)),
    };
    Described {
        kind: resource.kind.plain(),
        key: resource.key_rule(),
        cursors: progress.cursors,
        fields: progress.fields.into_iter().collect(),
        receipt: progress.receipt,
        freshness,
    }
}

/// A date that makes the next run sweep everything.
const NEVER: jiff::Timestamp = jiff::Timestamp::UNIX_EPOCH;

/// The state of a resource this run could not read: the last one, marked stale with its date.
pub(crate) fn carried(
    context: &Context<'_>,
    resource: &'static Resource,
    previous: Option<&ResourceState>,
    why: &str,
) -> ResourceState {
    let gap = seatbelt_model::Gap {
        reason: seatbelt_model::GapReason::Failed,
        at: String::new(),
        detail: format!("not read: {why}"),
        more: 0,
    };
    let receipt = Receipt {
        gaps: vec![gap],
        ..Receipt::default()
    };
    match previous {
        Some(previous) => ResourceState {
            delta: None,
            changes: Changes::default(),
            receipt,
            freshness: Freshness {
                stale_since: previous.freshness.stale_since.or(Some(previous.freshness.read_at)),
                ..previous.freshness.clone()
            },
            ..previous.clone()
        },
        None => ResourceState {
            kind: resource.kind.plain(),
            key: resource.key_rule(),
            layers: Vec::new(),
            delta: None,
            records: 0,
            bytes: 0,
            body_bytes: 0,
            changes: Changes::default(),
            cursors: std::collections::BTreeMap::new(),
            fields: Vec::new(),
            receipt,
            freshness: Freshness {
                read_at: NEVER,
                full_sweep_at: NEVER,
                stale_since: Some(context.started),
            },
        },
    }
}

/// Notes fields that appeared or went away. Keeps the fields of the last snapshot where only a part was read.
fn drift(previous: Option<&ResourceState>, progress: &mut Progress, sweep: Sweep) {
    let Some(previous) = previous.filter(|previous| !previous.fields.is_empty()) else {
        return;
    };
    let before: BTreeSet<String> = previous.fields.iter().cloned().collect();
    let list = |fields: Vec<&String>| fields.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let appeared = list(progress.fields.difference(&before).collect());
    let vanished = list(before.difference(&progress.fields).collect());
    if !appeared.is_empty() {
        progress.receipt.notes.push(format!("schema: new fields {appeared}"));
    }
    if sweep != Sweep::Full {
        progress.fields.extend(before);
    } else if !vanished.is_empty() && progress.receipt.read > 0 {
        progress.receipt.notes.push(format!("schema: fields gone {vanished}"));
    }
}
