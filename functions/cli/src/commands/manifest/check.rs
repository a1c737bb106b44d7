//! `seatbelt manifest check`.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use crate::{
    Context,
    home::Home,
    judge::{judge, remedy},
    output::{Tone, plain},
    units,
};

pub(super) async fn run(context: &Context) -> Result<ExitCode> {
    let (home, out) = (Home::open(&context.home).await?, context.out);
    let entries = home.catalog.systems().await?;
    let (mut found, mut errors) = (Vec::new(), 0);
    for entry in &entries {
        for finding in judge(entry).1 {
            errors += u64::from(finding.is_error());
            found.push((entry.name.as_str(), finding));
        }
    }
    if out.json {
        let finding = |(system, finding): &(&str, seatbelt_model::Finding)| {
            json!({
                "system": system,
                "severity": finding.severity,
                "field": finding.field,
                "message": finding.message,
                "remedy": remedy(system, finding),
            })
        };
        out.value(&found.iter().map(finding).collect::<Vec<_>>())?;
    } else {
        for (system, finding) in &found {
            let tone = if finding.is_error() { Tone::Bad } else { Tone::Doubtful };
            out.line(format!("{system}: {}", out.paint(&plain(&finding.to_string()), tone)))?;
            out.line(format!("    {}", remedy(system, finding)))?;
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
