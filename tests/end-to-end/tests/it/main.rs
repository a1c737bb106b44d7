//! The suites that cut across crates.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod house;
mod lambda;
