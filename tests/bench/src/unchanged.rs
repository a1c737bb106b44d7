//! A second full sweep that finds everything as it was: it must store nothing but a snapshot document.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::{report::Figure, server::Server, sweep::sweep};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many records the API has.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
}

pub(crate) fn run(folder: &Path, args: &Args) -> Result<Vec<Figure>> {
    let server = Server::start(args.records)?;
    let home = tempfile::tempdir_in(folder)?;
    let (before, first) = sweep(&server, home.path(), args.records)?;
    let (after, second) = sweep(&server, home.path(), args.records)?;
    ensure!(
        before.changes == args.records && after.changes == 0,
        "the second sweep found {} changes",
        after.changes
    );
    let new: Vec<_> = after
        .objects
        .iter()
        .filter(|(key, _)| !before.objects.contains_key(*key))
        .collect();
    let (documents, others): (Vec<_>, Vec<_>) = new.into_iter().partition(|(key, _)| key.contains("/snapshots/"));
    let bytes = |objects: &[(&String, &u64)]| objects.iter().map(|(_, bytes)| **bytes as f64).sum::<f64>();
    Ok(vec![
        Figure::at_most(
            0.0,
            "unchanged",
            "new objects besides the document",
            others.len() as f64,
            "",
        ),
        Figure::at_most(1.0, "unchanged", "new snapshot documents", documents.len() as f64, ""),
        Figure::plain(
            "unchanged",
            "stored by the first sweep",
            before.objects.values().sum::<u64>() as f64 / 1e6,
            "MB",
        ),
        Figure::plain("unchanged", "stored by the second sweep", bytes(&documents) / 1e6, "MB"),
        Figure::plain("unchanged", "first sweep: CPU", first.cpu_s, "s"),
        Figure::plain("unchanged", "second sweep: CPU", second.cpu_s, "s"),
        Figure::plain(
            "unchanged",
            "CPU of the second sweep against the first",
            second.cpu_s / first.cpu_s,
            "x",
        ),
    ])
}
