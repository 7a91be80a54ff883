"""The door of ML Metadata: messages written, answers read, and statuses understood."""

import sys
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from harness import Server

from .entities import TYPES, Value
from .registry import Node, Refusal

sys.path.append(str(Path(__file__).parent.parent / "mlmd"))
from calls import OURS, Calls, mlmd  # noqa: E402

STATUSES = {
    grpc.StatusCode.INVALID_ARGUMENT: Refusal.INVALID,
    grpc.StatusCode.NOT_FOUND: Refusal.MISSING,
    grpc.StatusCode.ALREADY_EXISTS: Refusal.EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION: Refusal.STALE,
}
SAYS = {Refusal.REQUIRED: Refusal.INVALID, Refusal.UNSERVABLE: Refusal.STALE}
KINDS = {"artifact": mlmd.Artifact, "execution": mlmd.Execution, "context": mlmd.Context}
STATES = {"artifact": ("state", mlmd.Artifact.State), "execution": ("last_known_state", mlmd.Execution.State)}
MEMBERS = {"string": "string_value", "int": "int_value", "double": "double_value", "bool": "bool_value"}


def write(into: Any, value: Value) -> None:
    """A value into a message."""
    kind, inner = value
    if kind == "struct":
        shown = inner if isinstance(inner, dict) else {"items": inner}
        into.struct_value.SetInParent()
        json_format.ParseDict(shown, into.struct_value)
    elif kind == "proto":
        into.proto_value.type_url, into.proto_value.value = inner
    else:
        setattr(into, MEMBERS[kind], inner)


def read(value: Message) -> Value:
    field = value.WhichOneof("value")
    kind = field.removesuffix("_value")
    if kind == "struct":
        return kind, json_format.MessageToDict(value.struct_value)
    if kind == "proto":
        return kind, (value.proto_value.type_url, value.proto_value.value)
    return kind, getattr(value, field)


def seen(message: Message, home: int | None = None) -> dict[str, Any]:
    """What a node's message says, of a node that has that home."""
    kind = type(message).__name__.lower()
    text = lambda name: getattr(message, name) if message.HasField(name) else None  # noqa: E731
    shown = {
        "id": message.id,
        "type": message.type,
        "name": text("name"),
        "external_id": text("external_id"),
        "properties": {name: read(value) for name, value in message.properties.items()},
        "custom": {name: read(value) for name, value in message.custom_properties.items()},
        "created": message.create_time_since_epoch,
        "updated": message.last_update_time_since_epoch,
    }
    if kind == "artifact":
        shown["uri_or_empty"] = message.uri
    if kind in STATES:
        field, states = STATES[kind]
        shown["state"] = states.Name(getattr(message, field)) if message.HasField(field) else None
    if home and shown["name"] is not None:
        assert shown["name"].startswith(f"{home}:"), shown["name"]
        shown["name"] = shown["name"].removeprefix(f"{home}:")
    elif kind == "artifact" and message.type in TYPES and shown["name"] is not None:
        # Names of what nothing owns may repeat, so a UUID stands before them.
        prefix, _, name = shown["name"].partition(":")
        shown["name"] = name if len(prefix) == 36 and name else shown["name"]
    for name in ["language", "tasks"]:
        kind_of, inner = shown["properties"].get(name, ("", None))
        if kind_of == "struct":
            shown["properties"][name] = "struct", inner["items"]
    return shown


class Graph:
    """The gRPC service."""

    def __init__(self, server: Server):
        self.calls = Calls(server)

    def ask(self, method: str, **fields) -> tuple[Refusal | None, Any]:
        try:
            return None, self.calls.call(method, **fields)
        except grpc.RpcError as error:
            assert error.code() not in OURS, f"{method} {fields}: {error.code()} {error.details()}"
            return STATUSES[error.code()], None

    def get(self, node: Node) -> dict[str, Any] | None:
        plural = f"{node.kind}s"
        _, answer = self.ask(f"Get{plural.title()}ByID", **{f"{node.kind}_ids": [node.id]})
        found = list(getattr(answer, plural))
        return seen(found[0], node.home if node.type in TYPES else None) if found else None

    def messages(self, method: str, field: str, size: int | None = None, **fields) -> list[Message]:
        """A whole list, page by page where a size is given."""
        found: list[Message] = []
        token = ""
        while True:
            options = fields.pop("options", None) or mlmd.ListOperationOptions()
            if size:
                options.max_result_size = size
                options.next_page_token = token
                fields["options"] = options
            refusal, answer = self.ask(method, **fields)
            assert refusal is None, (method, refusal)
            found += getattr(answer, field)
            token = answer.next_page_token if size else ""
            if not token:
                return found
