//! What a backup did, for people: a table, the gaps, the alarms, and where it all is.

use seatbelt_model::{Gap, GapReason, ResourceState, Run, Snapshot};

use crate::{commands::diff, output::Output, table::Table, units};

/// Resources in which nothing happened are counted, not listed, beyond so many.
const FEW: usize = 12;

/// The table and the sentence below it.
pub(crate) fn backup(run: &Run, snapshot: &Snapshot, place: &impl std::fmt::Display, out: Output) -> String {
    let mut table = Table::new(&["RESOURCE", ">RECORDS", ">ADDED", ">CHANGED", ">REMOVED", ">GAPS"]);
    let mut quiet = 0_usize;
    for (name, state) in &snapshot.resources {
        let gaps = gap_count(state);
        if state.changes.total() == 0 && gaps == 0 && snapshot.resources.len() > FEW {
            quiet += 1;
            continue;
        }
        table.row([
            name.clone().into(),
            units::count(state.records).into(),
            sign('+', state.changes.added).into(),
            sign('~', state.changes.changed).into(),
            sign('-', state.changes.removed).into(),
            if gaps == 0 { String::new() } else { units::count(gaps) }.into(),
        ]);
    }
    let mut text = if table.is_empty() {
        String::new()
    } else {
        table.render(&out)
    };
    if quiet > 0 {
        text += &format!("{} without any change\n", units::counted(quiet as u64, "resource"));
    }
    let traffic = run.traffic;
    let took = run
        .ended_at
        .map(|ended| units::duration(units::between(run.started_at, ended)))
        .unwrap_or_default();
    text += &format!(
        "{}: {} in {took}: {}, {}\n{}, {} read, {} stored\n",
        run.system,
        word(snapshot),
        units::counted(snapshot.records(), "record"),
        units::changes(snapshot.changes()),
        units::counted(traffic.requests, "request"),
        units::bytes(traffic.bytes_read),
        units::bytes(traffic.bytes_stored),
    );
    text += &format!("kept as snapshot {} in {place}\n", snapshot.id);
    text
}

fn word(snapshot: &Snapshot) -> &'static str {
    match snapshot.completeness {
        seatbelt_model::Completeness::Complete => "complete",
        seatbelt_model::Completeness::Partial => "partial",
    }
}

fn sign(sign: char, number: u64) -> String {
    if number == 0 {
        String::new()
    } else {
        format!("{sign}{}", units::count(number))
    }
}

fn gap_count(state: &ResourceState) -> u64 {
    state.receipt.gaps.iter().map(|gap| gap.more + 1).sum()
}

/// Everything that is missing or old in a snapshot, a line each.
pub(crate) fn gaps(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    for (name, state) in &snapshot.resources {
        if let Some(since) = state.freshness.stale_since {
            text += &format!(
                "  {name}: not read since {}; what it held then is kept\n",
                units::instant(since)
            );
        }
        for gap in &state.receipt.gaps {
            text += &format!("{}\n", line(name, gap));
        }
    }
    if text.is_empty() {
        text
    } else {
        format!("\nMissing:\n{text}")
    }
}

fn line(resource: &str, gap: &Gap) -> String {
    let at = if gap.at.is_empty() {
        String::new()
    } else {
        format!(" {}", gap.at)
    };
    let more = if gap.more == 0 {
        String::new()
    } else {
        format!(" (and {} more)", units::count(gap.more))
    };
    format!("  {resource}{at}: {}: {}{more}", reason(gap.reason), gap.detail)
}

fn reason(reason: GapReason) -> &'static str {
    match reason {
        GapReason::Forbidden => "the credential may not read it",
        GapReason::Unavailable => "no longer offered",
        GapReason::Failed => "could not be read",
        GapReason::InvalidRecord => "not a valid record",
        GapReason::RepeatedPage => "the same page came twice",
        GapReason::CountMismatch => "the vendor counts differently",
        GapReason::BodyMissing => "the file's bytes are missing",
        GapReason::ParentMissing => "what it belongs to was not read",
    }
}

/// The alarms, each with the command that shows what it is about.
pub(crate) fn alarms(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    for alarm in &snapshot.alarms {
        let change = format!("{:?}", alarm.change).to_lowercase();
        text += &format!(
            "ALARM {}: {} {change} of {} ({})\n      look: {}\n",
            alarm.resource,
            units::count(alarm.records),
            units::count(alarm.of),
            alarm.rule,
            diff::command(&snapshot.system, snapshot.parent, snapshot.id, &alarm.resource),
        );
    }
    text
}
