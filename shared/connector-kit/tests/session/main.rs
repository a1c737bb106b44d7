//! Sessions against a vendor on the loopback interface, on a clock that jumps.

#![allow(clippy::unwrap_used, reason = "a test that fails should say where")]

mod downloads;
mod redirects;
mod refresh;
mod retries;
mod settings;
mod sign_in;
mod tls;
mod tokens;
mod vendor;
