//! The git side: bare repositories in a temporary folder, made by the real `git` program.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::Timestamp;
use tempfile::TempDir;

/// The folder of all bare repositories. It goes away with the state that holds it.
pub(super) struct GitFolder {
    folder: TempDir,
}

/// One commit to make, as `git fast-import` takes it.
pub(super) struct Commit<'a> {
    /// The full name of the reference it becomes the tip of.
    pub(super) reference: &'a str,
    pub(super) parent: Parent<'a>,
    pub(super) author: &'a str,
    pub(super) message: &'a str,
    pub(super) time: Timestamp,
    pub(super) files: &'a [(String, Vec<u8>)],
}

/// Where a commit goes on from.
#[derive(Clone, Copy)]
pub(super) enum Parent<'a> {
    /// From nothing: the first commit.
    Nothing,
    /// From the commit made just before on the same reference.
    Previous,
    /// From this one, in any form git understands.
    Of(&'a str),
}

impl GitFolder {
    pub(super) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("simulated-github-").tempdir();
        Self {
            folder: folder.expect("the temporary folder is writable"),
        }
    }

    pub(super) fn root(&self) -> &Path {
        self.folder.path()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(super) fn exists(&self, name: &str) -> bool {
        self.path(name).is_dir()
    }

    /// Makes an empty bare repository. Clients may push to it, except to `refs/pull`, which belongs to GitHub.
    pub(super) fn create(&self, name: &str, default_branch: &str) {
        let path = self.path(name);
        run(
            git(self.root())
                .args(["init", "--quiet", "--bare", "--template="])
                .arg(&path),
            None,
        );
        let config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n[http]\n\treceivepack = true\n\
             [receive]\n\thideRefs = refs/pull\n\tdenyDeleteCurrent = refuse\n[gc]\n\tauto = 0\n\
             [uploadpack]\n\tallowFilter = true\n\tallowReachableSHA1InWant = true\n";
        std::fs::write(path.join("config"), config).expect("the repository's folder was just made");
        self.set_head(name, default_branch);
    }

    pub(super) fn remove(&self, name: &str) {
        if self.exists(name) {
            std::fs::remove_dir_all(self.path(name)).expect("the repository's folder can be removed");
        }
    }

    pub(super) fn set_head(&self, name: &str, branch: &str) {
        let head = format!("ref: refs/heads/{branch}\n");
        std::fs::write(self.path(name).join("HEAD"), head).expect("the repository's folder is writable");
    }

    /// Makes commits and then plain references (`refs/tags/...`, `refs/pull/1/head`) in one go.
    pub(super) fn import(&self, name: &str, commits: &[Commit<'_>], references: &[(String, String)]) {
        let mut stream = Vec::new();
        for commit in commits {
            write_commit(&mut stream, commit);
        }
        for (reference, target) in references {
            stream.extend_from_slice(format!("reset {reference}\nfrom {target}\n\n").as_bytes());
        }
        run(
            git(&self.path(name)).args(["fast-import", "--quiet", "--force", "--done"]),
            Some(&finished(stream)),
        );
    }

    pub(super) fn delete_reference(&self, name: &str, reference: &str) {
        run(git(&self.path(name)).args(["update-ref", "-d", reference]), None);
    }

    /// All references and the commits they name.
    pub(super) fn references(&self, name: &str) -> BTreeMap<String, String> {
        let format = "--format=%(objectname) %(refname)";
        let output = run(git(&self.path(name)).args(["for-each-ref", format]), None);
        let text = String::from_utf8_lossy(&output).into_owned();
        let pair = |line: &str| {
            line.split_once(' ')
                .map(|(sha, reference)| (reference.to_owned(), sha.to_owned()))
        };
        text.lines().filter_map(pair).collect()
    }

    /// Whether there is such a commit.
    pub(super) fn knows(&self, name: &str, commit: &str) -> bool {
        let hash = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mut command = git(&self.path(name));
        command
            .args(["cat-file", "-e", &format!("{commit}^{{commit}}")])
            .stderr(Stdio::null());
        hash && command.status().is_ok_and(|status| status.success())
    }

    /// The newest commits reachable from `start`: hash, tree, parents, author, e-mail, time and message of each.
    pub(super) fn log(&self, name: &str, start: &str, most: usize) -> Vec<Vec<String>> {
        let format = "--format=%H%x1f%T%x1f%P%x1f%an%x1f%ae%x1f%at%x1f%B%x1e";
        let output = run(
            git(&self.path(name)).args(["log", format, "-n", &most.to_string(), start, "--"]),
            None,
        );
        let text = String::from_utf8_lossy(&output).into_owned();
        let records = text
            .split('\x1e')
            .map(str::trim_start)
            .filter(|record| !record.is_empty());
        records
            .map(|record| record.split('\x1f').map(|part| part.trim_end().to_owned()).collect())
            .collect()
    }
}

/// A `git` that reads no configuration but the repository's own.
fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE");
    command
}

fn run(command: &mut Command, input: Option<&[u8]>) -> Vec<u8> {
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("git is installed");
    if let Some(input) = input {
        let mut stdin = child.stdin.take().expect("the input was asked to be a pipe");
        // A git that fails early closes its input; its own message, below, says why.
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output().expect("git runs to its end");
    assert!(
        output.status.success(),
        "git failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn write_commit(stream: &mut Vec<u8>, commit: &Commit<'_>) {
    let seconds = commit.time.as_second();
    let person = format!("{0} <{0}@users.noreply.example> {seconds} +0000", commit.author);
    let Commit { reference, message, .. } = commit;
    let head = format!(
        "commit {reference}\nauthor {person}\ncommitter {person}\ndata {}\n{message}\n",
        message.len()
    );
    if matches!(commit.parent, Parent::Nothing) {
        stream.extend_from_slice(format!("reset {reference}\n").as_bytes());
    }
    stream.extend_from_slice(head.as_bytes());
    if let Parent::Of(parent) = commit.parent {
        stream.extend_from_slice(format!("from {parent}\n").as_bytes());
    }
    for (path, bytes) in commit.files {
        stream.extend_from_slice(format!("M 100644 inline {path}\ndata {}\n", bytes.len()).as_bytes());
        stream.extend_from_slice(bytes);
        stream.push(b'\n');
    }
    stream.push(b'\n');
}

fn finished(mut stream: Vec<u8>) -> Vec<u8> {
    stream.extend_from_slice(b"done\n");
    stream
}
