"""Messages that are large, too large, or none at all; calls that nobody knows, and deadlines that have passed."""

import time

import grpc
import pytest
from calls import METHODS, NAME, OURS, Calls, mlmd, service, varint
from harness import Installation, Server
from ml_metadata.proto.metadata_store_service_pb2_grpc import MetadataStoreServiceStub

MIB = 2**20
Code = grpc.StatusCode


def test_large_values_and_large_requests_are_served(calls: Calls, figures: list[str], request) -> None:
    type_id = calls.type("artifact", "T", text=mlmd.STRING)
    started = time.monotonic()
    large = mlmd.Value(string_value="äx" * (7 * MIB))
    [id] = calls.call(
        "PutArtifacts", artifacts=[mlmd.Artifact(type_id=type_id, properties={"text": large})]
    ).artifact_ids
    [back] = calls.call("GetArtifactsByID", artifact_ids=[id]).artifacts
    assert back.properties["text"] == large
    value = {"text": mlmd.Value(string_value="x" * (3 * MIB))}
    many = [mlmd.Artifact(type_id=type_id, properties=value) for _ in range(10)]
    ids = calls.call("PutArtifacts", artifacts=many).artifact_ids
    answer = calls.call("GetArtifactsByID", artifact_ids=ids)
    assert len(answer.artifacts) == 10 and answer.ByteSize() > 30 * MIB
    # All of them together are more than a message may have.
    assert calls.code("GetArtifacts") == Code.OUT_OF_RANGE
    figures.append(f"21 and 30 MiB in, 51 MiB out, {request.node.callspec.id}: {time.monotonic() - started:.1f} s")


def test_a_message_that_would_be_many_times_its_size_is_refused(calls: Calls) -> None:
    type_id = calls.type("artifact", "T")
    empty = service.PutArtifactsRequest(artifacts=[mlmd.Artifact(type_id=type_id)] * 1_000_000)
    assert calls.code("PutArtifacts", empty) == Code.RESOURCE_EXHAUSTED
    assert not calls.call("GetArtifacts").artifacts
    ids = service.GetArtifactsByIDRequest(artifact_ids=range(1, 20_000))
    assert calls.code("GetArtifactsByID", ids) == Code.OK


def test_a_call_to_another_authority_is_refused(server: Server) -> None:
    for authority, code in [("evil.example", Code.PERMISSION_DENIED), ("localhost:1", Code.OK), ("[::1]", Code.OK)]:
        options = [("grpc.default_authority", authority), ("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", options) as channel:
            stub = MetadataStoreServiceStub(channel)
            try:
                stub.GetContextTypes(service.GetContextTypesRequest(), timeout=30)
                ended = Code.OK
            except grpc.RpcError as error:
                ended = error.code()
            assert ended == code, authority


def test_a_message_above_the_limit_is_refused_and_the_connection_stays(installation: Installation) -> None:
    installation.settings["MODELPORT__SERVER__GRPC_MAX_MESSAGE_BYTES"] = "100000"
    server = installation.serve()
    with Calls(server, patience=15) as calls:
        type_id = calls.type("artifact", "T")
        fits, exceeds = [mlmd.Artifact(type_id=type_id, uri="x" * size) for size in (60_000, 100_001)]
        assert calls.code("PutArtifacts", artifacts=[exceeds]) in {Code.RESOURCE_EXHAUSTED, Code.OUT_OF_RANGE}
        for _ in range(2):
            assert calls.code("PutArtifacts", artifacts=[fits]) == Code.OK
        # The answer would be too large, and a smaller page is not.
        assert calls.code("GetArtifacts") in {Code.RESOURCE_EXHAUSTED, Code.OUT_OF_RANGE}
        page = mlmd.ListOperationOptions(max_result_size=1)
        assert len(calls.call("GetArtifacts", options=page).artifacts) == 1
    server.stop()
    assert " ERROR " not in installation.log.read_text()


def test_bytes_that_are_no_message_are_the_clients_mistake(calls: Calls) -> None:
    garbage = [b"\xff" * 100, b"\x0a", b"\x0a\xff\xff\xff\xff\x0f", b"\x07", b"\x0a\x02\x0a\xff"]
    # A name in what is not UTF-8, and messages in messages without end.
    garbage += [b"\x0a\x04\x12\x02\xff\xfe", nested(200)]
    for method in METHODS:
        for body in garbage[:4]:
            assert calls.ending(method, body) == Code.INVALID_ARGUMENT, (method, body)
        for body in garbage[4:]:
            assert calls.ending(method, body) not in OURS, (method, body)


def nested(depth: int) -> bytes:
    body = b""
    for _ in range(depth):
        body = b"\x0a" + varint(len(body)) + body
    return body


def test_calls_that_nobody_knows_are_unimplemented(calls: Calls) -> None:
    for method in [f"{NAME}/Nothing", "ml_metadata.Other/PutArtifacts", NAME, ""]:
        with pytest.raises(grpc.RpcError) as refused:
            calls.raw(method, b"")
        assert refused.value.code() == Code.UNIMPLEMENTED, method
    assert calls.code("GetLineageGraph") == Code.UNIMPLEMENTED
    # The field that had been the only URI.
    assert calls.ending("GetArtifactsByURI", b"\x0a\x01x") == Code.INVALID_ARGUMENT
    assert calls.ending("GetArtifactsByURI", b"\x12\x01x\x0a\x00") == Code.INVALID_ARGUMENT
    assert calls.ending("GetArtifactsByURI", b"\x12\x01x") == Code.OK


def test_a_deadline_that_has_passed_is_told(calls: Calls, server: Server) -> None:
    assert calls.ending("GetArtifacts", b"", timeout=0) == Code.DEADLINE_EXCEEDED
    # What the client leaves alone is either there whole or not at all.
    type_id = calls.type("artifact", "T")
    body = service.PutArtifactsRequest(artifacts=[mlmd.Artifact(type_id=type_id)] * 500).SerializeToString()
    for timeout in [0.001, 0.01, 0.03]:
        assert calls.ending("PutArtifacts", body, timeout=timeout) in {Code.DEADLINE_EXCEEDED, Code.OK}
    assert len(calls.call("GetArtifacts").artifacts) % 500 == 0
