//! `seatbelt export`: a snapshot as files that need no Seatbelt.
//!
//! Everything is written into a folder with another name, which is renamed at the end: an export that was cut short never looks like one.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Result;
use clap::ValueEnum;
use seatbelt_model::{Completeness, Snapshot};
use serde_json::json;

use crate::{
    Context,
    export::{Exporter, Written},
    failure::{Failure, PARTIAL},
    home::Home,
    moment,
    output::say,
    summary,
    table::Table,
    units,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt export acme-site --to acme-site-export
  seatbelt export acme-site --to november --at 2026-11-30 --format csv
  seatbelt export acme-site --to pages --resource pages

One file per resource, named after it; files under files/RESOURCE/, named after
the record's key and their own name; export.json says what is there. NDJSON is
the vendor's own records, byte by byte, one a line. CSV has a column for the key
and one for each top-level field; what is nested is JSON in its cell.";

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Ndjson,
    Csv,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The system
    system: String,
    /// The folder to write, which must not be there yet, or be empty
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// The point in time; the newest snapshot if none is named
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
    /// How to write records: the vendor's JSON, one a line, or a table
    #[arg(long, value_enum, default_value_t = Format::Ndjson)]
    format: Format,
    /// Only this resource
    #[arg(long, value_name = "RESOURCE")]
    resource: Option<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<ExitCode> {
    let home = Home::open(&context.home).await?;
    let snapshot = moment::snapshot(&home, &args.system, args.at.as_deref()).await?;
    let resources = moment::resources(&snapshot, args.resource.as_deref())?;
    let folder = Folder::begin(&args.to)?;
    let exporter = Exporter {
        vault: &home.vault,
        snapshot: &snapshot,
        folder: &folder.partial,
        format: args.format,
    };
    let mut written = Vec::new();
    for resource in resources {
        written.push(Box::pin(exporter.resource(resource)).await?);
    }
    exporter.index(&written)?;
    folder.finish()?;
    report(&args, &snapshot, &written, context)?;
    let complete =
        snapshot.completeness == Completeness::Complete && written.iter().all(|written| written.missing == 0);
    Ok(if complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(PARTIAL)
    })
}

fn report(args: &Args, snapshot: &Snapshot, written: &[Written], context: &Context) -> Result<()> {
    let out = context.out;
    if out.json {
        return out.value(&written.iter().map(|written| json!(written)).collect::<Vec<_>>());
    }
    let mut table = Table::new(&["RESOURCE", ">RECORDS", ">FILES", ">BYTES", ">MISSING"]);
    for written in written {
        let shown = |number: u64| {
            if number == 0 {
                String::new()
            } else {
                units::count(number)
            }
        };
        table.row([
            written.resource.clone().into(),
            units::count(written.records).into(),
            shown(written.files).into(),
            units::bytes(written.bytes + written.file_bytes).into(),
            shown(written.missing).into(),
        ]);
    }
    if !out.quiet {
        out.data(table.render(&out))?;
    }
    out.note(format!(
        "{}: snapshot {} is in {}",
        args.system,
        snapshot.id,
        args.to.display()
    ));
    let gaps = summary::gaps(snapshot);
    if !gaps.is_empty() {
        say(gaps.trim_end());
    }
    Ok(())
}

/// The folder an export goes to, under another name until it is whole.
struct Folder {
    partial: PathBuf,
    whole: PathBuf,
    done: bool,
}

impl Folder {
    fn begin(whole: &Path) -> Result<Self> {
        let hint = "name a folder that is not there yet with --to DIR";
        let taken = |why: &str| Failure::new(format!("cannot export to {}: {why}", whole.display()), hint);
        match std::fs::read_dir(whole).map(|mut entries| entries.next().is_none()) {
            Ok(true) => {}
            Ok(false) => return Err(taken("the folder is not empty").into()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(taken(&error.to_string()).into()),
        }
        let name = whole.file_name().ok_or_else(|| taken("it has no name of its own"))?;
        let partial = whole.with_file_name(format!("{}.partial-{}", name.to_string_lossy(), std::process::id()));
        std::fs::create_dir_all(&partial).map_err(|error| taken(&error.to_string()))?;
        Ok(Self {
            partial,
            whole: whole.to_owned(),
            done: false,
        })
    }

    fn finish(mut self) -> Result<()> {
        // An empty folder of that name may be there; where it cannot be replaced, it is removed first.
        if self.whole.is_dir() {
            std::fs::remove_dir(&self.whole)?;
        }
        std::fs::rename(&self.partial, &self.whole)?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Folder {
    /// An export that failed leaves nothing behind.
    fn drop(&mut self) {
        if !self.done {
            let _ = std::fs::remove_dir_all(&self.partial);
        }
    }
}
