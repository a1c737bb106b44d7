//! The suite that every connector passes, against its simulated vendor, in one line: `conformance::check(&subject).await`.
//!
//! It tries the declaration, a first backup, a second one, changes, crashes at requests and at storage writes, and faults of the vendor.
//! The law behind all of it: a run that says `complete` holds what the vendor holds, and no failure harms the newest snapshot.
//!
//! It takes samples where every case would take too long; `SEATBELT_EXHAUSTIVE=1` takes them all. `SEATBELT_CHECKS=crashes,faults` runs
//! only the checks named, for the time one of them is being mended.

mod changes;
mod compare;
mod crashes;
mod declaration;
mod faults;
mod pages;
mod reading;
mod restore;
mod rig;
mod storage;
mod template;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use seatbelt_connector_kit::Connector;
use seatbelt_platforms::{SeenRequest, Server, SimClock};
use serde_json::Value;

pub use compare::differences;
pub use rig::{Plan, Rig, SYSTEM, Setup, State};

/// The keys that a vendor holds, by resource.
pub type Truth = BTreeMap<String, BTreeSet<String>>;

/// A connector and the simulated vendor it is tried against. A few hundred records are plenty.
pub struct Subject<'a> {
    /// What failures are reported under: the connector, and which edition or credential of it.
    pub name: &'a str,
    /// The connector.
    pub connector: &'static Connector,
    /// The system's settings in the manifest.
    pub settings: Value,
    /// Its secret.
    pub secret: Option<Value>,
    /// A secret that may write, where [`Self::secret`] may only read.
    pub write_secret: Option<Value>,
    /// Whether the restore check is run. `false` says, visibly, that a connector does not pass it yet.
    pub restores: bool,
    /// A secret the vendor refuses; `None` where there is nothing to refuse.
    pub wrong_secret: Option<Value>,
    /// The scope's includes; empty is everything that is not on request.
    pub include: &'a [&'a str],
    /// Its excludes.
    pub exclude: &'a [&'a str],
    /// Where the vendor answers.
    pub server: &'a Server,
    /// The vendor's clock. The suite moves it.
    pub clock: &'a SimClock,
    /// The keys the vendor holds, of every resource the simulator can tell for.
    pub truth: Box<dyn Fn() -> Truth + 'a>,
    /// Resources of which this vendor has no records.
    pub absent: &'a [&'a str],
    /// Edits, additions and deletions, as people would make them; each of a kind that a run without a sweep must see, deletions aside.
    pub change: Box<dyn Fn() + 'a>,
    /// A resource that takes at least three pages of [`Subject::PAGE_SIZE`], and how its listing's path begins.
    pub paged: (&'a str, String),
    /// How the paths of its further pages begin, where that is otherwise.
    pub further: Option<String>,
    /// A resource with files, and how the paths of their bytes begin.
    pub bodies: Option<(&'a str, String)>,
    /// The vendor's own 403.
    pub forbidden_body: String,
    /// Parts of paths that are rightly asked for more than once in a run, such as git's own.
    pub repeatable: &'a [&'a str],
    /// What the checks read that take many runs, unless all cases are tried; empty is everything.
    pub core: &'a [&'a str],
    /// How many crashes of each sort are tried, unless all are: fewer for vendors that take long to read.
    pub samples: u64,
}

impl Subject<'_> {
    /// The page size of the checks that need several pages.
    pub const PAGE_SIZE: u32 = 5;

    pub(crate) fn setup(&self, at: Timestamp) -> Setup<'_> {
        Setup {
            connector: self.connector,
            settings: self.settings.clone(),
            secret: self.secret.clone(),
            include: self.include,
            exclude: self.exclude,
            vendor: self.clock,
            at,
        }
    }

    /// The requests since there were `before`.
    pub(crate) fn seen_since(&self, before: u64) -> Vec<SeenRequest> {
        let new = usize::try_from(self.server.request_count() - before).unwrap_or(usize::MAX);
        let all = self.server.requests();
        all[all.len().saturating_sub(new)..].to_vec()
    }
}

/// Runs the suite.
///
/// # Panics
/// With the first check that fails, naming the connector, the resource and the key.
pub async fn check(subject: &Subject<'_>) {
    declaration::check(subject.name, subject.connector);
    let template = reading::check(subject).await;
    let wanted = std::env::var("SEATBELT_CHECKS").unwrap_or_default();
    let runs = |name: &str| wanted.is_empty() || wanted.split(',').any(|one| one == name);
    if runs("changes") {
        changes::check(subject, &template).await;
    }
    if runs("pages") {
        pages::check(subject, &template).await;
    }
    template.narrow();
    if runs("faults") {
        faults::check(subject, &template).await;
    }
    let mut cases = 0;
    if runs("crashes") {
        cases += crashes::check(subject, &template).await;
    }
    if runs("storage") {
        cases += storage::check(subject, &template).await;
    }
    if runs("restore") && subject.restores {
        restore::check(subject, &template).await;
    }
    report(subject, cases);
}

#[expect(
    clippy::print_stdout,
    reason = "the number of cases is a promise of the product, and a test has no other way to tell it"
)]
fn report(subject: &Subject<'_>, cases: usize) {
    if !subject.restores {
        println!(
            "SKIPPED: {}: the restore check, which it does not pass yet",
            subject.name
        );
    }
    println!("{}: {cases} crashes survived", subject.name);
}

/// Numbers from 0 to `count`, all of them if exhaustive, else `about` so many, spread evenly with both ends.
pub(crate) fn sample(count: u64, about: u64) -> Vec<u64> {
    if is_exhaustive() || count <= about {
        return (0..count).collect();
    }
    (0..about).map(|at| at * (count - 1) / (about - 1)).collect()
}

pub(crate) fn is_exhaustive() -> bool {
    std::env::var_os("SEATBELT_EXHAUSTIVE").is_some_and(|value| value == "1")
}
