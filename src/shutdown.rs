//! Stopping: the first signal asks, the second insists.

use tokio::sync::watch;

/// Turns true when the process is to stop.
#[derive(Clone)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// Listens for Ctrl-C and SIGTERM from now on. A second signal ends the process at once.
    ///
    /// # Errors
    /// If the platform refuses the handlers.
    pub fn on_signal() -> std::io::Result<Self> {
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
}
