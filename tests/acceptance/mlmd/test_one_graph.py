"""A pipeline that logs to ML Metadata and a registry client that registers what it made: one lineage shows both."""

import base64
import io
import time
import zipfile

from harness import Server
from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from model_registry import ModelRegistry


def connect(server: Server) -> MetadataStore:
    return MetadataStore(mlmd.MetadataStoreClientConfig(host="127.0.0.1", port=server.grpc_port))


class Pipeline:
    """Steps that read and write artifacts, in the contexts of a pipeline and of its run."""

    def __init__(self, store: MetadataStore):
        self.store = store
        self.contexts = [self.context("Pipeline", "penguins"), self.context("PipelineRun", "penguins.run-1")]

    def context(self, type_name: str, name: str) -> mlmd.Context:
        type_id = self.store.put_context_type(mlmd.ContextType(name=type_name))
        return mlmd.Context(type_id=type_id, name=name)

    def artifact(self, type_name: str, name: str, uri: str) -> mlmd.Artifact:
        properties = {"span": mlmd.INT, "split": mlmd.STRING}
        type_id = self.store.put_artifact_type(mlmd.ArtifactType(name=type_name, properties=properties))
        made = mlmd.Artifact(type_id=type_id, name=name, uri=uri, state=mlmd.Artifact.LIVE)
        made.properties["span"].int_value = 1
        return made

    def step(self, name: str, inputs: list[int], outputs: list[mlmd.Artifact]) -> list[int]:
        """Publishes a step; the ids of what it wrote."""
        type_id = self.store.put_execution_type(mlmd.ExecutionType(name=name))
        execution = mlmd.Execution(type_id=type_id, name=f"{name}.1", last_known_state=mlmd.Execution.COMPLETE)
        read = self.store.get_artifacts_by_id(inputs) if inputs else []
        pairs = [(artifact, mlmd.Event(artifact_id=artifact.id, type=mlmd.Event.INPUT)) for artifact in read]
        pairs += [(artifact, mlmd.Event(type=mlmd.Event.OUTPUT)) for artifact in outputs]
        _, ids, _ = self.store.put_execution(execution, pairs, self.contexts, reuse_context_if_already_exist=True)
        return ids[len(read) :]


def test_one_lineage_shows_the_pipeline_and_the_registered_model(server: Server) -> None:
    store = connect(server)
    pipeline = Pipeline(store)
    [data] = pipeline.step("CsvExampleGen", [], [pipeline.artifact("Examples", "examples", "s3://data/penguins")])
    [model] = pipeline.step("Trainer", [data], [pipeline.artifact("Model", "model", "s3://models/penguins")])
    [blessing] = pipeline.step("Evaluator", [data, model], [pipeline.artifact("ModelBlessing", "blessing", "s3://b")])
    [pushed] = pipeline.step("Pusher", [model, blessing], [pipeline.artifact("PushedModel", "pushed", "s3://pushed")])

    registry: ModelRegistry = server.client()
    registered = registry.register_model(
        "penguins", "s3://pushed", version="1.0", model_format_name="keras", model_format_version="3"
    )
    version = registry.get_model_version("penguins", "1.0")
    [context] = store.get_contexts_by_type("kf.ModelVersion")
    assert (context.id, context.name) == (int(version.id), f"{registered.id}:1.0")
    store.put_attributions_and_associations([mlmd.Attribution(artifact_id=pushed, context_id=context.id)], [])

    lineage = server.http.get(f"/api/v1/nodes/{version.id}/lineage", params={"direction": "both", "depth": 10}).json()
    shown = {node["id"] for node in lineage["nodes"]}
    assert {str(each) for each in [data, model, blessing, pushed, registered.id, version.id]} <= shown
    kinds = {edge["type"] for edge in lineage["edges"]}
    assert {"input", "output", "owns", "usedBy"} <= kinds

    # And the other way round: the pipeline's client sees the model's artifact with the version.
    [own] = [each for each in store.get_artifacts_by_context(context.id) if each.type == "kf.ModelArtifact"]
    assert own.uri == "s3://pushed"
    [parent] = store.get_parent_contexts_by_context(context.id)
    assert (parent.type, parent.name) == ("kf.RegisteredModel", "penguins")


def test_what_the_pipeline_wrote_outlives_the_server(installation) -> None:
    server = installation.serve()
    pipeline = Pipeline(connect(server))
    ids = pipeline.step("CsvExampleGen", [], [pipeline.artifact("Examples", "examples", "s3://data/penguins")])
    server.kill()
    server = installation.serve()
    store = connect(server)
    [artifact] = store.get_artifacts_by_id(ids)
    assert artifact.uri == "s3://data/penguins"
    assert [event.type for event in store.get_events_by_artifact_ids(ids)] == [mlmd.Event.OUTPUT]
    assert abs(artifact.create_time_since_epoch / 1000 - time.time()) < 600
    server.stop()


def test_a_model_of_the_edge_registry_is_an_artifact_of_its_version(server: Server) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("pallet/FP32/pallet.xml", "<model/>")
    url = f"http://127.0.0.1:{server.edge_port}/models"
    form = {"name": "pallet", "version": "1", "precision": "int8", "score": "0.5"}
    created = server.http.post(url, data=form, files={"file": ("m.zip", buffer.getvalue(), "application/zip")})
    assert created.status_code == 201

    store = connect(server)
    [artifact] = store.get_artifacts_by_external_ids([created.text])
    assert artifact.type == "kf.ModelArtifact"
    assert artifact.custom_properties["precision"].string_value == "int8"
    assert artifact.custom_properties["score"].double_value == 0.5
    contexts = store.get_contexts_by_artifact(artifact.id)
    assert "kf.ModelVersion" in [context.type for context in contexts]
    assert store.get_context_by_type_and_name("kf.RegisteredModel", "pallet")

    # What a pipeline says of it is what the edge registry's clients read.
    artifact.custom_properties["category"].string_value = "Detection"
    store.put_artifacts([artifact])
    [model] = server.http.get(url, params={"category": "detect"}).json()
    assert (model["id"], model["score"], model["category"]) == (created.text, 0.5, "Detection")


def test_what_other_doors_wrote_at_its_longest_is_put_back_here(server: Server) -> None:
    long = {"k" * 2048: {"metadataType": "MetadataBoolValue", "bool_value": True}}
    model = server.kubeflow("POST", "registered_models", json={"name": "m", "customProperties": long}).json()
    body = {"name": "模" * 512, "registeredModelId": model["id"], "customProperties": long}
    version = server.kubeflow("POST", "model_versions", json=body).json()
    body = {"name": "a" * 512, "artifactType": "model-artifact", "customProperties": long}
    alone = server.kubeflow("POST", "model_artifacts", json=body).json()

    store = connect(server)
    [context] = store.get_contexts_by_id([int(version["id"])])
    [artifact] = store.get_artifacts_by_id([int(alone["id"])])
    for node in (context, artifact):
        node.custom_properties["checked"].bool_value = True
    store.put_contexts([context])
    store.put_artifacts([artifact])
    for path in (f"model_versions/{version['id']}", f"model_artifacts/{alone['id']}"):
        assert set(server.kubeflow("GET", path).json()["customProperties"]) == {"k" * 2048, "checked"}


def test_nothing_says_nul_wherever_it_stands(server: Server) -> None:
    for hidden in ('"a\\u0000"', '{"a": ["b\\u0000"]}', '{"a\\u0000": 1}'):
        value = {"metadataType": "MetadataStructValue", "struct_value": base64.b64encode(hidden.encode()).decode()}
        answer = server.kubeflow("POST", "registered_models", json={"name": "m", "customProperties": {"p": value}})
        assert answer.status_code == 400, answer.text


def test_what_is_no_number_is_put_back_without_a_change(server: Server) -> None:
    store = connect(server)
    type_id = store.put_artifact_type(mlmd.ArtifactType(name="Data"))
    artifact = mlmd.Artifact(type_id=type_id, name="odd")
    artifact.custom_properties["nan"].double_value = float("nan")
    [artifact_id] = store.put_artifacts([artifact])
    [before] = store.get_artifacts_by_id([artifact_id])
    store.put_artifacts([before])
    [after] = store.get_artifacts_by_id([artifact_id])
    assert after.last_update_time_since_epoch == before.last_update_time_since_epoch
    history = server.http.get(f"/api/v1/nodes/{artifact_id}/history").json()["items"]
    assert [change["action"] for change in history] == ["create"]
