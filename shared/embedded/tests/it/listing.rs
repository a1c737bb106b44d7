use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use seatbelt_embedded::BUCKET;

use crate::{Home, put, refusal};

/// 3,000 keys in 30 folders, and one outside.
async fn filled() -> (Home, Vec<String>) {
    let home = Home::new().await;
    let mut keys: Vec<String> = (0..3000).map(|n| format!("all/{:02}/{n:04}", n % 30)).collect();
    keys.push("zzz".to_owned());
    let tasks: Vec<_> = keys
        .chunks(400)
        .map(|chunk| {
            let (s3, chunk) = (home.s3(), chunk.to_vec());
            tokio::spawn(async move {
                for key in chunk {
                    put(&s3, &key, "x").await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    keys.sort();
    (home, keys)
}

fn keys_of(pages: &[ListObjectsV2Output]) -> Vec<String> {
    pages
        .iter()
        .flat_map(|page| page.contents())
        .map(|object| object.key().unwrap().to_owned())
        .collect()
}

fn prefixes_of(pages: &[ListObjectsV2Output]) -> Vec<String> {
    pages
        .iter()
        .flat_map(|page| page.common_prefixes())
        .map(|common| common.prefix().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_thousand_keys_come_in_order_once_each() {
    let (home, keys) = filled().await;
    let all = |max: i32| {
        let pages = home
            .s3()
            .list_objects_v2()
            .bucket(BUCKET)
            .into_paginator()
            .page_size(max)
            .send();
        async move { pages.try_collect().await.unwrap() }
    };
    let pages = all(1000).await;
    assert_eq!(keys_of(&pages), keys);
    assert_eq!(
        pages.iter().map(|page| page.key_count().unwrap()).collect::<Vec<_>>(),
        [1000, 1000, 1000, 1]
    );
    assert_eq!(keys_of(&all(7).await), keys);

    let folder = home
        .s3()
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix("all/07/")
        .send()
        .await
        .unwrap();
    assert_eq!(
        keys_of(&[folder]),
        keys.iter()
            .filter(|key| key.starts_with("all/07/"))
            .cloned()
            .collect::<Vec<_>>()
    );

    let tail = home
        .s3()
        .list_objects_v2()
        .bucket(BUCKET)
        .start_after("all/29/2969")
        .send()
        .await
        .unwrap();
    assert_eq!(keys_of(&[tail]), ["all/29/2999", "zzz"].map(str::to_owned).to_vec());

    let none = home
        .s3()
        .list_objects_v2()
        .bucket(BUCKET)
        .max_keys(0)
        .send()
        .await
        .unwrap();
    assert_eq!((none.contents().len(), none.is_truncated()), (0, Some(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delimiter_folds_what_lies_deeper() {
    let (home, _) = filled().await;
    let root = home
        .s3()
        .list_objects_v2()
        .bucket(BUCKET)
        .delimiter("/")
        .send()
        .await
        .unwrap();
    assert_eq!(prefixes_of(std::slice::from_ref(&root)), ["all/".to_owned()]);
    assert_eq!(keys_of(&[root]), ["zzz".to_owned()]);

    let folders: Vec<String> = (0..30).map(|n| format!("all/{n:02}/")).collect();
    for size in [1000, 30, 4, 1] {
        let pages = home
            .s3()
            .list_objects_v2()
            .bucket(BUCKET)
            .prefix("all/")
            .delimiter("/")
            .into_paginator();
        let pages: Vec<_> = pages.page_size(size).send().try_collect().await.unwrap();
        assert_eq!(prefixes_of(&pages), folders, "pages of {size}");
        assert_eq!(keys_of(&pages).len(), 0);
        assert!(pages.iter().all(|page| page.key_count().unwrap() <= size));
    }
    let leaf = home
        .s3()
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix("all/00/")
        .delimiter("/")
        .send()
        .await
        .unwrap();
    assert_eq!((leaf.contents().len(), leaf.common_prefixes().len()), (100, 0));
}

#[tokio::test]
async fn keys_and_folders_mix_in_one_order() {
    let home = Home::new().await;
    for key in ["a", "a/1", "a/2", "a0", "b/1", "c", "é/1"] {
        put(&home.s3(), key, "x").await;
    }
    let pages = home
        .s3()
        .list_objects_v2()
        .bucket(BUCKET)
        .delimiter("/")
        .into_paginator()
        .page_size(1)
        .send();
    let pages: Vec<_> = pages.try_collect().await.unwrap();
    assert_eq!(keys_of(&pages), ["a", "a0", "c"].map(str::to_owned));
    assert_eq!(prefixes_of(&pages), ["a/", "b/", "é/"].map(str::to_owned));
}

#[tokio::test]
async fn a_listing_of_nothing_is_empty_and_of_no_bucket_an_error() {
    let home = Home::new().await;
    let empty = home.s3().list_objects_v2().bucket(BUCKET).send().await.unwrap();
    assert_eq!((empty.key_count(), empty.is_truncated()), (Some(0), Some(false)));
    let error = home
        .s3()
        .list_objects_v2()
        .bucket("elsewhere")
        .send()
        .await
        .unwrap_err();
    assert_eq!(refusal(&error), (404, "NoSuchBucket".to_owned()));
    let error = home
        .s3()
        .list_objects_v2()
        .bucket(BUCKET)
        .continuation_token("?")
        .send()
        .await
        .unwrap_err();
    assert_eq!(refusal(&error), (400, "InvalidArgument".to_owned()));
}
