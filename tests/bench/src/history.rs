//! One record through a year of daily snapshots.

use std::{path::Path, time::Instant};

use anyhow::{Result, ensure};

use crate::{
    cost,
    report::Figure,
    store::{DAILY, RESOURCE, SYSTEM, Store},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many records the first snapshot has.
    #[arg(long, default_value_t = 100_000)]
    records: u64,
    /// How many snapshots there are.
    #[arg(long, default_value_t = 365)]
    snapshots: u32,
}

/// How often it is measured; the least counts.
const ROUNDS: u32 = 3;

pub(crate) async fn run(folder: &Path, args: &Args) -> Result<Vec<Figure>> {
    let mut store = Store::new(folder, args.records).await?;
    for _ in 1..args.snapshots {
        Box::pin(store.next_day(DAILY)).await?;
    }
    let (key, edits) = store.liveliest();
    let (mut wall_s, mut cpu_s) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let (start, before) = (Instant::now(), cost::own_cpu_s()?);
        let versions = store.vault.history(SYSTEM, RESOURCE, &key).await?;
        wall_s = wall_s.min(start.elapsed().as_secs_f64());
        cpu_s = cpu_s.min(cost::own_cpu_s()? - before);
        ensure!(
            versions.len() == edits as usize + 1,
            "{} of {} versions were found",
            versions.len(),
            edits + 1
        );
    }
    let snapshots = args.snapshots;
    Ok(vec![
        Figure::plain(
            "history",
            format!("versions of one record of {} in {snapshots} snapshots", args.records),
            f64::from(edits) + 1.0,
            "",
        ),
        Figure::plain("history", "all of them read: CPU", cpu_s, "s"),
        Figure::at_most(2.0, "history", "all of them read: wall clock", wall_s, "s"),
    ])
}
