"""A copy of the repository with all mutants in it, and what is built of it."""

import json
import re
import shutil
import subprocess
from pathlib import Path

from mutants import Mutant, planted_files

VERSION = re.compile(r'(\[workspace\.package\]\nversion = "[^"]*)"')


def copy(repository: Path, tree: Path, mutants: list[Mutant]) -> None:
    """Writes what differs from what is there, so that the next build is short."""
    listed = subprocess.check_output(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=repository, text=True)
    paths = {path for path in listed.split("\0") if path and (repository / path).is_file()}
    changed = planted_files(repository, mutants)
    # Cargo tells packages apart by name and version: with one of its own nothing of this is taken for the product.
    manifest, count = VERSION.subn(r'\1-mutants"', (repository / "Cargo.toml").read_text())
    if count != 1:
        raise ValueError("Cargo.toml: the version of the workspace is not found")
    changed["Cargo.toml"] = manifest
    for path in paths | changed.keys():
        there = tree / path
        content = changed[path].encode() if path in changed else (repository / path).read_bytes()
        if path == "Cargo.lock" and there.exists():
            continue
        if not there.is_file() or there.read_bytes() != content:
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(content)
            if path not in changed:
                shutil.copymode(repository / path, there)
    for there in [each for room in ("crates", "src", "tests", "migrations") for each in (tree / room).rglob("*")]:
        if there.is_file() and str(there.relative_to(tree)) not in paths | changed.keys():
            there.unlink()


def build(tree: Path, programs: Path) -> None:
    """Builds the tests and the server, and keeps them under their names where later builds do not replace them."""
    programs.mkdir(exist_ok=True)
    for command in (["test", "--no-run", "--test", "integration"], ["test", "--no-run", "--lib", "-p", "modelport-domain"]):
        line = ["cargo", *command, "--quiet", "--message-format", "json"]
        done = subprocess.run(line, cwd=tree, stdout=subprocess.PIPE, text=True)
        for message in map(json.loads, done.stdout.splitlines()):
            if message["reason"] == "compiler-message" and message["message"]["level"] == "error":
                print(message["message"]["rendered"])
            if message["reason"] == "compiler-artifact" and message["executable"]:
                kept = programs / message["target"]["name"]
                kept.unlink(missing_ok=True)
                kept.hardlink_to(message["executable"])
        if done.returncode != 0:
            raise SystemExit("the tree with the mutants cannot be built")
