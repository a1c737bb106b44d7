//! Whole rounds, on embedded S3 and DynamoDB, with strict stand-ins for SNS and Lambda.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod acting;
mod faults;
mod fleet;
mod services;
mod telling;
mod world;
