//! Searches: what each clause finds, in which order, and that the pages of one are what it finds.

mod ordered;
mod pages;
mod registered;

use std::collections::HashMap;

use modelport::domain::filter::mlflow::{clauses, order_keys};
use modelport::domain::search::{KeyValue, Search, Searched};
use modelport::domain::tracking::{Role, RunId, RunUse, View};
use modelport::domain::{
    Draft, LogicalType, MetricPoint, Millis, Name, Node, NodeId, PageSize, Properties, Result, Value,
};
use modelport::store::tracking::search::{Found, page};
use modelport::store::tracking::uses;
use modelport::store::{metrics, nodes};
use serde_json::json;

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    every_comparison_of_runs_finds_what_it_says,
    values_come_before_nan_and_nan_before_what_is_missing,
    runs_are_archived_by_themselves_and_with_their_experiment,
    only_the_experiments_that_were_asked_for_are_searched,
    the_newest_runs_are_read_from_their_index,
}

/// A search by a filter and an order, as MLflow writes them.
fn search(of: Searched, experiments: &[NodeId], filter: &str, order: &[&str]) -> Search {
    Search {
        of,
        experiments: experiments.to_vec(),
        view: View::Active,
        clauses: clauses(of, filter).unwrap(),
        order: order_keys(of, order).unwrap(),
        datasets: Vec::new(),
    }
}

/// Properties by their names.
fn properties<const N: usize>(all: [(&str, Value); N]) -> Properties {
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What a run has.
#[derive(Default)]
struct Given<'a> {
    /// Its number among those with ids of their own; none for one that another door made.
    number: Option<u128>,
    properties: Properties,
    tags: Properties,
    metrics: &'a [(&'a str, f64)],
    params: &'a [(&'a str, &'a str)],
    /// A data set's name and digest, and what it was used for.
    dataset: Option<[&'a str; 3]>,
}

impl Scene {
    async fn experiment(&self, name: &str) -> NodeId {
        self.named(LogicalType::Experiment, None, name).await.unwrap().id
    }

    async fn run(&self, experiment: NodeId, name: &str, now: Millis, given: Given<'_>) -> Node {
        let name: Name = name.parse().unwrap();
        let name = match given.number {
            Some(number) => name.with_prefix(run_id(number).prefix()),
            None => name,
        };
        let draft = Draft { properties: given.properties, custom: given.tags, ..Draft::named(name) };
        let run = self.insert(LogicalType::ExperimentRun, Some(experiment), draft, now).await.unwrap();
        for (name, value) in given.metrics {
            let metric = self.named(LogicalType::Metric, Some(run.id), name).await.unwrap();
            let point = MetricPoint { value: *value, step: 0, at: 0 };
            let append = move |tx: &mut modelport::store::Tx<'_>| {
                metrics::append(tx, &[(&metric, point)], metrics::Latest::Greatest)
            };
            self.store.write(append).await.unwrap();
        }
        for (name, value) in given.params {
            let draft = Draft::named(name.parse().unwrap()).with("value", Some(*value));
            self.insert(LogicalType::Parameter, Some(run.id), draft, now).await.unwrap();
        }
        if let Some([name, digest, context]) = given.dataset {
            let prefix = RunId::from_bits(u128::from(run.id.0.unsigned_abs())).prefix();
            let name = name.parse::<Name>().unwrap().with_prefix(prefix);
            let draft = Draft::named(name).with("digest", Some(digest));
            let dataset = self.insert(LogicalType::DataSet, Some(experiment), draft, now).await.unwrap();
            let tags =
                vec![("other".to_owned(), "none".to_owned()), ("mlflow.data.context".to_owned(), context.to_owned())];
            let used = RunUse { artifact: dataset.id, role: Role::Input, step: 0, tags };
            let run = run.id;
            self.store.write(move |tx| uses::insert(tx, run, std::slice::from_ref(&used))).await.unwrap();
        }
        run
    }

    async fn page(&self, search: &Search, after: Option<Vec<KeyValue>>, size: u32) -> Result<Found> {
        let search = search.clone();
        self.store.read(move |tx| page(tx, &search, after.as_deref(), PageSize::new(size))).await
    }

    /// The names of what a search finds, in order.
    async fn names(&self, search: &Search) -> String {
        let found = self.page(search, None, 1000).await.unwrap();
        assert_eq!(found.end, None);
        let ids = found.ids.clone();
        let nodes = self.store.read(move |tx| nodes::find_all(tx, &ids)).await.unwrap();
        let name = |node: &Node| node.display_name().unwrap_or_default().to_owned();
        let names: HashMap<NodeId, String> = nodes.iter().map(|node| (node.id, name(node))).collect();
        found.ids.iter().map(|id| names[id].as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// The id of the run with that number, which is none of a node.
fn run_id(number: u128) -> RunId {
    RunId::from_bits((1 << 127) + number)
}

/// The same as text.
fn id(number: u128) -> String {
    run_id(number).to_string()
}

/// Runs that differ in what they have; in the order in which runs are listed: beta, delta, gamma, alpha and epsilon.
async fn five_runs(scene: &Scene) -> NodeId {
    let experiment = scene.experiment("five").await;
    let started = |at: i64| ("start_time_since_epoch", Value::Int(at));
    let alpha = Given {
        number: Some(0xa),
        properties: properties([
            started(100),
            ("end_time_since_epoch", Value::Int(200)),
            ("status", "FINISHED".into()),
            ("owner", "ann".into()),
            ("description", "a good one".into()),
            ("artifact_uri", "s3://b/alpha".into()),
        ]),
        tags: properties([("team", "vision".into())]),
        metrics: &[("acc", 0.9), ("loss", 0.1)],
        params: &[("lr", "0.1"), ("opt", "Adam")],
        dataset: Some(["mnist", "d1", "train"]),
    };
    let beta = Given {
        number: Some(0xb),
        properties: properties([started(300), ("status", "RUNNING".into()), ("owner", "bob".into())]),
        tags: properties([("team", "Vision".into())]),
        metrics: &[("acc", f64::NAN), ("loss", 0.2)],
        params: &[("lr", "0.01")],
        dataset: Some(["cifar", "d2", "eval"]),
    };
    let gamma = Given {
        properties: properties([started(200), ("owner", "".into())]),
        tags: properties([
            ("count", Value::Int(5)),
            ("live", Value::Bool(true)),
            ("half", Value::Double(0.5)),
            ("two", Value::Double(2.0)),
            ("list", Value::Struct(json!(["a", 1]))),
        ]),
        metrics: &[("loss", f64::INFINITY)],
        ..Given::default()
    };
    let delta = Given {
        number: Some(0xd),
        properties: properties([started(300)]),
        tags: properties([("kubeflow.parent_run_id", "p1".into())]),
        metrics: &[("acc", 0.5)],
        params: &[("lr", "0.1")],
        dataset: Some(["mnist", "d9", "eval"]),
    };
    let epsilon = Given {
        number: Some(0xe),
        tags: properties([("kubeflow.parent_run_id", "p1".into()), ("mlflow.parentRunId", "p2".into())]),
        ..Given::default()
    };
    for (name, given) in [("alpha", alpha), ("beta", beta), ("gamma", gamma), ("delta", delta), ("epsilon", epsilon)] {
        scene.run(experiment, name, 50, given).await;
    }
    experiment
}

async fn every_comparison_of_runs_finds_what_it_says(backend: Backend) {
    let scene = Scene::new(backend);
    let experiment = five_runs(&scene).await;
    for (filter, expected) in [
        ("", "beta delta gamma alpha epsilon"),
        ("metrics.acc > 0.5", "alpha"),
        ("metrics.acc >= 0.5", "delta alpha"),
        ("metrics.acc < 0.9", "delta"),
        ("metrics.acc <= 0.9", "delta alpha"),
        ("metrics.acc = 0.5", "delta"),
        // A NaN differs from every number; what is missing does not.
        ("metrics.acc != 0.5", "beta alpha"),
        ("metrics.loss > 1e300", "gamma"),
        ("metrics.none != 1", ""),
        ("params.lr = '0.1'", "delta alpha"),
        ("params.lr != '0.1'", "beta"),
        ("params.opt LIKE 'Ad%'", "alpha"),
        ("params.opt LIKE 'ad%'", ""),
        ("params.opt ILIKE 'aD_m'", "alpha"),
        ("params.lr IS NULL", "gamma epsilon"),
        ("params.lr IS NOT NULL", "beta delta alpha"),
        ("tags.team = 'vision'", "alpha"),
        ("tags.team != 'vision'", "beta"),
        ("tags.team LIKE 'V%'", "beta"),
        ("tags.team ILIKE 'v%'", "beta alpha"),
        ("tags.team IS NULL", "delta gamma epsilon"),
        ("tags.team IS NOT NULL", "beta alpha"),
        // Of any kind.
        ("tags.count = '5'", "gamma"),
        ("tags.live = 'true'", "gamma"),
        ("tags.half = '0.5'", "gamma"),
        ("tags.two = '2'", "gamma"),
        ("tags.list LIKE '[\"a\",%'", "gamma"),
        ("tags.count != '5'", ""),
        ("status = 'FINISHED'", "alpha"),
        // What never said how it goes is running.
        ("status = 'RUNNING'", "beta delta gamma epsilon"),
        ("status ILIKE 'run%'", "beta delta gamma epsilon"),
        ("run_name = 'delta'", "delta"),
        ("attributes.`run name` LIKE '%ta'", "beta delta"),
        ("tags.mlflow.runName != 'beta'", "delta gamma alpha epsilon"),
        ("user_id = 'ann'", "alpha"),
        ("user_id != 'ann'", "beta"),
        ("tags.mlflow.user IS NULL", "delta gamma epsilon"),
        ("tags.`mlflow.note.content` LIKE '%good%'", "alpha"),
        ("start_time > 100", "beta delta gamma"),
        ("start_time <= 100.5", "alpha epsilon"),
        ("created = 50", "epsilon"),
        ("end_time >= 200", "alpha"),
        ("end_time != 200", ""),
        ("datasets.name = 'mnist'", "delta alpha"),
        ("datasets.name != 'mnist'", "beta"),
        ("datasets.name IN ('cifar', 'none')", "beta"),
        ("datasets.digest = 'd9'", "delta"),
        ("datasets.digest NOT IN ('d9')", "beta alpha"),
        ("datasets.context = 'eval'", "beta delta"),
        ("datasets.context != 'eval'", "alpha"),
        ("datasets.context ILIKE 'TR%'", "alpha"),
        ("datasets.context = 'none'", ""),
        ("datasets.name = 'mnist' AND datasets.context = 'eval'", "delta"),
        ("tags.mlflow.parentRunId = 'p1'", "delta"),
        ("tags.mlflow.parentRunId = 'p2'", "epsilon"),
        ("tags.mlflow.parentRunId IS NULL", "beta gamma alpha"),
        ("tags.`kubeflow.parent_run_id` = 'p1'", "delta epsilon"),
        ("artifact_uri = 's3://b/alpha'", "alpha"),
        ("artifact_uri LIKE 'mlflow-artifacts:%/artifacts'", "beta delta gamma epsilon"),
        ("params.lr = '0.1' AND metrics.acc > 0.6 AND tags.team = 'vision'", "alpha"),
    ] {
        assert_eq!(scene.names(&search(Searched::Runs, &[experiment], filter, &[])).await, expected, "{filter}");
    }
    for (filter, expected) in [
        (format!("run_id = '{}'", id(0xa)), "alpha"),
        (format!("run_id != '{}'", id(0xa)), "beta delta gamma epsilon"),
        (format!("run_id IN ('{}', '{}', 'none')", id(0xa), id(0xd)), "delta alpha"),
        (format!("run_id NOT IN ('{}')", id(0xb)), "delta gamma alpha epsilon"),
        (format!("run_id LIKE '%{}'", &id(0xe)[20..]), "epsilon"),
        (format!("artifact_uri = 'mlflow-artifacts:/{experiment}/{}/artifacts'", id(0xb)), "beta"),
    ] {
        assert_eq!(scene.names(&search(Searched::Runs, &[experiment], &filter, &[])).await, expected, "{filter}");
    }
}

async fn values_come_before_nan_and_nan_before_what_is_missing(backend: Backend) {
    let scene = Scene::new(backend);
    let experiment = five_runs(&scene).await;
    for (order, expected) in [
        (&["metrics.acc"] as &[&str], "delta alpha beta gamma epsilon"),
        (&["metrics.acc DESC"], "alpha delta beta gamma epsilon"),
        (&["metrics.loss DESC"], "gamma beta alpha delta epsilon"),
        (&["metrics.none DESC"], "beta delta gamma alpha epsilon"),
        (&["params.lr"], "beta delta alpha gamma epsilon"),
        (&["params.lr DESC"], "delta alpha beta gamma epsilon"),
        (&["params.lr DESC", "metrics.loss"], "alpha delta beta gamma epsilon"),
        (&["tags.team"], "beta alpha delta gamma epsilon"),
        (&["tags.team DESC"], "alpha beta delta gamma epsilon"),
        (&["tags.mlflow.parentRunId DESC"], "epsilon delta beta gamma alpha"),
        (&["attributes.end_time"], "alpha beta delta gamma epsilon"),
        (&["attributes.end_time DESC"], "alpha beta delta gamma epsilon"),
        (&["attributes.start_time"], "epsilon alpha gamma beta delta"),
        (&["status"], "alpha beta delta gamma epsilon"),
        (&["status DESC"], "beta delta gamma epsilon alpha"),
        (&["run_name DESC"], "gamma epsilon delta beta alpha"),
        (&["user_id DESC"], "beta alpha delta gamma epsilon"),
        (&["tags.`mlflow.note.content`"], "alpha beta delta gamma epsilon"),
    ] {
        let wanted = search(Searched::Runs, &[experiment], "", order);
        assert_eq!(scene.names(&wanted).await, expected, "{order:?}");
    }
}

async fn runs_are_archived_by_themselves_and_with_their_experiment(backend: Backend) {
    let scene = Scene::new(backend);
    let archived = || properties([("state", "ARCHIVED".into())]);
    let live = scene.experiment("live").await;
    let draft = Draft { properties: archived(), ..Draft::named("gone".parse().unwrap()) };
    let gone = scene.insert(LogicalType::Experiment, None, draft, 2).await.unwrap().id;
    scene.run(live, "a", 1, Given::default()).await;
    scene.run(live, "b", 2, Given { properties: archived(), ..Given::default() }).await;
    scene.run(gone, "c", 3, Given::default()).await;
    scene.run(gone, "d", 4, Given { properties: archived(), ..Given::default() }).await;
    for (view, runs, experiments) in
        [(View::Active, "a", "live"), (View::Archived, "d c b", "gone"), (View::All, "d c b a", "gone live")]
    {
        let of_both = Search { view, ..search(Searched::Runs, &[live, gone], "", &[]) };
        assert_eq!(scene.names(&of_both).await, runs, "{view:?}");
        let all = Search { view, ..search(Searched::Experiments, &[], "", &[]) };
        assert_eq!(scene.names(&all).await, experiments, "{view:?}");
    }
    let of_one = Search { view: View::Archived, ..search(Searched::Runs, &[live], "", &[]) };
    assert_eq!(scene.names(&of_one).await, "b");
}

async fn only_the_experiments_that_were_asked_for_are_searched(backend: Backend) {
    let scene = Scene::new(backend);
    let mut experiments = Vec::new();
    for number in 0..20 {
        let experiment = scene.experiment(&format!("e{number}")).await;
        scene.run(experiment, &format!("r{number}"), 100 - number, Given::default()).await;
        experiments.push(experiment);
    }
    let found = async |experiments: &[NodeId]| scene.names(&search(Searched::Runs, experiments, "", &[])).await;
    assert_eq!(found(&[]).await, "");
    assert_eq!(found(&experiments[3..4]).await, "r3");
    assert_eq!(found(&experiments[3..6]).await, "r3 r4 r5");
    assert_eq!(found(&experiments).await.split(' ').count(), 20);
}

async fn the_newest_runs_are_read_from_their_index(backend: Backend) {
    let scene = super::statements::counted(backend);
    let experiment = scene.experiment("e").await;
    for number in 0..300 {
        scene.run(experiment, &format!("r{number}"), number, Given::default()).await;
    }
    scene.database.execute("ANALYZE");
    let newest = search(Searched::Runs, &[experiment], "", &["attributes.start_time DESC"]);
    // Those that repeat stay prepared.
    for _ in 0..4 {
        let first = scene.page(&newest, None, 10).await.unwrap();
        let second = scene.page(&newest, first.end, 10).await.unwrap();
        assert_eq!(second.ids.len(), 10);
    }
    let kept: Vec<String> = scene.kept().into_iter().filter(|text| text.contains("ORDER BY runs.start_at")).collect();
    assert!(!kept.is_empty());
    for text in kept {
        let plan = scene.database.plan(&text);
        assert!(plan.iter().any(|step| step.contains("runs_start")), "{plan:#?}");
        let sorts = |step: &String| step.contains("Sort") || step.contains("TEMP B-TREE FOR ORDER BY");
        assert!(!plan.iter().any(sorts), "{plan:#?}");
    }
}
