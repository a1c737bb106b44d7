//! Repositories: which there are, how they are set, and everything git holds of them.

use seatbelt_connector_kit::{
    BoxFuture, DependsOn, Fetch, File, Key, Kind, KitError, Only, Outcome, Paginator, Parent, Prepared, Records,
    Request, Resource, Response, Restore, Session,
};
use seatbelt_model::{
    RestoreLevel,
    json::{self, Pointer},
};

use crate::{
    git,
    words::{self, IN_PLACE},
};

/// Counts and times that move without anyone changing a setting, and a clone token that is new in every answer.
pub(crate) const COUNTERS: &[&str] = &[
    "/stargazers_count",
    "/watchers_count",
    "/watchers",
    "/forks_count",
    "/forks",
    "/open_issues_count",
    "/open_issues",
    "/size",
    "/network_count",
    "/subscribers_count",
    "/updated_at",
    "/pushed_at",
    "/temp_clone_token",
    "/permissions",
    "/organization",
    "/parent",
    "/source",
    "/owner",
];

/// The repositories of the owner that the credential may see, or those the settings name.
pub(crate) const REPOSITORIES: Resource = Resource {
    volatile: COUNTERS,
    ..words::list(
        "repositories",
        Kind::Metadata,
        DependsOn::Nothing,
        Request::custom(repositories),
        "",
        "/id",
        Restore::Api {
            level: RestoreLevel::R1,
            how: "POST /orgs/{owner}/repos, then push the mirror and set the details",
        },
    )
};

/// For each repository, every run.
pub(crate) const EACH_REPOSITORY: DependsOn = DependsOn::Each(&REPOSITORIES, Only::All);

/// Merge settings, features, topics: the list leaves them out.
pub(crate) const REPOSITORY_DETAILS: Resource = Resource {
    volatile: COUNTERS,
    ..words::one(
        "repository_details",
        EACH_REPOSITORY,
        Request::get("/repos/{repositories.full_name}"),
        IN_PLACE,
    )
};

/// Every ref and object, as a git bundle: `git clone FILE` gives the repository back. Made anew when a ref moved; what a force push took away
/// is in the bundles before.
pub(crate) const GIT: Resource = mirror("git", EACH_REPOSITORY, Request::custom(git::refs));

/// The wiki is a repository beside it.
pub(crate) const WIKIS: Resource = mirror(
    "wikis",
    DependsOn::Each(&REPOSITORIES, Only::If(has_wiki)),
    Request::custom(git::wiki_refs),
);

const fn mirror(name: &'static str, depends_on: DependsOn, request: Request) -> Resource {
    Resource {
        kind: Kind::File(File {
            fetch: Fetch::Custom(git::bundle),
            version: &["/refs"],
            size_bytes: None,
            digest: None,
            name: Some("/file_name"),
        }),
        paginator: Paginator::SinglePage,
        records: Records::At(""),
        key: Key::Only,
        restore: Restore::Api {
            level: RestoreLevel::R4,
            how: "git push --mirror of the bundle, but for refs/pull",
        },
        ..words::list(name, Kind::Metadata, depends_on, request, "", "/id", IN_PLACE)
    }
}

fn has_wiki(repository: &str) -> bool {
    json::text_at(repository, &Pointer::new("/has_wiki")).as_deref() == Some("true")
}

/// An organization and a user list their repositories at different routes, an App at a third.
fn repositories<'a>(session: &'a Session, _: &'a Parent) -> BoxFuture<'a, Result<Vec<String>, KitError>> {
    Box::pin(async move {
        let owner = session.setting("owner").unwrap_or_default();
        let named = session.setting("repositories").unwrap_or_default();
        if !named.trim().is_empty() {
            let mut found = Vec::new();
            for name in named.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                found.extend(list(session, &format!("/repos/{owner}/{name}"), "").await?);
            }
            return Ok(found);
        }
        if session.credential("app_id").is_some() {
            return list(session, "/installation/repositories?per_page=100", "/repositories").await;
        }
        match list(session, &format!("/orgs/{owner}/repos?type=all&per_page=100"), "").await {
            Err(KitError::Unavailable { .. }) => {
                list(session, &format!("/users/{owner}/repos?type=owner&per_page=100"), "").await
            }
            other => other,
        }
    })
}

/// All records of a list, following its links.
async fn list(session: &Session, path: &str, records: &'static str) -> Result<Vec<String>, KitError> {
    let at = "repositories";
    let records = Records::At(records);
    let is_json = |response: &Response| {
        records
            .split(&response.body)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let mut request = Prepared::get(format!("{}{path}", session.base_url()));
        Paginator::LinkHeader.apply(&mut request, token.as_deref());
        let answer = session.send(at, &request, &is_json).await?;
        if answer.outcome == Outcome::Empty {
            return Ok(found);
        }
        let unexpected = |problem: String| KitError::Unexpected {
            at: at.to_owned(),
            problem,
        };
        let page = records
            .split(&answer.response.body)
            .map_err(|error| unexpected(error.to_string()))?;
        let next = Paginator::LinkHeader.next(&answer.response, &page, token.as_deref())?;
        found.extend(page.into_iter().map(|record| record.json.into_owned()));
        if next.is_none() || next == token {
            return Ok(found);
        }
        token = next;
    }
}
