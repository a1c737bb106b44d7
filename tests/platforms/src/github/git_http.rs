//! Git over HTTP: `git http-backend` behind GitHub's rules of who may read and write.

use std::process::Stdio;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Response, StatusCode};
use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::GitHub;
use super::auth::{Caller, Grant, Level};
use super::state::State;

/// A request for a path like `/{owner}/{repo}.git/info/refs`.
pub(super) struct GitCall {
    pub(super) method: Method,
    pub(super) owner: String,
    pub(super) repo: String,
    pub(super) wiki: bool,
    pub(super) service_path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

const SERVICE_PATHS: &[&str] = &["info/refs", "git-upload-pack", "git-receive-pack", "HEAD"];

impl GitCall {
    /// Takes the path apart, or says that it is no git path.
    pub(super) fn parse(path: &str) -> Option<(String, String, bool, String)> {
        let mut parts = path.trim_start_matches('/').splitn(3, '/');
        let (owner, repo, service) = (parts.next()?, parts.next()?, parts.next()?);
        if !SERVICE_PATHS.contains(&service) || matches!(owner, "repos" | "orgs") {
            return None;
        }
        let repo = repo.strip_suffix(".git").unwrap_or(repo);
        let (repo, wiki) = match repo.strip_suffix(".wiki") {
            Some(repo) => (repo, true),
            None => (repo, false),
        };
        Some((owner.to_owned(), repo.to_owned(), wiki, service.to_owned()))
    }

    fn writes(&self) -> bool {
        self.service_path == "git-receive-pack" || self.query.contains("service=git-receive-pack")
    }
}

pub(super) async fn serve(github: &GitHub, call: GitCall) -> Response<Body> {
    let folder = match github.with(|state| admit(state, &call)) {
        Ok(folder) => folder,
        Err(refusal) => return *refusal,
    };
    let root = github.with(|state| state.git.root().to_owned());
    let output = match backend(&root, &folder.name, &call).await {
        Ok(output) => output,
        Err(error) => return plain(StatusCode::INTERNAL_SERVER_ERROR, &format!("git http-backend: {error}")),
    };
    if call.service_path == "git-receive-pack" && !call.wiki {
        github.with(|state| state.after_push(folder.repo));
    }
    cgi_response(&output)
}

struct Folder {
    repo: u64,
    name: String,
}

fn admit(state: &State, call: &GitCall) -> Result<Folder, Box<Response<Body>>> {
    let authorization = call.headers.get("authorization").and_then(|value| value.to_str().ok());
    let caller = super::auth::caller(state, authorization, state.now(), false).map_err(|_| {
        ask_for_login("Invalid username or token. Password authentication is not supported for Git operations.")
    })?;
    let not_found = || Box::new(plain(StatusCode::NOT_FOUND, "Repository not found."));
    let refused = || match caller {
        Caller::Anonymous => ask_for_login("Repository not found."),
        _ => not_found(),
    };
    let Some(repo) = state.find_repo(&call.owner, &call.repo) else {
        return Err(moved(state, call, &caller).unwrap_or_else(refused));
    };
    if !state.sees(&caller, repo) {
        return Err(refused());
    }
    let level = if call.writes() { Level::Write } else { Level::Read };
    let allowed = match &caller {
        Caller::Token(grant) => grant.reaches(repo, "contents", level),
        _ => !repo.is_private() && level == Level::Read,
    };
    if !allowed {
        return Err(match caller {
            Caller::Anonymous => ask_for_login("Authentication is required to push."),
            _ => Box::new(plain(StatusCode::FORBIDDEN, "Write access to repository not granted.")),
        });
    }
    if repo.archived && call.writes() {
        let message = "This repository was archived so it is read-only.";
        return Err(Box::new(plain(StatusCode::FORBIDDEN, message)));
    }
    let name = if call.wiki {
        format!("{}.wiki.git", repo.id)
    } else {
        format!("{}.git", repo.id)
    };
    if !state.git.exists(&name) {
        return Err(not_found());
    }
    Ok(Folder { repo: repo.id, name })
}

/// Git follows a renamed repository to its new name.
fn moved(state: &State, call: &GitCall, caller: &Caller) -> Option<Box<Response<Body>>> {
    let former = format!("{}/{}", call.owner, call.repo).to_ascii_lowercase();
    let repo = state.former_names.get(&former).and_then(|id| state.repos.get(id))?;
    if !state.sees(caller, repo) {
        return None;
    }
    let host = call
        .headers
        .get("host")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("localhost");
    let wiki = if call.wiki { ".wiki" } else { "" };
    let question = if call.query.is_empty() { "" } else { "?" };
    let location = format!(
        "http://{host}/{}{wiki}.git/{}{question}{}",
        repo.full_name(),
        call.service_path,
        call.query
    );
    let response = Response::builder()
        .status(StatusCode::MOVED_PERMANENTLY)
        .header("location", location);
    response.body(Body::empty()).ok().map(Box::new)
}

impl Grant {
    /// Whether it allows this on a repository; public ones may be read with any token.
    fn reaches(&self, repo: &super::state::Repo, permission: &str, level: Level) -> bool {
        let granted = self.allows(permission, level) && self.covers(repo.id);
        granted || (!repo.is_private() && level == Level::Read)
    }
}

fn ask_for_login(message: &str) -> Box<Response<Body>> {
    let mut response = plain(StatusCode::UNAUTHORIZED, message);
    response.headers_mut().insert(
        "www-authenticate",
        axum::http::HeaderValue::from_static("Basic realm=\"GitHub\""),
    );
    Box::new(response)
}

fn plain(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{message}\n")));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("content-type", axum::http::HeaderValue::from_static("text/plain"));
    response
}

/// Runs the CGI program that git ships for this purpose and returns what it wrote.
async fn backend(root: &std::path::Path, name: &str, call: &GitCall) -> std::io::Result<Vec<u8>> {
    let header = |name: &str| {
        call.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    };
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", format!("/{name}/{}", call.service_path))
        .env("REQUEST_METHOD", call.method.as_str())
        .env("QUERY_STRING", &call.query)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", call.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("REMOTE_USER", "x-access-token")
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().expect("the input was asked to be a pipe");
    let body = call.body.clone();
    let feed = tokio::spawn(async move {
        // The program may stop reading early; what it answers says why.
        let _ = stdin.write_all(&body).await;
    });
    let output = child.wait_with_output().await?;
    feed.abort();
    Ok(output.stdout)
}

fn cgi_response(output: &[u8]) -> Response<Body> {
    let split = output.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(split) = split else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, "git http-backend said nothing");
    };
    let mut response = Response::builder();
    for line in String::from_utf8_lossy(&output[..split]).lines() {
        match line.split_once(": ") {
            Some(("Status", status)) => response = response.status(status.get(..3).unwrap_or("500")),
            Some((name, value)) => response = response.header(name, value),
            None => {}
        }
    }
    let body = Body::from(output[split + 4..].to_vec());
    response
        .body(body)
        .unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "an unreadable header"))
}
