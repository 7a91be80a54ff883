//! Runs in the order of one metric or parameter: read from an index, they are those that are found in any other order, on the same
//! pages.

use std::collections::BTreeMap;

use modelport::domain::search::{KeyValue, Search, Searched};
use modelport::domain::tracking::View;
use modelport::domain::{NodeId, PageSize, Value};
use modelport::store::tracking::search::{Found, page_in_any_order};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::super::Scene;
use super::{Given, properties, search};
use crate::support::{Backend, on_both};

on_both! {
    pages_are_those_of_any_order,
    the_order_is_read_from_its_index,
}

/// What an arbitrary run has.
#[derive(Debug, Clone)]
struct AnyRun {
    experiment: usize,
    start: i64,
    metrics: BTreeMap<&'static str, f64>,
    params: BTreeMap<&'static str, String>,
    archived: bool,
    team: bool,
}

/// Few values, so that many runs have the same.
fn any_number() -> impl Strategy<Value = f64> {
    let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, f64::MAX, f64::MIN_POSITIVE, 1.0, -1.5];
    prop_oneof![proptest::sample::select(special.to_vec()), (-3_i8..3).prop_map(f64::from)]
}

/// Some are the same up to where the index ends, and some up to where the order does.
fn any_param() -> impl Strategy<Value = String> {
    let long = |length: usize, end: &'static str| format!("{}{end}", "ü".repeat(length));
    let special = ["", "a", "A", "ä", "10", "9", "\u{10ffff}"].map(str::to_owned).to_vec();
    let special = special.into_iter().chain([
        long(127, "a"),
        long(127, "b"),
        long(128, "a"),
        long(128, "b"),
        long(499, "a"),
        long(500, "a"),
        long(500, "b"),
    ]);
    prop_oneof![proptest::sample::select(special.collect::<Vec<_>>()), "[ab]{0,2}"]
}

fn any_run() -> impl Strategy<Value = AnyRun> {
    let metrics = proptest::collection::btree_map(proptest::sample::select(vec!["m", "n"]), any_number(), 0..=2);
    let params = proptest::collection::btree_map(proptest::sample::select(vec!["p", "q"]), any_param(), 0..=2);
    (0..3_usize, 0..4_i64, metrics, params, proptest::bool::weighted(0.2), any::<bool>()).prop_map(
        |(experiment, start, metrics, params, archived, team)| AnyRun {
            experiment,
            start,
            metrics,
            params,
            archived,
            team,
        },
    )
}

async fn add(scene: &Scene, experiments: &[NodeId], number: u128, run: &AnyRun) {
    let state = if run.archived { "ARCHIVED" } else { "LIVE" };
    let times = properties([("start_time_since_epoch", Value::Int(run.start)), ("state", state.into())]);
    let tags = if run.team { properties([("team", "x".into())]) } else { properties([]) };
    let metrics: Vec<(&str, f64)> = run.metrics.iter().map(|(name, value)| (*name, *value)).collect();
    let params: Vec<(&str, &str)> = run.params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // Every fifth is of another door.
    let number = (!number.is_multiple_of(5)).then_some(number);
    let given = Given { number, properties: times, tags, metrics: &metrics, params: &params, dataset: None };
    let name = format!("r{}", uuid::Uuid::new_v4());
    scene.run(experiments[run.experiment], &name, 0, given).await;
}

async fn in_any_order(scene: &Scene, search: &Search, after: Option<Vec<KeyValue>>, size: u32) -> Found {
    let search = search.clone();
    let found = scene.store.read(move |tx| page_in_any_order(tx, &search, after.as_deref(), PageSize::new(size)));
    found.await.unwrap()
}

async fn pages_are_those_of_any_order(backend: Backend) {
    let scene = Scene::new(backend);
    let mut experiments = Vec::new();
    for name in ["one", "two", "three"] {
        experiments.push(scene.experiment(name).await);
    }
    let mut runner = TestRunner::deterministic();
    for number in 0..90 {
        let run = any_run().new_tree(&mut runner).unwrap().current();
        add(&scene, &experiments, number, &run).await;
    }
    let orders: &[&[&str]] = &[
        &["metrics.m"],
        &["metrics.m DESC"],
        &["metrics.n DESC", "attributes.start_time DESC"],
        &["metrics.none"],
        &["params.p"],
        &["params.p DESC"],
        &["params.q", "attributes.start_time DESC", "attributes.run_id"],
        &["params.none DESC"],
    ];
    let filters = [
        "",
        "metrics.n > 0",
        "metrics.m != 1",
        "params.q = 'a'",
        "params.p IS NULL",
        "tags.team = 'x' AND metrics.m < 2",
    ];
    let among = [vec![experiments[0]], vec![experiments[1]], experiments.clone(), vec![experiments[2], experiments[2]]];
    let asked = (
        proptest::sample::select(orders.to_vec()),
        proptest::sample::select(filters.to_vec()),
        proptest::sample::select(among.to_vec()),
        proptest::sample::select(vec![View::Active, View::Archived, View::All]),
        1_u32..12,
    );
    let (mut pages, mut ended) = (0, 0);
    for _ in 0..250 {
        let (order, filter, experiments, view, size) = asked.new_tree(&mut runner).unwrap().current();
        let search = Search { view, ..search(Searched::Runs, &experiments, filter, order) };
        let mut after = None;
        loop {
            let found = scene.page(&search, after.clone(), size).await.unwrap();
            let expected = in_any_order(&scene, &search, after.clone(), size).await;
            assert_eq!(found, expected, "{search:?} after {after:?}");
            pages += 1;
            let Some(end) = found.end else { break };
            ended += usize::from(!matches!(end[0], KeyValue::Double(_) | KeyValue::Text(_)));
            after = Some(end);
        }
    }
    assert!(pages > 500 && ended > 50, "{pages} {ended}");
}

async fn the_order_is_read_from_its_index(backend: Backend) {
    let scene = super::super::statements::counted(backend);
    let experiment = scene.experiment("e").await;
    for number in 0..300 {
        let text = format!("{:03}", number % 200);
        let value = f64::from(number % 200);
        let given = Given { metrics: &[("m", value)], params: &[("p", &text)], ..Given::default() };
        scene.run(experiment, &format!("r{number}"), number.into(), given).await;
    }
    scene.database.execute("ANALYZE");
    for (order, index) in [
        ("metrics.m", "metrics_root"),
        ("metrics.m DESC", "metrics_root"),
        ("params.p", "parameters_root"),
        ("params.p DESC", "parameters_root"),
    ] {
        let wanted = search(Searched::Runs, &[experiment], "metrics.m > -1", &[order]);
        // Those that repeat stay prepared.
        for _ in 0..4 {
            let first = scene.page(&wanted, None, 10).await.unwrap();
            let second = scene.page(&wanted, first.end, 10).await.unwrap();
            assert_eq!(second.ids.len(), 10);
        }
        let is_of_values = |text: &String| text.contains(index) || text.contains(" AS beginning FROM ");
        let kept: Vec<String> = scene.kept().into_iter().filter(is_of_values).collect();
        assert!(!kept.is_empty(), "{order}");
        for text in kept {
            let plan = scene.database.plan(&text);
            assert!(plan.iter().any(|step| step.contains("_root")), "{order}: {plan:#?}");
            // What is equal by the index is sorted, and not all.
            assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE FOR ORDER BY")), "{order}: {plan:#?}");
        }
    }
}
