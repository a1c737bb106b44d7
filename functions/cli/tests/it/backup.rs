//! A vendor backed up, looked at, exported and verified.

use std::process::Stdio;

use seatbelt_platforms::{FaultKind, Faults, Matcher, practice::crm};
use serde_json::{Value, json};

use crate::support::{Company, names, said};

#[test]
fn a_backup_and_everything_that_is_read_from_it() {
    let vendor = Company::start();
    let home = vendor.home(crm::READ_ONLY_TOKEN);
    let said = home.run(&["backup", "crm"]);
    assert_eq!(said.code, 0, "{said:?}");
    let contacts = vendor.company.crm.count("contacts") as u64;
    for words in ["RESOURCE", "contacts", "crm: complete in", "kept as snapshot"] {
        assert!(said.out.contains(words), "{words}: {said:?}");
    }
    assert!(
        said.err.contains("crm contacts: "),
        "a line for each resource: {said:?}"
    );

    let snapshots = home.json(&["snapshots", "crm"]);
    assert_eq!(
        (snapshots.len(), &snapshots[0]["completeness"]),
        (1, &json!("complete"))
    );
    let runs = home.json(&["runs"]);
    assert_eq!(
        (&runs[0]["status"], &runs[0]["resources"]["contacts"]["records"]),
        (&json!("complete"), &json!(contacts))
    );
    let resources = home.json(&["show", "crm"]);
    assert_eq!(resources.len(), 9);

    let id = vendor.company.crm.ids("contacts")[0];
    let record = home.json(&["show", "crm", "contacts", &id.to_string()]);
    let fields = vendor.company.crm.get("contacts", id).unwrap();
    assert_eq!(record[0]["record"]["email"], fields["email"]);
    assert_eq!(home.json(&["show", "crm", "contacts"]).len() as u64, contacts);
    let shown: Value = serde_json::from_str(&home.ok(&["show", "crm", "contacts", &id.to_string()])).unwrap();
    assert_eq!(shown, record[0]["record"]);

    let verified = home.json(&["verify", "crm"]);
    assert_eq!(verified[0]["damaged"], json!([]));
    assert!(verified[0]["objects"].as_u64() > Some(9));
    assert_eq!(home.json(&["runs", "crm"])[0]["kind"], "verify");
}

#[test]
fn a_diff_and_a_history_name_the_fields() {
    let vendor = Company::start();
    let home = vendor.backed_up();
    let ids = vendor.company.crm.ids("contacts");
    let (edited, deleted) = (ids[3], ids[5]);
    vendor.company.clock.advance(std::time::Duration::from_secs(600));
    vendor.company.crm.edit("contacts", edited, |fields| {
        fields.insert("job_title".into(), "Captain".into());
    });
    vendor.company.crm.delete("contacts", deleted);
    home.ok(&["backup", "crm", "--full"]);

    let changes = home.json(&["diff", "crm", "--resource", "contacts"]);
    let of = |key: u64| {
        let key = key.to_string();
        changes
            .iter()
            .find(|change| change["key"].as_str() == Some(&key))
            .unwrap_or_else(|| panic!("{changes:?}"))
    };
    assert_eq!(changes.len(), 2);
    let titles: Vec<_> = of(edited)["fields"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|field| field["field"] == "job_title")
        .collect();
    assert_eq!(titles[0]["after"], "Captain");
    assert_eq!(
        (&of(deleted)["change"], of(deleted)["before"].is_object()),
        (&json!("removed"), true)
    );
    let text = home.ok(&["diff", "crm"]);
    for words in [
        "contacts      0        1        1",
        &format!("~ {edited}"),
        "-> \"Captain\"",
        &format!("- {deleted}"),
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }

    let history = home.json(&["history", "crm", "contacts", &edited.to_string()]);
    let words: Vec<_> = history
        .iter()
        .map(|version| version["change"].as_str().unwrap())
        .collect();
    assert_eq!(words, ["added", "changed"]);
    let history = home.ok(&["history", "crm", "contacts", &deleted.to_string()]);
    assert!(history.contains("removed"), "{history}");

    let first = home.json(&["snapshots", "crm"]).last().unwrap()["snapshot"]
        .as_str()
        .unwrap()
        .to_owned();
    home.ok(&["show", "crm", "contacts", &deleted.to_string(), "--at", &first]);
    home.fails(
        1,
        &["show", "crm", "contacts", &deleted.to_string()],
        &["has no record", "hint: seatbelt history crm contacts"],
    );
    home.fails(
        1,
        &["show", "crm", "contact"],
        &["did you mean contacts?", "hint: seatbelt show crm"],
    );
    home.fails(
        1,
        &["show", "crm", "--at", "20200101T000000Z"],
        &["has no snapshot 20200101T000000Z; the nearest is", "hint: "],
    );
    home.fails(1, &["show", "crm", "--at", "2020-01-01"], &["no snapshot as old as"]);
    home.fails(
        2,
        &["show", "crm", "--at", "someday"],
        &["this is not a point in time", "2 hours ago"],
    );
    home.fails(
        1,
        &["history", "crm", "contacts", "nope"],
        &["never had a record", "hint: "],
    );
}

#[test]
fn an_export_is_the_vendors_records_and_files() {
    let vendor = Company::start();
    let home = vendor.backed_up();
    home.ok(&["export", "crm", "--to", "out"]);
    let out = home.beside("out");
    let lines = std::fs::read_to_string(out.join("contacts.ndjson")).unwrap();
    assert_eq!(lines.lines().count(), vendor.company.crm.count("contacts"));
    assert!(!lines.contains("_seatbelt"));
    let attachments = vendor.company.crm.ids("attachments");
    let files = names(&out.join("files/attachments"));
    assert_eq!(files.len(), attachments.len());
    let first = files
        .iter()
        .find(|name| name.starts_with(&format!("{}-", attachments[0])))
        .unwrap();
    assert_eq!(
        std::fs::read(out.join("files/attachments").join(first)).unwrap(),
        vendor.company.crm.content(attachments[0]).unwrap()
    );
    let index: Value = serde_json::from_slice(&std::fs::read(out.join("export.json")).unwrap()).unwrap();
    assert_eq!(
        (&index["completeness"], &index["key_pointers"]["contacts"]),
        (&json!("complete"), &json!("/id"))
    );

    home.fails(
        1,
        &["export", "crm", "--to", "out"],
        &["the folder is not empty", "hint: "],
    );
    home.ok(&[
        "export",
        "crm",
        "--to",
        "table",
        "--format",
        "csv",
        "--resource",
        "contacts",
    ]);
    assert_eq!(
        names(&home.beside("table")),
        ["README.txt", "contacts.csv", "export.json"]
    );
    let mut table = csv::Reader::from_path(home.beside("table/contacts.csv")).unwrap();
    assert_eq!(&table.headers().unwrap()[0], "_key");
    assert!(table.headers().unwrap().iter().any(|name| name == "email"));
    assert_eq!(
        table.records().map(Result::unwrap).count(),
        vendor.company.crm.count("contacts")
    );
    assert_eq!(
        names(&home.beside("")),
        ["home", "out", "table"],
        "nothing half-written stays"
    );
}

#[test]
fn what_the_credential_may_not_see_makes_a_partial() {
    let vendor = Company::start();
    let home = vendor.home(crm::LIMITED_TOKEN);
    let checked = home.run(&["check", "crm"]);
    assert_eq!(checked.code, 3, "{checked:?}");
    assert!(checked.out.contains("automations    forbidden"), "{checked:?}");
    let said = home.run(&["backup", "crm"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.out.contains("crm: partial in") && said.err.contains("automations: the credential may not read it"),
        "{said:?}"
    );
    assert_eq!(home.run(&["backup", "crm", "--json"]).code, 3);
}

#[test]
fn a_refused_credential_says_what_now() {
    let vendor = Company::start();
    let home = vendor.home("nonsense");
    home.fails(1, &["check", "crm"], &["refused", "hint: "]);
    home.fails(1, &["backup", "crm"], &["error: crm: ", "hint: "]);
    let run = &home.json(&["runs", "crm"])[0];
    assert_eq!(run["status"], "failed");
    assert!(!run.to_string().contains("nonsense"), "no secret in the history: {run}");
}

#[test]
fn a_mass_change_is_an_alarm_with_the_command_to_look() {
    let vendor = Company::start();
    let home = vendor.backed_up();
    vendor.company.incident_automation_awry();
    let said = home.run(&["backup", "crm"]);
    assert!(
        said.err.contains("ALARM contacts") && said.err.contains("look: seatbelt diff crm"),
        "{said:?}"
    );
    let command = said
        .err
        .lines()
        .find_map(|line| line.trim().strip_prefix("look: seatbelt "))
        .unwrap()
        .to_owned();
    let text = home.ok(&command.split_whitespace().collect::<Vec<_>>());
    assert!(text.contains("phase: \"customer\" -> \"lead\""), "{text}");
    assert!(text.contains("more changed; --all lists them"), "{text}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_at_a_checkpoint_and_the_next_backup_goes_on() {
    let vendor = Company::start();
    let home = vendor.home(crm::READ_ONLY_TOKEN);
    let server = &vendor.company.crm_server;
    // From the third request on answers take a while, so that the run is still going when it is asked to stop.
    server.faults(Faults::none().rule(
        Matcher::From(3),
        FaultKind::Latency(std::time::Duration::from_millis(300)),
    ));
    let child = home
        .command(&["backup", "crm"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    vendor.runtime.block_on(server.reached(4));
    let id = child.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let stopped = said(child.wait_with_output().unwrap());
    assert_eq!(stopped.code, 130, "{stopped:?}");
    assert!(
        stopped.err.contains("seatbelt backup crm goes on where it stopped"),
        "{stopped:?}"
    );
    assert_eq!(home.json(&["runs", "crm"])[0]["status"], "interrupted");
    server.faults(Faults::none());
    home.ok(&["backup", "crm"]);
    let runs = home.json(&["runs", "crm"]);
    assert_eq!(
        (runs.len(), &runs[0]["status"], &runs[0]["hops"]),
        (1, &json!("complete"), &json!(2))
    );
}
