//! What people do on GitHub between two backups. Every change happens at the simulated clock's time.
//!
//! Repositories are named as `GET /orgs/{org}/repos` names them. Naming one, or a record, that is not there is a
//! mistake in the test, and panics.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::GitHub;
use super::call::Reply;
use super::edits::By;
use super::git::{Commit, Parent};
use super::route_settings::{changed_ruleset, replace};
use super::settings::{add_variable, delete_variable, edit_variable, name_of};
use super::state::{Fields, State};
use super::views::fields;

/// How many records there are, for comparing with what a backup holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Repositories, odd ones too.
    pub repos: usize,
    /// Issues without pull requests.
    pub issues: usize,
    /// Pull requests.
    pub pulls: usize,
    /// Comments on issues and pull requests.
    pub comments: usize,
    /// Events of issues and pull requests.
    pub events: usize,
    /// Labels of all repositories.
    pub labels: usize,
    /// Milestones of all repositories.
    pub milestones: usize,
    /// Releases, drafts too.
    pub releases: usize,
    /// Assets of all releases.
    pub assets: usize,
    /// Discussions of all repositories.
    pub discussions: usize,
}

impl GitHub {
    fn change<T>(&self, repo: &str, act: impl FnOnce(&mut State, u64, By<'_>) -> Result<T, Reply>) -> T {
        self.with(|state| {
            let found = state.find_repo(&state.org.login, repo).map(|repo| repo.id);
            let id = found.unwrap_or_else(|| panic!("there is no repository {repo}"));
            let login = state.first_member("admin");
            let by = By {
                login: &login,
                now: state.now(),
            };
            act(state, id, by).unwrap_or_else(|reply| panic!("GitHub refuses this change: {reply:?}"))
        })
    }

    /// How many records there are now.
    pub fn totals(&self) -> Totals {
        self.with(|state| {
            let mut totals = Totals {
                repos: state.repos.len(),
                ..Totals::default()
            };
            for repo in state.repos.values() {
                let pulls = repo.issues.values().filter(|issue| issue.pull.is_some()).count();
                totals.pulls += pulls;
                totals.issues += repo.issues.len() - pulls;
                totals.comments += repo.comments.len();
                totals.events += repo.events.len();
                totals.labels += repo.labels.len();
                totals.milestones += repo.milestones.len();
                totals.releases += repo.releases.len();
                totals.assets += repo.releases.iter().map(|release| release.assets.len()).sum::<usize>();
                totals.discussions += repo.discussions.len();
            }
            totals
        })
    }

    /// The names of all repositories, by id.
    pub fn repo_names(&self) -> Vec<String> {
        self.with(|state| state.repos.values().map(|repo| repo.name.clone()).collect())
    }

    /// The id of a repository, which stays when it is renamed.
    pub fn repo_id(&self, repo: &str) -> u64 {
        self.change(repo, |_, id, _| Ok(id))
    }

    /// All git references of a repository and the commits they name.
    pub fn references(&self, repo: &str) -> Vec<(String, String)> {
        self.change(repo, |state, id, _| {
            Ok(state.git.references(&format!("{id}.git")).into_iter().collect())
        })
    }

    /// Whether somebody made a page in the wiki of a repository, so that its git repository exists.
    pub fn has_wiki(&self, repo: &str) -> bool {
        self.change(repo, |state, id, _| Ok(state.git.exists(&format!("{id}.wiki.git"))))
    }

    /// The numbers of the issues and pull requests of a repository.
    pub fn issue_numbers(&self, repo: &str) -> Vec<u64> {
        self.change(repo, |state, id, _| {
            Ok(state.repo_by_id(id).issues.keys().copied().collect())
        })
    }

    /// Opens an issue and returns its number.
    pub fn open_issue(&self, repo: &str, title: &str, body: &str) -> u64 {
        self.change(repo, |state, id, by| {
            state.open_issue(id, &fields(json!({"title": title, "body": body})), by)
        })
    }

    /// Changes an issue or pull request, with the fields that `PATCH` takes.
    pub fn edit_issue(&self, repo: &str, number: u64, patch: Value) {
        self.change(repo, |state, id, by| state.edit_issue(id, number, &fields(patch), by));
    }

    /// Closes an issue or pull request.
    pub fn close_issue(&self, repo: &str, number: u64) {
        self.edit_issue(repo, number, json!({"state": "closed"}));
    }

    /// Deletes an issue for good, with its comments. GitHub reports this in no listing.
    pub fn delete_issue(&self, repo: &str, number: u64) {
        let there = self.change(repo, |state, id, _| Ok(state.remove_issue(id, number)));
        assert!(there, "there is no issue {number} in {repo}");
    }

    /// Comments on an issue or pull request and returns the comment's id.
    pub fn comment(&self, repo: &str, number: u64, text: &str) -> u64 {
        self.change(repo, |state, id, by| {
            Ok(state.add_comment(id, number, text.to_owned(), by))
        })
    }

    /// Rewrites a comment; its `updated_at` moves, and so does its issue's.
    pub fn edit_comment(&self, repo: &str, comment: u64, text: &str) {
        self.change(repo, |state, id, by| {
            state.edit_comment(id, comment, text.to_owned(), by.now)
        });
    }

    /// Deletes a comment.
    pub fn delete_comment(&self, repo: &str, comment: u64) {
        self.change(repo, |state, id, by| state.remove_comment(id, comment, by.now));
    }

    /// The ids of the comments of a repository.
    pub fn comment_ids(&self, repo: &str) -> Vec<u64> {
        self.change(repo, |state, id, _| {
            Ok(state.repo_by_id(id).comments.keys().copied().collect())
        })
    }

    /// Changes a label, with the fields that `PATCH` takes (`new_name`, `color`, `description`).
    pub fn edit_label(&self, repo: &str, name: &str, patch: Value) {
        self.change(repo, |state, id, _| state.edit_label(id, name, &fields(patch)));
    }

    /// Pushes one commit with these files to a branch, which it makes if need be, and returns the commit.
    pub fn push_commit(&self, repo: &str, branch: &str, files: &[(&str, &[u8])], message: &str) -> String {
        let reference = format!("refs/heads/{branch}");
        self.commit(repo, branch, files, message, |repo| {
            if repo.branches.contains_key(branch) {
                return Some(format!("{reference}^0"));
            }
            repo.branches.get(&repo.default_branch).cloned()
        })
    }

    /// Replaces the newest commit of a branch by another one, as `git push --force` does, and returns the new one.
    pub fn force_push(&self, repo: &str, branch: &str, message: &str) -> String {
        let log = self.change(repo, |state, id, _| {
            Ok(state.git.log(&format!("{id}.git"), &format!("refs/heads/{branch}"), 2))
        });
        let before = log.get(1).and_then(|commit| commit.first().cloned());
        self.commit(repo, branch, &[("forced.txt", message.as_bytes())], message, |_| before)
    }

    fn commit(
        &self,
        repo: &str,
        branch: &str,
        files: &[(&str, &[u8])],
        message: &str,
        parent: impl FnOnce(&super::state::Repo) -> Option<String>,
    ) -> String {
        let files: Vec<(String, Vec<u8>)> = files
            .iter()
            .map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec()))
            .collect();
        self.change(repo, |state, id, by| {
            let parent = parent(state.repo_by_id(id));
            let commit = Commit {
                reference: &format!("refs/heads/{branch}"),
                parent: parent.as_deref().map_or(Parent::Nothing, Parent::Of),
                author: by.login,
                message,
                time: by.now,
                files: &files,
            };
            state.git.import(&format!("{id}.git"), &[commit], &[]);
            state.after_push(id);
            state
                .repo_by_id(id)
                .branches
                .get(branch)
                .cloned()
                .ok_or_else(Reply::not_found)
        })
    }

    /// Deletes a branch.
    pub fn delete_branch(&self, repo: &str, branch: &str) {
        self.change(repo, |state, id, _| {
            state
                .git
                .delete_reference(&format!("{id}.git"), &format!("refs/heads/{branch}"));
            state.after_push(id);
            Ok(())
        });
    }

    /// Publishes a release with assets and returns its id.
    pub fn release(&self, repo: &str, tag: &str, assets: &[(&str, &[u8])]) -> u64 {
        self.change(repo, |state, id, by| {
            let release = state.add_release(id, &fields(json!({"tag_name": tag, "name": tag})), by)?;
            for (name, bytes) in assets {
                let bytes = Bytes::copy_from_slice(bytes);
                state.add_asset(id, release, (*name).to_owned(), "application/octet-stream", bytes, by)?;
            }
            Ok(release)
        })
    }

    /// Deletes a release. Its tag stays.
    pub fn delete_release(&self, repo: &str, release: u64) {
        self.change(repo, |state, id, _| {
            state.repo_by_id(id).releases.retain(|known| known.id != release);
            Ok(())
        });
    }

    /// Comments on a discussion, by its number.
    pub fn comment_on_discussion(&self, repo: &str, number: u64, text: &str) {
        self.change(repo, |state, id, by| {
            let new = super::state::DiscussionComment {
                id: state.new_id(),
                author: by.login.to_owned(),
                body: text.to_owned(),
                is_answer: false,
                created_at: by.now,
                updated_at: by.now,
                replies: Vec::new(),
            };
            let discussions = &mut state.repo_by_id(id).discussions;
            let found = discussions
                .iter_mut()
                .find(|one| one.number == number)
                .ok_or_else(Reply::not_found)?;
            found.comments.push(new);
            found.updated_at = by.now;
            Ok(())
        });
    }

    /// Deletes a repository with all there is in it.
    pub fn delete_repo(&self, repo: &str) {
        self.change(repo, |state, id, _| {
            state.drop_repo(id);
            Ok(())
        });
    }

    /// Renames a repository; the former name redirects.
    pub fn rename_repo(&self, repo: &str, name: &str) {
        self.edit_repo(repo, json!({"name": name}));
    }

    /// Changes a repository's settings, with the fields that `PATCH` takes.
    pub fn edit_repo(&self, repo: &str, patch: Value) {
        self.change(repo, |state, id, by| state.edit_repo(id, &fields(patch), by.now));
    }

    /// Changes one of a repository's rulesets, by name, with the fields that `PUT` takes.
    pub fn edit_ruleset(&self, repo: &str, name: &str, patch: Value) {
        self.change(repo, |state, id, by| {
            let rulesets = &mut state.repo_by_id(id).rulesets;
            let held = rulesets
                .iter()
                .find(|one| name_of(one) == name)
                .ok_or_else(Reply::not_found)?
                .clone();
            replace(rulesets, changed_ruleset(held, &fields(patch), by.now)?);
            Ok(())
        });
    }

    /// Sets a variable of a repository, new or not.
    pub fn set_variable(&self, repo: &str, name: &str, value: &str) {
        self.change(repo, |state, id, by| {
            set_variable(&mut state.repo_by_id(id).actions.variables, name, value, by.now)
        });
    }

    /// Deletes a variable of a repository.
    pub fn delete_variable(&self, repo: &str, name: &str) {
        self.change(repo, |state, id, _| {
            delete_variable(&mut state.repo_by_id(id).actions.variables, name)
        });
    }

    /// Takes the protection off a branch.
    pub fn unprotect(&self, repo: &str, branch: &str) {
        self.change(repo, |state, id, _| Ok(state.repo_by_id(id).protection.remove(branch)));
    }

    /// Removes a member from the organization and its teams.
    pub fn remove_member(&self, login: &str) {
        self.with(|state| {
            state
                .org
                .members
                .remove(login)
                .unwrap_or_else(|| panic!("{login} is no member"));
            state
                .org
                .teams
                .iter_mut()
                .for_each(|team| drop(team.members.remove(login)));
        });
    }

    /// The logins of the members of the organization.
    pub fn members(&self) -> Vec<String> {
        self.with(|state| state.org.members.keys().cloned().collect())
    }

    /// Sets one field of the organization's profile or settings.
    pub fn edit_org(&self, field: &str, value: Value) {
        self.with(|state| {
            state.org.profile.insert(field.to_owned(), value);
            state.org.updated_at = state.now();
        });
    }
}

fn set_variable(held: &mut Vec<Fields>, name: &str, value: &str, now: Timestamp) -> Result<(), Reply> {
    let body = fields(json!({"name": name, "value": value}));
    if held.iter().any(|variable| name_of(variable).eq_ignore_ascii_case(name)) {
        edit_variable(held, name, &body, now)?;
    } else {
        add_variable(held, &body, false, now)?;
    }
    Ok(())
}
