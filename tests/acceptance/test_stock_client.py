"""What users of the stock `model-registry` client see."""

import json
import random

import pytest
from harness import ROOT, Server
from model_registry import ModelRegistry
from model_registry.exceptions import StoreError
from model_registry.types import ModelArtifact, Pager
from mr_openapi import ModelVersionState, RegisteredModelState
from mr_openapi.models.artifact_state import ArtifactState

DATA = ROOT / "tests/data/inspect"
METADATA = {"accuracy": 0.5, "epochs": 3, "negative": -1, "quantised": True, "dataset": "mnist", "empty": ""}
FORMAT = {"model_format_name": "onnx", "model_format_version": "1"}


def register(client: ModelRegistry, name: str, version: str = "1", **options):
    return client.register_model(name, "s3://elsewhere/model", version=version, **FORMAT, **options)


def test_what_is_registered_comes_back_whole(client: ModelRegistry) -> None:
    storage = {"storage_key": "key", "storage_path": "path", "service_account_name": "account"}
    source = {f"model_source_{part}": part for part in ("kind", "class", "group", "id", "name")}
    registered = register(
        client,
        "digits",
        "1.0",
        author="ada",
        owner="grace",
        version_description="first",
        metadata=METADATA,
        **storage,
        **source,
    )

    model = client.get_registered_model("digits")
    assert model == registered
    assert (model.name, model.owner, model.state) == ("digits", "grace", RegisteredModelState.LIVE)
    assert 0 < int(model.create_time_since_epoch) <= int(model.last_update_time_since_epoch)

    version = client.get_model_version("digits", "1.0")
    assert (version.name, version.author, version.description) == ("1.0", "ada", "first")
    assert (version.state, version.registered_model_id) == (ModelVersionState.LIVE, model.id)
    assert version.custom_properties == METADATA

    artifact = client.get_model_artifact("digits", "1.0")
    assert (artifact.name, artifact.uri, artifact.state) == ("digits", "s3://elsewhere/model", ArtifactState.UNKNOWN)
    for name, value in {**FORMAT, **storage, **source}.items():
        assert getattr(artifact, name) == value, name


def test_updates_are_kept_and_change_nothing_else(client: ModelRegistry) -> None:
    register(client, "digits", metadata=METADATA)

    def fetch() -> list:
        artifact = client.get_model_artifact("digits", "1")
        return [client.get_registered_model("digits"), client.get_model_version("digits", "1"), artifact]

    model, version, artifact = before = fetch()
    model.description = "all digits"
    model.owner = ""
    version.description = "the first"
    version.custom_properties = {"accuracy": 0.75, "note": ""}
    artifact.uri = "https://example.org/model.onnx"
    artifact.state = ArtifactState.LIVE
    for entity in before:
        entity.external_id = f"external-{type(entity).__name__}"
        updated = client.update(entity)
        assert int(updated.last_update_time_since_epoch) >= int(entity.last_update_time_since_epoch)

    for changed, wanted in zip(fetch(), before, strict=True):
        ours = wanted.model_dump(exclude={"last_update_time_since_epoch"})
        assert changed.model_dump(exclude={"last_update_time_since_epoch"}) == ours


def test_an_archived_model_stays_archived(client: ModelRegistry, server: Server) -> None:
    model = register(client, "digits")
    model.state = RegisteredModelState.ARCHIVED
    assert client.update(model).state == RegisteredModelState.ARCHIVED
    answer = server.kubeflow("PATCH", f"registered_models/{model.id}", json={"description": "old"})
    assert (answer.status_code, answer.json()["state"]) == (200, "ARCHIVED")
    assert client.get_registered_model("digits").description == "old"


def test_duplicates_are_refused(client: ModelRegistry) -> None:
    model = register(client, "digits", "1")
    with pytest.raises(StoreError, match="already exists"):
        register(client, "digits", "1")
    assert register(client, "digits", "2").id == model.id
    assert [version.name for version in client.get_model_versions("digits")] == ["1", "2"]
    # The same version name under another model is another version.
    register(client, "letters", "1")
    assert client.get_model_version("letters", "1").id != client.get_model_version("digits", "1").id


ODD_NAMES = [
    "Modell für Äpfel 🍎",
    "model:latest",
    "a/b c?d=e#f&g+h%20i",
    "100%_sure",
    """quo'te"s\\""",
    "1",
    "x" * 250,
]


def test_odd_names_are_names(client: ModelRegistry) -> None:
    for name in ODD_NAMES:
        register(client, name, version=name)
    for name in ODD_NAMES:
        assert client.get_registered_model(name).name == name
        assert client.get_model_version(name, name).name == name
        assert client.get_model_artifact(name, name).name == name
    assert {model.name for model in client.get_registered_models()} == set(ODD_NAMES)


def test_a_name_is_no_pattern(client: ModelRegistry) -> None:
    register(client, "abc", "1.0")
    for name in ("a_c", "a%", "%", "ABC", "abc ", "bc"):
        assert client.get_registered_model(name) is None, name
    for version in ("1_0", "1%", ".0"):
        assert client.get_model_version("abc", version) is None, version


def test_what_is_missing_is_missing(client: ModelRegistry) -> None:
    assert client.get_registered_model("digits") is None
    with pytest.raises(StoreError, match="does not exist"):
        client.get_model_version("digits", "1")
    with pytest.raises(StoreError, match="does not exist"):
        client.get_model_versions("digits")
    register(client, "digits", "1")
    assert client.get_model_version("digits", "2") is None
    with pytest.raises(StoreError, match="does not exist"):
        client.get_model_artifact("digits", "2")
    assert client.async_runner(client._api.get_registered_model_by_id("999999999")) is None
    assert client.async_runner(client._api.get_model_artifact_by_params(external_id="nobody")) is None


MODELS = 250
ORDERS = {
    "id": (Pager.order_by_id, lambda model: int(model.id)),
    "creation": (Pager.order_by_creation_time, lambda model: int(model.create_time_since_epoch)),
    "update": (Pager.order_by_update_time, lambda model: int(model.last_update_time_since_epoch)),
}


def test_pagers_walk_250_models_in_every_order(client: ModelRegistry, server: Server) -> None:
    def call(method: str, path: str, body: dict) -> str:
        answer = server.kubeflow(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()["id"]

    ids = [call("POST", "registered_models", {"name": f"model {number}"}) for number in range(MODELS)]
    # Updated in another order than they were created in.
    for model_id in random.Random(1).sample(ids, MODELS):
        call("PATCH", f"registered_models/{model_id}", {"description": "touched"})

    for name, (order_by, key) in ORDERS.items():
        for direction in (Pager.ascending, Pager.descending):
            walks = []
            for size in (20, 100, MODELS, None):
                pager = direction(order_by(client.get_registered_models()))
                if size:
                    pager.page_size(size)
                models = list(pager)
                keys = [key(model) for model in models]
                assert keys == sorted(keys, reverse=direction is Pager.descending), (name, size)
                assert sorted(ids) == sorted(model.id for model in models), (name, size)
                walks.append([model.id for model in models])
            assert all(walk == walks[0] for walk in walks), name


def test_a_pager_starts_again(client: ModelRegistry) -> None:
    for number in range(21):
        register(client, "digits", str(number))
    names = [str(number) for number in range(21)]
    pager = client.get_model_versions("digits").order_by_id().page_size(10)
    assert [next(pager).name for _ in range(15)] == names[:15]
    assert [version.name for version in pager.restart()] == names
    assert [version.name for version in pager.descending()] == names[::-1]
    assert [version.name for version in pager.ascending().page_size(3)] == names

    pages, tokens = [], []
    pager.page_size(10)
    while not tokens or tokens[-1]:
        pages.append(len(pager.next_page()))
        tokens.append(pager.options.next_page_token)
    assert pages == [10, 10, 1]
    assert len(set(tokens)) == 3 and tokens[-1] == ""
    # The client knows that it has come round by the first page's token, which has to stay the same.
    pager.restart().next_page()
    assert pager.options.next_page_token == tokens[0]


def test_an_artifact_is_attached_to_a_version_later(client: ModelRegistry) -> None:
    register(client, "digits", "1")
    version = client.get_model_version("digits", "1")
    alone = client.async_runner(client._api.upsert_model_artifact(ModelArtifact(name="extra", uri="s3://x/y")))
    attached = client.async_runner(client._api.upsert_model_version_artifact(alone, version.id))
    assert attached.id == alone.id
    artifacts = client.async_runner(client._api.get_model_artifacts(version.id))
    assert {artifact.name for artifact in artifacts} == {"digits", "extra"}


INDEX = {"metadata": {"total_size": 13_476_831_232}, "weight_map": {"a": "x"}}


def graph_of(server: Server, node_id: str) -> dict:
    """A node's free properties, as the history has them: each with its kind."""
    [*_, last] = server.http.get(f"/api/v1/nodes/{node_id}/history").json()["items"]
    return last["document"]["customProperties"]


def test_what_other_doors_write_can_be_read_and_put_back(client: ModelRegistry, server: Server) -> None:
    """Upstream's client takes integers of nine digits alone, and no JSON has a NaN."""
    answer = server.put("digits", "1", "model.safetensors.index.json", json.dumps(INDEX).encode())
    assert answer.status_code == 201, answer.text
    artifact = client.get_model_artifact("digits", "1")
    learned = graph_of(server, artifact.id)
    [size] = [name for name, value in learned.items() if value == {"int": 13_476_831_232}]
    assert artifact.custom_properties[size] == 13_476_831_232
    # A list with it can be read as well.
    [listed] = client.async_runner(client._api.get_model_artifacts())
    assert listed.custom_properties == artifact.custom_properties

    # What was read is put back with a word of the client's own, and stays what inspection learned.
    artifact.description = "sharded"
    artifact.custom_properties = {**artifact.custom_properties, "mine": 2_000_000}
    updated = client.update(artifact)
    assert (updated.description, updated.custom_properties["mine"]) == ("sharded", 2_000_000)
    kept = graph_of(server, artifact.id)
    assert {name: kept[name] for name in learned} == learned
    gone = server.http.delete("/api/v1/models/digits/versions/1/files/model.safetensors.index.json")
    assert gone.status_code == 204, gone.text
    left = graph_of(server, artifact.id)
    assert size not in left and "mine" in left


def test_an_update_leaves_what_inspection_learned_to_inspection(client: ModelRegistry, server: Server) -> None:
    """The client has structs as text, and sends them so."""
    model = (DATA / "made/small.safetensors").read_bytes()
    assert server.put("digits", "1", "small.safetensors", model).status_code == 201
    artifact = client.get_model_artifact("digits", "1")
    learned = graph_of(server, artifact.id)
    structs = [name for name, value in learned.items() if "struct" in value]
    assert structs and all(isinstance(artifact.custom_properties[name], str) for name in structs)
    artifact.description = "small"
    client.update(artifact)
    assert graph_of(server, artifact.id) == learned
    # Other bytes say other things, and what the old ones said is gone.
    other = (DATA / "made/small.gguf").read_bytes()
    assert server.put("digits", "1", "small.gguf", other).status_code == 201
    assert server.http.delete("/api/v1/models/digits/versions/1/files/small.safetensors").status_code == 204
    left = client.get_model_artifact("digits", "1")
    assert left.description == "small" and left.model_format_name == "gguf"
    assert all(graph_of(server, left.id).get(name) != learned[name] for name in structs)


def test_numbers_of_every_size_can_be_read_and_put_back(client: ModelRegistry, server: Server) -> None:
    numbers = {
        "nine": 999_999_999,
        "ten": 1_000_000_000,
        "negative": -(2**53),
        "exact": 2**53,
        "beyond": 2**53 + 1,
        "last": 2**63 - 1,
    }
    properties = {
        name: {"metadataType": "MetadataIntValue", "int_value": str(number)} for name, number in numbers.items()
    }
    body = {"name": "digits", "customProperties": properties}
    assert server.kubeflow("POST", "registered_models", json=body).status_code == 201
    model = client.get_registered_model("digits")
    assert {name: int(value) for name, value in model.custom_properties.items()} == numbers
    assert isinstance(model.custom_properties["beyond"], str)
    assert [each.name for each in client.get_registered_models()] == ["digits"]
    client.update(model)
    assert graph_of(server, model.id) == {name: {"int": number} for name, number in numbers.items()}


def test_an_artifact_without_a_uri_of_its_own_shows_its_files(client: ModelRegistry, server: Server) -> None:
    register(client, "digits", "1")
    artifact = client.get_model_artifact("digits", "1")
    answer = server.kubeflow("PATCH", f"model_artifacts/{artifact.id}", json={"uri": ""})
    assert (answer.status_code, answer.json().get("uri")) == (200, None)
    assert server.put("digits", "1", "a.bin", b"bytes").status_code == 201
    assert client.get_model_artifact("digits", "1").uri.endswith("/files/a.bin")
