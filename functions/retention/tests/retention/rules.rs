//! What the manifest says, or does not say.

use seatbelt_model::{Completeness, RunKind, RunStatus, Snapshot, Trigger};
use seatbelt_retention::{Order, Rule, Unruled};
use seatbelt_vault::Vault;
use serde_json::json;

use crate::{
    house::{DAY, HOUR, House, changes},
    world::id,
};

fn removal(system: &str) -> Order {
    Order {
        removed: true,
        trigger: Trigger::Manual,
        ..Order::scheduled(system)
    }
}

#[tokio::test]
async fn a_removed_system_is_kept_until_a_person_asks_and_then_its_newest_good_stays() {
    let mut house = House::new().await;
    house.days("acme", 4).await;
    let pass = house.clean("acme").await;
    assert!(matches!(pass.unruled, Some(Unruled::Missing { .. })));
    assert_eq!((house.ids("acme").await.len(), pass.marked.objects), (4, 0));
    assert!(
        house.run("acme", RunKind::Prune).await.is_none(),
        "this is as it should be"
    );
    let plan = house.retention().plan("acme", true).await.unwrap();
    assert_eq!(plan.rule, Ok(Rule::Removed));
    let stay: Vec<_> = plan.decided.iter().filter(|decided| decided.is_kept()).collect();
    assert_eq!(
        (stay.len(), stay[0].id, stay[0].reasons()),
        (1, id(3), vec!["newest good"])
    );
    assert_eq!(house.ids("acme").await.len(), 4, "a plan deletes nothing");

    let pass = house.retention().pass(&removal("acme"), None).await;
    assert_eq!((pass.expired.len(), pass.trouble()), (3, None));
    house.wait(DAY + HOUR);
    let pass = house.retention().pass(&removal("acme"), None).await;
    assert_eq!(
        (pass.swept.objects, pass.swept.bytes),
        (plan.unnamed.unnamed, plan.unnamed.unnamed_bytes)
    );
    assert_eq!(house.ids("acme").await, [id(3)]);
    assert_eq!(house.stored("acme").await, house.named("acme").await);
}

#[tokio::test]
async fn an_invalid_entry_keeps_everything_and_says_so() {
    let mut house = House::new().await;
    house.policy("acme", "1 daily").await;
    house.days("acme", 3).await;
    for (edit, said) in [
        (json!("3 dayly"), "did you mean"),
        (json!("0 daily"), "it keeps nothing"),
        (json!(7), "retention"),
    ] {
        let tables = house.catalog.tables();
        let value = match &edit {
            serde_json::Value::String(text) => aws_sdk_dynamodb::types::AttributeValue::S(text.clone()),
            other => aws_sdk_dynamodb::types::AttributeValue::N(other.to_string()),
        };
        house
            .catalog
            .client()
            .update_item()
            .table_name(&tables.manifest)
            .key("system", aws_sdk_dynamodb::types::AttributeValue::S("acme".into()))
            .update_expression("SET retention = :retention")
            .expression_attribute_values(":retention", value)
            .send()
            .await
            .unwrap();
        let pass = house.pass("acme").await;
        let trouble = pass.trouble().unwrap();
        assert!(
            trouble.contains("everything is kept") && trouble.contains(said),
            "{trouble}"
        );
        assert_eq!((house.ids("acme").await.len(), pass.marked.objects), (3, 0));
        let run = house.run("acme", RunKind::Prune).await.unwrap();
        assert_eq!((run.status, run.error), (RunStatus::Failed, Some(trouble)));
        house.wait(HOUR);
    }
    let pass = house.retention().pass(&removal("acme"), None).await;
    assert_eq!(pass.unruled, Some(Unruled::NotRemoved));
    assert_eq!(house.ids("acme").await.len(), 3);
}

/// A snapshot without changes after the newest one.
async fn again(house: &mut House, completeness: Completeness) -> Snapshot {
    let mut snapshot = house.vault().newest("acme").await.unwrap().unwrap();
    (snapshot.parent, snapshot.id) = (Some(snapshot.id), id(house.next));
    (snapshot.completeness, snapshot.committed_at) = (completeness, id(house.next).start());
    snapshot.resources.values_mut().for_each(|state| {
        state.delta = None;
        state.changes = seatbelt_model::Changes::default();
    });
    house.vault().commit(&snapshot).await.unwrap();
    house.next += 1;
    house.wait(DAY);
    snapshot
}

#[tokio::test]
async fn the_newest_good_one_outlives_those_that_are_not() {
    let mut house = House::new().await;
    house.policy("acme", "1 daily").await;
    house.days("acme", 2).await;
    house.wait(DAY - HOUR);
    for _ in 0..3 {
        again(&mut house, Completeness::Partial).await;
    }
    house.clean("acme").await;
    assert_eq!(house.ids("acme").await, [id(1), id(2), id(3), id(4)]);
    again(&mut house, Completeness::Complete).await;
    house.clean("acme").await;
    assert_eq!(house.ids("acme").await, [id(5)]);
}

#[tokio::test]
async fn a_snapshot_that_stands_on_something_damaged_does_not_count_as_good() {
    let mut house = House::new().await;
    house.policy("acme", "1 daily").await;
    for day in 0..3 {
        house.backup("acme", &changes(day)).await;
    }
    // The newest one's own delta loses its chunk; all before it are whole.
    let newest = house.vault().newest("acme").await.unwrap().unwrap();
    let delta = newest.resources["notes"].delta.clone().unwrap();
    let json = house.vault().lines("acme", &delta.index).await.unwrap();
    let index: seatbelt_model::LayerIndex = serde_json::from_slice(&json).unwrap();
    let chunk = Vault::object_key("acme", &index.chunks[0].object);
    house.policy("acme", "90 daily").await;
    let client = house.vault().client();
    client
        .delete_object()
        .bucket(house.vault().bucket())
        .key(&chunk)
        .send()
        .await
        .unwrap();
    let pass = house.pass("acme").await;
    assert_eq!(pass.damaged.len(), 1);
    house.policy("acme", "1 weekly").await;
    let plan = house.retention().plan("acme", false).await.unwrap();
    let good: Vec<_> = plan.decided.iter().map(|decided| decided.good).collect();
    assert_eq!(good, [true, true, false]);
    house.pass("acme").await;
    assert_eq!(
        house.ids("acme").await,
        [id(1), id(2)],
        "the newest whole one, and the newest"
    );
}
