//! Firings: each is answered by one run, however often and however closely they come.

use std::time::Duration;

use futures_util::future::join_all;
use seatbelt_conformance::SYSTEM;
use seatbelt_model::{RunStatus, SystemName, Trigger, system::Decision};
use seatbelt_runtime::Event;
use serde_json::json;

use crate::stand::{Stand, Vendor, asked, due};

const INVOCATION: Duration = Duration::from_mins(14);
const FIRING: &str = "2026-11-22T06:00:00Z";
const FEW: &[&str] = &["settings", "types", "users"];

async fn handle(stand: &Stand, event: &Event) -> serde_json::Value {
    let event = serde_json::to_value(event).unwrap();
    stand.backup.handle(event, stand.invocation(INVOCATION)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_firing_delivered_again_and_again_is_one_run() {
    let vendor = Vendor::start().await;
    let stand = Stand::new(&vendor, &json!({}), FEW).await;
    let event = due(FIRING);
    let together = join_all((0..4).map(|_| handle(&stand, &event))).await;
    let ran = together.iter().filter(|answer| answer["status"] == "complete").count();
    assert_eq!(ran, 1, "{together:#?}");
    let later = handle(&stand, &event).await;
    assert!(
        later["said"].as_str().unwrap().contains("has answered the firing"),
        "{later}"
    );
    let runs = stand.runs().await;
    assert_eq!(runs.len(), 1, "{runs:#?}");
    assert_eq!(runs[0].trigger, Trigger::Schedule);
    assert_eq!(runs[0].due_at, Some(FIRING.parse().unwrap()));
    handle(&stand, &due("2026-11-23T06:00:00Z")).await;
    assert_eq!(stand.runs().await.len(), 2, "the next firing is another");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_firings_at_one_instant_are_one_run_and_one_skipped() {
    let vendor = Vendor::start().await;
    let stand = Stand::new(&vendor, &json!({}), FEW).await;
    let (by_hand, by_schedule) = (asked(), due(FIRING));
    let answers = futures_util::join!(handle(&stand, &by_schedule), handle(&stand, &by_hand));
    let runs = stand.runs().await;
    let with = |status| runs.iter().filter(|run| run.status == status).count();
    assert_eq!(with(RunStatus::Complete), 1, "{answers:#?} {runs:#?}");
    assert_eq!(with(RunStatus::Skipped), 1, "{answers:#?} {runs:#?}");
    assert_eq!(stand.rig.objects("snapshots/").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_systems_due_at_one_minute_are_one_run_each() {
    let vendor = Vendor::start().await;
    let mut stand = Stand::new(&vendor, &json!({}), FEW).await;
    let entry = stand.rig.system().clone();
    let catalog = &stand.rig.engine.catalog;
    let names: Vec<SystemName> = (0..200)
        .map(|number| format!("site-{number}").parse().unwrap())
        .collect();
    for name in &names {
        catalog.put_system(name, &entry, None).await.unwrap();
    }
    let events = names.iter().map(|name| Event {
        system: name.to_string(),
        ..due(FIRING)
    });
    let events: Vec<_> = events.collect();
    join_all(events.iter().map(|event| handle(&stand, event))).await;
    for name in &names {
        let runs = catalog.runs(name.as_ref(), 10).await.unwrap();
        assert_eq!(runs.len(), 1, "{name}: {runs:?}");
        assert_eq!(runs[0].status, RunStatus::Complete, "{runs:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slip_beside_the_point_keeps_no_backup_from_being_made() {
    let vendor = Vendor::start().await;
    let mut stand = Stand::new(&vendor, &json!({}), FEW).await;
    let mut off = stand.rig.system().clone();
    let catalog = &stand.rig.engine.catalog;
    for field in ["schedule", "retention"] {
        edit(&stand, field, "nonsense").await;
    }
    let name = SYSTEM.parse().unwrap();
    let entry = catalog.system(&name).await.unwrap().unwrap();
    assert!(entry.system.is_none(), "the entry is not valid: {:?}", entry.findings);
    assert_eq!(handle(&stand, &due(FIRING)).await["status"], "complete");

    edit(&stand, "secret", "under the mat").await;
    let refused = handle(&stand, &asked()).await;
    assert!(refused["failed"].as_str().unwrap().contains("secret"), "{refused}");

    (off.decision, off.reason) = (Decision::Skip, Some("replaced".into()));
    let version = catalog.system(&name).await.unwrap().unwrap().version;
    catalog.put_system(&name, &off, version).await.unwrap();
    let late = handle(&stand, &due("2026-11-23T06:00:00Z")).await;
    assert!(late["said"].as_str().unwrap().contains("decision"), "{late}");
}

/// An edit as the console makes it: one attribute, nothing checked.
async fn edit(stand: &Stand, field: &str, text: &str) {
    use aws_sdk_dynamodb::types::AttributeValue;
    let client = stand.rig.engine.catalog.client();
    client
        .update_item()
        .table_name("manifest")
        .key("system", AttributeValue::S(SYSTEM.into()))
        .update_expression("SET #field = :text")
        .expression_attribute_names("#field", field)
        .expression_attribute_values(":text", AttributeValue::S(text.into()))
        .send()
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_retry_does_not_mend_is_not_retried() {
    let vendor = Vendor {
        secret: json!({"username": "admin", "application_password": "aaaa bbbb cccc dddd eeee ffff"}),
        ..Vendor::start().await
    };
    let stand = Stand::new(&vendor, &json!({}), FEW).await;
    let answer = handle(&stand, &due(FIRING)).await;
    assert!(
        answer["failed"].as_str().unwrap().contains("connect the account again"),
        "{answer}"
    );
    assert_eq!(stand.runs().await[0].status, RunStatus::Failed);
    for slip in [json!({}), json!({"system": SYSTEM, "ful": true})] {
        let error = stand
            .backup
            .handle(slip, stand.invocation(INVOCATION))
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("the event is not what this function takes"),
            "{error:#}"
        );
    }
    let unknown = Event {
        system: "nobody".into(),
        ..Event::default()
    };
    let answer = handle(&stand, &unknown).await;
    assert!(
        answer["failed"]
            .as_str()
            .unwrap()
            .contains("the manifest has no system `nobody`"),
        "{answer}"
    );
}
