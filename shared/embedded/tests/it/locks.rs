use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{Delete, ObjectIdentifier, ObjectLockMode, ObjectLockRetention, ObjectLockRetentionMode};
use jiff::Timestamp;
use seatbelt_embedded::{BUCKET, Embedded, Options};
use tempfile::TempDir;

use crate::{get, put, refusal};

const DAY: i64 = 86_400;
const START: i64 = 1_800_000_000;

/// A home whose clock the test sets.
struct Locked {
    embedded: Embedded,
    now: Arc<AtomicI64>,
    _folder: TempDir,
}

impl Locked {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicI64::new(START));
        let clock = now.clone();
        let options = Options::default()
            .fast()
            .clock(move || Timestamp::from_second(clock.load(Ordering::Relaxed)).expect("a date in this millennium"));
        let embedded = Embedded::open_with(folder.path(), options).await.unwrap();
        Self {
            embedded,
            now,
            _folder: folder,
        }
    }

    fn put(&self, key: &str, mode: ObjectLockMode, days: i64) -> PutObjectFluentBuilder {
        let put = self
            .embedded
            .s3()
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(ByteStream::from_static(b"locked"));
        put.object_lock_mode(mode)
            .object_lock_retain_until_date(DateTime::from_secs(START + days * DAY))
    }

    async fn extend(&self, key: &str, mode: ObjectLockRetentionMode, days: i64, bypass: bool) -> Result<(), String> {
        let until = DateTime::from_secs(START + days * DAY);
        let retention = ObjectLockRetention::builder()
            .mode(mode)
            .retain_until_date(until)
            .build();
        let put = self
            .embedded
            .s3()
            .put_object_retention()
            .bucket(BUCKET)
            .key(key)
            .retention(retention);
        let sent = put.bypass_governance_retention(bypass).send().await;
        sent.map(drop).map_err(|e| refusal(&e).1)
    }

    async fn delete(&self, key: &str, bypass: bool) -> Result<(), String> {
        let delete = self
            .embedded
            .s3()
            .delete_object()
            .bucket(BUCKET)
            .key(key)
            .bypass_governance_retention(bypass);
        delete.send().await.map(drop).map_err(|e| refusal(&e).1)
    }
}

fn denied() -> Result<(), String> {
    Err("AccessDenied".to_owned())
}

#[tokio::test]
async fn a_locked_object_can_be_neither_deleted_nor_overwritten_until_its_date() {
    let home = Locked::new().await;
    let s3 = home.embedded.s3();
    for mode in [ObjectLockMode::Compliance, ObjectLockMode::Governance] {
        home.now.store(START, Ordering::Relaxed);
        let key = mode.as_str();
        home.put(key, mode.clone(), 30).send().await.unwrap();
        home.now.store(START + 30 * DAY - 1, Ordering::Relaxed);

        assert_eq!(home.delete(key, false).await, denied());
        let overwrite = s3
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(ByteStream::from_static(b"other"))
            .send()
            .await;
        assert_eq!(refusal(&overwrite.unwrap_err()), (403, "AccessDenied".to_owned()));
        let copy = s3
            .copy_object()
            .bucket(BUCKET)
            .key(key)
            .copy_source(format!("{BUCKET}/{key}"))
            .send()
            .await;
        assert_eq!(refusal(&copy.unwrap_err()), (403, "AccessDenied".to_owned()));
        let once = s3.put_object().bucket(BUCKET).key(key).if_none_match("*").send().await;
        assert_eq!(
            refusal(&once.unwrap_err()).0,
            412,
            "who writes once hears that it is there"
        );
        assert_eq!(get(&s3, key).await.as_deref(), Some(&b"locked"[..]));

        home.now.store(START + 30 * DAY, Ordering::Relaxed);
        assert_eq!(home.delete(key, false).await, Ok(()));
        assert_eq!(get(&s3, key).await, None);
    }
}

#[tokio::test]
async fn of_many_deleted_at_once_only_the_locked_stay() {
    let home = Locked::new().await;
    let s3 = home.embedded.s3();
    home.put("locked", ObjectLockMode::Governance, 1).send().await.unwrap();
    put(&s3, "free", "x").await;
    let named = |key: &str| ObjectIdentifier::builder().key(key).build().unwrap();
    let delete = || {
        Delete::builder()
            .objects(named("locked"))
            .objects(named("free"))
            .build()
            .unwrap()
    };
    let done = s3
        .delete_objects()
        .bucket(BUCKET)
        .delete(delete())
        .send()
        .await
        .unwrap();
    assert_eq!(done.deleted()[0].key(), Some("free"));
    assert_eq!(
        (done.errors()[0].key(), done.errors()[0].code()),
        (Some("locked"), Some("AccessDenied"))
    );
    let bypass = s3
        .delete_objects()
        .bucket(BUCKET)
        .delete(delete())
        .bypass_governance_retention(true);
    assert_eq!(bypass.send().await.unwrap().errors().len(), 0);
    assert_eq!(get(&s3, "locked").await, None);
}

#[tokio::test]
async fn a_lock_can_grow_and_only_governance_can_be_bypassed() {
    let home = Locked::new().await;
    home.put("c", ObjectLockMode::Compliance, 10).send().await.unwrap();
    home.put("g", ObjectLockMode::Governance, 10).send().await.unwrap();
    use ObjectLockRetentionMode::{Compliance, Governance};

    assert_eq!(home.extend("c", Compliance, 20, false).await, Ok(()));
    assert_eq!(home.extend("c", Compliance, 19, true).await, denied());
    assert_eq!(home.extend("c", Governance, 30, true).await, denied());
    assert_eq!(home.delete("c", true).await, denied());

    assert_eq!(home.extend("g", Governance, 20, false).await, Ok(()));
    assert_eq!(home.extend("g", Governance, 5, false).await, denied());
    assert_eq!(home.extend("g", Governance, 5, true).await, Ok(()));

    let read = home
        .embedded
        .s3()
        .get_object_retention()
        .bucket(BUCKET)
        .key("c")
        .send()
        .await
        .unwrap();
    let retention = read.retention().unwrap();
    assert_eq!(retention.mode(), Some(&Compliance));
    assert_eq!(
        retention.retain_until_date(),
        Some(&DateTime::from_secs(START + 20 * DAY))
    );
    let head = home
        .embedded
        .s3()
        .head_object()
        .bucket(BUCKET)
        .key("g")
        .send()
        .await
        .unwrap();
    assert_eq!(
        head.object_lock_retain_until_date(),
        Some(&DateTime::from_secs(START + 5 * DAY))
    );

    put(&home.embedded.s3(), "free", "x").await;
    let none = home
        .embedded
        .s3()
        .get_object_retention()
        .bucket(BUCKET)
        .key("free")
        .send()
        .await
        .unwrap_err();
    assert_eq!(refusal(&none), (404, "NoSuchObjectLockConfiguration".to_owned()));
    assert_eq!(home.extend("free", Compliance, 1, false).await, Ok(()));
    assert_eq!(home.delete("free", false).await, denied());
}

#[tokio::test]
async fn a_lock_that_makes_no_sense_is_refused() {
    let home = Locked::new().await;
    let past = home
        .put("past", ObjectLockMode::Compliance, -1)
        .send()
        .await
        .unwrap_err();
    assert_eq!(refusal(&past), (400, "InvalidArgument".to_owned()));
    let s3 = home.embedded.s3();
    let half = s3
        .put_object()
        .bucket(BUCKET)
        .key("half")
        .object_lock_mode(ObjectLockMode::Compliance)
        .send()
        .await;
    assert_eq!(refusal(&half.unwrap_err()), (400, "InvalidArgument".to_owned()));
}
