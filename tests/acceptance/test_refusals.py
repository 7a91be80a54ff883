"""How each API refuses: nobody, a wrong credential, what is hidden, and what is seen and not allowed."""

import base64

import httpx
import pytest
from callers import API, Accounts, Caller
from harness import Installation

KUBEFLOW = ["/api/model_registry/v1alpha3", "/api/model_registry/v1"]
TUS = {"Tus-Resumable": "1.0.0", "Upload-Length": "4"}
CHALLENGES = ['Bearer realm="modelport"', 'Basic realm="modelport"']
anywhere = pytest.mark.parametrize("installation", ["embedded"], indirect=True)


def target(model: str, path: str = "file.bin") -> str:
    """The metadata of a tus upload."""
    named = {"model": model, "version": "1", "path": path}
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in named.items())


def challenges(answer: httpx.Response) -> list[str]:
    return answer.headers.get_list("www-authenticate")


def check_shape(path: str, answer: httpx.Response) -> None:
    """The body is that of the API that the path belongs to."""
    body, status = answer.json(), answer.status_code
    if path.startswith("/api/model_registry"):
        codes = {401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
        assert body["code"] == codes[status], body
        assert set(body) == {"code", "message"}
    elif path.startswith(API):
        assert answer.headers["content-type"] == "application/problem+json"
        assert (body["status"], body["type"]) == (status, "about:blank")
    else:
        assert set(body) == {"detail"}, body


DOORS = [
    ("GET", f"{API}/models/digits/versions/1/files"),
    ("GET", f"{API}/changes"),
    ("POST", f"{API}/uploads"),
    ("GET", f"{API}/imports"),
    ("GET", f"{API}/nothing-of-that-name"),
    *[("GET", f"{prefix}/registered_models") for prefix in KUBEFLOW],
    ("POST", f"{KUBEFLOW[0]}/registered_models"),
]


def test_nobody_and_wrong_credentials(accounts: Accounts) -> None:
    for method, path in DOORS:
        for caller, bearer in [
            (accounts.anonymous(), CHALLENGES[0]),
            (Caller(accounts.server, "mp_wrong"), 'Bearer realm="modelport", error="invalid_token"'),
            (Caller(accounts.server, "a.b.c"), 'Bearer realm="modelport", error="invalid_token"'),
        ]:
            answer = caller.ask(method, path, 401)
            check_shape(path, answer)
            assert challenges(answer) == [bearer, CHALLENGES[1]]
            # A browser asks for a password by itself where Basic is offered; a script of a page is spared that.
            for mode, offered in [("cors", [bearer]), ("same-origin", [bearer]), ("navigate", [bearer, CHALLENGES[1]])]:
                assert challenges(caller.ask(method, path, 401, headers={"Sec-Fetch-Mode": mode})) == offered
    head = accounts.anonymous().ask("HEAD", f"{API}/models/digits/versions/1/files/file.bin", 401)
    assert challenges(head) == CHALLENGES


@anywhere
def test_a_large_body_of_nobody_is_not_read(accounts: Accounts) -> None:
    def body():
        for _ in range(1 << 10):
            yield bytes(1 << 20)

    try:
        assert accounts.anonymous().put("digits", content=body()).status_code == 401
    except httpx.TransportError:
        # The server answered, and closed the connection in the middle of it.
        pass
    metrics = accounts.anonymous().ask("GET", "/metrics", 200).text
    assert "modelport" in metrics


def test_what_everybody_may_look_at(accounts: Accounts) -> None:
    for path in ["/health/live", "/health/ready", "/metrics", "/docs/"]:
        for caller in (accounts.anonymous(), Caller(accounts.server, "mp_wrong")):
            assert caller.status("GET", path) == 200, path
    edge = f"http://127.0.0.1:{accounts.server.edge_port}"
    assert httpx.get(f"{edge}/health", trust_env=False).status_code == 200


def test_a_hidden_thing_is_absent(accounts: Accounts) -> None:
    admin, nobody = accounts.admin, accounts.service("nobody")
    admin.put("digits")
    [model] = admin.ask("GET", f"{KUBEFLOW[0]}/registered_models", 200).json()["items"]
    hidden, missing = model["id"], str(int(model["id"]) + 1_000_000)
    for method, path, options in [
        ("GET", f"{API}/models/%s/versions/1/files", {}),
        ("GET", f"{API}/models/%s/versions/1/files/file.bin", {}),
        ("DELETE", f"{API}/models/%s", {}),
        ("GET", f"{API}/models/%s/aliases", {}),
        ("PUT", f"{API}/models/%s/aliases/best", {"json": {"version": "1"}}),
        ("GET", f"{API}/models/%s/policy", {}),
        ("GET", f"{API}/nodes/%s/lineage", {}),
        ("GET", f"{API}/nodes/%s/history", {}),
        *[("GET", f"{prefix}/registered_models/%s", {}) for prefix in KUBEFLOW],
        *[("GET", f"{prefix}/registered_models/%s/versions", {}) for prefix in KUBEFLOW],
        *[("PATCH", f"{prefix}/registered_models/%s", {"json": {"description": "x"}}) for prefix in KUBEFLOW],
        ("GET", f"{KUBEFLOW[0]}/registered_model?name=%s", {}),
    ]:
        by_name = "/models/" in path or "name=" in path
        names = ("digits", "absent") if by_name else (hidden, missing)
        answers = [nobody.ask(method, path % name, **options) for name in names]
        assert [answer.status_code for answer in answers] == [404, 404], (path, answers[0].text)
        check_shape(path, answers[0])
        texts = [
            answer.text.replace(answer.headers.get("x-request-id", "-"), "").replace(name, "…")
            for answer, name in zip(answers, names, strict=True)
        ]
        assert texts[0] == texts[1], path
    assert nobody.models() == []
    assert nobody.ask("GET", f"{API}/changes", 200).json()["items"] == []


def test_seen_and_not_allowed(accounts: Accounts) -> None:
    accounts.admin.put("digits")
    viewer = accounts.service("viewer", "viewer")
    [model] = viewer.ask("GET", f"{KUBEFLOW[0]}/registered_models", 200).json()["items"]
    for method, path, options, permission in [
        ("GET", f"{API}/models/digits/versions/1/files/file.bin", {}, "download"),
        ("HEAD", f"{API}/models/digits/versions/1/files/file.bin", {}, None),
        ("PUT", f"{API}/models/digits/versions/1/files/file.bin", {"content": b"x"}, "write"),
        ("PUT", f"{API}/models/digits/aliases/best", {"json": {"version": "1"}}, "promote"),
        ("DELETE", f"{API}/models/digits?recursive=true", {}, "delete"),
        ("PUT", f"{API}/models/digits/policy", {"json": {"findings": {"danger": "allow"}}}, "manage"),
        ("GET", f"{API}/audit", {}, "audit"),
        ("POST", f"{API}/uploads", {"headers": TUS | {"Upload-Metadata": target("digits")}}, "write"),
        ("POST", f"{API}/uploads", {"headers": TUS | {"Upload-Metadata": target("new")}}, "create"),
        ("PATCH", f"{KUBEFLOW[0]}/registered_models/{model['id']}", {"json": {"description": "x"}}, "write"),
        ("POST", f"{KUBEFLOW[0]}/registered_models", {"json": {"name": "new"}}, "create"),
        ("POST", f"{KUBEFLOW[1]}/registered_models", {"json": {"name": "new"}}, "create"),
    ]:
        answer = viewer.ask(method, path, 403, **options)
        assert challenges(answer) == []
        if permission:
            check_shape(path, answer)
            assert f"`{permission}`" in answer.text, answer.text


def test_anonymous_callers(accounts: Accounts) -> None:
    accounts.admin.put("digits")
    stranger = accounts.anonymous()
    assert stranger.put("digits").status_code == 401
    binding = accounts.bind("reader", all="everyone")
    assert (stranger.models(), stranger.get("digits").content) == (["digits"], b"content")
    assert stranger.put("digits").status_code == 403
    stranger.ask("POST", f"{KUBEFLOW[0]}/registered_models", 403, json={"name": "x"})
    # A wrong credential is never taken for none.
    assert Caller(accounts.server, "mp_wrong").get("digits").status_code == 401
    assert accounts.anonymous(Authorization="Basic").get("digits").status_code == 401
    assert accounts.service("nobody").get("digits").content == b"content"
    accounts.unbind(binding)
    assert stranger.get("digits").status_code == 401
    accounts.bind("reader", all="authenticated")
    assert stranger.get("digits").status_code == 401
    assert accounts.service("somebody").get("digits").content == b"content"
    for role in ("admin", "auditor"):
        body = {"role": role, "subject": {"all": "everyone"}}
        assert accounts.admin.status("POST", f"{API}/bindings", json=body) == 400


def edge(accounts: Accounts, token: str | None = None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"http://127.0.0.1:{accounts.server.edge_port}"
    return httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60)


def register(client: httpx.Client, archive: bytes, name: str = "pallet") -> httpx.Response:
    files = {"file": ("m.zip", archive, "application/zip")}
    return client.post("/models", data={"name": name, "version": "1"}, files=files)


# The smallest archive: one that is empty.
ARCHIVE = b"PK\5\6" + bytes(18)


def test_the_edge_listener_s_principal(installation: Installation) -> None:
    """Its stock clients send nothing, so that all of them are one principal."""
    accounts = Accounts.of(installation, {"MODELPORT__EDGE__PRINCIPAL": "pipelines"})
    stock, trainer = edge(accounts), edge(accounts, accounts.service("trainer", "writer").token)
    assert stock.get("/models").json() == []
    refused = register(stock, ARCHIVE)
    assert (refused.status_code, "`create`" in refused.text) == (403, True)
    created = register(trainer, ARCHIVE)
    assert created.status_code == 201, created.text
    assert stock.get(f"/models/{created.text}/files").status_code == 404
    everybody = accounts.admin.ask("GET", f"{API}/principals", 200).json()["items"]
    [who] = [each for each in everybody if each["issuer"] == "listener"]
    assert who["subject"] == "pipelines"
    accounts.bind("reader", principal=who["handle"])
    assert [each["name"] for each in stock.get("/models", params={"name": "pallet"}).json()] == ["pallet"]
    assert stock.get(f"/models/{created.text}/files").content == ARCHIVE
    assert edge(accounts, "mp_wrong").get("/models").status_code == 401
    accounts.server.stop()


def test_an_edge_listener_of_strangers(accounts: Accounts) -> None:
    answer = edge(accounts).get("/models")
    assert (answer.status_code, set(answer.json())) == (401, {"detail"})
    assert challenges(answer) == CHALLENGES
    reader = edge(accounts, accounts.service("reader", "reader").token)
    assert reader.get("/models").json() == []
