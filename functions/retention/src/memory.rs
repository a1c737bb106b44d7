//! What retention remembers about a system from one pass to the next. Losing it is harmless: everything is read again a little sooner,
//! and damage is found anew.

use std::collections::BTreeMap;

use jiff::Timestamp;
use seatbelt_catalog::{Catalog, CatalogError};
use serde::{Deserialize, Serialize};

use crate::{damage::Known, scrub::Lap};

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Memory {
    /// When the last pass ended.
    pub(crate) passed_at: Option<Timestamp>,
    /// Whether it was cut off by its deadline, so that another one is due at once.
    pub(crate) cut: bool,
    /// How far re-hashing is.
    pub(crate) lap: Option<Lap>,
    /// Damaged objects by key, and since when.
    pub(crate) damaged: BTreeMap<String, Known>,
    #[serde(skip)]
    version: Option<u64>,
}

impl Memory {
    /// What is remembered about `system`; nothing if it cannot be understood.
    pub(crate) async fn of(catalog: &Catalog, system: &str) -> Result<Self, CatalogError> {
        let remembered = match catalog.recall(&place(system)).await {
            Err(error @ CatalogError::Damaged { .. }) => {
                tracing::warn!(system, %error, "what retention remembers of a system is lost");
                None
            }
            other => other?,
        };
        Ok(remembered.map_or_else(Self::default, |remembered| Self {
            version: Some(remembered.version),
            ..serde_json::from_value(remembered.value).unwrap_or_default()
        }))
    }

    /// Writes it. If another pass has written since, what that one knows is as good.
    pub(crate) async fn save(&self, catalog: &Catalog, system: &str) -> Result<(), CatalogError> {
        let value = serde_json::to_value(self).map_err(|error| CatalogError::Damaged {
            what: format!("what retention remembers of {system}"),
            problem: error.to_string(),
        })?;
        match catalog.remember(&place(system), &value, self.version).await {
            Err(CatalogError::VersionConflict { .. }) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn place(system: &str) -> String {
    format!("retention/{system}")
}
