//! The simulated GitHub, seen from a client's side.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod access;
mod apps;
mod contract;
mod git;
mod graphql;
mod listing;
mod support;
mod writing;
