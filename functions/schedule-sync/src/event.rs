//! What the function is called with.
//!
//! Source: AWS Lambda developer guide, "Using AWS Lambda with Amazon DynamoDB" (the shape of a batch, and of the answer that names
//! a failed record), read 2026-11-25.

use serde::Deserialize;
use serde_json::{Value, json};

/// An event, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Records of the manifest table's stream, in the order they came.
    Stream(Vec<Hint>),
    /// Look at everything: `{"reconcile": true}`.
    Reconcile,
}

/// One record of the stream. It only hints that a system may have changed: what it says may be long out of date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The key of the item, perhaps no valid system name.
    pub system: String,
    /// The record's place in the stream, a whole number of up to 40 digits.
    pub sequence: String,
}

/// An event of neither form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "this event is neither a batch of the manifest table's stream nor {{\"reconcile\": true}} ({problem}); send one of them"
)]
pub struct InvalidEvent {
    problem: String,
}

#[derive(Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    dynamodb: Change,
}

#[derive(Deserialize)]
struct Change {
    #[serde(rename = "Keys")]
    keys: Keys,
    #[serde(rename = "SequenceNumber")]
    sequence: String,
}

#[derive(Deserialize)]
struct Keys {
    system: Text,
}

#[derive(Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    reconcile: bool,
}

impl Event {
    /// Reads an event.
    ///
    /// # Errors
    /// [`InvalidEvent`] when it is of neither form; nothing was done then.
    pub fn parse(event: &Value) -> Result<Self, InvalidEvent> {
        let invalid = |problem: String| InvalidEvent { problem };
        if event.get("Records").is_some() {
            let batch = Batch::deserialize(event).map_err(|error| invalid(error.to_string()))?;
            return Ok(Self::Stream(batch.records.into_iter().map(hint).collect()));
        }
        match Order::deserialize(event) {
            Ok(Order { reconcile: true }) => Ok(Self::Reconcile),
            Ok(Order { reconcile: false }) => Err(invalid("reconcile is false".to_owned())),
            Err(error) => Err(invalid(error.to_string())),
        }
    }
}

fn hint(record: Record) -> Hint {
    Hint {
        system: record.dynamodb.keys.system.text,
        sequence: record.dynamodb.sequence,
    }
}

/// The answer to a batch: from which record on the stream must hand it in again. Only the first that failed is named, as Lambda
/// begins again there anyhow.
#[must_use]
pub(crate) fn answer<'a>(hints: &'a [Hint], failed: impl Fn(&str) -> bool) -> Value {
    let place = |hint: &&'a Hint| (hint.sequence.len(), hint.sequence.as_str());
    let first = hints.iter().filter(|hint| failed(&hint.system)).min_by_key(place);
    let failures: Vec<_> = first
        .map(|hint| json!({ "itemIdentifier": hint.sequence }))
        .into_iter()
        .collect();
    json!({ "batchItemFailures": failures })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record as the developer guide prints it.
    fn record(system: &str, sequence: &str) -> Value {
        json!({
            "eventID": "c4ca4238a0b923820dcc509a6f75849b", "eventName": "MODIFY", "eventVersion": "1.1",
            "eventSource": "aws:dynamodb", "awsRegion": "eu-central-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_795_327_200.0,
                "Keys": { "system": { "S": system } },
                "NewImage": { "system": { "S": system }, "paused": { "BOOL": true } },
                "OldImage": { "system": { "S": system } },
                "SequenceNumber": sequence, "SizeBytes": 59, "StreamViewType": "NEW_AND_OLD_IMAGES"
            },
            "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/manifest/stream/2026-11-22T06:00:00.000"
        })
    }

    #[test]
    fn a_batch_is_its_keys_in_order() {
        let batch = json!({ "Records": [record("acme-crm", "9"), record("Acme Site", "10")] });
        let Event::Stream(hints) = Event::parse(&batch).unwrap() else {
            panic!("a batch");
        };
        assert_eq!(
            hints.iter().map(|hint| hint.system.as_str()).collect::<Vec<_>>(),
            ["acme-crm", "Acme Site"]
        );
        let failures = |failed: &[&str]| answer(&hints, |system| failed.contains(&system))["batchItemFailures"].clone();
        assert_eq!(failures(&[]), json!([]));
        assert_eq!(failures(&["Acme Site"]), json!([{ "itemIdentifier": "10" }]));
        assert_eq!(
            failures(&["Acme Site", "acme-crm"]),
            json!([{ "itemIdentifier": "9" }]),
            "numbers, not texts, are compared"
        );
    }

    #[test]
    fn an_order_is_an_order_and_all_else_is_refused() {
        assert_eq!(Event::parse(&json!({ "reconcile": true })), Ok(Event::Reconcile));
        for event in [
            json!({}),
            json!({ "reconcile": false }),
            json!({ "reconcile": true, "system": "acme-crm" }),
            json!({ "Records": [{ "s3": {} }] }),
            json!({ "system": "acme-crm" }),
            json!(null),
        ] {
            let error = Event::parse(&event).unwrap_err().to_string();
            assert!(error.contains("{\"reconcile\": true}"), "{error}");
        }
    }
}
