use std::collections::BTreeSet;

use seatbelt_catalog::{CatalogError, UnitPlan};
use seatbelt_model::{
    ChangeKind, Changes, Class, MassChange, ResourceCounts, Run, RunId, RunKind, RunStatus, Traffic, Trigger,
};

use crate::store::{SYSTEM, Store, TTL, at, n, run, s, t0};

fn ids(runs: &[Run]) -> Vec<RunId> {
    runs.iter().map(|run| run.id).collect()
}

fn ended(mut run: Run, status: RunStatus) -> Run {
    (run.status, run.ended_at) = (status, Some(run.started_at));
    run
}

pub(crate) async fn a_run_reads_back_as_it_was(store: Store) {
    let catalog = &store.catalog;
    let mut run = run(0);
    assert_eq!(catalog.run(SYSTEM, run.id).await.unwrap(), None);
    catalog.create_run(&run).await.unwrap();
    assert_eq!(catalog.run(SYSTEM, run.id).await.unwrap().as_ref(), Some(&run));

    run.status = RunStatus::Partial;
    run.ended_at = Some("2026-11-22T06:00:01.123456789Z".parse().unwrap());
    run.snapshot = Some(run.id);
    run.traffic = Traffic {
        requests: 3,
        bytes_read: u64::MAX,
        ..Traffic::default()
    };
    let changes = Changes {
        added: 5,
        ..Changes::default()
    };
    run.resources.insert(
        "posts".into(),
        ResourceCounts {
            read: 5,
            records: 5,
            changes,
            gaps: 1,
        },
    );
    run.alarms = vec![mass_change()];
    run.error = Some("posts: 1 record could not be read".into());
    catalog.save_run(&run).await.unwrap();
    assert_eq!(catalog.run(SYSTEM, run.id).await.unwrap(), Some(run));
    assert_eq!(catalog.run("acme-site", at_id(0)).await.unwrap(), None);
}

fn mass_change() -> MassChange {
    MassChange {
        resource: "posts".into(),
        change: ChangeKind::Removed,
        records: 4,
        of: 9,
        rule: "removed 5%".into(),
    }
}

fn at_id(seconds: i64) -> RunId {
    RunId::at(at(seconds))
}

pub(crate) async fn of_many_creators_one_wins(store: Store) {
    let tasks = (0..20).map(|_| {
        let catalog = store.catalog.clone();
        // The same record to the last field: still only one of them created it.
        tokio::spawn(async move { catalog.create_run(&run(0)).await })
    });
    let mut won = 0;
    for task in tasks.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Ok(()) => won += 1,
            Err(error) => {
                assert!(matches!(error, CatalogError::RunExists { .. }), "{error}");
                assert_eq!(error.class(), Class::Retry);
            }
        }
    }
    assert_eq!(won, 1);
    assert_eq!(store.catalog.runs(SYSTEM, 30).await.unwrap(), [run(0)]);

    let mut unnamed = run(1);
    unnamed.system = "#systems".into();
    assert!(matches!(
        store.catalog.create_run(&unnamed).await,
        Err(CatalogError::Refused { .. })
    ));
}

pub(crate) async fn the_newest_come_first_and_nothing_else_is_listed(store: Store) {
    let catalog = &store.catalog;
    for seconds in [20, 0, 30, 10] {
        catalog.create_run(&run(seconds)).await.unwrap();
        catalog
            .plan_units(SYSTEM, at_id(seconds), &[UnitPlan { name: "posts".into() }])
            .await
            .unwrap();
    }
    catalog.acquire_lease(SYSTEM, "me", t0(), TTL).await.unwrap().unwrap();
    let all = [30, 20, 10, 0].map(at_id);
    for limit in 0..6 {
        assert_eq!(
            ids(&catalog.runs(SYSTEM, limit).await.unwrap()),
            all[..limit.min(4)],
            "limit {limit}"
        );
    }
    assert_eq!(ids(&catalog.runs(SYSTEM, usize::MAX).await.unwrap()), all);
    assert_eq!(catalog.runs("acme-site", 10).await.unwrap(), []);
    let latest = catalog.latest_run(SYSTEM, |run| run.started_at < at(20)).await.unwrap();
    assert_eq!(latest.map(|run| run.id), Some(at_id(10)));
    assert_eq!(
        catalog
            .latest_run(SYSTEM, |run| run.kind == RunKind::Prune)
            .await
            .unwrap(),
        None
    );
}

pub(crate) async fn a_history_beyond_one_page_is_read_on(store: Store) {
    let catalog = &store.catalog;
    // Eight runs of 200 KB are more than the megabyte that one answer holds.
    for seconds in 0..8 {
        let mut run = ended(run(seconds), RunStatus::Failed);
        run.error = Some("x".repeat(200_000));
        catalog.create_run(&run).await.unwrap();
    }
    let expected: Vec<_> = (0..8).rev().map(at_id).collect();
    assert_eq!(ids(&catalog.runs(SYSTEM, 100).await.unwrap()), expected);
    assert_eq!(ids(&catalog.runs(SYSTEM, 7).await.unwrap()), expected[..7]);
    let oldest = catalog.latest_run(SYSTEM, |run| run.id == at_id(0)).await.unwrap();
    assert!(oldest.is_some());

    let mut large = run(100);
    large.error = Some("x".repeat(500_000));
    let error = catalog.create_run(&large).await.unwrap_err();
    assert!(matches!(error, CatalogError::TooLarge { .. }), "{error}");
}

pub(crate) async fn all_systems_have_one_history(store: Store) {
    let catalog = &store.catalog;
    assert_eq!(catalog.recent_runs(10).await.unwrap(), []);
    for (system, seconds) in [("b", 0), ("a", 30), ("c", 20), ("a", 0), ("b", 40), ("007", 10)] {
        let now = at(seconds);
        let run = Run::start(system, RunId::at(now), RunKind::Verify, Trigger::Schedule, now);
        catalog.create_run(&run).await.unwrap();
    }
    let recent = catalog.recent_runs(5).await.unwrap();
    let shown: Vec<_> = recent.iter().map(|run| (run.system.as_str(), run.id)).collect();
    let expected = [("b", 40), ("a", 30), ("c", 20), ("007", 10), ("a", 0)].map(|(system, at)| (system, at_id(at)));
    assert_eq!(shown, expected);
    let systems = catalog.systems_with_runs().await.unwrap();
    assert_eq!(
        systems,
        ["007", "a", "b", "c"]
            .map(String::from)
            .into_iter()
            .collect::<BTreeSet<_>>()
    );
}

pub(crate) async fn a_run_that_is_over_stays_so(store: Store) {
    let catalog = &store.catalog;
    let open = run(0);
    assert!(matches!(
        catalog.save_run(&open).await,
        Err(CatalogError::RunMissing { .. })
    ));
    assert_eq!(
        catalog.runs(SYSTEM, 1).await.unwrap(),
        [],
        "a run that was not created is not saved"
    );
    catalog.create_run(&open).await.unwrap();
    let complete = ended(open.clone(), RunStatus::Complete);
    catalog.save_run(&complete).await.unwrap();
    catalog.save_run(&complete).await.unwrap();
    for status in [
        RunStatus::Running,
        RunStatus::Interrupted,
        RunStatus::Failed,
        RunStatus::Partial,
    ] {
        let error = catalog.save_run(&Run { status, ..open.clone() }).await.unwrap_err();
        assert!(
            matches!(
                error,
                CatalogError::RunClosed {
                    status: RunStatus::Complete,
                    ..
                }
            ),
            "{error}"
        );
        assert!(error.to_string().contains("ended as complete"), "{error}");
    }
    assert_eq!(catalog.run(SYSTEM, open.id).await.unwrap(), Some(complete));
}

pub(crate) async fn a_superseded_invocation_cannot_save(store: Store) {
    let catalog = &store.catalog;
    let first = run(0);
    catalog.create_run(&first).await.unwrap();
    let second = Run {
        hops: 2,
        ..first.clone()
    };
    catalog.save_run(&second).await.unwrap();
    let error = catalog.save_run(&ended(first, RunStatus::Failed)).await.unwrap_err();
    assert!(matches!(error, CatalogError::RunSuperseded { hops: 2, .. }), "{error}");
    assert_eq!(catalog.run(SYSTEM, second.id).await.unwrap(), Some(second));
}

pub(crate) async fn open_runs_are_found_and_closed_ones_forgotten(store: Store) {
    let catalog = &store.catalog;
    for seconds in 0..5 {
        catalog.create_run(&run(seconds)).await.unwrap();
    }
    catalog
        .save_run(&Run {
            status: RunStatus::Interrupted,
            ..run(1)
        })
        .await
        .unwrap();
    catalog.save_run(&ended(run(2), RunStatus::Complete)).await.unwrap();
    catalog.save_run(&ended(run(3), RunStatus::Failed)).await.unwrap();
    catalog.create_run(&ended(run(5), RunStatus::Skipped)).await.unwrap();
    assert_eq!(ids(&catalog.open_runs(SYSTEM).await.unwrap()), [4, 1, 0].map(at_id));

    // What crashes leave: the mark of a run that ended, and of one that was never written.
    store.put_run_item(&format!("open#{}", at_id(2)), &[]).await;
    store.put_run_item(&format!("open#{}", at_id(9)), &[]).await;
    store.put_run_item("open#typed by hand", &[]).await;
    assert_eq!(ids(&catalog.open_runs(SYSTEM).await.unwrap()), [4, 1, 0].map(at_id));
    assert_eq!(catalog.open_runs("acme-site").await.unwrap(), []);
}

pub(crate) async fn a_damaged_record_hides_no_other(store: Store) {
    let catalog = &store.catalog;
    catalog.create_run(&run(0)).await.unwrap();
    catalog.create_run(&run(2)).await.unwrap();
    store
        .put_run_item(&at_id(1).to_string(), &[("status", s("dreaming")), ("hops", n("1"))])
        .await;
    store.put_run_item("2026-11-22", &[]).await;
    store.put_run_item(&format!("open#{}", at_id(1)), &[]).await;
    assert_eq!(ids(&catalog.runs(SYSTEM, 2).await.unwrap()), [2, 0].map(at_id));
    assert_eq!(ids(&catalog.open_runs(SYSTEM).await.unwrap()), [2, 0].map(at_id));
    let error = catalog.run(SYSTEM, at_id(1)).await.unwrap_err();
    assert!(matches!(error, CatalogError::Damaged { .. }), "{error}");
    assert!(
        error.to_string().contains("run 20261122T060001Z of system acme-crm"),
        "{error}"
    );
    assert!(matches!(
        catalog.save_run(&run(1)).await,
        Err(CatalogError::Damaged { .. })
    ));
}
