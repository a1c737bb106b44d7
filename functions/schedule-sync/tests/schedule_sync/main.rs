//! The function against an embedded DynamoDB and a strict stand-in for EventBridge Scheduler.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod aws;
mod bad_edits;
mod drift;
mod edits;
mod fake;
mod faults;
mod law;
mod races;
mod world;
