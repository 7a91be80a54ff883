"""Which workspace a request is about, through each API over HTTP, and the same names in two of them."""

import base64
import io
import zipfile

import httpx
import pytest
from callers import API, Accounts, Caller, location
from harness import Installation

KUBEFLOW = "/api/model_registry/v1alpha3"
HEADER = "X-Modelport-Workspace"
A, B = "/w/team-a", "/w/team-b"
anywhere = pytest.mark.parametrize("installation", ["embedded"], indirect=True)


@pytest.fixture
def teams(accounts: Accounts) -> Accounts:
    """Two workspaces besides the default."""
    accounts.workspace("team-a")
    accounts.workspace("team-b")
    return accounts


def test_the_same_names_in_two_workspaces(teams: Accounts) -> None:
    admin = teams.admin
    for prefix in ("", A, B):
        content = f"of {prefix or 'the default'}".encode()
        model = {"name": "digits", "externalId": "one"}
        made = admin.ask("POST", f"{prefix}{KUBEFLOW}/registered_models", 201, json=model)
        stored = admin.put("digits", content, prefix)
        assert stored.status_code == 201, stored.text
        admin.ask("PUT", f"{prefix}{API}/models/digits/aliases/best", json={"version": "1"})
        again = admin.ask("POST", f"{prefix}{KUBEFLOW}/registered_models", json={"name": "digits"})
        assert again.status_code == 409
        # What the answers name leads back to the workspace.
        for url in [location(stored), stored.json()["url"]]:
            found = admin.ask("GET", url, follow_redirects=True)
            assert (found.status_code, found.content) == (200, content), url
        by_name = admin.ask("GET", f"{prefix}{KUBEFLOW}/registered_model", 200, params={"name": "digits"}).json()
        by_other = admin.ask("GET", f"{prefix}{KUBEFLOW}/registered_model", 200, params={"externalId": "one"}).json()
        assert by_name["id"] == by_other["id"] == made.json()["id"]
        assert (admin.models(prefix), admin.get("digits", prefix).content) == (["digits"], content)
        best = admin.ask("GET", f"{prefix}{API}/models/digits/versions/@best/files/file.bin", 200)
        assert best.content == content
    admin.ask("DELETE", f"{A}{API}/models/digits", 204, params={"recursive": "true", "force": "true"})
    assert [admin.models(prefix) for prefix in ("", A, B)] == [["digits"], [], ["digits"]]
    assert admin.get("digits", B).content == b"of /w/team-b"


def test_path_and_header(teams: Accounts) -> None:
    teams.admin.put("of-a", prefix=A)
    teams.admin.put("of-b", prefix=B)
    names = {"in the path": {"prefix": A}, "in a header": {"headers": {HEADER: "team-a"}}}
    for how, options in names.items():
        assert teams.admin.models(**options) == ["of-a"], how
    # The path is nearer to what is asked for.
    assert teams.admin.models(A, headers={HEADER: "team-b"}) == ["of-a"]
    for path in ("/w/nothing", "/w/TEAM-A", "/w/team-a%2F", "/w/%00"):
        assert teams.admin.status("GET", f"{path}{KUBEFLOW}/registered_models") in (400, 404), path
    for slug in ("nothing", "Team A", ""):
        answer = teams.admin.ask("GET", f"{KUBEFLOW}/registered_models", headers={HEADER: slug})
        assert answer.status_code == 404, (slug, answer.text)
    assert teams.admin.status("GET", "/w/team-a") == 404


def test_an_id_of_another_workspace(teams: Accounts) -> None:
    """Ids are found wherever they are, but not where the request says another place."""
    made = teams.admin.ask("POST", f"{A}{KUBEFLOW}/registered_models", 201, json={"name": "digits"}).json()["id"]
    url = f"{KUBEFLOW}/registered_models/{made}"
    found = {prefix: teams.admin.status("GET", prefix + url) for prefix in ("", A, B, "/w/default")}
    assert found == {"": 200, A: 200, B: 404, "/w/default": 404}
    assert teams.admin.status("PATCH", B + url, json={"description": "x"}) == 404


def test_roles_of_one_workspace(teams: Accounts) -> None:
    teams.admin.put("digits", prefix=A)
    teams.admin.put("digits", prefix=B)
    writer = teams.service("writer", "writer", "team-a")
    # A service account works where it belongs.
    assert writer.whoami()["workspace"] == "team-a"
    assert (writer.models(), writer.models(A), writer.models("/w/default")) == (["digits"], ["digits"], [])
    assert writer.put("faces").status_code == writer.put("more", prefix=A).status_code == 201
    hidden = writer.ask("GET", f"{B}{API}/models/digits/versions/1/files")
    missing = writer.ask("GET", f"/w/nothing{API}/models/digits/versions/1/files")
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert writer.put("digits", prefix=B).status_code in (403, 404)
    assert [each["slug"] for each in writer.ask("GET", f"{API}/workspaces", 200).json()["items"]] == ["team-a"]


def test_a_hidden_workspace_is_absent(teams: Accounts) -> None:
    """Nobody learns which workspaces there are by asking for their names."""
    writer = teams.service("writer", "writer", "team-a")
    paths = [f"{API}/whoami", f"{API}/changes", f"{API}/models/digits/versions/1/files"]
    for path in [*paths, f"{KUBEFLOW}/registered_models"]:
        hidden, missing = (writer.ask("GET", f"/w/{slug}{path}") for slug in ("team-b", "team-x"))
        texts = [
            answer.text.replace(answer.headers["x-request-id"], "").replace(slug, "…")
            for answer, slug in [(hidden, "team-b"), (missing, "team-x")]
        ]
        assert (hidden.status_code, texts[0]) == (missing.status_code, texts[1]), path


def test_a_token_s_only_workspace_and_a_principal_s_default(teams: Accounts) -> None:
    teams.admin.put("of-a", prefix=A)
    teams.admin.put("of-b", prefix=B)
    teams.admin.put("of-default")
    reader = teams.service("reader", "reader")
    assert reader.models() == ["of-default"]

    def holder(*workspaces: str) -> Caller:
        return Caller(teams.server, teams.token("reader", workspaces=list(workspaces)))

    assert holder("team-a").models() == ["of-a"]
    # Two are no answer.
    assert holder("team-a", "team-b").models() == []
    assert holder("team-a", "team-b").models(B) == ["of-b"]
    assert holder("team-a").status("GET", f"{B}{API}/models/of-b/versions/1/files") == 404
    teams.admin.ask("PATCH", f"{API}/principals/reader", 200, json={"workspace": "team-b"})
    assert (reader.models(), holder("team-a").models()) == (["of-b"], ["of-a"])
    assert reader.models("/w/default") == ["of-default"]


def test_resumable_uploads(teams: Accounts) -> None:
    writer = teams.service("writer", "writer", "team-a")
    metadata = {"model": "digits", "version": "1", "path": "file.bin"}
    encoded = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in metadata.items())
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "7", "Upload-Metadata": encoded}
    for path, where in [(f"{A}{API}/uploads", {}), (f"{API}/uploads", {}), (f"{API}/uploads", {HEADER: "team-a"})]:
        begun = writer.ask("POST", path, 201, headers=headers | where)
        patch = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        sent = writer.ask("PATCH", location(begun), headers=patch, content=b"content")
        assert sent.status_code == 204, sent.text
        assert writer.get("digits", A).content == b"content"
        writer.ask("DELETE", f"{A}{API}/models/digits", params={"recursive": "true"})
    assert teams.admin.models() == []


def test_the_edge_listener_s_workspace(installation: Installation) -> None:
    accounts = Accounts.of(installation)
    accounts.workspace("team-a")
    accounts.server.stop()
    installation.settings |= {"MODELPORT__EDGE__WORKSPACE": "team-a", "MODELPORT__EDGE__PRINCIPAL": "pipelines"}
    accounts.server = installation.serve()
    accounts.admin = accounts.admin.at(accounts.server)
    client = httpx.Client(base_url=f"http://127.0.0.1:{accounts.server.edge_port}", trust_env=False, timeout=60)
    assert client.get("/models").json() == []
    accounts.bind("writer", workspace="team-a", principal="pipelines")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("pallet/pallet.xml", "<model/>")
    files = {"file": ("pallet.zip", buffer.getvalue(), "application/zip")}
    made = client.post("/models", data={"name": "pallet", "version": "1"}, files=files)
    assert made.status_code == 201, made.text
    assert [each["name"] for each in client.get("/models").json()] == ["pallet"]
    assert (accounts.admin.models(A), accounts.admin.models()) == (["pallet"], [])
    accounts.server.stop()


@anywhere
def test_workspaces_without_accounts(installation: Installation) -> None:
    """They divide names where nobody has to say who they are, too."""
    accounts = Accounts.of(installation)
    accounts.workspace("team-a")
    accounts.server.stop()
    installation.settings["MODELPORT__AUTH__MODE"] = "off"
    server = installation.serve()
    anybody = Caller(server)
    anybody.put("digits", b"a", A)
    anybody.put("digits", b"default")
    assert (anybody.get("digits", A).content, anybody.get("digits").content) == (b"a", b"default")
    # A credential means nothing there.
    assert Caller(server, "mp_wrong").models(A) == ["digits"]
    server.stop()
