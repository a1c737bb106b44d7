//! Everything is read again within ninety days, and what is damaged is told exactly.

use seatbelt_embedded::BUCKET;
use seatbelt_model::{RunKind, RunStatus};
use seatbelt_retention::{LAP, WITHIN};
use seatbelt_vault::Vault;

use crate::house::{DAY, House};

#[tokio::test]
async fn everything_is_read_again_within_ninety_days_and_no_day_reads_much() {
    let mut house = House::new().await;
    house.policy("acme", "90 daily").await;
    house.days("acme", 10).await;
    let all = house.named("acme").await.len() as u64;
    assert!(all > 30, "{all}");
    let (mut read, mut most, began) = (0, 0, house.now());
    let mut laps = 0;
    for day in 0..170 {
        // Some days are missed, and made up for.
        if day % 10 != 7 {
            let pass = house.clean("acme").await;
            read += pass.verified;
            most = most.max(pass.verified);
            assert!(!pass.late);
            if let Some(run) = house.run("acme", RunKind::Verify).await
                && run.id.start() == house.now()
            {
                laps += 1;
                assert_eq!(run.status, RunStatus::Complete);
                assert!(
                    run.notes[0].contains(&format!("all was read again: {all} objects")),
                    "{:?}",
                    run.notes
                );
                assert!(house.now().duration_since(began) <= WITHIN * laps);
            }
        }
        house.wait(DAY);
    }
    assert_eq!(laps, 2, "{LAP}");
    assert!(read >= 2 * all && read < 3 * all, "{read} of {all}");
    assert!(most < all / 6, "{most} of {all} on one day");
}

#[tokio::test]
async fn a_damaged_object_is_found_told_remembered_and_forgotten_when_it_is_mended() {
    let mut house = House::new().await;
    house.policy("acme", "90 daily").await;
    let days = house.days("acme", 4).await;
    let delta = days[2].0.resources["notes"].delta.clone().unwrap();
    let json = house.vault().lines("acme", &delta.index).await.unwrap();
    let index: seatbelt_model::LayerIndex = serde_json::from_slice(&json).unwrap();
    let key = Vault::object_key("acme", &index.chunks[0].object);
    let stands = |snapshot: &seatbelt_model::Snapshot| {
        let state = &snapshot.resources["notes"];
        state
            .layers
            .iter()
            .chain(&state.delta)
            .any(|layer| layer.index == delta.index)
    };
    let standing = days.iter().filter(|(snapshot, _)| stands(snapshot));
    let standing: Vec<_> = standing
        .map(|(snapshot, _)| format!("notes of snapshot {}", snapshot.id))
        .collect();
    let client = house.vault().client();
    let good = client.get_object().bucket(BUCKET).key(&key).send().await.unwrap();
    let good = good.body.collect().await.unwrap().into_bytes();
    let mut bad = good.to_vec();
    bad[12] ^= 1;
    client
        .put_object()
        .bucket(BUCKET)
        .key(&key)
        .body(bad.into())
        .send()
        .await
        .unwrap();
    let mut found = None;
    for day in 0..90 {
        let pass = house.pass("acme").await;
        assert_eq!(
            pass.trouble(),
            None,
            "what is damaged is no reason not to look after the rest"
        );
        match (pass.damaged.as_slice(), found) {
            ([], None) => {}
            ([damaged], since) => {
                let since = *found.get_or_insert(since.unwrap_or(house.now()));
                assert_eq!((damaged.object.as_str(), damaged.known.since), (key.as_str(), since));
                assert_eq!(damaged.known.what, "its bytes are not those that were stored");
                assert_eq!(damaged.known.named_by, standing);
                let run = house.run("acme", RunKind::Verify).await.unwrap();
                assert_eq!((run.status, run.id.start()), (RunStatus::Failed, house.now()));
            }
            other => panic!("day {day}: {other:?}"),
        }
        house.wait(DAY);
    }
    assert!(found.is_some(), "ninety days were enough");
    let round = house.retention().round(None).await.unwrap();
    assert_eq!(round.damaged(), 1);
    let round = house.retention().round(None).await.unwrap();
    assert_eq!(
        (round.passes.len(), round.damaged()),
        (0, 1),
        "it counts on the days between too"
    );
    client
        .put_object()
        .bucket(BUCKET)
        .key(&key)
        .body(good.into())
        .send()
        .await
        .unwrap();
    house.wait(DAY);
    house.clean("acme").await;
    let round = house.retention().round(None).await.unwrap();
    assert_eq!(round.damaged(), 0);
}

#[tokio::test]
async fn what_is_missing_is_seen_the_same_day_and_a_text_that_looks_like_a_name_is_not() {
    let mut house = House::new().await;
    house.policy("acme", "90 daily").await;
    // Keys of the vendor's that look like hashes stand in indexes as they are.
    let keys: Vec<_> = (0..20).map(|n| format!("{n:064x}")).collect();
    let batch = crate::world::Batch::full(keys.iter().map(|key| (key.clone(), crate::world::record(key, "text"))));
    let snapshot = house.backup("acme", &batch).await;
    house.clean("acme").await;
    let base = &snapshot.resources["notes"].layers[0];
    let json = house.vault().lines("acme", &base.index).await.unwrap();
    let index: seatbelt_model::LayerIndex = serde_json::from_slice(&json).unwrap();
    let key = Vault::object_key("acme", &index.chunks[0].object);
    house
        .vault()
        .client()
        .delete_object()
        .bucket(BUCKET)
        .key(&key)
        .send()
        .await
        .unwrap();
    let pass = house.pass("acme").await;
    assert_eq!(
        pass.damaged
            .iter()
            .map(|damaged| damaged.object.as_str())
            .collect::<Vec<_>>(),
        [key]
    );
    assert_eq!(pass.damaged[0].known.what, "missing");
}
