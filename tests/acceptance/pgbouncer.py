"""The real PgBouncer in transaction mode before the tests' PostgreSQL."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from harness import ROOT, Port, Services, eventually

# Fewer sessions than the server has connections, so that they are shared.
SESSIONS = 5
# The user that its Debian package and PostgreSQL's run as; neither runs as root.
USER = "postgres"


def program() -> str:
    return subprocess.check_output([ROOT / "scripts/tools", "pgbouncer"], text=True).strip()


@contextmanager
def pgbouncer(services: Services, **settings: str) -> Iterator[str]:
    """The URL of PostgreSQL's `postgres` database by way of a pooler with that configuration."""
    postgres = urlsplit(services.postgres)
    port = Port()
    configuration = {
        "listen_addr": "127.0.0.1",
        "listen_port": str(port),
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": "transaction",
        "default_pool_size": str(SESSIONS),
        "max_client_conn": "500",
        "server_round_robin": "1",
        **settings,
    }
    behind = f"host={postgres.hostname} port={postgres.port} user={postgres.username} password={postgres.password}"
    with TemporaryDirectory(prefix="modelport-pgbouncer-") as folder:
        ini = Path(folder) / "pgbouncer.ini"
        lines = [f"{name} = {value}" for name, value in configuration.items()]
        ini.write_text("\n".join(["[databases]", f"* = {behind}", "[pgbouncer]", *lines, ""]))
        user = {}
        if os.geteuid() == 0:
            user = {"user": USER, "group": USER, "extra_groups": []}
            for path in (folder, ini):
                shutil.chown(path, USER, USER)
        log = (Path(folder) / "log").open("w")
        process = subprocess.Popen([program(), ini], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **user)
        try:
            eventually(lambda: process.poll() is not None or listens(port.number), "the start of PgBouncer")
            assert process.poll() is None, (Path(folder) / "log").read_text()
            yield postgres._replace(netloc=f"{postgres.username}@127.0.0.1:{port}").geturl()
        finally:
            process.terminate()
            process.wait(timeout=10)
            port.release()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
