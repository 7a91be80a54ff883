"""Questions to a server, as JSON, and its answers, as JSON that is the same wherever the server is."""

import hashlib
import json
from typing import Any

import grpc
import httpx
from calls import Calls, service
from google.protobuf import json_format
from google.protobuf import wrappers_pb2 as wrappers  # noqa: F401, values are of its types
from harness import PATIENCE, S3Store, Server

# A question: a door, what is asked there, and with which parameters.
Question = tuple[str, str, dict[str, Any]]
Answer = dict[str, Any]
# The doors, and lists that are read page by page.
HTTP, EDGE, GRPC, PAGES, CALLED_PAGES = "http", "edge", "grpc", "pages", "called pages"
PAGE = 3
KEPT = [
    "content-type",
    "etag",
    "repr-digest",
    "content-disposition",
    "upload-offset",
    "upload-length",
    "upload-metadata",
]


class Asker:
    """Whoever asks, with a token or without."""

    def __init__(self, server: Server, token: str | None = None):
        self.calls = Calls(server)
        self.metadata = [("authorization", f"Bearer {token}")] if token else []
        at = lambda port: httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers=dict(self.metadata),
            timeout=PATIENCE,
            trust_env=False,
            limits=httpx.Limits(keepalive_expiry=2),
        )
        self.http, self.edge = at(server.port), at(server.edge_port)
        # What is elsewhere next time.
        store = server.installation.store
        self.places = {f"127.0.0.1:{server.port}": "SERVER", str(store.url): "STORE"}
        if isinstance(store, S3Store):
            self.places[store.bucket] = "BUCKET"

    def ask(self, question: Question) -> Answer:
        door, what, given = question
        match door:
            case "http":
                return self.seen(self.http.get(what, params=given))
            case "edge":
                return self.seen(self.edge.get(what, params=given))
            case "pages":
                return self.pages(what, given)
            case "grpc":
                return self.call(what, given)
            case "called pages":
                return self.called_pages(what, given)
        raise AssertionError(f"nobody knows the door {door}")

    def seen(self, answer: httpx.Response) -> Answer:
        shown: Answer = {"status": answer.status_code}
        if answer.status_code >= 400:
            # What is wrong may be said in other words, and names the request.
            return shown
        shown |= {name: self.placeless(answer.headers[name]) for name in KEPT if name in answer.headers}
        if answer.headers.get("content-type", "").startswith("application/json"):
            return shown | {"body": json.loads(self.placeless(answer.text))}
        return shown | {"sha256": hashlib.sha256(answer.content).hexdigest(), "bytes": len(answer.content)}

    def pages(self, path: str, given: dict[str, Any]) -> Answer:
        """All items of a list that is read a few at a time."""
        items: list[Any] = []
        sizes, token = [], ""
        while True:
            more = {"pageSize": PAGE} | ({"nextPageToken": token} if token else {})
            shown = self.seen(self.http.get(path, params=given | more))
            if shown["status"] != 200:
                return shown
            items += shown["body"]["items"]
            sizes.append(len(shown["body"]["items"]))
            token = shown["body"]["nextPageToken"]
            if not token:
                return {"status": 200, "items": items, "sizes": sizes}

    def call(self, method: str, given: dict[str, Any]) -> Answer:
        request = json_format.ParseDict(given, getattr(service, f"{method}Request")())
        try:
            answer = getattr(self.calls.stub, method)(request, timeout=PATIENCE, metadata=self.metadata)
        except grpc.RpcError as error:
            return {"status": error.code().name}
        body = json_format.MessageToJson(answer, preserving_proto_field_name=True)
        return {"status": "OK", "body": json.loads(self.placeless(body))}

    def called_pages(self, method: str, given: dict[str, Any]) -> Answer:
        found: list[Any] = []
        token = ""
        while True:
            options = given.get("options", {}) | {"max_result_size": PAGE, "next_page_token": token}
            shown = self.call(method, given | {"options": options})
            if shown["status"] != "OK":
                return shown
            token = shown["body"].pop("next_page_token", "")
            found += [shown["body"]]
            if not token:
                return {"status": "OK", "pages": found}

    def placeless(self, text: str) -> str:
        for place, name in self.places.items():
            text = text.replace(place, name)
        return text
