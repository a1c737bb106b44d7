//! Stateful, strict simulated vendors, written from their documentation and never from a connector.
//!
//! Each vendor is a plain state (`wordpress::Site`, `practice::Crm`, ...) with two faces: the HTTP API, as documented,
//! and a Rust API with which a test changes the state as people would. A vendor rejects what the real one rejects,
//! pages, throttles and fails as documented. Faults are laid over any of them by [`Server::faults`].
//!
//! ```no_run
//! # async fn example() {
//! use seatbelt_platforms::{FaultKind, Faults, Matcher};
//! use seatbelt_platforms::wordpress::{Counts, Role, Site, WordPress};
//!
//! let site = Site::generate(1, &Counts::default());
//! let vendor = WordPress::start(site).await;
//! let password = vendor.site.application_password(Role::Administrator);
//! vendor.server.faults(Faults::none().rule(Matcher::Nth(3), FaultKind::Status(503, Some(1), String::new())));
//! // ... back it up from `vendor.server.url()` as `Role::Administrator.login()` with `password`.
//! # }
//! ```
//!
//! What it will not do: no vendor reads the real clock (see [`SimClock`]), and none stores anything outside memory.

// A vendor's record with forty fields is one `json!`, which takes a step of recursion for each.
#![recursion_limit = "256"]

pub mod clock;
pub mod exchange;
pub mod github;
pub mod practice;
pub mod server;
pub mod wordpress;

pub use clock::SimClock;
pub use server::{Fault, FaultKind, Faults, Matcher, SeenRequest, Server};
