//! The words a connector is declared with, and the HTTP that obeys them.
//!
//! A connector is plain `const` data ([`Connector`], [`Resource`]) and a few pure functions. The engine walks that data; a [`Session`] sends its
//! requests: signed, paced, retried, classified. Nothing here knows any platform.

mod connector;
mod error;
mod outcome;
mod paginator;
mod request;

pub use connector::*;
pub use error::KitError;
pub use outcome::{Outcome, Response};
pub use paginator::PageToken;
pub use request::{Fill, Parent, Prepared, Record, Request};
