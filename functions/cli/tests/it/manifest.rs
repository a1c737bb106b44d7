//! The manifest's commands.

use serde_json::json;

use crate::support::{Home, said};

const GOOD: &str = r#"
[systems.acme-site]
platform = "wordpress"
decision = "backup"
schedule = "daily at 03:30 Europe/Berlin"
secret = "file:acme-site.json"
settings = { base_url = "https://www.acme.example" }

[systems.bi]
decision = "skip"
reason = "derived from the others"
"#;

#[test]
fn what_is_exported_imports_back_unchanged() {
    let home = Home::new();
    std::fs::write(home.beside("m.toml"), GOOD).unwrap();
    let first = home.json(&["manifest", "import", "m.toml"]);
    assert_eq!(
        first,
        [
            json!({"system": "acme-site", "change": "added"}),
            json!({"system": "bi", "change": "added"})
        ]
    );
    let exported = home.ok(&["manifest", "export"]);
    std::fs::write(home.beside("again.toml"), &exported).unwrap();
    let again = home.run(&["manifest", "import", "again.toml"]);
    assert_eq!(again.code, 0);
    assert!(again.err.contains("2 unchanged"), "{again:?}");
    assert_eq!(home.ok(&["manifest", "export"]), exported);
}

#[test]
fn import_reads_stdin_and_prunes_only_when_asked() {
    let home = Home::new();
    std::fs::write(home.beside("m.toml"), GOOD).unwrap();
    home.ok(&["manifest", "import", "m.toml"]);
    std::fs::write(
        home.beside("one.toml"),
        "[systems.bi]\ndecision = \"skip\"\nreason = \"nobody misses it\"\n",
    )
    .unwrap();
    let stdin = || std::fs::File::open(home.beside("one.toml")).unwrap();
    let kept = said(
        home.command(&["manifest", "import", "-"])
            .stdin(stdin())
            .output()
            .unwrap(),
    );
    assert!(
        kept.err.contains("1 changed, 1 kept") && kept.err.contains("nobody misses it"),
        "{kept:?}"
    );
    let dry = home.run(&["manifest", "import", "one.toml", "--prune", "--dry-run"]);
    assert!(
        dry.err.contains("acme-site: removed") && dry.err.contains("nothing was written"),
        "{dry:?}"
    );
    assert_eq!(home.json(&["manifest", "list"]).len(), 2);
    home.ok(&["manifest", "import", "one.toml", "--prune"]);
    assert_eq!(home.json(&["manifest", "list"]).len(), 1);
}

#[test]
fn a_file_with_an_error_changes_nothing() {
    let home = Home::new();
    std::fs::write(
        home.beside("bad.toml"),
        format!("{GOOD}\n[systems.crm]\nplatform = \"wordpres\"\ndecision = \"backup\"\n"),
    )
    .unwrap();
    home.fails(
        1,
        &["manifest", "import", "bad.toml"],
        &[
            "line 14: crm",
            "did you mean \"wordpress\"?",
            "nothing was changed",
            "hint: ",
        ],
    );
    assert!(!home.path().exists(), "a refused file makes no home");
    home.fails(
        1,
        &["manifest", "import", "none.toml"],
        &["cannot read none.toml", "hint: "],
    );
}

#[test]
fn set_shows_what_changes_and_refuses_what_makes_no_sense() {
    let home = Home::new();
    let address = "settings.base_url=https://www.acme.example";
    let set = [
        "manifest",
        "set",
        "acme-site",
        "platform=wordpress",
        "decision=backup",
        address,
        "secret=file:a.json",
    ];
    home.fails(1, &set, &["no schedule says when", "nothing was written"]);
    let added = home.run(&[&set[..], &["schedule=daily at 2:00"]].concat());
    assert!(
        added.code == 0 && added.err.contains("+ schedule = \"daily at 02:00\""),
        "{added:?}"
    );
    let changed = home.run(&[
        "manifest",
        "set",
        "acme-site",
        "schedule=hourly",
        "scope.exclude=comments,media",
    ]);
    assert!(
        changed.err.contains("~ schedule: \"daily at 02:00\" -> \"hourly\""),
        "{changed:?}"
    );
    home.fails(
        1,
        &["manifest", "set", "acme-site", "scope.exclude=coments"],
        &["did you mean \"comments\"?"],
    );
    home.fails(
        1,
        &["manifest", "set", "acme-site", "shedule=hourly"],
        &["did you mean \"schedule\"?"],
    );
    home.fails(
        2,
        &["manifest", "set", "acme-site", "schedule"],
        &["is not FIELD=VALUE", "hint: "],
    );
    home.fails(
        2,
        &["manifest", "set", "Acme Site", "rpo=2h"],
        &["is not a system name"],
    );
    let entry = &home.json(&["manifest", "show", "acme-site"])[0];
    assert_eq!(
        (&entry["version"], &entry["entry"]["scope"]["exclude"]),
        (&json!(2), &json!(["comments", "media"]))
    );
}

#[test]
fn check_names_the_command_that_corrects() {
    let home = Home::new();
    home.ok(&["manifest", "set", "wiki", "category=collaboration"]);
    let findings = home.json(&["manifest", "check"]);
    assert_eq!(findings[0]["field"], "decision");
    assert_eq!(findings[0]["remedy"], "seatbelt manifest set wiki decision=backup");
    home.ok(&["manifest", "remove", "wiki"]);
    home.fails(
        1,
        &["manifest", "remove", "wiki"],
        &["there is no system \"wiki\"", "hint: seatbelt manifest list"],
    );
}
