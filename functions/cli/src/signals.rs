//! Ctrl-C, and its like: the first asks, the second insists.

use seatbelt_engine::Stop;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use crate::{failure::STOPPED, output::say};

/// Signals that want the process to stop. None is missed from the moment this is made: until then one would end the process at once.
struct Signals {
    #[cfg(unix)]
    kinds: [Option<Signal>; 2],
}

impl Signals {
    fn watch() -> Self {
        Self {
            #[cfg(unix)]
            kinds: [SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).ok()),
        }
    }

    /// Completes when the next one comes.
    async fn next(&mut self) {
        #[cfg(unix)]
        {
            let [interrupt, terminate] = &mut self.kinds;
            tokio::select! {
                () = received(interrupt) => {}
                () = received(terminate) => {}
            }
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[cfg(unix)]
async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Completes when somebody wants the process to stop, from the moment this is called.
pub(crate) fn interrupted() -> impl Future<Output = ()> + Send {
    let mut signals = Signals::watch();
    async move { signals.next().await }
}

/// Asks `stop` at the first signal, after which `said` is told to people, and ends the process at the second. Lasts until aborted.
pub(crate) fn listen(stop: Stop, said: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let mut signals = Signals::watch();
    tokio::spawn(async move {
        signals.next().await;
        stop.request();
        said();
        signals.next().await;
        say("stopped at once; nothing that was committed is lost");
        std::process::exit(i32::from(STOPPED));
    })
}
