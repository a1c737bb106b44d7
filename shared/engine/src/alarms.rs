//! Mass changes: so many at once that someone should look. Pure.

use seatbelt_model::{ChangeKind, Changes, MassChange, system::Alerts};

/// The rules that fire for `changes` of a resource that had `before` records. A first snapshot alarms nobody.
#[must_use]
pub fn mass_changes(alerts: &Alerts, resource: &str, changes: Changes, before: Option<u64>) -> Vec<MassChange> {
    let Some(of) = before else { return Vec::new() };
    let limits = alerts.for_resource(resource);
    let rules = [
        (ChangeKind::Removed, changes.removed, limits.removed, "removed"),
        (ChangeKind::Changed, changes.changed, limits.changed, "changed"),
        (ChangeKind::Added, changes.added, limits.added, "added"),
    ];
    let fired = rules
        .into_iter()
        .filter(|(_, records, limit, _)| limits.exceeded(*limit, *records, of));
    fired
        .map(|(change, records, limit, word)| MassChange {
            resource: resource.to_owned(),
            change,
            records,
            of,
            rule: format!("more than {limit} {word} at once, and at least {}", limits.minimum),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_fires_above_its_share_and_its_minimum() {
        let alerts = Alerts::default();
        let removed = |removed| Changes {
            removed,
            ..Changes::default()
        };
        assert!(
            mass_changes(&alerts, "contacts", removed(50), Some(1_000)).is_empty(),
            "5 % is allowed"
        );
        let fired = mass_changes(&alerts, "contacts", removed(51), Some(1_000));
        assert_eq!(
            (fired[0].change, fired[0].records, fired[0].of),
            (ChangeKind::Removed, 51, 1_000)
        );
        assert!(
            mass_changes(&alerts, "contacts", removed(9), Some(9)).is_empty(),
            "below the minimum"
        );
        assert!(
            mass_changes(
                &alerts,
                "contacts",
                Changes {
                    added: 9_000,
                    ..Changes::default()
                },
                None
            )
            .is_empty()
        );
    }
}
