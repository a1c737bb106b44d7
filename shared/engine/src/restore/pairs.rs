//! Where the wanted and the spoiled state of a record come from: two snapshots, or what a restore itself did.

use std::collections::HashMap;

use async_stream::try_stream;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream::BoxStream};
use seatbelt_connector_kit::Resource;
use seatbelt_model::{ChangeKind, RunId, Snapshot};
use seatbelt_vault::{Body, Difference, StoredBody, Vault, line};
use serde::{Deserialize, Serialize};

use super::{
    Action,
    journal::{AFTER, After, BEFORE, Before, Image, parse},
    rehearse::{self, Sample},
};
use crate::EngineError;

/// One record in both states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) key: String,
    pub(super) wanted: Option<String>,
    pub(super) spoiled: Option<String>,
    /// The stored bytes of both.
    pub(super) wanted_file: Option<StoredBody>,
    pub(super) spoiled_file: Option<StoredBody>,
}

impl Pair {
    pub(super) fn kind(&self) -> ChangeKind {
        match (&self.wanted, &self.spoiled) {
            (Some(_), None) => ChangeKind::Removed,
            (None, _) => ChangeKind::Added,
            (Some(_), Some(_)) => ChangeKind::Changed,
        }
    }
}

/// Where pairs come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// What changed between two snapshots.
    Snapshots {
        wanted: Box<Snapshot>,
        spoiled: Box<Snapshot>,
    },
    /// Some records of a snapshot, as if all of them were gone.
    Sample { snapshot: Box<Snapshot>, keys: Sample },
    /// What a restore did.
    Run(RunId),
}

/// Where a plan leads and whence, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Back to `wanted`, undoing what came until `spoiled`.
    Between {
        /// The snapshot to go back to.
        wanted: RunId,
        /// The snapshot right after the bad change.
        spoiled: RunId,
    },
    /// Back to before this restore.
    Undo(RunId),
}

impl Source {
    pub(super) fn way(&self) -> Way {
        match self {
            Self::Snapshots { wanted, spoiled } => Way::Between {
                wanted: wanted.id,
                spoiled: spoiled.id,
            },
            Self::Sample { snapshot, .. } => Way::Between {
                wanted: snapshot.id,
                spoiled: snapshot.id,
            },
            Self::Run(run) => Way::Undo(*run),
        }
    }

    /// The differences in `resource`, those of `keys` if any are named. Memory is bounded, whatever changed.
    pub(super) fn pairs<'a>(
        &'a self,
        vault: &'a Vault,
        system: &'a str,
        resource: &'a Resource,
        keys: &'a [String],
    ) -> BoxStream<'a, Result<Pair, EngineError>> {
        match self {
            Self::Snapshots { wanted, spoiled } if keys.is_empty() => {
                let changes = vault.changes(system, resource.name, Some(wanted.id), spoiled.id);
                changes.map(|found| pair(found?)).boxed()
            }
            Self::Snapshots { wanted, spoiled } => named(vault, system, resource, [wanted, spoiled], keys).boxed(),
            Self::Sample { snapshot, keys } => sampled(vault, system, resource, snapshot, keys).boxed(),
            Self::Run(run) => done(vault, system, resource, *run).boxed(),
        }
    }
}

fn named<'a>(
    vault: &'a Vault,
    system: &'a str,
    resource: &'a Resource,
    snapshots: [&'a Snapshot; 2],
    keys: &'a [String],
) -> impl Stream<Item = Result<Pair, EngineError>> + Send + 'a {
    try_stream! {
        for key in keys {
            let mut lines = [None, None];
            for (line, snapshot) in lines.iter_mut().zip(snapshots) {
                if let Some(state) = snapshot.resources.get(resource.name) {
                    *line = vault.get(system, state, key).await?;
                }
            }
            let [before, after] = lines;
            if let Some(difference) = Difference::between(key.clone(), before, after) {
                yield pair(difference)?;
            }
        }
    }
}

fn sampled<'a>(
    vault: &'a Vault,
    system: &'a str,
    resource: &'a Resource,
    snapshot: &'a Snapshot,
    keys: &'a Sample,
) -> impl Stream<Item = Result<Pair, EngineError>> + Send + 'a {
    try_stream! {
        let state = snapshot.resources.get(resource.name);
        for key in keys.get(resource.name).into_iter().flatten() {
            let Some(state) = state else { continue };
            let line = vault.get(system, state, key).await?;
            if let Some(difference) = Difference::between(key.clone(), line, None) {
                let mut pair = pair(difference)?;
                pair.wanted = pair.wanted.map(|record| rehearse::alone(resource, &record, keys));
                yield pair;
            }
        }
    }
}

fn pair(difference: Difference) -> Result<Pair, EngineError> {
    let (wanted, wanted_file) = open(difference.before)?;
    let (spoiled, spoiled_file) = open(difference.after)?;
    Ok(Pair {
        key: difference.key,
        wanted,
        spoiled,
        wanted_file,
        spoiled_file,
    })
}

fn open(line: Option<Bytes>) -> Result<(Option<String>, Option<StoredBody>), EngineError> {
    let Some(line) = line else { return Ok((None, None)) };
    let text = std::str::from_utf8(&line).map_err(|_| EngineError::Bug("a stored line is not UTF-8".into()))?;
    let (record, extra) = line::split(text);
    let file = match extra.and_then(|extra| extra.body) {
        Some(Body::Stored(body)) => Some(body),
        _ => None,
    };
    Ok((Some(record.into_owned()), file))
}

/// What a restore found and left of the records of one resource. A record that was touched twice is one pair.
fn done<'a>(
    vault: &'a Vault,
    system: &'a str,
    resource: &'a Resource,
    run: RunId,
) -> impl Stream<Item = Result<Pair, EngineError>> + Send + 'a {
    try_stream! {
        let names: Vec<String> = vault.restores(system, Some(run)).await?.into_iter().map(|document| document.name).collect();
        let batches: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix(AFTER)).collect();
        let (mut firsts, mut linked) = (Vec::new(), HashMap::new());
        for batch in batches {
            let Some(json) = vault.restore(system, run, &format!("{batch}{AFTER}")).await? else { continue };
            let after: After = parse(&json)?;
            if after.resource != resource.name {
                continue;
            }
            if after.action == Action::Link {
                let images = images(vault, system, &after.object).await?;
                linked.extend(images.into_iter().map(|image| (image.key.clone(), image)));
            } else {
                firsts.push((batch, after));
            }
        }
        for (batch, after) in firsts {
            let Some(json) = vault.restore(system, run, &format!("{batch}{BEFORE}")).await? else { continue };
            let before: Before = parse(&json)?;
            let before = images(vault, system, &before.object).await?;
            let after = images(vault, system, &after.object).await?;
            for (before, after) in before.into_iter().zip(after) {
                if !after.written {
                    continue;
                }
                let after = linked.remove(&after.key).unwrap_or(after);
                yield Pair {
                    key: after.key,
                    wanted: before.record.map(String::from_raw),
                    spoiled: after.record.map(String::from_raw),
                    wanted_file: before.file,
                    spoiled_file: after.file,
                };
            }
        }
    }
}

trait FromRaw {
    fn from_raw(raw: Box<serde_json::value::RawValue>) -> String;
}

impl FromRaw for String {
    fn from_raw(raw: Box<serde_json::value::RawValue>) -> String {
        raw.get().to_owned()
    }
}

pub(super) async fn images(vault: &Vault, system: &str, object: &str) -> Result<Vec<Image>, EngineError> {
    let lines = vault.lines(system, object).await?;
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(parse).collect()
}

/// The first `most` pairs of a stream; fewer at its end.
pub(super) async fn window(
    pairs: &mut BoxStream<'_, Result<Pair, EngineError>>,
    most: usize,
    mut takes: impl FnMut(&Pair) -> bool,
) -> Result<Vec<Pair>, EngineError> {
    let mut window = Vec::new();
    while window.len() < most {
        match pairs.try_next().await? {
            Some(pair) if takes(&pair) => window.push(pair),
            Some(_) => {}
            None => break,
        }
    }
    Ok(window)
}
