"""Experiments with the stock client: the releases that speak v1alpha3 have them."""

from pathlib import Path

import mr_openapi as m
import pytest
from harness import Server, Services
from model_registry import ModelRegistry
from model_registry.core import ModelRegistryAPIClient
from model_registry.types import DataSet, ExperimentRun, ListOptions, Metric, Parameter
from test_client_surface import s3_params, stored


def parameter(name: str, value: str) -> Parameter:
    return Parameter(name=name, value=value, parameter_type=m.ParameterType.STRING)


async def update_run(api: ModelRegistryAPIClient, id: str, **change) -> None:
    """The client of this release creates where it should update, so that this goes through what is below it."""
    async with api.get_client() as c:
        await c.update_experiment_run(id, m.ExperimentRunUpdate(**change))


def test_a_run_keeps_what_is_logged(
    client: ModelRegistry, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_bytes(b"a,b\n1,2\n")
    bucket = services.create_bucket()
    upload = s3_params(services, bucket, "rows")
    # Of the upload's parameters the client leaves these out of the URI, and takes them from here.
    monkeypatch.setenv("AWS_S3_BUCKET", bucket)
    monkeypatch.setenv("AWS_S3_ENDPOINT", upload.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", upload.region)
    with client.start_experiment_run(experiment_name="digits", owner="ada", run_description="the first") as run:
        for key, value in {"optimizer": "adam", "epochs": 3, "rate": 0.1, "shuffle": True, "layers": "[8, 8]"}.items():
            run.log_param(key, value)
        run.log_metric("loss", 0.5, step=1, timestamp="1700000000001")
        run.log_metric("accuracy", 0.9, step=3, description="on the test set")
        run.log_dataset("train", uri="s3://data/train", source_type="s3", source="bucket", schema="{}", profile="{}")
        run.log_dataset("test", file_path=str(rows), s3_auth=upload)

    experiment = next(iter(client.get_experiments()))
    assert (experiment.name, experiment.owner, experiment.id) == ("digits", "ada", run.info.experiment_id)
    found = client.get_experiment_run(run.info.id)
    assert (found.name, found.description, found.experiment_id) == (run.info.name, "the first", experiment.id)

    logs = list(client.get_experiment_run_logs(run_id=run.info.id))
    for by_name in ({"experiment_name": "digits"}, {"experiment_id": experiment.id}):
        assert list(client.get_experiment_run_logs(run_name=run.info.name, **by_name)) == logs
    assert {(log.experiment_id, log.experiment_run_id) for log in logs} == {(experiment.id, run.info.id)}
    params = {log.name: (log.value, log.parameter_type) for log in logs if isinstance(log, Parameter)}
    kinds = m.ParameterType
    assert params == {
        "optimizer": ("adam", kinds.STRING),
        "epochs": (3, kinds.NUMBER),
        "rate": (0.1, kinds.NUMBER),
        "shuffle": (True, kinds.BOOLEAN),
        "layers": ("[8, 8]", kinds.STRING),
    }
    metrics = {log.name: log for log in logs if isinstance(log, Metric)}
    loss, accuracy = metrics.pop("loss"), metrics.pop("accuracy")
    assert not metrics
    assert (loss.value, loss.step, loss.timestamp) == (0.5, 1, "1700000000001")
    assert (accuracy.value, accuracy.step, accuracy.description) == (0.9, 3, "on the test set")
    sets = {log.name: log for log in logs if isinstance(log, DataSet)}
    train, test = sets.pop("train"), sets.pop("test")
    assert not sets
    assert (train.uri, train.source_type, train.source) == ("s3://data/train", "s3", "bucket")
    assert (train.schema, train.profile) == ("{}", "{}")
    assert list(stored(services, test.uri).values()) == [b"a,b\n1,2\n"]
    # What the client holds after the run is what the server answered.
    assert run.get_log("params", "epochs").id in {log.id for log in logs}
    assert len(run.get_logs()) == len(logs)


def test_a_metric_has_every_step(client: ModelRegistry) -> None:
    steps = range(25)
    with client.start_experiment_run(experiment_name="digits") as run:
        pass
    for step in steps:
        # A run that is resumed: the client sends one point of a metric each time.
        with client.start_experiment_run(experiment_name="digits", run_id=run.info.id) as again:
            assert again.info.id == run.info.id
            again.log_metric("loss", 1 / (step + 1), step=step)
            again.log_metric("rate", 0.1, step=step)

    async def history() -> None:
        async with client._api.get_client() as c:
            read, token = [], None
            while token != "":
                page = await c.get_experiment_run_metric_history(
                    run.info.id, name="loss", page_size="10", next_page_token=token
                )
                read += page.items
                token = page.next_page_token
            assert [(point.step, point.value) for point in read] == [(step, 1 / (step + 1)) for step in steps]
            some = await c.get_experiment_run_metric_history(run.info.id, step_ids="3,5", filter_query="value < 0.15")
            assert sorted((point.name, point.step) for point in some.items) == [("rate", 3), ("rate", 5)]
            across = await c.get_experiment_runs_metric_history(name="loss", sort_order=m.SortOrder.DESC, page_size="1")
            assert [point.step for point in across.items] == [24]

    client.async_runner(history())
    # The artifact shows the latest point.
    latest = {log.name: log for log in client.get_experiment_run_logs(run_id=run.info.id)}
    assert {name: (log.value, log.step) for name, log in latest.items()} == {"loss": (0.04, 24), "rate": (0.1, 24)}


def test_runs_are_nested(client: ModelRegistry) -> None:
    with client.start_experiment_run(experiment_name="digits") as parent:
        with pytest.raises(ValueError, match="nested"):
            client.start_experiment_run(experiment_name="digits")
        parent.log_param("grid", "coarse")
        with client.start_experiment_run(nested=True) as child:
            child.log_param("rate", 0.1)
    runs = {run.id: run for run in client.get_experiment_runs(experiment_name="digits")}
    assert runs.keys() == {parent.info.id, child.info.id}
    assert runs[child.info.id].custom_properties == {"kubeflow.parent_run_id": parent.info.id}
    assert [log.name for log in client.get_experiment_run_logs(run_id=child.info.id)] == ["rate"]

    async def children() -> list:
        async with client._api.get_client() as c:
            condition = f"`kubeflow.parent_run_id` = '{parent.info.id}'"
            return (await c.get_experiment_runs(filter_query=condition)).items

    assert [run.id for run in client.async_runner(children())] == [child.info.id]


def test_pagers_of_experiments_runs_and_logs(client: ModelRegistry) -> None:
    experiments = [client.create_experiment(f"experiment {number}") for number in range(21)]
    api, run = client._api, client.async_runner
    runs = [
        run(api.upsert_experiment_run(ExperimentRun(name=f"run {number}", experiment_id=experiments[0].id)))
        for number in range(21)
    ]
    for number in range(21):
        run(api.upsert_experiment_run_artifact(runs[0].id, parameter(f"p{number}", str(number))))
    # Touched in the opposite order.
    for experiment in reversed(experiments):
        run(api.upsert_experiment(experiment.model_copy(update={"description": "touched"})))
    for touched in reversed(runs):
        run(update_run(api, touched.id, description="touched"))

    lists = {
        "experiments": (client.get_experiments, experiments),
        "runs by id": (lambda: client.get_experiment_runs(experiment_id=experiments[0].id), runs),
        "runs by name": (lambda: client.get_experiment_runs(experiment_name="experiment 0"), runs),
        "logs": (lambda: client.get_experiment_run_logs(run_id=runs[0].id), None),
    }
    for label, (pager, made) in lists.items():
        names = [each.name for each in made] if made else [f"p{number}" for number in range(21)]
        for size in (10, 21):
            assert [each.name for each in pager().order_by_id().page_size(size)] == names, (label, size)
            assert [each.name for each in pager().order_by_id().descending().page_size(size)] == names[::-1], label
        assert [each.name for each in pager()] == names, label
        created = [int(each.create_time_since_epoch) for each in pager().order_by_creation_time().page_size(4)]
        assert created == sorted(created) and len(created) == 21, label
        updated = [int(each.last_update_time_since_epoch) for each in pager().order_by_update_time().page_size(4)]
        assert updated == sorted(updated) and len(updated) == 21, label


def test_updates_of_experiments_and_runs(client: ModelRegistry, server: Server) -> None:
    api, run = client._api, client.async_runner
    experiment = client.create_experiment("digits")
    experiment.owner, experiment.external_id = "grace", "digits in another system"
    experiment.state = m.ExperimentState.ARCHIVED
    experiment.custom_properties = {"priority": 2}
    experiment = run(api.upsert_experiment(experiment))
    # The client of this release puts what it gets by id into the wrong class.
    assert run(api.get_experiment_by_id(experiment.id)).custom_properties == {"priority": 2}
    assert run(api.get_experiment_by_name("digits")) == experiment
    assert run(api.get_experiments(ListOptions(limit=1))) == [experiment]
    assert run(api.get_experiment_by_name("letters")) is None
    assert run(api.get_experiment_by_id("999999")) is None

    made = run(api.upsert_experiment_run(ExperimentRun(name="one", experiment_id=experiment.id, owner="ada")))
    run(update_run(api, made.id, state=m.ExperimentRunState.ARCHIVED, description="old"))
    made = client.get_experiment_run(made.id)
    assert (made.state, made.description, made.owner) == (m.ExperimentRunState.ARCHIVED, "old", "ada")
    assert run(api.get_experiment_run_by_id(made.id)) == made
    assert run(api.get_experiment_run_by_experiment_and_run_id(made.id, experiment_name="digits")) == made
    assert run(api.get_experiment_runs_by_experiment_id(experiment.id)) == [made]
    assert run(api.get_experiment_runs_by_experiment_name("digits")) == [made]
    # The client looks for the run under the experiment's id, and takes what is not there for absent.
    by_name = api.get_experiment_run_by_experiment_and_run_name("one", experiment_name="digits")
    assert run(by_name) is None
    assert client.get_experiment_run("999999") is None

    def logged(name: str, value: str) -> Parameter:
        return run(api.upsert_experiment_run_artifact(made.id, parameter(name, value)))

    first, second = logged("rate", "0.1"), logged("rate", "0.2")
    assert (first.id, second.value) == (second.id, "0.2")
    second.description = "changed by hand"
    run(api.upsert_experiment_run_artifact(made.id, second))
    [only] = run(api.get_artifacts_by_experiment_run_params(run_id=made.id))
    assert (only.id, only.value, only.description) == (first.id, "0.2", "changed by hand")
    # Neither write changed what it did not name.
    assert server.kubeflow("GET", f"experiments/{experiment.id}").json()["state"] == "ARCHIVED"


def test_every_operation_of_the_generated_client_on_experiments(client: ModelRegistry) -> None:
    client.async_runner(every_operation(client._api))


async def every_operation(api: ModelRegistryAPIClient) -> None:
    async with api.get_client() as c:
        experiment = await c.create_experiment(m.ExperimentCreate(name="e", external_id="external"))
        experiment = await c.update_experiment(experiment.id, m.ExperimentUpdate(owner="ada"))
        assert await c.get_experiment(experiment.id) == experiment
        assert await c.find_experiment(external_id="external") == experiment
        assert (await c.get_experiments(filter_query="owner = 'ada'")).items == [experiment]

        body = m.ExperimentRunCreate(name="1", experiment_id=experiment.id, start_time_since_epoch="1700000000000")
        run = await c.create_experiment_run(body)
        assert run.status == m.ExperimentRunStatus.RUNNING
        change = m.ExperimentRunUpdate(status=m.ExperimentRunStatus.FINISHED, end_time_since_epoch="1700000001000")
        run = await c.update_experiment_run(run.id, change)
        nested = m.ExperimentRun(name="2", experiment_id=experiment.id)
        other = await c.create_experiment_experiment_run(experiment.id, nested)
        assert await c.get_experiment_run(run.id) == run
        assert await c.find_experiment_run(name="1", parent_resource_id=experiment.id) == run
        assert (await c.get_experiment_runs(filter_query="status = 'FINISHED'")).items == [run]
        newest_first = await c.get_experiment_experiment_runs(experiment.id, sort_order=m.SortOrder.DESC)
        assert newest_first.items == [other, run]

        metric = m.Metric(name="loss", value=0.5, step=1, timestamp="1700000000500", artifact_type="metric")
        stored = (await c.upsert_experiment_run_artifact(run.id, m.Artifact(metric))).actual_instance
        assert (stored.value, stored.step, stored.experiment_run_id) == (0.5, 1, run.id)
        kind = m.ArtifactTypeQueryParam.METRIC
        listed = await c.get_experiment_run_artifacts(run.id, artifact_type=kind, filter_query="value > 0.4")
        assert [each.actual_instance for each in listed.items] == [stored]
        assert [point.value for point in (await c.get_experiment_run_metric_history(run.id)).items] == [0.5]
        assert len((await c.get_experiment_runs_metric_history()).items) == 1
