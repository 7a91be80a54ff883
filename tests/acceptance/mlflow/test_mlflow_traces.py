"""Traces, what is said of them, and data sets to evaluate on, as MLflow's client makes and reads them."""

import json
from collections.abc import Callable

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, Feedback, TraceState
from mlflow.exceptions import MlflowException
from mlflow.genai import datasets, scorer
from wire import Wire, pages

ROOT = "/api/3.0/mlflow"
JUDGE = AssessmentSource(source_type="HUMAN", source_id="ann@example.com")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is traced is sent before the traced function returns."""
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")


@mlflow.trace(span_type="RETRIEVER")
def look_up(word: str) -> list[str]:
    return [word, "Ünï 🍎"]


@mlflow.trace(name="answer", attributes={"deep": {"list": [1, 2.5, None, True]}})
def reply(question: str) -> str:
    if question == "fail":
        raise ValueError("no answer")
    return " ".join(look_up(question))


def traced(question: str = "what") -> str:
    reply(question)
    return mlflow.get_last_active_trace_id()


def test_a_function_is_traced_with_those_that_it_calls(client: MlflowClient, experiment: str) -> None:
    trace_id = traced()
    trace = mlflow.get_trace(trace_id)
    info = trace.info
    assert (info.trace_id, info.experiment_id, info.state) == (trace_id, experiment, TraceState.OK)
    assert info.tags["mlflow.traceName"] == "answer"
    assert info.tags["mlflow.artifactLocation"] == f"mlflow-artifacts:/{experiment}/traces/{trace_id}/artifacts"
    assert json.loads(info.request_preview) == {"question": "what"}
    assert "Ünï 🍎" in info.response_preview
    assert info.execution_duration >= 0 and info.request_time > 1_700_000_000_000
    root, inner = trace.data.spans
    assert (root.name, root.parent_id, root.span_type) == ("answer", None, "UNKNOWN")
    assert (inner.name, inner.parent_id, inner.span_type) == ("look_up", root.span_id, "RETRIEVER")
    assert root.inputs == {"question": "what"} and root.outputs == "what Ünï 🍎"
    assert inner.outputs == ["what", "Ünï 🍎"]
    assert root.attributes["deep"] == {"list": [1, 2.5, None, True]}
    assert root.start_time_ns <= inner.start_time_ns <= inner.end_time_ns <= root.end_time_ns


def test_a_failure_is_traced_with_its_error(client: MlflowClient, experiment: str) -> None:
    with pytest.raises(ValueError):
        reply("fail")
    trace = mlflow.get_trace(mlflow.get_last_active_trace_id())
    assert trace.info.state == TraceState.ERROR
    [span] = trace.data.spans
    assert span.status.status_code == "ERROR" and "no answer" in span.status.description
    assert [event.name for event in span.events] == ["exception"]


def test_traces_are_searched(client: MlflowClient, experiment: str) -> None:
    with mlflow.start_run() as run:
        within = traced("within")
    plain = traced("plain")
    with pytest.raises(ValueError):
        reply("fail")
    failed = mlflow.get_last_active_trace_id()
    client.set_trace_tag(plain, "team", "risk")
    mlflow.log_feedback(trace_id=plain, name="score", value=0.75, source=JUDGE)
    mlflow.log_feedback(trace_id=within, name="score", value=0.25, source=JUDGE)
    mlflow.log_feedback(trace_id=within, name="good", value=True, source=JUDGE)
    mlflow.log_expectation(trace_id=plain, name="word", value="yes", source=JUDGE)
    at = mlflow.get_trace(plain).info.request_time

    def found(clause: str, **options) -> set[str]:
        traces = client.search_traces(locations=[experiment], filter_string=clause, **options)
        return {trace.info.trace_id for trace in traces}

    for clause, expected in {
        "": {within, plain, failed},
        "status = 'ERROR'": {failed},
        "trace.status != 'ERROR' AND name = 'answer'": {within, plain},
        "attributes.name ILIKE 'ANS%'": {within, plain, failed},
        "name = 'other'": set(),
        f"timestamp_ms >= {at} AND trace.status = 'OK'": {plain},
        f"timestamp < {at}": {within},
        "execution_time_ms >= 0": {within, plain, failed},
        f"request_id IN ('{plain}', '{failed}')": {plain, failed},
        f"run_id = '{run.info.run_id}'": {within},
        f"metadata.`mlflow.sourceRun` = '{run.info.run_id}'": {within},
        "tags.team = 'risk'": {plain},
        "tag.team != 'risk'": set(),
        "tags.team IS NULL": {within, failed},
        "feedback.score > 0.5": {plain},
        "feedback.good = 'true'": {within},
        "feedback.good IS NULL": {plain, failed},
        "expectation.word = 'yes'": {plain},
        "span.type = 'RETRIEVER'": {within, plain},
        "span.name = 'look_up' AND trace.text LIKE '%plain%'": {plain},
    }.items():
        assert found(clause) == expected, clause
    assert found("", run_id=run.info.run_id) == {within}

    def order(*keys: str) -> list[str]:
        traces = client.search_traces(locations=[experiment], order_by=list(keys), include_spans=False)
        return [trace.info.trace_id for trace in traces]

    assert order() == [failed, plain, within]
    assert order("timestamp_ms ASC") == [within, plain, failed]
    assert order("status DESC") == [plain, within, failed]
    by_page = pages(client.search_traces, locations=[experiment], max_results=2, include_spans=False)
    assert [[trace.info.trace_id for trace in page] for page in by_page] == [[failed, plain], [within]]


def test_searches_of_traces_are_refused_that_cannot_be(client: MlflowClient, experiment: str, wire: Wire) -> None:
    here = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}]
    for said in [
        {"filter": "nothing = 'a'"},
        {"filter": "feedback.score > 'a'"},
        {"filter": "status > 'OK'"},
        {"order_by": ["nothing"]},
        {"max_results": 501},
        {"page_token": "x"},
    ]:
        wire.refusal("POST", f"{ROOT}/traces/search", 400, json={"locations": here, **said})


def test_traces_are_tagged_and_removed(client: MlflowClient, experiment: str) -> None:
    first, second, third = traced("a"), traced("b"), traced("c")
    client.set_trace_tag(first, "stage", "draft")
    client.set_trace_tag(first, "stage", "final")
    client.set_trace_tag(first, "gone", "1")
    client.delete_trace_tag(first, "gone")
    tags = mlflow.get_trace(first).info.tags
    assert tags["stage"] == "final" and "gone" not in tags
    with pytest.raises(MlflowException, match="gone"):
        client.delete_trace_tag(first, "gone")
    assert client.delete_traces(experiment_id=experiment, trace_ids=[second, "tr-none"]) == 1
    at = mlflow.get_trace(first).info.request_time
    assert client.delete_traces(experiment_id=experiment, max_timestamp_millis=at, max_traces=5) == 1
    assert [each.info.trace_id for each in client.search_traces(locations=[experiment])] == [third]
    assert mlflow.get_trace(second) is None


def test_what_is_said_of_a_trace_changes(client: MlflowClient, experiment: str) -> None:
    trace_id = traced()
    said = mlflow.log_feedback(
        trace_id=trace_id,
        name="tone",
        value={"kind": 0.5, "why": ["short"]},
        rationale="it is short",
        source=JUDGE,
        metadata={"round": "1"},
    )
    wanted = mlflow.log_expectation(trace_id=trace_id, name="words", value=["what", None], source=JUDGE)
    failed = mlflow.log_feedback(trace_id=trace_id, name="broken", error=ValueError("no value"))
    found = mlflow.get_assessment(trace_id, said.assessment_id)
    assert found.value == {"kind": 0.5, "why": ["short"]} and found.rationale == "it is short"
    assert (found.source.source_type, found.source.source_id) == ("HUMAN", "ann@example.com")
    assert found.metadata == {"round": "1"} and found.valid
    assert mlflow.get_assessment(trace_id, wanted.assessment_id).value == ["what", None]
    broken = mlflow.get_assessment(trace_id, failed.assessment_id)
    assert broken.value is None and broken.error.error_message == "no value"
    changed = mlflow.update_assessment(
        trace_id=trace_id,
        assessment_id=said.assessment_id,
        assessment=Feedback(name="style", value="fine", rationale="on reflection", source=JUDGE, metadata={"by": "me"}),
    )
    assert (changed.name, changed.value, changed.rationale) == ("style", "fine", "on reflection")
    assert changed.metadata == {"round": "1", "by": "me"}
    over = mlflow.override_feedback(trace_id=trace_id, assessment_id=said.assessment_id, value="bad", source=JUDGE)
    assert not mlflow.get_assessment(trace_id, said.assessment_id).valid
    mlflow.delete_assessment(trace_id=trace_id, assessment_id=over.assessment_id)
    assert mlflow.get_assessment(trace_id, said.assessment_id).valid
    names = [each.name for each in mlflow.get_trace(trace_id).info.assessments]
    assert sorted(names) == ["broken", "style", "words"]
    with pytest.raises(MlflowException, match="tr-none"):
        mlflow.log_feedback(trace_id="tr-none", name="x", value=1, source=JUDGE)


def test_an_application_is_evaluated(client: MlflowClient, experiment: str) -> None:
    @scorer
    def is_right(outputs: str, expectations: dict) -> bool:
        return outputs == expectations["word"]

    @scorer
    def length(outputs: str) -> Feedback:
        return Feedback(value=len(outputs), rationale="as it is")

    rows = [
        {"inputs": {"question": "a"}, "expectations": {"word": "a Ünï 🍎"}},
        {"inputs": {"question": "b"}, "expectations": {"word": "other"}},
    ]
    result = mlflow.genai.evaluate(data=rows, predict_fn=lambda question: reply(question), scorers=[is_right, length])
    assert result.metrics["is_right/mean"] == 0.5 and result.metrics["length/mean"] == 7.0
    run = client.get_run(result.run_id)
    assert run.data.metrics["is_right/mean"] == 0.5
    traces = client.search_traces(locations=[experiment], run_id=result.run_id)
    assert len(traces) == 2
    for trace in traces:
        said = {each.name: each.value for each in trace.info.assessments}
        question = trace.data.spans[0].inputs["question"]
        assert said["is_right"] is (question == "a") and said["length"] == 7, said
        assert said["word"] == {"a": "a Ünï 🍎", "b": "other"}[question]


def test_answers_that_are_there_already_are_evaluated(client: MlflowClient, experiment: str) -> None:
    @scorer
    def is_short(outputs: str) -> bool:
        return len(outputs) < 5

    rows = [{"inputs": {"question": "a"}, "outputs": "yes"}, {"inputs": {"question": "b"}, "outputs": "certainly"}]
    result = mlflow.genai.evaluate(data=rows, scorers=[is_short])
    assert result.metrics == {"is_short/mean": 0.5}


@pytest.mark.ours
def test_files_of_a_trace_are_kept_with_it(client: MlflowClient, experiment: str, wire: Wire) -> None:
    trace_id = traced()
    folder = f"{experiment}/traces/{trace_id}/artifacts"
    wire.put(f"{folder}/traces.json", b'{"spans": []}')
    assert wire.file(f"{folder}/traces.json").content == b'{"spans": []}'
    assert [each["path"] for each in wire.listing(folder)] == ["traces.json"]
    client.delete_traces(experiment_id=experiment, trace_ids=[trace_id])
    wire.file(f"{folder}/traces.json", 404)


def test_a_data_set_is_made_filled_and_searched(client: MlflowClient, experiment: str, unique: Callable[[str], str]) -> None:
    name = unique("questions")
    made = datasets.create_dataset(name=name, experiment_id=experiment, tags={"team": "risk", "gone": "1"})
    assert made.dataset_id.startswith("d-") and made.name == name and made.experiment_ids == [experiment]
    made.merge_records(
        [
            {"inputs": {"q": "a", "n": 1}, "expectations": {"word": "x"}, "tags": {"kind": "easy"}},
            {"inputs": {"q": "b", "n": 2}, "outputs": {"text": "y"}},
        ]
    )
    made.merge_records([{"inputs": {"n": 1, "q": "a"}, "expectations": {"other": 2.5}}])
    found = datasets.get_dataset(dataset_id=made.dataset_id)
    frame = found.to_df().sort_values("inputs", key=lambda column: column.map(lambda inputs: inputs["q"]))
    assert frame["inputs"].tolist() == [{"q": "a", "n": 1}, {"q": "b", "n": 2}]
    assert frame["expectations"].tolist()[0] == {"word": "x", "other": 2.5}
    assert json.loads(found.profile) == {"num_records": 2}
    schema = json.loads(found.schema)
    assert schema["inputs"] == {"q": "string", "n": "integer"} and schema["expectations"] == {"word": "string", "other": "float"}
    datasets.set_dataset_tags(found.dataset_id, {"team": "fraud", "new": 1})
    datasets.delete_dataset_tag(found.dataset_id, "gone")
    assert client.get_dataset(found.dataset_id).tags.items() >= {"team": "fraud", "new": "1"}.items()
    assert "gone" not in client.get_dataset(found.dataset_id).tags

    def searched(clause: str) -> list[str]:
        return [each.name for each in datasets.search_datasets(experiment_ids=[experiment], filter_string=clause)]

    assert searched(f"name = '{name}'") == [name]
    assert searched("name LIKE 'questions%' AND tags.team = 'fraud'") == [name]
    assert searched("tags.team = 'risk'") == [] and searched("created_time > 1") == [name]
    assert datasets.get_dataset(name=name).dataset_id == made.dataset_id
    datasets.delete_dataset(dataset_id=made.dataset_id)
    with pytest.raises(MlflowException, match=made.dataset_id):
        client.get_dataset(made.dataset_id)


def test_data_sets_are_used_by_several_experiments(client: MlflowClient, experiment: str, unique: Callable[[str], str]) -> None:
    other = client.create_experiment(unique("other"))
    made = datasets.create_dataset(name=unique("shared"), experiment_id=experiment)
    datasets.add_dataset_to_experiments(dataset_id=made.dataset_id, experiment_ids=[other])
    assert set(client.get_dataset(made.dataset_id).experiment_ids) == {experiment, other}
    assert [each.dataset_id for each in datasets.search_datasets(experiment_ids=[other])] == [made.dataset_id]
    datasets.remove_dataset_from_experiments(dataset_id=made.dataset_id, experiment_ids=[experiment])
    assert client.get_dataset(made.dataset_id).experiment_ids == [other]
    records = [{"inputs": {"n": number}} for number in range(5)]
    made.merge_records(records)
    assert len(made.to_df()) == 5


def test_records_are_evaluated_and_traces_are_records(client: MlflowClient, experiment: str, unique: Callable[[str], str]) -> None:
    @scorer
    def is_text(outputs: str) -> bool:
        return isinstance(outputs, str)

    made = datasets.create_dataset(name=unique("evaluated"), experiment_id=experiment)
    made.merge_records([client.get_trace(traced("from a trace"))])
    made.merge_records([{"inputs": {"question": "plain"}}])
    result = mlflow.genai.evaluate(data=made, predict_fn=lambda question: reply(question), scorers=[is_text])
    assert result.metrics == {"is_text/mean": 1.0}


@pytest.mark.ours
def test_what_is_not_here_says_so(wire: Wire, experiment: str) -> None:
    wire.refusal("GET", "/api/2.0/mlflow/unified-traces", 501)
    wire.refusal("GET", "/api/3.0/mlflow/traces/tr-1/nothing", 404)
    spans = {"headers": {"content-type": "application/x-protobuf", "x-mlflow-experiment-id": experiment}}
    wire.refusal("POST", "/v1/traces", 400, content=b"\xff\xff", **spans)
    wire.refusal("POST", "/v1/traces", 400, content=b"", headers={"content-type": "application/x-protobuf"})
    wire.refusal("POST", "/v1/traces", 400, content=b"{}", headers={"content-type": "text/plain"})
