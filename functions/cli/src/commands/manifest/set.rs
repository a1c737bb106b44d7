//! `seatbelt manifest set` and `remove`.

use std::process::ExitCode;

use anyhow::Result;
use seatbelt_catalog::{CatalogError, Entry};
use seatbelt_model::{Finding, SystemName};
use serde_json::{Map, Value, json};

use super::{edit, list};
use crate::{
    Context,
    failure::{Failure, Hint},
    home::Home,
    judge::judge,
    output::say,
};

pub(super) async fn run(system: &str, edits: &[String], dry_run: bool, context: &Context) -> Result<ExitCode> {
    let name: SystemName = system
        .parse()
        .map_err(|error: seatbelt_model::system::InvalidSystemName| {
            Failure::usage(error.to_string(), "seatbelt manifest list shows the names there are")
        })?;
    let (home, out) = (Home::create(&context.home).await?, context.out);
    let stored = home.catalog.system(&name).await?;
    let edited = edited(&name, stored.as_ref(), edits)?;
    let (after, findings) = judge(&edited);
    let Some(after) = after else {
        return Err(refusal(system, &findings).into());
    };
    let before = stored.as_ref().and_then(|entry| entry.system.as_ref());
    let changes = edit::changes(before, &after);
    if changes.is_empty() && before.is_some() {
        out.note(format!("{system}: nothing to change"));
    } else {
        out.note(format!(
            "{system}: {}",
            if stored.is_some() { "changed" } else { "added" }
        ));
        changes.iter().for_each(|change| out.note(change));
        if dry_run {
            out.note("nothing was written (--dry-run)");
        } else {
            let version = stored.as_ref().map(|entry| entry.version);
            home.catalog.put_system(&name, &after, version).await.hint(again)?;
        }
    }
    if out.json {
        out.value(&json!([list::details(&Entry {
            system: Some(after),
            ..edited
        })]))?;
    } else {
        findings.iter().for_each(|finding| out.note(finding.to_string()));
    }
    Ok(ExitCode::SUCCESS)
}

/// The entry as it would be.
fn edited(name: &SystemName, stored: Option<&Entry>, edits: &[String]) -> Result<Entry, Failure> {
    let mut fields = match stored.map(|entry| &entry.raw) {
        Some(Value::Object(fields)) => fields.clone(),
        _ => Map::new(),
    };
    for edit in edits {
        edit::apply(&mut fields, edit)
            .map_err(|problem| Failure::usage(problem, "seatbelt manifest set --help lists the fields"))?;
    }
    Ok(Entry {
        name: name.to_string(),
        system: None,
        findings: Vec::new(),
        version: stored.map_or(0, |entry| entry.version) + 1,
        raw: Value::Object(fields),
    })
}

fn refusal(system: &str, findings: &[Finding]) -> Failure {
    let errors: Vec<String> = findings
        .iter()
        .filter(|finding| finding.is_error())
        .map(|finding| format!("  {finding}"))
        .collect();
    Failure::new(
        format!(
            "{system}: the entry would not make sense, so nothing was written:\n{}",
            errors.join("\n")
        ),
        "correct or add these fields in the same command; seatbelt manifest set --help lists them",
    )
}

fn again() -> String {
    "run the same command again: it reads the entry as it is now".into()
}

pub(super) async fn remove(system: &str, context: &Context) -> Result<ExitCode> {
    let (home, out) = (Home::open(&context.home).await?, context.out);
    let entry = home.entry(system).await?;
    match home.catalog.remove_system(&entry.name, entry.version).await {
        Err(error @ CatalogError::VersionConflict { .. }) => {
            return Err(Failure::new(error.to_string(), again()).into());
        }
        other => other?,
    }
    if out.json {
        out.value(&json!([list::details(&entry)]))?;
        return Ok(ExitCode::SUCCESS);
    }
    out.note(format!(
        "{system} is removed from the manifest; its snapshots and runs stay. It was:"
    ));
    if let (Some(was), Ok(name)) = (&entry.system, entry.name.parse()) {
        out.note(list::toml(name, was).trim_end());
    } else {
        say(entry.raw.to_string());
    }
    Ok(ExitCode::SUCCESS)
}
