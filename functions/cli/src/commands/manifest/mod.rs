//! `seatbelt manifest`: the systems, and what was decided about each.

mod check;
mod edit;
mod file;
mod list;
mod set;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Subcommand;

use crate::Context;

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt manifest list
  seatbelt manifest set acme-site schedule='daily at 03:30 Europe/Berlin' rpo=26h
  seatbelt manifest export > manifest.toml
  seatbelt manifest import manifest.toml";

const SET_EXAMPLES: &str = "\
Examples:
  seatbelt manifest set acme-site platform=wordpress decision=backup \\
      settings.base_url=https://www.acme.example secret=file:acme-site.json \\
      schedule='daily at 03:30 Europe/Berlin' rpo=26h owner=ann
  seatbelt manifest set acme-site scope.exclude=comments,pingbacks
  seatbelt manifest set acme-site paused=true --dry-run
  seatbelt manifest set acme-site rpo=              removes the field

Fields: platform, name, category, owner, decision (backup, skip, manual,
undecided), reason, builtin.offers, builtin.misses, builtin.checked_on,
schedule, rpo, retention, lock_days, scope.include, scope.exclude, settings.*,
secret (file:PATH, env:NAME, ssm:NAME, secretsmanager:NAME), alerts.*, paused.";

const IMPORT_EXAMPLES: &str = "\
Examples:
  seatbelt manifest import manifest.toml
  seatbelt manifest import manifest.toml --prune --dry-run
  generate-manifest | seatbelt manifest import -

A file with an error in it changes nothing.";

/// What to do with the manifest.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// All systems
    #[command(after_help = "Example:\n  seatbelt manifest list --json")]
    List,
    /// One system's entry
    #[command(after_help = "Example:\n  seatbelt manifest show acme-site")]
    Show {
        /// The system
        system: String,
    },
    /// Everything that is wrong or doubtful, with the command that corrects it
    #[command(after_help = "Example:\n  seatbelt manifest check\n\nExits with 1 if an entry cannot be used.")]
    Check,
    /// Make or change an entry
    #[command(after_help = SET_EXAMPLES)]
    Set {
        /// The system
        system: String,
        /// What to write, as FIELD=VALUE; FIELD= removes a field
        #[arg(required = true, value_name = "FIELD=VALUE")]
        edits: Vec<String>,
        /// Only show what would change
        #[arg(long)]
        dry_run: bool,
    },
    /// Take entries from a TOML file
    #[command(after_help = IMPORT_EXAMPLES)]
    Import {
        /// The file; `-` for stdin
        file: PathBuf,
        /// Remove systems that the file does not name
        #[arg(long)]
        prune: bool,
        /// Only show what would change
        #[arg(long)]
        dry_run: bool,
    },
    /// Write all entries as a TOML file
    #[command(after_help = "Example:\n  seatbelt manifest export > manifest.toml")]
    Export,
    /// Remove an entry; its snapshots and runs stay
    #[command(after_help = "Example:\n  seatbelt manifest remove acme-old-site")]
    Remove {
        /// The system
        system: String,
    },
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<ExitCode> {
    match command {
        Command::List => list::list(context).await,
        Command::Show { system } => list::show(&system, context).await,
        Command::Check => check::run(context).await,
        Command::Set { system, edits, dry_run } => set::run(&system, &edits, dry_run, context).await,
        Command::Import { file, prune, dry_run } => file::import(&file, prune, dry_run, context).await,
        Command::Export => file::export(context).await,
        Command::Remove { system } => set::remove(&system, context).await,
    }
}
