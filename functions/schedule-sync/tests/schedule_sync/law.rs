//! The law: whatever is edited, by whomever, and however the records of it are delivered, the schedules end as the manifest says.

use std::collections::BTreeMap;

use proptest::prelude::*;
use seatbelt_model::schedule::Schedule;
use serde_json::Value;

use crate::world::{World, backup, batch, deadline, fine, with};

const SYSTEMS: [&str; 3] = ["acme-a", "acme-b", "acme-c"];

#[derive(Debug, Clone)]
enum Act {
    /// An edit of a system.
    Edit(usize, Edit),
    /// A person in the console deletes or disables a schedule.
    Meddle(usize, bool),
    /// A batch with records of these systems, right or wrong, is delivered, alone or while what follows happens.
    Deliver(Vec<usize>, bool),
    /// A request to EventBridge fails.
    Fail(&'static str, u16, &'static str),
}

#[derive(Debug, Clone)]
enum Edit {
    Good { hour: u8, wordpress: bool, paused: bool },
    Bad,
    Skip,
    Remove,
}

fn edit() -> impl Strategy<Value = Edit> {
    let good = (0..24_u8, any::<bool>(), any::<bool>()).prop_map(|(hour, wordpress, paused)| Edit::Good {
        hour,
        wordpress,
        paused,
    });
    prop_oneof![5 => good, 2 => Just(Edit::Bad), 1 => Just(Edit::Skip), 1 => Just(Edit::Remove)]
}

fn act() -> impl Strategy<Value = Act> {
    let verb = prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("DELETE")];
    let fault = prop_oneof![
        Just((429, "ThrottlingException")),
        Just((409, "ConflictException")),
        Just((500, "InternalServerException"))
    ];
    prop_oneof![
        6 => (0..SYSTEMS.len(), edit()).prop_map(|(system, edit)| Act::Edit(system, edit)),
        1 => (0..SYSTEMS.len(), any::<bool>()).prop_map(|(system, delete)| Act::Meddle(system, delete)),
        4 => (prop::collection::vec(0..SYSTEMS.len(), 1..6), any::<bool>()).prop_map(|(systems, alone)| Act::Deliver(systems, alone)),
        1 => (verb, fault).prop_map(|(verb, (status, kind))| Act::Fail(verb, status, kind)),
    ]
}

fn entry(edit: &Edit) -> Option<Value> {
    match edit {
        Edit::Good {
            hour,
            wordpress,
            paused,
        } => {
            let platform = if *wordpress { "wordpress" } else { "github" };
            let entry = backup(&format!("daily at {hour:02}:00 Europe/Berlin"));
            Some(with(with(entry, "platform", platform), "paused", *paused))
        }
        Edit::Bad => Some(with(backup("daily at 02:00"), "schedule", "sometimes")),
        Edit::Skip => Some(with(backup("daily at 02:00"), "decision", "skip")),
        Edit::Remove => None,
    }
}

async fn play(acts: Vec<Act>) {
    let world = World::new().await;
    let mut edits: BTreeMap<usize, Vec<Edit>> = BTreeMap::new();
    let mut deliveries = Vec::new();
    for act in acts {
        match act {
            Act::Edit(system, edit) => {
                match entry(&edit) {
                    Some(entry) => world.write(SYSTEMS[system], entry).await,
                    None => world.remove(SYSTEMS[system]).await,
                }
                edits.entry(system).or_default().push(edit);
            }
            Act::Meddle(system, delete) => {
                if world.fake.schedule(SYSTEMS[system]).is_some() && deliveries.is_empty() {
                    if delete {
                        world.fake.remove(SYSTEMS[system]);
                    } else {
                        world
                            .fake
                            .edit(SYSTEMS[system], |fields| fields["State"] = "DISABLED".into());
                    }
                }
            }
            Act::Deliver(systems, alone) => {
                let records: Vec<_> = systems.iter().map(|system| SYSTEMS[*system]).collect();
                let (world, event) = (world.clone(), batch(&records));
                let delivery = tokio::spawn(async move { world.sync.handle(&event, deadline()).await.unwrap() });
                if alone {
                    delivery.await.unwrap();
                } else {
                    deliveries.push((records, delivery));
                }
            }
            Act::Fail(verb, status, kind) => world.fake.fail(verb, None, 5, (status, kind)),
        }
    }
    // What failed is looked at again: by the daily reconciliation, while the last others end, or by the stream.
    world.fake.heal();
    world.reconcile().await;
    for (records, delivery) in deliveries {
        if delivery.await.unwrap() != fine() {
            assert_eq!(world.deliver(&records).await, fine());
        }
    }
    check(&world, &edits).await;
    let before = (world.fake.schedules(), world.catalog.findings().await.unwrap());
    world.reconcile().await;
    assert_eq!(
        (world.fake.schedules(), world.catalog.findings().await.unwrap()),
        before,
        "nothing is left to do"
    );
}

async fn check(world: &World, edits: &BTreeMap<usize, Vec<Edit>>) {
    let schedules = world.fake.schedules();
    assert!(
        schedules.keys().all(|name| SYSTEMS.contains(&name.as_str())),
        "{schedules:?}"
    );
    for (system, edits) in edits {
        let name = SYSTEMS[*system];
        let found = schedules.get(name);
        let findings = world.findings(name).await;
        match edits.last().unwrap() {
            last @ Edit::Good { .. } => {
                assert!(is_as(found.unwrap(), last), "{found:?} is not as {last:?} says");
                assert_eq!(findings, [] as [&str; 0]);
            }
            Edit::Bad => {
                assert!(findings[0].starts_with("error: schedule: "), "{findings:?}");
                let seen_before = |found: &Value| edits.iter().any(|edit| is_as_but_for_state(found, edit));
                assert!(found.is_none_or(seen_before), "{found:?} was never asked for");
            }
            Edit::Skip | Edit::Remove => {
                assert_eq!(found, None, "{name}");
                assert_eq!(findings, [] as [&str; 0]);
            }
        }
    }
}

fn is_as(found: &Value, edit: &Edit) -> bool {
    let Edit::Good { paused, .. } = edit else { return false };
    let state = if *paused { "DISABLED" } else { "ENABLED" };
    found["State"] == state && is_as_but_for_state(found, edit)
}

fn is_as_but_for_state(found: &Value, edit: &Edit) -> bool {
    let Edit::Good { hour, wordpress, .. } = edit else {
        return false;
    };
    let schedule: Schedule = format!("daily at {hour:02}:00 Europe/Berlin").parse().unwrap();
    let platform = if *wordpress { "wordpress" } else { "github" };
    found["ScheduleExpression"] == schedule.to_eventbridge().expression
        && found["ScheduleExpressionTimezone"] == "Europe/Berlin"
        && found["Target"]["Arn"].as_str().unwrap().ends_with(platform)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_ends_with_the_schedules_as_the_manifest_says(acts in prop::collection::vec(act(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(play(acts));
    }
}
