//! `seatbelt drill`: proves that what is held can be given back, without touching production.

mod stage;

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context as _, Result};
use futures_util::TryStreamExt;
use seatbelt_connector_kit::Pacers;
use seatbelt_engine::{Action, Done, Engine, Planned as Plan, Step, Stop, Tally, Verdict};
use seatbelt_model::{Run, RunId, RunKind, RunStatus, Snapshot, Trigger};
use seatbelt_vault::{Expected, Scope};
use serde_json::json;

use crate::{
    Context,
    failure::PARTIAL,
    home::Home,
    jobs::{Batch, Planned},
    moment,
    output::Output,
    progress::Progress,
    signals, units,
};
use stage::Stage;

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt drill acme-site
  seatbelt drill acme-crm --into acme-crm-sandbox --sample 50
  seatbelt manifest set acme-crm settings.drill_into=acme-crm-sandbox

Re-hashes what the newest snapshot stands on, reads every record of it, and
restores a sample into a sandbox, or, where Seatbelt can simulate the vendor,
into a simulation on this machine. A sandbox is left as it was. Production is
never written to. Exits with 1 if anything is damaged or lost, with 3 if
something did not come back as it was.";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The system
    system: String,
    /// The system of the manifest to restore the sample into: a sandbox on the same platform
    #[arg(long, value_name = "SYSTEM")]
    into: Option<String>,
    /// Records of each resource in the sample; what they refer to comes along
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1000))]
    sample: u64,
}

/// What a drill found.
#[derive(Debug, Default)]
struct Found {
    objects: u64,
    damaged: u64,
    records: u64,
    /// Resources whose records are not as many as the snapshot says.
    miscounted: Vec<String>,
    stage: Option<String>,
    planned: Tally,
    /// Records under whose keys the sandbox had records of its own, which were left alone.
    there: u64,
    results: Tally,
    doubtful: Vec<Done>,
    /// Records given back in a second.
    rate: f64,
    /// Whether the sandbox is as it was.
    undone: bool,
}

impl Found {
    fn status(&self) -> RunStatus {
        if self.damaged > 0 || !self.miscounted.is_empty() {
            RunStatus::Failed
        } else if self.doubtful.is_empty() && self.undone {
            RunStatus::Complete
        } else {
            RunStatus::Partial
        }
    }

    fn restored(&self) -> u64 {
        let of = |counts: &seatbelt_engine::Counts| counts.get("restored").copied().unwrap_or(0);
        self.results.values().map(of).sum()
    }
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<ExitCode> {
    let home = Home::open(&context.home).await?;
    let planned = Planned::named(&home, &args.system).await?;
    let snapshot = moment::newest(&home, &args.system).await?;
    let stage = Stage::of(&home, &planned, args.into.as_deref()).await?;
    let mut run = begin(&home, &args.system, &snapshot).await?;
    let batch = Batch {
        trigger: Trigger::Manual,
        full: false,
        stop: Stop::default(),
        progress: Progress::new(context.out),
    };
    let progress = batch.progress.clone();
    let said = move || progress.say("stopping after this batch; press Ctrl-C again to stop at once");
    let signals = signals::listen(batch.stop.clone(), said);
    let drill = Drill {
        home: &home,
        batch,
        planned,
        snapshot,
        each: args.sample,
    };
    let found = drill.run(stage).await;
    signals.abort();
    let now = home.clock.now();
    (run.ended_at, run.heartbeat_at) = (Some(now), now);
    match &found {
        Ok(found) => {
            run.status = found.status();
            sum_up(found).into_iter().for_each(|note| run.note(note));
        }
        Err(error) => (run.status, run.error) = (RunStatus::Failed, Some(format!("{error:#}"))),
    }
    home.catalog.save_run(&run).await?;
    let found = found?;
    tell(&args.system, &run, &found, context.out)?;
    Ok(match run.status {
        RunStatus::Complete => ExitCode::SUCCESS,
        RunStatus::Partial => ExitCode::from(PARTIAL),
        _ => ExitCode::FAILURE,
    })
}

async fn begin(home: &Home, system: &str, snapshot: &Snapshot) -> Result<Run> {
    let now = home.clock.now();
    let mut run = Run::start(system, RunId::at(now), RunKind::Drill, Trigger::Manual, now);
    run.note(format!("drilled with snapshot {}", snapshot.id));
    Ok(home.catalog.add_run(run).await?)
}

/// A drill at work.
struct Drill<'a> {
    home: &'a Home,
    batch: Batch,
    planned: Planned,
    snapshot: Snapshot,
    each: u64,
}

impl Drill<'_> {
    async fn run(&self, stage: Option<Stage>) -> Result<Found> {
        let mut found = Found {
            undone: true,
            ..Found::default()
        };
        let report = self
            .home
            .vault
            .verify(&self.planned.name, Scope::Newest, |_| ())
            .await?;
        (found.objects, found.damaged) = (report.objects, report.damaged.len() as u64);
        // What is damaged cannot be read: the verification has said so.
        if found.damaged > 0 {
            return Ok(found);
        }
        self.read_everything(&mut found).await?;
        if let Some(stage) = &stage {
            Box::pin(self.rehearse(stage, &mut found)).await?;
        }
        Ok(found)
    }

    async fn read_everything(&self, found: &mut Found) -> Result<()> {
        for (name, state) in &self.snapshot.resources {
            let mut records = std::pin::pin!(self.home.vault.state(&self.planned.name, state));
            let mut count = 0;
            while records.try_next().await?.is_some() {
                count += 1;
            }
            found.records += count;
            if count != state.records {
                found.miscounted.push(name.clone());
            }
        }
        Ok(())
    }

    /// Restores a sample. Its notes are kept in a folder of their own, since neither the keys nor the run are production's.
    async fn rehearse(&self, stage: &Stage, found: &mut Found) -> Result<()> {
        found.stage = Some(stage.name.clone());
        let folder = tempfile::tempdir().context("cannot make a folder for the drill")?;
        let scratch = Home::create(folder.path()).await?;
        scratch.vault.commit(&self.snapshot).await?;
        let planning = self
            .batch
            .engine(self.home, &Pacers::default(), std::slice::from_ref(&stage.planned))
            .await;
        let planning = stage.engine(&planning);
        let applying = Engine {
            vault: scratch.vault.clone(),
            catalog: scratch.catalog.clone(),
            ..planning.clone()
        };
        let mut steps = Vec::new();
        let watch = self.batch.progress.watch(&self.planned.name);
        let job = self.batch.job(&stage.planned, Arc::clone(&watch) as _);
        let mut sink = |step: &Step| {
            steps.push(step.clone());
            Ok(())
        };
        let plan = Box::pin(planning.plan_rehearsal(&job, &self.snapshot, self.each, &mut sink)).await?;
        for body in steps.iter().filter_map(|step| step.file.as_ref()) {
            let bytes = self.home.vault.body(&self.planned.name, &body.sha256).await?;
            scratch
                .vault
                .put_body(&self.planned.name, bytes, &Expected::default())
                .await?;
        }
        found.planned.clone_from(&plan.counts);
        found.there = plan.count(Action::Conflict) + plan.count(Action::Fine);
        let begun = self.home.clock.now();
        let run = self.apply(&applying, &job, &plan, &steps, found).await?;
        let took = self.home.clock.now().duration_since(begun).as_secs_f64();
        found.rate = found.restored() as f64 / took.max(1e-3);
        if stage.lasts
            && let Some(run) = run
        {
            let mut back = Vec::new();
            let mut sink = |step: &Step| {
                back.push(step.clone());
                Ok(())
            };
            let plan = Box::pin(applying.plan_undo(&job, run, &mut sink)).await?;
            let mut undone = Found::default();
            self.apply(&applying, &job, &plan, &back, &mut undone).await?;
            found.undone = undone.doubtful.is_empty();
        }
        watch.clear();
        Ok(())
    }

    /// Applies a plan that is held in memory: a sample is small.
    async fn apply(
        &self,
        engine: &Engine,
        job: &seatbelt_engine::Job<'_>,
        plan: &Plan,
        steps: &[Step],
        found: &mut Found,
    ) -> Result<Option<RunId>> {
        if plan.writes() == 0 {
            return Ok(None);
        }
        let header = std::iter::once(serde_json::to_string(&plan.header));
        let lines = header.chain(steps.iter().map(serde_json::to_string));
        let mut lines = lines.map(|line| line.map_err(std::io::Error::from));
        let mut doubtful = Vec::new();
        let mut report = |done: &Done| {
            if !matches!(done.result, Verdict::Restored | Verdict::Fine) {
                doubtful.push(done.clone());
            }
        };
        let restored = Box::pin(engine.apply_restore(job, Some(&mut lines), &mut report)).await?;
        found.results = restored.results.clone();
        found.doubtful.extend(doubtful);
        Ok(Some(restored.run.id))
    }
}

/// A drill in sentences, for the run record and for people. No customer data: counts and names of resources.
fn sum_up(found: &Found) -> Vec<String> {
    let mut lines = vec![format!(
        "{} re-hashed, {} damaged",
        units::counted(found.objects, "object"),
        found.damaged
    )];
    if found.damaged > 0 {
        return lines;
    }
    lines.push(format!("{} read back", units::counted(found.records, "record")));
    if !found.miscounted.is_empty() {
        lines.push(format!(
            "not as many as the snapshot says: {}",
            found.miscounted.join(", ")
        ));
    }
    let Some(stage) = &found.stage else {
        lines.push("nothing was restored: no sandbox is named, and this vendor is not simulated".to_owned());
        return lines;
    };
    lines.push(format!(
        "{} restored into {stage}, read back and found equal, {:.0} a second",
        units::counted(found.restored(), "record"),
        found.rate
    ));
    if found.there > 0 {
        let there = units::counted(found.there, "record");
        lines.push(format!(
            "{there} left out, since {stage} has its own under the same keys"
        ));
    }
    if !found.doubtful.is_empty() {
        lines.push(format!(
            "{} did not come back as they were",
            units::counted(found.doubtful.len() as u64, "record")
        ));
    }
    if !found.undone {
        lines.push(format!("{stage} could not be left as it was"));
    }
    lines
}

fn tell(system: &str, run: &Run, found: &Found, out: Output) -> Result<()> {
    if out.json {
        return out.value(&json!({
            "run": run, "objects": found.objects, "damaged": found.damaged, "records": found.records, "into": found.stage,
            "planned": found.planned, "left_out": found.there, "results": found.results, "records_per_second": found.rate, "doubtful": found.doubtful,
        }));
    }
    let passed = match run.status {
        RunStatus::Complete => "passed",
        RunStatus::Partial => "passed in part",
        _ => "FAILED",
    };
    let mut text = format!("{system}: the drill {passed}\n");
    for line in sum_up(found) {
        text.push_str(&format!("  {line}\n"));
    }
    for done in found.doubtful.iter().take(20) {
        let why = done.why.as_deref().unwrap_or("it differs");
        text.push_str(&format!("    {} {}: {why}\n", done.resource, done.key));
    }
    out.data(text)
}
