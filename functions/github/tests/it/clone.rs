//! What is kept of git: plain `git clone` reads it, with every ref, and history that a force push took away stays in the older snapshot.

use std::{collections::BTreeMap, path::Path, process::Command};

use futures_util::TryStreamExt;
use seatbelt_conformance::{Rig, SYSTEM};
use seatbelt_model::{
    Snapshot,
    json::{self, Pointer},
};
use seatbelt_platforms::{
    Server, SimClock,
    github::{Counts, GitHub},
};
use seatbelt_vault::{Body, line};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_repository_can_be_cloned_with_every_ref() {
    let clock = SimClock::default();
    let github = GitHub::generate_at(
        5,
        &Counts {
            repos: 4,
            ..Counts::default()
        },
        clock.clone(),
    );
    let server = Server::start(github.router()).await;
    let settings = json!({"base_url": server.url(), "owner": github.org(), "requests_per_second": 1000});
    let secret = json!({"token": github.owner_token()});
    let mut rig = Rig::new(&seatbelt_github::GITHUB, &settings, Some(&secret)).await;
    rig.system().scope.include = vec!["git".into(), "wikis".into()];
    let folder = tempfile::tempdir().unwrap();

    let run = rig.back_up(false).await.unwrap();
    assert_eq!(format!("{:?}", run.status), "Complete", "{run:#?}");
    let first = rig.newest().await;
    let before: BTreeMap<String, String> = github.references("website").into_iter().collect();
    let kept = bundle(
        &rig,
        &first,
        "git",
        &github,
        "website",
        &folder.path().join("first.bundle"),
    )
    .await;
    assert_eq!(refs(&kept), before, "branches, tags and pull requests");
    let clone = folder.path().join("clone");
    git(
        folder.path(),
        &["clone", "--quiet", &kept.to_string_lossy(), &clone.to_string_lossy()],
    );
    assert!(std::fs::read_dir(&clone).unwrap().count() > 1, "files are checked out");
    let wikis = github.repo_names().iter().filter(|repo| github.has_wiki(repo)).count() as u64;
    assert_eq!(
        (first.resources["wikis"].records, wikis > 0),
        (wikis, true),
        "wikis that somebody wrote"
    );

    let branch = before
        .keys()
        .find_map(|name| name.strip_prefix("refs/heads/"))
        .unwrap()
        .to_owned();
    let lost = before[&format!("refs/heads/{branch}")].clone();
    github.force_push("website", &branch, "Begin again");
    clock.advance(std::time::Duration::from_secs(3600));
    rig.back_up(false).await.unwrap();
    let second = rig.newest().await;
    assert_eq!(
        second.resources["git"].changes.changed, 1,
        "only the repository that moved"
    );
    let moved = bundle(
        &rig,
        &second,
        "git",
        &github,
        "website",
        &folder.path().join("second.bundle"),
    )
    .await;
    assert_ne!(refs(&moved)[&format!("refs/heads/{branch}")], lost);
    let still = bundle(
        &rig,
        &first,
        "git",
        &github,
        "website",
        &folder.path().join("again.bundle"),
    )
    .await;
    assert_eq!(
        refs(&still)[&format!("refs/heads/{branch}")],
        lost,
        "the older snapshot has what was pushed away"
    );
}

/// Writes the kept file of a repository to `to`.
async fn bundle(
    rig: &Rig,
    snapshot: &Snapshot,
    resource: &str,
    github: &GitHub,
    repo: &str,
    to: &Path,
) -> std::path::PathBuf {
    let key = format!("{}/{resource}", github.repo_id(repo));
    let stored = rig
        .engine
        .vault
        .get(SYSTEM, &snapshot.resources[resource], &key)
        .await
        .unwrap()
        .unwrap();
    let text = std::str::from_utf8(&stored).unwrap();
    assert_eq!(
        json::text_at(text, &Pointer::new("/file_name")).as_deref(),
        Some(format!("{repo}.bundle").as_str())
    );
    let Some(Body::Stored(body)) = line::body(text) else {
        panic!("{repo} has a body")
    };
    let stream = rig.engine.vault.body(SYSTEM, &body.sha256).await.unwrap();
    let bytes: Vec<_> = stream.try_collect().await.unwrap();
    std::fs::write(to, bytes.concat()).unwrap();
    to.to_owned()
}

/// The refs in a bundle, `HEAD` aside.
fn refs(bundle: &Path) -> BTreeMap<String, String> {
    let listing = git(
        bundle.parent().unwrap(),
        &["bundle", "list-heads", &bundle.to_string_lossy()],
    );
    let lines = listing.lines().filter_map(|line| line.split_once(' '));
    lines
        .filter(|(_, name)| *name != "HEAD")
        .map(|(oid, name)| (name.to_owned(), oid.to_owned()))
        .collect()
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
