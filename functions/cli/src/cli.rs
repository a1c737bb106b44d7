//! The command line: what there is to ask for.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::{
    commands::{
        backup, check, completions, diff, drill, export, history, manifest, platforms, prune, restore, runs, search,
        serve, show, snapshots, verify,
    },
    demo,
    home::Place,
};

const EXAMPLES: &str = "\
Begin:
  seatbelt demo                   see what it does, without any account
  seatbelt platforms wordpress    what is covered, how to make the credential
  seatbelt manifest set acme-site platform=wordpress decision=backup \\
      settings.base_url=https://www.acme.example secret=file:acme-site.json \\
      schedule='daily at 03:30 Europe/Berlin'
  seatbelt check acme-site        what the credential can and cannot see
  seatbelt backup acme-site

WHEN is a snapshot id, a date, a date and time, `2 hours ago`, `yesterday` or
`latest`; days and clock times are those of this machine.
Exit codes: 0 fine, 1 failed, 2 wrong usage, 3 done with something missing,
130 stopped by Ctrl-C.";

/// Where help shows the options of every command.
const EVERYWHERE: &str = "Options of every command";

/// Backs up the systems a company runs on, and gets them back.
#[derive(Debug, Parser)]
#[command(name = "seatbelt", version, after_help = EXAMPLES, max_term_width = 80)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Where to work: the stack if one is named, else the folder.
    pub(crate) fn place(&self) -> Place {
        let Global {
            home, stack, region, ..
        } = &self.global;
        if let Some(stack) = stack {
            // Little is kept beside a stack, so that needs no folder of its own.
            return Place::stack(
                stack.clone(),
                region.clone(),
                home.clone().unwrap_or_else(|| ".".into()),
            );
        }
        let usual = if matches!(self.command, Command::Demo(_)) {
            demo::HOME
        } else {
            "./seatbelt-home"
        };
        Place::from(home.as_deref().unwrap_or(Path::new(usual)))
    }
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The folder everything is kept in, ./seatbelt-home if none is named; `file:` secrets are relative to it
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "DIR", env = "SEATBELT_HOME", hide_env_values = true)]
    pub(crate) home: Option<PathBuf>,
    /// A stack deployed on AWS instead of a folder; credentials as for every AWS tool, such as AWS_PROFILE
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "NAME")]
    pub(crate) stack: Option<String>,
    /// The region of the stack, else that of AWS_REGION or of the profile
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Write data, and errors, as JSON
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) json: bool,
    /// Say nothing but data and what went wrong
    #[arg(short, long, global = true, help_heading = EVERYWHERE)]
    pub(crate) quiet: bool,
    /// Log what happens inside; twice for every detail
    #[arg(short, long, global = true, help_heading = EVERYWHERE, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A made-up company, four accidents, and what is held to undo each
    #[command(after_help = demo::EXAMPLES)]
    Demo(demo::Args),
    /// The systems the company runs on, and what it decided about each
    #[command(subcommand, after_help = manifest::EXAMPLES)]
    Manifest(manifest::Command),
    /// Back systems up now
    #[command(after_help = backup::EXAMPLES)]
    Backup(backup::Args),
    /// Keep the manifest's schedules on this machine
    #[command(after_help = serve::EXAMPLES)]
    Serve(serve::Args),
    /// What was done, and how it ended
    #[command(after_help = runs::EXAMPLES)]
    Runs(runs::Args),
    /// The points in time a system can be seen at
    #[command(after_help = snapshots::EXAMPLES)]
    Snapshots(snapshots::Args),
    /// Look into a snapshot: its resources, one's records, one record
    #[command(after_help = show::EXAMPLES)]
    Show(show::Args),
    /// What changed between two points in time
    #[command(after_help = diff::EXAMPLES)]
    Diff(diff::Args),
    /// Where a text stands in a snapshot, or in what changed between two
    #[command(after_help = search::EXAMPLES)]
    Search(search::Args),
    /// Every change of one record
    #[command(after_help = history::EXAMPLES)]
    History(history::Args),
    /// Plan the way back to an earlier state, and go it
    #[command(after_help = restore::EXAMPLES)]
    Restore(restore::Args),
    /// Prove that what is held can be given back, without touching production
    #[command(after_help = drill::EXAMPLES)]
    Drill(drill::Args),
    /// Sign in, and list what the credential can and cannot see
    #[command(after_help = check::EXAMPLES)]
    Check(check::Args),
    /// Write a snapshot into a folder, readable without Seatbelt
    #[command(after_help = export::EXAMPLES)]
    Export(export::Args),
    /// Read back everything stored, and check every hash
    #[command(after_help = verify::EXAMPLES)]
    Verify(verify::Args),
    /// Let old snapshots expire, and free what nothing stands on any more
    #[command(after_help = prune::EXAMPLES)]
    Prune(prune::Args),
    /// What each connector covers, and what the vendor's own backup misses
    #[command(after_help = platforms::EXAMPLES)]
    Platforms(platforms::Args),
    /// Completions for a shell
    #[command(after_help = completions::EXAMPLES)]
    Completions(completions::Args),
}
