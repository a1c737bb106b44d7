//! How records change, whoever changes them: a person through the Rust API, or a client through HTTP.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::{Reply, flag_field, required_text, text_field};
use super::state::{Comment, Event, Fields, Issue, Label, Milestone, Repo, State};
use super::views::fields;

/// Who changes something, and when.
#[derive(Clone, Copy)]
pub(super) struct By<'a> {
    pub(super) login: &'a str,
    pub(super) now: Timestamp,
}

impl State {
    pub(super) fn repo_by_id(&mut self, id: u64) -> &mut Repo {
        self.repos
            .get_mut(&id)
            .expect("a repository is looked up by an id that was just found")
    }

    /// Opens an issue from the fields GitHub's API takes.
    pub(super) fn open_issue(&mut self, repo: u64, body: &Fields, by: By<'_>) -> Result<u64, Reply> {
        let title = required_text(body, "Issue", "title")?;
        self.check_issue_fields(repo, body)?;
        let id = self.new_id();
        let record = self.repo_by_id(repo);
        record.last_number += 1;
        let number = record.last_number;
        let issue = Issue {
            id,
            number,
            title,
            body: None,
            user: by.login.to_owned(),
            state: "open".to_owned(),
            state_reason: None,
            locked: false,
            labels: Vec::new(),
            assignees: Vec::new(),
            milestone: None,
            kind: None,
            created_at: by.now,
            updated_at: by.now,
            closed_at: None,
            closed_by: None,
            comments: 0,
            sub_issues: Vec::new(),
            reactions: Vec::new(),
            pull: None,
        };
        record.issues.insert(number, issue);
        self.edit_issue(repo, number, body, by)?;
        Ok(number)
    }

    /// Applies the fields of a PATCH; each kind of change leaves its event, and any change moves `updated_at`.
    pub(super) fn edit_issue(&mut self, repo: u64, number: u64, body: &Fields, by: By<'_>) -> Result<(), Reply> {
        self.check_issue_fields(repo, body)?;
        self.make_missing_labels(repo, body);
        let mut events: Vec<(&'static str, Value)> = Vec::new();
        let record = self.repo_by_id(repo);
        let labels = label_ids(record, body);
        let milestone = body.get("milestone").map(|value| {
            let wanted = value.as_u64();
            record
                .milestones
                .iter()
                .find(|known| Some(known.number) == wanted)
                .map(|known| known.id)
        });
        let known_labels = record.labels.clone();
        let issue = record.issues.get_mut(&number).ok_or_else(Reply::not_found)?;
        if let Some(Some(title)) = text_field(body, "Issue", "title")?
            && title != issue.title
        {
            events.push(("renamed", json!({"rename": {"from": issue.title, "to": title}})));
            issue.title = title;
        }
        if let Some(text) = text_field(body, "Issue", "body")? {
            issue.body = text;
        }
        if let Some(Some(kind)) = text_field(body, "Issue", "type")? {
            issue.kind = Some(kind);
        }
        if let Some(state) = body.get("state").and_then(Value::as_str) {
            let reason = body.get("state_reason").and_then(Value::as_str);
            events.extend(set_state(issue, state, reason, by).map(|event| (event, json!({}))));
        }
        if let Some(labels) = labels {
            events.extend(label_events(&known_labels, &issue.labels, &labels));
            issue.labels = labels;
        }
        if let Some(milestone) = milestone {
            issue.milestone = milestone;
        }
        if let Some(Value::Array(logins)) = body.get("assignees") {
            issue.assignees = logins.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        }
        issue.updated_at = by.now;
        for (event, details) in events {
            self.note_event(repo, number, event, details, by);
        }
        Ok(())
    }

    fn check_issue_fields(&self, repo: u64, body: &Fields) -> Result<(), Reply> {
        text_field(body, "Issue", "title")?;
        text_field(body, "Issue", "body")?;
        let allowed = |field: &str, words: &[&str]| match body.get(field) {
            None | Some(Value::Null) => Ok(()),
            Some(Value::String(word)) if words.contains(&word.as_str()) => Ok(()),
            Some(_) => Err(Reply::invalid("Issue", field, "invalid")),
        };
        allowed("state", &["open", "closed"])?;
        allowed("state_reason", &["completed", "not_planned", "duplicate", "reopened"])?;
        let repo = self.repos.get(&repo).ok_or_else(Reply::not_found)?;
        if let Some(number) = body.get("milestone").filter(|value| !value.is_null()) {
            let known = repo
                .milestones
                .iter()
                .any(|milestone| Some(milestone.number) == number.as_u64());
            known
                .then_some(())
                .ok_or_else(|| Reply::invalid("Issue", "milestone", "invalid"))?;
        }
        for login in body.get("assignees").and_then(Value::as_array).into_iter().flatten() {
            let known = login.as_str().is_some_and(|login| self.user(login).is_some());
            known
                .then_some(())
                .ok_or_else(|| Reply::invalid("Issue", "assignees", "invalid"))?;
        }
        if let Some(kind) = body.get("type").filter(|value| !value.is_null()) {
            let known = self.org.issue_types.iter().any(|known| known.get("name") == Some(kind));
            known
                .then_some(())
                .ok_or_else(|| Reply::invalid("Issue", "type", "invalid"))?;
        }
        Ok(())
    }

    /// A label that an issue names and nobody made yet comes into being, in grey.
    fn make_missing_labels(&mut self, repo: u64, body: &Fields) {
        for name in label_names(body).unwrap_or_default() {
            let missing = !self
                .repo_by_id(repo)
                .labels
                .iter()
                .any(|label| label.name.eq_ignore_ascii_case(&name));
            if missing {
                let id = self.new_id();
                let label = Label {
                    id,
                    name,
                    color: "ededed".to_owned(),
                    description: None,
                };
                self.repo_by_id(repo).labels.push(label);
            }
        }
    }

    pub(super) fn note_event(&mut self, repo: u64, issue: u64, event: &'static str, details: Value, by: By<'_>) {
        let id = self.new_id();
        let event = Event {
            id,
            issue,
            actor: by.login.to_owned(),
            event,
            details: fields(details),
            created_at: by.now,
        };
        self.repo_by_id(repo).events.push(event);
    }

    pub(super) fn add_comment(&mut self, repo: u64, issue: u64, text: String, by: By<'_>) -> u64 {
        let id = self.new_id();
        let record = self.repo_by_id(repo);
        let comment = Comment {
            id,
            issue,
            user: by.login.to_owned(),
            body: text,
            created_at: by.now,
            updated_at: by.now,
        };
        record.comments.insert(id, comment);
        if let Some(issue) = record.issues.get_mut(&issue) {
            issue.comments += 1;
            issue.updated_at = by.now;
        }
        id
    }

    /// Rewrites a comment; its issue was updated by that.
    pub(super) fn edit_comment(&mut self, repo: u64, comment: u64, text: String, now: Timestamp) -> Result<(), Reply> {
        let record = self.repo_by_id(repo);
        let comment = record.comments.get_mut(&comment).ok_or_else(Reply::not_found)?;
        comment.body = text;
        comment.updated_at = now;
        if let Some(issue) = record.issues.get_mut(&comment.issue) {
            issue.updated_at = now;
        }
        Ok(())
    }

    /// Removes a comment; its issue was updated by that.
    pub(super) fn remove_comment(&mut self, repo: u64, comment: u64, now: Timestamp) -> Result<(), Reply> {
        let record = self.repo_by_id(repo);
        let gone = record.comments.remove(&comment).ok_or_else(Reply::not_found)?;
        if let Some(issue) = record.issues.get_mut(&gone.issue) {
            issue.comments -= 1;
            issue.updated_at = now;
        }
        Ok(())
    }

    /// Removes an issue for good, with its comments and events. Its number is never given again.
    pub(super) fn remove_issue(&mut self, repo: u64, number: u64) -> bool {
        let record = self.repo_by_id(repo);
        if record.issues.remove(&number).is_none() {
            return false;
        }
        record.deleted_issues.insert(number);
        record.comments.retain(|_, comment| comment.issue != number);
        record.events.retain(|event| event.issue != number);
        for issue in record.issues.values_mut() {
            issue.sub_issues.retain(|sub| *sub != number);
        }
        true
    }

    pub(super) fn add_label(&mut self, repo: u64, body: &Fields) -> Result<u64, Reply> {
        let name = required_text(body, "Label", "name")?;
        let color = label_color(body)?.unwrap_or_else(|| "ededed".to_owned());
        let description = text_field(body, "Label", "description")?.flatten();
        if self
            .repo_by_id(repo)
            .labels
            .iter()
            .any(|label| label.name.eq_ignore_ascii_case(&name))
        {
            return Err(Reply::invalid("Label", "name", "already_exists"));
        }
        let id = self.new_id();
        self.repo_by_id(repo).labels.push(Label {
            id,
            name,
            color,
            description,
        });
        Ok(id)
    }

    pub(super) fn edit_label(&mut self, repo: u64, name: &str, body: &Fields) -> Result<u64, Reply> {
        let color = label_color(body)?;
        let new_name = text_field(body, "Label", "new_name")?.flatten();
        let description = text_field(body, "Label", "description")?;
        let labels = &mut self.repo_by_id(repo).labels;
        let position = labels.iter().position(|label| label.name.eq_ignore_ascii_case(name));
        let position = position.ok_or_else(Reply::not_found)?;
        if let Some(new_name) = &new_name {
            let taken =
                |(place, label): (usize, &Label)| place != position && label.name.eq_ignore_ascii_case(new_name);
            if labels.iter().enumerate().any(taken) {
                return Err(Reply::invalid("Label", "name", "already_exists"));
            }
        }
        let label = &mut labels[position];
        label.name = new_name.unwrap_or_else(|| label.name.clone());
        label.color = color.unwrap_or_else(|| label.color.clone());
        label.description = description.unwrap_or_else(|| label.description.clone());
        Ok(label.id)
    }

    pub(super) fn add_milestone(&mut self, repo: u64, body: &Fields, by: By<'_>) -> Result<u64, Reply> {
        let title = required_text(body, "Milestone", "title")?;
        if self
            .repo_by_id(repo)
            .milestones
            .iter()
            .any(|known| known.title == title)
        {
            return Err(Reply::invalid("Milestone", "title", "already_exists"));
        }
        let id = self.new_id();
        let record = self.repo_by_id(repo);
        record.last_milestone += 1;
        let number = record.last_milestone;
        record.milestones.push(Milestone {
            id,
            number,
            title,
            description: None,
            state: "open".to_owned(),
            creator: by.login.to_owned(),
            created_at: by.now,
            updated_at: by.now,
            closed_at: None,
            due_on: None,
        });
        self.edit_milestone(repo, number, body, by.now)?;
        Ok(number)
    }

    pub(super) fn edit_milestone(
        &mut self,
        repo: u64,
        number: u64,
        body: &Fields,
        now: Timestamp,
    ) -> Result<(), Reply> {
        let title = text_field(body, "Milestone", "title")?.flatten();
        let description = text_field(body, "Milestone", "description")?;
        let state = text_field(body, "Milestone", "state")?.flatten();
        if state
            .as_ref()
            .is_some_and(|state| !matches!(state.as_str(), "open" | "closed"))
        {
            return Err(Reply::invalid("Milestone", "state", "invalid"));
        }
        let due_on = match text_field(body, "Milestone", "due_on")? {
            None => None,
            Some(None) => Some(None),
            Some(Some(text)) => Some(Some(
                text.parse()
                    .map_err(|_| Reply::invalid("Milestone", "due_on", "invalid"))?,
            )),
        };
        let milestones = &mut self.repo_by_id(repo).milestones;
        let milestone = milestones
            .iter_mut()
            .find(|known| known.number == number)
            .ok_or_else(Reply::not_found)?;
        milestone.title = title.unwrap_or_else(|| milestone.title.clone());
        milestone.description = description.unwrap_or_else(|| milestone.description.clone());
        milestone.due_on = due_on.unwrap_or(milestone.due_on);
        if let Some(state) = state.filter(|state| *state != milestone.state) {
            milestone.closed_at = (state == "closed").then_some(now);
            milestone.state = state;
        }
        milestone.updated_at = now;
        Ok(())
    }
}

/// Reads a flag of a body into a place, if it is there.
pub(super) fn set_flag(place: &mut bool, body: &Fields, resource: &str, field: &str) -> Result<(), Reply> {
    if let Some(flag) = flag_field(body, resource, field)? {
        *place = flag;
    }
    Ok(())
}

fn label_color(body: &Fields) -> Result<Option<String>, Reply> {
    let color = text_field(body, "Label", "color")?.flatten();
    let sound = |color: &String| color.len() == 6 && color.bytes().all(|byte| byte.is_ascii_hexdigit());
    match color {
        Some(color) if !sound(&color) => Err(Reply::invalid("Label", "color", "invalid")),
        other => Ok(other),
    }
}

fn label_names(body: &Fields) -> Option<Vec<String>> {
    let labels = body.get("labels")?.as_array()?;
    let name = |label: &Value| {
        label
            .as_str()
            .or_else(|| label.get("name")?.as_str())
            .map(str::to_owned)
    };
    Some(labels.iter().filter_map(name).collect())
}

fn label_ids(repo: &Repo, body: &Fields) -> Option<Vec<u64>> {
    let id = |name: &String| {
        repo.labels
            .iter()
            .find(|label| label.name.eq_ignore_ascii_case(name))
            .map(|l| l.id)
    };
    Some(label_names(body)?.iter().filter_map(id).collect())
}

fn label_events(known: &[Label], before: &[u64], after: &[u64]) -> Vec<(&'static str, Value)> {
    let details = |id: &u64| {
        let label = known.iter().find(|label| label.id == *id);
        json!({"label": label.map(|label| json!({"name": label.name, "color": label.color}))})
    };
    let removed = before
        .iter()
        .filter(|id| !after.contains(id))
        .map(|id| ("unlabeled", details(id)));
    let added = after
        .iter()
        .filter(|id| !before.contains(id))
        .map(|id| ("labeled", details(id)));
    removed.chain(added).collect()
}

fn set_state(issue: &mut Issue, state: &str, reason: Option<&str>, by: By<'_>) -> Option<&'static str> {
    if issue.state == state {
        return None;
    }
    issue.state = state.to_owned();
    let pull = issue.pull.is_some();
    if state == "closed" {
        issue.closed_at = Some(by.now);
        issue.closed_by = Some(by.login.to_owned());
        issue.state_reason = (!pull).then(|| reason.unwrap_or("completed").to_owned());
        Some("closed")
    } else {
        issue.closed_at = None;
        issue.closed_by = None;
        issue.state_reason = (!pull).then(|| "reopened".to_owned());
        Some("reopened")
    }
}
