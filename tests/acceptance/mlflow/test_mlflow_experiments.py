"""Experiments, as MLflow's client makes, finds, tags, renames, deletes and restores them."""

from collections.abc import Callable

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from wire import Wire, pages


def test_an_experiment_is_made_once_and_found(client: MlflowClient, unique: Callable[[str], str]) -> None:
    name = unique("fraud")
    assert client.get_experiment_by_name(name) is None
    made = mlflow.set_experiment(name)
    assert mlflow.set_experiment(name).experiment_id == made.experiment_id
    found = client.get_experiment_by_name(name)
    assert (found.experiment_id, found.name, found.lifecycle_stage) == (made.experiment_id, name, "active")
    assert found.artifact_location == f"mlflow-artifacts:/{made.experiment_id}"
    assert 0 < found.creation_time <= found.last_update_time
    assert int(made.experiment_id) > 0
    assert client.get_experiment(made.experiment_id).name == name


def test_the_default_experiment_is_number_zero(client: MlflowClient) -> None:
    default = client.get_experiment("0")
    assert (default.experiment_id, default.name, default.lifecycle_stage) == ("0", "Default", "active")
    assert client.get_experiment_by_name("Default").experiment_id == "0"
    run = client.create_run("0")
    assert run.info.experiment_id == "0"
    assert run.info.artifact_uri == f"mlflow-artifacts:/0/{run.info.run_id}/artifacts"
    found = client.search_runs(["0"], f"attributes.run_id = '{run.info.run_id}'")
    assert [each.info.run_id for each in found] == [run.info.run_id]
    assert "0" in [each.experiment_id for each in client.search_experiments(filter_string="name = 'Default'")]


def test_an_experiment_has_tags_and_a_description(client: MlflowClient, unique: Callable[[str], str]) -> None:
    experiment = client.create_experiment(unique("tagged"), tags={"team": "risk", "mlflow.note.content": "# what for"})
    assert client.get_experiment(experiment).tags == {"team": "risk", "mlflow.note.content": "# what for"}
    client.set_experiment_tag(experiment, "team", "fraud")
    client.set_experiment_tag(experiment, "stage/of.work: a-b", "Ünï 🍎")
    client.set_experiment_tag(experiment, "mlflow.note.content", "other")
    tags = {"team": "fraud", "stage/of.work: a-b": "Ünï 🍎", "mlflow.note.content": "other"}
    assert client.get_experiment(experiment).tags == tags
    client.delete_experiment_tag(experiment, "team")
    del tags["team"]
    assert client.get_experiment(experiment).tags == tags
    with pytest.raises(MlflowException, match="RESOURCE_DOES_NOT_EXIST"):
        client.delete_experiment_tag(experiment, "team")


def test_a_name_is_taken_once_and_can_be_changed(client: MlflowClient, unique: Callable[[str], str]) -> None:
    first, second = unique("first"), unique("Zwei / 二: 2")
    experiment = client.create_experiment(first)
    with pytest.raises(MlflowException, match="RESOURCE_ALREADY_EXISTS") as error:
        client.create_experiment(first)
    assert error.value.error_code == "RESOURCE_ALREADY_EXISTS"
    client.rename_experiment(experiment, second)
    renamed = client.get_experiment(experiment)
    assert (renamed.name, client.get_experiment_by_name(first)) == (second, None)
    assert client.get_experiment_by_name(second).experiment_id == experiment
    # The old name is free again.
    assert client.create_experiment(first) != experiment


def test_files_may_go_elsewhere(client: MlflowClient, unique: Callable[[str], str]) -> None:
    experiment = client.create_experiment(unique("elsewhere"), artifact_location="s3://lake/experiments/7")
    assert client.get_experiment(experiment).artifact_location == "s3://lake/experiments/7"
    run = client.create_run(experiment)
    assert run.info.artifact_uri == f"s3://lake/experiments/7/{run.info.run_id}/artifacts"
    assert client.get_run(run.info.run_id).info.artifact_uri == run.info.artifact_uri


def test_a_deleted_experiment_takes_its_runs_along_and_brings_them_back(
    client: MlflowClient, experiment: str, unique: Callable[[str], str]
) -> None:
    name = client.get_experiment(experiment).name
    run = client.create_run(experiment).info.run_id
    client.delete_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"
    assert client.get_run(run).info.lifecycle_stage == "deleted"
    assert client.search_runs([experiment]) == []
    deleted = client.search_runs([experiment], run_view_type=ViewType.DELETED_ONLY)
    assert [each.info.run_id for each in deleted] == [run]
    # It keeps its name, and says so.
    with pytest.raises(MlflowException, match="RESOURCE_ALREADY_EXISTS"):
        client.create_experiment(name)
    with pytest.raises(MlflowException, match="deleted experiment"):
        mlflow.set_experiment(name)
    for view, seen in [(ViewType.ACTIVE_ONLY, []), (ViewType.DELETED_ONLY, [experiment]), (ViewType.ALL, [experiment])]:
        found = client.search_experiments(view_type=view, filter_string=f"name = '{name}'")
        assert [each.experiment_id for each in found] == seen, view
    client.restore_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "active"
    assert client.get_run(run).info.lifecycle_stage == "active"
    assert client.create_run(experiment).info.lifecycle_stage == "active"


@pytest.mark.ours
def test_restoring_an_experiment_leaves_a_run_deleted_that_was_deleted_before(
    client: MlflowClient, experiment: str
) -> None:
    deleted, kept = (client.create_run(experiment).info.run_id for _ in range(2))
    client.delete_run(deleted)
    client.delete_experiment(experiment)
    client.restore_experiment(experiment)
    assert client.get_run(deleted).info.lifecycle_stage == "deleted"
    assert client.get_run(kept).info.lifecycle_stage == "active"


def test_a_deleted_experiment_is_not_written_to(client: MlflowClient, experiment: str) -> None:
    client.delete_experiment(experiment)
    for write in [lambda: client.create_run(experiment), lambda: client.set_experiment_tag(experiment, "a", "b")]:
        with pytest.raises(MlflowException, match="active") as error:
            write()
        assert error.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.ours
def test_a_deleted_experiment_is_not_renamed(client: MlflowClient, wire: Wire, experiment: str) -> None:
    """Upstream answers 500, and its client tries again for minutes."""
    client.delete_experiment(experiment)
    wire.refusal("POST", "experiments/update", 400, json={"experiment_id": experiment, "new_name": "another"})


def test_experiments_are_found_by_what_they_are(client: MlflowClient, unique: Callable[[str], str]) -> None:
    names = [unique(name) for name in ("Alpha", "alpha_2", "beta%", "gamma")]
    ids = {client.create_experiment(name, tags={"n": str(at)}): name for at, name in enumerate(names)}
    suffix = names[0].removeprefix("Alpha-")
    newest = max(client.get_experiment(each).creation_time for each in ids)

    def found(clause: str, order: list[str] | None = None) -> list[str]:
        text = " AND ".join(filter(None, [f"name LIKE '%{suffix}'", clause]))
        return [each.name for each in client.search_experiments(filter_string=text, order_by=order or ["name ASC"])]

    in_order = sorted(names)
    for clause, wanted in {
        "": in_order,
        f"name = '{names[3]}'": [names[3]],
        f"name != '{names[3]}'": in_order[:3],
        "name LIKE 'alpha%'": [names[1]],
        "attribute.name ILIKE 'ALPHA%'": [names[0], names[1]],
        "tags.n = '2'": [names[2]],
        "tag.n != '2'": [names[0], names[1], names[3]],
        "tags.`n` LIKE '_'": in_order,
        "tags.\"n\" ILIKE '1'": [names[1]],
        "tags.other = 'x'": [],
        f"creation_time <= {newest}": in_order,
        f"last_update_time < {newest - 3_600_000}": [],
    }.items():
        assert found(clause) == wanted, clause
    assert found("", ["name DESC"]) == in_order[::-1]
    by_id = sorted(ids, key=int)
    assert found("", ["experiment_id"]) == [ids[each] for each in by_id]
    assert found("", ["creation_time DESC", "experiment_id DESC"])[0] in names


def test_a_search_is_paged(client: MlflowClient, unique: Callable[[str], str]) -> None:
    names = [unique(f"page-{at}") for at in range(7)]
    for name in names:
        client.create_experiment(name)
    clause = f"name LIKE 'page-%{names[0].removeprefix('page-0')}'"
    found = pages(client.search_experiments, filter_string=clause, max_results=3, order_by=["name"])
    assert [[each.name for each in page] for page in found] == [names[:3], names[3:6], names[6:]]
    # The module's function asks for all pages.
    assert [each.name for each in mlflow.search_experiments(filter_string=clause, order_by=["name"])] == names


def test_what_is_missing_is_missing(client: MlflowClient, wire: Wire, unique: Callable[[str], str]) -> None:
    with pytest.raises(MlflowException, match="RESOURCE_DOES_NOT_EXIST"):
        client.get_experiment("987654321987654321")
    with pytest.raises(MlflowException, match="RESOURCE_DOES_NOT_EXIST"):
        client.delete_experiment("987654321987654321")
    refusal = wire.refusal("GET", "experiments/get-by-name", 404, params={"experiment_name": unique("nobody")})
    assert refusal["error_code"] == "RESOURCE_DOES_NOT_EXIST"
