//! A simulated WordPress as a process, for suites that are not written in Rust: prints one line of JSON with its address and the
//! administrator's login, then serves until it is killed.

// A program for tests fails as they do, and tells what it has to tell.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use seatbelt_platforms::wordpress::{Counts, Role, Site, WordPress};
use serde_json::json;

#[tokio::main]
async fn main() {
    let counts = Counts {
        posts: 30,
        media: 3,
        ..Counts::default()
    };
    let vendor = WordPress::start(Site::generate(7, &counts)).await;
    let password = vendor.site.application_password(Role::Administrator);
    println!(
        "{}",
        json!({ "url": vendor.server.url(), "username": Role::Administrator.login(), "application_password": password })
    );
    std::future::pending::<()>().await;
}
