//! The way back: each system that an accident changed is restored, as `seatbelt restore --between FROM..TO --apply` does.

use std::{sync::Arc, time::Instant};

use anyhow::Result;
use seatbelt_connector_kit::Pacers;
use seatbelt_engine::{Action, Done, Engine, Planned as Plan, Selection, Step, Stop, Verdict};
use seatbelt_model::{RunId, Snapshot, SnapshotId, Trigger, Unobserved};
use serde::Serialize;

use super::{changes::Changed, company};
use crate::{
    home::Home,
    jobs::{Batch, Planned},
    output::Output,
    progress::Progress,
};

/// What came back in one system.
#[derive(Debug, Serialize)]
pub(super) struct Back {
    pub(super) system: String,
    /// The restore, by which it can be undone.
    pub(super) run: Option<RunId>,
    /// Records written and read back as planned.
    pub(super) restored: u64,
    /// Records kept since somebody had edited them.
    pub(super) kept: u64,
    /// Records that the vendor does not take back, or this version does not write.
    pub(super) impossible: u64,
    /// Records that did not come out as planned.
    pub(super) failed: u64,
    pub(super) requests: u64,
    pub(super) seconds: f64,
    /// Records that differ from before the accident, seen by a fresh backup, and would have to be written.
    pub(super) left: Option<u64>,
    pub(super) before: SnapshotId,
}

/// Who restores: an engine, and the system with a credential that may write.
struct Hand {
    engine: Engine,
    batch: Batch,
    planned: Planned,
}

impl Hand {
    async fn on(home: &Home, system: &str, out: Output) -> Result<Self> {
        let mut planned = Planned::named(home, system).await?;
        if let Some(secret) = company::restoring(system) {
            planned.system.secret = Some(secret.parse()?);
        }
        let quiet = Output { quiet: true, ..out };
        let batch = Batch {
            trigger: Trigger::Manual,
            full: false,
            stop: Stop::default(),
            progress: Progress::new(quiet),
        };
        let engine = batch
            .engine(home, &Pacers::default(), std::slice::from_ref(&planned))
            .await;
        Ok(Self { engine, batch, planned })
    }

    async fn plan(&self, snapshots: [Snapshot; 2]) -> Result<(Plan, Vec<String>)> {
        let mut lines = Vec::new();
        let mut sink = |step: &Step| {
            lines.extend(serde_json::to_string(step));
            Ok(())
        };
        let job = self.batch.job(&self.planned, Arc::new(Unobserved));
        let plan = Box::pin(
            self.engine
                .plan_restore(&job, snapshots, Selection::default(), &mut sink),
        )
        .await?;
        lines.insert(0, serde_json::to_string(&plan.header)?);
        Ok((plan, lines))
    }
}

/// Plans and applies the way back to `before` in a system that `changed`.
pub(super) async fn restore(home: &Home, before: &Snapshot, changed: &Changed, out: Output) -> Result<Back> {
    let began = Instant::now();
    let hand = Hand::on(home, &changed.system, out).await?;
    let after = home.vault.snapshot(&changed.system, changed.after).await?;
    let (plan, lines) = hand.plan([before.clone(), after]).await?;
    let mut back = Back {
        system: changed.system.clone(),
        run: None,
        restored: 0,
        kept: plan.count(Action::Conflict),
        impossible: plan.count(Action::Impossible),
        failed: 0,
        requests: 0,
        seconds: 0.0,
        left: None,
        before: before.id,
    };
    if plan.writes() > 0 {
        let job = hand.batch.job(&hand.planned, Arc::new(Unobserved));
        let mut lines = lines.into_iter().map(Ok);
        let mut report = |_: &Done| ();
        let restored = Box::pin(hand.engine.apply_restore(&job, Some(&mut lines), &mut report)).await?;
        back.run = Some(restored.run.id);
        back.restored = restored.count(Verdict::Restored);
        back.kept += restored.count(Verdict::Conflict);
        back.failed = restored.count(Verdict::Failed) + restored.count(Verdict::Differs);
        back.requests = restored.run.traffic.requests;
    }
    back.seconds = began.elapsed().as_secs_f64();
    Ok(back)
}

/// Asks a fresh snapshot what is left to write.
pub(super) async fn prove(home: &Home, before: &Snapshot, now: &Snapshot, back: &mut Back, out: Output) -> Result<()> {
    let hand = Hand::on(home, &before.system, out).await?;
    let (plan, _) = hand.plan([before.clone(), now.clone()]).await?;
    back.left = Some(plan.writes());
    Ok(())
}
