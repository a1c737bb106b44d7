//! What is asked for: from when, and which records and fields.

use anyhow::Result;
use seatbelt_engine::{Engine, Selection};
use seatbelt_model::Snapshot;

use crate::{
    failure::Failure,
    home::Home,
    jobs::{Batch, Planned},
    moment,
    output::say,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Ask {
    /// Go back to what was then; a backup is made first, so that now is kept too
    #[arg(long, value_name = "WHEN", conflicts_with = "between")]
    to: Option<String>,
    /// Undo what changed between two points in time, and keep what was edited since
    #[arg(long, value_name = "WHEN..WHEN")]
    between: Option<String>,
    /// Only this resource; may be repeated
    #[arg(long = "resource", value_name = "RESOURCE")]
    resources: Vec<String>,
    /// Only this record; may be repeated
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// Only this field, as a JSON pointer; may be repeated
    #[arg(long = "field", value_name = "/FIELD")]
    fields: Vec<String>,
    /// Only records with this value in this field; may be repeated
    #[arg(long = "where", value_name = "/FIELD=VALUE")]
    filters: Vec<String>,
    /// Only what this author changed, by the vendor's id, where the vendor says who did
    #[arg(long, value_name = "ID")]
    author: Option<String>,
    /// What was removed comes back
    #[arg(long)]
    removed: bool,
    /// What was changed is changed back
    #[arg(long)]
    changed: bool,
    /// What was added is removed
    #[arg(long)]
    added: bool,
    /// Give up what was edited since in the same fields
    #[arg(long)]
    overwrite: bool,
}

impl Ask {
    /// Which records and fields.
    pub(super) fn selection(&self) -> Result<Selection> {
        let wrong = |what: &str| {
            Failure::usage(
                format!("{what} is no field"),
                "a field is written as a JSON pointer, such as /owner_id",
            )
        };
        if let Some(field) = self.fields.iter().find(|field| !field.starts_with('/')) {
            return Err(wrong(field).into());
        }
        let filter = |text: &String| match text.split_once('=') {
            Some((field, value)) if field.starts_with('/') => Ok((field.to_owned(), value.to_owned())),
            _ => Err(wrong(text)),
        };
        Ok(Selection {
            resources: self.resources.clone(),
            keys: self.keys.clone(),
            fields: self.fields.clone(),
            filters: self.filters.iter().map(filter).collect::<Result<_, _>>()?,
            author: self.author.clone(),
            removed: self.removed,
            changed: self.changed,
            added: self.added,
            overwrite: self.overwrite,
        })
    }

    /// The state to go back to, and the one the bad change left: the second of the two named, or now, which a backup takes.
    pub(super) async fn snapshots(
        &self,
        home: &Home,
        engine: &Engine,
        batch: &Batch,
        planned: &Planned,
    ) -> Result<[Snapshot; 2]> {
        let at = async |when: &str| moment::snapshot(home, &planned.name, Some(when.trim())).await;
        match (&self.to, &self.between) {
            (Some(to), _) => {
                let wanted = at(to).await?;
                say(format!(
                    "{}: a backup first, so that what is there now is kept",
                    planned.name
                ));
                let finished = batch.clone().one(engine.clone(), planned.clone()).await;
                finished.result?;
                Ok([wanted, moment::newest(home, &planned.name).await?])
            }
            (None, Some(between)) => {
                let Some((from, to)) = between.split_once("..") else {
                    let said = format!("--between {between}: two points in time are needed");
                    return Err(Failure::usage(said, "write them as FROM..TO, such as '09:00..10:00'").into());
                };
                let snapshots = [at(from).await?, at(to).await?];
                if snapshots[0].id == snapshots[1].id {
                    let said = format!("both are snapshot {}: nothing changed between them", snapshots[0].id);
                    return Err(Failure::usage(said, format!("seatbelt snapshots {}", planned.name)).into());
                }
                Ok(snapshots)
            }
            (None, None) => Err(Failure::usage(
                "it is not said what to go back to",
                "seatbelt restore SYSTEM --to WHEN, or --between FROM..TO, or --undo RUN",
            )
            .into()),
        }
    }
}
