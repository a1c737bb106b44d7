//! Issues, pull requests and all that is said on them, as the API shows them.

use serde_json::{Value, json};

use super::call::Site;
use super::state::{
    Comment, CommitComment, Event, Issue, Label, Milestone, Pull, Reaction, Repo, Review, ReviewComment, State,
};
use super::views::{fields, merged, node_id, repo_minimal, repo_url};

/// A repository with what is needed to show the records inside it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) state: &'a State,
    pub(super) site: &'a Site,
    pub(super) repo: &'a Repo,
}

impl View<'_> {
    pub(super) fn api(&self) -> String {
        repo_url(self.site, self.repo)
    }

    pub(super) fn web(&self) -> String {
        format!("{}/{}", self.site.base, self.repo.full_name())
    }

    pub(super) fn person(&self, login: &str) -> Value {
        self.state.person(self.site, login)
    }

    pub(super) fn label(&self, label: &Label) -> Value {
        let name: String = url::form_urlencoded::byte_serialize(label.name.as_bytes()).collect();
        json!({
            "id": label.id,
            "node_id": node_id("LA", label.id),
            "url": format!("{}/labels/{}", self.api(), name.replace('+', "%20")),
            "name": label.name,
            "color": label.color,
            "default": matches!(label.name.as_str(), "bug" | "documentation" | "enhancement" | "question"),
            "description": label.description,
        })
    }

    pub(super) fn labels(&self, issue: &Issue) -> Vec<Value> {
        let known = |id: &u64| self.repo.labels.iter().find(|label| label.id == *id);
        issue
            .labels
            .iter()
            .filter_map(known)
            .map(|label| self.label(label))
            .collect()
    }

    pub(super) fn milestone(&self, milestone: &Milestone) -> Value {
        let api = format!("{}/milestones/{}", self.api(), milestone.number);
        let of_it = |open: bool| {
            let counts = |issue: &&Issue| issue.milestone == Some(milestone.id) && issue.is_open() == open;
            self.repo.issues.values().filter(counts).count()
        };
        json!({
            "url": api,
            "html_url": format!("{}/milestone/{}", self.web(), milestone.number),
            "labels_url": format!("{api}/labels"),
            "id": milestone.id,
            "node_id": node_id("MI", milestone.id),
            "number": milestone.number,
            "title": milestone.title,
            "description": milestone.description,
            "creator": self.person(&milestone.creator),
            "open_issues": of_it(true),
            "closed_issues": of_it(false),
            "state": milestone.state,
            "created_at": milestone.created_at,
            "updated_at": milestone.updated_at,
            "due_on": milestone.due_on,
            "closed_at": milestone.closed_at,
        })
    }

    fn milestone_of(&self, issue: &Issue) -> Value {
        let known = |milestone: &&Milestone| Some(milestone.id) == issue.milestone;
        self.repo
            .milestones
            .iter()
            .find(known)
            .map_or(Value::Null, |milestone| self.milestone(milestone))
    }

    pub(super) fn issue(&self, issue: &Issue) -> Value {
        let api = format!("{}/issues/{}", self.api(), issue.number);
        let kind = if issue.pull.is_some() { "pull" } else { "issues" };
        let assignees: Vec<Value> = issue.assignees.iter().map(|login| self.person(login)).collect();
        let base = json!({
            "url": api,
            "repository_url": self.api(),
            "labels_url": format!("{api}/labels{{/name}}"),
            "comments_url": format!("{api}/comments"),
            "events_url": format!("{api}/events"),
            "timeline_url": format!("{api}/timeline"),
            "html_url": format!("{}/{kind}/{}", self.web(), issue.number),
            "id": issue.id,
            "node_id": node_id(if issue.pull.is_some() { "PR" } else { "I" }, issue.id),
            "number": issue.number,
            "title": issue.title,
            "user": self.person(&issue.user),
            "labels": self.labels(issue),
            "state": issue.state,
            "state_reason": issue.state_reason,
            "locked": issue.locked,
            "active_lock_reason": null,
            "assignee": assignees.first(),
            "assignees": assignees,
            "milestone": self.milestone_of(issue),
            "comments": issue.comments,
            "created_at": issue.created_at,
            "updated_at": issue.updated_at,
            "closed_at": issue.closed_at,
            "closed_by": self.state.person_opt(self.site, issue.closed_by.as_deref()),
            "author_association": self.state.association(self.repo, &issue.user),
            "body": issue.body,
            "reactions": rollup(&format!("{api}/reactions"), &issue.reactions),
            "performed_via_github_app": null,
        });
        match &issue.pull {
            None => merged(base, &fields(self.issue_only(issue))),
            Some(pull) => merged(base, &fields(self.shell_of_pull(issue, pull))),
        }
    }

    fn issue_only(&self, issue: &Issue) -> Value {
        let kind = issue.kind.as_ref().and_then(|name| {
            self.state
                .org
                .issue_types
                .iter()
                .find(|kind| kind.get("name").and_then(Value::as_str) == Some(name))
        });
        let subs: Vec<&Issue> = issue
            .sub_issues
            .iter()
            .filter_map(|number| self.repo.issues.get(number))
            .collect();
        let done = subs.iter().filter(|sub| !sub.is_open()).count();
        json!({
            "type": kind,
            "sub_issues_summary": {
                "total": subs.len(),
                "completed": done,
                "percent_completed": if subs.is_empty() { 0 } else { done * 100 / subs.len() },
            },
            "issue_dependencies_summary": {"blocked_by": 0, "total_blocked_by": 0, "blocking": 0, "total_blocking": 0},
        })
    }

    /// What marks an issue as the shell of a pull request.
    fn shell_of_pull(&self, issue: &Issue, pull: &Pull) -> Value {
        let web = format!("{}/pull/{}", self.web(), issue.number);
        json!({
            "draft": pull.draft,
            "pull_request": {
                "url": format!("{}/pulls/{}", self.api(), issue.number),
                "html_url": web,
                "diff_url": format!("{web}.diff"),
                "patch_url": format!("{web}.patch"),
                "merged_at": pull.merged_at,
            },
        })
    }

    pub(super) fn comment(&self, comment: &Comment) -> Value {
        let api = format!("{}/issues/comments/{}", self.api(), comment.id);
        let issue = self.repo.issues.get(&comment.issue);
        let kind = if issue.is_some_and(|issue| issue.pull.is_some()) {
            "pull"
        } else {
            "issues"
        };
        json!({
            "url": api,
            "html_url": format!("{}/{kind}/{}#issuecomment-{}", self.web(), comment.issue, comment.id),
            "issue_url": format!("{}/issues/{}", self.api(), comment.issue),
            "id": comment.id,
            "node_id": node_id("IC", comment.id),
            "user": self.person(&comment.user),
            "created_at": comment.created_at,
            "updated_at": comment.updated_at,
            "body": comment.body,
            "author_association": self.state.association(self.repo, &comment.user),
            "reactions": rollup(&format!("{api}/reactions"), &[]),
            "performed_via_github_app": null,
        })
    }

    /// An event; the listing of a whole repository shows its issue too.
    pub(super) fn event(&self, event: &Event, with_issue: bool) -> Value {
        let base = json!({
            "id": event.id,
            "node_id": node_id("EV", event.id),
            "url": format!("{}/issues/events/{}", self.api(), event.id),
            "actor": self.person(&event.actor),
            "event": event.event,
            "commit_id": null,
            "commit_url": null,
            "created_at": event.created_at,
            "performed_via_github_app": null,
        });
        let mut more = event.details.clone();
        if let Some(issue) = self.repo.issues.get(&event.issue).filter(|_| with_issue) {
            more.insert("issue".to_owned(), self.issue(issue));
        }
        merged(base, &more)
    }

    pub(super) fn reaction(&self, reaction: &Reaction) -> Value {
        json!({
            "id": reaction.id,
            "node_id": node_id("REA", reaction.id),
            "user": self.person(&reaction.user),
            "content": reaction.content,
            "created_at": reaction.created_at,
        })
    }

    fn branch(&self, name: &str, sha: &str) -> Value {
        json!({
            "label": format!("{}:{name}", self.repo.owner),
            "ref": name,
            "sha": sha,
            "user": self.person(&self.repo.owner),
            "repo": repo_minimal(self.state, self.site, self.repo, false),
        })
    }

    /// A pull request in a listing.
    pub(super) fn pull(&self, issue: &Issue, pull: &Pull) -> Value {
        let api = format!("{}/pulls/{}", self.api(), issue.number);
        let issue_api = format!("{}/issues/{}", self.api(), issue.number);
        let web = format!("{}/pull/{}", self.web(), issue.number);
        let statuses = format!("{}/statuses/{}", self.api(), pull.head_sha);
        let links = [
            ("self", api.clone()),
            ("html", web.clone()),
            ("issue", issue_api.clone()),
            ("comments", format!("{issue_api}/comments")),
            ("review_comments", format!("{api}/comments")),
            ("review_comment", format!("{}/pulls/comments{{/number}}", self.api())),
            ("commits", format!("{api}/commits")),
            ("statuses", statuses.clone()),
        ];
        let links: serde_json::Map<_, _> = links
            .into_iter()
            .map(|(name, href)| (name.to_owned(), json!({"href": href})))
            .collect();
        let assignees: Vec<Value> = issue.assignees.iter().map(|login| self.person(login)).collect();
        let mut view = fields(json!({
            "url": api,
            "id": pull.id,
            "node_id": node_id("PR", pull.id),
            "html_url": web,
            "diff_url": format!("{web}.diff"),
            "patch_url": format!("{web}.patch"),
            "issue_url": issue_api,
            "commits_url": format!("{api}/commits"),
            "review_comments_url": format!("{api}/comments"),
            "review_comment_url": format!("{}/pulls/comments{{/number}}", self.api()),
            "comments_url": format!("{issue_api}/comments"),
            "statuses_url": statuses,
            "number": issue.number,
            "state": issue.state,
            "locked": issue.locked,
            "title": issue.title,
            "user": self.person(&issue.user),
            "body": issue.body,
            "labels": self.labels(issue),
            "milestone": self.milestone_of(issue),
            "active_lock_reason": null,
        }));
        view.extend(fields(json!({
            "created_at": issue.created_at,
            "updated_at": issue.updated_at,
            "closed_at": issue.closed_at,
            "merged_at": pull.merged_at,
            "merge_commit_sha": pull.merged_at.map(|_| &pull.head_sha),
            "assignee": assignees.first(),
            "assignees": assignees,
            "requested_reviewers": [],
            "requested_teams": [],
            "head": self.branch(&pull.head_ref, &pull.head_sha),
            "base": self.branch(&pull.base_ref, &pull.base_sha),
            "_links": links,
            "author_association": self.state.association(self.repo, &issue.user),
            "auto_merge": null,
            "draft": pull.draft,
        })));
        Value::Object(view)
    }

    /// A pull request by itself, with what is counted only there.
    pub(super) fn pull_full(&self, issue: &Issue, pull: &Pull) -> Value {
        let more = json!({
            "merged": pull.merged_at.is_some(),
            "mergeable": issue.is_open().then_some(true),
            "rebaseable": issue.is_open().then_some(true),
            "mergeable_state": if issue.is_open() { "clean" } else { "unknown" },
            "merged_by": self.state.person_opt(self.site, pull.merged_by.as_deref()),
            "comments": issue.comments,
            "review_comments": pull.review_comments.len(),
            "maintainer_can_modify": false,
            "commits": 1,
            "additions": 2,
            "deletions": 1,
            "changed_files": 1,
        });
        merged(self.pull(issue, pull), &fields(more))
    }

    pub(super) fn review(&self, issue: &Issue, pull: &Pull, review: &Review) -> Value {
        let html = format!("{}/pull/{}#pullrequestreview-{}", self.web(), issue.number, review.id);
        let api = format!("{}/pulls/{}", self.api(), issue.number);
        json!({
            "id": review.id,
            "node_id": node_id("PRR", review.id),
            "user": self.person(&review.user),
            "body": review.body,
            "state": review.state,
            "html_url": html,
            "pull_request_url": api,
            "author_association": self.state.association(self.repo, &review.user),
            "_links": {"html": {"href": html}, "pull_request": {"href": api}},
            "submitted_at": review.submitted_at,
            "commit_id": pull.head_sha,
        })
    }

    pub(super) fn review_comment(&self, issue: &Issue, pull: &Pull, comment: &ReviewComment) -> Value {
        let html = format!("{}/pull/{}#discussion_r{}", self.web(), issue.number, comment.id);
        let api = format!("{}/pulls/comments/{}", self.api(), comment.id);
        let pull_api = format!("{}/pulls/{}", self.api(), issue.number);
        json!({
            "url": api,
            "pull_request_review_id": comment.review,
            "id": comment.id,
            "node_id": node_id("PRRC", comment.id),
            "diff_hunk": "@@ -1,1 +1,2 @@\n line\n+another line",
            "path": comment.path,
            "commit_id": pull.head_sha,
            "original_commit_id": pull.head_sha,
            "user": self.person(&comment.user),
            "body": comment.body,
            "created_at": comment.created_at,
            "updated_at": comment.updated_at,
            "html_url": html,
            "pull_request_url": pull_api,
            "author_association": self.state.association(self.repo, &comment.user),
            "_links": {"self": {"href": api}, "html": {"href": html}, "pull_request": {"href": pull_api}},
            "reactions": rollup(&format!("{api}/reactions"), &[]),
            "start_line": null,
            "original_start_line": null,
            "start_side": null,
            "line": comment.line,
            "original_line": comment.line,
            "side": "RIGHT",
            "subject_type": "line",
        })
    }

    pub(super) fn commit_comment(&self, comment: &CommitComment) -> Value {
        let api = format!("{}/comments/{}", self.api(), comment.id);
        json!({
            "url": api,
            "html_url": format!("{}/commit/{}#commitcomment-{}", self.web(), comment.commit, comment.id),
            "id": comment.id,
            "node_id": node_id("CC", comment.id),
            "user": self.person(&comment.user),
            "position": null,
            "line": null,
            "path": null,
            "commit_id": comment.commit,
            "created_at": comment.created_at,
            "updated_at": comment.updated_at,
            "author_association": self.state.association(self.repo, &comment.user),
            "body": comment.body,
            "reactions": rollup(&format!("{api}/reactions"), &[]),
        })
    }
}

fn rollup(url: &str, reactions: &[Reaction]) -> Value {
    let mut view = fields(json!({"url": url, "total_count": reactions.len()}));
    for content in ["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"] {
        let count = reactions.iter().filter(|reaction| reaction.content == content).count();
        view.insert(content.to_owned(), json!(count));
    }
    Value::Object(view)
}
