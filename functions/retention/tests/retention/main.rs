//! Retention against S3 and DynamoDB inside the process.

// Helpers beside the tests fail as the tests do.
#![allow(clippy::unwrap_used)]

mod cuts;
mod damage;
mod house;
mod law;
mod leases;
mod locks;
mod references;
mod rounds;
mod rules;
// The vault's own small engine, and its model of what a vault must hold.
#[allow(dead_code, reason = "not every test uses all of it")]
#[path = "../../../../shared/vault/tests/it/world.rs"]
mod world;
