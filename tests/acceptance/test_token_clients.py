"""The stock clients present a token and name their workspace, by nothing but what they offer for that."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from callers import API, Accounts, Caller
from harness import ROOT, Installation, Server
from model_registry import ModelRegistry
from model_registry.exceptions import StoreError
from mr_openapi.exceptions import ForbiddenException, UnauthorizedException

CLIENTS = ROOT / "tests/acceptance/tus"
FORMAT = {"model_format_name": "onnx", "model_format_version": "1"}
anywhere = pytest.mark.parametrize("installation", ["embedded"], indirect=True)


def registry(server: Server, token: str | None, path: str = "", **options) -> ModelRegistry:
    # With the port in the address, what stands behind it stays in front of the API's path.
    return ModelRegistry(
        f"http://127.0.0.1:{server.port}{path}", server.port, author="me", is_secure=False, user_token=token, **options
    )


def names(client: ModelRegistry) -> list[str]:
    return sorted(model.name for model in client.get_registered_models())


def test_kubeflow_s_client(accounts: Accounts) -> None:
    writer, reader = accounts.service("writer", "writer"), accounts.service("reader", "reader")
    client = registry(accounts.server, writer.token)
    model = client.register_model("digits", "s3://elsewhere/digits", version="1", **FORMAT)
    assert names(client) == ["digits"]
    looking = registry(accounts.server, reader.token)
    assert looking.get_registered_model("digits") == model
    model.description = "changed"
    with pytest.raises(ForbiddenException):
        looking.update(model)
    with pytest.raises(ForbiddenException):
        looking.register_model("mine", "s3://elsewhere/mine", version="1", **FORMAT)
    # Nothing of it is left.
    assert names(client) == ["digits"]
    assert client.update(model).description == "changed"


def test_kubeflow_s_client_of_somebody_without_roles(accounts: Accounts) -> None:
    accounts.admin.put("digits")
    client = registry(accounts.server, accounts.service("nobody").token)
    assert names(client) == []
    assert client.get_registered_model("digits") is None
    with pytest.raises(ForbiddenException):
        client.register_model("digits", "s3://elsewhere/digits", version="1", **FORMAT)


def test_kubeflow_s_client_without_a_token_that_counts(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KF_PIPELINES_SA_TOKEN_PATH", raising=False)
    for token in (None, "mp_wrong"):
        with pytest.raises((UnauthorizedException, StoreError)):
            registry(accounts.server, token)


@anywhere
def test_kubeflow_s_client_reads_its_token_from_a_file(
    accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a pod, where the token of the service account is mounted."""
    file = tmp_path / "token"
    file.write_text(accounts.service("writer", "writer").token)
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(file))
    assert names(registry(accounts.server, None)) == []


def test_kubeflow_s_client_in_a_workspace(accounts: Accounts) -> None:
    accounts.workspace("team-a")
    writer = accounts.service("writer", "writer")
    team, default = registry(accounts.server, writer.token, "/w/team-a"), registry(accounts.server, writer.token)
    for client, uri in [(team, "s3://elsewhere/a"), (default, "s3://elsewhere/default")]:
        client.register_model("digits", uri, version="1", **FORMAT)
    assert team.get_model_artifact("digits", "1").uri == "s3://elsewhere/a"
    assert default.get_model_artifact("digits", "1").uri == "s3://elsewhere/default"
    assert accounts.admin.models("/w/team-a") == names(team) == ["digits"]


def tuspy() -> tuple[list, dict[str, str]]:
    return [sys.executable, CLIENTS / "upload.py"], {}


def tus_js_client() -> tuple[list, dict[str, str]]:
    modules = subprocess.check_output([ROOT / "scripts/tools", "tus-js-client"], text=True).strip()
    return ["node", CLIENTS / "upload.cjs"], {"NODE_PATH": modules}


@pytest.mark.parametrize("program", [tuspy, tus_js_client], ids=["py", "js"])
def test_tus_clients(accounts: Accounts, tmp_path: Path, program) -> None:
    accounts.workspace("team-a")
    writer, reader = accounts.service("writer", "writer"), accounts.service("reader", "reader")
    file = tmp_path / "file"
    file.write_bytes(os.urandom(3_000_000))
    metadata = json.dumps({"model": "digits", "version": "1", "path": "file.bin"})
    command, variables = program()

    def upload(caller: Caller | None, path: str, **headers: str) -> bool:
        if caller:
            headers["Authorization"] = f"Bearer {caller.token}"
        given = {"TUS_HEADERS": json.dumps(headers), "TUS_RETRIES": "0"}
        environment = {**os.environ, **variables, "NO_PROXY": "*", **given}
        arguments = [f"{accounts.server.url}{path}{API}/uploads", "-", file, "1000000", metadata]
        ended = subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, timeout=120)
        return ended.stdout.endswith("done\n")

    assert not upload(None, "")
    assert not upload(reader, "")
    assert accounts.admin.models() == []
    assert upload(writer, "")
    assert upload(writer, "/w/team-a")
    for prefix in ("", "/w/team-a"):
        assert writer.get("digits", prefix).content == file.read_bytes()
    accounts.admin.ask("DELETE", f"/w/team-a{API}/models/digits", 204, params={"recursive": "true"})
    assert upload(writer, "", **{"X-Modelport-Workspace": "team-a"})
    assert writer.get("digits", "/w/team-a").content == file.read_bytes()


@anywhere
def test_curl(accounts: Accounts, tmp_path: Path) -> None:
    writer = accounts.service("writer", "writer")
    url = f"{accounts.server.url}{API}/models/digits/versions/1/files/file.bin"
    secret = tmp_path / "header"
    secret.write_text(f"Authorization: Bearer {writer.token}\n")
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login any password {writer.token}\n")
    (tmp_path / "file").write_bytes(b"content")

    def curl(*arguments) -> tuple[str, str]:
        command = ["curl", "-sS", "--noproxy", "*", "-w", "%{http_code}", "-o", tmp_path / "answer", *arguments, url]
        code = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return code, (tmp_path / "answer").read_text()

    assert curl()[0] == "401"
    assert curl("-T", tmp_path / "file", "-H", f"@{secret}")[0] == "201"
    secretly = [["-H", f"@{secret}"], ["--netrc-file", netrc]]
    for how in [*secretly, ["-u", f":{writer.token}"], ["--oauth2-bearer", writer.token]]:
        assert curl(*how) == ("200", "content")
