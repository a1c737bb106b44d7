//! `seatbelt completions`.

use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::{Context, cli::Cli};

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt completions bash > /etc/bash_completion.d/seatbelt
  seatbelt completions zsh > ~/.zfunc/_seatbelt
  seatbelt completions fish > ~/.config/fish/completions/seatbelt.fish";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "seatbelt", &mut script);
    context.out.data(script)?;
    Ok(ExitCode::SUCCESS)
}
