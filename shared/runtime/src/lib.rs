//! Lambda glue: event in, one engine call, outcome out. The only crate that knows Lambda.
//!
//! A platform's function is `fn main() -> anyhow::Result<()> { seatbelt_runtime::serve(&CONNECTOR) }`. It takes events of the form
//! `{"system": "acme-site"}`, from a schedule or a person, and answers with the run. Where it works is in its environment:
//! `SEATBELT_BUCKET`, `SEATBELT_MANIFEST_TABLE`, `SEATBELT_RUNS_TABLE`.
//!
//! A run that meets the function's deadline stops at a checkpoint and hands over: the function invokes itself, and the fresh invocation goes on
//! with the run. A crashed invocation is tried again by Lambda under the same request id, which is the name the lease is held under.
//!
//! The functions that are no platform's are served by [`serve_with`].

mod backup;
mod event;
mod handover;
mod house;
pub mod metrics;
mod serve;
mod telemetry;

pub use backup::Backup;
pub use event::Event;
pub use handover::{Invoke, SelfInvoke};
pub use house::{House, setting};
pub use metrics::{Metrics, NAMESPACE};
pub use serve::{Invocation, serve, serve_with};
