//! What people and plugins do to a site, without its API.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use bytes::Bytes;
use serde_json::Value;

use super::records::{Comment, Post, Term, User};
use super::state::State;
use super::woo::Woo;
use super::{Counts, Role, accounts, generate, rest};
use crate::SimClock;

/// A handle to a site's state; clones share it.
#[derive(Clone)]
pub struct Site(Arc<Mutex<State>>);

impl Site {
    /// A site as fresh from the installer, with a user for each role and a post type `internal_note` that REST does not show.
    pub fn new(clock: SimClock) -> Self {
        let mut state = State::empty(clock);
        generate::furnish(&mut state);
        Self(Arc::new(Mutex::new(state)))
    }

    /// A site of any size, the same for the same seed and counts.
    pub fn generate(seed: u64, counts: &Counts) -> Self {
        Self::generate_at(seed, counts, SimClock::default())
    }

    /// The same on a clock that is given.
    pub fn generate_at(seed: u64, counts: &Counts, clock: SimClock) -> Self {
        let site = Self::new(clock);
        site.with(|state| generate::fill(state, seed, counts));
        site
    }

    /// The vendor's HTTP API over this state.
    pub fn router(&self) -> Router {
        let site = self.clone();
        crate::exchange::router(move |ask| site.with_untouched(|state| rest::answer(state, ask)))
    }

    /// Reads or changes anything in the state; nothing is stamped.
    pub fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        self.with_untouched(|state| {
            state.touch();
            act(state)
        })
    }

    /// The same for those who say themselves what they touched.
    fn with_untouched<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The clock that stamps changes.
    pub fn clock(&self) -> SimClock {
        self.with_untouched(|state| state.clock.clone())
    }

    /// A new application password of the user who has this role.
    pub fn application_password(&self, role: Role) -> String {
        self.with_untouched(|state| {
            let user = state
                .users
                .values()
                .find(|user| user.username == role.login())
                .map_or(0, |user| user.id);
            accounts::new_password(state, user, "Backup").1
        })
    }

    /// Whether a wrong application password is an error on public reads too; it is not unless set.
    pub fn reject_wrong_passwords(&self, reject: bool) {
        self.with(|state| state.rejects_wrong_passwords = reject);
    }

    /// Lists will count these posts but not show them.
    pub fn unlist(&self, ids: &[u64]) {
        self.with(|state| state.unlisted = ids.iter().copied().collect());
    }

    /// Writes a published post of any type by the editor; returns its id.
    pub fn add_post(&self, kind: &str, title: &str, content: &str) -> u64 {
        self.add(kind, |post| {
            post.title = title.to_owned();
            post.content = content.to_owned();
            post.status = "publish".to_owned();
        })
    }

    /// Writes a post of any type; it starts as an empty draft.
    pub fn add(&self, kind: &str, write: impl FnOnce(&mut Post)) -> u64 {
        self.with(|state| {
            let author = state
                .users
                .values()
                .find(|user| user.username == "editor")
                .map_or(1, |user| user.id);
            let mut post = state.blank(kind, author);
            write(&mut post);
            state.insert(post, true)
        })
    }

    /// Edits a post of any type, which keeps a revision and stamps it; `false` if there is none.
    pub fn edit_post(&self, id: u64, edit: impl FnOnce(&mut Post)) -> bool {
        self.with(|state| {
            let Some(mut post) = state.post(id).cloned() else {
                return false;
            };
            state.keep_revision(id);
            edit(&mut post);
            state.insert(post, false);
            true
        })
    }

    /// Changes a post as a plugin or a query in the database does: without a stamp or a revision.
    pub fn edit_silently(&self, id: u64, edit: impl FnOnce(&mut Post)) -> bool {
        self.with(|state| state.post_mut(id).map(edit).is_some())
    }

    /// Moves a post to the trash.
    pub fn trash(&self, id: u64) -> bool {
        self.with(|state| state.trash(id))
    }

    /// Takes a post out of the trash, as the admin pages do: it becomes what it was.
    pub fn untrash(&self, id: u64) -> bool {
        self.edit_post(id, |post| {
            post.status = std::mem::take(&mut post.status_before_trash);
            post.slug = post.slug.trim_end_matches("__trashed").to_owned();
        })
    }

    /// Deletes a post or a medium for good, without a trace.
    pub fn delete(&self, id: u64) -> bool {
        self.with(|state| state.delete(id).is_some())
    }

    /// A post of any type.
    pub fn post(&self, id: u64) -> Option<Post> {
        self.with_untouched(|state| state.post(id).cloned())
    }

    /// The ids of a post type, in order.
    pub fn ids(&self, kind: &str) -> Vec<u64> {
        self.with_untouched(|state| {
            state
                .posts
                .get(kind)
                .map(|posts| posts.keys().copied().collect())
                .unwrap_or_default()
        })
    }

    /// Uploads a file; returns the attachment's id.
    pub fn upload_media(&self, name: &str, mime: &str, bytes: impl Into<Bytes>) -> u64 {
        self.with(|state| rest::media::store(state, name, mime, bytes.into(), 1))
    }

    /// The bytes of an attachment.
    pub fn media_bytes(&self, id: u64) -> Option<Bytes> {
        self.with_untouched(|state| {
            let path = state.post(id)?.extra.get("file")?.as_str()?.to_owned();
            state.files.get(&path).cloned()
        })
    }

    /// Adds a comment under a post; returns its id.
    pub fn comment(&self, post: u64, parent: u64, name: &str, content: &str, status: &str) -> u64 {
        self.with(|state| {
            let id = state.next_comment;
            state.next_comment += 1;
            let comment = Comment {
                id,
                post,
                parent,
                author: 0,
                author_name: name.to_owned(),
                author_email: format!("{}@example.com", name.to_lowercase().replace(' ', ".")),
                author_url: String::new(),
                author_ip: "192.0.2.7".to_owned(),
                content: content.to_owned(),
                status: status.to_owned(),
                date: state.local(state.now()),
                date_gmt: state.now(),
                meta: serde_json::Map::new(),
            };
            state.comments.insert(id, comment);
            id
        })
    }

    /// Changes a comment, which leaves no stamp; `false` if there is none.
    pub fn edit_comment(&self, id: u64, edit: impl FnOnce(&mut Comment)) -> bool {
        self.with(|state| state.comments.get_mut(&id).map(edit).is_some())
    }

    /// Deletes a comment for good.
    pub fn delete_comment(&self, id: u64) -> bool {
        self.with(|state| state.comments.remove(&id).is_some())
    }

    /// Adds a term; menus are terms of `nav_menu`. Returns its id.
    pub fn add_term(&self, taxonomy: &str, name: &str, parent: u64) -> u64 {
        self.with(|state| generate::add_term(state, taxonomy, name, parent))
    }

    /// Changes a term, which leaves no stamp; `false` if there is none.
    pub fn edit_term(&self, taxonomy: &str, id: u64, edit: impl FnOnce(&mut Term)) -> bool {
        self.with(|state| {
            state
                .terms
                .get_mut(taxonomy)
                .and_then(|terms| terms.get_mut(&id))
                .map(edit)
                .is_some()
        })
    }

    /// Deletes a term.
    pub fn delete_term(&self, taxonomy: &str, id: u64) -> bool {
        self.with(|state| state.delete_term(taxonomy, id).is_some())
    }

    /// Gives a post its terms of a taxonomy, without a stamp, as plugins do.
    pub fn set_terms(&self, post: u64, taxonomy: &str, terms: &[u64]) -> bool {
        self.edit_silently(post, |post| {
            post.terms.insert(taxonomy.to_owned(), terms.to_vec());
        })
    }

    /// Writes meta without a stamp. Unregistered keys are stored, and REST does not show them.
    pub fn set_meta(&self, post: u64, name: &str, value: Value) -> bool {
        self.edit_silently(post, |post| {
            let known = rest::registered_meta(&post.kind).contains(&name);
            let meta = if known { &mut post.meta } else { &mut post.hidden_meta };
            meta.insert(name.to_owned(), value);
        })
    }

    /// Adds a user; returns the id.
    pub fn add_user(&self, username: &str, name: &str, role: Role) -> u64 {
        self.with(|state| generate::add_user(state, username, name, role))
    }

    /// Changes a user, which leaves no stamp; `false` if there is none.
    pub fn edit_user(&self, id: u64, edit: impl FnOnce(&mut User)) -> bool {
        self.with(|state| state.users.get_mut(&id).map(edit).is_some())
    }

    /// Deletes a user; an heir takes the posts, without one they go to the trash.
    pub fn delete_user(&self, id: u64, heir: Option<u64>) {
        self.with(|state| accounts::remove_user(state, id, heir.unwrap_or(0)));
    }

    /// Sets an option; those that `/settings` does not show are stored too.
    pub fn set_option(&self, name: &str, value: impl Into<Value>) {
        self.with(|state| {
            let known = state.settings.contains_key(name);
            let options = if known {
                &mut state.settings
            } else {
                &mut state.hidden_options
            };
            options.insert(name.to_owned(), value.into());
        });
    }

    /// A setting.
    pub fn option(&self, name: &str) -> Option<Value> {
        self.with_untouched(|state| {
            state
                .settings
                .get(name)
                .or_else(|| state.hidden_options.get(name))
                .cloned()
        })
    }

    /// Edits a template or a template part in the site editor: the customized one hides the theme's file.
    pub fn customize_template(&self, kind: &str, slug: &str, content: &str) -> u64 {
        self.with(|state| {
            let known = state
                .posts
                .get(kind)
                .and_then(|posts| posts.values().find(|post| post.slug == slug))
                .cloned();
            let is_new = known.is_none();
            let mut post = known.unwrap_or_else(|| state.blank(kind, 1));
            state.keep_revision(post.id);
            (post.slug, post.content, post.status) = (slug.to_owned(), content.to_owned(), "publish".to_owned());
            if post.title.is_empty() {
                post.title = slug.to_owned();
            }
            state.insert(post, is_new)
        })
    }

    /// Switches the shop on, with its settings, or off, which keeps nothing.
    pub fn shop(&self, on: bool) {
        self.with(|state| state.woo = on.then(Woo::new));
    }

    /// Reads or changes the shop; `None` while it is off.
    pub fn with_shop<T>(&self, act: impl FnOnce(&mut Woo) -> T) -> Option<T> {
        self.with(|state| state.woo.as_mut().map(act))
    }
}
