//! Who asks, and what they may see: anonymous readers, owners, members, fine-grained tokens, and GitHub Apps.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use super::call::{Call, Reply};
use super::state::{Repo, State};

/// How far a permission reaches. `Write` includes `Read`, `Admin` includes both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// May read.
    Read,
    /// May read and change.
    Write,
    /// May read, change and manage.
    Admin,
}

impl Level {
    pub(super) fn word(self) -> &'static str {
        match self {
            Level::Read => "read",
            Level::Write => "write",
            Level::Admin => "admin",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        match word {
            "read" => Some(Level::Read),
            "write" => Some(Level::Write),
            "admin" => Some(Level::Admin),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// An owner of the organization with a classic token of all scopes.
    Owner(String),
    /// A member without administration rights, with a classic token.
    Member(String),
    FineGrained(String),
    Installation(u64),
}

/// What one token stands for.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) holder: Holder,
    pub(super) permissions: BTreeMap<String, Level>,
    /// The repositories it is limited to; `None` is all of the organization's.
    pub(super) repositories: Option<BTreeSet<u64>>,
    pub(super) expires_at: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub(super) enum Caller {
    Anonymous,
    /// A GitHub App signing with its key.
    App,
    Token(Grant),
}

impl Caller {
    pub(super) fn name(&self) -> String {
        match self {
            Caller::Anonymous => "anonymous".to_owned(),
            Caller::App => "app".to_owned(),
            Caller::Token(grant) => match &grant.holder {
                Holder::Owner(login) | Holder::Member(login) | Holder::FineGrained(login) => login.clone(),
                Holder::Installation(id) => id.to_string(),
            },
        }
    }

    pub(super) fn is_owner(&self) -> bool {
        matches!(
            self,
            Caller::Token(Grant {
                holder: Holder::Owner(_),
                ..
            })
        )
    }
}

pub(super) struct App {
    pub(super) id: u64,
    pub(super) client_id: String,
    pub(super) slug: String,
    pub(super) installation: u64,
    pub(super) permissions: BTreeMap<String, Level>,
    pub(super) created_at: Timestamp,
    pub(super) key: DecodingKey,
}

/// What anybody may read of a public repository.
const PUBLIC: &[&str] = &[
    "metadata",
    "contents",
    "issues",
    "pull_requests",
    "discussions",
    "actions",
    "deployments",
];

/// What a member without administration rights may read of every repository of the organization.
const MEMBERS_READ: &[&str] = &[
    "members",
    "organization_projects",
    "issue_types",
    "organization_custom_properties",
    "packages",
];

impl Grant {
    pub(super) fn allows(&self, permission: &str, level: Level) -> bool {
        match &self.holder {
            Holder::Owner(_) => true,
            Holder::Member(_) => {
                (PUBLIC.contains(&permission) || MEMBERS_READ.contains(&permission))
                    && (level == Level::Read || matches!(permission, "contents" | "issues" | "pull_requests"))
            }
            Holder::FineGrained(_) | Holder::Installation(_) => {
                (permission == "metadata" && level == Level::Read)
                    || self.permissions.get(permission).is_some_and(|held| *held >= level)
            }
        }
    }

    pub(super) fn covers(&self, repo: u64) -> bool {
        self.repositories.as_ref().is_none_or(|repos| repos.contains(&repo))
    }
}

/// Reads the `Authorization` header. `jwt_expected` is set for `/app`, where an app signs instead of showing a token.
pub(super) fn caller(state: &State, authorization: Option<&str>, now: Timestamp, jwt: bool) -> Result<Caller, Reply> {
    let Some(value) = authorization else {
        if jwt {
            return Err(Reply::error(401, "A JSON web token could not be decoded"));
        }
        return Ok(Caller::Anonymous);
    };
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    let token = match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => rest.trim().to_owned(),
        "basic" => basic_password(rest).ok_or_else(bad_credentials)?,
        _ => return Err(bad_credentials()),
    };
    if jwt {
        let app = state.app.as_ref().ok_or_else(bad_credentials)?;
        return app.check_jwt(&token, now).map(|()| Caller::App);
    }
    let grant = state.tokens.get(&token).ok_or_else(bad_credentials)?;
    if grant.expires_at.is_some_and(|end| end <= now) {
        return Err(bad_credentials());
    }
    Ok(Caller::Token(grant.clone()))
}

fn basic_password(encoded: &str) -> Option<String> {
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

fn bad_credentials() -> Reply {
    Reply::error(401, "Bad credentials")
}

impl App {
    /// GitHub's rules for an app's token: RS256, signed by the app, at most ten minutes long, issued in the past.
    fn check_jwt(&self, token: &str, now: Timestamp) -> Result<(), Reply> {
        let undecodable = || Reply::error(401, "A JSON web token could not be decoded");
        let parts: Vec<&str> = token.split('.').collect();
        let &[header, claims, signature] = parts.as_slice() else {
            return Err(undecodable());
        };
        let header = json_part(header).ok_or_else(undecodable)?;
        if header["alg"] != "RS256" {
            return Err(undecodable());
        }
        let signed = &token[..token.len() - signature.len() - 1];
        let valid = jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &self.key, Algorithm::RS256);
        if !valid.unwrap_or(false) {
            return Err(undecodable());
        }
        self.check_claims(&json_part(claims).ok_or_else(undecodable)?, now.as_second())
    }

    fn check_claims(&self, claims: &Value, now_s: i64) -> Result<(), Reply> {
        let refuse = |message: &str| Err(Reply::error(401, message));
        let Some(issued) = claims["iat"].as_i64().filter(|issued| *issued <= now_s) else {
            return refuse(
                "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
            );
        };
        let Some(expires) = claims["exp"].as_i64().filter(|expires| *expires > now_s) else {
            return refuse(
                "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the \
                 assertion expires",
            );
        };
        if expires > now_s + 600 || expires - issued > 660 {
            return refuse("'Expiration time' claim ('exp') is too far in the future");
        }
        let issuer = match &claims["iss"] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return refuse("'Issuer' claim ('iss') must be a String or an Integer"),
        };
        if issuer != self.id.to_string() && issuer != self.client_id {
            return Err(Reply::error(404, "Integration not found"));
        }
        Ok(())
    }
}

fn json_part(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

impl State {
    pub(super) fn sees(&self, caller: &Caller, repo: &Repo) -> bool {
        !repo.is_private() || matches!(caller, Caller::Token(grant) if grant.covers(repo.id))
    }

    /// The repository, if the caller may do this to it; otherwise the answer GitHub gives.
    pub(super) fn repo_for(
        &self,
        call: &Call,
        owner: &str,
        name: &str,
        permission: &str,
        level: Level,
    ) -> Result<&Repo, Reply> {
        let Some(repo) = self.find_repo(owner, name) else {
            return Err(self.moved_or_missing(call, owner, name));
        };
        if !self.sees(&call.caller, repo) {
            return Err(Reply::not_found());
        }
        let public_read = !repo.is_private() && level == Level::Read && PUBLIC.contains(&permission);
        match &call.caller {
            _ if public_read => {}
            Caller::Anonymous | Caller::App => return Err(Reply::error(401, "Requires authentication")),
            Caller::Token(grant) if grant.allows(permission, level) && grant.covers(repo.id) => {}
            Caller::Token(grant) => return Err(denied(grant, permission, level)),
        }
        if level > Level::Read && repo.archived && !(permission == "administration" && call.segments.len() == 3) {
            return Err(Reply::error(403, "Repository was archived so is read-only."));
        }
        Ok(repo)
    }

    pub(super) fn repo_mut(
        &mut self,
        call: &Call,
        owner: &str,
        name: &str,
        permission: &str,
    ) -> Result<&mut Repo, Reply> {
        let id = self.repo_for(call, owner, name, permission, Level::Write)?.id;
        Ok(self.repos.get_mut(&id).expect("the repository was found a line above"))
    }

    fn moved_or_missing(&self, call: &Call, owner: &str, name: &str) -> Reply {
        let former = format!("{owner}/{name}").to_ascii_lowercase();
        let repo = self.former_names.get(&former).and_then(|id| self.repos.get(id));
        let Some(repo) = repo.filter(|repo| self.sees(&call.caller, repo)) else {
            return Reply::not_found();
        };
        let mut url = format!("{}/repositories/{}", call.site.base, repo.id);
        for segment in call.segments.iter().skip(3) {
            url.push('/');
            url.push_str(segment);
        }
        if !call.query.is_empty() {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&call.query)
                .finish();
            url = format!("{url}?{query}");
        }
        let status = if call.is_read() { 301 } else { 307 };
        let body = serde_json::json!({
            "message": "Moved Permanently",
            "url": url,
            "documentation_url": "https://docs.github.com/rest",
        });
        Reply::json(status, body).with("location", url)
    }

    /// Lets the call through if it may do this to the organization.
    pub(super) fn org_for(&self, call: &Call, login: &str, permission: &str, level: Level) -> Result<(), Reply> {
        if !self.org.login.eq_ignore_ascii_case(login) {
            return Err(Reply::not_found());
        }
        match &call.caller {
            _ if permission == "metadata" && level == Level::Read => Ok(()),
            Caller::Anonymous | Caller::App => Err(Reply::error(401, "Requires authentication")),
            Caller::Token(grant) if grant.allows(permission, level) => Ok(()),
            Caller::Token(grant) => Err(denied(grant, permission, level)),
        }
    }
}

fn denied(grant: &Grant, permission: &str, level: Level) -> Reply {
    let message = match grant.holder {
        Holder::Installation(_) => "Resource not accessible by integration",
        Holder::FineGrained(_) => "Resource not accessible by personal access token",
        Holder::Owner(_) | Holder::Member(_) => return Reply::error(403, "Must have admin rights to Repository."),
    };
    Reply::error(403, message).with(
        "x-accepted-github-permissions",
        format!("{permission}={}", level.word()),
    )
}
