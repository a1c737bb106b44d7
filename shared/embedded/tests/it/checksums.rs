use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatbelt_embedded::BUCKET;

use crate::{Home, data_files, get, put, refusal};

/// The right length for each algorithm, and the wrong value.
fn wrong(put: PutObjectFluentBuilder, which: usize) -> PutObjectFluentBuilder {
    let zeros = |count| STANDARD.encode(vec![0; count]);
    match which {
        0 => put.checksum_crc32(zeros(4)),
        1 => put.checksum_crc32_c(zeros(4)),
        2 => put.checksum_crc64_nvme(zeros(8)),
        3 => put.checksum_sha1(zeros(20)),
        4 => put.checksum_sha256(zeros(32)),
        _ => put.content_md5(zeros(16)),
    }
}

#[tokio::test]
async fn a_body_with_a_wrong_checksum_leaves_nothing() {
    let home = Home::new().await;
    for which in 0..6 {
        let body = ByteStream::from_static(b"damaged on the way");
        let sent = wrong(home.s3().put_object().bucket(BUCKET).key("new").body(body), which)
            .send()
            .await;
        assert_eq!(
            refusal(&sent.unwrap_err()),
            (400, "BadDigest".to_owned()),
            "checksum {which}"
        );
        assert_eq!(get(&home.s3(), "new").await, None);
    }
    assert_eq!(data_files(home.folder.path()).len(), 0);
}

#[tokio::test]
async fn a_body_with_a_wrong_checksum_leaves_the_old_object_as_it_was() {
    let home = Home::new().await;
    put(&home.s3(), "kept", "good").await;
    for which in 0..6 {
        let body = ByteStream::from_static(b"damaged on the way");
        let sent = wrong(home.s3().put_object().bucket(BUCKET).key("kept").body(body), which)
            .send()
            .await;
        sent.unwrap_err();
        assert_eq!(get(&home.s3(), "kept").await.as_deref(), Some(&b"good"[..]));
    }
}

#[tokio::test]
async fn every_algorithm_is_computed_stored_and_returned() {
    let home = Home::new().await;
    let algorithms = [
        (ChecksumAlgorithm::Crc32, "DUoRhQ=="),
        (ChecksumAlgorithm::Crc32C, "yZRlqg=="),
        (ChecksumAlgorithm::Crc64Nvme, "jSnVw/bqjr4="),
        (ChecksumAlgorithm::Sha1, "Kq5sNclPz7QV2+lfQIuc6R7oRu0="),
        (
            ChecksumAlgorithm::Sha256,
            "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
        ),
    ];
    for (algorithm, expected) in algorithms {
        let body = ByteStream::from_static(b"hello world");
        let put = home
            .s3()
            .put_object()
            .bucket(BUCKET)
            .key("sum")
            .checksum_algorithm(algorithm.clone());
        let stored = put.body(body).send().await.unwrap();
        let head = home
            .s3()
            .head_object()
            .bucket(BUCKET)
            .key("sum")
            .checksum_mode(ChecksumMode::Enabled);
        let head = head.send().await.unwrap();
        let (stored, returned) = match algorithm {
            ChecksumAlgorithm::Crc32 => (stored.checksum_crc32, head.checksum_crc32),
            ChecksumAlgorithm::Crc32C => (stored.checksum_crc32_c, head.checksum_crc32_c),
            ChecksumAlgorithm::Crc64Nvme => (stored.checksum_crc64_nvme, head.checksum_crc64_nvme),
            ChecksumAlgorithm::Sha1 => (stored.checksum_sha1, head.checksum_sha1),
            _ => (stored.checksum_sha256, head.checksum_sha256),
        };
        assert_eq!(stored.as_deref(), Some(expected), "{algorithm}");
        assert_eq!(returned.as_deref(), Some(expected), "{algorithm}");
        // The SDK checks it once more against the bytes it reads.
        assert_eq!(get(&home.s3(), "sum").await.as_deref(), Some(&b"hello world"[..]));
    }
}

#[tokio::test]
async fn a_streamed_body_is_checked_against_its_trailer() {
    let home = Home::new().await;
    let source = home.folder.path().join("source");
    let bytes: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
    std::fs::write(&source, &bytes).unwrap();
    let body = ByteStream::from_path(&source).await.unwrap();
    let put = home
        .s3()
        .put_object()
        .bucket(BUCKET)
        .key("streamed")
        .checksum_algorithm(ChecksumAlgorithm::Sha256);
    let stored = put.body(body).send().await.unwrap();
    assert!(stored.checksum_sha256.is_some());
    let head = home
        .s3()
        .head_object()
        .bucket(BUCKET)
        .key("streamed")
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_encoding, None, "how the body travelled is not what it is");
    assert_eq!(get(&home.s3(), "streamed").await, Some(bytes));
}
