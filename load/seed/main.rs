//! Fills a registry for measurements, by the statements that the server itself puts many nodes with.
//!
//! Prints as JSON where everything is, by id: whatever is of one sort has ids that follow each other.

mod fill;
mod graph;
mod versions;

use std::error::Error;
use std::io::Write as _;
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use modelport::store::{PreparedStatements, Store, StoreOptions, migrate};
use serde_json::json;

/// Fills an empty registry with models of a hundred versions, each with ten properties.
#[derive(Parser)]
struct Arguments {
    /// The database, as the server is told it.
    #[arg(long)]
    database_url: String,
    /// How many versions there are in the end.
    #[arg(long)]
    versions: i64,
    /// Every so many versions one has a metric; 0 is none.
    #[arg(long, default_value_t = 10)]
    measured_every: i64,
    /// How many points a metric has.
    #[arg(long, default_value_t = 100)]
    points: i64,
    /// How many runs there are, each with a metric.
    #[arg(long, default_value_t = 100)]
    runs: i64,
    /// How many chains of artifacts and executions there are.
    #[arg(long, default_value_t = 100)]
    chains: i64,
    /// How many versions a further model has; there is none without.
    #[arg(long, default_value_t = 0)]
    large_model: i64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let location = arguments.database_url.parse()?;
    migrate(&location)?;
    let timeout = Duration::from_secs(60);
    let prepared_statements = PreparedStatements::default();
    let options =
        StoreOptions { location, pool_size: 2, acquire_timeout: timeout, answer_timeout: timeout, prepared_statements };
    let store = Store::open(&options)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let started = Instant::now();
    let facts = runtime.block_on(async {
        let mut fill = fill::Fill::new(store);
        let (models, versions) = versions::versions(&mut fill, arguments.versions).await?;
        let metrics = match arguments.measured_every {
            0 => None,
            every => Some(versions::metrics(&mut fill, versions, arguments.versions, every, arguments.points).await?),
        };
        let (experiment, runs) = versions::runs(&mut fill, arguments.runs, arguments.points).await?;
        let chains = graph::chains(&mut fill, arguments.chains).await?;
        let large_model = match arguments.large_model {
            0 => None,
            count => Some(versions::large_model(&mut fill, count).await?),
        };
        let (rows, seconds) = (fill.rows, started.elapsed().as_secs_f64());
        eprintln!("{rows} rows in {seconds:.1} s, {:.0} a second", rows as f64 / seconds);
        Ok::<_, Box<dyn Error>>(json!({
            "versions": arguments.versions, "first_version": versions, "first_model": models, "first_metric": metrics,
            "experiment": experiment, "first_run": runs, "runs": arguments.runs,
            "chains": arguments.chains, "first_artifact": chains.first, "last_artifact": chains.last,
            "artifacts": chains.artifacts, "data_type": chains.data_type, "step_type": chains.step_type,
            "large_model": large_model,
            "rows": rows, "seconds": seconds,
        }))
    })?;
    writeln!(std::io::stdout(), "{facts}")?;
    Ok(())
}

/// A bar on the terminal; nothing where there is none.
fn bar(what: &str, total: i64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:10} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}");
    ProgressBar::new(total.unsigned_abs())
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(what.to_owned())
}
