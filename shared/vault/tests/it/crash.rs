//! A run that is cut at any write leaves the snapshot before it whole, and running it again completes it.

use seatbelt_embedded::{Axe, BUCKET, Embedded, Options as Home};
use seatbelt_vault::{Options, Scope, Vault, VaultError};

use crate::world::{Batch, Lines, Op, RESOURCE, after, backup, by_id, check_everything, id, record, state_of, tiny};

/// Three runs: a first one, changes that come unsorted and with a handover, and a sweep that makes the layers compact.
fn batches() -> Vec<Batch> {
    let put = |n: usize, text: &str| Op::Put(n.to_string(), record(&n.to_string(), text));
    let mut second: Vec<_> = (0..12).map(|n| put((n * 7) % 30, "second")).collect();
    second.insert(6, Op::Handover);
    second.push(Op::Remove("29".into()));
    vec![
        Batch::full((0..30).map(|n| (n.to_string(), record(&n.to_string(), "first")))),
        Batch {
            sweep: seatbelt_vault::Sweep::Changes,
            ops: second,
        },
        Batch::full((3..40).map(|n| (n.to_string(), record(&n.to_string(), "third")))),
    ]
}

#[tokio::test]
async fn a_run_cut_at_any_write_leaves_the_last_snapshot_and_completes_when_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let axe = Axe::default();
    let home = Embedded::open_with(&folder.path().join("home"), Home::default().fast().fault(axe.hook()))
        .await
        .unwrap();
    let vault = Vault::new(
        home.s3(),
        BUCKET,
        Options {
            spool: folder.path().to_owned(),
            ..tiny()
        },
    );
    let mut tries = 0;
    for answered in [false, true] {
        for write in 0.. {
            let system = format!("system-{answered}-{write}");
            let (mut snapshots, mut lines, mut cut) = (Vec::new(), Lines::new(), false);
            for (number, batch) in batches().iter().enumerate() {
                if number == 0 {
                    axe.strike(write, answered);
                }
                let before = lines.clone();
                lines = after(&lines, batch, &by_id());
                let mut result = backup(&vault, &system, number, &by_id(), batch).await;
                if axe.has_struck() {
                    axe.rest();
                    if !cut {
                        cut = true;
                        tries += 1;
                        check_cut(&vault, &system, number, &before, &lines, result.is_ok()).await;
                    }
                    if let Err(error) = &result {
                        assert!(
                            matches!(error, VaultError::Unavailable { .. } | VaultError::Stopped { .. }),
                            "{error}"
                        );
                        result = again(&vault, &system, number, batch).await;
                    }
                }
                snapshots.push((result.unwrap(), lines.clone()));
            }
            axe.rest();
            let probes = ["0", "14", "29", "39"].map(String::from);
            if write % 7 == 0 {
                check_everything(&vault, &system, &snapshots, &probes).await;
            }
            let newest = vault.newest(&system).await.unwrap().unwrap();
            assert_eq!(
                state_of(&vault, &system, &newest.resources[RESOURCE]).await.unwrap(),
                lines
            );
            if !cut {
                break;
            }
        }
    }
    assert!(tries > 60, "only {tries} writes were cut");
}

/// The next run, which may find that the cut one committed after all.
async fn again(
    vault: &Vault,
    system: &str,
    number: usize,
    batch: &Batch,
) -> Result<seatbelt_model::Snapshot, VaultError> {
    match vault.newest(system).await? {
        Some(newest) if newest.id == id(number) => Ok(newest),
        _ => backup(vault, system, number, &by_id(), batch).await,
    }
}

async fn check_cut(vault: &Vault, system: &str, number: usize, before: &Lines, after: &Lines, committed: bool) {
    let newest = vault.newest(system).await.unwrap();
    let found = match &newest {
        Some(newest) => state_of(vault, system, &newest.resources[RESOURCE]).await.unwrap(),
        None => Lines::new(),
    };
    let is_new = newest.is_some_and(|newest| newest.id == id(number));
    assert!(is_new || !committed);
    assert_eq!(
        &found,
        if is_new { after } else { before },
        "a snapshot is whole or it is not there"
    );
    let report = vault.verify(system, Scope::All, |_| {}).await.unwrap();
    assert_eq!(report.damaged, []);
}

#[tokio::test]
async fn a_document_is_created_once() {
    let world = crate::world::World::new(tiny()).await;
    let batch = Batch::full([("1".to_owned(), record("1", "a"))]);
    let first = backup(&world.vault, "acme", 0, &by_id(), &batch).await.unwrap();
    world.vault.commit(&first).await.unwrap();
    let mut other = first.clone();
    other.platform = "other".into();
    let refused = world.vault.commit(&other).await.unwrap_err();
    assert!(matches!(refused, VaultError::AlreadyCommitted { .. }), "{refused}");
    assert_eq!(world.vault.newest("acme").await.unwrap().unwrap(), first);
}
