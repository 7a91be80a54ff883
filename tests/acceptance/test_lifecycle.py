"""How the server starts and stops."""

import hashlib
import os
from pathlib import Path

import pytest
from harness import Installation, Services, SlowUpload, eventually

MIB = 2**20
# A debug build is larger and slower than what users run.
RELEASE = Path(os.environ.get("MODELPORT_BIN", "")).parent.name == "release"
START_SECONDS = 1.0 if RELEASE else 5.0
NOWHERE = ("--listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0", "--edge-listen", "127.0.0.1:0")
IDLE_BYTES = 50 * MIB if RELEASE else 150 * MIB


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_the_embedded_default_starts_at_once_and_is_small(installation: Installation, figures: list[str]) -> None:
    server = installation.serve()
    assert server.kubeflow("GET", "registered_models").status_code == 200
    resident = server.memory("VmRSS")
    build = "release" if RELEASE else "debug"
    figures.append(f"start-up of the {build} build: {server.start_seconds:.3f} s, limit {START_SECONDS:.0f} s")
    figures.append(f"idle memory of the {build} build: {resident / MIB:.1f} MiB, limit {IDLE_BYTES / MIB:.0f} MiB")
    assert server.start_seconds < START_SECONDS
    assert resident < IDLE_BYTES
    server.stop()


def test_a_stop_waits_for_the_upload_under_way(installation: Installation) -> None:
    server = installation.serve()
    before = installation.kept()
    data = os.urandom(64 * MIB)
    upload = SlowUpload(server, "/api/v1/models/m/versions/1/files/f", len(data))
    upload.send(data[: 40 * MIB])
    eventually(lambda: installation.kept() > before, "the arrival of bytes in the store")
    server.terminate()
    eventually(lambda: server.ready() != 200, "unreadiness")
    assert server.ready() == 503
    assert not server.exited()
    upload.send(data[40 * MIB :])
    assert upload.finish() == 201
    assert server.ended() == 0

    server = installation.serve()
    assert hashlib.sha256(server.get("m", "1", "f").content).digest() == hashlib.sha256(data).digest()
    server.stop()


def test_health_is_asked_from_the_command_line(installation: Installation) -> None:
    server = installation.serve()
    address = ("--listen", f"127.0.0.1:{server.port}")
    installation.run("healthcheck", *address)
    server.stop()
    installation.run("healthcheck", *address, expect=1)


def test_a_database_without_tables_is_refused(services: Services, tmp_path: Path) -> None:
    with Installation.production(tmp_path, services) as installation:
        assert "modelport migrate" in installation.run("serve", *NOWHERE, expect=1)
        installation.run("migrate")
        installation.run("migrate")
        installation.serve().stop()


def test_wrong_settings_are_all_named(installation: Installation) -> None:
    wrong = {"MODELPORT__SERVER__WORKERS": "many", "MODELPORT__LOG__FORMAT": "rhyme"}
    installation.settings |= wrong
    output = installation.run("serve", "--listen", "nowhere", expect=1)
    for setting in ("server.listen", "server.workers", "log.format"):
        assert setting in output
