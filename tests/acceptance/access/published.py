"""Which operations the binary publishes: those of its documents, the calls that it tells by reflection, and the routes in
the source of MLflow's door, which no document names."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from calls import NAME
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

METHODS = ["get", "put", "post", "delete", "patch", "options", "head"]
EDITIONS = ("/api/model_registry/v1alpha3", "/api/model_registry/v1")
# What MLflow's operations are below, each of them; some routes are at the root.
PLACES_OF_MLFLOW = ("/api/2.0", "/api/3.0", "/ajax-api/2.0", "/ajax-api/3.0")
# Its own pages, below which everything is a second time; and what is there alone.
PAGES_OF_MLFLOW = "/mlflow"
MLFLOW = (*PLACES_OF_MLFLOW, *(f"{PAGES_OF_MLFLOW}{place}" for place in PLACES_OF_MLFLOW))
PAGES = ("/", "/static-files/{path:.*}")
SOURCE_OF_MLFLOW = Path(__file__).parents[3] / "crates/doors/mlflow/src"
RESOURCE = re.compile(r"web::resource\((\w+|\"[^\"]+\")\)")
METHOD = re.compile(r"\bweb::(get|post|put|patch|delete|head)\(\)")


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


def routes_of_mlflow() -> set[str]:
    """Every route of MLflow's door: its method, or `*` where it takes any, and its path."""
    found: list[str] = []
    texts = [path.read_text() for path in SOURCE_OF_MLFLOW.rglob("*.rs")]
    for text in texts:
        resources = list(RESOURCE.finditer(text))
        ends = [*(each.start() for each in resources[1:]), len(text)]
        for resource, end in zip(resources, ends, strict=False):
            named, rest = resource[1], text[resource.end() : end]
            path = named.strip('"') if named[0] == '"' else re.search(rf'const {named}: &str = "(.*)";', text)[1]
            methods = ["*"] if rest.startswith(".to(") else [method.upper() for method in METHOD.findall(rest)]
            assert methods, f"{path} has no method"
            found += [f"mlflow:{method} {path}" for method in methods]
    assert len(found) == len(set(found)), f"twice: {sorted(each for each in found if found.count(each) > 1)}"
    # None was made in another way.
    of_one_method = [each for each in found if not each.startswith("mlflow:*")]
    assert len(of_one_method) == sum(len(METHOD.findall(text)) for text in texts)
    assert sum(text.count("web::resource(") for text in texts) == len(RESOURCE.findall("".join(texts)))
    return set(found)


def place_in_mlflow(route: str, number: int) -> Place:
    """Where a route of MLflow's door is, at one of the places that it has."""
    method, _, path = route.partition(" ")
    if path.startswith(("/mlflow/", "/mlflow-artifacts/")):
        before = MLFLOW[number % len(MLFLOW)]
    else:
        before = PAGES_OF_MLFLOW if path in PAGES or number % 2 else ""
    return Place("POST" if method == "*" else method, before + path)
