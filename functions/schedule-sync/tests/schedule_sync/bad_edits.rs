//! A bad edit keeps the last good schedule, and people are told.

use serde_json::json;

use crate::{
    fake::GROUP,
    world::{World, backup, deadline, fine, with},
};

#[tokio::test]
async fn the_last_good_schedule_stays_until_a_good_edit() {
    let world = World::new().await;
    world.edit("acme-code", backup("daily at 02:00 Europe/Berlin")).await;
    let good = world.fake.schedule("acme-code").unwrap();
    for (field, value) in [
        ("schedule", json!("daily at 25:00")),
        ("schedule", json!("daily at 02:00 Europe/Berlln")),
        ("schedule", json!("cron(bad)")),
        ("schedule", json!(7)),
        ("platform", json!("gihtub")),
        ("decision", json!("bakcup")),
        ("paused", json!("perhaps")),
        ("schedul", json!("daily at 03:00")),
    ] {
        world
            .edit("acme-code", with(backup("daily at 03:00"), field, value.clone()))
            .await;
        assert_eq!(world.fake.schedule("acme-code").unwrap(), good, "{field}={value}");
        let findings = world.findings("acme-code").await;
        assert!(findings[0].starts_with(&format!("error: {field}: ")), "{findings:?}");
        let kept =
            "warning: schedule: until this is corrected, the last good schedule stays: cron(0 2 * * ? *) Europe/Berlin";
        assert_eq!(findings.last().unwrap(), kept);
    }
    world.edit("acme-code", backup("daily at 03:00")).await;
    assert_eq!(
        world.fake.schedule("acme-code").unwrap()["ScheduleExpression"],
        "cron(0 3 * * ? *)"
    );
    assert_eq!(
        world.findings("acme-code").await,
        [] as [&str; 0],
        "a good edit clears it"
    );
}

#[tokio::test]
async fn without_a_good_one_there_is_none_and_people_know() {
    let world = World::new().await;
    world
        .edit("acme-code", with(backup("daily at 02:00"), "schedule", "sometimes"))
        .await;
    world.edit("Acme CRM", backup("daily at 02:00")).await;
    assert_eq!(world.fake.schedules().len(), 0);
    for system in ["acme-code", "Acme CRM"] {
        let findings = world.findings(system).await;
        assert!(findings[0].starts_with("error: "), "{findings:?}");
        assert_eq!(
            findings[1],
            "warning: schedule: until this is corrected, no schedule backs it up"
        );
    }
    for system in ["acme-code", "Acme CRM"] {
        world.remove(system).await;
    }
    assert_eq!(world.deliver(&["acme-code", "Acme CRM"]).await, fine());
    assert_eq!(
        world.catalog.findings().await.unwrap(),
        [],
        "what is gone is no matter any more"
    );
}

#[tokio::test]
async fn a_bad_edit_is_counted_by_the_metric_that_alarms() {
    let world = World::new().await;
    world.write("acme-code", backup("daily at 02:00")).await;
    world
        .write("acme-site", with(backup("daily at 02:00"), "platform", "jira"))
        .await;
    let report = world.sync.reconcile(deadline()).await.unwrap();
    let line = |reconciled: bool| {
        let line = report
            .metrics("seatbelt", "2026-11-22T06:00:00Z".parse().unwrap(), reconciled)
            .line();
        serde_json::from_str::<serde_json::Value>(&line).unwrap()
    };
    let metrics = line(true);
    for (name, value) in [
        ("SchedulesCreated", 1),
        ("SchedulesUpdated", 0),
        ("SchedulesDeleted", 0),
        ("ScheduleErrors", 1),
        ("ScheduleDrift", 1),
    ] {
        assert_eq!(metrics[name], value, "{name}");
    }
    assert_eq!(
        metrics["_aws"]["CloudWatchMetrics"][0]["Dimensions"],
        json!([["Stack"]])
    );
    assert!(line(false).get("ScheduleDrift").is_none(), "an edit is no drift");
}

/// What AWS refuses though we took it, as when its rules grow stricter, is the entry's problem and not the stream's.
#[tokio::test]
async fn what_aws_refuses_is_told_and_does_not_hold_up_the_stream() {
    let world = World::new().await;
    world.edit("acme-code", backup("daily at 02:00")).await;
    let good = world.fake.schedule("acme-code").unwrap();
    world
        .fake
        .fail("PUT", Some("acme-code"), 100, (400, "ValidationException"));
    world.edit("acme-code", backup("daily at 03:00")).await;
    assert_eq!(world.fake.schedule("acme-code").unwrap(), good);
    let findings = world.findings("acme-code").await;
    assert!(findings[0].contains("refused it (ValidationException"), "{findings:?}");
    assert!(findings[1].contains("stays: cron(0 2 * * ? *) UTC"), "{findings:?}");
    world.fake.heal();
    world.reconcile().await;
    assert_eq!(
        world.fake.schedule("acme-code").unwrap()["ScheduleExpression"],
        "cron(0 3 * * ? *)"
    );
    assert_eq!(world.findings("acme-code").await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_missing_credential_is_not_the_schedules_matter() {
    let world = World::new().await;
    let entry = with(backup("daily at 02:00"), "secret", "ssm:/seatbelt/github/acme-code");
    world.edit("acme-code", entry).await;
    world.edit("acme-code", backup("daily at 03:00")).await;
    let made = world.fake.schedule("acme-code").unwrap();
    assert_eq!(
        (&made["ScheduleExpression"], &made["GroupName"]),
        (&json!("cron(0 3 * * ? *)"), &json!(GROUP))
    );
}
