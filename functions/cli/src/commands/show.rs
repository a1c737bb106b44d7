//! `seatbelt show`: into a snapshot, as deep as asked.

use std::process::ExitCode;

use anyhow::Result;
use futures_util::TryStreamExt;
use seatbelt_model::{ResourceState, Snapshot};
use seatbelt_vault::line::{self, Body};
use serde::Serialize;
use serde_json::{json, value::RawValue};

use crate::{
    Context,
    failure::Failure,
    fields,
    home::Home,
    moment,
    output::{Elements, cut},
    summary,
    table::Table,
    units,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt show acme-site
  seatbelt show acme-site posts --limit 20
  seatbelt show acme-site posts 42 --at '2 hours ago'";

/// Records listed to people who did not say how many.
const USUAL_LIMIT: u64 = 100;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The system
    system: String,
    /// The resource whose records to list
    resource: Option<String>,
    /// The key of the record to show
    key: Option<String>,
    /// The point in time; the newest snapshot if none is named
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
    /// How many records to list at most, 0 for all; 100 if nothing is said, all with --json
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<ExitCode> {
    let home = Home::open(&context.home).await?;
    let snapshot = moment::snapshot(&home, &args.system, args.at.as_deref()).await?;
    let Some(name) = args.resource.as_deref() else {
        resources(&snapshot, &home, context)?;
        return Ok(ExitCode::SUCCESS);
    };
    let state = snapshot
        .resources
        .get(name)
        .ok_or_else(|| moment::unknown_resource(&snapshot, name))?;
    match args.key.as_deref() {
        Some(key) => record(&home, &snapshot, name, state, key, context).await?,
        None => records(&home, &snapshot, state, args.limit, context).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn resources(snapshot: &Snapshot, home: &Home, context: &Context) -> Result<()> {
    let out = context.out;
    if out.json {
        let resource = |(name, state): (&String, &ResourceState)| {
            json!({
                "resource": name,
                "kind": state.kind,
                "records": state.records,
                "bytes": state.bytes,
                "body_bytes": state.body_bytes,
                "changes": state.changes,
                "freshness": state.freshness,
                "receipt": state.receipt,
            })
        };
        return out.value(&snapshot.resources.iter().map(resource).collect::<Vec<_>>());
    }
    let now = home.clock.now();
    out.note(format!(
        "{} ({}), snapshot {}, {}",
        snapshot.system,
        snapshot.platform,
        snapshot.id,
        units::ago(snapshot.id.start(), now)
    ));
    let mut table = Table::new(&["RESOURCE", "KIND", ">RECORDS", ">BYTES", ">FILES", "~CHANGES"]);
    for (name, state) in &snapshot.resources {
        let files = if state.body_bytes > 0 {
            units::bytes(state.body_bytes)
        } else {
            String::new()
        };
        table.row([
            name.clone().into(),
            state.kind.to_string().into(),
            units::count(state.records).into(),
            units::bytes(state.bytes).into(),
            files.into(),
            units::changes(state.changes).into(),
        ]);
    }
    out.data(table.render(&out))?;
    out.data(summary::gaps(snapshot))
}

/// One record for programs: the vendor's JSON as it came, and what Seatbelt knows besides.
#[derive(Debug, Serialize)]
pub(crate) struct Shown<'a> {
    key: &'a str,
    record: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Body>,
}

impl<'a> Shown<'a> {
    pub(crate) fn new(key: &'a str, line: &[u8]) -> Result<Self> {
        let (record, extra) = line::split(moment::text(line)?);
        Ok(Self {
            key,
            record: RawValue::from_string(record.into_owned())?,
            body: extra.and_then(|extra| extra.body),
        })
    }
}

async fn records(
    home: &Home,
    snapshot: &Snapshot,
    state: &ResourceState,
    limit: Option<u64>,
    context: &Context,
) -> Result<()> {
    let out = context.out;
    let limit = match limit {
        Some(0) => u64::MAX,
        None if out.json => u64::MAX,
        limit => limit.unwrap_or(USUAL_LIMIT),
    };
    let mut listed = 0;
    let mut elements = out.json.then(|| Elements::new(out));
    let mut table = Table::new(&["KEY", ">BYTES", "~NAME"]);
    let mut lines = std::pin::pin!(home.vault.state(&snapshot.system, state));
    while listed < limit
        && let Some((key, line)) = lines.try_next().await?
    {
        listed += 1;
        if let Some(elements) = &mut elements {
            elements.push(&Shown::new(&key, &line)?)?;
            continue;
        }
        let (record, extra) = line::split(moment::text(&line)?);
        let file = match extra.and_then(|extra| extra.body) {
            Some(Body::Stored(body)) => format!("  [{}]", units::bytes(body.size_bytes)),
            Some(Body::Missing { .. }) => "  [file missing]".into(),
            None => String::new(),
        };
        let name = cut(&fields::label(&record).unwrap_or_default(), 100);
        table.row([
            key.into(),
            units::bytes(record.len() as u64).into(),
            format!("{name}{file}").into(),
        ]);
    }
    if let Some(elements) = elements {
        return elements.finish();
    }
    out.data(table.render(&out))?;
    if listed < state.records {
        out.note(format!(
            "{} more; --limit 0 lists all",
            units::count(state.records - listed)
        ));
    }
    Ok(())
}

async fn record(
    home: &Home,
    snapshot: &Snapshot,
    name: &str,
    state: &ResourceState,
    key: &str,
    context: &Context,
) -> Result<()> {
    let system = &snapshot.system;
    let Some(line) = home.vault.get(system, state, key).await? else {
        let message = format!("{name} of {system} has no record \"{key}\" in snapshot {}", snapshot.id);
        let hint = format!(
            "seatbelt history {system} {name} {key} says when it was there; seatbelt show {system} {name} lists the keys"
        );
        return Err(Failure::new(message, hint).into());
    };
    if context.out.json {
        return context.out.value(&[Shown::new(key, &line)?]);
    }
    let (record, extra) = line::split(moment::text(&line)?);
    context.out.line(fields::indented(&record))?;
    match extra.and_then(|extra| extra.body) {
        Some(Body::Stored(body)) => context.out.note(format!(
            "file: {}, SHA-256 {}; seatbelt export {system} --to DIR --resource {name} writes it",
            units::bytes(body.size_bytes),
            body.sha256
        )),
        Some(Body::Missing { missing }) => context
            .out
            .note(format!("file: missing ({missing}); the next backup tries again")),
        None => {}
    }
    Ok(())
}
