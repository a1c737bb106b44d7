//! What workers do with units: claim, checkpoint, finish, give back.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld},
};
use jiff::Timestamp;
use seatbelt_model::RunId;
use serde_json::Value;

use super::{Place, Unit, UnitState, read};
use crate::{
    Catalog, CatalogError,
    attribute::text,
    call::{ITEM_LIMIT_BYTES, Item, Tried, names, values},
    time,
};

/// What the item needs beside its checkpoint or result.
const RESERVE_BYTES: usize = 4 * 1024;
/// Units read at a time when one is to be claimed.
const PAGE: i32 = 100;

impl Catalog {
    /// Claims the next of the units whose names begin with `names` that is open, or whose claim has expired at `now`, for `worker` until `now + ttl`; `None` when there
    /// is none. Of several workers one gets it. Workers need names of their own. Reads the units by name up to the one it gets.
    ///
    /// # Errors
    /// Those of the table; safe to try again.
    pub async fn claim_unit(
        &self,
        system: &str,
        run: RunId,
        names: &str,
        worker: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<Unit>, CatalogError> {
        let what = format!("system {system}, run {run}: claiming a unit {names}* for {worker}");
        let tried = Tried {
            table: &self.tables.runs,
            what: &what,
        };
        let mut items = self
            .query_units(system, run, names)
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
