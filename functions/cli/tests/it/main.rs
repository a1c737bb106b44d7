//! The real binary, in folders of its own, against a simulated vendor.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers fail and speak as tests do"
)]

mod backup;
mod full_disk;
mod golden;
mod kill;
mod manifest;
mod prune;
mod serve;
mod support;
mod usage;
