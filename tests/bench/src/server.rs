//! The API that is backed up: pages of 100 issues from memory, in a process of its own.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use bytes::Bytes;
use serde::Deserialize;

use crate::issues::{self, FIRST_ID};

/// Records of a page.
pub(crate) const PER_PAGE: u64 = 100;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    records: u64,
}

/// A running server; it ends with this handle.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Such as `http://127.0.0.1:40123`.
    pub(crate) url: String,
}

impl Server {
    /// Starts this program again as a server, and waits until it has made its records.
    pub(crate) fn start(records: u64) -> Result<Self> {
        Self::spawn(&["serve", "--records", &records.to_string()])
    }

    /// Starts this program again with these arguments, which make it serve and print its address.
    pub(crate) fn spawn(arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("the server cannot be started")?;
        let mut url = String::new();
        BufReader::new(child.stdout.take().context("the server has no output")?).read_line(&mut url)?;
        url.truncate(url.trim_end().len());
        Ok(Self { child, url })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which its clients have then noticed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

type Pages = Arc<Vec<Bytes>>;

/// Serves until it is killed, or until its parent is gone, which closes its input.
pub(crate) async fn run(args: &Args) -> Result<()> {
    let ids: Vec<u64> = (FIRST_ID..FIRST_ID + args.records).collect();
    let pages: Vec<_> = ids.chunks(PER_PAGE as usize).map(page).collect();
    serve(Router::new().route("/items", get(items)).with_state(Arc::new(pages))).await
}

/// Prints its address and answers until it is killed, or until its parent is gone.
pub(crate) async fn serve(router: Router) -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let parent_is_gone = tokio::task::spawn_blocking(|| std::io::stdin().lines().count());
    tokio::select! {
        served = axum::serve(listener, router) => served?,
        _ = parent_is_gone => {}
    }
    Ok(())
}

fn page(ids: &[u64]) -> Bytes {
    let records: Vec<_> = ids.iter().map(|id| issues::issue(*id, 0)).collect();
    format!("[{}]", records.join(",")).into()
}

#[derive(Deserialize)]
struct Asked {
    page: Option<usize>,
}

async fn items(State(pages): State<Pages>, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let number = asked.page.unwrap_or(1);
    let Some(body) = number.checked_sub(1).and_then(|at| pages.get(at)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let mut response = ([(header::CONTENT_TYPE, "application/json")], body.clone()).into_response();
    if number < pages.len() {
        let link = format!(
            "<http://{host}/items?per_page={PER_PAGE}&page={}>; rel=\"next\"",
            number + 1
        );
        response
            .headers_mut()
            .extend(HeaderValue::from_str(&link).ok().map(|link| (header::LINK, link)));
    }
    response
}
