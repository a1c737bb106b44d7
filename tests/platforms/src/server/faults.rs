//! The script of faults laid over a vendor: which requests, and what happens to them.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

/// Answers remembered for [`FaultKind::RepeatPage`]; the oldest paths are forgotten beyond this.
const REMEMBERED_PATHS: usize = 64;

/// Which requests a fault hits. Every rule counts for itself, from 1, since [`super::Server::faults`] was called.
/// A prefix is compared with the path, without the query; one that ends in `$` must be all of it.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// The nth request of all.
    Nth(u64),
    /// The nth request whose path starts with the prefix.
    NthOf(String, u64),
    /// Each nth request: `EveryNth(3)` hits the 3rd, 6th, ...
    EveryNth(u64),
    /// The nth request of all, and each one after it.
    From(u64),
    /// The nth request whose path starts with the prefix, and each such one after it.
    FromOf(String, u64),
    /// All requests whose path starts with the prefix; `""` is all.
    All(String),
}

impl Matcher {
    /// Counts a request and says whether it is hit.
    fn hits(&self, seen: &mut u64, path: &str) -> bool {
        let prefix = match self {
            Self::NthOf(prefix, _) | Self::FromOf(prefix, _) | Self::All(prefix) => prefix.as_str(),
            Self::Nth(_) | Self::EveryNth(_) | Self::From(_) => "",
        };
        let fits = match prefix.strip_suffix('$') {
            Some(whole) => path == whole,
            None => path.starts_with(prefix),
        };
        if !fits {
            return false;
        }
        *seen += 1;
        match self {
            Self::Nth(nth) | Self::NthOf(_, nth) => seen == nth,
            Self::EveryNth(nth) => *nth > 0 && seen.is_multiple_of(*nth),
            Self::From(nth) | Self::FromOf(_, nth) => *seen >= *nth,
            Self::All(_) => true,
        }
    }
}

/// What happens to a request that is hit.
#[derive(Clone, Debug)]
pub enum FaultKind {
    /// This status, `Retry-After` in seconds if given, and this body; the vendor never sees the request.
    Status(u16, Option<u64>, String),
    /// The request is accepted and never answered, until the client gives up or the server ends.
    Timeout,
    /// The vendor acts; half of its body is sent under the full `Content-Length`, then the connection closes.
    CutBody,
    /// 200 with an HTML page, as a firewall or a maintenance mode answers; the vendor never sees the request.
    Html,
    /// Body and headers of the previous successful answer for the same path, whatever the query. Without one, the
    /// request passes. Answers are remembered only from when this rule was set.
    RepeatPage,
    /// The vendor acts; every record of a top-level array, or of arrays directly in a top-level object, comes twice.
    DuplicateRecords,
    /// The vendor acts; the body ends in its middle, with a `Content-Length` that fits: whole as HTTP, broken as JSON.
    TruncatedJson,
    /// The connection closes without an answer; the vendor never sees the request.
    Drop,
    /// The vendor acts, but the connection closes without an answer: what was written is written.
    DropAfter,
    /// 403 with this body, which is the vendor's own error (`forbidden_body()` of its module).
    Forbidden(String),
    /// The vendor acts; this text stands before its body, as PHP prints warnings.
    Prepend(String),
    /// The answer waits this long, in real time. Rules after this one still apply.
    Latency(Duration),
}

/// One rule of the script.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Which requests.
    pub when: Matcher,
    /// What happens to them.
    pub what: FaultKind,
}

/// The script: for each request the first rule that hits it decides (latencies add to it).
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// The rules, in order.
    pub rules: Vec<Fault>,
}

impl Faults {
    /// No faults.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same script with one more rule at its end.
    #[must_use]
    pub fn rule(mut self, when: Matcher, what: FaultKind) -> Self {
        self.rules.push(Fault { when, what });
        self
    }
}

/// A successful answer, remembered.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The script as it runs: each rule's count, and what RepeatPage needs.
#[derive(Default)]
pub(super) struct Script {
    rules: Vec<(Fault, u64)>,
    remembers: bool,
    remembered: HashMap<String, Remembered>,
    order: std::collections::VecDeque<String>,
}

impl Script {
    pub(super) fn new(faults: Faults) -> Self {
        let remembers = faults
            .rules
            .iter()
            .any(|rule| matches!(rule.what, FaultKind::RepeatPage));
        Self {
            rules: faults.rules.into_iter().map(|rule| (rule, 0)).collect(),
            remembers,
            ..Self::default()
        }
    }

    /// Counts the request at every rule; returns the delay and the deciding fault.
    pub(super) fn decide(&mut self, path: &str) -> (Duration, Option<FaultKind>) {
        let mut delay = Duration::ZERO;
        let mut decided = None;
        for (rule, seen) in &mut self.rules {
            if !rule.when.hits(seen, path) {
                continue;
            }
            match &rule.what {
                FaultKind::Latency(wait) => delay += *wait,
                what if decided.is_none() => decided = Some(what.clone()),
                _ => {}
            }
        }
        (delay, decided)
    }

    pub(super) fn remembers(&self) -> bool {
        self.remembers
    }

    pub(super) fn remember(&mut self, path: &str, answer: Remembered) {
        if self.remembered.insert(path.to_owned(), answer).is_none() {
            self.order.push_back(path.to_owned());
        }
        if self.order.len() > REMEMBERED_PATHS
            && let Some(oldest) = self.order.pop_front()
        {
            self.remembered.remove(&oldest);
        }
    }

    pub(super) fn previous(&self, path: &str) -> Option<Remembered> {
        self.remembered.get(path).cloned()
    }
}
