"""Tokens of Dex and of Keycloak, as programs present them: whom they are of, whom they are for, and with which key they are signed."""

from callers import API
from harness import eventually
from providers.corporation import Corporation
from signing import parts

# After so long the keys of an issuer are fetched again for one that is not known, in seconds.
FETCHED_AGAIN = 10


def test_somebody_in_a_program(corporation: Corporation) -> None:
    """By the code flow with PKCE, in a program that has no secret."""
    provider = corporation.provider
    assert provider.document()["issuer"] == provider.issuer
    bob, eve = (corporation.caller(provider.token(user)) for user in ("bob", "eve"))
    who = bob.whoami()
    assert (who["principal"]["issuer"], who["principal"]["displayName"]) == ("corp", "bob")
    assert who["groups"] == [{"issuer": "corp", "name": "ml-team"}]
    assert bob.put("digits").status_code == 201
    assert (bob.models(), bob.get("digits").content) == (["digits"], b"content")
    assert (eve.models(), eve.get("digits").status_code) == ([], 404)
    assert eve.whoami()["groups"] == []
    # Who it is stays the same, whatever program they use next.
    assert corporation.caller(provider.token("bob")).whoami()["principal"] == who["principal"]


def test_a_token_for_another_application(corporation: Corporation) -> None:
    provider = corporation.provider
    tokens = provider.tokens("bob", provider.foreign)
    for kind in ("access_token", "id_token"):
        refused = corporation.caller(tokens[kind]).ask("GET", f"{API}/whoami", 401)
        assert refused.json()["detail"].startswith("the token is for the audience `"), refused.text
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]


def test_a_program_that_logs_in_by_itself(corporation: Corporation) -> None:
    """By client credentials, which Dex has where `oauth2.grantTypes` lists them."""
    trainer = corporation.caller(corporation.provider.client_token())
    who = trainer.whoami()
    assert who["groups"] == [{"issuer": "corp", "name": "ml-team"}]
    assert trainer.put("digits").status_code == 201
    changes = trainer.ask("GET", f"{API}/changes", 200).json()["items"]
    assert {each["actor"] for each in changes} == {who["principal"]["handle"]}


def test_a_key_that_is_replaced(corporation: Corporation) -> None:
    provider = corporation.provider
    before = provider.token("bob")
    assert corporation.status(before) == 200
    unseen = provider.client_token()
    provider.replace_key()
    after = provider.token("bob")
    assert parts(before)[0]["kid"] != parts(after)[0]["kid"]
    eventually(lambda: corporation.status(after) == 200, "the new key", FETCHED_AGAIN + 20)
    # What was signed before holds until it ends.
    assert corporation.status(before) == corporation.status(unseen) == 200


def test_a_provider_that_is_down(corporation: Corporation) -> None:
    provider = corporation.provider
    seen, unseen = provider.token("bob"), provider.client_token()
    assert corporation.status(seen) == 200
    provider.stop()
    # Its keys are known.
    assert corporation.status(seen) == corporation.status(unseen) == 200
    server = corporation.accounts.server
    server.stop()
    corporation.accounts.server = server.installation.serve()
    # Nobody knows whose token it is; that is no word on the token.
    refused = corporation.caller(seen).ask("GET", f"{API}/whoami")
    assert refused.status_code == 502 and "www-authenticate" not in refused.headers
    provider.start()
    eventually(lambda: corporation.status(seen) == 200, "the keys", FETCHED_AGAIN + 20)
