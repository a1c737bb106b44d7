//! Ctrl-C, and its like: the first asks, the second insists.

use seatbelt_engine::Stop;
use tokio::task::JoinHandle;

use crate::{failure::STOPPED, output::say};

/// Completes when somebody wants the process to stop.
pub(crate) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// Asks `stop` at the first signal, after which `said` is told to people, and ends the process at the second. Lasts until aborted.
pub(crate) fn listen(stop: Stop, said: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(async move {
        interrupted().await;
        stop.request();
        said();
        interrupted().await;
        say("stopped at once; nothing that was committed is lost");
        std::process::exit(i32::from(STOPPED));
    })
}
