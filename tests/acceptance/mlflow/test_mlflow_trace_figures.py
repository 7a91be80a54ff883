"""Figures over traces, filters on what spans know, spans as JSON and packed, and traces as clients before 3.0 say them."""

import gzip
import json
import math
import secrets
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities.trace_metrics import AggregationType, MetricAggregation, MetricViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking._tracking_service.utils import _get_store
from wire import Wire

ROOT = "/api/3.0/mlflow"
OLD = "/api/2.0/mlflow"
# A whole hour.
BEGIN = 1_750_000_000_000 - 1_750_000_000_000 % 3_600_000
HOUR = 3_600_000
COUNT, SUM, AVG = (MetricAggregation(each) for each in (AggregationType.COUNT, AggregationType.SUM, AggregationType.AVG))
MIN, MAX = (MetricAggregation(each) for each in (AggregationType.MIN, AggregationType.MAX))


def percentile(value: float) -> MetricAggregation:
    return MetricAggregation(AggregationType.PERCENTILE, value)


def attribute(key: str, value: Any) -> dict[str, Any]:
    """An attribute as MLflow's client sends it: as JSON in a text."""
    return {"key": key, "value": {"stringValue": json.dumps(value)}}


def span(trace: str, name: str, at: int, took: int, parent: str = "", **more: Any) -> dict[str, Any]:
    """A span in OpenTelemetry's JSON, which began at a millisecond and took so many."""
    times = {"startTimeUnixNano": str(at * 10**6), "endTimeUnixNano": str((at + took) * 10**6)}
    own = {"traceId": trace, "spanId": secrets.token_hex(8), "name": name, "kind": 1, "status": {"code": 1}}
    return own | times | ({"parentSpanId": parent} if parent else {}) | more


def export(wire: Wire, experiment: str, spans: list[dict[str, Any]], pack: str = "", expect: int = 200) -> None:
    body = json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": spans}]}]}).encode()
    packed = {"": lambda: body, "gzip": lambda: gzip.compress(body), "deflate": lambda: zlib.compress(body)}[pack]()
    headers = {"Content-Type": "application/json", "x-mlflow-experiment-id": experiment}
    headers |= {"Content-Encoding": pack} if pack else {}
    wire.ask("POST", "/v1/traces", expect, content=packed, headers=headers)


def traced(wire: Wire, experiment: str, name: str, hours: int, took: int, tokens: int, model: str = "m-1", pack: str = "") -> str:
    """A trace with a span and a call in it, and what its client says at its end."""
    trace, at = secrets.token_hex(16), BEGIN + hours * HOUR
    cost = {"input_cost": tokens / 4, "output_cost": tokens / 4, "total_cost": tokens / 2}
    known = [
        {"key": "mlflow.spanType", "value": {"stringValue": "LLM"}},
        attribute("mlflow.llm.model", model),
        attribute("mlflow.llm.provider", "acme"),
        attribute("mlflow.llm.cost", cost),
        attribute("temperature", 0.5),
        attribute("team", f"{name} 50%"),
    ]
    root = span(trace, name, at, took)
    export(wire, experiment, [root, span(trace, "call", at + 1, took - 2, root["spanId"], attributes=known)], pack)
    info = {
        "trace_id": f"tr-{trace}",
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}},
        "request_time": "1970-01-01T00:00:00Z",
        "execution_duration": f"{took / 1000}s",
        "state": "OK" if tokens < 30 else "ERROR",
        "trace_metadata": {
            "mlflow.trace.tokenUsage": json.dumps({"input_tokens": tokens, "output_tokens": 1, "total_tokens": tokens + 1}),
            "mlflow.trace.session": f"s{hours}",
        },
        "tags": {"mlflow.traceName": name, "team": "risk" if hours else "fraud"},
    }
    seconds, millis = divmod(at, 1000)
    info["request_time"] = datetime.fromtimestamp(seconds, UTC).strftime(f"%Y-%m-%dT%H:%M:%S.{millis:03}Z")
    wire.ask("POST", f"{ROOT}/traces", json={"trace": {"trace_info": info}})
    return f"tr-{trace}"


@pytest.fixture
def traces(client: MlflowClient, wire: Wire, experiment: str) -> list[str]:
    """Four traces of three hours."""
    return [
        traced(wire, experiment, "ask", 0, 100, 10),
        traced(wire, experiment, "ask", 1, 200, 20, model="m-2"),
        traced(wire, experiment, "tell", 1, 400, 30, pack="gzip"),
        traced(wire, experiment, "tell", 3, 800, 50, pack="deflate"),
    ]


def figures(experiment: str, view: str, name: str, aggregations: list[MetricAggregation], **options: Any) -> list[tuple]:
    """What the stock client gets, by dimensions."""
    found = _get_store().query_trace_metrics([experiment], MetricViewType(view), name, aggregations, **options)
    return [(tuple(point.dimensions.values()), point.values) for point in found]


def test_traces_are_counted_and_measured(traces: list[str], experiment: str) -> None:
    assert figures(experiment, "TRACES", "trace_count", [COUNT]) == [((), {"COUNT": 4})]
    assert figures(experiment, "TRACES", "session_count", [COUNT]) == [((), {"COUNT": 3})]
    by_name = figures(experiment, "TRACES", "trace_count", [COUNT], dimensions=["trace_name", "trace_status"])
    assert sorted((dict(values)["COUNT"], sorted(names)) for names, values in by_name) == [
        (2, ["ERROR", "tell"]),
        (2, ["OK", "ask"]),
    ]
    ((_, latency),) = figures(experiment, "TRACES", "latency", [AVG, MIN, MAX, percentile(50), percentile(95)])
    assert (latency["AVG"], latency["MIN"], latency["MAX"]) == (375, 100, 800)
    assert math.isclose(latency["P50.0"], 300) and math.isclose(latency["P95.0"], 740)
    found = figures(experiment, "TRACES", "input_tokens", [SUM, percentile(100)], dimensions=["trace_name"])
    assert found == [(("ask",), {"SUM": 30, "P100.0": 20}), (("tell",), {"SUM": 80, "P100.0": 50})]
    assert figures(experiment, "TRACES", "total_tokens", [SUM], filters=["trace.tag.team = 'risk'"]) == [((), {"SUM": 103})]
    of_error = ["trace.status = 'ERROR'", "trace.tag.`mlflow.traceName` = 'tell'"]
    assert figures(experiment, "TRACES", "trace_count", [COUNT], filters=of_error) == [((), {"COUNT": 2})]
    within = {"start_time_ms": BEGIN + HOUR, "end_time_ms": BEGIN + 3 * HOUR - 1}
    assert figures(experiment, "TRACES", "trace_count", [COUNT], **within) == [((), {"COUNT": 2})]


def test_time_is_cut_into_intervals(traces: list[str], experiment: str) -> None:
    within = {"start_time_ms": BEGIN, "end_time_ms": BEGIN + 4 * HOUR, "time_interval_seconds": 3600}
    found = figures(experiment, "TRACES", "trace_count", [COUNT], **within)
    assert [values["COUNT"] for _, values in found] == [1, 2, 1]
    starts = [dimensions[0] for dimensions, _ in found]
    assert all(start.endswith(":00:00+00:00") for start in starts) and starts == sorted(starts), starts
    by_model = figures(experiment, "SPANS", "total_cost", [SUM], dimensions=["span_model_name"], **within)
    assert [values["SUM"] for _, values in by_model] == [5, 15, 10, 25]


def test_spans_are_counted_and_measured(traces: list[str], experiment: str) -> None:
    assert figures(experiment, "SPANS", "span_count", [COUNT]) == [((), {"COUNT": 8})]
    by_type = figures(experiment, "SPANS", "span_count", [COUNT], dimensions=["span_type"], filters=["span.name = 'call'"])
    assert by_type == [(("LLM",), {"COUNT": 4})]
    by_name = figures(experiment, "SPANS", "latency", [MAX], dimensions=["span_name"])
    assert by_name == [(("ask",), {"MAX": 200}), (("call",), {"MAX": 798}), (("tell",), {"MAX": 800})]
    cost = figures(experiment, "SPANS", "total_cost", [SUM], dimensions=["span_model_name", "span_model_provider"])
    assert sorted((sorted(names), values["SUM"]) for names, values in cost) == [(["acme", "m-1"], 45), (["acme", "m-2"], 10)]


def test_assessments_are_counted_and_measured(traces: list[str], experiment: str, wire: Wire) -> None:
    for trace, value in zip(traces, [True, False, "yes", 5], strict=True):
        said = {"assessment_name": "good", "feedback": {"value": value}, "source": {"source_type": "HUMAN", "source_id": "a"}}
        wire.ask("POST", f"{ROOT}/traces/{trace}/assessments", json={"assessment": said | {"trace_id": trace}})
    counted = figures(experiment, "ASSESSMENTS", "assessment_count", [COUNT], dimensions=["assessment_value"])
    # A number that JSON wrote may have a point.
    by_value = {names[0].removesuffix(".0"): values["COUNT"] for names, values in counted}
    assert by_value == {"true": 1, "false": 1, '"yes"': 1, "5": 1}
    measured = figures(experiment, "ASSESSMENTS", "assessment_value", [AVG, MAX], filters=["assessment.name = 'good'"])
    assert measured == [((), {"AVG": 1.75, "MAX": 5})]


@pytest.mark.parametrize(
    "said",
    [
        {"metric_name": "nothing"},
        {"view_type": "NOTHING"},
        {"aggregations": []},
        {"aggregations": [{"aggregation_type": "SUM"}]},
        {"metric_name": "latency", "aggregations": [{"aggregation_type": "PERCENTILE"}]},
        {"metric_name": "latency", "aggregations": [{"aggregation_type": "PERCENTILE", "percentile_value": 101}]},
        {"dimensions": ["span_name"]},
        {"filters": ["trace.status != 'OK'"]},
        {"filters": ["span.name = 'a'"]},
        {"filters": ["status = 'OK'"]},
        {"time_interval_seconds": 3600},
        {"experiment_ids": []},
    ],
    ids=str,
)
@pytest.mark.ours
def test_figures_are_refused_that_cannot_be(wire: Wire, experiment: str, said: dict[str, Any]) -> None:
    asked = {"experiment_ids": [experiment], "view_type": "TRACES", "metric_name": "trace_count"}
    asked |= {"aggregations": [{"aggregation_type": "COUNT"}]}
    wire.refusal("POST", f"{ROOT}/traces/metrics", 400, json=asked | said)


def test_filters_belong_together(traces: list[str], experiment: str, wire: Wire) -> None:
    def together(first: str, second: str, base: str = "") -> dict[str, Any]:
        said = {"experiment_ids": [experiment], "filter_string1": first, "filter_string2": second}
        said |= {"base_filter": base} if base else {}
        return wire.ask("POST", f"{ROOT}/traces/calculate-filter-correlation", json=said).json()

    found = together("status = 'ERROR'", "name = 'tell'")
    assert (found["filter1_count"], found["filter2_count"], found["joint_count"], found["total_count"]) == (2, 2, 2, 4)
    assert math.isclose(found["npmi"], 1) and 0 < found["npmi_smoothed"] < 1
    found = together("status = 'ERROR'", "name = 'ask'")
    assert found["npmi"] == -1.0
    found = together("name = 'tell'", "tags.team = 'risk'", f"timestamp_ms >= {BEGIN + HOUR}")
    assert (found["total_count"], found["joint_count"]) == (3, 2) and abs(found["npmi"]) < 1e-9
    assert "npmi" not in together("name = 'nothing'", "name = 'ask'")
    result = _get_store().calculate_trace_filter_correlation([experiment], "name = 'ask'", "status = 'OK'")
    assert math.isclose(result.npmi, 1) and result.total_count == 4


@pytest.mark.ours
def test_spans_are_searched_by_what_is_known_of_them(traces: list[str], client: MlflowClient, experiment: str) -> None:
    def found(clause: str) -> list[int]:
        traced = client.search_traces(locations=[experiment], filter_string=clause, include_spans=False)
        return sorted(traces.index(each.info.trace_id) for each in traced)

    assert found("span.attributes.mlflow.llm.model = 'm-2'") == [1]
    assert found("span.attributes.`mlflow.llm.model` != 'm-2'") == [0, 2, 3]
    assert found("span.attributes.mlflow.llm.model IN ('m-2', 'x')") == [1]
    assert found("span.attributes.team LIKE 'tell 50\\%'") == [2, 3]
    assert found("span.attributes.team ILIKE 'ASK%' AND span.type = 'LLM'") == [0, 1]
    assert found("span.attributes.temperature = '0.5'") == [0, 1, 2, 3]
    assert found("span.attributes.nothing LIKE '%'") == []
    for bad in ["span.attributes. = 'a'", "span.attributes.a > '1'", "span.attributes.a = 1"]:
        with pytest.raises(MlflowException) as error:
            found(bad)
        assert error.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.ours
def test_a_span_that_is_sent_again_is_found_by_what_it_says_then(client: MlflowClient, experiment: str, wire: Wire) -> None:
    trace = secrets.token_hex(16)
    first = span(trace, "a", BEGIN, 5, attributes=[attribute("old", "x"), attribute("both", "x")])
    export(wire, experiment, [first])
    export(wire, experiment, [first | {"attributes": [attribute("both", "y")]}])
    count = lambda clause: len(client.search_traces(locations=[experiment], filter_string=clause, include_spans=False))  # noqa: E731
    assert [count(f"span.attributes.{each}") for each in ("old = 'x'", "both = 'x'", "both = 'y'")] == [0, 0, 1]


def test_prompts_are_linked_to_traces(traces: list[str], client: MlflowClient, wire: Wire, experiment: str) -> None:
    versions = [{"name": "greet", "version": "2"}, {"name": "end", "version": "1"}]
    for _ in range(2):
        wire.ask("POST", f"{OLD}/traces/link-prompts", json={"trace_id": traces[1], "prompt_versions": versions})
    find = lambda clause: [each.info.trace_id for each in client.search_traces(locations=[experiment], filter_string=clause)]  # noqa: E731
    assert find('prompt = "greet/2"') == [traces[1]]
    assert find('prompt = "greet/1"') == []
    wire.refusal("POST", f"{OLD}/traces/link-prompts", 404, json={"trace_id": "tr-none", "prompt_versions": versions})


@pytest.mark.ours
def test_links_to_prompts_are_refused_that_cannot_be(traces: list[str], wire: Wire) -> None:
    for bad in ([], [{"name": "a", "version": "0"}], [{"name": "", "version": "1"}], [{"name": "a"}], [{"name": "a", "version": "1"}] * 101):
        wire.refusal("POST", f"{OLD}/traces/link-prompts", 400, json={"trace_id": traces[0], "prompt_versions": bad})


@pytest.mark.ours
def test_issues_are_searched(traces: list[str], client: MlflowClient, wire: Wire, experiment: str) -> None:
    said = {"assessment_name": "iss-1", "issue": {"issue_name": "slow"}}
    wire.ask("POST", f"{ROOT}/traces/{traces[2]}/assessments", json={"assessment": said})
    find = lambda clause: [each.info.trace_id for each in client.search_traces(locations=[experiment], filter_string=clause)]  # noqa: E731
    assert find("issue.id = 'iss-1'") == [traces[2]] and find("issue.id = 'iss-2'") == []


@pytest.mark.ours
def test_what_is_packed_or_written_wrong_is_refused(wire: Wire, experiment: str) -> None:
    of_json = {"Content-Type": "application/json", "x-mlflow-experiment-id": experiment}
    for content, headers in [
        (b"{", {}),
        (b"[]", {}),
        (b'{"resourceSpans": 1}', {}),
        (b"{}", {"Content-Encoding": "gzip"}),
        (gzip.compress(b"{}")[:-9], {"Content-Encoding": "gzip"}),
        (b"{}", {"Content-Encoding": "br"}),
        (b"{}", {"Content-Type": "text/plain"}),
    ]:
        wire.refusal("POST", "/v1/traces", 400, content=content, headers=of_json | headers)
    huge = gzip.compress(b'{"resourceSpans": [' + b" " * (17 << 20) + b"]}")
    wire.refusal("POST", "/v1/traces", 413, content=huge, headers=of_json | {"Content-Encoding": "gzip"})
    # No other operation takes what is packed.
    wire.ask("POST", "experiments/create", 415, content=gzip.compress(b"{}"), headers=of_json | {"Content-Encoding": "gzip"})
    export(wire, experiment, [{"traceId": "xyz", "spanId": "00", "name": "a"}], expect=400)
    export(wire, experiment, [span(secrets.token_hex(16), "a", BEGIN, 1) for _ in range(10_001)], "gzip", expect=413)
    answer = wire.ask("POST", "/v1/traces", content=b"{}", headers=of_json)
    assert answer.headers["content-type"] == "application/json" and answer.json() == {}


def test_clients_before_3_begin_and_end_traces(client: MlflowClient, wire: Wire, experiment: str) -> None:
    pairs = lambda **said: [{"key": key, "value": value} for key, value in said.items()]  # noqa: E731
    begun = {"experiment_id": experiment, "timestamp_ms": BEGIN, "request_metadata": pairs(a="1"), "tags": pairs(t="x", u="1")}
    info = wire.ask("POST", f"{OLD}/traces", json=begun).json()["trace_info"]
    trace = info["request_id"]
    assert (info["status"], info["timestamp_ms"], info["experiment_id"]) == ("IN_PROGRESS", BEGIN, experiment)
    assert {"key": "t", "value": "x"} in info["tags"] and {"key": "a", "value": "1"} in info["request_metadata"]
    ended = {"timestamp_ms": BEGIN + 1500, "status": "OK", "request_metadata": pairs(b="2"), "tags": pairs(t="y")}
    info = wire.ask("PATCH", f"{OLD}/traces/{trace}", json=ended).json()["trace_info"]
    assert (info["status"], info["execution_time_ms"]) == ("OK", 1500)
    for shown in (info, wire.ask("GET", f"{OLD}/traces/{trace}/info").json()["trace_info"]):
        tags = {pair["key"]: pair["value"] for pair in shown["tags"]}
        assert (tags["t"], tags["u"]) == ("y", "1") and tags["mlflow.artifactLocation"].startswith("mlflow-artifacts:/")
        metadata = {pair["key"]: pair["value"] for pair in shown["request_metadata"]}
        assert (metadata["a"], metadata["b"]) == ("1", "2")
    other = wire.ask("POST", f"{OLD}/traces", json=begun | {"timestamp_ms": BEGIN + 5}).json()["trace_info"]["request_id"]
    query = {"experiment_ids": experiment, "order_by": "timestamp_ms DESC", "max_results": 1}
    page = wire.ask("GET", f"{OLD}/traces", params=query).json()
    assert [each["request_id"] for each in page["traces"]] == [other]
    page = wire.ask("GET", f"{OLD}/traces", params=query | {"page_token": page["next_page_token"]}).json()
    assert [each["request_id"] for each in page["traces"]] == [trace]
    found = wire.ask("GET", f"{OLD}/traces", params={"experiment_ids": experiment, "filter": "status = 'OK'"}).json()
    assert [each["request_id"] for each in found["traces"]] == [trace]
    wire.ask("PATCH", f"{OLD}/traces/{trace}/tags", json={"key": "v", "value": "2"})
    wire.ask("DELETE", f"{OLD}/traces/{trace}/tags", json={"key": "u"})
    gone = {"experiment_id": experiment, "request_ids": [trace]}
    assert wire.ask("POST", f"{OLD}/traces/delete-traces", json=gone).json() == {"traces_deleted": 1}
    wire.refusal("GET", f"{OLD}/traces/{trace}/info", 404)
    wire.refusal("PATCH", f"{OLD}/traces/{trace}", 404, json=ended)


@pytest.mark.ours
def test_old_traces_are_refused_that_cannot_be(wire: Wire, experiment: str) -> None:
    begun = {"experiment_id": experiment, "timestamp_ms": BEGIN}
    for bad in ({"experiment_id": ""}, {"timestamp_ms": "x"}, {"tags": [{"value": "x"}]}):
        wire.refusal("POST", f"{OLD}/traces", 400, json=begun | bad)
    trace = wire.ask("POST", f"{OLD}/traces", json=begun).json()["trace_info"]["request_id"]
    for bad in ({"status": "OK"}, {"timestamp_ms": BEGIN, "status": "NOTHING"}):
        wire.refusal("PATCH", f"{OLD}/traces/{trace}", 400, json=bad)
    wire.refusal("GET", f"{OLD}/traces", 400)
    wire.refusal("GET", f"{OLD}/traces", 400, params={"experiment_ids": experiment, "max_results": 501})


@pytest.mark.ours
def test_a_removal_of_traces_is_recorded_with_their_experiment(traces: list[str], client: MlflowClient, wire: Wire, experiment: str) -> None:
    assert client.delete_traces(experiment_id=experiment, trace_ids=traces[:2]) == 2
    entries = wire.ask("GET", f"/api/v1/nodes/{experiment}/history").json()["items"]
    removals = [entry for entry in entries if entry["document"].get("removedTraces")]
    assert [entry["document"]["removedTraces"] for entry in removals] == [2]
