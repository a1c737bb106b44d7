//! What differs between two snapshots that are one percent apart.

use std::{path::Path, pin::pin, time::Instant};

use anyhow::{Result, ensure};
use futures_util::TryStreamExt as _;

use crate::{
    cost,
    report::Figure,
    store::{RESOURCE, SYSTEM, Share, Store, id},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many records the first snapshot has.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
}

/// How often it is measured; the least counts.
const ROUNDS: u32 = 3;

const ONE_PERCENT: Share = Share {
    modified: 62,
    removed: 13,
    added: 25,
};

pub(crate) async fn run(folder: &Path, args: &Args) -> Result<Vec<Figure>> {
    let mut store = Store::new(folder, args.records).await?;
    let expected = Box::pin(store.next_day(ONE_PERCENT)).await?.total();
    let (mut wall_s, mut cpu_s) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let (start, before) = (Instant::now(), cost::own_cpu_s()?);
        let mut changes = pin!(store.vault.changes(SYSTEM, RESOURCE, Some(id(0)), store.newest()));
        let mut found = 0;
        while changes.try_next().await?.is_some() {
            found += 1;
        }
        wall_s = wall_s.min(start.elapsed().as_secs_f64());
        cpu_s = cpu_s.min(cost::own_cpu_s()? - before);
        ensure!(found == expected, "{found} of {expected} changes were found");
    }
    Ok(vec![
        Figure::plain(
            "diff",
            format!("changes between two snapshots of {} records", args.records),
            expected as f64,
            "",
        ),
        Figure::plain("diff", "all of them read: CPU", cpu_s, "s"),
        Figure::at_most(1.0, "diff", "all of them read: wall clock", wall_s, "s"),
    ])
}
