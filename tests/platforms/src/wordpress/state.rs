//! What a simulated site stores, and the few rules that hold whoever changes it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, civil};
use serde_json::{Map, Value};

use super::records::{Comment, Post, PostType, Revision, Taxonomy, Term, ThemeFile, User};
use super::woo::Woo;
use crate::SimClock;

/// Lists of ids remembered between the pages of a walk.
const CACHED_LISTS: usize = 8;

/// All that a site stores.
pub struct State {
    /// The clock that stamps changes.
    pub clock: SimClock,
    /// Where the site answers, without a slash at its end.
    pub base_url: String,
    /// The options that `/settings` shows.
    pub settings: Map<String, Value>,
    /// Options that REST does not show.
    pub hidden_options: Map<String, Value>,
    /// Post types by slug.
    pub types: BTreeMap<String, PostType>,
    /// Taxonomies by slug.
    pub taxonomies: BTreeMap<String, Taxonomy>,
    /// Posts by type, then id.
    pub posts: BTreeMap<String, BTreeMap<u64, Post>>,
    /// Earlier versions by post.
    pub revisions: BTreeMap<u64, Vec<Revision>>,
    /// Comments by id.
    pub comments: BTreeMap<u64, Comment>,
    /// Terms by taxonomy, then id.
    pub terms: BTreeMap<String, BTreeMap<u64, Term>>,
    /// Users by id.
    pub users: BTreeMap<u64, User>,
    /// Plugins by file, as REST shows them.
    pub plugins: BTreeMap<String, Map<String, Value>>,
    /// Themes by stylesheet, as REST shows them.
    pub themes: BTreeMap<String, Map<String, Value>>,
    /// Files of the active theme.
    pub theme_files: Vec<ThemeFile>,
    /// Menu locations: slug to description and menu id (or 0).
    pub menu_locations: BTreeMap<String, (String, u64)>,
    /// Sidebars: id to name and widget ids in order.
    pub sidebars: BTreeMap<String, (String, Vec<String>)>,
    /// Widgets: id to raw instance.
    pub widgets: BTreeMap<String, Value>,
    /// Uploaded bytes by path below `/wp-content/uploads/`.
    pub files: HashMap<String, Bytes>,
    /// The shop, if the plugin is on.
    pub woo: Option<Woo>,
    /// Posts that lists count but do not show, as some plugins and roles cause.
    pub unlisted: BTreeSet<u64>,
    /// Whether a wrong application password is an error even where none is needed.
    pub rejects_wrong_passwords: bool,
    pub(super) scheduled: BTreeSet<(Timestamp, String, u64)>,
    pub(super) next_id: u64,
    pub(super) next_comment: u64,
    pub(super) next_term: u64,
    pub(super) next_user: u64,
    pub(super) next_secret: u64,
    /// Moves with every change, so that cached lists are dropped.
    version: u64,
    lists: Vec<(u64, String, Arc<Vec<u64>>)>,
    counts: (u64, HashMap<u64, u64>),
}

impl State {
    pub(super) fn empty(clock: SimClock) -> Self {
        Self {
            clock,
            base_url: "http://localhost".to_owned(),
            settings: Map::new(),
            hidden_options: Map::new(),
            types: BTreeMap::new(),
            taxonomies: BTreeMap::new(),
            posts: BTreeMap::new(),
            revisions: BTreeMap::new(),
            comments: BTreeMap::new(),
            terms: BTreeMap::new(),
            users: BTreeMap::new(),
            plugins: BTreeMap::new(),
            themes: BTreeMap::new(),
            theme_files: Vec::new(),
            menu_locations: BTreeMap::new(),
            sidebars: BTreeMap::new(),
            widgets: BTreeMap::new(),
            files: HashMap::new(),
            woo: None,
            unlisted: BTreeSet::new(),
            rejects_wrong_passwords: false,
            scheduled: BTreeSet::new(),
            next_id: 1,
            next_comment: 1,
            next_term: 1,
            next_user: 1,
            next_secret: 1,
            version: 0,
            lists: Vec::new(),
            counts: (u64::MAX, HashMap::new()),
        }
    }

    /// The time as the database stores it: whole seconds.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_second(self.clock.now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The site's time zone: `timezone`, or else `gmt_offset`.
    pub fn time_zone(&self) -> TimeZone {
        let named = self
            .settings
            .get("timezone")
            .and_then(Value::as_str)
            .filter(|name| !name.is_empty());
        named.and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(|| {
            let hours = self
                .hidden_options
                .get("gmt_offset")
                .and_then(Value::as_f64)
                .unwrap_or(0.0);
            Offset::from_seconds((hours * 3600.0) as i32).map_or(TimeZone::UTC, Offset::to_time_zone)
        })
    }

    /// A UTC time on the site's clock.
    pub fn local(&self, time: Timestamp) -> civil::DateTime {
        self.time_zone().to_datetime(time)
    }

    /// The settings' title.
    pub(super) fn setting(&self, name: &str) -> String {
        self.settings
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    /// Says that something changed: cached lists and counts are dropped.
    pub(super) fn touch(&mut self) {
        self.version += 1;
    }

    /// A free post id.
    pub(super) fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// A post of any type.
    pub fn post(&self, id: u64) -> Option<&Post> {
        self.posts.values().find_map(|posts| posts.get(&id))
    }

    pub(super) fn post_mut(&mut self, id: u64) -> Option<&mut Post> {
        self.touch();
        self.posts.values_mut().find_map(|posts| posts.get_mut(&id))
    }

    /// A draft of a post of this type, dated now, which [`Self::insert`] stores.
    pub(super) fn blank(&mut self, kind: &str, author: u64) -> Post {
        let now = self.now();
        let local = self.local(now);
        Post {
            id: self.take_id(),
            kind: kind.to_owned(),
            title: String::new(),
            content: String::new(),
            excerpt: String::new(),
            status: "draft".to_owned(),
            status_before_trash: String::new(),
            slug: String::new(),
            author,
            parent: 0,
            menu_order: 0,
            date: local,
            date_gmt: None,
            modified: local,
            modified_gmt: now,
            password: String::new(),
            comment_status: if kind == "post" { "open" } else { "closed" }.to_owned(),
            ping_status: if kind == "post" { "open" } else { "closed" }.to_owned(),
            sticky: false,
            format: "standard".to_owned(),
            template: String::new(),
            featured_media: 0,
            meta: Map::new(),
            hidden_meta: Map::new(),
            terms: BTreeMap::new(),
            extra: Map::new(),
        }
    }

    /// Stores a post, new or changed, as `wp_insert_post` does: dates, slug, scheduling.
    pub(super) fn insert(&mut self, mut post: Post, is_new: bool) -> u64 {
        let now = self.now();
        if !matches!(post.status.as_str(), "draft" | "pending" | "auto-draft" | "trash") && post.date_gmt.is_none() {
            post.date_gmt = Some(now);
            post.date = self.local(now);
        }
        let date = post.date_gmt;
        match post.status.as_str() {
            "publish" if date.is_some_and(|date| date > now) => post.status = "future".to_owned(),
            "future" if date.is_none_or(|date| date <= now) => post.status = "publish".to_owned(),
            _ => {}
        }
        (post.modified_gmt, post.modified) = (now, self.local(now));
        if let (true, "future", Some(date)) = (is_new, post.status.as_str(), date) {
            // A scheduled post starts with its modified date in the future, as WordPress writes it.
            (post.modified_gmt, post.modified) = (date, self.local(date));
        }
        if post.slug.is_empty() && !matches!(post.status.as_str(), "draft" | "pending" | "auto-draft") {
            post.slug = slugify(&post.title, post.id);
        }
        if !post.slug.is_empty() {
            post.slug = self.free_slug(&post);
        }
        self.store(post)
    }

    /// Stores a post exactly as it is.
    pub(super) fn store(&mut self, post: Post) -> u64 {
        self.touch();
        let id = post.id;
        self.next_id = self.next_id.max(id + 1);
        if let ("future", Some(date)) = (post.status.as_str(), post.date_gmt) {
            self.scheduled.insert((date, post.kind.clone(), id));
        }
        self.posts.entry(post.kind.clone()).or_default().insert(id, post);
        id
    }

    fn free_slug(&self, post: &Post) -> String {
        let Some(siblings) = self.posts.get(&post.kind) else {
            return post.slug.clone();
        };
        let taken = |slug: &str| {
            siblings
                .values()
                .any(|other| other.id != post.id && other.slug == slug && other.parent == post.parent)
        };
        let numbered = (1u32..).map(|n| {
            if n == 1 {
                post.slug.clone()
            } else {
                format!("{}-{n}", post.slug)
            }
        });
        numbered.into_iter().find(|slug| !taken(slug)).unwrap_or_default()
    }

    /// Keeps the post as it is now as a revision.
    pub(super) fn keep_revision(&mut self, id: u64) {
        let Some(post) = self.post(id).filter(|post| has_revisions(&post.kind)).cloned() else {
            return;
        };
        let revision = Revision {
            id: self.take_id(),
            post,
        };
        self.revisions.entry(id).or_default().push(revision);
    }

    /// Moves to the trash, which stamps the post and renames its slug.
    pub(super) fn trash(&mut self, id: u64) -> bool {
        let now = self.now();
        let local = self.local(now);
        let Some(post) = self.post_mut(id).filter(|post| post.status != "trash") else {
            return false;
        };
        post.status_before_trash = std::mem::replace(&mut post.status, "trash".to_owned());
        (post.modified, post.modified_gmt) = (local, now);
        if !post.slug.is_empty() && !post.slug.ends_with("__trashed") {
            post.slug.push_str("__trashed");
        }
        true
    }

    /// Deletes for good: comments and revisions go too, children move up, featured images are cleared without a stamp.
    pub(super) fn delete(&mut self, id: u64) -> Option<Post> {
        self.touch();
        let kind = self.post(id)?.kind.clone();
        let post = self.posts.get_mut(&kind)?.remove(&id)?;
        self.revisions.remove(&id);
        self.comments.retain(|_, comment| comment.post != id);
        for other in self
            .posts
            .get_mut(&kind)?
            .values_mut()
            .filter(|other| other.parent == id)
        {
            other.parent = post.parent;
        }
        if kind == "attachment" {
            let paths = super::rest::media::paths_of(&post);
            paths.iter().for_each(|path| drop(self.files.remove(path)));
            let holders = self.posts.values_mut().flat_map(BTreeMap::values_mut);
            holders
                .filter(|other| other.featured_media == id)
                .for_each(|other| other.featured_media = 0);
        }
        Some(post)
    }

    /// Publishes what is due, as the site's cron does: the modified date stays as it was.
    pub(super) fn publish_due(&mut self) {
        let now = self.now();
        while let Some((date, _, _)) = self.scheduled.first()
            && *date <= now
        {
            let Some((_, kind, id)) = self.scheduled.pop_first() else {
                return;
            };
            self.touch();
            let post = self.posts.get_mut(&kind).and_then(|posts| posts.get_mut(&id));
            if let Some(post) = post.filter(|post| post.status == "future") {
                post.status = "publish".to_owned();
            }
        }
    }

    /// Deletes a term; posts lose it without a stamp, children move up.
    pub(super) fn delete_term(&mut self, taxonomy: &str, id: u64) -> Option<Term> {
        self.touch();
        let terms = self.terms.get_mut(taxonomy)?;
        let term = terms.remove(&id)?;
        terms
            .values_mut()
            .filter(|other| other.parent == id)
            .for_each(|other| other.parent = term.parent);
        for post in self.posts.values_mut().flat_map(BTreeMap::values_mut) {
            if let Some(ids) = post.terms.get_mut(taxonomy) {
                ids.retain(|other| *other != id);
            }
        }
        if taxonomy == "nav_menu" {
            self.menu_locations
                .values_mut()
                .filter(|(_, menu)| *menu == id)
                .for_each(|(_, menu)| *menu = 0);
        }
        Some(term)
    }

    /// The ids of a list in order; computed once for all its pages while nothing changes.
    pub(super) fn list(&mut self, key: String, ids: impl FnOnce(&Self) -> Vec<u64>) -> Arc<Vec<u64>> {
        let version = self.version;
        if let Some((_, _, ids)) = self.lists.iter().find(|(at, name, _)| *at == version && *name == key) {
            return ids.clone();
        }
        let ids = Arc::new(ids(self));
        self.lists.retain(|(at, _, _)| *at == version);
        if self.lists.len() == CACHED_LISTS {
            self.lists.remove(0);
        }
        self.lists.push((version, key, ids.clone()));
        ids
    }

    /// How many published posts a term has.
    pub(super) fn term_count(&mut self, id: u64) -> u64 {
        if self.counts.0 != self.version {
            let mut counts: HashMap<u64, u64> = HashMap::new();
            let published = self
                .posts
                .values()
                .flat_map(BTreeMap::values)
                .filter(|post| post.status == "publish");
            for term in published.flat_map(|post| post.terms.values().flatten()) {
                *counts.entry(*term).or_default() += 1;
            }
            self.counts = (self.version, counts);
        }
        self.counts.1.get(&id).copied().unwrap_or(0)
    }
}

fn has_revisions(kind: &str) -> bool {
    !matches!(kind, "attachment" | "nav_menu_item" | "wp_font_family")
}

/// A name for an address: lower case, letters and digits, hyphens between.
pub(super) fn slugify(title: &str, id: u64) -> String {
    let words: Vec<String> = title
        .to_lowercase()
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    if words.is_empty() {
        id.to_string()
    } else {
        words.join("-")
    }
}
