"""What many clients together can make the server take of memory: it waits or refuses, and serves small requests meanwhile."""

import io
import os
import selectors
import socket
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from harness import KUBEFLOW, Installation, Server, eventually

MIB = 2**20
# The full size is for what users run; a debug build is larger before it does anything.
RELEASE = Path(os.environ.get("MODELPORT_BIN", "")).parent.name == "release"
CLIENTS = 256 if RELEASE else 64
LIMIT = 256 * MIB if RELEASE else 320 * MIB
# How long a flood lasts that nobody stems.
SECONDS = 20.0
RECORDS = 20_000 if RELEASE else 300
BYTES = os.urandom(MIB)

pytestmark = pytest.mark.alone


class Flood:
    """Clients that send as much as the server takes, and read nothing."""

    def __init__(self, port: int, head: str, body: int, start: bytes = b""):
        """Each announces a body of so many bytes, which begins so."""
        self.head = head.encode() + start
        self.size = len(self.head) + body - len(start)
        self.selector = selectors.DefaultSelector()
        self.sent: dict[socket.socket, int] = {}
        for _ in range(CLIENTS):
            connection = socket.create_connection(("127.0.0.1", port), timeout=30)
            connection.setblocking(False)
            self.sent[connection] = 0
            self.selector.register(connection, selectors.EVENT_WRITE)

    def rest(self, at: int) -> memoryview:
        if at < len(self.head):
            return memoryview(self.head)[at:]
        return memoryview(BYTES)[(at - len(self.head)) % MIB :][: self.size - at]

    def run(self, seconds: float = SECONDS) -> None:
        """Sends until the server takes nothing for a while, or the time is over."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end and self.selector.get_map():
            ready = self.selector.select(min(3.0, end - now))
            if not ready:
                return
            for key, _ in ready:
                connection = key.fileobj
                try:
                    self.sent[connection] += connection.send(self.rest(self.sent[connection]))
                except OSError:
                    # It was refused, and its connection closed.
                    self.selector.unregister(connection)
                    continue
                if self.sent[connection] >= self.size:
                    self.selector.unregister(connection)

    def statuses(self) -> list[int]:
        """The answers that have come."""
        found = []
        for connection in self.sent:
            try:
                answer = connection.recv(15, socket.MSG_PEEK)
            except OSError:
                continue
            if answer.startswith(b"HTTP/1.1 "):
                found.append(int(answer.split()[1]))
        return found

    def close(self) -> None:
        for connection in self.sent:
            connection.close()
        self.selector.close()


@contextmanager
def flood(*arguments) -> Iterator[Flood]:
    flood = Flood(*arguments)
    try:
        yield flood
    finally:
        flood.close()


def head(server: Server, method: str, path: str, size: int, media_type: str) -> str:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\n"
        f"Content-Length: {size}\r\nConnection: close\r\n\r\n"
    )


def still_serves(server: Server, name: str) -> None:
    """What is small is answered beside what is large."""
    assert server.kubeflow("POST", "registered_models", json={"name": name}).status_code == 201
    assert server.kubeflow("GET", "registered_models").status_code == 200
    assert httpx.get(f"http://127.0.0.1:{server.edge_port}/health", trust_env=False).status_code == 200


def await_beginnings(server: Server, answers: Flood, what: str) -> None:
    """Waits until each client has the beginning of its answer, and asks for something small beside."""
    answers.run()
    eventually(lambda: len(answers.statuses()) == CLIENTS, f"the beginning of each {what}")
    time.sleep(2)
    still_serves(server, "beside")


def peak(server: Server, what: str, figures: list[str]) -> None:
    bytes = server.memory("VmHWM")
    build = "release" if RELEASE else "debug"
    figures.append(f"peak memory of the {build} build, {CLIENTS} {what}: {bytes / MIB:.0f} MiB, limit {LIMIT / MIB:.0f} MiB")
    assert bytes < LIMIT


def test_slow_uploads(server: Server, figures: list[str]) -> None:
    path = "/api/v1/models/m/versions/{}/files/f"
    size = 1 << 30
    with flood(server.port, head(server, "PUT", path.format(1), size, "application/octet-stream"), size) as uploads:
        # Slow ones: some mebibytes each, and no more.
        uploads.size = len(uploads.head) + 7 * MIB + MIB // 2
        uploads.run()
        still_serves(server, "beside")
        peak(server, f"slow uploads, {server.installation.store.url.split(':')[0]}", figures)
        # Those that stand still make room when another waits.
        started = time.monotonic()
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=90, trust_env=False) as client:
            assert client.put("/api/v1/models/m/versions/2/files/f", content=BYTES).status_code == 201
        waited = time.monotonic() - started
        store = server.installation.store.url.split(":")[0]
        figures.append(f"an upload beside {CLIENTS} that stand still, {store}: {waited:.1f} s, limit 60 s")
        assert waited < 60


def again(response: httpx.Response) -> httpx.Response | None:
    return None if response.status_code == 503 else response


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_slow_json(server: Server, figures: list[str]) -> None:
    size = 4 * MIB
    request = head(server, "POST", f"{KUBEFLOW}/registered_models", size, "application/json")
    with flood(server.port, request, size) as bodies:
        bodies.size -= 1000
        bodies.run()
        still_serves(server, "beside")
        # Who waits for memory is refused after some seconds.
        eventually(lambda: 503 in bodies.statuses(), "a refusal")
        peak(server, "slow JSON bodies", figures)
    large = {"name": "large", "description": "x" * (3 * MIB)}
    response = eventually(lambda: again(server.kubeflow("POST", "registered_models", json=large)), "room for a body")
    assert response.status_code == 201


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_silent_bodies_are_given_up(server: Server) -> None:
    """A client that announces a body and falls silent is told so, on every listener."""
    silent = [
        (server.port, f"{KUBEFLOW}/registered_models", "application/json", b"408"),
        (server.port, "/api/v1/register", "application/json", b"408"),
        (server.port, "/api/v1/models/m/versions/1/files/f", "text/plain", b"405"),
        (server.edge_port, "/models", "application/x-www-form-urlencoded", b"400"),
        (server.edge_port, "/projects/0123456789abcdef/geti-models/download", "application/json", b"408"),
        (server.grpc_port, "/ml_metadata.MetadataStoreService/PutArtifacts", "application/grpc-web+proto", b"200"),
    ]
    connections = []
    for port, path, media_type, status in silent:
        connection = socket.create_connection(("127.0.0.1", port), timeout=60)
        connection.sendall(head(server, "POST", path, 100, media_type).encode() + b"\0\0\0\0_")
        connections.append((connection, path, status))
    started = time.monotonic()
    for connection, path, status in connections:
        with connection:
            answer = connection.recv(4096)
            assert answer.split()[1:2] == [status], f"{path}: {answer}"
    assert time.monotonic() - started < 50


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_large_messages(server: Server, figures: list[str]) -> None:
    size = 30 * MIB
    length = size - 5
    request = head(
        server, "POST", "/ml_metadata.MetadataStoreService/PutArtifacts", size, "application/grpc-web+proto"
    )
    # One artifact, of which the bytes are a text that is too long to be kept.
    inner = length - 5
    start = b"\0" + length.to_bytes(4, "big") + b"\x0a" + varint(inner) + b"\x1a" + varint(inner - 5)
    with flood(server.grpc_port, request, size, start) as messages:
        messages.run()
        still_serves(server, "beside")
        peak(server, "large gRPC messages", figures)


def varint(number: int) -> bytes:
    """In four bytes, whatever it is."""
    return bytes([number & 127 | 128, number >> 7 & 127 | 128, number >> 14 & 127 | 128, number >> 21 & 127])


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_long_lists(server: Server, figures: list[str]) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("m/m.xml", "<model/>")
    with httpx.Client(base_url=f"http://127.0.0.1:{server.edge_port}", timeout=30, trust_env=False) as edge:
        for at in range(RECORDS):
            fields = {"name": f"model-{at}", "version": "1", "overview": '{"text": "' + "x" * 500 + '"}'}
            files = {"file": ("m.zip", archive.getvalue(), "application/zip")}
            assert edge.post("/models", data=fields, files=files).status_code == 201
        listed = edge.get("/models").json()
        assert len(listed) == RECORDS
        ids = [model["id"] for model in listed]
        assert ids == sorted(ids)
    before = server.memory("VmRSS")
    request = "GET /models HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with flood(server.edge_port, request, 0) as lists:
        await_beginnings(server, lists, "list")
        figures.append(f"before the lists: {before / MIB:.0f} MiB")
        peak(server, f"lists of {RECORDS} models", figures)


ANSWER = 20 * MIB


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
@pytest.mark.parametrize("what", ["lists", "gRPC answers"])
def test_large_answers(server: Server, figures: list[str], what: str) -> None:
    """Who asks for much and takes nothing of it."""
    for number in range(20):
        value = {"p": {"metadataType": "MetadataStringValue", "string_value": "x" * (ANSWER // 20)}}
        body = {"name": f"m{number}", "customProperties": value}
        assert server.kubeflow("POST", "registered_models", json=body).status_code == 201
    if what == "lists":
        port, request = server.port, head(server, "GET", f"{KUBEFLOW}/registered_models?pageSize=100", 0, "text/plain")
    else:
        port = server.grpc_port
        path = "/ml_metadata.MetadataStoreService/GetContexts"
        request = head(server, "POST", path, 5, "application/grpc-web+proto") + "\0" * 5
    with flood(port, request, 0) as answers:
        answers.run()
        time.sleep(10)
        started = time.monotonic()
        assert server.kubeflow("GET", "registered_models", params={"name": "nobody", "filterQuery": "name = 'm'"}).status_code == 200
        assert httpx.get(f"http://127.0.0.1:{server.edge_port}/health", trust_env=False).status_code == 200
        assert time.monotonic() - started < 5
        # Those that take nothing make room when another waits.
        page = eventually(lambda: again(server.kubeflow("GET", "registered_models", params={"pageSize": "100"})), "a page")
        assert page.status_code == 200 and len(page.content) > ANSWER
        peak(server, f"large {what}", figures)


@pytest.mark.parametrize("what", ["downloads", "archives"])
def test_downloads(server: Server, figures: list[str], what: str) -> None:
    """Who downloads and takes nothing."""
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60, trust_env=False) as client:
        content = os.urandom(64 * MIB)
        assert client.put("/api/v1/models/m/versions/1/files/f", content=content).status_code == 201
    before = server.memory("VmRSS")
    path = "/api/v1/models/m/versions/1/files" + ("/f" if what == "downloads" else "?archive=zip")
    with flood(server.port, head(server, "GET", path, 0, "text/plain"), 0) as downloads:
        await_beginnings(server, downloads, "download")
        figures.append(f"before the {what}: {before / MIB:.0f} MiB")
        peak(server, f"{what}, {server.installation.store.url.split(':')[0]}", figures)
