//! A stack: the bucket, the tables, the services, a clock that is set, and the watchdog.

use std::{sync::Arc, time::Duration};

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use seatbelt_catalog::{Catalog, Lease, Tables};
use seatbelt_connector_kit::testing::FakeClock;
use seatbelt_embedded::{BUCKET, Embedded, Fault, FaultPoint, Options};
use seatbelt_model::{Clock, Run, RunId, RunKind, RunStatus, Snapshot, Trigger};
use seatbelt_vault::Vault;
use seatbelt_watchdog::{Clients, KEY, Place, Watchdog, known_platforms};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::services::{Message, Services};

pub(crate) const PREFIX: &str = "arn:aws:lambda:eu-central-1:123456789012:function:prod-backup-";
pub(crate) const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:prod-alarms";

pub(crate) struct World {
    pub(crate) catalog: Catalog,
    pub(crate) vault: Vault,
    pub(crate) clock: FakeClock,
    pub(crate) services: Services,
    pub(crate) watchdog: Arc<Watchdog>,
    clients: Clients,
    _home: TempDir,
}

/// A time in November 2026: `22T06:00`.
pub(crate) fn at(text: &str) -> Timestamp {
    format!("2026-11-{text}:00Z").parse().unwrap()
}

pub(crate) fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

impl World {
    /// A stack at noon of the 21st.
    pub(crate) async fn new() -> Self {
        Self::with_faults(None::<fn(&FaultPoint) -> Fault>).await
    }

    pub(crate) async fn with_faults(hook: Option<impl Fn(&FaultPoint) -> Fault + Send + Sync + 'static>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let options = match hook {
            Some(hook) => Options::default().fast().fault(hook),
            None => Options::default().fast(),
        };
        let embedded = Embedded::open_with(home.path(), options).await.unwrap();
        let tables = Tables {
            manifest: "manifest".into(),
            runs: "runs".into(),
        };
        let catalog = Catalog::new(embedded.dynamodb(), tables);
        catalog.create_tables().await.unwrap();
        let vault = Vault::new(embedded.s3(), BUCKET, seatbelt_vault::Options::default());
        let (services, endpoint) = Services::start().await;
        let clients = clients(&endpoint);
        let clock = FakeClock::at("2026-11-21T12:00:00Z");
        let watchdog = Arc::new(watchdog(&vault, &catalog, &clock, &clients));
        Self {
            catalog,
            vault,
            clock,
            services,
            watchdog,
            clients,
            _home: home,
        }
    }

    /// The same function, cold: nothing is in its memory.
    pub(crate) fn restart(&mut self) {
        self.watchdog = Arc::new(watchdog(&self.vault, &self.catalog, &self.clock, &self.clients));
    }

    /// Sets the clock; it only goes forward.
    pub(crate) fn set(&self, to: &str) {
        let by = at(to).duration_since(self.clock.now());
        self.clock
            .advance(Duration::try_from(by).expect("the clock goes forward"));
    }

    /// A round, and the messages it sent.
    pub(crate) async fn round(&self) -> Vec<Message> {
        self.watchdog.round("request-1").await.unwrap();
        self.services.messages()
    }

    /// A round at a time.
    pub(crate) async fn round_at(&self, time: &str) -> Vec<Message> {
        self.set(time);
        self.round().await
    }

    pub(crate) async fn status(&self) -> Value {
        let get = self
            .vault
            .client()
            .get_object()
            .bucket(BUCKET)
            .key(KEY)
            .send()
            .await
            .unwrap();
        serde_json::from_slice(&get.body.collect().await.unwrap().into_bytes()).unwrap()
    }

    /// The kinds of findings in the status document, with their systems.
    pub(crate) async fn found(&self) -> Vec<(String, String)> {
        let status = self.status().await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let findings = status["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| (text(&finding["kind"]), text(&finding["system"])))
            .collect()
    }

    /// Writes an entry as a person in the console does.
    pub(crate) async fn write(&self, system: &str, entry: &Value) {
        let mut item: std::collections::HashMap<_, _> = entry
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), attribute(value)))
            .collect();
        item.insert("system".into(), AttributeValue::S(system.into()));
        let put = self.catalog.client().put_item().table_name("manifest");
        put.set_item(Some(item)).send().await.unwrap();
    }

    /// An entry that is backed up daily at 02:00.
    pub(crate) async fn daily(&self, system: &str) {
        self.write(system, &entry()).await;
    }

    /// A backup that answered a firing, with its snapshot.
    pub(crate) async fn backed_up(&self, system: &str, firing: &str) -> RunId {
        let start = at(firing) + minutes(1);
        let snapshot = snapshot(system, start, &[("posts", 1_000)]);
        self.vault.commit(&snapshot).await.unwrap();
        let mut run = Run::start(system, RunId::at(start), RunKind::Backup, Trigger::Schedule, start);
        (run.due_at, run.status, run.snapshot) = (Some(at(firing)), RunStatus::Complete, Some(run.id));
        (run.ended_at, run.heartbeat_at) = (Some(start + minutes(5)), start + minutes(5));
        self.catalog.create_run(&run).await.unwrap();
        run.id
    }

    /// A run that began at a time and gave a sign of life ten minutes later, under a lease.
    pub(crate) async fn running(&self, system: &str, start: &str) -> (Run, Lease) {
        let start = at(start);
        let mut run = Run::start(system, RunId::at(start), RunKind::Backup, Trigger::Schedule, start);
        (run.due_at, run.heartbeat_at) = (Some(start), start + minutes(10));
        let ttl = Duration::from_mins(15);
        let lease = self
            .catalog
            .acquire_lease(system, "worker", run.heartbeat_at, ttl)
            .await
            .unwrap()
            .unwrap();
        self.catalog.create_run(&run).await.unwrap();
        (run, lease)
    }
}

pub(crate) fn entry() -> Value {
    json!({
        "platform": "wordpress", "decision": "backup", "schedule": "daily at 02:00", "rpo": "26h",
        "owner": "web@acme.example", "secret": "ssm:/seatbelt/wordpress/acme",
    })
}

fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Bool(flag) => AttributeValue::Bool(*flag),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::Array(items) => AttributeValue::L(items.iter().map(attribute).collect()),
        Value::Object(fields) => AttributeValue::M(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), attribute(value)))
                .collect(),
        ),
        Value::Null => AttributeValue::Null(true),
    }
}

/// A snapshot document as another version of the program may have written it.
pub(crate) fn snapshot(system: &str, start: Timestamp, resources: &[(&str, u64)]) -> Snapshot {
    let resources: serde_json::Map<_, _> = resources
        .iter()
        .map(|(name, records)| {
            let state = json!({
                "kind": "data", "key": {"pointer": "/id"}, "layers": [], "delta": null, "records": records,
                "bytes": records * 1_000, "changes": {"added": 0, "changed": 0, "removed": 0},
                "receipt": {"read": records}, "freshness": {"read_at": start, "full_sweep_at": start},
            });
            ((*name).to_owned(), state)
        })
        .collect();
    let document = json!({
        "format": "seatbelt/1", "system": system, "platform": "wordpress", "id": RunId::at(start), "parent": null,
        "committed_at": start + minutes(5), "seatbelt": "0.1.0", "completeness": "complete", "resources": resources,
    });
    serde_json::from_value(document).unwrap()
}

fn watchdog(vault: &Vault, catalog: &Catalog, clock: &FakeClock, clients: &Clients) -> Watchdog {
    let place = Place {
        stack: "prod".into(),
        topic_arn: TOPIC.into(),
        backup_arn_prefix: PREFIX.into(),
        platforms: known_platforms(&["wordpress".into(), "github".into()]),
    };
    Watchdog::new(
        vault.clone(),
        catalog.clone(),
        Arc::new(clock.clone()),
        clients.clone(),
        place,
    )
}

/// Clients of both services, which retry without waiting.
fn clients(endpoint: &str) -> Clients {
    let at_once = Duration::from_millis(1);
    let retries = RetryConfig::standard()
        .with_initial_backoff(at_once)
        .with_max_backoff(at_once);
    let credentials = || aws_sdk_dynamodb::config::Credentials::new("test", "test", None, None, "test");
    let http = || aws_smithy_http_client::Builder::new().build_http();
    let lambda = aws_sdk_lambda::Config::builder()
        .behavior_version(aws_sdk_lambda::config::BehaviorVersion::latest())
        .http_client(http())
        .endpoint_url(endpoint)
        .region(aws_sdk_lambda::config::Region::new("eu-central-1"))
        .credentials_provider(credentials())
        .retry_config(retries.clone());
    let sns = aws_sdk_sns::Config::builder()
        .behavior_version(aws_sdk_sns::config::BehaviorVersion::latest())
        .http_client(http())
        .endpoint_url(endpoint)
        .region(aws_sdk_sns::config::Region::new("eu-central-1"))
        .credentials_provider(credentials())
        .retry_config(retries);
    Clients {
        lambda: aws_sdk_lambda::Client::from_conf(lambda.build()),
        sns: aws_sdk_sns::Client::from_conf(sns.build()),
    }
}
