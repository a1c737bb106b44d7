//! Which snapshot a WHEN means.

use anyhow::Result;
use jiff::tz::TimeZone;
use seatbelt_model::{
    Snapshot, SnapshotId,
    system::nearest,
    when::{self, When},
};

use crate::{
    failure::{Failure, Hint},
    home::Home,
    units::instant,
};

/// The snapshot of `system` that `when` means, the newest if nothing is said. Days and wall clock times are this machine's.
pub(crate) async fn snapshot(home: &Home, system: &str, when: Option<&str>) -> Result<Snapshot> {
    let Some(when) = when else {
        return newest(home, system).await;
    };
    if let Ok(id) = when.trim().parse::<SnapshotId>() {
        return exactly(home, system, id).await;
    }
    let parsed = when::parse(when, home.clock.now(), &TimeZone::system());
    let hint = || format!("seatbelt snapshots {system}");
    match parsed.map_err(|error| Failure::usage(error.to_string(), hint()))? {
        When::Newest => newest(home, system).await,
        When::At(at) => match home.vault.newest_at(system, at).await? {
            Some(snapshot) => Ok(snapshot),
            None => {
                newest(home, system).await?;
                Err(Failure::new(format!("{system} has no snapshot as old as {}", instant(at)), hint()).into())
            }
        },
    }
}

/// The newest snapshot; without any, says how to make one.
pub(crate) async fn newest(home: &Home, system: &str) -> Result<Snapshot> {
    if let Some(snapshot) = home.vault.newest(system).await? {
        return Ok(snapshot);
    }
    home.known(system).await?;
    Err(Failure::new(
        format!("{system} has no snapshot yet"),
        format!("seatbelt backup {system}"),
    )
    .into())
}

async fn exactly(home: &Home, system: &str, id: SnapshotId) -> Result<Snapshot> {
    let ids = home.vault.snapshot_ids(system).await?;
    if ids.contains(&id) {
        return Ok(home.vault.snapshot(system, id).await?);
    }
    newest(home, system).await?;
    let before = ids.iter().rev().find(|other| **other < id).or(ids.first());
    let near = before
        .map(|near| format!("; the nearest is {near}"))
        .unwrap_or_default();
    Err(Failure::new(
        format!("{system} has no snapshot {id}{near}"),
        format!("seatbelt snapshots {system}"),
    )
    .into())
}

/// The resources of a snapshot that are asked for: one, or all.
pub(crate) fn resources<'a>(snapshot: &'a Snapshot, only: Option<&'a str>) -> Result<Vec<&'a str>> {
    let Some(name) = only else {
        return Ok(snapshot.resources.keys().map(String::as_str).collect());
    };
    if snapshot.resources.contains_key(name) {
        return Ok(vec![name]);
    }
    Err(unknown_resource(snapshot, name).into())
}

/// The error about a resource that is not in the snapshot.
pub(crate) fn unknown_resource(snapshot: &Snapshot, name: &str) -> Failure {
    let names = snapshot.resources.keys().map(String::as_str);
    let near = nearest(name, names)
        .map(|near| format!("; did you mean {near}?"))
        .unwrap_or_default();
    let system = &snapshot.system;
    Failure::new(
        format!("snapshot {} of {system} has no resource \"{name}\"{near}", snapshot.id),
        format!("seatbelt show {system}"),
    )
}

/// A record's line in a snapshot as text.
pub(crate) fn text(line: &[u8]) -> Result<&str> {
    Ok(std::str::from_utf8(line).hint(|| "seatbelt verify SYSTEM finds what is damaged".into())?)
}
