//! Benchmarks: each figure the project claims, measured as a ratio within one run.
//!
//! ```sh
//! cargo run -p seatbelt-bench --profile bench -- all
//! ```
//!
//! Absolute times differ from machine to machine and from hour to hour. So whatever can be is compared with something that does
//! the same work in the same minute: `curl` piped to `zstd`, the first sweep, the first snapshot's size.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command-line tool")]

mod cost;
mod diff;
mod extract;
mod history;
mod issues;
mod memory;
mod report;
mod restore;
mod server;
mod storage;
mod store;
mod sweep;
mod unchanged;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

use report::Figure;

/// Measures Seatbelt against the bars of its design. Exits with 1 if one is missed.
#[derive(Debug, Parser)]
#[command(name = "seatbelt-bench")]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
struct Global {
    /// Print JSON instead of a table.
    #[arg(long, global = true)]
    json: bool,
    /// Where to make the homes; a few GB are needed there for a while.
    #[arg(long, global = true, default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A first sweep of an API on this machine, against curl piped to zstd.
    Extract(extract::Args),
    /// The most memory a sweep takes, at a tenth of the records and at all of them.
    Memory(memory::Args),
    /// A second sweep that finds nothing new.
    Unchanged(unchanged::Args),
    /// What a month of daily snapshots takes on disk, against the first of them.
    Storage(storage::Args),
    /// What differs between two snapshots.
    Diff(diff::Args),
    /// One record through a year of snapshots.
    History(history::Args),
    /// A restore of many records: memory and pace.
    Restore(restore::Args),
    /// All of them at their default sizes.
    All,
    #[command(hide = true)]
    Serve(server::Args),
    #[command(hide = true)]
    Sweep(sweep::Args),
    #[command(hide = true)]
    Vendor(restore::VendorArgs),
    #[command(hide = true)]
    Restoring(restore::Restoring),
}

fn main() -> ExitCode {
    match start(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> Result<ExitCode> {
    // As the command-line tool does it, since that is what is measured.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let Global { json, folder } = cli.global;
    let figures = measure(cli.command, &folder, &runtime)?;
    report::print(&figures, json)?;
    Ok(if figures.iter().any(Figure::is_missed) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn measure(command: Command, folder: &Path, runtime: &Runtime) -> Result<Vec<Figure>> {
    match command {
        Command::Extract(args) => extract::run(folder, &args),
        Command::Memory(args) => memory::run(folder, &args),
        Command::Unchanged(args) => unchanged::run(folder, &args),
        Command::Storage(args) => runtime.block_on(storage::run(folder, &args)),
        Command::Diff(args) => runtime.block_on(diff::run(folder, &args)),
        Command::History(args) => runtime.block_on(history::run(folder, &args)),
        Command::Restore(args) => restore::run(folder, &args),
        Command::All => all(folder, runtime),
        Command::Serve(args) => runtime.block_on(server::run(&args)).map(|()| Vec::new()),
        Command::Sweep(args) => runtime.block_on(sweep::run(&args)).map(|()| Vec::new()),
        Command::Vendor(args) => runtime.block_on(restore::vendor(&args)).map(|()| Vec::new()),
        Command::Restoring(args) => runtime.block_on(restore::restore(&args)).map(|()| Vec::new()),
    }
}

fn all(folder: &Path, runtime: &Runtime) -> Result<Vec<Figure>> {
    let names = [
        "extract",
        "memory",
        "unchanged",
        "storage",
        "diff",
        "history",
        "restore",
    ];
    let mut figures = Vec::new();
    for name in names {
        eprintln!("{name} ...");
        let command = Cli::try_parse_from(["seatbelt-bench", name])?.command;
        figures.extend(measure(command, folder, runtime)?);
    }
    Ok(figures)
}
