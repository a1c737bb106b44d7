//! What no rule keeps is shown first, and goes when it is asked for.

use crate::support::Company;

#[test]
fn prune_shows_what_would_go_does_it_and_keeps_the_rest() {
    let vendor = Company::start();
    let home = vendor.backed_up();
    home.ok(&["manifest", "set", "crm", "retention=1 daily"]);
    for _ in 0..2 {
        home.ok(&["backup", "crm", "--quiet"]);
    }
    let snapshots = |home: &crate::support::Home| home.json(&["snapshots", "crm"]).len();
    assert_eq!(snapshots(&home), 3);

    // Backups that follow one another within a second have ids of the seconds to come, and what is in the future stays.
    let shown = std::iter::repeat_with(|| home.ok(&["prune", "crm"])).take(200);
    let text = shown.into_iter().find(|text| !text.contains("in the future")).unwrap();
    assert!(text.starts_with("crm: 1 daily\n"), "{text}");
    assert_eq!(text.matches("expires").count(), 2, "{text}");
    assert_eq!(text.matches("newest good, daily").count(), 1, "{text}");
    assert!(text.contains("2 of 3 snapshots expire; then nothing names"), "{text}");
    let plan = home.json(&["prune"]);
    let expiring = plan[0]["snapshots"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|snapshot| snapshot["expires"] == true);
    assert_eq!((plan.len(), expiring.count()), (1, 2));
    assert_eq!(snapshots(&home), 3, "a plan deletes nothing");

    let done = home.ok(&["prune", "crm", "--apply"]);
    assert!(done.contains("crm: 2 snapshots expired: "), "{done}");
    assert_eq!(snapshots(&home), 1);
    assert!(home.ok(&["prune", "--apply"]).contains("crm: nothing to do"));
    home.ok(&["verify", "crm"]);
    let runs = home.json(&["runs", "crm"]);
    assert!(
        runs.iter()
            .any(|run| run["kind"] == "prune" && run["status"] == "complete"),
        "{runs:?}"
    );

    home.fails(1, &["prune", "crm", "--removed", "--apply"], &["it is in the manifest"]);
    home.fails(1, &["prune", "cmr"], &["there is no system"]);
    home.fails(2, &["prune", "--removed"], &["SYSTEM"]);
    home.ok(&["manifest", "remove", "crm"]);
    assert!(home.ok(&["prune", "crm"]).contains("seatbelt prune crm --removed"));
    assert!(
        home.ok(&["prune", "crm", "--removed"])
            .contains("no longer in the manifest")
    );
    assert_eq!(snapshots(&home), 1);
}
