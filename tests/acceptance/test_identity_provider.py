"""Tokens of a real OpenID Connect provider: by client credentials, in a browser, and with a device code."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from callers import API, Accounts, Caller
from harness import Installation, eventually
from idp.provider import Provider
from signing import Key, claims

# The provider is the same wherever things are kept; what is kept of principals and groups is not.
anywhere = pytest.mark.parametrize("installation", ["embedded"], indirect=True)
# After so long the keys of an issuer are fetched again for one that is not known, in seconds.
FETCHED_AGAIN = 10


@dataclass
class Corporation:
    """A registry and the provider that it believes."""

    provider: Provider
    key: Key
    accounts: Accounts

    def caller(self, token: str) -> Caller:
        return Caller(self.accounts.server, token)

    def status(self, token: str) -> int:
        return self.caller(token).status("GET", f"{API}/whoami")

    def forged(self, key: Key | None = None, header: dict | None = None, **other) -> str:
        """What the provider would sign, but for this."""
        said = claims(self.provider.issuer, "mallory", **other)
        return (key or self.key).sign(said, **(header or {}))


@pytest.fixture
def corporation(installation: Installation, tmp_path: Path) -> Iterator[Corporation]:
    """Whose group `admins` always administers the registry."""
    key = Key(tmp_path)
    with Provider(tmp_path, keys=[key.jwk(private=True)]) as provider:
        settings = {
            "MODELPORT__AUTH__ISSUERS__CORP__URL": provider.issuer,
            "MODELPORT__AUTH__ISSUERS__CORP__AUDIENCES": "modelport",
        }
        accounts = Accounts.of(installation, settings)
        yield Corporation(provider, key, accounts)
        accounts.server.stop()


def test_a_client_with_a_secret(corporation: Corporation) -> None:
    trainer = corporation.caller(corporation.provider.client_token())
    who = trainer.whoami()
    assert (who["principal"]["issuer"], who["principal"]["subject"]) == ("corp", "trainer")
    assert trainer.models() == []
    assert trainer.put("digits").status_code == 403
    corporation.accounts.bind("writer", principal=who["principal"]["handle"])
    assert trainer.put("digits").status_code == 201
    assert trainer.models() == ["digits"]
    changes = trainer.ask("GET", f"{API}/changes", 200).json()["items"]
    assert {each["actor"] for each in changes} == {who["principal"]["handle"]}


def test_people_in_groups(corporation: Corporation) -> None:
    accounts = corporation.accounts
    accounts.admin.put("digits")
    accounts.bind("reader", group="corp:ml-team")
    # Another issuer's group of the same name is another group.
    accounts.bind("admin", group="lab:ml-team")
    tokens = {user: corporation.provider.user_tokens(user) for user in ("bob", "eve")}
    bob, eve = (corporation.caller(tokens[user]["access_token"]) for user in ("bob", "eve"))
    assert bob.whoami()["groups"] == [{"issuer": "corp", "name": "ml-team"}]
    assert bob.whoami()["principal"]["displayName"] == "bob"
    assert (bob.models(), bob.get("digits").content) == (["digits"], b"content")
    assert bob.put("digits", path="other").status_code == 403
    assert (eve.models(), eve.get("digits").status_code) == ([], 404)
    # An id token is for the client that asked for it.
    assert corporation.status(tokens["bob"]["id_token"]) == 401


@anywhere
def test_a_device_that_has_no_browser(corporation: Corporation) -> None:
    """RFC 8628, as a command line does it."""
    corporation.accounts.bind("writer", group="corp:ml-team")
    issuer = corporation.provider.issuer
    with httpx.Client(trust_env=False, timeout=60) as http:
        asked = {"client_id": "modelport-cli", "scope": "openid profile registry"}
        begun = http.post(f"{issuer}/device/auth", data=asked).json()
        poll = {
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": begun["device_code"],
            "client_id": "modelport-cli",
        }
        assert http.post(f"{issuer}/token", data=poll).json()["error"] == "authorization_pending"
        corporation.provider.confirm_device("bob", begun["verification_uri_complete"])
        token = http.post(f"{issuer}/token", data=poll).json()["access_token"]
    assert corporation.caller(token).put("digits").status_code == 201


@anywhere
def test_what_a_token_must_say(corporation: Corporation) -> None:
    now = int(time.time())
    for says, what in [
        ({}, 200),
        # The clocks may be a minute apart.
        ({"exp": now - 20}, 200),
        ({"nbf": now + 40}, 200),
        ({"iat": now + 40}, 200),
        ({"aud": ["somebody", "modelport"]}, 200),
        ({"exp": now - 90}, 401),
        ({"nbf": now + 120}, 401),
        ({"exp": None}, 401),
        ({"aud": "somebody"}, 401),
        ({"aud": None}, 401),
        ({"iss": "https://elsewhere.example"}, 401),
        ({"iss": None}, 401),
        ({"iss": corporation.provider.issuer + "/"}, 401),
        ({"sub": None}, 401),
        ({"sub": ""}, 401),
        ({"header": {"alg": "none"}}, 401),
        ({"header": {"alg": "HS256"}}, 401),
        # The key says that it is for another.
        ({"header": {"alg": "RS512"}}, 401),
        ({"header": {"typ": "logout+jwt"}}, 401),
        ({"header": {"crit": ["exp"]}}, 401),
    ]:
        assert corporation.status(corporation.forged(**says)) == what, says
    good = corporation.forged()
    assert corporation.status(good[:-8] + ("AAAAAAAA" if not good.endswith("AAAAAAAA") else "BBBBBBBB")) == 401
    refusal = corporation.caller(corporation.forged(aud="somebody")).ask("GET", f"{API}/whoami")
    assert refusal.json()["detail"] == "the token is for the audience `somebody` instead of `modelport`"
    assert 'error="invalid_token"' in refusal.headers["www-authenticate"]


@anywhere
def test_keys_are_replaced(corporation: Corporation, tmp_path: Path) -> None:
    provider = corporation.provider
    before = provider.client_token()
    assert corporation.status(before) == 200
    provider.stop()
    provider.keys = [Key(tmp_path).jwk(private=True)]
    provider.start()
    after = provider.client_token()
    eventually(lambda: corporation.status(after) == 200, "the new key", FETCHED_AGAIN + 20)
    # The old key is not one of the issuer's any more; what it signed and was not seen before counts no longer.
    assert corporation.status(corporation.forged()) == 401


@anywhere
def test_a_provider_that_is_down(corporation: Corporation, tmp_path: Path) -> None:
    provider = corporation.provider
    seen = provider.client_token()
    unseen = provider.client_token()
    assert corporation.status(seen) == 200
    provider.stop()
    # Its keys are known.
    assert corporation.status(seen) == corporation.status(unseen) == 200
    # Whether a new key is its own nobody can say, so that nobody may say no.
    new, answered = corporation.forged(Key(tmp_path)), []

    def ask() -> int:
        answered.append(corporation.status(new))
        return answered[-1]

    eventually(lambda: ask() in (502, 503), "an attempt to fetch the key", FETCHED_AGAIN + 20)
    assert "www-authenticate" not in corporation.caller(new).ask("GET", f"{API}/whoami").headers
    provider.start()
    eventually(lambda: ask() == 401, "the provider's word", FETCHED_AGAIN + 20)

    def failed_logins() -> int:
        found = corporation.accounts.admin.ask("GET", f"{API}/audit", 200, params={"action": "login"}).json()["items"]
        return sum(each["requests"] for each in found)

    # That nobody could say was no failure of whoever asked.
    eventually(lambda: failed_logins() == answered.count(401), "the entries of failed logins")


@anywhere
def test_a_start_while_the_provider_is_down(corporation: Corporation) -> None:
    provider, accounts = corporation.provider, corporation.accounts
    token, admin = provider.client_token(), accounts.admin
    accounts.server.stop()
    provider.stop()
    accounts.server = accounts.server.installation.serve()
    assert corporation.status(token) in (502, 503)
    # Whoever has another credential has nothing to do with it.
    assert admin.at(accounts.server).status("GET", f"{API}/whoami") == 200
    provider.start()
    eventually(lambda: corporation.status(token) == 200, "the keys", FETCHED_AGAIN + 20)


@anywhere
def test_administrators_that_the_settings_name(corporation: Corporation) -> None:
    server = corporation.accounts.server
    server.stop()
    installation = server.installation
    installation.settings["MODELPORT__AUTH__ADMINS"] = "group:corp:admins, corp:trainer"
    corporation.accounts.server = installation.serve()
    for token, status in [
        (corporation.provider.user_tokens("alice")["access_token"], 200),
        (corporation.provider.client_token(), 200),
        (corporation.provider.user_tokens("bob")["access_token"], 403),
    ]:
        assert corporation.caller(token).status("GET", f"{API}/audit") == status
    assert not (installation.folder / "bootstrap-token").exists()
