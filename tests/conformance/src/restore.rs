//! What a connector says it gives back is given back: what people changed, and a few records of every resource that it creates and removes,
//! are restored, read back equal, and the restores undone.

use std::collections::{BTreeMap, BTreeSet};

use seatbelt_connector_kit::Resource;
use seatbelt_engine::{Action, Selection, Step, Verdict};
use seatbelt_model::{RestoreLevel, RunStatus, SnapshotId};
use seatbelt_vault::line;
use serde_json::value::RawValue;

use seatbelt_embedded::Options;

use crate::{
    Plan, Rig, Setup, Subject,
    compare::shorten,
    template::{Start, Template},
};

/// Records of a resource that are removed to see them come back.
const REMOVED: usize = 2;

/// Everything that differs, whatever happened to it.
fn everything() -> Selection {
    Selection {
        removed: true,
        changed: true,
        added: true,
        ..Selection::default()
    }
}

pub(crate) async fn check(subject: &Subject<'_>, template: &Template) {
    let written = |resource: &&&Resource| resource.restore.writes().is_some();
    if !subject.connector.resources.iter().any(|resource| written(&resource)) {
        return;
    }
    let name = subject.name;
    let setup = Setup {
        secret: subject.write_secret.clone().or_else(|| subject.secret.clone()),
        include: subject.include,
        ..template.setup(subject, Start::Recent)
    };
    // Its snapshot is of before people changed things.
    let rig = template.rig_with(&setup, Start::Recent, Options::default()).await;
    let good = rig.newest().await.id;
    let mut seen = BTreeSet::new();

    let spoiled = back_up(subject, &rig).await;
    let plan = planned(&rig, good, spoiled).await;
    apply(&format!("{name}: what people changed"), &rig, &plan, &mut seen).await;
    let restored = back_up(subject, &rig).await;
    nothing_left(
        &format!("{name}: what people changed is restored"),
        &rig,
        good,
        restored,
    )
    .await;

    // What people did not touch is removed by a plan, comes back by another, and is as it was.
    let removal = removal(&rig, &plan, restored).await;
    apply(
        &format!("{name}: records are removed"),
        &rig,
        &removal,
        &mut BTreeSet::new(),
    )
    .await;
    let without = back_up(subject, &rig).await;
    let plan = planned(&rig, restored, without).await;
    let run = apply(&format!("{name}: what was removed"), &rig, &plan, &mut seen).await;
    let again = back_up(subject, &rig).await;
    nothing_left(&format!("{name}: what was removed is restored"), &rig, restored, again).await;
    claims_are_kept(subject, &rig, &seen, again).await;

    if let Some(run) = run {
        let undo = rig
            .plan_undo(run)
            .await
            .unwrap_or_else(|error| panic!("{name}: the undo is not planned: {error}"));
        apply(&format!("{name}: the undo"), &rig, &undo, &mut BTreeSet::new()).await;
        let undone = back_up(subject, &rig).await;
        nothing_left(&format!("{name}: undone"), &rig, without, undone).await;
    }
}

/// A resource and what was done in it.
type Seen = BTreeSet<(String, Action)>;

async fn back_up(subject: &Subject<'_>, rig: &Rig) -> SnapshotId {
    // The vendor's people take their time, and the rig's clock goes with theirs.
    let hour = std::time::Duration::from_secs(3600);
    let now = subject.clock.advance(hour);
    let behind = now.duration_since(seatbelt_model::Clock::now(&rig.clock));
    rig.clock
        .advance(std::time::Duration::try_from(behind).unwrap_or_default());
    // A listing by time of change tells of no deletion, so everything is read.
    let run = rig
        .back_up(true)
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", subject.name));
    assert_eq!(
        run.status,
        RunStatus::Complete,
        "{}: a backup between restores",
        subject.name
    );
    run.snapshot.expect("a complete run has a snapshot")
}

async fn planned(rig: &Rig, wanted: SnapshotId, spoiled: SnapshotId) -> Plan {
    rig.plan(wanted, spoiled, everything())
        .await
        .expect("a restore is planned")
}

/// Applies a plan of which every record must come out as planned.
async fn apply(what: &str, rig: &Rig, plan: &Plan, seen: &mut Seen) -> Option<SnapshotId> {
    let conflicts: Vec<String> = plan
        .of(Action::Conflict)
        .map(|step| format!("{} {}", step.resource, step.key))
        .collect();
    assert!(
        conflicts.is_empty(),
        "{what}: nobody else is at work, and there are conflicts: {}",
        shorten(&conflicts)
    );
    if !plan.steps.iter().any(|step| step.action.writes()) {
        return None;
    }
    let (restored, dones) = rig.apply(plan).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    let wrong = dones
        .iter()
        .filter(|done| !matches!(done.result, Verdict::Restored | Verdict::Fine));
    let wrong: Vec<String> = wrong.map(|done| format!("{done:?}")).collect();
    assert!(wrong.is_empty(), "{what}: not as planned: {}", shorten(&wrong));
    seen.extend(
        plan.steps
            .iter()
            .filter(|step| step.action.writes())
            .map(|step| (step.resource.clone(), step.action)),
    );
    Some(restored.run.id)
}

/// A fresh plan finds nothing to write.
async fn nothing_left(what: &str, rig: &Rig, wanted: SnapshotId, now: SnapshotId) {
    let plan = planned(rig, wanted, now).await;
    let left = plan
        .steps
        .iter()
        .filter(|step| !matches!(step.action, Action::Fine | Action::Impossible));
    let left: Vec<String> = left
        .map(|step| format!("{:?} {} {} {:?}", step.action, step.resource, step.key, step.fields))
        .collect();
    assert!(
        left.is_empty(),
        "{what}, and a fresh plan finds more: {}",
        shorten(&left)
    );
}

/// A plan that removes some records of every resource that is created and removed by API, and that `plan` did not create anything in.
async fn removal(rig: &Rig, plan: &Plan, now: SnapshotId) -> Plan {
    let created: BTreeSet<&str> = plan.of(Action::Create).map(|step| step.resource.as_str()).collect();
    let snapshot = rig
        .engine
        .vault
        .snapshot(crate::SYSTEM, now)
        .await
        .expect("a snapshot is there");
    let state = rig.state(&snapshot).await;
    let mut steps = Vec::new();
    for resource in rig.connector().resources.iter().rev() {
        let writes = resource.restore.writes();
        let both = writes.is_some_and(|writes| writes.create.is_some() && writes.remove.is_some());
        if !both || created.contains(resource.name) {
            continue;
        }
        let records = state.get(resource.name).into_iter().flatten();
        steps.extend(
            records
                .rev()
                .take(REMOVED)
                .map(|(key, line)| remove(resource, key, line)),
        );
    }
    Plan {
        planned: plan.planned.clone(),
        steps,
    }
}

fn remove(resource: &Resource, key: &str, stored: &str) -> Step {
    let (record, extra) = line::split(stored);
    let file = extra.and_then(|extra| match extra.body {
        Some(line::Body::Stored(body)) => Some(body),
        _ => None,
    });
    Step {
        resource: resource.name.to_owned(),
        key: key.to_owned(),
        action: Action::Remove,
        fields: Vec::new(),
        kept: Vec::new(),
        why: None,
        wanted: None,
        spoiled: RawValue::from_string(record.into_owned()).ok(),
        file: None,
        old_file: file,
    }
}

/// Every resource that holds records was restored in the way its level says.
async fn claims_are_kept(subject: &Subject<'_>, rig: &Rig, seen: &Seen, now: SnapshotId) {
    let snapshot = rig
        .engine
        .vault
        .snapshot(crate::SYSTEM, now)
        .await
        .expect("a snapshot is there");
    let records: BTreeMap<&str, u64> = snapshot
        .resources
        .iter()
        .map(|(name, state)| (name.as_str(), state.records))
        .collect();
    let untried = subject.connector.resources.iter().filter(|resource| {
        let Some(writes) = resource.restore.writes() else {
            return false;
        };
        let was = |action| seen.contains(&(resource.name.to_owned(), action));
        let tried = match writes.level {
            RestoreLevel::R0 => true,
            RestoreLevel::R1 => was(Action::Create),
            RestoreLevel::R2 | RestoreLevel::R3 | RestoreLevel::R4 => was(Action::Update) || was(Action::Create),
        };
        records.get(resource.name).is_some_and(|records| *records > 0) && !tried
    });
    let untried: Vec<&str> = untried.map(|resource| resource.name).collect();
    assert!(
        untried.is_empty(),
        "{}: nothing was restored in {}; let the subject change them",
        subject.name,
        untried.join(", ")
    );
}
