//! The reconciliation finds what the stream did not bring.

use serde_json::json;

use crate::{
    fake::GROUP,
    world::{PREFIX, World, backup, deadline, with},
};

#[tokio::test]
async fn drift_is_found_in_both_directions() {
    let world = World::new().await;
    for number in 0..20 {
        world
            .write(&format!("acme-{number:02}"), backup("daily at 02:00"))
            .await;
    }
    assert_eq!(
        world.reconcile().await["created"],
        20,
        "records of the stream may all be lost"
    );
    let good = world.fake.schedules();

    world.fake.remove("acme-03");
    world.fake.edit("acme-04", |fields| fields["State"] = json!("DISABLED"));
    world.fake.edit("acme-05", |fields| {
        fields["ScheduleExpressionTimezone"] = json!("Asia/Kolkata")
    });
    world.fake.edit("acme-06", |fields| {
        fields["Target"]["Input"] = json!("{\"system\":\"other\"}")
    });
    world.fake.edit("acme-07", |fields| {
        fields["Target"]["Arn"] = json!(PREFIX.replace("seatbelt-backup-", "other"))
    });
    world.fake.edit("acme-08", |fields| {
        fields["FlexibleTimeWindow"] = json!({ "Mode": "OFF" })
    });
    world
        .fake
        .edit("acme-09", |fields| fields["ActionAfterCompletion"] = json!("DELETE"));
    world.fake.edit("acme-10", |fields| {
        drop(fields.insert("EndDate".into(), json!(1_795_330_800)))
    });
    world.fake.edit("acme-11", |fields| {
        drop(fields.insert("KmsKeyArn".into(), json!("arn:aws:kms:x:1:key/1")))
    });
    world.fake.edit("acme-12", |fields| {
        drop(fields["Target"].as_object_mut().unwrap().remove("DeadLetterConfig"))
    });
    world.fake.edit("acme-13", |fields| {
        fields["Target"]["RetryPolicy"]["MaximumRetryAttempts"] = json!(0)
    });
    world.fake.copy("acme-00", "acme-gone");
    world.fake.copy("acme-00", "Made.By_hand");

    let report = world.sync.reconcile(deadline()).await.unwrap();
    assert_eq!(report.differing(), 13);
    let answer = report.into_answer().unwrap();
    assert_eq!(
        (&answer["created"], &answer["updated"], &answer["deleted"]),
        (&json!(1), &json!(10), &json!(2))
    );
    assert_eq!(world.fake.schedules(), good);
    let nothing = world.sync.reconcile(deadline()).await.unwrap();
    assert_eq!(nothing.differing(), 0);
}

#[tokio::test]
async fn a_system_removed_while_nobody_looked_loses_its_schedule() {
    let world = World::new().await;
    world.edit("acme-code", backup("daily at 02:00")).await;
    world
        .edit("acme-site", with(backup("daily at 02:00"), "schedule", "sometimes"))
        .await;
    world.remove("acme-code").await;
    world.remove("acme-site").await;
    assert_eq!(world.reconcile().await["deleted"], 1);
    assert_eq!(world.fake.schedules().len(), 0);
    assert_eq!(
        world.catalog.findings().await.unwrap(),
        [],
        "nor is anything said about it"
    );
}

#[tokio::test]
async fn what_is_not_ours_is_left_and_named() {
    let world = World::new().await;
    world.edit("acme-code", backup("daily at 02:00")).await;
    world.fake.copy("acme-code", "payroll");
    world.fake.edit("payroll", |fields| {
        fields["Target"]["Arn"] = json!("arn:aws:lambda:eu-central-1:123456789012:function:payroll")
    });
    let theirs = world.fake.schedule("payroll");
    let answer = world.reconcile().await;
    assert_eq!(
        (&answer["foreign"], &answer["deleted"]),
        (&json!(["payroll"]), &json!(0))
    );
    assert_eq!(world.fake.schedule("payroll"), theirs);
}

#[tokio::test]
async fn a_platform_that_is_not_deployed_is_an_error_until_it_is() {
    let mut world = World::new().await;
    let jira = with(backup("daily at 02:00"), "platform", "jira");
    world.edit("acme-plan", jira.clone()).await;
    assert_eq!(world.fake.schedules().len(), 0);
    let findings = world.findings("acme-plan").await;
    assert!(
        findings[0].contains("there is no connector for \"jira\"; there are github, wordpress"),
        "{findings:?}"
    );

    world.deploy("github,wordpress,jira");
    world.reconcile().await;
    assert_eq!(
        world.fake.schedule("acme-plan").unwrap()["Target"]["Arn"],
        format!("{PREFIX}jira")
    );
    assert_eq!(world.findings("acme-plan").await, [] as [&str; 0]);

    // With its function gone, a firing could only fail: the schedule goes too, and people are told.
    world.deploy("github,wordpress");
    let answer = world.reconcile().await;
    assert_eq!(
        (&answer["deleted"], &answer["invalid"]),
        (&json!(1), &json!(["acme-plan"]))
    );
    assert_eq!(world.fake.schedules().len(), 0);
    assert_eq!(
        world.findings("acme-plan").await[1],
        "warning: schedule: until this is corrected, no schedule backs it up"
    );

    // An edit to a platform that is not there leaves the good schedule of one that is.
    world.edit("acme-code", backup("daily at 02:00")).await;
    world.edit("acme-code", jira).await;
    assert_eq!(
        world.fake.schedule("acme-code").unwrap()["Target"]["Arn"],
        format!("{PREFIX}github")
    );
}

#[tokio::test]
async fn a_group_that_is_gone_is_told_and_made_good() {
    let world = World::new().await;
    world.edit("acme-code", backup("daily at 02:00")).await;
    world.fake.drop_group();
    let error = world
        .sync
        .handle(&json!({ "reconcile": true }), deadline())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains(&format!("there is no schedule group {GROUP}; deploy the stack again")),
        "{error}"
    );
    world.write("acme-site", backup("daily at 02:00")).await;
    assert_ne!(world.deliver(&["acme-site"]).await, crate::world::fine());
    assert!(world.findings("acme-site").await[0].contains("there is no schedule group"));
    world.fake.make_group();
    assert_eq!(world.reconcile().await["created"], 2);
    assert_eq!(world.findings("acme-site").await, [] as [&str; 0]);
}
