//! The connectors this tool comes with.

use seatbelt_connector_kit::{Auth, Connector};
use seatbelt_github::GITHUB;
use seatbelt_model::system::{KnownPlatforms, System, nearest};
use seatbelt_practice::{PRACTICE_BOOKS, PRACTICE_CRM};
use seatbelt_wordpress::WORDPRESS;

use crate::failure::Failure;

static ALL: &[&Connector] = &[&WORDPRESS, &GITHUB, &PRACTICE_CRM, &PRACTICE_BOOKS];

/// Every connector, in the order they are listed.
pub(crate) fn all() -> &'static [&'static Connector] {
    ALL
}

/// What the manifest is checked against.
pub(crate) fn known() -> KnownPlatforms {
    let anonymous = |connector: &&&Connector| connector.auth.iter().any(|auth| matches!(auth, Auth::Anonymous));
    let all = KnownPlatforms::new(ALL.iter().map(|connector| connector.name));
    ALL.iter()
        .filter(anonymous)
        .fold(all, |known, connector| known.without_secret(connector.name))
}

/// The connector of this name.
pub(crate) fn named(name: &str) -> Result<&'static Connector, Failure> {
    ALL.iter()
        .find(|connector| connector.name == name)
        .copied()
        .ok_or_else(|| {
            let near = nearest(name, ALL.iter().map(|connector| connector.name));
            let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            Failure::new(
                format!("there is no connector for \"{name}\"{near}"),
                "seatbelt platforms lists them",
            )
        })
}

/// The connector of a system.
pub(crate) fn of(name: &str, system: &System) -> Result<&'static Connector, Failure> {
    match &system.platform {
        Some(platform) => named(platform),
        None => Err(Failure::new(
            format!("{name} names no platform"),
            format!("seatbelt manifest set {name} platform=NAME; seatbelt platforms lists them"),
        )),
    }
}
