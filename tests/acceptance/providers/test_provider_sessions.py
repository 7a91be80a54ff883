"""Sessions of browsers whose people log in by Dex or by Keycloak, at the provider's own pages."""

import time

import pytest
from callers import API
from harness import eventually
from person import CSRF, LOGIN, Person
from providers.corporation import ASKED_AGAIN, Corporation, sessions


def test_from_the_login_to_the_logout(corporation: Corporation) -> None:
    server = corporation.accounts.server
    bob = Person(server, corporation.provider, "bob")
    [login] = [each for each in bob.http.get(f"{API}/login").json()["items"] if "url" in each]
    assert (login["issuer"], login["url"]) == ("corp", f"{server.url}{LOGIN}")
    assert bob.log_in("/models").headers["location"] == "/models"
    who = bob.whoami()
    assert (who["principal"]["issuer"], who["principal"]["displayName"]) == ("corp", "bob")
    assert who["groups"] == [{"issuer": "corp", "name": "ml-team"}]
    assert bob.put("digits") == 403
    assert bob.put("digits", **{CSRF: bob.csrf}) == 201
    # Whom the browser shows and whom a program's token names are one.
    program = corporation.caller(corporation.provider.token("bob"))
    assert program.whoami()["principal"] == who["principal"]
    assert bob.log_out().status_code == 204
    assert bob.status() == 401
    eventually(lambda: corporation.ends() == ["logout"], "the entry of the logout")


def test_a_code_counts_once(corporation: Corporation) -> None:
    bob = Person(corporation.accounts.server, corporation.provider, "bob")
    answer = bob.answer_of_issuer(bob.begin())
    under_way = bob.http.cookies["modelport-login"]
    assert bob.complete(answer).status_code == 303
    thief = Person(corporation.accounts.server, corporation.provider, "bob")
    thief.http.cookies.set("modelport-login", under_way, domain="127.0.0.1", path="/")
    assert thief.complete(answer).status_code == 401


@pytest.mark.parametrize("settings", [sessions(renewal=1, stale=600)], ids=["shortly"])
def test_groups_are_taken_anew(corporation: Corporation) -> None:
    bob = corporation.logged_in("bob")
    assert bob.put("digits", **{CSRF: bob.csrf}) == 201
    corporation.provider.set_groups("bob", [])
    eventually(lambda: bob.whoami()["groups"] == [], "the removal from the group", 2 * ASKED_AGAIN)
    assert bob.put("others", **{CSRF: bob.csrf}) == 403
    corporation.provider.set_groups("bob", ["ml-team"])
    eventually(lambda: bob.put("others", **{CSRF: bob.csrf}) == 201, "the return to the group", 2 * ASKED_AGAIN)


@pytest.mark.parametrize("settings", [sessions(renewal=1, stale=600)], ids=["shortly"])
def test_a_key_that_is_replaced(corporation: Corporation) -> None:
    """What the provider itself gives is believed at once, however short ago its keys were fetched."""
    bob = corporation.logged_in("bob")
    for _ in range(2):
        corporation.provider.replace_key()
        corporation.logged_in("alice")
        began = time.monotonic()
        while time.monotonic() - began < 3:
            assert bob.status() == 200


@pytest.mark.parametrize("settings", [sessions(renewal=1, stale=20)], ids=["shortly"])
def test_a_provider_that_is_down(corporation: Corporation) -> None:
    bob = corporation.logged_in("bob")
    new = Person(corporation.accounts.server, corporation.provider, "bob")
    corporation.provider.stop()
    began = time.monotonic()
    statuses = set()
    while time.monotonic() - began < 4:
        statuses.add(bob.status())
    # What it said counts for a while, and then nobody knows; that ends no session.
    assert statuses == {200}
    eventually(lambda: bob.status() == 502, "the end of what was said")
    corporation.provider.start()
    # It has kept whose refresh token that is.
    eventually(lambda: bob.status() == 200, "the word of the provider", 2 * ASKED_AGAIN)
    new.log_in()
    assert new.status() == 200
