//! The manifest as a TOML file: one table `[systems.NAME]` for each system.
//!
//! ```
//! use seatbelt_model::manifest_file::{export, import};
//!
//! let file = r#"
//! [systems.acme-site]
//! platform = "wordpress"
//! decision = "backup"
//! schedule = "daily at 03:30 europe/berlin"
//! rpo = "2 days"
//! secret = "file:acme-site.secret.json"
//! settings = { base_url = "https://www.acme.example" }
//! "#;
//! let manifest = import(file, None);
//! assert!(!manifest.has_errors());
//! assert_eq!(import(&export(&manifest.systems), None).systems, manifest.systems);
//!
//! let typo = import("[systems.bi]\nreason = \"derived\"\ndecision = \"skp\"", None);
//! assert_eq!(typo.findings[0].line, Some(3));
//! ```

mod export;
mod to_json;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use crate::system::{Finding, KnownPlatforms, System, SystemName, check, did_you_mean, has_errors};
pub use export::export;
use to_json::Located;

/// More syntax errors than anyone corrects at once: what follows the first few is often their echo.
const MOST_SYNTAX_ERRORS: usize = 20;

/// What a file said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Import {
    /// Every system whose entry could be read, even if a finding says that it makes no sense as it is.
    pub systems: BTreeMap<SystemName, System>,
    /// All that is wrong or doubtful, in the order of the file.
    pub findings: Vec<FileFinding>,
}

/// A [`Finding`] and where in the file it is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct FileFinding {
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// The system it is about.
    pub system: Option<String>,
    /// What is wrong.
    #[serde(flatten)]
    pub finding: Finding,
}

impl Import {
    /// Whether anything must be corrected before the file is used.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.finding.is_error())
    }
}

impl fmt::Display for FileFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if let Some(system) = &self.system {
            write!(f, "{system}: ")?;
        }
        self.finding.fmt(f)
    }
}

/// Reads a file. Never fails as a whole: what is wrong stands in the findings, everything at once.
///
/// Entries are judged for sense too, with `known` also for whether there is a connector. Apply the systems only if
/// [`Import::has_errors`] says no.
pub fn import(text: &str, known: Option<&KnownPlatforms>) -> Import {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut importer = Importer {
        lines: Lines::of(text),
        known,
        import: Import::default(),
    };
    if errors.is_empty() {
        importer.document(document.get_ref());
    } else {
        importer.syntax_errors(text, &errors);
    }
    importer.import.findings.sort_by_key(|finding| finding.line);
    importer.import
}

struct Importer<'a> {
    lines: Lines,
    known: Option<&'a KnownPlatforms>,
    import: Import,
}

impl Importer<'_> {
    fn report(&mut self, line: Option<usize>, system: Option<&str>, finding: Finding) {
        self.import.findings.push(FileFinding {
            line,
            system: system.map(str::to_owned),
            finding,
        });
    }

    fn syntax_errors(&mut self, text: &str, errors: &[toml::de::Error]) {
        for error in errors.iter().take(MOST_SYNTAX_ERRORS) {
            let span = error.span();
            let line = span.as_ref().map(|span| self.lines.at(span.start));
            let there = span.and_then(|span| text.get(span)).map(str::trim).unwrap_or_default();
            let message = if error.message().contains("duplicate key") {
                format!("\"{there}\" stands here for the second time; a system or field may stand there once")
            } else {
                format!(
                    "this is not TOML: {}; a manifest holds tables such as [systems.acme-site]",
                    error.message()
                )
            };
            self.report(line, None, Finding::error("", message));
        }
    }

    fn document(&mut self, document: &DeTable<'_>) {
        let mut found = false;
        for (key, value) in document.iter() {
            let line = Some(self.lines.at(key.span().start));
            let name: &str = key.get_ref();
            match (name, value.get_ref()) {
                ("systems", DeValue::Table(systems)) => {
                    found = !systems.is_empty();
                    self.systems(systems);
                }
                ("systems", _) => {
                    self.report(
                        line,
                        None,
                        Finding::error(name, "systems are tables such as [systems.acme-site]"),
                    );
                }
                _ => {
                    let hint = did_you_mean(name, ["systems"]);
                    let message =
                        format!("\"{name}\" is not part of a manifest, only tables such as [systems.acme-site]{hint}");
                    self.report(line, None, Finding::error(name, message));
                }
            }
        }
        if !found && self.import.findings.is_empty() {
            self.report(None, None, Finding::warning("systems", "the file names no system"));
        }
    }

    fn systems(&mut self, systems: &DeTable<'_>) {
        for (key, value) in systems.iter() {
            let line = self.lines.at(key.span().start);
            let name = key.get_ref().as_ref();
            let mut located = Located::new(&self.lines, line);
            let json = match value.get_ref() {
                DeValue::Table(fields) => located.entry(fields),
                other => located.value("", other, line),
            };
            let (mut findings, field_lines) = located.finish();
            let entry = self.read(&json, &mut findings);
            match name.parse::<SystemName>() {
                Ok(name) => {
                    if let Some(system) = entry {
                        self.import.systems.insert(name, system);
                    }
                }
                Err(error) => findings.push(Finding::error("", error.to_string())),
            }
            for finding in findings {
                let line = line_of(&finding.field, &field_lines).unwrap_or(line);
                self.report(Some(line), Some(name), finding);
            }
        }
    }

    /// The system if it could be read, with or without sense.
    fn read(&self, json: &Value, findings: &mut Vec<Finding>) -> Option<System> {
        // The key of the table belongs to the table alone; in a file it would say the name twice.
        if json.get("system").is_some() {
            findings.push(Finding::error(
                "system",
                "unknown field \"system\"; the name stands in the table's head",
            ));
        }
        let (draft, unreadable, senseless) = check(json, self.known);
        findings.extend(unreadable);
        let readable = !has_errors(findings);
        findings.extend(senseless);
        readable.then_some(draft)
    }
}

/// The line of a field, or of the nearest table around it that stands in the file.
fn line_of(field: &str, lines: &BTreeMap<String, usize>) -> Option<usize> {
    let mut path = field;
    loop {
        if let Some(line) = lines.get(path) {
            return Some(*line);
        }
        path = path.rsplit_once('.')?.0;
    }
}

/// Where each line begins.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(
            text.bytes()
                .enumerate()
                .filter(|(_, byte)| *byte == b'\n')
                .map(|(at, _)| at)
                .collect(),
        )
    }

    /// The line of byte `at`, counted from 1.
    fn at(&self, at: usize) -> usize {
        self.0.partition_point(|end| *end < at) + 1
    }
}

/// The JSON form of an entry's fields.
type Fields = Map<String, Value>;
