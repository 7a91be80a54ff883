"""A receiver of webhooks over real HTTP, which answers as a test wants."""

import json
import threading
import time
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from harness import eventually


@dataclass
class Delivery:
    """One request, as it arrived."""

    path: str
    # Whose names have no case.
    headers: Message
    body: str
    at: float

    @property
    def id(self) -> str:
        return self.headers["X-MLflow-Delivery-Id"]

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def event(self) -> str:
        return f"{self.json['entity']}.{self.json['action']}"

    @property
    def data(self) -> dict[str, Any]:
        return self.json["data"]


class Receiver:
    """Answers deliveries with the statuses that it was told, one after the other, and with the last of them from then on."""

    def __init__(self, *statuses: int, seconds: float = 0.0, headers: dict[str, str] | None = None, body: bytes = b"thanks"):
        self.statuses, self.seconds, self.headers, self.body = list(statuses or (200,)), seconds, headers or {}, body
        self.deliveries: list[Delivery] = []
        self.lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = self.rfile.read(int(self.headers["Content-Length"])).decode()
                with receiver.lock:
                    receiver.deliveries.append(Delivery(self.path, self.headers, said, time.monotonic()))
                    many = len(receiver.statuses)
                    status = receiver.statuses.pop(0) if many > 1 else receiver.statuses[0]
                time.sleep(receiver.seconds)
                try:
                    self.send_response(status)
                    for name, value in receiver.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(receiver.body)))
                    self.end_headers()
                    self.wfile.write(receiver.body)
                except OSError:
                    # Whoever sent it did not wait.
                    pass

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def ids(self) -> set[str]:
        """The deliveries, each once."""
        with self.lock:
            return {each.id for each in self.deliveries}

    def of(self, name: str) -> list[Delivery]:
        """The deliveries about a model."""
        with self.lock:
            return [each for each in self.deliveries if each.data["name"] == name]

    def await_events(self, name: str, *events: str) -> list[Delivery]:
        """The deliveries about a model, once there are so many; they must be of these events, in their order."""
        eventually(lambda: len(self.of(name)) >= len(events), f"{len(events)} deliveries about {name}")
        found = self.of(name)
        assert [each.event for each in found] == list(events)
        return found
