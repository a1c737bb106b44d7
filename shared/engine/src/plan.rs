//! What a run reads, and how: pure decisions from the connector, the manifest and the last snapshot.

use jiff::{SignedDuration, Timestamp};
use seatbelt_connector_kit::{Connector, Cursor, DependsOn, Resource};
use seatbelt_model::{Gap, GapReason, ResourceState, Snapshot, key, system::System};

use crate::EngineError;

/// A full sweep is due so long after the last: a little under seven days, so that a daily schedule whose firing drifts by some
/// hours still sweeps within every seven.
pub const SWEEP_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24 - 24);

/// In a scope: every resource that is not read on request only.
const EVERYTHING: &str = "*";

/// How a resource is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everything, so that what is not there is known to be gone.
    Full,
    /// What changed since the cursors of the last snapshot.
    Incremental,
}

/// The resources to read, parents before children.
///
/// # Errors
/// [`EngineError::UnknownResource`] if the scope names one the connector does not have.
pub(crate) fn resources(connector: &Connector, system: &System) -> Result<Vec<&'static Resource>, EngineError> {
    let scope = &system.scope;
    for name in scope.include.iter().chain(&scope.exclude) {
        if connector.resource(name).is_none() && name != EVERYTHING {
            return Err(EngineError::unknown_resource(connector, name));
        }
    }
    let named = |names: &[String], resource: &Resource| names.iter().any(|name| name == resource.name);
    let everything = scope.include.is_empty() || scope.include.iter().any(|name| name == EVERYTHING);
    let included = |resource: &Resource| {
        let usual = everything && !connector.on_request.contains(&resource.name);
        (usual || named(&scope.include, resource)) && !named(&scope.exclude, resource)
    };
    // A parent outside the scope is read all the same: without it nobody knows which children to ask for.
    let mut wanted: Vec<&'static Resource> = Vec::new();
    for resource in connector
        .resources
        .iter()
        .copied()
        .filter(|resource| included(resource))
    {
        add_with_needed(resource, &mut wanted);
    }
    Ok(wanted)
}

fn add_with_needed(resource: &'static Resource, wanted: &mut Vec<&'static Resource>) {
    if let Some(needed) = resource.needs() {
        add_with_needed(needed, wanted);
    }
    if !wanted.iter().any(|other| other.name == resource.name) {
        wanted.push(resource);
    }
}

/// How to read a resource: in full if it was never read, is due for a sweep, has no cursor to go on from, or on request.
#[must_use]
pub(crate) fn mode(resource: &Resource, previous: Option<&ResourceState>, now: Timestamp, full: bool) -> Mode {
    let Some(previous) = previous else { return Mode::Full };
    // A clock that jumped back makes the last sweep lie in the future; sweeping then is the safe side.
    let age = now.duration_since(previous.freshness.full_sweep_at);
    let due = age >= SWEEP_AFTER || age < SignedDuration::ZERO;
    let has_cursor = match resource.cursor {
        Cursor::None => matches!(resource.depends_on, DependsOn::EachChanged(..)),
        _ => !previous.cursors.is_empty(),
    };
    if full || due || !has_cursor || left_out(resource, previous) || previous.key != resource.key_rule() {
        Mode::Full
    } else {
        Mode::Incremental
    }
}

/// Whether the last run left something out that no cursor brings back: children of a parent that has not changed since, or bytes
/// of a record that has not.
fn left_out(resource: &Resource, previous: &ResourceState) -> bool {
    let children = matches!(resource.depends_on, DependsOn::EachChanged(..)) && previous.freshness.stale_since.is_some();
    let is_body = |gap: &Gap| gap.reason == GapReason::BodyMissing;
    children || previous.receipt.gaps.iter().any(is_body)
}

/// The key of the parent of the record `key` of `resource`; `None` if the resource has no parent.
#[must_use]
pub(crate) fn parent_key(resource: &Resource, key: &str) -> Option<String> {
    let parent = resource.parent()?;
    let (above, _) = key.rsplit_once('/')?;
    // The key of a root record is one escaped part in its children's keys.
    Some(if parent.parent().is_none() {
        key::unpart(above).into_owned()
    } else {
        above.to_owned()
    })
}

/// A parent's key as the first part(s) of its children's keys.
#[must_use]
pub(crate) fn as_prefix(parent: &Resource, parent_key: &str) -> String {
    // The key of a root record may hold slashes of its own; below it they are escaped.
    if parent.parent().is_none() {
        key::part(parent_key).into_owned()
    } else {
        parent_key.to_owned()
    }
}

/// The state of `resource` in the last snapshot.
#[must_use]
pub(crate) fn previous_state<'a>(previous: Option<&'a Snapshot>, resource: &Resource) -> Option<&'a ResourceState> {
    previous?.resources.get(resource.name)
}
