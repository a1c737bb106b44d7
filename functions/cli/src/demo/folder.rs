//! The demo's folder: made where nothing is, or in the place of an earlier demo. Everything else is left alone.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use seatbelt_embedded::EmbeddedError;

use super::voice::Voice;
use crate::{failure::Failure, home::Home};

/// Says what the folder is, to people and to the next demo.
const MARKER: &str = "THIS-IS-A-DEMO.txt";

const SAYS: &str = "\
This folder was made by `seatbelt demo`. It holds the backups of a made-up
company: nothing in it is real, and nothing is lost when you delete it.
";

/// What a demo makes, so what a new one may take away. Files that people put beside it stay.
const MADE: [&str; 8] = [
    "dynamodb.sqlite",
    "dynamodb.sqlite-shm",
    "dynamodb.sqlite-wal",
    "lock",
    "manifest.toml",
    "s3",
    "secrets",
    "spool",
];

/// Makes the folder ready for a demo; `again` allows to take an earlier one away.
pub(super) async fn claim(folder: &Path, again: bool, voice: &Voice) -> Result<()> {
    let names = names(folder)?;
    if !names.is_empty() {
        if !names.iter().any(|name| name == MARKER) {
            let message = format!(
                "{} holds something that is no demo; it stays as it is",
                folder.display()
            );
            return Err(Failure::new(
                message,
                "name a folder that is empty or not there yet: seatbelt --home DIR demo",
            )
            .into());
        }
        if !again {
            let hint = format!(
                "{} begins again in its place; {} looks at it",
                voice.command("demo --again"),
                voice.command("runs")
            );
            return Err(Failure::new(format!("{} holds a demo already", folder.display()), hint).into());
        }
        clear(folder).await?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let marker = folder.join(MARKER);
    fs::write(&marker, SAYS).with_context(|| format!("cannot write {}", marker.display()))
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let cannot = || format!("cannot look into {}", folder.display());
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(cannot),
    };
    let name = |entry: std::io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    entries.map(name).collect::<std::io::Result<_>>().with_context(cannot)
}

/// Takes an earlier demo away. The marker stays, so that a folder half cleared is still one.
async fn clear(folder: &Path) -> Result<()> {
    // Whoever works on the folder holds it; a demo that was damaged may still be taken away.
    if let Err(error) = Home::create(folder).await
        && matches!(error.downcast_ref(), Some(EmbeddedError::InUse { .. }))
    {
        return Err(error);
    }
    for name in MADE {
        let path = folder.join(name);
        remove(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

fn remove(path: &PathBuf) -> std::io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
