#!/usr/bin/env python3
"""Measures whether an upload to the edge registry's API holds others up: how long `/health` and the list of 100 models take
while archives of many MiB arrive one after the other, beside what they take when the server has nothing else to do.

On local files with SQLite and on MinIO with PostgreSQL. Fails when a request fails, or when the server's peak memory reaches the
limit. Runs with the interpreter of `scripts/tools python-v1` below `scripts/with-services`: see `make edge`.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/acceptance"))
from harness import Installation, Server  # noqa: E402
from place import SET_UPS, installation  # noqa: E402

MIB = 2**20
PEAK_LIMIT = 100 * MIB
MODELS = 100
UPLOADS = 3
IDLE_SECONDS = 5.0
PAUSE = 0.005
PATHS = ("/health", "/models")


def poll(server: Server, work: Callable[[], object]) -> dict[str, list[float]]:
    """Milliseconds that each path took while `work` was done."""
    times: dict[str, list[float]] = {path: [] for path in PATHS}
    done = threading.Event()
    problems: list[str] = []

    def ask() -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.edge_port}", timeout=60, trust_env=False) as client:
            while not done.is_set():
                for path in PATHS:
                    started = time.perf_counter()
                    answer = client.get(path)
                    times[path].append((time.perf_counter() - started) * 1000)
                    if answer.status_code != 200:
                        problems.append(f"{path} answered {answer.status_code}")
                time.sleep(PAUSE)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        work()
    finally:
        done.set()
        asking.join()
    assert not problems, problems[0]
    return times


def upload(server: Server, archive: Path, version: int) -> None:
    """What a client sends: one form, its file streamed from the disk."""
    url = f"http://127.0.0.1:{server.edge_port}/models"
    form = ["-F", "name=large", "-F", f"version={version}", "-F", f"file=@{archive};type=application/zip"]
    subprocess.run(["curl", "-sf", "-o", os.devnull, *form, url], check=True)


def at(times: list[float], share: float) -> float:
    return sorted(times)[min(int(len(times) * share), len(times) - 1)]


def measure(set_up: str, made: Installation, small: Path, large: Path, mebibytes: int) -> int:
    with made:
        server = made.serve()
        for number in range(MODELS):
            upload(server, small, -1 - number)
        idle = poll(server, lambda: time.sleep(IDLE_SECONDS))
        started = time.monotonic()
        busy = poll(server, lambda: [upload(server, large, number) for number in range(UPLOADS)])
        rate = UPLOADS * mebibytes / (time.monotonic() - started)
        peak = server.memory("VmHWM")
        server.stop()
    for path in PATHS:
        for share in (0.5, 0.99):
            alone, beside = at(idle[path], share), at(busy[path], share)
            print(
                f"{set_up:10} {path:8} p{share * 100:.0f} {alone:6.1f} ms idle, {beside:6.1f} ms beside uploads: "
                f"{beside / alone:.1f} times",
                flush=True,
            )
    print(f"{set_up:10} {rate:.0f} MiB/s; peak memory {peak / MIB:.1f} MiB, limit {PEAK_LIMIT // MIB} MiB", flush=True)
    return peak


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, required=True, help="the modelport binary, of a release build")
    parser.add_argument("--mib", type=int, default=700, help="the size of an archive")
    options = parser.parse_args()
    os.environ["MODELPORT_BIN"] = str(options.binary.resolve())

    peaks = []
    with TemporaryDirectory(prefix="modelport-edge-") as temporary:
        folder = Path(temporary)
        small, large = folder / "small.zip", folder / "large.zip"
        for path, mebibytes in ((small, 0), (large, options.mib)):
            with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
                with archive.open("model/model.bin", "w", force_zip64=True) as member:
                    for _ in range(mebibytes):
                        member.write(os.urandom(MIB))
        for set_up in SET_UPS:
            place = folder / set_up
            place.mkdir()
            peaks.append(measure(set_up, installation(set_up, place), small, large, options.mib))
    return int(max(peaks) >= PEAK_LIMIT)


if __name__ == "__main__":
    sys.exit(main())
