"""Whether anything is computed for a server: by its process, or by the sessions of its database."""

import time
from pathlib import Path

from harness import Installation, Server


def seconds_of_cpu(server: Server, installation: Installation) -> float:
    """What the server's process, and the sessions of its database, have computed so far."""
    ticks = 0
    for pid in [server.process.pid, *sessions(installation)]:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / 100


def sessions(installation: Installation) -> list[int]:
    url = installation.places[installation.places.index("--database-url") + 1]
    if url.startswith("sqlite"):
        return []
    name = url.rsplit("/", 1)[1]
    found = []
    for stat in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if name.encode() in stat.read_bytes() and b"postgres:" in stat.read_bytes():
                found.append(int(stat.parent.name))
        except OSError:
            continue
    return found


def is_idle(server: Server, installation: Installation) -> bool:
    before = seconds_of_cpu(server, installation)
    time.sleep(0.5)
    return seconds_of_cpu(server, installation) - before < 0.2
