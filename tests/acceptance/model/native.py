"""The door of the native API: files, aliases, removal, history, and the feed of changes."""

import hashlib
from typing import Any
from urllib.parse import quote

import httpx
from harness import Server

from .journal import Door
from .registry import Change, Refusal

STATUSES = {400: Refusal.INVALID, 404: Refusal.MISSING, 409: Refusal.EXISTS, 412: Refusal.STALE}
SAYS = {Refusal.OWNS: Refusal.EXISTS, Refusal.REQUIRED: Refusal.INVALID}


def segment(name: str) -> str:
    return quote(name, safe="")


def seen(view: dict[str, Any]) -> dict[str, Any]:
    """What a node's view says; values have lost their kinds."""
    return {
        "id": int(view["id"]),
        "type": view.get("type"),
        "name": view.get("name"),
        "external_id": view.get("externalId"),
        "uri": view.get("uri"),
        "state": view.get("state"),
        "created": view["createdAt"],
        "updated": view["updatedAt"],
        "revision": view["revision"],
        "plain_properties": view["properties"],
        "plain_custom": view["customProperties"],
    }


class Native(Door):
    """The native API."""

    def __init__(self, server: Server):
        super().__init__(f"{server.url}/api/v1")
        self.next = 0

    def refusal(self, response: httpx.Response) -> Refusal | None:
        if response.status_code < 400:
            return None
        assert response.headers["content-type"] == "application/problem+json"
        return STATUSES[response.status_code]

    # Aliases.

    def set_alias(self, model: str, alias: str, version: str) -> Refusal | None:
        path = f"/models/{segment(model)}/aliases/{segment(alias)}"
        return self.refusal(self.ask("PUT", path, json={"version": version}))

    def drop_alias(self, model: str, alias: str) -> Refusal | None:
        return self.refusal(self.ask("DELETE", f"/models/{segment(model)}/aliases/{segment(alias)}"))

    # Files.

    def put_file(self, place: str, path: str, content: bytes, **headers: str) -> tuple[Refusal | None, dict[str, Any]]:
        url = f"{place}/files/{quote(path)}"
        response = self.ask("PUT", url, content=content, headers=headers)
        refusal = self.refusal(response)
        if refusal:
            return refusal, {}
        stored = response.json()
        assert stored["sha256"] == hashlib.sha256(content).hexdigest()
        return None, {"status": response.status_code, **stored}

    def drop_file(self, place: str, path: str) -> Refusal | None:
        return self.refusal(self.ask("DELETE", f"{place}/files/{quote(path)}"))

    def content(self, place: str, path: str) -> bytes | None:
        response = self.http.get(f"{place}/files/{quote(path)}")
        assert response.status_code in (200, 404), response.text
        return response.content if response.status_code == 200 else None

    def files(self, place: str) -> dict[str, str]:
        """Digests by path, two a page."""
        digests, token = {}, ""
        while True:
            query = {"pageSize": 2, **({"nextPageToken": token} if token else {})}
            page = self.ask("GET", f"{place}/files", params=query).json()
            digests |= {item["path"]: item["sha256"] for item in page["items"]}
            token = page["nextPageToken"]
            if not token:
                return digests

    # Reads.

    def version(self, model: str, version: str) -> dict[str, Any] | None:
        response = self.ask("GET", f"/models/{segment(model)}/versions/{segment(version)}")
        return None if self.refusal(response) is Refusal.MISSING else response.json()

    def versions(self, model: str, size: int) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        token = ""
        while True:
            query = {"pageSize": size, **({"nextPageToken": token} if token else {})}
            page = self.ask("GET", f"/models/{segment(model)}/versions", params=query).json()
            items += [seen(item) for item in page["items"]]
            token = page["nextPageToken"]
            if not token:
                return items

    def delete_model(self, model: str, recursive: bool) -> Refusal | None:
        query = {"recursive": "true"} if recursive else {}
        return self.refusal(self.ask("DELETE", f"/models/{segment(model)}", params=query))

    def delete_version(self, model: str, version: str, force: bool) -> Refusal | None:
        """By its name, whatever that would mean otherwise."""
        place = f"/models/{segment(model)}/versions/{segment('@name:' + version)}"
        return self.refusal(self.ask("DELETE", place, params={"force": "true"} if force else {}))

    def history(self, node_id: int) -> list[dict[str, Any]]:
        return self.ask("GET", f"/nodes/{node_id}/history", params={"limit": 10_000}).json()["items"]

    def lineage(self, node_id: int, direction: str = "both", depth: int = 1) -> dict[str, Any] | None:
        response = self.ask("GET", f"/nodes/{node_id}/lineage", params={"direction": direction, "depth": depth})
        return None if self.refusal(response) is Refusal.MISSING else response.json()

    def new_changes(self, limit: int = 10_000) -> list[Change]:
        """What was recorded since this was asked last."""
        entries: list[Change] = []
        while True:
            page = self.ask("GET", "/changes", params={"after": self.next, "limit": limit}).json()
            places = [item["position"] for item in page["items"]]
            assert places == list(range(self.next + 1, self.next + 1 + len(places))), "positions have no gaps"
            self.next = page["next"]
            entries += [Change(int(item["nodeId"]), item["action"], item["revision"]) for item in page["items"]]
            if len(places) < limit:
                return entries


class FeedWithGaps(Native):
    """The native API, whose feed leaves out what is not seen."""

    def new_changes(self, limit: int = 10_000) -> list[Change]:
        entries: list[Change] = []
        while True:
            page = self.ask("GET", "/changes", params={"after": self.next, "limit": limit}).json()
            places = [item["position"] for item in page["items"]]
            assert places == sorted(set(places)) and all(self.next < place <= page["next"] for place in places)
            entries += [Change(int(item["nodeId"]), item["action"], item["revision"]) for item in page["items"]]
            if len(places) < limit and page["next"] == self.next:
                return entries
            self.next = page["next"]
