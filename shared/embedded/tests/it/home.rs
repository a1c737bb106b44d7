use aws_sdk_s3::primitives::ByteStream;
use seatbelt_embedded::{BUCKET, Embedded, EmbeddedError};

use crate::{Home, data_files, get, put};

#[tokio::test]
async fn a_home_in_use_is_refused_and_free_when_the_last_client_is_gone() {
    let home = Home::new().await;
    let path = home.folder.path();
    let refused = Embedded::open(path).await.unwrap_err();
    let message = refused.to_string();
    let EmbeddedError::InUse { home: named, by } = refused else {
        panic!("{message}")
    };
    assert_eq!(named, path);
    assert!(
        by.starts_with(&format!("process {} since ", std::process::id())),
        "{by}"
    );
    assert!(
        message.contains("in use by process") && message.contains("choose another folder"),
        "{message}"
    );

    let client = home.s3();
    let Home { embedded, folder } = home;
    drop(embedded);
    put(&client, "late", "x").await;
    assert!(matches!(
        Embedded::open(folder.path()).await,
        Err(EmbeddedError::InUse { .. })
    ));
    drop(client);
    let embedded = Embedded::open(folder.path()).await.unwrap();
    assert_eq!(get(&embedded.s3(), "late").await.as_deref(), Some(&b"x"[..]));
}

#[tokio::test]
async fn a_file_is_no_home() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = Embedded::open(&path).await.unwrap_err();
        assert!(matches!(error, EmbeddedError::NotAFolder { .. }), "{error:?}");
        assert!(error.to_string().contains("choose another path"), "{error}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    // Nobody, not even root, makes folders there.
    let error = Embedded::open(std::path::Path::new("/sys/seatbelt-home"))
        .await
        .unwrap_err();
    assert!(matches!(error, EmbeddedError::Denied { .. }), "{error:?}");
    let message = error.to_string();
    assert!(
        message.contains("cannot create the folder /sys/seatbelt-home: permission denied"),
        "{message}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn everything_is_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/home");
    let embedded = Embedded::open(&path).await.unwrap();
    put(&embedded.s3(), "k", "secret").await;
    embedded.dynamodb().list_tables().send().await.unwrap();
    let mut waiting = vec![path];
    let mut seen = 0;
    while let Some(path) = waiting.pop() {
        let meta = std::fs::metadata(&path).unwrap();
        let expected = if meta.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(meta.permissions().mode() & 0o777, expected, "{}", path.display());
        if meta.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        seen += 1;
    }
    assert!(
        seen >= 8,
        "home, lock, s3, data, a fan, a file, two databases; saw {seen}"
    );
}

#[tokio::test]
async fn orphans_are_collected_and_nothing_else() {
    let home = Home::new().await;
    put(&home.s3(), "kept", "kept").await;
    let data = home.folder.path().join("s3/data");
    std::fs::create_dir_all(data.join("0f")).unwrap();
    let orphan = data.join("0f/0f00000000000000000000000000cafe");
    let foreign = data.join("0f/a note of the owner.txt");
    std::fs::write(&orphan, "half a body").unwrap();
    std::fs::write(&foreign, "not ours").unwrap();
    let home = home.reopen().await;
    assert!(!orphan.exists());
    assert!(foreign.exists());
    assert_eq!(get(&home.s3(), "kept").await.as_deref(), Some(&b"kept"[..]));
    std::fs::remove_file(foreign).unwrap();
    assert_eq!(data_files(home.folder.path()).len(), 1);
}

#[tokio::test]
async fn a_home_of_a_newer_version_is_left_alone() {
    let home = Home::new().await;
    let Home { embedded, folder } = home;
    drop(embedded);
    let index = rusqlite::Connection::open(folder.path().join("s3/index.sqlite")).unwrap();
    index.pragma_update(None, "user_version", 99).unwrap();
    drop(index);
    let error = Embedded::open(folder.path()).await.unwrap_err();
    assert!(matches!(error, EmbeddedError::Newer { found: 99, .. }), "{error:?}");
}

#[tokio::test]
async fn an_upload_the_caller_gives_up_leaves_nothing() {
    let home = Home::new().await;
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let body = ByteStream::new(crate::memory::body_of(receiver, 1_000_000));
    let s3 = home.s3();
    let upload = tokio::spawn(async move { s3.put_object().bucket(BUCKET).key("half").body(body).send().await });
    sender.send(vec![0; 500_000].into()).await.unwrap();
    // The second piece is only taken once the first is on its way to the file.
    sender.send(vec![0; 1000].into()).await.unwrap();
    upload.abort();
    assert!(upload.await.unwrap_err().is_cancelled());
    assert_eq!(get(&home.s3(), "half").await, None);
    let home = home.reopen_when_idle().await;
    assert_eq!(data_files(home.folder.path()).len(), 0);
}

impl Home {
    /// Like `reopen`, when a thread may still be letting go of the folder.
    async fn reopen_when_idle(self) -> Self {
        let Self { embedded, folder } = self;
        drop(embedded);
        loop {
            match Embedded::open_for_tests(folder.path()).await {
                Ok(embedded) => return Self { embedded, folder },
                Err(EmbeddedError::InUse { .. }) => tokio::task::yield_now().await,
                Err(e) => panic!("{e}"),
            }
        }
    }
}
