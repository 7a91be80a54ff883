"""What a server says at its start: everything that whoever started it has to know, and nothing else."""

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from harness import ROOT, Installation


def said(installation: Installation, *variables: tuple[str, str]) -> list[str]:
    """The messages of a server that was started and stopped, with their levels."""
    installation.log.unlink(missing_ok=True)
    server = installation.serve(variables=dict(variables))
    server.stop()
    lines = installation.log.read_text().splitlines()
    # The time and who says it are not the message; requests have a log of their own.
    found = [re.fullmatch(r"\S+ (\w+) +([\w:]+): (.*)", line) for line in lines]
    assert all(found), lines
    messages = [f"{each[1]} {each[3]}" for each in found if each[2] != "access"]
    places = {str(server.port): "HTTP", str(server.grpc_port): "GRPC", str(server.edge_port): "EDGE"}
    return [re.sub("|".join(places), lambda port: places[port[0]], message) for message in messages]


def test_a_start_says_where_everything_is(installation: Installation) -> None:
    messages = said(installation)
    version = subprocess.check_output([os.environ["MODELPORT_BIN"], "--version"], text=True).split()[1]
    url = installation.places[installation.places.index("--database-url") + 1]
    location = urlsplit(url)
    database = url.replace(f":{location.password}@", ":***@") if location.password else url
    migrations = sorted(path.name.split("_")[0] for path in (ROOT / "migrations/sqlite").iterdir())
    expected = [
        f"INFO modelport {version}",
        "INFO no authentication: everybody on this machine can read, change and remove everything",
        f"INFO applied {len(migrations)} migrations, `{migrations[0]}` to `{migrations[-1]}`",
        f"INFO metadata in {database}, files in {installation.store.url}",
        "INFO listening on http://127.0.0.1:HTTP: REST of Kubeflow and of MLflow and of Modelport",
        "INFO API documents are at http://127.0.0.1:HTTP/docs/",
        "INFO listening on http://127.0.0.1:EDGE: REST of Intel's edge model registry",
        "INFO listening on 127.0.0.1:GRPC: gRPC of ML Metadata",
    ]
    if location.scheme != "sqlite":
        # `modelport migrate` did so before.
        expected.pop(2)
    assert messages.pop() == "INFO shutting down signal=SIGTERM"
    # Said once in the life of an installation.
    [met] = [message for message in messages if "is the object store of this database from now on" in message]
    assert [message for message in messages if message != met] == expected
    again = said(installation)
    assert [message for message in again if "migration" in message or "object store" in message] == []


def test_the_documents_are_where_clients_reach_the_server(tmp_path: Path) -> None:
    with Installation.embedded(tmp_path) as installation:
        messages = said(installation, ("MODELPORT__SERVER__PUBLIC_URL", "https://models.example.org/registry/"))
    assert "INFO API documents are at https://models.example.org/registry/docs/" in messages


def test_what_the_framework_says_is_for_whoever_asks(tmp_path: Path) -> None:
    with Installation.embedded(tmp_path) as installation:
        said(installation)
        assert "actix" not in installation.log.read_text()
        said(installation, ("MODELPORT__LOG__LEVEL", "debug"))
        lines = [line for line in installation.log.read_text().splitlines() if " actix_server" in line]
        assert lines and all(" DEBUG " in line for line in lines), lines
