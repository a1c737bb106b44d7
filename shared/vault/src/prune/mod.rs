//! Expiring snapshots and freeing what nobody names any more: the only part of the vault that deletes.
//!
//! ```text
//! <system>/prune/<time>-<part>.json     objects that nothing named at that time: candidates, in the order of their hashes
//! ```
//!
//! 1. [`Vault::survey`] reads everything that names objects: snapshot documents and documents of restores. If one cannot be read, or
//!    something is found whose kind is not known, that is an error, and nothing of the system may be deleted.
//! 2. [`Vault::names`] reads the layers' indexes and gives the set of all objects that are named, sorted, on disk where it is large.
//! 3. [`Vault::expire`] deletes the document of one snapshot. What it alone named is now named by nothing, and stays for now.
//! 4. [`Vault::mark`] lists all objects beside that set, and writes down those that are not in it.
//! 5. [`Vault::sweeping`], a day later or more, deletes what was marked and *still* is named by nothing.
//!
//! Deleting needs two observations a day apart, and the second is made under the system's lease with no run open: a run that has stored
//! objects, or counts on some that are there, and has not committed yet, is not over, and nothing is swept meanwhile. The lease and the
//! open runs are the caller's to see to, since a vault knows neither.
//!
//! Each step may be cut off anywhere and done again. An expired document leaves objects that are marked later; a list of marks that was
//! swept and not removed names objects that are gone, which is noticed; marks that were not written come the next day.
//!
//! **Locked is not deleted.** S3 answers a plain deletion of a locked object in a versioned bucket with a delete marker that hides
//! it, so the lock is looked at before; what is locked stays marked until its lock is over.
//!
//! **References are found by looking at the text.** Whatever is 64 hexadecimal digits long in a snapshot document, in an index, in a
//! document of a restore or in the lines that such a document names is taken for the name of an object. That finds what a later version's
//! field names too; taking too much for a name only keeps an object for longer.

mod expire;
mod keep_locked;
mod listing;
mod mark;
mod marks;
mod names;
mod scrub;
mod standing;
mod survey;
mod sweep;

use jiff::SignedDuration;

pub use expire::Expired;
pub use mark::Marked;
pub use names::Names;
pub use scrub::Scrubbed;
pub use standing::NamedBy;
pub use survey::{Stored, Survey};
pub use sweep::{Sweeping, Swept};

/// What is marked is swept this much later, or after that: longer than a run may take.
pub const SWEEP_AFTER: SignedDuration = SignedDuration::from_hours(24);
