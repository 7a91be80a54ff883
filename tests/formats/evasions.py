"""What the scripts that write evasions have in common: where files go, which rules must catch them, and pieces of pickles."""

import io
import sys
import zipfile
from pathlib import Path

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/inspect/evasions")
EXPECTED: dict[str, list[str]] = {}

DANGER, UNNEEDED, UNKNOWN = "pickle-dangerous-import", "pickle-unneeded-import", "pickle-unknown-import"


def write(name: str, data: bytes, *rules: str) -> None:
    (FOLDER / name).write_bytes(data)
    EXPECTED[name] = list(rules)


def short(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


def call(module: str, name: str, argument: bytes = b"X\x04\0\0\0true") -> bytes:
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + argument + b"\x85R."


def stack_global(module: bytes, name: bytes) -> bytes:
    return b"\x80\x04" + module + name + b"\x93" + short("true") + b"\x85R."


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in members.items():
            each = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            each.compress_type = method
            file.writestr(each, data)
    return buffer.getvalue()


EVIL = call("os", "system")
