//! Verification names every object that is not what it was, and what stands on it.

use bytes::Bytes;
use futures_util::stream;
use seatbelt_embedded::BUCKET;
use seatbelt_model::{KeyRule, LayerIndex, Snapshot};
use seatbelt_vault::{
    Body, DamageKind, Difference, Expected, Extra, LayerWriter, Scope, StandsOn, Vault, VaultError, line,
};

use crate::world::{RESOURCE, World, by_id, id, snapshot, tiny};

/// Two snapshots of files: the second changes one record.
async fn files(world: &World) -> (Snapshot, Snapshot) {
    let mut state = None;
    let mut snapshots = Vec::new();
    for number in 0..2_usize {
        let mut writer = LayerWriter::after(state.as_ref(), &world.vault, "acme", id(number));
        let keys = if number == 0 { 0..20 } else { 5..6 };
        for key in keys {
            let bytes = Bytes::from(format!("body {key} {number}"));
            let body = stream::iter([Ok::<_, std::io::Error>(bytes)]);
            let stored = world.vault.put_body("acme", body, &Expected::default()).await.unwrap();
            let extra = Extra {
                key: None,
                body: Some(Body::Stored(stored)),
            };
            let after = line::build(&format!("{{\"id\":{key},\"version\":{number}}}"), &extra).unwrap();
            let before = match &state {
                Some(state) => world.vault.get("acme", state, &key.to_string()).await.unwrap(),
                None => None,
            };
            let difference = Difference::between(key.to_string(), before, Some(after.into())).unwrap();
            writer.push(&difference).await.unwrap();
        }
        let written = writer.finish().await.unwrap();
        let described = described();
        let next = world
            .vault
            .resource_state("acme", id(number), state.as_ref(), written, described)
            .await
            .unwrap();
        let parent = number.checked_sub(1).map(id);
        let document = snapshot("acme", number, parent, next.clone());
        world.vault.commit(&document).await.unwrap();
        state = Some(next);
        snapshots.push(document);
    }
    let second = snapshots.pop().unwrap();
    (snapshots.pop().unwrap(), second)
}

fn described() -> seatbelt_vault::Described {
    let now = id(0).start();
    seatbelt_vault::Described {
        kind: seatbelt_model::Kind::File,
        key: by_id(),
        cursors: std::collections::BTreeMap::new(),
        fields: Vec::new(),
        receipt: seatbelt_model::Receipt::default(),
        freshness: seatbelt_model::Freshness {
            read_at: now,
            full_sweep_at: now,
            stale_since: None,
        },
    }
}

async fn overwrite(vault: &Vault, key: &str, bytes: Vec<u8>) {
    vault
        .client()
        .put_object()
        .bucket(BUCKET)
        .key(key)
        .body(bytes.into())
        .send()
        .await
        .unwrap();
}

async fn bytes_of(vault: &Vault, key: &str) -> Vec<u8> {
    let object = vault
        .client()
        .get_object()
        .bucket(BUCKET)
        .key(key)
        .send()
        .await
        .unwrap();
    object.body.collect().await.unwrap().to_vec()
}

#[tokio::test]
async fn a_flipped_byte_or_a_lost_object_of_every_sort_is_named_with_all_that_stands_on_it() {
    let world = World::new(tiny()).await;
    let (first, second) = files(&world).await;
    let report = world.vault.verify("acme", Scope::All, |_| {}).await.unwrap();
    assert_eq!(report.damaged, []);
    let objects = world.objects("acme/objects/").await;
    assert_eq!(report.objects, objects.len() as u64 + 2, "each once, and two documents");
    for key in &objects {
        let good = bytes_of(&world.vault, key).await;
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        overwrite(&world.vault, key, bad).await;
        check_named(&world, key, DamageKind::HashMismatch, &first, &second).await;
        world
            .vault
            .client()
            .delete_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
        check_named(&world, key, DamageKind::Missing, &first, &second).await;
        overwrite(&world.vault, key, good).await;
    }
    assert_eq!(
        world.vault.verify("acme", Scope::All, |_| {}).await.unwrap().damaged,
        []
    );
}

async fn check_named(world: &World, key: &str, what: DamageKind, first: &Snapshot, second: &Snapshot) {
    let report = world.vault.verify("acme", Scope::All, |_| {}).await.unwrap();
    assert_eq!(report.damaged.len(), 1, "{:?}", report.damaged);
    let damage = &report.damaged[0];
    assert_eq!((damage.object.as_str(), damage.what), (key, what));
    let stands = |snapshot: &Snapshot| StandsOn {
        snapshot: snapshot.id,
        resource: Some(RESOURCE.into()),
    };
    assert!(
        damage.stands_on.contains(&stands(second)),
        "the second stands on everything"
    );
    let delta = second.resources[RESOURCE].delta.as_ref().unwrap();
    if key.ends_with(&delta.index) {
        assert!(!damage.stands_on.contains(&stands(first)), "the first does not know it");
    }
    if key.ends_with(&first.resources[RESOURCE].layers[0].index) {
        assert!(damage.stands_on.contains(&stands(first)));
    }
}

#[tokio::test]
async fn a_document_that_is_none_is_named() {
    let world = World::new(tiny()).await;
    let (first, second) = files(&world).await;
    let key = Vault::snapshot_key("acme", second.id);
    for bad in [
        &b"{"[..],
        b"{\"format\":\"seatbelt/1\"}",
        b"{\"format\":\"seatbelt/99\"}",
    ] {
        overwrite(&world.vault, &key, bad.to_vec()).await;
        let report = world.vault.verify("acme", Scope::Newest, |_| {}).await.unwrap();
        let damage = &report.damaged[..];
        assert!(matches!(damage, [damage] if damage.object == key && damage.what == DamageKind::Unreadable));
    }
    let refused = world.vault.newest("acme").await.unwrap_err();
    assert!(matches!(refused, VaultError::UnknownFormat { .. }), "{refused}");
    let mut wrong = second.clone();
    wrong.resources.get_mut(RESOURCE).unwrap().records += 1;
    overwrite(&world.vault, &key, serde_json::to_vec(&wrong).unwrap()).await;
    let report = world.vault.verify("acme", Scope::All, |_| {}).await.unwrap();
    assert!(matches!(&report.damaged[..], [damage] if damage.what == DamageKind::CountMismatch));
    assert_eq!(world.vault.snapshot("acme", first.id).await.unwrap(), first);
}

/// A layer that lies about its chunks, with all hashes right: what a defect of ours would look like.
async fn forged(world: &World, lines: &str, forge: impl Fn(&mut LayerIndex), rule: KeyRule) -> Vec<DamageKind> {
    use sha2::{Digest, Sha256};
    let hex = |bytes: &[u8]| {
        Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let chunk = zstd::bulk::compress(lines.as_bytes(), 1).unwrap();
    let mut index = LayerIndex {
        chunks: vec![seatbelt_model::Chunk {
            object: hex(&chunk),
            first: "1".into(),
            last: "2".into(),
            lines: lines.lines().count() as u64,
            bytes: lines.len() as u64,
            stored_bytes: chunk.len() as u64,
            bodies: Vec::new(),
        }],
    };
    overwrite(&world.vault, &Vault::object_key("acme", &hex(&chunk)), chunk.clone()).await;
    forge(&mut index);
    let json = zstd::bulk::compress(&serde_json::to_vec(&index).unwrap(), 1).unwrap();
    overwrite(&world.vault, &Vault::object_key("acme", &hex(&json)), json.clone()).await;
    let empty = crate::world::Batch {
        sweep: seatbelt_vault::Sweep::Full,
        ops: Vec::new(),
    };
    let system = "acme";
    let document = Vault::snapshot_key(system, id(0));
    world
        .vault
        .client()
        .delete_object()
        .bucket(BUCKET)
        .key(&document)
        .send()
        .await
        .unwrap();
    let mut snapshot = crate::world::backup(&world.vault, system, 0, &rule, &empty)
        .await
        .unwrap();
    let state = snapshot.resources.get_mut(RESOURCE).unwrap();
    state.records = 2;
    state.layers = vec![seatbelt_model::Layer {
        index: hex(&json),
        snapshot: id(0),
        role: seatbelt_model::LayerRole::Base,
        lines: index.chunks.iter().map(|chunk| chunk.lines).sum(),
        bytes: index.chunks.iter().map(|chunk| chunk.bytes).sum(),
        stored_bytes: index.chunks.iter().map(|chunk| chunk.stored_bytes).sum::<u64>() + json.len() as u64,
    }];
    overwrite(&world.vault, &document, serde_json::to_vec(&snapshot).unwrap()).await;
    let report = world.vault.verify(system, Scope::Newest, |_| {}).await.unwrap();
    report.damaged.into_iter().map(|damage| damage.what).collect()
}

#[tokio::test]
async fn lines_that_are_not_what_the_index_says_are_found() {
    let world = World::new(tiny()).await;
    let good = "{\"id\":1}\n{\"id\":2}\n";
    assert_eq!(forged(&world, good, |_| {}, by_id()).await, []);
    let swapped = "{\"id\":2}\n{\"id\":1}\n";
    assert_eq!(forged(&world, swapped, |_| {}, by_id()).await, [DamageKind::OutOfOrder]);
    let unfit = "{\"id\":1}\n{\"id\":3}\n";
    assert_eq!(forged(&world, unfit, |_| {}, by_id()).await, [DamageKind::OutOfOrder]);
    let keyless = "{\"id\":1}\n{\"no\":2}\n";
    assert_eq!(forged(&world, keyless, |_| {}, by_id()).await, [DamageKind::Unreadable]);
    let more = |index: &mut LayerIndex| index.chunks[0].lines += 1;
    assert_eq!(forged(&world, good, more, by_id()).await, [DamageKind::CountMismatch]);
    let backwards = |index: &mut LayerIndex| index.chunks[0].first = "3".into();
    assert_eq!(
        forged(&world, good, backwards, by_id()).await,
        [DamageKind::OutOfOrder, DamageKind::OutOfOrder]
    );
    let other = KeyRule::Written;
    assert_eq!(forged(&world, good, |_| {}, other).await, [DamageKind::Unreadable]);
}

#[tokio::test]
async fn a_reader_stops_at_damage_rather_than_give_wrong_lines() {
    let world = World::new(tiny()).await;
    let (first, _) = files(&world).await;
    let state = &first.resources[RESOURCE];
    for key in world.objects("acme/objects/").await {
        let good = bytes_of(&world.vault, &key).await;
        let mut bad = good.clone();
        bad[0] ^= 1;
        overwrite(&world.vault, &key, bad).await;
        match crate::world::state_of(&world.vault, "acme", state).await {
            Ok(lines) => assert_eq!(lines.len(), 20, "a body, or the other snapshot's"),
            Err(error) => assert!(
                matches!(&error, VaultError::Damaged { object, .. } if *object == key),
                "{error}"
            ),
        }
        overwrite(&world.vault, &key, good).await;
    }
}
