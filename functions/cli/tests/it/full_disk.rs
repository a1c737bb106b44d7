//! A disk that fills up while a backup writes to it.

use std::{fs, path::Path, process::Command};

use seatbelt_platforms::practice::crm;

use crate::support::Company;

/// A small disk of memory; taken away again at the end.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(at: &'a Path, megabytes: u32) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(at)
            .output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(at))
    }

    /// Writes until so many bytes are left.
    fn fill(&self, left: u64) {
        let filler = self.0.join("filler");
        let mut bytes = Vec::new();
        loop {
            bytes.resize(bytes.len() + 64 * 1024, 0);
            if fs::write(&filler, &bytes).is_err() {
                break;
            }
        }
        let full = fs::metadata(&filler).unwrap().len();
        fs::File::options()
            .write(true)
            .open(&filler)
            .unwrap()
            .set_len(full.saturating_sub(left))
            .unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        Command::new("umount").arg(self.0).status().ok();
    }
}

#[test]
fn a_full_disk_fails_the_run_and_harms_nothing() {
    let vendor = Company::start();
    let home = vendor.home(crm::READ_ONLY_TOKEN);
    let path = home.path();
    let kept: Vec<_> = ["crm.json"]
        .map(|name| (name, fs::read(path.join(name)).unwrap()))
        .into();
    let manifest = home.ok(&["manifest", "export"]);
    let Some(disk) = Disk::mount(&path, 48) else {
        println!("SKIPPED: no small disk can be mounted here, so a full one is not tried");
        return;
    };
    kept.iter()
        .for_each(|(name, bytes)| fs::write(path.join(name), bytes).unwrap());
    home.put("manifest.toml", &manifest);
    home.ok(&["manifest", "import", &path.join("manifest.toml").to_string_lossy()]);
    home.ok(&["backup", "crm", "--quiet"]);
    let before = home.json(&["snapshots", "crm"]);

    for id in vendor.company.crm.ids("contacts") {
        vendor.company.crm.edit("contacts", id, |fields| {
            // What does not compress: the delta must be larger than what is left.
            let noise: String = (0..400_u64)
                .map(|n| format!("{:x}", (id * 7919 + n).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
                .collect();
            fields.insert("job_title".into(), noise.into());
        });
    }
    disk.fill(256 * 1024);
    let said = home.run(&["backup", "crm", "--full"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.err.contains("space") || said.err.contains("full"),
        "says what to do: {said:?}"
    );

    disk.free();
    assert_eq!(
        home.json(&["snapshots", "crm"]),
        before,
        "the newest snapshot is the one before"
    );
    home.ok(&["verify", "crm", "--quiet"]);
    home.ok(&["backup", "crm", "--full", "--quiet"]);
    home.ok(&["verify", "crm", "--quiet"]);
}
