//! What was measured, for people and for programs.

use anyhow::Result;
use serde::Serialize;

/// One thing that was measured, with its bar if it has one.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    bench: &'static str,
    what: String,
    value: f64,
    unit: &'static str,
    /// The value must not be above this.
    at_most: Option<f64>,
    met: Option<bool>,
}

impl Figure {
    /// A value that explains others.
    pub(crate) fn plain(bench: &'static str, what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            bench,
            what: what.into(),
            value,
            unit,
            at_most: None,
            met: None,
        }
    }

    /// A value that must not be above `bar`.
    pub(crate) fn at_most(
        bar: f64,
        bench: &'static str,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
    ) -> Self {
        Self {
            at_most: Some(bar),
            met: Some(value <= bar),
            ..Self::plain(bench, what, value, unit)
        }
    }

    pub(crate) fn is_missed(&self) -> bool {
        self.met == Some(false)
    }
}

/// Prints all figures.
pub(crate) fn print(figures: &[Figure], json: bool) -> Result<()> {
    if figures.is_empty() {
        return Ok(());
    }
    if json {
        println!("{}", serde_json::to_string_pretty(figures)?);
        return Ok(());
    }
    println!(
        "{:<10} {:<58} {:>12} {:<4} {:>10}",
        "benchmark", "what", "value", "", "bar"
    );
    for figure in figures {
        let bar = figure.at_most.map(|bar| format!("<= {bar}")).unwrap_or_default();
        let verdict = match figure.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        let Figure {
            bench,
            what,
            value,
            unit,
            ..
        } = figure;
        println!("{bench:<10} {what:<58} {value:>12.2} {unit:<4} {bar:>10} {verdict}");
    }
    Ok(())
}
