//! Every command of the foundation, once on a stack.

use seatbelt_connector_kit::SystemClock;
use seatbelt_model::{Clock, Finding};
use seatbelt_platforms::practice::crm;
use serde_json::json;

use crate::cloud::Cloud;

#[test]
fn what_is_kept_on_a_stack_is_looked_at_like_a_folder() {
    let cloud = Cloud::backed_up();
    assert_eq!(cloud.aws.account().invoked, [json!({ "system": "crm" })]);

    let runs = cloud.json(&["runs", "crm"]);
    assert_eq!(
        (runs.len(), &runs[0]["status"], &runs[0]["trigger"]),
        (1, &json!("complete"), &json!("manual"))
    );
    let snapshots = cloud.json(&["snapshots", "crm"]);
    assert_eq!(snapshots.len(), 1);
    let id = snapshots[0]["snapshot"].as_str().unwrap();
    assert!(cloud.ok(&["show", "crm"]).contains("contacts"));
    let contacts = cloud.ok(&["show", "crm", "contacts", "--json"]);
    let first: serde_json::Value = serde_json::from_str(&contacts).unwrap();
    let key = first[0]["key"]
        .as_str()
        .unwrap_or_else(|| panic!("{}", first[0]))
        .to_owned();
    assert!(!cloud.ok(&["show", "crm", "contacts", &key]).is_empty());
    assert!(cloud.ok(&["history", "crm", "contacts", &key]).contains(id));

    cloud.company.incident_automation_awry();
    cloud.ok(&["backup", "crm", "--quiet"]);
    let diff = cloud.ok(&["diff", "crm"]);
    assert!(diff.contains("contacts"), "{diff}");

    assert!(cloud.ok(&["verify", "--all"]).contains("crm: all is well: 2 snapshots"));
    let export = cloud.folder.path().join("export");
    cloud.ok(&["export", "crm", "--to", export.to_str().unwrap()]);
    let lines = std::fs::read_to_string(export.join("contacts.ndjson"))
        .unwrap()
        .lines()
        .count();
    assert!(lines > 100, "{lines} contacts were exported");

    let check = cloud.ok(&["check", "crm"]);
    assert!(check.contains("contacts") && check.contains("readable"), "{check}");
    let platforms = cloud.ok(&["platforms", "practice_crm"]);
    assert!(platforms.contains("contacts"));
}

#[test]
fn a_lost_history_is_rebuilt_from_the_bucket() {
    let cloud = Cloud::backed_up();
    let before = cloud.json(&["runs", "crm"]);
    let id = before[0]["id"].as_str().unwrap();
    cloud.runtime.block_on(async {
        let catalog = &cloud.aws.catalog;
        let gone = catalog.client().delete_item().table_name(&catalog.tables().runs);
        let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
        gone.key("system", text("crm"))
            .key("run", text(id))
            .send()
            .await
            .unwrap();
    });
    assert_eq!(cloud.json(&["runs", "crm"]).len(), 0);
    cloud.ok(&["runs", "--rebuild"]);
    let after = cloud.json(&["runs", "crm"]);
    assert_eq!((after.len(), &after[0]["id"]), (1, &before[0]["id"]));
}

#[test]
fn the_manifest_of_a_stack_is_edited() {
    let cloud = Cloud::with_crm(crm::READ_ONLY_TOKEN);
    assert!(cloud.ok(&["manifest", "list"]).contains("practice_crm"));
    assert!(cloud.ok(&["manifest", "show", "crm"]).contains("[systems.crm"));
    let file = cloud.folder.path().join("manifest.toml");
    let exported = cloud.ok(&["manifest", "export"]);
    std::fs::write(&file, exported.replace("owner = \"ann\"", "owner = \"ben\"")).unwrap();
    cloud.ok(&["manifest", "import", file.to_str().unwrap()]);
    assert!(cloud.ok(&["manifest", "show", "crm"]).contains("owner = \"ben\""));
    cloud.ok(&["manifest", "set", "wiki", "decision=skip", "reason=old"]);
    cloud.ok(&["manifest", "remove", "wiki"]);
    assert_eq!(cloud.json(&["manifest", "list"]).len(), 1);
    let beside: Vec<_> = std::fs::read_dir(cloud.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(beside, ["manifest.toml"], "nothing is left beside a stack");
}

#[test]
fn manifest_check_says_what_a_stack_cannot_do_and_what_its_functions_noted() {
    let cloud = Cloud::with_crm(crm::READ_ONLY_TOKEN);
    cloud.ok(&["manifest", "check"]);
    let note = Finding::error(
        "schedule",
        "EventBridge Scheduler refused it; the last good schedule stays in force",
    );
    let noted = cloud
        .aws
        .catalog
        .put_findings("schedule", "crm", std::slice::from_ref(&note), SystemClock.now());
    cloud.runtime.block_on(noted).unwrap();
    let said = cloud.run(&["manifest", "check"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.out.contains("the last good schedule stays in force") && said.out.contains("noted by schedule since"),
        "{said:?}"
    );
    let as_json = cloud.run(&["--json", "manifest", "check"]).out;
    let found: serde_json::Value = serde_json::from_str(&as_json).unwrap();
    assert_eq!(
        (&found[0]["source"], &found[0]["message"]),
        (&json!("schedule"), &json!(note.message))
    );
    cloud
        .runtime
        .block_on(cloud.aws.catalog.clear_findings("schedule", "crm"))
        .unwrap();
    cloud.ok(&["manifest", "check"]);

    cloud.ok(&["manifest", "set", "crm", "secret=file:crm.json"]);
    let said = cloud.run(&["manifest", "check"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.out.contains("where the stack's functions cannot read it"),
        "{said:?}"
    );
    cloud.fails(
        1,
        &["check", "crm"],
        &["cannot read it", "secretsmanager:seatbelt/practice_crm/crm"],
    );
}

#[test]
fn a_restore_on_a_stack_writes_what_it_planned_and_is_undone() {
    let cloud = Cloud::backed_up();
    let before = cloud.json(&["snapshots", "crm"])[0]["snapshot"]
        .as_str()
        .unwrap()
        .to_owned();
    cloud.company.incident_automation_awry();
    cloud.ok(&["backup", "crm", "--quiet"]);
    cloud.secret(crm::FULL_TOKEN);
    let plan = cloud.run(&["restore", "crm", "--to", &before]);
    assert!(matches!(plan.code, 0 | 3), "{plan:?}");
    assert!(plan.err.contains("nothing was written"), "{plan:?}");
    let applied = cloud.run(&["restore", "crm", "--to", &before, "--apply"]);
    assert!(matches!(applied.code, 0 | 3), "{applied:?}");
    assert!(
        applied.err.contains("undo it with: seatbelt restore --undo"),
        "{applied:?}"
    );
    let runs = cloud.json(&["runs", "crm"]);
    assert!(runs.iter().any(|run| run["kind"] == "restore"), "{runs:?}");
    let diff = cloud.run(&["restore", "crm", "--to", &before]);
    assert!(
        diff.out.len() < plan.out.len(),
        "what was restored is no longer planned: {diff:?}"
    );
}

#[test]
fn what_only_makes_sense_in_a_folder_is_refused_with_its_reason() {
    let cloud = Cloud::start();
    cloud.fails(
        2,
        &["serve"],
        &["a stack keeps the manifest's schedules itself", "hint:"],
    );
    cloud.fails(
        2,
        &["demo"],
        &["in a folder on this machine only", "hint: leave --stack out"],
    );
}
