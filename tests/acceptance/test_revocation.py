"""What is taken back counts no longer: on every replica within a second, and in the middle of uploads and jobs."""

import base64
import time
from pathlib import Path

import pytest
from callers import API, SEEN_AFTER, Accounts, Caller, location
from geti_client import ENDED, PACKAGE, QUICK
from geti_server import Geti
from harness import Installation, Services, SlowUpload, eventually

ME = f"{API}/whoami"
TUS = {"Tus-Resumable": "1.0.0"}
CHUNK = bytes(100_000)


class Upload:
    """A resumable upload of two chunks."""

    def __init__(self, caller: Caller):
        self.caller = caller
        named = {"model": "digits", "version": "1", "path": "file.bin"}
        encoded = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in named.items())
        headers = TUS | {"Upload-Length": str(2 * len(CHUNK)), "Upload-Metadata": encoded}
        self.url = location(caller.ask("POST", f"{API}/uploads", 201, headers=headers))

    def send(self, offset: int) -> int:
        headers = TUS | {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        return self.caller.status("PATCH", self.url, headers=headers, content=CHUNK)


def test_on_two_replicas(services: Services, tmp_path: Path) -> None:
    with Installation.production(tmp_path, services) as installation:
        installation.run("migrate")
        accounts = Accounts.of(installation)
        other = installation.serve()
        accounts.admin.put("digits")
        trainer = accounts.service("trainer")
        elsewhere = trainer.at(other)

        def wait() -> None:
            time.sleep(SEEN_AFTER)

        # Both have looked it up and remember it.
        assert (trainer.models(), elsewhere.models()) == ([], [])
        binding = accounts.bind("reader", principal="trainer")
        assert trainer.models() == ["digits"]
        wait()
        assert elsewhere.models() == ["digits"]
        accounts.unbind(binding)
        assert trainer.models() == []
        wait()
        assert elsewhere.models() == []
        accounts.bind("reader", all="authenticated")
        wait()
        assert elsewhere.get("digits").status_code == 200
        for change in [{"disabled": True}, {"disabled": False}]:
            accounts.admin.ask("PATCH", f"{API}/principals/trainer", 200, json=change)
            wait()
            expected = 401 if change["disabled"] else 200
            assert (trainer.status("GET", ME), elsewhere.status("GET", ME)) == (expected, expected)
        token = trainer.whoami()["token"]["id"]
        accounts.admin.ask("DELETE", f"{API}/tokens/{token}", 204)
        assert trainer.status("GET", ME) == 401
        wait()
        assert elsewhere.status("GET", ME) == 401
        # A token that one replica made counts on the other at once.
        assert Caller(other, accounts.token("trainer")).status("GET", ME) == 200
        for server in (accounts.server, other):
            server.stop()


def test_the_command_s_changes_are_seen(installation: Installation) -> None:
    accounts = Accounts.of(installation)
    accounts.admin.put("digits")
    trainer = accounts.service("trainer")
    assert trainer.models() == []
    installation.run("admin", "grant", "reader", "trainer")
    time.sleep(SEEN_AFTER)
    assert trainer.models() == ["digits"]
    installation.run("admin", "principal", "disable", "trainer")
    time.sleep(SEEN_AFTER)
    assert trainer.status("GET", ME) == 401
    accounts.server.stop()


def test_in_the_middle_of_a_resumable_upload(accounts: Accounts) -> None:
    trainer = accounts.service("trainer")
    binding = accounts.bind("writer", principal="trainer")
    upload = Upload(trainer)
    assert upload.send(0) == 204
    accounts.unbind(binding)
    assert upload.send(len(CHUNK)) == 403
    assert accounts.admin.models() == []
    # Whoever has the role again goes on; until then there is no file.
    accounts.bind("writer", principal="trainer")
    assert upload.send(len(CHUNK)) == 204
    assert accounts.admin.models() == ["digits"]


def test_an_upload_is_its_owner_s(accounts: Accounts) -> None:
    one, other = accounts.service("one", "writer"), accounts.service("other", "writer")
    upload = Upload(one)
    for caller, status in [(other, 404), (accounts.service("viewer", "viewer"), 404), (accounts.anonymous(), 401)]:
        for method in ("HEAD", "DELETE"):
            assert caller.status(method, upload.url, headers=TUS) == status, (caller.handle, method)
        headers = TUS | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        assert caller.status("PATCH", upload.url, headers=headers, content=CHUNK) == status
    assert upload.send(0) == upload.send(len(CHUNK)) == 204


@pytest.mark.parametrize("taken", ["the binding", "the token"])
def test_in_the_middle_of_a_plain_upload(accounts: Accounts, taken: str) -> None:
    trainer = accounts.service("trainer")
    binding = accounts.bind("writer", principal="trainer")
    token = trainer.whoami()["token"]["id"]
    path = f"{API}/models/digits/versions/1/files/file.bin"
    upload = SlowUpload(accounts.server, path, 2 * len(CHUNK), headers=f"Authorization: Bearer {trainer.token}\r\n")
    upload.send(CHUNK)
    time.sleep(SEEN_AFTER)
    if taken == "the binding":
        accounts.unbind(binding)
    else:
        accounts.admin.ask("DELETE", f"{API}/tokens/{token}", 204)
    upload.send(CHUNK)
    # It is asked again before the file is there.
    assert upload.finish() == 403
    assert accounts.admin.models() == []
    eventually(lambda: accounts.server.installation.store.objects() == set(), "the end of what was sent")


@pytest.fixture
def importing(installation: Installation, geti: Geti) -> tuple[Accounts, Caller, str]:
    accounts = Accounts.of(installation, {**QUICK, **geti.settings()})
    return accounts, accounts.service("importer"), accounts.bind("writer", principal="importer")


@pytest.mark.parametrize("geti", [{"seconds": 3.0}], indirect=True)
@pytest.mark.parametrize("taken", ["binding", "account", "nothing"])
def test_in_the_middle_of_an_import(importing: tuple[Accounts, Caller, str], geti: Geti, taken: str) -> None:
    accounts, importer, binding = importing
    wanted = {"project": geti.project("detection")["id"], "models": [{"id": geti.models("detection")[0]["id"]}]}
    job = importer.ask("POST", f"{API}/imports", 202, json=wanted).json()["id"]
    eventually(lambda: geti.asked(PACKAGE), "a download")
    other = accounts.service("other", "writer")
    assert other.status("GET", f"{API}/imports/{job}") == 404
    assert other.status("DELETE", f"{API}/imports/{job}") == 404
    match taken:
        case "binding":
            accounts.unbind(binding)
        case "account":
            accounts.admin.ask("PATCH", f"{API}/principals/importer", 200, json={"disabled": True})

    def has_ended() -> dict | None:
        found = accounts.admin.ask("GET", f"{API}/imports/{job}", 200).json()
        time.sleep(0.1)
        return found if found["state"] in ENDED else None

    found = eventually(has_ended, "the end of the import", 90)
    assert found["state"] == ("succeeded" if taken == "nothing" else "failed"), found
    assert len(accounts.admin.models()) == (taken == "nothing")
    if taken != "nothing":
        assert "`create`" in str(found), found
    accounts.server.stop()


def test_a_token_that_ends_in_the_middle_of_a_job(importing: tuple[Accounts, Caller, str], geti: Geti) -> None:
    """A job is its principal's and not its token's, so that a short token starts a long one."""
    accounts, importer, _ = importing
    wanted = {"project": geti.project("detection")["id"], "models": [{"id": geti.models("detection")[0]["id"]}]}
    job = importer.ask("POST", f"{API}/imports", 202, json=wanted).json()["id"]
    token = importer.whoami()["token"]["id"]
    accounts.admin.ask("DELETE", f"{API}/tokens/{token}", 204)

    def has_ended() -> bool:
        return accounts.admin.ask("GET", f"{API}/imports/{job}", 200).json()["state"] in ENDED

    eventually(has_ended, "the end of the import", 90)
    assert len(accounts.admin.models()) == 1
    accounts.server.stop()
