//! Traces and data sets to evaluate on are for whoever may see and write their experiment.

use modelport::domain::access::Role;
use modelport::domain::search::{Search, Searched};
use modelport::domain::trace::{
    Assessment, AssessmentKind, Chosen, Labels, Said, Trace, TraceDraft, TraceId, TraceState,
};
use modelport::domain::tracking::{RunId, View};
use modelport::domain::{Change, Draft, ErrorKind, NodeId, PageSize, Properties, Result};
use modelport::registry::RequestContext;
use modelport::registry::access::{RootChange, ScopeRef};
use modelport::registry::tracking::assessments::AssessmentChanges;
use modelport::registry::tracking::eval_datasets::EvalDatasetDraft;
use modelport::registry::tracking::experiments::ExperimentRef;
use modelport::registry::tracking::run_files::Folder;
use modelport::registry::tracking::runs::RunDraft;

use super::{Scene, workspace};
use crate::support::{Backend, on_both};

on_both! {
    traces_are_for_whoever_sees_their_experiment,
    data_sets_are_for_whoever_sees_the_experiment_that_they_were_made_in,
}

fn id() -> TraceId {
    "tr-1".parse().unwrap()
}

fn trace() -> TraceDraft {
    let trace = Trace::new(id(), 1, TraceState::Ok);
    let tags = [("a".to_owned(), "1".to_owned())].into();
    let trace = Trace { tags, assessments: vec![said("first")], ..trace };
    TraceDraft { trace, run: None }
}

fn said(name: &str) -> Assessment {
    Assessment {
        id: name.to_owned(),
        trace: id(),
        kind: AssessmentKind::Feedback,
        name: name.to_owned(),
        is_valid: true,
        overrides: None,
        created_at: 1,
        updated_at: 1,
        said: Said::default(),
    }
}

fn search(of: Searched, experiments: Vec<NodeId>) -> Search {
    Search { of, experiments, view: View::All, clauses: Vec::new(), order: Vec::new(), datasets: Vec::new() }
}

/// What each of these was refused with, `None` for what was done.
fn kinds<const N: usize>(done: [Result<()>; N]) -> [Option<ErrorKind>; N] {
    done.map(|done| done.err().map(|error| error.kind()))
}

/// An experiment that is for those alone who have a role there.
async fn restricted(scene: &Scene, name: &str) -> NodeId {
    let draft = Draft::named(name.parse().unwrap());
    let experiment = scene.registry.tracking.create_experiment(&scene.offline(), draft).await.unwrap().id;
    let change = RootChange { owner: Change::Clear, is_restricted: Some(true), workspace: None };
    scene.registry.accounts.change_root(&scene.offline(), experiment, change).await.unwrap();
    experiment
}

async fn traces_are_for_whoever_sees_their_experiment(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (tracking, offline) = (&scene.registry.tracking, scene.offline());
    let experiment = restricted(&scene, "e").await;
    let here = || ExperimentRef::Id(experiment);
    tracking.put_trace(&offline, here(), trace()).await.unwrap();
    let run = RunDraft {
        experiment: here(),
        id: RunId::from_bits(1),
        name: "r".parse().unwrap(),
        start: None,
        properties: Properties::new(),
        custom: Properties::new(),
    };
    tracking.create_run(&offline, run).await.unwrap();
    let hidden = scene.with_role("hidden", Role::Maintainer, workspace("default")).await;
    let viewer = scene.with_role("viewer", Role::Viewer, ScopeRef::Root(experiment)).await;
    let writer = scene.with_role("writer", Role::Writer, ScopeRef::Root(experiment)).await;
    let reads = async |who: &RequestContext| {
        let page = tracking.search_traces(who, search(Searched::Traces, vec![experiment]), PageSize::new(9), None);
        let all = tracking.get_traces(who, vec![id()], None, true);
        (
            page.await.unwrap().traces.len() + all.await.unwrap().len(),
            kinds([
                tracking.get_trace(who, &id(), true).await.map(drop),
                tracking.get_assessment(who, &id(), "first").await.map(drop),
                tracking.get_folder(who, &Folder::Trace(id())).await.map(drop),
            ]),
        )
    };
    assert_eq!(reads(&hidden).await, (0, [Some(ErrorKind::NotFound); 3]));
    assert_eq!(reads(&viewer).await, (2, [None; 3]));
    let writes = async |who: &RequestContext| {
        kinds([
            tracking.put_trace(who, here(), trace()).await.map(drop),
            tracking.put_spans(who, here(), vec![trace()], Vec::new()).await,
            tracking.set_trace_tag(who, &id(), "b", "2").await,
            tracking.remove_trace_tag(who, &id(), "a").await,
            tracking.rename_trace(who, &id(), Some("n".to_owned())).await,
            tracking.create_assessment(who, said("second")).await.map(drop),
            tracking.change_assessment(who, &id(), "first", AssessmentChanges::default()).await.map(drop),
            tracking.remove_assessment(who, &id(), "first").await,
            tracking.link_traces(who, vec![id()], &RunId::from_bits(1)).await,
        ])
    };
    let delete = async |who: &RequestContext| {
        let chosen = Chosen { until: Some(9), ids: Vec::new() };
        tracking.delete_traces(who, here(), chosen, None).await.map_err(|error| error.kind())
    };
    assert_eq!(writes(&hidden).await, [Some(ErrorKind::NotFound); 9]);
    assert_eq!(writes(&viewer).await, [Some(ErrorKind::PermissionDenied); 9]);
    assert_eq!(writes(&writer).await, [None; 9]);
    assert_eq!(delete(&hidden).await, Err(ErrorKind::NotFound));
    assert_eq!(delete(&writer).await, Err(ErrorKind::PermissionDenied));
    // Somebody who writes in one experiment links no trace of another.
    let other = restricted(&scene, "other").await;
    scene.grant("writer", Role::Viewer, ScopeRef::Root(other)).await;
    let writer = scene.request(&scene.log_in(super::person("writer")).await.unwrap()).await;
    let foreign = TraceDraft {
        trace: Trace { id: "tr-2".parse().unwrap(), assessments: Vec::new(), ..trace().trace },
        run: None,
    };
    tracking.put_trace(&offline, ExperimentRef::Id(other), foreign).await.unwrap();
    let linked = tracking.link_traces(&writer, vec!["tr-2".parse().unwrap()], &RunId::from_bits(1)).await;
    assert_eq!(kinds([linked]), [Some(ErrorKind::PermissionDenied)]);
    let maintainer = scene.with_role("maintainer", Role::Maintainer, ScopeRef::Root(experiment)).await;
    assert_eq!(delete(&maintainer).await, Ok(1));
}

async fn data_sets_are_for_whoever_sees_the_experiment_that_they_were_made_in(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (tracking, offline) = (&scene.registry.tracking, scene.offline());
    let (experiment, other) = (restricted(&scene, "e").await, restricted(&scene, "other").await);
    let draft = |experiments: Vec<NodeId>| EvalDatasetDraft {
        home: ExperimentRef::Id(experiment),
        experiments: experiments.into_iter().map(ExperimentRef::Id).collect(),
        name: "d".to_owned(),
        tags: Labels::new(),
        by: None,
    };
    let dataset = tracking.create_eval_dataset(&offline, draft(vec![experiment, other])).await.unwrap().0.id;
    let hidden = scene.with_role("hidden", Role::Maintainer, ScopeRef::Root(other)).await;
    let viewer = scene.with_role("viewer", Role::Viewer, ScopeRef::Root(experiment)).await;
    let writer = scene.with_role("writer", Role::Writer, ScopeRef::Root(experiment)).await;
    let found = async |who: &RequestContext| {
        let all = search(Searched::EvalDatasets, Vec::new());
        tracking.search_eval_datasets(who, all, PageSize::new(9), None).await.unwrap().datasets.len()
    };
    let reads = async |who: &RequestContext| {
        kinds([
            tracking.get_eval_dataset(who, &dataset).await.map(drop),
            tracking.list_eval_records(who, &dataset, PageSize::new(9), None).await.map(drop),
            tracking.list_eval_dataset_experiments(who, &dataset).await.map(drop),
        ])
    };
    let writes = async |who: &RequestContext| {
        let here = vec![ExperimentRef::Id(experiment)];
        kinds([
            tracking.create_eval_dataset(who, draft(Vec::new())).await.map(drop),
            tracking.change_eval_dataset_tags(who, &dataset, Default::default()).await.map(drop),
            tracking.change_eval_dataset_experiments(who, &dataset, here, true).await.map(drop),
            tracking.upsert_eval_records(who, &dataset, Vec::new()).await.map(drop),
        ])
    };
    assert_eq!((found(&hidden).await, reads(&hidden).await), (0, [Some(ErrorKind::NotFound); 3]));
    assert_eq!((found(&viewer).await, reads(&viewer).await), (1, [None; 3]));
    let experiments = tracking.list_eval_dataset_experiments(&viewer, &dataset).await.unwrap();
    assert_eq!(experiments.iter().map(|node| node.id).collect::<Vec<_>>(), [experiment]);
    assert_eq!(writes(&hidden).await, [Some(ErrorKind::NotFound); 4]);
    assert_eq!(writes(&viewer).await, [Some(ErrorKind::PermissionDenied); 4]);
    assert_eq!(writes(&writer).await, [None; 4]);
    let removals = async |who: &RequestContext| {
        kinds([
            tracking.remove_eval_records(who, &dataset, Vec::new()).await.map(drop),
            tracking.remove_eval_dataset(who, &dataset).await,
        ])
    };
    assert_eq!(removals(&writer).await, [Some(ErrorKind::PermissionDenied); 2]);
    // As if it were not there.
    assert_eq!(removals(&hidden).await, [Some(ErrorKind::NotFound), None]);
    let maintainer = scene.with_role("maintainer", Role::Maintainer, ScopeRef::Root(experiment)).await;
    assert_eq!(removals(&maintainer).await, [None; 2]);
    assert_eq!(reads(&offline).await, [Some(ErrorKind::NotFound); 3]);
}
