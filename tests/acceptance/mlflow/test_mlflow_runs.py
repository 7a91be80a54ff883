"""Runs, as MLflow's client makes them and logs to them."""

import json
import math
import time

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from wire import Wire, pages


def test_a_run_is_what_was_logged(client: MlflowClient, experiment: str) -> None:
    before = int(time.time() * 1000)
    with mlflow.start_run(run_name="first", tags={"team": "risk"}, description="what it is for") as active:
        run_id = active.info.run_id
        assert client.get_run(run_id).info.status == "RUNNING"
        mlflow.log_param("depth", 3)
        mlflow.log_params({"rate": 0.1, "optimiser/name": "adam", "empty": "", "list": [1, "a"]})
        mlflow.log_metric("loss", 0.5)
        mlflow.log_metrics({"acc": 0.25, "val loss": 2}, step=3)
        mlflow.set_tag("colour", "Ünï 🍎")
        mlflow.set_tags({"removed": 1, "kept": True})
        mlflow.delete_tag("removed")
    run = mlflow.get_run(run_id)
    info, data = run.info, run.data
    assert (info.run_id, info.run_name, info.experiment_id) == (run_id, "first", experiment)
    assert (info.status, info.lifecycle_stage) == ("FINISHED", "active")
    assert before - 1000 <= info.start_time <= info.end_time <= int(time.time() * 1000) + 1000
    assert info.artifact_uri == f"mlflow-artifacts:/{experiment}/{run_id}/artifacts"
    assert len(run_id) == 32 and int(run_id, 16)
    assert data.params == {"depth": "3", "rate": "0.1", "optimiser/name": "adam", "empty": "", "list": "[1, 'a']"}
    assert data.metrics == {"loss": 0.5, "acc": 0.25, "val loss": 2.0}
    tags = {key: value for key, value in data.tags.items() if not key.startswith("mlflow.source")}
    user = tags.pop("mlflow.user")
    assert user == info.user_id
    assert tags == {
        "team": "risk",
        "colour": "Ünï 🍎",
        "kept": "True",
        "mlflow.runName": "first",
        "mlflow.note.content": "what it is for",
    }


def test_how_a_run_ended_is_kept(client: MlflowClient, experiment: str) -> None:
    with pytest.raises(ZeroDivisionError), mlflow.start_run() as failing:
        1 / 0
    assert client.get_run(failing.info.run_id).info.status == "FAILED"
    run_id = client.create_run(experiment).info.run_id
    assert client.get_run(run_id).info.end_time is None
    # Some clients end runs before they start.
    client.set_terminated(run_id, "KILLED", end_time=1000)
    info = client.get_run(run_id).info
    assert (info.status, info.end_time) == ("KILLED", 1000)
    client.update_run(run_id, status="SCHEDULED", name="again")
    info = client.get_run(run_id).info
    assert (info.status, info.run_name) == ("SCHEDULED", "again")
    with mlflow.start_run(run_id=run_id):
        assert client.get_run(run_id).info.status == "RUNNING"
    assert client.get_run(run_id).info.status == "FINISHED"


def test_runs_are_nested(client: MlflowClient, experiment: str) -> None:
    with mlflow.start_run(run_name="parent") as parent:
        for depth in range(3):
            with mlflow.start_run(run_name=f"child {depth}", nested=True) as child:
                mlflow.log_param("depth", depth)
    assert mlflow.get_parent_run(child.info.run_id).info.run_id == parent.info.run_id
    assert mlflow.get_parent_run(parent.info.run_id) is None
    children = client.search_runs(
        [experiment], f"tags.mlflow.parentRunId = '{parent.info.run_id}'", order_by=["params.depth"]
    )
    assert [each.info.run_name for each in children] == ["child 0", "child 1", "child 2"]
    assert len(client.search_runs([experiment])) == 4


def test_names_of_runs_may_repeat_and_change(client: MlflowClient, experiment: str) -> None:
    runs = [client.create_run(experiment, run_name="twin").info.run_id for _ in range(3)]
    assert len(set(runs)) == 3
    found = client.search_runs([experiment], "attributes.run_name = 'twin'")
    assert {each.info.run_id for each in found} == set(runs)
    client.update_run(runs[0], name="a: b/c")
    client.set_tag(runs[1], "mlflow.runName", "by its tag")
    for run, name in zip(runs, ["a: b/c", "by its tag", "twin"], strict=True):
        read = client.get_run(run)
        assert (read.info.run_name, read.data.tags["mlflow.runName"]) == (name, name)
    # What has no name is given one.
    nameless = client.create_run(experiment)
    assert nameless.info.run_name and nameless.data.tags["mlflow.runName"] == nameless.info.run_name


def test_parameters_are_written_once(client: MlflowClient, experiment: str) -> None:
    run_id = client.create_run(experiment).info.run_id
    client.log_param(run_id, "depth", 3)
    client.log_param(run_id, "depth", 3)
    with pytest.raises(MlflowException, match="(?s)depth.*3.*5") as error:
        client.log_param(run_id, "depth", 5)
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert client.get_run(run_id).data.params == {"depth": "3"}


def test_what_is_too_long_is_cut(client: MlflowClient, experiment: str) -> None:
    """Autologging relies on it."""
    run_id = client.create_run(experiment).info.run_id
    client.log_param(run_id, "long", "x" * 7000)
    client.log_batch(run_id, params=[Param("longer", "ä" * 6001)], tags=[RunTag("batch", "y" * 9000)])
    client.set_tag(run_id, "alone", "é" * 8001)
    data = client.get_run(run_id).data
    assert data.params == {"long": "x" * 6000, "longer": "ä" * 6000}
    assert (data.tags["batch"], data.tags["alone"]) == ("y" * 8000, "é" * 8000)


def test_a_batch_is_written_at_once(client: MlflowClient, experiment: str) -> None:
    run_id = client.create_run(experiment).info.run_id
    params = [Param(f"p{at:03}", str(at)) for at in range(100)]
    tags = [RunTag(f"t{at:03}", str(at)) for at in range(100)]
    metrics = [Metric(f"m{at % 80:03}", at / 3, 1_700_000_000_000 + at, at) for at in range(800)]
    for _ in range(2):
        # The second time is a repetition, as after a timeout.
        client.log_batch(run_id, metrics, params, tags)
    data = client.get_run(run_id).data
    assert data.params == {each.key: each.value for each in params}
    assert {each.key: each.value for each in tags}.items() <= data.tags.items()
    assert data.metrics == {f"m{at:03}": (720 + at) / 3 for at in range(80)}
    history = client.get_metric_history(run_id, "m007")
    assert [(each.step, each.value) for each in history] == [(at, at / 3) for at in range(7, 800, 80)]
    # The client takes batches of any size apart.
    mlflow.MlflowClient().log_batch(run_id, tags=[RunTag(f"u{at:03}", "") for at in range(100)])
    with mlflow.start_run(run_id=run_id):
        mlflow.log_params({f"q{at:03}": at for at in range(250)})
    assert len(client.get_run(run_id).data.params) == 350


def test_a_batch_that_is_refused_leaves_nothing(client: MlflowClient, experiment: str) -> None:
    run_id = client.create_run(experiment).info.run_id
    client.log_param(run_id, "depth", 3)
    before = client.get_run(run_id).data.to_dictionary()
    with pytest.raises(MlflowException, match="depth"):
        client.log_batch(
            run_id, [Metric("loss", 1.0, 1, 0)], [Param("new", "1"), Param("depth", "5")], [RunTag("t", "1")]
        )
    assert client.get_run(run_id).data.to_dictionary() == before
    assert client.get_metric_history(run_id, "loss") == []


def test_a_history_has_every_point(client: MlflowClient, experiment: str) -> None:
    run_id = client.create_run(experiment).info.run_id
    points = [
        (3, 30, 0.3),
        (1, 10, 0.1),
        (2, 20, math.nan),
        (2, 20, 0.2),
        (2, 20, 0.2),
        (4, 5, math.inf),
        (0, 50, -math.inf),
    ]
    for step, at, value in points:
        client.log_metric(run_id, "loss", value, timestamp=at, step=step)
    history = client.get_metric_history(run_id, "loss")
    seen = [(each.timestamp, each.step, each.value) for each in history if not math.isnan(each.value)]
    # By time, step and value; the point that was repeated is there once.
    assert seen == [
        (5, 4, 1.7976931348623157e308),
        (10, 1, 0.1),
        (20, 2, 0.2),
        (30, 3, 0.3),
        (50, 0, -1.7976931348623157e308),
    ]
    assert [(each.timestamp, each.step) for each in history if math.isnan(each.value)] == [(20, 2)]
    assert {each.key for each in history} == {"loss"}
    # The latest is that of the greatest step, not the one that came last.
    assert client.get_run(run_id).data.metrics == {"loss": 1.7976931348623157e308}
    client.log_metric(run_id, "loss", 0.7, timestamp=4, step=4)
    assert client.get_run(run_id).data.metrics == {"loss": 1.7976931348623157e308}
    client.log_metric(run_id, "loss", 0.7, timestamp=6, step=4)
    assert client.get_run(run_id).data.metrics == {"loss": 0.7}
    client.log_metric(run_id, "gone", math.nan)
    assert math.isnan(client.get_run(run_id).data.metrics["gone"])
    assert client.get_metric_history(run_id, "nothing") == []


def test_a_long_history_is_paged(client: MlflowClient, experiment: str) -> None:
    run_id = client.create_run(experiment).info.run_id
    for start in range(0, 3000, 1000):
        client.log_batch(run_id, [Metric("loss", at / 7, at, at) for at in range(start, start + 1000)])
    whole = client.get_metric_history(run_id, "loss")
    assert [each.value for each in whole] == [at / 7 for at in range(3000)]
    store = client._tracking_client.store
    found = pages(store.get_metric_history, run_id=run_id, metric_key="loss", max_results=1400)
    steps = [[each.step for each in page] for page in found]
    assert [len(page) for page in steps] == [1400, 1400, 200]
    assert sum(steps, []) == list(range(3000))


def test_histories_of_many_runs_are_thinned_out(client: MlflowClient, wire: Wire, experiment: str) -> None:
    """As the charts of MLflow's pages ask for them."""
    runs = [client.create_run(experiment).info.run_id for _ in range(2)]
    for run_id in runs:
        client.log_batch(run_id, [Metric("loss", at / 7, at, at) for at in range(500)])
    bulk, asked = "/ajax-api/2.0/mlflow/metrics/get-history-bulk", {"metric_key": "loss"}
    whole = wire.get(bulk, run_id=runs, max_results=2000, **asked)["metrics"]
    assert {each["run_id"] for each in whole} == set(runs) and len(whole) == 1000
    some = wire.get(f"{bulk}-interval", run_ids=runs, max_results=10, **asked)["metrics"]
    for run_id in runs:
        steps = [each["step"] for each in some if each["run_id"] == run_id]
        assert steps == sorted(steps) and steps[0] == 0 and steps[-1] == 499 and len(steps) < 50
    part = wire.get(f"{bulk}-interval", run_ids=runs[:1], start_step=100, end_step=110, max_results=2500, **asked)[
        "metrics"
    ]
    assert [each["step"] for each in part] == list(range(100, 111))


def test_metrics_are_logged_in_the_background(client: MlflowClient, experiment: str) -> None:
    """Three hundred requests, as the client does not put them together."""
    with mlflow.start_run() as active:
        for step in range(300):
            mlflow.log_metric("loss", 1 / (step + 1), step=step, synchronous=False)
        operations = [
            mlflow.log_param("a", 1, synchronous=False),
            mlflow.log_params({"b": 2}, synchronous=False),
            mlflow.set_tag("c", 3, synchronous=False),
            mlflow.log_metrics({"d": 4.0}, synchronous=False),
        ]
        for operation in operations:
            operation.wait()
        mlflow.flush_async_logging()
    data = client.get_run(active.info.run_id).data
    assert (data.params, data.tags["c"], data.metrics["d"]) == ({"a": "1", "b": "2"}, "3", 4.0)
    history = client.get_metric_history(active.info.run_id, "loss")
    assert sorted(each.step for each in history) == list(range(300))
    assert data.metrics["loss"] == 1 / 300


def test_a_deleted_run_is_kept_and_not_written_to(client: MlflowClient, experiment: str) -> None:
    run_id = client.create_run(experiment, run_name="gone").info.run_id
    client.log_param(run_id, "depth", 3)
    client.set_tag(run_id, "colour", "red")
    client.delete_run(run_id)
    read = client.get_run(run_id)
    assert (read.info.lifecycle_stage, read.info.run_name, read.data.params) == ("deleted", "gone", {"depth": "3"})
    for write in [
        lambda: client.log_param(run_id, "a", "1"),
        lambda: client.log_metric(run_id, "a", 1.0),
        lambda: client.set_tag(run_id, "a", "1"),
        lambda: client.delete_tag(run_id, "colour"),
        lambda: client.log_batch(run_id, [Metric("a", 1.0, 1, 0)]),
        lambda: client.set_terminated(run_id),
        lambda: client.update_run(run_id, name="other"),
    ]:
        with pytest.raises(MlflowException, match="active") as error:
            write()
        assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    for view, seen in [(ViewType.ACTIVE_ONLY, []), (ViewType.DELETED_ONLY, [run_id]), (ViewType.ALL, [run_id])]:
        assert [each.info.run_id for each in client.search_runs([experiment], run_view_type=view)] == seen
    client.restore_run(run_id)
    client.log_param(run_id, "a", "1")
    read = client.get_run(run_id)
    assert (read.info.lifecycle_stage, read.data.params) == ("active", {"depth": "3", "a": "1"})


def test_what_is_missing_is_missing(client: MlflowClient, experiment: str) -> None:
    nobody = "0123456789abcdef0123456789abcdef"
    for ask in [
        lambda: client.get_run(nobody),
        lambda: client.log_param(nobody, "a", "1"),
        lambda: client.delete_run(nobody),
        lambda: client.list_artifacts(nobody),
    ]:
        with pytest.raises(MlflowException, match=nobody) as error:
            ask()
        assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    run_id = client.create_run(experiment).info.run_id
    with pytest.raises(MlflowException, match="No tag with name") as error:
        client.delete_tag(run_id, "never")
    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_the_history_of_a_model_is_a_tag(client: MlflowClient, wire: Wire, experiment: str) -> None:
    """Releases before 3.0 log models so."""
    run_id = client.create_run(experiment).info.run_id
    described = {"run_id": run_id, "utc_time_created": "2026-01-01", "flavors": {}}
    for path in ("model", "other"):
        wire.post("runs/log-model", run_id=run_id, model_json=json.dumps({**described, "artifact_path": path}))
    history = json.loads(client.get_run(run_id).data.tags["mlflow.log-model.history"])
    assert [each["artifact_path"] for each in history] == ["model", "other"]
