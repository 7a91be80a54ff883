"""What the tests of imports ask a Modelport server for."""

import base64
import io
import json
import os
import time
import zipfile
from collections import Counter

import pytest
from geti_server import Geti
from harness import Server, eventually

ENDED = ["succeeded", "failed", "cancelled"]
# Pauses are short, so that the tests are; what is asserted of them is their order.
QUICK = {
    "MODELPORT__JOBS__BACKOFF_SECONDS": "1",
    "MODELPORT__JOBS__ATTEMPTS": "2",
    "MODELPORT__JOBS__LEASE_SECONDS": "3",
    "MODELPORT__GETI__TIMEOUT_SECONDS": "20",
    "MODELPORT__LOG__LEVEL": "info,access=off",
}
LONG = bool(os.environ.get("MODELPORT_TEST_LONG"))
# What has to do with Geti alone, wherever things are kept.
anywhere = pytest.mark.parametrize("installation", ["embedded"], indirect=True)
PACKAGE = "POST .*deployment_package:download"


def start(server: Server, project: str, *models: str, of: str | None = None) -> str:
    wanted = [{"id": each} for each in models]
    named = {"server": of} if of else {}
    answer = server.http.post("/api/v1/imports", json={"project": project, "models": wanted, **named})
    assert answer.status_code == 202, answer.text
    assert answer.url.join(answer.headers["location"]).path == f"/api/v1/imports/{answer.json()['id']}"
    return answer.json()["id"]


def look(server: Server, identifier: str) -> dict:
    answer = server.http.get(f"/api/v1/imports/{identifier}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def ended(server: Server, identifier: str, seconds: float = 90) -> dict:
    def has_ended() -> dict | None:
        found = look(server, identifier)
        time.sleep(0.1)
        return found if found["state"] in ENDED else None

    return eventually(has_ended, "the end of the import", seconds)


def artifact(server: Server, identifier: str) -> dict:
    answer = server.kubeflow("GET", f"artifacts/{identifier}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def properties(server: Server, identifier: str) -> dict:
    """The free properties of an artifact, as plain values."""

    def plain(value: dict):
        match value["metadataType"]:
            case "MetadataIntValue":
                return int(value["int_value"])
            case "MetadataDoubleValue":
                return value["double_value"]
            case "MetadataBoolValue":
                return value["bool_value"]
            case "MetadataStructValue":
                return json.loads(base64.b64decode(value["struct_value"]))
            case _:
                return value["string_value"]

    return {name: plain(value) for name, value in artifact(server, identifier)["customProperties"].items()}


def bytes_of(server: Server, identifier: str) -> bytes:
    files = server.http.get(f"/api/v1/artifacts/{identifier}/files").json()["items"]
    assert len(files) == 1, files
    answer = server.http.get(f"/api/v1/artifacts/{identifier}/files/{files[0]['path']}", follow_redirects=True)
    assert answer.headers["content-type"] == "application/zip"
    return answer.content


def members(archive: bytes, folder: str | None = None) -> dict[str, bytes]:
    """The files of an archive; below that folder, which then has to be its first member."""
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        assert packed.testzip() is None
        names = packed.namelist()
        if folder:
            assert names[0] == f"{folder}/"
            assert all(name.startswith(names[0]) for name in names)
        prefix = f"{folder}/" if folder else ""
        return {name.removeprefix(prefix): packed.read(name) for name in names if not name.endswith("/")}


def models(server: Server) -> list[dict]:
    """Every model artifact that there is."""
    found, token = [], ""
    while True:
        query = {"pageSize": "100", **({"nextPageToken": token} if token else {})}
        page = server.kubeflow("GET", "model_artifacts", params=query).json()
        found += page["items"]
        if not (token := page["nextPageToken"]):
            return found


def repeated(geti: Geti) -> dict[str, int]:
    """What was asked for more than once."""
    return {line: times for line, times in Counter(each.line for each in geti.log).items() if times > 1}
