//! Handing a run over to a fresh invocation of the same function.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_lambda::{error::DisplayErrorContext, primitives::Blob, types::InvocationType};

use crate::Event;

/// Invokes this function again, without waiting for it. Lambda is one; tests have another.
#[async_trait]
pub trait Invoke: Send + Sync {
    /// Queues an invocation with `event`.
    ///
    /// # Errors
    /// When it was not queued, after the retries it is worth.
    async fn invoke(&self, event: &Event) -> anyhow::Result<()>;
}

/// Lambda's own asynchronous invocation, of the function that is running.
#[derive(Debug)]
pub struct SelfInvoke {
    client: aws_sdk_lambda::Client,
    function: String,
}

impl SelfInvoke {
    /// Invokes `function`, by its name.
    #[must_use]
    pub fn new(aws: &SdkConfig, function: String) -> Self {
        Self {
            client: aws_sdk_lambda::Client::new(aws),
            function,
        }
    }
}

#[async_trait]
impl Invoke for SelfInvoke {
    async fn invoke(&self, event: &Event) -> anyhow::Result<()> {
        let sent = self
            .client
            .invoke()
            .function_name(&self.function)
            .invocation_type(InvocationType::Event)
            .payload(Blob::new(serde_json::to_vec(event)?))
            .send()
            .await;
        sent.map(|_| ()).map_err(|error| {
            let (function, error) = (&self.function, DisplayErrorContext(error));
            anyhow::anyhow!("cannot hand over to a new invocation of {function}: {error}")
        })
    }
}
