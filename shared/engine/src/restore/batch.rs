//! A batch: some records of one resource that are written the same way. They are looked at, their state is stored, they are written side by
//! side, read back, and what they became is stored.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use seatbelt_connector_kit::Resource;
use serde_json::value::RawValue;

use super::{
    Action, Done, Step,
    apply::Applier,
    fields::Shape,
    ids::{NewKey, text_at},
    journal::{AFTER, After, BEFORE, Before, Image, batch_name, json as to_json, parse, store},
    pairs::images,
    stand::{Outcome, Result, Stand},
};
use crate::EngineError;

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
