//! A backup stopped while it fetches files goes on with the next file, not with the first.

use std::collections::BTreeMap;

use jiff::Timestamp;
use seatbelt_conformance::{Rig, SYSTEM};
use seatbelt_engine::EngineError;
use seatbelt_model::RunStatus;
use seatbelt_platforms::{
    Server, SimClock,
    practice::{Crm, crm},
};
use serde_json::json;

const FILES: u32 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_fetched_before_a_stop_are_not_fetched_again() {
    let clock = SimClock::default();
    let vendor = Crm::new("Many Files Ltd", clock.clone());
    vendor.limit_per_second(None);
    let at: Timestamp = clock.now();
    for n in 0..FILES {
        vendor.attach(
            &format!("file-{n}.txt"),
            "text/plain",
            format!("contents of {n}").into(),
            json!({}),
            at,
        );
    }
    let server = Server::start(vendor.router()).await;
    let settings = json!({"base_url": server.url()});
    let mut rig = Rig::new(
        &seatbelt_practice::PRACTICE_CRM,
        &settings,
        Some(&json!({"token": crm::FULL_TOKEN})),
    )
    .await;
    let contents = || {
        server
            .requests()
            .into_iter()
            .filter(|request| request.path.ends_with("/content"))
    };

    let stopped = {
        let stop = rig.stop.clone();
        let backup = rig.back_up(false);
        tokio::pin!(backup);
        loop {
            tokio::select! {
                outcome = &mut backup => break outcome,
                () = tokio::task::yield_now() => if contents().count() >= 20 { stop.request() },
            }
        }
    };
    assert!(matches!(stopped, Err(EngineError::Interrupted)), "{stopped:?}");
    let fetched = contents().count();
    assert!((20..FILES as usize).contains(&fetched), "stopped on the way: {fetched}");

    rig.stop = seatbelt_engine::Stop::default();
    let run = rig.back_up(false).await.unwrap();
    assert_eq!((run.status, run.hops), (RunStatus::Complete, 2));
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    contents().for_each(|request| *times.entry(request.path).or_default() += 1);
    assert_eq!(times.len(), FILES as usize, "every file was fetched");
    // Those on their way when the run stopped are fetched again.
    let twice = times.values().filter(|times| **times > 1).count();
    assert!(twice <= 8, "{twice} files were fetched twice");
    let listings = server
        .requests()
        .into_iter()
        .filter(|request| request.path == "/v1/attachments")
        .count();
    assert_eq!(listings, 1, "the listing was not read again");
    let newest = rig.newest().await;
    assert_eq!(newest.resources["attachments"].records, u64::from(FILES));
    assert_eq!(rig.engine.vault.systems().await.unwrap(), [SYSTEM]);
}
