//! Faults on request, so that a test can cut the connection at any request it chooses.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One request, as a fault hook sees it before it is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FaultPoint {
    /// `s3` or `dynamodb`.
    pub service: &'static str,
    /// The operation by the name the vendor gives it, for example `PutObject`.
    pub operation: String,
    /// The object key, or the (first) table; `None` where a request names neither.
    pub key: Option<String>,
    /// Whether the operation may change what is stored.
    pub write: bool,
    /// How many requests of this sort came before, over both services: writes are counted among writes, reads
    /// among reads. So `point.write && point.number == n` cuts each write of a backup in turn, for n from 0 on.
    pub number: u64,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is carried out and answered.
    None,
    /// The connection breaks before it arrives: nothing happens, the client gets an error.
    FailBefore,
    /// It is carried out, then the connection breaks: the client gets an error and cannot know.
    FailAfter,
}

/// Decides the fate of each request. It is called on the caller's task, so it must not block.
pub type FaultHook = Arc<dyn Fn(&FaultPoint) -> Fault + Send + Sync>;

/// The hook with the counts it needs, shared by both services.
#[derive(Clone, Default)]
pub(crate) struct Faults {
    hook: Option<FaultHook>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    reads: AtomicU64,
    writes: AtomicU64,
}

impl Faults {
    pub(crate) fn new(hook: Option<FaultHook>) -> Self {
        Self {
            hook,
            counts: Arc::default(),
        }
    }

    /// Asks the hook. Naming the request costs time, so it is only done when there is a hook.
    pub(crate) fn ask(&self, service: &'static str, name: impl FnOnce() -> Named) -> Fault {
        let Some(hook) = &self.hook else { return Fault::None };
        let Named { operation, key, write } = name();
        let count = if write { &self.counts.writes } else { &self.counts.reads };
        let number = count.fetch_add(1, Ordering::Relaxed);
        hook(&FaultPoint {
            service,
            operation,
            key,
            write,
            number,
        })
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("hooked", &self.hook.is_some()).finish()
    }
}

/// What a request is, before it is counted.
pub(crate) struct Named {
    pub(crate) operation: String,
    pub(crate) key: Option<String>,
    pub(crate) write: bool,
}
