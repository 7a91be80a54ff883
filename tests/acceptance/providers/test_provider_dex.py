"""What Dex does in a way of its own, as docs/operating/access.md says."""

import time
from dataclasses import replace

import pytest
from callers import API
from harness import eventually
from providers.corporation import Corporation, sessions
from providers.visitor import Refused

BROWSER_SCOPES = "MODELPORT__AUTH__ISSUERS__CORP__BROWSER_SCOPES"
dex = pytest.mark.parametrize("provider", ["dex"], indirect=True)
pytestmark = dex


@pytest.mark.parametrize("settings", [{"MODELPORT__AUTH__ISSUERS__CORP__AUDIENCES": "modelport-ui"}], ids=["one"])
def test_programs_that_a_client_trusts(corporation: Corporation) -> None:
    """`trustedPeers`: they ask for tokens that are for the registry, too."""
    provider = corporation.provider
    assert corporation.status(provider.token("bob")) == 401
    scope = f"{provider.notebook.scope} audience:server:client_id:modelport-ui"
    assert corporation.status(provider.token("bob", replace(provider.notebook, scope=scope))) == 200
    with pytest.raises(Refused, match="modelport-ui"):
        provider.token("bob", replace(provider.foreign, scope=scope))


def test_the_id_token_does_as_well(corporation: Corporation) -> None:
    tokens = corporation.provider.tokens("bob")
    assert corporation.status(tokens["access_token"]) == corporation.status(tokens["id_token"]) == 200


def test_groups_have_to_be_asked_for(corporation: Corporation) -> None:
    provider = corporation.provider
    token = provider.token("bob", replace(provider.notebook, scope="openid profile"))
    assert corporation.caller(token).whoami()["groups"] == []


@pytest.mark.parametrize("settings", [sessions(renewal=1, stale=600)], ids=["shortly"])
def test_one_browser_at_a_time(corporation: Corporation) -> None:
    """Dex keeps one refresh token for each person and client. A login with another browser ends the session of the first."""
    first, second = corporation.logged_in("bob"), corporation.logged_in("bob")
    eventually(lambda: first.status() == 401, "the end of the first session")
    assert second.status() == 200
    ended = eventually(corporation.ends, "the entry of the end")
    assert ended == ["the issuer did not confirm it"]


@pytest.mark.parametrize(
    "settings", [sessions(renewal=1, stale=12) | {BROWSER_SCOPES: "openid, profile, groups"}], ids=["few"]
)
def test_browsers_without_a_refresh_token(corporation: Corporation) -> None:
    """They end nothing of each other, and last as long as what Dex has said counts."""
    first, second = corporation.logged_in("bob"), corporation.logged_in("bob")
    began = time.monotonic()
    while time.monotonic() - began < 4:
        assert first.status() == second.status() == 200
    eventually(lambda: first.status() == second.status() == 401, "the end of the sessions")


@pytest.mark.parametrize("settings", [sessions(renewal=1, stale=4)], ids=["shortly"])
def test_somebody_who_is_removed(corporation: Corporation) -> None:
    """Dex answers 500 about them, as it does when it cannot ask whom it asks itself. So nobody knows until `stale_seconds` are over."""
    bob = corporation.logged_in("bob")
    corporation.provider.remove("bob")
    eventually(lambda: bob.status() == 502, "the end of what was said")
    assert "who it is" in bob.http.get(f"{API}/whoami").text
