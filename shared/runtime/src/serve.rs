//! The Lambda Runtime API, which nothing else in the house knows.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use seatbelt_connector_kit::Connector;
use serde_json::Value;

use crate::{Backup, House, handover::SelfInvoke, setting, telemetry};

/// What is left of the function's time when a run begins to checkpoint: enough to store what it holds.
const MARGIN: Duration = Duration::from_secs(45);

/// One invocation of a function.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Lambda's id of the request. Lambda's own retries of an event carry the same.
    pub request_id: String,
    /// When the work must be done or checkpointed: the function's deadline, less what that takes.
    pub deadline: Timestamp,
}

/// Serves one platform until the environment is shut down.
///
/// # Errors
/// When the environment lacks a setting, or the Runtime API cannot be reached.
pub fn serve(connector: &'static Connector) -> anyhow::Result<()> {
    serve_with(
        async |house: House| {
            let lambda = SelfInvoke::new(&house.aws, setting("AWS_LAMBDA_FUNCTION_NAME")?);
            Ok(Backup::new(house, connector, Arc::new(lambda)))
        },
        // The run's future is large, and lives as long as the invocation.
        async |backup: &Backup, event, invocation| Box::pin(backup.handle(event, invocation)).await,
    )
}

/// Serves any other function of the stack: `build` once, at the start, then `handle` for each event.
///
/// # Errors
/// When `build` fails, or the Runtime API cannot be reached.
pub fn serve_with<S>(
    build: impl AsyncFnOnce(House) -> anyhow::Result<S>,
    handle: impl AsyncFn(&S, Value, Invocation) -> anyhow::Result<Value>,
) -> anyhow::Result<()> {
    telemetry::init();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let state = build(House::from_env().await?).await?;
        let handler = service_fn(async |event: LambdaEvent<Value>| {
            let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
            let invocation = Invocation {
                request_id: event.context.request_id,
                deadline: deadline.checked_sub(MARGIN)?,
            };
            // As a text: the error's own form would bring a backtrace along.
            let answer = handle(&state, event.payload, invocation).await;
            answer.map_err(|error| lambda_runtime::Error::from(format!("{error:#}")))
        });
        lambda_runtime::run(handler)
            .await
            .map_err(|error| anyhow::anyhow!("the Lambda Runtime API failed: {error}"))
    })
}
