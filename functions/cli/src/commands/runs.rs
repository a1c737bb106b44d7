//! `seatbelt runs`.

use std::process::ExitCode;

use anyhow::Result;
use seatbelt_engine::rebuild_history;
use seatbelt_model::{Run, RunKind, RunStatus};

use crate::{
    Context,
    home::Home,
    output::{Output, Tone},
    table::{Cell, Table},
    units,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt runs
  seatbelt runs acme-site --limit 5
  seatbelt runs --rebuild      write a lost history again, from the snapshots";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The system; all of them if none is named
    system: Option<String>,
    /// How many at most, newest first
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// First write the records of runs that only their snapshots tell of
    #[arg(long)]
    rebuild: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<ExitCode> {
    let home = Home::open(&context.home).await?;
    if args.rebuild {
        for (system, written) in rebuild_history(&home.vault, &home.catalog).await? {
            context
                .out
                .note(format!("{system}: {written} runs written from their snapshots"));
        }
    }
    let runs = match &args.system {
        Some(system) => home.catalog.runs(system, args.limit).await?,
        None => home.catalog.recent_runs(args.limit).await?,
    };
    if let Some(system) = &args.system
        && runs.is_empty()
    {
        home.known(system).await?;
    }
    if context.out.json {
        context.out.value(&runs)?;
    } else if runs.is_empty() {
        context.out.note("no runs yet; seatbelt backup SYSTEM makes the first");
    } else {
        context.out.data(table(&runs, &context.out))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(runs: &[Run], out: &Output) -> String {
    let mut table = Table::new(&[
        "RUN",
        "SYSTEM",
        "STATUS",
        ">TIME",
        ">READ",
        "~CHANGES, OR WHAT WENT WRONG",
    ]);
    for run in runs {
        let read = run.resources.values().map(|counts| counts.read).sum();
        let time = run
            .ended_at
            .map(|ended| units::duration(units::between(run.started_at, ended)));
        table.row([
            run.id.to_string().into(),
            run.system.clone().into(),
            status(run.status),
            time.unwrap_or_default().into(),
            units::count(read).into(),
            said(run).into(),
        ]);
    }
    table.render(out)
}

/// A status as a word in its colour.
pub(crate) fn status(status: RunStatus) -> Cell {
    let (word, tone) = match status {
        RunStatus::Running => ("running", Tone::Doubtful),
        RunStatus::Interrupted => ("interrupted", Tone::Doubtful),
        RunStatus::Complete => ("complete", Tone::Good),
        RunStatus::Partial => ("partial", Tone::Doubtful),
        RunStatus::Failed => ("failed", Tone::Bad),
        RunStatus::Skipped => ("skipped", Tone::Faint),
    };
    Cell::toned(word, tone)
}

fn said(run: &Run) -> String {
    if let Some(error) = &run.error {
        return error.clone();
    }
    match run.kind {
        RunKind::Backup => {}
        RunKind::Verify => return "verified: all as stored".to_owned(),
        RunKind::Restore => return "restore".to_owned(),
        RunKind::Prune => return "prune".to_owned(),
        RunKind::Drill => return "drill".to_owned(),
    }
    let mut changes = seatbelt_model::Changes::default();
    run.resources.values().for_each(|counts| changes += counts.changes);
    let gaps: u64 = run.resources.values().map(|counts| counts.gaps).sum();
    let mut said = units::changes(changes);
    if gaps > 0 {
        said += &format!(", {}", units::counted(gaps, "gap"));
    }
    if !run.alarms.is_empty() {
        said += &format!(", {}", units::counted(run.alarms.len() as u64, "alarm"));
    }
    said
}
