"""The door of Kubeflow's REST API: bodies written, answers read, and statuses understood."""

import base64
import json
from typing import Any

import httpx
from harness import Server

from .entities import TYPES, Type, Value, snake
from .journal import Door
from .registry import Draft, Refusal

EDITIONS = ["v1alpha3", "v1"]
STATUSES = {
    400: Refusal.INVALID,
    422: Refusal.REQUIRED,
    404: Refusal.MISSING,
    409: Refusal.EXISTS,
    412: Refusal.STALE,
}
# What the document says is the same status.
SAYS = {Refusal.OWNS: Refusal.EXISTS, Refusal.UNSERVABLE: Refusal.INVALID}
MEMBERS = {"string": "string_value", "int": "int_value", "double": "double_value", "bool": "bool_value"}


def written(value: Value) -> dict[str, Any]:
    """A custom property as it is sent."""
    kind, inner = value
    if kind == "struct":
        coded = base64.b64encode(json.dumps(inner).encode()).decode()
        return {"metadataType": "MetadataStructValue", "struct_value": coded}
    if kind == "proto":
        coded = base64.b64encode(inner[1]).decode()
        return {"metadataType": "MetadataProtoValue", "type": inner[0], "proto_value": coded}
    return {"metadataType": f"Metadata{kind.title()}Value", MEMBERS[kind]: str(inner) if kind == "int" else inner}


def understood(json_value: dict[str, Any]) -> Value:
    """A custom property as it is answered."""
    kind = json_value["metadataType"].removeprefix("Metadata").removesuffix("Value").lower()
    if kind == "struct":
        return kind, json.loads(base64.b64decode(json_value["struct_value"]))
    if kind == "proto":
        return kind, (json_value["type"], base64.b64decode(json_value["proto_value"]))
    inner = json_value[MEMBERS[kind]]
    return kind, int(inner) if kind == "int" else inner


def member(of: Type, name: str, value: Value) -> Any:
    """A member as it is sent."""
    return str(value[1]) if of.members[name] in ("millis", "id") else value[1]


def body(draft: Draft) -> dict[str, Any]:
    """What is to be made, as it is sent."""
    of = TYPES[draft.type]
    sent: dict[str, Any] = {"name": draft.name, "externalId": draft.external_id, "uri": draft.uri}
    sent["lastKnownState" if of.kind == "execution" else "state"] = draft.state
    if draft.custom:
        sent["customProperties"] = {name: written(value) for name, value in draft.custom.items()}
    for name in of.members:
        if snake(name) in draft.properties:
            sent[name] = member(of, name, draft.properties[snake(name)])
    if of.artifact_type:
        sent["artifactType"] = of.artifact_type
    if of.home_member and draft.home:
        sent[of.home_member] = str(draft.home)
    return {name: value for name, value in sent.items() if value is not None}


def seen(answer: dict[str, Any]) -> dict[str, Any]:
    """What an entity's JSON says, in the words of the model."""
    of = type_of(answer)
    shown = {
        "id": int(answer["id"]),
        "type": of.name,
        "name": answer.get("name"),
        "external_id": answer.get("externalId"),
        "readable": {name: understood(value) for name, value in answer.get("customProperties", {}).items()},
        "created": int(answer["createTimeSinceEpoch"]),
        "updated": int(answer["lastUpdateTimeSinceEpoch"]),
        "properties": {},
    }
    if of.home_member:
        shown["home"] = int(answer[of.home_member])
    if of.kind == "artifact":
        shown["uri"] = answer.get("uri")
    if of.kind != "context":
        shown["state"] = answer.get("lastKnownState" if of.kind == "execution" else "state")
    for name in of.members:
        if name in answer:
            kind = of.kind_of(name)
            shown["properties"][snake(name)] = (kind, int(answer[name]) if kind == "int" else answer[name])
    if of.kind == "artifact":
        for name in ["experimentId", "experimentRunId"]:
            if name in answer:
                shown["properties"][snake(name)] = ("int", int(answer[name]))
    return shown


def type_of(answer: dict[str, Any]) -> Type:
    """The type of an entity: an artifact says so, and whoever asked for another knows."""
    if artifact_type := answer.get("artifactType"):
        return next(of for of in TYPES.values() if of.artifact_type == artifact_type)
    return TYPES[answer["of"]]


class Kubeflow(Door):
    """The API under one of its paths."""

    def __init__(self, server: Server, edition: str):
        self.edition = edition
        super().__init__(f"{server.url}/api/model_registry/{edition}")

    def ask(self, method: str, path: str, **options) -> httpx.Response:
        response = super().ask(method, path, **options)
        if response.status_code >= 400:
            error = response.json()
            assert set(error) == {"code", "message"}, error
        return response

    def refusal(self, response: httpx.Response) -> Refusal | None:
        return STATUSES[response.status_code] if response.status_code >= 400 else None

    def read(self, response: httpx.Response, type_name: str) -> dict[str, Any]:
        """The entity of an answer, its revision included."""
        return seen({**response.json(), "of": type_name}) | {"revision": int(response.headers["etag"].strip('"'))}

    # Writes.

    def create(self, draft: Draft, home_type: str, nested: bool) -> tuple[Refusal | None, dict[str, Any]]:
        """Makes an entity, under its parent's path where that is wanted or the only one."""
        of = TYPES[draft.type]
        response = self.ask("POST", self.place(draft, home_type, nested), json=body(draft))
        if refusal := self.refusal(response):
            return refusal, {}
        upserted = of.artifact_type not in ("", "model-artifact", "doc-artifact") and draft.home
        assert response.status_code == (200 if upserted else 201)
        return None, self.read(response, draft.type)

    def place(self, draft: Draft, home_type: str, nested: bool) -> str:
        of = TYPES[draft.type]
        if of.artifact_type:
            return f"/{TYPES[home_type].path}/{draft.home}/artifacts" if draft.home else f"/{of.path}"
        if of.name == "kf.ServeModel":
            return f"/inference_services/{draft.home}/serves"
        if nested and of.homes:
            below = "versions" if of.name == "kf.ModelVersion" else of.path
            return f"/{TYPES[of.homes[0]].path}/{draft.home}/{below}"
        return f"/{of.path}"

    def patch(self, of: Type, node_id: int, changes: dict[str, Any], if_match: int | None = None):
        headers = {"If-Match": f'"{if_match}"'} if if_match is not None else {}
        response = self.ask("PATCH", f"/{of.path}/{node_id}", json=changes, headers=headers)
        refusal = self.refusal(response)
        return refusal, {} if refusal else self.read(response, of.name)

    def delete(self, of: Type, node_id: int, recursive: bool, if_match: int | None = None) -> Refusal | None:
        headers = {"If-Match": f'"{if_match}"'} if if_match is not None else {}
        query = {"recursive": "true"} if recursive else {}
        return self.refusal(self.ask("DELETE", f"/{of.path}/{node_id}", params=query, headers=headers))

    # Reads.

    def get(self, of: Type, node_id: int) -> dict[str, Any] | None:
        response = self.ask("GET", f"/{of.path}/{node_id}")
        return None if self.refusal(response) is Refusal.MISSING else self.read(response, of.name)

    def find(self, of: Type, **query: str) -> tuple[Refusal | None, int]:
        response = self.ask("GET", f"/{of.single}", params=query)
        refusal = self.refusal(response)
        return refusal, 0 if refusal else int(response.json()["id"])

    def all(self, path: str, type_name: str, **query: str) -> list[dict[str, Any]]:
        """A whole list, page by page where a size is given."""
        items: list[dict[str, Any]] = []
        token = ""
        while True:
            response = self.ask("GET", path, params={**query, "nextPageToken": token} if token else query)
            assert response.status_code == 200, response.text
            page = response.json()
            assert page["size"] == len(page["items"])
            if "pageSize" in query:
                assert len(page["items"]) <= int(query["pageSize"])
                assert len(page["items"]) == int(query["pageSize"]) or not page["nextPageToken"]
            items += [seen({**item, "of": type_name}) for item in page["items"]]
            if query.get("totals") and not page["nextPageToken"]:
                assert page["totalSize"] == len(items)
            token = page["nextPageToken"]
            if not token:
                return items
