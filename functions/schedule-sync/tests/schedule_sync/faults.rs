//! EventBridge throttles, fails and loses answers.

use serde_json::json;

use crate::world::{World, backup, deadline, fine, now, sequence};

const THROTTLED: (u16, &str) = (429, "ThrottlingException");

#[tokio::test]
async fn a_little_throttling_is_waited_out() {
    let world = World::new().await;
    world.fake.fail("GET", None, 2, THROTTLED);
    world.fake.fail("POST", None, 3, THROTTLED);
    world.edit("acme-code", backup("daily at 02:00")).await;
    assert_eq!(world.fake.schedules().len(), 1);
}

#[tokio::test]
async fn what_stays_throttled_goes_back_to_the_stream_and_the_others_are_done() {
    let world = World::new().await;
    let systems = ["acme-a", "acme-b", "acme-c", "acme-d"];
    for system in systems {
        world.write(system, backup("daily at 02:00")).await;
    }
    world.fake.fail("POST", Some("acme-c"), 100, THROTTLED);
    world
        .fake
        .fail("POST", Some("acme-d"), 100, (500, "InternalServerException"));
    let batch = ["acme-a", "acme-b", "acme-c", "acme-d", "acme-c", "acme-a"];
    let answer = world.deliver(&batch).await;
    assert_eq!(
        answer,
        json!({ "batchItemFailures": [{ "itemIdentifier": sequence(2) }] })
    );
    assert_eq!(world.fake.schedules().keys().collect::<Vec<_>>(), ["acme-a", "acme-b"]);
    assert!(
        world.findings("acme-c").await[0].contains("is throttling"),
        "people see it meanwhile"
    );

    world.fake.heal();
    world.fake.take_calls();
    assert_eq!(world.deliver(&batch[2..]).await, fine());
    assert_eq!(world.fake.schedules().len(), 4);
    assert_eq!(world.fake.take_writes(), 2);
    assert_eq!(world.catalog.findings().await.unwrap(), []);
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_schedule() {
    let world = World::new().await;
    world.fake.lose_answer("POST");
    world.edit("acme-code", backup("daily at 02:00")).await;
    assert_eq!(world.fake.take_calls()["POST"], 2, "it was sent again");
    world.fake.lose_answer("PUT");
    world.edit("acme-code", backup("daily at 03:00")).await;
    assert_eq!(
        world.fake.schedule("acme-code").unwrap()["ScheduleExpression"],
        "cron(0 3 * * ? *)"
    );
    world.fake.lose_answer("DELETE");
    world.remove("acme-code").await;
    assert_eq!(world.deliver(&["acme-code"]).await, fine());
    assert_eq!(world.fake.schedules().len(), 0);
}

#[tokio::test]
async fn a_right_that_is_missing_is_named_and_the_reconciliation_fails() {
    let world = World::new().await;
    world.write("acme-code", backup("daily at 02:00")).await;
    world.fake.fail("POST", None, 100, (403, "AccessDeniedException"));
    let error = world
        .sync
        .handle(&json!({ "reconcile": true }), deadline())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("1 of 1 schedules could not be looked after"), "{error}");
    assert!(error.contains("AWS does not allow it"), "{error}");
    assert!(world.findings("acme-code").await[0].contains("AWS does not allow it"));
}

#[tokio::test]
async fn what_the_deadline_cuts_off_goes_back_to_the_stream() {
    let world = World::new().await;
    world.write("acme-code", backup("daily at 02:00")).await;
    let event = crate::world::batch(&["acme-code"]);
    let answer = world.sync.handle(&event, now()).await.unwrap();
    assert_eq!(
        answer,
        json!({ "batchItemFailures": [{ "itemIdentifier": sequence(0) }] })
    );
    assert_eq!(world.fake.take_writes(), 0);
}

#[tokio::test]
async fn an_event_of_no_known_form_does_nothing() {
    let world = World::new().await;
    world.write("acme-code", backup("daily at 02:00")).await;
    let error = world
        .sync
        .handle(&json!({ "system": "acme-code" }), deadline())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("neither a batch"), "{error}");
    assert_eq!(world.fake.schedules().len(), 0);
}

/// IAM takes some seconds to make a new role known everywhere: that is the stack's matter, passes, and is no fault of the entry.
#[tokio::test]
async fn a_role_that_is_not_known_yet_is_tried_again() {
    let world = World::new().await;
    world.write("acme-code", backup("daily at 02:00")).await;
    world.fake.refuse_role();
    assert_ne!(world.deliver(&["acme-code"]).await, fine());
    assert!(world.findings("acme-code").await[0].contains("AWS does not allow it"));
    assert_eq!(world.deliver(&["acme-code"]).await, fine());
    assert_eq!(world.fake.schedules().len(), 1);
    assert_eq!(world.findings("acme-code").await, [] as [&str; 0]);
}
