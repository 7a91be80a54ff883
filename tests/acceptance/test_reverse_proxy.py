"""The server behind nginx, by the configuration that the documentation has."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from harness import KUBEFLOW, PATIENCE, ROOT, Installation, Port, Server, eventually
from test_resumable import CLIENTS, Client, tus_js_client, tuspy

PAGE = ROOT / "docs/operating/reverse-proxies.md"
# As the page says that it must not be.
DECODING = """
server {
    listen 80;
    location /registry/ { proxy_pass http://127.0.0.1:8080/; }
}
"""
PLAIN = """
server {
    listen 80;
    location / {
        proxy_pass http://127.0.0.1:8080;
        proxy_set_header Host $http_host;
    }
}
"""


def documented() -> str:
    [block] = re.findall(r"^```nginx\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return block


@contextmanager
def nginx(folder: Path, port: int, server: Server, configuration: str) -> Iterator[None]:
    """nginx with that configuration, at that port, before that server."""
    program = subprocess.check_output([ROOT / "scripts/tools", "nginx"], text=True).strip()
    configuration = configuration.replace("listen 80;", f"listen 127.0.0.1:{port};")
    configuration = configuration.replace("127.0.0.1:8080", f"127.0.0.1:{server.port}")
    assert "80;" not in configuration.replace(f"{port};", "").replace(f"{server.port};", "")
    folder.mkdir()
    kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    places = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    whole = f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;\nevents {{}}\n"
    (folder / "nginx.conf").write_text(f"{whole}http {{ access_log off;\n{places}\n{configuration}\n}}")
    command = [program, "-e", folder / "errors", "-p", folder, "-c", folder / "nginx.conf"]
    process = subprocess.Popen(command)
    try:

        def answers() -> bool:
            assert process.poll() is None, (folder / "errors").read_text()
            try:
                return httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code < 600
            except httpx.TransportError:
                return False

        eventually(answers, "nginx")
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def through(port: int) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE, trust_env=False)


@pytest.fixture
def behind(installation: Installation, tmp_path: Path) -> Iterator[tuple[str, httpx.Client, Server]]:
    """What clients address, a client of it, and the server behind the path of the page's configuration."""
    port = Port()
    base = f"http://127.0.0.1:{port.number}/registry"
    server = installation.serve(variables={"MODELPORT__SERVER__PUBLIC_URL": base})
    with nginx(tmp_path / "nginx", port.number, server, documented()), through(port.number) as http:
        yield base, http, server
    server.stop()


def test_files_below_a_path(behind: tuple[str, httpx.Client, Server]) -> None:
    base, http, _ = behind
    content = os.urandom(3_000_000)
    asked = f"{base}/api/v1/models/org%2Fdemo/versions/1%2F2/files/dir/we%20ights.bin"
    stored = http.put(asked, content=content)
    assert stored.status_code == 201, stored.text
    location = urljoin(asked, stored.headers["location"])
    assert location == stored.json()["url"] and location.startswith(f"{base}/api/v1/artifacts/")
    assert http.get(location).content == content
    assert http.get(asked).content == content
    assert http.get(asked, headers={"range": "bytes=1-3"}).content == content[1:4]
    shown = http.get(f"{base}/api/v1/models/org%2Fdemo/versions/1%2F2").json()
    assert (shown["model"], shown["name"]) == ("org/demo", "1/2")
    artifact = http.get(f"{base}{KUBEFLOW}/model_artifacts").json()["items"][0]
    assert artifact["uri"] == location


@pytest.mark.parametrize("program", [tuspy, tus_js_client], ids=["py", "js"])
def test_resumable_uploads_below_a_path(behind: tuple[str, httpx.Client, Server], tmp_path: Path, program) -> None:
    base, http, server = behind
    path = tmp_path / "file"
    path.write_bytes(content := os.urandom(9_000_000))
    server.url = base
    metadata = {"model": "org/demo", "version": "1", "path": "f"}
    client = Client(program(), server, None, path, 4_000_000, metadata)
    client.until(len(content) + 1)
    assert client.process.wait(PATIENCE) == 0 and client.done
    assert client.url.startswith(f"{base}/api/v1/uploads/")
    assert http.get(f"{base}/api/v1/models/org%2Fdemo/versions/1/files/f").content == content


def test_parallel_uploads_below_a_path(behind: tuple[str, httpx.Client, Server], tmp_path: Path) -> None:
    base, http, _ = behind
    path = tmp_path / "file"
    path.write_bytes(content := os.urandom(9_000_000))
    metadata = json.dumps({"model": "demo", "version": "1", "path": "f"})
    command, variables = tus_js_client()
    command = ["node", CLIENTS / "parallel.cjs", f"{base}/api/v1/uploads", path, "2", metadata, "-"]
    environment = {**os.environ, **variables, "NO_PROXY": "*"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert http.get(f"{base}/api/v1/models/demo/versions/1/files/f").content == content


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_the_documents_below_a_path(behind: tuple[str, httpx.Client, Server]) -> None:
    base, http, _ = behind
    asked = http.get(f"{base}/docs")
    page = urljoin(f"{base}/docs", asked.headers["location"])
    assert page == f"{base}/docs/"
    sources = re.findall(r'(?:src|href)="([^"]+\.(?:js|css))"', http.get(page).text)
    assert sources
    scripts = {source: http.get(urljoin(page, source)) for source in sources}
    assert {answer.status_code for answer in scripts.values()} == {200}
    names = {name for answer in scripts.values() for name in re.findall(r'"([\w-]+\.json)"', answer.text)}
    assert {"native.json", "kubeflow.json", "kubeflow-v1.json"} <= names
    for name in ["native.json", "kubeflow.json", "kubeflow-v1.json"]:
        place = urljoin(page, name)
        document = http.get(place).json()
        server = urljoin(place, document["servers"][0]["url"]).rstrip("/")
        path = next(path for path in document["paths"] if path.endswith(("/registered_models", "/changes")))
        assert http.get(server + path).status_code == 200


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_without_a_public_url_the_host_says_where_clients_are(installation: Installation, tmp_path: Path) -> None:
    port = Port()
    server = installation.serve()
    with nginx(tmp_path / "nginx", port.number, server, PLAIN), through(port.number) as http:
        stored = http.put("/api/v1/models/org%2Fdemo/versions/1/files/f", content=b"x")
        assert stored.status_code == 201, stored.text
        assert stored.json()["url"].startswith(f"http://127.0.0.1:{port.number}/api/v1/")
        assert http.get(stored.json()["url"]).content == b"x"
        document = http.get("/docs/native.json").json()
        assert urljoin(f"http://127.0.0.1:{port.number}/docs/native.json", document["servers"][0]["url"]).endswith(
            f":{port.number}/"
        )
    server.stop()


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_a_proxy_that_decodes_paths_asks_for_something_else(installation: Installation, tmp_path: Path) -> None:
    """What the page warns of is so."""
    port = Port()
    server = installation.serve()
    with nginx(tmp_path / "nginx", port.number, server, DECODING), through(port.number) as http:
        assert server.http.put("/api/v1/models/org%2Fdemo/versions/1/files/f", content=b"x").status_code == 201
        assert http.get("/registry/api/v1/models/org%2Fdemo/versions/1/files/f").status_code == 404
        assert http.get("/registry/api/v1/changes").status_code == 200
    server.stop()


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
@pytest.mark.parametrize("url, is_warned", [("http://0.0.0.0:8080", True), ("http://models.example.org", False)])
def test_a_start_with_an_unusable_url_warns(installation: Installation, url: str, is_warned: bool) -> None:
    server = installation.serve(variables={"MODELPORT__SERVER__PUBLIC_URL": url})
    server.stop()
    assert ("clients cannot use `server.public_url`" in installation.log.read_text()) == is_warned
