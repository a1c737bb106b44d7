//! `seatbelt restore`: a plan first, then its application, which can itself be undone.

mod ask;
mod file;
mod show;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Result;
use seatbelt_connector_kit::Pacers;
use seatbelt_engine::{Action, Done, Engine, EngineError, Planned as Plan, Restored, Step, Stop, Verdict};
use seatbelt_model::{RunId, Trigger, system::SecretRef};
use serde_json::json;

use crate::{
    Context,
    failure::{Failure, PARTIAL},
    home::Home,
    jobs::{Batch, Planned},
    output::{Output, say},
    progress::Progress,
    signals,
};
use file::{PlanReader, PlanWriter};
use show::Excerpt;

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt restore acme-crm --to yesterday
      what differs from yesterday goes back; a backup is made first
  seatbelt restore acme-crm --between '09:00..10:00' --resource contacts
      only what that hour spoiled; what people edited since is kept
  seatbelt restore acme-crm --between '09:00..10:00' --removed --apply
  seatbelt restore acme-crm --to 2026-11-20 --resource contacts --key 4711 \\
      --field /owner_id
  seatbelt restore acme-crm --apply PLAN     apply a plan that was saved
  seatbelt restore acme-crm --resume         go on with one that was stopped
  seatbelt restore --undo RUN --apply

Without --apply nothing is written: the plan is shown and saved. Exits with 3
if something is kept, impossible or refused.";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The system
    #[arg(required_unless_present = "undo")]
    system: Option<String>,
    #[command(flatten)]
    ask: ask::Ask,
    /// Go back to before this restore
    #[arg(long, value_name = "RUN", conflicts_with_all = ["to", "between"])]
    undo: Option<RunId>,
    /// Go on with the restore that was interrupted
    #[arg(long, conflicts_with_all = ["to", "between", "undo", "apply"])]
    resume: bool,
    /// Apply the plan: this file, or the one just made
    #[arg(long, value_name = "PLAN", num_args = 0..=1)]
    apply: Option<Option<PathBuf>>,
    /// Where to save the plan; `plans` in the home if no place is named
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// A credential that may write, where that of the backups may only read: `file:`, `env:`, `ssm:` or `secretsmanager:`
    #[arg(long, value_name = "PLACE")]
    secret: Option<SecretRef>,
    /// List every record, not only the first few
    #[arg(long)]
    all: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<ExitCode> {
    let home = Home::open(&context.home).await?;
    let system = match (&args.system, args.undo) {
        (Some(system), _) => system.clone(),
        (None, Some(run)) => restored_by(&home, run).await?,
        (None, None) => return Err(Failure::usage("no system is named", "seatbelt restore --help").into()),
    };
    let mut planned = Planned::named(&home, &system).await?;
    if let Some(secret) = &args.secret {
        planned.system.secret = Some(secret.clone());
    }
    let batch = Batch {
        trigger: Trigger::Manual,
        full: false,
        stop: Stop::default(),
        progress: Progress::new(context.out),
    };
    let engine = batch
        .engine(&home, &Pacers::default(), std::slice::from_ref(&planned))
        .await;
    let restore = Restore {
        home: &home,
        engine,
        batch,
        planned,
        out: context.out,
    };
    let progress = restore.batch.progress.clone();
    let said = move || progress.say("stopping after this batch; press Ctrl-C again to stop at once");
    let signals = signals::listen(restore.batch.stop.clone(), said);
    let outcome = restore.run(&args).await;
    signals.abort();
    outcome
}

/// The system that a restore was of.
async fn restored_by(home: &Home, run: RunId) -> Result<String> {
    let mut found = Vec::new();
    for system in home.vault.systems().await? {
        if !home.vault.restores(&system, Some(run)).await?.is_empty() {
            found.push(system);
        }
    }
    match found.as_slice() {
        [system] => Ok(system.clone()),
        [] => Err(Failure::new(format!("there is no restore {run}"), "seatbelt runs").into()),
        several => Err(Failure::usage(
            format!("{run} is a restore of {}", several.join(" and of ")),
            "seatbelt restore SYSTEM --undo RUN",
        )
        .into()),
    }
}

/// One restore at work.
struct Restore<'a> {
    home: &'a Home,
    engine: Engine,
    batch: Batch,
    planned: Planned,
    out: Output,
}

impl Restore<'_> {
    async fn run(&self, args: &Args) -> Result<ExitCode> {
        if args.resume {
            return self.apply(None).await;
        }
        if let Some(Some(file)) = &args.apply {
            return self.apply(Some(file.clone())).await;
        }
        let file = args.plan.clone().unwrap_or_else(|| self.place());
        let mut writer = PlanWriter::create(&file)?;
        let mut excerpt = Excerpt::new(args.all);
        let mut failed = None;
        let mut sink = |step: &Step| {
            excerpt.add(step);
            writer.step(step).map_err(|error| {
                let said = EngineError::WrongPlan {
                    problem: format!("its steps cannot be saved: {error}"),
                };
                failed = Some(error);
                said
            })
        };
        let watch = self.batch.progress.watch(&self.planned.name);
        let job = self.batch.job(&self.planned, Arc::clone(&watch) as _);
        let plan = match args.undo {
            Some(run) => Box::pin(self.engine.plan_undo(&job, run, &mut sink)).await,
            None => {
                let snapshots = args
                    .ask
                    .snapshots(self.home, &self.engine, &self.batch, &self.planned)
                    .await?;
                Box::pin(
                    self.engine
                        .plan_restore(&job, snapshots, args.ask.selection()?, &mut sink),
                )
                .await
            }
        };
        watch.clear();
        if let Some(error) = failed {
            return Err(error.into());
        }
        let plan = plan?;
        writer.finish(&plan.header, &file)?;
        if args.apply.is_some() {
            if !self.out.json {
                self.out.data(show::plan(&plan, &excerpt, self.out))?;
            }
            return if plan.writes() == 0 {
                self.nothing(&plan)
            } else {
                self.apply(Some(file)).await
            };
        }
        if self.out.json {
            self.out
                .value(&json!({ "plan": file, "header": plan.header, "counts": plan.counts }))?;
        } else {
            self.out.data(show::plan(&plan, &excerpt, self.out))?;
            self.out.note(format!(
                "\nnothing was written; the plan is saved as {}",
                file.display()
            ));
            if plan.writes() > 0 {
                self.out.note(format!(
                    "apply it with: seatbelt restore {} --apply {}",
                    self.planned.name,
                    file.display()
                ));
            }
        }
        Ok(planned_code(&plan))
    }

    fn nothing(&self, plan: &Plan) -> Result<ExitCode> {
        if self.out.json {
            self.out
                .value(&json!({ "header": plan.header, "counts": plan.counts }))?;
        }
        self.out.note("there is nothing to write");
        Ok(planned_code(plan))
    }

    /// Where plans are saved unless a place is named.
    fn place(&self) -> PathBuf {
        let id = RunId::at(self.home.clock.now());
        self.home
            .folder
            .join("plans")
            .join(format!("{}-{id}.ndjson", self.planned.name))
    }

    async fn apply(&self, file: Option<PathBuf>) -> Result<ExitCode> {
        let watch = self.batch.progress.watch(&self.planned.name);
        let job = self.batch.job(&self.planned, Arc::clone(&watch) as _);
        let mut doubtful: Vec<Done> = Vec::new();
        let mut report = |done: &Done| {
            if !matches!(done.result, Verdict::Restored | Verdict::Fine) {
                doubtful.push(done.clone());
            }
        };
        let mut reader = file.as_deref().map(PlanReader::open).transpose()?;
        let lines = reader.as_mut().map(|reader| reader as seatbelt_engine::Lines<'_>);
        let restored = Box::pin(self.engine.apply_restore(&job, lines, &mut report)).await;
        watch.clear();
        let restored = restored.map_err(|error| self.stopped(error))?;
        self.tell(&restored, &doubtful)?;
        let well = doubtful.is_empty();
        Ok(if well {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(PARTIAL)
        })
    }

    fn tell(&self, restored: &Restored, doubtful: &[Done]) -> Result<()> {
        if self.out.json {
            let (run, results) = (&restored.run, &restored.results);
            return self
                .out
                .value(&json!({ "run": run, "results": results, "records": doubtful }));
        }
        self.out.data(show::results(restored, doubtful, self.out))?;
        self.out
            .note(format!("undo it with: seatbelt restore --undo {}", restored.run.id));
        Ok(())
    }

    /// An error, with what helps: a restore that was cut short goes on where it stopped.
    fn stopped(&self, error: EngineError) -> anyhow::Error {
        let name = &self.planned.name;
        match &error {
            EngineError::Busy { .. } => {
                Failure::new(error.to_string(), "run the same command again when it is done").into()
            }
            EngineError::WrongPlan { .. } => {
                Failure::usage(error.to_string(), format!("seatbelt restore {name} --help")).into()
            }
            EngineError::MayNotWrite { .. } => {
                let hint = format!(
                    "seatbelt platforms {} says how the credential is made",
                    self.planned.connector.name
                );
                Failure::new(error.to_string(), hint).into()
            }
            EngineError::Unfinished { .. } => error.into(),
            _ => {
                say(format!(
                    "{name}: the restore was interrupted; what was done is noted, and nothing is lost"
                ));
                Failure::new(error.to_string(), format!("seatbelt restore {name} --resume")).into()
            }
        }
    }
}

fn planned_code(plan: &Plan) -> ExitCode {
    if plan.count(Action::Conflict) + plan.count(Action::Impossible) > 0 {
        ExitCode::from(PARTIAL)
    } else {
        ExitCode::SUCCESS
    }
}
