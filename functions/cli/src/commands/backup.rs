//! `seatbelt backup`.

use std::{collections::BTreeSet, process::ExitCode};

use anyhow::Result;
use seatbelt_connector_kit::Pacers;
use seatbelt_engine::{EngineError, Stop};
use seatbelt_model::{Decision, Run, RunStatus, Trigger};
use serde_json::{Value, json};

use crate::{
    Context, due,
    failure::{PARTIAL, STOPPED, engine_hint},
    follow::many,
    home::Home,
    jobs::{Batch, Finished, Planned},
    judge::judge,
    output::say,
    platforms,
    progress::Progress,
    signals, summary,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt backup acme-site
  seatbelt backup acme-site acme-crm --full     read everything again
  seatbelt backup --due                         for cron, in place of serve

Ctrl-C stops at a checkpoint, and the next backup of the system goes on from
there. With --stack the stack's functions do the work, and Ctrl-C only stops
following them. Exits with 3 if something could not be read.";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The systems
    #[arg(required_unless_present_any = ["due", "all"], conflicts_with_all = ["due", "all"])]
    systems: Vec<String>,
    /// Those whose schedule says so
    #[arg(long, conflicts_with = "all")]
    due: bool,
    /// All that the manifest decides to back up
    #[arg(long)]
    all: bool,
    /// Read everything, not only what changed
    #[arg(long)]
    full: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<ExitCode> {
    let (home, out) = (Home::open(&context.home).await?, context.out);
    let systems = chosen(&args, &home, context).await?;
    let progress = Progress::new(out);
    if let Some(stack) = &home.stack {
        return Box::pin(many::run(stack, &home, &systems, args.full, &progress, context)).await;
    }
    let batch = Batch {
        trigger: if args.due { Trigger::Schedule } else { Trigger::Manual },
        full: args.full,
        stop: Stop::default(),
        progress: progress.clone(),
    };
    let said = move || progress.say("stopping at the next checkpoint; press Ctrl-C again to stop at once");
    let signals = signals::listen(batch.stop.clone(), said);
    let engine = batch.engine(&home, &Pacers::default(), &systems).await;
    let finished = batch.run(&engine, systems).await;
    signals.abort();
    report(&finished, &home, context).await?;
    Ok(exit_code(&finished))
}

async fn chosen(args: &Args, home: &Home, context: &Context) -> Result<Vec<Planned>> {
    if !args.due && !args.all {
        let mut systems = Vec::new();
        for name in args.systems.iter().collect::<BTreeSet<_>>() {
            let planned = Planned::named(home, name).await?;
            if planned.system.decision != Decision::Backup {
                context.out.note(format!(
                    "{name}: the manifest says {}; backed up since it was named",
                    planned.system.decision
                ));
            }
            systems.push(planned);
        }
        return Ok(systems);
    }
    let (mut systems, now) = (Vec::new(), home.clock.now());
    for entry in home.catalog.systems().await? {
        let (Some(system), _) = judge(&entry) else {
            say(format!(
                "{}: left out, since its entry cannot be used; see seatbelt manifest check",
                entry.name
            ));
            continue;
        };
        let wanted = if args.due {
            let runs = home.catalog.runs(&entry.name, due::RUNS_NEEDED).await?;
            due::next(&system, &runs, now).is_some_and(|next| next <= now)
        } else {
            system.decision == Decision::Backup
        };
        if wanted {
            systems.push(Planned {
                connector: platforms::of(&entry.name, &system)?,
                name: entry.name,
                system,
                sole: home.stack.is_none(),
            });
        }
    }
    if systems.is_empty() {
        context.out.note(if args.due {
            "nothing is due"
        } else {
            "the manifest decides to back up nothing yet"
        });
    }
    Ok(systems)
}

async fn report(finished: &[Finished], home: &Home, context: &Context) -> Result<()> {
    let out = context.out;
    if out.json {
        out.value(&finished.iter().map(details).collect::<Vec<_>>())?;
    }
    for Finished { name, result } in finished {
        match result {
            Ok(run) => tell(run, home, context).await?,
            Err(EngineError::Interrupted) => {
                say(format!(
                    "{name}: stopped at a checkpoint; seatbelt backup {name} goes on where it stopped"
                ));
            }
            Err(_) if out.json => {}
            Err(error) => {
                say(format!("error: {name}: {error}"));
                if let Some(hint) = engine_hint(error) {
                    say(format!("hint: {}", hint.replace("SYSTEM", name)));
                }
            }
        }
    }
    Ok(())
}

/// What a run stored, for people.
pub(crate) async fn tell(run: &Run, home: &Home, context: &Context) -> Result<()> {
    let (out, Some(id)) = (context.out, run.snapshot) else {
        return Ok(());
    };
    let snapshot = home.vault.snapshot(&run.system, id).await?;
    if !out.json && !out.quiet {
        out.data(summary::backup(run, &snapshot, home, out))?;
    }
    if !out.json {
        // What is missing, and what looks wrong, is said even to those who want quiet.
        let doubts = summary::gaps(&snapshot) + &summary::alarms(&snapshot);
        if !doubts.is_empty() {
            say(doubts.trim_end());
        }
    }
    Ok(())
}

/// One backup for programs: its run, or what kept it from ending well.
fn details(finished: &Finished) -> Value {
    match &finished.result {
        Ok(run) => json!(run),
        Err(error) => json!({
            "system": finished.name,
            "status": match error {
                EngineError::Interrupted => RunStatus::Interrupted,
                EngineError::Busy { .. } => RunStatus::Skipped,
                _ => RunStatus::Failed,
            },
            "error": error.to_string(),
            "hint": engine_hint(error),
        }),
    }
}

fn exit_code(finished: &[Finished]) -> ExitCode {
    let any = |test: fn(&Finished) -> bool| finished.iter().any(test);
    if any(|finished| matches!(&finished.result, Err(error) if !matches!(error, EngineError::Interrupted))) {
        ExitCode::FAILURE
    } else if any(|finished| finished.result.is_err()) {
        ExitCode::from(STOPPED)
    } else if any(|finished| matches!(&finished.result, Ok(run) if run.status == RunStatus::Partial)) {
        ExitCode::from(PARTIAL)
    } else {
        ExitCode::SUCCESS
    }
}
