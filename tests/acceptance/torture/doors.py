"""What a writer does: one operation each, over one of the doors."""

import io
import zipfile
from collections.abc import Callable

import httpx

from torture import kubeflow, mlflow, mlmd, native
from torture.ledger import Broken, Key, State, choose
from torture.resumable import resumable, resume
from torture.writer import Writer, digest

Operation = Callable[[Writer], None]


def register(writer: Writer) -> None:
    """A model with a version under a key, sometimes once more."""
    model, version, description = f"{writer.name}-k{writer.number()}", "1", writer.token()
    key = {"Idempotency-Key": f"{writer.name}-{writer.token()}"}
    body = {
        "model": {"name": model, "properties": {"description": description}},
        "version": {"name": version, "properties": {"description": description}},
        "artifacts": [{"name": "weights", "uri": "s3://elsewhere/file", "properties": {"description": description}}],
    }
    change = {
        ("model", model): description,
        ("version", model, version): description,
        ("artifact", model, version, "weights"): description,
    }
    # Once its key has expired, the same request is another one.
    expired = {409} if writer.clocks_jumped else set()
    send = lambda doors, headers: doors.api.post("/api/v1/register", json=body, headers={**headers, **key})  # noqa: E731
    answer = writer.perform("native.register", change, send, {201}, expired)
    if answer is None:
        return
    shown = answer.json()
    writer.ids["model", model] = shown["model"]["id"]
    writer.ids["version", model, version] = shown["version"]["id"]
    if writer.random.random() < 0.3 and (doors := writer.doors()):
        try:
            again = send(doors, {})
        except httpx.TransportError:
            return
        if writer.right and again.status_code == 403:
            return
        if again.status_code not in {201, 503, *expired} or (again.status_code == 201 and again.json() != shown):
            raise Broken(f"{key} was answered {shown}, and then {again.status_code} {again.text}")


def delete_tree(writer: Writer) -> None:
    """A version or model with all that it has."""
    kind = writer.random.choice(["version", "model"])
    own = lambda key: key[1].startswith(f"{writer.name}-")  # noqa: E731
    if chosen := choose(writer.random, writer.ledger.certain(kind, own)):
        owned = writer.ledger.owned(chosen[0])
        if any(writer.ledger.is_frozen(key) for key in owned):
            return
        change: dict[Key, State] = dict.fromkeys([chosen[0], *owned])
        if kind == "version":
            alias, version = ("alias", chosen[0][1], "best"), chosen[0][2]
            if writer.ledger.is_frozen(alias):
                return
            if version in writer.ledger.possible.get(alias, ()):
                change[alias] = None
        path = "/versions/".join(chosen[0][1:])
        options = {"force": "true"} if kind == "version" else {"force": "true", "recursive": "true"}
        writer.perform(
            f"native.delete_{kind}",
            change,
            lambda doors, headers: doors.api.delete(f"/api/v1/models/{path}", params=options, headers=headers),
            {204},
            {404},
        )


def edge_create(writer: Writer) -> None:
    buffer, identity = io.BytesIO(), f"{writer.name}-{writer.number():016}"
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model/model.bin", writer.bytes())
    content = buffer.getvalue()
    fields = {"id": identity, "name": f"{writer.name}-edge", "version": identity, "precision": "fp32"}
    files = {"file": ("model.zip", content, "application/zip")}
    writer.perform(
        "edge.create",
        {("edge", identity): digest(content)},
        lambda doors, headers: doors.edge.post("/models", data=fields, files=files, headers=headers),
        {201},
        {409},
    )


def edge_delete(writer: Writer) -> None:
    if chosen := choose(writer.random, writer.ledger.certain("edge")):
        key = chosen[0]
        writer.perform(
            "edge.delete",
            {key: None},
            lambda doors, headers: doors.edge.delete(f"/models/{key[1]}", headers=headers),
            {204},
            {404},
        )


# How often each is done.
OPERATIONS: list[tuple[int, Operation]] = [
    (4, kubeflow.create_model),
    (4, kubeflow.create_version),
    (3, kubeflow.create_artifact),
    (2, kubeflow.create_experiment),
    (3, kubeflow.create_run),
    (6, kubeflow.log_metric),
    (3, kubeflow.describe("registered_models", "model")),
    (2, kubeflow.describe("model_versions", "version")),
    (2, kubeflow.describe("artifacts", "artifact")),
    (2, kubeflow.describe("experiments", "experiment")),
    (2, kubeflow.describe("experiment_runs", "run")),
    (9, native.put_file),
    (4, native.replace_file),
    (4, native.delete_file),
    (3, native.unpack_folder),
    (2, native.set_alias),
    (4, register),
    (3, delete_tree),
    (3, resumable),
    (3, resume),
    (3, mlmd.put_execution),
    (3, mlmd.put_artifacts),
    (2, mlflow.create_experiment),
    (4, mlflow.create_run),
    (7, mlflow.log_batch),
    (5, mlflow.put_artifact),
    (3, mlflow.replace_artifact),
    (2, mlflow.move_run),
    (4, mlflow.create_version),
    (4, edge_create),
    (2, edge_delete),
]
