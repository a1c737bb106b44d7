//! What a run reads, and how: pure decisions from the connector, the manifest and the last snapshot.

use jiff::{SignedDuration, Timestamp};
use seatbelt_connector_kit::{Connector, Cursor, DependsOn, Resource};
use seatbelt_model::{
    Gap, GapReason, ResourceState, Snapshot, key,
    system::{Scope, System},
};

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
    Ok(in_scope(connector.resources, connector.on_request, scope))
}

fn in_scope(resources: &[&'static Resource], on_request: &[&str], scope: &Scope) -> Vec<&'static Resource> {
    let named = |names: &[String], resource: &Resource| names.iter().any(|name| name == resource.name);
    let everything = scope.include.is_empty() || scope.include.iter().any(|name| name == EVERYTHING);
    let included = |resource: &Resource| {
        let usual = everything && !on_request.contains(&resource.name);
        (usual || named(&scope.include, resource)) && !named(&scope.exclude, resource)
    };
    // A parent outside the scope is read all the same: without it nobody knows which children to ask for.
    let mut wanted: Vec<&'static Resource> = Vec::new();
    for resource in resources.iter().copied().filter(|resource| included(resource)) {
        add_with_needed(resource, &mut wanted);
    }
    wanted
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
    let children =
        matches!(resource.depends_on, DependsOn::EachChanged(..)) && previous.freshness.stale_since.is_some();
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::ToSpan;
    use seatbelt_connector_kit::{Count, Deletes, Key, Kind, Only, Paginator, Records, Request, Restore};
    use seatbelt_model::{Changes, Freshness, KeyRule, Receipt};

    use super::*;

    const PARENTS: Resource = Resource {
        name: "parents",
        kind: Kind::Data,
        depends_on: DependsOn::Nothing,
        request: Request::get("/parents"),
        paginator: Paginator::SinglePage,
        records: Records::At(""),
        key: Key::Field("/id"),
        cursor: Cursor::Feed {
            read: "/next",
            send_as: "since",
        },
        deletes: Deletes::ByAbsence,
        volatile: &[],
        count: Count::None,
        restore: Restore::ExportOnly { why: "a test" },
    };
    const CHILDREN: Resource = Resource {
        name: "children",
        depends_on: DependsOn::EachChanged(&PARENTS, Only::All),
        cursor: Cursor::None,
        ..PARENTS
    };
    const GRANDCHILDREN: Resource = Resource {
        name: "grandchildren",
        depends_on: DependsOn::Each(&CHILDREN, Only::All),
        ..CHILDREN
    };

    fn state(resource: &Resource, swept: Timestamp, cursors: &[&str]) -> ResourceState {
        ResourceState {
            kind: seatbelt_model::Kind::Data,
            key: resource.key_rule(),
            layers: Vec::new(),
            delta: None,
            records: 0,
            bytes: 0,
            body_bytes: 0,
            changes: Changes::default(),
            cursors: cursors
                .iter()
                .map(|at| ((*at).to_owned(), "x".into()))
                .collect::<BTreeMap<_, _>>(),
            fields: Vec::new(),
            receipt: Receipt::default(),
            freshness: Freshness {
                read_at: swept,
                full_sweep_at: swept,
                stale_since: None,
            },
        }
    }

    #[test]
    fn a_full_sweep_comes_first_weekly_on_request_and_when_in_doubt() {
        let now: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
        let yesterday = now - 24.hours();
        let last_week = now - (6 * 24).hours();
        let with_cursor = state(&PARENTS, yesterday, &[""]);
        assert_eq!(mode(&PARENTS, None, now, false), Mode::Full, "never read");
        assert_eq!(mode(&PARENTS, Some(&with_cursor), now, false), Mode::Incremental);
        assert_eq!(mode(&PARENTS, Some(&with_cursor), now, true), Mode::Full, "on request");
        assert_eq!(
            mode(&PARENTS, Some(&state(&PARENTS, last_week, &[""])), now, false),
            Mode::Full,
            "due"
        );
        assert_eq!(
            mode(&PARENTS, Some(&state(&PARENTS, now + 1.hours(), &[""])), now, false),
            Mode::Full,
            "the clock jumped back"
        );
        assert_eq!(
            mode(&PARENTS, Some(&state(&PARENTS, yesterday, &[])), now, false),
            Mode::Full,
            "no cursor"
        );
        assert_eq!(
            mode(&CHILDREN, Some(&state(&CHILDREN, yesterday, &[])), now, false),
            Mode::Incremental,
            "its parents have one"
        );
        let other_key = ResourceState {
            key: KeyRule::Pointer("/uuid".into()),
            ..with_cursor
        };
        assert_eq!(
            mode(&PARENTS, Some(&other_key), now, false),
            Mode::Full,
            "keys are made in another way now"
        );
    }

    #[test]
    fn a_childs_key_tells_its_parents() {
        let child = key::child(&as_prefix(&PARENTS, "a/b~"), "7");
        assert_eq!(child, "a~1b~0/7");
        assert_eq!(parent_key(&CHILDREN, &child).as_deref(), Some("a/b~"));
        let grandchild = key::child(&as_prefix(&CHILDREN, &child), "x/y");
        assert_eq!(parent_key(&GRANDCHILDREN, &grandchild).as_deref(), Some(child.as_str()));
        assert_eq!(parent_key(&PARENTS, "a/b~"), None);
    }

    #[test]
    fn the_scope_brings_its_parents_along() {
        const ALL: &[&Resource] = &[&PARENTS, &CHILDREN, &GRANDCHILDREN];
        let names = |include: &[&str], exclude: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let scope = Scope {
                include: owned(include),
                exclude: owned(exclude),
            };
            in_scope(ALL, &["grandchildren"], &scope)
                .into_iter()
                .map(|resource| resource.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(&[], &[]),
            ["parents", "children"],
            "what is read on request only is not"
        );
        assert_eq!(names(&["grandchildren"], &[]), ["parents", "children", "grandchildren"]);
        assert_eq!(
            names(&["*", "grandchildren"], &["children"]),
            ["parents", "children", "grandchildren"]
        );
        assert_eq!(names(&[], &["children"]), ["parents"]);
    }
}
