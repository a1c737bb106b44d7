//! The engines, tried through the stock SDK clients, as all of Seatbelt uses them.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod checksums;
mod conditions;
mod dynamodb;
mod faults;
mod home;
mod kill;
mod listing;
mod locks;
mod logs;
mod memory;
mod multipart;
mod objects;

use std::path::Path;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use seatbelt_embedded::{BUCKET, Embedded};
use tempfile::TempDir;

/// A home of its own for one test.
struct Home {
    embedded: Embedded,
    folder: TempDir,
}

impl Home {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let embedded = Embedded::open_for_tests(folder.path()).await.unwrap();
        Self { embedded, folder }
    }

    fn s3(&self) -> Client {
        self.embedded.s3()
    }

    /// Closes the home and opens it again, as the next process would.
    async fn reopen(self) -> Self {
        let Self { embedded, folder } = self;
        drop(embedded);
        let embedded = Embedded::open_for_tests(folder.path()).await.unwrap();
        Self { embedded, folder }
    }
}

async fn put(s3: &Client, key: &str, body: impl Into<Vec<u8>>) {
    s3.put_object()
        .bucket(BUCKET)
        .key(key)
        .body(ByteStream::from(body.into()))
        .send()
        .await
        .unwrap();
}

async fn get(s3: &Client, key: &str) -> Option<Vec<u8>> {
    match s3.get_object().bucket(BUCKET).key(key).send().await {
        Ok(found) => Some(found.body.collect().await.unwrap().to_vec()),
        Err(e) if e.code() == Some("NoSuchKey") => None,
        Err(e) => panic!("{e:?}"),
    }
}

/// The HTTP status and the code of an error the service answered with.
fn refusal<E: ProvideErrorMetadata + std::fmt::Debug>(error: &SdkError<E>) -> (u16, String) {
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    (status, error.code().unwrap_or_default().to_owned())
}

/// Every data file of a home.
fn data_files(home: &Path) -> Vec<std::path::PathBuf> {
    let fans = std::fs::read_dir(home.join("s3/data")).unwrap();
    fans.flat_map(|fan| std::fs::read_dir(fan.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .collect()
}
