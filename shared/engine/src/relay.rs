//! How a run is held together that one invocation cannot finish.

use jiff::Timestamp;
use seatbelt_model::RunId;

use crate::team::Helpers;

/// Who works on a run, as part of what. A process that runs until it is done needs none of it: the default.
#[derive(Debug, Clone, Default)]
pub struct Relay {
    /// The worker's name, which holds the lease; chosen at random if there is none. A worker that is started again after a crash under the
    /// same name takes its own lease over at once.
    pub worker: Option<String>,
    /// The firing of the schedule that asks for this backup. It is answered by one run, however often it is delivered.
    pub due: Option<Timestamp>,
    /// Go on with this run, and do nothing if it is over.
    pub only: Option<RunId>,
    /// A run that took as many invocations is given up.
    pub most_hops: Option<u32>,
    /// Who can be called to help where there are many partitions.
    pub helpers: Helpers,
    /// Where the worker's logs are, for the run record.
    pub logs: Option<String>,
}
