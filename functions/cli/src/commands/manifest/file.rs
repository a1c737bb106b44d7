//! `seatbelt manifest import` and `export`.

use std::{collections::BTreeMap, io::Read, path::Path, process::ExitCode};

use anyhow::Result;
use seatbelt_catalog::Entry;
use seatbelt_model::{
    System, SystemName,
    manifest_file::{self, FileFinding},
};
use serde_json::json;

use super::{edit, list};
use crate::{
    Context,
    failure::{Failure, Hint, PARTIAL},
    home::Home,
    judge,
    output::say,
    platforms, units,
};

pub(super) async fn import(file: &Path, prune: bool, dry_run: bool, context: &Context) -> Result<ExitCode> {
    let text = read(file)?;
    let manifest = manifest_file::import(&text, Some(&platforms::known()));
    let mut findings = manifest.findings;
    for (name, system) in &manifest.systems {
        let of_connector = judge::connectors(system).into_iter();
        findings.extend(of_connector.map(|finding| FileFinding {
            line: None,
            system: Some(name.to_string()),
            finding,
        }));
    }
    if findings.iter().any(|finding| finding.finding.is_error()) {
        return Err(refusal(file, &findings).into());
    }
    let (home, out) = (Home::create(&context.home).await?, context.out);
    let plan = plan(home.catalog.systems().await?, &manifest.systems, prune);
    if !dry_run {
        for step in &plan {
            step.carry_out(&home).await?;
        }
    }
    if out.json {
        out.value(
            &plan
                .iter()
                .map(|step| json!({ "system": step.name, "change": step.word() }))
                .collect::<Vec<_>>(),
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    plan.iter().for_each(|step| out.note(step.shown()));
    let count = |word: &str| plan.iter().filter(|step| step.word() == word).count() as u64;
    let counts = ["added", "changed", "removed", "unchanged", "kept"].map(|word| (count(word), word));
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(n, word)| format!("{} {word}", units::count(n)))
        .collect();
    out.note(if counts.is_empty() {
        "the file names no system".into()
    } else {
        counts.join(", ")
    });
    if count("kept") > 0 {
        out.note("kept: in the manifest, but not in the file; --prune removes them");
    }
    if dry_run {
        out.note("nothing was written (--dry-run)");
    }
    findings.iter().for_each(|finding| out.note(finding.to_string()));
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .hint(|| "the manifest is UTF-8 text; seatbelt manifest export shows its form".into())?;
        return Ok(text);
    }
    std::fs::read_to_string(file).map_err(|error| {
        let message = format!("cannot read {}: {error}", file.display());
        Failure::new(
            message,
            "name a TOML file, or - for stdin; seatbelt manifest export shows its form",
        )
        .into()
    })
}

fn refusal(file: &Path, findings: &[FileFinding]) -> Failure {
    let lines: Vec<String> = findings.iter().map(|finding| format!("  {finding}")).collect();
    let message = format!(
        "{} has errors, so nothing was changed:\n{}",
        file.display(),
        lines.join("\n")
    );
    Failure::new(
        message,
        "correct the lines named above, then run the same command again",
    )
}

/// What becomes of one system.
struct Step {
    name: String,
    stored: Option<Entry>,
    /// What it will be; `None` if it is to be removed.
    wanted: Wanted,
}

enum Wanted {
    Written(Box<System>),
    Removed,
    Kept,
}

/// A step for each system of the manifest and of the file, in the order of their names.
fn plan(stored: Vec<Entry>, wanted: &BTreeMap<SystemName, System>, prune: bool) -> Vec<Step> {
    let absent = || if prune { Wanted::Removed } else { Wanted::Kept };
    let steps = stored.into_iter().map(|entry| {
        let written = wanted
            .get(entry.name.as_str())
            .cloned()
            .map(|system| Wanted::Written(Box::new(system)));
        (
            entry.name.clone(),
            Step {
                name: entry.name.clone(),
                wanted: written.unwrap_or_else(absent),
                stored: Some(entry),
            },
        )
    });
    let mut steps: BTreeMap<String, Step> = steps.collect();
    for (name, system) in wanted {
        let new = || Step {
            name: name.to_string(),
            stored: None,
            wanted: Wanted::Written(Box::new(system.clone())),
        };
        steps.entry(name.to_string()).or_insert_with(new);
    }
    steps.into_values().collect()
}

impl Step {
    fn before(&self) -> Option<&System> {
        self.stored.as_ref()?.system.as_ref()
    }

    fn word(&self) -> &'static str {
        match (&self.wanted, &self.stored) {
            (Wanted::Removed, _) => "removed",
            (Wanted::Kept, _) => "kept",
            (Wanted::Written(_), None) => "added",
            (Wanted::Written(after), Some(_)) if self.before() == Some(&**after) => "unchanged",
            (Wanted::Written(_), Some(_)) => "changed",
        }
    }

    fn shown(&self) -> String {
        let mut lines = vec![format!("{}: {}", self.name, self.word())];
        if let (Wanted::Written(after), "changed") = (&self.wanted, self.word()) {
            lines.extend(edit::changes(self.before(), after));
        }
        lines.join("\n")
    }

    async fn carry_out(&self, home: &Home) -> Result<()> {
        let version = self.stored.as_ref().map(|entry| entry.version);
        let again = || "run the same command again: what is written already counts as unchanged".to_owned();
        match (&self.wanted, self.word()) {
            (Wanted::Written(system), "added" | "changed") => {
                // A name that stands in the file has been read as one.
                let name: SystemName = self.name.parse()?;
                home.catalog.put_system(&name, system, version).await.hint(again)?;
            }
            (Wanted::Removed, _) => home
                .catalog
                .remove_system(&self.name, version.unwrap_or(0))
                .await
                .hint(again)?,
            _ => {}
        }
        Ok(())
    }
}

pub(super) async fn export(context: &Context) -> Result<ExitCode> {
    let (home, out) = (Home::open(&context.home).await?, context.out);
    let entries = home.catalog.systems().await?;
    let (mut systems, mut left_out) = (BTreeMap::new(), 0_u64);
    for entry in &entries {
        match (&entry.system, entry.name.parse::<SystemName>()) {
            (Some(system), Ok(name)) => {
                systems.insert(name, system.clone());
            }
            _ => {
                left_out += 1;
                say(format!(
                    "{}: left out, since the entry cannot be read; seatbelt manifest show '{}' shows it",
                    entry.name, entry.name
                ));
            }
        }
    }
    if out.json {
        out.value(&entries.iter().map(list::details).collect::<Vec<_>>())?;
    } else {
        out.data(manifest_file::export(&systems))?;
    }
    Ok(if left_out > 0 {
        ExitCode::from(PARTIAL)
    } else {
        ExitCode::SUCCESS
    })
}
