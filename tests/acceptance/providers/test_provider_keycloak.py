"""What Keycloak does in a way of its own, as docs/operating/access.md says."""

import pytest
from harness import eventually
from providers.corporation import Corporation, sessions
from providers.provider import PASSWORD
from providers.visitor import Visitor
from terminal import Asked, Terminal

keycloak = pytest.mark.parametrize("provider", ["keycloak"], indirect=True)
pytestmark = keycloak


@pytest.mark.parametrize(
    "settings", [{"MODELPORT__AUTH__ISSUERS__CORP__GROUPS_CLAIM": "realm_access.roles"}], ids=["roles"]
)
def test_roles_of_the_realm_instead_of_groups(corporation: Corporation) -> None:
    provider = corporation.provider
    provider.administer("POST", "/roles", json={"name": "ml-team"})
    role = provider.administer("GET", "/roles/ml-team").json()
    provider.administer("POST", f"/users/{provider.id_of('eve')}/role-mappings/realm", json=[role])
    eve, bob = (corporation.caller(provider.token(user)) for user in ("eve", "bob"))
    assert {"issuer": "corp", "name": "ml-team"} in eve.whoami()["groups"]
    assert eve.put("digits").status_code == 201
    assert bob.put("others").status_code == 403


def test_an_id_token_is_for_the_program(corporation: Corporation) -> None:
    tokens = corporation.provider.tokens("bob")
    assert corporation.status(tokens["access_token"]) == 200
    assert corporation.status(tokens["id_token"]) == 401


@pytest.mark.parametrize("settings", [sessions(renewal=1, stale=600)], ids=["shortly"])
def test_somebody_who_is_disabled(corporation: Corporation) -> None:
    """Two browsers have a session each, and Keycloak's word ends both."""
    first, second = corporation.logged_in("bob"), corporation.logged_in("bob")
    alice = corporation.logged_in("alice")
    assert first.status() == second.status() == 200
    corporation.provider.change("bob", enabled=False)
    eventually(lambda: first.status() == second.status() == 401, "the end of the sessions")
    assert alice.status() == 200
    eventually(lambda: corporation.ends() == ["the issuer did not confirm it"] * 2, "the entries of the ends")


@pytest.mark.parametrize("settings", [sessions(renewal=1, stale=600)], ids=["shortly"])
def test_somebody_who_is_removed(corporation: Corporation) -> None:
    bob = corporation.logged_in("bob")
    corporation.provider.remove("bob")
    eventually(lambda: bob.status() == 401, "the end of the session")


def test_a_logout_of_the_command_line_is_told_to_it(corporation: Corporation) -> None:
    terminal = corporation.terminal("home", "bob")
    kept = Terminal(corporation.installation, corporation.installation.folder / "copy")
    kept.file.parent.mkdir(parents=True)
    kept.file.write_text(terminal.file.read_text())
    kept.file.chmod(0o600)
    terminal.run("logout")
    # Whoever has a copy of the file gets no other token.
    kept.spoil(kept.run("token", "print").strip())
    assert "log in again" in kept.run("whoami", expect=1)


def test_somebody_who_refuses(corporation: Corporation) -> None:
    server = corporation.accounts.server.url
    terminal = Terminal(corporation.installation, corporation.installation.folder / "home")
    login = Asked(terminal, "--server", server)
    Visitor("cancel", username="bob", password=PASSWORD).visit(login.url)
    code, said = login.end()
    assert code == 1 and "refused in the browser" in said
    assert not terminal.file.exists()
