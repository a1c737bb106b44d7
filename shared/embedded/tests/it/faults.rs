use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::{AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType};
use aws_sdk_dynamodb::types::{Put, ScalarAttributeType, TransactWriteItem};
use aws_sdk_s3::primitives::ByteStream;
use seatbelt_embedded::{BUCKET, Embedded, Fault, FaultPoint, Options};
use tempfile::TempDir;

use crate::{get, put};

/// A home that remembers what it was asked, and cuts the n-th write.
async fn cutting(cut: u64, how: Fault) -> (Embedded, Arc<Mutex<Vec<FaultPoint>>>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let options = Options::default().fast().fault(move |point| {
        log.lock().unwrap().push(point.clone());
        if point.write && point.number == cut {
            how
        } else {
            Fault::None
        }
    });
    (Embedded::open_with(folder.path(), options).await.unwrap(), seen, folder)
}

#[tokio::test]
async fn a_request_cut_before_does_nothing_and_one_cut_after_is_done() {
    for (how, expected) in [(Fault::FailBefore, &b"old"[..]), (Fault::FailAfter, &b"new"[..])] {
        let (embedded, seen, _folder) = cutting(1, how).await;
        let s3 = embedded.s3();
        put(&s3, "k", "old").await;
        let cut = s3
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .body(ByteStream::from_static(b"new"))
            .send()
            .await;
        let error = cut.unwrap_err();
        assert!(error.as_service_error().is_none(), "no answer came: {error:?}");
        assert_eq!(get(&s3, "k").await.as_deref(), Some(expected));
        let writes = seen.lock().unwrap().iter().filter(|point| point.write).count();
        assert_eq!(writes, 2, "the client did not try again by itself");
    }
}

#[tokio::test]
async fn requests_are_named_and_counted() {
    let (embedded, seen, _folder) = cutting(u64::MAX, Fault::None).await;
    let (s3, dynamodb) = (embedded.s3(), embedded.dynamodb());
    put(&s3, "a/ü 1", "x").await;
    get(&s3, "a/ü 1").await.unwrap();
    let id = AttributeDefinition::builder()
        .attribute_name("id")
        .attribute_type(ScalarAttributeType::S)
        .build()
        .unwrap();
    let key = KeySchemaElement::builder()
        .attribute_name("id")
        .key_type(KeyType::Hash)
        .build()
        .unwrap();
    let create = dynamodb
        .create_table()
        .table_name("things")
        .attribute_definitions(id)
        .key_schema(key);
    create.billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
    let item = Put::builder()
        .table_name("things")
        .item("id", AttributeValue::S("1".into()))
        .build()
        .unwrap();
    let transact = TransactWriteItem::builder().put(item).build();
    dynamodb
        .transact_write_items()
        .transact_items(transact)
        .send()
        .await
        .unwrap();
    dynamodb.scan().table_name("things").send().await.unwrap();
    s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();

    let seen = seen.lock().unwrap();
    let seen: Vec<_> = seen
        .iter()
        .map(|p| {
            (
                p.service,
                p.operation.as_str(),
                p.key.as_deref().unwrap_or(""),
                p.write,
                p.number,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("s3", "PutObject", "a/ü 1", true, 0),
            ("s3", "GetObject", "a/ü 1", false, 0),
            ("dynamodb", "CreateTable", "things", true, 1),
            ("dynamodb", "TransactWriteItems", "things", true, 2),
            ("dynamodb", "Scan", "things", false, 1),
            ("s3", "ListObjectsV2", "", false, 2),
        ]
    );
}
