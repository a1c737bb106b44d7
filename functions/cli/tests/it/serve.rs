//! The service, from its start to a clean stop.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use seatbelt_platforms::practice::crm;

use crate::support::Company;

#[cfg(unix)]
#[test]
fn what_is_due_is_backed_up_and_sigterm_stops_cleanly() {
    let vendor = Company::start();
    let home = vendor.home(crm::READ_ONLY_TOKEN);
    home.ok(&[
        "manifest",
        "set",
        "paused",
        "platform=practice_crm",
        "decision=backup",
        "schedule=hourly",
        "secret=file:crm.json",
        "settings.base_url=http://127.0.0.1:1",
        "paused=true",
    ]);
    let mut child = home.command(&["serve"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut log: Vec<String> = Vec::new();
    log.extend(lines.by_ref().take(1));
    for line in lines.by_ref() {
        let is_done = line.contains("crm: backup complete");
        log.push(line);
        if is_done {
            break;
        }
    }
    assert!(
        log.iter().any(|line| line.contains("crm: due, backup begins")),
        "{log:?}"
    );
    assert!(
        log.iter().all(|line| line.starts_with("20")),
        "every line has its time: {log:?}"
    );
    // Between backups the folder is free for other commands.
    let list = std::iter::repeat_with(|| home.run(&["runs", "--json"]))
        .take(200)
        .find(|said| said.code == 0)
        .unwrap();
    assert!(list.out.contains("\"trigger\": \"schedule\""), "{list:?}");
    assert!(
        Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    log.extend(lines);
    assert!(child.wait().unwrap().success());
    assert!(log.last().unwrap().contains("stopped"), "{log:?}");
    assert!(!log.iter().any(|line| line.contains("paused:")), "{log:?}");
    let due = home.run(&["backup", "--due"]);
    assert!(due.code == 0 && due.err.contains("nothing is due"), "{due:?}");
}
