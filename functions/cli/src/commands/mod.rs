//! One file per command.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod drill;
pub(crate) mod export;
pub(crate) mod history;
pub(crate) mod manifest;
pub(crate) mod platforms;
pub(crate) mod prune;
pub(crate) mod restore;
pub(crate) mod runs;
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod snapshots;
pub(crate) mod verify;
