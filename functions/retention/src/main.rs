//! The Lambda function that expires, frees and re-hashes.

use seatbelt_retention::Retention;
use seatbelt_runtime::House;

fn main() -> anyhow::Result<()> {
    seatbelt_runtime::serve_with(
        async |house: House| Retention::from_env(&house),
        async |retention: &Retention, event, invocation| Box::pin(retention.handle(&event, invocation.deadline)).await,
    )
}
