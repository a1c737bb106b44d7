//! A rehearsal: a sample of a snapshot, chosen so that it stands on its own, planned into a system that is not the one it came from.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;
use seatbelt_connector_kit::Resource;
use seatbelt_model::{
    Kind, ResourceState, Snapshot,
    json::{self, Pointer},
};
use seatbelt_vault::line;

use super::{Planned, Selection, Sink, fields::Shape, ids::references, order::order, pairs::Source, tree::Tree};
use crate::{Engine, EngineError, Job};

/// Records of a sample, however many a record draws along.
const MOST: usize = 2_000;

/// Records of a resource that is configuration.
const MOST_METADATA: u64 = 200;

/// Keys by resource.
pub(super) type Sample = BTreeMap<String, BTreeSet<String>>;

impl Engine {
    /// Plans to create about `each` records of every resource of `snapshot` that can be created, and those they refer to, in the system that the
    /// job's settings and secret lead to: a sandbox, never the one the snapshot is of. Writes nothing. Records below a parent are left out:
    /// their parents' keys mean nothing elsewhere before those are created.
    ///
    /// # Errors
    /// As [`Engine::plan_restore`].
    pub async fn plan_rehearsal(
        &self,
        job: &Job<'_>,
        snapshot: &Snapshot,
        each: u64,
        sink: Sink<'_>,
    ) -> Result<Planned, EngineError> {
        let keys = self.sample(job, snapshot, each).await?;
        let selection = Selection {
            resources: keys.keys().cloned().collect(),
            removed: true,
            ..Selection::default()
        };
        let source = Source::Sample {
            snapshot: Box::new(snapshot.clone()),
            keys,
        };
        self.plan(job, source, selection, sink).await
    }

    async fn sample(&self, job: &Job<'_>, snapshot: &Snapshot, each: u64) -> Result<Sample, EngineError> {
        let mut sample = Sample::new();
        let mut drawn = Vec::new();
        for resource in order(job.connector) {
            let Some(state) = creatable(resource, snapshot) else {
                continue;
            };
            // Records stand on the configuration: all of it comes along.
            let each = if resource.kind.plain() == Kind::Metadata {
                MOST_METADATA
            } else {
                each
            };
            let stride = state.records.div_ceil(each.max(1)).max(1);
            let mut records = std::pin::pin!(self.vault.state(job.name, state));
            let mut at = 0;
            while let Some((key, _)) = records.try_next().await? {
                if at % stride == 0 {
                    drawn.push((resource, key));
                }
                at += 1;
            }
        }
        while let Some((resource, key)) = drawn.pop() {
            let taken: usize = sample.values().map(BTreeSet::len).sum();
            if taken >= MOST || !sample.entry(resource.name.to_owned()).or_default().insert(key.clone()) {
                continue;
            }
            drawn.extend(self.referred_to(job, snapshot, resource, &key).await?);
        }
        Ok(sample)
    }

    /// The records that one refers to, so far as they are held and can be created.
    async fn referred_to(
        &self,
        job: &Job<'_>,
        snapshot: &Snapshot,
        resource: &'static Resource,
        key: &str,
    ) -> Result<Vec<(&'static Resource, String)>, EngineError> {
        let (Some(shape), Some(state)) = (Shape::of(resource), snapshot.resources.get(resource.name)) else {
            return Ok(Vec::new());
        };
        let Some(stored) = self.vault.get(job.name, state, key).await? else {
            return Ok(Vec::new());
        };
        let stored = String::from_utf8_lossy(&stored).into_owned();
        let (record, _) = line::split(&stored);
        let mut found = Vec::new();
        for reference in references(shape.writes, &record) {
            let mut values = Vec::new();
            let at = Pointer::new(reference.at).parts().to_vec();
            Tree::parse(&record).visit(&at, &mut |value| {
                if let Tree::Scalar(text) = value {
                    values.extend(json::scalar(text).map(std::borrow::Cow::into_owned));
                }
            });
            for target in reference.to.iter().filter_map(|name| job.connector.resource(name)) {
                let Some(state) = creatable(target, snapshot) else {
                    continue;
                };
                for value in &values {
                    if self.vault.get(job.name, state, value).await?.is_some() {
                        found.push((target, value.clone()));
                    }
                }
            }
        }
        Ok(found)
    }
}

/// The state of a resource whose records can be created anywhere.
fn creatable<'a>(resource: &Resource, snapshot: &'a Snapshot) -> Option<&'a ResourceState> {
    let creates = resource.restore.writes().is_some_and(|writes| writes.create.is_some());
    let state = snapshot.resources.get(resource.name)?;
    (creates && resource.parent().is_none()).then_some(state)
}

/// A record without references to what the sample does not hold: those records are not where it goes.
pub(super) fn alone(resource: &Resource, record: &str, sample: &Sample) -> String {
    let mut tree = Tree::parse(record);
    let writes = resource.restore.writes();
    for reference in writes.into_iter().flat_map(|writes| references(writes, record)) {
        let holds = |value: &Tree| {
            let Tree::Scalar(text) = value else { return true };
            let Some(key) = json::scalar(text) else { return true };
            // None and nobody are written so, and need nothing to be there.
            let nothing = key == "0" || key.is_empty();
            let held = |name: &&str| sample.get(*name).is_some_and(|keys| keys.contains(&*key));
            nothing || reference.to.iter().any(held)
        };
        let mut at = Pointer::new(reference.at).parts().to_vec();
        if at.last().is_some_and(|part| part == "*") {
            at.pop();
            tree.visit(&at, &mut |value| {
                if let Tree::Array(elements) = value {
                    elements.retain(holds);
                }
            });
        } else {
            tree.visit(&at, &mut |value| {
                if !holds(value) {
                    *value = Tree::Scalar(Tree::NULL.to_owned());
                }
            });
        }
    }
    tree.text()
}
