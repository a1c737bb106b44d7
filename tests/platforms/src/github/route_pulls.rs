//! Pull requests, reviews, and comments on code and commits over HTTP.

use axum::http::Method;
use serde_json::Value;

use super::auth::Level;
use super::call::{Answer, Call, Reply};
use super::issue_views::View;
use super::paging::{USUAL, numbered};
use super::route_issues::in_order;
use super::state::{Issue, Pull, Repo, State};

/// Answers what lies below `/repos/{owner}/{repo}/` here, `None` for anything else.
pub(super) fn route(state: &State, call: &Call, owner: &str, name: &str, rest: &[&str]) -> Option<Answer> {
    if call.method != Method::GET {
        return None;
    }
    let permission = match rest {
        ["comments"] => "contents",
        ["pulls", ..] => "pull_requests",
        _ => return None,
    };
    let repo = match state.repo_for(call, owner, name, permission, Level::Read) {
        Ok(repo) => repo,
        Err(refusal) => return Some(Err(refusal)),
    };
    let view = View {
        state,
        site: &call.site,
        repo,
    };
    Some(match rest {
        ["comments"] => {
            let comments = repo.commit_comments.iter().collect();
            numbered(call, comments, USUAL).array(|comment| view.commit_comment(comment))
        }
        ["pulls"] => list(call, view),
        ["pulls", "comments"] => all_review_comments(call, view),
        ["pulls", number] => found(repo, number).map(|(issue, pull)| Reply::ok(view.pull_full(issue, pull))),
        ["pulls", number, listing] => {
            let (issue, pull) = match found(repo, number) {
                Ok(found) => found,
                Err(refusal) => return Some(Err(refusal)),
            };
            let values: Vec<Value> = match *listing {
                "reviews" => pull
                    .reviews
                    .iter()
                    .map(|review| view.review(issue, pull, review))
                    .collect(),
                "comments" => pull
                    .review_comments
                    .iter()
                    .map(|comment| view.review_comment(issue, pull, comment))
                    .collect(),
                _ => return None,
            };
            numbered(call, values, USUAL).array(|value| value)
        }
        _ => return None,
    })
}

fn found<'r>(repo: &'r Repo, number: &str) -> Result<(&'r Issue, &'r Pull), Reply> {
    let issue = number
        .parse()
        .ok()
        .and_then(|number: u64| repo.issues.get(&number))
        .ok_or_else(Reply::not_found)?;
    Ok((issue, issue.pull.as_ref().ok_or_else(Reply::not_found)?))
}

fn pulls(repo: &Repo) -> impl Iterator<Item = (&Issue, &Pull)> {
    repo.issues
        .values()
        .filter_map(|issue| issue.pull.as_ref().map(|pull| (issue, pull)))
}

fn list(call: &Call, view: View<'_>) -> Answer {
    let wanted = call.choice("PullRequest", "state", &["open", "closed", "all"], "open")?;
    let sort = call.choice(
        "PullRequest",
        "sort",
        &["created", "updated", "popularity", "long-running"],
        "created",
    )?;
    let default = if sort == "created" { "desc" } else { "asc" };
    let of_base = |pull: &Pull| call.param("base").is_none_or(|base| pull.base_ref == base);
    let matching = pulls(view.repo).filter(|(issue, pull)| (wanted == "all" || issue.state == wanted) && of_base(pull));
    let ordered = in_order(
        call,
        "PullRequest",
        matching.collect(),
        &|(issue, _)| match sort {
            "updated" => (issue.updated_at.as_second(), issue.number),
            _ => (issue.created_at.as_second(), issue.number),
        },
        default,
    )?;
    numbered(call, ordered, USUAL).array(|(issue, pull)| view.pull(issue, pull))
}

fn all_review_comments(call: &Call, view: View<'_>) -> Answer {
    let since = call.since("PullRequestReviewComment")?;
    let sort = call.choice(
        "PullRequestReviewComment",
        "sort",
        &["created", "updated", "created_at"],
        "created",
    )?;
    let all = pulls(view.repo)
        .flat_map(|(issue, pull)| pull.review_comments.iter().map(move |comment| (issue, pull, comment)))
        .filter(|(_, _, comment)| since.is_none_or(|since| comment.updated_at >= since))
        .collect();
    let default = if call.param("sort").is_some() { "desc" } else { "asc" };
    let ordered = in_order(
        call,
        "PullRequestReviewComment",
        all,
        &|(_, _, comment)| match sort {
            "updated" => (comment.updated_at.as_second(), comment.id),
            _ => (comment.created_at.as_second(), comment.id),
        },
        default,
    )?;
    numbered(call, ordered, USUAL).array(|(issue, pull, comment)| view.review_comment(issue, pull, comment))
}
