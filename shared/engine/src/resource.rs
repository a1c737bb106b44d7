//! One resource from reading to its new state: listed, compared with the last snapshot, its files fetched, its delta stored.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use seatbelt_connector_kit::{KitError, Resource};
use seatbelt_model::{Changes, Event, Freshness, Receipt, ResourceState, json::Pointer};
use seatbelt_vault::{Described, LayerWriter, Staged, Sweep, Written};

use crate::{
    EngineError, files,
    listing::{self, Checkpoint, Progress},
    plan::Mode,
    run::{Context, Done},
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
    let listed = listing::read(context, done, resource, previous, mode, checkpoint).await?;
    context.observer.notice(Event::Comparing {
        resource: resource.name.to_owned(),
    });
    let staged = listed.stager.finish().await?;
    let mut progress = listed.progress;
    progress.receipt.duplicates += staged.duplicates();
    let written = match staged.base(&context.vault, &context.system, context.id).await? {
        Some(written) if previous.is_none() => written,
        _ => compare(context, resource, previous, staged, listed.sweep, &mut progress.receipt).await?,
    };
    let answered = progress.receipt.read > 0 || (!progress.failed && listed.fatal.is_none());
    let ended = progress.ended;
    let described = describe(context, resource, previous, progress, listed.sweep);
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
        fatal: listed.fatal,
    })
}

/// Finds what differs from the last snapshot, fetches the files of it, and stores it as a layer.
async fn compare(
    context: &Context<'_>,
    resource: &'static Resource,
    previous: Option<&ResourceState>,
    staged: Staged,
    sweep: Sweep,
    receipt: &mut Receipt,
) -> Result<Written, EngineError> {
    let volatile: Vec<Pointer> = resource.volatile.iter().map(|pointer| Pointer::new(pointer)).collect();
    let compared = context
        .vault
        .compare(
            &context.system,
            previous,
            staged,
            sweep,
            &volatile,
            &resource.key_rule(),
        )
        .await?;
    let mut differences = files::with_bodies(context, resource, compared.into_stream());
    let mut writer = LayerWriter::after(previous, &context.vault, &context.system, context.id);
    while let Some(difference) = differences.next().await {
        let (difference, missing) = difference?;
        missing.into_iter().for_each(|gap| receipt.gap(gap));
        writer.push(&difference).await?;
        context.beat().await?;
    }
    Ok(writer.finish().await?)
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
