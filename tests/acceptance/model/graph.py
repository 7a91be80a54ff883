"""The door of ML Metadata: messages written, answers read, and statuses understood."""

import sys
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from harness import Server

from .entities import EVERY, OWN, TYPES, Value
from .journal import Journal
from .registry import Draft, Node, Refusal

sys.path.append(str(Path(__file__).parent.parent / "mlmd"))
from calls import OURS, Calls, mlmd

STATUSES = {
    grpc.StatusCode.INVALID_ARGUMENT: Refusal.INVALID,
    grpc.StatusCode.NOT_FOUND: Refusal.MISSING,
    grpc.StatusCode.ALREADY_EXISTS: Refusal.EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION: Refusal.STALE,
    grpc.StatusCode.OUT_OF_RANGE: Refusal.OUTSIDE,
}
SAYS = {Refusal.REQUIRED: Refusal.INVALID, Refusal.UNSERVABLE: Refusal.STALE}
KINDS = {"artifact": mlmd.Artifact, "execution": mlmd.Execution, "context": mlmd.Context}
STATES = {"artifact": ("state", mlmd.Artifact.State), "execution": ("last_known_state", mlmd.Execution.State)}
MEMBERS = {"string": "string_value", "int": "int_value", "double": "double_value", "bool": "bool_value"}
PROPERTY_TYPES = {"int": mlmd.INT, "double": mlmd.DOUBLE, "string": mlmd.STRING}


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
    text = lambda name: getattr(message, name) if message.HasField(name) else None
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
        self.types: dict[str, int] = {}
        self.make_types()

    def ask(self, method: str, **fields) -> tuple[Refusal | None, Any]:
        Journal.note("OK")
        try:
            return None, self.calls.call(method, **fields)
        except grpc.RpcError as error:
            Journal.answer = f"{error.code()} {error.details()}"
            assert error.code() not in OURS, f"{method} {fields}: {error.code()} {error.details()}"
            return STATUSES[error.code()], None

    def make_types(self) -> None:
        """The types of a pipeline, and the ids of all."""
        for of in OWN.values():
            self.calls.type(of.kind, of.name, **{name: PROPERTY_TYPES[of.kind_of(name)] for name in of.members})
        for of in EVERY.values():
            answer = self.calls.call(f"Get{of.kind.title()}Type", type_name=of.name)
            self.types[of.name] = getattr(answer, f"{of.kind}_type").id

    def message(self, draft: Draft, node_id: int | None = None) -> Any:
        """A node as it is put."""
        of = EVERY[draft.type]
        message = KINDS[of.kind](type_id=self.types[draft.type])
        if node_id:
            message.id = node_id
        elif draft.home:
            message.name = f"{draft.home}:{draft.name or ''}"
        if node_id and of.kind == "context":
            message.name = f"{draft.home}:{draft.name}" if draft.home else str(draft.name)
        elif draft.name is not None and not node_id and not draft.home:
            message.name = draft.name
        for name in ["external_id", "uri"]:
            if getattr(draft, name) is not None:
                setattr(message, name, getattr(draft, name))
        if draft.state is not None:
            field, states = STATES[of.kind]
            setattr(message, field, states.Value(draft.state))
        for name, value in draft.properties.items():
            write(message.properties[name], value)
        for name, value in draft.custom.items():
            write(message.custom_properties[name], value)
        return message

    def put(self, draft: Draft, node_id: int | None = None, mask: list[str] | None = None, **options):
        """Puts a node; the refusal or its id."""
        kind = EVERY[draft.type].kind
        fields: dict[str, Any] = {f"{kind}s": [self.message(draft, node_id)]}
        if mask is not None:
            fields["update_mask"] = {"paths": mask}
        if "seen" in options:
            fields["artifacts"][0].last_update_time_since_epoch = options["seen"]
            fields["options"] = {"abort_if_latest_updated_time_changed": True}
        refusal, answer = self.ask(f"Put{kind.title()}s", **fields)
        return refusal, 0 if refusal else getattr(answer, f"{kind}_ids")[0]

    def raw(self, node: Node) -> Any:
        """The message of a node as it is read."""
        plural = f"{node.kind}s"
        _, answer = self.ask(f"Get{plural.title()}ByID", **{f"{node.kind}_ids": [node.id]})
        return getattr(answer, plural)[0]

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
