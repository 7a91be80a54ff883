"""One thing behind every door: what MLflow's client made, as the other APIs show it, and the other way round."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import mlflow
import pytest
from harness import Server
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from wire import FILES, Wire

pytestmark = pytest.mark.ours


def ask(server: Server, method: str, path: str, **options) -> dict:
    """What Kubeflow's API answers."""
    answer = server.kubeflow(method, path, **options)
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json()


def listed(server: Server, path: str) -> dict[str, dict]:
    """The items of a list by their names."""
    return {item.get("name", ""): item for item in ask(server, "GET", path, params={"pageSize": "100"})["items"]}


def text(value: str) -> dict:
    return {"metadataType": "MetadataStringValue", "string_value": value}


def downloaded(uri: str, folder: Path) -> dict[str, bytes]:
    """The files of a model by their paths, but for what the client adds."""
    local = Path(download_artifacts(uri, dst_path=str(folder)))
    found = {str(each.relative_to(local)): each.read_bytes() for each in local.rglob("*") if each.is_file()}
    found.pop("registered_model_meta", None)
    return found


def test_a_run_is_a_run_everywhere(client: MlflowClient, server: Server, experiment: str) -> None:
    with mlflow.start_run(run_name="first", tags={"team": "risk"}, description="what for") as active:
        mlflow.log_params({"depth": 3, "kind": "tree"})
        mlflow.log_metric("loss", 0.5, step=1)
        mlflow.log_metric("loss", 0.25, step=2)
    run_id = active.info.run_id
    dataset = {"name": "rides", "digest": "abc", "source_type": "s3", "source": '{"uri": "s3://lake/rides"}'}
    client._tracking_client.store.log_inputs(run_id, [mlflow.entities.DatasetInput(mlflow.entities.Dataset(**dataset))])
    shown = ask(server, "GET", f"experiments/{experiment}")
    assert shown["name"] == client.get_experiment(experiment).name
    run = listed(server, f"experiments/{experiment}/experiment_runs")["first"]
    assert (run["description"], run["status"], run["state"]) == ("what for", "FINISHED", "LIVE")
    assert run["customProperties"]["team"] == text("risk")
    assert int(run["startTimeSinceEpoch"]) == active.info.start_time
    logs = listed(server, f"experiment_runs/{run['id']}/artifacts")
    assert {name: logs[name]["value"] for name in ("depth", "kind", "loss")} == {
        "depth": "3",
        "kind": "tree",
        "loss": 0.25,
    }
    assert logs["rides"]["artifactType"] == "dataset-artifact" and logs["rides"]["digest"] == "abc"
    history = ask(server, "GET", f"experiment_runs/{run['id']}/metric_history", params={"name": "loss"})
    assert [point["value"] for point in history["items"]] == [0.5, 0.25]
    graph = server.http.get(f"/api/v1/nodes/{run['id']}/lineage?direction=both").json()
    assert {"rides"} <= {node.get("name") for node in graph["nodes"]}
    # What is changed there is changed here.
    change = {"description": "changed", "status": "FAILED", "customProperties": {"team": text("fraud")}}
    ask(server, "PATCH", f"experiment_runs/{run['id']}", json=change)
    read = client.get_run(run_id)
    assert (read.info.status, read.data.tags["mlflow.note.content"], read.data.tags["team"]) == (
        "FAILED",
        "changed",
        "fraud",
    )
    ask(server, "PATCH", f"experiment_runs/{run['id']}", json={"state": "ARCHIVED"})
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    client.restore_run(run_id)
    assert ask(server, "GET", f"experiment_runs/{run['id']}")["state"] == "LIVE"


def test_names_of_runs_repeat_only_here(client: MlflowClient, server: Server, experiment: str) -> None:
    for _ in range(2):
        client.create_run(experiment, run_name="twin")
    found = ask(server, "GET", f"experiments/{experiment}/experiment_runs")["items"]
    assert [each["name"] for each in found] == ["twin", "twin"]
    # Kubeflow's own has the name for itself.
    made = ask(server, "POST", "experiment_runs", json={"name": "twin", "experimentId": experiment})
    again = server.kubeflow("POST", "experiment_runs", json={"name": "twin", "experimentId": experiment})
    assert again.status_code == 409
    by_name = ask(server, "GET", "experiment_run", params={"name": "twin", "parentResourceId": experiment})
    assert by_name["id"] == made["id"]


def test_a_run_of_another_door_is_a_run(client: MlflowClient, server: Server, unique: Callable[[str], str]) -> None:
    custom = {
        "team": text("risk"),
        "count": {"metadataType": "MetadataIntValue", "int_value": "5"},
        "good": {"metadataType": "MetadataBoolValue", "bool_value": True},
        "shape": {"metadataType": "MetadataStructValue", "struct_value": "eyJhIjoxfQ=="},
    }
    experiment = ask(server, "POST", "experiments", json={"name": unique("Team/Ünï:x"), "description": "theirs"})
    body = {
        "name": "theirs",
        "experimentId": experiment["id"],
        "status": "RUNNING",
        "owner": "ada",
        "customProperties": custom,
    }
    run = ask(server, "POST", "experiment_runs", json=body)
    for artifact in [
        {"artifactType": "parameter", "name": "depth", "value": "3", "parameterType": "string"},
        {"artifactType": "metric", "name": "loss", "value": 0.5, "timestamp": "1000", "step": 1},
    ]:
        ask(server, "POST", f"experiment_runs/{run['id']}/artifacts", json=artifact)
    found = client.get_experiment_by_name(experiment["name"])
    assert (found.experiment_id, found.tags["mlflow.note.content"]) == (experiment["id"], "theirs")
    [read] = client.search_runs([experiment["id"]])
    # Its id is that of its node.
    assert read.info.run_id == f"{int(run['id']):032x}"
    assert (read.info.run_name, read.info.status, read.info.user_id) == ("theirs", "RUNNING", "ada")
    assert (read.data.params, read.data.metrics) == ({"depth": "3"}, {"loss": 0.5})
    assert {"team": "risk", "count": "5", "good": "true"}.items() <= read.data.tags.items()
    for condition, is_met in [
        ("tags.team = 'risk'", True),
        ("tags.team != 'risk'", False),
        ("tags.count = '5'", True),
        ("tags.count = '5.0'", False),
        ("tags.good = 'true'", True),
        ("tags.good = 'false'", False),
        ("tags.count = 'five'", False),
        (f"tags.shape = '{read.data.tags['shape']}'", True),
    ]:
        assert bool(client.search_runs([experiment["id"]], condition)) == is_met, condition
    # It is one to log to as well.
    run_id = read.info.run_id
    client.log_batch(run_id, [Metric("loss", 0.25, 2000, 2)])
    client.log_param(run_id, "kind", "tree")
    client.set_tag(run_id, "mine", "yes")
    client.log_text(run_id, "hello", "notes/n.txt")
    client.set_terminated(run_id)
    points = {"points": [{"name": "loss", "value": 0.125, "step": 3, "timestamp": 3000}]}
    assert server.http.post(f"/api/v1/experiment-runs/{run['id']}/points", json=points).is_success
    assert [each.value for each in client.get_metric_history(run_id, "loss")] == [0.5, 0.25, 0.125]
    shown = ask(server, "GET", f"experiment_runs/{run['id']}")
    assert (shown["status"], shown["customProperties"]["mine"]) == ("FINISHED", text("yes"))
    logs = listed(server, f"experiment_runs/{run['id']}/artifacts")
    assert (logs["loss"]["value"], logs["kind"]["value"]) == (0.125, "tree")
    assert client.search_runs([experiment["id"]], "metrics.loss < 0.2 AND params.depth = '3' AND tags.count = '5'")


def test_a_registered_version_is_one_everywhere(
    client: MlflowClient, server: Server, experiment: str, name: str, tmp_path: Path
) -> None:
    run = client.create_run(experiment)
    client.log_text(run.info.run_id, "weights", "model/weights.txt")
    client.create_registered_model(name, tags={"team": "risk"}, description="what for")
    source = f"{run.info.artifact_uri}/model"
    client.create_model_version(name, source, run.info.run_id, tags={"a": "1"}, description="first")
    client.set_registered_model_alias(name, "champion", "1")
    model = ask(server, "GET", "registered_model", params={"name": name})
    assert (model["description"], model["customProperties"]["team"]) == ("what for", text("risk"))
    version = listed(server, f"registered_models/{model['id']}/versions")["1"]
    assert (version["description"], version["state"], version["customProperties"]["a"]) == ("first", "LIVE", text("1"))
    [artifact] = ask(server, "GET", f"model_versions/{version['id']}/artifacts")["items"]
    assert (artifact["modelSourceKind"], artifact["modelSourceId"]) == ("mlflow", source)
    assert artifact["experimentRunId"] in {
        each["id"] for each in listed(server, f"experiments/{experiment}/experiment_runs").values()
    }
    # Its files are files, by its name and by the alias.
    assert list(server.files(name, "1")) == ["weights.txt"]
    for which in ("1", "@champion", "latest"):
        assert server.get(name, which, "weights.txt").text == "weights"
    fetched = server.http.get(artifact["uri"], follow_redirects=True)
    assert fetched.text == "weights"
    # The stock Kubeflow client sees it, too.
    stock = server.client()
    assert stock.get_model_version(name, "1").custom_properties["a"] == "1"
    assert stock.get_model_artifact(name, "1").uri == artifact["uri"]
    ask(server, "PATCH", f"registered_models/{model['id']}", json={"description": "changed"})
    assert client.get_registered_model(name).description == "changed"
    assert downloaded(f"models:/{name}@champion", tmp_path) == {"weights.txt": b"weights"}


def test_versions_of_other_doors_have_numbers(
    client: MlflowClient, server: Server, wire: Wire, unique: Callable[[str], str], tmp_path: Path
) -> None:
    name = unique("Team/Ünï:x")
    model = ask(server, "POST", "registered_models", json={"name": name, "description": "theirs"})
    for version in ("v1.2-rc", "7", "beta"):
        ask(server, "POST", "model_versions", json={"name": version, "registeredModelId": model["id"]})
    stored = server.put(quote(name, safe=""), "v1.2-rc", "deep/weights.bin", b"weights")
    assert stored.status_code == 201, stored.text
    # A name that is a number is its number where that is free; every other one gets the next.
    found = client.search_model_versions(f"name = '{name}'", order_by=["version_number"])
    assert [(each.version, each.tags.get("modelport.version")) for each in found] == [
        ("1", "v1.2-rc"),
        ("7", None),
        ("8", "beta"),
    ]
    assert {(each.name, each.current_stage, each.status) for each in found} == {(name, "None", "READY")}
    assert client.create_model_version(name, "s3://lake/x").version == "9"
    assert set(listed(server, f"registered_models/{model['id']}/versions")) == {"v1.2-rc", "7", "beta", "9"}
    read = client.get_registered_model(name)
    assert (read.name, read.description) == (name, "theirs")
    # Addresses cannot have a slash or a colon in a name, so that they say the model's id.
    spelled = f"~{model['id']}"
    for at, uri in enumerate([f"models:/{spelled}/1", f"models:/{spelled}/v1.2-rc"]):
        assert downloaded(uri, tmp_path / str(at)) == {"deep/weights.bin": b"weights"}
    # The client does not set an alias of such a name, though it asks for one.
    wire.post("registered-models/alias", name=name, alias="champion", version="1")
    assert downloaded(f"models:/{spelled}@champion", tmp_path / "alias") == {"deep/weights.bin": b"weights"}
    with pytest.raises(MlflowException, match="stage"):
        client.get_latest_versions(name, ["v9.9"])
    # The first slash may be written as two dashes.
    slashed = unique("bob/bert")
    assert server.put(quote(slashed, safe=""), "1", "weights.bin", b"bert").status_code == 201
    assert downloaded(f"models:/{slashed.replace('/', '--')}/1", tmp_path / "dashes") == {"weights.bin": b"bert"}


def test_a_version_is_registered_from_that_of_another_door(
    client: MlflowClient, server: Server, name: str, tmp_path: Path
) -> None:
    assert server.put(name, "v1", "weights.bin", b"weights").status_code == 201
    copied = client.copy_model_version(f"models:/{name}/1", f"{name}-copy")
    assert copied.version == "1"
    assert server.http.delete(f"/api/v1/models/{name}/versions/v1").is_success
    assert downloaded(f"models:/{name}-copy/1", tmp_path) == {"weights.bin": b"weights"}
    with pytest.raises(MlflowException):
        client.get_model_version(name, "1")
    assert server.put(name, "v2", "weights.bin", b"other").status_code == 201
    assert [each.version for each in client.search_model_versions(f"name = '{name}'")] == ["2"]


def test_aliases_are_the_same_everywhere(client: MlflowClient, server: Server, name: str) -> None:
    for version in ("v1", "v2"):
        assert server.put(name, version, "weights.bin", version.encode()).status_code == 201

    def point(alias: str, version: str) -> None:
        answer = server.http.put(f"/api/v1/models/{name}/aliases/{quote(alias)}", json={"version": version})
        assert answer.is_success, answer.text

    point("champion", "v2")
    point("with.dot", "v1")
    assert client.get_registered_model(name).aliases == {"champion": "2", "with.dot": "1"}
    assert client.get_model_version_by_alias(name, "champion").version == "2"
    client.set_registered_model_alias(name, "champion", "1")
    assert server.get(name, "@champion", "weights.bin").content == b"v1"
    client.set_registered_model_alias(name, "Ünï_2", "2")
    assert server.http.get(f"/api/v1/models/{name}/aliases/{quote('Ünï_2')}").json()["version"] == "v2"
    client.delete_registered_model_alias(name, "champion")
    assert server.get(name, "@champion", "weights.bin").status_code == 404


def test_a_stage_is_not_a_state(client: MlflowClient, server: Server, name: str) -> None:
    for version in ("v1", "v2"):
        assert server.put(name, version, "weights.bin", version.encode()).status_code == 201
    model = ask(server, "GET", "registered_model", params={"name": name})
    ids = {each: item["id"] for each, item in listed(server, f"registered_models/{model['id']}/versions").items()}

    def stages() -> list[str]:
        return [client.get_model_version(name, number).current_stage for number in ("1", "2")]

    client.transition_model_version_stage(name, "1", "Production")
    client.transition_model_version_stage(name, "2", "Production", archive_existing_versions=True)
    assert stages() == ["Archived", "Production"]
    # What is archived here may be deployed, and is not hidden there.
    assert ask(server, "GET", f"model_versions/{ids['v1']}")["state"] == "LIVE"
    ask(server, "PATCH", f"model_versions/{ids['v2']}", json={"state": "ARCHIVED"})
    assert stages() == ["Archived", "Archived"]
    ask(server, "PATCH", f"model_versions/{ids['v2']}", json={"state": "LIVE"})
    assert stages() == ["Archived", "Production"]


def test_many_make_versions_at_once(client: MlflowClient, server: Server, name: str) -> None:
    """Upstream loses some of them."""
    client.create_registered_model(name)
    model = ask(server, "GET", "registered_model", params={"name": name})

    def make(at: int) -> str | None:
        if at % 2:
            ask(server, "POST", "model_versions", json={"name": f"kf-{at}", "registeredModelId": model["id"]})
            return None
        return client.create_model_version(name, f"s3://lake/{at}").version

    with ThreadPoolExecutor(12) as pool:
        answered = [version for version in pool.map(make, range(24)) if version]
    found = [
        int(each.version) for each in client.search_model_versions(f"name = '{name}'", order_by=["version_number"])
    ]
    assert found == list(range(1, 25))
    assert len(set(answered)) == 12 and set(map(int, answered)) <= set(found)
    assert len(listed(server, f"registered_models/{model['id']}/versions")) == 24


def test_bytes_go_with_the_last_that_has_them(
    client: MlflowClient, server: Server, wire: Wire, experiment: str, name: str, tmp_path: Path
) -> None:
    content = name.encode() * 1000
    run = client.create_run(experiment)
    root = f"{experiment}/{run.info.run_id}/artifacts"
    before = server.installation.kept()
    wire.put(f"{root}/model/weights.bin", content)
    client.create_registered_model(name)
    client.create_model_version(name, f"{run.info.artifact_uri}/model", run.info.run_id)
    assert len(server.installation.kept() - before) == 1
    wire.ask("DELETE", f"{FILES}/{root}/model/weights.bin")
    client.delete_run(run.info.run_id)
    server.installation.collect()
    assert downloaded(f"models:/{name}/1", tmp_path) == {"weights.bin": content}
    client.delete_model_version(name, "1")
    server.installation.collect()
    assert server.installation.kept() - before == set()


def test_files_of_a_version_are_only_read_here(client: MlflowClient, server: Server, wire: Wire, name: str) -> None:
    assert server.put(name, "v1", "weights.bin", b"weights").status_code == 201
    root = client.get_model_version_download_uri(name, "1").removeprefix("mlflow-artifacts:/")
    assert root.startswith("versions/")
    assert wire.file(f"{root}/weights.bin").content == b"weights"
    assert [each["path"] for each in wire.listing(root)] == ["weights.bin"]
    for method in ("PUT", "DELETE"):
        refused = wire.ask(method, f"{FILES}/{root}/weights.bin", None, content=b"other")
        assert refused.status_code in (400, 403, 405), refused.text
    assert server.get(name, "v1", "weights.bin").content == b"weights"
    sent = wire.ask("GET", "/model-versions/get-artifact", params={"name": name, "version": "1", "path": "weights.bin"})
    assert sent.content == b"weights"


def test_a_prompt_is_a_model_with_a_tag(client: MlflowClient, server: Server, wire: Wire, name: str) -> None:
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    wire.post("registered-models/create", name=name, tags=tags)
    told = [*tags, {"key": "mlflow.prompt.text", "value": "Hello"}]
    wire.post("model-versions/create", name=name, source="dummy-source", tags=told)
    model = ask(server, "GET", "registered_model", params={"name": name})
    assert model["customProperties"]["mlflow.prompt.is_prompt"] == text("true")
    assert client.search_registered_models(f"name = '{name}'") == []
    # Another door can make one a prompt, and no prompt again.
    ask(server, "PATCH", f"registered_models/{model['id']}", json={"customProperties": {}})
    assert [each.name for each in client.search_registered_models(f"name = '{name}'")] == [name]


def test_what_is_removed_elsewhere_is_gone(client: MlflowClient, server: Server, experiment: str, name: str) -> None:
    run_id = client.create_run(experiment, run_name="gone").info.run_id
    client.log_text(run_id, "hello", "n.txt")
    client.create_registered_model(name)
    client.create_model_version(name, "s3://lake/x")
    run = listed(server, f"experiments/{experiment}/experiment_runs")["gone"]
    model = ask(server, "GET", "registered_model", params={"name": name})
    for path in (f"experiment_runs/{run['id']}", f"registered_models/{model['id']}"):
        assert server.kubeflow("DELETE", path, params={"recursive": "true"}).status_code == 204
    for read in (lambda: client.get_run(run_id), lambda: client.get_registered_model(name)):
        with pytest.raises(MlflowException) as error:
            read()
        assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert client.search_runs([experiment]) == []
