//! DynamoDB: dynoxide on one SQLite file, called in the process.

use std::sync::Arc;

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::connector::{Service, malformed};
use crate::fault::Named;
use crate::lock::HomeLock;

/// The engine. It keeps the folder locked, as its clients may outlive [`crate::Embedded`].
pub(crate) struct DynamoDb {
    pub(crate) database: Database,
    pub(crate) _lock: Arc<HomeLock>,
}

impl Service for DynamoDb {
    const NAME: &'static str = "dynamodb";

    fn name(request: &HttpRequest) -> Named {
        let operation = operation(request).to_owned();
        let body = request.body().bytes().unwrap_or_default();
        let key = serde_json::from_slice(body).ok().and_then(|body| table(&body));
        let write = WRITES.contains(&operation.as_str());
        Named { operation, key, write }
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let operation = operation(&request).to_owned();
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let database = self.database.clone();
        let lock = self._lock.clone();
        // The engine waits for its lock and for the disk, so it gets a thread where waiting harms nobody.
        let (status, body) = tokio::task::spawn_blocking(move || {
            let answer = dispatch(&database, &operation, &body);
            drop(lock);
            answer
        })
        .await
        .map_err(|e| ConnectorError::other(e.into(), None))?;
        let status = status.try_into().map_err(malformed)?;
        let mut response = HttpResponse::new(status, SdkBody::from(body));
        response
            .headers_mut()
            .insert("content-type", "application/x-amz-json-1.0");
        Ok(response)
    }
}

/// Operations that may change what is stored.
const WRITES: &[&str] = &[
    "BatchExecuteStatement",
    "BatchWriteItem",
    "CreateTable",
    "DeleteItem",
    "DeleteTable",
    "ExecuteStatement",
    "ExecuteTransaction",
    "PutItem",
    "TagResource",
    "TransactWriteItems",
    "UntagResource",
    "UpdateItem",
    "UpdateTable",
    "UpdateTimeToLive",
];

/// `DynamoDB_20120810.PutItem` and `DynamoDBStreams_20120810.GetRecords` alike name their operation last.
fn operation(request: &HttpRequest) -> &str {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default()
}

/// The table a request is about; of batches and transactions, the first one named.
fn table(body: &Value) -> Option<String> {
    if let Some(name) = body["TableName"].as_str() {
        return Some(name.to_owned());
    }
    if let Some(name) = body["RequestItems"].as_object().and_then(|tables| tables.keys().next()) {
        return Some(name.clone());
    }
    let first = body["TransactItems"].get(0)?.as_object()?.values().next()?;
    first["TableName"].as_str().map(str::to_owned)
}

fn dispatch(db: &Database, operation: &str, body: &[u8]) -> (u16, String) {
    match run(db, operation, body).map_err(|e| enveloped(operation, e)) {
        Ok(answer) => (200, answer),
        Err(error) => (error.status_code(), error.to_json()),
    }
}

fn run(db: &Database, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
    match operation {
        "BatchGetItem" => write(&db.batch_get_item(read(body)?)?),
        "BatchWriteItem" => write(&db.batch_write_item(read(body)?)?),
        "CreateTable" => write(&db.create_table(read(body)?)?),
        "DeleteItem" => write(&db.delete_item(read(body)?)?),
        "DeleteTable" => write(&db.delete_table(read(body)?)?),
        "DescribeStream" => write(&db.describe_stream(read(body)?)?),
        "DescribeTable" => write(&db.describe_table(read(body)?)?),
        "DescribeTimeToLive" => write(&db.describe_time_to_live(read(body)?)?),
        "GetItem" => write(&db.get_item(read(body)?)?),
        "GetRecords" => write(&db.get_records(read(body)?)?),
        "GetShardIterator" => write(&db.get_shard_iterator(read(body)?)?),
        "ListStreams" => write(&db.list_streams(read(body)?)?),
        "ListTables" => write(&db.list_tables(read(body)?)?),
        "ListTagsOfResource" => write(&db.list_tags_of_resource(read(body)?)?),
        "PutItem" => write(&db.put_item(read(body)?)?),
        "Query" => write(&db.query(read(body)?)?),
        "Scan" => write(&db.scan(read(body)?)?),
        "TagResource" => write(&db.tag_resource(read(body)?)?),
        "TransactGetItems" => write(&db.transact_get_items(read(body)?)?),
        "TransactWriteItems" => write(&db.transact_write_items(read(body)?)?),
        "UntagResource" => write(&db.untag_resource(read(body)?)?),
        "UpdateItem" => write(&db.update_item(read(body)?)?),
        "UpdateTable" => write(&db.update_table(read(body)?)?),
        "UpdateTimeToLive" => write(&db.update_time_to_live(read(body)?)?),
        other => Err(DynoxideError::ValidationException(format!(
            "{other} is not among the operations the embedded DynamoDB knows"
        ))),
    }
}

/// Reads a request. The engine's own readers mark what AWS would call a validation error with a prefix in the
/// message; unmarked, it would reach the caller as a malformed request, which it is not.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, DynoxideError> {
    serde_json::from_slice(body).map_err(|e| classify(&e.to_string()))
}

fn classify(message: &str) -> DynoxideError {
    let bare = match message.rsplit_once(" at line ") {
        Some((bare, tail)) if tail.contains("column") => bare,
        _ => message,
    };
    if let Some(text) = bare.strip_prefix("VALIDATION_REQUEST:") {
        return DynoxideError::EnvelopedValidation(text.to_owned());
    }
    for mark in ["VALIDATION:", "VALIDATION_AS_READ:"] {
        if let Some(text) = bare.strip_prefix(mark) {
            return DynoxideError::ValidationException(text.to_owned());
        }
    }
    for mark in ["SERIALIZATION:", "SERIALIZATION_AS_READ:"] {
        if let Some(text) = bare.strip_prefix(mark) {
            return DynoxideError::SerializationException(text.to_owned());
        }
    }
    let invalid = [
        "missing field",
        "unknown variant",
        "invalid type: null",
        "AttributeValue",
    ];
    if invalid.iter().any(|words| bare.contains(words)) {
        DynoxideError::ValidationException(bare.to_owned())
    } else {
        DynoxideError::SerializationException(bare.to_owned())
    }
}

/// DynamoDB words some validation errors of these three operations with an introduction, and no others.
fn enveloped(operation: &str, error: DynoxideError) -> DynoxideError {
    match error {
        DynoxideError::EnvelopedValidation(text) => {
            let introduced = matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem");
            let intro = if introduced {
                "1 validation error detected: "
            } else {
                ""
            };
            DynoxideError::ValidationException(format!("{intro}{text}"))
        }
        other => other,
    }
}

fn write(answer: &impl Serialize) -> Result<String, DynoxideError> {
    serde_json::to_string(answer).map_err(|e| DynoxideError::InternalServerError(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_messages_become_the_error_class_they_name() {
        let validation = classify("VALIDATION:TableName is too short at line 1 column 20");
        assert_eq!(
            (validation.status_code(), validation.to_string()),
            (400, "TableName is too short".to_owned())
        );
        assert!(validation.error_type().ends_with("ValidationException"));

        let enveloped = enveloped(
            "PutItem",
            classify("VALIDATION_REQUEST:Item is empty at line 1 column 2"),
        );
        assert_eq!(enveloped.to_string(), "1 validation error detected: Item is empty");

        let malformed = classify("expected value at line 1 column 1");
        assert!(malformed.error_type().ends_with("SerializationException"));
    }
}
