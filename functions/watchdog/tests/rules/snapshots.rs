//! Implausible snapshots and mass changes.

use seatbelt_model::{ChangeKind, MassChange};
use seatbelt_watchdog::{Digest, Kind, Severity, Size, Watched};
use serde_json::json;

use crate::{Stage, acme, at, days, entry_with, findings, minutes, one, snapshot, watched};

/// Daily snapshots up to the 22nd, the newest last, of one resource with so many records each; `None` carried it forward.
fn posts(records: &[Option<u64>]) -> Vec<Digest> {
    let first = 23 - i64::try_from(records.len()).unwrap();
    let each = records.iter().enumerate().map(|(index, records)| {
        let mut digest = snapshot(at(&format!("{:02}T02:00", first + i64::try_from(index).unwrap())));
        let posts = digest.resources.get_mut("posts").unwrap();
        (posts.records, posts.bytes) = (records.unwrap_or(7), 1_000 * records.unwrap_or(7));
        posts.stale = records.is_none();
        digest
    });
    each.collect()
}

fn odd(records: &[u64]) -> Option<(Severity, String)> {
    let records: Vec<_> = records.iter().copied().map(Some).collect();
    odd_in(&acme().with_snapshots(posts(&records)))
}

fn odd_in(watched: &Watched) -> Option<(Severity, String)> {
    let found = findings(at("22T03:00"), watched);
    let mut odd = found
        .into_iter()
        .filter(|finding| finding.kind == Kind::SnapshotImplausible);
    let first = odd.next().map(|finding| (finding.severity, finding.what));
    assert!(odd.next().is_none(), "one per resource");
    first
}

/// How bad it is, and what is said; `None` where all is well.
type Expected = Option<(Severity, &'static str)>;

#[test]
fn what_shrinks_grows_or_empties_beyond_bounds_is_found() {
    let cases: [(&[u64], Expected); 15] = [
        (&[1000, 1000], None),
        (&[1000, 500], None),
        (
            &[1000, 499],
            Some((Severity::Critical, "shrunk to 499 records, from 1000")),
        ),
        (
            &[1000, 0],
            Some((Severity::Critical, "posts is empty, where there were 1000")),
        ),
        (&[10, 0], Some((Severity::Critical, "is empty"))),
        (&[3, 0], Some((Severity::Warning, "is empty, where there were 3"))),
        (&[1, 0], None),
        (&[15, 6], None),
        (&[100, 300], None),
        (&[100, 301], Some((Severity::Warning, "grown to 301 records, from 100"))),
        // Too few records to judge by.
        (&[99, 5000], None),
        (&[10, 900], None),
        // A bad one in between is no measure, and the way back from it no growth.
        (&[1000, 1000, 0, 1000], None),
        // It stays odd until it has become usual.
        (
            &[1000, 1000, 1000, 300, 300],
            Some((Severity::Critical, "shrunk to 300")),
        ),
        (&[1000, 1000, 300, 300, 300, 300], None),
    ];
    for (records, expected) in cases {
        let found = odd(records);
        match (&found, expected) {
            (None, None) => {}
            (Some((severity, what)), Some((as_expected, said))) => {
                assert_eq!(*severity, as_expected, "{records:?}: {what}");
                assert!(what.contains(said), "{records:?}: {what}");
            }
            _ => panic!("{records:?}: {found:?}"),
        }
    }
}

#[test]
fn bytes_count_where_records_stay() {
    let mut snapshots = posts(&[Some(50), Some(50)]);
    let size = |digest: &mut Digest, bytes| digest.resources.get_mut("posts").unwrap().bytes = bytes;
    size(&mut snapshots[0], 40 << 20);
    size(&mut snapshots[1], 3 << 20);
    let (severity, what) = odd_in(&acme().with_snapshots(snapshots.clone())).unwrap();
    assert_eq!(severity, Severity::Critical);
    assert!(what.contains("shrunk to 3 MiB, from 40"), "{what}");
    size(&mut snapshots[1], 130 << 20);
    assert!(
        odd_in(&acme().with_snapshots(snapshots))
            .unwrap()
            .1
            .contains("grown to 130 MiB")
    );
}

#[test]
fn stale_states_neither_judge_nor_are_judged() {
    assert!(odd_in(&acme().with_snapshots(posts(&[Some(1000), None]))).is_none());
    assert!(odd_in(&acme().with_snapshots(posts(&[Some(1000), Some(1000), None, None, Some(100)]))).is_some());
    assert!(odd_in(&acme().with_snapshots(posts(&[None, None, Some(1000)]))).is_none());
}

#[test]
fn the_manifest_may_allow_for_more() {
    let entry = entry_with(json!({"alerts": {"removed": "80%", "resources": {"posts": {"added": "900%"}}}}));
    let lenient = |records: &[Option<u64>]| odd_in(&watched(&entry, at("01T00:00")).with_snapshots(posts(records)));
    assert!(lenient(&[Some(1000), Some(201)]).is_none());
    assert!(lenient(&[Some(1000), Some(199)]).is_some());
    assert!(lenient(&[Some(100), Some(999)]).is_none());
    assert!(lenient(&[Some(100), Some(1001)]).is_some());
}

#[test]
fn a_resource_that_vanishes_is_found_unless_the_scope_left_it_out() {
    let mut snapshots = posts(&[Some(10), Some(10)]);
    let pages = Size {
        records: 4,
        ..snapshots[0].resources["posts"]
    };
    snapshots[0].resources.insert("pages".into(), pages);
    let (severity, what) = odd_in(&acme().with_snapshots(snapshots.clone())).unwrap();
    assert_eq!(severity, Severity::Warning);
    assert!(what.contains("pages is no longer in it"), "{what}");
    for scope in [json!({"exclude": ["pages"]}), json!({"include": ["posts"]})] {
        let entry = entry_with(json!({ "scope": scope }));
        assert!(odd_in(&watched(&entry, at("01T00:00")).with_snapshots(snapshots.clone())).is_none());
    }
    // The day after, it is known.
    snapshots.push(posts(&[Some(10)]).remove(0));
    let ids = ["20T02:00", "21T02:00", "22T02:00"];
    for (snapshot, id) in snapshots.iter_mut().zip(ids) {
        snapshot.id = seatbelt_model::RunId::at(at(id));
    }
    assert!(odd_in(&acme().with_snapshots(snapshots)).is_none());
}

#[test]
fn a_first_snapshot_without_a_record_is_odd() {
    assert!(odd(&[0]).unwrap().1.contains("holds no record at all"));
    assert!(odd(&[1]).is_none());
}

#[test]
fn a_mass_change_is_shown_for_two_days() {
    let mut newest = snapshot(at("22T02:00"));
    newest.parent = Some(snapshot(at("21T02:00")).id);
    newest.alarms = vec![MassChange {
        resource: "posts".into(),
        change: ChangeKind::Removed,
        records: 510,
        of: 1_000,
        rule: "more than 5% removed at once".into(),
    }];
    let acme = acme().with_snapshots(vec![newest, snapshot(at("21T02:00"))]);
    let finding = one(at("22T03:00"), &acme, Kind::MassChange);
    assert_eq!(finding.severity, Severity::Critical);
    assert!(
        finding.what.contains("510 of 1000 records of posts were removed (51%)"),
        "{}",
        finding.what
    );
    assert!(
        finding
            .todo
            .contains("`seatbelt diff acme 20261121T020000Z 20261122T020000Z`"),
        "{}",
        finding.todo
    );
    let shown = |now| {
        findings(now, &acme)
            .iter()
            .any(|finding| finding.kind == Kind::MassChange)
    };
    let seen = at("22T02:10");
    assert!(shown(seen + days(2) - minutes(1)) && !shown(seen + days(2)));
}
