//! The demo in words, 80 columns wide.

use seatbelt_model::MassChange;

use super::{
    back::Back,
    changes::{Changed, FieldChanges, RecordChanges, ResourceChanges, Values, is_time, name},
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
const NAMED: usize = 2;

/// The line above a part.
pub(super) fn heading(text: &str, out: Output) -> String {
    let rule = "─".repeat(WIDTH.saturating_sub(text.chars().count() + 4));
    format!(
        "\n{} {text} {}\n\n",
        out.paint("──", Tone::Faint),
        out.paint(&rule, Tone::Faint)
    )
}

/// A table under two spaces.
fn set_in(text: &str) -> String {
    text.lines()
        .map(|line| {
            if line.is_empty() {
                "\n".to_owned()
            } else {
                format!("  {line}\n")
            }
        })
        .collect()
}

/// A command to type, over several lines if it is long. What stands in quotes is left alone.
pub(super) fn command(line: &str, out: Output) -> String {
    let mut lines = vec![String::new()];
    for part in if line.contains('\'') {
        vec![line.to_owned()]
    } else {
        parts(line)
    } {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last > 0 && last + part.chars().count() > WIDTH - 9 {
            lines.push(String::new());
        }
        let line = lines.last_mut().expect("there is always a line");
        *line += if line.is_empty() { "" } else { " " };
        *line += &part;
    }
    let lines: Vec<String> = lines.iter().map(|line| out.paint(line, Tone::Good)).collect();
    format!("  {}\n", lines.join(" \\\n      "))
}

/// The words of a command, each option together with its value.
fn parts(line: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for word in line.split(' ') {
        match parts
            .last_mut()
            .filter(|last| last.starts_with("--") && !last.contains(' ') && !word.starts_with("--"))
        {
            Some(option) => *option += &format!(" {word}"),
            None => parts.push(word.to_owned()),
        }
    }
    parts
}

pub(super) fn first_backup(backups: &[Backup], out: Output) -> String {
    let mut table = Table::new(&[
        "SYSTEM",
        ">RECORDS",
        ">FILES",
        ">REQUESTS",
        ">READ",
        ">TIME",
        "KEPT AS SNAPSHOT",
    ]);
    for backup in backups {
        table.row([
            backup.system.clone().into(),
            units::count(backup.records).into(),
            units::count(backup.files).into(),
            units::count(backup.traffic.requests).into(),
            units::bytes(backup.traffic.bytes_read).into(),
            format!("{:.1} s", backup.took_ms as f64 / 1000.0).into(),
            backup.snapshot.to_string().into(),
        ]);
    }
    let says = "A snapshot is named after the moment its backup began, in UTC, and is never changed. From now on only what changes is stored.";
    format!("{}\n{}", set_in(&table.render(&out)), paragraph(0, says))
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
    let held: Vec<String> = chapter.held.iter().map(self::held).collect();
    text += &paragraph(
        0,
        &format!("Nothing of it is lost. Read back just now: {}.", held.join("; ")),
    );
    text.push('\n');
    text += &paragraph(0, chapter.way_back);
    text.push('\n');
    let mut table = Table::new(&["HELD", "~AS IT WAS"]);
    for example in &chapter.examples {
        let holds = cut(&example.holds, 150);
        let place = if example.resource == example.key {
            example.key.clone()
        } else {
            format!("{} {}", example.resource, example.key)
        };
        table.row([place.into(), holds.into()]);
    }
    text += &set_in(&table.render(&out));
    text.push('\n');
    text += &back(&chapter.back, out);
    text.push('\n');
    chapter.commands.iter().for_each(|line| text += &command(line, out));
    text
}

/// What came back, and what a fresh backup says of it.
fn back(back: &[Back], out: Output) -> String {
    let mut table = Table::new(&[
        "RESTORED IN",
        ">RECORDS",
        ">KEPT",
        ">NOT TAKEN",
        ">FAILED",
        ">TIME",
        ">LEFT",
    ]);
    let number = |number: u64| {
        if number == 0 {
            String::new()
        } else {
            units::count(number)
        }
    };
    for back in back {
        table.row([
            back.system.clone().into(),
            Cell::toned(units::count(back.restored), Tone::Good),
            number(back.kept).into(),
            number(back.impossible).into(),
            number(back.failed).into(),
            format!("{:.1} s", back.seconds).into(),
            back.left.map(units::count).unwrap_or_default().into(),
        ]);
    }
    let says = "LEFT is what another backup and another plan still find to write. Edits that people made since are kept, and count as left.";
    format!("{}\n{}", set_in(&table.render(&out)), paragraph(0, says))
}

fn changes(changed: &Changed, out: Output) -> String {
    let mut text = format!(
        "What changed in {}, from {} to {}:\n\n",
        changed.system, changed.before, changed.after
    );
    let mut table = Table::new(&["RESOURCE", ">ADDED", ">CHANGED", ">REMOVED", "~SUCH AS"]);
    for changes in &changed.resources {
        let number = |number: u64, tone: Tone| {
            if number == 0 {
                Cell::from("")
            } else {
                Cell::toned(units::count(number), tone)
            }
        };
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
            false => changes
                .records
                .iter()
                .map(|record| single(&changes.resource, record, out))
                .collect(),
        };
    }
    text
}

/// The first few records by name.
fn such_as(changes: &ResourceChanges) -> String {
    let names = changes.differences.iter().take(NAMED).map(|difference| {
        let name = name(difference).ok().flatten().unwrap_or_default();
        plain(&format!("{} {}", difference.key, cut(&name, 24)))
            .trim()
            .to_owned()
    });
    let names: Vec<String> = names.collect();
    let more = if changes.differences.len() > NAMED { ", ..." } else { "" };
    format!("{}{more}", names.join(", "))
}

/// Many changed records: each field once.
fn fields(changes: &ResourceChanges, out: Output) -> String {
    let (times, fields): (Vec<_>, Vec<_>) = changes.fields.iter().partition(|field| field.is_time());
    let mut table = Table::new(&["FIELD", ">RECORDS", "BEFORE", "AFTER"]);
    for FieldChanges {
        field,
        records,
        before,
        after,
    } in fields.iter().take(FIELDS)
    {
        table.row([
            plain(field).into(),
            units::count(*records).into(),
            values(before).into(),
            values(after).into(),
        ]);
    }
    let changed = format!(
        "  The {} changed {}",
        units::count(changes.counts.changed),
        changes.resource
    );
    if fields.is_empty() {
        let times: Vec<&str> = times.iter().map(|field| field.field.as_str()).collect();
        return format!("{changed} differ only in: {}\n\n", times.join(", "));
    }
    let rest = rest(fields.len(), times.iter().map(|field| field.field.as_str()), "  ", out);
    format!("{changed}, field by field:\n\n{}{rest}\n", set_in(&table.render(&out)))
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
    let key = if resource == record.key {
        String::new()
    } else {
        format!(" {}", plain(&record.key))
    };
    let name = record
        .name
        .as_ref()
        .map(|name| format!(", {}", cut(name, 40)))
        .unwrap_or_default();
    let (times, fields): (Vec<_>, Vec<_>) = record
        .fields
        .iter()
        .partition(|change| is_time(change.before.as_ref(), change.after.as_ref()));
    let mut text = format!("  {resource}{key}{name}\n");
    for change in fields.iter().take(FIELDS) {
        let field = plain(&change.field);
        let line = format!(
            "    {field}: {} -> {}\n",
            shown(change.before.as_ref(), LINE),
            shown(change.after.as_ref(), LINE)
        );
        text += &match line.chars().count() <= WIDTH && !line.contains('…') {
            true => line,
            false => {
                let [before, after] = sides(
                    &shown(change.before.as_ref(), usize::MAX),
                    &shown(change.after.as_ref(), usize::MAX),
                );
                let (was, is) = (out.paint("was", Tone::Faint), out.paint("now", Tone::Faint));
                format!("    {field}\n      {was} {before}\n      {is} {after}\n")
            }
        };
    }
    text + &rest(
        fields.len(),
        times.iter().map(|change| change.field.as_str()),
        "    ",
        out,
    ) + "\n"
}

/// What is left out of a list of fields: those beyond the first few, and those that only say when the record was changed.
fn rest<'a>(fields: usize, times: impl Iterator<Item = &'a str>, margin: &str, out: Output) -> String {
    let more = fields.saturating_sub(FIELDS) as u64;
    let more = (more > 0).then(|| units::counted(more, "more field"));
    let left_out: Vec<String> = more.into_iter().chain(times.map(plain)).collect();
    if left_out.is_empty() {
        String::new()
    } else {
        format!(
            "{margin}{}\n",
            out.paint(&format!("and {}", left_out.join(", ")), Tone::Faint)
        )
    }
}

/// Two long values from shortly before the place where they part.
fn sides(before: &str, after: &str) -> [String; 2] {
    const LEAD: usize = 12;
    let same = before
        .chars()
        .zip(after.chars())
        .take_while(|(before, after)| before == after)
        .count();
    let from = |text: &str| match same.saturating_sub(LEAD) {
        skipped if skipped > LEAD && text.chars().count() > LINE => {
            format!("…{}", cut(&text.chars().skip(skipped).collect::<String>(), LINE - 1))
        }
        _ => cut(text, LINE),
    };
    [from(before), from(after)]
}

fn check(check: &Check) -> String {
    let harmed = units::counted(check.harmed, "record");
    if check.is_exact() {
        return format!("The simulation knows what it did, and says the same: {harmed}, and no other.");
    }
    let list = |keys: &[String]| keys.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    let mut text = format!("The simulation says that it changed {harmed}.");
    if !check.missed.is_empty() {
        text += &format!(
            " NOT SEEN: {}, such as {}.",
            units::counted(check.missed.len() as u64, "record"),
            list(&check.missed)
        );
    }
    if !check.besides.is_empty() {
        text += &format!(
            " Changed besides: {}, such as {}.",
            units::counted(check.besides.len() as u64, "record"),
            list(&check.besides)
        );
    }
    text
}

/// The alarms, those of one rule together.
fn alarms(changed: &[Changed], out: Output) -> String {
    let mut rules: Vec<(&str, Vec<String>)> = Vec::new();
    for (system, alarm) in changed
        .iter()
        .flat_map(|changed| changed.alarms.iter().map(|alarm| (&changed.system, alarm)))
    {
        let line = alarm_line(system, alarm);
        match rules.iter_mut().find(|(rule, _)| *rule == alarm.rule) {
            Some((_, lines)) => lines.push(line),
            None => rules.push((&alarm.rule, vec![line])),
        }
    }
    if rules.is_empty() {
        return "The backup raised no alarm: every change was below the rules.\n".to_owned();
    }
    let mut text = "The backup raised the alarm:\n\n".to_owned();
    for (rule, lines) in rules {
        for line in lines {
            text += &format!("  {}  {line}\n", out.paint("ALARM", Tone::Bad));
        }
        text += &format!("         {}\n", out.paint(&format!("rule: {rule}"), Tone::Faint));
    }
    text
}

fn alarm_line(system: &str, alarm: &MassChange) -> String {
    let change = format!("{:?}", alarm.change).to_lowercase();
    format!(
        "{system} {}: {} of {} {change}",
        alarm.resource,
        units::count(alarm.records),
        units::count(alarm.of)
    )
}

fn held(held: &Held) -> String {
    let Held {
        system,
        snapshot,
        records,
        files,
        file_bytes,
    } = held;
    let holds = match records {
        1 => "the record as the vendor sent it".to_owned(),
        records => format!("all {} records as the vendor sent them", units::count(*records)),
    };
    let files = match files {
        0 => String::new(),
        files => {
            let (files, bytes) = (units::counted(*files, "file"), units::bytes(*file_bytes));
            format!(", and {files} ({bytes}), each with the SHA-256 that the vendor stated")
        }
    };
    format!("from snapshot {snapshot} of {system}, the one before, {holds}{files}")
}

pub(super) fn summary(summary: &Summary, out: Output) -> String {
    let Summary {
        systems,
        records,
        files,
        snapshots,
        objects,
        bytes_stored,
        bytes_read,
        seconds,
    } = summary;
    let mut table = Table::new(&[">", "~"]);
    let mut row = |number: String, what: String| table.row([number.into(), what.into()]);
    row(
        units::count(*records),
        format!("records in {} systems, as they are now", units::count(*systems)),
    );
    row(units::count(*files), "files among them".to_owned());
    row(
        units::count(*snapshots),
        "snapshots: nine points in time of each system".to_owned(),
    );
    row(units::bytes(*bytes_read), "read from the vendors".to_owned());
    let objects = units::count(*objects);
    row(
        units::bytes(*bytes_stored),
        format!("stored for all snapshots, in {objects} objects, all read back and hashed"),
    );
    row(
        units::duration(std::time::Duration::from_secs_f64(*seconds)),
        "from the start to here".to_owned(),
    );
    let text = table.render(&out);
    set_in(text.trim_start_matches('\n'))
}

pub(super) fn next(next: &[Next], out: Output) -> String {
    next.iter()
        .map(|Next { what, command: line }| format!("{what}:\n{}", command(line, out)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Output = Output {
        json: false,
        quiet: false,
        color: false,
        live: false,
    };

    #[test]
    fn a_long_command_is_broken_before_an_option() {
        let line = "seatbelt --home seatbelt-demo export acme-crm --at 20261125T093715Z --resource attachments --to deleted-files";
        let expected = "  seatbelt --home seatbelt-demo export acme-crm --at 20261125T093715Z \\\n      --resource attachments --to deleted-files\n";
        assert_eq!(command(line, PLAIN), expected);
        let quoted = format!("seatbelt --home '{}' runs", "a ".repeat(50));
        assert_eq!(command(&quoted, PLAIN).lines().count(), 1);
    }

    #[test]
    fn long_values_are_shown_where_they_part() {
        let [before, after] = ["old", "new"].map(|value| format!("[{}{value}{}]", "x".repeat(40), "y".repeat(40)));
        let [was, is] = sides(&before, &after);
        assert!(
            was.starts_with("…xxxxxxxxxxxxold") && is.starts_with("…xxxxxxxxxxxxnew"),
            "{was} {is}"
        );
        assert!(was.chars().count() <= LINE);
        assert_eq!(sides("short", "shore"), ["short", "shore"]);
    }
}
