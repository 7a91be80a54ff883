"""Whatever Kubeflow's own OpenAPI document lets a request say is accepted.

`upstream.json` is what the client that upstream generates from its document (`mr_openapi` in `model-registry` 0.3.14, whose
release 0.3.18 has the same without experiments) says of every body: its members, and of each what it may be. `!` marks what is
required, `filled` a text that is not empty, `id` one of `^[1-9][0-9]{0,8}$`, `int64` and `step` integers in text.
"""

import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Server

UPSTREAM = json.loads(Path(__file__).with_name("upstream.json").read_text())
ARTIFACTS = {
    "ModelArtifact": "model-artifact",
    "DocArtifact": "doc-artifact",
    "DataSet": "dataset-artifact",
    "Metric": "metric",
    "Parameter": "parameter",
}
VALUES: dict[str, list[Any]] = {
    "text": ["", "x", " ü 模型\n\t\"'\\", "x" * 5000],
    "number": [0, -1, 0.5, 1e300, 5e-324],
    "texts": [[], [""], ["en", "ü", "en"]],
    "int64": ["", "0", "-1", "1700000000000", "007", "9223372036854775807"],
}
# Each kind of value of a free property, by what its own schema allows.
CUSTOM = {
    "MetadataStringValue": [{"string_value": ""}, {"string_value": "ü"}],
    "MetadataIntValue": [{"int_value": value} for value in ("0", "-0", "1", "-1", "999999999", "-999999999")],
    "MetadataDoubleValue": [{"double_value": value} for value in (0, -1, 0.5, 1e300)],
    "MetadataBoolValue": [{"bool_value": value} for value in (True, False)],
    "MetadataStructValue": [{"struct_value": value} for value in ("e30=", "eyJhIjpbMSxudWxsXX0=")],
    "MetadataProtoValue": [{"type": "type.googleapis.com/a.B", "proto_value": "AP8="}],
}
# Each database sees one.
EDITIONS = {"embedded": "v1alpha3", "production": "v1"}
QUERIES: dict[str, list[str]] = {
    "pageSize": ["1", "999999999"],
    "orderBy": ["CREATE_TIME", "LAST_UPDATE_TIME", "ID"],
    "sortOrder": ["ASC", "DESC"],
    "nextPageToken": [""],
    "filterQuery": ["", "name = 'x'"],
    "name": ["", "x", "100%_~"],
    "externalId": ["", "x"],
}
numbers = itertools.count()


def unique() -> str:
    return f"n{next(numbers)}"


def customs() -> Iterator[dict[str, Any]]:
    yield {}
    for kind, values in CUSTOM.items():
        for name, value in zip(itertools.cycle(["p", "", "a b/ü"]), values):
            yield {name: {"metadataType": kind, **value}}


def values(member: str, kind: str, edition: str, ids: dict[str, str]) -> list[Any]:
    kind = kind.removesuffix("!")
    if kind == "id":
        return [ids[member]] if member in ids else []
    if kind == "filled" or member in ("name", "externalId"):
        return [unique(), f"ü {unique()} :/%"]
    if kind == "step":
        return VALUES["int64"] if edition == "v1" else [0, -1, 2**31]
    # These are what the server says; an empty id is none.
    if member in ("id", "createTimeSinceEpoch", "lastUpdateTimeSinceEpoch"):
        return [""] if member == "id" else ["", "1700000000000"]
    if member == "artifactType":
        return []
    return UPSTREAM["enums"].get(kind) or VALUES[kind]


def bodies(schema: str, edition: str, ids: dict[str, str], fixed: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One body for each value of each member beside what is required, and some with values for all of them."""
    members = UPSTREAM["bodies"][schema]
    required = {name: kind for name, kind in members.items() if kind.endswith("!")}

    def least() -> dict[str, Any]:
        return {name: values(name, kind, edition, ids)[0] for name, kind in required.items()} | fixed

    yield least()
    for name, kind in members.items():
        for value in values(name, kind, edition, ids):
            yield {**least(), name: value}
    for custom in customs():
        yield {**least(), "customProperties": custom}
    chance = random.Random(schema)
    for _ in range(5):
        drawn = {name: values(name, kind, edition, ids) for name, kind in members.items()}
        body = {name: chance.choice(options) for name, options in drawn.items() if options}
        if body.get("endTimeSinceEpoch"):
            # A run does not end before it starts, which a schema cannot say.
            body.pop("startTimeSinceEpoch", None)
        yield {**body, **fixed}


def test_whatever_upstreams_document_allows_is_accepted(server: Server, request: pytest.FixtureRequest) -> None:
    edition = EDITIONS[request.node.callspec.params["installation"]]
    base = f"/api/model_registry/{edition}"
    asked = 0

    def ask(method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        nonlocal asked
        asked += 1
        answer = server.http.request(method, f"{base}/{path}", json=body)
        assert answer.is_success, f"{method} {path} {body}: {answer.status_code} {answer.text}"
        return answer.json()

    def make(path: str, **body: Any) -> str:
        return ask("POST", path, {"name": unique(), **body})["id"]

    ids = {"registeredModelId": make("registered_models"), "servingEnvironmentId": make("serving_environments")}
    ids["modelVersionId"] = make("model_versions", registeredModelId=ids["registeredModelId"])
    ids["experimentId"] = make("experiments")
    ids["experimentRunId"] = make("experiment_runs", experimentId=ids["experimentId"])
    references = {name: ids[name] for name in ("registeredModelId", "servingEnvironmentId", "modelVersionId")}
    service = make("inference_services", **references)

    model, version, run = (ids[f"{name}Id"] for name in ("registeredModel", "modelVersion", "experimentRun"))
    plain = {
        "RegisteredModel": ("registered_models", model, ["registered_models"]),
        "ModelVersion": ("model_versions", version, ["model_versions"]),
        "Experiment": ("experiments", ids["experimentId"], ["experiments"]),
        "ExperimentRun": ("experiment_runs", run, ["experiment_runs"]),
        "ServingEnvironment": ("serving_environments", ids["servingEnvironmentId"], ["serving_environments"]),
        "InferenceService": (
            "inference_services",
            service,
            ["inference_services", f"serving_environments/{ids['servingEnvironmentId']}/inference_services"],
        ),
    }
    for schema, (collection, known, makers) in plain.items():
        for path in makers:
            for body in bodies(f"{schema}Create", edition, ids, {}):
                ask("POST", path, body)
        for body in bodies(f"{schema}Update", edition, ids, {}):
            ask("PATCH", f"{collection}/{known}", body)
    for body in bodies("ServeModelCreate", edition, ids, {}):
        ask("POST", f"inference_services/{service}/serves", body)
    for path, schema in [
        (f"registered_models/{model}/versions", "ModelVersion"),
        (f"experiments/{ids['experimentId']}/experiment_runs", "ExperimentRun"),
    ]:
        for body in bodies(schema, edition, ids, {}):
            ask("POST", path, body)

    for schema, artifact_type in ARTIFACTS.items():
        # A metric without a value is refused by upstream's server as well.
        fixed = {"artifactType": artifact_type, **({"value": 0.5} if schema == "Metric" else {})}
        for path in ("artifacts", *(["model_artifacts"] if schema == "ModelArtifact" else [])):
            for body in bodies(f"{schema}Create", edition, ids, fixed):
                ask("POST", path, body)
        made = make("artifacts", **fixed)
        for path in (f"model_versions/{version}/artifacts", f"experiment_runs/{run}/artifacts"):
            for body in bodies(schema, edition, ids, fixed):
                ask("POST", path, body)
        for body in bodies(f"{schema}Update", edition, ids, fixed):
            ask("PATCH", f"artifacts/{made}", body)
        if schema == "ModelArtifact":
            for body in bodies(f"{schema}Update", edition, ids, {}):
                ask("PATCH", f"model_artifacts/{made}", body)
    assert asked > 1000, asked

    lists = {
        collection: {} for collection, *_ in plain.values()
    } | {
        "artifacts": {"artifactType": [*ARTIFACTS.values()]},
        "model_artifacts": {},
        f"registered_models/{model}/versions": {},
        f"model_versions/{version}/artifacts": {"artifactType": [*ARTIFACTS.values()]},
        f"experiments/{ids['experimentId']}/experiment_runs": {},
        f"experiment_runs/{run}/artifacts": {"artifactType": [*ARTIFACTS.values()]},
        f"experiment_runs/{run}/metric_history": {"stepIds": ["", "0", "007,999999999"]},
        "experiment_runs/metric_history": {"stepIds": ["1,2"]},
        f"inference_services/{service}/serves": {},
    }
    for path, more in lists.items():
        for name, options in (QUERIES | more).items():
            for value in options:
                page = {"pageSize": "1", name: value}
                answer = server.http.get(f"{base}/{path}", params=page)
                assert answer.status_code == 200, f"{path} {page}: {answer.text}"
