//! What people read, kept in files. `UPDATE_GOLDEN=1` rewrites them.

use std::path::Path;

use crate::support::Home;

#[track_caller]
fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let mut lines = text.lines().zip(golden.lines().chain(std::iter::repeat("(nothing)")));
    if let Some((is, was)) = lines.find(|(is, was)| is != was) {
        panic!("{name} differs: \"{is}\" was \"{was}\"; UPDATE_GOLDEN=1 rewrites it");
    }
    assert_eq!(
        text.len(),
        golden.len(),
        "{name} is shorter; UPDATE_GOLDEN=1 rewrites it"
    );
}

#[test]
fn help_of_every_command() {
    let home = Home::new();
    compare("help.txt", &home.ok(&["--help"]));
    let commands = [
        "backup",
        "serve",
        "runs",
        "snapshots",
        "show",
        "diff",
        "history",
        "search",
        "check",
        "export",
        "verify",
        "prune",
        "platforms",
        "completions",
    ];
    let parts = ["list", "show", "check", "set", "import", "export", "remove"];
    let all = commands
        .iter()
        .map(|name| vec![*name])
        .chain(parts.iter().map(|part| vec!["manifest", part]));
    let mut helps = String::new();
    for command in all {
        let help = home.ok(&[&command[..], &["--help"]].concat());
        assert!(help.contains("Example"), "{command:?} has no example");
        helps += &format!("$ seatbelt {} --help\n{help}\n", command.join(" "));
    }
    let widest = helps.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(81), "help is {widest:?} columns wide");
    compare("help-of-commands.txt", &helps);
}

#[test]
fn platforms() {
    let home = Home::new();
    compare("platforms.txt", &home.ok(&["platforms"]));
    for name in ["wordpress", "github", "practice_crm", "practice_books"] {
        let text = home.ok(&["platforms", name]);
        let widest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(widest.chars().count() <= 80, "{name}: {widest}");
    }
    compare("platforms-wordpress.txt", &home.ok(&["platforms", "wordpress"]));
    compare(
        "platforms-practice_crm.json",
        &home.ok(&["platforms", "practice_crm", "--json"]),
    );
}

#[test]
fn the_manifest_as_a_table() {
    let home = Home::new();
    std::fs::write(
        home.beside("m.toml"),
        r#"
        [systems.acme-site]
        platform = "wordpress"
        decision = "backup"
        schedule = "daily at 03:30 Europe/Berlin"
        rpo = "2 days"
        owner = "ann"
        secret = "file:acme-site.json"
        settings = { base_url = "https://www.acme.example" }

        [systems.acme-crm]
        platform = "practice_crm"
        decision = "backup"
        schedule = "every 6 hours"
        paused = true
        secret = "env:CRM"
        settings = { base_url = "http://127.0.0.1:1" }

        [systems.payroll]
        decision = "manual"
        schedule = "monthly on the 1st at 04:00"
        owner = "ben"

        [systems.wiki]
        category = "collaboration"
        "#,
    )
    .unwrap();
    home.ok(&["manifest", "import", "m.toml"]);
    compare("manifest-list.txt", &home.ok(&["manifest", "list"]));
    compare("manifest-check.txt", &home.ok(&["manifest", "check"]));
    compare("manifest-export.toml", &home.ok(&["manifest", "export"]));
}
