"""The door of Intel's edge model registry: forms written, records read; and what a node is as a record."""

import io
import re
import zipfile
from typing import Any

import httpx
from harness import Server

from .entities import Value
from .journal import Door
from .registry import Node, Refusal, Registry

STATUSES = {400: Refusal.INVALID, 404: Refusal.MISSING, 409: Refusal.EXISTS, 422: Refusal.INVALID}
SAYS = {Refusal.REQUIRED: Refusal.INVALID, Refusal.OWNS: Refusal.EXISTS}
# The members that a form sets here, each under the name of its free property.
TEXTS = ["project_id", "project_name", "category", "architecture", "format"]
IDENTITY = ["project_id", "project_name", "name", "version", "precision"]
PRECISIONS = ["fp32", "fp16", "int8", "int4"]


def archive(content: str) -> bytes:
    """A zip, which is the same whenever it is made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        zipped.writestr(zipfile.ZipInfo("m/x.txt"), content)
    return buffer.getvalue()


class Edge(Door):
    """The API on its own listener."""

    def __init__(self, server: Server):
        super().__init__(f"http://127.0.0.1:{server.edge_port}")

    def refusal(self, response: httpx.Response) -> Refusal | None:
        return STATUSES[response.status_code] if response.status_code >= 400 else None

    def create(self, fields: dict[str, str], content: bytes) -> tuple[Refusal | None, str]:
        response = self.ask("POST", "/models", data=fields, files={"file": ("m.zip", content, "application/zip")})
        return self.refusal(response), response.text


def record_id(node: Node) -> str:
    """The outside id where it can be one, and otherwise made of the artifact's own."""
    given = node.external_id or ""
    if re.fullmatch("[A-Za-z0-9_-]{16,256}", given) and not re.fullmatch(r"modelport-\d{8,}", given):
        return given
    return f"modelport-{node.id:08}"


def record(registry: Registry, node: Node) -> dict[str, Any] | None:
    """What the clients of this door see of a model artifact, when they see it."""
    home = registry.nodes.get(node.home or 0)
    if node.type != "kf.ModelArtifact" or home is None or home.type != "kf.ModelVersion":
        return None
    made_as = text(node.custom, "edge_file")
    zips = sorted(path for path in node.files if path.endswith(".zip"))
    if not zips and made_as is None:
        return None
    shown: dict[str, Any] = {name: text(node.custom, name) for name in TEXTS}
    shown["id"] = record_id(node)
    shown["name"] = text(node.custom, "name")
    if shown["name"] is None:
        shown["name"] = registry.nodes[home.home or 0].name
    shown["version"] = text(node.custom, "version")
    if shown["version"] is None:
        shown["version"] = home.name
    shown["precision"] = [text(node.custom, "precision") or "fp32"]
    if shown["format"] is None and made_as is None:
        shown["format"] = text(node.properties, "model_format_name")
    kind, score = node.custom.get("score", ("", 0.0))
    shown["score"] = score if kind == "double" else 0.0
    shown["file"] = made_as if made_as in zips else zips[0] if zips else None
    return shown


def text(properties: dict[str, Value], name: str) -> str | None:
    kind, inner = properties.get(name, ("", None))
    return inner if kind == "string" else None


def form(shown: dict[str, Any]) -> dict[str, Any]:
    """A record with one precision, as forms have it."""
    return shown | {"precision": shown["precision"][0]}


def identity(shown: dict[str, Any]) -> tuple[str, ...]:
    """What no two records have in common; absent is as good as empty."""
    return tuple(str(shown[name] or "") for name in IDENTITY)
