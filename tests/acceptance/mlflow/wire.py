"""MLflow's API as plain HTTP, without the client, which repeats what failed and checks what it sends."""

from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any

import httpx
from harness import PATIENCE

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
# No search of these tests has as many.
MAX_PAGES = 50


def pages(search: Callable, **said) -> Iterator[list]:
    """The pages of one of the client's searches, each asked for when it is taken."""
    page = search(**said)
    yield page
    for _ in range(MAX_PAGES):
        if not page.token:
            return
        page = search(**said, page_token=page.token)
        yield page
    raise AssertionError(f"a search has no last page: {said}")


class Wire:
    """A server that is asked without a client. A path that begins with a slash is one from the server's root."""

    def __init__(self, server):
        self.http = server.http
        self.host = server.url.removeprefix("http://")

    def ask(self, method: str, path: str, expect: int | None = 200, **options) -> httpx.Response:
        """The answer, whose status is looked at."""
        answer = self.http.request(method, path if path.startswith("/") else f"{API}/{path}", **options)
        assert expect in (None, answer.status_code), (
            f"{method} {path} {options}: {answer.status_code} {answer.text[:2000]}"
        )
        return answer

    def get(self, path: str, /, **fields) -> dict[str, Any]:
        return self.ask("GET", path, params=fields).json()

    def post(self, path: str, /, **fields) -> dict[str, Any]:
        return self.ask("POST", path, json=fields).json()

    def patch(self, path: str, /, **fields) -> dict[str, Any]:
        return self.ask("PATCH", path, json=fields).json()

    def put(self, path: str, content: bytes, expect: int | None = 200, **options) -> httpx.Response:
        """Stores a file of the artifact proxy."""
        return self.ask("PUT", f"{FILES}/{path}", expect, content=content, **options)

    def file(self, path: str, expect: int | None = 200, **options) -> httpx.Response:
        """A file of the artifact proxy."""
        return self.ask("GET", f"{FILES}/{path}", expect, **options)

    def listing(self, path: str) -> list[dict[str, Any]]:
        """The files of a folder of the artifact proxy, by their base names."""
        return self.ask("GET", FILES, params={"path": path}).json().get("files", [])

    def refusal(self, method: str, path: str, expect: int, **options) -> dict[str, Any]:
        """What a refused request is answered with: an object that names the error."""
        answer = self.ask(method, path, expect, **options)
        body = answer.json()
        assert {"error_code", "message"} <= set(body), body
        assert body["message"], body
        return body

    def raw(self, method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
        """Status and body of the answer to a target that is sent as it is, dots and all."""
        connection = HTTPConnection(self.host, timeout=PATIENCE)
        try:
            connection.request(method, target, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def experiment(self, name: str) -> str:
        return self.post("experiments/create", name=name)["experiment_id"]

    def run(self, experiment: str, **fields) -> str:
        """The id of a new run."""
        return self.post("runs/create", experiment_id=experiment, **fields)["run"]["info"]["run_id"]
