//! Rounds: every system, bounded by the deadline, told in metrics.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::house::{DAY, HOUR, House, changes};

#[tokio::test]
async fn a_round_passes_over_every_system_once_a_day() {
    let mut house = House::new().await;
    for system in ["a", "b", "c", "d"] {
        house.policy(system, "1 daily").await;
    }
    for day in 0..3 {
        for system in ["a", "b", "c", "d"] {
            crate::world::backup(house.vault(), system, house.next, &crate::world::by_id(), &changes(day))
                .await
                .unwrap();
        }
        house.next += 1;
        house.wait(DAY);
    }
    let passed = async |house: &House| {
        let round = house.retention().round(None).await.unwrap();
        let mut systems: Vec<_> = round.passes.iter().map(|pass| pass.system.clone()).collect();
        systems.sort();
        (systems.join(""), round)
    };
    let (systems, round) = passed(&house).await;
    assert_eq!((systems.as_str(), round.not_reached), ("abcd", 0));
    let line: Value = serde_json::from_str(&round.metrics("acme-backups", house.now()).line()).unwrap();
    assert_eq!(line["Stack"], "acme-backups");
    assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["Stack"]]));
    assert_eq!(
        (&line["RetentionRounds"], &line["SnapshotsExpired"]),
        (&json!(1), &json!(8))
    );
    let marked: u64 = round.passes.iter().map(|pass| pass.marked.objects).sum();
    assert!(marked > 0 && line["ObjectsMarked"] == marked);
    for none in [
        "ObjectsSwept",
        "BytesFreed",
        "LocksExtended",
        "ObjectsDamaged",
        "RetentionTroubles",
        "VerificationsLate",
    ] {
        assert_eq!(line[none], 0, "{none}");
    }
    house.wait(19 * HOUR);
    assert_eq!(passed(&house).await.0, "", "nothing is due again so soon");
    house.wait(5 * HOUR);
    let (systems, round) = passed(&house).await;
    assert_eq!(systems, "abcd");
    assert_eq!(round.passes.iter().map(|pass| pass.swept.objects).sum::<u64>(), marked);
}

#[tokio::test]
async fn what_the_deadline_cut_off_comes_first_in_the_next_round() {
    let mut house = House::new().await;
    for system in ["a", "b"] {
        house.policy(system, "1 daily").await;
        for day in 0..3 {
            crate::world::backup(house.vault(), system, day, &crate::world::by_id(), &changes(day))
                .await
                .unwrap();
        }
    }
    house.next = 3;
    house.wait(3 * DAY);
    let over = house.now();
    let round = house.retention().round(Some(over)).await.unwrap();
    assert_eq!((round.passes.len(), round.not_reached), (0, 2));
    // A pass that is begun and then cut deletes nothing more, and is due again at once.
    let pass = house
        .retention()
        .pass(&seatbelt_retention::Order::scheduled("a"), Some(over))
        .await;
    assert!(pass.cut && pass.trouble().is_none());
    assert_eq!((pass.expired.len(), house.ids("a").await.len()), (0, 3));
    house.wait(60);
    let later = house.now().checked_add(SignedDuration::from_mins(10)).unwrap();
    let round = house.retention().round(Some(later)).await.unwrap();
    assert_eq!(round.passes[0].system, "b", "it was never looked at");
    assert_eq!(round.passes.iter().map(|pass| pass.expired.len()).sum::<usize>(), 4);
    assert!(round.passes.iter().all(|pass| !pass.cut));
}

#[tokio::test]
async fn the_function_takes_a_round_one_system_or_nothing_else() {
    let mut house = House::new().await;
    house.days("acme", 3).await;
    let retention = house.retention();
    let deadline = house.now().checked_add(SignedDuration::from_mins(10)).unwrap();
    let answer = retention.handle(&json!({}), deadline).await.unwrap();
    assert_eq!(answer["systems"][0]["system"], "acme");
    assert!(
        answer["systems"][0]["kept_because"]
            .as_str()
            .unwrap()
            .contains("not in the manifest")
    );
    let answer = retention
        .handle(&json!({ "system": "acme", "removed": true }), deadline)
        .await
        .unwrap();
    assert_eq!(answer["systems"][0]["expired"].as_array().unwrap().len(), 2);
    let refused = retention.handle(&json!({ "system": 7 }), deadline).await.unwrap_err();
    assert!(
        format!("{refused:#}").contains("what this function takes"),
        "{refused:#}"
    );
    // What EventBridge adds is nothing to it.
    retention
        .handle(&json!({ "version": "0", "source": "aws.events" }), deadline)
        .await
        .unwrap();
}
