//! The connector against a simulated GitHub: with an owner's token, as an App, and without an account.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod clone;

use std::time::Duration;

use seatbelt_conformance::{Subject, Truth, check};
use seatbelt_platforms::{
    Server, SimClock,
    github::{Counts, GitHub, PRACTICE_APP_ID, PRACTICE_APP_KEY, PRACTICE_INSTALLATION},
};
use serde_json::{Value, json};

const COUNTS: Counts = Counts {
    repos: 1,
    issues: 13,
    pulls: 4,
    comments: 2,
    commits: 3,
    releases: 2,
    assets: 1,
    asset_bytes: 3_000,
    discussions: 3,
    members: 5,
    teams: 2,
    variables: 2,
};

const FORBIDDEN: &str = r#"{"message":"Resource not accessible by integration","documentation_url":"https://docs.github.com/rest","status":"403"}"#;

/// What this organization has none of.
const ABSENT: &[&str] = &[];

/// A resource of each sort; git by the App alone.
const CORE: &[&str] = &[
    "organization",
    "members",
    "repositories",
    "labels",
    "issues",
    "issue_comments",
    "pulls",
    "reviews",
    "release_assets",
    "discussion_comments",
];

/// What people see of a public repository.
const PUBLIC: &[&str] = &[
    "labels",
    "milestones",
    "issues",
    "issue_comments",
    "pulls",
    "reviews",
    "review_comments",
    "releases",
    "release_assets",
    "git",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_conforms() {
    let world = World::start(&COUNTS).await;
    let secret = json!({"token": world.github.owner_token()});
    // Git takes processes; it is tried by itself.
    let subject = Subject {
        exclude: &["git", "wikis"],
        ..world.subject("github as an owner", Some(secret), ABSENT)
    };
    check(&subject).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_conforms() {
    let world = World::start(&COUNTS).await;
    let secret = json!({"app_id": PRACTICE_APP_ID.to_string(), "installation_id": PRACTICE_INSTALLATION.to_string(), "private_key": PRACTICE_APP_KEY});
    let include = &[
        "repositories",
        "git",
        "wikis",
        "issues",
        "members",
        "releases",
        "release_assets",
        "discussions",
        "discussion_comments",
    ];
    check(&Subject {
        include,
        core: &["git", "issues", "release_assets"],
        samples: 2,
        ..world.subject("github as an App", Some(secret), &[])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_conforms() {
    let world = World::start(&COUNTS).await;
    let settings = json!({"base_url": world.server.url(), "owner": world.github.org(), "repositories": "website"});
    check(&Subject {
        settings,
        include: PUBLIC,
        core: &["labels", "issues", "reviews", "release_assets"],
        ..world.subject("github without an account", None, &[])
    })
    .await;
}

struct World {
    clock: SimClock,
    github: GitHub,
    server: Server,
}

impl World {
    async fn start(counts: &Counts) -> Self {
        let clock = SimClock::default();
        let github = GitHub::generate_at(3, counts, clock.clone());
        github.limit_per_hour(Some(1_000_000_000));
        github.limit_anonymous_per_hour(1_000_000_000);
        let server = Server::start(github.router()).await;
        Self { clock, github, server }
    }

    fn subject<'a>(&'a self, name: &'a str, secret: Option<Value>, absent: &'a [&'a str]) -> Subject<'a> {
        let wrong = secret
            .as_ref()
            .filter(|secret| secret.get("token").is_some())
            .map(|_| json!({"token": "ghp_nobody"}));
        Subject {
            name,
            connector: &seatbelt_github::GITHUB,
            settings: json!({"base_url": self.server.url(), "owner": self.github.org()}),
            secret,
            write_secret: None,
            restores: true,
            wrong_secret: wrong,
            include: &[],
            exclude: &[],
            server: &self.server,
            clock: &self.clock,
            truth: Box::new(|| self.truth(name)),
            absent,
            change: Box::new(|| self.change()),
            paged: ("issues", format!("/repos/{}/website/issues$", self.github.org())),
            // GitHub's links name repositories by their ids.
            further: Some(format!("/repositories/{}/issues$", self.github.repo_id("website"))),
            bodies: Some(("release_assets", "/signed/release-assets/".into())),
            forbidden_body: FORBIDDEN.into(),
            // Git asks for its refs before each fetch, and every release shows its assets' addresses.
            repeatable: &[".git/"],
            core: CORE,
            samples: 4,
        }
    }

    fn truth(&self, name: &str) -> Truth {
        let all = !name.contains("without");
        let names: Vec<String> = self
            .github
            .repo_names()
            .into_iter()
            .filter(|name| all || name == "website")
            .collect();
        let mut truth = Truth::new();
        truth.insert(
            "repositories".into(),
            names.iter().map(|name| self.github.repo_id(name).to_string()).collect(),
        );
        if name.contains("owner") {
            let comments = names.iter().flat_map(|name| {
                let repo = self.github.repo_id(name);
                self.github
                    .comment_ids(name)
                    .into_iter()
                    .map(move |comment| format!("{repo}/{comment}"))
            });
            truth.insert("issue_comments".into(), comments.collect());
        }
        truth
    }

    fn change(&self) {
        let github = &self.github;
        let numbers = github.issue_numbers("website");
        for (at, number) in numbers.iter().enumerate() {
            self.clock.advance(Duration::from_secs(3));
            match at % 3 {
                0 => github.edit_issue("website", *number, json!({"title": format!("Edited {number}")})),
                1 if at > 3 => _ = github.comment("website", *number, "A later word"),
                _ => {}
            }
        }
        let comments = github.comment_ids("website");
        github.edit_comment("website", comments[0], "Rewritten");
        github.delete_comment("website", comments[1]);
        for number in 0..7 {
            github.open_issue("website", &format!("Later {number}"), "Since this morning");
        }
        let issue = github.open_issue("website", "A mistake", "");
        github.delete_issue("website", issue);
        github.delete_issue("website", numbers[1]);
        github.set_variable("website", "LATER", "yes");
        // Discussions share the sequence of issues, and come last.
        let before_later = github
            .issue_numbers("website")
            .into_iter()
            .filter(|number| numbers.contains(number))
            .max()
            .unwrap_or(0);
        github.comment_on_discussion("website", before_later + 1, "A later answer");
        github.release("website", "v9.9", &[("later.bin", &[9; 2_000]), ("empty.bin", &[])]);
        github.push_commit("website", "main", &[("later.txt", b"written later")], "Later");
        github.edit_org("location", json!("Hamburg"));
        let members = github.members();
        github.remove_member(members.last().unwrap());
    }
}
