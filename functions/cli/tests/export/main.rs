//! `seatbelt export`: whatever is written is read back by another program's reader, and must be what the snapshot holds.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers fail and speak as tests do"
)]

mod native;
mod stop;
#[allow(
    dead_code,
    reason = "this suite needs fewer of the helpers than the one they were made for"
)]
#[path = "../it/support.rs"]
mod support;
mod tables;
mod world;
