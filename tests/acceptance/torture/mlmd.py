"""What a writer does over ML Metadata's gRPC service, as a browser speaks to it: gRPC-Web needs no library but this."""

from collections.abc import Iterable
from dataclasses import dataclass

import httpx

from torture.ledger import State, choose
from torture.writer import Writer

SERVICE = "ml_metadata.MetadataStoreService"
WEB = {"Content-Type": "application/grpc-web+proto", "X-Grpc-Web": "1"}
# System types, which every registry has.
DATASET, TRAIN = (1, "mlmd.Dataset"), (5, "mlmd.Train")
INPUT, OUTPUT = 3, 4
OK, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, UNAVAILABLE = 0, 5, 6, 7, 14
# What HTTP calls the same.
STATUSES = {OK: 200, NOT_FOUND: 404, ALREADY_EXISTS: 409, PERMISSION_DENIED: 403, UNAVAILABLE: 503}


@dataclass
class Reply:
    """An answer in HTTP's words, and the fields of its message by their numbers."""

    status_code: int
    text: str
    fields: dict[int, list]


def number(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def message(*fields: tuple[int, int | str | bytes]) -> bytes:
    """Of fields by their numbers, integers or texts or messages."""
    encoded = b""
    for field, value in fields:
        if isinstance(value, int):
            encoded += number(field << 3) + number(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            encoded += number(field << 3 | 2) + number(len(data)) + data
    return encoded


def integers(data: bytes) -> Iterable[int]:
    """Those that stand one after the other."""
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0


def fields_of(data: bytes) -> dict[int, list]:
    """The fields of a message that has integers and texts only."""
    found: dict[int, list] = {}
    while data:
        tag, rest = head(data)
        value, rest = head(rest)
        if tag & 7 == 2:
            value, rest = rest[:value], rest[value:]
        found.setdefault(tag >> 3, []).append(value)
        data = rest
    return found


def head(data: bytes) -> tuple[int, bytes]:
    size = next(at for at, byte in enumerate(data) if byte < 0x80) + 1
    return next(iter(integers(data[:size]))), data[size:]


def call(client: httpx.Client, url: str, method: str, request: bytes, headers: dict[str, str]) -> Reply:
    framed = b"\0" + len(request).to_bytes(4, "big") + request
    answer = client.post(f"{url}/{SERVICE}/{method}", content=framed, headers={**headers, **WEB})
    body, reply, trailers = answer.content, b"", dict(answer.headers)
    while body:
        kind, size = body[0], int.from_bytes(body[1:5], "big")
        frame, body = body[5 : 5 + size], body[5 + size :]
        if kind & 0x80:
            lines = (line.split(":", 1) for line in frame.decode().splitlines() if line)
            trailers |= {name.strip(): value.strip() for name, value in lines}
        else:
            reply = frame
    status = int(trailers.get("grpc-status", UNAVAILABLE))
    return Reply(STATUSES.get(status, 500), f"{status} {trailers.get('grpc-message')}", fields_of(reply))


def dataset(name: str, uri: str, **known: int) -> bytes:
    identity = [(1, known["id"])] if known else []
    return message(*identity, (2, DATASET[0]), (3, uri), (6, 2), (7, name))


def put_execution(writer: Writer) -> None:
    """An execution with what it read and what it wrote, all at once."""
    execution = f"{writer.name}-x{writer.number()}"
    change: dict[tuple[str, ...], State] = {("execution", execution): "there"}
    pairs, data = [], []
    for kind in (INPUT, OUTPUT):
        name, uri = f"{writer.name}-d{writer.number()}", writer.token()
        change |= {("data", name): uri, ("event", execution, name): str(kind)}
        pairs.append((2, message((1, dataset(name, uri)), (2, message((4, kind))))))
        data.append(name)
    request = message((1, message((2, TRAIN[0]), (3, 3), (6, execution))), *pairs)
    reply = writer.perform(
        "mlmd.put_execution",
        change,
        lambda doors, headers: call(doors.api, doors.grpc, "PutExecution", request, headers),
        {200},
        {409},
    )
    if reply is not None:
        ids = reply.fields[2]
        known = integers(ids[0]) if isinstance(ids[0], bytes) else ids
        writer.ids |= {("data", name): str(identity) for name, identity in zip(data, known, strict=True)}


def put_artifacts(writer: Writer) -> None:
    """Another URI for one of its data sets, and a new one beside it."""
    if chosen := choose(writer.random, writer.ledger.certain("data", lambda key: key in writer.ids)):
        key, new = chosen[0], ("data", f"{writer.name}-d{writer.number()}")
        change = {key: writer.token(), new: writer.token()}
        changed = dataset(key[1], change[key], id=int(writer.ids[key]))
        request = message((1, changed), (1, dataset(new[1], change[new])))
        writer.perform(
            "mlmd.put_artifacts",
            change,
            lambda doors, headers: call(doors.api, doors.grpc, "PutArtifacts", request, headers),
            {200},
            {409},
        )


def shown(client: httpx.Client, url: str, kind: str, name: str) -> State:
    """What the service says of one of its nodes."""
    method, (_, type_name) = ("Artifact", DATASET) if kind == "data" else ("Execution", TRAIN)
    request = message((1, type_name), (2, name))
    reply = call(client, url, f"Get{method}ByTypeAndName", request, {})
    assert reply.status_code == 200, f"{kind} `{name}` was answered {reply.text}"
    if 1 not in reply.fields:
        return None
    found = fields_of(reply.fields[1][0])
    return found[3][0].decode() if kind == "data" else "there"
