use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, ConditionCheck, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    KeysAndAttributes, Projection, ProjectionType, Put, PutRequest, ReturnValue, ReturnValuesOnConditionCheckFailure,
    ScalarAttributeType, StreamSpecification, StreamViewType, TimeToLiveSpecification, TransactGetItem,
    TransactWriteItem, Update, WriteRequest,
};
use seatbelt_embedded::Embedded;

use crate::Home;

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn n(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A table of runs: key `system` + `run`, and an index by `status`.
async fn runs(db: &Client) {
    let text = |name: &str| {
        let kind = ScalarAttributeType::S;
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(kind)
            .build()
            .unwrap()
    };
    let key = |name: &str, kind| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
            .unwrap()
    };
    let index = GlobalSecondaryIndex::builder()
        .index_name("by-status")
        .key_schema(key("status", KeyType::Hash))
        .key_schema(key("run", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .unwrap();
    db.create_table()
        .table_name("runs")
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(text("system"))
        .attribute_definitions(text("run"))
        .attribute_definitions(text("status"))
        .key_schema(key("system", KeyType::Hash))
        .key_schema(key("run", KeyType::Range))
        .global_secondary_indexes(index)
        .send()
        .await
        .unwrap();
}

fn item(system: &str, run: &str, status: &str) -> HashMap<String, AttributeValue> {
    [("system", system), ("run", run), ("status", status)]
        .map(|(k, v)| (k.to_owned(), s(v)))
        .into()
}

#[tokio::test]
async fn tables_and_items_survive_the_next_opening() {
    let home = Home::new().await;
    let db = home.embedded.dynamodb();
    runs(&db).await;
    db.put_item()
        .table_name("runs")
        .set_item(Some(item("crm", "1", "running")))
        .send()
        .await
        .unwrap();
    drop(db);
    let home = home.reopen().await;
    let db = home.embedded.dynamodb();
    assert_eq!(db.list_tables().send().await.unwrap().table_names(), ["runs"]);
    let table = db
        .describe_table()
        .table_name("runs")
        .send()
        .await
        .unwrap()
        .table
        .unwrap();
    assert_eq!(table.table_status().map(|status| status.as_str()), Some("ACTIVE"));
    let read = db
        .get_item()
        .table_name("runs")
        .key("system", s("crm"))
        .key("run", s("1"))
        .send()
        .await
        .unwrap();
    assert_eq!(read.item.unwrap(), item("crm", "1", "running"));
}

#[tokio::test]
async fn conditional_writes_tell_what_stood_against_them() {
    let home = Home::new().await;
    let db = home.embedded.dynamodb();
    runs(&db).await;
    let create = || {
        let put = db
            .put_item()
            .table_name("runs")
            .set_item(Some(item("crm", "1", "running")));
        put.condition_expression("attribute_not_exists(#r)")
            .expression_attribute_names("#r", "run")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
    };
    create().await.unwrap();
    let error = create().await.unwrap_err().into_service_error();
    assert!(error.is_conditional_check_failed_exception(), "{error:?}");
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed) = error else {
        panic!("it just was one")
    };
    assert_eq!(failed.item.unwrap()["status"], s("running"));

    let lease = |owner: &str, now: i64| {
        db.update_item()
            .table_name("runs")
            .key("system", s("crm"))
            .key("run", s("lease"))
            .update_expression("SET #o = :o, expires = :e ADD taken :one")
            .condition_expression("attribute_not_exists(expires) OR expires < :now")
            .expression_attribute_names("#o", "owner")
            .expression_attribute_values(":o", s(owner))
            .expression_attribute_values(":e", n(now + 60))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":now", n(now))
            .return_values(ReturnValue::AllNew)
            .send()
    };
    assert_eq!(lease("a", 100).await.unwrap().attributes.unwrap()["owner"], s("a"));
    assert!(
        lease("b", 120)
            .await
            .unwrap_err()
            .into_service_error()
            .is_conditional_check_failed_exception()
    );
    let taken = lease("b", 161).await.unwrap().attributes.unwrap();
    assert_eq!((&taken["owner"], &taken["taken"]), (&s("b"), &n(2)));
}

#[tokio::test]
async fn a_transaction_happens_whole_or_not_at_all() {
    let home = Home::new().await;
    let db = home.embedded.dynamodb();
    runs(&db).await;
    let put = |run: &str| {
        let put = Put::builder()
            .table_name("runs")
            .set_item(Some(item("crm", run, "done")));
        let put = put
            .condition_expression("attribute_not_exists(#r)")
            .expression_attribute_names("#r", "run");
        TransactWriteItem::builder().put(put.build().unwrap()).build()
    };
    db.transact_write_items()
        .transact_items(put("1"))
        .transact_items(put("2"))
        .send()
        .await
        .unwrap();
    let error = db
        .transact_write_items()
        .transact_items(put("3"))
        .transact_items(put("2"))
        .send()
        .await
        .unwrap_err();
    let error = error.into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(why) =
        error
    else {
        panic!("{error:?}")
    };
    let codes: Vec<_> = why
        .cancellation_reasons()
        .iter()
        .map(|reason| reason.code().unwrap_or_default())
        .collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed"]);

    let update = Update::builder()
        .table_name("runs")
        .key("system", s("crm"))
        .key("run", s("1"))
        .update_expression("SET #s = :s")
        .expression_attribute_names("#s", "status")
        .expression_attribute_values(":s", s("checked"));
    let check = ConditionCheck::builder()
        .table_name("runs")
        .key("system", s("crm"))
        .key("run", s("2"))
        .condition_expression("attribute_exists(#r)")
        .expression_attribute_names("#r", "run");
    db.transact_write_items()
        .transact_items(TransactWriteItem::builder().update(update.build().unwrap()).build())
        .transact_items(
            TransactWriteItem::builder()
                .condition_check(check.build().unwrap())
                .build(),
        )
        .send()
        .await
        .unwrap();
    let get = |run: &str| {
        let get = aws_sdk_dynamodb::types::Get::builder()
            .table_name("runs")
            .key("system", s("crm"))
            .key("run", s(run));
        TransactGetItem::builder().get(get.build().unwrap()).build()
    };
    let read = db
        .transact_get_items()
        .transact_items(get("1"))
        .transact_items(get("3"))
        .send()
        .await
        .unwrap();
    assert_eq!(read.responses()[0].item.as_ref().unwrap()["status"], s("checked"));
    assert!(
        read.responses()[1].item.as_ref().is_none_or(HashMap::is_empty),
        "3 was not put"
    );
}

#[tokio::test]
async fn queries_scans_and_batches_page_through() {
    let home = Home::new().await;
    let db = home.embedded.dynamodb();
    runs(&db).await;
    let writes: Vec<_> = (0..60)
        .map(|i| {
            let status = if i % 3 == 0 { "failed" } else { "done" };
            let put = PutRequest::builder()
                .set_item(Some(item("crm", &format!("{i:03}"), status)))
                .build()
                .unwrap();
            WriteRequest::builder().put_request(put).build()
        })
        .collect();
    for batch in writes.chunks(25) {
        let done = db
            .batch_write_item()
            .request_items("runs", batch.to_vec())
            .send()
            .await
            .unwrap();
        assert!(done.unprocessed_items().is_none_or(HashMap::is_empty));
    }
    let failed = db
        .query()
        .table_name("runs")
        .index_name("by-status")
        .key_condition_expression("#s = :s AND #r BETWEEN :a AND :b")
        .expression_attribute_names("#s", "status")
        .expression_attribute_names("#r", "run")
        .expression_attribute_values(":s", s("failed"))
        .expression_attribute_values(":a", s("010"))
        .expression_attribute_values(":b", s("049"))
        .scan_index_forward(false)
        .limit(4)
        .into_paginator()
        .items()
        .send();
    let failed: Vec<_> = failed.try_collect().await.unwrap();
    let found: Vec<_> = failed.iter().map(|item| item["run"].as_s().unwrap().as_str()).collect();
    assert_eq!(
        found,
        [
            "048", "045", "042", "039", "036", "033", "030", "027", "024", "021", "018", "015", "012"
        ]
    );

    let scan = db
        .scan()
        .table_name("runs")
        .filter_expression("#s = :s")
        .expression_attribute_names("#s", "status");
    let scan = scan
        .expression_attribute_values(":s", s("done"))
        .limit(7)
        .into_paginator()
        .items()
        .send();
    assert_eq!(scan.try_collect().await.unwrap().len(), 40);

    let key = |run: &str| HashMap::from([("system".to_owned(), s("crm")), ("run".to_owned(), s(run))]);
    let keys = KeysAndAttributes::builder()
        .keys(key("001"))
        .keys(key("002"))
        .keys(key("none"))
        .build()
        .unwrap();
    let read = db.batch_get_item().request_items("runs", keys).send().await.unwrap();
    assert_eq!(read.responses.unwrap()["runs"].len(), 2);

    let delete = db
        .delete_item()
        .table_name("runs")
        .key("system", s("crm"))
        .key("run", s("001"));
    let deleted = delete.return_values(ReturnValue::AllOld).send().await.unwrap();
    assert_eq!(deleted.attributes.unwrap()["status"], s("done"));
}

#[tokio::test]
async fn items_whose_time_is_over_go_with_the_next_sweep() {
    let home = Home::new().await;
    let db = home.embedded.dynamodb();
    runs(&db).await;
    let ttl = TimeToLiveSpecification::builder()
        .attribute_name("expires")
        .enabled(true)
        .build()
        .unwrap();
    db.update_time_to_live()
        .table_name("runs")
        .time_to_live_specification(ttl)
        .send()
        .await
        .unwrap();
    let described = db.describe_time_to_live().table_name("runs").send().await.unwrap();
    assert_eq!(
        described.time_to_live_description().unwrap().attribute_name(),
        Some("expires")
    );
    for (run, expires) in [("old", 1_000_000_000), ("new", 99_000_000_000)] {
        let put = db
            .put_item()
            .table_name("runs")
            .set_item(Some(item("crm", run, "done")))
            .item("expires", n(expires));
        put.send().await.unwrap();
    }
    assert_eq!(sweep(&home.embedded).await, 1);
    let left = db.scan().table_name("runs").send().await.unwrap();
    assert_eq!(left.items()[0]["run"], s("new"));
    assert_eq!(left.count(), 1);
}

async fn sweep(embedded: &Embedded) -> usize {
    embedded.sweep_expired().await.unwrap()
}

#[tokio::test]
async fn mistakes_come_back_as_the_errors_aws_has_for_them() {
    let home = Home::new().await;
    let db = home.embedded.dynamodb();
    let missing = db
        .get_item()
        .table_name("absent")
        .key("id", s("1"))
        .send()
        .await
        .unwrap_err();
    assert!(missing.into_service_error().is_resource_not_found_exception());
    runs(&db).await;
    let twice = db.create_table().table_name("runs").send().await.unwrap_err();
    assert_eq!(twice.code(), Some("ValidationException"), "{twice:?}");
    let empty = db.put_item().table_name("runs").send().await.unwrap_err();
    assert_eq!(empty.code(), Some("ValidationException"), "{empty:?}");
    let keyless = db
        .put_item()
        .table_name("runs")
        .item("status", s("x"))
        .send()
        .await
        .unwrap_err();
    assert_eq!(keyless.code(), Some("ValidationException"), "{keyless:?}");
    let short = db
        .get_item()
        .table_name("x")
        .key("id", s("1"))
        .send()
        .await
        .unwrap_err();
    assert_eq!(short.code(), Some("ValidationException"), "{short:?}");
    let unknown = db.list_backups().send().await.unwrap_err();
    assert!(
        unknown.message().unwrap_or_default().contains("ListBackups"),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn a_table_can_have_a_stream() {
    let home = Home::new().await;
    let db = home.embedded.dynamodb();
    runs(&db).await;
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewImage)
        .build();
    db.update_table()
        .table_name("runs")
        .stream_specification(stream.unwrap())
        .send()
        .await
        .unwrap();
    let table = db
        .describe_table()
        .table_name("runs")
        .send()
        .await
        .unwrap()
        .table
        .unwrap();
    assert!(
        table.latest_stream_arn().is_some_and(|arn| arn.contains("runs")),
        "{table:?}"
    );
}
