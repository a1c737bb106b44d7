//! The judgement: from the time and the world to what is wrong. Pure.

use jiff::Timestamp;

use crate::{
    finding::Finding,
    rules,
    world::{Watched, World},
};

/// Everything that is not as it should be at `now`, the worst first.
#[must_use]
pub fn inspect(now: Timestamp, world: &World) -> Vec<Finding> {
    let mut findings: Vec<_> = world.systems.iter().flat_map(|system| of_system(now, system)).collect();
    sort(&mut findings);
    findings
}

/// The worst first, then by kind and system.
pub(crate) fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let worst_first = b.severity.cmp(&a.severity);
        worst_first.then_with(|| (a.kind, &a.system, &a.about).cmp(&(b.kind, &b.system, &b.about)))
    });
}

fn of_system(now: Timestamp, watched: &Watched) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(rules::unreadable(now, watched));
    findings.extend(rules::invalid(now, watched));
    findings.extend(rules::undecided(watched));
    findings.extend(rules::late(now, watched));
    findings.extend(rules::stale(now, watched));
    findings.extend(rules::missed(now, watched));
    findings.extend(rules::stalled(now, watched));
    findings.extend(rules::failing(now, watched));
    findings.extend(rules::partial(watched));
    findings.extend(rules::implausible(watched));
    findings.extend(rules::mass_changes(now, watched));
    findings.extend(rules::expiring(now, watched));
    findings.extend(rules::export_due(now, watched));
    findings.extend(rules::drill_overdue(now, watched));
    findings.extend(rules::builtin_unchecked(now, watched));
    findings
}
