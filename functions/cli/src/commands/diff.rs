//! `seatbelt diff`: what changed between two points in time, field by field.

use std::process::ExitCode;

use anyhow::Result;
use futures_util::TryStreamExt;
use seatbelt_connector_kit::Connector;
use seatbelt_model::{ChangeKind, Changes, Snapshot, SnapshotId, json::Pointer};
use seatbelt_vault::{Difference, line};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    Context,
    fields::{self, FieldChange},
    home::Home,
    moment,
    output::{Elements, Output, Tone, cut, plain},
    platforms,
    table::Table,
    units,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt diff acme-site                     the newest against the one before
  seatbelt diff acme-site yesterday           from then to the newest
  seatbelt diff acme-site 2026-11-01 2026-11-22 --resource pages --all";

/// Records of one kind of change that are listed unless all are asked for.
const LISTED: u64 = 10;
/// Characters of a field's value that are shown.
const SHOWN: usize = 60;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The system
    system: String,
    /// The earlier point in time; the snapshot before TO if none is named
    from: Option<String>,
    /// The later point in time; the newest snapshot if none is named
    to: Option<String>,
    /// Only this resource
    #[arg(long, value_name = "RESOURCE")]
    resource: Option<String>,
    /// List every record, not only the first few
    #[arg(long)]
    all: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<ExitCode> {
    let home = Home::open(&context.home).await?;
    let to = moment::snapshot(&home, &args.system, args.to.as_deref()).await?;
    let from = match &args.from {
        Some(from) => Some(moment::snapshot(&home, &args.system, Some(from)).await?.id),
        None => before(&home, &to).await?,
    };
    let names = names(&home, &args, from, &to).await?;
    let connector = platforms::named(&to.platform).ok();
    let pair = Pair {
        home: &home,
        system: &args.system,
        from,
        to: to.id,
        connector,
    };
    if context.out.json {
        pair.write_json(&names, context.out).await?;
    } else {
        pair.write_text(&names, args.all, context.out).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The snapshot before `to`, if one is still there.
async fn before(home: &Home, to: &Snapshot) -> Result<Option<SnapshotId>> {
    let ids = home.vault.snapshot_ids(&to.system).await?;
    Ok(ids.into_iter().rev().find(|id| *id < to.id))
}

/// The resources of both snapshots, or the one asked for.
async fn names(home: &Home, args: &Args, from: Option<SnapshotId>, to: &Snapshot) -> Result<Vec<String>> {
    let mut names: std::collections::BTreeSet<String> = to.resources.keys().cloned().collect();
    if let Some(from) = from {
        names.extend(home.vault.snapshot(&args.system, from).await?.resources.into_keys());
    }
    match &args.resource {
        None => {
            // Between neighbours the document itself says where nothing changed, which saves looking.
            let unchanged = |name: &String| to.resources.get(name).is_some_and(|state| state.delta.is_none());
            names.retain(|name| from.is_none() || from != to.parent || !unchanged(name));
            Ok(names.into_iter().collect())
        }
        Some(name) if names.contains(name) => Ok(vec![name.clone()]),
        Some(name) => Err(moment::unknown_resource(to, name).into()),
    }
}

/// The two snapshots.
struct Pair<'a> {
    home: &'a Home,
    system: &'a str,
    from: Option<SnapshotId>,
    to: SnapshotId,
    connector: Option<&'static Connector>,
}

impl Pair<'_> {
    async fn write_text(&self, names: &[String], all: bool, out: Output) -> Result<()> {
        let from = self.from.map_or("nothing".to_owned(), |from| from.to_string());
        out.note(format!("{}: from {from} to {}", self.system, self.to));
        let most = if all { u64::MAX } else { LISTED };
        let mut table = Table::new(&["RESOURCE", ">ADDED", ">CHANGED", ">REMOVED"]);
        let mut details = Vec::new();
        for name in names {
            let found = self.collect(name, most).await?;
            if found.counts.total() == 0 {
                continue;
            }
            table.row([
                name.clone().into(),
                units::count(found.counts.added).into(),
                units::count(found.counts.changed).into(),
                units::count(found.counts.removed).into(),
            ]);
            details.push((name, found));
        }
        if table.is_empty() {
            return out.line("no change");
        }
        out.data(table.render(&out))?;
        for (name, found) in details {
            out.data(format!("\n{name}\n{}", found.render(out)))?;
        }
        Ok(())
    }

    async fn collect(&self, resource: &str, most: u64) -> Result<Found> {
        let mut found = Found {
            most,
            ..Found::default()
        };
        let volatile = fields::volatile(self.connector, resource);
        let mut differences = std::pin::pin!(self.home.vault.changes(self.system, resource, self.from, self.to));
        while let Some(difference) = differences.try_next().await? {
            found.add(&difference, &volatile)?;
        }
        Ok(found)
    }

    async fn write_json(&self, names: &[String], out: Output) -> Result<()> {
        let mut elements = Elements::new(out);
        for resource in names {
            let volatile = fields::volatile(self.connector, resource);
            let mut differences = std::pin::pin!(self.home.vault.changes(self.system, resource, self.from, self.to));
            while let Some(difference) = differences.try_next().await? {
                elements.push(&Change::new(Some(resource), &difference, &volatile)?)?;
            }
        }
        elements.finish()
    }
}

/// One changed record for programs.
#[derive(Debug, Serialize)]
struct Change<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    key: &'a str,
    change: ChangeKind,
    /// Of a changed record.
    fields: Vec<FieldChange>,
    /// The whole of a removed record.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Box<RawValue>>,
    /// The whole of an added record.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Box<RawValue>>,
}

impl<'a> Change<'a> {
    fn new(resource: Option<&'a str>, difference: &'a Difference, volatile: &[Pointer]) -> Result<Self> {
        let whole = |line: Option<&[u8]>| -> Result<Option<Box<RawValue>>> {
            let Some(line) = line else { return Ok(None) };
            Ok(Some(RawValue::from_string(
                line::split(moment::text(line)?).0.into_owned(),
            )?))
        };
        let changed = difference.kind == ChangeKind::Changed;
        Ok(Self {
            resource,
            key: &difference.key,
            change: difference.kind,
            fields: changed_fields(difference, volatile)?,
            before: if changed {
                None
            } else {
                whole(difference.before.as_deref())?
            },
            after: if changed {
                None
            } else {
                whole(difference.after.as_deref())?
            },
        })
    }
}

/// The fields that differ; none unless both sides are there.
pub(crate) fn changed_fields(difference: &Difference, volatile: &[Pointer]) -> Result<Vec<FieldChange>> {
    Ok(match (&difference.before, &difference.after) {
        (Some(before), Some(after)) => fields::between(moment::text(before)?, moment::text(after)?, volatile),
        _ => Vec::new(),
    })
}

/// What was found in one resource, the first of each kind in words.
#[derive(Debug, Default)]
struct Found {
    most: u64,
    counts: Changes,
    changed: Vec<(String, Vec<FieldChange>)>,
    added: Vec<String>,
    removed: Vec<String>,
}

impl Found {
    fn add(&mut self, difference: &Difference, volatile: &[Pointer]) -> Result<()> {
        self.counts.count(difference.kind);
        match difference.kind {
            ChangeKind::Changed if self.counts.changed <= self.most => {
                self.changed
                    .push((head(difference)?, changed_fields(difference, volatile)?));
            }
            ChangeKind::Added if self.counts.added <= self.most => self.added.push(head(difference)?),
            ChangeKind::Removed if self.counts.removed <= self.most => self.removed.push(head(difference)?),
            _ => {}
        }
        Ok(())
    }

    fn render(&self, out: Output) -> String {
        let mut text = String::new();
        for (head, fields) in &self.changed {
            text += &format!("  {}\n", out.paint(&format!("~ {head}"), Tone::Doubtful));
            for line in field_lines(fields, out) {
                text += &format!("      {line}\n");
            }
        }
        text += &more(self.counts.changed, self.changed.len(), "changed");
        for head in &self.added {
            text += &format!("  {}\n", out.paint(&format!("+ {head}"), Tone::Good));
        }
        text += &more(self.counts.added, self.added.len(), "added");
        for head in &self.removed {
            text += &format!("  {}\n", out.paint(&format!("- {head}"), Tone::Bad));
        }
        text + &more(self.counts.removed, self.removed.len(), "removed")
    }
}

fn more(all: u64, listed: usize, word: &str) -> String {
    match all.saturating_sub(listed as u64) {
        0 => String::new(),
        more => format!("  ... {} more {word}; --all lists them\n", units::count(more)),
    }
}

/// A line for each field that differs.
pub(crate) fn field_lines(changes: &[FieldChange], out: Output) -> Vec<String> {
    if changes.is_empty() {
        return vec![out.paint(
            "only its spelling differs, or fields that change without meaning",
            Tone::Faint,
        )];
    }
    let line = |change: &FieldChange| {
        let (before, after) = (
            fields::shown(change.before.as_ref(), SHOWN),
            fields::shown(change.after.as_ref(), SHOWN),
        );
        format!("{}: {before} -> {after}", plain(&change.field))
    };
    changes.iter().map(line).collect()
}

/// Key and name of a record.
fn head(difference: &Difference) -> Result<String> {
    let line = difference.after.as_ref().or(difference.before.as_ref());
    let label = match line {
        Some(line) => fields::label(moment::text(line)?),
        None => None,
    };
    let name = label
        .map(|label| format!("  {}", cut(&label, SHOWN)))
        .unwrap_or_default();
    Ok(format!("{}{name}", plain(&difference.key)))
}

/// The command that shows what an alarm is about.
pub(crate) fn command(system: &str, parent: Option<SnapshotId>, snapshot: SnapshotId, resource: &str) -> String {
    let from = parent.map(|parent| format!("{parent} {snapshot} ")).unwrap_or_default();
    format!("seatbelt diff {system} {from}--resource {resource}")
}
