//! `seatbelt snapshots`.

use std::process::ExitCode;

use anyhow::Result;
use futures_util::TryStreamExt;
use seatbelt_model::{Completeness, Snapshot};
use serde_json::{Value, json};

use crate::{
    Context,
    home::Home,
    output::Tone,
    table::{Cell, Table},
    units,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt snapshots acme-site
  seatbelt show acme-site --at 20261122T060000Z";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The system
    system: String,
    /// How many at most, newest first; 0 for all
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<ExitCode> {
    let (home, out) = (Home::open(&context.home).await?, context.out);
    let mut ids = home.vault.snapshot_ids(&args.system).await?;
    if ids.is_empty() {
        home.known(&args.system).await?;
        out.note(format!(
            "{0} has no snapshot yet; seatbelt backup {0} makes the first",
            args.system
        ));
        if out.json {
            out.value(&Vec::<Value>::new())?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    ids.reverse();
    let all = ids.len();
    if args.limit > 0 {
        ids.truncate(args.limit);
    }
    let listed = ids.len();
    let snapshots: Vec<Snapshot> = home.vault.snapshots(&args.system, ids).try_collect().await?;
    if out.json {
        out.value(&snapshots.iter().map(summary).collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = home.clock.now();
    let mut table = Table::new(&["SNAPSHOT", "AGE", "STATE", ">RECORDS", ">STORED", "~CHANGES"]);
    for snapshot in &snapshots {
        table.row([
            snapshot.id.to_string().into(),
            units::ago(snapshot.id.start(), now).into(),
            state(snapshot.completeness),
            units::count(snapshot.records()).into(),
            units::bytes(stored(snapshot)).into(),
            changes(snapshot).into(),
        ]);
    }
    out.data(table.render(&out))?;
    if listed < all {
        out.note(format!(
            "{} older; --limit 0 lists all",
            units::count((all - listed) as u64)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn state(completeness: Completeness) -> Cell {
    match completeness {
        Completeness::Complete => Cell::toned("complete", Tone::Good),
        Completeness::Partial => Cell::toned("partial", Tone::Doubtful),
    }
}

fn changes(snapshot: &Snapshot) -> String {
    let changes = units::changes(snapshot.changes());
    match snapshot.alarms.len() {
        0 => changes,
        alarms => format!("{changes}, {}", units::counted(alarms as u64, "alarm")),
    }
}

/// Bytes that this snapshot added to the vault, bodies of files not counted.
fn stored(snapshot: &Snapshot) -> u64 {
    let own = |layer: &&seatbelt_model::Layer| layer.snapshot == snapshot.id;
    let of = |state: &seatbelt_model::ResourceState| -> u64 {
        let delta = state.delta.iter().filter(|delta| !state.layers.contains(delta));
        state
            .layers
            .iter()
            .chain(delta)
            .filter(own)
            .map(|layer| layer.stored_bytes)
            .sum()
    };
    snapshot.resources.values().map(of).sum()
}

fn summary(snapshot: &Snapshot) -> Value {
    json!({
        "system": snapshot.system,
        "snapshot": snapshot.id,
        "parent": snapshot.parent,
        "committed_at": snapshot.committed_at,
        "completeness": snapshot.completeness,
        "records": snapshot.records(),
        "stored_bytes": stored(snapshot),
        "changes": snapshot.changes(),
        "alarms": snapshot.alarms,
    })
}
