//! `seatbelt manifest check`: what is wrong with the entries as they stand, and what whoever acted on them noted.

use std::process::ExitCode;

use anyhow::Result;
use seatbelt_catalog::{Entry, Noted};
use seatbelt_model::{
    Decision, Finding,
    system::{SecretRef, System},
};
use serde_json::{Value, json};

use crate::{
    Context,
    home::Home,
    judge::{judge, remedy},
    output::{Output, Tone, plain},
    stack::Stack,
    units,
};

/// Something that is wrong, and who says so if it is not this command.
struct Found<'a> {
    system: &'a str,
    finding: Finding,
    noted: Option<&'a Noted>,
}

pub(super) async fn run(context: &Context) -> Result<ExitCode> {
    let (home, out) = (Home::open(&context.home).await?, context.out);
    let entries = home.catalog.systems().await?;
    let notes = home.catalog.findings().await?;
    let found = all(&entries, &notes, home.stack.as_ref())?;
    let errors = found.iter().filter(|found| found.finding.is_error()).count() as u64;
    if out.json {
        out.value(&found.iter().map(details).collect::<Vec<_>>())?;
    } else {
        for found in &found {
            tell(found, out)?;
        }
        let warnings = found.len() as u64 - errors;
        out.note(format!(
            "{}: {}, {}",
            units::counted(entries.len() as u64, "system"),
            units::counted(errors, "error"),
            units::counted(warnings, "warning")
        ));
    }
    Ok(ExitCode::from(u8::from(errors > 0)))
}

/// What is found now, entry by entry, then what others noted and this command does not find itself.
fn all<'a>(entries: &'a [Entry], notes: &'a [Noted], stack: Option<&Stack>) -> Result<Vec<Found<'a>>> {
    let mut found = Vec::new();
    for entry in entries {
        let (system, mut findings) = judge(entry);
        if let (Some(stack), Some(system)) = (stack, &system) {
            findings.extend(on_stack(system, stack)?);
        }
        found.extend(findings.into_iter().map(|finding| Found {
            system: &entry.name,
            finding,
            noted: None,
        }));
    }
    for note in notes {
        for finding in &note.findings {
            let same = |found: &Found| found.system == note.system && found.finding == *finding;
            if !found.iter().any(same) {
                found.push(Found {
                    system: &note.system,
                    finding: finding.clone(),
                    noted: Some(note),
                });
            }
        }
    }
    Ok(found)
}

/// What is fine on one machine and cannot work in a function.
fn on_stack(system: &System, stack: &Stack) -> Result<Vec<Finding>> {
    if system.decision != Decision::Backup {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    if let Some(place @ (SecretRef::File(_) | SecretRef::Env(_))) = &system.secret {
        let said = format!(
            "{place} is on one machine, where the stack's functions cannot read it; move it to secretsmanager: or ssm:"
        );
        findings.push(Finding::error("secret", said));
    }
    if let Some(platform) = system.platform.as_deref()
        && !stack.has(platform)?
    {
        let said = format!(
            "stack {} has no function for {platform}; add it to the stack's parameter Platforms",
            stack.name
        );
        findings.push(Finding::error("platform", said));
    }
    Ok(findings)
}

fn tell(found: &Found, out: Output) -> Result<()> {
    let Found { system, finding, noted } = found;
    let tone = if finding.is_error() { Tone::Bad } else { Tone::Doubtful };
    let by = noted.map(|note| format!(" (noted by {} since {})", note.source, units::instant(note.since)));
    let said = format!("{finding}{}", by.unwrap_or_default());
    out.line(format!("{system}: {}", out.paint(&plain(&said), tone)))?;
    out.line(format!("    {}", remedy(system, finding)))
}

fn details(found: &Found) -> Value {
    let Found { system, finding, noted } = found;
    let mut details = json!({
        "system": system,
        "severity": finding.severity,
        "field": finding.field,
        "message": finding.message,
        "remedy": remedy(system, finding),
    });
    if let Some(note) = noted {
        details["source"] = note.source.as_str().into();
        details["since"] = note.since.to_string().into();
    }
    details
}
