//! The words a connector is declared with, and the HTTP that obeys them.
//!
//! A connector is plain `const` data ([`Connector`], [`Resource`]) and a few pure functions. The engine walks that data; a [`Session`] sends its
//! requests: signed, paced, retried, classified. Nothing here knows any platform.

mod account;
mod auth;
mod client;
mod clock;
mod connector;
mod error;
mod outcome;
mod pacer;
mod paginator;
mod request;
mod secret;
mod send;
mod session;
mod settings;
mod store;
pub mod testing;
mod transfer;

pub use account::Pacers;
pub use clock::SystemClock;
pub use connector::*;
pub use error::KitError;
pub use outcome::{Outcome, Response};
pub use pacer::{Pacer, Patience, Permit};
pub use paginator::PageToken;
pub use request::{Fill, Parent, Prepared, Record, Request};
pub use secret::{Secret, SecretFields};
pub use session::{Answer, Options, Session};
pub use settings::COMMON_SETTINGS;
pub use store::{AllSecrets, AwsSecrets, LocalSecrets, SecretStore};
