//! Who is told what, and when.

use serde_json::json;

use crate::world::{World, entry};

/// `acme` is known since noon of the 21st, was backed up on the 22nd, and misses its firing of the 23rd.
async fn missed() -> World {
    let world = World::new().await;
    world.daily("acme").await;
    assert_eq!(world.round().await, []);
    world.backed_up("acme", "22T02:00").await;
    assert_eq!(world.round_at("22T03:00").await, []);
    assert_eq!(world.round_at("23T02:10").await, []);
    world
}

#[tokio::test]
async fn a_missed_backup_is_told_once_with_its_owner_and_again_when_it_is_over() {
    let mut world = missed().await;
    let told = world.round_at("23T02:20").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].subject, "Seatbelt prod: 1 critical: acme firing missed");
    let text = &told[0].text;
    assert!(
        text.contains("CRITICAL acme (web@acme.example): Nothing ran for the firing of 2026-11-23 02:00 UTC"),
        "{text}"
    );
    assert!(
        text.ends_with("1 open in all: s3://seatbelt/_seatbelt/status.json"),
        "{text}"
    );
    assert_eq!(world.found().await, [("firing_missed".to_owned(), "acme".to_owned())]);
    // Not again, from a cold start neither.
    assert_eq!(world.round_at("23T02:30").await, []);
    world.restart();
    assert_eq!(world.round_at("23T02:40").await, []);
    // It becomes late, which is another matter.
    let late = world.round_at("23T04:20").await;
    assert_eq!(late[0].subject, "Seatbelt prod: 1 critical: acme past its RPO");
    // A day later people are reminded, once.
    assert_eq!(world.round_at("24T02:10").await, []);
    let reminded = world.round_at("24T02:20").await;
    assert_eq!(reminded.len(), 1);
    assert!(
        reminded[0].subject.starts_with("Seatbelt prod: still 1 critical"),
        "{}",
        reminded[0].subject
    );
    assert_eq!(world.round_at("24T02:30").await, []);
    // Backed up again: both are over, in one message.
    world.backed_up("acme", "24T03:00").await;
    let over = world.round_at("24T03:10").await;
    assert_eq!(over.len(), 1);
    assert!(over[0].text.contains("Over (2):"), "{}", over[0].text);
    assert!(over[0].text.contains("0 open in all"), "{}", over[0].text);
    assert_eq!(world.found().await, []);
    assert_eq!(world.round_at("24T03:20").await, []);
}

#[tokio::test]
async fn when_sns_is_down_the_next_round_tells() {
    let world = missed().await;
    world.services.sns_is_down(true);
    world.set("23T02:20");
    let error = world.watchdog.round("request-1").await.unwrap_err();
    assert!(format!("{error:#}").contains("could not be told"), "{error:#}");
    assert_eq!(
        world.found().await.len(),
        1,
        "the status document was written all the same"
    );
    world.services.sns_is_down(false);
    assert_eq!(world.round_at("23T02:30").await.len(), 1);
    assert_eq!(world.round_at("23T02:40").await, []);
    // Likewise for what is over.
    world.backed_up("acme", "23T02:40").await;
    world.services.sns_is_down(true);
    world.set("23T02:50");
    world.watchdog.round("request-1").await.unwrap_err();
    world.services.sns_is_down(false);
    assert!(world.round_at("23T03:00").await[0].text.contains("Over (1)"));
}

#[tokio::test]
async fn of_two_rounds_at_the_same_time_one_tells() {
    let world = missed().await;
    world.set("23T02:20");
    let rounds = (0..4).map(|n| {
        let watchdog = world.watchdog.clone();
        tokio::spawn(async move { watchdog.round(&format!("request-{n}")).await.unwrap() })
    });
    let mut at_work = 0;
    for round in rounds.collect::<Vec<_>>() {
        at_work += usize::from(round.await.unwrap().get("said").is_some());
    }
    assert_eq!(world.services.messages().len(), 1);
    assert!(at_work < 4);
}

#[tokio::test]
async fn a_round_that_died_is_taken_up_by_the_next_or_by_its_own_retry() {
    let world = missed().await;
    world.set("23T02:20");
    let ttl = std::time::Duration::from_mins(5);
    let now = seatbelt_model::Clock::now(&world.clock);
    world
        .catalog
        .acquire_lease("#watchdog", "request-dead", now, ttl)
        .await
        .unwrap()
        .unwrap();
    let said = world.watchdog.round("request-other").await.unwrap();
    assert!(
        said["said"].as_str().unwrap().contains("another round is at work"),
        "{said}"
    );
    assert_eq!(world.services.messages(), []);
    let done = world.watchdog.round("request-dead").await.unwrap();
    assert_eq!(done["new"], 1, "{done}");
    assert_eq!(world.services.messages().len(), 1);
}

#[tokio::test]
async fn a_damaged_entry_is_a_finding_and_hides_no_other() {
    let world = missed().await;
    world
        .write(
            "acme",
            &json!({"platform": "wordpress", "decision": "backup", "schedule": "dayly at 02:00", "rpo": "26h"}),
        )
        .await;
    world.write("Acme Shop/1\n", &entry()).await;
    world.write("empty", &json!({})).await;
    world
        .write(
            "numbers",
            &json!({"platform": 7, "decision": ["backup"], "schedule": {"at": 2}}),
        )
        .await;
    let told = world.round_at("23T02:20").await;
    let found = world.found().await;
    let of = |kind: &str| {
        found
            .iter()
            .filter(|(found, _)| found == kind)
            .map(|(_, system)| system.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("firing_missed"), ["acme"], "by the last good schedule");
    assert_eq!(of("entry_invalid"), ["Acme Shop?1?", "acme", "numbers"]);
    assert_eq!(of("undecided"), ["empty"]);
    assert_eq!(told.len(), 1);
    assert!(told[0].text.contains("dayly"), "{}", told[0].text);
    // Corrected, it is over.
    world.daily("acme").await;
    let over = world.round_at("23T02:30").await;
    assert!(
        over[0].text.contains("acme: invalid entry, since 2026-11-23 02:20 UTC"),
        "{}",
        over[0].text
    );
}

#[tokio::test]
async fn the_status_document_has_what_a_report_shows() {
    let world = missed().await;
    world
        .write(
            "bi",
            &json!({"decision": "skip", "reason": "derived", "platform": "other", "name": "Dashboards"}),
        )
        .await;
    world.set("23T02:20");
    world.round().await;
    let status = world.status().await;
    assert_eq!(
        (&status["format"], &status["stack"]),
        (&json!("seatbelt-status/1"), &json!("prod"))
    );
    assert_eq!(status["at"], "2026-11-23T02:20:00Z");
    assert_eq!(
        status["totals"],
        json!({"systems": 2, "scheduled": 1, "critical": 1, "warnings": 0, "notices": 0})
    );
    let acme = json!({
        "system": "acme", "platform": "wordpress", "owner": "web@acme.example", "decision": "backup", "paused": false,
        "schedule": "daily at 02:00", "rpo_s": 93_600,
        "snapshot": {"id": "20261122T020100Z", "age_s": 87_540, "records": 1_000, "bytes": 1_000_000, "completeness": "complete"},
        "run": {"id": "20261122T020100Z", "status": "complete", "ended_at": "2026-11-22T02:06:00Z"},
        "worst": "critical",
    });
    assert_eq!(status["systems"][0], acme);
    assert_eq!(status["systems"][1]["name"], "Dashboards");
    let finding = &status["findings"][0];
    assert_eq!(
        (&finding["kind"], &finding["severity"]),
        (&json!("firing_missed"), &json!("critical"))
    );
    assert_eq!(finding["since"], "2026-11-23T02:00:00Z");
    assert!(
        world.vault.systems().await.unwrap() == ["acme"],
        "the document's folder is no system"
    );
}
