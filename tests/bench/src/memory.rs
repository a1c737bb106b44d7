//! The most memory a sweep takes: it must not grow with the number of records.

use std::path::Path;

use anyhow::Result;

use crate::{report::Figure, server::Server, sweep::sweep};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many records the larger API has; the smaller has a tenth.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
}

pub(crate) fn run(folder: &Path, args: &Args) -> Result<Vec<Figure>> {
    let [few, many] = [args.records / 10, args.records].map(|records| peaks(folder, records));
    let (few, many) = (few?, many?);
    let mut figures = Vec::new();
    for (at, which) in ["first sweep", "second sweep"].into_iter().enumerate() {
        let what = |records: u64| format!("{which} of {records} records: peak in RAM");
        figures.push(Figure::plain("memory", what(args.records / 10), few[at], "MB"));
        figures.push(Figure::at_most(128.0, "memory", what(args.records), many[at], "MB"));
        figures.push(Figure::at_most(
            1.1,
            "memory",
            format!("{which}: peak with ten times as many records"),
            many[at] / few[at],
            "x",
        ));
    }
    Ok(figures)
}

/// The peaks of a first and of a second sweep, in MB.
fn peaks(folder: &Path, records: u64) -> Result<[f64; 2]> {
    let server = Server::start(records)?;
    let home = tempfile::tempdir_in(folder)?;
    let first = sweep(&server, home.path(), records)?.0.peak_mb;
    Ok([first, sweep(&server, home.path(), records)?.0.peak_mb])
}
