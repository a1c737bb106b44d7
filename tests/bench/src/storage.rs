//! What a month of daily snapshots takes on disk, against the first of them.

use std::path::Path;

use anyhow::Result;

use crate::{
    report::Figure,
    store::{DAILY, Store, objects},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many records there are on the first day.
    #[arg(long, default_value_t = 200_000)]
    records: u64,
    /// How many days follow it.
    #[arg(long, default_value_t = 30)]
    days: u32,
}

pub(crate) async fn run(folder: &Path, args: &Args) -> Result<Vec<Figure>> {
    let mut store = Store::new(folder, args.records).await?;
    let first = stored(&store).await?;
    for _ in 0..args.days {
        Box::pin(store.next_day(DAILY)).await?;
    }
    let all = stored(&store).await?;
    let days = args.days;
    Ok(vec![
        Figure::plain(
            "storage",
            format!("first snapshot of {} records", args.records),
            first / 1e6,
            "MB",
        ),
        Figure::plain("storage", format!("with {days} days of 0.8 % changes"), all / 1e6, "MB"),
        Figure::at_most(
            1.35,
            "storage",
            format!("{days} days more against the first snapshot"),
            all / first,
            "x",
        ),
    ])
}

/// The bytes of all objects and documents.
async fn stored(store: &Store) -> Result<f64> {
    Ok(objects(&store.vault).await?.values().sum::<u64>() as f64)
}
