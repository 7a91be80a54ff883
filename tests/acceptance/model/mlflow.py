"""The door of MLflow's REST API: what is asked, and how a refusal is understood."""

from typing import Any

from harness import Server

from .journal import Door
from .registry import Refusal

ERRORS = {
    "INVALID_PARAMETER_VALUE": Refusal.INVALID,
    "RESOURCE_DOES_NOT_EXIST": Refusal.MISSING,
    "RESOURCE_ALREADY_EXISTS": Refusal.EXISTS,
    "BAD_REQUEST": Refusal.OWNS,
}
# What it says of what is left out.
SAYS = {Refusal.REQUIRED: Refusal.INVALID}
NOTE, USER = "mlflow.note.content", "mlflow.user"
# What it has as tags and others have as members, of experiments and runs.
DECLARED = {NOTE: "description", USER: "owner"}
STAGES = ["None", "Staging", "Production", "Archived"]


class Mlflow(Door):
    """MLflow's API."""

    def __init__(self, server: Server):
        super().__init__(f"{server.url}/api/2.0/mlflow")

    def said(self, method: str, path: str, **fields: Any) -> tuple[Refusal | None, dict[str, Any]]:
        """Whether it is refused, and what is answered."""
        response = self.ask(method, path, **{"params" if method == "GET" else "json": fields})
        body = response.json()
        if response.status_code >= 400:
            assert set(body) == {"error_code", "message"} and body["message"], body
            return ERRORS[body["error_code"]], {}
        assert response.status_code == 200
        return None, body

    def post(self, path: str, **fields: Any) -> tuple[Refusal | None, dict[str, Any]]:
        return self.said("POST", path, **fields)

    def get(self, path: str, **fields: Any) -> dict[str, Any]:
        refusal, body = self.said("GET", path, **fields)
        assert refusal is None, f"{path} of {fields} is refused: {refusal}"
        return body

    def all(self, method: str, path: str, member: str, **fields: Any) -> list[dict[str, Any]]:
        """What a search finds, two a page."""
        items: list[dict[str, Any]] = []
        token = ""
        while True:
            more = {"page_token": token} if token else {}
            refusal, page = self.said(method, path, **fields, max_results=2, **more)
            assert refusal is None and len(page.get(member, [])) <= 2, page
            items += page.get(member, [])
            token = page.get("next_page_token", "")
            if not token:
                return items

    def number(self, model: str, version: str) -> int:
        """The number of a version, by its name."""
        refusal, body = self.post("registered-models/get-latest-versions", name=model, stages=[version])
        assert refusal is None, f"version {version} of {model}: {refusal}"
        (found,) = body["model_versions"]
        return int(found["version"])


def pairs(items: list[dict[str, str]] | None) -> dict[str, str]:
    """Tags or parameters as they are answered."""
    found = {item["key"]: item["value"] for item in items or []}
    assert len(found) == len(items or []), items
    return found
