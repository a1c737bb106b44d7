//! The vault against S3 inside the process.

// Helpers beside the tests fail as the tests do.
#![allow(clippy::unwrap_used)]

mod bodies;
mod crash;
mod damage;
mod forbidden;
mod fresh;
mod locks;
mod long;
mod model;
mod recover;
mod size;
mod world;
