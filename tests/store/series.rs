//! Series of metrics for charts: short ones as they are, long ones thinned without losing a peak; and the names of what runs measure.

use modelport::domain::tracking::{Series, Thinned};
use modelport::domain::{Draft, LogicalType, MetricPoint, Node, NodeId};
use modelport::store::tracking::{keys, series};
use modelport::store::{Tx, metrics};

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    short_histories_are_as_they_are,
    a_long_history_is_thinned_and_keeps_its_peaks,
    a_history_of_one_step_is_thinned_in_the_order_of_its_points,
    names_are_told_once_and_in_order,
    a_series_and_names_are_read_from_their_indexes,
}

/// All steps.
fn all(most: i64) -> Thinned {
    Thinned { from: i64::MIN, to: i64::MAX, most }
}

impl Scene {
    async fn metric(&self, run: NodeId, name: &str, points: Vec<MetricPoint>) -> Node {
        let metric = self.named(LogicalType::Metric, Some(run), name).await.unwrap();
        let of = metric.clone();
        let append = move |tx: &mut Tx<'_>| {
            let points: Vec<_> = points.iter().map(|point| (&of, *point)).collect();
            metrics::append(tx, &points, metrics::Latest::Greatest)
        };
        self.store.write(append).await.unwrap();
        metric
    }

    async fn runs<const N: usize>(&self, experiment: &str) -> (NodeId, [NodeId; N]) {
        let experiment = self.named(LogicalType::Experiment, None, experiment).await.unwrap().id;
        let mut runs = [NodeId(0); N];
        for (number, run) in runs.iter_mut().enumerate() {
            let name = format!("r{number}");
            *run = self.named(LogicalType::ExperimentRun, Some(experiment), &name).await.unwrap().id;
        }
        (experiment, runs)
    }

    async fn series(&self, runs: &[NodeId], names: &[&str], thinned: Thinned) -> Vec<Series> {
        let (runs, names) = (runs.to_vec(), names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        self.store.read(move |tx| series::of_runs(tx, &runs, &names, thinned)).await.unwrap()
    }

    /// Adds as many points to a metric, whose steps and values are SQL of their number `i`, from 1 on; NULL is a NaN.
    fn add_points(&self, metric: &Node, count: u32, step: &str, value: &str) {
        self.database.execute(&format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO metric_points (node_id, step, at, value, is_nan)
             SELECT {}, {step}, 1000 + i, {value}, ({value}) IS NULL FROM n",
            metric.id
        ));
    }
}

fn point(step: i64, at: i64, value: f64) -> MetricPoint {
    MetricPoint { value, step, at }
}

/// Points as text, because a NaN is no other's equal.
fn text(points: &[MetricPoint]) -> String {
    points.iter().map(|point| format!("{}@{}={} ", point.step, point.at, point.value)).collect()
}

async fn short_histories_are_as_they_are(backend: Backend) {
    let scene = Scene::new(backend);
    let (_, [first, second, third]) = scene.runs("e").await;
    let special = vec![
        point(5, 1, f64::NAN),
        point(-3, 7, f64::INFINITY),
        point(5, 0, f64::NEG_INFINITY),
        point(i64::MAX, 2, -0.0),
        point(i64::MIN, 9, f64::MAX),
    ];
    scene.metric(first, "loss", special).await;
    scene.metric(first, "größe", vec![point(0, 0, 1.5)]).await;
    scene.metric(second, "loss", (0..20).map(|step| point(step, step, 0.5)).collect()).await;
    scene.metric(second, "unasked", vec![point(0, 0, 1.0)]).await;

    let found = scene.series(&[second, first, third], &["loss", "größe", "none"], all(20)).await;
    let shown: Vec<_> = found.iter().map(|each| (each.run, each.metric.as_str(), each.total)).collect();
    assert_eq!(shown, [(first, "größe", 1), (first, "loss", 5), (second, "loss", 20)]);
    let steps: Vec<i64> = found[1].points.iter().map(|point| point.step).collect();
    assert_eq!(steps, [i64::MIN, -3, 5, 5, i64::MAX]);
    assert_eq!(text(&found[1].points[1..4]), "-3@7=inf 5@0=-inf 5@1=NaN ");

    let within = scene.series(&[first, second], &["loss"], Thinned { from: -3, to: 5, most: 20 }).await;
    assert_eq!(within.iter().map(|each| each.total).collect::<Vec<_>>(), [3, 6]);
    // A metric that has nothing there has none, but is one.
    let nothing = scene.series(&[second], &["loss"], Thinned { from: 100, to: 200, most: 20 }).await;
    assert_eq!((nothing.len(), nothing[0].total, nothing[0].points.len()), (1, 0, 0));
    assert_eq!(scene.series(&[], &["loss"], all(20)).await, []);
}

async fn a_long_history_is_thinned_and_keeps_its_peaks(backend: Backend) {
    let scene = Scene::new(backend);
    let (_, [run, other]) = scene.runs("e").await;
    let loss = scene.metric(run, "loss", vec![point(0, 0, 2.0)]).await;
    // In more than two batches; every step twice.
    let value = "CASE i WHEN 12345 THEN 99.5 WHEN 20001 THEN -7.25 WHEN 17000 THEN NULL ELSE 1.0 END";
    scene.add_points(&loss, 25_000, "(i + 1) / 2", value);
    scene.metric(other, "loss", (0..100).map(|step| point(step, step, 0.25)).collect()).await;

    for most in [10, 100, 2000] {
        let found = scene.series(&[run, other], &["loss"], all(most)).await;
        assert_eq!(found.iter().map(|each| each.total).collect::<Vec<_>>(), [25_001, 100], "{most}");
        let kept = &found[0].points;
        assert!(i64::try_from(kept.len()).unwrap() <= most, "{most}: {}", kept.len());
        assert!(kept.is_sorted_by_key(|point| (point.step, point.at)), "{most}: {}", text(kept));
        assert_eq!(text(&[kept[0], kept[kept.len() - 1]]), "0@0=2 12500@26000=1 ");
        let has =
            |step: i64, value: &str| kept.iter().any(|point| point.step == step && format!("{}", point.value) == value);
        assert!(has(6173, "99.5") && has(10_001, "-7.25") && has(8500, "NaN"), "{most}: {}", text(kept));
    }
    // Each part has both of its ends: a curve that is not flat fills what may be kept.
    let wave = scene.metric(other, "wave", vec![point(0, 0, 3.0)]).await;
    scene.add_points(&wave, 11_000, "i", "(i % 7) * 1.0");
    let found = scene.series(&[other], &["wave"], all(500)).await;
    assert!((490..=500).contains(&found[0].points.len()), "{}", found[0].points.len());
    // Only within the range.
    let within = scene.series(&[run], &["loss"], Thinned { from: 6000, to: 6999, most: 50 }).await;
    let kept = &within[0].points;
    assert_eq!((within[0].total, kept[0].step, kept[kept.len() - 1].step), (2000, 6000, 6999));
    assert!(kept.len() <= 50 && kept.iter().any(|point| point.step == 6173 && point.value > 99.0), "{}", text(kept));
}

async fn a_history_of_one_step_is_thinned_in_the_order_of_its_points(backend: Backend) {
    let scene = Scene::new(backend);
    let (_, [run]) = scene.runs("e").await;
    let loss = scene.metric(run, "loss", vec![point(0, 0, 0.5)]).await;
    scene.add_points(&loss, 20_500, "0", "CASE i WHEN 15000 THEN 9.0 ELSE (i % 5) * 0.125 END");
    let found = scene.series(&[run], &["loss"], all(100)).await;
    let kept = &found[0].points;
    assert_eq!((found[0].total, kept[0].at, kept[kept.len() - 1].at), (20_501, 0, 21_500));
    assert!((90..=100).contains(&kept.len()), "{}", kept.len());
    assert!(kept.iter().any(|point| point.at == 16_000 && point.value > 8.0), "{}", text(kept));
}

async fn names_are_told_once_and_in_order(backend: Backend) {
    let scene = Scene::new(backend);
    let (experiment, [first, second]) = scene.runs("e").await;
    let (other, [elsewhere]) = scene.runs("other").await;
    let (empty, []) = scene.runs("empty").await;
    for (run, name) in [(first, "loss"), (second, "loss"), (second, "Acc"), (first, "zeit/größe"), (second, "ä")] {
        scene.metric(run, name, vec![point(0, 0, 0.5)]).await;
    }
    scene.metric(elsewhere, "unseen", vec![point(0, 0, 0.5)]).await;
    for (run, name) in [(first, "lr"), (second, "lr"), (second, "模型"), (elsewhere, "other")] {
        let draft = Draft::named(name.parse().unwrap()).with("value", Some("1"));
        scene.insert(LogicalType::Parameter, Some(run), draft, 1).await.unwrap();
    }
    let told = async |experiment: NodeId, limit: u32| {
        scene
            .store
            .read(move |tx| Ok((keys::of_metrics(tx, experiment, limit)?, keys::of_parameters(tx, experiment, limit)?)))
            .await
            .unwrap()
    };
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(told(experiment, 10).await, (texts(&["Acc", "loss", "zeit/größe", "ä"]), texts(&["lr", "模型"])));
    assert_eq!(told(experiment, 1).await, (texts(&["Acc"]), texts(&["lr"])));
    assert_eq!(told(other, 10).await, (texts(&["unseen"]), texts(&["other"])));
    assert_eq!(told(empty, 10).await, (Vec::new(), Vec::new()));
}

async fn a_series_and_names_are_read_from_their_indexes(backend: Backend) {
    let scene = super::statements::counted(backend);
    let (experiment, [run]) = scene.runs("e").await;
    let loss = scene.metric(run, "loss", vec![point(0, 0, 0.5)]).await;
    scene.add_points(&loss, 1000, "i", "1.0");
    assert_eq!(scene.series(&[run], &["loss"], all(10)).await[0].total, 1001);
    let names =
        move |tx: &mut Tx<'_>| Ok((keys::of_metrics(tx, experiment, 10)?, keys::of_parameters(tx, experiment, 10)?));
    scene.store.read(names).await.unwrap();
    let kept = scene.kept();
    for (part, index) in [
        ("FROM metric_points WHERE node_id = $1", "metric_points_by_step"),
        ("FROM metrics AS t ", "metrics_root"),
        ("FROM parameters AS t ", "parameters_root"),
    ] {
        let statement = kept.iter().find(|text| text.contains(part)).unwrap_or_else(|| panic!("{part}: {kept:#?}"));
        let plan = scene.database.plan(statement);
        assert!(plan.iter().any(|step| step.contains(index)), "{part}: {plan:#?}");
        let is_sorted = |step: &String| step.contains("Sort") || step.contains("TEMP B-TREE");
        assert!(!plan.iter().any(is_sorted), "{part}: {plan:#?}");
    }
}
