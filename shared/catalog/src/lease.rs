//! The lease: one run per system at a time.
//!
//! The item stays when the lease is released, so that its fencing counter only ever grows. Time decides who may *take* the
//! lease, and nothing else: keeping it depends on the counter alone. So a clock that jumps may take a lease too early, but
//! from then on the former holder cannot renew, and two never both succeed.

use std::time::Duration;

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld};
use jiff::Timestamp;

use crate::{
    Catalog, CatalogError, Held,
    attribute::{text, whole},
    call::{Item, Tried, key, names, text_of, values, whole_of},
    time,
};

/// The range key of a system's lease.
const LEASE: &str = "lease";

/// The right to run on a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The system.
    pub system: String,
    /// Who holds it.
    pub holder: String,
    /// Until when, unless it is renewed.
    pub until: Timestamp,
    /// Counts the acquisitions of this system's lease. A later holder's is higher.
    pub fencing: u64,
}

impl Catalog {
    /// Takes the lease of `system` for `holder` until `now + ttl`, if it is free, has expired at `now`, or is the holder's own;
    /// else says who has it. Holders need names of their own. Taking it again makes an earlier [`Lease`] of the same holder void.
    ///
    /// # Errors
    /// Those of the table; safe to try again.
    pub async fn acquire_lease(
        &self,
        system: &str,
        holder: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Result<Lease, Held>, CatalogError> {
        let until = time::later(now, ttl);
        let tried = format!("system {system}: taking its lease for {holder}");
        let tried = Tried {
            table: &self.tables.runs,
            what: &tried,
        };
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.runs)
            .set_key(key(system, LEASE));
        let outcome = request
            .update_expression("SET #holder = :holder, #until = :until ADD #fencing :one")
            .condition_expression(
                "attribute_not_exists(#holder) OR attribute_not_exists(#until) OR #holder = :holder OR #until <= :now",
            )
            .set_expression_attribute_names(names(["holder", "until", "fencing"]))
            .set_expression_attribute_values(values([
                (":holder", text(holder)),
                (":until", text(time::text(until))),
                (":now", text(time::text(now))),
                (":one", whole(1)),
            ]))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(AllOld)
            .send()
            .await;
        match tried.settle(outcome)? {
            Ok(taken) => {
                let fencing = taken.attributes().and_then(|item| whole_of(item, "fencing"));
                let fencing = fencing.ok_or_else(|| damaged(system, "its fencing counter is missing"))?;
                Ok(Ok(Lease {
                    system: system.to_owned(),
                    holder: holder.to_owned(),
                    until,
                    fencing,
                }))
            }
            Err(item) => Ok(Err(held(system, &item)?)),
        }
    }

    /// Who holds the lease of `system`, and until when; `None` when nobody does. Whether it has expired is for the caller to say.
    ///
    /// # Errors
    /// Those of the table; [`CatalogError::Damaged`] when the item cannot be read.
    pub async fn lease_of(&self, system: &str) -> Result<Option<Held>, CatalogError> {
        let what = format!("system {system}: reading its lease");
        let tried = Tried {
            table: &self.tables.runs,
            what: &what,
        };
        let request = self
            .client
            .get_item()
            .table_name(&self.tables.runs)
            .set_key(key(system, LEASE));
        let found = request.consistent_read(true).send().await;
        let item = found.map_err(|error| tried.failed(error))?.item.unwrap_or_default();
        if item.contains_key("holder") {
            held(system, &item).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Prolongs the lease until `now + ttl`, even when it has expired, so long as nobody took it over.
    ///
    /// # Errors
    /// [`CatalogError::LeaseLost`] when somebody did: stop, and commit nothing.
    pub async fn renew(&self, lease: &Lease, now: Timestamp, ttl: Duration) -> Result<Lease, CatalogError> {
        let until = time::later(now, ttl);
        let tried = format!("system {}: renewing the lease of {}", lease.system, lease.holder);
        let tried = Tried {
            table: &self.tables.runs,
            what: &tried,
        };
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.runs)
            .set_key(key(&lease.system, LEASE));
        let outcome = request
            .update_expression("SET #until = :until")
            .condition_expression("#holder = :holder AND #fencing = :fencing")
            .set_expression_attribute_names(names(["holder", "until", "fencing"]))
            .set_expression_attribute_values(values([
                (":holder", text(&lease.holder)),
                (":fencing", whole(lease.fencing)),
                (":until", text(time::text(until))),
            ]))
            .send()
            .await;
        match tried.settle(outcome)? {
            Ok(_) => Ok(Lease { until, ..lease.clone() }),
            Err(_) => Err(CatalogError::LeaseLost {
                system: lease.system.clone(),
                holder: lease.holder.clone(),
            }),
        }
    }

    /// Gives the lease back. Harmless when it was released or lost before.
    ///
    /// # Errors
    /// Those of the table; a lease that could not be released expires by itself.
    pub async fn release(&self, lease: &Lease) -> Result<(), CatalogError> {
        let tried = format!("system {}: releasing the lease of {}", lease.system, lease.holder);
        let tried = Tried {
            table: &self.tables.runs,
            what: &tried,
        };
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.runs)
            .set_key(key(&lease.system, LEASE));
        let outcome = request
            .update_expression("REMOVE #holder, #until")
            .condition_expression("#holder = :holder AND #fencing = :fencing")
            .set_expression_attribute_names(names(["holder", "until", "fencing"]))
            .set_expression_attribute_values(values([
                (":holder", text(&lease.holder)),
                (":fencing", whole(lease.fencing)),
            ]))
            .send()
            .await;
        tried.settle(outcome).map(|_| ())
    }
}

fn held(system: &str, item: &Item) -> Result<Held, CatalogError> {
    let holder = text_of(item, "holder").ok_or_else(|| damaged(system, "it names no holder"))?;
    let until = text_of(item, "until").and_then(|until| until.parse().ok());
    let until = until.ok_or_else(|| damaged(system, "`until` is not a time such as 2026-11-22T06:00:00.000Z"))?;
    Ok(Held {
        holder: holder.to_owned(),
        until,
    })
}

fn damaged(system: &str, problem: &str) -> CatalogError {
    CatalogError::Damaged {
        what: format!("the lease of system {system}"),
        problem: problem.to_owned(),
    }
}
