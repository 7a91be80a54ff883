//! Data sets to evaluate on: their records, and the experiments that use them.

use std::collections::BTreeMap;

use modelport::domain::filter::mlflow::{clauses, order_keys};
use modelport::domain::search::{Search, Searched};
use modelport::domain::tracking::View;
use modelport::domain::{ErrorKind, LogicalType, NodeId, PageSize};
use modelport::registry::removal::Removal;
use modelport::registry::tracking::eval_datasets::{EvalDatasetDraft, EvalRecordDraft, Upserted};
use modelport::registry::tracking::experiments::ExperimentRef;
use serde_json::{Map, Value as Json, json};

use super::Scene;
use super::traces::labels;
use crate::support::{Backend, on_both};

on_both! {
    records_with_the_same_inputs_are_one,
    data_sets_are_found_by_their_experiments,
}

impl Scene {
    async fn eval_dataset(&self, experiment: NodeId, name: &str) -> String {
        let draft = EvalDatasetDraft {
            home: ExperimentRef::Id(experiment),
            experiments: vec![ExperimentRef::Id(experiment)],
            name: name.to_owned(),
            tags: labels(&[("team", "risk")]),
            by: Some("ann".to_owned()),
        };
        self.registry.tracking.create_eval_dataset(&self.context, draft).await.unwrap().0.id
    }
}

fn record(document: Json) -> EvalRecordDraft {
    EvalRecordDraft { document: document.as_object().unwrap().clone(), by: None }
}

async fn records_with_the_same_inputs_are_one(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = scene.traced_experiment("e").await;
    let tracking = &scene.registry.tracking;
    let dataset = scene.eval_dataset(experiment, "d").await;
    let upsert = |records: Vec<Json>| {
        let records = records.into_iter().map(record).collect();
        tracking.upsert_eval_records(&scene.context, &dataset, records)
    };
    let first = vec![
        json!({"inputs": {"q": "a", "n": 1}, "expectations": {"x": 1}, "outputs": {"o": true}}),
        json!({"inputs": {"q": "b"}, "tags": {"t": "1"}}),
        json!({"inputs": {"n": 1, "q": "a"}, "expectations": {"y": 2.5}}),
    ];
    assert_eq!(upsert(first).await.unwrap(), Upserted { inserted: 2, updated: 1 });
    let second = vec![json!({"inputs": {"q": "b"}, "tags": {"u": "2"}, "outputs": "text"})];
    assert_eq!(upsert(second).await.unwrap(), Upserted { inserted: 0, updated: 1 });
    let (mut records, mut token) = (Vec::new(), None::<String>);
    loop {
        let size = PageSize::new(1);
        let page = tracking.list_eval_records(&scene.context, &dataset, size, token.as_deref()).await.unwrap();
        records.extend(page.0);
        token = page.1;
        if token.is_none() {
            break;
        }
    }
    let documents: BTreeMap<String, Map<String, Json>> =
        records.iter().map(|record| (record.document["inputs"]["q"].to_string(), record.document.clone())).collect();
    assert_eq!(documents.len(), 2);
    assert_eq!(Json::Object(documents["\"a\""].clone())["expectations"], json!({"x": 1, "y": 2.5}));
    let other = json!({"inputs": {"q": "b"}, "tags": {"t": "1", "u": "2"}, "outputs": "text"});
    assert_eq!(Json::Object(documents["\"b\""].clone()), other);
    let found = tracking.get_eval_dataset(&scene.context, &dataset).await.unwrap();
    assert_eq!(found.records, 2);
    let fields = json!({
        "inputs": {"q": "string", "n": "integer"},
        "outputs": {"o": "boolean"},
        "expectations": {"x": "integer", "y": "float"},
    });
    assert_eq!(found.fields, Some(fields));
    let ids: Vec<String> = records.into_iter().map(|record| record.id).chain(["none".to_owned()]).collect();
    assert_eq!(tracking.remove_eval_records(&scene.context, &dataset, ids).await.unwrap(), 2);
    assert_eq!(tracking.get_eval_dataset(&scene.context, &dataset).await.unwrap().records, 0);
}

async fn data_sets_are_found_by_their_experiments(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (one, other) = (scene.traced_experiment("one").await, scene.traced_experiment("other").await);
    let tracking = &scene.registry.tracking;
    let (first, second) = (scene.eval_dataset(one, "first").await, scene.eval_dataset(other, "second").await);
    let found = async |experiments: &[NodeId], filter: &str| {
        let search = Search {
            of: Searched::EvalDatasets,
            experiments: experiments.to_vec(),
            view: View::All,
            clauses: clauses(Searched::EvalDatasets, filter).unwrap(),
            order: order_keys(Searched::EvalDatasets, &["name ASC"]).unwrap(),
            datasets: Vec::new(),
        };
        let page = tracking.search_eval_datasets(&scene.context, search, PageSize::new(10), None).await.unwrap();
        page.datasets.into_iter().map(|each| each.name).collect::<Vec<_>>()
    };
    assert_eq!(found(&[], "").await, ["first", "second"]);
    assert_eq!(found(&[one], "").await, ["first"]);
    let used = |used| {
        let experiments = vec![ExperimentRef::Id(one)];
        tracking.change_eval_dataset_experiments(&scene.context, &second, experiments, used)
    };
    assert_eq!(used(true).await.unwrap().1.iter().map(|node| node.id).collect::<Vec<_>>(), [one, other]);
    assert_eq!(found(&[one], "tags.team = 'risk' AND created_by = 'ann'").await, ["first", "second"]);
    used(false).await.unwrap();
    assert_eq!(found(&[one, other], "name LIKE 's%'").await, ["second"]);
    let tags = [("team".to_owned(), None), ("new".to_owned(), Some("1".to_owned()))].into_iter().collect();
    let changed = tracking.change_eval_dataset_tags(&scene.context, &first, tags).await.unwrap();
    assert_eq!(changed.tags, labels(&[("new", "1")]));
    for _ in 0..2 {
        tracking.remove_eval_dataset(&scene.context, &first).await.unwrap();
    }
    let gone = tracking.get_eval_dataset(&scene.context, &first).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    let removal = Removal::RECURSIVE;
    scene.registry.entities.delete(&scene.context, LogicalType::Experiment, other, removal).await.unwrap();
    assert_eq!((scene.count("eval_datasets"), scene.count("eval_dataset_tags")), (0, 0));
}
