//! The units of work of a run, and the checkpoint of each.
//!
//! A unit is open, claimed by a worker for a time, or done. Whoever holds the claim may checkpoint and finish, and nobody
//! else, whatever the time: expiry decides only who may claim. Checkpoints and results are JSON in one text, which has
//! none of the limits of DynamoDB's own maps and numbers.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::{query::builders::QueryFluentBuilder, update_item::builders::UpdateItemFluentBuilder},
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{Timestamp, ToSpan};
use seatbelt_model::RunId;
use serde_json::Value;

use crate::{
    Catalog, CatalogError,
    attribute::{text, whole},
    call::{ITEM_LIMIT_BYTES, Item, Tried, key, names, text_of, values},
    time,
};

/// The attribute by which DynamoDB removes units that were left behind.
pub(crate) const EXPIRES_AT: &str = "expires_at";
/// Much longer than any run that is still gone on with.
const LIFE_DAYS: i64 = 30;
/// What the item needs beside its checkpoint or result.
const RESERVE_BYTES: usize = 4 * 1024;
/// Writes that are under way at a time.
const PARALLEL: usize = 8;
/// Units read at a time when one is to be claimed.
const PAGE: i32 = 100;

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
        stream::iter(plans)
            .map(|plan| {
                self.plan_unit(Place {
                    system,
                    run,
                    unit: &plan.name,
                })
            })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await
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
        let mut items = self.query_units(system, run).into_paginator().items().send();
        let mut units = Vec::new();
        while let Some(item) = items.next().await {
            units.push(read(system, run, &item.map_err(|error| tried.failed(error))?)?);
        }
        Ok(units)
    }

    fn query_units(&self, system: &str, run: RunId) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.tables.runs)
            .consistent_read(true)
            .key_condition_expression("#system = :system AND begins_with(#run, :prefix)")
            .set_expression_attribute_names(names(["system", "run"]))
            .set_expression_attribute_values(values([(":system", text(system)), (":prefix", text(prefix(run)))]))
    }

    /// Claims the next unit that is open, or whose claim has expired at `now`, for `worker` until `now + ttl`; `None` when there
    /// is none. Of several workers one gets it. Workers need names of their own. Reads the units by name up to the one it gets.
    ///
    /// # Errors
    /// Those of the table; safe to try again.
    pub async fn claim_unit(
        &self,
        system: &str,
        run: RunId,
        worker: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<Unit>, CatalogError> {
        let what = format!("system {system}, run {run}: claiming a unit for {worker}");
        let tried = Tried {
            table: &self.tables.runs,
            what: &what,
        };
        let mut items = self
            .query_units(system, run)
            .limit(PAGE)
            .into_paginator()
            .items()
            .send();
        while let Some(item) = items.next().await {
            let unit = read(system, run, &item.map_err(|error| tried.failed(error))?)?;
            let is_free = match &unit.state {
                UnitState::Open => true,
                UnitState::Claimed { until, .. } => time::text(*until) <= time::text(now),
                UnitState::Done => false,
            };
            if is_free {
                let place = Place {
                    system,
                    run,
                    unit: &unit.name,
                };
                if let Some(claimed) = self.claim_if_free(place, worker, now, time::later(now, ttl)).await? {
                    return Ok(Some(claimed));
                }
            }
        }
        Ok(None)
    }

    /// `None` when another worker was faster. A claim of this worker until the same moment is this call, sent twice.
    async fn claim_if_free(
        &self,
        place: Place<'_>,
        worker: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Unit>, CatalogError> {
        let tried = place.tried("claiming");
        let outcome = self
            .update_unit(place)
            .update_expression("SET #state = :claimed, #worker = :worker, #until = :until")
            .condition_expression(
                "#state = :open OR (#state = :claimed AND (#until <= :now OR (#worker = :worker AND #until = :until)))",
            )
            .set_expression_attribute_names(names(["state", "worker", "until"]))
            .set_expression_attribute_values(values([
                (":open", text("open")),
                (":claimed", text("claimed")),
                (":worker", text(worker)),
                (":until", text(time::text(until))),
                (":now", text(time::text(now))),
            ]))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match (Tried {
            table: &self.tables.runs,
            what: &tried,
        })
        .settle(outcome)?
        {
            Ok(claimed) => read(place.system, place.run, claimed.attributes().unwrap_or(&Item::new())).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Claims a unit for the holder of the system's lease, who works on the run alone: whoever has claimed it loses it, and a
    /// unit that is done is open to be done again. Its checkpoint stays.
    ///
    /// # Errors
    /// [`CatalogError::UnitMissing`] when it was not planned.
    pub async fn claim_named_unit(
        &self,
        system: &str,
        run: RunId,
        unit: &str,
        worker: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Unit, CatalogError> {
        let place = Place { system, run, unit };
        let tried = place.tried("claiming");
        let outcome = self
            .update_unit(place)
            .update_expression("SET #state = :claimed, #worker = :worker, #until = :until REMOVE #result")
            .condition_expression("attribute_exists(#run)")
            .set_expression_attribute_names(names(["state", "worker", "until", "result", "run"]))
            .set_expression_attribute_values(values([
                (":claimed", text("claimed")),
                (":worker", text(worker)),
                (":until", text(time::text(time::later(now, ttl)))),
            ]))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match (Tried {
            table: &self.tables.runs,
            what: &tried,
        })
        .settle(outcome)?
        {
            Ok(claimed) => read(system, run, claimed.attributes().unwrap_or(&Item::new())),
            Err(found) => Err(place.refused(worker, &found)),
        }
    }

    /// Prolongs a claim until `now + ttl`, even when it has expired, so long as nobody took it over.
    ///
    /// # Errors
    /// [`CatalogError::ClaimLost`] when somebody did.
    pub async fn renew_claim(
        &self,
        system: &str,
        run: RunId,
        unit: &str,
        worker: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<(), CatalogError> {
        let until = text(time::text(time::later(now, ttl)));
        let place = Place { system, run, unit };
        let request = self.update_unit(place).update_expression("SET #until = :until");
        let request = request
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":until", until);
        self.write_claimed(place, worker, "prolonging the claim on", "#state = :claimed", request)
            .await
    }

    /// Stores where the work on a claimed unit goes on. About 300 KB is a sensible most.
    ///
    /// # Errors
    /// [`CatalogError::ClaimLost`] when the unit belongs to another worker by now; [`CatalogError::TooLarge`] when it does not
    /// fit in an item.
    pub async fn checkpoint(
        &self,
        system: &str,
        run: RunId,
        unit: &str,
        worker: &str,
        checkpoint: &Value,
    ) -> Result<(), CatalogError> {
        let place = Place { system, run, unit };
        let checkpoint = as_text(place, "checkpointing", checkpoint)?;
        let request = self
            .update_unit(place)
            .update_expression("SET #checkpoint = :checkpoint");
        let request = request
            .expression_attribute_names("#checkpoint", "checkpoint")
            .expression_attribute_values(":checkpoint", text(checkpoint));
        self.write_claimed(place, worker, "checkpointing", "#state = :claimed", request)
            .await
    }

    /// Closes a claimed unit with its result. The checkpoint goes. Finishing twice is harmless.
    ///
    /// # Errors
    /// As [`Catalog::checkpoint`].
    pub async fn finish_unit(
        &self,
        system: &str,
        run: RunId,
        unit: &str,
        worker: &str,
        result: &Value,
    ) -> Result<(), CatalogError> {
        let place = Place { system, run, unit };
        let result = as_text(place, "finishing", result)?;
        let request = self
            .update_unit(place)
            .update_expression("SET #state = :done, #result = :result REMOVE #checkpoint, #until")
            .set_expression_attribute_names(names(["result", "checkpoint", "until"]))
            .set_expression_attribute_values(values([(":done", text("done")), (":result", text(result))]));
        self.write_claimed(place, worker, "finishing", "#state IN (:claimed, :done)", request)
            .await
    }

    /// Gives a claimed unit back, with its checkpoint, for any worker to go on with. Harmless when the claim was lost.
    ///
    /// # Errors
    /// Those of the table; a claim that could not be released expires by itself.
    pub async fn release_unit(&self, system: &str, run: RunId, unit: &str, worker: &str) -> Result<(), CatalogError> {
        let place = Place { system, run, unit };
        let request = self
            .update_unit(place)
            .update_expression("SET #state = :open REMOVE #until, #worker")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":open", text("open"));
        match self
            .write_claimed(place, worker, "releasing", "#state = :claimed", request)
            .await
        {
            Err(CatalogError::ClaimLost { .. } | CatalogError::UnitMissing { .. }) => Ok(()),
            outcome => outcome,
        }
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
        let query = self.query_units(system, run).projection_expression("#system, #run");
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

    /// Sends a write that only the holder of the claim may make.
    async fn write_claimed(
        &self,
        place: Place<'_>,
        worker: &str,
        what: &str,
        condition: &str,
        request: UpdateItemFluentBuilder,
    ) -> Result<(), CatalogError> {
        let tried = place.tried(what);
        let outcome = request
            .condition_expression(format!("#worker = :worker AND {condition}"))
            .expression_attribute_names("#worker", "worker")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":worker", text(worker))
            .expression_attribute_values(":claimed", text("claimed"))
            .return_values_on_condition_check_failure(AllOld)
            .send()
            .await;
        match (Tried {
            table: &self.tables.runs,
            what: &tried,
        })
        .settle(outcome)?
        {
            Ok(_) => Ok(()),
            Err(found) => Err(place.refused(worker, &found)),
        }
    }
}

/// What the range keys of a run's units begin with. They sort after all runs.
fn prefix(run: RunId) -> String {
    format!("unit#{run}#")
}

/// JSON that fits in an item.
fn as_text(place: Place<'_>, what: &str, value: &Value) -> Result<String, CatalogError> {
    let json = value.to_string();
    let limit_bytes = ITEM_LIMIT_BYTES - RESERVE_BYTES;
    if json.len() > limit_bytes {
        return Err(CatalogError::TooLarge {
            tried: place.tried(what),
            size_bytes: json.len(),
            limit_bytes,
        });
    }
    Ok(json)
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
