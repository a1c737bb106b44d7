//! Where an interrupted run goes on with a resource.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use seatbelt_connector_kit::PageToken;
use seatbelt_model::Receipt;
use seatbelt_vault::StagedRun;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::Mode;

/// Where an interrupted reading of a resource goes on. Dies with its run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    pub(crate) mode: Mode,
    pub(crate) staged: Vec<StagedRun>,
    /// The last partition that was begun; all before it are done, save the open ones.
    pub(crate) begun: Option<String>,
    pub(crate) open: BTreeMap<String, OpenLane>,
    pub(crate) progress: Progress,
    /// Set when everything is listed, and files are being fetched.
    #[serde(default)]
    pub(crate) files: Option<Files>,
}

/// How far the fetching of a resource's files has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Files {
    /// Whether the listing was a full sweep.
    pub(crate) swept: bool,
    /// The bodies fetched so far, staged under the keys of their records.
    pub(crate) fetched: Vec<StagedRun>,
}

/// A lane between two of its pages.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct OpenLane {
    pub(crate) token: Option<PageToken>,
    pub(crate) seen: Option<Timestamp>,
    pub(crate) cursor: Option<Value>,
}

/// What has been learnt of a resource so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) receipt: Receipt,
    pub(crate) fields: BTreeSet<String>,
    pub(crate) cursors: BTreeMap<String, Value>,
    /// Whether every lane so far read all of its partition.
    pub(crate) whole: bool,
    /// Whether any lane read its last page.
    #[serde(default)]
    pub(crate) ended: bool,
    /// Whether any lane failed, so that this state is older than the run.
    pub(crate) failed: bool,
    /// The vendor's counts of the lanes so far, while all gave one.
    pub(crate) total: Option<u64>,
}
