//! `seatbelt check`: signs in, and asks for the first page of everything.

use std::process::ExitCode;

use anyhow::Result;
use seatbelt_connector_kit::Pacers;
use seatbelt_engine::{Access, EngineError, Sight, Stop};
use seatbelt_model::{Trigger, system::SecretRef};

use crate::{
    Context,
    failure::{Failure, PARTIAL},
    home::Home,
    jobs::{Batch, Planned},
    output::Tone,
    progress::Progress,
    table::{Cell, Table},
    units,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt check acme-site

Exits with 3 if the credential may not see something that is to be backed up,
with 1 if it is refused.";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The system
    system: String,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<ExitCode> {
    let (home, out) = (Home::open(&context.home).await?, context.out);
    let planned = Planned::named(&home, &args.system).await?;
    let platform = planned.connector.name;
    if let (Some(stack), Some(place @ (SecretRef::File(_) | SecretRef::Env(_)))) = (&home.stack, &planned.system.secret)
    {
        return Err(Failure::new(
            format!("{}: its secret is at {place}, where the functions of stack {} cannot read it", args.system, stack.name),
            format!("store it in AWS, then: seatbelt manifest set {0} secret=secretsmanager:seatbelt/{platform}/{0} --stack {1}", args.system, stack.name),
        )
        .into());
    }
    let batch = Batch {
        trigger: Trigger::Manual,
        full: false,
        stop: Stop::default(),
        progress: Progress::new(out),
    };
    let engine = batch
        .engine(&home, &Pacers::default(), std::slice::from_ref(&planned))
        .await;
    let found = batch
        .check(&engine, &planned)
        .await
        .map_err(|error| failure(&args.system, platform, &error))?;
    let gaps = found
        .iter()
        .any(|access| matches!(access.sight, Sight::Forbidden { .. } | Sight::Failed { .. }));
    if out.json {
        out.value(&found)?;
    } else {
        let mut table = Table::new(&["RESOURCE", "ACCESS", "~WHAT CAME BACK"]);
        for Access { resource, sight } in &found {
            let (word, tone) = word(sight);
            table.row([resource.clone().into(), Cell::toned(word, tone), said(sight).into()]);
        }
        out.data(table.render(&out))?;
        out.note(format!("{}: the credential is accepted", args.system));
    }
    Ok(if gaps {
        ExitCode::from(PARTIAL)
    } else {
        ExitCode::SUCCESS
    })
}

fn failure(system: &str, platform: &str, error: &EngineError) -> Failure {
    let hint = format!("seatbelt platforms {platform} says which settings it takes and how the credential is made");
    Failure::new(format!("{system}: {error}"), hint)
}

fn word(sight: &Sight) -> (&'static str, Tone) {
    match sight {
        Sight::Readable { .. } => ("readable", Tone::Good),
        Sight::Unavailable { .. } => ("not offered", Tone::Faint),
        Sight::Untried { .. } => ("not tried", Tone::Faint),
        Sight::Forbidden { .. } => ("forbidden", Tone::Bad),
        Sight::Failed { .. } => ("failed", Tone::Bad),
    }
}

fn said(sight: &Sight) -> String {
    match sight {
        Sight::Readable { total: Some(total), .. } => units::counted(*total, "record"),
        Sight::Readable { first_page: 0, .. } => "none on the first page".into(),
        Sight::Readable { first_page, .. } => format!("{} on the first page", units::counted(*first_page, "record")),
        Sight::Forbidden { said } | Sight::Unavailable { said } | Sight::Untried { said } | Sight::Failed { said } => {
            said.clone()
        }
    }
}
