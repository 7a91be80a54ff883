"""What MLflow's door reads: each search by filters and orders, page by page, and all about what it found."""

from collections.abc import Iterator
from typing import Any

import httpx

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
# None of the orders is by what is drawn.
EXPERIMENTS = {
    "filter": ["name LIKE '%'", "name != 'x'", "tags.team = 'x'", "tags.team IS NULL", "creation_time > 5"],
    "order_by": [["name"], ["name DESC"], ["creation_time"], ["last_update_time DESC"], ["experiment_id"]],
    "view_type": ["ALL", "DELETED_ONLY"],
}
RUNS = {
    "filter": [
        "metrics.loss > 0.2",
        "metrics.loss != 0.5",
        "params.depth = '1'",
        "params.depth LIKE '%'",
        "tags.team = 'x'",
        "tags.team IS NULL",
        "datasets.name LIKE '%'",
        "datasets.digest = 'd'",
        "datasets.context LIKE '%'",
        "status = 'RUNNING'",
        "run_name LIKE '%'",
        "user_id LIKE '%'",
        "artifact_uri LIKE '%artifacts'",
    ],
    "order_by": [["metrics.loss DESC"], ["metrics.loss", "params.depth"], ["tags.team"], ["start_time"], ["run_name DESC"]],
    "run_view_type": ["ALL", "DELETED_ONLY"],
}
MODELS = {
    "filter": ["name LIKE '%'", "name != 'x'", "tags.team = 'x'"],
    "order_by": [["name DESC"], ["last_updated_timestamp"], ["creation_timestamp DESC"]],
}
VERSIONS = {
    "filter": [
        "run_id LIKE '%'",
        "run_id != 'x'",
        "run_id NOT IN ('x')",
        "source_path LIKE '%'",
        "name LIKE '%'",
        "version_number > 1",
        "tags.team = 'x'",
    ],
    "order_by": [["version_number", "name"], ["name DESC"], ["last_updated_timestamp DESC"], ["creation_timestamp"]],
}
LOGGED_MODELS = {
    "filter": [
        "metrics.loss > 0.2",
        "metrics.measured > 0.5",
        "metrics.measured <= 0.5",
        "params.depth = '1'",
        "tags.team = 'x'",
        "name LIKE '%'",
        "status = 'READY'",
        "source_run_id LIKE '%'",
        "source_run_id != 'x'",
    ],
    "order_by": [
        [{"field_name": "metrics.loss", "ascending": False}],
        [{"field_name": "metrics.measured"}],
        [{"field_name": "metrics.measured", "dataset_name": "hidden-0"}],
        [{"field_name": "name"}],
        [{"field_name": "creation_timestamp"}],
    ],
    "datasets": [[{"dataset_name": "hidden-0"}], [{"dataset_name": "seen", "dataset_digest": "d"}]],
}
TRACES = {
    "filter": [
        "tags.team = 'x'",
        "tags.team IS NULL",
        "metadata.`mlflow.sourceRun` LIKE '%'",
        "feedback.good = 'true'",
        "name LIKE '%'",
        "status = 'OK'",
        "run_id LIKE '%'",
        "run_id != 'x'",
        "timestamp_ms > 5",
    ],
    "order_by": [["timestamp_ms"], ["trace_id"], ["tags.team", "name"], ["execution_time_ms DESC"]],
}
DATASETS = {
    "filter_string": ["name LIKE '%'", "tags.team = 'x'", "created_by LIKE '%'", "last_updated_by LIKE '%'"],
    "order_by": [["name DESC"], ["created_time"], ["last_update_time"]],
}
METRICS = ["loss", "measured"]


class Searches:
    """Everything that somebody is told."""

    def __init__(self, http: httpx.Client):
        self.http = http

    def ask(self, method: str, path: str, /, **fields: Any) -> Any:
        """The answer, of which nothing is expected but that it is none of a failure."""
        said = {"params": fields} if method == "GET" else {"json": fields}
        answer = self.http.request(method, path, **said)
        assert answer.status_code < 500, f"{method} {path} {fields}: {answer.status_code} {answer.text}"
        return answer.json() if answer.is_success and answer.content[:1] == b"{" else {}

    def pages(self, method: str, path: str, found: str, size: int = 3, **fields: Any) -> Iterator[Any]:
        """What a search finds, page by page."""
        while True:
            page = self.ask(method, f"{API}/{path}", max_results=size, **fields)
            yield from page.get(found, [])
            if not (token := page.get("next_page_token")):
                return
            fields["page_token"] = token

    def searched(self, method: str, path: str, found: str, ways: dict[str, list], **fields: Any) -> list[Any]:
        """What a search finds that asks for nothing more; it is done in every other way, too."""
        for name, values in ways.items():
            for value in values:
                list(self.pages(method, path, found, **fields, **{name: value}))
        return list(self.pages(method, path, found, **fields))

    def everything(self, hidden_runs: list[str], hidden_experiments: list[str]) -> None:
        of_hidden = [f"run_id = '{run}'" for run in hidden_runs] + [f"run_id IN ('{run}')" for run in hidden_runs]
        experiments = self.searched("POST", "experiments/search", "experiments", EXPERIMENTS)
        self.searched("GET", "experiments/search", "experiments", {"view_type": ["ALL"]})
        ids = [each["experiment_id"] for each in experiments]
        # What is hidden among them changes nothing.
        for among in [ids + hidden_experiments, hidden_experiments]:
            if among:
                self.of_experiments(among, of_hidden)
        for run in hidden_runs:
            self.of_run(run)
        self.of_datasets()
        self.of_models(VERSIONS | {"filter": VERSIONS["filter"] + of_hidden})

    def of_experiments(self, ids: list[str], of_hidden: list[str]) -> None:
        among = {"experiment_ids": ids}
        for each in ids:
            self.ask("GET", f"{API}/experiments/get", experiment_id=each)
            self.ask("GET", FILES, path=each)
        self.ask("POST", f"{API}/experiments/search-datasets", **among)
        runs = self.searched("POST", "runs/search", "runs", RUNS, **among)
        for each in runs:
            self.of_run(each["info"]["run_id"])
        if runs:
            together = [each["info"]["run_id"] for each in runs]
            for metric in METRICS:
                self.ask("GET", f"{API}/metrics/get-history-bulk", run_id=together, metric_key=metric)
                self.ask("GET", f"{API}/metrics/get-history-bulk-interval", run_ids=together, metric_key=metric)
        ways = LOGGED_MODELS | {"filter": LOGGED_MODELS["filter"] + [f"source_{each}" for each in of_hidden]}
        for each in self.searched("POST", "logged-models/search", "models", ways, **among):
            place = f"{API}/logged-models/{each['info']['model_id']}"
            self.ask("GET", place)
            for entry in self.ask("GET", f"{place}/artifacts/directories").get("files", []):
                self.ask("GET", f"{place}/artifacts/files", artifact_file_path=entry["path"])
        self.of_datasets(**among)
        locations = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": each}} for each in ids]
        ways = TRACES | {"filter": TRACES["filter"] + of_hidden}
        for each in self.searched("POST", "traces/search", "traces", ways, locations=locations):
            self.ask("GET", f"{API}/traces/{each['trace_id']}")
            self.ask("GET", f"{API}/traces/get", trace_id=each["trace_id"], allow_partial="true")
        self.of_figures(of_hidden, **among)

    def of_figures(self, of_hidden: list[str], **among: Any) -> None:
        """What is counted of traces."""
        counted = {"aggregations": [{"aggregation_type": "COUNT"}], **among}
        took = {"aggregations": [{"aggregation_type": "AVG"}, {"aggregation_type": "PERCENTILE", "percentile_value": 50}], **among}
        for view, name, by in [("TRACES", "trace_count", "trace_name"), ("ASSESSMENTS", "assessment_count", "assessment_value")]:
            for dimensions in ([], [by]):
                said = {"view_type": view, "metric_name": name, "dimensions": dimensions}
                self.ask("POST", f"{API}/traces/metrics", **said, **counted)
        self.ask("POST", f"{API}/traces/metrics", view_type="TRACES", metric_name="latency", **took)
        for other in ["status = 'OK'", *of_hidden]:
            filters = {"filter_string1": "tags.team = 'x'", "filter_string2": other}
            self.ask("POST", f"{API}/traces/calculate-filter-correlation", **filters, **among)

    def of_datasets(self, **among: Any) -> None:
        for each in self.searched("POST", "datasets/search", "datasets", DATASETS, **among):
            place = f"{API}/datasets/{each['dataset_id']}"
            for path in ("", "/experiment-ids", "/records"):
                self.ask("GET", f"{place}{path}")

    def of_run(self, run: str) -> None:
        self.ask("GET", f"{API}/runs/get", run_id=run)
        for metric in METRICS:
            self.ask("GET", f"{API}/metrics/get-history", run_id=run, metric_key=metric)
        for entry in self.ask("GET", f"{API}/artifacts/list", run_id=run).get("files", []):
            self.ask("GET", "/get-artifact", run_id=run, path=entry["path"])

    def of_models(self, ways: dict[str, list]) -> None:
        for each in self.searched("GET", "registered-models/search", "registered_models", MODELS):
            for path in ("get", "get-latest-versions", "alias?alias=latest"):
                self.ask("GET", f"{API}/registered-models/{path}", name=each["name"])
        for each in self.searched("GET", "model-versions/search", "model_versions", ways):
            named = {"name": each["name"], "version": each["version"]}
            self.ask("GET", f"{API}/model-versions/get", **named)
            place = self.ask("GET", f"{API}/model-versions/get-download-uri", **named).get("artifact_uri", "")
            if place.startswith("mlflow-artifacts:/versions/"):
                for entry in self.ask("GET", FILES, path=place.removeprefix("mlflow-artifacts:/")).get("files", []):
                    self.ask("GET", "/model-versions/get-artifact", path=entry["path"], **named)
