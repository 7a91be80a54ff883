"""Runs the load generators against a server, and reads off the server what it cost."""

import json
import os
import string
import subprocess
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from harness import ROOT, Server, Services

LAB = ROOT / "load"
# How long an answer may take.
TIMEOUT = 30


@cache
def tool(name: str) -> str:
    return subprocess.check_output([ROOT / "scripts/tools", name], text=True).strip()


@dataclass
class Figures:
    """The result of a run."""

    throughput: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    # By class: what should not be there at all, 503 apart, and 503 that does not say when to come again.
    errors: dict[str, int] = field(default_factory=dict)
    busy: int = 0
    cpu_seconds: float = 0.0
    # Of PostgreSQL's processes for the server's connections.
    database_cpu_seconds: float = 0.0
    peak_bytes: int = 0


def cpu_seconds(stat: str) -> float:
    """What a process has used of the cores so far, from its /proc/PID/stat."""
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children_cpu_seconds(parent: int) -> float:
    """What the processes that this one has started have used, those that run."""
    total = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            stat = path.read_text()
        except OSError:
            continue
        total += cpu_seconds(stat) if int(stat.rpartition(")")[2].split()[1]) == parent else 0
    return total


class Cost:
    """What a server uses between two moments."""

    def __init__(self, server: Server):
        self.server = server
        self.proc = Path(f"/proc/{server.process.pid}")
        # From now on VmHWM is the peak since now.
        (self.proc / "clear_refs").write_text("5")
        self.before = self.so_far()

    def so_far(self) -> tuple[float, float]:
        own, database = cpu_seconds((self.proc / "stat").read_text()), 0.0
        if any(str(place).startswith("postgres") for place in self.server.installation.places):
            postmaster = Services(dict(os.environ)).folder / "postgres/data/postmaster.pid"
            database = children_cpu_seconds(int(postmaster.read_text().split()[0]))
        return own, database

    def note(self, figures: Figures) -> Figures:
        own, database = self.so_far()
        figures.cpu_seconds, figures.database_cpu_seconds = own - self.before[0], database - self.before[1]
        figures.peak_bytes = self.server.memory("VmHWM")
        return figures


def wrk(url: str, scenario: str, connections: int, seconds: float, facts: dict[str, object]) -> Figures:
    """Runs a scenario of `load/scenarios` with `connections` connections."""
    options = {**facts, "seed": time.time_ns() % 10**9}
    command = [tool("wrk"), "-s", f"{scenario}.lua", "-t", 1, "-c", connections, "-d", f"{max(1, round(seconds))}s"]
    command += ["--timeout", f"{TIMEOUT}s", url, "--", *(f"{key}={value}" for key, value in options.items())]
    # What it needs is beside the scenario.
    output = subprocess.check_output([str(part) for part in command], cwd=LAB / "scenarios", text=True)
    found = json.loads(output.splitlines()[-1])
    names = {"client": "4xx", "server": "5xx", "other": "other", "lost": "lost", "timeout": "timeout"}
    errors = {shown: found[name] for name, shown in names.items() if found[name]}
    errors |= {"503 without Retry-After": found["unadvised"]} if found["unadvised"] else {}
    throughput = found["ok"] / found["seconds"]
    return Figures(throughput, found["p50_ms"], found["p99_ms"], found["max_ms"], errors, found["busy"])


def ghz(server: Server, name: str, call: str, connections: int, seconds: float, facts: dict[str, object]) -> Figures:
    """Calls a method with a request of `load/ghz`, whose placeholders the facts fill in."""
    text = string.Template((LAB / f"ghz/{name}.json").read_text()).substitute(facts, seed=time.time_ns() % 10**9)
    command = [tool("ghz"), "--insecure", "--call", call, "--data", text, "--format", "json", "--timeout", f"{TIMEOUT}s"]
    command += ["--concurrency", connections, "--connections", connections, "--duration", f"{seconds}s"]
    command += ["--proto", ROOT / "proto/ml_metadata/proto/metadata_store_service.proto", "--import-paths", ROOT / "proto"]
    # Calls under way at the end are waited for, rather than broken off and counted as errors.
    command += ["--duration-stop", "wait", f"127.0.0.1:{server.grpc_port}"]
    found = json.loads(subprocess.check_output([str(part) for part in command], text=True))
    statuses = dict(found["statusCodeDistribution"])
    ok, busy = statuses.pop("OK", 0), statuses.pop("Unavailable", 0)
    elapsed = found["total"] / 1e9
    at = {entry["percentage"]: entry["latency"] / 1e6 for entry in found["latencyDistribution"] or []}
    return Figures(ok / elapsed, at.get(50, 0.0), at.get(99, 0.0), found["slowest"] / 1e6, statuses, busy)
