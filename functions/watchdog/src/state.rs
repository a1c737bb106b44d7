//! What one round passes on to the next, and what is new since. Pure; the catalog keeps it as one item.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    finding::{Finding, Kind, Severity, later},
    known::Known,
};

/// People are reminded of what is critical and still open this often. A little less than a day, so that it stays at the same hour.
const REMIND_AFTER: SignedDuration = SignedDuration::from_mins(24 * 60 - 5);

/// Everything that is remembered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// What is known about each system, by its name.
    #[serde(default)]
    pub systems: BTreeMap<String, Known>,
    /// Findings that are not over, by their keys.
    #[serde(default)]
    pub open: BTreeMap<String, Open>,
}

/// A finding that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Since when.
    pub since: Timestamp,
    /// How bad it is.
    pub severity: Severity,
    /// What people were last told of it, and when; `None` if the message could not be sent yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
}

/// What people know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When they were told.
    pub at: Timestamp,
    /// How bad it was said to be.
    pub severity: Severity,
}

/// What people are to be told in this round.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct News {
    /// Findings they do not know, or know as less bad.
    pub new: Vec<Finding>,
    /// Critical ones they were told of a day ago.
    pub reminders: Vec<Finding>,
    /// What is over.
    pub resolved: Vec<Resolved>,
    /// Findings that are open in all.
    pub open: usize,
}

/// Something that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// What it was.
    pub kind: Kind,
    /// The system; empty for the house.
    pub system: String,
    /// The run or resource.
    pub about: String,
    /// Since when it had been.
    pub since: Timestamp,
}

impl News {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.new.is_empty() && self.reminders.is_empty() && self.resolved.is_empty()
    }
}

impl State {
    /// Takes in the findings of a round, and says what is new. A finding keeps the earliest time it was known since. What concerns a
    /// system in `unread`, whose state could not be read in full, is not over just because it was not found.
    pub fn settle(&mut self, now: Timestamp, findings: &mut [Finding], unread: &BTreeSet<String>) -> News {
        let mut before = std::mem::take(&mut self.open);
        let mut news = News::default();
        for finding in findings.iter_mut() {
            let known = before.remove(&finding.key());
            finding.since = known.map_or(finding.since, |open| open.since.min(finding.since));
            let told = known.and_then(|open| open.told);
            match told {
                Some(told) if told.severity >= finding.severity => {
                    if finding.severity == Severity::Critical && now >= later(told.at, REMIND_AFTER) {
                        news.reminders.push(finding.clone());
                    }
                }
                _ => news.new.push(finding.clone()),
            }
            let (since, severity) = (finding.since, finding.severity);
            self.open.insert(finding.key(), Open { since, severity, told });
        }
        for (key, open) in before {
            let Some(resolved) = resolved(&key, open.since) else {
                continue;
            };
            if unread.contains(&resolved.system) && resolved.kind != Kind::Unreadable {
                self.open.insert(key, open);
            } else if open.told.is_some() && !resolved.kind.is_event() {
                news.resolved.push(resolved);
            }
        }
        news.open = self.open.len();
        news
    }

    /// Notes that people were told the news.
    pub fn told(&mut self, now: Timestamp, news: &News) {
        for finding in news.new.iter().chain(&news.reminders) {
            if let Some(open) = self.open.get_mut(&finding.key()) {
                let severity = finding.severity;
                open.told = Some(Told { at: now, severity });
            }
        }
    }

    /// Notes that people could not be told: what is over stays open, until the next round can say so.
    pub fn untold(&mut self, before: &Self, news: &News) {
        for resolved in &news.resolved {
            let key = resolved.key();
            if let Some(open) = before.open.get(&key) {
                self.open.insert(key, *open);
            }
        }
    }
}

impl Resolved {
    fn key(&self) -> String {
        format!("{}/{}/{}", self.kind.word(), self.system, self.about)
    }
}

fn resolved(key: &str, since: Timestamp) -> Option<Resolved> {
    let mut parts = key.splitn(3, '/');
    Some(Resolved {
        kind: Kind::of_word(parts.next()?)?,
        system: parts.next()?.to_owned(),
        about: parts.next()?.to_owned(),
        since,
    })
}
