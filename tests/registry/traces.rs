//! Traces and what is said of them: what is stored, what replaces what, and what goes with what.

use modelport::domain::filter::mlflow::{clauses, order_keys};
use modelport::domain::search::{Search, Searched};
use modelport::domain::trace::{
    Assessment, AssessmentKind, Chosen, Labels, ModelCall, Said, Span, Trace, TraceDraft, TraceId, TraceKey, TraceState,
};
use modelport::domain::tracking::{RunId, View};
use modelport::domain::{Draft, ErrorKind, FilePath, LogicalType, NodeId, PageSize, Properties};
use modelport::registry::removal::Removal;
use modelport::registry::target::{Precondition, Target};
use modelport::registry::tracking::assessments::AssessmentChanges;
use modelport::registry::tracking::experiments::ExperimentRef;
use modelport::registry::tracking::run_files::Folder;
use modelport::registry::tracking::runs::RunDraft;
use modelport::registry::upload::PutFile;
use serde_json::{Value as Json, json};

use super::{Scene, file};
use crate::support::{Backend, on_both};

on_both! {
    a_trace_is_what_its_client_says_whenever_its_spans_come,
    spans_complete_a_trace_and_are_replaced,
    a_trace_of_another_experiment_stays_there,
    pages_of_traces_skip_nothing_and_repeat_nothing,
    traces_are_found_by_what_they_are_and_what_is_said_of_them,
    an_assessment_comes_in_the_place_of_another,
    traces_go_with_all_that_they_have,
    what_is_archived_gets_no_traces,
}

fn id(text: &str) -> TraceId {
    text.parse().unwrap()
}

pub(super) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn trace(name: &str, at: i64) -> Trace {
    Trace::new(id(name), at, TraceState::InProgress)
}

/// The trace but for its key, which is drawn at random.
fn without_key(trace: Trace) -> Trace {
    Trace { key: TraceKey::default(), ..trace }
}

fn draft(trace: Trace) -> TraceDraft {
    TraceDraft { trace, run: None }
}

fn span(trace: &str, number: i64) -> Span {
    Span {
        trace: id(trace),
        id: format!("{number:016x}"),
        is_root: number == 0,
        name: format!("step {number}"),
        kind: if number == 0 { "CHAIN" } else { "TOOL" }.to_owned(),
        status: "OK".to_owned(),
        start: 1000 + number,
        end: None,
        call: ModelCall::default(),
        attributes: Labels::default(),
        document: json!({"name": format!("step {number}"), "text": "ünï"}),
    }
}

fn said(trace: &str, name: &str, value: impl Into<Json>) -> Assessment {
    Assessment {
        id: format!("a-{trace}-{name}"),
        trace: id(trace),
        kind: AssessmentKind::Feedback,
        name: name.to_owned(),
        is_valid: true,
        overrides: None,
        created_at: 5,
        updated_at: 5,
        said: Said { value: value.into(), ..Said::default() },
    }
}

fn search(experiment: NodeId, filter: &str, order: &[&str]) -> Search {
    Search {
        of: Searched::Traces,
        experiments: vec![experiment],
        view: View::All,
        clauses: clauses(Searched::Traces, filter).unwrap(),
        order: order_keys(Searched::Traces, order).unwrap(),
        datasets: Vec::new(),
    }
}

impl Scene {
    pub(super) async fn traced_experiment(&self, name: &str) -> NodeId {
        let draft = Draft::named(name.parse().unwrap());
        self.registry.tracking.create_experiment(&self.context, draft).await.unwrap().id
    }

    async fn put_trace(&self, experiment: NodeId, trace: Trace) -> Trace {
        let experiment = ExperimentRef::Id(experiment);
        without_key(self.registry.tracking.put_trace(&self.context, experiment, draft(trace)).await.unwrap().trace)
    }

    async fn put_spans(&self, experiment: NodeId, of: Trace, spans: Vec<Span>) {
        let experiment = ExperimentRef::Id(experiment);
        self.registry.tracking.put_spans(&self.context, experiment, vec![draft(of)], spans).await.unwrap();
    }

    async fn read_trace(&self, name: &str) -> (Trace, Vec<String>) {
        let found = self.registry.tracking.get_trace(&self.context, &id(name), true).await.unwrap();
        (without_key(found.trace), found.spans.into_iter().map(|span| span.name).collect())
    }

    async fn found(&self, search: Search) -> Vec<String> {
        let page = self.registry.tracking.search_traces(&self.context, search, PageSize::new(100), None).await.unwrap();
        assert_eq!(page.next, None);
        page.traces.into_iter().map(|each| each.trace.id.to_string()).collect()
    }
}

async fn a_trace_is_what_its_client_says_whenever_its_spans_come(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = scene.traced_experiment("e").await;
    let whole = || Trace {
        name: Some("answer".to_owned()),
        duration: Some(7),
        state: TraceState::Ok,
        client_request_id: Some("c".to_owned()),
        request: Some("{\"q\":1}".to_owned()),
        tags: labels(&[("team", "risk")]),
        metadata: labels(&[("size", "2")]),
        ..trace("tr-1", 100)
    };
    let from_spans = || Trace { duration: Some(900), state: TraceState::Error, ..trace("tr-1", 50) };
    let stored = scene.put_trace(experiment, whole()).await;
    assert_eq!(stored, Trace { experiment, ..whole() });
    scene.put_spans(experiment, from_spans(), vec![span("tr-1", 1), span("tr-1", 0)]).await;
    let expected = Trace { experiment, has_spans: true, ..whole() };
    assert_eq!(scene.read_trace("tr-1").await, (expected.clone(), vec!["step 0".to_owned(), "step 1".to_owned()]));
    // The other way round, and again.
    let other = |trace: Trace| Trace { id: id("tr-2"), ..trace };
    scene.put_spans(experiment, other(from_spans()), vec![span("tr-2", 0)]).await;
    assert_eq!(scene.read_trace("tr-2").await.0.state, TraceState::Error);
    for _ in 0..2 {
        let stored = scene.put_trace(experiment, other(whole())).await;
        assert_eq!(stored, other(expected.clone()));
    }
}

async fn spans_complete_a_trace_and_are_replaced(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = scene.traced_experiment("e").await;
    let inner = Trace { duration: Some(10), tags: labels(&[("a", "1")]), ..trace("tr-1", 100) };
    scene.put_spans(experiment, inner, vec![span("tr-1", 1)]).await;
    let (found, _) = scene.read_trace("tr-1").await;
    assert_eq!((found.at, found.duration, found.state), (100, Some(10), TraceState::InProgress));
    let root = Trace {
        duration: Some(35),
        state: TraceState::Ok,
        name: Some("root".to_owned()),
        tags: labels(&[("b", "2")]),
        ..trace("tr-1", 90)
    };
    scene.put_spans(experiment, root, vec![span("tr-1", 0)]).await;
    let late = Trace { duration: None, ..trace("tr-1", 95) };
    let again = Span { name: "renamed".to_owned(), ..span("tr-1", 1) };
    scene.put_spans(experiment, late, vec![again]).await;
    let (found, spans) = scene.read_trace("tr-1").await;
    assert_eq!((found.at, found.duration, found.state), (90, Some(35), TraceState::Ok));
    assert_eq!(found.name.as_deref(), Some("root"));
    assert_eq!(found.tags, labels(&[("a", "1"), ("b", "2")]));
    assert_eq!(spans, ["step 0", "renamed"]);
}

async fn a_trace_of_another_experiment_stays_there(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (one, other) = (scene.traced_experiment("one").await, scene.traced_experiment("other").await);
    scene.put_trace(one, trace("tr-1", 1)).await;
    let tracking = &scene.registry.tracking;
    let moved = Trace { state: TraceState::Error, tags: labels(&[("x", "1")]), ..trace("tr-1", 2) };
    let taken = tracking.put_trace(&scene.context, ExperimentRef::Id(other), draft(moved.clone())).await.unwrap_err();
    assert_eq!((taken.kind(), taken.field()), (ErrorKind::AlreadyExists, Some("trace_id")));
    let spans = vec![span("tr-1", 0)];
    let taken = tracking.put_spans(&scene.context, ExperimentRef::Id(other), vec![draft(moved)], spans).await;
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(scene.read_trace("tr-1").await, (Trace { experiment: one, ..trace("tr-1", 1) }, Vec::new()));
    let within = |experiments| tracking.get_traces(&scene.context, vec![id("tr-1"), id("tr-2")], experiments, false);
    assert_eq!(within(None).await.unwrap().len(), 1);
    assert_eq!(within(Some(vec![one])).await.unwrap().len(), 1);
    assert_eq!(within(Some(vec![other])).await.unwrap(), []);
}

async fn pages_of_traces_skip_nothing_and_repeat_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = scene.traced_experiment("e").await;
    for number in 0..7 {
        let labelled = labels(&[("even", if number % 2 == 0 { "yes" } else { "no" })]);
        let state = if number < 3 { TraceState::Ok } else { TraceState::Error };
        // Some begin at the same time, some took a time that nobody knows.
        let duration = (number % 3 != 0).then_some(i64::from(number));
        let each = Trace { tags: labelled, duration, state, ..trace(&format!("tr-{number}"), i64::from(number / 2)) };
        scene.put_trace(experiment, each).await;
    }
    for order in [
        vec![],
        vec!["timestamp_ms ASC"],
        vec!["execution_time DESC"],
        vec!["end_time"],
        vec!["status", "name DESC"],
        vec!["tags.even DESC", "request_id DESC"],
        vec!["metadata.nothing"],
    ] {
        let whole = scene.found(search(experiment, "", &order)).await;
        assert_eq!(whole.len(), 7, "{order:?}");
        let (mut paged, mut token) = (Vec::new(), None);
        loop {
            let one = search(experiment, "", &order);
            let page = scene.registry.tracking.search_traces(&scene.context, one, PageSize::new(2), token).await;
            let page = page.unwrap();
            paged.extend(page.traces.into_iter().map(|each| each.trace.id.to_string()));
            token = page.next;
            if paged.len() == 2 {
                // What is newer than all of them moves nothing.
                scene.put_trace(experiment, Trace { state: TraceState::Ok, ..trace("tr-9", 99) }).await;
                let chosen = Chosen { until: None, ids: vec![id("tr-9")] };
                let gone =
                    scene.registry.tracking.delete_traces(&scene.context, ExperimentRef::Id(experiment), chosen, None);
                assert_eq!(gone.await.unwrap(), 1);
            }
            if token.is_none() {
                break;
            }
        }
        assert_eq!(paged, whole, "{order:?}");
    }
    assert_eq!(scene.found(search(experiment, "", &[])).await[..3], ["tr-6", "tr-4", "tr-5"]);
}

async fn traces_are_found_by_what_they_are_and_what_is_said_of_them(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = scene.traced_experiment("e").await;
    let run = RunId::from_bits(7);
    let new = RunDraft {
        experiment: ExperimentRef::Id(experiment),
        id: run.clone(),
        name: "r".parse().unwrap(),
        start: None,
        properties: Properties::new(),
        custom: Properties::new(),
    };
    let tracking = &scene.registry.tracking;
    tracking.create_run(&scene.context, new).await.unwrap();
    let first = Trace {
        name: Some("answer".to_owned()),
        state: TraceState::Ok,
        duration: Some(10),
        client_request_id: Some("c1".to_owned()),
        tags: labels(&[("team", "risk")]),
        metadata: labels(&[("user", "ann")]),
        assessments: vec![said("tr-1", "score", 0.75), said("tr-1", "good", true), said("tr-1", "tone", "Kind")],
        ..trace("tr-1", 100)
    };
    let of_run = TraceDraft { run: Some(run.clone()), ..draft(first) };
    tracking.put_trace(&scene.context, ExperimentRef::Id(experiment), of_run).await.unwrap();
    let second = Trace { assessments: vec![said("tr-2", "score", 0.25)], ..trace("tr-2", 200) };
    scene.put_trace(experiment, second).await;
    scene.put_spans(experiment, trace("tr-2", 200), vec![span("tr-2", 0), span("tr-2", 1)]).await;
    for (filter, expected) in [
        ("", vec!["tr-2", "tr-1"]),
        ("name = 'answer'", vec!["tr-1"]),
        ("trace.name LIKE 'ans%'", vec!["tr-1"]),
        ("tags.`mlflow.traceName` = 'answer'", vec!["tr-1"]),
        ("status IN ('OK', 'ERROR')", vec!["tr-1"]),
        ("client_request_id = 'c1'", vec!["tr-1"]),
        ("timestamp_ms > 100", vec!["tr-2"]),
        ("execution_time = 10 AND end_time_ms <= 110", vec!["tr-1"]),
        ("tag.team = 'risk'", vec!["tr-1"]),
        ("tags.team IS NULL", vec!["tr-2"]),
        ("metadata.user ILIKE 'A%'", vec!["tr-1"]),
        ("request_metadata.user IS NOT NULL", vec!["tr-1"]),
        ("run_id = '00000000000000000000000000000007'", vec!["tr-1"]),
        ("run_id != '00000000000000000000000000000007'", vec![]),
        ("feedback.score >= 0.25", vec!["tr-2", "tr-1"]),
        ("feedback.score > 0.25", vec!["tr-1"]),
        ("feedback.good = 'true' AND feedback.tone ILIKE 'k%'", vec!["tr-1"]),
        ("feedback.tone > 1", vec![]),
        ("feedback.good IS NULL", vec!["tr-2"]),
        ("expectation.score IS NOT NULL", vec![]),
        ("span.name = 'step 1' AND span.type = 'TOOL'", vec!["tr-2"]),
        ("span.status != 'OK'", vec![]),
        ("trace.text LIKE '%ünï%'", vec!["tr-2"]),
    ] {
        assert_eq!(scene.found(search(experiment, filter, &[])).await, expected, "{filter}");
    }
    tracking.link_traces(&scene.context, vec![id("tr-2"), id("tr-3")], &run).await.unwrap();
    let of_run = "run_id = '00000000000000000000000000000007'";
    assert_eq!(scene.found(search(experiment, of_run, &[])).await, ["tr-2", "tr-1"]);
    let of_run = search(experiment, of_run, &[]);
    let page = tracking.search_traces(&scene.context, of_run.clone(), PageSize::new(1), None).await.unwrap();
    let other = search(experiment, "", &[]);
    let refused = tracking.search_traces(&scene.context, other, PageSize::new(1), page.next).await.unwrap_err();
    assert_eq!(refused.field(), Some("page_token"));
}

async fn an_assessment_comes_in_the_place_of_another(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = scene.traced_experiment("e").await;
    scene.put_trace(experiment, Trace { assessments: vec![said("tr-1", "score", 1)], ..trace("tr-1", 1) }).await;
    // A client that got no answer says the same again.
    scene.put_trace(experiment, Trace { assessments: vec![said("tr-1", "score", 2)], ..trace("tr-1", 1) }).await;
    let tracking = &scene.registry.tracking;
    let over = Assessment { overrides: Some("a-tr-1-score".to_owned()), ..said("tr-1", "second", "two") };
    let made = tracking.create_assessment(&scene.context, over).await.unwrap();
    let found = async |name: &str| tracking.get_assessment(&scene.context, &id("tr-1"), name).await;
    let overridden = found("a-tr-1-score").await.unwrap();
    assert_eq!((overridden.is_valid, overridden.said.value), (false, json!(1)));
    assert_eq!(scene.found(search(experiment, "feedback.score IS NOT NULL", &[])).await, [""; 0]);
    let changes = AssessmentChanges {
        name: Some("third".to_owned()),
        value: Some((AssessmentKind::Feedback, Said { value: json!({"a": [1, null]}), ..Said::default() })),
        rationale: Some("why".to_owned()),
        metadata: labels(&[("k", "v")]),
        is_valid: None,
    };
    let changed = tracking.change_assessment(&scene.context, &id("tr-1"), &made.id, changes).await.unwrap();
    assert_eq!(tracking.get_assessment(&scene.context, &id("tr-1"), &made.id).await.unwrap(), changed);
    assert_eq!((changed.name.as_str(), changed.said.value), ("third", json!({"a": [1, null]})));
    let wrong = AssessmentChanges {
        value: Some((AssessmentKind::Expectation, Said::default())),
        ..AssessmentChanges::default()
    };
    let refused = tracking.change_assessment(&scene.context, &id("tr-1"), &made.id, wrong).await.unwrap_err();
    assert_eq!((refused.kind(), refused.field()), (ErrorKind::InvalidArgument, Some("expectation")));
    for _ in 0..2 {
        tracking.remove_assessment(&scene.context, &id("tr-1"), &made.id).await.unwrap();
    }
    assert!(found("a-tr-1-score").await.unwrap().is_valid);
    let of_none = Assessment { overrides: Some("a-none".to_owned()), ..said("tr-1", "fourth", 4) };
    for refused in [of_none, said("tr-none", "score", 1)] {
        let refused = tracking.create_assessment(&scene.context, refused).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound);
    }
    assert_eq!(found("a-tr-1-fourth").await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn traces_go_with_all_that_they_have(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = scene.traced_experiment("e").await;
    let tracking = &scene.registry.tracking;
    for number in 1..=4 {
        let name = format!("tr-{number}");
        let whole =
            Trace { tags: labels(&[("a", "1")]), assessments: vec![said(&name, "s", 1)], ..trace(&name, number) };
        scene.put_trace(experiment, whole).await;
        scene.put_spans(experiment, trace(&name, number), vec![span(&name, 0)]).await;
        let owner = tracking.get_folder(&scene.context, &Folder::Trace(id(&name))).await.unwrap();
        let path = owner.path(&"traces.json".parse::<FilePath>().unwrap()).unwrap();
        let put = PutFile {
            target: owner.target().unwrap().clone(),
            path,
            precondition: Precondition::Any,
            ..file("unused", "1", "traces.json")
        };
        assert_eq!(put.target, Target::Traces(experiment));
        scene.put(put, "{}").await.unwrap();
    }
    let traces = Folder::Trace(id("tr-2"));
    let (_, listed) = tracking.list_folder(&scene.context, &traces, None).await.unwrap();
    assert_eq!(listed.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["traces.json"]);
    let counts = || ["traces", "trace_labels", "spans", "assessments", "files"].map(|table| scene.count(table));
    assert_eq!(counts(), [4; 5]);
    let delete = |until, ids: &[&str], most| {
        let chosen = Chosen { until, ids: ids.iter().map(|each| id(each)).collect() };
        tracking.delete_traces(&scene.context, ExperimentRef::Id(experiment), chosen, most)
    };
    assert_eq!(delete(None, &["tr-2", "tr-none"], None).await.unwrap(), 1);
    assert_eq!(counts(), [3; 5]);
    assert_eq!(delete(Some(3), &[], Some(1)).await.unwrap(), 1);
    assert_eq!(scene.found(search(experiment, "", &[])).await, ["tr-4", "tr-3"]);
    assert_eq!(tracking.get_folder(&scene.context, &traces).await.unwrap_err().kind(), ErrorKind::NotFound);
    let kept = Folder::Trace(id("tr-3"));
    tracking.get_folder_file(&scene.context, &kept, &"traces.json".parse().unwrap()).await.unwrap();
    let removal = Removal::RECURSIVE;
    scene.registry.entities.delete(&scene.context, LogicalType::Experiment, experiment, removal).await.unwrap();
    assert_eq!(counts(), [0; 5]);
}

async fn what_is_archived_gets_no_traces(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = scene.traced_experiment("e").await;
    let tracking = &scene.registry.tracking;
    scene.put_trace(experiment, trace("tr-1", 1)).await;
    tracking.set_experiment_archived(&scene.context, ExperimentRef::Id(experiment), true).await.unwrap();
    let refused = tracking.put_trace(&scene.context, ExperimentRef::Id(experiment), draft(trace("tr-2", 1))).await;
    assert_eq!(refused.unwrap_err().field(), Some("experiment_id"));
    assert_eq!(scene.read_trace("tr-1").await.0.at, 1);
}
