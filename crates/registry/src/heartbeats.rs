//! Work that takes long sends heartbeats, which say that it is still running.

use std::time::Duration;

use crate::domain::Result;

/// Runs `work`, and calls `beat` every `pause` meanwhile; an error of `beat` ends both.
///
/// Both run concurrently, because work that waits while it holds a connection must not hold up the heartbeat.
pub(crate) async fn with_heartbeats_every<T, F>(
    pause: Duration,
    beat: impl Fn() -> F,
    work: impl Future<Output = Result<T>>,
) -> Result<T>
where
    F: Future<Output = Result<()>>,
{
    let beats = async {
        let mut pauses = tokio::time::interval(pause);
        pauses.tick().await;
        loop {
            pauses.tick().await;
            beat().await?;
        }
    };
    tokio::select! {
        done = work => done,
        ended = beats => ended,
    }
}
