//! What edits of the manifest make of the schedules.

use serde_json::{Value, json};

use crate::world::{PREFIX, World, backup, batch, deadline, fine, with};

#[tokio::test]
async fn a_schedule_says_all_that_aws_keeps() {
    let world = World::new().await;
    world.edit("acme-code", backup("daily at 02:00 Europe/Berlin")).await;
    let mut made = world.fake.schedule("acme-code").unwrap();
    let input: Value = serde_json::from_str(made["Target"]["Input"].take().as_str().unwrap()).unwrap();
    assert_eq!(
        input,
        json!({ "system": "acme-code", "due": "<aws.scheduler.scheduled-time>" })
    );
    let expected = json!({
        "ScheduleExpression": "cron(0 2 * * ? *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "State": "ENABLED",
        "FlexibleTimeWindow": { "Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5 },
        "ActionAfterCompletion": "NONE",
        "Description": "Seatbelt backs up acme-code daily at 02:00 Europe/Berlin, as the manifest says. Edits made here are undone.",
        "Target": {
            "Arn": format!("{PREFIX}github"),
            "RoleArn": "arn:aws:iam::123456789012:role/seatbelt-scheduler",
            "Input": null,
            "DeadLetterConfig": { "Arn": "arn:aws:sqs:eu-central-1:123456789012:seatbelt-schedules-dead" },
            "RetryPolicy": { "MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86_400 }
        }
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&made[field], value, "{field}");
    }
}

#[tokio::test]
async fn every_form_of_schedule_is_taken_by_aws_and_keeps_its_zone() {
    let world = World::new().await;
    for (schedule, expression, zone, window, age) in [
        ("hourly", "rate(1 hour)", "UTC", Some(5), 3_600),
        ("every 15 minutes", "rate(15 minutes)", "UTC", None, 900),
        ("rate(1 minute)", "rate(1 minute)", "UTC", None, 60),
        ("every 2 days", "rate(2 days)", "UTC", Some(5), 86_400),
        (
            "weekdays at 19:30 america/new_york",
            "cron(30 19 ? * MON-FRI *)",
            "America/New_York",
            Some(5),
            86_400,
        ),
        (
            "weekly on sunday at 03:00 Europe/Berlin",
            "cron(0 3 ? * SUN *)",
            "Europe/Berlin",
            Some(5),
            86_400,
        ),
        (
            "monthly on the last day at 04:00",
            "cron(0 4 L * ? *)",
            "UTC",
            Some(5),
            86_400,
        ),
        (
            "cron(0 2 ? * 2#1 *) Asia/Kolkata",
            "cron(0 2 ? * 2#1 *)",
            "Asia/Kolkata",
            Some(5),
            86_400,
        ),
        // The night in which the clocks jump over 02:30 is AWS's to skip: the schedule says local time.
        (
            "daily at 02:30 Europe/Berlin",
            "cron(30 2 * * ? *)",
            "Europe/Berlin",
            Some(5),
            86_400,
        ),
        ("cron(0 2 24 12 ? 2027)", "cron(0 2 24 12 ? 2027)", "UTC", None, 86_400),
    ] {
        world.edit("acme-code", backup(schedule)).await;
        assert_eq!(world.findings("acme-code").await, [] as [&str; 0], "{schedule}");
        let made = world.fake.schedule("acme-code").unwrap();
        assert_eq!(made["ScheduleExpression"], expression);
        assert_eq!(made["ScheduleExpressionTimezone"], zone, "{schedule}");
        assert_eq!(
            made["FlexibleTimeWindow"]["MaximumWindowInMinutes"].as_i64(),
            window,
            "{schedule}"
        );
        assert_eq!(
            made["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"], age,
            "{schedule}"
        );
    }
}

#[tokio::test]
async fn the_longest_name_fits() {
    let world = World::new().await;
    let name = "a".repeat(63);
    let fields =
        "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38";
    let longest = format!("cron({fields} 2 * * ? *) America/Argentina/ComodRivadavia");
    world.edit(&name, backup(&longest)).await;
    assert_eq!(world.fake.schedules().keys().collect::<Vec<_>>(), [&name]);
    assert_eq!(world.findings(&name).await, [] as [&str; 0]);
}

#[tokio::test]
async fn paused_is_kept_disabled_and_resumed() {
    let world = World::new().await;
    let entry = backup("daily at 02:00");
    world.edit("acme-code", entry.clone()).await;
    world.edit("acme-code", with(entry.clone(), "paused", true)).await;
    assert_eq!(world.fake.schedule("acme-code").unwrap()["State"], "DISABLED");
    world.edit("acme-code", entry).await;
    assert_eq!(world.fake.schedule("acme-code").unwrap()["State"], "ENABLED");
    world
        .edit("acme-new", with(backup("daily at 02:00"), "paused", true))
        .await;
    assert_eq!(world.fake.schedule("acme-new").unwrap()["State"], "DISABLED");
    assert_eq!(
        world.fake.take_calls()["POST"],
        2,
        "changed in place, so that nothing fires twice"
    );
}

#[tokio::test]
async fn what_is_not_backed_up_by_the_clock_has_no_schedule() {
    let world = World::new().await;
    for decision in ["skip", "manual", "undecided"] {
        world.edit("acme-code", backup("daily at 02:00")).await;
        assert!(world.fake.schedule("acme-code").is_some());
        world
            .edit("acme-code", with(backup("daily at 02:00"), "decision", decision))
            .await;
        assert_eq!(world.fake.schedules().len(), 0, "{decision}");
        assert_eq!(world.findings("acme-code").await, [] as [&str; 0], "{decision}");
    }
    world.edit("acme-code", backup("daily at 02:00")).await;
    world.remove("acme-code").await;
    assert_eq!(world.deliver(&["acme-code"]).await, fine());
    assert_eq!(world.fake.schedules().len(), 0);
}

#[tokio::test]
async fn another_platform_changes_the_one_schedule() {
    let world = World::new().await;
    world.edit("acme-site", backup("daily at 02:00")).await;
    world
        .edit("acme-site", with(backup("daily at 02:00"), "platform", "wordpress"))
        .await;
    let schedules = world.fake.schedules();
    assert_eq!(schedules.len(), 1);
    assert_eq!(schedules["acme-site"]["Target"]["Arn"], format!("{PREFIX}wordpress"));
}

#[tokio::test]
async fn what_is_as_it_should_be_is_not_written() {
    let world = World::new().await;
    world.edit("acme-code", backup("daily at 02:00")).await;
    world.fake.take_calls();
    world
        .edit(
            "acme-code",
            with(backup("daily at 02:00"), "owner", "somebody@acme.example"),
        )
        .await;
    assert_eq!(world.fake.take_writes(), 0);
    assert_eq!(world.deliver(&["acme-code", "acme-code", "acme-code"]).await, fine());
    assert_eq!(
        world.fake.take_calls()["GET"],
        1,
        "a system is looked at once in a batch"
    );
}

/// Two hundred systems edited in a burst; every record delivered twice, out of order, in batches that overlap in time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_burst_none_is_lost_or_doubled() {
    let world = World::new().await;
    let systems: Vec<String> = (0..200).map(|number| format!("acme-{number:03}")).collect();
    for (number, system) in systems.iter().enumerate() {
        world.write(system, backup("daily at 01:00")).await;
        world
            .write(system, backup(&format!("daily at 02:{:02} Europe/Berlin", number % 60)))
            .await;
    }
    let mut records: Vec<&str> = systems
        .iter()
        .chain(&systems)
        .chain(&systems)
        .map(String::as_str)
        .collect();
    fastrand::Rng::with_seed(7).shuffle(&mut records);
    let deliveries = records.chunks(100).chain(records.chunks(100)).map(|records| {
        let (world, event) = (world.clone(), batch(records));
        tokio::spawn(async move { world.sync.handle(&event, deadline()).await.unwrap() })
    });
    for delivery in deliveries.collect::<Vec<_>>() {
        assert_eq!(delivery.await.unwrap(), fine());
    }
    let schedules = world.fake.schedules();
    assert_eq!(schedules.keys().collect::<Vec<_>>(), systems.iter().collect::<Vec<_>>());
    for (number, system) in systems.iter().enumerate() {
        let expression = format!("cron({} 2 * * ? *)", number % 60);
        assert_eq!(schedules[system]["ScheduleExpression"], expression);
    }
    world.fake.take_calls();
    let answer = world.reconcile().await;
    assert_eq!(
        (answer["systems"].as_u64(), world.fake.take_writes()),
        (Some(200), 0),
        "nothing was left to do"
    );
}
