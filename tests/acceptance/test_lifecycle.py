"""How the server starts and stops."""

import hashlib
import os
from pathlib import Path

import httpx
import pytest
from harness import Installation, Port, Services, SlowUpload, eventually

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


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_a_listener_that_other_machines_reach_has_to_be_meant(installation: Installation) -> None:
    others = ("--grpc-listen", "none", "--edge-listen", "none")
    output = installation.run("serve", "--listen", "0.0.0.0:0", *others, expect=1)
    assert "`server.listen` is `0.0.0.0:0`" in output and "auth.allow_anybody" in output
    port = Port()
    names = {"MODELPORT__SERVER__ALLOWED_HOSTS": "models.lan,*.svc"}
    with installation.log.open("a") as log:
        meant = ("--listen", f"0.0.0.0:{port}", "--allow-anybody", *others)
        process = installation.spawn("serve", *meant, variables=names, stdout=log, stderr=log)
    try:

        def status(path: str, host: str) -> int:
            try:
                url = f"http://127.0.0.1:{port}{path}"
                return httpx.get(url, headers={"Host": host}, trust_env=False, timeout=30).status_code
            except httpx.TransportError:
                return 0

        # A probe asks by whatever name it knows.
        eventually(lambda: status("/health/ready", "probe.example") == 200, "readiness")
        for host in ["models.lan", "registry.team.svc:8080", "localhost", "192.0.2.1"]:
            assert status("/api/v1/changes", host) == 200, host
        for host in ["evil.example", "svc", "models.lan.evil.example"]:
            assert status("/api/v1/changes", host) == 403, host
        assert "no authentication on 0.0.0.0" in installation.log.read_text()
    finally:
        process.terminate()
        process.wait()
        port.release()
