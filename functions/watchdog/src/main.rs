//! The Lambda function that watches the backups of a stack.

use seatbelt_runtime::House;
use seatbelt_watchdog::Watchdog;

fn main() -> anyhow::Result<()> {
    seatbelt_runtime::serve_with(
        async |house: House| Watchdog::from_env(&house),
        async |watchdog: &Watchdog, _event, invocation| Box::pin(watchdog.round(&invocation.request_id)).await,
    )
}
