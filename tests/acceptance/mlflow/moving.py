"""What an MLflow server has, as the stock client sees all of it; and a server that is full of everything."""

import hashlib
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Self

import httpx
import mlflow
from harness import PATIENCE
from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
    RunTag,
    ViewType,
)

USER = "mlflow.user"
VERSIONS = "mlflow.modelVersions"
EXPERIMENTS = "_mlflow_experiment_ids"
# What the inspection of a model's files says of it.
LEARNED = ("flavors", "scan_verdict")
IS_PROMPT = "tags.`mlflow.prompt.is_prompt` = 'true'"


@contextmanager
def at(server):
    """The stock client at a server."""
    mlflow.set_tracking_uri(server.url)
    mlflow.set_registry_uri(server.url)
    yield MlflowClient(server.url, server.url)


def fill(server, folder: Path) -> None:
    """Something of everything: names that repeat, gaps, what is deleted, numbers that are none, histories of several pages."""
    files = folder / "files"
    (files / "code").mkdir(parents=True)
    (files / "MLmodel").write_text("flavors: {}\n")
    (files / "code" / "größe 1%.txt").write_text("hello")
    (files / "empty").write_bytes(b"")
    (files / "weights.bin").write_bytes(bytes(range(256)) * 5000)
    with at(server) as client:
        first = client.create_experiment("fraud", tags={"team": "risk", "mlflow.note.content": "about fraud"})
        rest = client.create_experiment("leftovers")
        whole = run(client, first, "first", start_time=1_600_000_000_123)
        values = [1.0, float("nan"), float("inf"), float("-inf"), 0.25, 0.5]
        points = [Metric("loss", value, 1_600_000_000_000 + at, at % 4) for at, value in enumerate(values)]
        client.log_batch(whole, points, [Param("lr", "0.1"), Param("long", "x" * 5000)], [RunTag("größe", "ä\n'\"")])
        for begin in (0, 1000, 2000):
            many = [Metric("steps/many", at / 7, 1_600_000_000_000 + at, at) for at in range(begin, begin + 1000)]
            client.log_batch(whole, many)
        client.log_batch(whole, params=[Param(f"p{at}", str(at)) for at in range(100)])
        client.log_artifacts(whole, str(files), "model")
        client.log_text(whole, "top", "top.txt")
        data = Dataset("data", "d1", "local", "{}", schema="s", profile="p")
        client.log_inputs(whole, [DatasetInput(data, [InputTag("mlflow.data.context", "train")])])
        client.set_terminated(whole, "FINISHED", end_time=1_600_000_009_999)
        # The same name, and the same data set, and an end before the start.
        other = run(client, first, "first", start_time=1_600_000_000_123, tags={"mlflow.parentRunId": whole})
        client.log_inputs(other, [DatasetInput(data, [InputTag("mlflow.data.context", "test")])])
        client.set_terminated(other, "FAILED", end_time=1_500_000_000_000)
        models = {}
        for name in ("ready", "pending", "failed", "removed"):
            made = client.create_logged_model(
                first, name=name, source_run_id=whole, tags={"a": name}, params={"depth": "3"}, model_type="Agent"
            )
            models[name] = made.model_id
            client.log_model_artifacts(made.model_id, str(files))
        client.finalize_logged_model(models["ready"], LoggedModelStatus.READY)
        client.finalize_logged_model(models["failed"], LoggedModelStatus.FAILED)
        reader = run(client, rest, "reader")
        client.log_inputs(reader, models=[LoggedModelInput(models["ready"])])
        client.log_outputs(whole, [LoggedModelOutput(models[name], step) for step, name in enumerate(models)])
        measured = {"model_id": models["ready"], "dataset_name": "data", "dataset_digest": "d1"}
        client.log_metric(whole, "acc", 0.9, timestamp=1_600_000_005_000, step=2, **measured)
        client.log_metric(reader, "acc", float("nan"), timestamp=1_600_000_006_000, step=1, model_id=models["ready"])
        client.finalize_logged_model(models["removed"], LoggedModelStatus.READY)
        client.delete_logged_model(models["removed"])
        client.delete_run(run(client, rest, "deleted"))
        run(client, "0", "in the default experiment")
        gone = client.create_experiment("gone", tags={"why": "old"})
        client.log_text(run(client, gone, "went along"), "here", "a/b/c.txt")
        client.delete_experiment(gone)
        register(client, whole, models["ready"])


def run(client: MlflowClient, experiment: str, name: str, start_time: int | None = None, tags: dict | None = None) -> str:
    made = client.create_run(experiment, start_time=start_time, run_name=name, tags={USER: "ann", **(tags or {})})
    return made.info.run_id


def register(client: MlflowClient, whole: str, ready: str) -> None:
    client.create_registered_model("fraud model", tags={"x": "y"}, description="what it is")
    root = client.get_run(whole).info.artifact_uri
    client.create_model_version("fraud model", f"models:/{ready}", whole, {"q": "w"}, description="one", model_id=ready)
    for source, run_id in [(f"runs:/{whole}/model", whole), (f"{root}/model", whole), ("s3://elsewhere/place", None)]:
        client.create_model_version("fraud model", source, run_id, run_link="http://somewhere")
    client.create_model_version("fraud model", f"{root}/model/code", whole)
    client.delete_model_version("fraud model", "2")
    client.transition_model_version_stage("fraud model", "3", "Production")
    client.transition_model_version_stage("fraud model", "4", "Archived")
    client.set_registered_model_alias("fraud model", "champion", "1")
    client.set_registered_model_alias("fraud model", "größe", "5")
    client.create_registered_model("it's empty")
    mlflow.genai.register_prompt("greeting", "Hello {{name}}", commit_message="first", tags={"z": "1"})
    mlflow.genai.register_prompt("greeting", [{"role": "user", "content": "Hi {{name}}"}])
    client.set_prompt_alias("greeting", "live", 1)


def seen(server) -> dict[str, Any]:
    """All that a server has, as the stock client shows it; but for what follows from the ids of experiments."""
    with at(server) as client:
        experiments = paged(client.search_experiments, view_type=ViewType.ALL, max_results=2)
        names = {experiment.experiment_id: experiment.name for experiment in experiments}
        ids = list(names)
        runs = paged(client.search_runs, experiment_ids=ids, run_view_type=ViewType.ALL, max_results=3) if ids else []
        logged = paged(client.search_logged_models, experiment_ids=ids, max_results=2) if ids else []
        gone = removed(client, runs, {model.model_id for model in logged})
        models = paged(client.search_registered_models, max_results=2)
        models += paged(client.search_registered_models, max_results=2, filter_string=IS_PROMPT)
        return {
            "experiments": {each.name: plain(each, "experiment_id", "artifact_location", "workspace") for each in experiments},
            "runs": {each.info.run_id: of_run(client, each, names) for each in runs},
            "logged": {each.model_id: of_logged_model(client, each, names, each in gone) for each in logged + gone},
            "models": {each.name: of_model(client, each, names) for each in models},
        }


def paged(search, **said) -> list:
    found, token = [], None
    while True:
        page = search(**said, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def removed(client: MlflowClient, runs: list, known: set[str]) -> list:
    """The logged models that runs made and no search finds."""
    made = {output.model_id for each in runs for output in (each.outputs.model_outputs if each.outputs else [])}
    store = client._tracking_client.store
    return [store.get_logged_model(model, allow_deleted=True) for model in sorted(made - known)]


def plain(entity, *without: str) -> dict[str, Any]:
    return {key: value for key, value in entity if key not in without}


def numbers(metrics) -> list:
    """Points; NaN is equal to nothing, so it is text here."""
    return sorted((each.key, repr(each.value), each.timestamp, each.step) for each in metrics)


def of_run(client: MlflowClient, each, names: dict[str, str]) -> dict[str, Any]:
    info, run_id = each.info, each.info.run_id
    uses = each.inputs.model_inputs if each.inputs else []
    made = each.outputs.model_outputs if each.outputs else []
    return {
        "info": plain(info, "experiment_id", "artifact_uri"),
        "experiment": names[info.experiment_id],
        "params": each.data.params,
        "tags": each.data.tags,
        "latest": numbers(each.data._metric_objs),
        "histories": {key: numbers(client.get_metric_history(run_id, key)) for key in each.data.metrics},
        "datasets": sorted(json.dumps(used.to_dictionary(), sort_keys=True) for used in each.inputs.dataset_inputs),
        "reads": sorted(used.model_id for used in uses),
        "makes": sorted((output.model_id, output.step) for output in made),
        "files": files(client, client.list_artifacts, run_id),
    }


def files(client: MlflowClient, listed, owner: str, path: str | None = None) -> dict[str, Any]:
    """The files of a run or a logged model with their digests."""
    found = {}
    for entry in listed(owner, path):
        if entry.is_dir:
            found |= files(client, listed, owner, entry.path)
        else:
            local = mlflow.artifacts.download_artifacts(run_id=owner, artifact_path=entry.path)
            found[entry.path] = (entry.file_size or 0, hashlib.sha256(Path(local).read_bytes()).hexdigest())
    return found


def of_logged_model(client: MlflowClient, each, names: dict[str, str], is_removed: bool) -> dict[str, Any]:
    said = each.to_dictionary()
    said["experiment"] = names[said.pop("experiment_id")]
    said.pop("artifact_location", None)
    tags = {key: value for key, value in said["tags"].items() if key not in LEARNED}
    if VERSIONS in tags:
        tags[VERSIONS] = sorted((each["name"], int(each["version"])) for each in json.loads(tags[VERSIONS]))
    metrics = [
        (each.key, repr(each.value), each.timestamp, each.step, each.dataset_name, each.dataset_digest, each.run_id)
        for each in each.metrics or []
    ]
    # MLflow's own server gives out the files of removed models.
    paths = [] if is_removed else client.list_logged_model_artifacts(each.model_id)
    paths = sorted((entry.path, entry.file_size or 0) for entry in paths)
    return {**said, "tags": tags, "metrics": sorted(metrics, key=str), "paths": paths}


def of_model(client: MlflowClient, each, names: dict[str, str]) -> dict[str, Any]:
    quote = '"' if "'" in each.name else "'"
    wanted = f"name = {quote}{each.name}{quote}"
    is_prompt = "mlflow.prompt.is_prompt" in each._tags
    versions = paged(client.search_model_versions, filter_string=f"{wanted} AND {IS_PROMPT}" if is_prompt else wanted)
    said = plain(each, "latest_versions")
    if EXPERIMENTS in each._tags:
        ids = filter(None, each._tags[EXPERIMENTS].split(","))
        said["tags"] = {**each.tags, EXPERIMENTS: sorted(names.get(one, one) for one in ids)}
    said["latest"] = sorted((version.current_stage, version.version) for version in each.latest_versions)
    said["versions"] = {str(version.version): of_version(client, version, is_prompt) for version in versions}
    return said


def of_version(client: MlflowClient, version, is_prompt: bool) -> dict[str, Any]:
    # MLflow's own server says in a search nothing of aliases; the model does.
    said = plain(version, "model_id", "params", "metrics", "deployment_job_state", "aliases")
    said["version"] = str(version.version)
    if is_prompt:
        return said
    uri = client.get_model_version_download_uri(version.name, version.version)
    if uri.startswith("mlflow-artifacts:"):
        local = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
        paths = [path for path in local.rglob("*") if path.is_file()]
        said["files"] = {
            str(path.relative_to(local)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
        }
    else:
        said["uri"] = uri
    return said


class Gate:
    """Stands before a server, and counts what is asked of it; whoever watches may do something at a request."""

    def __init__(self, url: str):
        self.upstream = url
        self.asked = 0
        self.on_request = lambda _number: None
        self.lock = Lock()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self) -> None:
                with gate.lock:
                    gate.asked += 1
                    number = gate.asked
                if gate.on_request(number) == "drop":
                    self.close_connection = True
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
                with gate.http.stream(self.command, self.path, content=body, headers=headers) as answer:
                    data = answer.read()
                    self.send_response_only(answer.status_code)
                    for name, value in answer.headers.items():
                        if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                            self.send_header(name, value)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

            do_GET = do_POST = forward

            def log_message(self, *_arguments) -> None:
                pass

        self.http = httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_details) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.http.close()
