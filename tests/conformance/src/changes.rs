//! What people changed at the vendor since the last backup is seen: updates and additions at once, deletions at the latest by a sweep.

use std::collections::BTreeSet;

use crate::{
    State, Subject,
    compare::{self, shorten},
    template::{self, Start, Template, late_deletions},
};

pub(crate) async fn check(subject: &Subject<'_>, template: &Template) {
    let fresh = template.undisturbed(subject, Start::Empty).await.state;
    the_subject_changes_enough(subject, &template.state, &fresh);
    let rig = template.rig(subject, Start::Recent).await;
    template::complete(&format!("{}: a backup after changes", subject.name), &rig).await;
    let incremental = rig.state(&rig.newest().await).await;
    misses_no_update(subject, &fresh, &incremental);
    let run = rig
        .back_up(true)
        .await
        .unwrap_or_else(|error| panic!("{}: a sweep after changes: {error}", subject.name));
    assert!(
        run.error.is_none(),
        "{}: a sweep after changes: {:?}",
        subject.name,
        run.error
    );
    let swept = rig.state(&rig.newest().await).await;
    compare::assert_same(
        &format!("{}: a sweep after changes, and a first backup", subject.name),
        subject.connector,
        &fresh,
        &swept,
    );
    let due = template.undisturbed(subject, Start::Old).await.state;
    compare::assert_same(
        &format!("{}: the weekly sweep, and a first backup", subject.name),
        subject.connector,
        &fresh,
        &due,
    );
}

/// A check that nothing was changed for proves nothing.
fn the_subject_changes_enough(subject: &Subject<'_>, before: &State, after: &State) {
    let found = compare::differences(subject.connector, before, after);
    let has = |what: &str| {
        found
            .iter()
            .any(|line| line.lines().next().is_some_and(|line| line.ends_with(what)))
    };
    for (kind, is_there) in [
        ("edits", has(": differs")),
        ("additions", has(": too much")),
        ("deletions", has(": missing")),
    ] {
        assert!(is_there, "{}: the subject's change makes no {kind}", subject.name);
    }
}

fn misses_no_update(subject: &Subject<'_>, fresh: &State, incremental: &State) {
    let late: BTreeSet<&str> = late_deletions(subject.connector)
        .into_iter()
        .filter(|(_, late)| *late)
        .map(|(name, _)| name)
        .collect();
    let excused = |line: &String| {
        let resource = line.split(' ').next().unwrap_or_default();
        line.ends_with(": too much") && late.contains(resource)
    };
    let found = compare::differences(subject.connector, fresh, incremental);
    let missed: Vec<String> = found.into_iter().filter(|line| !excused(line)).collect();
    assert!(
        missed.is_empty(),
        "{}: a backup after changes, without a sweep, missed some: {}",
        subject.name,
        shorten(&missed)
    );
}
