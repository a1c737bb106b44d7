//! The snapshot format `seatbelt/1` on S3: what a backup writes, and everything that is read from it.
//!
//! ```text
//! <system>/objects/<2 hex>/<sha256>     chunks of JSON lines, layer indexes, the bytes of files
//! <system>/snapshots/<id>.json          snapshot documents, each written last and once
//! <system>/restores/<run>/<name>.json   what a restore planned, found and changed
//! <system>/prune/<time>-<part>.json     what nothing names, and may be deleted a day later
//! <system>/staging/<run>/...            sorted runs of a backup that is still going on
//! ```
//!
//! A backup of one resource, from records to a snapshot:
//!
//! 1. [`Vault::stager`] takes records in any order, with bounded memory, and gives [`Staged`].
//! 2. [`Vault::compare`] merges that with the state before and gives every [`Difference`].
//! 3. [`LayerWriter`] makes the layer of them: [`Written`].
//! 4. [`Vault::resource_state`] puts it on top of the layers before, which it compacts when they have grown too many.
//! 5. [`Vault::commit`] writes the snapshot document. Until then nothing has happened that anyone can see.
//!
//! For a first sweep whose records come in the order of their keys, [`Staged::base`] replaces steps 2 and 3: its chunks are
//! stored already.
//!
//! Reading: [`Vault::state`], [`Vault::get`], [`Vault::changes`], [`Vault::history`], [`Vault::body`]. Checking:
//! [`Vault::verify`].
//!
//! Expiring and freeing, for retention alone: [`Vault::survey`] and what follows it.
//!
//! What a vault does not do: hold leases, or know any vendor. Two runs of one system at
//! the same time do no harm, since objects are named by content and a document is created once; the second to commit the
//! same id is refused.

mod base;
mod body;
mod changes;
mod chunk;
mod compact;
mod compare;
mod cursor;
mod digest;
mod document;
mod error;
mod history;
mod layer;
pub mod line;
mod lock;
mod merge;
mod pages;
mod pipeline;
mod pool;
mod prune;
mod restores;
mod run;
mod spill;
mod stage;
mod state;
mod store;
mod verify;

pub use body::{BodyStream, Expected};
pub use compact::Described;
pub use compare::{Compared, Comparison, Sweep};
pub use error::VaultError;
pub use history::Version;
pub use layer::{LayerWriter, Written};
pub use line::{Body, Difference, Extra, StoredBody};
pub use lock::{LockMode, ObjectLock};
pub use prune::{Expired, Marked, NamedBy, Names, SWEEP_AFTER, Scrubbed, Stored, Survey, Sweeping, Swept};
pub use restores::RestoreDocument;
pub use run::StagedRun;
pub use stage::{Staged, Stager};
pub use store::{Options, Vault};
pub use verify::{Damage, DamageKind, Progress, Scope, StandsOn, VerifyReport};
