"""Bytes through the server, up and down, beside the same bytes streamed straight to and from the same store.

A MiB goes by many requests, what is larger by one. The large file is a model, so that the server inspects it; its digest
and the server's peak memory are checked.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from harness import Installation, LocalStore, S3Store, Server
from load import Cost, Figures, wrk
from place import installation
from report import Row
from scenarios import Target

MIB = 2**20
PEAK_LIMIT = 100 * MIB
# What a transfer of gigabytes has to reach of what the store does alone.
SHARE = Target(1, share=0.9)
GIGABYTES = 1024
FOLDER = "/api/v1/models/large/versions/1/files"
FILE = f"{FOLDER}/model.safetensors"
SMALL = "/api/v1/models/small/versions/1/files"
# Every object of the raw uploads is this one, which is deleted in the end.
RAW = "raw"


def generate(path: Path, mebibytes: int) -> str:
    """Writes a model that the server inspects, of bytes that neither compress nor repeat; their digest."""
    tensors = {
        f"layer.{number}": {"dtype": "F32", "shape": [MIB // 4], "data_offsets": [number * MIB, (number + 1) * MIB]}
        for number in range(mebibytes)
    }
    header = json.dumps(tensors).encode()
    header = len(header).to_bytes(8, "little") + header
    digest = hashlib.sha256(header)
    block = os.urandom(MIB)
    with path.open("wb") as file:
        file.write(header)
        for number in range(mebibytes):
            block = number.to_bytes(8, "big") + block[8:]
            digest.update(block)
            file.write(block)
        os.fsync(file.fileno())
    return digest.hexdigest()


def seconds(action: Callable[[], object]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


def curl(*arguments: object) -> None:
    subprocess.run(["curl", "--silent", "--show-error", "--fail", *map(str, arguments)], check=True)


def dd(source: Path, target: object, *options: str) -> None:
    subprocess.run(["dd", f"if={source}", f"of={target}", "bs=1M", "status=none", *options], check=True)


def downloaded_digest(url: str) -> str:
    """The digest of what a client receives, computed while it arrives."""
    with subprocess.Popen(["curl", "--silent", "--fail", url], stdout=subprocess.PIPE) as process:
        digest = hashlib.file_digest(process.stdout, "sha256").hexdigest()
    assert process.returncode == 0, f"the download ended with {process.returncode}"
    return digest


def presigned(store: S3Store, method: str) -> str:
    return store.client.generate_presigned_url(method, {"Bucket": store.bucket, "Key": RAW}, 36000)


def raw_seconds(store: LocalStore | S3Store, source: Path) -> tuple[float, float]:
    """What writing and reading the same bytes takes without the server."""
    if isinstance(store, LocalStore):
        copy = store.folder / RAW
        # What is called stored has reached the disk.
        result = seconds(lambda: dd(source, copy, "conv=fsync")), seconds(lambda: dd(copy, os.devnull))
        copy.unlink()
        return result
    write = seconds(lambda: store.client.upload_file(str(source), store.bucket, RAW))
    read = seconds(lambda: curl("-o", os.devnull, presigned(store, "get_object")))
    store.client.delete_object(Bucket=store.bucket, Key=RAW)
    return write, read


def large(made: Installation, server: Server, source: Path, mebibytes: int) -> list[Row]:
    """One file up and down; megabytes a second."""
    digest, url = generate(source, mebibytes), server.url + FILE
    raw = raw_seconds(made.store, source)
    rows = []
    for direction, other, arguments in (("upload", raw[0], ("-T", source)), ("download", raw[1], ())):
        cost = Cost(server)
        figures = Figures(mebibytes / seconds(lambda: curl("-o", os.devnull, *arguments, url)), 0, 0, 0)
        row = Row(f"{direction}_{mebibytes}mib", f"{direction} {mebibytes} MiB, MiB a second", "", 0, 1, cost.note(figures))
        row.limit = mebibytes / other
        row.judge(SHARE if mebibytes >= GIGABYTES else None)
        if row.figures.peak_bytes >= PEAK_LIMIT:
            row.missed.append(f"memory below {PEAK_LIMIT // MIB} MiB")
        rows.append(row)
    source.unlink()
    assert downloaded_digest(url) == digest, "what came down is not what went up"
    inspected = server.http.get(FOLDER).json()["items"][0]["inspection"]
    assert inspected["format"] == "safetensors", inspected
    assert server.http.delete(FILE).is_success
    made.collect()
    return rows


def small_limits(store: LocalStore | S3Store, connections: int, length: float) -> tuple[float, float]:
    """How many files of a MiB the store takes and gives in a second."""
    if isinstance(store, S3Store):
        paths = {method: presigned(store, method) for method in ("put_object", "get_object")}
        host, _, _ = paths["put_object"].partition(f"/{store.bucket}/")
        put, get = (
            wrk(host, scenario, connections, length, {"path": paths[method].removeprefix(host)}).throughput
            for scenario, method in (("upload_1mib", "put_object"), ("download_1mib", "get_object"))
        )
        store.client.delete_object(Bucket=store.bucket, Key=RAW)
        return put, get
    file, block = store.folder / RAW, os.urandom(MIB)

    def write() -> None:
        with file.open("wb") as target:
            target.write(block)
            os.fsync(target.fileno())

    rates = []
    for action in (write, file.read_bytes):
        ended, count = time.monotonic() + length, 0
        while time.monotonic() < ended:
            action()
            count += 1
        rates.append(count / length)
    file.unlink()
    return rates[0], rates[1]


def small(made: Installation, server: Server, connections: int, length: float) -> list[Row]:
    """Many files of a MiB, by requests like those of any scenario."""
    path = f"{SMALL}/{connections}.dat"
    put = server.http.put(path, content=os.urandom(MIB))
    assert put.is_success, put.text
    limits = small_limits(made.store, connections, length)
    rows = []
    # Every upload is of a file that was not there.
    for direction, limit, facts in zip(("upload", "download"), limits, ({}, {"path": path})):
        cost = Cost(server)
        figures = wrk(server.url, f"{direction}_1mib", connections, length, facts)
        row = Row(f"{direction}_1mib", f"{direction} 1 MiB", "", 0, connections, cost.note(figures), limit)
        row.judge(None)
        rows.append(row)
    return rows


def transfers(set_up: str, folder: Path, mebibytes: list[int], connections: list[int], length: float) -> list[Row]:
    """Every transfer of a set-up."""
    folder.mkdir()
    if shutil.disk_usage(folder).free < 4 * max(mebibytes) * MIB:
        sys.exit(f"load: {folder} has no room for four times {max(mebibytes)} MiB")
    made = installation(set_up, folder)
    with made:
        rows = []
        for size in mebibytes:
            # What one size has taken of memory is not the next one's.
            server = made.serve()
            runs = [small(made, server, count, length) for count in connections] if size == 1 else []
            for row in sum(runs, []) or large(made, server, folder / "source", size):
                row.set_up = set_up
                print(row.line(), flush=True)
                rows.append(row)
            server.stop()
    return rows


def hashing_rate(mebibytes: int = 1024) -> float:
    """How many MiB a second SHA-256 alone takes, which the server computes of every byte on its way in."""
    block, digest = os.urandom(MIB), hashlib.sha256()
    return mebibytes / seconds(lambda: [digest.update(block) for _ in range(mebibytes)])
