//! What is done under the system's lease: everything that deletes.

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};
use seatbelt_catalog::{CatalogError, Lease};
use seatbelt_model::{Run, RunKind, SnapshotId};
use seatbelt_vault::{Expired, Survey};

use crate::{Pass, Retention, RetentionError, Rule, damage, decide, memory::Memory, pass::is_over};

/// As long as a backup's.
const LEASE: Duration = Duration::from_mins(15);
/// A lease is renewed after this.
const RENEW: SignedDuration = SignedDuration::from_mins(1);
/// An open run whose last sign of life is older is not gone on with by anybody.
const OPEN: SignedDuration = SignedDuration::from_hours(48);

/// A lease, and when it was last renewed.
struct Holding {
    lease: Lease,
    renewed_at: Timestamp,
}

impl Retention {
    /// Expires what no rule keeps, and sweeps what is due. Says whether anything may have changed.
    ///
    /// # Errors
    /// [`RetentionError::Busy`] when another run holds the system, or is open.
    pub(crate) async fn delete(
        &self,
        system: &str,
        rule: &Rule,
        memory: &Memory,
        deadline: Option<Timestamp>,
        pass: &mut Pass,
    ) -> Result<(), RetentionError> {
        let mut holding = self.hold(system).await?;
        let outcome = self
            .delete_under(&mut holding, system, rule, memory, deadline, pass)
            .await;
        if let Err(error) = self.catalog.release(&holding.lease).await {
            tracing::warn!(system, %error, "the lease could not be released; it expires by itself");
        }
        match outcome {
            Err(RetentionError::Catalog(error @ CatalogError::LeaseLost { .. })) => {
                Err(busy(system, error.to_string()))
            }
            other => other,
        }
    }

    async fn delete_under(
        &self,
        holding: &mut Holding,
        system: &str,
        rule: &Rule,
        memory: &Memory,
        deadline: Option<Timestamp>,
        pass: &mut Pass,
    ) -> Result<(), RetentionError> {
        self.refuse_open(system).await?;
        // What was read before the lease was taken may be old.
        let now = self.clock.now();
        let survey = self.vault.survey(system).await?;
        pass.decided = decide(rule, &survey.snapshots, &damage::broken(memory), now);
        let gone = self.expire_all(holding, system, deadline, pass).await?;
        if survey.is_sweep_due(now) && !pass.cut {
            self.sweep(holding, system, &survey, &gone, deadline, pass).await?;
        }
        Ok(())
    }

    /// A run that was interrupted holds no lease and still counts on what it stored.
    async fn refuse_open(&self, system: &str) -> Result<(), RetentionError> {
        let now = self.clock.now();
        let stores = |run: &&Run| matches!(run.kind, RunKind::Backup | RunKind::Restore | RunKind::Drill);
        let is_young = |run: &&Run| now.duration_since(run.heartbeat_at) < OPEN;
        let open = self.catalog.open_runs(system).await?;
        match open.iter().filter(stores).find(is_young) {
            Some(run) => Err(busy(system, format!("run {} is not over", run.id))),
            None => Ok(()),
        }
    }

    async fn expire_all(
        &self,
        holding: &mut Holding,
        system: &str,
        deadline: Option<Timestamp>,
        pass: &mut Pass,
    ) -> Result<BTreeSet<SnapshotId>, RetentionError> {
        let expiring: Vec<_> = pass
            .decided
            .iter()
            .filter(|decided| !decided.is_kept())
            .map(|decided| decided.id)
            .collect();
        let mut gone = BTreeSet::new();
        for id in expiring {
            if is_over(self, deadline) {
                pass.cut = true;
                break;
            }
            self.renew(holding).await?;
            match self.vault.expire(system, id, self.clock.now()).await? {
                Expired::Gone => {
                    pass.expired.push(id);
                    gone.insert(id);
                }
                Expired::Locked(until) => pass.locked.push((id, until)),
            }
        }
        Ok(gone)
    }

    async fn sweep(
        &self,
        holding: &mut Holding,
        system: &str,
        survey: &Survey,
        gone: &BTreeSet<SnapshotId>,
        deadline: Option<Timestamp>,
        pass: &mut Pass,
    ) -> Result<(), RetentionError> {
        let names = self.vault.names(system, survey, gone).await?;
        let mut sweeping = self.vault.sweeping(system, survey, &names, self.clock.now());
        loop {
            if is_over(self, deadline) {
                pass.cut = true;
                return Ok(());
            }
            self.renew(holding).await?;
            let more = sweeping.step().await;
            pass.swept = sweeping.swept().clone();
            if !more? {
                return Ok(());
            }
        }
    }

    /// Takes the system's lease.
    async fn hold(&self, system: &str) -> Result<Holding, RetentionError> {
        let (holder, now) = (format!("retention-{:016x}", fastrand::u64(..)), self.clock.now());
        let mut taken = self.catalog.acquire_lease(system, &holder, now, LEASE).await?;
        if let Err(held) = &taken
            && self.sole
        {
            // Whoever holds it is dead: as at the time it expires.
            taken = self.catalog.acquire_lease(system, &holder, held.until, LEASE).await?;
        }
        match taken {
            Ok(lease) => Ok(Holding { lease, renewed_at: now }),
            Err(held) => Err(busy(
                system,
                format!("{} holds its lease until {}", held.holder, held.until),
            )),
        }
    }

    async fn renew(&self, holding: &mut Holding) -> Result<(), RetentionError> {
        let now = self.clock.now();
        if now.duration_since(holding.renewed_at) >= RENEW {
            holding.lease = self.catalog.renew(&holding.lease, now, LEASE).await?;
            holding.renewed_at = now;
        }
        Ok(())
    }
}

fn busy(system: &str, why: String) -> RetentionError {
    RetentionError::Busy {
        system: system.to_owned(),
        why,
    }
}
