//! What can go wrong between us and a vendor. Messages say what was tried, on what, and what now; never a body, token or signed URL.

use std::time::Duration;

use seatbelt_model::Class;

/// An error of the connector kit.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum KitError {
    /// A setting the connector needs is missing or malformed.
    #[error("setting `{name}`: {problem}; correct it with `seatbelt manifest set`")]
    Setting {
        /// The setting.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// The secret could not be read, or lacks fields.
    #[error("secret {secret}: {problem}")]
    Secret {
        /// Where it was looked for.
        secret: String,
        /// What is wrong, and what it should look like.
        problem: String,
    },
    /// The vendor refused the credential.
    #[error("{at}: the credential was refused ({said}); connect the account again")]
    Reconnect {
        /// The resource or token endpoint.
        at: String,
        /// What came back.
        said: String,
    },
    /// The credential may not see this.
    #[error("{at}: the credential may not do this ({said})")]
    Forbidden {
        /// The resource.
        at: String,
        /// What came back.
        said: String,
    },
    /// This edition or plan does not have it.
    #[error("{at}: not offered here ({said})")]
    Unavailable {
        /// The resource.
        at: String,
        /// What came back.
        said: String,
    },
    /// The cursor is too old.
    #[error("{at}: the cursor has expired; a full sweep follows")]
    CursorExpired {
        /// The resource.
        at: String,
    },
    /// Every try failed.
    #[error(
        "{at}: {said}, after {tries} tries in {spent_s} s; the vendor or the network is in trouble, the next run tries again"
    )]
    Exhausted {
        /// The resource.
        at: String,
        /// The last failure.
        said: String,
        /// How often it was tried.
        tries: u32,
        /// For how long.
        spent_s: u64,
    },
    /// The vendor asks to wait longer than a run may.
    #[error("{at}: the vendor asks to wait {} s, longer than this run may; the next run goes on", wait.as_secs())]
    Throttled {
        /// The resource.
        at: String,
        /// How long.
        wait: Duration,
    },
    /// The run's own time ends before the next try may be made. Not the vendor's fault: whoever goes on with the run asks again.
    #[error("{at}: the time of this run ends in less than the {} s until the next try", wait.as_secs())]
    OutOfTime {
        /// The resource.
        at: String,
        /// How long until the next try.
        wait: Duration,
    },
    /// A write that is not to be repeated got no answer.
    #[error("{at}: {said}; whether it was carried out is not known, and is found out by looking")]
    InDoubt {
        /// The resource.
        at: String,
        /// What happened.
        said: String,
    },
    /// The vendor will not answer this, however often it is asked.
    #[error("{at}: refused ({said})")]
    Refused {
        /// The resource.
        at: String,
        /// What came back.
        said: String,
    },
    /// What came back is not what the connector declares.
    #[error("{at}: {problem}")]
    Unexpected {
        /// The resource.
        at: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A program or file on this machine failed.
    #[error("{at}: {problem}")]
    Local {
        /// What was tried.
        at: String,
        /// What happened, and what now.
        problem: String,
    },
}

impl KitError {
    /// What a caller may do.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Exhausted { .. } | Self::InDoubt { .. } => Class::Retry,
            Self::Throttled { wait, .. } => Class::Throttled(Some(*wait)),
            Self::Reconnect { .. } => Class::Reconnect,
            Self::CursorExpired { .. } | Self::OutOfTime { .. } => Class::Retry,
            _ => Class::Permanent,
        }
    }
}
