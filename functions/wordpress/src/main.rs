//! The Lambda function of this platform.

fn main() {}
