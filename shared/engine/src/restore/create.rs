//! Creating one record again, once: a create that may have happened is looked for before it is made.

use std::collections::BTreeMap;

use seatbelt_connector_kit::{Again, Create, Digest, KitError, Parent, Resource};
use seatbelt_model::json::{self, Pointer};

use super::{
    Step, Verdict,
    apply::Applier,
    fields::{Leaves, Parts, Sending, Shape},
    ids::{text_at, whole},
    stand::{Outcome, Result, Stand, compared},
    tree::pointer,
    write::{Task, send},
};
use crate::{EngineError, plan};

/// What an interrupted create may be older than the note about it, since clocks differ.
const CLOCKS_DIFFER: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
/// A create that got no answer is looked for and tried again so often.
const TRIES: u32 = 3;

const THERE_AGAIN: &str = "it is there again";

impl Applier<'_> {
    pub(super) async fn create(&self, shape: &Shape, step: &Step, mut stand: Stand<'_>) -> Outcome<Result> {
        let Some(create) = shape.writes.create else {
            return Ok(stand.left(Verdict::Failed, "such records are not created"));
        };
        let wanted = self.wanted(shape, step, &stand.key);
        if let Some(before) = stand.before {
            let same = shape
                .differing(&all_leaves(shape, &wanted, &[]), &all_leaves(shape, before, &[]))
                .is_empty();
            let verdict = if same { Verdict::Fine } else { Verdict::Conflict };
            return Ok(stand.left(verdict, THERE_AGAIN));
        }
        let resource = shape.resource;
        let Some(above) = self.live.above(resource, &stand.key, &self.ids).await? else {
            return Ok(stand.left(Verdict::Failed, "its parent is gone"));
        };
        let without = shape.places(&shape.deferred(|name| self.is_later(resource, name)), &wanted);
        if let (Again::SameKey, Some(_)) = (create.again, stand.live) {
            stand.found = Some(stand.key.clone());
        }
        let made = match stand.found.take() {
            Some(key) => Ok((key, None)),
            None => {
                self.make(shape, create, step, &stand.key, &wanted, &without, &above)
                    .await
            }
        };
        let (key, answered) = match made {
            Ok(made) => made,
            Err(error) => return stand.failed(error),
        };
        let target = all_leaves(shape, &wanted, &without);
        let mut now = match answered {
            Some(record) => Some(record),
            None => self.live.record(resource, &key, &self.ids).await?,
        };
        if let (Some(record), Some(update)) = (&now, shape.writes.update) {
            let lacking = self.lacking(shape, &target, record);
            if !lacking.is_empty() {
                let task = Task {
                    key: &key,
                    wanted: Some(&wanted),
                    live: Some(record),
                    fields: shape.update(record, &lacking),
                    above: &above,
                    file: None,
                    header: None,
                    repeatable: true,
                };
                if let Err(error) = send(&self.live.session, shape, update, task, "").await {
                    let mut failed = stand.failed(error)?;
                    (failed.key, failed.record, failed.written) = (key, now, true);
                    failed.file = step.file.clone();
                    return Ok(failed);
                }
            }
        }
        now = self.live.record(resource, &key, &self.ids).await?;
        let leaves = now
            .as_deref()
            .map(|now| all_leaves(shape, now, &[]))
            .unwrap_or_default();
        let mut wrong: Vec<String> = target
            .iter()
            .filter(|(at, value)| !shape.same(at, leaves.get(*at), Some(value)))
            .map(|(at, _)| pointer(at))
            .collect();
        wrong.extend(now.as_deref().and_then(|now| wrong_bytes(resource, step, now)));
        let (verdict, why) = compared(&wrong);
        Ok(stand.became(key, verdict, why, now, step.file.clone()))
    }

    /// Creates the record: its key, and the record where the vendor answers with it.
    #[expect(clippy::too_many_arguments, reason = "all of them are what the create is made of")]
    async fn make(
        &self,
        shape: &Shape,
        create: Create,
        step: &Step,
        key: &str,
        wanted: &str,
        without: &[Parts],
        above: &Parent,
    ) -> std::result::Result<(String, Option<String>), KitError> {
        let (resource, file, since) = (shape.resource, self.file(step), self.engine.clock.now());
        let prefix = resource.parent().map(|_| above.key.as_str()).unwrap_or_default();
        let mut tries = 0;
        loop {
            let header = match create.again {
                Again::Header(name) => Some((name, self.fingerprint(resource, &step.key))),
                _ => None,
            };
            let task = Task {
                key,
                wanted: Some(wanted),
                live: None,
                fields: shape.creation(wanted, without),
                above,
                file: file.as_ref(),
                header,
                repeatable: !matches!(create.again, Again::Fields(_)),
            };
            tries += 1;
            match send(&self.live.session, shape, create.write, task, create.record).await {
                Ok(Some(record)) => {
                    let found = resource.key_of(&whole(&record), prefix);
                    return Ok((found.unwrap_or_else(|| key.to_owned()), Some(record)));
                }
                Ok(None) if matches!(create.again, Again::SameKey) => return Ok((key.to_owned(), None)),
                Err(error) if !matches!(error, KitError::InDoubt { .. }) => return Err(error),
                result => {
                    let found = self.search(shape, &[(key, wanted)], since).await;
                    let found = found.map_err(in_kit)?.pop().flatten();
                    match (found, result) {
                        (Some(key), _) => return Ok((key, None)),
                        (None, Err(error)) if tries >= TRIES => return Err(error),
                        (None, Ok(_)) => {
                            return Err(KitError::Unexpected {
                                at: resource.name.to_owned(),
                                problem: "it was created, and is not in the listing".to_owned(),
                            });
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    /// The records that interrupted creates have left, for each step.
    pub(super) async fn left_over(
        &self,
        shape: &Shape,
        steps: &[Step],
        keys: &[String],
        since: jiff::Timestamp,
    ) -> Outcome<Vec<Option<String>>> {
        let wanted: Vec<String> = steps
            .iter()
            .zip(keys)
            .map(|(step, key)| self.wanted(shape, step, key))
            .collect();
        let looked_for: Vec<(&str, &str)> = keys
            .iter()
            .map(String::as_str)
            .zip(wanted.iter().map(String::as_str))
            .collect();
        self.search(shape, &looked_for, since).await
    }

    /// Looks for records that were created since: each is the one at most once.
    async fn search(
        &self,
        shape: &Shape,
        looked_for: &[(&str, &str)],
        since: jiff::Timestamp,
    ) -> Outcome<Vec<Option<String>>> {
        let Some(Create {
            again: Again::Fields(fields),
            ..
        }) = shape.writes.create
        else {
            return Ok(vec![None; looked_for.len()]);
        };
        let since = since.checked_sub(CLOCKS_DIFFER).unwrap_or(since);
        let identity = |record: &str| -> Vec<Option<String>> { fields.iter().map(|at| text_at(record, at)).collect() };
        let mut candidates: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        let mut found = Vec::new();
        for (key, wanted) in looked_for {
            let parent = plan::parent_key(shape.resource, key).unwrap_or_default();
            if !candidates.contains_key(&parent) {
                let is_free = |key: &str| !self.ids.is_new(shape.resource.name, key);
                let mut listed = self
                    .live
                    .listing(shape.resource, key, Some(since), &self.ids, &is_free)
                    .await?;
                listed.retain(|(_, record)| {
                    looked_for
                        .iter()
                        .any(|(_, wanted)| identity(record) == identity(wanted))
                });
                candidates.insert(parent.clone(), self.live.without_known(shape.resource, listed).await?);
            }
            let listed = candidates.entry(parent).or_default();
            let place = listed
                .iter()
                .position(|(_, record)| identity(record) == identity(wanted));
            found.push(place.map(|place| listed.remove(place).0));
        }
        Ok(found)
    }

    /// The fields that a record just created still lacks.
    fn lacking(&self, shape: &Shape, target: &Leaves, record: &str) -> BTreeMap<Parts, Option<String>> {
        let (now, can) = (shape.leaves(record, Sending::Update), |at: &Parts| shape.can_update(at));
        let lacking = target
            .iter()
            .filter(|(at, value)| can(at) && !shape.same(at, now.get(*at), Some(value)));
        lacking.map(|(at, value)| (at.clone(), Some(value.clone()))).collect()
    }
}

/// Everything the vendor takes of a record, in whichever request.
fn all_leaves(shape: &Shape, record: &str, without: &[Parts]) -> Leaves {
    let mut leaves = shape.leaves(record, Sending::Create);
    leaves.extend(shape.leaves(record, Sending::Update));
    leaves.retain(|at, _| !without.contains(at));
    leaves
}

/// The vendor's own digest, if it is not that of the bytes we sent.
fn wrong_bytes(resource: &Resource, step: &Step, now: &str) -> Option<String> {
    let Some(Digest::Sha256(at)) = resource.kind.file()?.digest else {
        return None;
    };
    let digest = json::text_at(now, &Pointer::new(at))?;
    let digest = digest.strip_prefix("sha256:").unwrap_or(&digest).to_ascii_lowercase();
    (step.file.as_ref()?.sha256 != digest).then(|| "its bytes".to_owned())
}

fn in_kit(error: EngineError) -> KitError {
    match error {
        EngineError::Vendor(error) => error,
        other => KitError::Local {
            at: "looking for a record".to_owned(),
            problem: other.to_string(),
        },
    }
}
