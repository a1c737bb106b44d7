//! Records as the vendor has them now: one by one where it has a request for that, else out of a listing.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use seatbelt_connector_kit::{Cursor, DependsOn, Fill, KitError, Outcome, Parent, Read, Resource, Session};
use seatbelt_model::{Snapshot, key};
use seatbelt_vault::{Vault, line};
use tokio::sync::{Mutex, mpsc};

use super::ids::Ids;
use crate::{
    EngineError,
    lane::{Lane, LaneReader, Message},
    plan,
};

/// Parents that are remembered.
const MOST_PARENTS: usize = 1_000;

/// Reads records of one system.
pub(super) struct Live {
    pub(super) session: Arc<Session>,
    vault: Vault,
    system: String,
    /// Where parents are looked up that have no request of their own, the newest first.
    snapshots: Vec<Snapshot>,
    started: Timestamp,
    parents: Mutex<HashMap<(String, String), Parent>>,
}

impl Live {
    pub(super) fn new(
        session: Arc<Session>,
        vault: Vault,
        system: &str,
        snapshots: Vec<Snapshot>,
        started: Timestamp,
    ) -> Self {
        Self {
            session,
            vault,
            system: system.to_owned(),
            snapshots,
            started,
            parents: Mutex::default(),
        }
    }

    pub(super) fn concurrency(&self) -> usize {
        self.session.pace().concurrency.max(1) as usize
    }

    /// The records of these keys, as they are now; a key that is gone has none.
    pub(super) async fn records(
        &self,
        resource: &'static Resource,
        keys: &[String],
        ids: &Ids,
    ) -> Result<BTreeMap<String, String>, EngineError> {
        let read = resource.restore.writes().and_then(|writes| writes.read);
        let Some(read) = read else {
            return self.listed(resource, keys, ids).await;
        };
        let reads = keys.iter().map(|key| async move {
            let record = self.one(resource, read, key, ids).await?;
            Ok::<_, EngineError>((key.clone(), record))
        });
        let found = stream::iter(reads.collect::<Vec<_>>()).buffered(self.concurrency());
        let found: Vec<_> = found.try_collect().await?;
        Ok(found
            .into_iter()
            .filter_map(|(key, record)| Some((key, record?)))
            .collect())
    }

    pub(super) async fn record(
        &self,
        resource: &'static Resource,
        key: &str,
        ids: &Ids,
    ) -> Result<Option<String>, EngineError> {
        Ok(self.records(resource, &[key.to_owned()], ids).await?.remove(key))
    }

    async fn one(
        &self,
        resource: &'static Resource,
        read: Read,
        key: &str,
        ids: &Ids,
    ) -> Result<Option<String>, EngineError> {
        let Some(mut records) = self.above(resource, key, ids).await? else {
            return Ok(None);
        };
        records.value = Some(("key".to_owned(), own_key(resource, key)));
        let fill = Fill {
            settings: self.session.settings(),
            parent: &records,
        };
        let request = read.request.prepare(resource.name, self.session.base_url(), &fill)?;
        let answer = match self.session.send(resource.name, &request, &|_| Ok(())).await {
            Ok(answer) if answer.outcome == Outcome::Success => answer,
            Ok(_) | Err(KitError::Unavailable { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(record_in(&answer.response.body, read.record))
    }

    /// Reads the listing, of each parent that is named, and keeps what is asked for.
    async fn listed(
        &self,
        resource: &'static Resource,
        keys: &[String],
        ids: &Ids,
    ) -> Result<BTreeMap<String, String>, EngineError> {
        let mut found = BTreeMap::new();
        let mut parents: BTreeMap<String, &String> = BTreeMap::new();
        for key in keys {
            parents
                .entry(plan::parent_key(resource, key).unwrap_or_default())
                .or_insert(key);
        }
        for key in parents.into_values() {
            let wanted = |candidate: &str| keys.iter().any(|key| key == candidate);
            for (key, record) in self.listing(resource, key, None, ids, &wanted).await? {
                found.insert(key, record);
            }
        }
        Ok(found)
    }

    /// The listing that holds, or would hold, the record `beside`; from `since` on where the resource can be asked so.
    pub(super) async fn listing(
        &self,
        resource: &'static Resource,
        beside: &str,
        since: Option<Timestamp>,
        ids: &Ids,
        wanted: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Vec<(String, String)>, EngineError> {
        let Some(parent) = self.above(resource, beside, ids).await? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for parent in partitions(resource, parent) {
            let by_time = matches!(resource.cursor, Cursor::Since { .. } | Cursor::NewestFirst { .. });
            let cursor = since
                .filter(|_| by_time)
                .map(|since| serde_json::Value::from(since.to_string()));
            let (pages, mut read) = mpsc::channel(2);
            let lane = LaneReader {
                session: Arc::clone(&self.session),
                resource,
                lane: Lane {
                    parent,
                    cursor,
                    ..Lane::default()
                },
                started: self.started,
                pages,
            };
            let collect = async {
                while let Some(message) = read.recv().await {
                    match message {
                        Message::Page(page) => {
                            let rows = page.rows.iter().filter(|row| !row.gone && wanted(&row.key));
                            found.extend(rows.map(|row| (row.key.clone(), line::split(page.line(row)).0.into_owned())));
                        }
                        Message::End {
                            end: Err(KitError::Unavailable { .. }),
                            ..
                        } => {}
                        Message::End { end, .. } => drop(end?),
                    }
                }
                Ok::<_, EngineError>(())
            };
            let ((), collected) = tokio::join!(lane.run(), collect);
            collected?;
        }
        Ok(found)
    }

    /// The ancestors of a record, nearest first; `None` if its parent is gone.
    pub(super) async fn above(
        &self,
        resource: &'static Resource,
        key: &str,
        ids: &Ids,
    ) -> Result<Option<Parent>, EngineError> {
        let (Some(parent), Some(parent_key)) = (resource.parent(), plan::parent_key(resource, key)) else {
            return Ok(Some(Parent::default()));
        };
        let place = (parent.name.to_owned(), parent_key.clone());
        if let Some(known) = self.parents.lock().await.get(&place) {
            return Ok(Some(known.clone()));
        }
        let Some(record) = Box::pin(self.parent_record(parent, &parent_key, ids)).await? else {
            return Ok(None);
        };
        let Some(above) = Box::pin(self.above(parent, &parent_key, ids)).await? else {
            return Ok(None);
        };
        let found = Parent {
            key: plan::as_prefix(parent, &parent_key),
            value: None,
            records: std::iter::once((parent.name.to_owned(), record))
                .chain(above.records)
                .collect(),
        };
        let mut parents = self.parents.lock().await;
        if parents.len() >= MOST_PARENTS {
            parents.clear();
        }
        parents.insert(place, found.clone());
        Ok(Some(found))
    }

    /// Those records that no snapshot at hand knows.
    pub(super) async fn without_known(
        &self,
        resource: &Resource,
        records: Vec<(String, String)>,
    ) -> Result<Vec<(String, String)>, EngineError> {
        let mut unknown = Vec::new();
        for (key, record) in records {
            let mut known = false;
            for state in self
                .snapshots
                .iter()
                .filter_map(|snapshot| snapshot.resources.get(resource.name))
            {
                known |= self.vault.get(&self.system, state, &key).await?.is_some();
            }
            if !known {
                unknown.push((key, record));
            }
        }
        Ok(unknown)
    }

    /// A parent's record: read where it can be, else out of a snapshot.
    async fn parent_record(
        &self,
        parent: &'static Resource,
        key: &str,
        ids: &Ids,
    ) -> Result<Option<String>, EngineError> {
        if parent.restore.writes().is_some() {
            return self.record(parent, key, ids).await;
        }
        for snapshot in &self.snapshots {
            let Some(state) = snapshot.resources.get(parent.name) else {
                continue;
            };
            if let Some(stored) = self.vault.get(&self.system, state, key).await? {
                let text =
                    std::str::from_utf8(&stored).map_err(|_| EngineError::Bug("a stored line is not UTF-8".into()))?;
                return Ok(Some(line::split(text).0.into_owned()));
            }
        }
        Ok(None)
    }
}

fn partitions(resource: &Resource, parent: Parent) -> Vec<Parent> {
    match resource.depends_on {
        DependsOn::Values(name, values) => values
            .iter()
            .map(|value| Parent {
                key: (*value).to_owned(),
                value: Some((name.to_owned(), (*value).to_owned())),
                records: Vec::new(),
            })
            .collect(),
        _ => vec![parent],
    }
}

/// A record's key without its parent's part, as the vendor writes it.
pub(super) fn own_key(resource: &Resource, key: &str) -> String {
    match (resource.parent(), key.rsplit_once('/')) {
        (Some(_), Some((_, own))) => key::unpart(own).into_owned(),
        _ => key.to_owned(),
    }
}

/// The record at a JSON pointer of an answer, if there is one.
pub(super) fn record_in(body: &[u8], pointer: &str) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let found = seatbelt_model::json::find(text, &seatbelt_model::json::Pointer::new(pointer))?;
    found.starts_with('{').then(|| found.to_owned())
}
