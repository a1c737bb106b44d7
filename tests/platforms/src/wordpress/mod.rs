//! A simulated WordPress site, with WooCommerce if wanted, written from the REST API's documentation.
//!
//! [`Site`] is the state and what people do to it; [`WordPress`] serves it. The API lies under `{url}/wp-json/`, uploads under
//! `{url}/wp-content/uploads/`. Sign in with HTTP Basic, the user's name and an application password.
//!
//! Seen on real servers (6.1 and 6.8), and so here:
//! - A wrong application password counts as none, so public reads answer 200 ([`Site::reject_wrong_passwords`] changes that).
//! - `status=any` leaves out the trash. Meta and term changes made behind the API do not move `modified`. A scheduled post's
//!   modified date lies in the future.
//! - A contributor's `context=edit` list counts all posts; here it shows only his own.
//!
//! Assumed, not seen: many error codes and messages of writes and of the rarer routes; that a page past the end is 400
//! `rest_post_invalid_page_number` for posts of all types but an empty list for comments, terms, users and the shop; that
//! publishing a scheduled post leaves its modified date alone. A client should bear either answer.

mod accounts;
mod generate;
mod generate_shop;
mod records;
mod rest;
mod site;
mod state;
mod woo;

pub use generate::Counts;
pub use records::{ApplicationPassword, Comment, Post, PostType, Revision, Taxonomy, Term, ThemeFile, User};
pub use site::Site;
pub use state::State;
pub use woo::{ShopRecord, Woo};

use crate::Server;

/// What PHP prints before the body when a plugin misbehaves, for [`crate::FaultKind::Prepend`].
pub const PHP_WARNING: &str = "<br />\n<b>Warning</b>:  Undefined array key \"lang\" in <b>/srv/www/plugins/some-plugin/init.php</b> on line <b>42</b><br />\n";

/// The vendor's own 403, for [`crate::FaultKind::Forbidden`].
pub fn forbidden_body() -> String {
    let message = "Sorry, you are not allowed to edit posts in this post type.";
    serde_json::json!({"code": "rest_forbidden_context", "message": message, "data": {"status": 403}}).to_string()
}

/// The rights of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Administrator,
    /// Posts, pages, media, comments and terms of everybody.
    Editor,
    /// Drafts of his own.
    Contributor,
    /// Reads what visitors read.
    Subscriber,
    /// Nobody is signed in.
    None,
}

impl Role {
    pub(super) const ALL: [Self; 4] = [Self::Administrator, Self::Editor, Self::Contributor, Self::Subscriber];

    /// WordPress's name of the role, which is the user name that every generated site has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Editor => "editor",
            Self::Contributor => "contributor",
            Self::Subscriber => "subscriber",
            Self::None => "",
        }
    }

    /// The user name to sign in with.
    pub fn login(self) -> &'static str {
        self.name()
    }

    pub(super) fn strongest(roles: &[String]) -> Self {
        let held = Self::ALL
            .into_iter()
            .find(|role| roles.iter().any(|name| name == role.name()));
        held.unwrap_or(Self::None)
    }
}

/// A served site.
pub struct WordPress {
    /// Where it answers.
    pub server: Server,
    /// Its state.
    pub site: Site,
}

impl WordPress {
    /// Serves a site, whose addresses become those of the server.
    pub async fn start(site: Site) -> Self {
        let server = Server::start(site.router()).await;
        let url = server.url();
        site.with(|state| state.base_url = url);
        Self { server, site }
    }
}
