//! Snapshots that are implausibly small, or different from those before.

use jiff::{SignedDuration, Timestamp};
use seatbelt_model::{
    ChangeKind, Decision,
    system::{Limits, Percent, Scope},
};

use crate::{
    finding::{Finding, Kind, Severity, later},
    world::{Digest, Size, Watched},
};

/// A resource that has lost more than this share of its records is looked at, unless the manifest allows for more.
const MOST_LOST: u32 = 5_000;
/// One that has grown by more than this share, likewise.
const MOST_GROWN: u32 = 20_000;
/// Growth from almost nothing says nothing.
const GROWN_FROM: u64 = 100;
const GROWN_FROM_MIB: u64 = 1;
/// Less than this is no loss to speak of.
const LOST_MIB: u64 = 2;
/// So many records that vanish altogether are no coincidence.
const FULL: u64 = 2;
/// A mass change is shown for so long after it was seen.
const SHOWN_FOR: SignedDuration = SignedDuration::from_hours(48);
const BYTES_PER_MIB: u64 = 1 << 20;

/// What is odd about a resource.
struct Odd {
    severity: Severity,
    what: String,
}

/// Resources of the newest snapshot that do not fit the last good ones.
pub(crate) fn implausible(watched: &Watched) -> Vec<Finding> {
    let Some(Some(newest)) = watched.newest() else {
        return Vec::new();
    };
    if watched
        .known
        .plan
        .as_ref()
        .is_none_or(|plan| plan.decision != Decision::Backup)
    {
        return Vec::new();
    }
    let before: Vec<_> = watched
        .seen
        .snapshots
        .iter()
        .flat_map(|all| &all.newest)
        .skip(1)
        .map(AsRef::as_ref)
        .collect();
    if before.is_empty() {
        return empty_at_first(watched, newest).into_iter().collect();
    }
    let names = newest
        .resources
        .keys()
        .chain(before.iter().flat_map(|digest| digest.resources.keys()));
    let names: std::collections::BTreeSet<_> = names.collect();
    let found = names.into_iter().filter_map(|name| {
        let limits = watched.draft.alerts.for_resource(name);
        let odd = of_resource(name, newest.resources.get(name), &before, &limits, &watched.draft.scope)?;
        Some(finding(watched, newest, name, odd))
    });
    found.collect()
}

fn finding(watched: &Watched, newest: &Digest, name: &str, odd: Odd) -> Finding {
    let system = &watched.name;
    let todo = format!(
        "Look with `seatbelt diff {system}` whether that is meant; if it is not, bring it back with `seatbelt restore {system}`."
    );
    let what = format!("Snapshot {}: {}", newest.id, odd.what);
    let mut finding = watched.finding(Kind::SnapshotImplausible, odd.severity, newest.committed_at, what, todo);
    finding.about = name.to_owned();
    finding
}

fn of_resource(name: &str, now: Option<&Size>, before: &[&Digest], limits: &Limits, scope: &Scope) -> Option<Odd> {
    let good = |digest: &&Digest| digest.resources.get(name).filter(|size| !size.stale).copied();
    let good: Vec<_> = before.iter().filter_map(good).collect();
    let Some(now) = now else {
        // Only the last one counts: a resource that left some time ago is known to have left.
        let was_there = before.first().is_some_and(|last| last.resources.contains_key(name));
        return (was_there && is_wanted(scope, name)).then(|| Odd {
            severity: Severity::Warning,
            what: format!("{name} is no longer in it, though the scope was not changed to leave it out."),
        });
    };
    if now.stale || good.is_empty() {
        return None;
    }
    let records = Middle::of(good.iter().map(|size| size.records));
    let bytes = Middle::of(good.iter().map(|size| size.bytes));
    emptied(name, now, &records, limits)
        .or_else(|| shrunk(name, now.records, &records, limits, limits.minimum, "records"))
        .or_else(|| {
            shrunk(
                name,
                now.bytes / BYTES_PER_MIB,
                &bytes.in_mib(),
                limits,
                LOST_MIB,
                "MiB",
            )
        })
        .or_else(|| grown(name, now.records, &records, limits, GROWN_FROM, "records"))
        .or_else(|| {
            grown(
                name,
                now.bytes / BYTES_PER_MIB,
                &bytes.in_mib(),
                limits,
                GROWN_FROM_MIB,
                "MiB",
            )
        })
}

/// What is usual: the two values in the middle of all, which are one if their number is odd.
struct Middle {
    lower: u64,
    upper: u64,
}

impl Middle {
    fn of(values: impl Iterator<Item = u64>) -> Self {
        let mut values: Vec<_> = values.collect();
        values.sort_unstable();
        let at = |index: usize| values.get(index).copied().unwrap_or_default();
        Self {
            lower: at(values.len().saturating_sub(1) / 2),
            upper: at(values.len() / 2),
        }
    }

    fn in_mib(&self) -> Self {
        Self {
            lower: self.lower / BYTES_PER_MIB,
            upper: self.upper / BYTES_PER_MIB,
        }
    }
}

fn emptied(name: &str, now: &Size, usual: &Middle, limits: &Limits) -> Option<Odd> {
    (now.records == 0 && usual.upper >= FULL).then(|| Odd {
        severity: if usual.upper >= limits.minimum {
            Severity::Critical
        } else {
            Severity::Warning
        },
        what: format!("{name} is empty, where there were {} records.", usual.upper),
    })
}

fn shrunk(name: &str, now: u64, usual: &Middle, limits: &Limits, minimum: u64, unit: &str) -> Option<Odd> {
    let share = limits.removed.hundredths().max(MOST_LOST);
    let lost = usual.upper.saturating_sub(now);
    (lost >= minimum && is_more(lost, usual.upper, share)).then(|| Odd {
        severity: Severity::Critical,
        what: format!("{name} has shrunk to {now} {unit}, from {} as usual.", usual.upper),
    })
}

fn grown(name: &str, now: u64, usual: &Middle, limits: &Limits, from: u64, unit: &str) -> Option<Odd> {
    let share = limits.added.hundredths().max(MOST_GROWN);
    let more = now.saturating_sub(usual.lower);
    (usual.lower >= from && is_more(more, usual.lower, share)).then(|| Odd {
        severity: Severity::Warning,
        what: format!("{name} has grown to {now} {unit}, from {} as usual.", usual.lower),
    })
}

/// Whether `part` of `whole` is more than a share in hundredths of a percent.
fn is_more(part: u64, whole: u64, share: u32) -> bool {
    u128::from(part) * 10_000 > u128::from(whole) * u128::from(share)
}

fn is_wanted(scope: &Scope, name: &str) -> bool {
    let included = scope.include.is_empty() || scope.include.iter().any(|included| included == name);
    included && !scope.exclude.iter().any(|excluded| excluded == name)
}

/// A first snapshot has nothing to be compared with; one without any record is odd all the same.
fn empty_at_first(watched: &Watched, newest: &Digest) -> Option<Finding> {
    if newest.resources.values().any(|size| size.records > 0) {
        return None;
    }
    let system = &watched.name;
    let what = format!("The first snapshot, {}, holds no record at all.", newest.id);
    let todo = format!("`seatbelt check {system}` says what the credential can see.");
    Some(watched.finding(
        Kind::SnapshotImplausible,
        Severity::Warning,
        newest.committed_at,
        what,
        todo,
    ))
}

/// Mass changes that runs have seen lately.
pub(crate) fn mass_changes(now: Timestamp, watched: &Watched) -> Vec<Finding> {
    let digests = watched.seen.snapshots.iter().flat_map(|all| &all.newest);
    let lately = digests.filter(|digest| now < later(digest.committed_at, SHOWN_FOR));
    lately.flat_map(|digest| of_digest(watched, digest)).collect()
}

fn of_digest(watched: &Watched, digest: &Digest) -> Vec<Finding> {
    let system = &watched.name;
    let alarms = digest.alarms.iter().map(|alarm| {
        let (word, severity) = match alarm.change {
            ChangeKind::Added => ("added", Severity::Warning),
            ChangeKind::Changed => ("changed", Severity::Critical),
            ChangeKind::Removed => ("removed", Severity::Critical),
        };
        let share = Percent::from_hundredths(share(alarm.records, alarm.of)).map_or(String::new(), |share| format!(" ({share})"));
        let what = format!(
            "Between two backups {} of {} records of {} were {word}{share}, as snapshot {} shows.",
            alarm.records, alarm.of, alarm.resource, digest.id
        );
        let from = digest.parent.map(|parent| format!(" {parent}")).unwrap_or_default();
        let todo = format!(
            "Look with `seatbelt diff {system}{from} {}` whether that was meant; if not, `seatbelt restore {system}` plans the way back.",
            digest.id
        );
        let mut finding = watched.finding(Kind::MassChange, severity, digest.committed_at, what, todo);
        finding.about = format!("{} {word} {}", digest.id, alarm.resource);
        finding
    });
    alarms.collect()
}

/// In hundredths of a percent, rounded to whole ones.
fn share(part: u64, whole: u64) -> u32 {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    u32::try_from(percent.saturating_mul(100)).unwrap_or(u32::MAX)
}
