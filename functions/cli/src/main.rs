//! `seatbelt`: the operator's tool, and the host of all functions on one machine.
//!
//! A thin layer: it parses, calls the libraries, and prints. Data goes to stdout, everything else to stderr.

mod cli;
mod commands;
mod demo;
mod due;
mod entries;
mod export;
mod failure;
mod fields;
mod file_name;
mod follow;
mod home;
mod jobs;
mod judge;
mod moment;
mod output;
mod platforms;
mod progress;
mod search;
mod signals;
mod stack;
mod summary;
mod table;
mod units;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use tracing_subscriber::EnvFilter;

use cli::{Cli, Command};
use failure::Failure;
use home::Place;
use output::{Output, say};

/// What every command works with.
struct Context {
    out: Output,
    home: Place,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return refuse(&said),
    };
    let out = Output::new(cli.global.json, cli.global.quiet);
    log(cli.global.verbose);
    match start(cli, out) {
        Ok(code) => code,
        Err(error) if failure::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error, out);
            failure::exit_code(&error)
        }
    }
}

/// Shows help, or what is wrong with the command line; as JSON to those who asked for it.
fn refuse(said: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|argument| argument == "--json");
    if said.use_stderr() && json {
        let text = said.to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        say(serde_json::json!({ "error": message, "hint": "seatbelt --help, or seatbelt COMMAND --help" }).to_string());
    } else {
        // Nobody reading is no reason to fail.
        let _ = said.print();
    }
    ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(failure::USAGE))
}

fn start(cli: Cli, out: Output) -> Result<ExitCode> {
    if cli.global.stack.is_some() {
        for_stacks(&cli.command)?;
    } else if cli.global.region.is_some() {
        return Err(Failure::usage(
            "--region is that of a stack, and no stack is named",
            "name it with --stack NAME",
        )
        .into());
    }
    let home = cli.place();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let context = Context { out, home };
    let code = runtime.block_on(dispatch(cli.command, &context));
    // Whatever still runs in the background must not hold up the end.
    runtime.shutdown_background();
    code
}

/// Refuses what makes no sense on a stack.
fn for_stacks(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Serve(_) => Err(Failure::usage(
            "a stack keeps the manifest's schedules itself, on AWS; nothing needs to be served for it",
            "seatbelt runs --stack NAME shows what it does; leave --stack out to keep the schedules of a folder",
        )),
        Command::Demo(_) => Err(Failure::usage(
            "the demo works in a folder on this machine only, so that it cannot touch what is deployed",
            "leave --stack out: seatbelt demo",
        )),
        _ => Ok(()),
    }
}

async fn dispatch(command: Command, context: &Context) -> Result<ExitCode> {
    use commands::*;
    // The larger futures are boxed, as only one of them ever exists.
    match command {
        Command::Demo(args) => Box::pin(demo::run(args, context)).await,
        Command::Manifest(args) => Box::pin(manifest::run(args, context)).await,
        Command::Backup(args) => Box::pin(backup::run(args, context)).await,
        Command::Serve(args) => Box::pin(serve::run(args, context)).await,
        Command::Runs(args) => Box::pin(runs::run(args, context)).await,
        Command::Snapshots(args) => Box::pin(snapshots::run(args, context)).await,
        Command::Show(args) => Box::pin(show::run(args, context)).await,
        Command::Diff(args) => Box::pin(diff::run(args, context)).await,
        Command::Search(args) => Box::pin(search::run(args, context)).await,
        Command::History(args) => Box::pin(history::run(args, context)).await,
        Command::Restore(args) => Box::pin(restore::run(args, context)).await,
        Command::Drill(args) => Box::pin(drill::run(args, context)).await,
        Command::Check(args) => Box::pin(check::run(args, context)).await,
        Command::Export(args) => Box::pin(export::run(args, context)).await,
        Command::Verify(args) => Box::pin(verify::run(args, context)).await,
        Command::Prune(args) => Box::pin(prune::run(args, context)).await,
        Command::Platforms(args) => platforms::run(&args, context),
        Command::Completions(args) => completions::run(&args, context),
    }
}

fn report(error: &anyhow::Error, out: Output) {
    let (message, hint) = (failure::message(error), failure::hint(error));
    if out.json {
        say(serde_json::json!({ "error": message, "hint": hint }).to_string());
        return;
    }
    say(format!("error: {message}"));
    if let Some(hint) = hint {
        say(format!("hint: {hint}"));
    }
}

/// Logs go to stderr; `SEATBELT_LOG` takes the filters of the crate `tracing`.
fn log(verbose: u8) {
    let level = match verbose {
        0 => "error",
        1 => "seatbelt=info,seatbelt_engine=info,seatbelt_connector_kit=info,warn",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("SEATBELT_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
