//! The history of a run: every page of it is what a look at all points gives.

use modelport::domain::{Cursor, LogicalType, MetricPoint, Node, NodeId, Order, OrderBy};
use modelport::store::members;
use modelport::store::metrics::{self, HistorySelection};

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    pages_of_a_run_have_the_points_of_its_metrics_in_their_order,
}

const PAGE: u32 = 7;

impl Scene {
    /// All pages of the selection, read one after the other.
    async fn pages(&self, selection: &HistorySelection) -> Vec<NodeId> {
        let (mut found, mut after): (Vec<NodeId>, Option<Cursor>) = (Vec::new(), None);
        loop {
            let (selection, from) = (selection.clone(), after.clone());
            let page: Vec<Node> =
                self.store.read(move |tx| metrics::history(tx, &selection, from.as_ref(), PAGE)).await.unwrap();
            found.extend(page.iter().map(|point| point.id));
            match page.last() {
                Some(last) if page.len() == PAGE as usize => after = Some(Cursor::of(OrderBy::Id, last)),
                _ => return found,
            }
        }
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
    for step in 0..40_i64 {
        // The quiet ones have none; of the others some have many.
        for metric in all.iter().filter(|metric| metric.name.as_deref() != Some("quiet")) {
            if step % (1 + metric.id.0 % 3) == 0 {
                let given = metric.clone();
                let point = MetricPoint { value: 0.5, step: -step, at: 100 - step };
                scene.store.write(move |tx| metrics::append(tx, &[(&given, point)])).await.unwrap();
                points.push((metric.id, metric.name.clone().unwrap()));
            }
        }
    }
    for (run, others) in [(&runs[0], None), (&runs[1], Some(shared))] {
        let own: Vec<NodeId> = all.iter().filter(|metric| metric.home_id == Some(run.id)).map(|each| each.id).collect();
        for part in [None, Some("loss"), Some("%"), Some("none")] {
            // Points are numbered in the order in which they were appended.
            let expected: Vec<NodeId> = (1..)
                .zip(&points)
                .filter(|(_, (metric, _))| own.contains(metric) || others == Some(*metric))
                .filter(|(_, (_, name))| part.is_none_or(|part| name.contains(part)))
                .map(|(number, _)| NodeId(number))
                .collect();
            let order = |descending| Order { by: OrderBy::Id, descending };
            let selection = HistorySelection {
                run: Some(run.id),
                name_contains: part.map(ToOwned::to_owned),
                order: order(false),
                ..HistorySelection::default()
            };
            assert_eq!(scene.pages(&selection).await, expected, "{part:?}");
            let backwards = HistorySelection { order: order(true), ..selection };
            assert_eq!(scene.pages(&backwards).await, expected.into_iter().rev().collect::<Vec<_>>(), "{part:?}");
        }
    }
}
