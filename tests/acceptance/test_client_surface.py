"""That every public method of the stock client is exercised, whichever release it is; the rest of them."""

import ast
import inspect
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import mr_openapi as m
import pytest
from harness import Server, Services
from model_registry import ModelRegistry
from model_registry.core import ModelRegistryAPIClient
from model_registry.exceptions import StoreError
from model_registry.types import DocArtifact, ListOptions, ModelArtifact, ModelVersion, RegisteredModel
from model_registry.utils import S3Params, s3_uri_from
from mr_openapi import ArtifactTypeQueryParam, ModelRegistryServiceApi

# What cannot be called here, and why.
FOREIGN = {
    "register_hf_model": "needs a foreign service: reads the model's card from the Hugging Face Hub",
    "secure_connection": "needs a foreign service: a proxy that speaks TLS",
}


def public(client: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(client, callable) if not name.startswith("_")}


def called() -> set[str]:
    """The names that these tests call something by."""
    names = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        names |= {call.func.attr for call in calls if isinstance(call.func, ast.Attribute)}
    return names


def test_every_public_method_is_exercised() -> None:
    # And of the client below it.
    methods = public(ModelRegistry) | public(ModelRegistryAPIClient)
    assert methods >= FOREIGN.keys() and not called() & FOREIGN.keys()
    assert methods - called() - FOREIGN.keys() == set()


def test_every_operation_is_exercised() -> None:
    """Of the generated client, which is what the others are made of."""
    variants = ("_with_http_info", "_without_preload_content")
    operations = {name for name, _ in inspect.getmembers(ModelRegistryServiceApi, inspect.iscoroutinefunction)}
    operations = {name for name in operations if not name.startswith("_") and not name.endswith(variants)}
    assert len(operations) >= 40
    assert operations - called() == set()


def s3_params(services: Services, bucket: str, prefix: str) -> S3Params:
    query = parse_qs(services.s3.query)
    return S3Params(
        bucket_name=bucket,
        s3_prefix=prefix,
        endpoint_url=query["endpoint"][0],
        access_key_id=services.credentials["AWS_ACCESS_KEY_ID"],
        secret_access_key=services.credentials["AWS_SECRET_ACCESS_KEY"],
        region=query["region"][0],
    )


def stored(services: Services, uri: str) -> dict[str, bytes]:
    """What lies below an URI of the client's: `s3://bucket/path?endpoint=…&defaultRegion=…`."""
    place = urlsplit(uri)
    assert place.scheme == "s3"
    assert parse_qs(place.query)["endpoint"] == parse_qs(services.s3.query)["endpoint"]
    client = services.s3_client()
    prefix = place.path.lstrip("/")
    listed = client.list_objects_v2(Bucket=place.netloc, Prefix=prefix)["Contents"]
    return {
        item["Key"].removeprefix(prefix).lstrip("/"): client.get_object(Bucket=place.netloc, Key=item["Key"])["Body"].read()
        for item in listed
    }


def test_what_the_client_uploads_to_s3_is_found_through_the_registry(
    client: ModelRegistry, services: Services, tmp_path: Path
) -> None:
    bucket = services.create_bucket()
    folder = tmp_path / "model"
    files = {"model.data": bytes(range(256)) * 20000, "config.json": b"{}", "vocabulary/words.txt": b"one two"}
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    registered = client.upload_artifact_and_register_model(
        "digits",
        str(folder),
        upload_params=s3_params(services, bucket, "models/digits"),
        version="1",
        model_format_name="onnx",
        model_format_version="1",
        storage_key="secret",
        metadata={"accuracy": 0.5},
    )
    assert client.get_registered_model("digits") == registered
    assert client.get_model_version("digits", "1").custom_properties == {"accuracy": 0.5}
    artifact = client.get_model_artifact("digits", "1")
    assert (artifact.model_format_name, artifact.storage_key) == ("onnx", "secret")
    assert stored(services, artifact.uri) == files

    # What is registered is refused before anything is uploaded.
    with pytest.raises(StoreError, match="already exists"):
        client.upload_artifact_and_register_model(
            "digits",
            str(folder),
            upload_params=s3_params(services, bucket, "again"),
            version="1",
            model_format_name="onnx",
            model_format_version="1",
        )
    assert "Contents" not in services.s3_client().list_objects_v2(Bucket=bucket, Prefix="again")

    # In two steps.
    params = s3_params(services, bucket, "single")
    uri = client.save_to_s3(
        str(folder / "config.json"),
        bucket,
        "single",
        endpoint_url=params.endpoint_url,
        access_key_id=params.access_key_id,
        secret_access_key=params.secret_access_key,
        region=params.region,
    )
    client.register_model("single", uri, version="1", model_format_name="json", model_format_version="1")
    assert client.get_model_artifact("single", "1").uri == uri
    assert list(stored(services, uri).values()) == [b"{}"]
    expected = s3_uri_from("single/config.json", bucket, endpoint=params.endpoint_url, region=params.region)
    assert uri.split("?")[1] == expected.split("?")[1]


def test_a_port_that_looks_wrong_gets_a_hint(caplog: pytest.LogCaptureFixture) -> None:
    for address, port in (("https://127.0.0.1", 8080), ("http://127.0.0.1", 8443)):
        caplog.clear()
        ModelRegistry.hint_server_address_port(address, port)
        assert "verify the configuration" in caplog.text
    caplog.clear()
    ModelRegistry.hint_server_address_port("https://127.0.0.1", 443)
    assert caplog.text == ""


def test_the_client_below_reads_and_writes_everything(client: ModelRegistry, server: Server) -> None:
    api, run = ModelRegistryAPIClient.insecure_connection("http://127.0.0.1", server.port), client.async_runner
    model = run(api.upsert_registered_model(RegisteredModel(name="m", external_id="model", owner="ada")))
    assert run(api.get_registered_model_by_id(model.id)) == model
    assert run(api.get_registered_model_by_params(external_id="model")) == model
    assert run(api.get_registered_models(ListOptions(limit=1))) == [model]
    version = run(api.upsert_model_version(ModelVersion(name="1", author="ada", external_id="version"), model.id))
    assert run(api.get_model_version_by_id(version.id)) == version
    assert run(api.get_model_version_by_params(registered_model_id=model.id, name="1")) == version
    assert run(api.get_model_version_by_params(external_id="version")) == version
    assert run(api.get_model_versions(model.id, ListOptions.order_by_creation_time(is_asc=False))) == [version]

    weights = ModelArtifact(name="weights", uri="s3://x/weights", external_id="weights")
    weights = run(api.upsert_model_version_artifact(weights, version.id))
    card = run(api.upsert_model_version_artifact(DocArtifact(name="card", uri="https://x/card"), version.id))
    alone = run(api.upsert_model_artifact(ModelArtifact(name="alone", uri="s3://x/alone", external_id="alone")))
    assert run(api.get_model_artifact_by_id(weights.id)) == weights
    assert run(api.get_model_artifact_by_params(name="weights", model_version_id=version.id)) == weights
    assert run(api.get_model_artifact_by_params(external_id="alone")) == alone
    assert run(api.get_model_artifacts(version.id)) == [weights]
    assert {each.id for each in run(api.get_model_artifacts())} == {weights.id, alone.id}
    assert run(api.get_model_version_artifacts(version.id)) == [weights, card]
    documents = ListOptions.artifact_type(ArtifactTypeQueryParam.DOC_MINUS_ARTIFACT)
    assert run(api.get_model_version_artifacts(version.id, options=documents)) == [card]
    assert run(api.get_artifacts(filter_query="uri LIKE 's3://x/a%' OR name = 'card'")) == [card, alone]
    assert run(api.get_artifacts(artifact_type=ArtifactTypeQueryParam.DOC_MINUS_ARTIFACT)) == [card]


def test_every_operation_of_the_generated_client(client: ModelRegistry) -> None:
    """Which checks each answer against upstream's schemas, and refuses what they do not have."""
    client.async_runner(every_operation(client._api))


async def every_operation(api: ModelRegistryAPIClient) -> None:
    async with api.get_client() as c:
        model = await c.create_registered_model(m.RegisteredModelCreate(name="m", external_id="model", language=["en"]))
        change = m.RegisteredModelUpdate(owner="ada", tasks=["classification"])
        model = await c.update_registered_model(model.id, change)
        assert (model.owner, model.language, model.tasks) == ("ada", ["en"], ["classification"])
        assert await c.get_registered_model(model.id) == model
        assert await c.find_registered_model(name="m") == model
        assert (await c.get_registered_models(filter_query="owner = 'ada'")).items == [model]

        version = await c.create_model_version(m.ModelVersionCreate(name="1", registered_model_id=model.id))
        body = m.ModelVersion(name="2", registered_model_id=model.id, external_id="second")
        second = await c.create_registered_model_version(model.id, body)
        second = await c.update_model_version(second.id, m.ModelVersionUpdate(author="grace"))
        assert await c.get_model_version(second.id) == second
        assert await c.find_model_version(name="2", parent_resource_id=model.id) == second
        assert (await c.get_model_versions(filter_query="author = 'grace'")).items == [second]
        assert (await c.get_registered_model_versions(model.id, external_id="second")).items == [second]
        newest_first = await c.get_registered_model_versions(model.id, sort_order=m.SortOrder.DESC)
        assert newest_first.items == [second, version]

        weights = await c.create_model_artifact(m.ModelArtifactCreate(name="weights", uri="s3://x/y"))
        weights = await c.update_model_artifact(weights.id, m.ModelArtifactUpdate(model_format_name="onnx"))
        assert await c.get_model_artifact(weights.id) == weights
        assert (await c.get_model_artifacts(filter_query="modelFormatName = 'onnx'")).items == [weights]
        attached = await c.upsert_model_version_artifact(version.id, m.Artifact(weights))
        assert attached.actual_instance.id == weights.id
        assert await c.find_model_artifact(name="weights", parent_resource_id=version.id) == attached.actual_instance
        card = m.DocArtifactCreate(name="card", uri="https://x/card", external_id="card", artifact_type="doc-artifact")
        card = await c.create_artifact(m.ArtifactCreate(card))
        change = m.DocArtifactUpdate(description="what it is for", artifact_type="doc-artifact")
        card = await c.update_artifact(card.actual_instance.id, m.ArtifactUpdate(change))
        assert await c.get_artifact(card.actual_instance.id) == card
        assert await c.find_artifact(external_id="card") == card
        everything = (await c.get_artifacts(order_by=m.OrderByField.ID)).items
        assert [each.actual_instance.name for each in everything] == ["weights", "card"]
        kept = await c.get_model_version_artifacts(version.id, artifact_type=m.ArtifactTypeQueryParam.MODEL_MINUS_ARTIFACT)
        assert [each.actual_instance.id for each in kept.items] == [weights.id]

        environment = await c.create_serving_environment(m.ServingEnvironmentCreate(name="cluster"))
        change = m.ServingEnvironmentUpdate(description="for everybody")
        environment = await c.update_serving_environment(environment.id, change)
        assert await c.get_serving_environment(environment.id) == environment
        assert await c.find_serving_environment(name="cluster") == environment
        assert (await c.get_serving_environments(filter_query="name LIKE 'cl%'")).items == [environment]
        body = m.InferenceServiceCreate(
            name="a", registered_model_id=model.id, serving_environment_id=environment.id, model_version_id=version.id
        )
        await c.create_inference_service(body)
        # One release expects 200 here and takes nothing from the 201 that upstream's server answers as well.
        service = await c.find_inference_service(name="a", parent_resource_id=environment.id)
        body = m.InferenceServiceCreate(name="b", registered_model_id=model.id, serving_environment_id=environment.id)
        newest = await c.create_environment_inference_service(environment.id, body)
        service = await c.update_inference_service(service.id, m.InferenceServiceUpdate(runtime="kserve"))
        assert await c.get_inference_service(service.id) == service
        assert await c.find_inference_service(name="a", parent_resource_id=environment.id) == service
        assert (await c.get_inference_services(filter_query="runtime = 'kserve'")).items == [service]
        assert (await c.get_environment_inference_services(environment.id, name="b")).items == [newest]
        assert await c.get_inference_service_model(service.id) == model
        assert await c.get_inference_service_version(service.id) == version
        assert await c.get_inference_service_version(newest.id) == second
        serve = await c.create_inference_service_serve(service.id, m.ServeModelCreate(model_version_id=version.id))
        assert (await c.get_inference_service_serves(service.id)).items == [serve]
