//! The one place that reads the clock, and the signals that end the process.

use chrono::{DateTime, Utc};
use hotspots_pipeline::{Clock, Stop, Stopper};
use tracing::info;

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the wiring that reads the clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn sleep_until(
        &self,
        instant: DateTime<Utc>,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // Short naps, so that a clock set forward or a machine that slept is noticed.
            while let Ok(left) = (instant - self.now()).to_std() {
                if left.is_zero() {
                    break;
                }
                tokio::time::sleep(left.min(std::time::Duration::from_secs(10))).await;
            }
        })
    }
}

/// A [`Stop`] that is asked for by Ctrl-C or SIGTERM; the second signal ends the process at once.
pub(crate) fn stop_on_signal() -> anyhow::Result<Stop> {
    let (stopper, stop) = Stopper::new();
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::spawn(async move {
        for times in 1.. {
            #[cfg(unix)]
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            #[cfg(not(unix))]
            let _ = tokio::signal::ctrl_c().await;
            if times > 1 {
                std::process::exit(130);
            }
            info!("stopping after the write in hand");
            stopper.stop();
        }
    });
    Ok(stop)
}
