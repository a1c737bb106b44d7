//! `seatbelt manifest list` and `show`.

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::Result;
use seatbelt_catalog::Entry;
use seatbelt_model::{Decision, Finding, System, SystemName, manifest_file, system::read};
use serde_json::{Value, json};

use crate::{
    Context,
    home::Home,
    judge::judge,
    output::{Tone, say},
    table::{Cell, Table},
    units,
};

pub(super) async fn list(context: &Context) -> Result<ExitCode> {
    let (home, out) = (Home::open(&context.home).await?, context.out);
    let entries = home.catalog.systems().await?;
    if out.json {
        out.value(&entries.iter().map(details).collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    if entries.is_empty() {
        out.note("the manifest is empty; seatbelt manifest set SYSTEM platform=NAME ... adds a system");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(&["SYSTEM", "PLATFORM", "DECISION", "STATE", "~SCHEDULE"]);
    for entry in &entries {
        // A field in error is shown as if it were not there; the state says so.
        let draft = read(&entry.raw).0;
        table.row([
            entry.name.clone().into(),
            draft.platform.clone().unwrap_or_default().into(),
            decision(draft.decision),
            state(&draft, &judge(entry).1),
            draft
                .schedule
                .map(|schedule| schedule.to_string())
                .unwrap_or_default()
                .into(),
        ]);
    }
    out.data(table.render(&out))?;
    Ok(ExitCode::SUCCESS)
}

fn decision(decision: Decision) -> Cell {
    let tone = match decision {
        Decision::Backup => Tone::Good,
        Decision::Undecided => Tone::Doubtful,
        Decision::Skip | Decision::Manual => Tone::Faint,
    };
    Cell::toned(decision.as_str(), tone)
}

fn state(draft: &System, findings: &[Finding]) -> Cell {
    let errors = findings.iter().filter(|finding| finding.is_error()).count() as u64;
    match (errors, findings.len() as u64) {
        (0, _) if draft.paused => Cell::toned("paused", Tone::Doubtful),
        (0, 0) => "ok".into(),
        (0, warnings) => Cell::toned(units::counted(warnings, "warning"), Tone::Doubtful),
        (errors, _) => Cell::toned(units::counted(errors, "error"), Tone::Bad),
    }
}

pub(super) async fn show(system: &str, context: &Context) -> Result<ExitCode> {
    let (home, out) = (Home::open(&context.home).await?, context.out);
    let entry = home.entry(system).await?;
    if out.json {
        out.value(&json!([details(&entry)]))?;
        return Ok(ExitCode::SUCCESS);
    }
    match (&entry.system, entry.name.parse::<SystemName>()) {
        (Some(system), Ok(name)) => out.data(toml(name, system))?,
        // What cannot be read as an entry is shown as it stands.
        _ => out.line(serde_json::to_string_pretty(&entry.raw)?)?,
    }
    for finding in judge(&entry).1 {
        say(finding.to_string());
    }
    Ok(ExitCode::SUCCESS)
}

/// One entry as it stands in a file.
pub(super) fn toml(name: SystemName, system: &System) -> String {
    let file = manifest_file::export(&BTreeMap::from([(name, system.clone())]));
    let start = file.find("[systems").unwrap_or_default();
    file[start..].to_owned()
}

/// An entry for programs.
pub(super) fn details(entry: &Entry) -> Value {
    json!({ "system": entry.name, "version": entry.version, "entry": entry.raw, "findings": judge(entry).1 })
}
