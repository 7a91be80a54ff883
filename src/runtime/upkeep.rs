//! What a server does by itself regularly: it removes what nothing needs, and counts what there is.

use std::time::Duration;

use crate::registry::Registry;
use crate::registry::collected::Report;

/// How often a replica asks whether it is its turn to collect.
const TURN: Duration = Duration::from_secs(60);

/// How often a server says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Counts what the registry holds, for the metrics.
pub(super) async fn count_inventory(registry: &Registry, interval: Duration) {
    if interval.is_zero() {
        return;
    }
    loop {
        if let Err(error) = registry.upkeep.take_inventory(&registry.own_context()).await {
            log::warn!(error = error.to_string().as_str(); "what the registry holds was not counted");
        }
        tokio::time::sleep(interval).await;
    }
}

/// Adds up what was added to workspaces and removed, so that counting what they hold stays quick.
pub(super) async fn fold_usage(registry: &Registry) {
    loop {
        tokio::time::sleep(TURN).await;
        match registry.upkeep.fold_usage(&registry.own_context()).await {
            Ok(folded) => log::debug!(folded; "added up what workspaces hold"),
            Err(error) => log::warn!(error:%; "what workspaces hold was not added up"),
        }
    }
}

/// Says again and again that this process serves the registry.
pub(super) async fn send_heartbeats(registry: &Registry) {
    loop {
        if let Err(error) = registry.upkeep.beat(&registry.own_context(), env!("CARGO_PKG_VERSION")).await {
            log::debug!(error:%; "others were not told that this server is there");
        }
        tokio::time::sleep(HEARTBEAT).await;
    }
}

/// Runs the collector whenever it is this process's turn.
pub(super) async fn collect_in_turns(registry: &Registry, interval: Duration, grace: Duration) {
    if interval.is_zero() {
        return;
    }
    loop {
        // Asked more often than it is due, so that replicas which come and go do not put it off.
        tokio::time::sleep(interval.min(TURN)).await;
        match registry.upkeep.collect_in_turn(&registry.own_context(), interval, grace).await {
            Ok(None) => {}
            Ok(Some(report)) if report == Report::default() => log::debug!("nothing to collect"),
            Ok(Some(report)) => log::info!(
                uploads = report.abandoned_uploads,
                expired = report.expired_uploads,
                blobs = report.unreferenced_blobs,
                objects = report.orphan_objects,
                bytes = report.unreferenced_bytes + report.orphan_bytes;
                "collected what nothing needs"
            ),
            Err(error) => log::warn!(error = error.to_string().as_str(); "collector stopped early"),
        }
    }
}
