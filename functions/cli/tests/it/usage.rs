//! Wrong words, wrong folders, and what is said then.

use serde_json::Value;

use crate::support::{Home, said};

#[test]
fn a_folder_that_is_not_there_is_not_made_by_looking() {
    let home = Home::new();
    for command in [
        &["runs"][..],
        &["show", "a"],
        &["snapshots", "a"],
        &["manifest", "list"],
        &["verify", "--all"],
        &["backup", "a"],
    ] {
        home.fails(
            1,
            command,
            &["nothing is kept in", "hint: name the right folder with --home"],
        );
    }
    std::fs::create_dir(home.path()).unwrap();
    home.fails(1, &["runs"], &["is not a Seatbelt home"]);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn usage_errors_are_two() {
    let home = Home::new();
    home.fails(2, &["backup"], &["required arguments"]);
    home.fails(2, &["backup", "a", "--due"], &["cannot be used with"]);
    home.fails(2, &["bakcup"], &["unrecognized subcommand", "backup"]);
    home.fails(
        2,
        &["--stack", "prod", "serve"],
        &["a stack keeps the manifest's schedules itself", "hint: seatbelt runs"],
    );
    home.fails(
        2,
        &["runs", "--region", "eu-west-1"],
        &["no stack is named", "hint: name it with --stack"],
    );
}

#[test]
fn errors_are_json_for_those_who_ask() {
    let home = Home::new();
    for (code, arguments) in [
        (1, &["--json", "runs"][..]),
        (2, &["--json", "--stack", "x", "demo"]),
        (2, &["--json", "backup"]),
    ] {
        let said = home.fails(code, arguments, &[]);
        let error: Value = serde_json::from_str(&said.err).unwrap_or_else(|error| panic!("{error}: {said:?}"));
        assert!(error["error"].is_string() && error["hint"].is_string(), "{error}");
        assert_eq!(said.out, "");
    }
}

#[test]
fn unknown_things_are_named_with_the_nearest() {
    let home = Home::new();
    home.ok(&["manifest", "set", "acme-site", "decision=skip", "reason=old"]);
    home.fails(
        1,
        &["show", "acme-sit"],
        &["did you mean acme-site?", "hint: seatbelt manifest list"],
    );
    home.fails(1, &["runs", "acme-sit"], &["did you mean acme-site?"]);
    home.fails(
        1,
        &["show", "acme-site"],
        &["acme-site has no snapshot yet", "hint: seatbelt backup acme-site"],
    );
    home.fails(
        1,
        &["backup", "acme-site"],
        &["names no platform", "hint: seatbelt manifest set acme-site platform="],
    );
    home.fails(
        1,
        &["platforms", "wordpres"],
        &["did you mean wordpress?", "hint: seatbelt platforms lists them"],
    );
}

#[test]
fn a_folder_in_use_says_by_whom() {
    let home = Home::new();
    home.ok(&["manifest", "set", "wiki", "decision=skip", "reason=old"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let open = runtime
        .block_on(seatbelt_embedded::Embedded::open(&home.path()))
        .unwrap();
    let by = format!("in use by process {}", std::process::id());
    home.fails(1, &["manifest", "list"], &[&by, "hint: one command at a time"]);
    drop(open);
    home.ok(&["manifest", "list"]);
}

#[test]
fn a_path_that_cannot_be_a_home_says_so() {
    let home = Home::new();
    std::fs::write(home.beside("file"), "x").unwrap();
    home.fails(
        1,
        &["--home", "file", "manifest", "list"],
        &["it is not a folder", "hint: name another folder"],
    );
    home.fails(
        1,
        &["--home", "file/below", "manifest", "set", "a", "decision=skip"],
        &["not a folder", "hint: name another folder"],
    );
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_says_what_was_tried() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};
    let home = Home::new();
    let mode =
        |path: &std::path::Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let locked = home.beside("locked");
    std::fs::create_dir(&locked).unwrap();
    mode(&home.beside(""), 0o755);
    mode(&locked, 0o555);
    let mut command = home.command(&[
        "--home",
        "locked/home",
        "manifest",
        "set",
        "wiki",
        "decision=skip",
        "reason=old",
    ]);
    if std::fs::write(locked.join("probe"), "x").is_ok() {
        // Root may write anywhere; somebody else must try.
        std::fs::remove_file(locked.join("probe")).unwrap();
        command.uid(65_534);
    }
    let said = said(command.output().unwrap());
    mode(&locked, 0o755);
    assert_eq!(said.code, 1, "{said:?}");
    for words in [
        "cannot create the folder",
        "permission denied",
        "hint: name another folder",
    ] {
        assert!(said.err.contains(words), "{words}: {said:?}");
    }
}

#[test]
fn a_reader_that_stops_is_no_error() {
    let home = Home::new();
    let mut child = home
        .command(&["platforms", "wordpress"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}
