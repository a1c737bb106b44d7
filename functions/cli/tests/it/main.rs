//! The real binary, in folders of its own, against a simulated vendor.

mod backup;
mod golden;
mod kill;
mod manifest;
mod serve;
mod support;
mod usage;
