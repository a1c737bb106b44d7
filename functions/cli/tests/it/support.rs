//! A folder, the binary, and a company to back up.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use seatbelt_platforms::practice::{PracticeCompany, crm};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A temporary folder with a home in it that is not made yet.
pub(crate) struct Home {
    folder: TempDir,
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A path beside the home.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.beside("home")
    }

    /// The command, not run yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seatbelt"));
        command.current_dir(self.folder.path()).args(arguments);
        command.env_clear().env("SEATBELT_HOME", self.path()).env("TZ", "UTC");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        said(self.command(arguments).output().unwrap())
    }

    /// Runs a command that must succeed, and returns its stdout.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
        said.out
    }

    /// The same with `--json`: an array of objects.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let out = self.ok(&[&["--json"], arguments].concat());
        let value: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"));
        let objects = value
            .as_array()
            .unwrap_or_else(|| panic!("{arguments:?}: no array: {out}"))
            .clone();
        assert!(
            objects.iter().all(Value::is_object),
            "{arguments:?}: not all are objects: {out}"
        );
        objects
    }

    /// Runs a command that must fail with `code`, and say each of `words`.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, arguments: &[&str], words: &[&str]) -> Said {
        let said = self.run(arguments);
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        for word in words {
            assert!(said.err.contains(word), "{arguments:?} does not say {word:?}: {said:?}");
        }
        said
    }

    /// Writes a file into the home.
    pub(crate) fn put(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.path()).unwrap();
        std::fs::write(self.path().join(name), text).unwrap();
    }
}

pub(crate) fn said(output: Output) -> Said {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// The practice company, served for as long as this lives.
pub(crate) struct Company {
    pub(crate) company: PracticeCompany,
    pub(crate) runtime: Runtime,
}

impl Company {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let company = runtime.block_on(PracticeCompany::start(7));
        Self { company, runtime }
    }

    /// A home whose manifest has the company's CRM as `crm`, with this token.
    pub(crate) fn home(&self, token: &str) -> Home {
        let home = Home::new();
        home.put("crm.json", &format!("{{\"token\": \"{token}\"}}"));
        let address = format!("settings.base_url={}", self.company.crm_server.url());
        home.ok(&[
            "manifest",
            "set",
            "crm",
            "platform=practice_crm",
            "decision=backup",
            "schedule=hourly",
            "rpo=2h",
            "owner=ann",
            "secret=file:crm.json",
            &address,
        ]);
        home
    }

    /// The same, backed up once.
    pub(crate) fn backed_up(&self) -> Home {
        let home = self.home(crm::READ_ONLY_TOKEN);
        home.ok(&["backup", "crm", "--quiet"]);
        home
    }
}

/// The names in a folder, in order.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
