//! The real binary on a stack: CloudFormation, Lambda, Secrets Manager, S3 and DynamoDB on one address, the function within the test.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers fail and speak as tests do"
)]

mod cloud;
mod commands;
mod errors;
mod following;
