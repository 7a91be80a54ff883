"""The rows of MLflow's door, which no document names: each has the method and the path of a route, as the source writes it."""

import json
from typing import Any

from operations import BYTES, DONE, KNOWN, LIST, ONE, OPEN, UNIQUE, Row
from oracle import CREATE, DELETE, DOWNLOAD, HIDDEN, PROMOTE, SEE, WRITE

# What this server has not.
NOT_HERE = ("501 NOT_IMPLEMENTED",)
BY_NAME = {"by_name": True}


def row(
    operation: str,
    needs: str,
    kind: str,
    about: str = "",
    at: str = "",
    items: str = "",
    spare: str = "",
    special: str = "",
    also: tuple[str, ...] = (),
    by_name: bool = False,
    content: bytes | None = None,
    **fields: Any,
) -> Row:
    """Its fields are in the query where it only reads, and in a body otherwise; `at` has the parameters of its path."""
    is_asked_by_query = operation.startswith(("GET", "HEAD"))
    rest = {"about": about, "items": items, "spare": spare, "special": special, "also": also, "by_name": by_name}
    said = {"query" if is_asked_by_query else "body": fields} if fields else {}
    return Row(f"mlflow:{operation}", tuple(needs.split()), kind, tuple(at.split()), content=content, **rest, **said)


PROBES = [row(f"GET {path}", SEE, ONE, special=OPEN) for path in ("/version", "/health", "/mlflow/server-info")]

EXPERIMENT = {"experiment_id": "{experiment_id}"}
OF_EXPERIMENT = {"experiment_ids": ["{experiment_id}"]}
EXPERIMENTS = [
    row("POST /mlflow/experiments/create", CREATE, DONE, name="{new}", tags=[{"key": "a", "value": "b"}]),
    row("POST /mlflow/experiments/create", CREATE, DONE, "experiment", special=UNIQUE, name="{experiment}", **BY_NAME),
    row("GET /mlflow/experiments/get", SEE, ONE, "experiment_id", items="experiment_id", **EXPERIMENT),
    row("GET /mlflow/experiments/get-by-name", SEE, ONE, "experiment", experiment_name="{experiment}", **BY_NAME),
    # In pages, which are not longer for what is not seen.
    row("GET /mlflow/experiments/search", SEE, LIST, items="experiment_id", max_results="7", view_type="ALL"),
    row("POST /mlflow/experiments/search", SEE, LIST, items="experiment_id", max_results=7, order_by=["name DESC"]),
    row(
        "POST /mlflow/experiments/search",
        SEE,
        LIST,
        "experiment",
        items="experiment_id",
        filter="name = '{experiment}'",
        **BY_NAME,
    ),
    row("POST /mlflow/experiments/delete", WRITE, DONE, "experiment_id", spare="experiment", **EXPERIMENT),
    row("POST /mlflow/experiments/restore", WRITE, DONE, "experiment_id", spare="archived_experiment", **EXPERIMENT),
    row("POST /mlflow/experiments/update", WRITE, DONE, "experiment_id", spare="experiment", new_name="{new}", **EXPERIMENT),
    row("POST /mlflow/experiments/set-experiment-tag", WRITE, DONE, "experiment_id", key="{new}", value="1", **EXPERIMENT),
    row("POST /mlflow/experiments/delete-experiment-tag", WRITE, DONE, "experiment_id", spare="tag", key="{tag}", **EXPERIMENT),
    row(
        "POST /mlflow/experiments/search-datasets",
        SEE,
        LIST,
        "experiment_id",
        items="dataset",
        **OF_EXPERIMENT,
    ),
]

RUN = {"run_id": "{trained_run}"}
METRIC = RUN | {"metric_key": "loss"}
POINT = {"key": "loss", "value": 0.5, "timestamp": 1}
LOGGED = {"model_id": "{logged_model}"}
MLMODEL = json.dumps({"artifact_path": "m", "flavors": {}, "run_id": "{trained_run}", "utc_time_created": "now"})
READ = {"name": "{new}", "digest": "d", "source_type": "local", "source": "here"}
RUNS = [
    row("POST /mlflow/runs/create", WRITE, DONE, "experiment_id", run_name="{new}", **EXPERIMENT),
    row("GET /mlflow/runs/get", SEE, ONE, "trained_run", **RUN),
    row("GET /mlflow/runs/get", SEE, ONE, "trained_run", run_uuid="{trained_run}"),
    row("POST /mlflow/runs/update", WRITE, DONE, "trained_run", status="FINISHED", run_name="{new}", **RUN),
    row("POST /mlflow/runs/delete", WRITE, DONE, "trained_run", spare="trained_run", **RUN),
    row("POST /mlflow/runs/restore", WRITE, DONE, "trained_run", spare="archived_run", **RUN),
    row(
        "POST /mlflow/runs/search",
        SEE,
        LIST,
        "experiment_id",
        items="trained_run",
        **OF_EXPERIMENT,
        run_view_type="ALL",
        order_by=["metrics.loss DESC", "params.depth"],
        **BY_NAME,
    ),
    row(
        "POST /mlflow/runs/search",
        SEE,
        LIST,
        "experiment_id",
        items="trained_run",
        **OF_EXPERIMENT,
        filter="metrics.loss > 0 AND params.depth = '1' AND datasets.name = '{dataset}' AND tags.kept = 'yes'",
        **BY_NAME,
    ),
    row("POST /mlflow/runs/delete-tag", WRITE, DONE, "trained_run", spare="tag", key="{tag}", **RUN),
    row("POST /mlflow/runs/set-tag", WRITE, DONE, "trained_run", key="{new}", value="1", **RUN),
    row("POST /mlflow/runs/log-parameter", WRITE, DONE, "trained_run", key="{new}", value="1", **RUN),
    row("POST /mlflow/runs/log-metric", WRITE, DONE, "trained_run", **POINT, **RUN),
    row("POST /mlflow/runs/log-metric", WRITE, DONE, "trained_run", **POINT, **RUN, **LOGGED),
    row("POST /mlflow/runs/log-batch", WRITE, DONE, "trained_run", metrics=[POINT | {"step": 1}], **RUN),
    row("POST /mlflow/runs/log-batch", WRITE, DONE, "trained_run", tags=[{"key": "{new}", "value": "1"}], **RUN),
    row("POST /mlflow/runs/log-inputs", WRITE, DONE, "trained_run", datasets=[{"dataset": READ}], models=[LOGGED], **RUN),
    row("POST /mlflow/runs/outputs", WRITE, DONE, "trained_run", models=[LOGGED | {"step": 1}], **RUN),
    row("POST /mlflow/runs/log-model", WRITE, DONE, "trained_run", model_json=MLMODEL, **RUN),
    row("GET /mlflow/metrics/get-history", SEE, ONE, "trained_run", **METRIC),
    row("GET /mlflow/metrics/get-history-bulk", SEE, ONE, "trained_run", **METRIC),
    row("GET /mlflow/metrics/get-history-bulk-interval", SEE, ONE, "trained_run", run_ids="{trained_run}", metric_key="loss"),
    # What changes nothing needs as much.
    row("POST /mlflow/runs/restore", WRITE, DONE, "trained_run", **RUN),
    row("POST /mlflow/runs/log-parameter", WRITE, DONE, "trained_run", key="depth", value="1", **RUN),
    row("POST /mlflow/runs/log-batch", WRITE, DONE, "trained_run", **RUN),
    row("POST /mlflow/runs/log-inputs", WRITE, DONE, "trained_run", **RUN),
    row("POST /mlflow/runs/outputs", WRITE, DONE, "trained_run", **RUN),
]

MODEL = BY_NAME | {"name": "{model}"}
MODELS = [
    row("POST /mlflow/registered-models/create", CREATE, DONE, name="{new}"),
    row("POST /mlflow/registered-models/create", CREATE, DONE, "model", special=UNIQUE, **MODEL),
    row("GET /mlflow/registered-models/get", SEE, ONE, "model", **MODEL),
    row("GET /mlflow/registered-models/search", SEE, LIST, items="model", max_results="7"),
    row("GET /mlflow/registered-models/search", SEE, LIST, "model", items="model", filter="name = '{model}'", **BY_NAME),
    row("POST /mlflow/registered-models/rename", WRITE, DONE, "model", spare="model", new_name="{new}", **MODEL),
    row("PATCH /mlflow/registered-models/update", WRITE, DONE, "model", description="{new}", **MODEL),
    row("DELETE /mlflow/registered-models/delete", DELETE, DONE, "model", spare="model", **MODEL),
    row("GET /mlflow/registered-models/get-latest-versions", SEE, ONE, "model", **MODEL),
    row("POST /mlflow/registered-models/get-latest-versions", SEE, ONE, "model", stages=["None"], **MODEL),
    row("POST /mlflow/registered-models/set-tag", WRITE, DONE, "model", key="{new}", value="1", **MODEL),
    row("DELETE /mlflow/registered-models/delete-tag", WRITE, DONE, "model", key="{new}", **MODEL),
    row("POST /mlflow/registered-models/alias", PROMOTE, DONE, "model", alias="{new}", version="{number}", **MODEL),
    row("DELETE /mlflow/registered-models/alias", PROMOTE, DONE, "model", spare="alias", alias="{alias}", **MODEL),
    row("DELETE /mlflow/registered-models/alias", PROMOTE, DONE, "model", alias="{new}", **MODEL),
    row("GET /mlflow/registered-models/alias", SEE, ONE, "model", alias="{alias}", **MODEL),
    row("GET /mlflow/registered-models/alias", SEE, ONE, "model", alias="latest", **MODEL),
]

VERSION = MODEL | {"version": "{number}"}
CREATED = "POST /mlflow/model-versions/create"
OF_FILES = f"{WRITE} {DOWNLOAD}"
FILE = {"path": "{file}"}
VERSIONS = [
    row(CREATED, WRITE, DONE, "model", source="s3://bucket/x", run_id="{trained_run}", **MODEL),
    row(CREATED, OF_FILES, DONE, "model", source="runs:/{trained_run}/{trained_file}", **MODEL),
    row(CREATED, OF_FILES, DONE, "model", source="models:/{logged_model}", model_id="{logged_model}", **MODEL),
    row(CREATED, OF_FILES, DONE, "model", source="models:/{model}@{alias}", **MODEL),
    row(CREATED, OF_FILES, DONE, "model", source="mlflow-artifacts:/versions/{version_id}", **MODEL),
    row("GET /mlflow/model-versions/get", SEE, ONE, "model", **VERSION),
    row("GET /mlflow/model-versions/search", SEE, LIST, items="model", max_results="7"),
    row("GET /mlflow/model-versions/search", SEE, LIST, "model", items="model", filter="name = '{model}'", **BY_NAME),
    row("PATCH /mlflow/model-versions/update", WRITE, DONE, "model", description="{new}", **VERSION),
    row("DELETE /mlflow/model-versions/delete", DELETE, DONE, "model", spare="number", **VERSION),
    row("GET /mlflow/model-versions/get-download-uri", SEE, ONE, "model", **VERSION),
    row("POST /mlflow/model-versions/transition-stage", f"{WRITE} {PROMOTE}", DONE, "model", stage="Staging", **VERSION),
    row("POST /mlflow/model-versions/set-tag", WRITE, DONE, "model", key="{new}", value="1", **VERSION),
    row("DELETE /mlflow/model-versions/delete-tag", WRITE, DONE, "model", key="{new}", **VERSION),
    *(row(f"{method} /model-versions/get-artifact", DOWNLOAD, BYTES, "model", **VERSION, **FILE) for method in ("GET", "HEAD")),
]

OF_LOGGED = "/mlflow/logged-models/{model_id}"
ONE_LOGGED = ("logged_model", "{logged_model}")
LOGGED_FILE = {"artifact_file_path": "{trained_file}"}
LOGGED_MODELS = [
    row("POST /mlflow/logged-models", WRITE, DONE, "experiment_id", name="m", source_run_id="{trained_run}", **EXPERIMENT),
    row("POST /mlflow/logged-models", WRITE, DONE, "experiment_id", name="m", **EXPERIMENT),
    row(
        "POST /mlflow/logged-models/search",
        SEE,
        LIST,
        "experiment_id",
        items="logged_model",
        **OF_EXPERIMENT,
        filter="metrics.loss > 0 AND source_run_id = '{trained_run}'",
        order_by=[{"field_name": "metrics.loss"}],
        **BY_NAME,
    ),
    row(f"GET {OF_LOGGED}", SEE, ONE, *ONE_LOGGED),
    row(f"GET {OF_LOGGED}", SEE, ONE, *ONE_LOGGED, allow_deleted="true"),
    row(f"PATCH {OF_LOGGED}", WRITE, DONE, *ONE_LOGGED, status="LOGGED_MODEL_READY"),
    row(f"DELETE {OF_LOGGED}", DELETE, DONE, *ONE_LOGGED, spare="logged_model"),
    row(f"PATCH {OF_LOGGED}/tags", WRITE, DONE, *ONE_LOGGED, tags=[{"key": "{new}", "value": "1"}]),
    row(f"DELETE {OF_LOGGED}/tags/{{tag_key:.*}}", WRITE, DONE, "logged_model", "{logged_model} {tag}", spare="tag"),
    row(f"POST {OF_LOGGED}/params", WRITE, DONE, *ONE_LOGGED, params=[{"key": "{new}", "value": "1"}]),
    row(f"GET {OF_LOGGED}/artifacts/directories", SEE, LIST, *ONE_LOGGED, items="trained_file"),
    *(row(f"{method} {OF_LOGGED}/artifacts/files", DOWNLOAD, BYTES, *ONE_LOGGED, **LOGGED_FILE) for method in ("GET", "HEAD")),
    # What changes nothing needs as much.
    row(f"PATCH {OF_LOGGED}/tags", WRITE, DONE, *ONE_LOGGED, tags=[]),
    row(f"POST {OF_LOGGED}/params", WRITE, DONE, *ONE_LOGGED, params=[]),
]
PROXY = "/mlflow-artifacts/artifacts/{path:.*}"
RUN_FILES = "{experiment_id}/{trained_run}/artifacts"
LOGGED_FILES = "{experiment_id}/models/{logged_model}/artifacts"
VERSION_FILES = "versions/{version_id}"
PART = "/mlflow-artifacts/mpu/parts/{upload}/{number}"
UPLOAD = {"path": "x", "upload_id": "{no_upload}"}


def of_proxy(about: str, folder: str, file: str) -> list[Row]:
    """What the proxy does with the files of something, of which that is one."""
    methods = ("GET", "HEAD")
    return [
        row("GET /mlflow-artifacts/artifacts", SEE, LIST, about, items=file, path=folder),
        *(row(f"{method} {PROXY}", DOWNLOAD, BYTES, about, f"{folder}/{{{file}}}") for method in methods),
    ]


FILES = [
    *of_proxy("trained_run", RUN_FILES, "trained_file"),
    *of_proxy("logged_model", LOGGED_FILES, "trained_file"),
    *of_proxy("version_id", VERSION_FILES, "file"),
    row(f"PUT {PROXY}", WRITE, DONE, "trained_run", f"{RUN_FILES}/{{new}}", content=b"x"),
    row(f"PUT {PROXY}", WRITE, DONE, "trained_run", f"{RUN_FILES}/{{trained_file}}", content=b"x"),
    row(f"PUT {PROXY}", WRITE, DONE, "logged_model", f"{LOGGED_FILES}/{{new}}", content=b"x"),
    row(f"DELETE {PROXY}", DELETE, DONE, "trained_run", f"{RUN_FILES}/{{run_file}}", spare="run_file"),
    row(f"DELETE {PROXY}", DELETE, DONE, "logged_model", f"{LOGGED_FILES}/{{logged_file}}", spare="logged_file"),
    # What is not there needs as much.
    row(f"DELETE {PROXY}", DELETE, DONE, "trained_run", f"{RUN_FILES}/{{new}}"),
    row("GET /mlflow/artifacts/list", SEE, LIST, "trained_run", items="trained_file", **RUN),
    *(row(f"{method} /get-artifact", DOWNLOAD, BYTES, "trained_run", path="{trained_file}", **RUN) for method in ("GET", "HEAD")),
    row(f"PUT {PROXY}", CREATE, DONE, at="place-{new}/x", content=b"x"),
    row("POST /mlflow-artifacts/mpu/create/{path:.*}", WRITE, DONE, "trained_run", RUN_FILES, path="{new}", num_parts=1),
    row("POST /mlflow-artifacts/mpu/create/{path:.*}", CREATE, DONE, at="place-{new}", path="x", num_parts=1),
    # Whoever sends a part says a secret and nothing else.
    row(f"PUT {PART}", SEE, DONE, at="no_upload number", special=OPEN, also=(HIDDEN,), content=b"x"),
    row("POST /mlflow-artifacts/mpu/complete/{path:.*}", WRITE, DONE, at=RUN_FILES, special=KNOWN, also=(HIDDEN,), **UPLOAD),
    row("POST /mlflow-artifacts/mpu/abort/{path:.*}", WRITE, DONE, at=RUN_FILES, special=KNOWN, also=(HIDDEN,), **UPLOAD),
    row("GET /mlflow-artifacts/presigned/{path:.*}", DOWNLOAD, ONE, "trained_run", f"{RUN_FILES}/{{trained_file}}", also=NOT_HERE),
    row("POST /mlflow/artifacts/presigned-download-url", DOWNLOAD, ONE, "trained_run", path="{trained_file}", also=NOT_HERE, **RUN),
    row("* /mlflow/artifacts/presigned-upload-url", SEE, DONE, special=KNOWN, also=NOT_HERE),
]


def asked(operation: str, *rest: Any, by: str = "data", items: str = "", **fields: Any) -> Row:
    """What MLflow's own pages ask in GraphQL."""
    kind = LIST if items else ONE
    rest_of = {"operationName": operation, "variables": {by: fields}}
    # A search is one of the workspace of the request.
    return row("POST /graphql", SEE, kind, *rest, items=items, by_name=bool(items), **rest_of)


# MLflow's own pages, and what they ask.
PAGES = [
    *(row(f"{method} /", SEE, BYTES, special=KNOWN) for method in ("GET", "HEAD")),
    *(row(f"{method} /static-files/{{path:.*}}", SEE, BYTES, at="static/a.js", special=OPEN) for method in ("GET", "HEAD")),
    row("GET /mlflow/ui-telemetry", SEE, ONE, special=KNOWN),
    row("POST /mlflow/ui-telemetry", SEE, DONE, special=KNOWN, records=[]),
    row("GET /mlflow/gateway-proxy", SEE, ONE, special=KNOWN, gateway_path="api/2.0/endpoints/"),
    asked("MlflowGetExperimentQuery", "experiment_id", by="input", experimentId="{experiment_id}"),
    asked("GetRun", "trained_run", runId="{trained_run}"),
    asked("SearchRuns", "experiment_id", items="trained_run", experimentIds=["{experiment_id}"]),
    asked("GetMetricHistoryBulkInterval", "trained_run", runIds=["{trained_run}"], metricKey="loss"),
]

TRAINING = [*PROBES, *EXPERIMENTS, *RUNS, *MODELS, *VERSIONS, *LOGGED_MODELS, *FILES, *PAGES]


def found(operation: str, **fields: Any) -> Row:
    """What a search finds, which may be by something that belongs to another tree."""
    return row(operation, SEE, ONE, **fields)


OF_OPEN = OF_EXPERIMENT
SEARCH, FIND = "POST /mlflow/logged-models/search", "GET /mlflow/model-versions/search"
OF_RUN = "run_id = '{shut_trained_run}'"
# As those of `calls_table.py`, see `cross` and `link` in `training.py`.
TRAINING_NEIGHBOURS = [
    (found("GET /mlflow/runs/get", run_id="{shut_trained_run}"), "crossing_model", "open shut"),
    (found(f"GET {OF_LOGGED}", at="{crossing_model}"), "shut_trained_run", "open shut"),
    (found(f"GET {OF_LOGGED}", at="{measured_model}"), "shut_trained_run", "open shut"),
    (found(f"GET {OF_LOGGED}", at="{shut_logged_model}"), "model", "open shut"),
    (found(f"GET {OF_LOGGED}", at="{logged_model}"), "shut_model", "open shut"),
    (found(SEARCH, filter="name = 'crossing'", **OF_OPEN), "crossing_model", "open"),
    (found(SEARCH, filter="name = 'crossing'", **OF_OPEN), "shut_trained_run", "open shut"),
    (found(SEARCH, filter=f"source_{OF_RUN}", **OF_OPEN), "crossing_model", "open shut"),
    (found(SEARCH, filter="metrics.crossing > 0", **OF_OPEN), "measured_model", "open shut"),
    (found(SEARCH, datasets=[{"dataset_name": "crossing"}], **OF_OPEN), "measured_model", "open shut"),
    # What a version says itself is its own.
    (found(FIND, filter=OF_RUN), "model", "open"),
    (found(FIND, filter="name = 'linked-model'"), "linked_model", "open"),
    (found(FIND, filter="name = 'linked-model'"), "shut_trained_run", "open shut"),
    (found(FIND, filter=OF_RUN), "linked_model", "open shut"),
    (found(FIND, filter=OF_RUN.replace("=", "LIKE")), "linked_model", "open shut"),
    (asked("GetRun", runId="{shut_trained_run}"), "crossing_model", "open shut"),
    (asked("GetRun", runId="{shut_trained_run}"), "linked_model", "open shut"),
    (found("GET /mlflow/model-versions/get", name="linked-model", version="2"), "shut_artifact_uri", "open shut"),
    (found("GET /mlflow-artifacts/artifacts", path="versions/{attached_id}"), "shut_file", "open shut"),
]

OF_MODEL = {"name": "{model}"}
MEASURED = RUN | POINT | {"model_id": "{shut_logged_model}"}
USED = [{"model_id": "{shut_logged_model}"}]
# What is done to something of the open tree with something of the shut one, and what it needs there.
CROSSING = [
    (row(CREATED, WRITE, DONE, "model", source="runs:/{shut_trained_run}/{shut_trained_file}", **OF_MODEL), DOWNLOAD),
    (row(CREATED, WRITE, DONE, "model", source="models:/{shut_logged_model}", **OF_MODEL), DOWNLOAD),
    (row(CREATED, WRITE, DONE, "model", source="s3://x/y", model_id="{shut_logged_model}", **OF_MODEL), DOWNLOAD),
    (row(CREATED, WRITE, DONE, "model", source="models:/{shut_model}/{shut_number}", **OF_MODEL), DOWNLOAD),
    (row(CREATED, WRITE, DONE, "model", source="mlflow-artifacts:/versions/{shut_version_id}", **OF_MODEL), DOWNLOAD),
    (row(CREATED, WRITE, DONE, "model", source="{base}/api/v1/artifacts/{shut_artifact_id}/files", **OF_MODEL), DOWNLOAD),
    # Where there are no files, none are copied.
    *(
        (row(CREATED, WRITE, DONE, "model", source=f"{place}/none", **OF_MODEL), DOWNLOAD)
        for place in [
            "runs:/{shut_trained_run}",
            "mlflow-artifacts:/{shut_experiment_id}/models/{shut_logged_model}/artifacts",
            "mlflow-artifacts:/versions/{shut_version_id}",
            "{base}/api/v1/artifacts/{shut_artifact_id}/files",
        ]
    ),
    (
        Row(
            "native:copyVersion",
            (WRITE,),
            DONE,
            ("shut_model", "shut_version"),
            about="model",
            body={"model": "{model}"},
            by_name=True,
        ),
        DOWNLOAD,
    ),
    (row("POST /mlflow/runs/log-metric", WRITE, DONE, "trained_run", **MEASURED), WRITE),
    (row("POST /mlflow/runs/log-inputs", WRITE, DONE, "trained_run", models=USED, **RUN), SEE),
    (row("POST /mlflow/runs/outputs", WRITE, DONE, "trained_run", models=USED, **RUN), SEE),
    (
        row("POST /mlflow/logged-models", WRITE, DONE, "experiment_id", source_run_id="{shut_trained_run}", **EXPERIMENT),
        SEE,
    ),
]
# A version to which an artifact of the shut tree is attached: whoever does not see that has a copy without its files.
ATTACHED = row(CREATED, WRITE, DONE, "model", source="mlflow-artifacts:/versions/{version_id}", **OF_MODEL)
