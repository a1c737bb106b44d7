//! The suite that every connector passes, against its simulated vendor.

mod rig;

pub use rig::{Rig, SYSTEM, State};
