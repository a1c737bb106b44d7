use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, MetadataDirective, ObjectIdentifier, StorageClass};
use seatbelt_embedded::BUCKET;

use crate::{Home, data_files, get, put, refusal};

#[tokio::test]
async fn what_was_put_is_there_after_the_next_opening() {
    let home = Home::new().await;
    let put = home
        .s3()
        .put_object()
        .bucket(BUCKET)
        .key("a/b")
        .storage_class(StorageClass::StandardIa);
    let put = put
        .content_type("text/plain")
        .content_encoding("zstd")
        .metadata("sha256", "abc")
        .metadata("name", "Zoe");
    put.body(ByteStream::from_static(b"kept")).send().await.unwrap();
    let home = home.reopen().await;
    let read = home.s3().get_object().bucket(BUCKET).key("a/b").send().await.unwrap();
    assert_eq!(read.storage_class, Some(StorageClass::StandardIa));
    assert_eq!(read.content_type.as_deref(), Some("text/plain"));
    assert_eq!(read.content_encoding.as_deref(), Some("zstd"));
    assert_eq!(
        read.metadata
            .as_ref()
            .and_then(|meta| meta.get("sha256"))
            .map(String::as_str),
        Some("abc")
    );
    assert_eq!(
        read.metadata
            .as_ref()
            .and_then(|meta| meta.get("name"))
            .map(String::as_str),
        Some("Zoe")
    );
    assert!(read.last_modified.is_some());
    assert_eq!(read.body.collect().await.unwrap().to_vec(), b"kept");
}

#[tokio::test]
async fn ranges_are_answered_as_http_says() {
    let home = Home::new().await;
    let bytes: Vec<u8> = (0..700_000u32).map(|i| (i % 251) as u8).collect();
    put(&home.s3(), "long", bytes.clone()).await;
    let cases = [
        ("bytes=0-9", 0..10),
        ("bytes=10-10", 10..11),
        ("bytes=699990-", 699_990..700_000),
        ("bytes=-5", 699_995..700_000),
        ("bytes=699999-999999", 699_999..700_000),
        ("bytes=1000-600000", 1000..600_001),
    ];
    for (range, expected) in cases {
        let read = home
            .s3()
            .get_object()
            .bucket(BUCKET)
            .key("long")
            .range(range)
            .send()
            .await
            .unwrap();
        let header = format!("bytes {}-{}/700000", expected.start, expected.end - 1);
        assert_eq!(read.content_range.as_deref(), Some(header.as_str()));
        assert_eq!(read.content_length, Some(expected.len() as i64));
        assert_eq!(read.body.collect().await.unwrap().to_vec(), bytes[expected], "{range}");
    }
    let beyond = home
        .s3()
        .get_object()
        .bucket(BUCKET)
        .key("long")
        .range("bytes=700000-")
        .send()
        .await
        .unwrap_err();
    assert_eq!(refusal(&beyond), (416, "InvalidRange".to_owned()));
}

#[tokio::test]
async fn a_missing_object_and_a_missing_bucket_are_told_apart() {
    let home = Home::new().await;
    let no_key = home
        .s3()
        .get_object()
        .bucket(BUCKET)
        .key("none")
        .send()
        .await
        .unwrap_err();
    assert!(no_key.as_service_error().unwrap().is_no_such_key());
    let no_head = home
        .s3()
        .head_object()
        .bucket(BUCKET)
        .key("none")
        .send()
        .await
        .unwrap_err();
    assert!(no_head.as_service_error().unwrap().is_not_found());
    let no_bucket = home
        .s3()
        .get_object()
        .bucket("elsewhere")
        .key("none")
        .send()
        .await
        .unwrap_err();
    assert_eq!(refusal(&no_bucket), (404, "NoSuchBucket".to_owned()));
    let put = home
        .s3()
        .put_object()
        .bucket("elsewhere")
        .key("k")
        .body(ByteStream::from_static(b"x"))
        .send();
    assert_eq!(refusal(&put.await.unwrap_err()), (404, "NoSuchBucket".to_owned()));

    home.s3().head_bucket().bucket(BUCKET).send().await.unwrap();
    assert!(
        home.s3()
            .head_bucket()
            .bucket("elsewhere")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_not_found()
    );
    home.s3().create_bucket().bucket("elsewhere").send().await.unwrap();
    home.s3().head_bucket().bucket("elsewhere").send().await.unwrap();
    let again = home.s3().create_bucket().bucket("elsewhere").send().await.unwrap_err();
    assert_eq!(refusal(&again), (409, "BucketAlreadyOwnedByYou".to_owned()));
}

#[tokio::test]
async fn keys_may_be_long_and_odd_and_prefixes_of_each_other() {
    let home = Home::new().await;
    let long = "k".repeat(900);
    let odd = "a b+c/%2F/ü/日本/~!*'()&=@:,$;?#[]";
    for key in [
        long.as_str(),
        "x",
        "x/y",
        "x/y/z",
        "/lead",
        "double//slash",
        "trail/",
        "../up",
        "./dot",
        odd,
    ] {
        put(&home.s3(), key, key).await;
    }
    for key in [
        long.as_str(),
        "x",
        "x/y",
        "x/y/z",
        "/lead",
        "double//slash",
        "trail/",
        "../up",
        "./dot",
        odd,
    ] {
        assert_eq!(get(&home.s3(), key).await.as_deref(), Some(key.as_bytes()), "{key}");
    }
    home.s3().delete_object().bucket(BUCKET).key("x").send().await.unwrap();
    assert_eq!(get(&home.s3(), "x").await, None);
    assert_eq!(get(&home.s3(), "x/y").await.as_deref(), Some(&b"x/y"[..]));
}

#[tokio::test]
async fn deleting_and_overwriting_free_the_bytes() {
    let home = Home::new().await;
    for body in ["one", "two", "three", ""] {
        put(&home.s3(), "again", body).await;
        assert_eq!(get(&home.s3(), "again").await.as_deref(), Some(body.as_bytes()));
        assert_eq!(data_files(home.folder.path()).len(), 1);
    }
    for key in ["b", "c"] {
        put(&home.s3(), key, key).await;
    }
    home.s3()
        .delete_object()
        .bucket(BUCKET)
        .key("again")
        .send()
        .await
        .unwrap();
    home.s3()
        .delete_object()
        .bucket(BUCKET)
        .key("again")
        .send()
        .await
        .expect("deleting twice is fine");
    let named = |key: &str| ObjectIdentifier::builder().key(key).build().unwrap();
    let delete = Delete::builder()
        .objects(named("b"))
        .objects(named("c"))
        .objects(named("none"))
        .build()
        .unwrap();
    let done = home
        .s3()
        .delete_objects()
        .bucket(BUCKET)
        .delete(delete)
        .send()
        .await
        .unwrap();
    assert_eq!((done.deleted().len(), done.errors().len()), (3, 0));
    assert_eq!(data_files(home.folder.path()).len(), 0);
}

#[tokio::test]
async fn a_copy_has_the_bytes_and_what_was_said_about_them() {
    let home = Home::new().await;
    let put = home
        .s3()
        .put_object()
        .bucket(BUCKET)
        .key("from/ä 1")
        .metadata("kind", "note");
    put.body(ByteStream::from_static(b"copied")).send().await.unwrap();
    let copy = home
        .s3()
        .copy_object()
        .bucket(BUCKET)
        .key("to")
        .copy_source(format!("{BUCKET}/from/%C3%A4%201"));
    copy.send().await.unwrap();
    assert_eq!(get(&home.s3(), "to").await.as_deref(), Some(&b"copied"[..]));
    let head = home.s3().head_object().bucket(BUCKET).key("to").send().await.unwrap();
    assert_eq!(head.metadata.unwrap().get("kind").map(String::as_str), Some("note"));

    let copy = home
        .s3()
        .copy_object()
        .bucket(BUCKET)
        .key("to")
        .copy_source(format!("{BUCKET}/to"));
    copy.metadata_directive(MetadataDirective::Replace)
        .metadata("kind", "other")
        .send()
        .await
        .unwrap();
    let head = home.s3().head_object().bucket(BUCKET).key("to").send().await.unwrap();
    assert_eq!(head.metadata.unwrap().get("kind").map(String::as_str), Some("other"));
    assert_eq!(get(&home.s3(), "to").await.as_deref(), Some(&b"copied"[..]));
}

#[tokio::test]
async fn what_the_store_cannot_keep_it_refuses() {
    let home = Home::new().await;
    let put = home
        .s3()
        .put_object()
        .bucket(BUCKET)
        .key("tagged")
        .tagging("a=b")
        .body(ByteStream::from_static(b"x"));
    assert_eq!(
        refusal(&put.send().await.unwrap_err()),
        (501, "NotImplemented".to_owned())
    );
    let policy = home.s3().get_bucket_policy().bucket(BUCKET).send().await.unwrap_err();
    assert_eq!(refusal(&policy), (501, "NotImplemented".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_gets_one_whole_version_however_often_it_is_replaced() {
    let home = Home::new().await;
    let version = |n: u8| vec![n; 600_000];
    put(&home.s3(), "busy", version(0)).await;
    let s3 = home.s3();
    let writer = tokio::spawn(async move {
        for n in 1..40 {
            put(&s3, "busy", vec![n; 600_000]).await;
        }
    });
    let mut last = 0;
    while !writer.is_finished() {
        let read = get(&home.s3(), "busy").await.unwrap();
        assert_eq!(read, version(read[0]));
        assert!(read[0] >= last, "no version comes back");
        last = read[0];
    }
    writer.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn more_bodies_than_threads_can_come_in_at_once() {
    let home = Home::new().await;
    let source = home.folder.path().join("source");
    std::fs::write(&source, vec![7; 100_000]).unwrap();
    let uploads: Vec<_> = (0..700)
        .map(|n| {
            let (s3, source) = (home.s3(), source.clone());
            tokio::spawn(async move {
                let body = ByteStream::from_path(source).await.unwrap();
                s3.put_object()
                    .bucket(BUCKET)
                    .key(format!("many/{n}"))
                    .body(body)
                    .send()
                    .await
                    .unwrap();
            })
        })
        .collect();
    for upload in uploads {
        upload.await.unwrap();
    }
    assert_eq!(data_files(home.folder.path()).len(), 700);
}
