//! Nothing is deleted while somebody works on the system, and nothing that was not marked a day before.

use std::time::Duration;

use seatbelt_model::{Run, RunId, RunKind, RunStatus, Trigger};
use seatbelt_retention::Order;

use crate::house::{DAY, HOUR, House};

#[tokio::test]
async fn a_lease_that_is_held_keeps_everything_and_one_left_on_a_home_does_not() {
    let mut house = House::new().await;
    house.policy("acme", "2 daily").await;
    house.days("acme", 5).await;
    let hold = Duration::from_secs(900);
    let lease = house
        .catalog
        .acquire_lease("acme", "a backup", house.now(), hold)
        .await
        .unwrap()
        .unwrap();
    let pass = house.clean("acme").await;
    assert!(
        pass.busy.as_ref().unwrap().contains("a backup holds its lease until"),
        "{:?}",
        pass.busy
    );
    assert_eq!((house.ids("acme").await.len(), pass.expired.len()), (5, 0));

    let mut sole = house.retention();
    sole.sole = true;
    let pass = sole.pass(&Order::scheduled("acme"), None).await;
    assert_eq!((pass.busy, pass.expired.len()), (None, 3));
    // The one before cannot go on as if it held it still.
    house.catalog.renew(&lease, house.now(), hold).await.unwrap_err();
    assert_eq!(house.catalog.lease_of("acme").await.unwrap(), None, "it was released");
}

#[tokio::test]
async fn an_open_run_keeps_everything_until_nobody_can_go_on_with_it() {
    let mut house = House::new().await;
    house.policy("acme", "2 daily").await;
    house.days("acme", 5).await;
    for kind in [RunKind::Backup, RunKind::Restore] {
        let mut run = Run::start("acme", RunId::at(house.now()), kind, Trigger::Manual, house.now());
        run.status = RunStatus::Interrupted;
        house.catalog.create_run(&run).await.unwrap();
        let pass = house.clean("acme").await;
        assert_eq!(pass.busy, Some(format!("run {} is not over", run.id)));
        assert!(pass.expired.is_empty());
        house.wait(47 * HOUR);
        assert!(house.clean("acme").await.expired.is_empty());
        if kind == RunKind::Backup {
            run.status = RunStatus::Failed;
            house.catalog.save_run(&run).await.unwrap();
        } else {
            house.wait(HOUR);
            assert_eq!(house.clean("acme").await.expired.len(), 3);
        }
    }
}

#[tokio::test]
async fn what_is_marked_is_swept_a_day_later_and_not_before() {
    let mut house = House::new().await;
    house.policy("acme", "2 daily").await;
    house.days("acme", 5).await;
    let before = house.stored("acme").await;
    let marking = house.clean("acme").await;
    assert_eq!(marking.expired.len(), 3);
    assert!(marking.marked.objects > 0 && marking.swept.objects == 0);
    let left = &before - &house.named("acme").await;
    assert_eq!(marking.marked.objects, left.len() as u64);
    house.wait(DAY - 60);
    let early = house.clean("acme").await;
    assert_eq!(
        (early.swept.objects, early.marked.objects),
        (0, 0),
        "it is marked already"
    );
    assert_eq!(house.stored("acme").await, before);
    house.wait(60);
    let sweeping = house.clean("acme").await;
    assert_eq!(
        (sweeping.swept.objects, sweeping.swept.bytes),
        (marking.marked.objects, marking.marked.bytes)
    );
    assert_eq!(house.stored("acme").await, house.named("acme").await);
    let run = house.run("acme", RunKind::Prune).await.unwrap();
    assert_eq!((run.status, run.trigger), (RunStatus::Complete, Trigger::Schedule));
    assert_eq!(
        run.notes,
        [format!(
            "{} objects deleted, {} bytes",
            left.len(),
            marking.marked.bytes
        )]
    );
    // Nothing to do is nothing to tell.
    house.wait(DAY);
    house.clean("acme").await;
    assert_eq!(house.run("acme", RunKind::Prune).await.unwrap().id, run.id);
}

#[tokio::test]
async fn what_a_backup_uses_again_or_writes_again_is_spared() {
    let mut house = House::new().await;
    house.policy("acme", "1 daily").await;
    let first = house.days("acme", 3).await;
    let before = house.stored("acme").await;
    let marked = house.clean("acme").await.marked.objects;
    assert!(marked > 2);
    // One that is named again by a snapshot that came back, as a backup that began before would name it.
    let undeleted = &first[0].0;
    house.vault().commit(undeleted).await.unwrap();
    let named = house.named("acme").await;
    // And one that was written anew since, and is named by nothing so far.
    let anew = before.difference(&named).next().unwrap().clone();
    let key = seatbelt_vault::Vault::object_key("acme", &anew);
    let client = house.vault().client();
    let bytes = client
        .get_object()
        .bucket(house.vault().bucket())
        .key(&key)
        .send()
        .await
        .unwrap();
    let bytes = bytes.body.collect().await.unwrap().into_bytes();
    house.wait(DAY + HOUR);
    client
        .put_object()
        .bucket(house.vault().bucket())
        .key(&key)
        .body(bytes.into())
        .send()
        .await
        .unwrap();
    house.policy("acme", "30 daily").await;
    let pass = house.clean("acme").await;
    assert_eq!(pass.swept.objects + pass.swept.spared, marked);
    let stored = house.stored("acme").await;
    assert!(pass.swept.spared > 1 && stored.contains(&anew) && stored.is_superset(&named));
}
