"""Which operations the binary publishes: those of its documents, and the calls that it tells by reflection."""

import json
import os
import subprocess
from dataclasses import dataclass

from calls import NAME
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

METHODS = ["get", "put", "post", "delete", "patch", "options", "head"]
EDITIONS = ("/api/model_registry/v1alpha3", "/api/model_registry/v1")


@dataclass(frozen=True)
class Place:
    """Where an operation is."""

    method: str
    path: str


def document(api: str) -> dict[str, Place]:
    """The operations of a document by their ids."""
    text = subprocess.check_output([os.environ["MODELPORT_BIN"], "openapi", api], text=True)
    found = {}
    for path, item in json.loads(text)["paths"].items():
        for method in METHODS:
            if method in item:
                identifier = item[method]["operationId"]
                assert identifier not in found, f"{identifier} is there twice"
                found[identifier] = Place(method.upper(), path)
    return found


def http() -> dict[str, Place]:
    """Every operation over HTTP; those of Kubeflow are the same under both paths."""
    found = {}
    for api in ["native", "edge", "kubeflow"]:
        found |= {f"{api}:{identifier}": place for identifier, place in document(api).items()}
    other = {f"kubeflow:{identifier}": place for identifier, place in document("kubeflow-v1").items()}
    first = {
        name: place.path.removeprefix(EDITIONS[0]) for name, place in found.items() if name.startswith("kubeflow:")
    }
    assert first == {name: place.path.removeprefix(EDITIONS[1]) for name, place in other.items()}
    return found


def calls(channel) -> set[str]:
    """Every call of ML Metadata's service."""
    request = reflection_pb2.ServerReflectionRequest(file_containing_symbol=NAME)
    [answer] = ServerReflectionStub(channel).ServerReflectionInfo(iter([request]), timeout=10)
    for coded in answer.file_descriptor_response.file_descriptor_proto:
        for service in descriptor_pb2.FileDescriptorProto.FromString(coded).service:
            if NAME.endswith(f".{service.name}"):
                return {f"grpc:{method.name}" for method in service.method}
    raise AssertionError(f"{NAME} is not told by reflection")
