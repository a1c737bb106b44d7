//! `seatbelt verify`: everything stored, read back and re-hashed.

use std::{collections::BTreeSet, process::ExitCode, time::Duration};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use seatbelt_model::{Run, RunId, RunKind, RunStatus, SystemName, Trigger};
use seatbelt_vault::{Damage, DamageKind, Scope, VerifyReport};
use serde_json::{Value, json};

use crate::{Context, failure::Failure, home::Home, moment, output::say, units};

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt verify acme-site
  seatbelt verify --all --newest        the newest snapshot of every system

Exits with 1 if anything is damaged.";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The systems
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    systems: Vec<String>,
    /// Every system that has snapshots
    #[arg(long)]
    all: bool,
    /// Only what the newest snapshot stands on
    #[arg(long)]
    newest: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<ExitCode> {
    let home = Home::open(&context.home).await?;
    let systems = if args.all {
        with_snapshots(&home).await?
    } else {
        args.systems
    };
    if systems.is_empty() {
        context
            .out
            .note("there are no snapshots to verify yet; seatbelt backup SYSTEM makes the first");
    }
    let scope = if args.newest { Scope::Newest } else { Scope::All };
    let (mut reports, mut damaged) = (Vec::new(), false);
    for system in &systems {
        moment::newest(&home, system).await?;
        let report = Box::pin(verify(&home, system, scope, context)).await?;
        damaged |= !report.damaged.is_empty();
        if context.out.json {
            reports.push(details(system, &report));
        } else {
            context.out.data(text(system, &report))?;
        }
    }
    if context.out.json {
        context.out.value(&reports)?;
    }
    if damaged {
        say(
            "hint: what does not stand on these objects is whole; seatbelt show SYSTEM --at WHEN reads it. Bring the folder back from a copy",
        );
    }
    Ok(ExitCode::from(u8::from(damaged)))
}

async fn with_snapshots(home: &Home) -> Result<Vec<String>> {
    let mut systems = BTreeSet::new();
    for system in home.vault.systems().await? {
        if !home.vault.snapshot_ids(&system).await?.is_empty() {
            systems.insert(system);
        }
    }
    Ok(systems.into_iter().collect())
}

/// Verifies one system, and writes the run into the history.
async fn verify(home: &Home, system: &str, scope: Scope, context: &Context) -> Result<VerifyReport> {
    let mut run = begin(home, system).await?;
    let bar = bar(system, context);
    let report = home
        .vault
        .verify(system, scope, |progress| {
            bar.set_message(format!(
                "{}, {}",
                units::counted(progress.objects, "object"),
                units::bytes(progress.bytes)
            ));
        })
        .await;
    bar.finish_and_clear();
    let now = home.clock.now();
    (run.ended_at, run.heartbeat_at) = (Some(now), now);
    match &report {
        Ok(report) if report.damaged.is_empty() => run.status = RunStatus::Complete,
        Ok(report) => {
            run.status = RunStatus::Failed;
            run.error = Some(format!(
                "{} damaged; seatbelt verify {system} lists them",
                units::counted(report.damaged.len() as u64, "object")
            ));
        }
        Err(error) => (run.status, run.error) = (RunStatus::Failed, Some(error.to_string())),
    }
    home.catalog.save_run(&run).await?;
    Ok(report?)
}

async fn begin(home: &Home, system: &str) -> Result<Run> {
    system
        .parse::<SystemName>()
        .map_err(|error| Failure::usage(error.to_string(), "seatbelt manifest list"))?;
    let now = home.clock.now();
    let run = Run::start(system, RunId::at(now), RunKind::Verify, Trigger::Manual, now);
    Ok(home.catalog.add_run(run).await?)
}

fn bar(system: &str, context: &Context) -> ProgressBar {
    let hidden = !context.out.live || context.out.quiet || context.out.json;
    let target = if hidden {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let style = ProgressStyle::with_template("{spinner} {prefix}: {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::with_draw_target(None, target)
        .with_style(style)
        .with_prefix(system.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn text(system: &str, report: &VerifyReport) -> String {
    let read = format!(
        "{}, {}, {} read back",
        units::counted(report.snapshots, "snapshot"),
        units::counted(report.objects, "object"),
        units::bytes(report.bytes)
    );
    if report.damaged.is_empty() {
        return format!("{system}: all is well: {read}\n");
    }
    let mut text = format!(
        "{system}: {} damaged: {read}\n",
        units::counted(report.damaged.len() as u64, "object")
    );
    for damage in &report.damaged {
        text += &format!("  {}: {}\n", damage.object, word(damage.what));
        for needed in stands_on(damage) {
            text += &format!("    needed by {needed}\n");
        }
    }
    text
}

fn stands_on(damage: &Damage) -> Vec<String> {
    let shown = |stands: &seatbelt_vault::StandsOn| match &stands.resource {
        Some(resource) => format!("{resource} of snapshot {}", stands.snapshot),
        None => format!("snapshot {}", stands.snapshot),
    };
    damage.stands_on.iter().map(shown).collect()
}

fn word(kind: DamageKind) -> &'static str {
    match kind {
        DamageKind::Missing => "missing",
        DamageKind::HashMismatch => "its bytes are not those that were stored",
        DamageKind::Unreadable => "it cannot be understood",
        DamageKind::OutOfOrder => "its records are not in order",
        DamageKind::CountMismatch => "it holds more or fewer records than it should",
    }
}

fn details(system: &str, report: &VerifyReport) -> Value {
    let damage =
        |damage: &Damage| json!({ "object": damage.object, "what": word(damage.what), "needed_by": stands_on(damage) });
    json!({
        "system": system,
        "snapshots": report.snapshots,
        "objects": report.objects,
        "bytes": report.bytes,
        "damaged": report.damaged.iter().map(damage).collect::<Vec<_>>(),
    })
}
