//! Whatever names objects keeps them; what is not understood keeps everything.

use bytes::Bytes;
use futures_util::stream;
use seatbelt_embedded::BUCKET;
use seatbelt_model::{RunId, RunKind, RunStatus};
use seatbelt_vault::{Expected, Vault};
use serde_json::json;

use crate::house::{DAY, HOUR, House};

async fn put(house: &House, key: &str, bytes: impl Into<Bytes>) {
    let put = house.vault().client().put_object().bucket(BUCKET).key(key);
    put.body(bytes.into().into()).send().await.unwrap();
}

async fn delete(house: &House, key: &str) {
    house
        .vault()
        .client()
        .delete_object()
        .bucket(BUCKET)
        .key(key)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn restores_keep_what_they_wrote_down_and_the_files_in_it() {
    let mut house = House::new().await;
    house.policy("acme", "1 daily").await;
    house.days("acme", 3).await;
    let run = RunId::at(house.now());
    let body = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(
        b"a picture as it was before",
    ))]);
    let file = house
        .vault()
        .put_body("acme", body, &Expected::default())
        .await
        .unwrap();
    let image =
        json!({ "key": "1", "record": { "id": 1 }, "file": { "sha256": file.sha256, "size_bytes": file.size_bytes } });
    let lines = house
        .vault()
        .put_lines("acme", format!("{image}\n").into_bytes())
        .await
        .unwrap();
    let steps = house
        .vault()
        .put_lines("acme", b"{\"key\":\"1\"}\n".to_vec())
        .await
        .unwrap();
    let document = json!({ "resource": "notes", "object": lines, "records": 1 });
    house
        .vault()
        .put_restore("acme", run, "00000001.before", document.to_string().into_bytes())
        .await
        .unwrap();
    let plan = json!({ "format": "seatbelt-restore/1", "objects": [steps] });
    house
        .vault()
        .put_restore("acme", run, "plan", plan.to_string().into_bytes())
        .await
        .unwrap();
    let orphan = house
        .vault()
        .put_lines("acme", b"{\"nobody\":\"names this\"}\n".to_vec())
        .await
        .unwrap();
    for _ in 0..4 {
        house.wait(DAY + HOUR);
        house.clean("acme").await;
    }
    let mut expected = house.named("acme").await;
    expected.extend([file.sha256, lines.clone(), steps]);
    let stored = house.stored("acme").await;
    assert_eq!(stored, expected);
    assert!(!stored.contains(&orphan));

    // What a restore wrote down is looked after like everything else.
    delete(&house, &Vault::object_key("acme", &lines)).await;
    let pass = house.pass("acme").await;
    assert_eq!(pass.damaged.len(), 1, "{:?}", pass.damaged);
    assert_eq!(pass.damaged[0].known.named_by, [format!("restore {run}")]);
}

#[tokio::test]
async fn what_is_not_understood_keeps_everything_and_others_go_on() {
    let mut house = House::new().await;
    let cases = [
        ("unknown-folder", "bookmarks/1.json", "{}", "of a kind that is unknown"),
        ("unknown-file", "README", "", "of a kind that is unknown"),
        (
            "odd-snapshot",
            "snapshots/latest.json",
            "{}",
            "of a kind that is unknown",
        ),
        ("odd-restore", "restores/plan.json", "{}", "of a kind that is unknown"),
        (
            "later-format",
            "snapshots/20300101T000000Z.json",
            r#"{"format":"seatbelt/9"}"#,
            "format `seatbelt/9`",
        ),
        ("broken-snapshot", "snapshots/20300101T000000Z.json", "{", "damaged"),
        ("broken-restore", "restores/20300101T000000Z/plan.json", "{", "damaged"),
        ("broken-marks", "prune/20260101T000000Z-0000.json", "{", "damaged"),
        (
            "later-marks",
            "prune/20260101T000000Z-0000.json",
            r#"{"format":"seatbelt-prune/9","system":"later-marks","marked_at":"2026-01-01T00:00:00Z","objects":[]}"#,
            "format `seatbelt-prune/9`",
        ),
    ];
    for (system, ..) in cases {
        house.policy(system, "2 daily").await;
    }
    house.policy("sound", "2 daily").await;
    for day in 0..4 {
        for system in cases.map(|case| case.0).into_iter().chain(["sound"]) {
            crate::world::backup(
                house.vault(),
                system,
                house.next,
                &crate::world::by_id(),
                &crate::house::changes(day),
            )
            .await
            .unwrap();
        }
        house.next += 1;
        house.wait(DAY);
    }
    for (system, key, text, _) in cases {
        put(&house, &format!("{system}/{key}"), text).await;
    }
    let round = house.retention().round(None).await.unwrap();
    for (system, key, _, said) in cases {
        let pass = round.passes.iter().find(|pass| pass.system == system).unwrap();
        let refused = pass
            .refused
            .as_ref()
            .unwrap_or_else(|| panic!("{system} was not refused"));
        assert!(refused.contains(said) && refused.contains(key), "{refused}");
        assert!(system == "broken-marks" || system == "later-marks" || pass.expired.is_empty());
        assert_eq!(pass.swept.objects, 0);
        let run = house.run(system, RunKind::Prune).await.unwrap();
        assert_eq!((run.status, run.error.as_ref()), (RunStatus::Failed, Some(refused)));
        delete(&house, &format!("{system}/{key}")).await;
    }
    assert_eq!(house.ids("sound").await.len(), 2);
    // Once it is gone, all goes on.
    house.wait(DAY);
    let round = house.retention().round(None).await.unwrap();
    assert!(
        round
            .passes
            .iter()
            .all(|pass| pass.trouble().is_none() && pass.damaged.is_empty())
    );
    for (system, ..) in cases {
        assert_eq!(house.ids(system).await.len(), 2, "{system}");
    }
}

#[tokio::test]
async fn an_index_that_is_gone_keeps_everything_and_is_told_with_what_stands_on_it() {
    let mut house = House::new().await;
    house.policy("acme", "2 daily").await;
    let days = house.days("acme", 4).await;
    let index = days[3].0.resources["notes"].delta.clone().unwrap().index;
    let key = Vault::object_key("acme", &index);
    delete(&house, &key).await;
    let (found, stored) = (house.now(), house.stored("acme").await);
    for _ in 0..3 {
        let pass = house.pass("acme").await;
        assert!(pass.refused.as_ref().unwrap().contains(&key));
        assert_eq!((pass.damaged.len(), pass.swept.objects), (1, 0));
        let damaged = &pass.damaged[0];
        assert_eq!((damaged.object.as_str(), damaged.known.since), (key.as_str(), found));
        assert_eq!(damaged.known.named_by, [format!("notes of snapshot {}", days[3].0.id)]);
        house.wait(DAY + HOUR);
    }
    assert_eq!(house.stored("acme").await, stored);
    let run = house.run("acme", RunKind::Verify).await.unwrap();
    assert!(
        run.notes[0].contains(&format!("{key}: missing, since {found}, named by notes of")),
        "{:?}",
        run.notes
    );
}
