//! What a caller may do about an error. Engine and state machine act on this alone.

use std::time::Duration;

/// The class of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It may pass: try again.
    Retry,
    /// The other side asks us to wait, for this long if it said so.
    Throttled(Option<Duration>),
    /// The credential was refused: a person must connect the account again.
    Reconnect,
    /// It will not pass by itself: input, configuration or permission must change.
    Permanent,
    /// It must not happen: a defect here, or stored data that is damaged.
    Bug,
}
