//! The metrics of what the registry holds and does: its connections, jobs, collector and inventory. Those of requests are in
//! `middleware`.

use super::http::middleware::Metrics;
use crate::domain::{Inventory, LogicalType, Result};
use crate::registry::Registry;

/// Adds all of them. Each scrape shows what the registry knows by then; none asks the database.
pub fn register(metrics: &Metrics, registry: &Registry) -> Result<()> {
    register_connections(metrics, registry)?;
    register_jobs(metrics, registry)?;
    register_collector(metrics, registry)?;
    register_inventory(metrics, registry)
}

fn register_connections(metrics: &Metrics, registry: &Registry) -> Result<()> {
    let own = registry.clone();
    metrics.watch(
        "modelport_database_connections",
        "Connections to the database by pool and state.",
        ["pool", "state"],
        move || {
            own.upkeep
                .pools()
                .into_iter()
                .flat_map(|pool| {
                    [("idle", pool.idle), ("used", pool.open.saturating_sub(pool.idle)), ("max", pool.max)]
                        .map(|(state, count)| ([pool.name.to_owned(), state.to_owned()], f64::from(count)))
                })
                .collect()
        },
    )
}

fn register_jobs(metrics: &Metrics, registry: &Registry) -> Result<()> {
    let own = registry.clone();
    metrics.watch("modelport_jobs", "Background jobs by kind and state.", ["kind", "state"], move || {
        let sample = |(kind, state, count): (String, String, i64)| ([kind, state], gauge(count.unsigned_abs()));
        own.jobs.job_figures().into_iter().map(sample).collect()
    })
}

fn register_collector(metrics: &Metrics, registry: &Registry) -> Result<()> {
    let own = registry.clone();
    metrics.count_from(
        "modelport_collector_passes_total",
        "Passes of the collector in this process, by outcome.",
        ["outcome"],
        move || {
            let collected = own.upkeep.collected();
            vec![(["done".to_owned()], collected.passes), (["failed".to_owned()], collected.failures)]
        },
    )?;
    let own = registry.clone();
    metrics.count_from(
        "modelport_collector_removed_total",
        "What the collector of this process has removed.",
        ["what"],
        move || {
            let removed = own.upkeep.collected().removed;
            let counts = [
                ("abandoned_uploads", removed.abandoned_uploads),
                ("expired_uploads", removed.expired_uploads),
                ("unreferenced_blobs", removed.unreferenced_blobs),
                ("orphan_objects", removed.orphan_objects),
            ];
            counts.map(|(what, count)| ([what.to_owned()], count)).into()
        },
    )?;
    let own = registry.clone();
    metrics.count_from(
        "modelport_collector_removed_bytes_total",
        "Bytes of the blobs and orphans that the collector of this process has removed.",
        [],
        move || {
            let removed = own.upkeep.collected().removed;
            vec![([], removed.unreferenced_bytes + removed.orphan_bytes)]
        },
    )
}

/// What was counted last. Nothing is shown before the first time.
fn register_inventory(metrics: &Metrics, registry: &Registry) -> Result<()> {
    let watch = |name: &str, help: &str, label: &'static str, samples: fn(&Inventory) -> Vec<(String, f64)>| {
        let own = registry.clone();
        metrics.watch(name, help, [label], move || {
            let samples = own.upkeep.inventory().map(|(_, inventory)| samples(&inventory)).unwrap_or_default();
            samples.into_iter().map(|(value, count)| ([value], count)).collect()
        })
    };
    watch("modelport_entities", "Models, versions, artifacts and the rest of the graph, by type.", "type", entities)?;
    watch("modelport_inspected_files", "Files by what the policy does with them.", "action", |inventory| {
        labelled(&inventory.inspected_files, &["allow", "warn", "quarantine"])
    })?;
    watch("modelport_damaged_blobs", "Blobs that failed their last verification.", "damage", |inventory| {
        labelled(&inventory.damaged_blobs, &["missing", "damaged"])
    })?;
    let watch = |name: &str, help: &str, sample: fn(&(i64, Inventory)) -> Option<f64>| {
        let own = registry.clone();
        metrics.watch(name, help, [], move || {
            own.upkeep.inventory().as_ref().and_then(sample).map(|value| ([], value)).into_iter().collect()
        })
    };
    watch("modelport_files", "Files below versions and artifacts.", |(_, held)| Some(gauge(held.files)))?;
    watch("modelport_blobs", "Stored objects, each counted once.", |(_, held)| Some(gauge(held.blobs)))?;
    watch("modelport_blob_bytes", "Bytes of the stored objects.", |(_, held)| Some(gauge(held.blob_bytes)))?;
    watch("modelport_unverified_blobs", "Blobs that no verification has read yet.", |(_, held)| {
        Some(gauge(held.unverified_blobs))
    })?;
    watch(
        "modelport_oldest_verification_timestamp_seconds",
        "When the blob was verified whose verification is the oldest.",
        |(_, held)| held.oldest_verification.map(seconds),
    )?;
    watch(
        "modelport_last_verification_timestamp_seconds",
        "When the last verification of all blobs ended.",
        |(_, held)| held.last_verification.map(seconds),
    )?;
    watch("modelport_inventory_timestamp_seconds", "When the registry's content was counted.", |(at, _)| {
        Some(seconds(*at))
    })
}

/// What was counted for each of these labels, 0 where there is none.
fn labelled(counts: &[(String, u64)], labels: &[&str]) -> Vec<(String, f64)> {
    let count = |label: &str| counts.iter().find(|(known, _)| known == label).map_or(0, |(_, count)| *count);
    labels.iter().map(|label| ((*label).to_owned(), gauge(count(label)))).collect()
}

fn entities(inventory: &Inventory) -> Vec<(String, f64)> {
    let count = |logical| inventory.entities.iter().find(|(known, _)| *known == logical).map_or(0, |(_, count)| *count);
    LogicalType::ALL
        .into_iter()
        .map(|logical| (logical.noun().replace(' ', "_"), gauge(count(logical))))
        .chain([("other".to_owned(), gauge(inventory.other_nodes))])
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "a metric is a double")]
fn gauge(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "a time in milliseconds has fewer than 53 bits")]
fn seconds(at: i64) -> f64 {
    at as f64 / 1000.0
}
