"""The same calls to two servers, and what differs between what they answer.

A scenario runs once against each. Its answers are written down with what may differ taken out: an id becomes the number
of its first appearance, a time how it relates to the times seen before, a page token whether there is one.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import grpc
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as library
from ml_metadata.proto import metadata_store_pb2 as mlmd
from ml_metadata.proto import metadata_store_service_pb2 as service
from ml_metadata.proto.metadata_store_service_pb2_grpc import MetadataStoreServiceStub

METHODS = {method.name for method in service.DESCRIPTOR.services_by_name["MetadataStoreService"].methods}
CODES = {code.value[0]: code.name for code in grpc.StatusCode}
NODES = ("Artifact", "Execution", "Context")
TIMES = ("create_time_since_epoch", "last_update_time_since_epoch")
# What is before this was given by a scenario.
NOW = 10**12
# The order of what is in these is left to the database by the reference. That of ours has a test of its own.
UNORDERED = {
    "LineageGraph", "GetArtifactsByURIResponse", "GetEventsByArtifactIDsResponse", "GetEventsByExecutionIDsResponse",
}  # fmt: skip

Answerer = Callable[[str, Message], tuple[str, Message]]


def response(method: str) -> Message:
    return getattr(service, f"{method}Response")()


def reference(config: mlmd.ConnectionConfig | None = None) -> Answerer:
    """The reference library in this process; on a database in memory, unless another is named."""
    if not config:
        config = mlmd.ConnectionConfig()
        config.sqlite.SetInParent()
    store = library.CreateMetadataStore(config.SerializeToString(), mlmd.MigrationOptions().SerializeToString())

    def answer(method: str, request: Message) -> tuple[str, Message]:
        # What the library does not offer, its server refuses.
        if not hasattr(library, method):
            return "UNIMPLEMENTED", response(method)
        body, _message, code = getattr(library, method)(store, request.SerializeToString())
        return CODES[code], response(method).FromString(body if code == 0 else b"")

    return answer


def modelport(port: int) -> Answerer:
    """A running server."""
    stub = MetadataStoreServiceStub(grpc.insecure_channel(f"127.0.0.1:{port}"))

    def answer(method: str, request: Message) -> tuple[str, Message]:
        try:
            return "OK", getattr(stub, method)(request, timeout=60)
        except grpc.RpcError as error:
            return error.code().name, response(method)

    return answer


@dataclass
class Entry:
    """A call and its outcome."""

    scenario: str
    method: str
    request: str
    code: str
    answer: Any
    # What is known to differ here, and what the second of the twins then has to answer.
    differs: str | None
    expected: str


class Twin:
    """One of the two: calls it, and writes down what it answers."""

    def __init__(self, answerer: Answerer):
        self.answerer = answerer
        self.entries: list[Entry] = []
        self.scenario = ""
        self.numbers: dict[tuple[str, int], str] = {}
        self.seen: dict[tuple[str, int], tuple[int, int]] = {}

    def run(self, scenario: Callable[["Twin"], None]) -> None:
        self.scenario = f"{scenario.__module__.rpartition('.')[2]}.{scenario.__name__}"
        # What differs in one scenario does not continue in the next.
        self.numbers, self.seen = {}, {}
        scenario(self)

    def __call__(
        self, method: str, request: Message | None = None, *, differs: str | None = None, ours: str = "OK", **fields
    ) -> Any:
        """The answer to a call, an empty one when it fails.

        `differs` names a difference that is known; it has to show, and the second twin answers with `ours`.
        """
        request = request or getattr(service, f"{method}Request")(**fields)
        if method.startswith("Put"):
            # Whatever is written now is later than what was written before.
            time.sleep(0.002)
        code, answer = self.answerer(method, request)
        written = self.normal(answer)
        self.entries.append(Entry(self.scenario, method, " ".join(str(request).split()), code, written, differs, ours))
        return answer

    @staticmethod
    def request(method: str, body: bytes) -> Message:
        """A request of these bytes, whatever is in them."""
        return getattr(service, f"{method}Request").FromString(body)

    def number(self, kind: str, id: int) -> str:
        """A name for an id that is the same for both twins."""
        # Of no node.
        if id <= 0:
            return str(id)
        count = sum(known == kind for known, _ in self.numbers)
        return self.numbers.setdefault((kind, id), f"{kind} {count + 1}")

    def normal(self, message: Message) -> Any:
        """A message without what may differ."""
        name = message.DESCRIPTOR.name
        # Whether there is an empty token or none is the same.
        fields = [(field, value) for field, value in message.ListFields() if field.name != "next_page_token" or value]
        found = {field.name: self.normal_field(name, field, value) for field, value in fields}
        if name in NODES and message.HasField(TIMES[0]):
            found |= self.normal_times(name.lower(), message)
        for field in found if name in UNORDERED else found.keys() & {"artifact_types"}:
            found[field] = sorted(found[field], key=repr)
        return found

    def normal_field(self, owner: str, field: FieldDescriptor, value: Any) -> Any:
        if field.name == "next_page_token":
            return "more"
        if field.name == "milliseconds_since_epoch":
            return value if value < NOW else "now"
        if field.message_type and field.message_type.GetOptions().map_entry:
            by_context = owner.endswith("ContextsByContextsResponse")
            keys = {key: self.number("context", key) if by_context else key for key in sorted(value)}
            return {name: self.normal_value(owner, field, value[key]) for key, name in keys.items()}
        if field.label == FieldDescriptor.LABEL_REPEATED:
            return [self.normal_value(owner, field, each) for each in value]
        return self.normal_value(owner, field, value)

    def normal_value(self, owner: str, field: FieldDescriptor, value: Any) -> Any:
        if isinstance(value, Message):
            return self.normal(value)
        kind = id_kind(owner, field.name)
        return self.number(kind, value) if kind else repr(value) if isinstance(value, float) else value

    def normal_times(self, kind: str, node: Message) -> dict[str, str]:
        """How the times of a node relate to each other, and to those that it had when it was seen last."""
        created, updated = (getattr(node, each) for each in TIMES)
        before = self.seen.get((kind, node.id), (created, updated))
        self.seen[kind, node.id] = (created, updated)
        return {
            TIMES[0]: "as before" if created == before[0] else "another",
            TIMES[1]: f"{relation(updated, created)} creation, {relation(updated, before[1])} before",
        }


def relation(one: int, other: int) -> str:
    return "as" if one == other else "later than" if one > other else "earlier than"


def id_kind(owner: str, field: str) -> str | None:
    """What a field is the id of."""
    if field == "id" and (owner in NODES or owner.removesuffix("Type") in NODES):
        return owner.lower() if owner in NODES else "type"
    if field in ("child_id", "parent_id"):
        return "context"
    stem = field.removesuffix("s").removesuffix("_id")
    if not field.removesuffix("s").endswith("_id"):
        return None
    return "type" if stem.endswith("type") else stem if stem.title() in NODES else None


def differences(first: Twin, second: Twin) -> Iterator[str]:
    """Where the second answered otherwise than the first, or as the first where a difference is known."""
    for number, (one, other) in enumerate(zip_longest(first.entries, second.entries)):
        if one is None or other is None or (one.scenario, one.method) != (other.scenario, other.method):
            # Whatever follows would be compared with something else.
            yield f"call {number}: {str(one)[:500]} is not {str(other)[:500]}"
            return
        found = list(changes("", (one.code, one.answer), (other.code, other.answer)))
        about = f"{one.scenario}, call {number}: {other.method} {other.request[:1000]}"
        if found and not one.differs:
            yield "\n  ".join([about, *found])
        elif not found and one.differs:
            yield f"{about}\n  does not show `{one.differs}`: {one.code} {one.answer}"
        elif one.differs and other.code != one.expected:
            yield f"{about}\n  `{one.differs}` is answered with {other.code}, not {one.expected}"


def changes(path: str, one: Any, other: Any) -> Iterator[str]:
    """The places where two answers differ."""
    if type(one) is not type(other) or not isinstance(one, dict | list | tuple):
        if one != other:
            yield f"{path or 'answer'}: {one!r} became {other!r}"
    elif isinstance(one, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from changes(f"{path}.{key}", one.get(key), other.get(key))
    elif len(one) != len(other):
        yield f"{path}: {len(one)} became {len(other)}: {one} became {other}"
    else:
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from changes(f"{path}[{number}]", *pair)
