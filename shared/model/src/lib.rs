//! Seatbelt's nouns as plain data: the manifest and its schedules, runs, snapshots, keys.
//!
//! Nothing here does I/O or reads a clock, so every rule can be tested by calling it. The crates above meet in these types:
//!
//! ```
//! use seatbelt_model::RunId;
//!
//! let run: RunId = "20261122T060000Z".parse()?;
//! assert_eq!(run.start().to_string(), "2026-11-22T06:00:00Z");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod class;
mod clock;
mod coverage;
mod id;
pub mod json;
pub mod key;
pub mod manifest_file;
mod progress;
pub mod retention;
mod run;
pub mod schedule;
mod snapshot;
pub mod system;
pub mod when;

pub use class::Class;
pub use clock::Clock;
pub use coverage::{Kind, RestoreLevel};
pub use id::{InvalidRunId, RunId, SnapshotId};
pub use progress::{Event, Observer, Unobserved, Wait};
pub use retention::Retention;
pub use run::{ResourceCounts, Run, RunKind, RunStatus, Traffic, Trigger};
pub use schedule::Schedule;
pub use snapshot::{
    ChangeKind, Changes, Chunk, Completeness, FORMAT, Freshness, Gap, GapReason, KeyRule, Layer, LayerIndex, LayerRole,
    MassChange, Receipt, ResourceState, Snapshot,
};
pub use system::{Decision, Finding, Severity, System, SystemName};
