//! A process that is killed at any moment loses nothing it was told is safe, and leaves nothing half.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, Put, ScalarAttributeType,
    TransactWriteItem,
};
use aws_sdk_s3::primitives::ByteStream;
use seatbelt_embedded::{BUCKET, Embedded};

use crate::{data_files, get};

const CHILD: &str = "SEATBELT_EMBEDDED_KILL_CHILD";
const WRITERS: u64 = 3;
const ROUNDS: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_to_a_kill() {
    if let Ok(home) = std::env::var(CHILD) {
        return write_for_ever(Path::new(&home)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: HashMap<String, u64> = HashMap::new();
    for round in 0..ROUNDS {
        let acks_before_the_kill = fastrand::usize(20..150);
        run_and_kill(folder.path(), acks_before_the_kill, &mut acknowledged);
        let embedded = Embedded::open(folder.path()).await.unwrap();
        for (what, at_least) in &acknowledged {
            let found = match what.split_once(' ').unwrap() {
                ("object", key) => object_version(&embedded, key).await,
                (_, key) => item_version(&embedded, key).await,
            };
            assert!(
                found >= *at_least,
                "round {round}: {what} is at {found}, {at_least} was acknowledged"
            );
        }
        let listed = embedded.s3().list_objects_v2().bucket(BUCKET).send().await.unwrap();
        assert_eq!(
            data_files(folder.path()).len(),
            listed.contents().len(),
            "round {round}: no orphan stays"
        );
    }
    assert!(
        acknowledged.len() as u64 >= 2 * WRITERS,
        "objects and items were both written: {acknowledged:?}"
    );
}

/// Runs the child until it acknowledged so many writes, then kills it amid the next ones.
fn run_and_kill(home: &Path, acks: usize, acknowledged: &mut HashMap<String, u64>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::nothing_acknowledged_is_lost_to_a_kill", "--nocapture"])
        .env(CHILD, home)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut note = |line: &str| {
        let Some((what, version)) = line.strip_prefix("ack ").and_then(|line| line.rsplit_once(' ')) else {
            return 0;
        };
        // The last line may be cut short by the kill; then it was not acknowledged.
        let Some(version) = version.strip_suffix('.').and_then(|version| version.parse().ok()) else {
            return 0;
        };
        acknowledged.insert(what.to_owned(), version);
        1
    };
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    while seen < acks {
        seen += note(&lines.next().expect("the child writes until it is killed").unwrap());
    }
    child.kill().unwrap();
    for line in lines {
        note(&line.unwrap_or_default());
    }
    child.wait().unwrap();
}

/// The child: several writers, each overwriting an object and a pair of items of its own with ever higher versions.
async fn write_for_ever(home: &Path) {
    let embedded = Embedded::open(home).await.unwrap();
    create_table(&embedded).await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (s3, db) = (embedded.s3(), embedded.dynamodb());
            let key = format!("writer/{writer}");
            async move {
                let first = item_version_of(&db, &format!("{key}/a")).await;
                for version in first + 1.. {
                    let body = ByteStream::from(body(&key, version));
                    s3.put_object()
                        .bucket(BUCKET)
                        .key(&key)
                        .body(body)
                        .send()
                        .await
                        .unwrap();
                    acknowledge("object", &key, version);
                    let mut pair = db.transact_write_items();
                    for half in ["a", "b"] {
                        let put = Put::builder().table_name("versions");
                        let put = put.item("id", AttributeValue::S(format!("{key}/{half}")));
                        let put = put
                            .item("version", AttributeValue::N(version.to_string()))
                            .build()
                            .unwrap();
                        pair = pair.transact_items(TransactWriteItem::builder().put(put).build());
                    }
                    pair.send().await.unwrap();
                    acknowledge("item", &key, version);
                }
            }
        })
        .collect();
    for writer in writers.into_iter().map(tokio::spawn).collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

fn acknowledge(kind: &str, key: &str, version: u64) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "\nack {kind} {key} {version}.").unwrap();
    stdout.flush().unwrap();
}

/// A body whose every byte tells its version, of a length that varies.
fn body(key: &str, version: u64) -> Vec<u8> {
    let line = format!("{key} {version}\n").into_bytes();
    let length = 1 + (version * 7919 % 300_000) as usize;
    line.iter().copied().cycle().take(line.len() + length).collect()
}

async fn object_version(embedded: &Embedded, key: &str) -> u64 {
    let found = get(&embedded.s3(), key)
        .await
        .unwrap_or_else(|| panic!("{key} is gone"));
    let line = found.split(|byte| *byte == b'\n').next().unwrap();
    let version = std::str::from_utf8(line)
        .unwrap()
        .rsplit_once(' ')
        .unwrap()
        .1
        .parse()
        .unwrap();
    assert!(found == body(key, version), "{key} at version {version} is not whole");
    version
}

async fn item_version(embedded: &Embedded, key: &str) -> u64 {
    let db = embedded.dynamodb();
    let a = item_version_of(&db, &format!("{key}/a")).await;
    assert_eq!(
        a,
        item_version_of(&db, &format!("{key}/b")).await,
        "both items of a transaction, or neither"
    );
    a
}

async fn item_version_of(db: &aws_sdk_dynamodb::Client, id: &str) -> u64 {
    let read = db
        .get_item()
        .table_name("versions")
        .key("id", AttributeValue::S(id.to_owned()))
        .send()
        .await
        .unwrap();
    read.item
        .map_or(0, |item| item["version"].as_n().unwrap().parse().unwrap())
}

async fn create_table(embedded: &Embedded) {
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
    let create = embedded
        .dynamodb()
        .create_table()
        .table_name("versions")
        .attribute_definitions(id)
        .key_schema(key);
    match create.billing_mode(BillingMode::PayPerRequest).send().await {
        Ok(_) => {}
        Err(e) => assert!(e.into_service_error().is_resource_in_use_exception()),
    }
}
