//! Why a schedule could not be brought to what the manifest says.

use seatbelt_catalog::CatalogError;
use seatbelt_model::Class;

/// An error about one system's schedule. All of them pass, by themselves or when the stack is repaired: the stream hands the
/// record in again, and the daily reconciliation looks at every system anyhow. What will not pass is a finding, not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The manifest or the notes could not be read or written.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// EventBridge asks for fewer requests, after all the retries that are worth it.
    #[error("schedule {name}: {tried}: EventBridge Scheduler is throttling ({said}); it is tried again by itself")]
    Throttled {
        /// The schedule.
        name: String,
        /// What was tried.
        tried: &'static str,
        /// What AWS said.
        said: String,
    },
    /// EventBridge did not answer, or not to the point. The request may have been carried out or not.
    #[error("schedule {name}: {tried}: no answer from EventBridge Scheduler ({said}); it is tried again by itself")]
    Unanswered {
        /// The schedule.
        name: String,
        /// What was tried.
        tried: &'static str,
        /// What happened.
        said: String,
    },
    /// The function's role does not allow it.
    #[error("schedule {name}: {tried}: AWS does not allow it ({said}); deploy the stack again, which grants it")]
    Denied {
        /// The schedule.
        name: String,
        /// What was tried.
        tried: &'static str,
        /// What AWS said.
        said: String,
    },
    /// The account holds as many schedules as it may.
    #[error("schedule {name}: {tried}: the account's quota is used up ({said}); raise it in Service Quotas")]
    QuotaUsedUp {
        /// The schedule.
        name: String,
        /// What was tried.
        tried: &'static str,
        /// What AWS said.
        said: String,
    },
    /// The stack's schedule group is gone.
    #[error("schedule {name}: there is no schedule group {group}; deploy the stack again, which makes it")]
    GroupMissing {
        /// The schedule.
        name: String,
        /// The group.
        group: String,
    },
    /// Others kept changing the same schedule.
    #[error("schedule {name}: somebody else keeps changing it; it is tried again by itself")]
    Contended {
        /// The schedule.
        name: String,
    },
    /// The invocation's time was over before this system's turn.
    #[error("schedule {name}: the invocation's time was over; it is tried again by itself")]
    OutOfTime {
        /// The schedule.
        name: String,
    },
}

impl SyncError {
    /// What a caller may do.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Catalog(error) => error.class(),
            Self::Throttled { .. } => Class::Throttled(None),
            Self::Unanswered { .. } | Self::Contended { .. } | Self::OutOfTime { .. } => Class::Retry,
            Self::Denied { .. } | Self::QuotaUsedUp { .. } | Self::GroupMissing { .. } => Class::Permanent,
        }
    }

    /// Whether people must be told beside the entry: the schedule may not be what the manifest says until somebody acts.
    pub(crate) fn is_about_the_scheduler(&self) -> bool {
        matches!(
            self,
            Self::Throttled { .. }
                | Self::Unanswered { .. }
                | Self::Denied { .. }
                | Self::QuotaUsedUp { .. }
                | Self::GroupMissing { .. }
        )
    }
}
