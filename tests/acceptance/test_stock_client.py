"""What users of the stock `model-registry` client see."""

import random

import pytest
from harness import Server
from model_registry import ModelRegistry
from model_registry.exceptions import StoreError
from model_registry.types import ModelArtifact, Pager
from mr_openapi import ModelVersionState, RegisteredModelState
from mr_openapi.models.artifact_state import ArtifactState

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
