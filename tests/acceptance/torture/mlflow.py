"""What a writer does over MLflow's API."""

import json
from typing import Any

import httpx

from torture.kubeflow import known
from torture.ledger import Key, choose
from torture.writer import Send, Writer, digest

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
NOTE = "mlflow.note.content"
# What the description of a version begins with that has a number and no name of its own.
NUMBERED = "numbered-"
# The metric of these runs; that of Kubeflow's has another name.
METRIC = "error"


def said(description: str) -> list[dict[str, str]]:
    return [{"key": NOTE, "value": description}]


def post(path: str, **body: Any) -> Send:
    """A request that is sent."""
    return lambda doors, headers: doors.api.post(f"{API}/{path}", json=body, headers=headers)


def create_experiment(writer: Writer) -> None:
    key, description = ("experiment", f"{writer.name}-x{writer.number()}"), writer.token()
    send = post("experiments/create", name=key[1], tags=said(description))
    answer = writer.perform("mlflow.create_experiment", {key: description}, send, {200}, {400})
    if answer is not None:
        writer.ids[key] = answer.json()["experiment_id"]


def create_run(writer: Writer) -> None:
    """Two that are asked for are two runs, and so this is asked for once."""
    if chosen := known(writer, "experiment"):
        key, description = ("trained", chosen[1], f"{writer.name}-t{writer.number()}"), writer.token()
        experiment = writer.ids[chosen]
        send = post("runs/create", experiment_id=experiment, run_name=key[2], tags=said(description))
        answer = writer.perform("mlflow.create_run", {key: description}, send, {200}, once=True)
        if answer is not None:
            writer.ids[key] = answer.json()["run"]["info"]["run_id"]
            writer.ids["place", writer.ids[key]] = f"{FILES}/{experiment}/{writer.ids[key]}/artifacts"


def active(writer: Writer) -> str | None:
    """The id of a run that is certainly there, and not archived."""
    chosen = known(writer, "trained")
    run = writer.ids[chosen] if chosen else ""
    return run if run and is_active(writer, run) else None


def is_active(writer: Writer, run: str) -> bool:
    stage = ("stage", run)
    return not writer.ledger.is_frozen(stage) and writer.ledger.possible.get(stage, {None}) == {None}


def log_batch(writer: Writer) -> None:
    """A metric, a parameter and a tag, which arrive together or not at all."""
    if run := active(writer):
        step, value = writer.number(), writer.random.randrange(1000)
        name, text = f"p{step}", writer.token()
        change = {
            ("point", run, str(step)): str(value),
            ("parameter", run, name): text,
            ("tag", run, name): text,
        }
        pair = [{"key": name, "value": text}]
        point = {"key": METRIC, "value": value, "timestamp": step, "step": step}
        send = post("runs/log-batch", run_id=run, metrics=[point], params=pair, tags=pair)
        writer.perform("mlflow.log_batch", change, send, {200})


def put_artifact(writer: Writer) -> None:
    if run := active(writer):
        data, path = writer.bytes(), f"{writer.number()}/file"
        url = f"{writer.ids['place', run]}/{path}"
        writer.perform(
            "mlflow.put_artifact",
            {("logged", run, path): digest(data)},
            lambda doors, headers: doors.api.put(url, content=data, headers=headers),
            {200},
        )


def replace_artifact(writer: Writer) -> None:
    chosen = choose(writer.random, writer.ledger.certain("logged"))
    if chosen and is_active(writer, chosen[0][1]):
        key, data = chosen[0], writer.bytes() + writer.token().encode()
        url = f"{writer.ids['place', key[1]]}/{key[2]}"
        writer.perform(
            "mlflow.replace_artifact",
            {key: digest(data)},
            lambda doors, headers: doors.api.put(url, content=data, headers=headers),
            {200},
        )


def move_run(writer: Writer) -> None:
    """Archives a run, or brings it back."""
    if chosen := known(writer, "trained"):
        run = writer.ids[chosen]
        key = ("stage", run)
        if not writer.ledger.is_frozen(key):
            is_archived = writer.ledger.possible.get(key, {None}) != {None}
            send = post("runs/restore" if is_archived else "runs/delete", run_id=run)
            writer.perform("mlflow.move_run", {key: None if is_archived else "archived"}, send, {200})


def create_version(writer: Writer) -> None:
    """The number is the server's, so that two that are asked for are two versions."""
    if chosen := known(writer, "model"):
        description = NUMBERED + writer.token()
        send = post("model-versions/create", name=chosen[1], source="s3://elsewhere/file", description=description)
        writer.perform("mlflow.create_version", {("numbered", chosen[1], description): "there"}, send, {200}, once=True)


# What the API says of it.


def shown(http: httpx.Client, run: str, keys: list[Key], place: str | None) -> dict[Key, str | None]:
    """What a run has of these."""
    answer = http.get(f"{API}/runs/get", params={"run_id": run})
    if answer.status_code == 404:
        return dict.fromkeys(keys)
    assert answer.status_code == 200, f"{run} was answered {answer.status_code} {answer.text}"
    found = answer.json()["run"]
    texts = {name: {pair["key"]: pair["value"] for pair in found["data"].get(name, [])} for name in ("params", "tags")}
    points = history(http, run) if any(key[0] == "point" for key in keys) else {}
    seen: dict[Key, str | None] = {}
    for key in keys:
        match key:
            case ("point", _, step):
                seen[key] = points.get(step)
            case ("parameter", _, name):
                seen[key] = texts["params"].get(name)
            case ("tag", _, name):
                seen[key] = texts["tags"].get(name)
            case ("stage", _):
                seen[key] = "archived" if found["info"]["lifecycle_stage"] == "deleted" else None
            case ("logged", _, path):
                file = http.get(f"{place}/{path}")
                assert file.status_code in (200, 404), f"{key} was answered {file.status_code} {file.text}"
                seen[key] = digest(file.content) if file.status_code == 200 else None
    return seen


def history(http: httpx.Client, run: str) -> dict[str, str]:
    """The values of the metric by their steps."""
    query = {"run_id": run, "metric_key": METRIC, "max_results": "25000"}
    answer = http.get(f"{API}/metrics/get-history", params=query)
    assert answer.status_code == 200, answer.text
    return {str(point["step"]): f"{point['value']:.0f}" for point in answer.json().get("metrics", [])}


def trained(http: httpx.Client, experiment: str | None, name: str) -> tuple[str | None, str | None]:
    """The id and the description of a run, archived or not."""
    body = {"experiment_ids": [experiment], "filter": f"run_name = '{name}'", "run_view_type": "ALL"}
    answer = http.post(f"{API}/runs/search", json=body)
    assert answer.status_code == 200, answer.text
    for run in answer.json().get("runs", []):
        tags = {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])}
        return run["info"]["run_id"], tags.get(NOTE)
    return None, None


def numbered(http: httpx.Client, model: str) -> set[str]:
    """The descriptions of the versions of a model."""
    query = {"filter": f"name = {json.dumps(model)}", "max_results": "1000"}
    answer = http.get(f"{API}/model-versions/search", params=query)
    assert answer.status_code == 200, answer.text
    return {version.get("description", "") for version in answer.json().get("model_versions", [])}
