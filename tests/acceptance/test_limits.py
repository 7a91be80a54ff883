"""How much a workspace may hold, through each API over HTTP."""

import base64
import hashlib
import io
import zipfile
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from callers import API, Accounts, Caller, location
from harness import Installation, Server
from test_edge import archive, edge, upload

KUBEFLOW = "/api/model_registry/v1alpha3"
TUS = {"Tus-Resumable": "1.0.0"}
TEAM = "/w/team-a"
anywhere = pytest.mark.parametrize("installation", ["embedded"], indirect=True)


@pytest.fixture
def team(accounts: Accounts) -> Accounts:
    """A workspace besides the default."""
    accounts.workspace("team-a")
    return accounts


def limit(admin: Caller, slug: str = "team-a", **quota: int) -> None:
    admin.ask("PUT", f"{API}/workspaces/{slug}/quota", 200, json=quota)


def used(admin: Caller, slug: str = "team-a") -> dict[str, int]:
    shown = admin.ask("GET", f"{API}/workspaces/{slug}/quota", 200).json()
    return {name: each["used"] for name, each in shown.items()}


def described(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def refused(answer: httpx.Response, quota: str) -> str:
    """What a problem document says that refuses more than a quota allows."""
    assert answer.status_code == 507, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["title"], problem["field"]) == ("Insufficient Storage", quota)
    assert f"`{quota}`" in problem["detail"]
    return problem["detail"]


def test_a_quota_is_set_read_and_taken_away(team: Accounts) -> None:
    url = f"{API}/workspaces/team-a/quota"
    manager, writer = team.service("manager", "admin", "team-a"), team.service("writer", "writer", "team-a")
    stranger = team.service("stranger", "admin", "default")
    unlimited = {name: {"used": 0} for name in ("bytes", "files", "roots")}
    assert manager.ask("GET", url, 200).json() == unlimited
    quota = {"bytes": 10, "files": 2}
    limited = {"bytes": {"used": 0, "limit": 10}, "files": {"used": 0, "limit": 2}, "roots": {"used": 0}}
    assert team.admin.ask("PUT", url, 200, json=quota).json() == limited
    assert [who.status("PUT", url, json=quota) for who in (manager, writer, stranger)] == [403, 403, 404]
    assert [who.status("GET", url) for who in (manager, writer, stranger)] == [200, 403, 404]
    for wrong in [{"bytes": -1}, {"bytes": "1"}, {"bytes": 2**63}, {"bites": 1}, {"files": 1.5}]:
        answer = team.admin.ask("PUT", url, json=wrong)
        assert answer.status_code == 400, (wrong, answer.text)
    assert team.admin.status("PUT", f"{API}/workspaces/nothing/quota", json={}) == 404
    assert writer.put("m", b"0123456", TEAM).status_code == 201
    # Whoever manages the workspace learns what it holds; others may not see all of that.
    for content in (b"abcdefg", iter([b"abcdefg"])):
        assert refused(writer.put("m", content, TEAM, "other"), "bytes").endswith("allows 10 bytes, and this would be more")
    detail = refused(manager.put("m", b"abcdefg", TEAM, "other"), "bytes")
    assert detail.endswith("allows 10 bytes; 7 are used, and this would add 7")
    assert team.admin.ask("PUT", url, 200, json={}).json()["bytes"] == {"used": 7}
    assert writer.put("m", b"abcdefg", TEAM, "other").status_code == 201
    trail = team.admin.ask("GET", f"{API}/audit", 200, params={"action": "workspace.quota"}).json()["items"]
    assert [entry["details"]["after"] for entry in trail] == [
        {"bytes": None, "files": None, "roots": None},
        {"bytes": 10, "files": 2, "roots": None},
    ]


def test_what_is_added_through_the_native_api(team: Accounts) -> None:
    admin = team.admin
    admin.put("m", b"0123456789", TEAM)
    limit(admin, bytes=20, files=2, roots=1)
    # Before its bytes.
    metadata = described(model="m", version="1", path="big")
    tus = TUS | {"Upload-Length": "11", "Upload-Metadata": metadata}
    refused(admin.ask("POST", f"{TEAM}{API}/uploads", headers=tus), "bytes")
    # At its end: another was faster.
    tus = TUS | {"Upload-Length": "10", "Upload-Metadata": metadata}
    place = location(admin.ask("POST", f"{TEAM}{API}/uploads", 201, headers=tus))
    assert admin.put("m", b"01", TEAM, "small").status_code == 201
    added = TUS | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    refused(admin.ask("PATCH", place, headers=added, content=b"x" * 10), "bytes")
    refused(admin.put("m", b"", TEAM, "third"), "files")
    refused(admin.put("new", b"", TEAM), "files")
    admin.ask("DELETE", f"{TEAM}{API}/models/m/versions/1/files/small", 204)
    refused(admin.put("new", b"", TEAM), "roots")
    refused(admin.ask("POST", f"{TEAM}{API}/register", json={"model": {"name": "new"}, "version": {"name": "1"}}), "roots")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for name in ("one", "two"):
            zipped.writestr(name, name)
    packed = admin.ask("PUT", f"{TEAM}{API}/models/m/versions/1/files?unpack=true", content=buffer.getvalue())
    refused(packed, "files")
    # What there is may be replaced by what is smaller, and stored again.
    assert admin.put("m", b"0123456789", TEAM).status_code in (200, 204)
    limit(admin)
    assert admin.put("new", b"", TEAM).status_code == 201


def test_what_is_moved(team: Accounts) -> None:
    admin = team.admin
    admin.put("m", b"0123456789")
    limit(admin, bytes=9)
    model = admin.ask("GET", f"{API}/models/m", 200).json()["id"]
    refused(admin.ask("PATCH", f"{API}/roots/{model}", json={"workspace": "team-a"}), "bytes")
    limit(admin, bytes=10)
    admin.ask("PATCH", f"{API}/roots/{model}", 200, json={"workspace": "team-a"})
    assert (used(admin), used(admin, "default")["bytes"]) == ({"bytes": 10, "files": 1, "roots": 1}, 0)


def test_kubeflow_s_shape(team: Accounts) -> None:
    limit(team.admin, roots=1)
    models = f"{TEAM}{KUBEFLOW}/registered_models"
    made = team.admin.ask("POST", models, 201, json={"name": "first"}).json()["id"]
    for path in ("registered_models", "experiments", "serving_environments"):
        answer = team.admin.ask("POST", f"{TEAM}{KUBEFLOW}/{path}", json={"name": "second"})
        assert answer.status_code == 507
        body = answer.json()
        assert body.keys() == {"code", "message"}
        assert body["code"] == "Insufficient Storage"
        assert "`roots`" in body["message"]
    # Ones that are there go on.
    version = {"name": "1", "registeredModelId": made}
    team.admin.ask("POST", f"{TEAM}{KUBEFLOW}/model_versions", 201, json=version)
    team.admin.ask("PATCH", f"{models}/{made}", 200, json={"description": "changed"})
    assert team.admin.status("POST", f"{KUBEFLOW}/registered_models", json={"name": "second"}) == 201


def test_edge_s_shape(server: Server) -> None:
    """Without accounts the default workspace may have a quota, too."""
    admin, client = Caller(server), edge(server)
    content = archive("pallet/", "pallet/model.xml")
    fields = {"category": "Detection", "architecture": "YOLO", "project_name": "Pallets", "precision": "FP32"}
    limit(admin, "default", files=1)
    first = upload(client, content, name="pallet", version="1", **fields)
    assert first.status_code == 201, first.text
    second = upload(client, content, name="pallet", version="2", **fields)
    assert second.status_code == 507, second.text
    assert second.json().keys() == {"detail"}
    assert second.json()["detail"].endswith("allows 1 files; 1 are used, and this would add 1")
    assert client.delete(f"/models/{first.text}").status_code in (200, 204)
    assert upload(client, content, name="pallet", version="2", **fields).status_code == 201


def test_many_at_once_and_two_servers(installation: Installation, request: pytest.FixtureRequest) -> None:
    servers = [installation.serve()]
    if "production" in request.node.callspec.id:
        servers.append(installation.serve())
    callers = [Caller(server) for server in servers]
    limit(callers[0], "default", bytes=1000, files=7)

    def store(number: int) -> int:
        content = hashlib.sha256(str(number).encode()).digest()
        return callers[number % len(callers)].put(f"m{number % 3}", content, path=f"f{number}").status_code

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(store, range(60)))
    assert (statuses.count(201), statuses.count(507)) == (7, 53)
    assert used(callers[0], "default")["files"] == 7
    for path in [f"m{number % 3}/versions/1/files/f{number}" for number, status in enumerate(statuses) if status == 201]:
        callers[-1].ask("DELETE", f"{API}/models/{path}", 204)
    assert used(callers[0], "default")["bytes"] == 0
    assert [store(number) for number in range(100, 108)] == [201] * 7 + [507]
    for server in servers:
        server.stop()
