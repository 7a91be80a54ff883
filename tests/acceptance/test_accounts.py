"""The first administrator, tokens of the registry's own, and what becomes of accounts."""

import base64
import stat
import time

import pytest
from callers import API, ON, SEEN_AFTER, Accounts, Caller, soon
from harness import Installation, eventually

ME = f"{API}/whoami"
BOOTSTRAP = "any text of at least thirty-two characters"
anywhere = pytest.mark.parametrize("installation", ["embedded"], indirect=True)


def test_the_first_administrator(installation: Installation) -> None:
    installation.settings |= ON
    server = installation.serve()
    file = installation.folder / "bootstrap-token"
    token = file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    log = installation.log.read_text()
    assert str(file) in log
    assert token not in log
    stranger, first = Caller(server), Caller(server, token)
    assert stranger.status("GET", ME) == 401
    assert "manage" in first.whoami()["permissions"]
    accounts = Accounts(server, first)
    operator = accounts.service("operator", "admin")
    # Now somebody is one, and the token is of no use any more.
    assert first.status("GET", ME) == 401
    assert "manage" in operator.whoami()["permissions"]
    # Nobody locks everybody out.
    [binding] = operator.ask("GET", f"{API}/bindings", 200, params={"scope": "registry"}).json()["items"]
    assert operator.status("DELETE", f"{API}/bindings/{binding['id']}") == 409
    assert operator.status("PATCH", f"{API}/principals/operator", json={"disabled": True}) == 409
    server.stop()
    server = installation.serve()
    assert not file.exists()
    assert Caller(server, token).status("GET", ME) == 401
    assert operator.at(server).status("GET", ME) == 200
    server.stop()


@anywhere
def test_a_bootstrap_token_that_the_settings_give(installation: Installation) -> None:
    installation.settings |= ON | {"MODELPORT__AUTH__BOOTSTRAP_TOKEN": BOOTSTRAP}
    server = installation.serve()
    assert not (installation.folder / "bootstrap-token").exists()
    first = Caller(server, BOOTSTRAP)
    assert first.status("GET", ME) == 200
    assert Caller(server, BOOTSTRAP + "x").status("GET", ME) == 401
    operator = Accounts(server, first).service("operator", "admin")
    assert [caller.status("GET", ME) for caller in (first, operator)] == [401, 200]
    server.stop()
    server = installation.serve()
    assert [caller.at(server).status("GET", ME) for caller in (first, operator)] == [401, 200]
    server.stop()


def test_a_token_is_shown_once(accounts: Accounts) -> None:
    accounts.service("trainer", "writer")
    body = {"name": "nightly", "owner": "trainer"}
    made = accounts.admin.ask("POST", f"{API}/tokens", 201, json=body)
    secret, token = made.json()["secret"], made.json()["token"]
    assert made.headers["cache-control"] == "no-store"
    assert secret.startswith(f"mp_{token['publicId']}_")
    listed = accounts.admin.ask("GET", f"{API}/tokens", 200, params={"owner": "trainer"})
    assert secret not in listed.text
    assert token["id"] in [each["id"] for each in listed.json()["items"]]
    days = (token["expiresAt"] - token["createdAt"]) / 86_400_000
    assert days == pytest.approx(90, abs=0.1)


def test_a_token_is_sent_as_bearer_or_as_a_password(accounts: Accounts) -> None:
    trainer = accounts.service("trainer", "writer")
    basic = {
        user: "Basic " + base64.b64encode(f"{user}:{trainer.token}".encode()).decode()
        for user in ("trainer", "anybody", "", "__token__")
    }
    for authorization in [f"Bearer {trainer.token}", f"bearer {trainer.token}", *basic.values()]:
        who = accounts.anonymous(Authorization=authorization).whoami()
        assert who["principal"]["handle"] == "trainer", authorization.split()[0]
    last = "a" if trainer.token[-1] != "a" else "b"
    for authorization in [
        f"Bearer {trainer.token[:-1]}{last}",
        "Bearer",
        "",
        f"Token {trainer.token}",
        trainer.token,
        "Basic " + base64.b64encode(trainer.token.encode()).decode(),
        "Basic !",
        f"Bearer {trainer.token}, Bearer {accounts.admin.token}",
    ]:
        answer = accounts.anonymous(Authorization=authorization).ask("GET", ME)
        assert answer.status_code == 401, authorization
        assert trainer.token not in answer.text
    twice = [("Authorization", f"Bearer {token}") for token in (trainer.token, accounts.admin.token)]
    assert accounts.anonymous().status("GET", ME, headers=twice) == 401


def test_a_token_narrows_what_its_owner_may(accounts: Accounts) -> None:
    accounts.workspace("team-a")
    accounts.service("trainer", "writer")
    accounts.admin.put("digits")
    accounts.admin.put("faces")
    accounts.admin.put("digits", prefix="/w/team-a", content=b"of team a")
    listed = accounts.admin.ask("GET", "/api/model_registry/v1alpha3/registered_models", 200).json()["items"]
    ids = {each["name"]: each["id"] for each in listed}

    def holder(**limits) -> Caller:
        return Caller(accounts.server, accounts.token("trainer", **limits))

    reader = holder(role="reader")
    assert (reader.models(), reader.get("digits").status_code) == (["digits", "faces"], 200)
    assert reader.put("digits", path="more").status_code == 403
    viewer = holder(permissions=["see"])
    assert (viewer.models(), viewer.get("digits").status_code) == (["digits", "faces"], 403)
    one = holder(roots=[ids["digits"]])
    assert (one.models(), one.get("faces").status_code) == (["digits"], 404)
    assert one.put("digits", path="more").status_code == 201
    assert one.put("new").status_code == 403
    elsewhere = holder(workspaces=["team-a"])
    assert elsewhere.get("digits").content == b"of team a"
    assert elsewhere.get("faces").status_code == 404
    # It makes no token that opens more.
    for more in [{}, {"role": "writer"}, {"permissions": ["see", "delete"]}]:
        assert reader.status("POST", f"{API}/tokens", json={"name": "more", **more}) == 403
    # What its owner loses is lost to it as well.
    [binding] = accounts.admin.ask("GET", f"{API}/bindings", 200, params={"principal": "trainer"}).json()["items"]
    accounts.unbind(binding["id"])
    accounts.bind("viewer", principal="trainer")
    assert reader.get("faces").status_code == 403


def test_tokens_end(accounts: Accounts) -> None:
    trainer = accounts.service("trainer", "writer")
    short = Caller(accounts.server, accounts.token("trainer", expiresAt=soon(3)))
    assert short.status("GET", ME) == 200
    time.sleep(3.1)
    assert short.status("GET", ME) == 401
    # A new secret: the old one counts for a while beside it.
    token = trainer.whoami()["token"]["id"]
    rotated = trainer.ask("POST", f"{API}/tokens/{token}/rotate", 200, json={"graceSeconds": 3}).json()
    renewed = Caller(accounts.server, rotated["secret"])
    assert [caller.status("GET", ME) for caller in (trainer, renewed)] == [200, 200]
    time.sleep(3.1)
    assert [caller.status("GET", ME) for caller in (trainer, renewed)] == [401, 200]
    renewed.ask("DELETE", f"{API}/tokens/{rotated['token']['id']}", 204)
    assert renewed.status("GET", ME) == 401
    for expires in (soon(-1), soon(10 * 366 * 86_400)):
        body = {"name": "wrong", "owner": "trainer", "expiresAt": expires}
        assert accounts.admin.status("POST", f"{API}/tokens", json=body) == 400


def test_accounts_end(accounts: Accounts) -> None:
    trainer = accounts.service("trainer", "writer")
    trainer.put("digits")

    def change(**body) -> None:
        accounts.admin.ask("PATCH", f"{API}/principals/trainer", 200, json=body)

    change(disabled=True)
    assert trainer.status("GET", ME) == 401
    change(disabled=False)
    assert trainer.status("GET", ME) == 200
    accounts.admin.ask("POST", f"{API}/principals/trainer/logout", 200)
    assert trainer.status("GET", ME) == 401
    again = Caller(accounts.server, accounts.token("trainer"))
    assert again.models() == ["digits"]
    accounts.admin.ask("DELETE", f"{API}/principals/trainer", 204)
    assert again.status("GET", ME) == 401
    # Whoever comes after under the same name has nothing of it, and what it did stays.
    successor = accounts.service("trainer")
    assert successor.models() == []
    assert accounts.admin.models() == ["digits"]


def test_who_did_it(accounts: Accounts) -> None:
    trainer = accounts.service("trainer", "writer")
    accounts.admin.put("digits")
    trainer.put("digits", path="more")
    trainer.get("digits")
    assert trainer.status("DELETE", f"{API}/models/digits", params={"recursive": "true"}) == 403
    # Unless the workspace says otherwise, who made a model administers it.
    trainer.put("mine")
    assert trainer.status("DELETE", f"{API}/models/mine", params={"recursive": "true"}) == 204
    auditor = accounts.service("auditor", "auditor")
    assert auditor.get("digits").status_code == 403

    def read() -> dict[str, dict]:
        items = auditor.ask("GET", f"{API}/audit", 200, params={"pageSize": 100}).json()["items"]
        return {each["action"]: each for each in items if each.get("principal", {}).get("handle") == "trainer"}

    entries = eventually(lambda: (found := read()) if "file.download" in read() else None, "the entry of a download")
    download = entries["file.download"]
    assert (download["outcome"], download["path"], download["bytes"]) == ("done", "file.bin", len(b"content"))
    assert trainer.status("GET", f"{API}/audit") == 403
    changes = auditor.ask("GET", f"{API}/changes", 200).json()["items"]
    assert {each["actor"] for each in changes} == {"operator", "trainer"}


def test_a_binding_ends_by_itself(accounts: Accounts) -> None:
    accounts.admin.put("digits")
    accounts.service("guest")
    guest = Caller(accounts.server, accounts.token("guest"))
    body = {"role": "reader", "subject": {"principal": "guest"}, "expiresAt": soon(3)}
    accounts.admin.ask("POST", f"{API}/bindings", 201, json=body)
    assert guest.models() == ["digits"]
    time.sleep(3 + SEEN_AFTER)
    assert guest.models() == []
