//! `seatbelt export`: a snapshot as files that need no Seatbelt.
//!
//! Everything is written into a folder with another name, which is renamed at the end: an export that was cut short never looks like one.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use seatbelt_connector_kit::{Connector, NativeExport};
use seatbelt_model::{Completeness, Snapshot};
use serde_json::json;

use crate::{
    Context,
    export::{Exporter, Format, Written},
    failure::{Failure, PARTIAL},
    home::Home,
    moment,
    output::say,
    platforms, signals, summary,
    table::Table,
    units,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt export acme-site --to acme-site-export
  seatbelt export acme-site --to november --at 2026-11-30 --format csv
  seatbelt export acme-crm --to acme-crm-db --format sqlite
  seatbelt export acme-site --to import --format wxr
  seatbelt export acme-site --to pages --resource pages

One file per resource, named after it, or one database with a table for each;
files under files/RESOURCE/, named after the record's key and their own name.
README.txt and export.json say what is there.

  ndjson   the vendor's own records, byte by byte, one a line
  csv      a column for each value, objects taken apart
  parquet  the same with types, and the whole record in `_json`
  sqlite   the same in one database, with indexes
  wxr      WordPress: what Tools > Import takes

Exits with 3 if something is missing. Ctrl-C leaves nothing behind.";

/// Formats that every platform has.
const GENERAL: [&str; 4] = ["ndjson", "csv", "parquet", "sqlite"];

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
    /// How to write records
    #[arg(long, default_value = "ndjson", value_parser = formats())]
    format: String,
    /// Only this resource
    #[arg(long, value_name = "RESOURCE")]
    resource: Option<String>,
}

/// The general formats, and those of the vendors' own.
fn formats() -> PossibleValuesParser {
    let natives = platforms::all().iter().flat_map(|connector| connector.native_exports);
    let natives: std::collections::BTreeSet<&str> = natives.map(|native| native.name).collect();
    PossibleValuesParser::new(GENERAL.into_iter().chain(natives))
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<ExitCode> {
    let home = Home::open(&context.home).await?;
    let snapshot = moment::snapshot(&home, &args.system, args.at.as_deref()).await?;
    let format = format(&args, &snapshot)?;
    let resources = moment::resources(&snapshot, args.resource.as_deref())?;
    // From before there is a folder, so that no signal leaves one behind.
    let stopped = signals::interrupted();
    let folder = Folder::begin(&args.to)?;
    let bar = bar(&snapshot, &resources, format, context);
    let mut exporter = Exporter::new(&home.vault, &snapshot, &folder.partial, format, bar.clone());
    let written = tokio::select! {
        written = Box::pin(exporter.write(&resources)) => written,
        () = stopped => Err(Failure::stopped(
            format!("stopped; {} was not written", args.to.display()),
            "run the same command again",
        ).into()),
    };
    bar.finish_and_clear();
    let written = written?;
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

fn format(args: &Args, snapshot: &Snapshot) -> Result<Format> {
    let native = match args.format.as_str() {
        "ndjson" => return Ok(Format::Ndjson),
        "csv" => return Ok(Format::Csv),
        "parquet" => return Ok(Format::Parquet),
        "sqlite" => return Ok(Format::Sqlite),
        native => native,
    };
    let of = |connector: &Connector| -> Option<&'static NativeExport> {
        connector.native_exports.iter().find(|export| export.name == native)
    };
    let Some(found) = platforms::named(&snapshot.platform).ok().and_then(of) else {
        return Err(Failure::usage(
            format!(
                "{} is on {}, which has no form {native}",
                args.system, snapshot.platform
            ),
            format!("--format takes {} for every platform", GENERAL.join(", ")),
        )
        .into());
    };
    if args.resource.is_some() {
        return Err(Failure::usage(
            format!("{native} is made of several resources, so --resource does not go with it"),
            "leave --resource out",
        )
        .into());
    }
    Ok(Format::Native(found))
}

fn bar(snapshot: &Snapshot, resources: &[&str], format: Format, context: &Context) -> ProgressBar {
    let hidden = !context.out.live || context.out.quiet || context.out.json;
    let target = if hidden {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let records: u64 = resources.iter().map(|name| snapshot.resources[*name].records).sum();
    let style = ProgressStyle::with_template("{bar:24} {percent:>3}%  {per_sec}, {eta} left  {wide_msg}");
    ProgressBar::with_draw_target(Some(records * format.passes()), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
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
