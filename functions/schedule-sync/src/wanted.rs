//! What an entry of the manifest asks for. Values in, values out.

use seatbelt_catalog::Entry;
use seatbelt_model::{
    Decision, Finding, SystemName,
    system::{System, check_entry},
};

use crate::{Draft, Place};

/// What the schedule of one system should be.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// There is none: the system is not backed up by the clock.
    Absent,
    /// The entry cannot be used, so what is there stays, and people are told why.
    Keep {
        /// The errors.
        findings: Vec<Finding>,
    },
    /// This one, and no other.
    Schedule(Box<Draft>),
}

/// What `entry` asks for in this stack. A system whose platform is not deployed here is an error of its entry.
#[must_use]
pub fn wanted(entry: &Entry, place: &Place) -> Wanted {
    let name = match entry.name.parse::<SystemName>() {
        Ok(name) => name,
        Err(error) => return keep([Finding::error("system", error.to_string())]),
    };
    let (system, findings) = check_entry(&entry.raw, place.known());
    let Some(system) = system else {
        return keep(findings.into_iter().filter(Finding::is_error));
    };
    match system.decision {
        Decision::Backup => scheduled(&name, &system, place),
        // A person exports it; the watchdog reminds, by its own clock.
        Decision::Manual | Decision::Skip | Decision::Undecided => Wanted::Absent,
    }
}

fn scheduled(name: &SystemName, system: &System, place: &Place) -> Wanted {
    let (Some(platform), Some(schedule)) = (&system.platform, &system.schedule) else {
        // The model's own check refuses such an entry; if it ever did not, nothing may be lost by it.
        let message = "decided to back up, but the platform or the schedule is missing";
        return keep([Finding::error("schedule", message)]);
    };
    match Draft::new(name, platform, schedule, !system.paused, place) {
        Ok(draft) => Wanted::Schedule(Box::new(draft)),
        Err(finding) => keep([finding]),
    }
}

fn keep(findings: impl IntoIterator<Item = Finding>) -> Wanted {
    Wanted::Keep {
        findings: findings.into_iter().collect(),
    }
}
