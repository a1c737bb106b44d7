//! A storage that dies at a write and stays dead, as a killed process or a lost disk leaves it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};

use crate::{Fault, FaultPoint};

/// Cuts a storage off at a write that a test chooses: from then on nothing arrives. It rests until it is told to strike. Clones are one; a home takes
/// it as its [`fault`](crate::Options::fault): `Options::default().fault(axe.hook())`.
#[derive(Debug, Clone, Default)]
pub struct Axe(Arc<Edge>);

#[derive(Debug)]
struct Edge {
    armed: AtomicBool,
    /// Writes since it was armed.
    writes: AtomicU64,
    at: AtomicU64,
    answer_lost: AtomicBool,
}

/// The number of a write that never comes.
const NEVER: u64 = u64::MAX;

impl Default for Edge {
    fn default() -> Self {
        Self {
            armed: AtomicBool::new(false),
            writes: AtomicU64::new(0),
            at: AtomicU64::new(NEVER),
            answer_lost: AtomicBool::new(false),
        }
    }
}

impl Axe {
    /// From here on, lets `at` writes arrive and none after them; with `answer_lost`, the next one is carried out, and only its answer lost.
    pub fn strike(&self, at: u64, answer_lost: bool) {
        self.0.at.store(at, SeqCst);
        self.0.answer_lost.store(answer_lost, SeqCst);
        self.0.writes.store(0, SeqCst);
        self.0.armed.store(true, SeqCst);
    }

    /// Counts the writes from here on, and lets all arrive.
    pub fn count(&self) {
        self.strike(NEVER, false);
    }

    /// Lets everything pass again, uncounted.
    pub fn rest(&self) {
        self.0.armed.store(false, SeqCst);
    }

    /// Writes since it was told to strike or to count.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.0.writes.load(SeqCst)
    }

    /// Whether a write was cut off.
    #[must_use]
    pub fn has_struck(&self) -> bool {
        self.writes() > self.0.at.load(SeqCst)
    }

    /// What decides about a home's requests.
    pub fn hook(&self) -> impl Fn(&FaultPoint) -> Fault + Send + Sync + 'static {
        let axe = self.clone();
        move |point| axe.fate(point)
    }

    fn fate(&self, point: &FaultPoint) -> Fault {
        if !point.write || !self.0.armed.load(SeqCst) {
            return Fault::None;
        }
        let (number, at) = (self.0.writes.fetch_add(1, SeqCst), self.0.at.load(SeqCst));
        if number < at {
            Fault::None
        } else if number == at && self.0.answer_lost.load(SeqCst) {
            Fault::FailAfter
        } else {
            Fault::FailBefore
        }
    }
}
