//! What is stored can be read without Seatbelt: with the script in `docs/`, which needs Python and `zstd` and nothing of ours.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use seatbelt_embedded::BUCKET;
use seatbelt_model::{KeyRule, key};
use seatbelt_vault::{Sweep, Vault, line};

use crate::world::{Batch, Lines, Op, RESOURCE, World, after, backup, id, keys, tiny};

fn has(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// The bucket as plain files, as `aws s3 sync` makes them.
async fn download(vault: &Vault, folder: &Path) {
    for key in keys(vault, "").await {
        let object = vault
            .client()
            .get_object()
            .bucket(BUCKET)
            .key(&key)
            .send()
            .await
            .unwrap();
        let path = folder.join(&key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, object.body.collect().await.unwrap().to_vec()).unwrap();
    }
}

fn recover(bucket: &Path, to: &Path, snapshot: &str) -> String {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/recover.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(bucket.join("acme"))
        .arg(to)
        .args(["--snapshot", snapshot])
        .output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read_to_string(to.join(format!("{RESOURCE}.ndjson"))).unwrap()
}

#[tokio::test]
async fn a_snapshot_is_recovered_with_python_and_zstd_alone() {
    if !has("python3") || !has("zstd") {
        return; // the machine lacks the plain tools themselves
    }
    for rule in [KeyRule::Pointer("/a~1b/0".into()), KeyRule::Written] {
        let world = World::new(tiny()).await;
        let odd = |key: &str, text: &str| {
            let (key, text) = (
                serde_json::to_string(key).unwrap(),
                serde_json::to_string(text).unwrap(),
            );
            // Digits beyond any number type, odd spaces, the vendor's own member of our name: all come back as they are.
            format!(
                "{{\"a/b\" : [{key}],\t\"n\":1.50000000000000000001,\"t\":{text}, \"_seatbelt\":{{\"removed\":\"x\"}} }}"
            )
        };
        let names = ["9", "10", "10/1", "007", "", "é", "\"q\"", "a\u{2028}b", "x/2", "x/10"];
        let first = Batch::full(names.map(|name| (name, odd(name, "ünï\u{1F600} \u{2028}"))));
        let second = Batch {
            sweep: Sweep::Changes,
            ops: vec![
                Op::Remove("10".into()),
                Op::Put("9".into(), odd("9", "new")),
                Op::Put("x/11".into(), odd("x/11", "")),
            ],
        };
        let (mut lines, mut states) = (Lines::new(), Vec::new());
        for (number, batch) in [&first, &second].into_iter().enumerate() {
            lines = after(&lines, batch, &rule);
            backup(&world.vault, "acme", number, &rule, batch).await.unwrap();
            states.push(lines.clone());
        }
        let bucket = world.folder.path().join("bucket");
        download(&world.vault, &bucket).await;
        for (number, lines) in states.iter().enumerate() {
            let mut expected: Vec<_> = lines.iter().collect();
            expected.sort_by(|a, b| key::compare(a.0, b.0));
            let expected: String = expected
                .iter()
                .map(|(_, stored)| format!("{}\n", line::split(stored).0))
                .collect();
            let to = world.folder.path().join(format!("out-{number}"));
            assert_eq!(recover(&bucket, &to, &id(number).to_string()), expected);
        }
    }
}
