//! `seatbelt prune`: what no rule keeps expires, and what nothing names any more goes.

use std::process::ExitCode;

use anyhow::Result;
use seatbelt_model::Trigger;
use seatbelt_retention::{Decided, Order, Pass, Plan, Retention, Rule};
use serde_json::{Value, json};

use crate::{
    Context,
    failure::{self, Failure},
    home::Home,
    output::{Output, Tone, say},
    table::{Cell, Table},
    units,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt prune acme-site            what would go, and why the rest stays
  seatbelt prune acme-site --apply
  seatbelt prune --apply              every system
  seatbelt prune old-crm --removed    of a system that left the manifest, all but
                                      the newest good snapshot

How long snapshots are kept says `retention` in the manifest. The newest good one
is never deleted, nor what a kept one stands on. Objects that nothing names any
more are marked, and deleted by the first prune that comes a day later or more;
seatbelt serve prunes once a day.";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The system; all of them if none is named
    #[arg(required_if_eq("removed", "true"))]
    system: Option<String>,
    /// Do it
    #[arg(long)]
    apply: bool,
    /// The system is no longer in the manifest, and is not coming back
    #[arg(long)]
    removed: bool,
}

const PARTIAL: u8 = 3;

pub(crate) async fn run(args: Args, context: &Context) -> Result<ExitCode> {
    let home = Home::open(&context.home).await?;
    let systems = match &args.system {
        Some(system) => {
            home.known(system).await?;
            vec![system.clone()]
        }
        None => home.vault.systems().await?,
    };
    if systems.is_empty() {
        context
            .out
            .note("there are no snapshots yet; seatbelt backup SYSTEM makes the first");
    }
    let retention = retention(&home);
    if args.apply {
        if let Some(stack) = &home.stack {
            return Err(by_the_function(&stack.name, args.system.as_deref(), args.removed).into());
        }
        return apply(&retention, &systems, args.removed, context).await;
    }
    plan(&retention, &systems, args.removed, context).await
}

/// Retention of a home.
pub(crate) fn retention(home: &Home) -> Retention {
    Retention {
        vault: home.vault.clone(),
        catalog: home.catalog.clone(),
        clock: home.clock.clone(),
        stack: None,
        // Only one process at a time has a folder open; functions of a stack may be at work.
        sole: home.stack.is_none(),
    }
}

/// The bucket's policy lets one role delete, and that is no person's.
fn by_the_function(stack: &str, system: Option<&str>, removed: bool) -> Failure {
    let event = match system {
        None => json!({}),
        Some(system) if removed => json!({ "system": system, "removed": true }),
        Some(system) => json!({ "system": system }),
    };
    Failure::usage(
        format!(
            "in the stack {stack} only its function {stack}-retention may delete; it prunes every system once a day"
        ),
        format!(
            "aws lambda invoke --function-name {stack}-retention --cli-binary-format raw-in-base64-out --payload '{event}' /dev/stdout"
        ),
    )
}

async fn plan(retention: &Retention, systems: &[String], removed: bool, context: &Context) -> Result<ExitCode> {
    let (mut plans, mut failed, mut anything) = (Vec::new(), None, false);
    for system in systems {
        let plan = match Box::pin(retention.plan(system, removed)).await {
            Ok(plan) => plan,
            Err(error) if systems.len() == 1 => return Err(unreadable(system, &error)),
            Err(error) => {
                let error = unreadable(system, &error);
                say(format!("error: {}", failure::message(&error)));
                failed = Some(ExitCode::FAILURE);
                continue;
            }
        };
        anything |= plan.unnamed.unnamed > 0 || plan.decided.iter().any(|decided| !decided.is_kept());
        if context.out.json {
            plans.push(planned(&plan));
        } else {
            context.out.data(text(&plan, &context.out))?;
        }
    }
    if context.out.json {
        context.out.value(&plans)?;
    } else if anything {
        context
            .out
            .note("nothing was deleted; --apply does it, and the objects go a day later at the earliest");
    }
    Ok(failed.unwrap_or(ExitCode::SUCCESS))
}

async fn apply(retention: &Retention, systems: &[String], removed: bool, context: &Context) -> Result<ExitCode> {
    let (mut passes, mut code) = (Vec::new(), 0);
    for system in systems {
        let order = Order {
            system: system.clone(),
            removed,
            // `seatbelt verify` is for that.
            scrub: false,
            trigger: Trigger::Manual,
        };
        let pass = Box::pin(retention.pass(&order, None)).await;
        if let Some(trouble) = pass.trouble() {
            say(format!("error: {system}: {trouble}"));
            code = 1;
        } else if pass.busy.is_some() && code == 0 {
            code = PARTIAL;
        }
        for damaged in &pass.damaged {
            say(format!(
                "{}: damaged: {}; seatbelt verify {system} says more",
                damaged.object, damaged.known.what
            ));
            code = 1;
        }
        if context.out.json {
            passes.push(pass.answer());
        } else {
            context.out.data(done(&pass))?;
        }
    }
    if context.out.json {
        context.out.value(&passes)?;
    }
    Ok(ExitCode::from(code))
}

fn unreadable(system: &str, error: &seatbelt_retention::RetentionError) -> anyhow::Error {
    let message = format!("{system}: nothing is deleted, since not everything can be read: {error}");
    Failure::new(message, format!("seatbelt verify {system}")).into()
}

fn done(pass: &Pass) -> String {
    let mut notes = pass.notes();
    if let Some(unruled) = pass.unruled.as_ref().filter(|_| pass.trouble().is_none()) {
        notes.push(unruled.to_string());
    }
    if notes.is_empty() {
        notes.push("nothing to do".to_owned());
    }
    notes.iter().map(|note| format!("{}: {note}\n", pass.system)).collect()
}

fn text(plan: &Plan, out: &Output) -> String {
    let system = &plan.system;
    let rule = match &plan.rule {
        Ok(Rule::Policy(policy)) => format!("{system}: {policy}\n"),
        Ok(Rule::Removed) => format!("{system}: no longer in the manifest, only the newest good snapshot stays\n"),
        Err(unruled) => return format!("{system}: {unruled}\n"),
    };
    let mut table = Table::new(&["  SNAPSHOT", ">RECORDS", "~STAYS AS"]);
    for decided in plan.decided.iter().rev() {
        let stays = if decided.is_kept() {
            Cell::from(decided.reasons().join(", "))
        } else {
            Cell::toned("expires", Tone::Doubtful)
        };
        let id = format!("  {}", decided.id);
        table.row([id.into(), units::count(decided.records).into(), stays]);
    }
    let expiring = plan.decided.iter().filter(|decided| !decided.is_kept()).count();
    let freed = &plan.unnamed;
    let sum = format!(
        "  {} of {} expire; then nothing names {}, {} of {}\n",
        expiring,
        units::counted(plan.decided.len() as u64, "snapshot"),
        units::counted(freed.unnamed, "object"),
        units::bytes(freed.unnamed_bytes),
        units::bytes(freed.stored_bytes),
    );
    rule + &table.render(out) + &sum
}

fn planned(plan: &Plan) -> Value {
    let rule = match &plan.rule {
        Ok(Rule::Policy(policy)) => Some(policy.to_string()),
        Ok(Rule::Removed) => Some("removed".to_owned()),
        Err(_) => None,
    };
    let snapshot = |decided: &Decided| {
        json!({
            "snapshot": decided.id,
            "records": decided.records,
            "good": decided.good,
            "expires": !decided.is_kept(),
            "stays_as": decided.reasons(),
        })
    };
    json!({
        "system": plan.system,
        "retention": rule,
        "kept_because": plan.rule.as_ref().err().map(ToString::to_string),
        "snapshots": plan.decided.iter().map(snapshot).collect::<Vec<_>>(),
        "objects_to_free": plan.unnamed.unnamed,
        "bytes_to_free": plan.unnamed.unnamed_bytes,
        "stored_bytes": plan.unnamed.stored_bytes,
    })
}
