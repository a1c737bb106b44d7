//! Logs as CloudWatch Logs Insights reads them: one JSON object a line, with names and numbers, never customer data.

use seatbelt_model::{Event, Observer};
use tracing_subscriber::{EnvFilter, fmt};

/// Logs as the function's `LoggingConfig` says, which Lambda passes in the environment.
pub(crate) fn init() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| std::env::var("RUST_LOG"));
    let filter = EnvFilter::new(level.unwrap_or_else(|_| "info".into()));
    // A second initialisation happens only in tests, where the first one serves.
    fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter)
        .try_init()
        .ok();
}

/// An observer that logs.
pub(crate) struct Logged {
    pub(crate) system: String,
}

impl Observer for Logged {
    fn notice(&self, event: Event) {
        let system = self.system.as_str();
        match event {
            Event::Started { resource, expected } => tracing::info!(system, resource, expected, "reading"),
            Event::Done {
                resource,
                records,
                gaps,
            } => tracing::info!(system, resource, records, gaps, "read"),
            Event::Waiting { reason, wait } => {
                tracing::info!(system, ?reason, wait_ms = wait.as_millis() as u64, "waiting")
            }
            Event::Page {
                resource,
                records,
                bytes,
                ..
            } => tracing::debug!(system, resource, records, bytes, "page"),
            Event::Body { resource, bytes } => tracing::debug!(system, resource, bytes, "file"),
            _ => {}
        }
    }
}
