"""Webhooks of the native API, with a real receiver: made, tried, told, watched, changed and removed."""

from collections.abc import Iterator

import pytest
from callers import Accounts, location
from harness import Installation, Server, eventually
from webhook_receiver import Receiver

SETTINGS = {
    "MODELPORT__EGRESS__ALLOW": "127.0.0.0/8",
    "MODELPORT__AUTH__KEYS": "a key that all of these servers share",
    "MODELPORT__WEBHOOKS__BACKOFF_SECONDS": "0",
    "MODELPORT__WEBHOOKS__POLL_MS": "50",
}
CREATED = ["model_version.created", "registered_model.created"]


@pytest.fixture
def server(installation: Installation) -> Iterator[Server]:
    installation.settings |= SETTINGS
    server = installation.serve()
    yield server
    server.stop()
    assert " ERROR " not in installation.log.read_text()


def test_a_webhook_is_made_tried_told_changed_and_removed(server: Server) -> None:
    hooks = "/api/v1/webhooks"
    with Receiver() as receiver:
        wanted = {"name": "ci", "url": receiver.url, "events": CREATED[::-1], "description": "é", "secret": "hush"}
        made = server.http.post(hooks, json=wanted)
        assert made.status_code == 201, made.text
        hook = made.json()
        assert {name: hook[name] for name in ("name", "url", "events", "description", "active", "signed")} == {
            "name": "ci",
            "url": receiver.url,
            "events": sorted(CREATED, reverse=True),
            "description": "é",
            "active": True,
            "signed": True,
        }
        assert "hush" not in made.text
        one = f"{hooks}/{hook['id']}"
        assert server.http.get(location(made)).json() == hook
        assert server.http.get(hooks).json() == {"items": [hook], "nextPageToken": ""}

        tried = server.http.post(f"{one}/test", json={"event": "model_version_alias.created"}).json()
        assert tried == {"delivered": True, "status": 200, "body": "thanks"}
        assert receiver.deliveries[-1].event == "model_version_alias.created"
        assert receiver.deliveries[-1].headers["X-MLflow-Signature"]

        assert server.put("fraud", "7", "weights.bin", b"bytes").status_code == 201
        receiver.await_events("fraud", "registered_model.created", "model_version.created")
        pages, token = [], ""
        while not pages or token:
            page = server.http.get(f"{one}/deliveries", params={"pageSize": 1, "nextPageToken": token}).json()
            pages += page["items"]
            token = page["nextPageToken"]
        eventually(
            lambda: [each["state"] for each in server.http.get(f"{one}/deliveries").json()["items"]] == ["succeeded"] * 2,
            "both deliveries to have succeeded",
        )
        found = server.http.get(f"{one}/deliveries").json()["items"]
        assert [each["event"] for each in found] == CREATED
        assert [each["id"] for each in found] == [each["id"] for each in pages]
        assert {each["id"] for each in found} < receiver.ids()
        assert all((each["attempts"], each["status"]) == (1, 200) for each in found)

        changed = server.http.patch(one, json={"active": False, "description": None, "secret": None}).json()
        assert changed["updatedAt"] >= hook["updatedAt"]
        kept = {name: value for name, value in hook.items() if name not in ("description", "updatedAt")}
        assert {**changed, "updatedAt": 0} == {**kept, "active": False, "signed": False, "updatedAt": 0}
        many = len(receiver.deliveries)
        assert server.put("quiet", "1", "weights.bin", b"bytes").status_code == 201
        assert server.http.patch(one, json={"active": True}).is_success
        assert server.put("loud", "1", "weights.bin", b"bytes").status_code == 201
        receiver.await_events("loud", "registered_model.created", "model_version.created")
        assert receiver.of("quiet") == [] and len(receiver.deliveries) == many + 2

        assert server.http.delete(one).status_code == 204
        assert server.http.get(one).status_code == server.http.delete(one).status_code == 404
        assert server.http.get(hooks).json()["items"] == []


def test_what_cannot_be_reached_is_said(server: Server) -> None:
    wanted = {"name": "gone", "url": "http://127.0.0.1:1/x", "events": CREATED, "active": False}
    hook = server.http.post("/api/v1/webhooks", json=wanted).json()
    assert hook["active"] is hook["signed"] is False and "description" not in hook
    tried = server.http.post(f"/api/v1/webhooks/{hook['id']}/test", json={}).json()
    assert tried["delivered"] is False and tried["error"] and "status" not in tried
    with Receiver(500, body=b"no") as receiver:
        assert server.http.patch(f"/api/v1/webhooks/{hook['id']}", json={"url": receiver.url}).is_success
        tried = server.http.post(f"/api/v1/webhooks/{hook['id']}/test", json={}).json()
        assert tried == {"delivered": False, "status": 500, "body": "no"}


def test_what_is_wrong_is_said_by_its_field(server: Server) -> None:
    fine = {"name": "ci", "url": "http://127.0.0.1:9/x", "events": CREATED}
    for field, value in [
        ("name", ""),
        ("name", "-x"),
        ("name", "ü"),
        ("url", "no-url"),
        ("url", "https://169.254.169.254/latest"),
        ("url", "http://user:word@127.0.0.1/"),
        ("events", []),
        ("events", ["model_version.exploded"]),
        ("description", "x" * 1001),
        ("description", "\0"),
        ("secret", "x" * 1025),
    ]:
        refused = server.http.post("/api/v1/webhooks", json=fine | {field: value})
        assert (refused.status_code, refused.json()["field"]) == (400, field), (field, value, refused.text)
    for body in [{}, [], fine | {"events": "x"}, fine | {"active": 1}, fine | {"colour": "red"}, fine | {"url": None}]:
        refused = server.http.post("/api/v1/webhooks", json=body)
        assert refused.status_code == 400, (body, refused.text)
    assert server.http.get("/api/v1/webhooks").json()["items"] == []
    hook = server.http.post("/api/v1/webhooks", json=fine).json()
    one = f"/api/v1/webhooks/{hook['id']}"
    refused = server.http.post(f"{one}/test", json={"event": "nothing"})
    assert (refused.status_code, refused.json()["field"]) == (400, "event")
    assert server.http.patch(one, json={"url": "https://10.0.0.1/"}).status_code == 400
    assert server.http.get(one).json() == hook
    assert server.http.get(f"{one}/deliveries", params={"nextPageToken": "x"}).json()["field"] == "nextPageToken"
    for unknown in ("0", "01", "x", "9" * 30, str(int(hook["id"]) + 1)):
        for method, path in [("GET", ""), ("DELETE", ""), ("GET", "/deliveries")]:
            assert server.http.request(method, f"/api/v1/webhooks/{unknown}{path}").status_code == 404


def test_whoever_does_not_manage_the_workspace_sees_none(accounts: Accounts) -> None:
    wanted = {"name": "ci", "url": "https://[2001:4860:4860::8888]:9/", "events": CREATED, "active": False}
    made = accounts.admin.http.post("/api/v1/webhooks", json=wanted)
    assert made.status_code == 201, made.text
    writer = accounts.service("writer", "writer")
    for method, path in [("GET", ""), ("GET", f"/{made.json()['id']}"), ("DELETE", f"/{made.json()['id']}")]:
        assert writer.http.request(method, f"/api/v1/webhooks{path}").status_code == 403
