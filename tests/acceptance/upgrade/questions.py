"""What a registry is asked: every operation that reads, of every API, about everything that is there or was."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from asking import CALLED_PAGES, EDGE, GRPC, HTTP, PAGES, Answer, Asker, Question
from calls import METHODS

EDITIONS = ["/api/model_registry/v1alpha3", "/api/model_registry/v1"]
NATIVE = "/api/v1"
KINDS = ["artifact", "execution", "context"]
# The lists of Kubeflow's API, what one of each is called, and what is below each.
LISTS = {
    "registered_models": ("registered_model", ["versions", "aliases"]),
    "model_versions": ("model_version", ["artifacts", "aliases"]),
    "model_artifacts": ("model_artifact", []),
    "artifacts": ("artifact", []),
    "experiments": ("experiment", ["experiment_runs"]),
    "experiment_runs": ("experiment_run", ["artifacts", "metric_history"]),
    "serving_environments": ("serving_environment", ["inference_services"]),
    "inference_services": ("inference_service", ["serves", "model", "version"]),
}
# What names the parent of what has always one.
PARENTS = {
    "model_version": "registeredModelId",
    "experiment_run": "experimentId",
    "inference_service": "servingEnvironmentId",
}
ALL = {"pageSize": "1000"}
# What Geti would be asked, what nobody answers, and what is never answered alike.
NOT_HERE = {
    "GetLineageGraph",
    f"{NATIVE}/direct-uploads/{{id}}",
    f"{NATIVE}/imports/geti/projects",
    f"{NATIVE}/imports/geti/projects/{{id}}",
    "/projects",
    "/projects/{project_id}",
}
FILTERS = ["name LIKE '%0%'", "id > 20", "externalId != ''", "customProperties.whole.int_value < 0"]
CALL_FILTERS = {
    "Artifacts": [
        "uri LIKE 's3:%'",
        "contexts_a.name LIKE '%0'",
        "events_0.type = INPUT",
        "custom_properties.i.int_value < 0",
    ],
    "Executions": ["events_0.artifact_id > 0", "last_known_state = RUNNING"],
    "Contexts": ["parent_contexts_a.id > 0", "child_contexts_a.id > 0", "artifacts_a.id > 0"],
}


class Questions:
    """Questions about what a server has."""

    def __init__(self, asker: Asker, uploaded: dict[str, str]):
        self.asker, self.uploaded = asker, uploaded
        self.nodes = {kind: self.of_kind(kind) for kind in KINDS}
        self.ids = [int(node["id"]) for nodes in self.nodes.values() for node in nodes]
        entries = self.read(HTTP, f"{NATIVE}/changes", {"limit": "10000"})["items"]
        # What is in the record of changes, removed or not, and what never was.
        self.recorded = sorted({int(entry["nodeId"]) for entry in entries}) + [999_999_999]

    def read(self, door: str, what: str, given: dict[str, Any]) -> Any:
        shown = self.asker.ask((door, what, given))
        assert shown["status"] in (200, "OK"), (what, given, shown)
        return shown["body"]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return self.read(GRPC, f"Get{kind.title()}s", {}).get(f"{kind}s", [])

    def everything(self) -> list[Question]:
        """Each once."""
        asked = [*self.kubeflow(), *self.native(), *self.edge(), *self.grpc()]
        return list({json.dumps(question): question for question in asked}.values())

    def kubeflow(self) -> Iterator[Question]:
        for number, edition in enumerate(EDITIONS):
            for path, (single, below) in LISTS.items():
                place = f"{edition}/{path}"
                yield from self.lists(place)
                items = self.read(HTTP, place, ALL)["items"]
                for item in items:
                    yield from self.found(f"{edition}/{single}", item)
                    for each in below:
                        yield HTTP, f"{place}/{item['id']}/{each}", {}
                    if "artifacts" in below:
                        for artifact in self.read(HTTP, f"{place}/{item['id']}/artifacts", {})["items"]:
                            for one in ["artifact", "model_artifact"]:
                                yield from self.found(f"{edition}/{one}", artifact, item["id"])
                # Each under one of them, whatever it is.
                for node in self.recorded[number :: len(EDITIONS)]:
                    yield HTTP, f"{place}/{node}", {}
            for model in self.read(HTTP, f"{edition}/registered_models", ALL)["items"]:
                for alias in ["champion", "a_B-1.2", "gone"]:
                    yield HTTP, f"{edition}/registered_models/{model['id']}/aliases/{alias}", {}
            yield HTTP, f"{edition}/experiment_runs/metric_history", ALL
            yield PAGES, f"{edition}/experiment_runs/metric_history", {"stepIds": "1,3"}

    @staticmethod
    def lists(place: str) -> Iterator[Question]:
        yield HTTP, place, {}
        yield PAGES, place, {"totals": "true"}
        for order in ["ID", "NAME", "CREATE_TIME", "LAST_UPDATE_TIME"]:
            yield PAGES, place, {"orderBy": order, "sortOrder": "DESC"}
        for query in FILTERS:
            yield HTTP, place, ALL | {"filterQuery": query, "totals": "true"}

    @staticmethod
    def found(place: str, item: dict[str, Any], parent: str = "") -> Iterator[Question]:
        """By its name, below what it belongs to, and by the id that another system gave it."""
        if member := PARENTS.get(place.rpartition("/")[2]):
            parent = item[member]
        if "name" in item:
            yield HTTP, place, {"name": item["name"]} | ({"parentResourceId": parent} if parent else {})
        if "externalId" in item:
            yield HTTP, place, {"externalId": item["externalId"]}

    def native(self) -> Iterator[Question]:
        names = [item["name"] for item in self.read(HTTP, f"{EDITIONS[0]}/registered_models", ALL)["items"]]
        for name in [*names, "früher-removed"]:
            place = f"{NATIVE}/models/{quote(name, safe='')}"
            for below in ["", "/policy", "/aliases/champion", "/aliases/gone"]:
                yield HTTP, place + below, {}
            yield PAGES, f"{place}/versions", {}
            versions = self.asker.ask((HTTP, f"{place}/versions", ALL)).get("body", {"items": []})["items"]
            for version in [*(f"@name:{each['name']}" for each in versions), "latest", "@champion", "gone"]:
                yield from self.version(f"{place}/versions/{quote(version, safe='')}")
        for number in self.recorded:
            yield HTTP, f"{NATIVE}/nodes/{number}/history", {"limit": "10000"}
            for direction in ["upstream", "downstream", "both"]:
                yield HTTP, f"{NATIVE}/nodes/{number}/lineage", {"direction": direction, "depth": "20"}
            yield from self.files(f"{NATIVE}/artifacts/{number}")
        for after in range(0, 400, 97):
            yield HTTP, f"{NATIVE}/changes", {"after": str(after), "limit": "97"}
        yield HTTP, f"{NATIVE}/imports", {}
        for job in self.read(HTTP, f"{NATIVE}/imports", {})["items"]:
            yield HTTP, f"{NATIVE}/imports/{job['id']}", {}
        for path, identifier in self.uploaded.items():
            # Whoever looks at one that goes straight into the bucket is given new links, and time.
            if path != "direct.bin":
                yield HTTP, f"{NATIVE}/uploads/{identifier}", {}

    def version(self, place: str) -> Iterator[Question]:
        yield HTTP, place, {}
        yield from self.files(place)

    def files(self, place: str) -> Iterator[Question]:
        yield PAGES, f"{place}/files", {}
        shown = self.asker.ask((HTTP, f"{place}/files", {"pageSize": "1000"}))
        if not shown.get("body", {}).get("items"):
            return
        for archive in ["zip", "tar"]:
            yield HTTP, f"{place}/files", {"archive": archive, "quarantined": "true"}
        for file in shown["body"]["items"]:
            for query in [{}, {"quarantined": "true"}]:
                yield HTTP, f"{place}/files/{quote(file['path'])}", query

    def edge(self) -> Iterator[Question]:
        yield EDGE, "/health", {}
        for query in [{}, {"name": "früher-pallet"}, {"project_name": "früher-Pallets", "precision": "fp16"}]:
            yield EDGE, "/models", query
        for record in self.read(EDGE, "/models", {}):
            yield EDGE, f"/models/{record['id']}", {}
            yield EDGE, f"/models/{record['id']}/files", {}

    def grpc(self) -> Iterator[Question]:
        for kind in KINDS:
            yield from self.kind(kind)
        ids = {kind: [node["id"] for node in nodes] for kind, nodes in self.nodes.items()}
        yield GRPC, "GetArtifactsByURI", {"uris": [node["uri"] for node in self.nodes["artifact"] if "uri" in node]}
        yield GRPC, "GetEventsByArtifactIDs", {"artifact_ids": ids["artifact"]}
        yield GRPC, "GetEventsByExecutionIDs", {"execution_ids": ids["execution"]}
        yield GRPC, "GetParentContextsByContexts", {"context_ids": ids["context"]}
        yield GRPC, "GetChildrenContextsByContexts", {"context_ids": ids["context"]}
        for number in ids["artifact"]:
            yield GRPC, "GetContextsByArtifact", {"artifact_id": number}
        for number in ids["execution"]:
            yield GRPC, "GetContextsByExecution", {"execution_id": number}
        for number in ids["context"]:
            for method in ["ArtifactsBy", "ExecutionsBy", "ParentContextsBy", "ChildrenContextsBy"]:
                yield GRPC, f"Get{method}Context", {"context_id": number}
        for start in ["artifacts", "executions"]:
            options = {
                f"starting_{start}": {"filter_query": "id > 0"},
                "max_num_hops": 20,
                "direction": "BIDIRECTIONAL",
            }
            mask = "artifacts,executions,events,contexts,attributions,associations"
            yield GRPC, "GetLineageSubgraph", {"lineage_subgraph_query_options": options, "read_mask": mask}
        yield GRPC, "GetLineageGraph", {}

    def kind(self, kind: str) -> Iterator[Question]:
        noun = kind.title()
        types = self.read(GRPC, f"Get{noun}Types", {})[f"{kind}_types"]
        yield GRPC, f"Get{noun}Types", {}
        yield GRPC, f"Get{noun}TypesByID", {"type_ids": [each["id"] for each in types]}
        outside = [each["external_id"] for each in types if "external_id" in each]
        yield GRPC, f"Get{noun}TypesByExternalIds", {"external_ids": outside or ["none"]}
        for each in types:
            named = {"type_name": each["name"]} | ({"type_version": each["version"]} if "version" in each else {})
            yield GRPC, f"Get{noun}Type", named
            yield GRPC, f"Get{noun}sByType", named
        for query in ["", *CALL_FILTERS[f"{noun}s"]]:
            yield CALLED_PAGES, f"Get{noun}s", {"options": {"filter_query": query}} if query else {}
        for field in ["CREATE_TIME", "LAST_UPDATE_TIME", "ID"]:
            yield CALLED_PAGES, f"Get{noun}s", {"options": {"order_by_field": {"field": field, "is_asc": False}}}
        yield (
            GRPC,
            f"Get{noun}sByID",
            {f"{kind}_ids": self.recorded, "populate_artifact_types": True}
            if kind == "artifact"
            else {f"{kind}_ids": self.recorded},
        )
        nodes = self.nodes[kind]
        outside = [node["external_id"] for node in nodes if "external_id" in node]
        yield GRPC, f"Get{noun}sByExternalIds", {"external_ids": outside}
        for node in nodes:
            if "name" in node:
                yield GRPC, f"Get{noun}ByTypeAndName", {"type_name": node["type"], f"{kind}_name": node["name"]}


def unanswered(told: list[tuple[Question, Answer]]) -> set[str]:
    """The operations that read, of all that the binary publishes, to which no question was answered."""
    done = {
        (door if door in (EDGE, GRPC) else HTTP if door != CALLED_PAGES else GRPC, what)
        for (door, what, _), answer in told
        if answer["status"] in (200, "OK")
    }
    left = {method for method in METHODS if method.startswith("Get") and (GRPC, method) not in done}
    for api in ["kubeflow", "kubeflow-v1", "native", "edge"]:
        text = subprocess.check_output([os.environ["MODELPORT_BIN"], "openapi", api], text=True)
        for path, item in json.loads(text)["paths"].items():
            pattern = re.compile(
                re.sub(r"\\{\w+\\}", "[^?]+" if path.endswith("/{path}") else "[^/]+", re.escape(path))
            )
            door = EDGE if api == "edge" else HTTP
            if "get" in item and not any(pattern.fullmatch(what) for at, what in done if at == door):
                left.add(path)
    return left - NOT_HERE
