"""Two registries that are asked the same: what one answers the other has to answer, but for times and what is drawn.

Identifiers and times are learnt from the answers, so that later requests name on each side what is there.
"""

import base64
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

import grpc
import httpx
from calls import Calls, service
from google.protobuf.message import Message
from harness import Server

# What differs: identifiers, times in three notations, and where a server is.
UUID = rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
DRAWN = re.compile(
    rb"(?<![0-9A-Za-z])(?:" + UUID + rb"|[0-9a-f]{32}|1[6-9][0-9]{11})(?![0-9A-Za-z])"
    rb'|(?<="publicId":")[0-9A-Za-z]{12}|(?<="digest":")[0-9a-f]{8}(?=")'
    rb"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00| UTC)"
    rb"|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"
)
# A list's, which is the digest of the text that is compared.
WEAK = re.compile(rb'W/"[0-9a-f]{64}"')
# What is written behind the requests, so that it may be there already or not yet.
LATER = re.compile(rb',"(?:seenAt|lastUsedAt)":\d+')
# A time of these decades in the eight bytes of a number.
TIME = re.compile(rb"\x00\x00\x01[\x74-\xd0].{4}", re.DOTALL)
TOKEN = re.compile(rb'("nextPageToken":"|next_page_token: "|"next_page_token":")([^"]+)"')
# Of each answer alone.
DROPPED = {"date", "x-request-id", "content-length", "connection"}


@dataclass
class Drawn:
    """What was drawn on one side, and what stands for it on the other."""

    other: dict[bytes, bytes] = field(default_factory=dict)
    tokens: dict[bytes, bytes] = field(default_factory=dict)

    def learn(self, one: bytes, two: bytes) -> None:
        self.other |= zip(DRAWN.findall(one), DRAWN.findall(two), strict=False)
        for (_, first), (_, second) in zip(TOKEN.findall(one), TOKEN.findall(two), strict=False):
            # One that was given before is among the last ones again.
            self.tokens.pop(first, None)
            self.tokens[first] = second

    def translate(self, text: bytes) -> bytes:
        text = DRAWN.sub(lambda found: self.other.get(found[0], found[0]), text)
        for first, second in list(self.tokens.items())[-50:]:
            if first != second:
                text = text.replace(first, second).replace(quoted(first), quoted(second))
        return text


def quoted(text: bytes) -> bytes:
    return quote(text, safe="").encode()


def plain(text: bytes) -> bytes:
    """An answer without what was drawn; of tokens, what they say."""
    text = WEAK.sub(b"<drawn>", text)
    return DRAWN.sub(b"<drawn>", TOKEN.sub(lambda found: found[1] + said(found[2]) + b'"', text))


def said(token: bytes) -> bytes:
    try:
        inner = base64.urlsafe_b64decode(token + b"=" * (-len(token) % 4))
        return DRAWN.sub(b"<drawn>", TIME.sub(b"<drawn>", inner))
    except ValueError:
        return b"<token>"


class Twins:
    """Two servers, and who asks both of them."""

    def __init__(self, servers: tuple[Server, Server], tokens: tuple[str, str]):
        self.servers, self.tokens = servers, tokens
        self.drawn = Drawn()
        self.asked = 0
        self.wires = (httpx.HTTPTransport(), httpx.HTTPTransport())

    def ports(self, of: Callable[[Server], int]) -> tuple[int, int]:
        first, second = (of(server) for server in self.servers)
        return first, second

    def compare(self, what: str, one: bytes, two: bytes) -> None:
        self.asked += 1
        one, two = (LATER.sub(b"", text) for text in (one, two))
        addresses = [
            re.compile(rb"127\.0\.0\.1:(?:%d|%d|%d)" % (each.port, each.grpc_port, each.edge_port))
            for each in self.servers
        ]
        one, two = (address.sub(b"<server>", text) for address, text in zip(addresses, (one, two), strict=True))
        shown = plain(one), plain(two)
        at = max(len(os.path.commonprefix(shown)) - 300, 0)
        assert shown[0] == shown[1], f"{what} tells what is hidden:\n" + "\n".join(repr(each[at:][:600]) for each in shown)
        self.drawn.learn(one, two)

    def client(self, base_url: str, of: Callable[[Server], int]) -> httpx.Client:
        transport = Mirror(self, self.ports(of))
        return httpx.Client(base_url=base_url, transport=transport, timeout=60.0, trust_env=False)


class Mirror(httpx.BaseTransport):
    """Sends each request to both servers, and returns what the first one answers."""

    def __init__(self, twins: Twins, ports: tuple[int, int]):
        self.twins, self.ports = twins, ports

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        answers = [self.send(request, body, side) for side in (0, 1)]
        shown = [b"%d %s\n%s" % (answer.status_code, headers(answer), ordered(answer.content)) for answer in answers]
        self.twins.compare(f"{request.method} {request.url}", *shown)
        first = answers[0]
        return httpx.Response(first.status_code, headers=first.headers, content=first.content, request=request)

    def send(self, request: httpx.Request, body: bytes, side: int) -> httpx.Response:
        translate = self.twins.drawn.translate if side else bytes
        path = translate(request.url.raw_path)
        address = f"127.0.0.1:{self.ports[side]}"
        sent = {
            name: translate(value)
            for name, value in request.headers.raw
            if name.lower()
            not in (b"host", b"accept-encoding", b"authorization", b"content-length", b"transfer-encoding")
        }
        sent[b"Host"] = address.encode()
        sent.setdefault(b"Authorization", f"Bearer {self.twins.tokens[side]}".encode())
        url = httpx.URL(f"http://{address}", raw_path=path)
        content = translate(body)
        copy = httpx.Request(request.method, url, headers=list(sent.items()), content=content or None)
        if not content and "content-length" in request.headers:
            copy.headers["content-length"] = "0"
        answer = self.twins.wires[side].handle_request(copy)
        try:
            answer.read()
        finally:
            answer.close()
        return answer


def ordered(content: bytes) -> bytes:
    """A list without an envelope is one of the edge registry's, which is in the order of identifiers that are drawn."""
    if not content.startswith(b"[{"):
        return content
    items = [json.dumps(item).encode() for item in json.loads(content)]
    return b"\n".join(sorted(items, key=plain))


def headers(answer: httpx.Response) -> bytes:
    return repr(sorted((name, value) for name, value in answer.headers.items() if name not in DROPPED)).encode()


class TwinCalls(Calls):
    """The same over gRPC."""

    def __init__(self, twins: Twins):
        self.twins = twins
        self.sides = [Calls(server) for server in twins.servers]
        super().__init__(twins.servers[0])

    def call(self, method: str, request: Message | None = None, **fields):
        first = request or getattr(service, f"{method}Request")(**fields)
        second = type(first).FromString(first.SerializeToString())
        translate(second, self.twins.drawn)
        answers = [self.ask(side, method, each) for side, each in enumerate((first, second))]
        shown = [str(each) if isinstance(each, Message) else f"{each.code()} {each.details()}" for each in answers]
        self.twins.compare(f"{method} {first}", *(text.encode() for text in shown))
        if isinstance(answers[0], Message):
            return answers[0]
        raise answers[0]

    def ask(self, side: int, method: str, request: Message) -> Message | grpc.RpcError:
        metadata = [("authorization", f"Bearer {self.twins.tokens[side]}")]
        try:
            return getattr(self.sides[side].stub, method)(request, timeout=60, metadata=metadata)
        except grpc.RpcError as error:
            return error


def translate(message: Message, drawn: Drawn) -> None:
    """Names what the other side calls so, however deep."""
    for of, value in message.ListFields():
        repeated = of.label == of.LABEL_REPEATED
        if of.type == of.TYPE_MESSAGE:
            is_map = of.message_type.GetOptions().map_entry
            inner = value.values() if is_map else value if repeated else [value]
            for each in inner:
                if isinstance(each, Message):
                    translate(each, drawn)
        elif of.type in (of.TYPE_STRING, of.TYPE_INT64):
            kind = str if of.type == of.TYPE_STRING else int
            new = lambda each, kind=kind: kind(drawn.translate(str(each).encode()).decode())
            if repeated:
                value[:] = [new(each) for each in value]
            else:
                setattr(message, of.name, new(value))
