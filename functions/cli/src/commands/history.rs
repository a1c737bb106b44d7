//! `seatbelt history`: one record through time.

use std::process::ExitCode;

use anyhow::Result;
use seatbelt_model::{ChangeKind, json::Pointer};
use seatbelt_vault::{Difference, Version, line};
use serde_json::{Value, json, value::RawValue};

use crate::{
    Context,
    commands::diff::{changed_fields, field_lines},
    failure::Failure,
    fields,
    home::Home,
    moment,
    output::{Output, Tone},
    platforms, units,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt history acme-site posts 42
  seatbelt show acme-site posts 42 --at 20261122T060000Z";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The system
    system: String,
    /// The resource
    resource: String,
    /// The record's key
    key: String,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<ExitCode> {
    let home = Home::open(&context.home).await?;
    let Args { system, resource, key } = &args;
    let newest = moment::newest(&home, system).await?;
    let versions = home.vault.history(system, resource, key).await?;
    if versions.is_empty() {
        moment::resources(&newest, Some(resource))?;
        let message = format!("{resource} of {system} never had a record \"{key}\", as far back as snapshots are kept");
        return Err(Failure::new(message, format!("seatbelt show {system} {resource} lists the keys")).into());
    }
    let volatile = fields::volatile(platforms::named(&newest.platform).ok(), resource);
    if context.out.json {
        let versions: Result<Vec<_>> = versions
            .into_iter()
            .map(|version| details(version, &volatile))
            .collect();
        context.out.value(&versions?)?;
    } else {
        for version in versions {
            context.out.data(text(version, &volatile, context.out)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn difference(version: Version) -> Difference {
    Difference {
        key: String::new(),
        kind: version.kind,
        before: version.before,
        after: version.after,
    }
}

fn text(version: Version, volatile: &[Pointer], out: Output) -> Result<String> {
    let id = version.snapshot;
    let difference = difference(version);
    let (word, tone) = match difference.kind {
        ChangeKind::Added => ("added", Tone::Good),
        ChangeKind::Changed => ("changed", Tone::Doubtful),
        ChangeKind::Removed => ("removed", Tone::Bad),
    };
    let mut text = format!("{id}  {}  seen {}\n", out.paint(word, tone), units::instant(id.start()));
    if difference.kind == ChangeKind::Changed {
        for line in field_lines(&changed_fields(&difference, volatile)?, out) {
            text += &format!("    {line}\n");
        }
    }
    Ok(text)
}

/// One version for programs.
fn details(version: Version, volatile: &[Pointer]) -> Result<impl serde::Serialize> {
    #[derive(serde::Serialize)]
    struct Details {
        #[serde(flatten)]
        head: Value,
        /// The record from then on, as the vendor sent it; null if it was removed.
        record: Option<Box<RawValue>>,
    }
    let snapshot = version.snapshot;
    let difference = difference(version);
    let fields = changed_fields(&difference, volatile)?;
    let record = match &difference.after {
        Some(after) => Some(RawValue::from_string(line::split(moment::text(after)?).0.into_owned())?),
        None => None,
    };
    Ok(Details {
        head: json!({ "snapshot": snapshot, "change": difference.kind, "fields": fields }),
        record,
    })
}
