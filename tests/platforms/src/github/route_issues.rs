//! Issues, comments, events, labels and milestones over HTTP.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::Value;

use super::auth::Level;
use super::call::{Answer, Call, Reply, required_text};
use super::edits::By;
use super::issue_views::View;
use super::paging::{USUAL, numbered, shallow};
use super::state::{Issue, Repo, State};

/// Answers what lies below `/repos/{owner}/{repo}/` here, `None` for anything else.
pub(super) fn route(state: &mut State, call: &Call, owner: &str, name: &str, rest: &[&str]) -> Option<Answer> {
    let place = Place { call, owner, name };
    Some(match (&call.method, rest) {
        (&Method::GET, ["issues"]) => place.list(state),
        (&Method::POST, ["issues"]) => place.open(state),
        (&Method::GET, ["issues", "comments"]) => place.comments(state),
        (&Method::GET, ["issues", "events"]) => place.events(state),
        (method, ["issues", "comments", id]) => place.comment(state, method, id),
        (&Method::GET, ["issues", number]) => place.one(state, number),
        (&Method::PATCH, ["issues", number]) => place.edit(state, number),
        (&Method::GET, ["issues", number, listing]) => return place.listing_of_one(state, number, listing),
        (&Method::GET, ["issues", number, "dependencies", "blocked_by" | "blocking"]) => place
            .find(state, number)
            .and_then(|_| numbered(call, Vec::new(), USUAL).array(|value| value)),
        (&Method::POST, ["issues", number, "comments"]) => place.add_comment(state, number),
        (&Method::POST, ["issues", number, "sub_issues"]) => place.add_sub_issue(state, number),
        (method, ["labels"]) => place.labels(state, method),
        (method, ["labels", label]) => place.label(state, method, label),
        (method, ["milestones"]) => place.milestones(state, method),
        (method, ["milestones", number]) => place.milestone(state, method, number),
        _ => return None,
    })
}

struct Place<'a> {
    call: &'a Call,
    owner: &'a str,
    name: &'a str,
}

fn not_allowed() -> Answer {
    Err(Reply::not_found())
}

/// Keeps what changed at or after `since`, sorts, and turns the order around if asked.
pub(super) fn in_order<T>(
    call: &Call,
    resource: &str,
    mut items: Vec<T>,
    sort: &dyn Fn(&T) -> (i64, u64),
    default_direction: &str,
) -> Result<Vec<T>, Reply> {
    items.sort_by_key(|item| sort(item));
    if call.choice(resource, "direction", &["asc", "desc"], default_direction)? == "desc" {
        items.reverse();
    }
    Ok(items)
}

impl Place<'_> {
    fn repo<'s>(&self, state: &'s State, permission: &str) -> Result<&'s Repo, Reply> {
        state.repo_for(self.call, self.owner, self.name, permission, Level::Read)
    }

    fn writable(&self, state: &State) -> Result<u64, Reply> {
        Ok(state
            .repo_for(self.call, self.owner, self.name, "issues", Level::Write)?
            .id)
    }

    fn view<'s>(&'s self, state: &'s State, repo: &'s Repo) -> View<'s> {
        View {
            state,
            site: &self.call.site,
            repo,
        }
    }

    fn by<'s>(&self, login: &'s str) -> By<'s> {
        By {
            login,
            now: self.call.now,
        }
    }

    /// Lists stay readable for pull requests where issues are off; GitHub answers 410 to the issue listing itself.
    fn issues_enabled(repo: &Repo) -> Result<(), Reply> {
        match repo.has("has_issues") {
            true => Ok(()),
            false => Err(Reply::error(410, "Issues are disabled for this repo")),
        }
    }

    fn list(&self, state: &State) -> Answer {
        let repo = self.repo(state, "issues")?;
        Self::issues_enabled(repo)?;
        let call = self.call;
        let wanted = call.choice("Issue", "state", &["open", "closed", "all"], "open")?;
        let since = call.since("Issue")?;
        let sort = call.choice("Issue", "sort", &["created", "updated", "comments"], "created")?;
        let labels: Vec<&str> = call
            .param("labels")
            .unwrap_or("")
            .split(',')
            .filter(|name| !name.is_empty())
            .collect();
        let has_label = |issue: &Issue, name: &str| {
            repo.labels
                .iter()
                .any(|label| label.name.eq_ignore_ascii_case(name) && issue.labels.contains(&label.id))
        };
        let issues: Vec<&Issue> = repo
            .issues
            .values()
            .filter(|issue| wanted == "all" || issue.state == wanted)
            .filter(|issue| since.is_none_or(|since| issue.updated_at >= since))
            .filter(|issue| labels.iter().all(|name| has_label(issue, name)))
            .filter(|issue| call.param("creator").is_none_or(|login| issue.user == login))
            .collect();
        let issues = in_order(
            call,
            "Issue",
            issues,
            &|issue| match sort {
                "updated" => (issue.updated_at.as_second(), issue.number),
                "comments" => (i64::try_from(issue.comments).unwrap_or(i64::MAX), issue.number),
                _ => (issue.created_at.as_second(), issue.number),
            },
            "desc",
        )?;
        shallow(call, issues, state.switches.deepest_result)?.array(|issue| self.view(state, repo).issue(issue))
    }

    fn open(&self, state: &mut State) -> Answer {
        let id = self.writable(state)?;
        Self::issues_enabled(&state.repos[&id])?;
        let login = state.login_of(self.call);
        let number = state.open_issue(id, &self.call.json()?, self.by(&login))?;
        let repo = &state.repos[&id];
        Ok(Reply::json(201, self.view(state, repo).issue(&repo.issues[&number])))
    }

    fn find<'s>(&self, state: &'s State, number: &str) -> Result<(&'s Repo, &'s Issue), Reply> {
        let repo = self.repo(state, "issues")?;
        let number: u64 = number.parse().map_err(|_| Reply::not_found())?;
        if repo.deleted_issues.contains(&number) {
            return Err(Reply::error(410, "This issue was deleted"));
        }
        let issue = repo.issues.get(&number).ok_or_else(Reply::not_found)?;
        if issue.pull.is_none() {
            Self::issues_enabled(repo)?;
        }
        Ok((repo, issue))
    }

    fn one(&self, state: &State, number: &str) -> Answer {
        let (repo, issue) = self.find(state, number)?;
        Ok(Reply::ok(self.view(state, repo).issue(issue)))
    }

    fn edit(&self, state: &mut State, number: &str) -> Answer {
        let id = self.writable(state)?;
        let number = self.find(state, number)?.1.number;
        let login = state.login_of(self.call);
        state.edit_issue(id, number, &self.call.json()?, self.by(&login))?;
        self.one(state, &number.to_string())
    }

    fn comments(&self, state: &State) -> Answer {
        let repo = self.repo(state, "issues")?;
        let since = self.call.since("IssueComment")?;
        let sort = self
            .call
            .choice("IssueComment", "sort", &["created", "updated"], "created")?;
        let comments: Vec<_> = repo
            .comments
            .values()
            .filter(|comment| since.is_none_or(|since| comment.updated_at >= since))
            .collect();
        // GitHub ignores `direction` where `sort` is absent, and then lists by ascending id.
        let comments = match self.call.param("sort") {
            None => comments,
            Some(_) => in_order(
                self.call,
                "IssueComment",
                comments,
                &|comment| (pick(sort, comment.created_at, comment.updated_at), comment.id),
                "desc",
            )?,
        };
        let page = shallow(self.call, comments, state.switches.deepest_result)?;
        page.array(|comment| self.view(state, repo).comment(comment))
    }

    fn events(&self, state: &State) -> Answer {
        let repo = self.repo(state, "issues")?;
        let events: Vec<_> = repo.events.iter().rev().collect();
        let page = shallow(self.call, events, state.switches.deepest_result)?;
        page.array(|event| self.view(state, repo).event(event, true))
    }

    fn comment(&self, state: &mut State, method: &Method, id: &str) -> Answer {
        let repo = self.repo(state, "issues")?;
        let id: u64 = id.parse().map_err(|_| Reply::not_found())?;
        repo.comments.get(&id).ok_or_else(Reply::not_found)?;
        match *method {
            Method::GET => {}
            Method::DELETE => {
                let repo = self.writable(state)?;
                state.remove_comment(repo, id, self.call.now)?;
                return Ok(Reply::empty(204));
            }
            Method::PATCH => {
                let text = required_text(&self.call.json()?, "IssueComment", "body")?;
                let repo = self.writable(state)?;
                state.edit_comment(repo, id, text, self.call.now)?;
            }
            _ => return not_allowed(),
        }
        let repo = self.repo(state, "issues")?;
        Ok(Reply::ok(self.view(state, repo).comment(&repo.comments[&id])))
    }

    fn listing_of_one(&self, state: &State, number: &str, listing: &str) -> Option<Answer> {
        if !matches!(
            listing,
            "comments" | "events" | "timeline" | "sub_issues" | "reactions" | "labels" | "issue-field-values"
        ) {
            return None;
        }
        let (repo, issue) = match self.find(state, number) {
            Ok(found) => found,
            Err(reply) => return Some(Err(reply)),
        };
        let view = self.view(state, repo);
        let values: Vec<Value> = match listing {
            "comments" => {
                let comments = repo.comments.values().filter(|comment| comment.issue == issue.number);
                comments.map(|comment| view.comment(comment)).collect()
            }
            "events" => {
                let events = repo.events.iter().filter(|event| event.issue == issue.number);
                events.map(|event| view.event(event, false)).collect()
            }
            "timeline" => timeline(view, repo, issue),
            "sub_issues" => issue
                .sub_issues
                .iter()
                .filter_map(|sub| repo.issues.get(sub))
                .map(|sub| view.issue(sub))
                .collect(),
            "reactions" => issue.reactions.iter().map(|reaction| view.reaction(reaction)).collect(),
            "labels" => view.labels(issue),
            _ => Vec::new(),
        };
        Some(numbered(self.call, values, USUAL).array(|value| value))
    }

    fn add_comment(&self, state: &mut State, number: &str) -> Answer {
        let id = self.writable(state)?;
        let number = self.find(state, number)?.1.number;
        let text = required_text(&self.call.json()?, "IssueComment", "body")?;
        let login = state.login_of(self.call);
        let comment = state.add_comment(id, number, text, self.by(&login));
        let repo = &state.repos[&id];
        Ok(Reply::json(
            201,
            self.view(state, repo).comment(&repo.comments[&comment]),
        ))
    }

    fn add_sub_issue(&self, state: &mut State, number: &str) -> Answer {
        let id = self.writable(state)?;
        let number = self.find(state, number)?.1.number;
        let child = self.call.json()?.get("sub_issue_id").and_then(Value::as_u64);
        let record = state.repo_by_id(id);
        let child = record
            .issues
            .values()
            .find(|issue| Some(issue.id) == child)
            .map(|issue| issue.number);
        let child = child.ok_or_else(|| Reply::invalid("Issue", "sub_issue_id", "invalid"))?;
        let parent = record.issues.get_mut(&number).ok_or_else(Reply::not_found)?;
        parent.sub_issues.retain(|sub| *sub != child);
        parent.sub_issues.push(child);
        parent.updated_at = self.call.now;
        let repo = &state.repos[&id];
        Ok(Reply::json(201, self.view(state, repo).issue(&repo.issues[&number])))
    }

    fn labels(&self, state: &mut State, method: &Method) -> Answer {
        match *method {
            Method::GET => {
                let repo = self.repo(state, "issues")?;
                numbered(self.call, repo.labels.iter().collect(), USUAL)
                    .array(|label| self.view(state, repo).label(label))
            }
            Method::POST => {
                let repo = self.writable(state)?;
                let id = state.add_label(repo, &self.call.json()?)?;
                self.show_label(state, repo, id, 201)
            }
            _ => not_allowed(),
        }
    }

    fn show_label(&self, state: &State, repo: u64, id: u64, status: u16) -> Answer {
        let repo = &state.repos[&repo];
        let label = repo
            .labels
            .iter()
            .find(|label| label.id == id)
            .ok_or_else(Reply::not_found)?;
        Ok(Reply::json(status, self.view(state, repo).label(label)))
    }

    fn label(&self, state: &mut State, method: &Method, name: &str) -> Answer {
        let repo = self.repo(state, "issues")?;
        let found = repo.labels.iter().find(|label| label.name.eq_ignore_ascii_case(name));
        let (repo, label) = (repo.id, found.ok_or_else(Reply::not_found)?.id);
        match *method {
            Method::GET => self.show_label(state, repo, label, 200),
            Method::PATCH => {
                self.writable(state)?;
                state.edit_label(repo, name, &self.call.json()?)?;
                self.show_label(state, repo, label, 200)
            }
            Method::DELETE => {
                self.writable(state)?;
                state.repo_by_id(repo).labels.retain(|known| known.id != label);
                Ok(Reply::empty(204))
            }
            _ => not_allowed(),
        }
    }

    fn milestones(&self, state: &mut State, method: &Method) -> Answer {
        if *method == Method::POST {
            let repo = self.writable(state)?;
            let login = state.login_of(self.call);
            let number = state.add_milestone(repo, &self.call.json()?, self.by(&login))?;
            return self.show_milestone(state, repo, number, 201);
        }
        if *method != Method::GET {
            return not_allowed();
        }
        let repo = self.repo(state, "issues")?;
        let wanted = self
            .call
            .choice("Milestone", "state", &["open", "closed", "all"], "open")?;
        self.call
            .choice("Milestone", "sort", &["due_on", "completeness"], "due_on")?;
        let milestones = repo
            .milestones
            .iter()
            .filter(|one| wanted == "all" || one.state == wanted)
            .collect();
        let place = |one: &&super::state::Milestone| (one.due_on.map_or(i64::MAX, Timestamp::as_second), one.number);
        let milestones = in_order(self.call, "Milestone", milestones, &place, "asc")?;
        numbered(self.call, milestones, USUAL).array(|one| self.view(state, repo).milestone(one))
    }

    fn show_milestone(&self, state: &State, repo: u64, number: u64, status: u16) -> Answer {
        let repo = &state.repos[&repo];
        let found = repo
            .milestones
            .iter()
            .find(|one| one.number == number)
            .ok_or_else(Reply::not_found)?;
        Ok(Reply::json(status, self.view(state, repo).milestone(found)))
    }

    fn milestone(&self, state: &mut State, method: &Method, number: &str) -> Answer {
        let number: u64 = number.parse().map_err(|_| Reply::not_found())?;
        let repo = self.repo(state, "issues")?.id;
        match *method {
            Method::GET => self.show_milestone(state, repo, number, 200),
            Method::PATCH => {
                self.writable(state)?;
                state.edit_milestone(repo, number, &self.call.json()?, self.call.now)?;
                self.show_milestone(state, repo, number, 200)
            }
            Method::DELETE => {
                self.writable(state)?;
                let shown = self.show_milestone(state, repo, number, 200)?;
                state.repo_by_id(repo).milestones.retain(|one| one.number != number);
                drop(shown);
                Ok(Reply::empty(204))
            }
            _ => not_allowed(),
        }
    }
}

fn pick(sort: &str, created: Timestamp, updated: Timestamp) -> i64 {
    if sort == "updated" {
        updated.as_second()
    } else {
        created.as_second()
    }
}

/// Events and comments of one issue in the order they happened.
fn timeline(view: View<'_>, repo: &Repo, issue: &Issue) -> Vec<Value> {
    let events = repo.events.iter().filter(|event| event.issue == issue.number);
    let comments = repo.comments.values().filter(|comment| comment.issue == issue.number);
    let mut entries: Vec<(Timestamp, Value)> = events
        .map(|event| (event.created_at, view.event(event, false)))
        .collect();
    entries.extend(comments.map(|comment| {
        let mut entry = view.comment(comment);
        entry["event"] = "commented".into();
        entry["actor"] = entry["user"].clone();
        (comment.created_at, entry)
    }));
    entries.sort_by_key(|(time, _)| *time);
    entries.into_iter().map(|(_, entry)| entry).collect()
}
