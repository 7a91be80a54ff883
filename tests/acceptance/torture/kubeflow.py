"""What a writer does over Kubeflow's API."""

from collections.abc import Callable

from harness import KUBEFLOW

from torture.ledger import Key, choose
from torture.writer import Writer


def known(writer: Writer, kind: str) -> Key | None:
    """One of those that are certainly there, and whose ids were answered."""
    chosen = choose(writer.random, writer.ledger.certain(kind, lambda key: key in writer.ids))
    return chosen[0] if chosen else None


def describe(entity: str, kind: str) -> Callable[[Writer], None]:
    """Gives something another description, over Kubeflow's API."""

    def operation(writer: Writer) -> None:
        if chosen := known(writer, kind):
            key, description = chosen, writer.token()
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
    if chosen := known(writer, "model"):
        key = ("version", chosen[1], f"v{writer.number()}")
        create(writer, "version", key, "model_versions", registeredModelId=writer.ids[chosen])


def create_artifact(writer: Writer) -> None:
    if chosen := known(writer, "version"):
        _, model, version = chosen
        key, url = ("artifact", model, version, f"a{writer.number()}"), f"model_versions/{writer.ids[chosen]}/artifacts"
        create(writer, "artifact", key, url, artifactType="model-artifact", uri="s3://elsewhere/file")


def create_experiment(writer: Writer) -> None:
    create(writer, "experiment", ("experiment", f"{writer.name}-e{writer.number()}"), "experiments")


def create_run(writer: Writer) -> None:
    if chosen := known(writer, "experiment"):
        key = ("run", chosen[1], f"r{writer.number()}")
        create(writer, "run", key, "experiment_runs", experimentId=writer.ids[chosen])


def log_metric(writer: Writer) -> None:
    if chosen := known(writer, "run"):
        run, step, value = writer.ids[chosen], writer.number(), writer.random.randrange(1000)
        body = {"artifactType": "metric", "name": "loss", "value": value, "step": step, "timestamp": str(step)}
        writer.perform(
            "kubeflow.log_metric",
            {("metric", run, str(step)): str(value)},
            lambda doors, headers: doors.api.post(
                f"{KUBEFLOW}/experiment_runs/{run}/artifacts", json=body, headers=headers
            ),
            {200, 201},
        )
