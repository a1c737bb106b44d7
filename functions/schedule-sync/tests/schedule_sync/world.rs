//! A stack: the tables, the stand-in for EventBridge, and the function.

use std::{collections::HashMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use seatbelt_catalog::{Catalog, Tables};
use seatbelt_embedded::Embedded;
use seatbelt_model::Clock;
use seatbelt_schedule_sync::{Names, Place, ScheduleSync};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fake::{Fake, GROUP};

pub(crate) const PREFIX: &str = "arn:aws:lambda:eu-central-1:123456789012:function:seatbelt-backup-";
const ROLE: &str = "arn:aws:iam::123456789012:role/seatbelt-scheduler";
const QUEUE: &str = "arn:aws:sqs:eu-central-1:123456789012:seatbelt-schedules-dead";

/// A clock that stands still; waits pass at once.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        now()
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::task::yield_now())
    }
}

pub(crate) fn now() -> Timestamp {
    "2026-11-22T06:00:00Z".parse().unwrap()
}

pub(crate) fn deadline() -> Timestamp {
    now() + Duration::from_mins(5)
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) catalog: Catalog,
    pub(crate) fake: Fake,
    pub(crate) sync: ScheduleSync,
    scheduler: aws_sdk_scheduler::Client,
    _home: Arc<TempDir>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let client = Embedded::open_for_tests(home.path()).await.unwrap().dynamodb();
        let tables = Tables {
            manifest: "manifest".into(),
            runs: "runs".into(),
        };
        let catalog = Catalog::new(client, tables);
        catalog.create_tables().await.unwrap();
        let (fake, scheduler) = Fake::start().await;
        let sync = function(&scheduler, &catalog, "github,wordpress");
        Self {
            catalog,
            fake,
            sync,
            scheduler,
            _home: Arc::new(home),
        }
    }

    /// The same stack after a deployment with these platforms.
    pub(crate) fn deploy(&mut self, platforms: &str) {
        self.sync = function(&self.scheduler, &self.catalog, platforms);
    }

    /// Writes an entry as a person in the console does: in place of what was there.
    pub(crate) async fn write(&self, system: &str, entry: Value) {
        let AttributeValue::M(mut item) = attribute(&entry) else {
            panic!("an entry is a table of fields");
        };
        item.insert("system".into(), AttributeValue::S(system.into()));
        let request = self.catalog.client().put_item().table_name("manifest");
        request.set_item(Some(item)).send().await.unwrap();
    }

    pub(crate) async fn remove(&self, system: &str) {
        let request = self.catalog.client().delete_item().table_name("manifest");
        let key = HashMap::from([("system".to_owned(), AttributeValue::S(system.into()))]);
        request.set_key(Some(key)).send().await.unwrap();
    }

    /// Delivers a batch of the stream with a record of each of these systems, and gives the answer.
    pub(crate) async fn deliver(&self, systems: &[&str]) -> Value {
        self.sync.handle(&batch(systems), deadline()).await.unwrap()
    }

    /// Writes an entry and delivers its record.
    pub(crate) async fn edit(&self, system: &str, entry: Value) {
        self.write(system, entry).await;
        assert_eq!(self.deliver(&[system]).await, fine());
    }

    pub(crate) async fn reconcile(&self) -> Value {
        self.sync
            .handle(&json!({ "reconcile": true }), deadline())
            .await
            .unwrap()
    }

    /// What people read about a system: each error or warning in a line.
    pub(crate) async fn findings(&self, system: &str) -> Vec<String> {
        let notes = self.catalog.findings_of(system).await.unwrap();
        notes
            .iter()
            .flat_map(|note| &note.findings)
            .map(ToString::to_string)
            .collect()
    }
}

fn function(scheduler: &aws_sdk_scheduler::Client, catalog: &Catalog, platforms: &str) -> ScheduleSync {
    let place = Place::new(Names {
        stack: "seatbelt".into(),
        group: GROUP.into(),
        backup_arn_prefix: PREFIX.into(),
        role_arn: ROLE.into(),
        dead_letter_arn: QUEUE.into(),
        platforms: platforms.into(),
    });
    ScheduleSync::new(scheduler.clone(), catalog.clone(), place.unwrap(), Arc::new(Still))
}

/// An entry that is to be backed up, at `schedule`.
pub(crate) fn backup(schedule: &str) -> Value {
    json!({ "platform": "github", "decision": "backup", "schedule": schedule, "rpo": "26h", "owner": "ops@acme.example" })
}

/// The same with another field, or another value of one.
pub(crate) fn with(mut entry: Value, field: &str, value: impl Into<Value>) -> Value {
    entry[field] = value.into();
    entry
}

/// A batch of the table's stream, with a record of each of these systems.
pub(crate) fn batch(systems: &[&str]) -> Value {
    let record = |(at, system): (usize, &&str)| {
        json!({
            "eventID": format!("{at:032x}"), "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
            "awsRegion": "eu-central-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_795_327_200.0, "Keys": { "system": { "S": system } },
                "NewImage": { "system": { "S": system } }, "SequenceNumber": sequence(at), "SizeBytes": 26,
                "StreamViewType": "NEW_AND_OLD_IMAGES"
            },
            "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/manifest/stream/2026-11-22T06:00:00.000"
        })
    };
    json!({ "Records": systems.iter().enumerate().map(record).collect::<Vec<_>>() })
}

/// The place in the stream of a batch's record.
pub(crate) fn sequence(at: usize) -> String {
    format!("{}", 991_600_000_000_000_000_000_u128 + at as u128)
}

pub(crate) fn fine() -> Value {
    json!({ "batchItemFailures": [] })
}

fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(flag) => AttributeValue::Bool(*flag),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(items) => AttributeValue::L(items.iter().map(attribute).collect()),
        Value::Object(fields) => AttributeValue::M(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), attribute(value)))
                .collect(),
        ),
    }
}
