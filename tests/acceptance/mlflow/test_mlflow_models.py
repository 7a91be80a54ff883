"""Models that runs log: logged, registered, found and loaded by every kind of address."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pytest
from harness import Server, eventually
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from reference import REFERENCE
from sklearn.linear_model import LogisticRegression
from wire import Wire, pages

X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]])
Y = np.array([0, 0, 1, 1])
# What it says about the environment need not be found out, which takes long.
PLAIN = {"pip_requirements": ["scikit-learn"]}


@pytest.fixture(scope="module")
def trained() -> LogisticRegression:
    return LogisticRegression().fit(X, Y)


def log(trained: LogisticRegression, name: str = "model", **options):
    """Logs a model to the run that is active, with everything that can be said about it."""
    said = {"signature": infer_signature(X, Y), "input_example": X[:1], **PLAIN, **options}
    return mlflow.sklearn.log_model(trained, name=name, **said)


def predicts(uri: str) -> bool:
    """Whether what is loaded from there is the model, by its own flavour and as a function."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own, function = mlflow.sklearn.load_model(uri), mlflow.pyfunc.load_model(uri)
    return list(own.predict(X)) == list(function.predict(X)) == list(Y)


def test_a_model_is_logged_registered_and_loaded_by_every_address(
    client: MlflowClient, experiment: str, name: str, trained: LogisticRegression, tmp_path: Path
) -> None:
    with mlflow.start_run() as active:
        first = log(trained, registered_model_name=name, params={"C": "1.0"})
        second = log(trained, name="other", registered_model_name=name)
    run_id = active.info.run_id
    assert (first.registered_model_version, second.registered_model_version) == ("1", "2")
    assert first.model_uri == f"models:/{first.model_id}"
    versions = [client.get_model_version(name, number) for number in ("1", "2")]
    assert [(each.version, each.run_id, each.source) for each in versions] == [
        ("1", run_id, f"models:/{first.model_id}"),
        ("2", run_id, f"models:/{second.model_id}"),
    ]
    assert {(each.status, each.current_stage) for each in versions} == {("READY", "None")}
    client.set_registered_model_alias(name, "champion", "1")
    client.transition_model_version_stage(name, "2", "Production")
    for uri in [
        f"models:/{name}/1",
        f"models:/{name}/2",
        f"models:/{name}@champion",
        f"models:/{name}/latest",
        f"models:/{name}/Production",
        f"models:/{first.model_id}",
        f"runs:/{run_id}/model",
        f"runs:/{run_id}/other",
        client.get_model_version_download_uri(name, "1"),
        client.get_logged_model(second.model_id).artifact_location,
    ]:
        assert predicts(uri), uri
    described = mlflow.models.get_model_info(f"models:/{name}@champion")
    assert (described.model_id, described.run_id) == (first.model_id, run_id)
    assert described.signature == infer_signature(X, Y)
    local = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/1", dst_path=str(tmp_path)))
    files = {str(each.relative_to(local)) for each in local.rglob("*") if each.is_file()}
    assert {"MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt", "input_example.json"} <= files
    assert mlflow.models.Model.load(f"models:/{name}/1").load_input_example(str(local)).tolist() == X[:1].tolist()
    # The run says what it made.
    assert {each.model_id for each in client.get_run(run_id).outputs.model_outputs} == {first.model_id, second.model_id}
    assert {each.path for each in client.list_logged_model_artifacts(first.model_id)} >= {"MLmodel", "conda.yaml"}


def test_a_model_is_registered_later(
    client: MlflowClient, experiment: str, name: str, trained: LogisticRegression
) -> None:
    with mlflow.start_run() as active:
        logged = log(trained)
    by_run = mlflow.register_model(f"runs:/{active.info.run_id}/model", name, tags={"by": "run"})
    by_model = mlflow.register_model(logged.model_uri, name)
    assert (by_run.version, by_run.run_id, by_run.tags) == ("1", active.info.run_id, {"by": "run"})
    assert (by_model.version, by_model.run_id, by_model.source) == ("2", active.info.run_id, logged.model_uri)
    copied = client.copy_model_version(f"models:/{name}/1", f"{name}-copy")
    assert (copied.version, copied.run_id, copied.source) == ("1", active.info.run_id, f"models:/{name}/1")
    again = client.copy_model_version(f"models:/{name}/2", f"{name}-copy")
    assert again.version == "2"
    for uri in (f"models:/{name}/1", f"models:/{name}/2", f"models:/{name}-copy/1", f"models:/{name}-copy/2"):
        assert predicts(uri), uri
    # Under which names it is registered, the logged model's tag says.
    tag = client.get_logged_model(logged.model_id).tags["mlflow.modelVersions"]
    assert {"name": name, "version": "2"} in [{**each, "version": str(each["version"])} for each in json.loads(tag)]


@pytest.mark.ours
def test_what_is_registered_is_said_once(
    client: MlflowClient, experiment: str, name: str, trained: LogisticRegression
) -> None:
    """Upstream's server and its client both write it, as text and as a number."""
    with mlflow.start_run():
        logged = log(trained, registered_model_name=name)
    said = json.loads(client.get_logged_model(logged.model_id).tags["mlflow.modelVersions"])
    assert [{**each, "version": str(each["version"])} for each in said] == [{"name": name, "version": "1"}]


@pytest.mark.ours
def test_a_version_outlives_what_it_was_registered_from(
    client: MlflowClient, wire: Wire, experiment: str, name: str, trained: LogisticRegression
) -> None:
    """Upstream's versions show the folder of the run."""
    with mlflow.start_run() as active:
        logged = log(trained, registered_model_name=name)
    folder = client.get_logged_model(logged.model_id).artifact_location.removeprefix("mlflow-artifacts:/")
    wire.put(f"{folder}/MLmodel", b"overwritten")
    client.delete_logged_model(logged.model_id)
    client.delete_run(active.info.run_id)
    client.delete_experiment(experiment)
    assert predicts(f"models:/{name}/1")


def test_logged_models_are_found(client: MlflowClient, experiment: str, unique: Callable[[str], str]) -> None:
    dataset = mlflow.data.from_numpy(X, name=unique("rides"))
    ids = {}
    with mlflow.start_run() as active:
        for at, (kind, acc) in enumerate([("forest", 0.9), ("forest", 0.5), ("tree", None), ("tree", 0.5)]):
            model = mlflow.initialize_logged_model(
                f"m{at}", params={"depth": str(at)}, tags={"kind": kind}, model_type=kind
            )
            ids[f"m{at}"] = model.model_id
            if acc is not None:
                mlflow.log_metric("acc", acc, step=1, model_id=model.model_id, dataset=dataset)
                mlflow.log_metrics({"loss": 1 - acc}, step=1, model_id=model.model_id)
            if at != 3:
                mlflow.finalize_logged_model(model.model_id, "READY" if at != 2 else "FAILED")
    one = client.get_logged_model(ids["m0"])
    assert (one.name, one.model_type, one.status) == ("m0", "forest", LoggedModelStatus.READY)
    assert (one.experiment_id, one.source_run_id, one.params) == (experiment, active.info.run_id, {"depth": "0"})
    assert one.tags["kind"] == "forest" and 0 < one.creation_timestamp <= one.last_updated_timestamp
    assert one.artifact_location == f"mlflow-artifacts:/{experiment}/models/{one.model_id}/artifacts"
    metrics = {each.key: each for each in one.metrics}
    assert (metrics["acc"].value, metrics["acc"].dataset_name, metrics["acc"].run_id) == (
        0.9,
        dataset.name,
        active.info.run_id,
    )
    assert (metrics["loss"].value, metrics["loss"].dataset_name) == (pytest.approx(0.1), None)

    def found(clause: str = "", order: list[dict] | None = None, **options) -> list[str]:
        models = client.search_logged_models([experiment], clause or None, order_by=order, **options)
        return [each.name for each in models]

    for clause, wanted in {
        "": ["m0", "m1", "m2", "m3"],
        "name = 'm1'": ["m1"],
        "name LIKE 'm%' AND model_type = 'tree'": ["m2", "m3"],
        f"model_id = '{ids['m2']}'": ["m2"],
        f"model_id IN ('{ids['m2']}', '{ids['m0']}')": ["m0", "m2"],
        f"source_run_id = '{active.info.run_id}'": ["m0", "m1", "m2", "m3"],
        "params.depth = '2'": ["m2"],
        "params.depth != '2'": ["m0", "m1", "m3"],
        "tags.kind = 'tree'": ["m2", "m3"],
        "tags.kind ILIKE 'TR%'": ["m2", "m3"],
        "metrics.acc > 0.6": ["m0"],
        "metrics.loss <= 0.5": ["m0", "m1", "m3"],
        "creation_timestamp > 0": ["m0", "m1", "m2", "m3"],
    }.items():
        assert sorted(found(clause)) == wanted, clause
    by_acc = {"field_name": "metrics.acc", "ascending": False, "dataset_name": dataset.name}
    assert found(order=[by_acc, {"field_name": "name"}]) == ["m0", "m1", "m3", "m2"]
    assert found(order=[{"field_name": "name", "ascending": False}]) == ["m3", "m2", "m1", "m0"]
    assert found(order=[{"field_name": "creation_timestamp", "ascending": True}])[0] == "m0"
    on = [{"dataset_name": dataset.name, "dataset_digest": dataset.digest}]
    assert found("metrics.acc >= 0.5", [{"field_name": "name"}], datasets=on) == ["m0", "m1", "m3"]
    assert found("metrics.acc >= 0.5", datasets=[{"dataset_name": "another"}]) == []
    if not REFERENCE:
        # Upstream compares its number with the name.
        assert sorted(found("status = 'READY'")) == ["m0", "m1"]
    frame = mlflow.search_logged_models([experiment], filter_string="metrics.acc > 0.6")
    assert list(frame["name"]) == ["m0"]


def test_logged_models_are_tagged_and_deleted(client: MlflowClient, experiment: str) -> None:
    with mlflow.start_run():
        model = client.create_logged_model(experiment, name="m", source_run_id=mlflow.active_run().info.run_id)
    assert model.status == LoggedModelStatus.PENDING
    client.log_model_params(model.model_id, {"depth": "3"})
    client.set_logged_model_tags(model.model_id, {"a": "1", "b": "2"})
    client.delete_logged_model_tag(model.model_id, "a")
    read = client.get_logged_model(model.model_id)
    assert (read.params, read.tags["b"], "a" in read.tags) == ({"depth": "3"}, "2", False)
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    client.delete_logged_model(model.model_id)
    assert client.search_logged_models([experiment]) == []
    with pytest.raises(MlflowException, match=model.model_id) as error:
        client.get_logged_model(model.model_id)
    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    # A model need not come from a run.
    alone = mlflow.create_external_model(name="alone", experiment_id=experiment, model_type="agent")
    assert (client.get_logged_model(alone.model_id).source_run_id or "") == ""


def test_logged_models_with_equal_metrics_are_paged(client: MlflowClient, experiment: str) -> None:
    """Releases before 3.17 drop models where a metric ties."""
    with mlflow.start_run():
        for at in range(7):
            model = mlflow.initialize_logged_model(f"m{at}")
            mlflow.log_metric("acc", 0.5 if at % 2 else 0.25, step=1, model_id=model.model_id)
    order = [{"field_name": "metrics.acc", "ascending": False}]
    found = pages(client.search_logged_models, experiment_ids=[experiment], order_by=order, max_results=2)
    seen = [(each.metrics[0].value, each.name) for page in found for each in page]
    assert len(seen) == len(set(seen)) == 7
    assert [value for value, _ in seen] == [0.5] * 3 + [0.25] * 4


@pytest.mark.filterwarnings("ignore:`y_pred` was renamed:FutureWarning")
def test_scikit_learn_is_logged_by_itself(client: MlflowClient, experiment: str) -> None:
    mlflow.sklearn.autolog(log_input_examples=True, log_model_signatures=True, silent=True)
    try:
        with mlflow.start_run() as active:
            model = LogisticRegression(C=0.5).fit(X, Y)
            model.score(X, Y)
    finally:
        mlflow.sklearn.autolog(disable=True)
    run = client.get_run(active.info.run_id)
    assert run.info.status == "FINISHED"
    assert (run.data.params["C"], run.data.tags["estimator_name"]) == ("0.5", "LogisticRegression")
    assert {"training_score", "training_accuracy_score", "training_f1_score"} <= set(run.data.metrics)
    assert any("_score_X" in key or key.endswith("score_X") for key in run.data.metrics) or len(run.data.metrics) > 5
    [used] = run.inputs.dataset_inputs
    assert {"mlflow.data.context": "train"}.items() <= {each.key: each.value for each in used.tags}.items()
    paths = {each.path for each in client.list_artifacts(run.info.run_id)}
    assert {"estimator.html", "training_confusion_matrix.png"} <= paths
    [made] = client.search_logged_models([experiment])
    assert [each.model_id for each in run.outputs.model_outputs] == [made.model_id]
    assert predicts(made.model_uri)


@pytest.mark.filterwarnings("ignore:X has feature names:UserWarning")
def test_a_model_is_evaluated(client: MlflowClient, experiment: str, trained: LogisticRegression) -> None:
    """By the classic evaluation, which asks nothing that is not there."""
    with mlflow.start_run() as active:
        logged = log(trained)
        result = mlflow.models.evaluate(
            logged.model_uri, X, targets=Y, model_type="classifier", evaluator_config={"log_explainer": False}
        )
    assert result.metrics["accuracy_score"] == 1.0
    assert client.get_run(active.info.run_id).data.metrics["accuracy_score"] == 1.0


@pytest.mark.ours
def test_code_in_a_pickle_is_quarantined(
    client: MlflowClient, server: Server, experiment: str, name: str, tmp_path: Path
) -> None:
    """So the client logs its user's own functions. They can be logged from their source, or let through."""
    source = tmp_path / "answer.py"
    source.write_text(
        "import mlflow\n\n\nclass Answer(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, model_input: list[int]) -> list[int]:\n        return [42]\n\n\n"
        "mlflow.models.set_model(Answer())\n"
    )

    def answer(model_input: list[int]) -> list[int]:
        return [42]

    pickled = {"python_model": answer, **PLAIN}
    with mlflow.start_run():
        from_source = mlflow.pyfunc.log_model(name="source", python_model=str(source), **PLAIN)
        refused = mlflow.pyfunc.log_model(name="pickle", **pickled)
        assert mlflow.pyfunc.load_model(from_source.model_uri).predict([1]) == [42]
        with pytest.raises(MlflowException, match="quarantined.*pickle"):
            mlflow.pyfunc.load_model(refused.model_uri)
        mlflow.register_model(refused.model_uri, name)
    with pytest.raises(MlflowException, match="quarantined.*pickle"):
        mlflow.pyfunc.load_model(f"models:/{name}/1")
    policy = {"findings": {"danger": "warn", "suspicious": "warn"}}
    assert server.http.put(f"/api/v1/models/{name}/policy", json=policy).is_success
    eventually(lambda: server.get(name, "1", "python_model.pkl").is_success, "a file that is let through")
    assert mlflow.pyfunc.load_model(f"models:/{name}/1").predict([1]) == [42]
    # What is registered later is judged by that policy at once; what was logged stays as it is.
    mlflow.register_model(refused.model_uri, name)
    assert mlflow.pyfunc.load_model(f"models:/{name}/2").predict([1]) == [42]
    with pytest.raises(MlflowException, match="quarantined.*pickle"):
        mlflow.pyfunc.load_model(refused.model_uri)
