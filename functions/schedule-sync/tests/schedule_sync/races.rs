//! Invocations that overlap: one is stopped at EventBridge's door while another goes by.

use crate::world::{World, backup, fine, with};

/// Starts a delivery that is held at its first `verb`, lets `meanwhile` happen, and lets it go on.
async fn held(world: &World, verb: &'static str, meanwhile: impl AsyncFnOnce(&World)) {
    let held = world.fake.hold(verb);
    let slow = {
        let world = world.clone();
        tokio::spawn(async move { world.deliver(&["acme-code"]).await })
    };
    held.arrived().await;
    meanwhile(world).await;
    held.release();
    assert_eq!(slow.await.unwrap(), fine());
}

fn expression(world: &World) -> Option<String> {
    let found = world.fake.schedule("acme-code")?;
    Some(found["ScheduleExpression"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_update_does_not_bring_back_what_was_before() {
    let world = World::new().await;
    world.edit("acme-code", backup("daily at 01:00")).await;
    world.write("acme-code", backup("daily at 02:00")).await;
    held(&world, "PUT", async |world| {
        world.edit("acme-code", backup("daily at 03:00")).await
    })
    .await;
    assert_eq!(expression(&world).as_deref(), Some("cron(0 3 * * ? *)"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_creation_gives_way_to_a_quicker_one() {
    let world = World::new().await;
    world.write("acme-code", backup("daily at 02:00")).await;
    held(&world, "POST", async |world| {
        world.edit("acme-code", backup("daily at 03:00")).await
    })
    .await;
    assert_eq!(expression(&world).as_deref(), Some("cron(0 3 * * ? *)"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_creation_does_not_outlive_the_system() {
    let world = World::new().await;
    world.write("acme-code", backup("daily at 02:00")).await;
    held(&world, "POST", async |world| {
        world.remove("acme-code").await;
        assert_eq!(world.deliver(&["acme-code"]).await, fine());
    })
    .await;
    assert_eq!(expression(&world), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_deletion_does_not_take_what_came_back() {
    let world = World::new().await;
    world.edit("acme-code", backup("daily at 02:00")).await;
    world.remove("acme-code").await;
    held(&world, "DELETE", async |world| {
        world.edit("acme-code", backup("daily at 02:00")).await
    })
    .await;
    assert_eq!(expression(&world).as_deref(), Some("cron(0 2 * * ? *)"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_under_an_update_is_made_again() {
    let world = World::new().await;
    world.edit("acme-code", backup("daily at 01:00")).await;
    world.write("acme-code", backup("daily at 02:00")).await;
    held(&world, "PUT", async |world| world.fake.remove("acme-code")).await;
    assert_eq!(expression(&world).as_deref(), Some("cron(0 2 * * ? *)"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_good_edit_does_not_hide_a_later_bad_one() {
    let world = World::new().await;
    world
        .edit("acme-code", with(backup("daily at 02:00"), "schedule", "sometimes"))
        .await;
    world.write("acme-code", backup("daily at 02:00")).await;
    held(&world, "POST", async |world| {
        world
            .edit("acme-code", with(backup("daily at 02:00"), "schedule", "often"))
            .await;
    })
    .await;
    let findings = world.findings("acme-code").await;
    assert!(findings[0].contains("\"often\""), "{findings:?}");
}

#[tokio::test]
async fn conflicts_are_tried_again_and_endless_ones_go_back_to_the_stream() {
    let world = World::new().await;
    world.edit("acme-code", backup("daily at 01:00")).await;
    world.fake.fail("PUT", None, 3, (409, "ConflictException"));
    world.edit("acme-code", backup("daily at 02:00")).await;
    assert_eq!(expression(&world).as_deref(), Some("cron(0 2 * * ? *)"));
    world.fake.fail("PUT", None, 100, (409, "ConflictException"));
    world.write("acme-code", backup("daily at 03:00")).await;
    assert_ne!(world.deliver(&["acme-code"]).await, fine());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finding_cleared_too_late_comes_back() {
    let world = World::new().await;
    let bad = |schedule: &str| with(backup("daily at 02:00"), "schedule", schedule);
    world.edit("acme-code", backup("daily at 02:00")).await;
    world.edit("acme-code", bad("sometimes")).await;
    world.write("acme-code", backup("daily at 02:00")).await;
    held(&world, "GET", async |world| world.edit("acme-code", bad("often")).await).await;
    let findings = world.findings("acme-code").await;
    assert!(findings[0].contains("\"often\""), "{findings:?}");
    assert_eq!(world.fake.take_writes(), 1, "the schedule was right all the time");
}
