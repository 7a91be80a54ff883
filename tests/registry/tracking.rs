//! Experiments and runs as training tools write them: what is logged, what is refused, what other doors see of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use modelport::domain::search::{Search, Searched};
use modelport::domain::tracking::{Role, RunId, Thinned, View};
use modelport::domain::{Change, Draft, ErrorKind, LogicalType, Name, NodeId, PageSize, Properties, Selection, Value};
use modelport::registry::entities::Find;
use modelport::registry::metrics::NamedPoint;
use modelport::registry::tracking::batch::Batch;
use modelport::registry::tracking::change::{NodeChanges, Tag};
use modelport::registry::tracking::experiments::ExperimentRef;
use modelport::registry::tracking::inputs::DatasetInput;
use modelport::registry::tracking::runs::{Run, RunDraft};
use tokio::task::JoinSet;

use super::{Scene, cut};
use crate::support::{Backend, on_both};

on_both! {
    a_run_has_what_it_logged,
    runs_may_share_a_name_and_other_doors_find_the_newest,
    runs_of_other_doors_have_ids_too,
    parameters_do_not_change,
    a_batch_is_logged_as_a_whole_or_not_at_all,
    points_that_are_sent_again_are_the_same_points,
    the_latest_point_is_the_one_with_the_greatest_step_time_and_value,
    what_is_archived_is_not_written_to,
    an_experiment_archives_its_runs_and_brings_back_those_that_were_not,
    a_data_set_is_there_once_and_belongs_to_the_runs_that_read_it,
    parallel_batches_lose_nothing,
    a_default_experiment_is_made_when_it_is_written_to,
    histories_come_in_pages_and_thinned,
}

fn run_id(number: u128) -> RunId {
    RunId::from_bits(number)
}

impl Scene {
    async fn experiment(&self, name: &str) -> NodeId {
        let draft = Draft::named(name.parse().unwrap());
        self.registry.tracking.create_experiment(&self.context, draft).await.unwrap().id
    }

    async fn start(&self, experiment: NodeId, number: u128, name: &str) -> Run {
        let draft = RunDraft {
            experiment: ExperimentRef::Id(experiment),
            id: run_id(0xabc_0000_0000_0000_0000_0000_0000 + number),
            name: name.parse().unwrap(),
            start: Some(1000 + i64::try_from(number).unwrap()),
            properties: Properties::new(),
            custom: Properties::new(),
        };
        self.registry.tracking.create_run(&self.context, draft).await.unwrap()
    }

    async fn read_run(&self, run: &RunId) -> Run {
        self.registry.tracking.get_run(&self.context, run).await.unwrap()
    }
}

fn point(name: &str, value: f64, step: i64, at: i64) -> NamedPoint {
    NamedPoint { name: name.parse().unwrap(), value, step, at: Some(at) }
}

fn parameter(name: &str, value: &str) -> (Name, String) {
    (name.parse().unwrap(), value.to_owned())
}

async fn a_run_has_what_it_logged(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = scene.experiment("e").await;
    let run = scene.start(experiment, 1, "first").await;
    assert_eq!((run.node.display_name(), run.node.text("status")), (Some("first"), Some("RUNNING")));
    let mut changes = NodeChanges::default();
    changes.tag("team", "vision");
    changes.declare("description", "why");
    let batch = Batch {
        points: vec![point("loss", 0.5, 1, 10), point("loss", 0.25, 2, 20), point("acc", f64::NAN, 0, 10)],
        parameters: vec![parameter("lr", "0.1"), parameter("depth", "3")],
        changes,
        ..Batch::default()
    };
    scene.registry.tracking.log(&scene.context, &run.id, batch).await.unwrap();
    let found = scene.read_run(&run.id).await;
    let metrics: Vec<_> = found.metrics.iter().map(|each| (each.name.as_str(), each.point.step)).collect();
    assert_eq!(metrics, [("acc", 0), ("loss", 2)]);
    assert!(found.metrics[0].point.value.is_nan());
    assert_eq!(found.parameters, [("depth".to_owned(), "3".to_owned()), ("lr".to_owned(), "0.1".to_owned())]);
    assert_eq!((found.node.text("description"), found.node.custom["team"].as_str()), (Some("why"), Some("vision")));
    // Other doors see artifacts of the run.
    let of_run = Selection { member_of: Some(run.node.id), ..Selection::of_any(LogicalType::ARTIFACTS) };
    let artifacts = scene.registry.entities.list(&scene.context, of_run, cut(None, None)).await.unwrap().first.items;
    let names: BTreeSet<_> = artifacts.iter().filter_map(|node| node.display_name()).collect();
    assert_eq!(names, BTreeSet::from(["acc", "loss", "lr", "depth"]));
    let lr = artifacts.iter().find(|node| node.display_name() == Some("lr")).unwrap();
    assert_eq!(
        (lr.text("value"), lr.properties["experiment_run_id"].clone()),
        (Some("0.1"), Value::Int(run.node.id.0))
    );
}

async fn runs_may_share_a_name_and_other_doors_find_the_newest(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = scene.experiment("e").await;
    let (one, two) = (scene.start(experiment, 1, "same").await, scene.start(experiment, 2, "same").await);
    let find = || Find::Name("same".parse().unwrap(), Some(experiment));
    let run = LogicalType::ExperimentRun;
    let newest = scene.registry.entities.find(&scene.context, run, find()).await.unwrap();
    assert_eq!((newest.id, newest.display_name()), (two.node.id, Some("same")));
    // One that another door makes is found first, and there is but one of it.
    let plain = scene.named(run, Some(experiment), "same").await.unwrap();
    assert_eq!(scene.registry.entities.find(&scene.context, run, find()).await.unwrap().id, plain.id);
    assert_eq!(scene.named(run, Some(experiment), "same").await.unwrap_err().kind(), ErrorKind::NameTaken);
    let named = "other".parse().unwrap();
    let tracking = &scene.registry.tracking;
    let renamed = tracking.change_run(&scene.context, &one.id, Some(named), NodeChanges::default()).await.unwrap();
    assert_eq!((renamed.node.display_name(), renamed.id), (Some("other"), one.id.clone()));
    assert_eq!(scene.read_run(&one.id).await.node.id, one.node.id);
}

async fn runs_of_other_doors_have_ids_too(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = scene.experiment("e").await;
    let plain = scene.named(LogicalType::ExperimentRun, Some(experiment), "plain").await.unwrap();
    let id = RunId::of_node(plain.id);
    assert_eq!(scene.read_run(&id).await.node.id, plain.id);
    // A name that looks as if it had a prefix is shown as it is.
    let odd = "01234567-89ab-cdef-0123-456789abcdef:x";
    let made = scene.named(LogicalType::ExperimentRun, Some(experiment), odd).await.unwrap();
    assert_eq!(made.display_name(), Some(odd));
    let find = Find::Name(odd.parse().unwrap(), Some(experiment));
    let found = scene.registry.entities.find(&scene.context, LogicalType::ExperimentRun, find).await.unwrap();
    assert_eq!(found.id, made.id);
    let tracking = &scene.registry.tracking;
    let named = "renamed".parse().unwrap();
    let renamed = tracking.change_run(&scene.context, &id, Some(named), NodeChanges::default()).await.unwrap();
    assert_eq!((renamed.node.display_name(), scene.read_run(&id).await.node.id), (Some("renamed"), plain.id));
}

async fn parameters_do_not_change(backend: Backend) {
    let scene = Scene::new(backend).await;
    let run = scene.start(scene.experiment("e").await, 1, "r").await;
    let log = async |value: &str| {
        let batch = Batch { parameters: vec![parameter("lr", value), parameter("b", value)], ..Batch::default() };
        scene.registry.tracking.log(&scene.context, &run.id, batch).await
    };
    log("1").await.unwrap();
    log("1").await.unwrap();
    let error = log("2").await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("params")));
    assert!(error.message().starts_with("Changing param values is not allowed."), "{error}");
    assert_eq!(scene.read_run(&run.id).await.parameters.len(), 2);
}

async fn a_batch_is_logged_as_a_whole_or_not_at_all(backend: Backend) {
    let scene = Scene::new(backend).await;
    let run = scene.start(scene.experiment("e").await, 1, "r").await;
    let first = Batch { parameters: vec![parameter("lr", "1")], ..Batch::default() };
    scene.registry.tracking.log(&scene.context, &run.id, first).await.unwrap();
    let before = scene.count("changes");
    let mut changes = NodeChanges::default();
    changes.tag("t", "v");
    let bad = Batch {
        points: vec![point("loss", 1.0, 0, 1)],
        parameters: vec![parameter("new", "1"), parameter("lr", "2")],
        changes,
        ..Batch::default()
    };
    scene.registry.tracking.log(&scene.context, &run.id, bad).await.unwrap_err();
    let found = scene.read_run(&run.id).await;
    assert_eq!((found.metrics.len(), found.parameters.len(), found.node.custom.len()), (0, 1, 0));
    assert_eq!((scene.count("changes"), scene.count("metric_points")), (before, 0));
}

async fn points_that_are_sent_again_are_the_same_points(backend: Backend) {
    let scene = Scene::new(backend).await;
    let run = scene.start(scene.experiment("e").await, 1, "r").await;
    let points = vec![
        point("loss", 0.5, 1, 10),
        point("loss", 0.5, 1, 10),
        point("loss", f64::NAN, 1, 10),
        point("loss", f64::NAN, 1, 10),
        point("loss", f64::INFINITY, 1, 10),
        point("loss", 0.5, 2, 10),
    ];
    for _ in 0..3 {
        let batch = Batch { points: points.clone(), ..Batch::default() };
        scene.registry.tracking.log(&scene.context, &run.id, batch).await.unwrap();
    }
    assert_eq!(scene.count("metric_points"), 4);
    let latest = scene.read_run(&run.id).await.metrics[0].point;
    assert_eq!((latest.step, latest.value), (2, 0.5));
}

async fn the_latest_point_is_the_one_with_the_greatest_step_time_and_value(backend: Backend) {
    let scene = Scene::new(backend).await;
    let run = scene.start(scene.experiment("e").await, 1, "r").await;
    for (value, step, at, latest) in [
        (1.0, 5, 10, 1.0),
        (2.0, 4, 99, 1.0),
        (3.0, 5, 9, 1.0),
        (0.5, 5, 10, 1.0),
        (1.5, 5, 10, 1.5),
        (f64::NAN, 5, 10, 1.5),
        (0.1, 6, 1, 0.1),
    ] {
        let batch = Batch { points: vec![point("loss", value, step, at)], ..Batch::default() };
        scene.registry.tracking.log(&scene.context, &run.id, batch).await.unwrap();
        assert_eq!(scene.read_run(&run.id).await.metrics[0].point.value, latest, "{value} at {step}, {at}");
    }
}

async fn what_is_archived_is_not_written_to(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = scene.experiment("e").await;
    let run = scene.start(experiment, 1, "r").await;
    let tracking = &scene.registry.tracking;
    tracking.set_run_archived(&scene.context, &run.id, true).await.unwrap();
    tracking.set_run_archived(&scene.context, &run.id, true).await.unwrap();
    let batch = Batch { points: vec![point("loss", 1.0, 0, 1)], ..Batch::default() };
    let error = tracking.log(&scene.context, &run.id, batch.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("run_id")));
    assert!(scene.read_run(&run.id).await.is_archived());
    tracking.set_run_archived(&scene.context, &run.id, false).await.unwrap();
    tracking.log(&scene.context, &run.id, batch).await.unwrap();
    let missing = tracking.get_run(&scene.context, &run_id(77)).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let tag = Tag::Custom("none".to_owned());
    let error = tracking.remove_run_tag(&scene.context, &run.id, tag).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

async fn an_experiment_archives_its_runs_and_brings_back_those_that_were_not(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = scene.experiment("e").await;
    let (live, gone) = (scene.start(experiment, 1, "a").await, scene.start(experiment, 2, "b").await);
    let tracking = &scene.registry.tracking;
    tracking.set_run_archived(&scene.context, &gone.id, true).await.unwrap();
    let wanted = ExperimentRef::Id(experiment);
    tracking.set_experiment_archived(&scene.context, wanted.clone(), true).await.unwrap();
    let found = async |view: View| {
        let search = Search {
            of: Searched::Runs,
            experiments: vec![experiment],
            view,
            clauses: Vec::new(),
            order: Vec::new(),
            datasets: Vec::new(),
        };
        let page = tracking.search_runs(&scene.context, search, PageSize::new(10), None).await.unwrap();
        page.runs.into_iter().map(|run| run.id).collect::<Vec<_>>()
    };
    assert_eq!(found(View::Active).await, []);
    assert_eq!(found(View::Archived).await, [gone.id.clone(), live.id.clone()]);
    let again = tracking.set_experiment_archived(&scene.context, wanted.clone(), true).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NotFound);
    let draft = Draft::named("e".parse().unwrap());
    let taken = tracking.create_experiment(&scene.context, draft).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::NameTaken);
    tracking.set_experiment_archived(&scene.context, wanted, false).await.unwrap();
    assert_eq!(found(View::Active).await, [live.id]);
    assert_eq!(found(View::Archived).await, [gone.id]);
}

async fn a_data_set_is_there_once_and_belongs_to_the_runs_that_read_it(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = scene.experiment("e").await;
    let (one, two) = (scene.start(experiment, 1, "a").await, scene.start(experiment, 2, "b").await);
    let input = |context: &str| DatasetInput {
        name: "iris".parse().unwrap(),
        digest: "d1".to_owned(),
        properties: Properties::from([("source".to_owned(), "{}".into())]),
        tags: vec![("context".to_owned(), context.to_owned())],
    };
    let tracking = &scene.registry.tracking;
    for (run, context) in [(&one, "train"), (&one, "ignored"), (&two, "eval")] {
        tracking.log_uses(&scene.context, &run.id, vec![input(context), input(context)], Vec::new()).await.unwrap();
    }
    let found = scene.read_run(&one.id).await;
    let [(each, dataset)] = found.uses.as_slice() else { panic!("{:?}", found.uses) };
    assert_eq!((each.role, each.tags[0].1.as_str(), dataset.display_name()), (Role::Input, "train", Some("iris")));
    assert_eq!(scene.read_run(&two.id).await.uses[0].1.id, dataset.id);
    let listed = tracking.list_datasets(&scene.context, vec![ExperimentRef::Id(experiment)]).await.unwrap();
    assert_eq!(listed.len(), 2);
    let members = Selection { member_of: Some(two.node.id), ..Selection::of(LogicalType::DataSet) };
    let of_run = scene.registry.entities.list(&scene.context, members, cut(None, None)).await.unwrap().first.items;
    assert_eq!(of_run.iter().map(|node| node.id).collect::<Vec<_>>(), [dataset.id]);
}

async fn parallel_batches_lose_nothing(backend: Backend) {
    let scene = Arc::new(Scene::new(backend).await);
    let run = scene.start(scene.experiment("e").await, 1, "r").await;
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let (scene, id) = (Arc::clone(&scene), run.id.clone());
        writers.spawn(async move {
            for step in 0..6 {
                let points = ["a", "b", "c"].map(|name| point(name, 1.0, writer * 6 + step, 1)).to_vec();
                let parameters = vec![parameter("p", "1"), parameter("q", "1")];
                let batch = Batch { points, parameters, ..Batch::default() };
                scene.registry.tracking.log(&scene.context, &id, batch).await.unwrap();
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    assert_eq!(scene.count("metric_points"), 8 * 6 * 3);
    let found = scene.read_run(&run.id).await;
    assert!(found.metrics.iter().all(|metric| metric.point.step == 47), "{:?}", found.metrics);
    assert_eq!(found.parameters.len(), 2);
}

async fn a_default_experiment_is_made_when_it_is_written_to(backend: Backend) {
    let scene = Scene::new(backend).await;
    let named = ExperimentRef::Named("Default".parse().unwrap());
    let made = ExperimentRef::Made("Default".parse().unwrap());
    let tracking = &scene.registry.tracking;
    let error = tracking.get_experiment(&scene.context, &named).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let first = tracking.get_experiment(&scene.context, &made).await.unwrap();
    assert_eq!(tracking.get_experiment(&scene.context, &named).await.unwrap().id, first.id);
    let mut changes = NodeChanges::default();
    changes.set(&Tag::Declared("description"), Change::Set("d".into()));
    let changed = tracking.change_experiment(&scene.context, made, changes).await.unwrap();
    assert_eq!((changed.id, changed.text("description")), (first.id, Some("d")));
}

async fn histories_come_in_pages_and_thinned(backend: Backend) {
    let scene = Scene::new(backend).await;
    let run = scene.start(scene.experiment("e").await, 1, "r").await;
    let points = (0..1000).map(|step| point("loss", step as f64, step, 5000 - step)).collect();
    let tracking = &scene.registry.tracking;
    tracking.log(&scene.context, &run.id, Batch { points, ..Batch::default() }).await.unwrap();
    let odd = vec![point("loss", f64::NAN, 7, 1), point("loss", 2.0, 7, 1), point("loss", -1.0, 6, 1)];
    tracking.log(&scene.context, &run.id, Batch { points: odd, ..Batch::default() }).await.unwrap();
    let name: Name = "loss".parse().unwrap();
    let all = tracking.points(&scene.context, &run.id, &name, None, None).await.unwrap();
    assert_eq!((all.points.len(), all.next), (1003, None));
    let firsts: Vec<_> = all.points.iter().take(4).map(|point| (point.at, point.step, point.value)).collect();
    assert_eq!((firsts[0], firsts[1], firsts[3].0), ((1, 6, -1.0), (1, 7, 2.0), 4001));
    assert!(firsts[2].2.is_nan());
    let (mut pages, mut token) = (Vec::new(), None);
    loop {
        let page = tracking.points(&scene.context, &run.id, &name, Some(PageSize::new(2)), token).await.unwrap();
        pages.extend(page.points);
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(pages.len(), 1003);
    assert_eq!(
        pages.iter().map(|point| (point.at, point.step)).collect::<Vec<_>>(),
        all.points.iter().map(|point| (point.at, point.step)).collect::<Vec<_>>()
    );
    let thinned = Thinned { from: 100, to: 899, most: 50 };
    let found = tracking.points_of_runs(&scene.context, vec![run.id.clone()], &name, thinned).await.unwrap();
    let steps: Vec<i64> = found.iter().map(|each| each.point.step).collect();
    assert!((50..=52).contains(&steps.len()), "{}", steps.len());
    assert_eq!((steps[0], steps[steps.len() - 1]), (100, 899));
    assert!(steps.windows(2).all(|pair| pair[0] < pair[1]));
    let broken = tracking.points(&scene.context, &run.id, &name, Some(PageSize::new(2)), Some("x".into())).await;
    assert_eq!(broken.unwrap_err().field(), Some("page_token"));
}
