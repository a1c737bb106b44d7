//! The units of work of a run, and the checkpoint of each.
//!
//! A unit is open, claimed by a worker for a time, or done. Whoever holds the claim may checkpoint and finish, and nobody
//! else, whatever the time: expiry decides only who may claim. Checkpoints and results are JSON in one text, which has
//! none of the limits of DynamoDB's own maps and numbers.

mod claims;

use aws_sdk_dynamodb::operation::{
    query::builders::QueryFluentBuilder, update_item::builders::UpdateItemFluentBuilder,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{Timestamp, ToSpan};
use seatbelt_model::RunId;
use serde_json::Value;

use crate::{
    Catalog, CatalogError,
    attribute::{text, whole},
    call::{Item, Tried, key, names, text_of, values},
};

/// The attribute by which DynamoDB removes units that were left behind.
pub(crate) const EXPIRES_AT: &str = "expires_at";
/// Much longer than any run that is still gone on with.
const LIFE_DAYS: i64 = 30;
/// Writes that are under way at a time.
const PARALLEL: usize = 8;

/// A unit to be planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitPlan {
    /// Its name, unique within the run.
    pub name: String,
}

/// A unit of work of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// Its name, unique within the run.
    pub name: String,
    /// Who works on it.
    pub state: UnitState,
    /// Where the work goes on.
    pub checkpoint: Option<Value>,
    /// What came of it, once it is done.
    pub result: Option<Value>,
}

/// Who works on a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitState {
    /// Nobody.
    Open,
    /// A worker, and nobody else until the time given.
    Claimed {
        /// The worker.
        worker: String,
        /// Until when.
        until: Timestamp,
    },
    /// Nobody needs to any more.
    Done,
}

/// One unit, and how to speak of it.
#[derive(Clone, Copy)]
struct Place<'a> {
    system: &'a str,
    run: RunId,
    unit: &'a str,
}

impl Place<'_> {
    fn key(&self) -> String {
        format!("{}{}", prefix(self.run), self.unit)
    }

    fn tried(&self, what: &str) -> String {
        format!("system {}, run {}: {what} unit {}", self.system, self.run, self.unit)
    }

    fn refused(&self, worker: &str, found: &Item) -> CatalogError {
        let (system, run, unit) = (self.system.to_owned(), self.run, self.unit.to_owned());
        if found.is_empty() {
            CatalogError::UnitMissing { system, run, unit }
        } else {
            CatalogError::ClaimLost {
                system,
                run,
                unit,
                worker: worker.to_owned(),
            }
        }
    }
}

impl Catalog {
    /// Plans units; those already planned stay as they are, checkpoint and all.
    ///
    /// # Errors
    /// Those of the table; safe to try again.
    pub async fn plan_units(&self, system: &str, run: RunId, plans: &[UnitPlan]) -> Result<(), CatalogError> {
        // Collected before they are polled: a lazy closure over borrowed plans would keep callers from spawning this.
        let plans: Vec<_> = plans
            .iter()
            .map(|plan| {
                self.plan_unit(Place {
                    system,
                    run,
                    unit: &plan.name,
                })
            })
            .collect();
        stream::iter(plans).buffer_unordered(PARALLEL).try_collect().await
    }

    async fn plan_unit(&self, place: Place<'_>) -> Result<(), CatalogError> {
        let tried = place.tried("planning");
        let expires = place
            .run
            .start()
            .checked_add((LIFE_DAYS * 24).hours())
            .unwrap_or(Timestamp::MAX);
        let outcome = self
            .client
            .put_item()
            .table_name(&self.tables.runs)
            .set_item(key(place.system, &place.key()))
            .item("state", text("open"))
            .item(EXPIRES_AT, whole(expires.as_second()))
            .condition_expression("attribute_not_exists(#run)")
            .set_expression_attribute_names(names(["run"]))
            .send()
            .await;
        Tried {
            table: &self.tables.runs,
            what: &tried,
        }
        .settle(outcome)
        .map(|_| ())
    }

    /// All units of a run, by name.
    ///
    /// # Errors
    /// Those of the table; [`CatalogError::Damaged`] when somebody has edited a unit by hand.
    pub async fn units(&self, system: &str, run: RunId) -> Result<Vec<Unit>, CatalogError> {
        let tried = format!("system {system}, run {run}: reading its units");
        let tried = Tried {
            table: &self.tables.runs,
            what: &tried,
        };
        let mut items = self.query_units(system, run, "").into_paginator().items().send();
        let mut units = Vec::new();
        while let Some(item) = items.next().await {
            units.push(read(system, run, &item.map_err(|error| tried.failed(error))?)?);
        }
        Ok(units)
    }

    fn query_units(&self, system: &str, run: RunId, names_begin: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.tables.runs)
            .consistent_read(true)
            .key_condition_expression("#system = :system AND begins_with(#run, :prefix)")
            .set_expression_attribute_names(names(["system", "run"]))
            .set_expression_attribute_values(values([
                (":system", text(system)),
                (":prefix", text(format!("{}{names_begin}", prefix(run)))),
            ]))
    }

    /// Removes all units of a run, with their checkpoints, once the run is over. Doing it twice is harmless.
    ///
    /// # Errors
    /// Those of the table; what is left goes by itself after 30 days.
    pub async fn delete_units(&self, system: &str, run: RunId) -> Result<(), CatalogError> {
        let tried = format!("system {system}, run {run}: deleting its units");
        let tried = Tried {
            table: &self.tables.runs,
            what: &tried,
        };
        let query = self.query_units(system, run, "").projection_expression("#system, #run");
        let keys = query
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(|error| tried.failed(error))?;
        stream::iter(keys)
            .map(|key| {
                self.client
                    .delete_item()
                    .table_name(&self.tables.runs)
                    .set_key(Some(key))
                    .send()
            })
            .buffer_unordered(PARALLEL)
            .map(|outcome| outcome.map(|_| ()).map_err(|error| tried.failed(error)))
            .try_collect()
            .await
    }

    fn update_unit(&self, place: Place<'_>) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.tables.runs)
            .set_key(key(place.system, &place.key()))
    }
}

/// What the range keys of a run's units begin with. They sort after all runs.
fn prefix(run: RunId) -> String {
    format!("unit#{run}#")
}

fn read(system: &str, run: RunId, item: &Item) -> Result<Unit, CatalogError> {
    let name = text_of(item, "run")
        .and_then(|key| key.strip_prefix(&prefix(run)))
        .unwrap_or_default();
    let damaged = |problem: &str| CatalogError::Damaged {
        what: format!("unit {name} of run {run} of system {system}"),
        problem: problem.to_owned(),
    };
    let state = match (text_of(item, "state"), text_of(item, "worker"), text_of(item, "until")) {
        (Some("open"), ..) => UnitState::Open,
        (Some("done"), ..) => UnitState::Done,
        (Some("claimed"), Some(worker), Some(until)) => UnitState::Claimed {
            worker: worker.to_owned(),
            until: until
                .parse()
                .map_err(|_| damaged("`until` is not a time such as 2026-11-22T06:00:00.000Z"))?,
        },
        _ => {
            return Err(damaged(
                "`state` is none of open, claimed (with worker and until) and done",
            ));
        }
    };
    let json = |field: &str| match text_of(item, field) {
        Some(json) => serde_json::from_str(json)
            .map(Some)
            .map_err(|error| damaged(&format!("`{field}`: {error}"))),
        None => Ok(None),
    };
    Ok(Unit {
        name: name.to_owned(),
        state,
        checkpoint: json("checkpoint")?,
        result: json("result")?,
    })
}
