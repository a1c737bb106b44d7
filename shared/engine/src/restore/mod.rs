//! Restore: a plan first, then its application, which can itself be undone.
//!
//! [`Engine::plan_restore`] compares three states of every record that is asked for: as it is wanted (a snapshot), as the bad change left it
//! (a later snapshot), and as it is now (read fresh). Only what the bad change spoiled is planned back; what someone has edited since is
//! kept. [`Engine::apply_restore`] carries a plan out: it looks at every record once more, stores what it is, writes, reads back and compares.
//! What it did is itself a pair of states, so [`Engine::plan_undo`] is the same planner the other way round.
//!
//! Nothing is written without a plan, nothing is overwritten that the vault does not hold, and an interrupted restore goes on where it
//! stopped without doubling a record.

mod access;
mod apply;
mod batch;
mod create;
mod document;
mod fields;
mod ids;
mod journal;
mod live;
mod merge;
mod order;
mod pairs;
mod planner;
mod record;
mod rehearse;
mod select;
mod stand;
mod tree;
mod write;

pub use access::Lack;
pub use apply::{Lines, Report, Restored};
pub use document::{Counts, Header, PLAN_FORMAT, Planned, Step, Tally};
pub use journal::{Done, Verdict};
pub use merge::{Action, FieldChange};
pub use pairs::Way;
pub use planner::Sink;
pub use select::Selection;
