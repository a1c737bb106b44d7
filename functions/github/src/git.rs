//! Git data through the `git` program: refs by `ls-remote`, bytes as a bundle of a mirror clone.
//!
//! The credential reaches git by environment, never by its arguments, which other users of the machine may see.

use std::{path::Path, process::Stdio, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::StreamExt;
use seatbelt_connector_kit::{BodyStream, BoxFuture, KitError, Parent, Session};
use seatbelt_model::json::{self, Pointer};
use serde_json::{Map, Value, json};
use tokio::process::Command;
use tokio_util::io::ReaderStream;

/// Before each further try.
const WAITS: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(30)];

/// How git words what may pass: the server's errors, and connections that break.
const PASSING: &[&str] = &[
    "returned error: 5",
    "returned error: 429",
    "RPC failed",
    "early EOF",
    "expected flush after",
    "hung up",
    "disconnect",
    "timed out",
    "Connection reset",
    "Empty reply",
    "Failed to connect",
    "Could not resolve",
];

/// A mirror of a large repository takes its time, but one that hangs must not hold the run for ever.
const PATIENCE_S: &str = "1800";

/// The repository's refs, as the one record of its mirror.
pub(crate) fn refs<'a>(session: &'a Session, repository: &'a Parent) -> BoxFuture<'a, Result<Vec<String>, KitError>> {
    Box::pin(async move { list(session, repository, "git", "/clone_url", "").await })
}

/// The refs of the repository's wiki; none if nobody wrote a page yet.
pub(crate) fn wiki_refs<'a>(
    session: &'a Session,
    repository: &'a Parent,
) -> BoxFuture<'a, Result<Vec<String>, KitError>> {
    Box::pin(async move { list(session, repository, "wikis", "/clone_url", ".wiki").await })
}

async fn list(
    session: &Session,
    repository: &Parent,
    at: &str,
    url: &str,
    suffix: &str,
) -> Result<Vec<String>, KitError> {
    let clone_url = repository.text(url).ok_or_else(|| KitError::Unexpected {
        at: at.to_owned(),
        problem: "a repository has no clone_url".into(),
    })?;
    let url = format!("{}{suffix}.git", clone_url.trim_end_matches(".git"));
    let listing = match run(session, at, &["ls-remote", "--quiet", &url], &url, None).await {
        Ok(listing) => listing,
        // A wiki without a page has no repository. Anything else git complains of is a failure, or it would pass for a removal.
        Err(Failure::Git(said)) if !suffix.is_empty() && said.ends_with("not found") => return Ok(Vec::new()),
        Err(failure) => return Err(failure.into_error(at)),
    };
    let refs: Map<String, Value> = listing
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(oid, name)| (name.to_owned(), oid.into()))
        .collect();
    let name = repository.text("/name").unwrap_or_else(|| "repository".into());
    let record = json!({
        "full_name": repository.text("/full_name"),
        "clone_url": url,
        "file_name": format!("{name}{suffix}.bundle"),
        "refs": refs,
    });
    Ok(vec![record.to_string()])
}

/// All refs and objects of the mirror's record, as a bundle that `git clone` reads. `None` for an empty repository.
pub(crate) fn bundle<'a>(session: &'a Session, record: &'a str) -> BoxFuture<'a, Result<Option<BodyStream>, KitError>> {
    Box::pin(async move {
        let text = |pointer| json::text_at(record, &Pointer::new(pointer));
        let url = text("/clone_url").unwrap_or_default().into_owned();
        if json::find(record, &Pointer::new("/refs")).is_none_or(|refs| refs == "{}") {
            return Ok(None);
        }
        let at = text("/full_name").map_or_else(|| "git".to_owned(), |name| format!("git of {name}"));
        let local = |problem: String| KitError::Local {
            at: at.clone(),
            problem,
        };
        let folder = tempfile::tempdir().map_err(|error| {
            local(format!(
                "no folder for the clone: {error}; free space on the temporary disk"
            ))
        })?;
        let mirror = folder.path().join("mirror.git");
        let mirror_path = mirror.to_string_lossy().into_owned();
        run(
            session,
            &at,
            &["clone", "--quiet", "--mirror", &url, &mirror_path],
            &url,
            None,
        )
        .await
        .map_err(|failure| failure.into_error(&at))?;
        run(
            session,
            &at,
            &["bundle", "create", "--quiet", "../all.bundle", "--all"],
            &url,
            Some(&mirror),
        )
        .await
        .map_err(|failure| failure.into_error(&at))?;
        let file = tokio::fs::File::open(folder.path().join("all.bundle")).await;
        let file = file.map_err(|error| local(format!("the bundle cannot be read back: {error}")))?;
        let chunks = ReaderStream::with_capacity(file, 1 << 20).map(move |chunk| {
            // The folder lives as long as the stream that reads from it.
            let _ = &folder;
            chunk.map_err(|error| KitError::Local {
                at: at.clone(),
                problem: format!("the bundle cannot be read back: {error}"),
            })
        });
        Ok(Some(Box::pin(chunks) as BodyStream))
    })
}

enum Failure {
    Missing(std::io::Error),
    Git(String),
    Credential(KitError),
}

impl Failure {
    fn into_error(self, at: &str) -> KitError {
        match self {
            Self::Missing(error) => KitError::Local {
                at: at.to_owned(),
                problem: format!(
                    "the program `git` cannot be run ({error}); install it where Seatbelt runs, or exclude git and wikis in the scope"
                ),
            },
            Self::Git(said) => KitError::Refused {
                at: at.to_owned(),
                said,
            },
            Self::Credential(error) => error,
        }
    }
}

/// Runs git, again and again while what it meets may pass.
async fn run(
    session: &Session,
    at: &str,
    arguments: &[&str],
    url: &str,
    folder: Option<&Path>,
) -> Result<String, Failure> {
    for wait in WAITS {
        match attempt(session, at, arguments, url, folder).await {
            Err(Failure::Git(said)) if PASSING.iter().any(|sign| said.contains(sign)) => {
                session.clock().sleep(wait).await
            }
            outcome => return outcome,
        }
    }
    attempt(session, at, arguments, url, folder).await
}

async fn attempt(
    session: &Session,
    at: &str,
    arguments: &[&str],
    url: &str,
    folder: Option<&Path>,
) -> Result<String, Failure> {
    let mut command = Command::new("git");
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_ASKPASS", "true")
        .env("GIT_HTTP_LOW_SPEED_LIMIT", "1")
        .env("GIT_HTTP_LOW_SPEED_TIME", PATIENCE_S);
    if let Some(token) = session.bearer().await.map_err(Failure::Credential)? {
        let basic = STANDARD.encode(format!("x-access-token:{}", token.expose()));
        command
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", format!("http.{url}.extraHeader"))
            .env("GIT_CONFIG_VALUE_0", format!("Authorization: Basic {basic}"));
    }
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    let output = command.output().await.map_err(Failure::Missing)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said
        .lines()
        .rfind(|line| !line.trim().is_empty())
        .unwrap_or("no message");
    Err(Failure::Git(format!(
        "git {} for {at}: {}",
        arguments[0],
        last.trim().trim_end_matches(['.', '\''])
    )))
}
