//! The message people get. Pure.

use jiff::Timestamp;

use crate::{
    finding::{Finding, Severity, moment},
    state::{News, Resolved},
};

/// Lines of a message, at most; what is beyond is counted.
const MOST_LINES: usize = 50;
/// Of those, lines that are no finding: head, titles, empty lines, the rest's count and the foot.
const FRAME: usize = 12;
/// SNS takes no longer subject.
const LONGEST_SUBJECT: usize = 100;
/// A line longer than that is no sentence any more.
const LONGEST_LINE: usize = 900;

/// A message as SNS takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// At most 100 printable ASCII characters.
    pub subject: String,
    /// At most 50 lines.
    pub text: String,
}

/// The message about `news`, from stack `stack`; `place` is where everything can be read.
#[must_use]
pub fn notice(now: Timestamp, stack: &str, place: &str, news: &News) -> Notice {
    let mut lines = vec![format!("Seatbelt, stack {stack}, {}.", moment(now))];
    let mut left = MOST_LINES - FRAME;
    let mut unsaid = 0;
    let mut part = |title: &str, said: Vec<String>| {
        if said.is_empty() {
            return;
        }
        let fits = said.len().min(left);
        left -= fits;
        unsaid += said.len() - fits;
        if fits > 0 {
            lines.extend([String::new(), format!("{title} ({}):", said.len())]);
            lines.extend(said.into_iter().take(fits));
        }
    };
    part("New", news.new.iter().map(line).collect());
    part(
        "Still open since a day or more",
        news.reminders.iter().map(line).collect(),
    );
    part("Over", news.resolved.iter().map(over).collect());
    lines.push(String::new());
    if unsaid > 0 {
        lines.push(format!("... and {unsaid} more."));
    }
    lines.push(format!("{} open in all: {place}", news.open));
    Notice {
        subject: subject(stack, news),
        text: lines.join("\n"),
    }
}

/// `CRITICAL acme-crm (crm@acme.example): ...`
fn line(finding: &Finding) -> String {
    let owner = finding
        .owner
        .as_ref()
        .map(|owner| format!(" ({owner})"))
        .unwrap_or_default();
    let severity = finding.severity.word().to_uppercase();
    let system = if finding.system.is_empty() {
        "Seatbelt"
    } else {
        &finding.system
    };
    let (since, what, todo) = (moment(finding.since), &finding.what, &finding.todo);
    one_line(&format!(
        "{severity} {system}{owner}: {what} Since {since}. Now: {todo}"
    ))
}

fn over(resolved: &Resolved) -> String {
    let about = if resolved.about.is_empty() {
        String::new()
    } else {
        format!(" ({})", resolved.about)
    };
    let system = if resolved.system.is_empty() {
        "Seatbelt"
    } else {
        &resolved.system
    };
    let (label, since) = (resolved.kind.label(), moment(resolved.since));
    one_line(&format!("{system}: {label}{about}, since {since}"))
}

/// Texts of vendors and people may hold anything.
fn one_line(text: &str) -> String {
    let plain = |char: char| if char.is_control() { ' ' } else { char };
    let line: String = text.chars().take(LONGEST_LINE).map(plain).collect();
    if line.len() < text.len() && text.chars().count() > LONGEST_LINE {
        line + " ..."
    } else {
        line
    }
}

/// `Seatbelt prod: 2 critical: acme-crm past its RPO, acme-site backup failed`.
fn subject(stack: &str, news: &News) -> String {
    let findings: Vec<_> = if news.new.is_empty() {
        news.reminders.iter().collect()
    } else {
        news.new.iter().collect()
    };
    let count = |severity: Severity| {
        let number = findings.iter().filter(|finding| finding.severity == severity).count();
        let plural = if number == 1 || severity == Severity::Critical {
            ""
        } else {
            "s"
        };
        (number > 0).then(|| format!("{number} {severity}{plural}"))
    };
    let mut counts: Vec<_> = [Severity::Critical, Severity::Warning, Severity::Notice]
        .into_iter()
        .filter_map(count)
        .collect();
    if news.new.is_empty() && !counts.is_empty() {
        counts.insert(0, "still".to_owned());
    }
    let over = news.resolved.len();
    let mut named: Vec<_> = findings
        .iter()
        .map(|finding| named(&finding.system, finding.kind.label()))
        .collect();
    let head = if named.is_empty() {
        named = news.resolved.iter().map(named_over).collect();
        format!("{over} over")
    } else {
        let over = if over > 0 {
            format!(", {over} over")
        } else {
            String::new()
        };
        counts.join(", ").replacen("still, ", "still ", 1) + &over
    };
    fit(&format!("Seatbelt {stack}: {head}: {}", named.join(", ")))
}

fn named(system: &str, label: &str) -> String {
    let system = if system.is_empty() { "Seatbelt" } else { system };
    format!("{system} {label}")
}

fn named_over(resolved: &Resolved) -> String {
    named(&resolved.system, resolved.kind.label())
}

/// Printable ASCII of the length SNS takes.
fn fit(text: &str) -> String {
    let ascii: String = text
        .chars()
        .map(|char| if matches!(char, ' '..='~') { char } else { '?' })
        .collect();
    match ascii.get(..LONGEST_SUBJECT) {
        Some(cut) if ascii.len() > LONGEST_SUBJECT => format!("{}...", &cut[..LONGEST_SUBJECT - 3]),
        _ => ascii,
    }
}
