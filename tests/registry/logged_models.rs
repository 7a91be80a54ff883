//! Logged models: made by runs, finalized, tagged, measured, removed, searched.

use modelport::domain::search::{Search, Searched};
use modelport::domain::tracking::{LoggedModelId, RunId, View};
use modelport::domain::{
    ArtifactState, Draft, ErrorKind, LogicalType, MetricPoint, NodeId, PageSize, Properties, Result, Value,
};
use modelport::registry::tracking::batch::Batch;
use modelport::registry::tracking::experiments::ExperimentRef;
use modelport::registry::tracking::logged_models::{Finalized, LoggedModel, LoggedModelDraft, ModelPoint};
use modelport::registry::tracking::runs::RunDraft;

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    a_logged_model_has_what_it_was_made_with,
    a_model_without_a_run_belongs_to_its_experiment,
    what_cannot_be_made_leaves_nothing,
    its_state_says_how_its_making_ended,
    a_removed_model_is_shown_only_to_who_asks_for_it,
    each_parameter_keeps_its_first_value,
    tags_are_set_and_removed,
    the_latest_of_each_measurement_counts,
    a_search_gives_models_with_all_they_have,
}

fn run_id(number: u128) -> RunId {
    RunId::from_bits((0xabc << 100) + number)
}

fn model_id(number: u128) -> LoggedModelId {
    LoggedModelId::from_bits((0xdef << 100) + number)
}

async fn experiment(scene: &Scene, name: &str) -> NodeId {
    let draft = Draft::named(name.parse().unwrap());
    scene.registry.tracking.create_experiment(&scene.context, draft).await.unwrap().id
}

async fn run(scene: &Scene, experiment: NodeId, number: u128) -> NodeId {
    let draft = RunDraft {
        experiment: ExperimentRef::Id(experiment),
        id: run_id(number),
        name: "r".parse().unwrap(),
        start: None,
        properties: Properties::new(),
        custom: Properties::new(),
    };
    scene.registry.tracking.create_run(&scene.context, draft).await.unwrap().node.id
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn tags(pairs: &[(&str, &str)]) -> Properties {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
}

fn draft(experiment: NodeId, number: u128) -> LoggedModelDraft {
    LoggedModelDraft {
        experiment: ExperimentRef::Id(experiment),
        id: model_id(number),
        name: "classifier".to_owned(),
        kind: None,
        source_run: None,
        params: Vec::new(),
        custom: Properties::new(),
    }
}

async fn create(scene: &Scene, draft: LoggedModelDraft) -> Result<LoggedModel> {
    scene.registry.tracking.create_logged_model(&scene.context, draft).await
}

async fn get(scene: &Scene, number: u128) -> LoggedModel {
    scene.registry.tracking.get_logged_model(&scene.context, &model_id(number), false).await.unwrap()
}

async fn actions(scene: &Scene, node: NodeId) -> Vec<String> {
    let history = scene.registry.history.node_history(&scene.context, node, 0, PageSize::new(100)).await.unwrap();
    history.into_iter().map(|change| change.action).collect()
}

async fn a_logged_model_has_what_it_was_made_with(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = experiment(&scene, "e").await;
    let run = run(&scene, experiment, 1).await;
    let draft = LoggedModelDraft {
        kind: Some("agent".to_owned()),
        source_run: Some(run_id(1)),
        params: pairs(&[("lr", "0.1"), ("depth", "3")]),
        custom: tags(&[("team", "vision")]),
        ..draft(experiment, 1)
    };
    let made = create(&scene, draft).await.unwrap();
    assert_eq!(made, get(&scene, 1).await);
    assert_eq!((made.id.clone(), made.source_run.clone()), (model_id(1), Some(run_id(1))));
    assert_eq!((made.experiment.id, made.node.home_id), (experiment, Some(run)));
    assert_eq!(made.node.state, Some(ArtifactState::Pending.number()));
    assert_eq!(made.params, pairs(&[("depth", "3"), ("lr", "0.1")]));
    assert_eq!(made.node.custom, tags(&[("team", "vision")]));
    assert_eq!((made.metrics.len(), made.versions.len()), (0, 0));
    // Other doors see a model artifact.
    let node = scene.registry.entities.get(&scene.context, LogicalType::ModelArtifact, made.node.id).await.unwrap();
    assert_eq!(node.text("model_source_name"), Some("classifier"));
    assert_eq!((node.text("model_source_class"), node.text("model_source_kind")), (Some("agent"), Some("mlflow")));
    assert_eq!((node.name.as_deref(), node.text("model_source_id")), (Some(made.id.as_str()), Some(made.id.as_str())));
    assert_eq!(node.properties["experiment_run_id"], Value::Int(run.0));
    assert_eq!(node.properties["experiment_id"], Value::Int(experiment.0));
    assert_eq!(actions(&scene, node.id).await, ["create"]);
}

async fn a_model_without_a_run_belongs_to_its_experiment(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (one, other) = (experiment(&scene, "one").await, experiment(&scene, "other").await);
    let made = create(&scene, draft(one, 1)).await.unwrap();
    assert_eq!((made.node.home_id, made.source_run), (Some(one), None));
    assert_eq!(made.node.properties["experiment_id"], Value::Int(one.0));
    // A run of another experiment is named, and does not own it.
    run(&scene, other, 1).await;
    let made = create(&scene, LoggedModelDraft { source_run: Some(run_id(1)), ..draft(one, 2) }).await.unwrap();
    assert_eq!((made.node.home_id, made.source_run), (Some(one), Some(run_id(1))));
}

async fn what_cannot_be_made_leaves_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = experiment(&scene, "e").await;
    create(&scene, draft(experiment, 1)).await.unwrap();
    let before = (scene.count("nodes"), scene.count("changes"), scene.count("logged_model_params"));
    let long = "x".repeat(6001);
    let named = |name: &str| LoggedModelDraft { name: name.to_owned(), ..draft(experiment, 2) };
    let with = |params: &[(&str, &str)]| LoggedModelDraft { params: pairs(params), ..draft(experiment, 2) };
    let invalid = ErrorKind::InvalidArgument;
    for (draft, kind, field) in [
        (named(""), invalid, Some("name")),
        (named("a/b"), invalid, Some("name")),
        (named("a:b"), invalid, Some("name")),
        (with(&[("p", &long)]), invalid, Some("params")),
        (with(&[(&long, "v")]), invalid, Some("params")),
        (with(&[("p", "1"), ("p", "2")]), invalid, Some("params")),
        (LoggedModelDraft { source_run: Some(run_id(9)), ..draft(experiment, 2) }, ErrorKind::NotFound, None),
        (draft(NodeId(99), 2), ErrorKind::NotFound, None),
    ] {
        let error = create(&scene, draft).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, field), "{error}");
    }
    assert!(create(&scene, draft(experiment, 1)).await.unwrap_err().kind().is_taken());
    scene.registry.tracking.set_experiment_archived(&scene.context, ExperimentRef::Id(experiment), true).await.unwrap();
    let error = create(&scene, draft(experiment, 2)).await.unwrap_err();
    assert_eq!(error.kind(), invalid);
    let after = (scene.count("nodes"), scene.count("changes") - 1, scene.count("logged_model_params"));
    assert_eq!(after, before);
}

async fn its_state_says_how_its_making_ended(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = experiment(&scene, "e").await;
    let made = create(&scene, draft(experiment, 1)).await.unwrap();
    for (finalized, state) in [(Finalized::Failed, ArtifactState::Abandoned), (Finalized::Ready, ArtifactState::Live)] {
        let changed =
            scene.registry.tracking.finalize_logged_model(&scene.context, &model_id(1), finalized).await.unwrap();
        assert_eq!(changed.node.state, Some(state.number()));
        assert_eq!(changed, get(&scene, 1).await);
        assert!(changed.node.updated_at > made.node.updated_at);
    }
    assert_eq!(actions(&scene, made.node.id).await, ["create", "update", "update"]);
}

async fn a_removed_model_is_shown_only_to_who_asks_for_it(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = experiment(&scene, "e").await;
    let made = create(&scene, draft(experiment, 1)).await.unwrap();
    let tracking = &scene.registry.tracking;
    tracking.remove_logged_model(&scene.context, &model_id(1)).await.unwrap();
    let found = tracking.get_logged_model(&scene.context, &model_id(1), true).await.unwrap();
    assert_eq!(found.node.state, Some(ArtifactState::MarkedForDeletion.number()));
    let ready = Finalized::Ready;
    for result in [
        tracking.get_logged_model(&scene.context, &model_id(1), false).await.map(drop),
        tracking.remove_logged_model(&scene.context, &model_id(1)).await,
        tracking.finalize_logged_model(&scene.context, &model_id(1), ready).await.map(drop),
        tracking.set_logged_model_tags(&scene.context, &model_id(1), tags(&[("a", "b")])).await,
        tracking.remove_logged_model_tag(&scene.context, &model_id(1), "a").await,
        tracking.log_logged_model_params(&scene.context, &model_id(1), pairs(&[("a", "b")])).await,
        tracking.get_logged_model(&scene.context, &model_id(2), true).await.map(drop),
    ] {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(actions(&scene, made.node.id).await, ["create", "update"]);
}

async fn each_parameter_keeps_its_first_value(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = experiment(&scene, "e").await;
    let made = create(&scene, LoggedModelDraft { params: pairs(&[("a", "1")]), ..draft(experiment, 1) }).await.unwrap();
    let log = async |params: &[(&str, &str)]| {
        scene.registry.tracking.log_logged_model_params(&scene.context, &model_id(1), pairs(params)).await
    };
    log(&[("b", "2"), ("a", "1"), ("b", "2")]).await.unwrap();
    log(&[("a", "1")]).await.unwrap();
    let error = log(&[("c", "3"), ("b", "other")]).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("params")));
    let many: Vec<(String, String)> = (0..1500).map(|number| (format!("p{number}"), number.to_string())).collect();
    scene.registry.tracking.log_logged_model_params(&scene.context, &model_id(1), many).await.unwrap();
    let found = get(&scene, 1).await;
    assert_eq!(found.params.len(), 1502);
    assert_eq!(found.params[..2], pairs(&[("a", "1"), ("b", "2")])[..]);
    // What is there already changes nothing.
    assert_eq!(actions(&scene, made.node.id).await, ["create", "update", "update"]);
    let empty = log(&[("empty", "")]).await;
    empty.unwrap();
}

async fn tags_are_set_and_removed(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = experiment(&scene, "e").await;
    create(&scene, LoggedModelDraft { custom: tags(&[("a", "1"), ("b", "2")]), ..draft(experiment, 1) }).await.unwrap();
    let tracking = &scene.registry.tracking;
    tracking.set_logged_model_tags(&scene.context, &model_id(1), tags(&[("b", "3"), ("c", "4")])).await.unwrap();
    assert_eq!(get(&scene, 1).await.node.custom, tags(&[("a", "1"), ("b", "3"), ("c", "4")]));
    tracking.remove_logged_model_tag(&scene.context, &model_id(1), "a").await.unwrap();
    assert_eq!(get(&scene, 1).await.node.custom, tags(&[("b", "3"), ("c", "4")]));
    let missing = tracking.remove_logged_model_tag(&scene.context, &model_id(1), "a").await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

async fn the_latest_of_each_measurement_counts(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = experiment(&scene, "e").await;
    for number in [1, 2] {
        run(&scene, experiment, number).await;
        create(&scene, draft(experiment, number)).await.unwrap();
    }
    let point = |model, dataset: &str, value, step, at| ModelPoint {
        model: model_id(model),
        name: "acc".to_owned(),
        dataset: (!dataset.is_empty()).then(|| (dataset.to_owned(), "d1".to_owned())),
        point: MetricPoint { value, step, at },
    };
    let log = async |run, model_points: Vec<ModelPoint>| {
        let batch = Batch { model_points, ..Batch::default() };
        scene.registry.tracking.log(&scene.context, &run_id(run), batch).await
    };
    log(1, vec![point(1, "", 0.5, 2, 10), point(1, "", 0.9, 1, 99), point(2, "", f64::NAN, 0, 1)]).await.unwrap();
    // Neither an earlier step, nor an earlier time, nor a smaller value, nor NaN is later.
    for (value, step, at) in [(0.8, 1, 11), (0.8, 2, 9), (0.4, 2, 10), (f64::NAN, 2, 10), (0.5, 2, 10)] {
        log(1, vec![point(1, "", value, step, at)]).await.unwrap();
    }
    let shown = |model: LoggedModel| -> Vec<(RunId, String, f64, i64)> {
        let each = model.metrics.into_iter();
        each.map(|each| (each.run, each.dataset.0, each.point.value, each.point.at)).collect()
    };
    assert_eq!(shown(get(&scene, 1).await), [(run_id(1), String::new(), 0.5, 10)]);
    for (value, step, at) in [(0.6, 2, 10), (0.1, 2, 11), (0.2, 3, 1), (f64::INFINITY, 3, 1)] {
        log(1, vec![point(1, "", value, step, at)]).await.unwrap();
        assert_eq!(shown(get(&scene, 1).await), [(run_id(1), String::new(), value, at)]);
    }
    // Runs and data sets measure for themselves.
    log(2, vec![point(1, "", 0.7, 0, 1)]).await.unwrap();
    log(1, vec![point(1, "test", 0.3, 0, 1)]).await.unwrap();
    let expected = [
        (run_id(1), String::new(), f64::INFINITY, 1),
        (run_id(2), String::new(), 0.7, 1),
        (run_id(1), "test".to_owned(), 0.3, 1),
    ];
    assert_eq!(shown(get(&scene, 1).await), expected);
    assert!(get(&scene, 2).await.metrics[0].point.value.is_nan());
    log(1, vec![point(2, "", f64::NEG_INFINITY, 0, 1)]).await.unwrap();
    assert_eq!(shown(get(&scene, 2).await), [(run_id(1), String::new(), f64::NEG_INFINITY, 1)]);
    let missing = log(1, vec![point(1, "", 1.0, 9, 9), point(3, "", 1.0, 9, 9)]).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(shown(get(&scene, 1).await), expected);
}

async fn a_search_gives_models_with_all_they_have(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = experiment(&scene, "e").await;
    for number in 1..=3 {
        let params = pairs(&[("number", &number.to_string())]);
        create(&scene, LoggedModelDraft { params, ..draft(experiment, number) }).await.unwrap();
    }
    let search = Search {
        of: Searched::LoggedModels,
        experiments: vec![experiment],
        view: View::Active,
        clauses: Vec::new(),
        order: Vec::new(),
        datasets: Vec::new(),
    };
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let tracking = &scene.registry.tracking;
        let page =
            tracking.search_logged_models(&scene.context, search.clone(), PageSize::new(2), token).await.unwrap();
        found.extend(page.models);
        let Some(next) = page.next else { break };
        token = Some(next);
    }
    found.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(found, [get(&scene, 1).await, get(&scene, 2).await, get(&scene, 3).await]);
}
