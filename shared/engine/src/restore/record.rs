//! Changing and removing one record.

use std::collections::BTreeMap;

use seatbelt_connector_kit::KitError;
use seatbelt_model::json::Pointer;
use serde_json::value::RawValue;

use super::{
    Action, FieldChange, Step, Verdict,
    apply::Applier,
    fields::{Parts, Sending, Shape},
    planner::FILE,
    stand::{Outcome, Result, Stand, compared},
    tree::pointer,
    write::{Task, VaultFile, send},
};

const CHANGED_SINCE: &str = "it changed after the plan was made";
const GONE_SINCE: &str = "it was removed after the plan was made";

#[derive(Default)]
struct Changes {
    changes: BTreeMap<Parts, Option<String>>,
    /// Fields that changed after the plan was made.
    conflicts: Vec<String>,
    /// Whether the bytes are to change.
    file: bool,
}

impl Applier<'_> {
    /// Carries out one step.
    pub(super) async fn step(&self, shape: &Shape, step: &Step, stand: Stand<'_>) -> Outcome<Result> {
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

    pub(super) fn wanted(&self, shape: &Shape, step: &Step, key: &str) -> String {
        let wanted = step.wanted.as_deref().map(RawValue::get).unwrap_or("{}");
        self.ids.translate(shape.writes, key, wanted)
    }

    pub(super) fn file(&self, step: &Step) -> Option<VaultFile> {
        Some(VaultFile {
            vault: self.vault.clone(),
            system: self.system().to_owned(),
            body: step.file.clone()?,
        })
    }
}
