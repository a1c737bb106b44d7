//! The suites that cut across crates.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop at once, and says when it is skipped"
)]

mod house;
mod lambda;
