//! The stack the watchdog watches, from its environment.

use anyhow::ensure;
use seatbelt_model::system::KnownPlatforms;
use seatbelt_runtime::setting;

use crate::world::known_platforms;

/// Names of the stack.
#[derive(Debug, Clone)]
pub struct Place {
    /// The stack's name.
    pub stack: String,
    /// The topic people are told by.
    pub topic_arn: String,
    /// What precedes a platform in the ARN of its backup function.
    pub backup_arn_prefix: String,
    /// The platforms that are deployed.
    pub platforms: KnownPlatforms,
}

impl Place {
    /// Reads `SEATBELT_STACK`, `SEATBELT_TOPIC_ARN`, `SEATBELT_BACKUP_ARN_PREFIX` and `SEATBELT_PLATFORMS`.
    ///
    /// # Errors
    /// When one is not set.
    pub fn from_env() -> anyhow::Result<Self> {
        let platforms = setting("SEATBELT_PLATFORMS")?;
        let platforms: Vec<_> = platforms
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        ensure!(
            !platforms.is_empty(),
            "SEATBELT_PLATFORMS names no platform; the stack's template sets it"
        );
        Ok(Self {
            stack: setting("SEATBELT_STACK")?,
            topic_arn: setting("SEATBELT_TOPIC_ARN")?,
            backup_arn_prefix: setting("SEATBELT_BACKUP_ARN_PREFIX")?,
            platforms: known_platforms(&platforms),
        })
    }
}
