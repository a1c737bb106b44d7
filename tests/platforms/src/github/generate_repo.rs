//! The life of one generated repository: commits, issues, pull requests, releases, discussions, settings.

use std::collections::BTreeMap;

use fastrand::Rng;
use jiff::Timestamp;
use serde_json::json;

use super::edits::By;
use super::generate::{Counts, named};
use super::git::{Commit, Parent};
use super::limits::later;
use super::state::{
    Actions, CommitComment, Discussion, DiscussionComment, Environment, Fields, Pull, Reaction, Repo, Review,
    ReviewComment, State,
};
use super::views::fields;

const WORDS: [&str; 16] = [
    "login",
    "export",
    "button",
    "crash",
    "invoice",
    "slow",
    "mobile",
    "search",
    "timeout",
    "colour",
    "cache",
    "upload",
    "permission",
    "email",
    "sync",
    "café ☕",
];

impl State {
    /// An empty repository with GitHub's usual settings.
    pub(super) fn blank_repo(&mut self, name: &str, visibility: &str, created_at: Timestamp) -> u64 {
        let id = self.new_id();
        let settings = json!({
            "has_issues": true, "has_projects": true, "has_wiki": true, "has_discussions": false, "is_template": false,
            "allow_forking": true, "web_commit_signoff_required": false, "allow_squash_merge": true,
            "allow_merge_commit": true, "allow_rebase_merge": true, "allow_auto_merge": false,
            "allow_update_branch": false, "delete_branch_on_merge": false, "use_squash_pr_title_as_default": false,
            "squash_merge_commit_title": "COMMIT_OR_PR_TITLE", "squash_merge_commit_message": "COMMIT_MESSAGES",
            "merge_commit_title": "MERGE_MESSAGE", "merge_commit_message": "PR_TITLE",
        });
        let repo = Repo {
            id,
            owner: self.org.login.clone(),
            name: name.to_owned(),
            description: None,
            visibility: visibility.to_owned(),
            archived: false,
            fork: false,
            language: None,
            homepage: None,
            settings: fields(settings),
            topics: Vec::new(),
            default_branch: "main".to_owned(),
            created_at,
            updated_at: created_at,
            pushed_at: None,
            labels: Vec::new(),
            milestones: Vec::new(),
            issues: Default::default(),
            last_number: 0,
            last_milestone: 0,
            deleted_issues: Default::default(),
            comments: Default::default(),
            events: Vec::new(),
            commit_comments: Vec::new(),
            releases: Vec::new(),
            discussions: Vec::new(),
            categories: Vec::new(),
            branches: Default::default(),
            tags: Default::default(),
            protection: Default::default(),
            rulesets: Vec::new(),
            hooks: Vec::new(),
            keys: Vec::new(),
            autolinks: Vec::new(),
            pages: None,
            properties: Fields::new(),
            vulnerability_alerts: false,
            interaction_limit: None,
            workflows: Vec::new(),
            actions: Actions {
                permissions: fields(json!({"enabled": true, "allowed_actions": "all", "sha_pinning_required": false})),
                workflow: fields(
                    json!({"default_workflow_permissions": "read", "can_approve_pull_request_reviews": false}),
                ),
                ..Actions::default()
            },
            environments: Vec::new(),
            collaborators: Default::default(),
        };
        self.repos.insert(id, repo);
        self.git.create(&format!("{id}.git"), "main");
        for (label, color) in [
            ("bug", "d73a4a"),
            ("enhancement", "a2eeef"),
            ("good first issue", "7057ff"),
            ("question", "d876e3"),
        ] {
            let body = fields(json!({"name": label, "color": color, "description": format!("About {label}")}));
            self.add_label(id, &body).expect("a new repository has no label yet");
        }
        id
    }

    pub(super) fn first_commit(&mut self, id: u64) {
        let time = later(self.repo_by_id(id).created_at, 3600);
        let files = [("README.md".to_owned(), b"# Hello\n".to_vec())];
        let commit = Commit {
            reference: "refs/heads/main",
            parent: Parent::Nothing,
            author: "mira-k",
            message: "Begin",
            time,
            files: &files,
        };
        self.git.import(&format!("{id}.git"), &[commit], &[]);
        self.read_references(id);
        self.repo_by_id(id).pushed_at = Some(time);
    }
}

struct Life<'a> {
    id: u64,
    counts: &'a Counts,
    people: Vec<String>,
    /// The time of the last thing that happened; all that follows is later, and before today.
    time: Timestamp,
    step_s: i64,
    /// The git references, once there are some.
    references: BTreeMap<String, String>,
}

impl Life<'_> {
    fn pass(&mut self, rng: &mut Rng) -> Timestamp {
        self.time = later(self.time, rng.i64(1..=self.step_s));
        self.time
    }

    fn person(&self, rng: &mut Rng) -> String {
        rng.choice(&self.people).cloned().unwrap_or_default()
    }
}

pub(super) fn fill_repo(state: &mut State, id: u64, counts: &Counts, rng: &mut Rng) {
    let created = state.repo_by_id(id).created_at;
    let happenings =
        20 + (counts.issues + counts.pulls) * (counts.comments + 4) + counts.discussions * 4 + counts.releases;
    let step_s = ((state.now().as_second() - created.as_second() - 86_400) / happenings as i64).max(1);
    let people = state.org.members.keys().cloned().collect();
    let mut life = Life {
        id,
        counts,
        people,
        time: created,
        step_s,
        references: BTreeMap::new(),
    };
    set_up(state, &mut life, rng);
    make_git(state, &mut life, rng);
    make_issues(state, &mut life, rng);
    make_releases(state, &mut life, rng);
    make_discussions(state, &mut life, rng);
    let time = life.time;
    let repo = state.repo_by_id(id);
    repo.updated_at = time;
}

fn set_up(state: &mut State, life: &mut Life<'_>, rng: &mut Rng) {
    let (id, time) = (life.id, life.pass(rng));
    let author = life.person(rng);
    for title in ["v1.0", "v2.0 – later"] {
        let body = fields(json!({"title": title, "description": "What belongs in it", "due_on": later(time, 864_000)}));
        state
            .add_milestone(
                id,
                &body,
                By {
                    login: &author,
                    now: time,
                },
            )
            .expect("the titles differ");
    }
    state
        .edit_milestone(id, 1, &fields(json!({"state": "closed"})), time)
        .expect("it was just made");
    let mut ids = || state.new_id();
    let hook = json!({"type": "Repository", "id": ids(), "name": "web", "active": true, "events": ["push"], "config": {"url": "https://ci.acme-robotics.example/hook", "content_type": "json", "insecure_ssl": "0", "secret": "********"}, "created_at": time, "updated_at": time});
    let key = json!({"id": ids(), "key": format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA{id}"), "title": "deploy", "verified": true, "created_at": time, "read_only": true});
    let autolink = json!({"id": ids(), "key_prefix": "TICKET-", "url_template": "https://tickets.acme-robotics.example/<num>", "is_alphanumeric": false});
    let ruleset = json!({"id": ids(), "name": "Protect main", "target": "branch", "enforcement": "active", "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}}, "rules": [{"type": "deletion"}, {"type": "pull_request", "parameters": {"required_approving_review_count": 1, "dismiss_stale_reviews_on_push": false, "require_code_owner_review": false, "require_last_push_approval": false, "required_review_thread_resolution": true}}], "bypass_actors": [], "created_at": time, "updated_at": time});
    let workflow = json!({"id": ids(), "name": "CI", "path": ".github/workflows/ci.yml", "state": "active", "created_at": time, "updated_at": time});
    let policy = json!({"id": ids(), "node_id": "GBP_main", "name": "release/*", "type": "branch"});
    let environment = Environment {
        id: ids(),
        name: "production".to_owned(),
        wait_timer: 10,
        branch_policy: Some(fields(
            json!({"protected_branches": false, "custom_branch_policies": true}),
        )),
        policies: vec![fields(policy)],
        secrets: vec![named(json!({"name": "DEPLOY_KEY"}), time)],
        variables: vec![named(
            json!({"name": "URL", "value": "https://acme-robotics.example"}),
            time,
        )],
        created_at: time,
        updated_at: time,
    };
    let variables = (0..life.counts.variables)
        .map(|number| {
            named(
                json!({"name": format!("VAR_{number:03}"), "value": format!("value {number}")}),
                time,
            )
        })
        .collect();
    let repo = state.repo_by_id(id);
    repo.description = Some(format!("The {} of Acme Robotics", repo.name));
    repo.language = Some("Rust".to_owned());
    repo.topics = vec!["robotics".to_owned(), "laundry".to_owned()];
    repo.settings
        .insert("has_discussions".to_owned(), json!(life.counts.discussions > 0));
    repo.hooks.push(fields(hook));
    repo.keys.push(fields(key));
    repo.autolinks.push(fields(autolink));
    repo.rulesets.push(fields(ruleset));
    repo.workflows.push(fields(workflow));
    repo.environments.push(environment);
    repo.actions.secrets.push(named(json!({"name": "API_TOKEN"}), time));
    repo.actions.variables = variables;
    repo.vulnerability_alerts = repo.is_private();
    repo.properties = fields(json!({"tier": "internal", "owner-team": "platform"}));
    repo.categories = ["General", "Ideas", "Q&A"].map(str::to_owned).to_vec();
    repo.collaborators
        .insert("contractor-ada".to_owned(), "push".to_owned());
    if !repo.is_private() {
        repo.pages = Some(fields(
            json!({"status": "built", "cname": null, "custom_404": false, "public": true, "https_enforced": true, "build_type": "legacy", "source": {"branch": "main", "path": "/"}}),
        ));
    }
}

fn make_git(state: &mut State, life: &mut Life<'_>, rng: &mut Rng) {
    let id = life.id;
    let name = format!("{id}.git");
    let commits = life.counts.commits.max(1);
    let contents: Vec<Vec<(String, Vec<u8>)>> = (0..commits)
        .map(|number| vec![(format!("src/file_{}.txt", number % 7), sentence(rng, 40).into_bytes())])
        .collect();
    let messages: Vec<String> = (0..commits)
        .map(|number| format!("Change {number}: {}", sentence(rng, 4)))
        .collect();
    let mut all: Vec<Commit<'_>> = Vec::new();
    for (number, (files, message)) in contents.iter().zip(&messages).enumerate() {
        let parent = if number == 0 { Parent::Nothing } else { Parent::Previous };
        let time = later(life.time, number as i64 * 60);
        let author = life
            .people
            .get(number % life.people.len().max(1))
            .map_or("mira-k", String::as_str);
        all.push(Commit {
            reference: "refs/heads/main",
            parent,
            author,
            message,
            time,
            files,
        });
    }
    let numbers = pull_numbers(life.counts);
    let heads: Vec<String> = numbers
        .iter()
        .map(|number| format!("refs/pull/{number}/head"))
        .collect();
    let files = [("src/proposal.txt".to_owned(), b"A proposal\n".to_vec())];
    for head in &heads {
        let parent = Parent::Of("refs/heads/main");
        all.push(Commit {
            reference: head,
            parent,
            author: "jonas",
            message: head,
            time: life.time,
            files: &files,
        });
    }
    let mut references: Vec<(String, String)> = vec![
        ("refs/heads/release/1.x".to_owned(), "refs/heads/main".to_owned()),
        ("refs/tags/v0.1.0".to_owned(), "refs/heads/main".to_owned()),
    ];
    for (number, head) in numbers.iter().zip(&heads).step_by(2) {
        references.push((format!("refs/heads/change-{number}"), head.clone()));
    }
    let tags = (1..=life.counts.releases).map(|number| format!("refs/tags/v{number}.0.0"));
    references.extend(tags.map(|tag| (tag, "refs/heads/main".to_owned())));
    state.git.import(&name, &all, &references);
    life.references = state.read_references(id);
    let tip = state.repo_by_id(id).branches.get("main").cloned().unwrap_or_default();
    let comment = CommitComment {
        id: state.new_id(),
        user: "jonas".to_owned(),
        body: "Nice change".to_owned(),
        commit: tip,
        created_at: life.time,
        updated_at: life.time,
    };
    let repo = state.repo_by_id(id);
    repo.commit_comments.push(comment);
    repo.pushed_at = Some(life.time);
    repo.protection.insert("main".to_owned(), fields(json!({
        "required_status_checks": {"strict": true, "contexts": ["CI"], "checks": [{"context": "CI", "app_id": null}]},
        "required_pull_request_reviews": {"dismiss_stale_reviews": true, "require_code_owner_reviews": false, "required_approving_review_count": 1},
        "enforce_admins": {"enabled": false},
        "required_linear_history": {"enabled": true},
        "allow_force_pushes": {"enabled": false},
        "allow_deletions": {"enabled": false},
    })));
    if repo.has("has_wiki") && id.is_multiple_of(2) {
        make_wiki(state, life);
    }
}

fn make_wiki(state: &mut State, life: &Life<'_>) {
    let name = format!("{}.wiki.git", life.id);
    state.git.create(&name, "master");
    let files = [("Home.md".to_owned(), b"Welcome to the wiki.\n".to_vec())];
    let commit = Commit {
        reference: "refs/heads/master",
        parent: Parent::Nothing,
        author: "mira-k",
        message: "Initial Home page",
        time: life.time,
        files: &files,
    };
    state.git.import(&name, &[commit], &[]);
}

/// Pull requests are spread among the issues: every so many numbers, one is a pull request.
fn pull_numbers(counts: &Counts) -> Vec<u64> {
    let total = counts.issues + counts.pulls;
    (1..=counts.pulls)
        .map(|number| (number * total / counts.pulls) as u64)
        .collect()
}

fn make_issues(state: &mut State, life: &mut Life<'_>, rng: &mut Rng) {
    let pulls = pull_numbers(life.counts);
    for number in 1..=(life.counts.issues + life.counts.pulls) as u64 {
        let author = life.person(rng);
        let now = life.pass(rng);
        let labels: Vec<&str> = ["bug", "question"].into_iter().filter(|_| rng.u8(..3) == 0).collect();
        let mut body = json!({"title": sentence(rng, 5), "body": sentence(rng, 30), "labels": labels});
        if rng.u8(..4) == 0 {
            body["milestone"] = json!(2);
            body["assignees"] = json!([life.person(rng)]);
        }
        state
            .open_issue(life.id, &fields(body), By { login: &author, now })
            .expect("the fields are sound");
        if pulls.contains(&number) {
            make_pull(state, life, number, rng);
        }
        for _ in 0..rng.usize(..=life.counts.comments) {
            let (author, now) = (life.person(rng), life.pass(rng));
            state.add_comment(life.id, number, sentence(rng, 12), By { login: &author, now });
        }
        if rng.u8(..3) == 0 {
            let (closer, now) = (life.person(rng), life.pass(rng));
            let body = fields(json!({"state": "closed"}));
            state
                .edit_issue(life.id, number, &body, By { login: &closer, now })
                .expect("the fields are sound");
        }
        let reaction = Reaction {
            id: state.new_id(),
            user: author,
            content: "+1",
            created_at: now,
        };
        let issue = state
            .repo_by_id(life.id)
            .issues
            .get_mut(&number)
            .expect("it was just opened");
        issue.reactions.push(reaction);
        if number == 1 && life.counts.issues > 2 {
            issue.sub_issues = vec![2];
        }
    }
}

fn make_pull(state: &mut State, life: &mut Life<'_>, number: u64, rng: &mut Rng) {
    let sha = |name: &str| life.references.get(name).cloned().unwrap_or_default();
    let (head_sha, base_sha) = (sha(&format!("refs/pull/{number}/head")), sha("refs/heads/main"));
    let (reviewer, now) = (life.person(rng), life.pass(rng));
    let review = Review {
        id: state.new_id(),
        user: reviewer.clone(),
        body: sentence(rng, 6),
        state: "COMMENTED",
        submitted_at: now,
    };
    let comment = ReviewComment {
        id: state.new_id(),
        review: Some(review.id),
        user: reviewer,
        body: sentence(rng, 8),
        path: "src/proposal.txt".to_owned(),
        line: 1,
        created_at: now,
        updated_at: now,
    };
    let pull = Pull {
        id: state.new_id(),
        head_ref: format!("change-{number}"),
        head_sha,
        base_ref: "main".to_owned(),
        base_sha,
        draft: number.is_multiple_of(3),
        merged_at: None,
        merged_by: None,
        reviews: vec![review],
        review_comments: vec![comment],
    };
    let issue = state
        .repo_by_id(life.id)
        .issues
        .get_mut(&number)
        .expect("it was just opened");
    issue.pull = Some(pull);
    issue.updated_at = now;
}

fn make_releases(state: &mut State, life: &mut Life<'_>, rng: &mut Rng) {
    for number in 1..=life.counts.releases {
        let (author, now) = (life.person(rng), life.pass(rng));
        let by = By { login: &author, now };
        let body = json!({"tag_name": format!("v{number}.0.0"), "name": format!("Release {number}"), "body": sentence(rng, 20)});
        let release = state.add_release(life.id, &fields(body), by).expect("the tags differ");
        for asset in 0..life.counts.assets {
            let bytes: Vec<u8> = (0..life.counts.asset_bytes).map(|_| rng.u8(..)).collect();
            let name = format!("app-{number}-{asset}.bin");
            let added = state.add_asset(life.id, release, name, "application/octet-stream", bytes.into(), by);
            added.expect("the names differ");
        }
        if number == 1 {
            // Assets uploaded before mid 2025 have no digest.
            let release = state
                .repo_by_id(life.id)
                .releases
                .first_mut()
                .expect("it was just made");
            release.assets.iter_mut().for_each(|asset| asset.digest = None);
        }
    }
}

fn make_discussions(state: &mut State, life: &mut Life<'_>, rng: &mut Rng) {
    for number in 0..life.counts.discussions {
        let created_at = life.pass(rng);
        let id = state.new_id();
        let mut comments: Vec<DiscussionComment> = Vec::new();
        for place in 0..2 {
            let reply = words(state, life, rng, Vec::new(), false);
            comments.push(words(state, life, rng, vec![reply], place == 0));
        }
        let record = state.repo_by_id(life.id);
        record.last_number += 1;
        let discussion = Discussion {
            id,
            number: record.last_number,
            title: sentence(rng, 5),
            body: sentence(rng, 20),
            author: life.people.first().cloned().unwrap_or_default(),
            category: record.categories[number % record.categories.len()].clone(),
            closed: number % 5 == 4,
            created_at,
            updated_at: life.time,
            comments,
        };
        record.discussions.push(discussion);
    }
}

fn words(
    state: &mut State,
    life: &mut Life<'_>,
    rng: &mut Rng,
    replies: Vec<DiscussionComment>,
    is_answer: bool,
) -> DiscussionComment {
    let (author, time) = (life.person(rng), life.pass(rng));
    let body = sentence(rng, 10);
    DiscussionComment {
        id: state.new_id(),
        author,
        body,
        is_answer,
        created_at: time,
        updated_at: time,
        replies,
    }
}

fn sentence(rng: &mut Rng, length: usize) -> String {
    let words: Vec<&str> = (0..length).filter_map(|_| rng.choice(WORDS)).collect();
    words.join(" ")
}
