"""The command line, at which people log in by Dex or by Keycloak with a code that they type into the provider's own page."""

import json

from callers import API
from providers.corporation import Corporation


def test_from_the_login_to_the_logout(corporation: Corporation) -> None:
    terminal, server = corporation.terminal("home", "bob"), corporation.accounts.server.url
    assert terminal.run("whoami") == f"bob at {server}\ngroup corp:ml-team\n"
    token = terminal.run("token", "print").strip()
    assert corporation.caller(token).put("digits").status_code == 201
    own = terminal.run("token", "create", "--name", "ci", "--role", "reader", "--days", "1").strip()
    assert corporation.caller(own).whoami()["token"]["name"] == "ci"
    assert terminal.run("logout") == f"Logged out of {server}.\n"
    assert "run `modelport login`" in terminal.run("token", "print", expect=1)
    assert json.loads(terminal.file.read_text())["servers"] == {}
    # What was given counts until it ends.
    assert corporation.status(token) == 200


def test_a_token_that_has_ended_is_replaced(corporation: Corporation) -> None:
    terminal, server = corporation.terminal("home", "bob"), corporation.accounts.server.url
    first = terminal.run("token", "print").strip()
    corporation.provider.set_groups("bob", [])
    assert corporation.caller(first).put("digits").status_code == 201
    terminal.spoil(first)
    # The new one says the groups of now.
    assert terminal.run("whoami") == f"bob at {server}\n"
    second = terminal.run("token", "print").strip()
    assert corporation.caller(second).put("others").status_code == 403
    terminal.spoil(second)
    third = terminal.run("token", "print").strip()
    assert len({first, second, third}) == 3
    corporation.provider.remove("bob")
    terminal.spoil(third)
    assert terminal.run("whoami", expect=1)


def test_somebody_with_a_browser_and_a_command_line(corporation: Corporation) -> None:
    corporation.logged_in("bob")
    terminal = corporation.terminal("home", "bob")
    principals = corporation.accounts.admin.ask("GET", f"{API}/principals", 200).json()["items"]
    assert [each["displayName"] for each in principals if each.get("issuer") == "corp"] == ["bob"]
    # A login with the one ends nothing of the other.
    terminal.spoil(terminal.run("token", "print").strip())
    assert terminal.run("whoami").startswith("bob at ")
