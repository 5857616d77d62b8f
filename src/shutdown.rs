//! Stopping: the first signal asks, the second insists, and time insists as well.

use std::time::Duration;

use tokio::sync::watch;

/// What follows when everything in hand is finished or given up (the database is closed), at most. Then the process ends all
/// the same, as with `kill -9`, which loses nothing.
const CLOSING: Duration = Duration::from_secs(5);

/// Turns true when the process is to stop.
#[derive(Clone)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// Listens for Ctrl-C and SIGTERM from now on. A second signal ends the process at once.
    ///
    /// # Errors
    /// If the platform refuses the handlers.
    pub fn on_signal() -> std::io::Result<Self> {
        Self::listen(None)
    }

    /// The same; and once a signal came, the process ends within this and five seconds more, whatever hangs.
    ///
    /// # Errors
    /// If the platform refuses the handlers.
    pub fn on_signal_within(bound: Duration) -> std::io::Result<Self> {
        Self::listen(Some(bound))
    }

    fn listen(bound: Option<Duration>) -> std::io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        #[cfg(unix)]
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::spawn(async move {
            for insisted in [false, true] {
                #[cfg(unix)]
                tokio::select! { _ = tokio::signal::ctrl_c() => {}, _ = terminate.recv() => {} }
                #[cfg(not(unix))]
                tokio::signal::ctrl_c().await.ok();
                if insisted {
                    std::process::exit(130);
                }
                tracing::info!("stopping: finishing what is in hand (a second signal stops at once)");
                if let Some(bound) = bound {
                    end_within(bound + CLOSING);
                }
                stop.send_replace(true);
            }
        });
        Ok(Self(stopped))
    }

    /// One that somebody else triggers.
    pub fn manual() -> (watch::Sender<bool>, Self) {
        let (stop, stopped) = watch::channel(false);
        (stop, Self(stopped))
    }

    /// Turns true when it is time to stop.
    pub fn flag(&self) -> watch::Receiver<bool> {
        self.0.clone()
    }

    /// Returns when it is time to stop.
    pub async fn requested(mut self) {
        // The sender is gone: nobody will ask any more, so there is nothing to wait for.
        self.0.wait_for(|stop| *stop).await.ok();
    }

    /// Does `work`, which ends by itself when it is time to stop; but if it goes on for longer than `bound` then, it is given up.
    pub async fn bound(self, bound: Duration, work: impl Future<Output = ()>) {
        let overdue = async {
            self.requested().await;
            tokio::time::sleep(bound).await;
        };
        tokio::select! {
            () = work => {}
            () = overdue => tracing::warn!(
                after = ?bound,
                "stopping with work in hand: it is done again after the next start, and clients see their connection close"
            ),
        }
    }
}

/// On a thread of its own: the runtime may be what hangs.
fn end_within(bound: Duration) {
    std::thread::spawn(move || {
        std::thread::sleep(bound);
        tracing::error!(after = ?bound, "stopping did not end by itself: ended as with kill -9, which loses nothing");
        std::process::exit(1);
    });
}
