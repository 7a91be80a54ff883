"""A proxy in front that has checked who is calling: its headers, and who else sends such ones."""

import pytest
from callers import API, Accounts, Caller
from harness import Installation, eventually

SECRET = "what only the proxy and the server know"
FROM_PROXY = {"X-Modelport-Proxy-Secret": SECRET, "kubeflow-userid": "alice@example.org"}
anywhere = pytest.mark.parametrize("installation", ["embedded"], indirect=True)


def behind(installation: Installation, peers: str = "127.0.0.1, ::1") -> Accounts:
    settings = {"MODELPORT__AUTH__PROXY__PEERS": peers, "MODELPORT__AUTH__PROXY__SECRET": SECRET}
    return Accounts.of(installation, settings)


def test_the_proxy_says_who_is_calling(installation: Installation) -> None:
    accounts = behind(installation)
    accounts.admin.put("digits")
    accounts.bind("reader", group="proxy:ml-team")
    alice = accounts.anonymous(**FROM_PROXY)
    member = accounts.anonymous(**FROM_PROXY, kubeflow_groups="other, ml-team")
    who = alice.whoami()["principal"]
    assert (who["issuer"], who["subject"], who["handle"]) == ("proxy", "alice@example.org", "alice")
    assert (alice.models(), member.models()) == ([], ["digits"])
    accounts.bind("writer", principal=who["handle"])
    assert alice.put("other").status_code == 201
    accounts.server.stop()


@anywhere
def test_a_token_that_the_proxy_passes_on(installation: Installation) -> None:
    accounts = behind(installation)
    bob = accounts.service("bob", "reader")
    by_proxy = accounts.anonymous(**FROM_PROXY, X_Forwarded_Access_Token=bob.token)
    assert by_proxy.whoami()["principal"]["handle"] == "bob"
    # It is checked like any other, and nothing else counts where it is wrong.
    wrong = accounts.anonymous(**FROM_PROXY, X_Forwarded_Access_Token="mp_wrong")
    assert wrong.status("GET", f"{API}/whoami") == 401
    # Whoever presents a token to the server itself is its owner.
    direct = Caller(accounts.server, bob.token, headers=FROM_PROXY)
    assert direct.whoami()["principal"]["handle"] == "bob"
    accounts.server.stop()


@anywhere
@pytest.mark.parametrize(
    "peers, headers",
    [
        ("10.9.8.7", FROM_PROXY),
        ("127.0.0.1", {"kubeflow-userid": "alice@example.org"}),
        ("127.0.0.1", FROM_PROXY | {"X-Modelport-Proxy-Secret": SECRET[:-1]}),
        ("127.0.0.1", FROM_PROXY | {"X-Modelport-Proxy-Secret": ""}),
    ],
    ids=["another peer", "no secret", "a wrong secret", "an empty secret"],
)
def test_headers_of_others_are_ignored(installation: Installation, peers: str, headers: dict[str, str]) -> None:
    accounts = behind(installation, peers)
    accounts.bind("admin", principal=accounts.service("alice").handle)
    forged = accounts.anonymous(**headers)
    assert forged.status("GET", f"{API}/whoami") == 401
    token = {"X-Forwarded-Access-Token": accounts.admin.token}
    assert accounts.anonymous(**(headers | token)).status("GET", f"{API}/whoami") == 401
    accounts.server.stop()


@anywhere
def test_two_values_of_a_header_are_none(installation: Installation) -> None:
    """A proxy that adds its header beside that of the client has not replaced it."""
    accounts = behind(installation)
    twice = [*FROM_PROXY.items(), ("kubeflow-userid", "root@example.org")]
    assert accounts.anonymous().ask("GET", f"{API}/whoami", headers=twice).status_code == 401
    accounts.server.stop()


@anywhere
@pytest.mark.parametrize("peers, source", [("127.0.0.1", "192.0.2.7"), ("10.9.8.7", "127.0.0.1")], ids=["trusted", "another peer"])
def test_the_trail_says_where_requests_are_from(installation: Installation, peers: str, source: str) -> None:
    accounts = behind(installation, peers)
    wrong = accounts.anonymous(X_Forwarded_For="198.51.100.1, 192.0.2.7", Authorization="Bearer mp_wrong")
    assert wrong.status("GET", f"{API}/whoami") == 401

    def sources() -> set[str]:
        trail = accounts.admin.ask("GET", f"{API}/audit", 200, params={"action": "login"}).json()["items"]
        return {entry["peer"] for entry in trail}

    eventually(lambda: sources() == {source}, "the failed login in the trail")
    accounts.server.stop()
