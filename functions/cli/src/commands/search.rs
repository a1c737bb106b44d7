//! `seatbelt search`: where in a snapshot, or in what changed between two, a text stands.

use std::{collections::BTreeSet, ops::ControlFlow, process::ExitCode, time::Duration};

use anyhow::Result;
use futures_util::TryStreamExt;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use seatbelt_model::{Completeness, Snapshot, SnapshotId};
use seatbelt_vault::{Difference, line};
use serde::Serialize;

use crate::{
    Context,
    failure::Failure,
    home::Home,
    moment,
    output::{Elements, Output, Tone, cut, plain},
    search::{Hit, Place, Scratch, Search},
    units,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt search acme-crm 'Lee, Ann'
  seatbelt search acme-crm ann@acme.example --ignore-case --at 2026-11-01
  seatbelt search acme-site 'https?://old\\.acme' --regex --resource pages
  seatbelt search acme-crm Captain --between yesterday..latest

Looks into the texts and numbers of every record, numbers as they are written;
with --names also into the names of fields and into keys. Exits with 0, whether
something was found or not.";

/// Places listed to people who did not say how many.
const USUAL_LIMIT: u64 = 100;
/// Lines between two looks at the progress bar.
const STEP: u64 = 1_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The system
    system: String,
    /// What to look for
    text: String,
    /// The point in time; the newest snapshot if none is named
    #[arg(long, value_name = "WHEN", conflicts_with = "between")]
    at: Option<String>,
    /// Only in what changed from A to B, before and after; B is the newest snapshot if it is left out
    #[arg(long, value_name = "A..B")]
    between: Option<String>,
    /// Only this resource
    #[arg(long, value_name = "RESOURCE")]
    resource: Option<String>,
    /// Capitals or not
    #[arg(short, long)]
    ignore_case: bool,
    /// TEXT is a regular expression; ^ and $ are the ends of a value
    #[arg(long)]
    regex: bool,
    /// Also in the names of fields, and in the records' keys
    #[arg(long)]
    names: bool,
    /// How many places to list at most, 0 for all; 100 if nothing is said, all with --json
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<ExitCode> {
    let search = compile(&args)?;
    let home = Home::open(&context.home).await?;
    let limit = match args.limit {
        Some(0) => u64::MAX,
        None if context.out.json => u64::MAX,
        limit => limit.unwrap_or(USUAL_LIMIT),
    };
    let mut finder = Finder::new(&search, limit, context.out);
    match &args.between {
        Some(between) => {
            let (from, to) = ends(&home, &args.system, between).await?;
            let resources = names_of_both(&from, &to, args.resource.as_deref())?;
            finder.changes(&home, &from, &to, &resources).await?;
        }
        None => {
            let snapshot = moment::snapshot(&home, &args.system, args.at.as_deref()).await?;
            let resources = moment::resources(&snapshot, args.resource.as_deref())?;
            finder.snapshot(&home, &snapshot, &resources).await?;
        }
    }
    finder.finish()?;
    Ok(ExitCode::SUCCESS)
}

fn compile(args: &Args) -> Result<Search, Failure> {
    if args.text.is_empty() {
        return Err(Failure::usage(
            "there is nothing to look for: TEXT is empty",
            "seatbelt search --help",
        ));
    }
    Search::new(&args.text, args.ignore_case, args.regex, args.names).map_err(|error| {
        // The crate draws the pattern over several lines; the last says what is wrong.
        let said = error.to_string();
        let why = said
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned();
        Failure::usage(
            format!("TEXT is no regular expression: {why}"),
            "leave --regex out to look for the text as it is",
        )
    })
}

/// The two snapshots of `A..B`.
async fn ends(home: &Home, system: &str, between: &str) -> Result<(Snapshot, Snapshot)> {
    let Some((from, to)) = between.split_once("..").filter(|(from, _)| !from.trim().is_empty()) else {
        return Err(Failure::usage(
            format!("--between {between}: two points in time are needed, with two dots between them"),
            "such as --between yesterday..latest",
        )
        .into());
    };
    let to = Some(to.trim()).filter(|to| !to.is_empty());
    let from = moment::snapshot(home, system, Some(from.trim())).await?;
    let to = moment::snapshot(home, system, to).await?;
    Ok((from, to))
}

fn names_of_both<'a>(from: &'a Snapshot, to: &'a Snapshot, only: Option<&'a str>) -> Result<Vec<&'a str>> {
    let names: BTreeSet<&str> = from
        .resources
        .keys()
        .chain(to.resources.keys())
        .map(String::as_str)
        .collect();
    match only {
        None => Ok(names.into_iter().collect()),
        Some(name) if names.contains(name) => Ok(vec![name]),
        Some(name) => Err(moment::unknown_resource(to, name).into()),
    }
}

/// Where a record was found: in a state, or on a side of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    Before,
    After,
    /// The same on both.
    Both,
}

/// One place, for programs.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    resource: &'a str,
    key: &'a str,
    /// JSON pointer; absent where the key itself is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(rename = "in")]
    place: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<Side>,
    excerpt: String,
}

/// Reads lines, and shows what it finds at once.
struct Finder<'a> {
    search: &'a Search,
    scratch: Scratch,
    limit: u64,
    found: u64,
    records: u64,
    /// Whether it stopped since the limit was reached.
    stopped: bool,
    out: Output,
    elements: Option<Elements>,
    bar: ProgressBar,
    /// Where people were told about last.
    last: Option<(String, String)>,
}

impl<'a> Finder<'a> {
    fn new(search: &'a Search, limit: u64, out: Output) -> Self {
        Self {
            search,
            scratch: Scratch::default(),
            limit,
            found: 0,
            records: 0,
            stopped: false,
            out,
            elements: out.json.then(|| Elements::new(out)),
            bar: bar(out),
            last: None,
        }
    }

    /// Looks through the records of a snapshot.
    async fn snapshot(&mut self, home: &Home, snapshot: &Snapshot, resources: &[&str]) -> Result<()> {
        self.out.note(format!("{}: snapshot {}", snapshot.system, snapshot.id));
        self.warn(snapshot);
        let expected = resources.iter().map(|name| snapshot.resources[*name].records).sum();
        for name in resources {
            let mut lines = std::pin::pin!(home.vault.state(&snapshot.system, &snapshot.resources[*name]));
            while let Some((key, line)) = lines.try_next().await? {
                self.step(name, Some(expected));
                let hits = self.hits(&key, moment::text(&line)?);
                if self
                    .show(name, &key, hits.into_iter().map(|hit| (None, hit)))?
                    .is_break()
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Looks through what changed between two snapshots, as it was and as it became.
    async fn changes(&mut self, home: &Home, from: &Snapshot, to: &Snapshot, resources: &[&str]) -> Result<()> {
        self.out.note(format!("{}: from {} to {}", to.system, from.id, to.id));
        self.warn(to);
        let (from, to): (SnapshotId, (&str, SnapshotId)) = (from.id, (&to.system, to.id));
        for name in resources {
            let mut differences = std::pin::pin!(home.vault.changes(to.0, name, Some(from), to.1));
            while let Some(difference) = differences.try_next().await? {
                self.step(name, None);
                let hits = self.both(&difference)?;
                if self.show(name, &difference.key, hits.into_iter())?.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// What cannot be found since it was not backed up must not pass for what is not there.
    fn warn(&self, snapshot: &Snapshot) {
        if snapshot.completeness == Completeness::Partial {
            self.out.note(format!(
                "this snapshot is partial; seatbelt show {} --at {} says what is missing",
                snapshot.system, snapshot.id
            ));
        }
    }

    fn step(&mut self, resource: &str, expected: Option<u64>) {
        self.records += 1;
        if self.records % STEP == 1 {
            let of = expected
                .map(|all| format!(" of {}", units::count(all)))
                .unwrap_or_default();
            self.bar.set_message(format!(
                "{resource}: {}{of} looked at, {} found",
                units::counted(self.records, "record"),
                units::count(self.found)
            ));
        }
    }

    fn hits(&mut self, key: &str, line: &str) -> Vec<Hit> {
        let mut hits = Vec::new();
        if self.search.is_in_key(key) {
            hits.push(Hit {
                field: String::new(),
                place: Place::Key,
                text: key.to_owned(),
            });
        }
        if self.search.may_hold(line, &mut self.scratch) {
            hits.extend(self.search.hits(&line::split(line).0));
        }
        hits
    }

    /// The places on both sides of a change; what did not change is said once.
    fn both(&mut self, difference: &Difference) -> Result<Vec<(Option<Side>, Hit)>> {
        let mut side = |line: &Option<bytes::Bytes>| -> Result<Vec<Hit>> {
            Ok(match line {
                Some(line) => self.hits(&difference.key, moment::text(line)?),
                None => Vec::new(),
            })
        };
        let (before, mut after) = (side(&difference.before)?, side(&difference.after)?);
        let mut hits = Vec::with_capacity(before.len() + after.len());
        for hit in before {
            let same = after.iter().position(|other| *other == hit);
            let side = match same {
                Some(at) => {
                    after.remove(at);
                    Side::Both
                }
                None => Side::Before,
            };
            hits.push((Some(side), hit));
        }
        hits.extend(after.into_iter().map(|hit| (Some(Side::After), hit)));
        Ok(hits)
    }

    fn show(
        &mut self,
        resource: &str,
        key: &str,
        hits: impl Iterator<Item = (Option<Side>, Hit)>,
    ) -> Result<ControlFlow<()>> {
        for (side, hit) in hits {
            if self.found == self.limit {
                self.stopped = true;
                return Ok(ControlFlow::Break(()));
            }
            self.found += 1;
            match self.elements.is_some() {
                true => self.show_json(resource, key, side, &hit)?,
                false => self.show_text(resource, key, side, &hit)?,
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn show_json(&mut self, resource: &str, key: &str, side: Option<Side>, hit: &Hit) -> Result<()> {
        let excerpt = self.search.excerpt(&hit.text);
        let shown = Shown {
            resource,
            key,
            field: (hit.place != Place::Key).then_some(&hit.field),
            place: match hit.place {
                Place::Value => "value",
                Place::Name => "name",
                Place::Key => "key",
            },
            side,
            excerpt: format!("{}{}{}", excerpt.before, excerpt.found, excerpt.after),
        };
        self.elements.as_mut().map_or(Ok(()), |elements| elements.push(&shown))
    }

    fn show_text(&mut self, resource: &str, key: &str, side: Option<Side>, hit: &Hit) -> Result<()> {
        let mut text = String::new();
        let here = (resource.to_owned(), key.to_owned());
        if self.last.as_ref() != Some(&here) {
            text += &format!("{resource} {}\n", self.out.paint(&plain(key), Tone::Good));
            self.last = Some(here);
        }
        let place = match hit.place {
            Place::Value => "",
            Place::Name => " (the name)",
            Place::Key => "(the key)",
        };
        let side = match side {
            None => "",
            Some(Side::Before) => "- ",
            Some(Side::After) => "+ ",
            Some(Side::Both) => "= ",
        };
        let head = format!("{side}{}{place}", cut(&plain(&hit.field), 64));
        let excerpt = self.search.excerpt(&hit.text);
        let found = self.out.paint(&excerpt.found, Tone::Doubtful);
        text += &format!("  {}\n", self.out.paint(&head, Tone::Faint));
        text += &format!("    {}{found}{}\n", excerpt.before, excerpt.after);
        let out = self.out;
        self.bar.suspend(|| out.data(text))
    }

    fn finish(self) -> Result<()> {
        self.bar.finish_and_clear();
        if let Some(elements) = self.elements {
            return elements.finish();
        }
        let more = if self.stopped {
            "; there are more, --limit 0 lists all"
        } else {
            ""
        };
        self.out.note(format!(
            "{} in {}{more}",
            units::counted(self.found, "place"),
            units::counted(self.records, "record")
        ));
        Ok(())
    }
}

fn bar(out: Output) -> ProgressBar {
    let target = if !out.live || out.quiet || out.json {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let style =
        ProgressStyle::with_template("{spinner} {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::with_draw_target(None, target).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
