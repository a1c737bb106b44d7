//! `kill -9` at any moment: the newest snapshot stays whole, and the next backup ends where an undisturbed one would.

use std::process::Stdio;

use seatbelt_platforms::practice::crm;

use crate::support::{Company, Home};

/// Kills per test run; `SEATBELT_KILLS` asks for more.
const KILLS: u64 = 8;

#[test]
fn a_backup_killed_at_any_moment_leaves_the_last_snapshot_and_is_gone_on_with() {
    let vendor = Company::start();
    let undisturbed = exported(&vendor.backed_up());
    // Request by request would hit reading only; what follows the last request is storing and committing.
    let requests = vendor.company.crm_server.request_count();
    let kills = std::env::var("SEATBELT_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(KILLS);
    let home = vendor.home(crm::READ_ONLY_TOKEN);
    for round in 0..kills {
        let before = home.json(&["snapshots", "crm"]).len();
        let at = vendor.company.crm_server.request_count() + 1 + (requests + 4) * round / kills;
        let arguments = ["backup", "crm", "--full", "--quiet"];
        let mut backup = home
            .command(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while vendor.company.crm_server.request_count() < at && backup.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        backup.kill().unwrap();
        backup.wait().unwrap();
        let after = home.json(&["snapshots", "crm"]).len();
        assert!(after == before || after == before + 1, "round {round}");
        if after > 0 {
            home.ok(&["verify", "crm", "--quiet"]);
        }
    }
    home.ok(&["backup", "crm", "--full", "--quiet"]);
    home.ok(&["verify", "crm", "--quiet"]);
    assert!(
        exported(&home) == undisturbed,
        "the state after {kills} kills is that of an undisturbed backup"
    );
    let runs = home.json(&["runs", "crm", "--limit", "100"]);
    let open = runs
        .iter()
        .filter(|run| run["kind"] == "backup" && run["status"] == "running");
    assert_eq!(open.count(), 0, "killed runs are gone on with or closed");
}

/// Every exported file with its bytes.
fn exported(home: &Home) -> Vec<(String, Vec<u8>)> {
    let folder = home.beside("export");
    home.ok(&["export", "crm", "--to", &folder.to_string_lossy(), "--quiet"]);
    let mut found = Vec::new();
    let mut folders = vec![folder.clone()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !["export.json", "README.txt"].iter().any(|page| path.ends_with(page)) {
                // Those name the snapshot, which is another each time.
                let name = path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
                found.push((name, std::fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(found.len() > 9, "there is something to compare");
    found
}
