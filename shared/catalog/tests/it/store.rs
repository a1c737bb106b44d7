//! Where the checks run.

use std::{path::Path, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::AttributeValue,
};
use jiff::Timestamp;
use seatbelt_catalog::{Catalog, Tables};
use seatbelt_embedded::Embedded;
use seatbelt_model::{Run, RunId, RunKind, Trigger};

pub(crate) const TTL: Duration = Duration::from_mins(15);
pub(crate) const SYSTEM: &str = "acme-crm";

/// A catalog on empty tables, and the client below it for what only a person would do.
pub(crate) struct Store {
    pub(crate) catalog: Catalog,
    pub(crate) client: Client,
}

pub(crate) async fn embedded(home: &Path) -> Store {
    fresh(&Embedded::open_for_tests(home).await.unwrap().dynamodb()).await
}

pub(crate) fn emulator(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .build();
    Client::from_conf(config)
}

/// Tables nobody else uses. They are made twice, as that must be harmless.
pub(crate) async fn fresh(client: &Client) -> Store {
    let unique = fastrand::u64(..);
    let tables = Tables {
        manifest: format!("manifest-{unique:x}"),
        runs: format!("runs-{unique:x}"),
    };
    let catalog = Catalog::new(client.clone(), tables);
    catalog.create_tables().await.unwrap();
    catalog.create_tables().await.unwrap();
    Store {
        catalog,
        client: client.clone(),
    }
}

impl Store {
    /// Puts an item into the runs table as somebody else might.
    pub(crate) async fn put_run_item(&self, run: &str, fields: &[(&str, AttributeValue)]) {
        let request = self.client.put_item().table_name(&self.catalog.tables().runs);
        let mut request = request.item("system", s(SYSTEM)).item("run", s(run));
        for (name, value) in fields {
            request = request.item(*name, value.clone());
        }
        request.send().await.unwrap();
    }

    /// Puts an item into the manifest as a person in the console would.
    pub(crate) async fn type_entry(&self, name: &str, fields: &[(&str, AttributeValue)]) {
        let mut request = self
            .client
            .put_item()
            .table_name(&self.catalog.tables().manifest)
            .item("system", s(name));
        for (name, value) in fields {
            request = request.item(*name, value.clone());
        }
        request.send().await.unwrap();
    }
}

pub(crate) fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(crate) fn n(digits: &str) -> AttributeValue {
    AttributeValue::N(digits.to_owned())
}

/// The start of every check.
pub(crate) fn t0() -> Timestamp {
    "2026-11-22T06:00:00Z".parse().unwrap()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    t0() + jiff::SignedDuration::from_secs(seconds)
}

pub(crate) fn run(seconds: i64) -> Run {
    let now = at(seconds);
    Run::start(SYSTEM, RunId::at(now), RunKind::Backup, Trigger::Manual, now)
}
