"""MLflow's own server, which shows that the tests say what stock behaviour is."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

import httpx
import mlflow
from harness import PATIENCE, Port, eventually

# Whether it is asked in place of Modelport's.
REFERENCE = bool(os.environ.get("MODELPORT_TEST_REFERENCE"))
# The files of its own pages; the client alone has none.
PAGES = Path(mlflow.__file__).parent / "server/js/build"


class Reference:
    """Its server over SQLite and a folder. Everything of it is in a process group of its own."""

    def __init__(self, folder: Path):
        self.port = Port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False)
        places = [
            "--backend-store-uri",
            f"sqlite:///{folder}/mlflow.db",
            "--artifacts-destination",
            str(folder / "artifacts"),
        ]
        command = [sys.executable, "-m", "mlflow", "server", *places, "--host", "127.0.0.1", "--port", str(self.port)]
        self.log = (folder / "server.log").open("w")
        self.process = subprocess.Popen(
            [*command, "--workers", "1"],
            cwd=folder,
            env={**os.environ, "MLFLOW_TRACKING_URI": "", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        eventually(self.answers, "an answer of MLflow's own server", 120)
        return self

    def answers(self) -> bool:
        try:
            return self.http.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(timeout=PATIENCE)

    def __exit__(self, *_details) -> None:
        self.stop()
        self.http.close()
        self.log.close()
        self.port.release()
