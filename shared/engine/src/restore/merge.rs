//! The decision about one record, from three states of it: as it is wanted, as the bad change left it, and as it is now.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    fields::{Leaves, Parts, Sending, Shape},
    tree::pointer,
};

/// What is to be done with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is gone: create it again.
    Create,
    /// Change the spoiled fields back.
    Update,
    /// Fill in references to records that were created after it.
    Link,
    /// The bad change added it: remove it.
    Remove,
    /// It is as it should be.
    Fine,
    /// Someone has edited what was spoiled since: it is kept.
    Conflict,
    /// It cannot be done.
    Impossible,
}

/// One field of a record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FieldChange {
    /// Its JSON pointer.
    pub field: String,
    /// What it is now; `None` for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<Box<RawValue>>,
    /// What it is to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub becomes: Option<Box<RawValue>>,
}

/// The three states.
#[derive(Debug, Clone, Copy)]
pub(super) struct States<'a> {
    pub(super) wanted: Option<&'a str>,
    pub(super) spoiled: Option<&'a str>,
    pub(super) live: Option<&'a str>,
}

/// What was decided.
#[derive(Debug, Clone)]
pub(super) struct Decision {
    pub(super) action: Action,
    /// Fields to write.
    pub(super) fields: Vec<FieldChange>,
    /// Fields that someone has edited since.
    pub(super) kept: Vec<FieldChange>,
    pub(super) why: Option<String>,
}

impl Decision {
    pub(super) fn of(action: Action, why: Option<&str>) -> Self {
        Self {
            action,
            fields: Vec::new(),
            kept: Vec::new(),
            why: why.map(str::to_owned),
        }
    }
}

const NO_CREATE: &str = "the vendor does not create such records by API";
const NO_UPDATE: &str = "the vendor does not change such records by API";
const NO_REMOVE: &str = "the vendor does not remove such records by API";
const ONLY_ONCE: &str = "the vendor takes these fields only when the record is created";

/// Decides. `chosen` says which fields were asked for; `overwrite` gives up what was edited since.
pub(super) fn decide(
    shape: &Shape,
    states: States<'_>,
    chosen: &dyn Fn(&[String]) -> bool,
    overwrite: bool,
) -> Decision {
    match (states.wanted, states.spoiled) {
        (Some(wanted), Some(spoiled)) => changed(shape, wanted, spoiled, states.live, chosen, overwrite),
        (Some(wanted), None) => removed(shape, wanted, states.live, chosen, overwrite),
        (None, Some(spoiled)) => added(shape, spoiled, states.live, overwrite),
        (None, None) => Decision::of(Action::Fine, None),
    }
}

fn changed(
    shape: &Shape,
    wanted: &str,
    spoiled: &str,
    live: Option<&str>,
    chosen: &dyn Fn(&[String]) -> bool,
    overwrite: bool,
) -> Decision {
    let leaves = |record| shape.leaves(record, Sending::Update);
    let (wanted_leaves, spoiled_leaves) = (leaves(wanted), leaves(spoiled));
    let mut differing = shape.differing(&wanted_leaves, &spoiled_leaves);
    differing.retain(|at| chosen(at));
    let mut fixed = shape.differing(&shape.fixed(wanted), &shape.fixed(spoiled));
    fixed.retain(|at| chosen(at));
    if differing.is_empty() && fixed.is_empty() {
        return Decision::of(Action::Fine, None);
    }
    let Some(live) = live else {
        let why = "it was removed since";
        return if overwrite {
            create(shape, Some(why))
        } else {
            Decision::of(Action::Conflict, Some(why))
        };
    };
    if differing.is_empty() || shape.writes.update.is_none() {
        let why = if shape.writes.update.is_none() {
            NO_UPDATE
        } else {
            ONLY_ONCE
        };
        let mut decision = Decision::of(Action::Impossible, Some(why));
        let (is, becomes) = (
            shape.leaves(live, Sending::Create),
            shape.leaves(wanted, Sending::Create),
        );
        let all = differing.iter().chain(&fixed);
        decision.kept = all.map(|at| change(at, &is, &becomes)).collect();
        return decision;
    }
    let live_leaves = leaves(live);
    let (mut fields, mut kept) = (Vec::new(), Vec::new());
    for at in &differing {
        let now = live_leaves.get(at);
        if shape.same(at, now, wanted_leaves.get(at)) {
            continue;
        }
        let untouched = shape.same(at, now, spoiled_leaves.get(at));
        let list = if untouched || overwrite { &mut fields } else { &mut kept };
        list.push(change(at, &live_leaves, &wanted_leaves));
    }
    settle(fields, kept, "someone has edited it since")
}

fn removed(
    shape: &Shape,
    wanted: &str,
    live: Option<&str>,
    chosen: &dyn Fn(&[String]) -> bool,
    overwrite: bool,
) -> Decision {
    let Some(live) = live else { return create(shape, None) };
    let (wanted, live) = (
        shape.leaves(wanted, Sending::Update),
        shape.leaves(live, Sending::Update),
    );
    // What the record lacked the vendor may fill in: that is no difference.
    let differing = shape.differing(&wanted, &live);
    let changes = differing
        .iter()
        .filter(|at| chosen(at) && wanted.contains_key(*at))
        .map(|at| change(at, &live, &wanted));
    let changes: Vec<FieldChange> = changes.collect();
    if overwrite && shape.writes.update.is_some() {
        settle(changes, Vec::new(), "")
    } else {
        settle(Vec::new(), changes, "it is there again, and not as it was")
    }
}

fn added(shape: &Shape, spoiled: &str, live: Option<&str>, overwrite: bool) -> Decision {
    let Some(live) = live else {
        return Decision::of(Action::Fine, None);
    };
    if shape.writes.remove.is_none() {
        return Decision::of(Action::Impossible, Some(NO_REMOVE));
    }
    let (spoiled, live) = (
        shape.leaves(spoiled, Sending::Update),
        shape.leaves(live, Sending::Update),
    );
    let differing = shape.differing(&spoiled, &live);
    if differing.is_empty() || overwrite {
        return Decision::of(Action::Remove, None);
    }
    let mut decision = Decision::of(Action::Conflict, Some("someone has edited it since it was added"));
    decision.kept = differing.iter().map(|at| change(at, &live, &spoiled)).collect();
    decision
}

fn create(shape: &Shape, why: Option<&str>) -> Decision {
    match shape.writes.create {
        Some(_) => Decision::of(Action::Create, why),
        None => Decision::of(Action::Impossible, Some(NO_CREATE)),
    }
}

fn settle(fields: Vec<FieldChange>, kept: Vec<FieldChange>, why: &str) -> Decision {
    let action = match (fields.is_empty(), kept.is_empty()) {
        (false, _) => Action::Update,
        (true, false) => Action::Conflict,
        (true, true) => Action::Fine,
    };
    let why = (!kept.is_empty()).then(|| why.to_owned());
    Decision {
        action,
        fields,
        kept,
        why,
    }
}

fn change(at: &Parts, is: &Leaves, becomes: &Leaves) -> FieldChange {
    let raw = |leaves: &Leaves| leaves.get(at).and_then(|text| RawValue::from_string(text.clone()).ok());
    FieldChange {
        field: pointer(at),
        is: raw(is),
        becomes: raw(becomes),
    }
}
