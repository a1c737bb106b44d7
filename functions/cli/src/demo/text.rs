//! The demo in words, 80 columns wide.

use seatbelt_model::MassChange;

use super::{
    changes::{Changed, FieldChanges, RecordChanges, ResourceChanges, Values, name},
    held::Held,
    report::{Backup, Chapter, Check, Next, Summary},
};
use crate::{
    fields::shown,
    output::{Output, Tone, cut, plain},
    table::{Cell, Table, paragraph},
    units,
};

const WIDTH: usize = 80;
/// Fields of a resource that are listed.
const FIELDS: usize = 6;
/// Characters of a value in a table.
const CELL: usize = 22;
/// Characters of a value on a line of its own.
const LINE: usize = 66;
/// Records that are named for each resource.
const NAMED: usize = 3;

/// The line above a part.
pub(super) fn heading(text: &str, out: Output) -> String {
    let rule = "─".repeat(WIDTH.saturating_sub(text.chars().count() + 4));
    format!("\n{} {text} {}\n\n", out.paint("──", Tone::Faint), out.paint(&rule, Tone::Faint))
}

/// A table under two spaces.
fn set_in(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }).collect()
}

/// A command to type.
pub(super) fn command(line: &str, out: Output) -> String {
    format!("  {}\n", out.paint(line, Tone::Good))
}

pub(super) fn first_backup(backups: &[Backup], out: Output) -> String {
    let mut table = Table::new(&["SYSTEM", ">RECORDS", ">FILES", ">READ", ">STORED", ">TIME", "KEPT AS SNAPSHOT"]);
    for backup in backups {
        table.row([
            backup.system.clone().into(),
            units::count(backup.records).into(),
            units::count(backup.files).into(),
            units::bytes(backup.traffic.bytes_read).into(),
            units::bytes(backup.traffic.bytes_stored).into(),
            format!("{:.1} s", backup.took_ms as f64 / 1000.0).into(),
            backup.snapshot.to_string().into(),
        ]);
    }
    set_in(&table.render(&out))
}

pub(super) fn chapter(chapter: &Chapter, out: Output) -> String {
    let mut text = String::new();
    for changed in &chapter.changed {
        text += &changes(changed, out);
    }
    text += &paragraph(0, &check(&chapter.against_simulation));
    text.push('\n');
    text += &alarms(&chapter.changed, out);
    text.push('\n');
    for held in &chapter.held {
        text += &paragraph(0, &self::held(held));
    }
    text += &paragraph(0, chapter.way_back);
    text.push('\n');
    let mut table = Table::new(&["HELD", "~AS IT WAS"]);
    for example in &chapter.examples {
        let holds = cut(&example.holds, 150);
        table.row([format!("{} {}", example.resource, example.key).into(), holds.into()]);
    }
    text += &set_in(&table.render(&out));
    text.push('\n');
    chapter.commands.iter().for_each(|line| text += &command(line, out));
    text
}

fn changes(changed: &Changed, out: Output) -> String {
    let mut text = format!("What changed in {}, from {} to {}:\n\n", changed.system, changed.before, changed.after);
    let mut table = Table::new(&["RESOURCE", ">ADDED", ">CHANGED", ">REMOVED", "~SUCH AS"]);
    for changes in &changed.resources {
        let number = |number: u64, tone: Tone| if number == 0 { Cell::from("") } else { Cell::toned(units::count(number), tone) };
        table.row([
            changes.resource.clone().into(),
            number(changes.counts.added, Tone::Good),
            number(changes.counts.changed, Tone::Doubtful),
            number(changes.counts.removed, Tone::Bad),
            such_as(changes).into(),
        ]);
    }
    text += &set_in(&table.render(&out));
    text.push('\n');
    for changes in changed.resources.iter().filter(|changes| changes.counts.changed > 0) {
        text += &match changes.records.is_empty() {
            true => fields(changes, out),
            false => changes.records.iter().map(|record| single(&changes.resource, record, out)).collect(),
        };
    }
    text
}

/// The first few records by name.
fn such_as(changes: &ResourceChanges) -> String {
    let names = changes.differences.iter().take(NAMED).map(|difference| {
        let name = name(difference).ok().flatten().unwrap_or_default();
        plain(&format!("{} {}", difference.key, cut(&name, 24))).trim().to_owned()
    });
    let names: Vec<String> = names.collect();
    let more = if changes.differences.len() > NAMED { ", ..." } else { "" };
    format!("{}{more}", names.join(", "))
}

/// Many changed records: each field once.
fn fields(changes: &ResourceChanges, out: Output) -> String {
    let mut table = Table::new(&["FIELD", ">RECORDS", "BEFORE", "AFTER"]);
    for field in changes.fields.iter().take(FIELDS) {
        let FieldChanges { field, records, before, after } = field;
        table.row([plain(field).into(), units::count(*records).into(), values(before).into(), values(after).into()]);
    }
    let more = changes.fields.len().saturating_sub(FIELDS) as u64;
    let more = if more == 0 { String::new() } else { format!("  and {}\n", units::counted(more, "field")) };
    format!("{}\n{}{more}\n", changed_head(changes), set_in(&table.render(&out)))
}

fn changed_head(changes: &ResourceChanges) -> String {
    format!("  The {} changed {}, field by field:\n", units::count(changes.counts.changed), changes.resource)
}

/// The one value all records had, or how many there were.
fn values(values: &Values) -> String {
    match values.different {
        0 | 1 => shown(values.first.as_ref(), CELL),
        different => format!("{} values", units::count(different as u64)),
    }
}

/// One changed record, a line for each side where they are long.
fn single(resource: &str, record: &RecordChanges, out: Output) -> String {
    let name = record.name.as_ref().map(|name| format!(", {}", cut(name, 40))).unwrap_or_default();
    let mut text = format!("  {} {}{name}\n", resource, plain(&record.key));
    for change in record.fields.iter().take(FIELDS) {
        let (before, after) = (shown(change.before.as_ref(), LINE), shown(change.after.as_ref(), LINE));
        let line = format!("    {}: {before} -> {after}\n", plain(&change.field));
        text += &match line.chars().count() <= WIDTH {
            true => line,
            false => {
                let (was, is) = (out.paint("was", Tone::Faint), out.paint("now", Tone::Faint));
                format!("    {}\n      {was} {before}\n      {is} {after}\n", plain(&change.field))
            }
        };
    }
    let more = record.fields.len().saturating_sub(FIELDS) as u64;
    if more > 0 {
        text += &format!("    and {}\n", units::counted(more, "field"));
    }
    text + "\n"
}

fn check(check: &Check) -> String {
    let harmed = units::counted(check.harmed, "record");
    if check.is_exact() {
        return format!("That is exactly what the accident touched: {harmed}, and nothing else.");
    }
    let list = |keys: &[String]| keys.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    let mut text = format!("The accident touched {harmed}.");
    if !check.missed.is_empty() {
        text += &format!(" NOT SEEN: {}, such as {}.", units::counted(check.missed.len() as u64, "record"), list(&check.missed));
    }
    if !check.besides.is_empty() {
        text += &format!(" Changed besides: {}, such as {}.", units::counted(check.besides.len() as u64, "record"), list(&check.besides));
    }
    text
}

fn alarms(changed: &[Changed], out: Output) -> String {
    let mut text = String::new();
    for changed in changed {
        for alarm in &changed.alarms {
            text += &self::alarm(&changed.system, alarm, out);
        }
    }
    if text.is_empty() { "No alarm: every change was below the rules.\n".to_owned() } else { text }
}

fn alarm(system: &str, alarm: &MassChange, out: Output) -> String {
    let change = format!("{:?}", alarm.change).to_lowercase();
    let (records, of) = (units::count(alarm.records), units::count(alarm.of));
    let word = out.paint("ALARM", Tone::Bad);
    format!("{word}  {system} {}: {records} of {of} {change}\n       rule: {}\n", alarm.resource, alarm.rule)
}

fn held(held: &Held) -> String {
    let Held { system, snapshot, records, files, file_bytes } = held;
    let files = match files {
        0 => String::new(),
        files => format!(
            ", and {} ({}) whose bytes hash to the SHA-256 the vendor stated",
            units::counted(*files, "file"),
            units::bytes(*file_bytes)
        ),
    };
    format!("Held in snapshot {snapshot} of {system}, read back just now: {} as the vendor sent them{files}.", units::counted(*records, "record"))
}

pub(super) fn summary(summary: &Summary, out: Output) -> String {
    let Summary { systems, records, files, snapshots, bytes_read, bytes_stored, seconds } = summary;
    let mut table = Table::new(&[">", "~"]);
    let mut row = |number: String, what: String| table.row([number.into(), what.into()]);
    row(units::count(*records), format!("records of {} systems, and {} files, as they are now", units::count(*systems), units::count(*files)));
    row(units::count(*snapshots), "snapshots: five points in time of each system".to_owned());
    row(units::bytes(*bytes_stored), format!("stored for all of them, out of {} read from the vendors", units::bytes(*bytes_read)));
    row(format!("{seconds:.0} s"), "from the start to here".to_owned());
    let text = table.render(&out);
    set_in(text.trim_start_matches('\n'))
}

pub(super) fn next(next: &[Next], out: Output) -> String {
    next.iter().map(|Next { what, command: line }| format!("{what}:\n{}", command(line, out))).collect()
}
