use std::path::Path;
use std::process::{Command, Output};

use seatbelt_platforms::github::Level;

use crate::support::World;

fn git(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("git")
        .current_dir(folder)
        .args([
            "-c",
            "credential.helper=",
            "-c",
            "user.name=Test",
            "-c",
            "user.email=test@example.com",
        ])
        .args(arguments)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap()
}

/// Lets the server, which has threads of its own, answer while git runs.
fn good(folder: &Path, arguments: &[&str]) -> String {
    let output = git(folder, arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn address(world: &World, token: &str, repo: &str) -> String {
    let login = if token.is_empty() {
        String::new()
    } else {
        format!("x-access-token:{token}@")
    };
    world
        .url(&format!("/acme-robotics/{repo}.git"))
        .replace("http://", &format!("http://{login}"))
}

fn references(folder: &Path) -> Vec<(String, String)> {
    let text = good(folder, &["for-each-ref", "--format=%(refname) %(objectname)"]);
    text.lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, sha)| (name.into(), sha.into()))
        .collect()
}

#[tokio::test]
async fn public_and_private_repositories_can_be_mirrored() {
    let world = World::small().await;
    let folder = tempfile::tempdir().unwrap();
    let token = world.github.fine_grained_token(&[("contents", Level::Read)]);
    for (repo, token) in [("website", ""), ("billing", token.as_str())] {
        good(
            folder.path(),
            &["clone", "--quiet", "--mirror", &address(&world, token, repo), repo],
        );
        let found = references(&folder.path().join(repo));
        assert_eq!(found, world.github.references(repo));
        assert!(found.iter().any(|(name, _)| name.starts_with("refs/pull/")));
        assert!(found.iter().any(|(name, _)| name == "refs/heads/release/1.x"));
        good(&folder.path().join(repo), &["fsck", "--strict"]);
    }
}

#[tokio::test]
async fn a_fetch_sees_pushes_force_pushes_and_deleted_branches() {
    let world = World::small().await;
    let folder = tempfile::tempdir().unwrap();
    good(
        folder.path(),
        &[
            "clone",
            "--quiet",
            "--mirror",
            &address(&world, "", "website"),
            "mirror",
        ],
    );
    let mirror = folder.path().join("mirror");
    let pushed = world
        .github
        .push_commit("website", "main", &[("new.txt", b"new")], "Add a file");
    world
        .github
        .push_commit("website", "side", &[("side.txt", b"side")], "Branch off");
    let forced = world.github.force_push("website", "main", "Rewrite it");
    world.github.delete_branch("website", "release/1.x");
    assert_ne!(pushed, forced);
    good(&mirror, &["fetch", "--quiet", "--prune", "origin"]);
    let found = references(&mirror);
    assert_eq!(found, world.github.references("website"));
    assert!(found.contains(&("refs/heads/main".to_owned(), forced)));
    assert!(!found.iter().any(|(name, _)| name == "refs/heads/release/1.x"));
    assert!(found.iter().any(|(name, _)| name == "refs/heads/side"));
}

#[tokio::test]
async fn git_asks_for_the_rights_that_the_api_asks_for() {
    let world = World::small().await;
    let folder = tempfile::tempdir().unwrap();
    let refused = |token: &str, repo: &str| {
        let output = git(folder.path(), &["ls-remote", &address(&world, token, repo)]);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused("", "billing").contains("could not read Username"));
    assert!(refused("ghp_wrong", "billing").contains("Authentication failed"));
    let blind = world.github.fine_grained_token(&[("issues", Level::Read)]);
    assert!(refused(&blind, "billing").contains("403"));
    let elsewhere = world
        .github
        .fine_grained_token_for(&[("contents", Level::Read)], &["website"]);
    assert!(refused(&elsewhere, "billing").contains("not found"));
    assert!(
        good(
            folder.path(),
            &[
                "ls-remote",
                &address(&world, &world.github.owner_token(), "empty-shell")
            ]
        )
        .is_empty()
    );
}

#[tokio::test]
async fn a_restore_can_push_but_not_to_pull_requests() {
    let world = World::small().await;
    let folder = tempfile::tempdir().unwrap();
    let token = world.github.owner_token();
    good(
        folder.path(),
        &[
            "clone",
            "--quiet",
            "--mirror",
            &address(&world, &token, "website"),
            "mirror",
        ],
    );
    let mirror = folder.path().join("mirror");
    let target = address(&world, &token, "empty-shell");
    good(
        &mirror,
        &[
            "push",
            "--quiet",
            &target,
            "refs/heads/*:refs/heads/*",
            "refs/tags/*:refs/tags/*",
        ],
    );
    let pushed = world.github.references("empty-shell");
    let kept = world
        .github
        .references("website")
        .into_iter()
        .filter(|(name, _)| !name.starts_with("refs/pull/"));
    assert_eq!(pushed, kept.collect::<Vec<_>>());
    assert!(
        !git(&mirror, &["push", &target, "refs/pull/*:refs/pull/*"])
            .status
            .success()
    );
    let branches = world
        .get("/repos/acme-robotics/empty-shell/branches", &token)
        .await
        .array();
    assert!(branches.iter().any(|branch| branch["name"] == "main"));
    let reader = world.github.fine_grained_token(&[("contents", Level::Read)]);
    let readonly = git(
        &mirror,
        &[
            "push",
            &address(&world, &reader, "sketches"),
            "refs/heads/main:refs/heads/x",
        ],
    );
    assert!(!readonly.status.success());
}

#[tokio::test]
async fn wikis_exist_where_a_page_was_made_and_renames_are_followed() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let token = world.github.owner_token();
    let mut found = 0;
    for repo in ["website", "billing", "mobile-app", "infra"] {
        let output = git(
            folder.path(),
            &["ls-remote", &address(&world, &token, &format!("{repo}.wiki"))],
        );
        let text = String::from_utf8(output.stdout).unwrap();
        let there = output.status.success() && text.contains("refs/heads/master");
        assert_eq!(there, world.github.has_wiki(repo));
        found += usize::from(there);
    }
    assert!((1..4).contains(&found), "some have a wiki, some have none: {found}");
    world.github.rename_repo("website", "homepage");
    good(
        folder.path(),
        &["clone", "--quiet", &address(&world, &token, "website"), "renamed"],
    );
}
