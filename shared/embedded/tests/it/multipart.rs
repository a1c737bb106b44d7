use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart};
use seatbelt_embedded::BUCKET;

use crate::{Home, data_files, get, put, refusal};

const MIB: usize = 1024 * 1024;

struct Upload<'a> {
    home: &'a Home,
    key: &'a str,
    id: String,
    algorithm: ChecksumAlgorithm,
    parts: Vec<CompletedPart>,
}

impl<'a> Upload<'a> {
    async fn new(home: &'a Home, key: &'a str, algorithm: ChecksumAlgorithm) -> Self {
        let create = home
            .s3()
            .create_multipart_upload()
            .bucket(BUCKET)
            .key(key)
            .metadata("made", "in parts");
        let id = create
            .checksum_algorithm(algorithm.clone())
            .send()
            .await
            .unwrap()
            .upload_id
            .unwrap();
        Self {
            home,
            key,
            id,
            algorithm,
            parts: Vec::new(),
        }
    }

    async fn part(&mut self, number: i32, bytes: Vec<u8>) {
        let upload = self
            .home
            .s3()
            .upload_part()
            .bucket(BUCKET)
            .key(self.key)
            .upload_id(&self.id)
            .part_number(number);
        let upload = upload
            .checksum_algorithm(self.algorithm.clone())
            .body(ByteStream::from(bytes));
        let sent = upload.send().await.unwrap();
        let part = CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag);
        let part = part
            .set_checksum_sha256(sent.checksum_sha256)
            .set_checksum_crc64_nvme(sent.checksum_crc64_nvme);
        self.parts.push(part.build());
    }

    fn complete(
        &self,
    ) -> aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder {
        let list = CompletedMultipartUpload::builder()
            .set_parts(Some(self.parts.clone()))
            .build();
        let complete = self
            .home
            .s3()
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key(self.key)
            .upload_id(&self.id);
        complete.multipart_upload(list)
    }
}

fn bytes(size: usize, seed: u8) -> Vec<u8> {
    (0..size).map(|i| (i % 251) as u8 ^ seed).collect()
}

#[tokio::test]
async fn parts_become_one_object() {
    for algorithm in [ChecksumAlgorithm::Sha256, ChecksumAlgorithm::Crc64Nvme] {
        let home = Home::new().await;
        let mut upload = Upload::new(&home, "big", algorithm.clone()).await;
        upload.part(1, bytes(5 * MIB, 1)).await;
        upload.part(2, bytes(5 * MIB, 9)).await;
        upload.part(3, bytes(100, 3)).await;
        // A part sent again replaces the one before.
        upload.parts.remove(1);
        upload.part(2, bytes(5 * MIB, 2)).await;
        upload.parts.sort_by_key(|part| part.part_number());
        assert_eq!(get(&home.s3(), "big").await, None, "not there before it is complete");

        let done = upload.complete().send().await.unwrap();
        assert!(done.e_tag().unwrap().ends_with("-3\""));
        let whole = [bytes(5 * MIB, 1), bytes(5 * MIB, 2), bytes(100, 3)].concat();
        assert_eq!(get(&home.s3(), "big").await, Some(whole));
        let head = home
            .s3()
            .head_object()
            .bucket(BUCKET)
            .key("big")
            .checksum_mode(ChecksumMode::Enabled);
        let head = head.send().await.unwrap();
        assert_eq!(head.metadata().unwrap()["made"], "in parts");
        match algorithm {
            ChecksumAlgorithm::Sha256 => assert!(head.checksum_sha256().unwrap().ends_with("-3")),
            _ => assert!(!head.checksum_crc64_nvme().unwrap().contains('-')),
        }
        assert_eq!(data_files(home.folder.path()).len(), 1, "the parts are gone");
        let again = upload.complete().send().await.unwrap_err();
        assert_eq!(refusal(&again), (404, "NoSuchUpload".to_owned()));
    }
}

#[tokio::test]
async fn completing_obeys_if_none_match_and_can_be_tried_again() {
    let home = Home::new().await;
    let mut upload = Upload::new(&home, "once", ChecksumAlgorithm::Crc64Nvme).await;
    upload.part(1, b"in parts".to_vec()).await;
    put(&home.s3(), "once", "first").await;
    let error = upload.complete().if_none_match("*").send().await.unwrap_err();
    assert_eq!(refusal(&error), (412, "PreconditionFailed".to_owned()));
    assert_eq!(get(&home.s3(), "once").await.as_deref(), Some(&b"first"[..]));
    home.s3()
        .delete_object()
        .bucket(BUCKET)
        .key("once")
        .send()
        .await
        .unwrap();
    upload.complete().if_none_match("*").send().await.unwrap();
    assert_eq!(get(&home.s3(), "once").await.as_deref(), Some(&b"in parts"[..]));
}

#[tokio::test]
async fn what_would_fail_on_aws_fails_here() {
    let home = Home::new().await;
    let mut upload = Upload::new(&home, "strict", ChecksumAlgorithm::Sha256).await;
    upload.part(1, b"too small to be followed".to_vec()).await;
    upload.part(2, b"last".to_vec()).await;
    assert_eq!(
        refusal(&upload.complete().send().await.unwrap_err()),
        (400, "EntityTooSmall".to_owned())
    );

    upload.parts.reverse();
    assert_eq!(
        refusal(&upload.complete().send().await.unwrap_err()),
        (400, "InvalidPartOrder".to_owned())
    );

    upload.parts = vec![CompletedPart::builder().part_number(7).e_tag("abc").build()];
    assert_eq!(
        refusal(&upload.complete().send().await.unwrap_err()),
        (400, "InvalidPart".to_owned())
    );

    upload.parts.clear();
    upload.part(1, b"only".to_vec()).await;
    let part = upload.parts[0].clone();
    upload.parts = vec![CompletedPart::builder().part_number(1).set_e_tag(part.e_tag).build()];
    assert_eq!(
        refusal(&upload.complete().send().await.unwrap_err()),
        (400, "InvalidRequest".to_owned())
    );
    assert_eq!(get(&home.s3(), "strict").await, None);
}

#[tokio::test]
async fn uploads_under_way_are_listed_survive_and_can_be_aborted() {
    let home = Home::new().await;
    let mut ids = Vec::new();
    for key in ["a", "b/1", "b/2"] {
        let mut upload = Upload::new(&home, key, ChecksumAlgorithm::Crc64Nvme).await;
        upload.part(1, vec![1; 10]).await;
        upload.part(2, vec![2; 20]).await;
        ids.push((key, upload.id.clone()));
    }
    let home = home.reopen().await;
    assert_eq!(data_files(home.folder.path()).len(), 6, "parts are no orphans");
    let listed = home
        .s3()
        .list_multipart_uploads()
        .bucket(BUCKET)
        .prefix("b/")
        .send()
        .await
        .unwrap();
    let keys: Vec<_> = listed.uploads().iter().map(|upload| upload.key().unwrap()).collect();
    assert_eq!(keys, ["b/1", "b/2"]);
    let page = home
        .s3()
        .list_multipart_uploads()
        .bucket(BUCKET)
        .max_uploads(1)
        .send()
        .await
        .unwrap();
    assert_eq!((page.is_truncated(), page.next_key_marker()), (Some(true), Some("a")));

    let (key, id) = &ids[0];
    let parts = home
        .s3()
        .list_parts()
        .bucket(BUCKET)
        .key(*key)
        .upload_id(id)
        .send()
        .await
        .unwrap();
    let sizes: Vec<_> = parts
        .parts()
        .iter()
        .map(|part| (part.part_number().unwrap(), part.size().unwrap()))
        .collect();
    assert_eq!(sizes, [(1, 10), (2, 20)]);

    for (key, id) in &ids {
        home.s3()
            .abort_multipart_upload()
            .bucket(BUCKET)
            .key(*key)
            .upload_id(id)
            .send()
            .await
            .unwrap();
    }
    assert_eq!(data_files(home.folder.path()).len(), 0);
    let listed = home.s3().list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
    assert_eq!(listed.uploads().len(), 0);
}
