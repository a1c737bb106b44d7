//! A simulated GitHub: one organization, behind REST, GraphQL and git.
//!
//! Written from GitHub's REST description (versions 2022-11-28 and 2026-03-10) and its documentation of rate limits,
//! paging, GitHub Apps and discussions, read 2026-11-22. The API, the pages and git answer at the same address, taken
//! from each request's `Host`; `/api/v3` works as a prefix, as on GitHub Enterprise Server.
//!
//! ```no_run
//! # async fn example() {
//! use seatbelt_platforms::Server;
//! use seatbelt_platforms::github::{Counts, GitHub};
//!
//! let github = GitHub::generate(1, &Counts::default());
//! let server = Server::start(github.router()).await;
//! let token = github.owner_token();
//! // ... back `github.org()` up from `server.url()` with `token`, then let people work on:
//! let number = github.open_issue("website", "It broke", "Since this morning.");
//! github.delete_issue("website", number);
//! # }
//! ```
//!
//! What it will not do: packages, gists, LFS, downloads of migration archives, search, webhooks that fire.
//! Names of permissions are those of `x-accepted-github-permissions`, see [`READ_EVERYTHING`].

mod auth;
mod call;
mod change;
mod discussions;
mod edits;
mod gate;
mod generate;
mod generate_repo;
mod git;
mod git_http;
mod gql;
mod issue_views;
mod limits;
mod paging;
mod route_actions;
mod route_app;
mod route_issues;
mod route_org;
mod route_projects;
mod route_pulls;
mod route_releases;
mod route_repo;
mod route_settings;
mod routes;
mod settings;
mod state;
mod views;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::http::{Response, StatusCode};
use jsonwebtoken::DecodingKey;

pub use auth::Level;
use auth::{App, Grant, Holder};
pub use change::Totals;
pub use generate::Counts;
use limits::later;
use state::State;

use crate::SimClock;

/// The private key of the practice app, in PEM. It signs for nothing but this simulation.
pub const PRACTICE_APP_KEY: &str = include_str!("practice-app.private.pem");

const PRACTICE_APP_PUBLIC_KEY: &str = include_str!("practice-app.public.pem");

/// The id of the practice app, one of the two forms its tokens' `iss` may take.
pub const PRACTICE_APP_ID: u64 = 771_002;

/// The client id of the practice app, the other form.
pub const PRACTICE_APP_CLIENT_ID: &str = "Iv23liPracticeApp0001";

/// The installation of the practice app on the organization.
pub const PRACTICE_INSTALLATION: u64 = 5_512_345;

/// Every permission that reading all of an organization takes.
pub const READ_EVERYTHING: &[&str] = &[
    "actions",
    "actions_variables",
    "administration",
    "contents",
    "deployments",
    "discussions",
    "environments",
    "issue_types",
    "issues",
    "members",
    "metadata",
    "organization_actions_variables",
    "organization_administration",
    "organization_custom_org_roles",
    "organization_custom_properties",
    "organization_hooks",
    "organization_projects",
    "organization_secrets",
    "organization_self_hosted_runners",
    "packages",
    "pages",
    "pull_requests",
    "repository_hooks",
    "secrets",
];

/// Largest request body taken: a push, or an asset.
const LARGEST_BODY: usize = 1 << 29;

/// A handle on a simulated GitHub. Clones share it.
#[derive(Clone)]
pub struct GitHub {
    state: Arc<Mutex<State>>,
    clock: SimClock,
}

impl GitHub {
    /// Makes an organization with a life behind it; the same seed and counts give the same one. Its clock is new.
    pub fn generate(seed: u64, counts: &Counts) -> Self {
        Self::generate_at(seed, counts, SimClock::default())
    }

    /// Like [`GitHub::generate`], on a clock shared with others. All of its past lies before the clock's time.
    pub fn generate_at(seed: u64, counts: &Counts, clock: SimClock) -> Self {
        let state = generate::generate(seed, counts, clock.clone());
        let github = Self {
            state: Arc::new(Mutex::new(state)),
            clock,
        };
        let everything: Vec<(&str, Level)> = READ_EVERYTHING.iter().map(|name| (*name, Level::Read)).collect();
        github.install_app(&everything, PRACTICE_APP_PUBLIC_KEY);
        github
    }

    /// The API, the pages' redirects and git, for one server.
    pub fn router(&self) -> Router {
        Router::new().fallback(handle).with_state(self.clone())
    }

    /// The clock that rate limits, tokens and `updated_at` go by.
    pub fn clock(&self) -> &SimClock {
        &self.clock
    }

    /// The login of the organization.
    pub fn org(&self) -> String {
        self.with(|state| state.org.login.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A classic token of an owner of the organization: it may do everything.
    pub fn owner_token(&self) -> String {
        self.token("ghp", None, |state| Holder::Owner(state.first_member("admin")), &[])
    }

    /// A classic token of a member who administrates nothing.
    pub fn member_token(&self) -> String {
        self.token("ghp", None, |state| Holder::Member(state.first_member("member")), &[])
    }

    /// A fine-grained token of an owner with these permissions on all repositories.
    pub fn fine_grained_token(&self, permissions: &[(&str, Level)]) -> String {
        self.token(
            "github_pat",
            None,
            |state| Holder::FineGrained(state.first_member("admin")),
            permissions,
        )
    }

    /// A fine-grained token limited to these repositories.
    pub fn fine_grained_token_for(&self, permissions: &[(&str, Level)], repos: &[&str]) -> String {
        let holder = |state: &State| Holder::FineGrained(state.first_member("admin"));
        self.token("github_pat", Some(repos), holder, permissions)
    }

    fn token(
        &self,
        prefix: &str,
        repos: Option<&[&str]>,
        holder: impl Fn(&State) -> Holder,
        permissions: &[(&str, Level)],
    ) -> String {
        self.with(|state| {
            let token = format!("{prefix}_{:036}", state.new_id());
            let named = |name: &&str| state.find_repo(&state.org.login, name).map(|repo| repo.id);
            let repositories = repos.map(|repos| repos.iter().filter_map(named).collect::<BTreeSet<u64>>());
            let permissions = permissions
                .iter()
                .map(|(name, level)| ((*name).to_owned(), *level))
                .collect();
            let grant = Grant {
                holder: holder(state),
                permissions,
                repositories,
                expires_at: None,
            };
            state.tokens.insert(token.clone(), grant);
            token
        })
    }

    /// Makes a token end after so many seconds of the simulated clock; 0 revokes it.
    pub fn expire_token(&self, token: &str, after_s: u32) {
        self.with(|state| {
            let end = later(state.now(), i64::from(after_s));
            if let Some(grant) = state.tokens.get_mut(token) {
                grant.expires_at = Some(end);
            }
        });
    }

    /// Installs the practice app anew, with these permissions and its public key in PEM.
    ///
    /// # Panics
    /// If the key is not an RSA public key in PEM.
    pub fn install_app(&self, permissions: &[(&str, Level)], public_key: &str) {
        self.with(|state| {
            state.app = Some(App {
                id: PRACTICE_APP_ID,
                client_id: PRACTICE_APP_CLIENT_ID.to_owned(),
                slug: "practice-backup".to_owned(),
                installation: PRACTICE_INSTALLATION,
                permissions: permissions
                    .iter()
                    .map(|(name, level)| ((*name).to_owned(), *level))
                    .collect(),
                created_at: state.org.created_at,
                key: DecodingKey::from_rsa_pem(public_key.as_bytes()).expect("the key is an RSA public key in PEM"),
            });
        });
    }

    /// Sets how many requests an hour a signed-in caller has; `None` restores GitHub's own numbers.
    pub fn limit_per_hour(&self, limit: Option<u64>) {
        self.with(|state| state.limits.per_hour = limit);
    }

    /// Sets how many requests an hour somebody without an account has. 60 at first.
    pub fn limit_anonymous_per_hour(&self, limit: u64) {
        self.with(|state| state.limits.anonymous_per_hour = limit);
    }

    /// Enforces the limits per minute (900 points, 80 new contents) by the simulated clock. Off at first.
    pub fn enforce_secondary_limits(&self, on: bool) {
        self.with(|state| state.limits.secondary = on);
    }

    /// The status of rate-limit refusals: 403 (as at first) or 429.
    pub fn refuse_with(&self, status: u16) {
        self.with(|state| state.limits.refusal_status = status);
    }

    /// Refuses the next `count` requests by the secondary limit, with or without a `retry-after`.
    pub fn refuse_next(&self, count: u32, retry_after_s: Option<u64>) {
        self.with(|state| {
            state.limits.refuse_next = count;
            state.limits.refuse_retry_after_s = retry_after_s;
        });
    }

    /// Whether the bytes of assets come by a redirect (as at first) or directly.
    pub fn redirect_assets(&self, on: bool) {
        self.with(|state| state.switches.assets_redirect = on);
    }

    /// Whether `ETag`s differ from token to token, as GitHub's sometimes do. Off at first.
    pub fn etags_vary_by_token(&self, on: bool) {
        self.with(|state| state.switches.etags_vary_by_token = on);
    }

    /// Requires personal tokens to be authorized for single sign-on, which none is. Off at first.
    pub fn require_sso(&self, on: bool) {
        self.with(|state| state.switches.sso = on);
    }

    /// How many results a walk by `page` may reach on long listings before 422. 10,000 at first.
    pub fn limit_pagination(&self, results: usize) {
        self.with(|state| state.switches.deepest_result = results);
    }

    /// Puts the organization on another plan: `free`, `team` (as at first) or `enterprise`.
    pub fn set_plan(&self, plan: &str) {
        self.with(|state| state.org.plan = plan.to_owned());
    }
}

async fn handle(Shared(github): Shared<GitHub>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return response;
    };
    let query = parts.uri.query().unwrap_or("").to_owned();
    if let Some((owner, repo, wiki, service_path)) = git_http::GitCall::parse(parts.uri.path()) {
        let (method, headers) = (parts.method, parts.headers);
        let call = git_http::GitCall {
            method,
            owner,
            repo,
            wiki,
            service_path,
            query,
            headers,
            body,
        };
        return git_http::serve(&github, call).await;
    }
    let path = parts.uri.path().to_owned();
    let raw = gate::Raw {
        method: parts.method,
        path,
        query,
        headers: parts.headers,
        body,
    };
    github.with(|state| gate::answer(state, raw)).into_response()
}
