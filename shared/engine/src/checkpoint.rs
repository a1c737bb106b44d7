//! Where an interrupted run goes on with a resource.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use seatbelt_connector_kit::PageToken;
use seatbelt_model::Receipt;
use seatbelt_vault::StagedRun;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{plan::Mode, team::Slice};

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
    /// The cut, while workers list it side by side.
    #[serde(default)]
    pub(crate) slices: Vec<Slice>,
}

impl Checkpoint {
    /// Nothing done yet, in this mode.
    pub(crate) fn of(mode: Mode) -> Self {
        Self {
            mode,
            staged: Vec::new(),
            begun: None,
            open: BTreeMap::new(),
            progress: Progress::default(),
            files: None,
            slices: Vec::new(),
        }
    }
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
    /// Its last page was taken, and its end not yet.
    #[serde(skip)]
    pub(crate) at_end: bool,
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

impl Default for Progress {
    fn default() -> Self {
        Self {
            receipt: Receipt::default(),
            fields: BTreeSet::new(),
            cursors: BTreeMap::new(),
            whole: true,
            ended: false,
            failed: false,
            total: Some(0),
        }
    }
}

impl Progress {
    /// What two slices of a resource have learnt together.
    pub(crate) fn join(mut self, other: Self) -> Self {
        self.receipt.read += other.receipt.read;
        self.receipt.duplicates += other.receipt.duplicates;
        other.receipt.gaps.into_iter().for_each(|gap| self.receipt.gap(gap));
        let room = Receipt::MOST_GAPS.saturating_sub(self.receipt.notes.len());
        self.receipt.notes.extend(other.receipt.notes.into_iter().take(room));
        self.fields.extend(other.fields);
        self.cursors.extend(other.cursors);
        self.whole &= other.whole;
        self.ended |= other.ended;
        self.failed |= other.failed;
        self.total = self.total.zip(other.total).map(|(sum, total)| sum + total);
        self
    }
}
