//! The nouns of a site: posts, comments, terms, users, and what describes them.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil};
use serde_json::{Map, Value};

/// A post of any type: post, page, attachment, menu item, block, template, ...
#[derive(Clone, Debug)]
pub struct Post {
    /// Unique among posts of all types.
    pub id: u64,
    /// The post type: `post`, `page`, `attachment`, `wp_block`, ...
    pub kind: String,
    /// Raw title.
    pub title: String,
    /// Raw content.
    pub content: String,
    /// Raw excerpt; the caption of an attachment.
    pub excerpt: String,
    /// `publish`, `future`, `draft`, `pending`, `private`, `inherit`, `trash`.
    pub status: String,
    /// What the status was before the trash.
    pub status_before_trash: String,
    /// The name in the address.
    pub slug: String,
    /// A user's id.
    pub author: u64,
    /// A post's id, or 0.
    pub parent: u64,
    /// Order among siblings.
    pub menu_order: i64,
    /// Site-local date.
    pub date: civil::DateTime,
    /// The same in UTC; drafts that were never published have none.
    pub date_gmt: Option<Timestamp>,
    /// Site-local time of the last change.
    pub modified: civil::DateTime,
    /// The same in UTC.
    pub modified_gmt: Timestamp,
    /// The password visitors need.
    pub password: String,
    /// `open` or `closed`.
    pub comment_status: String,
    /// `open` or `closed`.
    pub ping_status: String,
    /// Shown first.
    pub sticky: bool,
    /// `standard`, `aside`, ...
    pub format: String,
    /// A template of the theme, or empty.
    pub template: String,
    /// An attachment's id, or 0.
    pub featured_media: u64,
    /// Registered meta.
    pub meta: Map<String, Value>,
    /// Meta that no REST schema shows.
    pub hidden_meta: Map<String, Value>,
    /// Term ids by taxonomy.
    pub terms: BTreeMap<String, Vec<u64>>,
    /// What only this type has: `alt_text`, a menu item's `url`, ...
    pub extra: Map<String, Value>,
}

/// An earlier version of a post.
#[derive(Clone, Debug)]
pub struct Revision {
    /// A post id of its own.
    pub id: u64,
    /// The post as it was.
    pub post: Post,
}

/// A comment.
#[derive(Clone, Debug)]
pub struct Comment {
    /// Unique among comments.
    pub id: u64,
    /// The post it stands under.
    pub post: u64,
    /// The comment it answers, or 0.
    pub parent: u64,
    /// A user's id, or 0.
    pub author: u64,
    /// Name as given.
    pub author_name: String,
    /// Address as given.
    pub author_email: String,
    /// Website as given.
    pub author_url: String,
    /// Where it came from.
    pub author_ip: String,
    /// Raw text.
    pub content: String,
    /// `approved`, `hold`, `spam`, `trash`.
    pub status: String,
    /// Time on the site's clock as it was set then; a change of the site's time zone leaves it.
    pub date: civil::DateTime,
    /// Time in UTC.
    pub date_gmt: Timestamp,
    /// Registered meta.
    pub meta: Map<String, Value>,
}

/// A term of any taxonomy, menus among them.
#[derive(Clone, Debug)]
pub struct Term {
    /// Unique among all terms.
    pub id: u64,
    /// The taxonomy's slug.
    pub taxonomy: String,
    /// Shown name.
    pub name: String,
    /// Name in the address, unique in its taxonomy.
    pub slug: String,
    /// Free text.
    pub description: String,
    /// A term's id, or 0.
    pub parent: u64,
    /// Registered meta.
    pub meta: Map<String, Value>,
    /// Menus only: whether new pages are added by themselves.
    pub auto_add: bool,
}

/// An application password, without its secret.
#[derive(Clone, Debug)]
pub struct ApplicationPassword {
    /// The key.
    pub uuid: String,
    /// The application's own id.
    pub app_id: String,
    /// What the user called it.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last used.
    pub last_used: Option<Timestamp>,
    /// The secret, without spaces.
    pub(super) secret: String,
}

/// A user.
#[derive(Clone, Debug)]
pub struct User {
    /// Unique among users.
    pub id: u64,
    /// The login.
    pub username: String,
    /// Shown name.
    pub name: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Address.
    pub email: String,
    /// Website.
    pub url: String,
    /// Free text.
    pub description: String,
    /// Language, or empty.
    pub locale: String,
    /// Name in addresses.
    pub slug: String,
    /// Role names.
    pub roles: Vec<String>,
    /// When the account was made.
    pub registered: Timestamp,
    /// Registered meta.
    pub meta: Map<String, Value>,
    /// The user's application passwords.
    pub passwords: Vec<ApplicationPassword>,
}

/// A post type.
#[derive(Clone, Debug)]
pub struct PostType {
    /// The key.
    pub slug: String,
    /// Shown name.
    pub name: String,
    /// The part of the path.
    pub rest_base: String,
    /// Whether REST knows it.
    pub show_in_rest: bool,
    /// Whether posts have parents.
    pub hierarchical: bool,
    /// Taxonomies' slugs.
    pub taxonomies: Vec<String>,
}

/// A taxonomy.
#[derive(Clone, Debug)]
pub struct Taxonomy {
    /// The key.
    pub slug: String,
    /// Shown name.
    pub name: String,
    /// The part of the path, and the field of posts.
    pub rest_base: String,
    /// Whether REST knows it.
    pub show_in_rest: bool,
    /// Whether terms have parents.
    pub hierarchical: bool,
    /// Post types' slugs.
    pub types: Vec<String>,
}

/// A template or template part that the theme brings as a file.
#[derive(Clone, Debug)]
pub struct ThemeFile {
    /// `wp_template` or `wp_template_part`.
    pub kind: &'static str,
    /// The second half of its id.
    pub slug: String,
    /// Shown name.
    pub title: String,
    /// Block markup.
    pub content: String,
}
