//! A batch: some records of one resource that are written the same way. They are looked at, their state is stored, they are written side by
//! side, read back, and what they became is stored.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use seatbelt_connector_kit::{Again, Create, Digest, KitError, Parent, Resource};
use seatbelt_model::json::{self, Pointer};
use seatbelt_vault::StoredBody;
use serde_json::value::RawValue;

use super::{
    Action, Done, FieldChange, Step, Verdict,
    apply::Applier,
    fields::{Leaves, Parts, Sending, Shape},
    ids::{NewKey, text_at, whole},
    journal::{AFTER, After, BEFORE, Before, Image, batch_name, json as to_json, parse, store},
    pairs::images,
    planner::FILE,
    tree::pointer,
    write::{Task, VaultFile, send},
};
use crate::{EngineError, plan};

/// What an interrupted create may be older than the note about it, since clocks differ.
const CLOCKS_DIFFER: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
/// A create that got no answer is looked for and tried again so often.
const TRIES: u32 = 3;

const CHANGED_SINCE: &str = "it changed after the plan was made";
const GONE_SINCE: &str = "it was removed after the plan was made";
const THERE_AGAIN: &str = "it is there again";

/// What one record is before its step, what it is now, and what an interrupted run may have made of it.
struct Stand<'a> {
    key: String,
    before: Option<&'a str>,
    live: Option<&'a str>,
    /// A record that an interrupted create has left.
    found: Option<String>,
}

/// What a step came to.
struct Result {
    verdict: Verdict,
    why: Option<String>,
    key: String,
    record: Option<String>,
    file: Option<StoredBody>,
    written: bool,
}

impl Applier<'_> {
    /// Carries out a batch, unless that was done before.
    pub(super) async fn batch(&mut self, number: u64, resource: &'static Resource, steps: Vec<Step>) -> Outcome<()> {
        let name = batch_name(number);
        if let Some(json) = self
            .vault
            .restore(self.system(), self.run.id, &format!("{name}{AFTER}"))
            .await?
        {
            return self.was_done(&parse(&json)?).await;
        }
        let Some(shape) = Shape::of(resource) else {
            return Err(EngineError::Bug(format!("{} is not written", resource.name)));
        };
        let action = steps[0].action;
        let keys: Vec<String> = steps.iter().map(|step| self.ids.now(resource, &step.key)).collect();
        let live = self.live.records(resource, &keys, &self.ids).await?;
        let (before, since) = self.before(&name, resource, &steps, &keys, &live).await?;
        let found = match since {
            Some(since) if action == Action::Create => self.left_over(&shape, &steps, &keys, since).await?,
            _ => vec![None; steps.len()],
        };
        let stands = before.iter().zip(keys).zip(found).map(|((image, key), found)| Stand {
            before: image.record.as_deref().map(RawValue::get),
            live: live.get(&key).map(String::as_str),
            key,
            found,
        });
        let results = steps
            .iter()
            .zip(stands)
            .map(|(step, stand)| self.step(&shape, step, stand));
        let at_once = self.live.concurrency();
        let results: Vec<Result> = stream::iter(results.collect::<Vec<_>>())
            .buffered(at_once)
            .try_collect()
            .await?;
        self.after(&name, resource, &steps, results).await
    }

    /// What the records are: stored now, or, if the batch was interrupted, as stored then, with the time of that.
    async fn before(
        &self,
        name: &str,
        resource: &Resource,
        steps: &[Step],
        keys: &[String],
        live: &BTreeMap<String, String>,
    ) -> Outcome<(Vec<Image>, Option<jiff::Timestamp>)> {
        let (system, name) = (self.system(), format!("{name}{BEFORE}"));
        if let Some(json) = self.vault.restore(system, self.run.id, &name).await? {
            let before: Before = parse(&json)?;
            return Ok((images(&self.vault, system, &before.object).await?, Some(before.at)));
        }
        let image = |(step, key): (&Step, &String)| Image {
            key: key.clone(),
            record: live
                .get(key)
                .and_then(|record| RawValue::from_string(record.clone()).ok()),
            file: step.old_file.clone(),
            written: false,
            result: None,
        };
        let images: Vec<Image> = steps.iter().zip(keys).map(image).collect();
        let before = Before {
            resource: resource.name.to_owned(),
            action: steps[0].action,
            at: self.engine.clock.now(),
            object: store(&self.vault, system, &images).await?,
            records: images.len(),
        };
        self.vault
            .put_restore(system, self.run.id, &name, to_json(&before)?)
            .await?;
        Ok((images, None))
    }

    async fn after(&mut self, name: &str, resource: &Resource, steps: &[Step], results: Vec<Result>) -> Outcome<()> {
        let (mut images, mut new, mut dones) = (Vec::new(), Vec::new(), Vec::new());
        for (step, result) in steps.iter().zip(results) {
            let was = self.ids.now(resource, &step.key);
            let done = Done {
                resource: resource.name.to_owned(),
                key: step.key.clone(),
                new_key: (result.key != step.key).then(|| result.key.clone()),
                result: result.verdict,
                why: result.why,
            };
            images.push(Image {
                key: result.key.clone(),
                record: result.record.and_then(|record| RawValue::from_string(record).ok()),
                file: result.file,
                written: result.written,
                result: Some(done.clone()),
            });
            let record = images.last().and_then(|image: &Image| image.record.as_deref());
            new.extend(new_addresses(resource, step, record.map(RawValue::get)));
            if was != result.key {
                new.push(NewKey {
                    resource: resource.name.to_owned(),
                    was,
                    is: result.key,
                });
            }
            dones.push(done);
        }
        let mut results = super::Tally::new();
        dones
            .iter()
            .for_each(|done| super::document::count(&mut results, resource.name, done.result));
        let ids = if new.is_empty() {
            None
        } else {
            Some(store(&self.vault, self.system(), &new).await?)
        };
        let after = After {
            resource: resource.name.to_owned(),
            action: steps[0].action,
            at: self.engine.clock.now(),
            object: store(&self.vault, self.system(), &images).await?,
            ids,
            results: results.remove(resource.name).unwrap_or_default(),
        };
        let name = format!("{name}{AFTER}");
        self.vault
            .put_restore(self.system(), self.run.id, &name, to_json(&after)?)
            .await?;
        new.into_iter().for_each(|new| self.ids.add(new));
        self.settle(&after, dones);
        Ok(())
    }

    async fn was_done(&mut self, after: &After) -> Outcome<()> {
        let images = images(&self.vault, self.system(), &after.object).await?;
        let dones = images.into_iter().filter_map(|image| image.result).collect();
        self.settle(after, dones);
        Ok(())
    }

    async fn step(&self, shape: &Shape, step: &Step, stand: Stand<'_>) -> Outcome<Result> {
        match step.action {
            Action::Create => self.create(shape, step, stand).await,
            Action::Remove => self.remove(shape, step, stand).await,
            _ => self.update(shape, step, stand).await,
        }
    }

    async fn update(&self, shape: &Shape, step: &Step, stand: Stand<'_>) -> Outcome<Result> {
        let (Some(before), Some(update)) = (stand.before, shape.writes.update) else {
            return Ok(stand.left(Verdict::Conflict, GONE_SINCE));
        };
        let Some(live) = stand.live else {
            return Ok(stand.left(Verdict::Conflict, GONE_SINCE));
        };
        let wanted = self.wanted(shape, step, &stand.key);
        let Changes {
            changes,
            conflicts,
            file,
        } = self.changes(shape, step, &wanted, before);
        let held = (!conflicts.is_empty()).then(|| format!("{CHANGED_SINCE}: {}", conflicts.join(", ")));
        if changes.is_empty() && !file {
            let verdict = if held.is_some() {
                Verdict::Conflict
            } else {
                Verdict::Fine
            };
            return Ok(stand.with(verdict, held));
        }
        let live_leaves = shape.leaves(live, Sending::Update);
        let is_there = |(at, value): (&Parts, &Option<String>)| shape.same(at, live_leaves.get(at), value.as_ref());
        if file || !changes.iter().all(is_there) {
            let Some(above) = self.live.above(shape.resource, &stand.key, &self.ids).await? else {
                return Ok(stand.left(Verdict::Conflict, "its parent is gone"));
            };
            let bytes = self.file(step);
            let task = Task {
                key: &stand.key,
                wanted: Some(&wanted),
                live: Some(live),
                fields: shape.update(live, &changes),
                above: &above,
                file: bytes.as_ref(),
                header: None,
                repeatable: true,
            };
            if let Err(error) = send(&self.live.session, shape, update, task, "").await {
                return stand.failed(error);
            }
        }
        let now = self.live.record(shape.resource, &stand.key, &self.ids).await?;
        let leaves = now
            .as_deref()
            .map(|now| shape.leaves(now, Sending::Update))
            .unwrap_or_default();
        let wrong = changes
            .iter()
            .filter(|(at, value)| !shape.same(at, leaves.get(*at), value.as_ref()));
        let wrong: Vec<String> = wrong.map(|(at, _)| pointer(at)).collect();
        let file = if file { step.file.clone() } else { step.old_file.clone() };
        let (verdict, why) = match held {
            Some(held) => (Verdict::Conflict, Some(held)),
            None => compared(&wrong),
        };
        Ok(stand.became(stand.key.clone(), verdict, why, now, file))
    }

    /// What of a step is still to be done, seen from what the record was before it.
    fn changes(&self, shape: &Shape, step: &Step, wanted: &str, before: &str) -> Changes {
        let (wanted, before) = (
            shape.leaves(wanted, Sending::Update),
            shape.leaves(before, Sending::Update),
        );
        let mut found = Changes::default();
        for FieldChange { field, is, .. } in &step.fields {
            if field == FILE {
                found.file = true;
                continue;
            }
            let at = Pointer::new(field).parts().to_vec();
            let (now, target) = (before.get(&at), wanted.get(&at));
            let is = is.as_ref().map(|is| is.get().to_owned());
            if shape.same(&at, now, target) {
                continue;
            }
            // What was created without a reference refers to nothing, which vendors also write as 0 or as an empty text.
            let unlinked = step.action == Action::Link && now.is_none_or(|now| matches!(now.as_str(), "0" | "\"\""));
            if self.overwrite() || unlinked || shape.same(&at, now, is.as_ref()) {
                found.changes.insert(at, target.cloned());
            } else {
                found.conflicts.push(field.clone());
            }
        }
        found
    }

    async fn remove(&self, shape: &Shape, step: &Step, stand: Stand<'_>) -> Outcome<Result> {
        let (Some(before), Some(remove)) = (stand.before, shape.writes.remove) else {
            return Ok(stand.with(Verdict::Fine, None));
        };
        let spoiled = step
            .spoiled
            .as_ref()
            .map(|spoiled| self.ids.translate(shape.writes, &stand.key, spoiled.get()));
        let leaves = |record: &str| shape.leaves(record, Sending::Update);
        let differs = |spoiled: &String| !shape.differing(&leaves(spoiled), &leaves(before)).is_empty();
        if !self.overwrite() && spoiled.as_ref().is_some_and(differs) {
            return Ok(stand.left(Verdict::Conflict, CHANGED_SINCE));
        }
        if let Some(live) = stand.live {
            let above = self
                .live
                .above(shape.resource, &stand.key, &self.ids)
                .await?
                .unwrap_or_default();
            let task = Task {
                key: &stand.key,
                wanted: None,
                live: Some(live),
                fields: super::tree::Tree::empty(),
                above: &above,
                file: None,
                header: None,
                repeatable: true,
            };
            match send(&self.live.session, shape, remove, task, "").await {
                Ok(_) | Err(KitError::Unavailable { .. }) => {}
                Err(error) => return stand.failed(error),
            }
        }
        let now = self.live.record(shape.resource, &stand.key, &self.ids).await?;
        let (verdict, why) = match now {
            None => (Verdict::Restored, None),
            Some(_) => (Verdict::Differs, Some("it is still there".to_owned())),
        };
        Ok(stand.became(stand.key.clone(), verdict, why, now, None))
    }

    async fn create(&self, shape: &Shape, step: &Step, mut stand: Stand<'_>) -> Outcome<Result> {
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
    async fn left_over(
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

    fn wanted(&self, shape: &Shape, step: &Step, key: &str) -> String {
        let wanted = step.wanted.as_deref().map(RawValue::get).unwrap_or("{}");
        self.ids.translate(shape.writes, key, wanted)
    }

    fn file(&self, step: &Step) -> Option<VaultFile> {
        Some(VaultFile {
            vault: self.vault.clone(),
            system: self.system().to_owned(),
            body: step.file.clone()?,
        })
    }
}

type Outcome<T> = std::result::Result<T, EngineError>;

#[derive(Default)]
struct Changes {
    changes: BTreeMap<Parts, Option<String>>,
    /// Fields that changed after the plan was made.
    conflicts: Vec<String>,
    /// Whether the bytes are to change.
    file: bool,
}

impl Stand<'_> {
    /// Nothing was written.
    fn with(&self, verdict: Verdict, why: Option<String>) -> Result {
        Result {
            verdict,
            why,
            key: self.key.clone(),
            record: self.live.map(str::to_owned),
            file: None,
            written: false,
        }
    }

    fn left(&self, verdict: Verdict, why: &str) -> Result {
        self.with(verdict, Some(why.to_owned()))
    }

    /// The vendor refused this record; or the restore cannot go on at all.
    fn failed(&self, error: KitError) -> Outcome<Result> {
        match error {
            KitError::Refused { .. }
            | KitError::Unavailable { .. }
            | KitError::Forbidden { .. }
            | KitError::Unexpected { .. } => Ok(self.with(Verdict::Failed, Some(error.to_string()))),
            KitError::OutOfTime { .. } => Err(EngineError::Interrupted),
            error => Err(error.into()),
        }
    }

    fn became(
        &self,
        key: String,
        verdict: Verdict,
        why: Option<String>,
        record: Option<String>,
        file: Option<StoredBody>,
    ) -> Result {
        Result {
            verdict,
            why,
            key,
            record,
            file,
            written: true,
        }
    }
}

fn compared(wrong: &[String]) -> (Verdict, Option<String>) {
    if wrong.is_empty() {
        (Verdict::Restored, None)
    } else {
        (
            Verdict::Differs,
            Some(format!("read back otherwise than written: {}", wrong.join(", "))),
        )
    }
}

/// Everything the vendor takes of a record, in whichever request.
fn all_leaves(shape: &Shape, record: &str, without: &[Parts]) -> Leaves {
    let mut leaves = shape.leaves(record, Sending::Create);
    leaves.extend(shape.leaves(record, Sending::Update));
    leaves.retain(|at, _| !without.contains(at));
    leaves
}

/// Where the bytes of a file that was created again are now: texts name files by their addresses as well as by their keys.
fn new_addresses(resource: &Resource, step: &Step, now: Option<&str>) -> Vec<NewKey> {
    let (Some(file), Some(wanted), Some(now), Action::Create) =
        (resource.kind.file(), step.wanted.as_deref(), now, step.action)
    else {
        return Vec::new();
    };
    let moved = |at: &&str| {
        let (was, is) = (text_at(wanted.get(), at)?, text_at(now, at)?);
        (was != is && was.contains("://")).then(|| NewKey {
            resource: resource.name.to_owned(),
            was,
            is,
        })
    };
    file.version.iter().filter_map(moved).collect()
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
