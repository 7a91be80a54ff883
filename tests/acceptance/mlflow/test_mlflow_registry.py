"""Registered models and their versions, as MLflow's client makes, tags, stages, names, finds and removes them."""

import time
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from wire import pages


def versions(client: MlflowClient, name: str, count: int) -> list[str]:
    """The numbers of new versions, which are elsewhere."""
    return [client.create_model_version(name, f"s3://lake/{name}/{at}").version for at in range(count)]


def code(ask: Callable) -> str:
    """The error that a call ends with."""
    with pytest.raises(MlflowException) as error:
        ask()
    return error.value.error_code


def test_a_model_is_registered_described_renamed_and_removed(client: MlflowClient, name: str) -> None:
    client.create_registered_model(name, tags={"team": "risk"}, description="what it is for")
    assert code(lambda: client.create_registered_model(name)) == "RESOURCE_ALREADY_EXISTS"
    read = client.get_registered_model(name)
    assert (read.name, read.description, read.tags) == (name, "what it is for", {"team": "risk"})
    assert (read.latest_versions, read.aliases) == ([], {})
    assert 0 < read.creation_timestamp <= read.last_updated_timestamp
    client.update_registered_model(name, "something else")
    client.set_registered_model_tag(name, "team", "fraud")
    client.set_registered_model_tag(name, "Ünï.tag/1: a", "x" * 5000)
    client.set_registered_model_tag(name, "empty", "")
    client.delete_registered_model_tag(name, "empty")
    changed = client.get_registered_model(name)
    assert (changed.description, changed.tags) == ("something else", {"team": "fraud", "Ünï.tag/1: a": "x" * 5000})
    assert changed.last_updated_timestamp >= read.last_updated_timestamp
    versions(client, name, 2)
    client.set_registered_model_alias(name, "champion", "1")
    renamed = f"Ünï {name} (2)"
    client.rename_registered_model(name, renamed)
    assert code(lambda: client.get_registered_model(name)) == "RESOURCE_DOES_NOT_EXIST"
    assert client.get_model_version_by_alias(renamed, "champion").name == renamed
    client.create_registered_model(name)
    assert code(lambda: client.rename_registered_model(name, renamed)) == "RESOURCE_ALREADY_EXISTS"
    client.delete_registered_model(renamed)
    assert code(lambda: client.get_registered_model(renamed)) == "RESOURCE_DOES_NOT_EXIST"
    assert code(lambda: client.get_model_version(renamed, "1")) == "RESOURCE_DOES_NOT_EXIST"
    assert client.get_registered_model(name).tags == {}


def test_a_version_is_what_was_said(client: MlflowClient, experiment: str, name: str) -> None:
    client.create_registered_model(name)
    run_id = client.create_run(experiment).info.run_id
    made = client.create_model_version(
        name, "s3://lake/model", run_id, tags={"a": "1"}, run_link="https://ci/1", description="first"
    )
    read = client.get_model_version(name, "1")
    for each in (made, read):
        assert (each.name, each.version, each.source, each.run_id) == (name, "1", "s3://lake/model", run_id)
        assert (each.run_link, each.description, each.tags) == ("https://ci/1", "first", {"a": "1"})
        assert (each.status, each.current_stage, each.aliases) == ("READY", "None", [])
    assert 0 < read.creation_timestamp <= read.last_updated_timestamp
    assert client.get_model_version_download_uri(name, "1") == "s3://lake/model"
    client.update_model_version(name, "1", "second")
    client.set_model_version_tag(name, "1", "b", "2")
    client.delete_model_version_tag(name, "1", "a")
    read = client.get_model_version(name, "1")
    assert (read.description, read.tags, read.source) == ("second", {"b": "2"}, "s3://lake/model")
    assert client.get_registered_model(name).last_updated_timestamp >= read.creation_timestamp


def test_numbers_are_not_used_again(client: MlflowClient, name: str) -> None:
    client.create_registered_model(name)
    assert versions(client, name, 3) == ["1", "2", "3"]
    client.delete_model_version(name, "2")
    client.delete_model_version(name, "3")
    assert code(lambda: client.get_model_version(name, "3")) == "RESOURCE_DOES_NOT_EXIST"
    assert code(lambda: client.delete_model_version(name, "3")) == "RESOURCE_DOES_NOT_EXIST"
    assert [each.version for each in client.search_model_versions(f"name = '{name}'")] == ["1"]
    assert versions(client, name, 1) == ["4"]


def test_aliases_move(client: MlflowClient, name: str) -> None:
    client.create_registered_model(name)
    versions(client, name, 2)
    client.set_registered_model_alias(name, "champion", "1")
    client.set_registered_model_alias(name, "Ünï_code-2", "1")
    assert client.get_model_version_by_alias(name, "champion").version == "1"
    assert sorted(client.get_model_version(name, "1").aliases) == ["champion", "Ünï_code-2"]
    client.set_registered_model_alias(name, "champion", "2")
    assert client.get_registered_model(name).aliases == {"champion": "2", "Ünï_code-2": "1"}
    assert client.get_model_version_by_alias(name, "champion").version == "2"
    assert client.get_model_version_by_alias(name, "latest").version == "2"
    client.delete_registered_model_alias(name, "champion")
    client.delete_registered_model_alias(name, "never")
    with pytest.raises(MlflowException, match="Registered model alias champion not found") as error:
        client.get_model_version_by_alias(name, "champion")
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    client.delete_model_version(name, "1")
    assert client.get_registered_model(name).aliases == {}
    for alias in ("latest", "Latest", "v1", "V23", "a.b", "a b", "", "x" * 256):
        assert code(lambda: client.set_registered_model_alias(name, alias, "2")) == "INVALID_PARAMETER_VALUE", alias
    assert code(lambda: client.set_registered_model_alias(name, "champion", "7")) == "RESOURCE_DOES_NOT_EXIST"


def test_stages_archive_what_was_there(client: MlflowClient, name: str) -> None:
    client.create_registered_model(name)
    versions(client, name, 4)
    client.transition_model_version_stage(name, "1", "Production")
    client.transition_model_version_stage(name, "2", "production")
    moved = client.transition_model_version_stage(name, "3", "Staging")
    assert (moved.version, moved.current_stage) == ("3", "Staging")
    latest = {each.current_stage: each.version for each in client.get_latest_versions(name)}
    assert latest == {"Production": "2", "Staging": "3", "None": "4"}
    assert [each.version for each in client.get_latest_versions(name, ["Production"])] == ["2"]
    assert {each.version for each in client.get_latest_versions(name, ["staging", "None"])} == {"3", "4"}
    # Those in production before are archived, and nothing else is.
    client.transition_model_version_stage(name, "4", "Production", archive_existing_versions=True)
    stages = {each.version: each.current_stage for each in client.search_model_versions(f"name = '{name}'")}
    assert stages == {"1": "Archived", "2": "Archived", "3": "Staging", "4": "Production"}
    client.transition_model_version_stage(name, "4", "None")
    assert client.get_model_version(name, "4").current_stage == "None"
    assert {each.version for each in client.get_registered_model(name).latest_versions} == {"2", "3", "4"}
    assert code(lambda: client.transition_model_version_stage(name, "4", "Elsewhere")) == "INVALID_PARAMETER_VALUE"


def test_files_of_a_run_are_registered(client: MlflowClient, experiment: str, name: str, tmp_path: Path) -> None:
    client.create_registered_model(name)
    run = client.create_run(experiment)
    for path in ("model/README.md", "model/data/weights.bin", "beside.txt"):
        client.log_text(run.info.run_id, path, path)
    version = client.create_model_version(name, f"{run.info.artifact_uri}/model", run.info.run_id)
    assert (version.source, version.run_id) == (f"{run.info.artifact_uri}/model", run.info.run_id)
    local = Path(download_artifacts(f"models:/{name}/{version.version}", dst_path=str(tmp_path)))
    found = {str(each.relative_to(local)): each.read_text() for each in local.rglob("*") if each.is_file()}
    # The client says there what the files were registered as.
    found.pop("registered_model_meta", None)
    assert found == {"README.md": "model/README.md", "data/weights.bin": "model/data/weights.bin"}
    uri = client.get_model_version_download_uri(name, version.version)
    assert mlflow.artifacts.load_text(f"{uri}/data/weights.bin") == "model/data/weights.bin"


def test_registered_models_are_found(client: MlflowClient, unique: Callable[[str], str]) -> None:
    names = [unique(each) for each in ("Alpha", "alpha_2", "beta%", "gamma")]
    for at, name in enumerate(names):
        client.create_registered_model(name, tags={"n": str(at)} if at else {})
    suffix = names[0].removeprefix("Alpha")
    mine = f"name LIKE '%{suffix}'"

    def found(clause: str = "", order: list[str] | None = None) -> list[str]:
        text = " AND ".join(filter(None, [mine, clause]))
        return [each.name for each in client.search_registered_models(text, order_by=order)]

    # By name, where nothing else is said.
    assert found() == sorted(names)
    for clause, wanted in {
        f"name = '{names[1]}'": [names[1]],
        f"name != '{names[1]}'": [names[0], names[2], names[3]],
        "name LIKE 'alpha%'": [names[1]],
        "name ILIKE 'ALPHA%'": names[:2],
        "tags.n = '2'": [names[2]],
        "tag.n != '2'": [names[1], names[3]],
        "tags.`n` LIKE '_'": names[1:],
        "tags.n ILIKE '1' AND tags.n = '1'": [names[1]],
        "tags.nothing = 'x'": [],
    }.items():
        assert found(clause) == wanted, clause
    assert found(order=["name DESC"]) == sorted(names, reverse=True)
    client.set_registered_model_tag(names[1], "n", "again")
    client.update_registered_model(names[1], "the last one")
    assert found(order=["timestamp DESC"])[0] == names[1]
    assert found(order=["last_updated_timestamp ASC", "name DESC"])[-1] == names[1]
    in_pages = pages(client.search_registered_models, filter_string=mine, max_results=3)
    assert [[each.name for each in page] for page in in_pages] == [sorted(names)[:3], sorted(names)[3:]]
    # What is found is whole.
    versions(client, names[3], 2)
    client.set_registered_model_alias(names[3], "champion", "1")
    [gamma] = client.search_registered_models(f"name = '{names[3]}'")
    assert (gamma.tags, gamma.aliases, [each.version for each in gamma.latest_versions]) == (
        {"n": "3"},
        {"champion": "1"},
        ["2"],
    )


def test_versions_are_found(client: MlflowClient, experiment: str, unique: Callable[[str], str]) -> None:
    first, second = unique("first"), unique("second")
    run_id = client.create_run(experiment).info.run_id
    for name in (first, second):
        client.create_registered_model(name)
    client.create_model_version(first, "s3://lake/a", run_id, tags={"kind": "tree"})
    client.create_model_version(first, "s3://lake/b", tags={"kind": "Forest"})
    client.create_model_version(second, "s3://pond/a", run_id)
    suffix = first.removeprefix("first")

    def found(clause: str, **options) -> list[str]:
        models = client.search_model_versions(
            f"name LIKE '%{suffix}' AND {clause}" if clause else f"name LIKE '%{suffix}'", **options
        )
        return [f"{each.name[0]}{each.version}" for each in models]

    def sorted_by_name(clause: str) -> list[str]:
        return found(clause, order_by=["name ASC"])

    assert sorted_by_name("") == ["f2", "f1", "s1"]
    for clause, wanted in {
        f"name = '{first}'": ["f2", "f1"],
        "name LIKE 'second%'": ["s1"],
        "name ILIKE 'FIRST%'": ["f2", "f1"],
        f"name IN ('{second}', 'x')": ["s1"],
        "version_number = 2": ["f2"],
        "version_number >= 1 AND version_number < 2": ["f1", "s1"],
        "version_number != 1": ["f2"],
        f"run_id = '{run_id}'": ["f1", "s1"],
        f"run_id IN ('{run_id}')": ["f1", "s1"],
        "source_path = 's3://lake/b'": ["f2"],
        "source_path LIKE 's3://lake/%'": ["f2", "f1"],
        "source_path ILIKE 'S3://POND%'": ["s1"],
        "tags.kind = 'tree'": ["f1"],
        "tags.kind != 'tree'": ["f2"],
        "tag.kind ILIKE 'f%'": ["f2"],
        "tags.nothing = ''": [],
    }.items():
        assert sorted_by_name(clause) == wanted, clause
    # What was changed last comes first, where nothing else is said.
    time.sleep(0.002)
    client.update_model_version(first, "1", "the last one")
    assert found("")[0] == "f1"
    assert found("", order_by=["last_updated_timestamp ASC"])[-1] == "f1"
    assert found("", order_by=["version_number ASC", "name DESC"]) == ["s1", "f1", "f2"]
    assert found("", order_by=["name DESC"]) == ["s1", "f2", "f1"]
    assert sorted(found("", order_by=["creation_timestamp DESC"])) == ["f1", "f2", "s1"]
    asked = {"filter_string": f"name LIKE '%{suffix}'", "order_by": ["name"], "max_results": 2}
    in_pages = pages(client.search_model_versions, **asked)
    assert [[f"{each.name[0]}{each.version}" for each in page] for page in in_pages] == [["f2", "f1"], ["s1"]]


def test_what_is_missing_is_missing(client: MlflowClient, name: str) -> None:
    for ask in [
        lambda: client.get_registered_model(name),
        lambda: client.update_registered_model(name, "x"),
        lambda: client.rename_registered_model(name, f"{name}-2"),
        lambda: client.delete_registered_model(name),
        lambda: client.set_registered_model_tag(name, "a", "b"),
        lambda: client.create_model_version(name, "s3://lake/x"),
        lambda: client.get_model_version(name, "1"),
        lambda: client.get_latest_versions(name),
        lambda: client.set_registered_model_alias(name, "a", "1"),
        lambda: client.get_model_version_by_alias(name, "a"),
    ]:
        assert code(ask) in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")
    client.create_registered_model(name)
    for ask in [
        lambda: client.get_model_version(name, "1"),
        lambda: client.update_model_version(name, "1", "x"),
        lambda: client.set_model_version_tag(name, "1", "a", "b"),
        lambda: client.transition_model_version_stage(name, "1", "Staging"),
        lambda: client.get_model_version_download_uri(name, "1"),
    ]:
        assert code(ask) == "RESOURCE_DOES_NOT_EXIST"
    assert client.search_model_versions(f"name = '{name}'") == []
    assert client.get_latest_versions(name) == []
