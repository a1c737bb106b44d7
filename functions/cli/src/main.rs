//! `seatbelt`: the operator's tool.

fn main() {}
