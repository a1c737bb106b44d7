//! Files: streamed, hashed, stored once; their records tried again while the bytes are missing.

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use seatbelt_vault::{
    Body, Difference, Expected, Extra, LayerWriter, Options, StoredBody, Sweep, Vault, VaultError, line,
};

use crate::world::{World, by_id, id, tiny};

fn pieces(size: usize) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    let piece =
        |at: usize, length: usize| Bytes::from((at..at + length).map(|n| (n / 7 % 251) as u8).collect::<Vec<_>>());
    let step = 300_000;
    stream::iter(
        (0..size)
            .step_by(step)
            .map(move |at| Ok(piece(at, step.min(size - at))))
            .collect::<Vec<_>>(),
    )
}

async fn read(vault: &Vault, sha256: &str) -> Result<Vec<u8>, VaultError> {
    let body = vault.body("acme", sha256).await?;
    let pieces: Vec<Bytes> = body.try_collect().await?;
    Ok(pieces.concat())
}

#[tokio::test]
async fn a_body_of_any_size_comes_back() {
    let world = World::new(Options::default()).await;
    for size in [0, 1, 1 << 20, (1 << 20) + 1, 9 << 20, (64 << 20) + 5] {
        let expected = Expected {
            size_bytes: Some(size as u64),
            ..Expected::default()
        };
        let stored = world.vault.put_body("acme", pieces(size), &expected).await.unwrap();
        assert_eq!(stored.size_bytes, size as u64);
        let whole: Vec<Bytes> = pieces(size).try_collect().await.unwrap();
        assert!(read(&world.vault, &stored.sha256).await.unwrap() == whole.concat());
        let again = world.vault.put_body("acme", pieces(size), &expected).await.unwrap();
        assert_eq!(again, stored);
    }
    assert_eq!(world.objects("acme/").await.len(), 6);
    let left = std::fs::read_dir(world.folder.path()).unwrap().count();
    assert_eq!(left, 1, "no spool file stays beside the home");
}

#[tokio::test]
async fn other_bytes_than_announced_are_refused_and_nothing_is_stored() {
    let world = World::new(Options::default()).await;
    let md5 = "900150983cd24fb0d6963f7d28e17f72";
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let abc = || {
        stream::iter([
            Ok::<_, std::io::Error>(Bytes::from_static(b"ab")),
            Ok(Bytes::from_static(b"c")),
        ])
    };
    let right = Expected {
        size_bytes: Some(3),
        sha256: Some(sha256.to_uppercase()),
        md5: Some(md5.into()),
    };
    assert_eq!(
        world.vault.put_body("other", abc(), &right).await.unwrap().sha256,
        sha256
    );
    for wrong in [
        Expected {
            size_bytes: Some(4),
            ..right.clone()
        },
        Expected {
            sha256: Some("00".repeat(32)),
            ..right.clone()
        },
        Expected {
            md5: Some("00".repeat(16)),
            ..right.clone()
        },
    ] {
        let refused = world.vault.put_body("acme", abc(), &wrong).await.unwrap_err();
        assert!(matches!(refused, VaultError::Body { .. }), "{refused}");
    }
    let cut = stream::iter([
        Ok(Bytes::from_static(b"ab")),
        Err(std::io::Error::other("connection reset")),
    ]);
    assert!(world.vault.put_body("acme", cut, &Expected::default()).await.is_err());
    assert_eq!(world.objects("acme/").await, [""; 0]);
}

fn file(body: Option<Body>) -> String {
    line::build(r#"{"id": 1, "name":"a.png"}"#, &Extra { key: None, body }).unwrap()
}

#[tokio::test]
async fn a_file_whose_bytes_are_missing_is_tried_again_and_one_that_has_them_is_not() {
    let world = World::new(tiny()).await;
    let missing = Body::Missing {
        missing: "HTTP 404".into(),
    };
    let stored = StoredBody {
        sha256: "ab".repeat(32),
        size_bytes: 7,
        media_type: Some("image/png".into()),
        name: None,
    };
    for (body, tries) in [(missing, 1), (Body::Stored(stored), 0)] {
        let system = format!("system-{tries}");
        let mut writer = LayerWriter::after(None, &world.vault, &system, id(0));
        let after = Some(file(Some(body.clone())).into());
        writer
            .push(&Difference::between("1".into(), None, after).unwrap())
            .await
            .unwrap();
        let written = writer.finish().await.unwrap();
        assert_eq!(written.body_bytes, if tries == 0 { 7 } else { 0 });
        let batch = crate::world::Batch::full([("1".to_owned(), r#"{"id": 1, "name":"a.png"}"#.to_owned())]);
        let mut first = backup_state(&world, &system).await;
        first.layers = written.layer.into_iter().collect();
        let mut stager = world.vault.stager(&system, id(1), "files", false, Vec::new());
        for op in &batch.ops {
            let crate::world::Op::Put(key, record) = op else {
                unreachable!()
            };
            stager.put(key, record).await.unwrap();
        }
        let staged = stager.finish().await.unwrap();
        let compared = world
            .vault
            .compare(&system, Some(&first), staged, Sweep::Full, &[], &by_id())
            .await
            .unwrap();
        let found: Vec<_> = compared.into_stream().try_collect().await.unwrap();
        assert_eq!(found.len(), tries, "{body:?}");
    }
}

async fn backup_state(world: &World, system: &str) -> seatbelt_model::ResourceState {
    let empty = crate::world::Batch {
        sweep: Sweep::Full,
        ops: Vec::new(),
    };
    let snapshot = crate::world::backup(&world.vault, system, 0, &by_id(), &empty)
        .await
        .unwrap();
    snapshot.resources[crate::world::RESOURCE].clone()
}
