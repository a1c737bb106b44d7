//! Backup and restore: from a system, a connector, a vault and a catalog to an outcome. It obeys what a connector declares and knows no platform.
//!
//! [`Engine::backup`] takes the system's lease, reads every resource in lanes that run side by side, compares what it read with the last snapshot,
//! and commits what differs. Whatever the vendor does wrong ends in a receipt; nothing is passed over in silence.
//!
//! [`Engine::plan_restore`] and [`Engine::apply_restore`] give back what was spoiled, and nothing else writes to a vendor. The engine never deletes
//! what is stored, and keeps no state of its own: an interrupted run is in the catalog and the vault, and any process may go on with it.

mod alarms;
mod backup;
mod check;
mod checkpoint;
mod cursor;
mod deleted;
mod error;
mod files;
mod help;
mod lane;
mod listing;
mod partitions;
mod plan;
mod rebuild;
mod relay;
mod resource;
mod restore;
mod run;
mod team;

pub use alarms::mass_changes;
pub use backup::{Engine, Job, conclude};
pub use check::{Access, Sight};
pub use error::EngineError;
pub use plan::{Mode, SWEEP_AFTER};
pub use rebuild::rebuild_history;
pub use relay::Relay;
pub use restore::{
    Action, Counts, Done, FieldChange, Header, Lack, Lines, PLAN_FORMAT, Planned, Report, Restored, Selection, Sink,
    Step, Tally, Verdict, Way,
};
pub use run::Stop;
pub use team::{Helpers, Team};
