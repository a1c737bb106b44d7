//! Lambda glue: event in, one engine call, outcome out. The only crate that knows Lambda.
//!
//! A platform's function is `fn main() -> anyhow::Result<()> { seatbelt_runtime::serve(&CONNECTOR) }`. It takes events of the form
//! `{"system": "acme-site"}`, from a schedule or a person, and answers with the run. Where it works is in its environment:
//! `SEATBELT_BUCKET`, `SEATBELT_MANIFEST_TABLE`, `SEATBELT_RUNS_TABLE`.
//!
//! It hands nothing over yet: a run that meets the function's deadline stops at a checkpoint, and the next event of the system goes on with it.

mod event;
mod telemetry;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use seatbelt_catalog::{Catalog, Tables};
use seatbelt_connector_kit::{AwsSecrets, Connector, Pacers, SystemClock};
use seatbelt_engine::{Engine, EngineError, Job, Stop};
use seatbelt_model::{Run, Trigger};
use seatbelt_vault::Vault;

pub use event::Event;

/// What is left of the function's time when a run begins to checkpoint: enough to store what it holds.
const MARGIN: Duration = Duration::from_secs(45);
/// How long one request may be tried again, well within the function's 15 minutes.
const BUDGET: Duration = Duration::from_mins(4);

/// Serves the Lambda Runtime API for one platform until the environment is shut down.
///
/// # Errors
/// When the environment lacks a setting, or the Runtime API cannot be reached.
pub fn serve(connector: &'static Connector) -> anyhow::Result<()> {
    telemetry::init();
    // Two TLS stacks would double the start; the SDK and the vendor's client share this one.
    rustls::crypto::ring::default_provider().install_default().ok();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let engine = engine().await?;
        let handler = service_fn(|event: LambdaEvent<Event>| handle(&engine, connector, event));
        lambda_runtime::run(handler)
            .await
            .map_err(|error| anyhow::anyhow!("the Lambda Runtime API failed: {error}"))
    })
}

async fn engine() -> anyhow::Result<Engine> {
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .http_client(http)
        .load()
        .await;
    let tables = Tables {
        manifest: setting("SEATBELT_MANIFEST_TABLE")?,
        runs: setting("SEATBELT_RUNS_TABLE")?,
    };
    // Emulators and S3-compatible stores have one host for all buckets.
    let path_style = std::env::var("SEATBELT_S3_PATH_STYLE").is_ok_and(|value| value == "true");
    let s3 = aws_sdk_s3::config::Builder::from(&config)
        .force_path_style(path_style)
        .build();
    let secrets = AwsSecrets {
        ssm: aws_sdk_ssm::Client::new(&config),
        secretsmanager: aws_sdk_secretsmanager::Client::new(&config),
    };
    Ok(Engine {
        vault: Vault::new(
            aws_sdk_s3::Client::from_conf(s3),
            setting("SEATBELT_BUCKET")?,
            seatbelt_vault::Options::default(),
        ),
        catalog: Catalog::new(aws_sdk_dynamodb::Client::new(&config), tables),
        secrets: Arc::new(secrets),
        pacers: Pacers::default(),
        clock: Arc::new(SystemClock),
    })
}

fn setting(name: &str) -> anyhow::Result<String> {
    std::env::var(name).with_context(|| format!("the environment variable {name} is not set; the SAM template sets it"))
}

/// Backs up the system that the event names.
async fn handle(
    engine: &Engine,
    connector: &'static Connector,
    event: LambdaEvent<Event>,
) -> Result<serde_json::Value, lambda_runtime::Error> {
    let name = event.payload.system.as_str();
    let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?.checked_sub(MARGIN)?;
    let outcome = back_up(engine, connector, &event.payload, deadline).await;
    match &outcome {
        Ok(run) => tracing::info!(system = name, run = %run.id, status = ?run.status, "backup ended"),
        Err(error) => tracing::error!(system = name, error = %error, "backup ended"),
    }
    match outcome {
        Ok(run) => Ok(serde_json::to_value(&run)?),
        Err(error) if ends_well(&error) => Ok(serde_json::json!({ "system": name, "said": error.to_string() })),
        // As a text: the error's own form would bring a backtrace along.
        Err(error) => Err(format!("{error:#}").into()),
    }
}

/// Whether Lambda should not try again: someone else is at it, or the run is checkpointed and goes on with the next event.
fn ends_well(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(EngineError::Busy { .. } | EngineError::Interrupted)
    )
}

async fn back_up(
    engine: &Engine,
    connector: &'static Connector,
    event: &Event,
    deadline: Timestamp,
) -> anyhow::Result<Run> {
    let name = event
        .system
        .parse()
        .with_context(|| format!("`{}` is no system's name", event.system))?;
    let entry = engine.catalog.system(&name).await?;
    let entry = entry.with_context(|| format!("the manifest has no system `{name}`"))?;
    let system = entry.system.with_context(|| {
        let findings: Vec<_> = entry.findings.iter().map(ToString::to_string).collect();
        format!("the manifest's entry `{name}` is not valid: {}", findings.join("; "))
    })?;
    if system.platform.as_deref() != Some(connector.name) {
        let platform = system.platform.as_deref().unwrap_or("no platform");
        anyhow::bail!(
            "system `{name}` is on {platform}, and this function backs up {}",
            connector.name
        );
    }
    let stop = Stop::default();
    let job = Job {
        name: &event.system,
        system: &system,
        connector,
        trigger: if event.scheduled {
            Trigger::Schedule
        } else {
            Trigger::Manual
        },
        // Other invocations may be at work; a lease of one that died runs out by itself.
        sole: false,
        full: event.full,
        observer: Arc::new(telemetry::Logged {
            system: event.system.clone(),
        }),
        stop: &stop,
        deadline: Some(deadline.max(engine.clock.now())),
        budget: BUDGET,
    };
    // The run's future is large, and lives as long as the invocation.
    Ok(Box::pin(engine.backup(&job)).await?)
}
