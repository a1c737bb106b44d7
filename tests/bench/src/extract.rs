//! A first sweep of an API on this machine against the floor: `curl` reading the same pages, piped to `zstd -3`.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{
    cost::{self, Cost},
    report::Figure,
    server::{PER_PAGE, Server},
    sweep::sweep,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many records the API has.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// How often each side is measured, in turns; the least counts.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
}

pub(crate) fn run(folder: &Path, args: &Args) -> Result<Vec<Figure>> {
    let server = Server::start(args.records)?;
    let pages = args.records.div_ceil(PER_PAGE);
    floor(&server, pages.min(100))?;
    let (mut floors, mut ours) = (None, None);
    for _ in 0..args.rounds.max(1) {
        least(&mut floors, floor(&server, pages)?);
        let home = tempfile::tempdir_in(folder)?;
        least(&mut ours, sweep(&server, home.path(), args.records)?.1);
    }
    let (Some(floor), Some(ours)) = (floors, ours) else {
        return Ok(Vec::new());
    };
    let thousands = |cost: Cost| args.records as f64 / cost.cpu_s / 1000.0;
    let plain = |what: &str, value, unit| Figure::plain("extract", what, value, unit);
    Ok(vec![
        plain("curl piped to zstd -3: CPU", floor.cpu_s, "s"),
        plain(
            "curl piped to zstd -3: thousand records a CPU second",
            thousands(floor),
            "",
        ),
        plain("seatbelt: CPU", ours.cpu_s, "s"),
        plain("seatbelt: thousand records a CPU second", thousands(ours), ""),
        Figure::at_most(
            1.5,
            "extract",
            "CPU of seatbelt against curl and zstd",
            ours.cpu_s / floor.cpu_s,
            "x",
        ),
        plain("curl piped to zstd -3: wall clock", floor.wall_s, "s"),
        plain("seatbelt: wall clock", ours.wall_s, "s"),
        Figure::at_most(
            1.0,
            "extract",
            "wall clock of seatbelt against curl and zstd",
            ours.wall_s / floor.wall_s,
            "x",
        ),
    ])
}

fn least(so_far: &mut Option<Cost>, cost: Cost) {
    *so_far = Some(so_far.map_or(cost, |before| before.least(cost)));
}

/// One curl process reads all pages over one connection; one thread compresses them.
fn floor(server: &Server, pages: u64) -> Result<Cost> {
    let script = format!(
        "curl -sS --fail '{}/items?per_page={PER_PAGE}&page=[1-{pages}]' | zstd -q -3 -T1 >/dev/null",
        server.url
    );
    Ok(cost::of(Command::new("sh").args(["-c", &script]))?.1)
}
