//! A backup on a stack: asked for, followed to its end, or left alone.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use seatbelt_platforms::{FaultKind, Faults, Matcher, practice::crm};
use serde_json::json;

use crate::cloud::{Cloud, said, says};

/// Answers of the vendor take a while, so that a run can be watched.
fn slow(cloud: &Cloud, from: u64, by: Duration) {
    let rule = Faults::none().rule(Matcher::From(from), FaultKind::Latency(by));
    cloud.company.crm_server.faults(rule);
}

#[test]
fn a_run_is_followed_to_its_end() {
    let cloud = Cloud::with_crm(crm::READ_ONLY_TOKEN);
    slow(&cloud, 3, Duration::from_millis(40));
    let said = cloud.run(&["backup", "crm"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.contains("crm: complete in") && said.out.contains("in stack prod"),
        "{said:?}"
    );
    assert!(said.err.contains("has begun on AWS"), "{said:?}");
    let runs = cloud.json(&["backup", "crm", "--full"]);
    assert_eq!(
        (&runs[0]["system"], &runs[0]["status"]),
        (&json!("crm"), &json!("complete"))
    );
    assert_eq!(cloud.aws.account().invoked[1], json!({ "system": "crm", "full": true }));
}

#[test]
fn due_and_all_choose_as_in_a_folder() {
    let cloud = Cloud::with_crm(crm::READ_ONLY_TOKEN);
    cloud.ok(&["backup", "--due", "--quiet"]);
    let again = cloud.run(&["backup", "--due"]);
    assert!(again.code == 0 && again.err.contains("nothing is due"), "{again:?}");
    cloud.ok(&["backup", "--all", "--quiet"]);
    assert_eq!(cloud.aws.account().invoked.len(), 2);
}

#[test]
fn a_partial_run_is_three_and_a_failed_one_is_one() {
    let cloud = Cloud::with_crm(crm::LIMITED_TOKEN);
    let partial = cloud.fails(3, &["backup", "crm"], &["automations: the credential may not read it"]);
    assert!(partial.out.contains("crm: partial in"), "{partial:?}");
    cloud.secret("pcrm-revoked");
    cloud.fails(1, &["backup", "crm"], &["error: crm: run", "failed on AWS"]);
    let runs = cloud.json(&["runs", "crm"]);
    assert_eq!(
        (&runs[0]["status"], &runs[1]["status"]),
        (&json!("failed"), &json!("partial"))
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_following_and_the_run_goes_on() {
    let cloud = Cloud::with_crm(crm::READ_ONLY_TOKEN);
    slow(&cloud, 3, Duration::from_millis(500));
    let child = cloud
        .command(&["backup", "crm"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    cloud.runtime.block_on(cloud.company.crm_server.reached(5));
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let left = said(child.wait_with_output().unwrap());
    says(
        left,
        130,
        &[
            "crm: no longer followed; its run goes on on AWS",
            "seatbelt runs crm --stack prod",
        ],
    );
    assert_eq!(cloud.json(&["runs", "crm"])[0]["status"], "running");

    // Whoever asks again while it runs follows the same run, and starts no other.
    let mut again = cloud
        .command(&["backup", "crm"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(again.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("is under way already; following it"), "{first}");
    cloud.company.crm_server.faults(Faults::none());
    let rest: Vec<_> = lines.map_while(Result::ok).collect();
    assert!(again.wait().unwrap().success(), "{rest:?}");
    let runs = cloud.json(&["runs", "crm"]);
    assert_eq!((runs.len(), &runs[0]["status"]), (1, &json!("complete")));
    assert_eq!(cloud.aws.account().invoked.len(), 1);
}
