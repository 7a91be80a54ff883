"""What is around ML Metadata's calls: health, reflection that a client can be made of, ids of requests, figures."""

import re

import grpc
import pytest
from calls import METHODS, NAME, Calls, mlmd
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub
from harness import Server, eventually


def test_health_is_told_by_service(calls: Calls) -> None:
    health = HealthStub(calls.channel)
    for name in ["", NAME]:
        answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    for name in ["ml_metadata", "\0", "x" * 20_000]:
        with pytest.raises(grpc.RpcError) as refused:
            health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
        assert refused.value.code() == grpc.StatusCode.NOT_FOUND


def reflected(calls: Calls, **asked: str) -> reflection_pb2.ServerReflectionResponse:
    request = reflection_pb2.ServerReflectionRequest(**asked)
    [answer] = ServerReflectionStub(calls.channel).ServerReflectionInfo(iter([request]), timeout=10)
    return answer


def test_a_client_can_be_made_of_what_reflection_tells(calls: Calls) -> None:
    names = {each.name for each in reflected(calls, list_services="").list_services_response.service}
    assert {NAME, "grpc.health.v1.Health"} <= names
    pool, wanted = descriptor_pool.DescriptorPool(), [{"file_containing_symbol": NAME}]
    files: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    for asked in wanted:
        for coded in reflected(calls, **asked).file_descriptor_response.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(coded)
            if file.name not in files:
                files[file.name] = file
                wanted += [{"file_by_filename": name} for name in file.dependency]

    def add(name: str) -> None:
        for dependency in files[name].dependency:
            add(dependency)
        pool.Add(files[name])

    [main] = [name for name, file in files.items() if file.service]
    add(main)
    service = pool.FindServiceByName(NAME)
    assert {method.name for method in service.methods} == set(METHODS)
    method = service.methods_by_name["PutArtifactType"]
    request = message_factory.GetMessageClass(method.input_type)()
    request.artifact_type.name = "reflected"
    answer = message_factory.GetMessageClass(method.output_type)()
    answer.ParseFromString(calls.raw(f"{NAME}/{method.name}", request.SerializeToString()))
    assert calls.call("GetArtifactType", type_name="reflected").artifact_type.id == answer.type_id


def test_a_request_has_an_id_beside_its_clients(calls: Calls, server: Server) -> None:
    ask = calls.channel.unary_unary(f"/{NAME}/GetContextTypes")
    ids = []
    for sent in [[("x-request-id", "mine-1")], [], [("x-request-id", "x" * 5000)], [("x-request-id", "a b\"c' %")]]:
        _, call = ask.with_call(b"", metadata=sent, timeout=10)
        ids.append(dict(call.initial_metadata())["x-request-id"])
    assert len({*ids, "mine-1"}) == 5
    assert all(0 < len(each) <= 200 for each in ids)
    log = eventually(
        lambda: (log := server.installation.log.read_text()).count("GetContextTypes OK") == 4 and log, "a log"
    )
    assert all(f"request.id={each}" in log for each in ids)
    assert "request.client_id=mine-1" in log


def test_calls_are_counted(calls: Calls, server: Server) -> None:
    for _ in range(3):
        calls.call("GetArtifactTypes")
    calls.code("GetContextType", type_name="none")
    calls.code("PutArtifacts", artifacts=[mlmd.Artifact()])
    for name in ["a", "b"]:
        with pytest.raises(grpc.RpcError):
            calls.raw(f"{NAME}/{name}", b"")
    metrics = server.http.get("/metrics").text
    counts = dict(re.findall(r"^modelport_grpc_requests_total\{([^}]*)\} (\d+)$", metrics, re.MULTILINE))
    assert counts == {
        f'call="{NAME}/GetArtifactTypes",status="OK"': "3",
        f'call="{NAME}/GetContextType",status="NOT_FOUND"': "1",
        f'call="{NAME}/PutArtifacts",status="INVALID_ARGUMENT"': "1",
        # No name of a client's making.
        'call="unmatched",status="UNIMPLEMENTED"': "2",
    }
    assert f'modelport_grpc_request_duration_seconds_count{{call="{NAME}/GetArtifactTypes"}} 3' in metrics
    assert "modelport_grpc_requests_in_flight 0" in metrics
