"""How many requests callers may send, through each API over HTTP: 429 in its shape, and when to try again."""

import time
from collections.abc import Callable

import httpx
import pytest
from callers import API, Accounts, Caller
from harness import Installation
from test_edge import edge

KUBEFLOW = "/api/model_registry/v1alpha3"
LIMITS = "MODELPORT__LIMITS__"
# Many at once, and then one a second: whoever has used them up waits for a while.
FEW = {f"{LIMITS}PEER_REQUESTS_PER_SECOND": "1", f"{LIMITS}BURST_SECONDS": "20"}
embedded = pytest.mark.parametrize("installation", ["embedded"], indirect=True)


def until_refused(ask: Callable[[], httpx.Response], most: int = 60) -> tuple[int, httpx.Response]:
    """How often something is answered before it is too often, and what is said then."""
    for count in range(most):
        answer = ask()
        if answer.status_code == 429:
            return count, answer
        assert answer.status_code < 300, answer.text
    raise AssertionError(f"{most} requests were answered")


def wait_of(answer: httpx.Response) -> int:
    """For how many seconds one has to wait, as the answer says in its head and in its words."""
    seconds = int(answer.headers["retry-after"])
    assert f"try again in {seconds} s" in answer.text
    return seconds


@embedded
def test_an_address_in_the_shape_of_each_api(installation: Installation) -> None:
    installation.settings |= FEW
    server = installation.serve()
    caller, old = Caller(server), edge(server)
    started = time.monotonic()
    count, answer = until_refused(lambda: caller.ask("GET", f"{API}/changes"))
    assert 20 <= count <= 21 + time.monotonic() - started
    assert wait_of(answer) == 1
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["title"], problem["status"]) == ("Too Many Requests", 429)
    # All listeners count together, whatever the workspace.
    for prefix in ("", "/w/default", "/w/nothing"):
        _, answer = until_refused(lambda prefix=prefix: caller.ask("GET", f"{prefix}{KUBEFLOW}/registered_models"))
        assert answer.json() == {"code": "Too Many Requests", "message": answer.json()["message"]}
        assert wait_of(answer) == 1
        _, answer = until_refused(lambda prefix=prefix: caller.ask("GET", f"{prefix}{API}/changes"))
        assert answer.json()["status"] == 429
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "1"}
        url = f"{prefix}{API}/uploads"
        _, answer = until_refused(lambda url=url, tus=tus: caller.ask("OPTIONS", url, headers=tus))
        assert (answer.json()["status"], wait_of(answer)) == (429, 1)
    _, answer = until_refused(lambda: caller.ask("GET", f"{API}/login"))
    assert (answer.json()["status"], wait_of(answer)) == (429, 1)
    _, answer = until_refused(lambda: old.get("/models"))
    assert answer.json().keys() == {"detail"}
    assert wait_of(answer) == 1
    # What nobody has to be known for is not counted.
    for path in ("/health/live", "/health/ready", "/metrics", "/docs/"):
        assert [caller.status("GET", path, follow_redirects=True) for _ in range(30)] == [200] * 30
    # Whoever waits as long as that is answered.
    time.sleep(1.05)
    assert caller.status("GET", f"{API}/changes") == 200
    server.stop()


@embedded
@pytest.mark.parametrize("trusted", [True, False])
def test_addresses_behind_a_proxy(installation: Installation, trusted: bool) -> None:
    installation.settings |= FEW | ({"MODELPORT__AUTH__PROXY__PEERS": "127.0.0.1"} if trusted else {})
    server = installation.serve()
    caller = Caller(server)

    def get(*forwarded: str) -> httpx.Response:
        return caller.ask("GET", f"{API}/changes", headers=[("X-Forwarded-For", each) for each in forwarded])

    until_refused(lambda: get("192.0.2.1"))
    # The proxy has the last word.
    others = [("192.0.2.2",), ("192.0.2.1, 192.0.2.3",), ("192.0.2.1", "192.0.2.4"), ("2001:db8::1",)]
    assert [get(*forwarded).status_code for forwarded in others] == [200 if trusted else 429] * 4
    until_refused(lambda: get("198.51.100.9, 192.0.2.1"), 3)
    if trusted:
        until_refused(lambda: get("2001:db8::ffff"))
        until_refused(lambda: get("2001:db8::1"), 3)
        assert get("2001:db8:1::1").status_code == 200
    server.stop()


@embedded
def test_a_principal(installation: Installation) -> None:
    limits = {f"{LIMITS}PRINCIPAL_REQUESTS_PER_SECOND": "1", f"{LIMITS}BURST_SECONDS": "40"}
    accounts = Accounts.of(installation, limits)
    busy, calm = accounts.service("busy", "writer"), accounts.service("calm", "writer")
    other = Caller(accounts.server, accounts.token("busy"))
    _, answer = until_refused(lambda: busy.ask("GET", f"{API}/whoami"), 120)
    assert wait_of(answer) == 1
    # Another token is the same principal's.
    until_refused(lambda: other.ask("GET", f"{KUBEFLOW}/registered_models"), 5)
    assert calm.put("m").status_code == 201
    # It is refused before anything is read of the body.
    assert until_refused(lambda: busy.put("m", b"x" * 2**20, path=f"{time.monotonic()}"), 5)[1].status_code == 429
    accounts.server.stop()


@embedded
def test_failed_logins(installation: Installation) -> None:
    accounts = Accounts.of(installation, {f"{LIMITS}FAILED_LOGINS_PER_MINUTE": "5"})
    guesser, right = Caller(accounts.server, "mp_wrong"), accounts.admin
    statuses = [guesser.status("GET", f"{API}/whoami") for _ in range(9)]
    assert statuses == [401] * 5 + [429] * 4
    refused = guesser.ask("GET", f"{API}/whoami")
    assert 1 <= wait_of(refused) <= 12
    assert "www-authenticate" not in refused.headers
    # What counts is answered, and nobody is no wrong credential.
    assert [right.status("GET", f"{API}/whoami") for _ in range(9)] == [200] * 9
    assert accounts.anonymous().status("GET", f"{API}/whoami") == 401
    accounts.server.stop()
