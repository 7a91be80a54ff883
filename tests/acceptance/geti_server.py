"""A Geti server for tests, over HTTPS: releases 2.9, 2.11 and 2.13 of the platform, and 3.x of the application after it.

Paths, bodies, errors and archives are those of Geti; what is in the projects is made up. Every request is kept in `log`.
"""

import contextlib
import re
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from certificates import Certificates
from geti_answers import Request
from geti_seed import TASKS, archive, filler, make_token, project, uuid_of
from geti_three import GetiThree
from geti_two import Deployment, GetiTwo


@dataclass
class Rule:
    """What a request is answered that fits, for so many times, in place of what it would be."""

    fits: re.Pattern
    answer: Callable[["Handler"], None]
    times: float


@dataclass
class Geti:
    """The server: what it holds, and its switches."""

    folder: Path
    version: str = "2.11"
    fillers: int = 0
    workspaces: int = 1
    polls: int = 2
    state: str = "DONE"
    redirects: bool = False
    sizes: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    log: list[Request] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)

    def __post_init__(self):
        self.token = make_token(bytes(range(32)))
        self.expired = make_token(bytes(range(1, 33)))
        self.projects = [project(number, name, tasks) for number, (name, tasks) in enumerate(TASKS.items())]
        self.projects += [filler(number) for number in range(self.fillers)]
        certificates = Certificates(self.folder)
        self.ca = certificates.authority
        geti = self

        class Bound(Handler):
            pass

        Bound.geti = geti
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self.http.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.certificate, certificates.key)
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)

    def __enter__(self) -> "Geti":
        self.thread.start()
        return self

    def __exit__(self, *_exception) -> None:
        self.http.shutdown()
        self.http.server_close()

    def on(self, pattern: str, answer: Callable[["Handler"], None], times: float = float("inf")) -> None:
        """Answers requests whose method and path fit otherwise, for so many times."""
        self.rules.append(Rule(re.compile(pattern), answer, times))

    def settings(self) -> dict[str, str]:
        """The settings of a Modelport that imports from here."""
        token = {} if self.version.startswith("3") else {"MODELPORT__GETI__TOKEN": self.token}
        return {"MODELPORT__GETI__URL": self.url, "MODELPORT__GETI__CA_FILE": str(self.ca), **token}

    def project(self, name: str) -> dict:
        return next(each for each in self.projects if each["name"] == name)

    def models(self, name: str) -> list[dict]:
        """The models of a project that can be imported."""
        found = []
        for group in self.project(name)["groups"]:
            for base in group["bases"]:
                if not base["purged"]:
                    ready = [each for each in base["optimized"] if each["model_status"] == "SUCCESS"]
                    found += [each for each in ready if each["model_format"].lower() == "openvino"]
        return found

    def id(self, identifier: str) -> str:
        """An id as this release writes it."""
        return uuid_of(identifier) if self.version.startswith("3") else identifier

    def asked(self, pattern: str) -> list[Request]:
        return [each for each in self.log if re.search(pattern, each.line)]

    def package(self, identifier: str) -> bytes:
        """The archive of a model."""
        return archive(identifier, self.version)


class Handler(GetiTwo, GetiThree):
    """One connection."""

    geti: Geti
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_arguments) -> None:
        pass

    def handle(self) -> None:
        # A client that does not trust the certificate, or goes away, is no failure of the test.
        with contextlib.suppress(OSError):
            super().handle()

    def do_GET(self) -> None:
        self.take()

    def do_POST(self) -> None:
        self.take()

    def take(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.asked = Request(self.command, url.path, url.query, headers, body, time.monotonic())
        self.geti.log.append(self.asked)
        for rule in self.geti.rules:
            if rule.times > 0 and rule.fits.search(self.asked.line):
                rule.times -= 1
                rule.answer(self)
                return
        if url.path.startswith("/api/v1/fileservice/"):
            self.file_service()
        elif self.geti.version.startswith("3"):
            self.three(url.path)
        elif self.is_let_in():
            self.two(url.path.removeprefix("/api/v1"), parse_qs(url.query))
