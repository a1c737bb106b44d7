//! The words a connector is declared with, and the HTTP that obeys them.
//!
//! A connector is plain `const` data ([`Connector`], [`Resource`]) and a few pure functions. The engine walks that data; a
//! [`Session`] sends its requests: signed, paced, retried, classified. Nothing here knows any platform.
//!
//! - All sessions of one vendor account share a [`Pacer`], and a token where the scheme has one; hand the same [`Pacers`] to all.
//! - A credential goes to the origin of the connector's base URL and nowhere else: not with a redirect, not with a download.
//! - Time is handed in as a [`Clock`](seatbelt_model::Clock): [`SystemClock`], or [`testing::FakeClock`] where no test must wait.
//! - What is read may be asked for twice. A write that may not be is sent once, and says so when nobody knows what became of it.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use seatbelt_connector_kit::{Connector, KitError, LocalSecrets, Options, Pacers, Prepared, Session, SystemClock};
//! # async fn example(connector: &'static Connector) -> Result<(), KitError> {
//! let options = Options {
//!     system: "acme-crm".to_owned(),
//!     settings: &serde_json::Map::new(),
//!     secret: "file:secrets/acme-crm.json".parse().ok(),
//!     secrets: Arc::new(LocalSecrets { base: ".".into() }),
//!     clock: Arc::new(SystemClock),
//!     observer: Arc::new(seatbelt_model::Unobserved),
//!     pacers: &Pacers::default(),
//!     budget: Options::BUDGET,
//!     deadline: None,
//! };
//! let session = Session::open(connector, options).await?;
//! let answer = session.send("people", &Prepared::get("/people"), &|_| Ok(())).await?;
//! println!("{} bytes", answer.response.body.len());
//! # Ok(())
//! # }
//! ```

mod account;
mod auth;
mod client;
mod clock;
mod connector;
mod error;
mod native;
mod outcome;
mod pacer;
mod paginator;
mod request;
mod restore;
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
pub use native::{Joined, NativeExport, NativeRecord, NativeSource, NativeWriter};
pub use outcome::{Outcome, Response};
pub use pacer::{Pacer, Patience, Permit};
pub use paginator::PageToken;
pub use request::{Fill, Keys, Parent, Prepared, Record, Request};
pub use restore::*;
pub use secret::{Secret, SecretFields, expiry};
pub use session::{Answer, Options, Session};
pub use settings::COMMON_SETTINGS;
pub use store::{AllSecrets, AwsSecrets, LocalSecrets, SecretStore};
