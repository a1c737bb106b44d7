//! The demo as people run it: the real binary, a folder, and the commands it recommends.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests stand outside of tests; a panic is their failure"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Output},
};

use seatbelt_platforms::practice::{Incident, PracticeCompany};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// System, resource and key of a record.
type Place = (String, String, String);

const SYSTEMS: [(&str, &str); 3] = [("crm", "acme-crm"), ("books", "acme-books"), ("website", "acme-site")];

fn seatbelt(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seatbelt"));
    command
        .current_dir(folder)
        .args(arguments)
        .env_remove("SEATBELT_HOME")
        .output()
        .unwrap()
}

/// Runs it and wants exit code 0 and JSON.
fn json(folder: &Path, arguments: &[&str]) -> Value {
    let output = seatbelt(folder, &[&["--json"], arguments].concat());
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// What the simulation itself says the first accident did, done once more from the same seed.
async fn first_incident(seed: u64) -> Incident {
    PracticeCompany::start(seed).await.incident_deleted_customers()
}

fn harmed(incident: &Incident) -> BTreeSet<Place> {
    let systems = BTreeMap::from(SYSTEMS);
    let places = incident.harmed.iter().flat_map(|(place, keys)| {
        let (system, resource) = place.split_once('/').unwrap();
        let (system, resource) = (systems[system].to_owned(), resource.replace('-', "_"));
        keys.iter()
            .map(move |key| (system.clone(), resource.clone(), key.clone()))
    });
    places.collect()
}

/// The snapshots of each system, oldest first.
fn snapshots(folder: &Path) -> BTreeMap<&'static str, Vec<Value>> {
    let of = |system| {
        let mut snapshots = json(folder, &["--home", "demo", "snapshots", system])
            .as_array()
            .unwrap()
            .clone();
        snapshots.reverse();
        (system, snapshots)
    };
    SYSTEMS.into_iter().map(|(_, system)| of(system)).collect()
}

/// What differs between the snapshots before and after an accident, in all systems.
fn differing(folder: &Path, snapshots: &BTreeMap<&'static str, Vec<Value>>, accident: usize) -> BTreeSet<Place> {
    let mut places = BTreeSet::new();
    for (system, snapshots) in snapshots {
        // After each accident there is a snapshot of the harm, and after its restore another one.
        let [before, after] = [2 * accident, 2 * accident + 1].map(|at| text(&snapshots[at]["snapshot"]));
        for change in json(folder, &["--home", "demo", "diff", system, before, after])
            .as_array()
            .unwrap()
        {
            places.insert((
                (*system).to_owned(),
                text(&change["resource"]).to_owned(),
                text(&change["key"]).to_owned(),
            ));
        }
    }
    places
}

fn alarms(snapshots: &BTreeMap<&'static str, Vec<Value>>, at: usize) -> Vec<String> {
    let of = |(system, snapshots): (&&str, &Vec<Value>)| {
        let alarms = snapshots[at]["alarms"].as_array().unwrap().clone();
        let line = |alarm: Value| format!("{system} {} {}", text(&alarm["resource"]), text(&alarm["change"]));
        alarms.into_iter().map(line).collect::<Vec<_>>()
    };
    let mut all: Vec<String> = snapshots.iter().flat_map(of).collect();
    all.sort();
    all
}

#[tokio::test]
async fn the_demo_shows_what_happened_and_leaves_a_folder_to_look_at() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let report = json(folder, &["--home", "demo", "demo"]);
    assert!(
        report["summary"]["seconds"].as_f64().unwrap() > 0.0,
        "{}",
        report["summary"]
    );
    let snapshots = snapshots(folder);
    assert!(snapshots.values().all(|snapshots| snapshots.len() == 9));
    assert!(
        snapshots
            .values()
            .flatten()
            .all(|snapshot| snapshot["completeness"] == "complete")
    );

    let first = first_incident(report["seed"].as_u64().unwrap()).await;
    assert_eq!(differing(folder, &snapshots, 0), harmed(&first));
    for (at, chapter) in report["accidents"].as_array().unwrap().iter().enumerate() {
        let (title, check) = (text(&chapter["title"]), &chapter["against_simulation"]);
        assert_eq!(check["missed"].as_array().unwrap().len(), 0, "{title}");
        assert_eq!(check["besides"].as_array().unwrap().len(), 0, "{title}");
        let harmed = check["harmed"].as_u64().unwrap();
        assert_eq!(differing(folder, &snapshots, at).len() as u64, harmed, "{title}");
        let held = chapter["held"]
            .as_array()
            .unwrap()
            .iter()
            .map(|held| held["records"].as_u64().unwrap());
        assert_eq!(
            held.sum::<u64>(),
            harmed,
            "everything is held as it was before: {title}"
        );
        assert!(!chapter["examples"].as_array().unwrap().is_empty());
        all_came_back(chapter);
    }
    expect_alarms(&snapshots);
    deleted_files_come_back(folder, &report, &first);
    recommended_commands_work(folder, &report);
    drills_pass(folder);
    secrets_are_private(&folder.join("demo/secrets"));
    it_begins_again_only_when_asked(folder);
}

/// Every record the accident harmed was restored, or is said to be what the vendor or this version does not take.
fn all_came_back(chapter: &Value) {
    let number = |back: &Value, name: &str| back[name].as_u64().unwrap();
    let title = text(&chapter["title"]);
    let (mut restored, mut impossible) = (0, 0);
    for back in chapter["back"].as_array().unwrap() {
        assert_eq!(number(back, "failed"), 0, "{title}: {back}");
        assert_eq!(number(back, "kept"), 0, "{title}: {back}");
        // What people corrected since is all that differs from before.
        let corrected = if title.contains("automation") { 2 } else { 0 };
        assert_eq!(number(back, "left"), corrected, "{title}: {back}");
        restored += number(back, "restored");
        impossible += number(back, "impossible");
    }
    let harmed = chapter["against_simulation"]["harmed"].as_u64().unwrap();
    assert_eq!(restored + impossible, harmed, "{title}");
    let in_crm_and_books = title.contains("configuration") || impossible == 0;
    assert!(in_crm_and_books, "{title}: {impossible} records did not come back");
}

fn expect_alarms(snapshots: &BTreeMap<&'static str, Vec<Value>>) {
    assert!(alarms(snapshots, 0).is_empty(), "a first backup alarms nobody");
    let removed =
        ["attachments", "companies", "contacts", "notes"].map(|resource| format!("acme-crm {resource} removed"));
    assert_eq!(alarms(snapshots, 1), removed);
    assert_eq!(
        alarms(snapshots, 3),
        ["acme-crm automations changed", "acme-crm contacts changed"]
    );
    assert_eq!(alarms(snapshots, 5), ["acme-books invoices changed"]);
    let configuration = [
        "acme-crm pipelines changed",
        "acme-site menu_items changed",
        "acme-site menu_items removed",
        "acme-site settings changed",
        "acme-site template_parts changed",
    ];
    assert_eq!(alarms(snapshots, 7), configuration);
}

/// Each deleted file is in an export of the snapshot before, with the very bytes that its record states.
fn deleted_files_come_back(folder: &Path, report: &Value, incident: &Incident) {
    let deleted = &incident.harmed["crm/attachments"];
    let chapter = &report["accidents"][0];
    assert_eq!(chapter["held"][0]["files"].as_u64(), Some(deleted.len() as u64));
    let before = text(&chapter["held"][0]["snapshot"]);
    json(
        folder,
        &[
            "--home",
            "demo",
            "export",
            "acme-crm",
            "--at",
            before,
            "--resource",
            "attachments",
            "--to",
            "files",
        ],
    );
    let records = fs::read_to_string(folder.join("files/attachments.ndjson")).unwrap();
    let mut found = 0;
    for record in records.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        if deleted.contains(&record["id"].to_string()) {
            let name = format!("files/files/attachments/{}-{}", record["id"], text(&record["name"]));
            let hash = Sha256::digest(fs::read(folder.join(name)).unwrap());
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hash, text(&record["sha256"]));
            found += 1;
        }
    }
    assert_eq!(found, deleted.len());
}

/// Every command the demo prints does something on the folder, and says something.
fn recommended_commands_work(folder: &Path, report: &Value) {
    let next = report["next"]
        .as_array()
        .unwrap()
        .iter()
        .map(|next| text(&next["command"]));
    let chapters = report["accidents"].as_array().unwrap().iter();
    let shown = chapters.flat_map(|chapter| chapter["commands"].as_array().unwrap().iter().map(text));
    let commands: Vec<&str> = next
        .chain(shown)
        .filter(|command| !command.contains(" demo --again"))
        .collect();
    assert_eq!(commands.len(), 15, "{commands:?}");
    for command in commands {
        let arguments: Vec<&str> = command.split(' ').skip(1).collect();
        let output = seatbelt(folder, &arguments);
        assert!(
            output.status.success() && !output.stdout.is_empty(),
            "{command}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// The vendors are gone: a drill restores into simulated ones of its own.
fn drills_pass(folder: &Path) {
    for system in ["acme-books", "acme-crm", "acme-site"] {
        let drill = json(folder, &["--home", "demo", "drill", system, "--sample", "3"]);
        assert_eq!(text(&drill["run"]["status"]), "complete", "{drill:#}");
        let results = drill["results"].as_object().unwrap().values();
        let restored: u64 = results.filter_map(|result| result["restored"].as_u64()).sum();
        assert!(restored >= 10, "{drill:#}");
    }
    let runs = json(folder, &["--home", "demo", "runs", "acme-crm", "--limit", "1"]);
    assert!(runs.to_string().contains("\"kind\":\"drill\""), "{runs}");
}

fn secrets_are_private(folder: &Path) {
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!(files.len(), 4);
    #[cfg(unix)]
    for file in files {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{}",
            file.path().display()
        );
    }
}

fn it_begins_again_only_when_asked(folder: &Path) {
    let refused = seatbelt(folder, &["--home", "demo", "demo"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains("holds a demo already") && said.contains("--home demo demo --again"),
        "{said}"
    );
    fs::write(folder.join("demo/mine.txt"), "kept").unwrap();
    let again = seatbelt(folder, &["--home", "demo", "demo", "--again"]);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(fs::read_to_string(folder.join("demo/mine.txt")).unwrap(), "kept");
    let story = String::from_utf8(again.stdout).unwrap();
    assert!(
        !story.contains('\u{1b}') && story.lines().all(|line| line.chars().count() <= 100),
        "{story}"
    );
    let parts = [
        "Accident 1 of 4",
        "Accident 4 of 4",
        "ALARM  acme-books invoices: 200 of 1,500 changed",
        "RESTORED IN",
        "verify --all",
    ];
    let missing: Vec<_> = parts.into_iter().filter(|part| !story.contains(part)).collect();
    assert!(missing.is_empty(), "{missing:?}\n{story}");
}

#[test]
fn a_folder_with_anything_else_in_it_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("demo")).unwrap();
    fs::write(folder.path().join("demo/dynamodb.sqlite"), "somebody's").unwrap();
    for arguments in [&["--home", "demo", "demo"][..], &["--home", "demo", "demo", "--again"]] {
        let refused = seatbelt(folder.path(), arguments);
        assert_eq!(refused.status.code(), Some(1));
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(
            said.contains("holds something that is no demo") && said.contains("seatbelt --home DIR demo"),
            "{said}"
        );
    }
    let left: Vec<_> = fs::read_dir(folder.path().join("demo"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["dynamodb.sqlite"]);
    assert_eq!(
        fs::read_to_string(folder.path().join("demo/dynamodb.sqlite")).unwrap(),
        "somebody's"
    );
}
