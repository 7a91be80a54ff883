"""The ends of the gRPC server's calls: refusals, large messages, and the end of the server itself."""

import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from cpu import is_idle
from harness import Installation, Server, eventually
from ml_metadata.proto import metadata_store_pb2 as mlmd
from ml_metadata.proto import metadata_store_service_pb2 as calls
from ml_metadata.proto import metadata_store_service_pb2_grpc as service

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
MIB = 2**20


def channel(server: Server) -> grpc.Channel:
    return grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", options=UNLIMITED)


def test_who_watches_is_told_of_the_end_and_does_not_hold_it_up(server: Server) -> None:
    watch = health_pb2_grpc.HealthStub(channel(server)).Watch(health_pb2.HealthCheckRequest())
    assert next(watch).status == SERVING
    began = time.monotonic()
    server.terminate()
    assert next(watch).status == NOT_SERVING
    assert server.ended() == 0
    assert time.monotonic() - began < 10


def test_a_refusal_tells_the_id_of_its_request(server: Server) -> None:
    store = service.MetadataStoreServiceStub(channel(server))
    with pytest.raises(grpc.RpcError) as refused:
        store.GetContextType(calls.GetContextTypeRequest(type_name="none"), metadata=[("x-request-id", "mine-2")])
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
    # A refusal has no message, and so nothing before its end.
    assert dict(refused.value.trailing_metadata())["x-request-id"] not in ("", "mine-2")


def test_messages_may_be_large(server: Server) -> None:
    store = service.MetadataStoreServiceStub(channel(server))
    of = store.PutArtifactType(calls.PutArtifactTypeRequest(artifact_type=mlmd.ArtifactType(name="t"))).type_id
    text = "x" * MIB
    artifacts = [
        mlmd.Artifact(type_id=of, custom_properties={"p": mlmd.Value(string_value=text)}) for _ in range(24)
    ]
    ids = store.PutArtifacts(calls.PutArtifactsRequest(artifacts=artifacts)).artifact_ids
    got = store.GetArtifactsByID(calls.GetArtifactsByIDRequest(artifact_ids=ids)).artifacts
    assert [each.custom_properties["p"].string_value for each in got] == [text] * 24


def test_a_cancelled_call_cancels_its_statement(server: Server, installation: Installation) -> None:
    store = service.MetadataStoreServiceStub(channel(server))
    of = store.PutArtifactType(calls.PutArtifactTypeRequest(artifact_type=mlmd.ArtifactType(name="t"))).type_id
    value = mlmd.Value(string_value="a" * 400_000)
    artifacts = [mlmd.Artifact(type_id=of, custom_properties={"p": value}) for _ in range(24)]
    for _ in range(2):
        store.PutArtifacts(calls.PutArtifactsRequest(artifacts=artifacts))
    one = "custom_properties.p.string_value LIKE '%" + "a" * 250 + "b%'"
    options = mlmd.ListOperationOptions(filter_query=" OR ".join([one] * 16))
    with pytest.raises(grpc.RpcError) as late:
        store.GetArtifacts(calls.GetArtifactsRequest(options=options), timeout=0.25)
    assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    eventually(lambda: is_idle(server, installation), "the end of the statement", seconds=8)
    long = mlmd.ListOperationOptions(filter_query="name LIKE '" + "a" * 257 + "'")
    with pytest.raises(grpc.RpcError) as refused:
        store.GetArtifacts(calls.GetArtifactsRequest(options=long))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "at character 11: the pattern has 257 bytes, more than 256" in refused.value.details()
