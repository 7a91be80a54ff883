"""Logging in with the command line: by the device flow of a real provider, by a slow one, and with a token."""

import json
import re
import stat
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest
from callers import API, Accounts, Caller
from harness import Installation
from idp.provider import Browser, Flow, Provider
from terminal import Asked, Terminal

anywhere = pytest.mark.parametrize("installation", ["embedded"], indirect=True)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    with Provider(tmp_path) as provider:
        yield provider


def settings(issuer: str) -> dict[str, str]:
    named = {
        "URL": issuer,
        "AUDIENCES": "modelport",
        "CLIENT_ID": "modelport-cli",
        "CLIENT_SCOPES": "openid, profile, registry, offline_access",
    }
    return {f"MODELPORT__AUTH__ISSUERS__CORP__{name}": value for name, value in named.items()}


@anywhere
def test_by_a_code(installation: Installation, provider: Provider, tmp_path: Path) -> None:
    accounts = Accounts.of(installation, settings(provider.issuer))
    accounts.bind("writer", group="corp:ml-team")
    server, terminal = accounts.server.url, Terminal(installation, tmp_path / "home")
    assert "run `modelport login`" in terminal.run("whoami", expect=1)
    login = Asked(terminal, "--server", server)
    assert login.code in login.url
    provider.confirm_device("bob", login.url)
    code, said = login.end()
    assert code == 0 and said.startswith(f"Logged in to {server} as bob.\n"), said
    assert stat.S_IMODE(terminal.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(terminal.file.parent.stat().st_mode) == 0o700
    assert terminal.run("whoami") == f"bob at {server}\ngroup corp:ml-team\n"
    token = terminal.run("token", "print").strip()
    assert Caller(accounts.server, token).put("digits").status_code == 201
    own = terminal.run("token", "create", "--name", "ci", "--role", "reader", "--days", "1").strip()
    assert own.startswith("mp_")
    assert Caller(accounts.server, own).whoami()["token"]["name"] == "ci"
    assert "the server refuses it (400)" in terminal.run("token", "create", "--name", "x", "--role", "king", expect=1)

    assert terminal.run("logout") == f"Logged out of {server}.\n"
    assert "run `modelport login`" in terminal.run("token", "print", expect=1)
    assert json.loads(terminal.file.read_text())["servers"] == {}


@anywhere
def test_a_token_that_has_ended_is_replaced(installation: Installation, provider: Provider, tmp_path: Path) -> None:
    accounts = Accounts.of(installation, settings(provider.issuer))
    terminal = Terminal(installation, tmp_path / "home")
    login = Asked(terminal, "--server", accounts.server.url)
    provider.confirm_device("bob", login.url)
    assert login.end()[0] == 0
    first = terminal.run("token", "print").strip()
    terminal.spoil(first)
    second = terminal.run("token", "print").strip()
    assert first != second
    # What it is replaced by the next time is kept, too.
    terminal.spoil(second)
    assert terminal.run("whoami") == f"bob at {accounts.server.url}\n"
    provider.gone.append("bob")
    provider.configure()
    terminal.spoil(terminal.run("token", "print").strip())
    assert "log in again" in terminal.run("whoami", expect=1)


@anywhere
def test_who_refuses_it(installation: Installation, provider: Provider, tmp_path: Path) -> None:
    accounts = Accounts.of(installation, settings(provider.issuer))
    terminal = Terminal(installation, tmp_path / "home")
    login = Asked(terminal, "--server", accounts.server.url)
    browser = Browser()
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', browser.get(login.url)))
    try:
        browser.post(f"{provider.issuer}/device", {**form, "abort": "yes"})
    except Flow:
        pass
    code, said = login.end()
    assert code == 1 and "refused in the browser" in said
    assert not terminal.file.exists()
    assert "no such issuer" in terminal.run("login", "--server", accounts.server.url, "--issuer", "lab", expect=1)
    assert "without TLS" in terminal.run("login", "--server", "http://models.example.org", expect=1)
    provider.stop()
    assert terminal.run("login", "--server", accounts.server.url, expect=1)
    provider.start()


class SlowIssuer:
    """An issuer that wants to be asked less often."""

    def __init__(self, token: str):
        self.asked: list[float] = []
        self.answers = [(400, {"error": "authorization_pending"}), (400, {"error": "slow_down"})]
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                names = ("issuer", ""), ("device_authorization_endpoint", "/device"), ("token_endpoint", "/token")
                self.answer(200, {name: issuer.url + path for name, path in names})

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                if self.path == "/device":
                    address = {"verification_uri": issuer.url, "verification_uri_complete": f"{issuer.url}/AB"}
                    codes = {"device_code": "device", "user_code": "AB", "expires_in": 600, "interval": 1}
                    return self.answer(200, address | codes)
                assert form["device_code"] == ["device"]
                issuer.asked.append(time.monotonic())
                status, body = issuer.answers.pop(0) if issuer.answers else (200, {"access_token": token})
                self.answer(status, body)

            def answer(self, status: int, body: dict) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@anywhere
def test_an_issuer_that_is_asked_too_often(installation: Installation, tmp_path: Path) -> None:
    accounts = Accounts.of(installation)
    token = accounts.service("ops").token
    issuer = SlowIssuer(token)
    accounts.server.stop()
    installation.settings |= settings(issuer.url)
    server = installation.serve()
    terminal = Terminal(installation, tmp_path / "home")
    login = Asked(terminal, "--server", server.url)
    assert login.end()[0] == 0
    first, second, third = issuer.asked
    assert second - first >= 1 and third - second >= 6
    assert terminal.run("whoami") == f"ops at {server.url}\n"
    issuer.http.shutdown()


@anywhere
def test_with_a_token(installation: Installation, tmp_path: Path) -> None:
    accounts = Accounts.of(installation)
    terminal = Terminal(installation, tmp_path / "home")
    token = accounts.service("ops").token
    url = accounts.server.url
    terminal.with_token(url, "mp_nonsense", expect=1)
    terminal.with_token(url, "", expect=1)
    assert not terminal.file.exists()
    terminal.with_token(f"{url}/", token)
    assert terminal.run("token", "print").strip() == token
    assert terminal.run("whoami", "--server", f"{url}/") == f"ops at {url}\n"
    # A command line is not the only one that asks what it needs.
    assert httpx.get(f"{url}{API}/login").json() == {"items": []}
    assert terminal.run("logout") == f"Logged out of {url}.\n"
    # The token is its owner's own.
    assert accounts.admin.ask("GET", f"{API}/tokens", 200, params={"owner": "ops"}).json()["items"]
