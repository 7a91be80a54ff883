"""What a writer does: one operation each, over one of the doors."""

import io
import tarfile
import zipfile
from collections.abc import Callable

from harness import KUBEFLOW

from torture.ledger import Broken, Key, State
from torture.resumable import go_on, resumable
from torture.writer import Writer, digest

Operation = Callable[[Writer], None]
SHARED = "shared"


def choose(writer: Writer, found: dict[Key, str]) -> tuple[Key, str] | None:
    return writer.random.choice(list(found.items())) if found else None


def describe(entity: str, kind: str) -> Operation:
    """Gives something another description, over Kubeflow's API."""

    def operation(writer: Writer) -> None:
        if chosen := choose(writer, writer.ledger.certain(kind, lambda key: key in writer.ids)):
            key, description = chosen[0], writer.token()
            url = f"{KUBEFLOW}/{entity}/{writer.ids[key]}"
            body = {"description": description} | ({"artifactType": "model-artifact"} if kind == "artifact" else {})
            writer.perform(
                f"kubeflow.patch_{kind}",
                {key: description},
                lambda doors, headers: doors.api.patch(url, json=body, headers=headers),
                {200},
            )

    return operation


def create(writer: Writer, kind: str, key: Key, url: str, **body: str) -> None:
    description = writer.token()
    body |= {"name": key[-1], "description": description}
    answer = writer.perform(
        f"kubeflow.create_{kind}",
        {key: description},
        lambda doors, headers: doors.api.post(f"{KUBEFLOW}/{url}", json=body, headers=headers),
        {200, 201},
        {409},
    )
    if answer is not None:
        writer.ids[key] = answer.json()["id"]


def create_model(writer: Writer) -> None:
    create(writer, "model", ("model", f"{writer.name}-m{writer.number()}"), "registered_models")


def create_version(writer: Writer) -> None:
    if chosen := choose(writer, writer.ledger.certain("model", lambda key: key in writer.ids)):
        key = ("version", chosen[0][1], f"v{writer.number()}")
        create(writer, "version", key, "model_versions", registeredModelId=writer.ids[chosen[0]])


def create_artifact(writer: Writer) -> None:
    if chosen := choose(writer, writer.ledger.certain("version", lambda key: key in writer.ids)):
        _, model, version = chosen[0]
        key, url = ("artifact", model, version, f"a{writer.number()}"), f"model_versions/{writer.ids[chosen[0]]}/artifacts"
        create(writer, "artifact", key, url, artifactType="model-artifact", uri="s3://elsewhere/file")


def create_experiment(writer: Writer) -> None:
    create(writer, "experiment", ("experiment", f"{writer.name}-e{writer.number()}"), "experiments")


def create_run(writer: Writer) -> None:
    if chosen := choose(writer, writer.ledger.certain("experiment", lambda key: key in writer.ids)):
        key = ("run", chosen[0][1], f"r{writer.number()}")
        create(writer, "run", key, "experiment_runs", experimentId=writer.ids[chosen[0]])


def log_metric(writer: Writer) -> None:
    if chosen := choose(writer, writer.ledger.certain("run", lambda key: key in writer.ids)):
        run, step, value = writer.ids[chosen[0]], writer.number(), writer.random.randrange(1000)
        body = {"artifactType": "metric", "name": "loss", "value": value, "step": step, "timestamp": str(step)}
        writer.perform(
            "kubeflow.log_metric",
            {("metric", run, str(step)): str(value)},
            lambda doors, headers: doors.api.post(
                f"{KUBEFLOW}/experiment_runs/{run}/artifacts", json=body, headers=headers
            ),
            {200, 201},
        )


def file_url(key: Key) -> str:
    _, model, version, path = key
    return f"/api/v1/models/{model}/versions/{version}/files/{path}"


def put_file(writer: Writer) -> None:
    """A new file beside those of the others, in a version that whoever comes first makes."""
    data = writer.bytes()
    key = ("file", SHARED, f"{writer.random.randrange(3)}", f"{writer.name}/{writer.number()}")
    writer.perform(
        "native.put_file",
        {key: digest(data)},
        lambda doors, headers: doors.api.put(file_url(key), content=data, headers=headers),
        {201},
        {200},
    )


def replace_file(writer: Writer) -> None:
    if chosen := choose(writer, writer.ledger.certain("file")):
        (key, known), data = chosen, writer.bytes() + writer.token().encode()
        writer.perform(
            "native.replace_file",
            {key: digest(data)},
            lambda doors, headers: doors.api.put(
                file_url(key), content=data, headers={**headers, "If-Match": f'"{known}"'}
            ),
            {200},
            {412},
        )


def delete_file(writer: Writer) -> None:
    if chosen := choose(writer, writer.ledger.certain("file")):
        key = chosen[0]
        writer.perform(
            "native.delete_file",
            {key: None},
            lambda doors, headers: doors.api.delete(file_url(key), headers=headers),
            {204},
            {404},
        )


def unpack_folder(writer: Writer) -> None:
    """Several files in one archive, which arrive together or not at all."""
    version, buffer, change = f"f{writer.number()}", io.BytesIO(), {}
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for number in range(writer.random.randint(2, 5)):
            data = writer.bytes()
            member = tarfile.TarInfo(f"{writer.name}/{number}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
            change["file", SHARED, version + writer.name, member.name] = digest(data)
    url = f"/api/v1/models/{SHARED}/versions/{version}{writer.name}/files"
    writer.perform(
        "native.unpack",
        change,
        lambda doors, headers: doors.api.put(
            url,
            params={"unpack": "true"},
            content=buffer.getvalue(),
            headers={**headers, "Content-Type": "application/x-tar"},
        ),
        {201},
        {200},
    )


def set_alias(writer: Writer) -> None:
    if chosen := choose(writer, writer.ledger.certain("version")):
        _, model, version = chosen[0]
        key = ("alias", model, "best")
        # To set it to what it is changes nothing.
        if not writer.ledger.is_frozen(key) and writer.ledger.possible.get(key) != {version}:
            url = f"/api/v1/models/{model}/aliases/best"
            send = lambda doors, headers: doors.api.put(url, json={"version": version}, headers=headers)  # noqa: E731
            writer.perform("native.set_alias", {key: version}, send, {200, 201})


def register(writer: Writer) -> None:
    """A model with a version under a key, now and then once more."""
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
        except OSError:
            return
        except Exception as error:  # httpx has its own
            if "httpx" not in type(error).__module__:
                raise
            return
        if again.status_code not in {201, 503, *expired} or (again.status_code == 201 and again.json() != shown):
            raise Broken(f"{key} was answered {shown}, and then {again.status_code} {again.text}")


def delete_tree(writer: Writer) -> None:
    """A version or model with all that it has."""
    kind = writer.random.choice(["version", "model"])
    own = lambda key: key[1].startswith(f"{writer.name}-")  # noqa: E731
    if chosen := choose(writer, writer.ledger.certain(kind, own)):
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
        writer.perform(
            f"native.delete_{kind}",
            change,
            lambda doors, headers: doors.api.delete(
                f"/api/v1/models/{path}", params={"recursive": "true"}, headers=headers
            ),
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
    if chosen := choose(writer, writer.ledger.certain("edge")):
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
    (4, create_model),
    (4, create_version),
    (3, create_artifact),
    (2, create_experiment),
    (3, create_run),
    (6, log_metric),
    (3, describe("registered_models", "model")),
    (2, describe("model_versions", "version")),
    (2, describe("artifacts", "artifact")),
    (2, describe("experiments", "experiment")),
    (2, describe("experiment_runs", "run")),
    (9, put_file),
    (4, replace_file),
    (4, delete_file),
    (3, unpack_folder),
    (2, set_alias),
    (4, register),
    (3, delete_tree),
    (3, resumable),
    (3, go_on),
    (4, edge_create),
    (2, edge_delete),
]
