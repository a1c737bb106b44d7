//! The Lambda function that keeps the schedules of a stack.

use seatbelt_runtime::House;
use seatbelt_schedule_sync::ScheduleSync;

fn main() -> anyhow::Result<()> {
    seatbelt_runtime::serve_with(
        async |house: House| ScheduleSync::from_env(&house),
        async |sync: &ScheduleSync, event, invocation| Box::pin(sync.handle(&event, invocation.deadline)).await,
    )
}
