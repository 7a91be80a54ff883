"""Somebody who logs in to a server with a browser, by an issuer."""

from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import httpx
from callers import API
from harness import PATIENCE, Server

LOGIN = f"{API}/login/corp"
CALLBACK = f"{LOGIN}/callback"
CSRF = "X-Modelport-CSRF"
COOKIE = "modelport"


class LogsIn(Protocol):
    """A provider, as far as a browser sees it."""

    def log_in(self, place: str, user: str) -> str:
        """Where somebody is sent back to who logs in there."""


class Person:
    """Somebody with a browser."""

    def __init__(self, server: Server, provider: LogsIn, name: str):
        self.server, self.provider, self.name = server, provider, name
        self.http = httpx.Client(base_url=server.url, timeout=PATIENCE, trust_env=False)
        self.csrf = ""

    def begin(self, next_path: str | None = None) -> str:
        """Where the server sends them."""
        query = {"next": next_path} if next_path else {}
        answer = self.http.get(LOGIN, params=query)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def answer_of_issuer(self, place: str) -> dict[str, str]:
        """What the issuer sends them back with."""
        back = self.provider.log_in(place, self.name)
        return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}

    def complete(self, answer: dict[str, str]) -> httpx.Response:
        return self.http.get(CALLBACK, params=answer)

    def log_in(self, next_path: str | None = None) -> httpx.Response:
        ended = self.complete(self.answer_of_issuer(self.begin(next_path)))
        assert ended.status_code == 303, ended.text
        self.csrf = self.whoami()["session"]["csrf"]
        return ended

    def whoami(self) -> dict:
        answer = self.http.get(f"{API}/whoami")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def status(self) -> int:
        return self.http.get(f"{API}/whoami").status_code

    def put(self, model: str, **headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.put(f"{API}/models/{model}/versions/1/files/a", content=b"a", headers=sent).status_code

    def log_out(self) -> httpx.Response:
        return self.http.post(f"{API}/logout", headers={CSRF: self.csrf})

    def cookie(self) -> str | None:
        return self.http.cookies.get(COOKIE)

    def at(self, server: Server) -> "Person":
        """The same browser at another server of the same name."""
        other = Person(server, self.provider, self.name)
        other.csrf = self.csrf
        other.http.cookies.set(COOKIE, self.cookie(), domain="127.0.0.1", path="/")
        return other
