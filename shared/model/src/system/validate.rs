//! Whether an entry makes sense.

use std::collections::BTreeMap;

use serde_json::Value;

use super::rpo::hours;
use super::{Decision, Finding, System, did_you_mean, has_errors, nearest, read};

/// Words for what a system is for. Others are welcome; these are the ones spelling is checked against.
pub const CATEGORIES: [&str; 14] = [
    "accounting",
    "analytics",
    "collaboration",
    "commerce",
    "content",
    "crm",
    "development",
    "erp",
    "finance",
    "hr",
    "marketing",
    "project management",
    "support",
    "website",
];

/// Words in a setting's name that say its value belongs elsewhere.
const SECRET_WORDS: [&str; 6] = ["password", "secret", "api_key", "apikey", "access_token", "private_key"];

/// Settings that hold an address.
const ADDRESSES: [&str; 2] = ["base_url", "token_url"];

/// The longest lock S3 takes is a hundred years.
const LONGEST_LOCK_DAYS: u32 = 36_500;

/// The platforms there is a connector for. The caller knows them; this crate does not.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KnownPlatforms {
    /// Whether each needs a secret.
    platforms: BTreeMap<String, bool>,
}

impl KnownPlatforms {
    /// Platforms that all need a secret.
    pub fn new(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            platforms: names.into_iter().map(|name| (name.into(), true)).collect(),
        }
    }

    /// Adds a platform that works without a secret.
    #[must_use]
    pub fn without_secret(mut self, name: impl Into<String>) -> Self {
        self.platforms.insert(name.into(), false);
        self
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.platforms.keys().map(String::as_str)
    }
}

/// Reads an entry and judges it: the system, unless a finding is an error, and all findings at once.
pub fn check_entry(entry: &Value, known: &KnownPlatforms) -> (Option<System>, Vec<Finding>) {
    let (draft, unreadable, senseless) = check(entry, Some(known));
    let findings: Vec<Finding> = unreadable.into_iter().chain(senseless).collect();
    ((!has_errors(&findings)).then_some(draft), findings)
}

/// What could be read, what could not, and what makes no sense.
pub(crate) fn check(entry: &Value, known: Option<&KnownPlatforms>) -> (System, Vec<Finding>, Vec<Finding>) {
    let (draft, unreadable) = read(entry);
    let mut senseless = if entry.is_object() {
        draft.findings(known)
    } else {
        Vec::new()
    };
    // A field that could not be read is missing from the draft, but not from the entry: once is enough.
    senseless.retain(|finding| !unreadable.iter().any(|error| within(&error.field, &finding.field)));
    (draft, unreadable, senseless)
}

/// Whether `field` is `outer` or lies in it.
fn within(field: &str, outer: &str) -> bool {
    field
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl System {
    /// Everything that is wrong or doubtful, whatever connectors there are.
    pub fn validate(&self) -> Vec<Finding> {
        self.findings(None)
    }

    /// As [`System::validate`], and whether there is a connector for the platform.
    pub fn validate_with(&self, known: &KnownPlatforms) -> Vec<Finding> {
        self.findings(Some(known))
    }

    fn findings(&self, known: Option<&KnownPlatforms>) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.check_decision(known, &mut findings);
        self.check_schedule(&mut findings);
        self.check_retention(&mut findings);
        self.check_scope(&mut findings);
        self.check_settings(&mut findings);
        self.check_words(&mut findings);
        findings
    }

    fn check_decision(&self, known: Option<&KnownPlatforms>, findings: &mut Vec<Finding>) {
        match self.decision {
            Decision::Backup => self.check_backup(known, findings),
            Decision::Skip if self.reason.is_none() => {
                findings.push(Finding::warning(
                    "reason",
                    "skipped without a reason; say why losing it is acceptable",
                ));
            }
            Decision::Manual => {
                if self.schedule.is_none() && self.rpo.is_none() {
                    let message = "exported by hand, but without a schedule or an rpo nobody is reminded";
                    findings.push(Finding::warning("schedule", message));
                }
                if self.owner.is_none() {
                    findings.push(Finding::warning(
                        "owner",
                        "exported by hand, but nobody is named to do it",
                    ));
                }
            }
            Decision::Skip => {}
            Decision::Undecided => {
                findings.push(Finding::warning(
                    "decision",
                    "not decided yet; write backup, skip or manual",
                ));
            }
        }
        if self.paused && self.decision == Decision::Backup {
            findings.push(Finding::warning(
                "paused",
                "paused: its schedule does not run, and no new snapshot is made",
            ));
        }
    }

    fn check_backup(&self, known: Option<&KnownPlatforms>, findings: &mut Vec<Finding>) {
        let needs_secret = match (&self.platform, known) {
            (None, _) => {
                findings.push(Finding::error(
                    "platform",
                    "decided to back up, but the platform is missing",
                ));
                true
            }
            (Some(platform), Some(known)) => match known.platforms.get(platform) {
                Some(needs_secret) => *needs_secret,
                None => {
                    findings.push(Finding::error("platform", unknown_platform(platform, known)));
                    false
                }
            },
            (Some(_), None) => true,
        };
        if self.schedule.is_none() {
            let message = "decided to back up, but no schedule says when; for example \"daily at 03:30 Europe/Berlin\"";
            findings.push(Finding::error("schedule", message));
        }
        if self.secret.is_none() && needs_secret {
            let message =
                "decided to back up, but no secret says where the credential is; for example \"file:NAME.json\"";
            findings.push(Finding::error("secret", message));
        }
        if self.rpo.is_none() {
            let message = "no rpo says how much data may be lost, so nothing can be late; for example \"26h\"";
            findings.push(Finding::warning("rpo", message));
        }
        if self.owner.is_none() {
            findings.push(Finding::warning("owner", "nobody is named to be told when it fails"));
        }
    }

    fn check_schedule(&self, findings: &mut Vec<Finding>) {
        let (Some(schedule), Some(rpo)) = (&self.schedule, self.rpo) else {
            return;
        };
        let (Some(interval), Some(max_gap)) = (schedule.interval(), schedule.max_gap()) else {
            let message = format!("\"{schedule}\" fires once at most, so an rpo of {rpo} cannot be kept");
            return findings.push(Finding::warning("schedule", message));
        };
        let (shown, longest) = (hours(interval), hours(max_gap));
        if rpo.duration() < interval {
            let message = format!(
                "the rpo of {rpo} is shorter than the longest gap of \"{schedule}\", which is {shown}; \
                 back up more often or accept more loss"
            );
            findings.push(Finding::warning("rpo", message));
        } else if rpo.duration() < max_gap {
            let message = format!(
                "the rpo of {rpo} is kept by \"{schedule}\" (every {shown} at most) except when the clocks change: then \
                 the gap is {longest}; choose a time the clocks never skip, or a longer rpo"
            );
            findings.push(Finding::warning("rpo", message));
        }
    }

    fn check_retention(&self, findings: &mut Vec<Finding>) {
        let retention = self.retention();
        if retention.keeps_nothing() {
            let message = "this keeps nothing; write for example \"30 daily, 12 monthly\"";
            return findings.push(Finding::error("retention", message));
        }
        match self.lock_days {
            Some(days) if days > LONGEST_LOCK_DAYS => {
                findings.push(Finding::error(
                    "lock_days",
                    format!("{days} days is more than the hundred years S3 takes"),
                ));
            }
            Some(days) if days > retention.longest_days() => {
                let message = format!(
                    "a lock of {days} days outlasts what \"{retention}\" keeps, {} days at most: what expires could not be \
                     deleted; keep longer or lock shorter",
                    retention.longest_days()
                );
                findings.push(Finding::error("lock_days", message));
            }
            _ => {}
        }
    }

    fn check_scope(&self, findings: &mut Vec<Finding>) {
        for name in self
            .scope
            .include
            .iter()
            .filter(|name| self.scope.exclude.contains(name))
        {
            let message = format!("\"{name}\" is both included and excluded; it is left out");
            findings.push(Finding::warning("scope", message));
        }
    }

    fn check_settings(&self, findings: &mut Vec<Finding>) {
        for name in ADDRESSES {
            if let Some(value) = self.settings.get(name)
                && let Some(problem) = address_problem(value)
            {
                findings.push(Finding::error(format!("settings.{name}"), problem));
            }
        }
        for name in self.settings.keys() {
            let lower = name.to_ascii_lowercase();
            if SECRET_WORDS.iter().any(|word| lower.contains(word)) {
                let message =
                    "this looks like a credential; everyone who reads the manifest sees it: put it in the secret";
                findings.push(Finding::warning(format!("settings.{name}"), message));
            }
        }
    }

    fn check_words(&self, findings: &mut Vec<Finding>) {
        let Some(category) = &self.category else { return };
        let lower = category.to_lowercase();
        if let Some(near) = nearest(&lower, CATEGORIES).filter(|near| *near != lower && lower.len() > 3) {
            let message = format!("\"{category}\" is not one of the usual words; did you mean \"{near}\"?");
            findings.push(Finding::warning("category", message));
        }
    }
}

fn unknown_platform(platform: &str, known: &KnownPlatforms) -> String {
    let names = known.names().collect::<Vec<_>>().join(", ");
    match did_you_mean(platform, known.names()) {
        hint if hint.is_empty() => {
            format!("there is no connector for \"{platform}\"; there are {names}; otherwise decide manual or skip")
        }
        hint => format!("there is no connector for \"{platform}\"{hint}"),
    }
}

/// What is wrong with an address, which is not quoted: it may hold a password.
fn address_problem(value: &Value) -> Option<&'static str> {
    let Some(text) = value.as_str() else {
        return Some("an address is a text such as https://www.acme.example");
    };
    let Some((scheme, rest)) = text.trim().split_once("://") else {
        return Some("an address begins with https:// or http://");
    };
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return Some("an address begins with https:// or http://");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() || authority.starts_with(':') {
        return Some("the address names no host");
    }
    if authority.contains('@') {
        return Some("the address holds a user or password; that belongs in the secret");
    }
    text.trim()
        .chars()
        .any(char::is_whitespace)
        .then_some("the address contains a space")
}
