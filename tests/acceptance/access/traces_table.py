"""The rows of traces, of what is said of them, and of data sets to evaluate on: as those of `mlflow_table.py`."""

import json
import os

from mlflow_table import BY_NAME, EXPERIMENT, OF_EXPERIMENT, OF_OPEN, RUN, found, of_proxy, row
from operations import DONE, LIST, ONE, Row
from oracle import DELETE, SEE, WRITE

LOCATION = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "{experiment_id}"}}


def started(trace: str) -> dict:
    """What a client says of a trace at its end."""
    info = {"trace_id": trace, "trace_location": LOCATION, "request_time": "2026-01-01T00:00:00Z", "state": "OK"}
    return {"trace": {"trace_info": info}}


def lengths(field: int, content: bytes) -> bytes:
    """A field of a message of protocol buffers that is bytes, of which there are few."""
    return bytes([field << 3 | 2, len(content)]) + content


def exported() -> bytes:
    """One span of a new trace in OpenTelemetry's protocol."""
    span = lengths(1, os.urandom(16)) + lengths(2, os.urandom(8)) + lengths(5, b"span")
    return lengths(1, lengths(2, lengths(2, span)))


OF_TRACE = "/mlflow/traces/{trace_id}"
ONE_TRACE = ("trace", "{trace}")
IDS = {"trace_ids": ["{trace}"]}
FEEDBACK = {"assessment_name": "good", "feedback": {"value": True}}
ASSESSMENT = f"{OF_TRACE}/assessments/{{assessment_id}}"
ONE_ASSESSMENT = ("trace", "{trace} {assessment}")
CHANGED = {"assessment": {"rationale": "{new}"}, "update_mask": "rationale"}
FILES = "{experiment_id}/traces/{trace}/artifacts"
PROXY = "/mlflow-artifacts/artifacts/{path:.*}"
TRACES = [
    row("POST /mlflow/traces", WRITE, DONE, "experiment_id", **started("tr-{new}")),
    row("POST /mlflow/traces", WRITE, DONE, "experiment_id", **started("{trace}")),
    Row(
        "mlflow:POST /v1/traces",
        (WRITE,),
        DONE,
        about="experiment_id",
        content=exported,
        headers={"Content-Type": "application/x-protobuf", "X-MLflow-Experiment-Id": "{experiment_id}"},
    ),
    row("POST /mlflow/traces/search", SEE, LIST, "trace", items="trace", locations=[LOCATION], **BY_NAME),
    row(
        "POST /mlflow/traces/search",
        SEE,
        LIST,
        "trace",
        items="trace",
        locations=[LOCATION],
        filter="tags.kept = 'yes' AND run_id = '{trained_run}' AND feedback.good = 'true'",
        order_by=["tags.kept", "timestamp_ms"],
        **BY_NAME,
    ),
    # As clients before 3.0 ask.
    row("POST /mlflow/traces", WRITE, DONE, "experiment_id", timestamp_ms="1", **EXPERIMENT),
    row("GET /mlflow/traces", SEE, LIST, "trace", items="trace", experiment_ids="{experiment_id}", **BY_NAME),
    row(f"GET {OF_TRACE}/info", SEE, ONE, *ONE_TRACE),
    row(f"PATCH {OF_TRACE}", WRITE, DONE, *ONE_TRACE, timestamp_ms="1800000000000", status="OK"),
    row(
        "POST /mlflow/traces/metrics",
        SEE,
        LIST,
        "trace",
        items="judged",
        view_type="ASSESSMENTS",
        metric_name="assessment_count",
        aggregations=[{"aggregation_type": "COUNT"}],
        dimensions=["assessment_name"],
        **OF_EXPERIMENT,
        **BY_NAME,
    ),
    row(
        "POST /mlflow/traces/calculate-filter-correlation",
        SEE,
        LIST,
        "trace",
        filter_string1="tags.kept = 'yes'",
        filter_string2="run_id = '{trained_run}'",
        **OF_EXPERIMENT,
        **BY_NAME,
    ),
    row(
        "POST /mlflow/traces/link-prompts",
        WRITE,
        DONE,
        "trace",
        trace_id="{trace}",
        prompt_versions=[{"name": "{new}", "version": "1"}],
    ),
    row("GET /mlflow/traces/get", SEE, ONE, "trace", trace_id="{trace}", allow_partial="true"),
    row("GET /mlflow/traces/batchGet", SEE, ONE, "trace", trace_ids="{trace}"),
    row("POST /mlflow/traces/batchGetInfos", SEE, LIST, "trace", items="trace", **IDS),
    row(f"GET {OF_TRACE}", SEE, ONE, *ONE_TRACE),
    row("POST /mlflow/traces/link-to-run", WRITE, DONE, "trace", **IDS, **RUN),
    row(f"PATCH {OF_TRACE}/tags", WRITE, DONE, *ONE_TRACE, key="{new}", value="1"),
    row(f"PATCH {OF_TRACE}/tags", WRITE, DONE, *ONE_TRACE, key="mlflow.traceName", value="{new}"),
    row(f"DELETE {OF_TRACE}/tags", WRITE, DONE, *ONE_TRACE, spare="trace_tag", key="{trace_tag}"),
    row(f"DELETE {OF_TRACE}/tags", WRITE, DONE, *ONE_TRACE, key="mlflow.traceName"),
    row("POST /mlflow/traces/delete-traces", DELETE, DONE, "trace", spare="trace", request_ids=["{trace}"], **EXPERIMENT),
    row("POST /mlflow/traces/delete-traces", DELETE, DONE, "trace", request_ids=["tr-{new}"], **EXPERIMENT),
    row(f"POST {OF_TRACE}/assessments", WRITE, DONE, *ONE_TRACE, assessment=FEEDBACK),
    row(f"GET {ASSESSMENT}", SEE, ONE, *ONE_ASSESSMENT),
    row(f"PATCH {ASSESSMENT}", WRITE, DONE, *ONE_ASSESSMENT, **CHANGED),
    row(f"DELETE {ASSESSMENT}", WRITE, DONE, *ONE_ASSESSMENT, spare="assessment"),
    *of_proxy("trace", FILES, "trained_file"),
    row(f"PUT {PROXY}", WRITE, DONE, "trace", f"{FILES}/{{new}}", content=b"x"),
    row(f"DELETE {PROXY}", DELETE, DONE, "trace", f"{FILES}/{{new}}"),
]

OF_DATASET = "/mlflow/datasets/{dataset_id}"
ONE_DATASET = ("eval_dataset", "{eval_dataset}")
RECORDS = json.dumps([{"inputs": {"q": "{new}"}}])
SEARCH = "/mlflow/datasets/search"
DATASETS = [
    row("POST /mlflow/datasets/create", WRITE, DONE, "experiment_id", name="{new}", **OF_EXPERIMENT),
    row(f"GET {SEARCH}", SEE, LIST, items="eval_dataset", max_results="7"),
    row(f"POST {SEARCH}", SEE, LIST, items="eval_dataset", order_by=["name DESC"]),
    row(
        f"POST {SEARCH}",
        SEE,
        LIST,
        "eval_dataset",
        items="eval_dataset",
        filter_string="tags.kept = 'yes'",
        **OF_EXPERIMENT,
        **BY_NAME,
    ),
    row(f"GET {OF_DATASET}", SEE, ONE, *ONE_DATASET),
    row(f"DELETE {OF_DATASET}", DELETE, DONE, *ONE_DATASET, spare="eval_dataset"),
    row(f"PATCH {OF_DATASET}/tags", WRITE, DONE, *ONE_DATASET, tags='{"{new}": "1"}'),
    row(f"PATCH {OF_DATASET}/tags", WRITE, DONE, *ONE_DATASET),
    row(f"DELETE {OF_DATASET}/tags/{{key:.*}}", WRITE, DONE, "eval_dataset", "{eval_dataset} {new}"),
    row(f"GET {OF_DATASET}/records", SEE, ONE, *ONE_DATASET),
    row(f"POST {OF_DATASET}/records", WRITE, DONE, *ONE_DATASET, records=RECORDS),
    row(f"POST {OF_DATASET}/records", WRITE, DONE, *ONE_DATASET),
    row(f"DELETE {OF_DATASET}/records", DELETE, DONE, *ONE_DATASET, dataset_record_ids=["{new}"]),
    row(f"GET {OF_DATASET}/experiment-ids", SEE, ONE, *ONE_DATASET),
    row(f"POST {OF_DATASET}/add-experiments", WRITE, DONE, *ONE_DATASET, **OF_EXPERIMENT),
    row(f"POST {OF_DATASET}/remove-experiments", WRITE, DONE, *ONE_DATASET, experiment_ids=[]),
]

TRACED = [*TRACES, *DATASETS]

OF_SHUT = {"experiment_ids": ["{shut_experiment_id}"]}
LINKED = {"locations": [LOCATION], "filter": "run_id = '{shut_trained_run}'"}
TRACE_NEIGHBOURS = [
    (found("POST /mlflow/traces/search", locations=[LOCATION]), "trace", "open"),
    (found("POST /mlflow/traces/search", **LINKED), "trace", "open shut"),
    (found(f"POST {SEARCH}", **OF_OPEN), "eval_dataset", "open"),
    (found(f"POST {SEARCH}", **OF_SHUT), "eval_dataset", "open shut"),
    (found(f"GET {OF_DATASET}/experiment-ids", at="{eval_dataset}"), "shut_experiment_id", "open shut"),
]
USES = row(f"POST {OF_DATASET}/add-experiments", WRITE, DONE, *ONE_DATASET, **OF_SHUT)
LINKED_TO = row("POST /mlflow/traces/link-to-run", WRITE, DONE, "trace", trace_ids=["{trace}"], run_id="{shut_trained_run}")
LINKS = row("POST /mlflow/traces/link-to-run", WRITE, DONE, "trained_run", trace_ids=["{shut_trace}"], **RUN)
