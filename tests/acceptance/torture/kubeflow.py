"""What a writer does over Kubeflow's API."""

from collections.abc import Callable

from harness import KUBEFLOW

from torture.ledger import Key, choose
from torture.writer import Writer


def describe(entity: str, kind: str) -> Callable[[Writer], None]:
    """Gives something another description, over Kubeflow's API."""

    def operation(writer: Writer) -> None:
        if chosen := choose(writer.random, writer.ledger.certain(kind, lambda key: key in writer.ids)):
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
    if chosen := choose(writer.random, writer.ledger.certain("model", lambda key: key in writer.ids)):
        key = ("version", chosen[0][1], f"v{writer.number()}")
        create(writer, "version", key, "model_versions", registeredModelId=writer.ids[chosen[0]])


def create_artifact(writer: Writer) -> None:
    if chosen := choose(writer.random, writer.ledger.certain("version", lambda key: key in writer.ids)):
        _, model, version = chosen[0]
        key, url = ("artifact", model, version, f"a{writer.number()}"), f"model_versions/{writer.ids[chosen[0]]}/artifacts"
        create(writer, "artifact", key, url, artifactType="model-artifact", uri="s3://elsewhere/file")


def create_experiment(writer: Writer) -> None:
    create(writer, "experiment", ("experiment", f"{writer.name}-e{writer.number()}"), "experiments")


def create_run(writer: Writer) -> None:
    if chosen := choose(writer.random, writer.ledger.certain("experiment", lambda key: key in writer.ids)):
        key = ("run", chosen[0][1], f"r{writer.number()}")
        create(writer, "run", key, "experiment_runs", experimentId=writer.ids[chosen[0]])


def log_metric(writer: Writer) -> None:
    if chosen := choose(writer.random, writer.ledger.certain("run", lambda key: key in writer.ids)):
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
