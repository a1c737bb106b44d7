//! An export that is stopped leaves nothing that looks like one.

use std::{process::Command, process::Stdio};

use crate::{
    support::{names, said},
    world::{Record, World},
};

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_nothing_behind() {
    let text = "0123456789".repeat(100);
    let records: Vec<Record> = (0..60_000)
        .map(|id| (format!("{{\"id\":{id},\"text\":\"{text}\"}}"), None))
        .collect();
    let world = World::new("practice_crm", [("many", records)]);
    for format in ["sqlite", "parquet", "csv"] {
        let mut command = world
            .home
            .command(&["export", "acme", "--to", "out", "--format", format]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let partial = || {
            names(world.home.beside(".").as_path())
                .into_iter()
                .any(|name| name.starts_with("out.partial-"))
        };
        while !partial() {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it began");
            std::thread::yield_now();
        }
        let killed = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        let said = said(child.wait_with_output().unwrap());
        assert_eq!(said.code, 130, "{said:?}");
        assert!(said.err.contains("out was not written"), "{said:?}");
        assert!(!partial() && !world.home.beside("out").exists());
    }
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let world = World::new("practice_crm", [("few", crate::world::plain(&[r#"{"id":1}"#]))]);
    std::fs::create_dir(world.home.beside("taken")).unwrap();
    std::fs::write(world.home.beside("taken/mine.txt"), "mine").unwrap();
    let said = world.run(&["export", "acme", "--to", "taken", "--format", "csv"]);
    assert!(said.code == 1 && said.err.contains("not empty"), "{said:?}");
    assert_eq!(names(&world.home.beside("taken")), ["mine.txt"]);
}
