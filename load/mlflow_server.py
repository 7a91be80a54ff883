"""MLflow's own server as it comes, beside which ours is measured: its number of workers and its jobs are the default ones."""

import os
import signal
import subprocess
import time
import uuid
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import httpx
from harness import PATIENCE, Port, Services, eventually

# What it reaches PostgreSQL with, which MLflow does not bring.
DRIVER = "psycopg2-binary==2.9.13"
# How long its workers may take to start, and until they are idle.
START_SECONDS, SETTLE_SECONDS = 300, 10


class MlflowServer:
    """MLflow's server over a PostgreSQL database of its own and a folder. Its processes are in a group of their own."""

    def __init__(self, python: Path, folder: Path, services: Services):
        folder.mkdir()
        driver, database = folder / "driver", f"mlflow_{uuid.uuid4().hex}"
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", driver, DRIVER]
        subprocess.run(install, check=True)
        services.sql(f"CREATE DATABASE {database}")
        self.database_url = urlsplit(services.postgres)._replace(scheme="postgresql", path=f"/{database}").geturl()
        self.port = Port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        store = self.database_url.replace("postgresql:", "postgresql+psycopg2:", 1)
        places = ["--backend-store-uri", store, "--artifacts-destination", folder / "artifacts"]
        # It leaves a lock where temporary files are.
        said = {"PYTHONPATH": str(driver), "TMPDIR": str(folder), "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_TRACKING_URI": ""}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [python, "-m", "mlflow", "server", *places, "--host", "127.0.0.1", "--port", str(self.port)],
                cwd=folder,
                env={**os.environ, **said},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        try:
            eventually(self.answers, f"an answer of MLflow's own server, see {self.log},", START_SECONDS)
        except BaseException:
            self.stop()
            raise
        time.sleep(SETTLE_SECONDS)
        return self

    def answers(self) -> bool:
        assert self.process.poll() is None, f"MLflow's own server ended: {self.log.read_text()[-2000:]}"
        try:
            return httpx.get(f"{self.url}/health", timeout=PATIENCE, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def processes(self) -> list[int]:
        """Those of its group that run."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                state, _, group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            except OSError:
                continue
            if int(group) == self.process.pid and state != "Z":
                found.append(int(folder.name))
        return found

    def memory(self) -> int:
        """The resident memory of all its processes, in bytes."""
        pages = sum(int(Path(f"/proc/{process}/statm").read_text().split()[1]) for process in self.processes())
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.processes():
                os.killpg(self.process.pid, number)
            try:
                self.process.wait(timeout=PATIENCE)
                eventually(lambda: not self.processes(), "the end of MLflow's own server")
                break
            except (subprocess.TimeoutExpired, AssertionError):
                continue
        self.port.release()

    def __exit__(self, *_details) -> None:
        self.stop()
