"""A large file through MLflow's artifact proxy, beside the same file through the native API of the same server."""

import hashlib
import json
import os
import shutil
import statistics
import sys
from pathlib import Path

from harness import Server
from load import Cost, Figures
from mlflow_registry import Client, Filled
from transfer import MIB, curl, downloaded_digest, generate, seconds

ROUNDS = 3
NATIVE = "/api/v1/models/large/versions/1/files"
PROXY = "/api/2.0/mlflow-artifacts/artifacts/"


def artifacts_url(filled: Filled) -> str:
    """Where the proxy has the files of a new run."""
    run = filled.new_runs(1)["run_ids"]
    _, answer = Client(filled.url).ask("GET", f"runs/get?run_id={run}")
    root = json.loads(answer)["run"]["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    return f"{filled.url}{PROXY}{root}"


def make_new(source: Path) -> None:
    """Changes the last bytes, so that a store that keeps the same bytes once does not know the file."""
    with source.open("r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(os.urandom(8))


def transfers(ours: Filled, server: Server, theirs: Filled | None, source: Path, mebibytes: int) -> list[dict[str, Figures]]:
    """MiB a second up and down, by who was asked: `proxy`, `native` and, where it is there, `MLflow`. Medians of rounds in turns."""
    if shutil.disk_usage(source.parent).free < 4 * ROUNDS * mebibytes * MIB:
        sys.exit(f"load: {source.parent} has no room for {4 * ROUNDS} times {mebibytes} MiB")
    generate(source, mebibytes)
    folders = {"proxy": artifacts_url(ours), "native": ours.url + NATIVE}
    if theirs:
        folders["MLflow"] = artifacts_url(theirs)
    taken: list[dict[str, list[float]]] = [{name: [] for name in folders} for _ in range(2)]
    found: list[dict[str, Figures]] = [{name: Figures(0, 0, 0, 0) for name in folders} for _ in range(2)]
    for number in range(ROUNDS):
        for name, folder in folders.items():
            make_new(source)
            # A file of a version is never replaced.
            url = f"{folder}/model-{number}.safetensors"
            for direction, arguments in enumerate((("-T", source), ())):
                cost = Cost(server)
                taken[direction][name].append(seconds(lambda: curl("-o", os.devnull, *arguments, url)))
                if name == "proxy":
                    cost.note(found[direction][name])
            if number == 0:
                check(url, source)
    for direction in range(2):
        for name, times in taken[direction].items():
            found[direction][name].throughput = mebibytes / statistics.median(times)
    source.unlink()
    return found


def check(url: str, source: Path) -> None:
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    assert downloaded_digest(url) == digest, "what came down is not what went up"
