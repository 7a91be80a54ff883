//! The history of a run: every page of it is what a look at all points gives, and is read from an index.

use modelport::domain::filter::{Attribute, Comparison, Condition, Expr, Field, Operand};
use modelport::domain::{Cursor, HistorySelection, LogicalType, MetricPoint, Node, NodeId, Order, OrderBy};
use modelport::store::{Tx, members, metrics};

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    pages_of_a_run_have_the_points_of_its_metrics_in_their_order,
    a_page_of_a_run_is_read_from_the_index_of_its_order,
}

const PAGE: u32 = 7;

/// Above which value points are wanted, where the selection has a filter.
const BOUND: f64 = 0.5;

/// A point that was appended.
struct Appended {
    id: i64,
    metric: NodeId,
    name: String,
    point: MetricPoint,
}

impl Appended {
    fn is_of(&self, selection: &HistorySelection) -> bool {
        selection.name_contains.as_ref().is_none_or(|part| self.name.contains(part))
            && (selection.steps.is_empty() || selection.steps.contains(&self.point.step))
            && (selection.filter.is_none() || self.point.value > BOUND)
    }

    fn key(&self, by: OrderBy) -> (i64, &str, i64) {
        match by {
            OrderBy::Id => (0, "", self.id),
            OrderBy::CreateTime | OrderBy::UpdateTime => (self.point.at, "", self.id),
            OrderBy::Name => (0, &self.name, self.id),
        }
    }
}

fn above_the_bound() -> Expr {
    let condition = Condition::Compare(Comparison::Greater, Operand::Double(BOUND));
    Expr::Test(Field::Attribute(Attribute::MetricValue), condition)
}

/// Parts of names, steps and filters, alone and together.
fn selections(run: NodeId) -> Vec<HistorySelection> {
    let all = HistorySelection { run: Some(run), ..HistorySelection::default() };
    let named = |part: &str| HistorySelection { name_contains: Some(part.to_owned()), ..all.clone() };
    let steps = vec![-4, 0, -4, 77, i64::MIN, i64::MAX];
    let at_steps = |selection: HistorySelection| HistorySelection { steps: steps.clone(), ..selection };
    let filtered = |selection| HistorySelection { filter: Some(above_the_bound()), ..selection };
    vec![
        all.clone(),
        named("loss"),
        named("%"),
        named("none"),
        at_steps(all.clone()),
        HistorySelection { steps: vec![77], ..all.clone() },
        filtered(all.clone()),
        filtered(at_steps(named("loss"))),
    ]
}

impl Scene {
    /// All pages of the selection, read one after the other.
    async fn pages(&self, selection: &HistorySelection) -> Vec<i64> {
        let (mut found, mut after): (Vec<i64>, Option<Cursor>) = (Vec::new(), None);
        loop {
            let (given, from) = (selection.clone(), after.clone());
            let page: Vec<Node> =
                self.store.read(move |tx| metrics::history(tx, &given, from.as_ref(), PAGE)).await.unwrap();
            found.extend(page.iter().map(|point| point.id.0));
            match page.last() {
                Some(last) if page.len() == PAGE as usize => after = Some(Cursor::of(selection.order.by, last)),
                _ => return found,
            }
        }
    }

    async fn count_of(&self, selection: &HistorySelection) -> u64 {
        let given = selection.clone();
        self.store.read(move |tx| metrics::count(tx, &given)).await.unwrap()
    }
}

async fn pages_of_a_run_have_the_points_of_its_metrics_in_their_order(backend: Backend) {
    let scene = Scene::new(backend);
    let experiment = scene.named(LogicalType::Experiment, None, "e").await.unwrap();
    let mut runs = Vec::new();
    for name in ["first", "second"] {
        runs.push(scene.named(LogicalType::ExperimentRun, Some(experiment.id), name).await.unwrap());
    }
    let mut all = Vec::new();
    for run in &runs {
        for name in ["loss", "accuracy", "val_loss", "a%b", "quiet"] {
            all.push(scene.named(LogicalType::Metric, Some(run.id), name).await.unwrap());
        }
    }
    // Its points are those of both runs.
    let (shared, second) = (all[0].id, runs[1].id);
    scene.store.write(move |tx| members::insert(tx, second, shared)).await.unwrap();
    let mut points = Vec::new();
    for number in 0..40_i64 {
        // The quiet ones have none; of the others some have many.
        for metric in all.iter().filter(|metric| metric.name.as_deref() != Some("quiet")) {
            if number % (1 + metric.id.0 % 3) == 0 {
                let given = metric.clone();
                // Several have the same step or the same time.
                let value = if number % 4 == 0 { 0.75 } else { 0.25 };
                let point = MetricPoint { value, step: -(number / 3), at: 100 - number / 2 };
                scene
                    .store
                    .write(move |tx| metrics::append(tx, &[(&given, point)], metrics::Latest::Given))
                    .await
                    .unwrap();
                // Points are numbered in the order in which they were appended.
                let id = i64::try_from(points.len()).unwrap() + 1;
                points.push(Appended { id, metric: metric.id, name: metric.name.clone().unwrap(), point });
            }
        }
    }
    for (run, others) in [(&runs[0], None), (&runs[1], Some(shared))] {
        let own: Vec<NodeId> = all.iter().filter(|metric| metric.home_id == Some(run.id)).map(|each| each.id).collect();
        for selection in selections(run.id) {
            for by in [OrderBy::Id, OrderBy::CreateTime, OrderBy::Name] {
                let mut expected: Vec<&Appended> = points
                    .iter()
                    .filter(|each| own.contains(&each.metric) || others == Some(each.metric))
                    .filter(|each| each.is_of(&selection))
                    .collect();
                expected.sort_by_key(|each| each.key(by));
                let mut expected: Vec<i64> = expected.iter().map(|each| each.id).collect();
                let order = |descending| Order { by, descending };
                let selection = HistorySelection { order: order(false), ..selection.clone() };
                assert_eq!(scene.pages(&selection).await, expected, "{selection:?}");
                assert_eq!(scene.count_of(&selection).await, expected.len() as u64, "{selection:?}");
                let backwards = HistorySelection { order: order(true), ..selection };
                expected.reverse();
                assert_eq!(scene.pages(&backwards).await, expected, "{backwards:?}");
            }
        }
    }
}

async fn a_page_of_a_run_is_read_from_the_index_of_its_order(backend: Backend) {
    for (by, steps, index) in [
        (OrderBy::Id, vec![], "metric_points_in_order"),
        (OrderBy::Name, vec![], "metric_points_in_order"),
        (OrderBy::CreateTime, vec![], "metric_points_by_time"),
        (OrderBy::Id, vec![1, 2], "metric_points_by_step"),
        (OrderBy::Name, vec![1, 2], "metric_points_by_step"),
        (OrderBy::UpdateTime, vec![1, 2], "metric_points_by_step"),
    ] {
        for descending in [false, true] {
            let scene = super::statements::counted(backend);
            let experiment = scene.named(LogicalType::Experiment, None, "e").await.unwrap();
            let run = scene.named(LogicalType::ExperimentRun, Some(experiment.id), "r").await.unwrap();
            let metric = scene.named(LogicalType::Metric, Some(run.id), "loss").await.unwrap();
            let points = move |tx: &mut Tx<'_>| {
                let point = |step| (&metric, MetricPoint { value: 0.5, step, at: step });
                metrics::append(tx, &(0..1000).map(point).collect::<Vec<_>>(), metrics::Latest::Given)
            };
            scene.store.write(points).await.unwrap();
            let order = Order { by, descending };
            let selection = HistorySelection { run: Some(run.id), steps: steps.clone(), order, ..Default::default() };
            scene.pages(&selection).await;
            let kept = scene.kept();
            let plans: Vec<_> = kept.iter().map(|text| scene.database.plan(text)).collect();
            assert!(!plans.is_empty(), "{selection:?}");
            for plan in plans {
                let of_points: Vec<_> = plan.iter().filter(|step| step.contains("metric_points_")).collect();
                assert!(!of_points.is_empty(), "{selection:?}: {plan:#?}");
                assert!(of_points.iter().all(|step| step.contains(index)), "{selection:?}: {plan:#?}");
            }
        }
    }
}
