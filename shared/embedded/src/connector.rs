//! Where the stock SDK clients end and the engines begin: a request goes in, a response comes out, no socket.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use crate::fault::{Fault, Faults, Named};

/// An engine that answers HTTP requests.
pub(crate) trait Service: Send + Sync + 'static {
    /// The name faults know it by.
    const NAME: &'static str;

    /// What the request asks for; only called when faults are on.
    fn name(request: &HttpRequest) -> Named;

    /// Carries the request out. An error here is one of the transport, never an answer.
    fn answer(&self, request: HttpRequest) -> impl Future<Output = Result<HttpResponse, ConnectorError>> + Send;
}

/// Makes an engine an SDK's HTTP client.
pub(crate) struct Mount<S> {
    service: Arc<S>,
    faults: Faults,
}

impl<S> Mount<S> {
    pub(crate) fn new(service: Arc<S>, faults: Faults) -> Self {
        Self { service, faults }
    }
}

impl<S> Clone for Mount<S> {
    fn clone(&self) -> Self {
        Self {
            service: self.service.clone(),
            faults: self.faults.clone(),
        }
    }
}

impl<S: Service> fmt::Debug for Mount<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mount")
            .field("service", &S::NAME)
            .field("faults", &self.faults)
            .finish()
    }
}

impl<S: Service> HttpClient for Mount<S> {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl<S: Service> HttpConnector for Mount<S> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { service, faults } = self.clone();
        HttpConnectorFuture::new_boxed(Box::pin(async move {
            let fault = faults.ask(S::NAME, || S::name(&request));
            if fault == Fault::FailBefore {
                return Err(broken());
            }
            let response = service.answer(request).await?;
            if fault == Fault::FailAfter {
                Err(broken())
            } else {
                Ok(response)
            }
        }))
    }
}

/// A broken connection, as a network client would report it.
fn broken() -> ConnectorError {
    ConnectorError::io(io::Error::new(io::ErrorKind::ConnectionReset, "connection reset (fault hook)").into())
}

/// For requests and responses that do not survive the conversion, which no request of the SDK does.
pub(crate) fn malformed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ConnectorError {
    ConnectorError::user(error.into())
}
