"""A small disk of its own, which can be filled."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MIB = 2**20
# Whoever may not mount becomes root of a namespace of its own. The process holds the disk for as long as its input is open.
HOLD = 'mount -t tmpfs -o size="$1",mode=755 disk "$2" && echo mounted && exec cat'
WAYS = {
    ("unshare", "--user", "--map-root-user", "--mount"): ["--user", "--preserve-credentials", "--mount"],
    ("unshare", "--mount"): ["--mount"],
}


class Disk:
    """A file system in memory that only those see who enter it; everybody else finds it below the process that holds it."""

    def __init__(self, inside: Path, enter: list[str], outside: Path):
        self.inside = inside
        self.enter = enter
        self.folder = outside
        self.filler = outside / "filler"

    def free(self) -> int:
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Takes the room, all but `leave` bytes; what is freed meanwhile too."""
        try:
            with self.filler.open("ab") as file:
                while self.free() > leave:
                    file.write(bytes(max(1, min(MIB, self.free() - leave))))
                    file.flush()
        except OSError as error:
            # A full disk may have no room for the name of a file either.
            if error.errno != errno.ENOSPC:
                raise

    def empty(self) -> None:
        """Gives the room back."""
        self.filler.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Disk]:
    """A disk of that size in that place, which goes with the test."""
    folder.mkdir()
    refused = []
    for way, back in WAYS.items():
        command = [*way, "sh", "-c", HOLD, "sh", f"{mib}m", folder]
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            if holder.stdout.readline() == b"mounted\n":
                enter = ["nsenter", f"--target={holder.pid}", *back, "--"]
                yield Disk(folder, enter, Path(f"/proc/{holder.pid}/root{folder}"))
                return
        finally:
            _, error = holder.communicate()
        refused.append(error.decode().strip())
    raise AssertionError(f"this machine lets nobody have a disk of their own: {refused}")
