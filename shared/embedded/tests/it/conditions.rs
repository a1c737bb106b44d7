use aws_sdk_s3::primitives::ByteStream;
use seatbelt_embedded::BUCKET;

use crate::{Home, data_files, get, put, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_creators_exactly_one_wins() {
    let home = Home::new().await;
    for round in 0..50 {
        let key = format!("race/{round}");
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let put = home.s3().put_object().bucket(BUCKET).key(&key).if_none_match("*");
                tokio::spawn(
                    put.body(ByteStream::from(format!("writer {writer}").into_bytes()))
                        .send(),
                )
            })
            .collect();
        let mut winners = Vec::new();
        for (writer, task) in writers.into_iter().enumerate() {
            match task.await.unwrap() {
                Ok(_) => winners.push(format!("writer {writer}").into_bytes()),
                Err(e) => assert_eq!(refusal(&e), (412, "PreconditionFailed".to_owned())),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        assert_eq!(get(&home.s3(), &key).await.as_ref(), winners.first());
    }
    assert_eq!(
        data_files(home.folder.path()).len(),
        50,
        "the losers left nothing behind"
    );
}

#[tokio::test]
async fn of_parallel_updates_of_one_version_exactly_one_wins() {
    let home = Home::new().await;
    put(&home.s3(), "counter", "0").await;
    for round in 0..20 {
        let head = home
            .s3()
            .head_object()
            .bucket(BUCKET)
            .key("counter")
            .send()
            .await
            .unwrap();
        let etag = head.e_tag.unwrap();
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let body = ByteStream::from(format!("{round}.{writer}").into_bytes());
                tokio::spawn(
                    home.s3()
                        .put_object()
                        .bucket(BUCKET)
                        .key("counter")
                        .if_match(&etag)
                        .body(body)
                        .send(),
                )
            })
            .collect();
        let mut won = 0;
        for task in writers {
            won += usize::from(task.await.unwrap().is_ok());
        }
        assert_eq!(won, 1, "round {round}");
    }
}

#[tokio::test]
async fn if_match_needs_the_object() {
    let home = Home::new().await;
    let put = home.s3().put_object().bucket(BUCKET).key("absent").if_match("\"abc\"");
    let error = put.body(ByteStream::from_static(b"x")).send().await.unwrap_err();
    assert_eq!(refusal(&error), (404, "NoSuchKey".to_owned()));
}

#[tokio::test]
async fn reads_obey_their_conditions() {
    let home = Home::new().await;
    put(&home.s3(), "read", "x").await;
    let etag = home
        .s3()
        .head_object()
        .bucket(BUCKET)
        .key("read")
        .send()
        .await
        .unwrap()
        .e_tag
        .unwrap();

    let same = home
        .s3()
        .get_object()
        .bucket(BUCKET)
        .key("read")
        .if_none_match(&etag)
        .send()
        .await
        .unwrap_err();
    assert_eq!(refusal(&same).0, 304);
    let other = home
        .s3()
        .get_object()
        .bucket(BUCKET)
        .key("read")
        .if_match("\"abc\"")
        .send()
        .await
        .unwrap_err();
    assert_eq!(refusal(&other).0, 412);
    home.s3()
        .get_object()
        .bucket(BUCKET)
        .key("read")
        .if_match(&etag)
        .send()
        .await
        .unwrap();
}
