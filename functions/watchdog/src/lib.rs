//! Finds late, missing, stalled and implausible backups, and tells people.
//!
//! A round, every ten minutes and on a schedule of its own, reads the manifest, the newest runs and the newest snapshots of every system,
//! judges them ([`inspect`], which is pure), goes on with runs that died, and tells what is new. It is independent of the backups: it
//! asks what should be there, not what the backups say of themselves.
//!
//! | finding | when |
//! | --- | --- |
//! | late | the newest snapshot's run began longer ago than the RPO allows, and no run is at work that mends it |
//! | resources stale | a resource was carried forward for longer than the RPO allows |
//! | firing missed | 15 minutes after a firing no run names it, began since, or was alive |
//! | run stalled | an open run without lease and sign of life: it is continued, up to five times, or closed when a day old |
//! | runs failing, partial | the last run failed; the last three left gaps |
//! | snapshot implausible, mass change | a resource emptied, shrank to less than half, trebled or vanished; a run's own alarm |
//! | credential expiring | within two weeks, by the secret's `expires_on` or the setting `credential_expires_on` |
//! | export due, undecided, entry invalid, drill overdue, builtin unchecked | what people owe |
//! | unreadable, action failed | what the watchdog itself could not do |
//!
//! What is wrong shows in three places: metrics in every round; a message when something is new, worse or over, and once a day for what
//! is critical and still open; and the document `_seatbelt/status.json` in the bucket. All of it may happen twice and nothing is lost if a round dies:
//! one round is at work at a time, under a lease, and people are noted as told after they were.
//!
//! What it will not do: start backups that nobody began, read secrets or records, or change the manifest.

mod act;
mod finding;
mod gather;
mod inspect;
mod known;
mod metrics;
mod notice;
mod place;
mod round;
mod rules;
mod state;
mod status;
mod world;

pub use finding::{Finding, Kind, Severity};
pub use inspect::inspect;
pub use known::{Continued, Known, Plan};
pub use metrics::metrics;
pub use notice::{Notice, notice};
pub use place::Place;
pub use round::{Clients, Watchdog};
pub use rules::{Action, GRACE, actions};
pub use state::{News, Open, Resolved, State, Told};
pub use status::{FORMAT, KEY, RunStatusLine, SnapshotStatus, Status, SystemStatus, Totals, status};
pub use world::{Digest, Seen, Size, Snapshots, Watched, World, known_platforms};
